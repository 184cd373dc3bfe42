"""Images made here: a folder becomes a one-layer image in the form that `ctr images import` reads."""

import hashlib
import io
import json
import tarfile


def add_bytes(archive, name, content):
    entry = tarfile.TarInfo(name)
    entry.size = len(content)
    archive.addfile(entry, io.BytesIO(content))


def owned_by_root(entry):
    entry.uid = entry.gid = entry.mtime = 0
    entry.uname = entry.gname = ""
    return entry


def write_image(out, name, folder, entrypoint, user=""):
    """`name` is REPOSITORY:TAG, `entrypoint` a list of arguments, `user` numeric or empty."""
    layer = io.BytesIO()
    with tarfile.open(fileobj=layer, mode="w") as archive:
        archive.add(folder, arcname=".", filter=owned_by_root)
    layer = layer.getvalue()
    digest = hashlib.sha256(layer).hexdigest()
    config = json.dumps({
        "architecture": "amd64", "os": "linux",
        "rootfs": {"type": "layers", "diff_ids": ["sha256:" + digest]},
        "config": {"Entrypoint": entrypoint, "User": user, "Env": ["PATH=/"]}}).encode()
    config_name = hashlib.sha256(config).hexdigest() + ".json"
    layer_name = digest + "/layer.tar"
    manifest = json.dumps([{"Config": config_name, "RepoTags": [name], "Layers": [layer_name]}]).encode()
    with tarfile.open(out, "w") as archive:
        add_bytes(archive, config_name, config)
        add_bytes(archive, layer_name, layer)
        add_bytes(archive, "manifest.json", manifest)
