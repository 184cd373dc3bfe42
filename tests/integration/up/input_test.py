#!/usr/bin/env python3
"""Wrong input: one clear line per problem on stderr, the right exit status, nothing started. And `sluice check`."""
import json
import os
import pathlib
import re
import socket
import subprocess

import harness
from harness import ROOT, Binaries, program, service

CORPUS = ROOT / "tests" / "data" / "service"


def run(*arguments):
    return subprocess.run([program("sluice"), *arguments], capture_output=True, text=True, timeout=Binaries.deadline,
                          check=False)


class WrongInput(harness.Case):
    def refused(self, arguments, code, *lines):
        """Ends with this code, nothing on stdout, and exactly these lines (patterns) on stderr."""
        ended = run(*arguments)
        said = ended.stderr.splitlines()
        self.assertEqual(ended.returncode, code, ended)
        self.assertEqual(ended.stdout, "", "nothing was started")
        self.assertEqual(len(said), len(lines), ended.stderr)
        for line, pattern in zip(said, lines):
            self.assertRegex(line, pattern)

    def file(self, text):
        path = self.folder / "service.yaml"
        if not isinstance(text, str):
            text = json.dumps(text)
        path.write_text(text)
        return str(path)

    def serve(self, text, *flags):
        return ["up", self.file(text), "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", *flags]

    def test_flags(self):
        good = self.file(service())
        for arguments, pattern in [
                ([], "a command is required: up, check, replay or top"),
                (["sideways"], "sideways"),
                (["up"], "FILE is required"),
                (["up", good, "--lisen", "127.0.0.1:0"], "--lisen"),
                (["up", good, "--listen"], "--listen"),
                (["up", good, "--listen", "8080"], '--listen.*"8080" is not ADDRESS:PORT'),
                (["up", good, "--listen", "127.0.0.1:65536"], '--listen.*"127.0.0.1:65536" is not ADDRESS:PORT'),
                (["up", good, "--admin", "localhost:http"], '--admin.*"localhost:http" is not ADDRESS:PORT'),
                (["up", good, "--runtime", "podman"], "--runtime.*podman"),
                (["check"], "FILE is required")]:
            with self.subTest(arguments[-2:]):
                self.refused(arguments, 64, "^sluice: .*" + pattern)

    def test_gpus(self):
        for wrong in ["-1", "two", "0,,1", "0,0", "65", "0,x"]:
            with self.subTest(wrong):
                ended = run(*self.serve(service(), "--gpus=" + wrong))
                self.assertIn(ended.returncode, (1, 64))
                self.assertEqual(ended.stdout, "")
                self.assertRegex(ended.stderr, r"^sluice: .*--gpus.*\n$")

    def test_a_file_that_is_not_there(self):
        self.refused(["up", str(self.folder / "none.yaml")], 1, r"none\.yaml: error: .*(cannot be read|No such file)")

    def test_a_folder_in_place_of_a_file(self):
        self.refused(["up", str(self.folder)], 1, "error: ")

    def test_a_file_without_a_service(self):
        self.refused(self.serve(harness.autoscaler(stable_window="60s")), 1, "has no Service of serving.knative.dev/v1")

    def test_a_file_that_is_no_yaml(self):
        self.refused(self.serve("a: [b\nc: }"), 1, r"service\.yaml:\d+: error: ")

    def test_every_error_of_a_service_file_is_told(self):
        for name in ["bad-annotations", "bad-fields", "bad-syntax"]:
            expected = [line for line in (CORPUS / f"{name}.txt").read_text().splitlines() if ": error: " in line]
            with self.subTest(name):
                ended = run("up", str(CORPUS / f"{name}.yaml"))
                self.assertEqual(ended.returncode, 1)
                self.assertEqual(ended.stdout, "")
                said = [line.replace(f"{CORPUS}/", "") for line in ended.stderr.splitlines() if ": error: " in line]
                self.assertEqual(said, expected)

    def test_a_command_that_does_not_exist(self):
        two = [service("one", command=["no-such-program"]), service("two", command=["/no/such/file"])]
        text = "\n---\n".join(map(json.dumps, two))
        self.refused(self.serve(text), 1, r"service one: .*no-such-program", r"service two: .*/no/such/file")

    def test_a_command_that_cannot_run(self):
        plain = self.folder / "plain.txt"
        plain.write_text("not a program")
        self.refused(self.serve(service(command=[str(plain)])), 1, r"service demo: .*plain\.txt.*execut")

    def test_no_command_without_containers(self):
        demo = service()
        del demo["spec"]["template"]["spec"]["containers"][0]["command"]
        pattern = r"service\.yaml:\d+: error: \S+containers\[0\]: has no command: .*--runtime docker"
        self.refused(self.serve(demo), 1, pattern)

    def test_no_docker(self):
        environment = {**os.environ, "DOCKER_HOST": f"unix://{self.folder}/none.sock"}
        ended = subprocess.run([program("sluice"), *self.serve(service(), "--runtime", "docker")], capture_output=True,
                               text=True, env=environment, timeout=Binaries.deadline, check=False)
        if pathlib.Path("/var/run/docker.sock").exists():
            self.skipTest("a Docker engine runs here")
        self.assertEqual((ended.returncode, ended.stdout), (1, ""), ended)
        self.assertRegex(ended.stderr, r"^sluice: .*[dD]ocker.*\n$")

    def test_ports_in_use(self):
        with socket.create_server(("127.0.0.1", 0)) as taken:
            address = f"127.0.0.1:{taken.getsockname()[1]}"
            file = self.file(service())
            pattern = f"^sluice: --{{}} {re.escape(address)}: .*in use"
            self.refused(["up", file, "--listen", address, "--admin", "127.0.0.1:0"], 1, pattern.format("listen"))
            self.refused(["up", file, "--listen", "127.0.0.1:0", "--admin", address], 1, pattern.format("admin"))
            self.refused(["up", file, "--listen", address, "--admin", address], 1, pattern.format("listen"),
                         pattern.format("admin"))

    def test_a_working_directory_that_is_not_there(self):
        demo = service(container={"workingDir": str(self.folder / "gone")})
        sluice = self.up(demo)
        sluice.start("GET", "/")
        sluice.wait_line(r"^pod \S+: cannot start: cannot enter the working directory .*gone")


