"""What goes beyond Knative: refusals and ends that our activator reads, slots held for the
application, the control lane (architecture, "Between activator and queue-proxy"; deviation D7)."""

import signal

from harness import Broken, Gate, OK, PROBE, QueueProxy, QueueProxyTest, TRY, wait_for


class Gated(QueueProxyTest):
    """The application answers when the gate is opened."""

    def start_gated(self, answer=OK, **environment):
        self.gate = Gate()
        self.interrupts = []

        def respond(request, connection):
            if request.target == "/interrupt":
                self.interrupts.append(request.method)
                connection.send(OK)
                self.gate.open()
                return
            if request.target.startswith("/control/"):
                connection.send(OK)
                return
            self.gate.wait()
            connection.answer(answer)

        self.start(respond, environment=environment)


class Refusals(Gated):
    def test_a_try_is_refused_at_once_when_full(self):
        self.start_gated()
        running = self.begin()
        self.wait_inside(1)
        refused = self.begin("POST", headers=TRY, body="x" * 100)
        response = refused.read_response()
        self.assertEqual((response.status, response.get("Sluice-Refused")), (503, "busy"))
        # The connection goes on.
        self.gate.open()
        self.assertEqual(running.read_response().status, 200)
        self.gate.open()
        refused.send("GET / HTTP/1.1\r\nHost: a\r\nSluice-Try: 1\r\n\r\n")
        self.assertEqual(refused.read_response().status, 200)
        self.assertEqual(len(self.app.requests), 2)

    def test_a_refusal_does_not_wait_for_a_long_body(self):
        self.start_gated()
        self.begin()
        self.wait_inside(1)
        refused = self.begin("POST", headers=TRY + (("Content-Length", "100000000"),))
        response = refused.read_response()
        self.assertEqual((response.status, response.get("Sluice-Refused")), (503, "busy"))
        self.assertEqual(response.get("Connection"), "close")
        self.gate.open()

    def test_an_app_that_cannot_be_reached_has_not_started(self):
        self.start(app=False)
        response = self.ask("POST", headers=TRY, body="x")
        self.assertEqual((response.status, response.get("Sluice-Refused")), (503, "unreachable"))

    def test_an_app_that_breaks_off_may_have_started(self):
        self.start(lambda request, connection: False)
        response = self.ask("POST", headers=TRY, body="x")
        self.assertEqual((response.status, response.get("Sluice-Error")), (502, "lost"))

    def test_callers_of_others_get_none_of_this(self):
        self.start(lambda request, connection: False)
        self.assertIsNone(self.ask("POST", body="x").get("Sluice-Error"))

    def test_the_host_and_the_mark_are_taken_off(self):
        self.start()
        self.ask(headers=TRY + (("K-Original-Host", "app.example.com"),), host="10.0.0.1:8012")
        request = self.app.requests[0]
        self.assertEqual(request.all("Host"), ["app.example.com"])
        self.assertIsNone(request.get("Sluice-Try"))


