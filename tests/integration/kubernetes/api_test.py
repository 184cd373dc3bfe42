"""How the activator reads the API server, and what it does when that fails."""

import os
import shutil
import subprocess
import unittest

from kube_harness import DEADLINE, MAPS, REVISIONS, KNATIVE_SERVICES, SYSTEM, FakeApi, KubeTest, \
    wait_for


class Watching(KubeTest):
    def known(self):
        return sorted(one["revision"] for one in self.activator.status()["revisions"])

    def wait_known(self, *names):
        wait_for(lambda: self.known() == sorted(names), "revisions %s" % (names,))

    def test_lists_come_in_pages_and_selectors_are_the_servers_work(self):
        for i in range(600):
            self.put_revision("r-%03d" % i)
        self.start()
        self.assertEqual(len(self.known()), 600)
        self.assertEqual(self.api.count(REVISIONS, limit="250"), 3)
        self.assertGreaterEqual(self.api.count(
            "/api/v1/endpoints", labelSelector="networking.internal.knative.dev/serviceType=Private"
            ",serving.knative.dev/revisionUID"), 1)
        self.assertEqual(self.api.count("/api/v1/endpoints", labelSelector=None), 0)

    def test_what_comes_and_goes_is_told_by_the_watch(self):
        self.put_revision("r-1")
        self.start()
        self.put_revision("r-2")
        self.wait_known("r-1", "r-2")
        self.api.delete(REVISIONS, "default", "r-1")
        self.wait_known("r-2")
        self.assertEqual(self.api.count(REVISIONS, limit="250"), 1)

    def test_a_watch_that_ends_goes_on_from_where_it_was(self):
        self.put_revision("r-1")
        self.start()
        self.put_revision("r-2")
        self.wait_known("r-1", "r-2")
        self.api.end_watches()
        self.put_revision("r-3")
        self.wait_known("r-1", "r-2", "r-3")
        self.assertEqual(self.api.count(REVISIONS, limit="250"), 1)

    def test_a_forgotten_version_means_a_new_list(self):
        self.put_revision("r-1")
        self.put_revision("r-2")
        self.start()
        self.api.delete_unseen(REVISIONS, "default", "r-1")
        self.api.forget()
        self.wait_known("r-2")
        self.assertGreaterEqual(self.api.count(REVISIONS, limit="250"), 2)

    def test_a_bookmark_moves_the_version_on(self):
        self.put_revision("r-1")
        self.start()
        wait_for(lambda: self.api.watches >= 6, "the watches")
        self.put_map("other", {})  # of no concern to the watch of revisions
        with self.api.changed:
            version = str(self.api.version)
        wait_for(lambda: self.again(version), "a watch from the bookmark's version")

    def again(self, version):
        self.api.end_watches()
        return self.api.count(REVISIONS, watch="1", resourceVersion=version) > 0

    def test_a_right_that_is_missing_is_one_line_and_no_sessions(self):
        self.api.denied.add(KNATIVE_SERVICES)
        self.put_revision("r-1")
        self.start()
        self.assertEqual(self.known(), ["r-1"])
        wait_for(lambda: self.api.count(KNATIVE_SERVICES) >= 2, "another try")
        lines = self.activator.logged("(403)")
        self.assertEqual(len(lines), 1, lines)
        self.assertIn("sessions", lines[0])

    def test_a_server_in_trouble_is_asked_again(self):
        self.put_revision("r-1")
        self.start()
        self.api.broken.add(REVISIONS)
        self.api.forget()
        wait_for(lambda: self.activator.logged("answered 500"), "the trouble to be told")
        self.put_revision("r-2")
        self.assertEqual(self.known(), ["r-1"])  # what was known stays
        self.api.broken.clear()
        self.wait_known("r-1", "r-2")
        self.assertTrue(self.activator.logged("watch_recovered"))

    def test_a_server_that_goes_away_costs_nothing_that_is_known(self):
        pod = self.pod("a")
        self.put_revision()
        self.put_private([pod])
        self.start()
        self.wait_pods("a")
        self.api.close()
        wait_for(lambda: self.activator.logged("watch_failed"), "the loss to be told")
        client = self.begin()
        self.wait_inside(pod)
        pod.let_go()
        self.assertEqual(client.read_response().status, 200)
        self.api = FakeApi()  # for the cleanup


