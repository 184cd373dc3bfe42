"""Requests to a revision as an ingress would send them, and what the stand-in in a pod counted."""

import http.client
import json
import socket
import threading
import time

PATH = "/sdapi/v1/txt2img"
BODY = b'{"prompt": "pretty dog", "width": 64, "height": 64}'
APP_PORT = 7860


def headers_for(revision):
    return {"Knative-Serving-Namespace": "default", "Knative-Serving-Revision": revision,
            "Host": revision + ".default.example.com", "Content-Type": "application/json"}


class Answer:
    def __init__(self, status, headers, body, seconds):
        self.status, self.headers, self.body, self.seconds = status, headers, body, seconds


def ask(address, revision, method="POST", path=PATH, body=BODY, headers=None, timeout=180, port=80):
    began = time.monotonic()
    connection = http.client.HTTPConnection(address, port, timeout=timeout)
    try:
        connection.request(method, path, body, {**headers_for(revision), **(headers or {})})
        answer = connection.getresponse()
        return Answer(answer.status, answer.headers, answer.read(), time.monotonic() - began)
    finally:
        connection.close()


class Asking(threading.Thread):
    """One request in the background; `answer` or `error` when it has ended."""

    def __init__(self, *arguments, **options):
        super().__init__(daemon=True)
        self.call = (arguments, options)
        self.answer = self.error = None
        self.start()

    def run(self):
        try:
            self.answer = ask(*self.call[0], **self.call[1])
        except (OSError, http.client.HTTPException) as error:
            self.error = error

    def status(self, seconds=180):
        self.join(seconds)
        return self.answer.status if self.answer else repr(self.error)


def closed_loop(address, revision, clients, seconds=None, path=PATH, done=None):
    """`clients` ask one after the other for so long, or until `done` is set. `revision`: its name, or what
    returns it for each request. Returns {status or error: count}."""
    counts = {}
    lock = threading.Lock()
    end = time.monotonic() + (seconds or 0)

    def one_client():
        while not done.is_set() if done else time.monotonic() < end:
            try:
                key = ask(address, revision() if callable(revision) else revision, path=path).status
            except (OSError, http.client.HTTPException) as error:
                key = repr(error)
            with lock:
                counts[key] = counts.get(key, 0) + 1
    threads = [threading.Thread(target=one_client) for _ in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return counts


def departing_client(address, revision, seconds):
    """Sends a whole POST and is gone after so many seconds."""
    sock = socket.create_connection((address, 80), timeout=10)
    head = "POST %s HTTP/1.1\r\n%s\r\n" % (PATH, "".join(
        "%s: %s\r\n" % field for field in {**headers_for(revision), "Content-Length": len(BODY)}.items()))
    sock.sendall(head.encode() + BODY)
    timer = threading.Timer(seconds, sock.close)
    timer.start()
    return timer


def standin(pod, path="stats"):
    """The stand-in's own count, asked past queue-proxy and activator."""
    connection = http.client.HTTPConnection(pod["status"]["podIP"], APP_PORT, timeout=5)
    try:
        connection.request("GET", "/standin/" + path)
        return json.loads(connection.getresponse().read())
    finally:
        connection.close()
