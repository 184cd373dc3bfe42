"""The real activator as Knative's, between a fake API server, a fake autoscaler, and pods that the
test plays."""

import base64
import json
import os
import re
import tempfile

from activator_harness import Activator, ActivatorTest, BINARY
from fake_api import FakeApi
from fake_autoscaler import FakeAutoscaler
from harness import DEADLINE, free_ports, request_text, wait_for

REVISIONS = "/apis/serving.knative.dev/v1/revisions"
KNATIVE_SERVICES = "/apis/serving.knative.dev/v1/services"
ENDPOINTS = "/api/v1/endpoints"
SERVICES = "/api/v1/services"
MAPS = "/api/v1/configmaps"
SECRETS = "/api/v1/secrets"
SYSTEM = "knative-serving"
POD_IP = "10.0.0.9"


def meta(name, namespace="default", labels=None, annotations=None):
    return {"namespace": namespace, "name": name, "labels": labels or {},
            "annotations": annotations or {}}


def revision_object(name="sd-00001", service="sd", concurrency=1, containers=None, annotations=None,
                    **spec):
    return {"metadata": meta(name, annotations=annotations,
                             labels={"serving.knative.dev/service": service,
                                     "serving.knative.dev/configuration": service}),
            "spec": {"containerConcurrency": concurrency, "timeoutSeconds": 300,
                     "containers": containers or [{"name": "user"}], **spec}}


def labels_of(revision, kind):
    return {"networking.internal.knative.dev/serviceType": kind,
            "serving.knative.dev/revision": revision,
            "serving.knative.dev/revisionUID": "uid-" + revision}


def subset(host_ports, pods, not_ready=False):
    """One subset for each address: every fake pod has a port of its own."""
    key = "notReadyAddresses" if not_ready else "addresses"
    return [{key: [{"ip": host, "targetRef": {"kind": "Pod", "name": pod}}],
             "ports": [{"name": "http", "port": port}]}
            for (host, port), pod in zip(host_ports, pods)]


class KnativeActivator(Activator):
    """As Activator, with an environment instead of a file."""

    def __init__(self, folder, api, autoscaler_port, environment, arguments, wait, user):
        ports = free_ports(4)
        self.port, self.h2c, self.admin, self.metrics = ports
        kubeconfig = os.path.join(folder, "kubeconfig")
        cluster = {"server": "http://127.0.0.1:%d" % api.port}
        user = dict(user)
        cluster.update(user.pop("cluster", {}))
        with open(kubeconfig, "w", encoding="utf-8") as file:
            json.dump({"current-context": "c", "clusters": [{"name": "k", "cluster": cluster}],
                       "contexts": [{"name": "c", "context": {"cluster": "k", "user": "u"}}],
                       "users": [{"name": "u", "user": user}]}, file)
        self.environment = {
            "PATH": os.environ["PATH"], "POD_NAME": "activator-1", "POD_IP": POD_IP,
            "SYSTEM_NAMESPACE": SYSTEM, "CLUSTER_DOMAIN": "cluster.local",
            "KUBECONFIG": kubeconfig, "METRICS_PROMETHEUS_PORT": str(self.metrics),
            "SLUICE_AUTOSCALER_ADDRESS": "127.0.0.1:%d" % autoscaler_port, **environment}
        for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS"):
            if name in os.environ:
                self.environment[name] = os.environ[name]
        command = [BINARY, "--listen", "127.0.0.1:%d" % self.port, "--listen-h2c",
                   "127.0.0.1:%d" % self.h2c, "--admin", "127.0.0.1:%d" % self.admin, *arguments]
        if "--drain-delay" not in arguments:
            command += ["--drain-delay", "0s"]
        self.run(command, wait)


