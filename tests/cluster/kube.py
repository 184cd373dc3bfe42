"""A few calls to the API server: get, apply, patch, delete, and waiting for a state."""

import http.client
import json
import ssl
import time


class ApiError(Exception):
    def __init__(self, status, text):
        super().__init__("%d: %s" % (status, text[:300]))
        self.status = status


class Api:
    def __init__(self, host, port, ca, certificate, key):
        self.host, self.port = host, port
        self.tls = ssl.create_default_context(cafile=ca)
        self.tls.load_cert_chain(certificate, key)

    def call(self, method, path, body=None, kind="application/json"):
        """The decoded answer; ApiError for anything but 2xx."""
        connection = http.client.HTTPSConnection(self.host, self.port, context=self.tls, timeout=60)
        try:
            data = None if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
            connection.request(method, path, data, {"Content-Type": kind, "Accept": "application/json"})
            answer = connection.getresponse()
            text = answer.read().decode("utf-8", "replace")
        finally:
            connection.close()
        if answer.status >= 300:
            raise ApiError(answer.status, text)
        return json.loads(text) if text.startswith(("{", "[")) else text

    def get(self, path):
        return self.call("GET", path)

    def items(self, path):
        return self.get(path).get("items") or []

    def find(self, path):
        """None where there is no such object."""
        try:
            return self.get(path)
        except ApiError as error:
            if error.status == 404:
                return None
            raise

    def patch(self, path, body):
        return self.call("PATCH", path, body, "application/merge-patch+json")

    def delete(self, path):
        try:
            self.call("DELETE", path)
        except ApiError as error:
            if error.status != 404:
                raise


def wait_for(condition, what, seconds=60, every=0.1):
    """What `condition` returns once it is true. Fails with `what` after `seconds`; an error of the
    API server counts as not yet."""
    end = time.monotonic() + seconds
    last = None
    while time.monotonic() < end:
        try:
            found = condition()
            if found:
                return found
        except (ApiError, OSError, KeyError, http.client.HTTPException) as error:
            last = error
        time.sleep(every)
    raise AssertionError("not in %d s: %s%s" % (seconds, what, " (%s)" % last if last else ""))