class HeldSlots(Gated):
    def leave(self, headers=(), reset=False, half=False, body="x"):
        """A client that leaves while the application works for it; returns its connection."""
        gone = self.begin("POST", headers=headers, body=body)
        self.wait_inside(1)
        if half:
            gone.half_close()
        else:
            gone.close(reset)
        return gone

    def is_held(self):
        wait_for(lambda: self.slots("held") == 1, "the slot to be held")
        queued = self.begin(target="/next")
        wait_for(lambda: self.metric("sluice_queue_length") == 1, "the next one to wait")
        self.assertEqual(self.app.inside, 1)
        return queued

    def test_a_departed_clients_slot_is_held_until_the_app_has_answered(self):
        self.start_gated()
        for reset in (False, True):
            self.leave(reset=reset)
            queued = self.is_held()
            self.gate.open(2)
            self.assertEqual(queued.read_response().status, 200)
        self.assertEqual(self.app.at_once_max, 1)

    def test_the_hold_is_bounded(self):
        self.start_gated(SLUICE_SLOT_HOLD_MAX="300ms")
        self.leave()
        queued = self.begin(target="/next")
        wait_for(lambda: len(self.app.requests) == 2, "the next one to be let in")
        self.gate.open(2)
        self.assertEqual(queued.read_response().status, 200)

    def test_close_frees_the_slot_at_once(self):
        self.start_gated(SLUICE_ON_DISCONNECT="close")
        self.leave()
        queued = self.begin(target="/next")
        wait_for(lambda: len(self.app.requests) == 2, "the next one to be let in")
        self.gate.open(2)
        self.assertEqual(queued.read_response().status, 200)

    def kill_and_start(self, **environment):
        """Another queue-proxy before the same application, as a container that is started anew."""
        self.begin("POST", target="/lost", body="x")
        self.wait_inside(1)
        self.proxy.signal(signal.SIGKILL)
        self.proxy.exit_code()
        self.proxy = QueueProxy(self.app_port, environment)
        self.addCleanup(self.proxy.close)

    def test_what_a_killed_queue_proxy_let_in_keeps_its_slot(self):
        self.start_gated()
        self.kill_and_start()
        queued = self.is_held()
        self.gate.open(2)
        self.assertEqual(queued.read_response().status, 200)
        self.assertEqual([r.target for r in self.app.requests], ["/lost", "/next"])
        self.assertEqual(self.app.at_once_max, 1)
        self.assertEqual(self.slots("held"), 0)

    def test_the_slot_of_a_killed_queue_proxy_is_kept_for_a_bounded_time(self):
        self.start_gated()
        self.kill_and_start(SLUICE_SLOT_HOLD_MAX="300ms")
        queued = self.begin(target="/next")
        wait_for(lambda: len(self.app.requests) == 2, "the next one to be let in")
        self.gate.open(2)
        self.assertEqual(queued.read_response().status, 200)

    def test_a_queue_proxy_that_holds_such_a_slot_ends_when_told_to(self):
        self.start_gated()
        self.kill_and_start()
        wait_for(lambda: self.slots("held") == 1, "the slot to be held")
        self.proxy.signal()
        self.assertEqual(self.proxy.exit_code(), 0)
        self.gate.open()

    def test_interrupt_asks_the_app_to_stop_once(self):
        self.start_gated(SLUICE_ON_DISCONNECT="interrupt", SLUICE_INTERRUPT_PATH="POST /interrupt")
        self.leave()
        wait_for(lambda: self.slots("held") == 0 and self.interrupts, "the slot to be free")
        self.assertEqual(self.interrupts, ["POST"])
        self.gate.open()
        self.assertEqual(self.ask().status, 200)
        self.assertEqual(self.interrupts, ["POST"])

    def test_our_activators_connection_ends_when_the_slot_is_free(self):
        self.start_gated()
        gone = self.leave(headers=TRY, half=True)
        wait_for(lambda: self.slots("held") == 1, "the slot to be held")
        gone.sock.settimeout(0.3)
        with self.assertRaises(TimeoutError):
            gone.sock.recv(1)
        gone.sock.settimeout(30)
        self.gate.open()
        self.assertTrue(gone.at_end())
        wait_for(lambda: self.slots("held") == 0, "the slot to be free")

    def test_the_timeout_of_a_try_ends_when_the_slot_is_free(self):
        self.start_gated(REVISION_TIMEOUT_SECONDS="1", SLUICE_SLOT_HOLD_MAX="30s")
        client = self.begin("POST", headers=TRY, body="x")
        head = client.read_head()
        self.assertEqual((head.status, head.get("Sluice-Error"), head.get("Sluice-Slot")),
                         (504, "timeout", "held"))
        self.assertEqual(client.read_chunk(), b"request timeout")
        self.assertEqual(self.slots("held"), 1)
        self.gate.open()
        self.assertEqual(client.read_chunk(), b"")
        client.read_fields()
        client.send("GET / HTTP/1.1\r\nHost: a\r\n" +
                    "".join("%s: %s\r\n" % pair for pair in PROBE) + "\r\n")
        self.assertEqual(client.read_response().body, b"queue")

    def test_the_timeout_of_a_try_without_a_held_slot_ends_at_once(self):
        self.start_gated(REVISION_TIMEOUT_SECONDS="1", SLUICE_ON_DISCONNECT="close")
        response = self.ask("POST", headers=TRY, body="x")
        self.assertEqual((response.status, response.get("Sluice-Error"),
                          response.get("Sluice-Slot"), response.body),
                         (504, "timeout", None, b"request timeout"))
        self.gate.open()

    def test_an_app_that_waits_for_a_body_in_vain_learns_of_its_end(self):
        ended = []

        def serve(app, connection):
            request = connection.read_head()
            app.enter(request)
            try:
                connection.read_exactly(1000)
            except Broken:
                ended.append(True)
            finally:
                app.leave()

        self.start(handler=serve)
        gone = self.begin("POST", headers=[("Content-Length", "1000")])
        gone.send("x" * 10)
        self.wait_inside(1)
        gone.close()
        wait_for(lambda: ended, "the application to see the end")
        wait_for(lambda: self.slots("held") == 0 and self.slots("running") == 0, "the slot")

    def test_a_client_that_leaves_during_a_long_answer_holds_the_slot_until_its_end(self):
        body = "x" * 20_000_000
        self.start_gated(answer="HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" %
                         (len(body), body))
        gone = self.leave(body="x")
        self.gate.open()
        wait_for(lambda: self.app.inside == 0, "the application to get rid of its answer")
        wait_for(lambda: self.slots("held") == 0, "the slot to be free")
        self.assertIsNotNone(gone)


class ControlLane(Gated):
    def start_lane(self, **more):
        self.start_gated(SLUICE_CONTROL_PATHS="/control*", **more)
        self.running = self.begin()
        self.wait_inside(1)

    def test_control_paths_need_no_slot(self):
        self.start_lane()
        self.assertEqual(self.ask(target="/control/progress").status, 200)
        self.gate.open()
        self.assertEqual(self.running.read_response().status, 200)

    def test_a_path_that_could_be_read_otherwise_needs_one(self):
        self.start_lane()
        self.begin(target="/control/../generate")
        wait_for(lambda: self.metric("sluice_queue_length") == 1, "it to wait")
        self.gate.open(2)

    def test_the_lane_has_a_limit_of_its_own(self):
        self.start_lane(SLUICE_CONTROL_LIMIT="1")
        slow = self.begin(target="/control-slow")
        self.wait_inside(2)
        self.plain_error(self.ask(target="/control/progress"), 503, "too many control requests")
        self.gate.open(2)
        self.assertEqual(slow.read_response().status, 200)

    def test_the_preset_a1111_knows_its_paths(self):
        self.start_gated(SLUICE_APP="a1111")
        self.begin("POST", "/sdapi/v1/txt2img", body="{}")
        self.wait_inside(1)
        progress = self.begin(target="/sdapi/v1/progress")
        self.wait_inside(2)
        self.gate.open(2)
        self.assertEqual(progress.read_response().status, 200)
