"""Who may come in: API keys, the admin port's token, closed paths, cookie keys that rotate."""

import base64
import hashlib
import os
import signal
import subprocess

from activator_harness import BINARY, ActivatorTest, revision
from harness import DEADLINE, request_text, wait_for

KEY = "k3y-of-a-client-0123456789abcdef"
OTHER = "k3y-of-another-0123456789abcdef0"
TOKEN = "token-of-the-admin-port"


def hash_line(key, name=""):
    return "%s  %s\n" % (hashlib.sha256(key.encode()).hexdigest(), name)


class Doors(ActivatorTest):
    def file(self, name, text):
        path = os.path.join(self.folder, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    def begin_with(self, *arguments, annotations=None):
        self.backend = self.pod("sd-a")
        self.start([revision([self.backend], annotations=annotations)], *arguments)

    def ready(self):
        self.wait_ready(1)
        self.backend.let_go(100)

    def refuses_to_start(self, arguments, text):
        with self.assertRaisesRegex(AssertionError, text):
            self.start([revision([])], *arguments)

    def test_without_a_key_nobody_is_served(self):
        self.begin_with("--api-keys", self.file("keys", "# ours\n" + hash_line(KEY, "alice")))
        self.ready()
        for headers in ((), (("Authorization", "Bearer " + OTHER),), (("Authorization", KEY),),
                        (("X-Api-Key", ""),), (("Authorization", "Bearer " + KEY[:-1]),)):
            response = self.ask(headers=headers)
            self.problem(response, 401, "no-key")
            self.assertEqual(response.get("WWW-Authenticate"), "Bearer")
        self.assertEqual(self.backend.requests, [])

    def test_the_key_opens_and_no_application_sees_it(self):
        self.begin_with("--api-keys", self.file("keys", hash_line(KEY)))
        self.ready()
        basic = base64.b64encode(("me:" + KEY).encode()).decode()
        for name, value in (("Authorization", "Bearer " + KEY), ("authorization", "bearer  " + KEY),
                            ("X-Api-Key", KEY), ("Authorization", "Basic " + basic)):
            self.assertEqual(self.ask(headers=((name, value), ("A", "b"))).status, 200)
            self.assertIsNone(self.backend.requests[-1].get(name))
        both = (("X-Api-Key", KEY), ("Authorization", "Bearer of-the-application"))
        self.assertEqual(self.ask(headers=both).status, 200)
        self.assertEqual(self.backend.requests[-1].all("Authorization"), ["Bearer of-the-application"])

    def test_keys_change_without_a_restart_and_a_bad_file_changes_nothing(self):
        keys = self.file("keys", hash_line(KEY))
        self.begin_with("--api-keys", keys)
        self.ready()

        def status(key):
            return self.ask(headers=(("X-Api-Key", key),)).status
        self.assertEqual((status(KEY), status(OTHER)), (200, 401))
        self.file("keys", hash_line(OTHER))
        self.activator.process.send_signal(signal.SIGHUP)
        wait_for(lambda: status(OTHER) == 200, "the new key to be honoured")
        self.assertEqual(status(KEY), 401)
        self.file("keys", "not a hash\n")
        self.activator.process.send_signal(signal.SIGHUP)
        wait_for(lambda: self.activator.logged('"api_keys"'), "the bad file to be said")
        self.assertEqual((status(KEY), status(OTHER)), (401, 200))

    def test_bad_files_are_said_at_the_start(self):
        self.refuses_to_start(("--api-keys", "/nothing"), "--api-keys /nothing: cannot be read")
        self.refuses_to_start(("--api-keys", self.file("a", "#\n")), "a: has no key")
        self.refuses_to_start(("--api-keys", self.file("b", "abc\n")), "b: line 1: must begin with the SHA-256")
        self.refuses_to_start(("--admin-token-file", self.file("c", "short\n")), "at least 16 characters")

    def test_the_admin_port_wants_its_token(self):
        self.begin_with("--admin-token-file", self.file("token", TOKEN + "\n"))

        def ask(target, headers=()):
            connection = self.activator.connect(self.activator.admin)
            self.addCleanup(connection.close)
            connection.send(request_text(target=target, headers=headers))
            return connection.read_response()
        self.assertEqual(ask("/healthz").status, 200)
        for target in ("/api/status", "/api/events", "/api/requests/1/cancel", "/metrics", "/", "/page/page.js",
                       "//healthz", "/healthz/../metrics"):
            response = ask(target)
            self.problem(response, 401, "no-key")
            self.assertIn("Basic", response.get("WWW-Authenticate"))
        basic = base64.b64encode(("admin:" + TOKEN).encode()).decode()
        for value in ("Bearer " + TOKEN, "Basic " + basic):
            self.assertEqual(ask("/api/status", (("Authorization", value),)).status, 200)
            self.assertEqual(ask("/", (("Authorization", value),)).status, 200)
        self.assertEqual(ask("/api/status", (("Authorization", "Bearer " + TOKEN + "x"),)).status, 401)

    def test_the_page_is_live_for_who_has_the_token(self):
        self.begin_with("--admin-token-file", self.file("token", TOKEN + "\n"))
        connection = self.activator.connect(self.activator.admin)
        self.addCleanup(connection.close)
        # As a browser does: it repeats the password for the page's own requests, EventSource included.
        basic = base64.b64encode(("admin:" + TOKEN).encode()).decode()
        connection.send(request_text(target="/api/events", headers=(("Authorization", "Basic " + basic),)))
        head = connection.read_head()
        self.assertEqual((head.status, head.get("Content-Type")), (200, "text/event-stream"))
        events = b""
        while b"event: state\n" not in events:
            chunk = connection.read_chunk()
            self.assertNotEqual(chunk, b"")
            events += chunk
        self.assertIn(b"event: history\n", events)

    def test_an_admin_port_that_others_reach_needs_a_token(self):
        pods = self.file("pods", '{"revisions": []}')
        for address in (":0", "0.0.0.0:0", "[::]:0"):
            done = subprocess.run([BINARY, "--listen", "127.0.0.1:0", "--admin", address, "--pods", pods],
                                  capture_output=True, text=True, timeout=DEADLINE, check=False)
            self.assertEqual(done.returncode, 1)
            self.assertRegex(done.stderr, '"start_failed".*--admin .*: others can reach this address, so '
                             "--admin-token-file is needed")

    def test_closed_paths_are_closed_in_every_form(self):
        self.begin_with(annotations={"sluice.dev/app": "a1111"})
        self.ready()
        for target in ("/sdapi/v1/server-kill", "//sdapi/v1/server-kill", "/sdapi/v1/%73erver-restart",
                       "/sdapi/v1/x/../server-stop", "http://h/sdapi/v1/server-kill",
                       "http://h//sdapi/v1/server-kill?x"):
            self.problem(self.ask("POST", target), 403, "path-denied")
        self.assertEqual(self.ask("POST", "x?://h/sdapi/v1/server-kill").status, 400)
        self.assertEqual(self.backend.requests, [])
        self.assertEqual(self.ask("POST", "/sdapi/v1/txt2img").status, 200)

    def test_a_cookie_of_the_old_key_is_honoured_and_no_key_is_logged(self):
        affinity = {"serving.knative.dev.alibabacloud/affinity": "cookie"}
        old, new = "the-old-key-of-sixteen", "the-new-key-of-sixteen"
        self.begin_with("--cookie-key-file", self.file("keys", old + "\n"), annotations=affinity)
        self.ready()
        cookie = self.ask().get("Set-Cookie").split(";")[0]
        first = self.activator
        first.process.terminate()
        first.exit_code()
        self.start([revision([self.backend], annotations=affinity)], "--cookie-key-file",
                   self.file("keys", new + "\n" + old + "\n"))
        self.wait_ready(1)
        self.assertIsNone(self.ask(headers=(("Cookie", cookie),)).get("Set-Cookie"))
        self.activator.process.terminate()
        self.activator.exit_code()
        self.start([revision([self.backend], annotations=affinity)], "--cookie-key-file", self.file("keys", new + "\n"))
        self.wait_ready(1)
        self.assertIsNotNone(self.ask(headers=(("Cookie", cookie),)).get("Set-Cookie"))
        for activator in (first, self.activator):
            for key in (old, new):
                self.assertEqual(activator.logged(key), [])
