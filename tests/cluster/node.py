"""One real Kubernetes node: etcd, API server, controllers, scheduler, containerd, kubelet, kube-proxy
and names for services, all inside the network namespace that this process runs in.

What each part needs, and why:
- containerd wants its root and state apart, a CNI configuration, and runc by its full name; in a
  sandbox without CAP_SYS_RESOURCE it must not lower oom_score_adj (restrict_oom_score_adj).
- kubelet must run on cgroup v1 too (failCgroupV1 off), use cgroupfs and not systemd, and take its
  logs and volume plug-ins below our folder. It must see /sys as the host does: enter the namespace
  with nsenter, not with `ip netns exec`, which mounts /sys anew.
- pods ask the node's address for names: dnsmasq answers from a file that follows the Services.
"""

import base64
import glob
import json
import os
import pathlib
import re
import shutil
import threading

from images import write_image
from kube import Api, wait_for
from programs import Program, run

NODE_IP = "10.99.0.1"
POD_NET = "10.77.0"
SERVICE_NET = "10.96.0"
API_PORT = 16443
NAME = "node"


class Node:
    def __init__(self, folder, programs):
        """`folder`: everything that is written; `programs`: where tests/cluster/build put its own."""
        self.folder = pathlib.Path(folder)
        self.bin = pathlib.Path(programs)
        self.logs = self.folder / "log"
        self.pki = self.folder / "pki"
        self.socket = self.folder / "containerd.sock"
        self.running = []
        self.names_end = threading.Event()
        self.names_thread = None
        for path in (self.logs, self.pki, self.folder / "cni", self.folder / "img"):
            path.mkdir(parents=True, exist_ok=True)
        self.api = None

    def start(self, name, command, environment=None):
        program = Program(name, command, self.logs, environment)
        self.running.append(program)
        return program

    def up(self):
        self.network()
        self.certificates()
        self.control_plane()
        self.container_runtime()
        self.kubelet()
        return self

    # --- Network and certificates.

    def network(self):
        run(["ip", "link", "add", "node0", "type", "bridge"])
        run(["ip", "addr", "add", NODE_IP + "/24", "dev", "node0"])
        run(["ip", "link", "set", "node0", "up"])
        # kube-proxy and kubelet look for a way out of the node.
        run(["ip", "route", "add", "default", "via", NODE_IP, "dev", "node0"])
        run(["sysctl", "-qw", "net.ipv4.ip_forward=1"])

    def certificates(self):
        path = self.pki
        run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
             "-subj", "/CN=cluster-ca", "-days", "30", "-keyout", path / "ca.key", "-out", path / "ca.crt"])
        run(["openssl", "genrsa", "-out", path / "sa.key", "2048"])
        run(["openssl", "rsa", "-in", path / "sa.key", "-pubout", "-out", path / "sa.pub"])
        names = ["kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local"]
        alternatives = ["IP:" + ip for ip in (NODE_IP, "127.0.0.1", SERVICE_NET + ".1")] + ["DNS:" + n for n in names]
        self.certificate("apiserver", "/CN=kube-apiserver", ",".join(alternatives))
        self.certificate("admin", "/O=system:masters/CN=admin")
        self.certificate("controllers", "/CN=system:kube-controller-manager")
        self.certificate("scheduler", "/CN=system:kube-scheduler")
        self.certificate("proxy", "/CN=system:kube-proxy")
        self.certificate("kubelet", "/O=system:nodes/CN=system:node:" + NAME, "IP:%s,DNS:%s" % (NODE_IP, NAME))
        for user in ("admin", "controllers", "scheduler", "proxy", "kubelet"):
            self.kubeconfig(user)
        self.api = Api(NODE_IP, API_PORT, path / "ca.crt", path / "admin.crt", path / "admin.key")

    def certificate(self, name, subject, alternatives=""):
        path = self.pki
        extensions = path / (name + ".ext")
        extensions.write_text("extendedKeyUsage=serverAuth,clientAuth\n" +
                              ("subjectAltName=%s\n" % alternatives if alternatives else ""))
        run(["openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
             "-subj", subject, "-keyout", path / (name + ".key"), "-out", path / (name + ".csr")])
        run(["openssl", "x509", "-req", "-in", path / (name + ".csr"), "-CA", path / "ca.crt", "-CAkey",
             path / "ca.key", "-CAcreateserial", "-days", "30", "-out", path / (name + ".crt"), "-extfile", extensions])

    def kubeconfig(self, user):
        def packed(name):
            return base64.b64encode((self.pki / name).read_bytes()).decode()
        config = {
            "apiVersion": "v1", "kind": "Config", "current-context": "cluster",
            "clusters": [{"name": "cluster", "cluster": {"server": "https://%s:%d" % (NODE_IP, API_PORT),
                                                         "certificate-authority-data": packed("ca.crt")}}],
            "contexts": [{"name": "cluster", "context": {"cluster": "cluster", "user": "user"}}],
            "users": [{"name": "user", "user": {"client-certificate-data": packed(user + ".crt"),
                                                "client-key-data": packed(user + ".key")}}]}
        path = self.folder / (user + ".json")
        path.write_text(json.dumps(config))
        path.chmod(0o600)

    # --- Control plane.

    def control_plane(self):
        pki = self.pki
        self.start("etcd", [
            self.bin / "etcd", "--data-dir", self.folder / "etcd", "--log-level", "warn",
            "--listen-client-urls", "http://127.0.0.1:12379", "--advertise-client-urls", "http://127.0.0.1:12379",
            "--listen-peer-urls", "http://127.0.0.1:12380", "--initial-advertise-peer-urls", "http://127.0.0.1:12380",
            "--initial-cluster", "default=http://127.0.0.1:12380"])
        self.start("apiserver", [
            self.bin / "kube-apiserver", "--etcd-servers=http://127.0.0.1:12379", "--bind-address=" + NODE_IP,
            "--advertise-address=" + NODE_IP, "--secure-port=%d" % API_PORT,
            "--service-cluster-ip-range=%s.0/24" % SERVICE_NET, "--authorization-mode=Node,RBAC",
            "--client-ca-file=%s" % (pki / "ca.crt"), "--tls-cert-file=%s" % (pki / "apiserver.crt"),
            "--tls-private-key-file=%s" % (pki / "apiserver.key"),
            "--kubelet-client-certificate=%s" % (pki / "admin.crt"), "--kubelet-client-key=%s" % (pki / "admin.key"),
            "--service-account-key-file=%s" % (pki / "sa.pub"),
            "--service-account-signing-key-file=%s" % (pki / "sa.key"),
            "--service-account-issuer=https://kubernetes.default.svc.cluster.local",
            "--kubelet-preferred-address-types=InternalIP", "--allow-privileged=true", "--cert-dir=%s" % pki])
        wait_for(lambda: self.api.get("/readyz") == "ok", "the API server", 120)
        own = ["--bind-address=127.0.0.1", "--leader-elect=false", "--cert-dir=%s" % pki]
        controllers, scheduler = self.folder / "controllers.json", self.folder / "scheduler.json"
        self.start("controllers", [
            self.bin / "kube-controller-manager", "--kubeconfig=%s" % controllers,
            "--authentication-kubeconfig=%s" % controllers, "--authorization-kubeconfig=%s" % controllers,
            "--service-account-private-key-file=%s" % (pki / "sa.key"), "--root-ca-file=%s" % (pki / "ca.crt"),
            "--use-service-account-credentials=true", *own])
        self.start("scheduler", [
            self.bin / "kube-scheduler", "--kubeconfig=%s" % scheduler, "--authentication-kubeconfig=%s" % scheduler,
            "--authorization-kubeconfig=%s" % scheduler, *own])

    # --- The node.

    def container_runtime(self):
        state = self.folder / "containerd"
        (self.folder / "containerd.toml").write_text("""version = 3
root = "%(state)s/root"
state = "%(state)s/state"
disabled_plugins = ["io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.zfs",
  "io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.blockfile", "io.containerd.nri.v1.nri",
  "io.containerd.tracing.processor.v1.otlp"]
[grpc]
  address = "%(socket)s"
[plugins."io.containerd.cri.v1.images"]
  snapshotter = "overlayfs"
  [plugins."io.containerd.cri.v1.images".pinned_images]
    sandbox = "dev.local/pause:1"
[plugins."io.containerd.cri.v1.runtime"]
  restrict_oom_score_adj = true
  [plugins."io.containerd.cri.v1.runtime".cni]
    bin_dirs = ["/usr/lib/cni"]
    conf_dir = "%(cni)s"
  [plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
    [plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc.options]
      BinaryName = "%(runc)s"
      SystemdCgroup = false
""" % {"state": state, "socket": self.socket, "cni": self.folder / "cni", "runc": shutil.which("runc")})
        (self.folder / "cni" / "10-pods.conflist").write_text(json.dumps({
            "cniVersion": "1.0.0", "name": "pods", "plugins": [{
                "type": "bridge", "bridge": "pods0", "isGateway": True, "ipMasq": False, "hairpinMode": True,
                "ipam": {"type": "host-local", "dataDir": str(self.folder / "cni-ipam"),
                         "ranges": [[{"subnet": POD_NET + ".0/24"}]], "routes": [{"dst": "0.0.0.0/0"}]}}]}))
        self.start("containerd", [self.bin / "containerd", "--config", self.folder / "containerd.toml",
                                  "--log-level", "warn"], {"PATH": "%s:%s" % (self.bin, os.environ["PATH"])})
        wait_for(lambda: self.ctr("version", check=False), "containerd", 30)
        pause = self.folder / "img" / "pause"
        pause.mkdir()
        shutil.copy("/bin/busybox", pause / "busybox")
        self.load_image("dev.local/pause:1", pause, ["/busybox", "sleep", "2000000000"])

    def ctr(self, *arguments, check=True):
        try:
            return run([self.bin / "ctr", "-a", self.socket, "-n", "k8s.io", *arguments])
        except RuntimeError:
            if check:
                raise
            return ""

    def load_image(self, name, folder, entrypoint, user=""):
        out = self.folder / "img" / "image.tar"
        write_image(out, name, folder, entrypoint, user)
        self.ctr("images", "import", out)
        out.unlink()

    def kubelet(self):
        pki = self.pki
        (self.folder / "resolv.conf").write_text("nameserver %s\n" % NODE_IP)
        thresholds = {"memory.available": "100Mi", "nodefs.available": "1%", "imagefs.available": "1%",
                      "nodefs.inodesFree": "1%"}
        (self.folder / "kubelet.config.json").write_text(json.dumps({
            "kind": "KubeletConfiguration", "apiVersion": "kubelet.config.k8s.io/v1beta1",
            "authentication": {"anonymous": {"enabled": False}, "webhook": {"enabled": True},
                               "x509": {"clientCAFile": str(pki / "ca.crt")}},
            "authorization": {"mode": "Webhook"}, "address": NODE_IP, "port": 20250, "healthzPort": 20248,
            "tlsCertFile": str(pki / "kubelet.crt"), "tlsPrivateKeyFile": str(pki / "kubelet.key"),
            "clusterDomain": "cluster.local", "clusterDNS": [NODE_IP], "resolvConf": str(self.folder / "resolv.conf"),
            "containerRuntimeEndpoint": "unix://%s" % self.socket, "cgroupDriver": "cgroupfs", "cgroupRoot": "/",
            "failSwapOn": False, "failCgroupV1": False, "enforceNodeAllocatable": ["pods"], "evictionHard": thresholds,
            "imageGCHighThresholdPercent": 100, "imageGCLowThresholdPercent": 99,
            "podLogsDir": str(self.folder / "podlogs"), "volumePluginDir": str(self.folder / "volume-plugins")}))
        self.start("kubelet", [
            self.bin / "kubelet", "--config=%s" % (self.folder / "kubelet.config.json"),
            "--kubeconfig=%s" % (self.folder / "kubelet.json"), "--root-dir=%s" % (self.folder / "kubelet"),
            "--node-ip=" + NODE_IP, "--hostname-override=" + NAME])
        self.start("kube-proxy", [
            self.bin / "kube-proxy", "--kubeconfig=%s" % (self.folder / "proxy.json"), "--proxy-mode=iptables",
            "--hostname-override=" + NAME, "--cluster-cidr=%s.0/24" % POD_NET, "--conntrack-max-per-core=0",
            "--bind-address=" + NODE_IP])
        self.names()
        wait_for(self.is_ready, "the node to be Ready", 120)

    def is_ready(self):
        node = self.api.get("/api/v1/nodes/" + NAME)
        return any(c["type"] == "Ready" and c["status"] == "True" for c in node["status"]["conditions"])

    # --- Names of services.

    def names(self):
        hosts = self.folder / "hosts"
        hosts.mkdir(exist_ok=True)
        dnsmasq = self.start("dnsmasq", [
            shutil.which("dnsmasq") or "/usr/sbin/dnsmasq", "--keep-in-foreground", "--no-resolv", "--no-hosts",
            "--listen-address=" + NODE_IP, "--bind-interfaces", "--local=/cluster.local/",
            "--hostsdir=%s" % hosts, "--user=root", "--pid-file="])
        self.names_thread = threading.Thread(target=self.follow_services, args=(hosts / "services", dnsmasq))
        self.names_thread.start()

    def follow_services(self, path, dnsmasq):
        known = None
        while not self.names_end.wait(0.3):
            try:
                services = self.api.items("/api/v1/services")
            except (OSError, ValueError, RuntimeError):
                continue
            lines = ["%s %s.%s.svc.cluster.local\n" % (
                s["spec"]["clusterIP"], s["metadata"]["name"], s["metadata"]["namespace"])
                     for s in services if s["spec"].get("clusterIP", "None") != "None"]
            if lines != known:
                known = lines
                path.write_text("".join(sorted(lines)))
                dnsmasq.process.send_signal(1)

    # --- The end.

    def down(self):
        self.names_end.set()
        if self.names_thread:
            self.names_thread.join()
        by_name = {program.name: program for program in self.running}
        networks = set()  # of pods; containerd makes their names outside our own network
        for name in ("kubelet", "kube-proxy", "controllers", "scheduler", "dnsmasq"):
            if name in by_name:
                by_name[name].end()
        if "containerd" in by_name and by_name["containerd"].alive():
            for task in self.ctr("tasks", "ls", "-q", check=False).split():
                self.ctr("tasks", "kill", "-s", "KILL", task, check=False)
                self.ctr("tasks", "delete", "-f", task, check=False)
            for container in self.ctr("containers", "ls", "-q", check=False).split():
                networks.update(re.findall(r"/run/netns/(cni-[0-9a-f-]+)",
                                           self.ctr("containers", "info", container, check=False)))
                self.ctr("containers", "delete", container, check=False)
        for program in reversed(self.running):
            program.end()
        self.end_shims()
        for name in networks:
            if pathlib.Path("/run/netns", name).exists():
                run(["ip", "netns", "delete", name])
        self.unmount()

    def end_shims(self):
        """Shims have our socket's name in their arguments; nobody else's have."""
        for path in glob.glob("/proc/[0-9]*/cmdline"):
            try:
                arguments = pathlib.Path(path).read_bytes()
            except OSError:
                continue
            if b"containerd-shim-runc-v2" in arguments and str(self.socket).encode() in arguments:
                os.kill(int(path.split("/")[2]), 9)

    def unmount(self):
        mounts = [line.split()[1] for line in pathlib.Path("/proc/mounts").read_text().splitlines()]
        for mount in sorted(mounts, reverse=True):
            if mount.startswith(str(self.folder) + "/"):
                run(["umount", "-l", mount])
