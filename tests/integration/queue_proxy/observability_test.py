"""Metrics, request log, process log, and start-up (contract queue-proxy 1, 7, 8, rows 62, 92 to
100)."""

import gzip
import json
import socket

from harness import (BINARY, Broken, PROBE, QueueProxy, QueueProxyTest, free_ports, wait_for)

LOG = {"OBSERVABILITY_CONFIG": '{"enableRequestLog":true}'}


class Metrics(QueueProxyTest):
    def text(self):
        return self.ask(target="/metrics", port=self.proxy.metrics).body.decode()

    def test_row_062_route_tags(self):
        self.start()
        cases = [((), "kn:disabled"), ((("Knative-Serving-Default-Route", "true"),), "kn:default"),
                 ((("Knative-Serving-Tag", "t"),
                   ("Knative-Serving-Default-Route", "true")), "kn:undefined"),
                 ((("Knative-Serving-Tag", "t"),
                   ("Knative-Serving-Default-Route", "false")), "t")]
        for headers, _ in cases:
            self.ask(headers=headers)
        text = self.text()
        for _, tag in cases:
            self.assertIn('http_server_request_duration_seconds_count{http_request_method="GET",'
                          'http_response_status_code="200",kn_route_tag="%s",' % tag, text)

    def test_both_families_count_one_request(self):
        self.start()
        self.ask(body="abc", method="POST")
        text = self.text()
        identity = ('configuration_name="conf",container_name="queue-proxy",namespace_name="ns",'
                    'pod_name="pod-1"')
        rest = 'revision_name="rev",service_name="svc"'
        self.assertIn('revision_request_count{%s,response_code="200",response_code_class="2xx",'
                      '%s} 1\n' % (identity, rest), text)
        self.assertIn('revision_app_request_latencies_bucket{%s,response_code="200",'
                      'response_code_class="2xx",%s,le="100000"} 1\n' % (identity, rest), text)
        self.assertIn("kn_serving_invocation_duration_seconds_count{", text)
        self.assertIn("kn_serving_queue_depth{", text)
        self.assertIn('kn_revision_name="rev"', text)

    def test_methods_and_paths_of_the_metrics_port(self):
        self.start()
        port = self.proxy.metrics
        self.assertEqual(self.ask(target="/other", port=port).status, 404)
        response = self.ask("POST", "/metrics", port=port)
        self.assertEqual((response.status, response.get("Allow")), (405, "GET, HEAD"))
        self.assertEqual(self.ask("HEAD", "/metrics", port=port).status, 200)

    def test_metrics_are_compressed_for_whom_asks(self):
        self.start()
        self.ask()
        port = self.proxy.metrics
        packed = self.ask(target="/metrics", headers=(("Accept-Encoding", "gzip"),), port=port)
        self.assertEqual(packed.get("Content-Encoding"), "gzip")
        self.assertIn(b"revision_request_count{", gzip.decompress(packed.body))
        plain = self.ask(target="/metrics", headers=(("Accept-Encoding", "gzip;q=0"),), port=port)
        self.assertIsNone(plain.get("Content-Encoding"))
        self.assertIn(b"revision_request_count{", plain.body)

    def test_the_profiling_port_says_where_to_look(self):
        (port,) = free_ports(1)
        self.start(environment={"OBSERVABILITY_CONFIG": '{"runtime":{"profiling":"enabled"}}',
                                "PROFILING_PORT": str(port)})
        response = self.ask(target="/debug/pprof/heap", port=port)
        self.plain_error(response, 501, "this queue-proxy is no Go program: profile it with perf")
        self.plain_error(self.ask(target="/", port=port), 404, "404 page not found")

    def test_client_chosen_labels_are_bounded(self):
        self.start(environment={"CONTAINER_CONCURRENCY": "0"})
        connection = self.connect()
        for i in range(400):
            connection.send("GET / HTTP/1.1\r\nHost: h%d.example\r\n\r\n" % i)
            connection.read_response()
        lines = [line for line in self.text().splitlines()
                 if line.startswith("http_server_request_duration_seconds_count")]
        self.assertLessEqual(len(lines), 201)
        self.assertIn('server_address="_other"', "".join(lines))


