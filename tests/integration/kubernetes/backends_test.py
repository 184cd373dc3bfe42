"""Which pods get requests: probing, slices, the ClusterIP (contract activator.md 2 and 3.3)."""

import unittest

from kube_harness import ENDPOINTS, POD_IP, REVISIONS, KubeTest, free_ports, revision_object, \
    wait_for


class Backends(KubeTest):
    def served_by(self, pod, **more):
        """A request that the pod gets and answers."""
        client = self.begin(**more)
        self.wait_inside(pod)
        pod.let_go()
        return client.read_response()

    def test_a_cold_start(self):
        self.put_revision()
        self.start()
        client = self.begin()
        self.wait_state(waiting=1)
        pod = self.pod("a")
        self.put_private([pod])
        self.wait_inside(pod)
        request = pod.requests[0]
        self.assertIsNone(request.get("Knative-Serving-Revision"))
        self.assertEqual(request.get("Host"), "127.0.0.1:%d" % pod.port)
        self.assertEqual(request.get("K-Proxy-Request"), "activator")
        pod.let_go()
        response = client.read_response()
        self.assertEqual((response.status, response.body), (200, b"a"))

    def test_row_033_and_034_lists_without_us_change_nothing(self):
        pods = [self.pod(name) for name in "ab"]
        self.put_revision()
        self.put_private(pods)
        self.put_public([POD_IP, "10.0.1.10"])
        self.start()
        wait_for(lambda: len(self.pod_names()) == 1, "half of the pods to be ours")
        ours = self.pod_names()
        self.put_public(["10.0.1.10", "10.0.1.11"])  # another's
        self.put_public(["127.0.0.1"])  # Serve mode: the pods themselves
        third = self.pod("c")
        self.put_private([*pods, third])
        # Two activators, and we are the first: two of three, and the third is among all.
        wait_for(lambda: len(self.pod_names()) == 2, "two of three pods to be ours")
        self.assertEqual(len(ours), 1)

    def test_row_035_the_only_activator_has_all_pods(self):
        pods = [self.pod(name) for name in "abc"]
        self.put_revision()
        self.put_private(pods)
        self.put_public([POD_IP, "10.0.1.10", "10.0.1.11"])
        self.start()
        wait_for(lambda: len(self.pod_names()) == 1, "a third of the pods to be ours")
        self.put_public([POD_IP])
        self.wait_pods("abc")

    def test_sessions_are_not_cut_into_slices(self):
        pods = [self.pod(name) for name in "abc"]
        self.put_revision(annotations={"sluice.dev/affinity-header": "X-User"})
        self.put_private(pods)
        self.put_public([POD_IP, "10.0.1.10", "10.0.1.11"])
        self.start()
        self.wait_pods("abc")

    def test_pods_are_shared_where_all_activators_are_ours(self):
        pods = [self.pod(name) for name in "abc"]
        self.put_revision()
        self.put_private(pods)
        self.put_public([POD_IP, "10.0.1.10", "10.0.1.11"])
        self.start(environment={"SLUICE_SHARE_PODS": "true"})
        self.wait_pods("abc")

    def test_row_036_a_pod_is_used_before_kubernetes_calls_it_ready(self):
        pod = self.pod("a")
        self.put_revision()
        self.put_private([], [pod])
        self.start()
        self.assertEqual(self.served_by(pod).status, 200)

    def test_row_037_with_a_startup_probe_it_is_not(self):
        pod = self.pod("a")
        self.put_revision(containers=[{"startupProbe": {"httpGet": {}}}])
        self.put_private([], [pod])
        self.start()
        client = self.begin()
        self.wait_state(waiting=1)
        self.assertEqual(pod.probes, 0)
        self.put_private([pod])
        self.wait_inside(pod)
        pod.let_go()
        self.assertEqual(client.read_response().status, 200)

    def test_row_038_another_answer_is_no_mesh(self):
        def say(connection):
            connection.send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nQueue")
        pod, cluster = self.pod("a"), self.pod("cluster")
        pod.say_readiness = say
        self.put_revision()
        self.put_service(cluster.port)
        self.put_private([pod])
        self.start()
        self.begin()
        wait_for(lambda: pod.probes >= 3, "the pod to be asked again")
        self.wait_state(waiting=1, pods_ready=0)
        self.assertEqual(cluster.probes, 0)

    def test_row_039_the_cluster_ip_serves_until_a_pod_answers(self):
        cluster = self.pod("cluster")
        port = free_ports(1)[0]  # nobody listens there
        self.put_revision()
        self.put_service(cluster.port)
        pod = type("Dead", (), {"name": "a", "port": port})
        self.put_private([pod])
        self.start()
        self.assertEqual(self.served_by(cluster).body, b"cluster")
        live = self.pod("a", port=port)
        self.wait_pods("a")
        self.assertEqual(self.served_by(live).body, b"a")

    def test_row_040_without_a_mesh_kubernetes_is_trusted(self):
        self.network = {"mesh-compatibility-mode": "disabled"}
        pod = self.pod("a", ready=False)
        self.put_revision()
        self.put_private([pod])
        self.start()
        self.assertEqual(self.served_by(pod).status, 200)
        self.assertEqual(pod.probes, 0)
        self.assertEqual(self.api.count("/api/v1/services"), 0)

    def test_row_041_in_a_mesh_only_the_cluster_ip_is_asked(self):
        self.network = {"mesh-compatibility-mode": "enabled"}
        pod, cluster = self.pod("a"), self.pod("cluster", ready=False)
        self.put_revision()
        self.put_service(cluster.port)
        self.put_private([pod])
        self.start()
        client = self.begin()
        wait_for(lambda: cluster.probes >= 3, "the ClusterIP to be asked again")
        self.wait_state(waiting=1)
        cluster.ready = True
        self.wait_inside(cluster)
        cluster.let_go()
        self.assertEqual(client.read_response().body, b"cluster")
        self.assertEqual(pod.probes, 0)

    def test_row_042_a_mesh_that_lets_pods_through(self):
        self.network = {"enable-mesh-pod-addressability": "true"}
        pod = self.pod("a")
        self.put_revision()
        self.put_private([pod])
        self.start()
        self.assertEqual(self.served_by(pod).status, 200)
        request = pod.requests[0]
        self.assertEqual(request.get("Host"), "sd-00001-private.default")
        self.assertEqual(request.get("K-Passthrough-Lb"), "true")
        self.assertEqual(self.api.count("/api/v1/services"), 0)

    def test_row_043_a_long_name_has_a_digest_in_its_passthrough_host(self):
        self.network = {"enable-mesh-pod-addressability": "true"}
        pod = self.pod("a")
        name = "abcdefghij" * 6
        self.put_revision(name)
        self.put_private([pod], revision=name)
        self.start()
        self.served_by(pod, revision=name)
        self.assertEqual(pod.requests[0].get("Host"),
                         "abcdefghijabcdefghijabcc583d21482c5f1dc5f2bdefdebecf7a4-private.default")

    def test_row_044_a_pod_that_is_not_ready_any_more_is_asked_at_once(self):
        pod = self.pod("a")
        self.put_revision()
        self.put_private([pod])
        self.start()
        self.wait_pods("a")
        pod.ready = False
        before = pod.probes
        self.put_private([], [pod])
        wait_for(lambda: pod.probes > before, "the pod to be asked")
        self.wait_state(pods_ready=0)
        pod.ready = True
        self.wait_pods("a")

    def test_row_045_all_addresses_vanish_and_requests_wait(self):
        pod = self.pod("a")
        self.put_revision()
        self.put_private([pod])
        self.start()
        self.wait_pods("a")
        self.api.delete(ENDPOINTS, "default", "sd-00001-private")
        self.wait_state(pods_ready=0)
        client = self.begin()
        self.wait_state(waiting=1)
        self.put_private([pod])
        self.wait_inside(pod)
        pod.let_go()
        self.assertEqual(client.read_response().status, 200)

    def test_row_064_a_revision_is_deleted_while_requests_wait(self):
        self.put_revision()
        self.start()
        client = self.begin()
        self.wait_state(waiting=1)
        self.api.delete(REVISIONS, "default", "sd-00001")
        self.assertEqual(client.read_response().status, 504)
        response = self.ask()
        self.assertEqual(response.status, 404)
        self.assertIn(b'"sd-00001" not found', response.body)

    def test_a_revision_that_changes_keeps_its_requests(self):
        self.put_revision(concurrency=0)
        self.start()
        client = self.begin()
        self.wait_state(waiting=1)
        self.api.put(REVISIONS, revision_object(annotations={"sluice.dev/queue-limit": "1"}))
        self.put_revision("later", service="later")
        self.wait_revisions(2)  # told after the change, so that is known, too
        self.assertEqual(self.ask().status, 503)
        pod = self.pod("a")
        self.put_private([pod])
        self.wait_inside(pod)
        pod.let_go()
        self.assertEqual(client.read_response().status, 200)


if __name__ == "__main__":
    unittest.main()
