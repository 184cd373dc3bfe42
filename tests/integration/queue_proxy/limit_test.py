"""The limit, the line, and the statistics (contract queue-proxy 3.6 and 6, rows 25 to 43)."""

import struct

from harness import Gate, OK, QueueProxyTest, UPGRADE, echo, wait_for


def decode_stat(data):
    """One proto3 Stat: {field number: value}."""
    fields = {}
    at = 0
    while at < len(data):
        key = data[at]
        at += 1
        if key & 7 == 1:
            fields[key >> 3] = struct.unpack("<d", data[at:at + 8])[0]
            at += 8
        elif key & 7 == 2:
            size = data[at]
            fields[key >> 3] = data[at + 1:at + 1 + size].decode()
            at += 1 + size
        else:
            raise ValueError("unexpected wire type in %r" % data)
    return fields


class Limit(QueueProxyTest):
    def start_gated(self, environment=None):
        self.gate = Gate()

        def respond(request, connection):
            self.gate.wait()
            connection.answer(OK)

        self.start(respond, environment=environment)

    def fill_line(self, first, last):
        connections = []
        for i in range(first, last):
            connections.append(self.begin(target="/%d" % i))
            waiting = len(connections)
            wait_for(lambda n=waiting: self.metric("sluice_queue_length") == n, "the line")
        return connections

    def test_row_025_eleven_are_accepted_in_order_and_the_rest_refused(self):
        self.start_gated()
        running = self.begin(target="/0")
        self.wait_inside(1)
        waiting = self.fill_line(1, 11)
        self.plain_error(self.ask(target="/11"), 503, "pending request queue full")
        for connection in [running] + waiting:
            self.gate.open()
            self.assertEqual(connection.read_response().status, 200)
        self.assertEqual([r.target for r in self.app.requests], ["/%d" % i for i in range(11)])
        self.assertEqual(self.app.at_once_max, 1)

    def test_row_026_a_finished_request_makes_room(self):
        self.start_gated()
        running = self.begin(target="/0")
        self.wait_inside(1)
        waiting = self.fill_line(1, 11)
        self.assertEqual(self.ask(target="/full").status, 503)
        self.gate.open()
        self.assertEqual(running.read_response().status, 200)
        extra = self.begin(target="/11")
        wait_for(lambda: self.metric("sluice_queue_length") == 10, "the line to be full again")
        self.gate.open(11)
        for connection in waiting + [extra]:
            self.assertEqual(connection.read_response().status, 200)

    def test_row_032_without_a_limit_all_go_in_at_once(self):
        for limit in ("0", "-1"):
            self.start_gated({"CONTAINER_CONCURRENCY": limit})
            clients = [self.begin(target="/%d" % i) for i in range(100)]
            self.wait_inside(100)
            self.gate.open(100)
            for client in clients:
                self.assertEqual(client.read_response().status, 200)
            self.assertIsNone(self.metric(
                'kn_serving_queue_depth{otel_scope_name="knative.dev/serving/pkg/queue"}'))

    def leave_the_line(self, **request):
        self.start_gated()
        running = self.begin(target="/first")
        self.wait_inside(1)
        queued = self.begin(target="/queued", **request)
        wait_for(lambda: self.metric("sluice_queue_length") == 1, "the request to wait")
        queued.close()
        wait_for(lambda: self.metric("sluice_queue_length") == 0, "the request to leave")
        self.gate.open(2)
        self.assertEqual(running.read_response().status, 200)
        self.assertEqual(self.ask(target="/next").status, 200)
        self.assertEqual([r.target for r in self.app.requests], ["/first", "/next"])

    def test_row_033_a_queued_get_whose_client_left_never_reaches_the_app(self):
        self.leave_the_line()

    def test_row_034_nor_does_a_queued_post_with_its_body(self):
        self.leave_the_line(method="POST", body="x" * 100_000)

    def test_row_028_a_cancelled_place_in_the_line_is_free_again(self):
        self.start_gated()
        running = self.begin(target="/0")
        self.wait_inside(1)
        waiting = self.fill_line(1, 11)
        waiting.pop().close()
        wait_for(lambda: self.metric("sluice_queue_length") == 9, "the place to be free")
        late = self.begin(target="/late")
        wait_for(lambda: self.metric("sluice_queue_length") == 10, "the place to be taken")
        self.gate.open(11)
        for connection in [running] + waiting + [late]:
            self.assertEqual(connection.read_response().status, 200)

    def test_row_035_an_open_websocket_keeps_the_slot(self):
        self.start(handler=echo)
        socket = self.begin(headers=UPGRADE)
        self.assertEqual(socket.read_head().status, 101)
        second = self.begin(headers=UPGRADE)
        wait_for(lambda: self.metric("sluice_queue_length") == 1, "the second to wait")
        self.assertEqual(self.app.inside, 1)
        socket.close()
        self.assertEqual(second.read_head().status, 101)

    def test_row_036_a_timed_out_request_keeps_its_slot_until_the_app_has_ended_it(self):
        self.start_gated({"REVISION_TIMEOUT_SECONDS": "1", "SLUICE_SLOT_HOLD_MAX": "30s"})
        self.assertEqual(self.ask(target="/slow").status, 504)
        late = self.ask(target="/late")  # its second passes in the line
        self.assertEqual(late.status, 504)
        self.assertEqual(self.app.inside, 1)
        self.gate.open(2)
        wait_for(lambda: self.app.inside == 0, "the application to end it")
        self.assertEqual(self.ask(target="/next").status, 200)
        self.assertEqual([r.target for r in self.app.requests], ["/slow", "/next"])
        self.assertEqual(self.app.at_once_max, 1)