class RequestLog(QueueProxyTest):
    def lines(self, count):
        wait_for(lambda: len(self.proxy.out) >= count, "%d log lines" % count)
        return self.proxy.out

    def test_the_default_line(self):
        self.start(environment=LOG)
        self.ask("POST", "/x?y", body="abc", headers=[
            ("User-Agent", "me"), ("Referer", "r"), ("Traceparent", "00-abc-def-01")])
        line = json.loads(self.lines(1)[0])
        request = line["httpRequest"]
        self.assertEqual(line["traceId"], "abc")
        self.assertEqual(
            [request[k] for k in ("requestMethod", "requestUrl", "requestSize", "status",
                                  "responseSize", "userAgent", "serverIp", "referer",
                                  "protocol")],
            ["POST", "/x?y", "3", 200, "2", "me", "10.0.0.1", "r", "HTTP/1.1"])

    def test_row_095_probes_are_logged_only_if_wanted(self):
        self.start(environment=LOG)
        self.ask(headers=PROBE)
        self.ask(target="/real")
        self.assertIn("/real", self.lines(1)[0])
        self.start(environment={"OBSERVABILITY_CONFIG":
                                '{"enableRequestLog":true,"enableProbeRequestLog":true}'})
        self.ask(target="/probe", headers=PROBE)
        self.assertIn("/probe", self.lines(1)[0])

    def test_row_094_templates(self):
        log = lambda template: {"OBSERVABILITY_CONFIG": json.dumps(
            {"enableRequestLog": True, "requestLogTemplate": template})}
        self.start(environment=log("{{.Request.Method}} {{.Response.Code}}"))
        self.ask()
        self.assertEqual(self.lines(1)[0], "GET 200\n")
        self.start(environment=log("{{.Request.Nothing}}"))
        self.ask()
        self.assertTrue(self.lines(1)[0].startswith("Invalid request log template: method: GET"))
        self.start(environment=log("{{}}"))
        self.assertEqual(self.ask().status, 200)
        self.assertTrue(self.proxy.logged('"request_log"'))
        self.assertEqual(self.proxy.out, [])

    def abort(self):
        self.start(lambda request, connection: (connection.send(
            "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc"), False)[1], environment=LOG)
        with self.assertRaises((Broken, ConnectionResetError)):
            self.begin().read_response()

    def test_row_070_an_abort_is_logged_as_500(self):
        self.abort()
        request = json.loads(self.lines(1)[0])["httpRequest"]
        self.assertEqual((request["status"], request["responseSize"]), (500, "0"))

    def test_row_096_an_abort_is_a_500_in_the_metrics(self):
        self.abort()
        self.lines(1)
        self.assertEqual(1, self.metric(
            'kn_serving_invocation_duration_seconds_count{http_response_status_code="500",'
            'otel_scope_name="knative.dev/serving/pkg/queue"}'))


class Traces(QueueProxyTest):
    """What Knative's configuration says; a collector, and whole trees, are in activator/traces_test."""

    def spans(self, count):
        wait_for(lambda: len(self.proxy.out) >= count, "%d spans" % count)
        found = [json.loads(line)["resourceSpans"][0] for line in self.proxy.out]
        return {group["scopeSpans"][0]["spans"][0]["name"]: group["scopeSpans"][0]["spans"][0] for group in found}

    def test_spans_on_stdout(self):
        self.start(environment={"OBSERVABILITY_CONFIG": '{"tracing":{"protocol":"stdout"}}',
                                "OTEL_BSP_SCHEDULE_DELAY": "0"})
        self.ask(headers=PROBE)
        self.ask("BREW", "/pot")
        spans = self.spans(4)
        self.assertEqual(set(spans), {"HTTP", "kn.queueproxy.proxy", "kn.queueproxy.wait", "HTTP _OTHER"})
        proxied = spans["kn.queueproxy.proxy"]
        self.assertEqual(proxied["parentSpanId"], spans["HTTP"]["spanId"])
        self.assertEqual(self.app.requests[0].get("traceparent"), "00-%s-%s-01" % (
            proxied["traceId"], spans["HTTP _OTHER"]["spanId"]))

    def test_a_rate_of_zero_is_off(self):
        self.start(environment={"OBSERVABILITY_CONFIG":
                                '{"tracing":{"protocol":"http/protobuf","endpoint":"http://127.0.0.1:1"}}'})
        self.ask(headers=(("traceparent", "00-x"),))
        self.assertEqual(self.app.requests[0].get("traceparent"), "00-x")
        self.assertEqual(self.proxy.logged('"tracing"'), [])

    def test_without_a_limit_there_is_no_wait(self):
        self.start(environment={"OBSERVABILITY_CONFIG": '{"tracing":{"protocol":"stdout"}}',
                                "CONTAINER_CONCURRENCY": "0", "OTEL_BSP_SCHEDULE_DELAY": "0"})
        self.ask()
        self.assertEqual(set(self.spans(3)), {"GET", "kn.queueproxy.proxy", "HTTP GET"})