class Access(KubeTest):
    def test_the_token_file_is_read_again(self):
        token = os.path.join(self.folder, "token")

        def write(text):
            with open(token, "w", encoding="utf-8") as file:
                file.write(text + "\n")
        write("first")
        self.api.tokens = {"first"}
        self.put_revision("r-1")
        self.start(user={"tokenFile": token})
        write("second")
        self.api.tokens = {"second"}
        self.api.end_watches()
        self.put_revision("r-2")
        self.wait_revisions(2)

    @unittest.skipUnless(shutil.which("openssl"), "the openssl program makes the certificates")
    def test_over_tls_the_server_must_be_the_right_one(self):
        def certificate(name, address):
            files = [os.path.join(self.folder, name + end) for end in (".crt", ".key")]
            subprocess.run(
                ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                 "ec_paramgen_curve:P-256", "-nodes", "-days", "1", "-subj", "/CN=" + name,
                 "-addext", "subjectAltName=IP:" + address, "-keyout", files[1], "-out", files[0]],
                check=True, capture_output=True)
            return files
        good, other = certificate("good", "127.0.0.1"), certificate("other", "127.0.0.2")
        self.api.close()
        self.api = FakeApi(tls=good)
        self.put_revision("r-1")
        server = "https://127.0.0.1:%d" % self.api.port
        self.start(user={"token": "t", "cluster": {
            "server": server, "certificate-authority": good[0]}})
        self.wait_revisions(1)
        for ca, tls in ((other[0], good), (other[0], other)):  # not signed so; not for this name
            self.api.close()
            self.api = FakeApi(tls=tls)
            server = "https://127.0.0.1:%d" % self.api.port
            self.start(wait=False, user={"token": "t", "cluster": {
                "server": server, "certificate-authority": ca}})
            wait_for(lambda: self.activator.logged("api_wait"), "the refusal")
            self.assertFalse(self.api.requests)


class Starting(KubeTest):
    def refused(self, *arguments, **more):
        activator = self.start(*arguments, wait=False, **more)
        self.assertEqual(activator.exit_code(DEADLINE), 1)
        return "".join(activator.err)

    def test_everything_wrong_with_the_environment_is_said_at_once(self):
        text = self.refused(environment={"PROBE_TIMEOUT": "soon", "METRICS_PROMETHEUS_PORT": "1",
                                         "MAX_IDLE_PROXY_CONNS": "x"})
        for name in ("PROBE_TIMEOUT", "METRICS_PROMETHEUS_PORT", "MAX_IDLE_PROXY_CONNS"):
            self.assertRegex(text, "\"start_failed\".*\"message\":\"" + name)

    def test_with_neither_a_file_nor_a_cluster_it_says_what_to_do(self):
        text = self.refused(environment={"KUBECONFIG": ""})
        self.assertIn("\"message\":\"KUBERNETES_SERVICE_HOST: not set", text)
        self.assertIn("--pods", text)

    def test_a_config_map_that_is_not_there(self):
        self.put_maps()
        self.api.delete(MAPS, SYSTEM, "config-network")
        self.put_maps = lambda: None
        self.assertIn("ConfigMap config-network is not there", self.refused())

    def test_an_internal_tls_word_that_means_nothing(self):
        self.network = {"system-internal-tls": "on"}
        self.assertIn("system-internal-tls: 'on' is not enabled or disabled", self.refused())

    def test_a_kubeconfig_that_is_none(self):
        text = self.refused(environment={"KUBECONFIG": os.path.join(self.folder, "no")})
        self.assertIn("cannot be read", text)

    def test_an_old_cluster_is_waited_for(self):
        self.api.git_version = "v1.20.0"
        self.put_revision()
        self.start(wait=False)
        wait_for(lambda: self.activator.logged("KUBERNETES_MIN_VERSION"), "the reason")
        self.api.git_version = "v1.40.1"
        wait_for(lambda: self.activator.logged('"started"'), "the activator to start")

    def test_without_the_right_to_read_its_settings_it_says_so_and_ends(self):
        self.api.denied.add(MAPS)
        self.assertIn("\"message\":\"ConfigMap config-network: no right to do this (403); see the role\"",
                      self.refused())

    def test_a_signal_while_it_waits_for_the_server_ends_it(self):
        self.api.git_version = "v1.20.0"
        self.start(wait=False)
        wait_for(lambda: self.activator.logged("KUBERNETES_MIN_VERSION"), "the reason")
        self.activator.process.terminate()
        self.assertEqual(self.activator.exit_code(DEADLINE), 0)


if __name__ == "__main__":
    unittest.main()