class Statistics(QueueProxyTest):
    def stat(self):
        response = self.ask(target="/metrics", port=self.proxy.stats)
        self.assertEqual(response.all("Content-Type"), ["application/protobuf"])
        self.assertLessEqual(len(response.body), 336)
        return decode_stat(response.body)

    def count_in_some_second(self, headers):
        """[request_count, proxied_request_count] of the second in which one request came."""
        self.ask(headers=headers)
        return wait_for(lambda: self.next_with_requests(), "a second with a request")

    def next_with_requests(self):
        stat = self.stat()
        return [stat.get(4), stat.get(5)] if 4 in stat else None

    def test_row_037_proxied_requests_are_counted_as_such(self):
        self.start()
        self.assertEqual(self.count_in_some_second([("K-Proxy-Request", "activator")]), [1.0, 1.0])
        wait_for(lambda: 4 not in self.stat(), "a second without requests")
        self.assertEqual(self.count_in_some_second([("K-Proxy-Request", "Activator")]),
                         [1.0, None])

    def test_row_038_queued_requests_count_in_the_average(self):
        gate = Gate()
        self.start(lambda request, connection: (gate.wait(), connection.answer(OK)) and None)
        first = self.begin()
        second = self.begin()
        wait_for(lambda: self.stat().get(2) == 2.0, "an average of 2")
        gate.open()
        self.assertEqual(first.read_response().status, 200)
        wait_for(lambda: self.stat().get(2) == 1.0, "an average of 1")
        gate.open()
        self.assertEqual(second.read_response().status, 200)
        wait_for(lambda: 2 not in self.stat(), "an average of 0")

    def test_row_040_before_the_first_report_there_is_only_the_pod(self):
        self.start()
        stat = self.stat()
        self.assertEqual(stat[1], "pod-1")
        if 6 not in stat:  # a machine so slow that the first second is over proves nothing
            self.assertEqual(stat, {1: "pod-1"})

    def test_row_041_the_type_is_exact_whatever_is_accepted(self):
        self.start()
        response = self.ask(target="/metrics", port=self.proxy.stats,
                            headers=[("Accept", "text/plain")])
        self.assertEqual(response.all("Content-Type"), ["application/protobuf"])
        missing = self.ask(target="/other", port=self.proxy.stats)
        self.plain_error(missing, 404, "404 page not found")

    def test_row_042_the_message_is_short_with_the_longest_pod_name(self):
        self.start(environment={"SERVING_POD": "p" * 253})
        self.ask(headers=[("K-Proxy-Request", "activator")])
        response = wait_for(lambda: self.long_stat(), "a full report")
        self.assertLessEqual(len(response), 336)

    def long_stat(self):
        body = self.ask(target="/metrics", port=self.proxy.stats).body
        return body if len(body) > 270 else None

    def test_probes_and_the_kubelet_are_not_counted(self):
        self.start()
        self.ask(headers=[("User-Agent", "kube-probe/1"), ("K-Network-Probe", "queue")])
        self.ask(headers=[("K-Kubelet-Probe", "x")])
        wait_for(lambda: self.stat().get(6, 0) > 1.9, "two reports")
        self.assertNotIn(4, self.stat())
