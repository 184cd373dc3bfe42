"""Three back ends that say which requests they have seen complete: the test's own reader, nginx and
Node's http. Each answers with the target of the request."""

import json
import os
import shutil
import subprocess
import tempfile
import threading

from harness import App, free_ports, wait_for

NGINX = """
daemon off;
master_process off;
pid {folder}/pid;
error_log stderr crit;
events {{ worker_connections 64; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    server {{
        listen 127.0.0.1:{port};
        location / {{ proxy_pass http://127.0.0.1:{behind}; proxy_http_version 1.1; }}
    }}
}}
"""

NODE = """
const server = require('http').createServer((request, response) => {
    const parts = [];
    request.on('data', (part) => parts.push(part));
    request.on('end', () => {
        const body = Buffer.concat(parts).toString('latin1');
        console.log(JSON.stringify([request.method, request.url, body]));
        response.end(request.url);
    });
    request.on('error', () => {});
});
server.listen(Number(process.argv[2]), '127.0.0.1', () => console.log('"listening"'));
"""


class Reader:
    """Reads with the test's own code."""

    name = "reader"
    missing = None

    def __init__(self):
        self.app = App(self.respond)
        self.port = self.app.port

    @staticmethod
    def respond(request, connection):
        text = request.target
        connection.send("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(text), text))

    def seen(self):
        return [(r.method, r.target, r.body) for r in self.app.requests]

    def forbidden_trailers(self):
        names = {"content-length", "transfer-encoding", "host"}
        return [n for r in self.app.requests for n, _ in r.trailers if n.lower() in names]

    def close(self):
        self.app.close()


class Nginx(Reader):
    """nginx reads; a Reader behind it says what nginx took for a request."""

    name = "nginx"
    missing = None if shutil.which("nginx", path="/usr/sbin:/usr/bin") else "nginx is not installed"

    def __init__(self):
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.port = free_ports(1)[0]
        config = os.path.join(self.folder.name, "nginx.conf")
        with open(config, "w", encoding="utf-8") as file:
            file.write(NGINX.format(folder=self.folder.name, port=self.port, behind=self.app.port))
        program = shutil.which("nginx", path="/usr/sbin:/usr/bin")
        self.process = subprocess.Popen([program, "-p", self.folder.name, "-c", config, "-e", "stderr"])

    def close(self):
        self.process.terminate()
        self.process.wait()
        super().close()
        self.folder.cleanup()


class Node:
    name = "node"
    missing = None if shutil.which("node") else "Node is not installed"

    def __init__(self):
        self.port = free_ports(1)[0]
        self.lines = []
        self.process = subprocess.Popen(["node", "-e", NODE, "script", str(self.port)], text=True,
                                        stdout=subprocess.PIPE)
        self.reader = threading.Thread(target=self.collect, daemon=True)
        self.reader.start()
        wait_for(lambda: '"listening"\n' in self.lines or self.process.poll() is not None, "Node to listen")

    def collect(self):
        for line in self.process.stdout:
            self.lines.append(line)

    def seen(self):
        requests = [json.loads(line) for line in self.lines if line.startswith("[")]
        return [(method, url, body.encode("latin-1")) for method, url, body in requests]

    def close(self):
        self.process.kill()
        self.process.wait()
        self.reader.join()
        self.process.stdout.close()


BACKENDS = (Reader, Nginx, Node)