class KubeTest(ActivatorTest):
    def setUp(self):
        super().setUp()
        self.api = FakeApi()
        self.addCleanup(lambda: self.api.close())
        self.autoscaler = FakeAutoscaler()
        self.addCleanup(lambda: self.autoscaler.close())
        self.network = {}
        self.logging = {}
        self.observability = {"metrics-protocol": "prometheus"}

    def start(self, *arguments, environment=None, wait=True, user=None, autoscaler_port=None):
        self.put_maps()
        self.activator = KnativeActivator(
            self.folder, self.api, autoscaler_port or self.autoscaler.port, environment or {},
            arguments, wait, user or {"token": "t"})
        self.addCleanup(self.activator.close)
        return self.activator

    # --- Objects.

    def put_map(self, name, data, labels=None):
        self.api.put(MAPS, {"metadata": meta(name, SYSTEM, labels), "data": data})

    def put_maps(self):
        self.put_map("config-network", self.network)
        self.put_map("config-logging", self.logging)
        self.put_map("config-observability", self.observability)

    def put_secret(self, name, data):
        encoded = {key: base64.b64encode(value.encode()).decode() for key, value in data.items()}
        self.api.put(SECRETS, {"metadata": meta(name, SYSTEM), "data": encoded})

    def put_revision(self, name="sd-00001", **more):
        self.api.put(REVISIONS, revision_object(name, **more))

    def put_private(self, ready=(), not_ready=(), revision="sd-00001", host="127.0.0.1"):
        def part(pods, is_not_ready):
            return subset([(host, pod.port) for pod in pods], [pod.name for pod in pods],
                          is_not_ready)
        self.api.put(ENDPOINTS, {
            "metadata": meta(revision + "-private", labels=labels_of(revision, "Private")),
            "subsets": part(ready, False) + part(not_ready, True)})

    def put_public(self, addresses, revision="sd-00001"):
        self.api.put(ENDPOINTS, {
            "metadata": meta(revision, labels=labels_of(revision, "Public")),
            "subsets": [{"addresses": [{"ip": ip} for ip in addresses],
                         "ports": [{"name": "http", "port": 8012}]}]})

    def put_service(self, port, revision="sd-00001", name=None):
        self.api.put(SERVICES, {
            "metadata": meta(name or revision + "-private", labels=labels_of(revision, "Private")),
            "spec": {"clusterIP": "127.0.0.1", "ports": [{"name": "http", "port": port}]}})

    # --- Requests.

    def begin(self, method="GET", target="/", headers=(), body=None, revision="sd-00001", **more):
        names = [("Knative-Serving-Namespace", "default"), ("Knative-Serving-Revision", revision)]
        return super().begin(method, target, [*names, *headers], body, **more)

    def kubelet(self, target="/"):
        connection = self.activator.connect()
        self.addCleanup(connection.close)
        connection.send(request_text(target=target, headers=[("User-Agent", "kube-probe/1.36")]))
        response = connection.read_response()
        return response.status, response.body.decode()

    def wait_connected(self, times=1):
        wait_for(lambda: self.autoscaler.connected >= times, "the autoscaler to be connected")
        wait_for(lambda: self.kubelet()[0] == 200, "the activator to be well")

    def wait_revisions(self, count):
        wait_for(lambda: len(self.activator.status()["revisions"]) == count,
                 "%d revisions" % count)

    def pods_ready(self, revision="sd-00001"):
        for one in self.activator.status()["revisions"]:
            if one["revision"] == revision:
                return one["pods_ready"]
        return None

    def pod_names(self):
        return sorted(pod["name"] for pod in self.activator.revision()["pods"]
                      if pod["state"] != "starting")

    def wait_pods(self, names):
        wait_for(lambda: self.pod_names() == sorted(names), "pods %s" % (names,))

    def metric(self, series):
        """The value of the series that begins so, None if there is none."""
        connection = self.activator.connect(self.activator.metrics)
        self.addCleanup(connection.close)
        connection.send(request_text(target="/metrics"))
        text = connection.read_response().body.decode()
        found = re.search("^" + re.escape(series) + r"[^\n]* (\S+)$", text, re.MULTILINE)
        return float(found[1]) if found else None


__all__ = [name for name in dir() if name.isupper()] + [
    "FakeApi", "FakeAutoscaler", "KubeTest", "KnativeActivator", "DEADLINE", "free_ports", "meta",
    "labels_of", "request_text", "revision_object", "subset", "tempfile", "wait_for"]