class ProcessLog(QueueProxyTest):
    def test_every_line_is_json_with_knatives_keys(self):
        self.start(app=False)
        self.ask()
        wait_for(lambda: self.proxy.logged("proxy_error"), "the error")
        for line in self.proxy.err:
            fields = json.loads(line)
            self.assertEqual((fields["logger"], fields["knative.dev/key"],
                              fields["knative.dev/pod"]), ("queueproxy", "ns/rev", "pod-1"))
            self.assertIn("timestamp", fields)
        error = json.loads(self.proxy.logged("proxy_error")[0])
        self.assertEqual(error["severity"], "ERROR")
        self.assertIn("connection refused", error["error"])

    def test_the_level_is_configured_by_json_and_overridden(self):
        quiet = {"SERVING_LOGGING_CONFIG": '{"level":"error"}'}
        proxy = QueueProxy(1, quiet, wait=False)
        self.addCleanup(proxy.close)
        wait_for(lambda: self.reachable(proxy), "the port")
        self.assertEqual(proxy.err, [])
        self.start(environment={**quiet, "SERVING_LOGGING_LEVEL": "info"})
        self.assertTrue(self.proxy.logged('"started"'))

    @staticmethod
    def reachable(proxy):
        try:
            proxy.connect().close()
        except ConnectionRefusedError:
            return False
        return True


class StartUp(QueueProxyTest):
    def ends(self, environment):
        proxy = QueueProxy(1, environment, wait=False)
        self.addCleanup(proxy.close)
        self.assertEqual(proxy.exit_code(), 1)
        return "".join(proxy.err)

    def test_row_100_an_empty_number_is_fatal_and_an_empty_text_is_not(self):
        self.assertIn("REVISION_IDLE_TIMEOUT_SECONDS",
                      self.ends({"REVISION_IDLE_TIMEOUT_SECONDS": ""}))
        self.start(environment={"SERVING_LOGGING_CONFIG": ""})
        self.assertEqual(self.ask().status, 200)

    def test_a_missing_variable_is_named(self):
        self.assertIn("required key CONTAINER_CONCURRENCY missing value",
                      self.ends({"CONTAINER_CONCURRENCY": None}))

    def test_a_taken_port_is_said_in_one_line(self):
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            for name in ("QUEUE_SERVING_PORT", "SLUICE_ADMIN_PORT", "SLUICE_STATS_PORT"):
                text = self.ends({name: str(port)})
                self.assertEqual(len(text.splitlines()), 1, text)
                self.assertIn("127.0.0.1:%d" % port, text)

    def test_a_taken_metrics_port_is_said_and_ignored(self):
        with socket.create_server(("127.0.0.1", 0)) as taken:
            self.start(environment={"SLUICE_METRICS_PORT": str(taken.getsockname()[1])})
            self.assertEqual(self.ask().status, 200)
            self.assertTrue(self.proxy.logged("metrics_port"))

    def test_ports_that_are_off_are_not_opened(self):
        stats, metrics = free_ports(2)
        self.start(environment={"SLUICE_STATS_PORT": "0", "SLUICE_METRICS_PORT": "0"})
        for port in (self.proxy.stats, self.proxy.metrics):
            with self.assertRaises(ConnectionRefusedError):
                self.proxy.connect(port)
        self.assertNotEqual(stats, metrics)

    def test_row_099_without_certificates_the_tls_port_is_closed(self):
        port = free_ports(1)[0]
        self.start(environment={"QUEUE_SERVING_TLS_PORT": str(port)})
        with self.assertRaises(ConnectionRefusedError):
            self.proxy.connect(port)


class Bounds(QueueProxyTest):
    def test_a_head_over_a_mebibyte_is_431(self):
        self.start()
        connection = self.connect()
        try:
            connection.send("GET / HTTP/1.1\r\nHost: a\r\nX: " + "x" * ((1 << 20) + 8192))
        except OSError:
            pass
        self.assertEqual(connection.read_response().status, 431)

    def test_a_large_head_and_a_large_answer_pass(self):
        body = "x" * 5_000_000
        self.start(lambda request, connection: connection.send(
            "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)))
        response = self.ask(headers=[("X-Large", "x" * 500_000)])
        self.assertEqual(len(response.body), len(body))
        self.assertEqual(len(self.app.requests[0].get("X-Large")), 500_000)

    def test_a_large_transfer_does_not_grow_the_process(self):
        piece = b"x" * 1_000_000
        total = 100

        def serve(app, connection):
            request = connection.read_head()
            left = int(request.get("Content-Length"))
            while left > 0:
                left -= len(connection.read_exactly(min(left, len(piece))))
            connection.send("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" %
                            (total * len(piece)))
            for _ in range(total):
                connection.send(piece)

        self.start(handler=serve)
        before = self.proxy.memory_kb()
        client = self.begin("POST", headers=[("Content-Length", str(total * len(piece)))])
        for _ in range(total):
            client.send(piece)
        self.assertEqual(client.read_head().status, 200)
        for _ in range(total):
            self.assertEqual(len(client.read_exactly(len(piece))), len(piece))
        with open(BINARY, "rb") as program:
            sanitized = b"__asan_init" in program.read()
        if not sanitized:  # its shadow memory grows with every allocation
            self.assertLess(self.proxy.memory_kb() - before, 4_000)
