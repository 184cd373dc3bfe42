"""Slot streams: what our activators say to leave reservations, word by word (the words are in
common/core/slot_message.hpp)."""

from harness import Broken, Gate, OK, QueueProxyTest, TRY, request_text, wait_for

OPEN = (("Connection", "Upgrade"), ("Upgrade", "sluice-slots"), ("Sluice-Slots", "open"))


class SlotStreams(QueueProxyTest):
    def start_gated(self, **environment):
        self.gate = Gate()

        def respond(_, connection):
            self.gate.wait()
            connection.send(OK)

        self.start(respond, environment=environment)
        self.addCleanup(self.gate.open, 100)

    def open_stream(self):
        stream = self.begin(headers=OPEN)
        head = stream.read_head()
        self.assertEqual((head.status, head.get("Upgrade")), (101, "sluice-slots"))
        stream.number = head.get("Sluice-Slots")
        return stream

    def line(self, stream):
        while b"\n" not in stream.buffer:
            stream.fill()
        line, stream.buffer = stream.buffer.split(b"\n", 1)
        return line.decode()

    def closed(self, stream):
        try:
            stream.fill()
        except (Broken, ConnectionResetError):
            return
        self.fail("the stream says %r" % stream.buffer)

    def attempt(self, stream=None, target="/"):
        grant = (("Sluice-Grant", stream.number),) if stream else ()
        return self.begin(target=target, headers=TRY + grant)

    def refused(self, connection):
        response = connection.read_response()
        self.assertEqual((response.status, response.get("Sluice-Refused")), (503, "busy"))

    def test_a_freed_slot_is_kept_for_the_oldest_reservation(self):
        self.start_gated()
        running = self.attempt(target="/running")
        self.wait_inside(1)
        young, old = self.open_stream(), self.open_stream()
        young.send("want 1 1000\n")
        old.send("want 1 2000000\n")
        # Both are in line when a third one that is older than both has been granted, and given back.
        third = self.open_stream()
        third.send("want 1 9000000\n")
        self.gate.open()
        self.assertEqual(running.read_response().status, 200)
        self.assertEqual(self.line(third), "grant 1")
        third.send("none 1\n")
        self.assertEqual(self.line(old), "grant 1")
        self.refused(self.attempt())
        self.refused(self.attempt(young))
        self.gate.open()
        self.assertEqual(self.attempt(old).read_response().status, 200)
        self.assertEqual(self.line(young), "grant 1")
        self.gate.open()
        self.assertEqual(self.attempt(young).read_response().status, 200)
        self.assertEqual(self.app.at_once_max, 1)

    def test_an_unused_grant_lapses_and_passes_on(self):
        self.start_gated()
        silent, other = self.open_stream(), self.open_stream()
        silent.send("want 1 0\n")
        self.assertEqual(self.line(silent), "grant 1")
        other.send("want 1 0\n")
        self.assertEqual(self.line(silent), "lapse 1")
        self.assertEqual(self.line(other), "grant 1")
        self.refused(self.attempt(silent))
        self.gate.open()
        self.assertEqual(self.attempt(other).read_response().status, 200)

    def test_what_ends_takes_its_grant_and_reservation_along(self):
        self.start_gated()
        for reset in (False, True):
            ends, other = self.open_stream(), self.open_stream()
            ends.send("want 1 0\n")
            self.assertEqual(self.line(ends), "grant 1")
            ends.send("want 2 5000\n")
            other.send("want 1 0\n")
            ends.close(reset)
            self.assertEqual(self.line(other), "grant 1")
            self.gate.open()
            self.assertEqual(self.attempt(other).read_response().status, 200)
            self.gate.open()
            self.assertEqual(self.attempt().read_response().status, 200)

    def test_whatever_is_no_message_ends_the_stream(self):
        self.start_gated()
        for garbage in ("hello\n", "grant 1\n", "want 1\n", "want 1 2 3\n", "x" * 100):
            stream = self.open_stream()
            stream.send("want 1 0\n")
            self.assertEqual(self.line(stream), "grant 1")
            stream.send(garbage)
            self.closed(stream)
        self.gate.open()
        self.assertEqual(self.attempt().read_response().status, 200)

    def test_a_stream_is_no_request(self):
        """No slot, no statistics, no request log; a reservation is shown nowhere as load."""
        self.start_gated()
        self.open_stream()
        self.gate.open()
        self.assertEqual(self.attempt().read_response().status, 200)
        text = self.ask(target="/metrics", port=self.proxy.stats).body.decode()
        self.assertEqual(len(self.app.requests), 1)
        self.assertNotIn("sluice-slots", text)

    def test_who_is_not_our_activator_gets_no_stream(self):
        self.start(lambda request, connection: connection.send(OK))
        for headers in (OPEN + (("Knative-Serving-Revision", "rev"),), OPEN[:2], OPEN[:2] + TRY,
                        OPEN[:1] + (("Upgrade", "websocket"),) + OPEN[2:]):
            self.assertEqual(self.ask(headers=headers).status, 200)
        self.assertEqual(self.ask("POST", headers=OPEN, body="x").status, 200)
        self.assertEqual(len(self.app.requests), 5)
        # Nor does the application learn of what only our programs say.
        self.assertEqual([r.get("Sluice-Slots") for r in self.app.requests], [None] * 5)

    def test_there_are_no_more_streams_than_activators_could_be(self):
        self.start_gated()
        streams = [self.open_stream() for _ in range(256)]
        one_more = self.begin(headers=OPEN)
        self.assertEqual(one_more.read_response().status, 503)
        streams[0].close()

        def opens():
            again = self.begin(headers=OPEN)
            return again.read_head().status == 101
        wait_for(opens, "room for another stream")

    def test_the_end_of_the_pod_does_not_wait_for_streams(self):
        self.start_gated()
        running = self.attempt()
        self.wait_inside(1)
        stream = self.open_stream()
        stream.send("want 1 0\n")
        self.proxy.signal()
        self.closed(stream)
        self.gate.open()
        self.assertEqual(running.read_response().status, 200)
        self.assertEqual(self.proxy.exit_code(), 0)

    def test_a_grant_is_taken_by_a_request_with_a_body_too(self):
        self.start_gated()
        stream = self.open_stream()
        stream.send("want 1 0\n")
        self.assertEqual(self.line(stream), "grant 1")
        connection = self.connect()
        connection.send(request_text("POST", headers=TRY + (("Sluice-Grant", stream.number),),
                                     body="x" * 1000))
        self.gate.open()
        self.assertEqual(connection.read_response().status, 200)
        self.assertIsNone(self.app.requests[0].get("Sluice-Grant"))
