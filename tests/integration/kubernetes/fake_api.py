"""A Kubernetes API server as far as an activator reads one: GET, list in pages, watch with
bookmarks, selectors, and the ways in which it fails."""

import http.server
import json
import ssl
import threading
import urllib.parse

RESOURCES = {
    "/apis/serving.knative.dev/v1/revisions": "Revision",
    "/apis/serving.knative.dev/v1/services": "Service",
    "/api/v1/endpoints": "Endpoints",
    "/api/v1/services": "Service",
    "/api/v1/configmaps": "ConfigMap",
    "/api/v1/secrets": "Secret",
}


def fits(obj, label_selector, field_selector):
    labels = obj["metadata"].get("labels", {})
    for part in filter(None, label_selector.split(",")):
        name, equals, value = part.partition("=")
        if name not in labels or (equals and labels[name] != value):
            return False
    for part in filter(None, field_selector.split(",")):
        name, _, value = part.partition("=")
        assert name == "metadata.name", name
        if obj["metadata"]["name"] != value:
            return False
    return True


class FakeApi:
    def __init__(self, tls=None):
        """tls: (certificate file, key file)"""
        self.changed = threading.Condition()
        self.objects = {path: {} for path in RESOURCES}
        self.events = []  # (version, path, type, object)
        self.version = 100
        self.forgotten = 0  # events up to this version
        self.denied = set()  # paths that answer 403
        self.broken = set()  # paths that answer 500
        self.git_version = "v1.36.3"
        self.tokens = None  # accepted bearer tokens; None: any
        self.requests = []  # (path, query) of each that was let in
        self.watch_round = 0  # a watch of an earlier round ends
        self.watches = 0
        self.closing = False
        api = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                api.serve(self)

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_):
                pass  # clients leave as they like

        self.server = Server(("127.0.0.1", 0), Handler)
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*tls)
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.port = self.server.server_port
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True)
        self.thread.start()

    # --- What the test does.

    def put(self, path, obj):
        """Creates or replaces."""
        key = (obj["metadata"]["namespace"], obj["metadata"]["name"])
        with self.changed:
            self.version += 1
            obj = json.loads(json.dumps(obj))
            obj["metadata"]["resourceVersion"] = str(self.version)
            kind = "MODIFIED" if key in self.objects[path] else "ADDED"
            self.objects[path][key] = obj
            self.events.append((self.version, path, kind, obj))
            self.changed.notify_all()

    def delete(self, path, namespace, name):
        with self.changed:
            self.version += 1
            obj = self.objects[path].pop((namespace, name))
            obj["metadata"]["resourceVersion"] = str(self.version)
            self.events.append((self.version, path, "DELETED", obj))
            self.changed.notify_all()

    def delete_unseen(self, path, namespace, name):
        """No watch ever tells of it: only a new list shows that it is gone."""
        with self.changed:
            self.version += 1
            self.objects[path].pop((namespace, name))

    def forget(self):
        """Watches end, and no version that anybody knows is good any more."""
        with self.changed:
            self.version += 1
            self.forgotten = self.version
            self.events.clear()
        self.end_watches()

    def end_watches(self):
        with self.changed:
            self.watch_round += 1
            self.changed.notify_all()

    def count(self, path, **query):
        """Requests for the path with these query values."""
        with self.changed:
            return sum(1 for where, what in self.requests if where == path and
                       all(what.get(name) == value for name, value in query.items()))

    def close(self):
        self.closing = True
        self.end_watches()
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()

    # --- What it answers.

    def serve(self, handler):
        url = urllib.parse.urlsplit(handler.path)
        query = dict(urllib.parse.parse_qsl(url.query))
        token = handler.headers.get("Authorization", "")
        if self.tokens is not None and token.removeprefix("Bearer ") not in self.tokens:
            self.status(handler, 401)
            return
        path, namespace, name = self.split(url.path)
        with self.changed:
            self.requests.append((path, query))
        if path == "/version":
            self.answer(handler, {"gitVersion": self.git_version})
        elif path not in RESOURCES:
            self.status(handler, 404)
        elif path in self.denied:
            self.status(handler, 403)
        elif path in self.broken:
            self.status(handler, 500)
        elif name:
            obj = self.objects[path].get((namespace, name))
            self.answer(handler, obj) if obj else self.status(handler, 404)
        elif query.get("watch"):
            self.watch(handler, path, namespace, query)
        else:
            self.list(handler, path, namespace, query)

    @staticmethod
    def split(path):
        parts = path.split("/")
        if "namespaces" not in parts:
            return path, None, None
        at = parts.index("namespaces")
        name = parts[at + 3] if len(parts) > at + 3 else None
        return "/".join(parts[:at] + [parts[at + 2]]), parts[at + 1], name

    @staticmethod
    def answer(handler, obj, status=200):
        body = json.dumps(obj).encode()
        handler.send_response(status)
        handler.send_header("Content-Type", "application/json")
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    def status(self, handler, code):
        self.answer(handler, {"kind": "Status", "code": code}, code)

    @staticmethod
    def wanted(obj, namespace, query):
        return (namespace in (None, obj["metadata"]["namespace"]) and
                fits(obj, query.get("labelSelector", ""), query.get("fieldSelector", "")))

    def list(self, handler, path, namespace, query):
        with self.changed:
            items = [obj for _, obj in sorted(self.objects[path].items())
                     if self.wanted(obj, namespace, query)]
            start = int(query.get("continue", 0))
            end = start + int(query.get("limit", len(items) or 1))
            metadata = {"resourceVersion": str(self.version)}
            if end < len(items):
                metadata["continue"] = str(end)
            page = {"kind": RESOURCES[path] + "List", "metadata": metadata,
                    "items": items[start:end]}
        self.answer(handler, page)

    def watch(self, handler, path, namespace, query):
        seen = int(query["resourceVersion"])
        with self.changed:
            current = self.watch_round
        handler.send_response(200)
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()

        def line(kind, obj):
            data = json.dumps({"type": kind, "object": obj}).encode() + b"\n"
            handler.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
            handler.wfile.flush()

        with self.changed:
            self.watches += 1
        try:
            if seen < self.forgotten:
                line("ERROR", {"kind": "Status", "code": 410})
            else:
                self.follow(path, namespace, query, seen, current, line)
            handler.wfile.write(b"0\r\n\r\n")
        except OSError:
            pass
        finally:
            with self.changed:
                self.watches -= 1

    def follow(self, path, namespace, query, seen, current, line):
        while True:
            with self.changed:
                self.changed.wait_for(lambda: self.version > seen or self.watch_round != current,
                                      timeout=0.5)
                if self.watch_round != current:
                    return
                events = [event for event in self.events if event[0] > seen]
                told = seen
                seen = self.version
            ours = [event for event in events
                    if event[1] == path and self.wanted(event[3], namespace, query)]
            for _, _, kind, obj in ours:
                line(kind, obj)
            if seen != told and not ours:
                line("BOOKMARK", {"metadata": {"resourceVersion": str(seen)}})