class Check(harness.Case):
    def test_what_users_apply_is_good(self):
        files = sorted((ROOT / "manifests").glob("*.yaml"))
        self.assertGreaterEqual(len(files), 2)
        ended = run("check", *map(str, files))
        self.assertEqual((ended.returncode, ended.stderr), (0, ""), ended.stdout)
        self.assertIn("service knative-sd-demo (namespace default", ended.stdout)
        self.assertIn("k8s.aliyun.com/eci-use-specs", ended.stdout)
        self.assertNotIn(": error: ", ended.stdout)

    def test_bad_ones_are_told_line_by_line(self):
        for file in sorted(CORPUS.glob("*.yaml")):
            with self.subTest(file.name):
                lines = file.with_suffix(".txt").read_text().splitlines()
                ended = run("check", str(file))
                said = (ended.stdout + ended.stderr).replace(f"{CORPUS}/", "").splitlines()
                self.assertEqual([*said, f"exit {ended.returncode}"], lines)

    def test_a_good_file_does_not_excuse_a_bad_one(self):
        ended = run("check", str(CORPUS / "good.yaml"), str(CORPUS / "bad-fields.yaml"))
        self.assertEqual(ended.returncode, 1)

    def test_a_file_that_is_not_there(self):
        ended = run("check", str(self.folder / "none.yaml"))
        self.assertEqual((ended.returncode, ended.stdout), (1, ""))
        self.assertEqual(len(ended.stderr.splitlines()), 1)


if __name__ == "__main__":
    harness.main()
