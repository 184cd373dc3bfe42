"""The command line and the files: what is wrong is one clear line, and the old state stays."""

import os
import signal
import socket
import subprocess

from activator_harness import BINARY, ActivatorTest, revision
from harness import DEADLINE, wait_for


class Start(ActivatorTest):
    def run_with(self, *arguments):
        done = subprocess.run([BINARY, *arguments], capture_output=True, text=True,
                              timeout=DEADLINE, check=False)
        return done.returncode, done.stderr.splitlines()

    def refused(self, code, line, *arguments):
        result, lines = self.run_with(*arguments)
        self.assertEqual((result, len(lines)), (code, 1), lines)
        self.assertIn(line, lines[0])

    def path(self, name, text=None):
        path = os.path.join(self.folder, name)
        if text is not None:
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)
        return path

    def test_wrong_flags_are_64(self):
        good = self.path("good.json", '{"revisions": []}')
        self.refused(64, "--pods", "--behind-ingress")
        self.refused(64, "--listen-h2c", "--pods", good, "--listen-h2c", "127.0.0.1:0")
        self.refused(64, "--listen", "--pods", good, "--listen", "nowhere")
        self.refused(64, "--drain-delay", "--pods", good, "--drain-delay", "soon")
        self.refused(64, "--nonsense", "--pods", good, "--nonsense")

    def test_wrong_files_and_ports_are_1(self):
        good = self.path("good.json", '{"revisions": []}')
        ports = ("--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0")
        self.refused(1, "cannot be read", *ports, "--pods", self.path("none.json"))
        bad = self.path("bad.json", '{"revisions": [{"namespace": "n", "name": "r", "pods": 1}]}')
        self.refused(1, "revisions[0].pods: must be an array", *ports, "--pods", bad)
        self.refused(1, "cannot be read", *ports, "--pods", good, "--cookie-key-file",
                     self.path("none.keys"))
        self.refused(1, "line 1", *ports, "--pods", good, "--cookie-key-file",
                     self.path("short.keys", "short\n"))
        taken = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(taken.close)
        address = "127.0.0.1:%d" % taken.getsockname()[1]
        self.refused(1, address, "--pods", good, "--listen", address, "--admin", "127.0.0.1:0")


class Changes(ActivatorTest):
    def test_the_file_is_taken_over_when_it_changes(self):
        pod = self.pod("sd-a")
        self.start([revision()])
        connection = self.begin()
        self.wait_state(waiting=1)
        self.activator.write([revision([pod])])
        pod.let_go()
        self.assertEqual(connection.read_response().body, b"sd-a")

    def test_a_file_that_became_bad_changes_nothing(self):
        pod = self.pod("sd-a")
        self.start([revision([pod])])
        self.wait_ready(1)
        for text in ("{", '{"revisions": [{"namespace": "n", "name": "r", "pods": 1}]}'):
            before = len(self.activator.logged('"pod_file_bad"'))
            self.activator.write_text(text)
            self.activator.process.send_signal(signal.SIGHUP)
            wait_for(lambda: len(self.activator.logged('"pod_file_bad"')) > before, "the log line")
        pod.let_go()
        self.assertEqual(self.ask().body, b"sd-a")

    def test_new_limits_reach_those_who_wait(self):
        pod = self.pod("sd-a")
        self.start([revision([pod])])
        self.wait_ready(1)
        begun = [self.begin(), self.begin()]
        self.wait_state(waiting=1)
        self.activator.reload([revision([pod], concurrency=2)])
        self.wait_inside(pod, 2)
        pod.let_go(2)
        for connection in begun:
            self.assertEqual(connection.read_response().status, 200)

    def test_a_session_outlives_the_activator_that_made_it(self):
        pods = [self.pod("sd-a"), self.pod("sd-b")]
        keys = os.path.join(self.folder, "keys")
        with open(keys, "w", encoding="utf-8") as file:
            file.write("# of the tests\n0123456789abcdef0123456789abcdef\n")
        affine = {"serving.knative.dev.alibabacloud/affinity": "cookie",
                  "serving.knative.dev.alibabacloud/cookie-name": "sd"}
        described = [revision(pods, annotations=affine)]
        self.start(described, "--cookie-key-file", keys)
        self.wait_ready(2)
        running = self.begin()
        self.wait_inside(pods[0])
        pods[1].let_go()
        first = self.ask()
        self.assertEqual(first.body, b"sd-b")
        cookie = first.get("Set-Cookie").split(";")[0]
        pods[0].let_go()
        running.read_response()
        self.activator.close()
        self.start(described, "--cookie-key-file", keys)
        self.wait_ready(2)
        pods[1].let_go()
        again = self.ask(headers=(("Cookie", cookie),))
        self.assertEqual(again.body, b"sd-b")
        self.assertIsNone(again.get("Set-Cookie"))
        self.assertIsNone(pods[1].requests[-1].get("Cookie"))
