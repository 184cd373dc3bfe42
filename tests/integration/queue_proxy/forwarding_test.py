"""What the application and the client get of each other (contract queue-proxy 3.5 to 3.11, rows
55 to 79)."""

import threading

from harness import Broken, Gate, OK, QueueProxyTest, UPGRADE, echo


def chunk(text):
    return "%x\r\n%s\r\n" % (len(text), text)


class Headers(QueueProxyTest):
    def seen(self, headers=(), target="/", **more):
        """The request as the application got it."""
        self.start()
        self.assertEqual(self.ask(headers=headers, target=target, **more).status, 200)
        return self.app.requests[0]

    def test_row_055_forwarded_is_made_of_the_x_forwarded_family(self):
        request = self.seen([("X-Forwarded-For", "127.0.0.1, ::1"), ("X-Forwarded-Host", "h"),
                             ("X-Forwarded-Proto", "p")])
        self.assertEqual(request.get("Forwarded"),
                         'for=127.0.0.1;host=h;proto=p, for="[::1]"')

    def test_row_056_an_existing_forwarded_is_not_touched(self):
        request = self.seen([("Forwarded", "for=x"), ("X-Forwarded-For", "1.1.1.1")])
        self.assertEqual(request.all("Forwarded"), ["for=x"])

    def test_row_056_without_the_family_there_is_no_forwarded(self):
        self.assertIsNone(self.seen().get("Forwarded"))

    def test_row_057_two_forwarded_for_fields_are_joined(self):
        request = self.seen([("X-Forwarded-For", "1.1.1.1"), ("X-Forwarded-For", "2.2.2.2")])
        self.assertEqual(request.all("X-Forwarded-For"), ["1.1.1.1, 2.2.2.2, 127.0.0.1"])
        self.assertEqual(request.get("Forwarded"), "for=1.1.1.1")

    def test_row_058_revision_fields_stay_here(self):
        request = self.seen([("Knative-Serving-Revision", "r"),
                             ("Knative-Serving-Namespace", "n")])
        self.assertIsNone(request.get("Knative-Serving-Revision"))
        self.assertIsNone(request.get("Knative-Serving-Namespace"))

    def test_row_059_the_original_host_is_restored(self):
        request = self.seen([("K-Original-Host", "a.b")])
        self.assertEqual(request.all("Host"), ["a.b"])
        self.assertIsNone(request.get("K-Original-Host"))

    def test_row_060_the_user_agent_is_kept_and_not_invented(self):
        self.assertIsNone(self.seen().get("User-Agent"))
        self.assertEqual(self.seen([("User-Agent", "me")]).get("User-Agent"), "me")

    def test_row_061_hop_by_hop_fields_are_removed(self):
        request = self.seen([("Connection", "X-Foo"), ("X-Foo", "1"), ("Keep-Alive", "3"),
                             ("TE", "trailers, gzip"), ("X-Bar", "2")])
        self.assertIsNone(request.get("X-Foo"))
        self.assertIsNone(request.get("Keep-Alive"))
        self.assertEqual(request.get("Te"), "trailers")
        self.assertEqual(request.get("X-Bar"), "2")

    def test_row_063_the_target_is_passed_byte_for_byte(self):
        for target in ("//a/../b?x=1;y=%zz", "/a%2Fb", "/%7E?q=a+b&&="):
            self.assertEqual(self.seen(target=target).target, target)

    def test_other_fields_reach_the_app(self):
        names = ["K-Proxy-Request", "K-Network-Hash", "Knative-Serving-Tag", "K-Passthrough-Lb",
                 "Cookie", "X-B3-Traceid", "Traceparent", "Accept-Encoding", "X-Forwarded-Proto"]
        request = self.seen([(name, "v") for name in names])
        for name in names:
            self.assertEqual(request.all(name), ["v"], name)

    def test_our_private_fields_never_reach_the_app(self):
        request = self.seen([("Sluice-Try", "1"), ("Sluice-Anything", "x")])
        self.assertEqual([n for n, _ in request.headers if n.lower().startswith("sluice")], [])

    def test_an_absolute_target_becomes_origin_form(self):
        request = self.seen(target="http://other.example/p?q")
        self.assertEqual((request.target, request.all("Host")), ("/p?q", ["other.example"]))

    def test_connect_is_refused(self):
        self.start()
        self.plain_error(self.ask("CONNECT", "a:443"), 502,
                         "client sent unsupported CONNECT request")

    def test_options_star_is_answered_here(self):
        self.start()
        response = self.ask("OPTIONS", "*")
        self.assertEqual((response.status, response.body), (200, b""))
        self.assertEqual(self.app.requests, [])

    def test_an_unknown_expectation_is_417(self):
        self.start()
        self.assertEqual(self.ask(headers=[("Expect", "wonders")]).status, 417)

    def test_a_post_without_body_says_length_zero(self):
        self.start()
        self.ask("POST")
        self.assertEqual(self.app.requests[0].get("Content-Length"), "0")

    def test_row_079_doubtful_framing_is_refused(self):
        self.start()
        cases = [
            ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx", 400),
            ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n", 501),
            ("GET / HTTP/1.1\r\n\r\n", 400),
            ("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
        ]
        for text, status in cases:
            connection = self.connect()
            connection.send(text)
            self.assertEqual(connection.read_response().status, status, text)
        self.assertEqual(self.app.requests, [])


class Responses(QueueProxyTest):
    def answering(self, *parts, environment=None, keep=True):
        """The application answers each request with `parts`; False at the end closes."""

        def respond(request, connection):
            for part in parts:
                connection.send(part)
            return keep

        self.start(respond, environment=environment)

    def test_row_064_trailers_are_delivered_announced_or_not(self):
        for announced in ("Trailer: X-Sum\r\n", ""):
            self.answering("HTTP/1.1 200 OK\r\n" + announced +
                           "Transfer-Encoding: chunked\r\n\r\n" + chunk("abc") +
                           "0\r\nX-Sum: 6\r\n\r\n")
            response = self.ask(headers=[("TE", "trailers")])
            self.assertEqual(response.body, b"abc")
            self.assertEqual(response.trailers, [("X-Sum", "6")])

    def test_row_068_an_app_that_does_not_listen_is_502_at_once(self):
        self.start(app=False)
        self.plain_error(self.ask(), 502, "dial tcp 127.0.0.1:%d: connect: connection refused" %
                         self.app_port)

    def test_row_069_an_app_that_closes_without_reply_is_502(self):
        self.answering(keep=False)
        self.plain_error(self.ask("POST", body="x"), 502, "EOF")
        self.assertEqual(len(self.app.requests), 1)

    def test_row_069_a_get_on_a_reused_connection_is_tried_once_more(self):
        answers = []

        def respond(request, connection):
            answers.append(request.target)
            if len(answers) == 2:
                return False  # the reused connection breaks before an answer
            connection.send(OK)

        self.start(respond)
        self.assertEqual(self.ask(target="/1").status, 200)
        self.assertEqual(self.ask(target="/2").status, 200)
        self.assertEqual(answers, ["/1", "/2", "/2"])

    def test_row_069_a_post_on_a_reused_connection_is_not(self):
        answers = []

        def respond(request, connection):
            answers.append(request.target)
            if len(answers) == 2:
                return False
            connection.send(OK)

        self.start(respond)
        self.assertEqual(self.ask("POST", "/1", body="x").status, 200)
        self.assertEqual(self.ask("POST", "/2", body="x").status, 502)
        self.assertEqual(answers, ["/1", "/2"])

    def test_row_070_an_app_that_dies_mid_body_aborts_the_client(self):
        self.answering("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", chunk("abc"),
                       keep=False)
        connection = self.begin()
        with self.assertRaises((Broken, ConnectionResetError)):
            connection.read_response()

    def test_row_071_the_final_status_counts_not_an_interim_one(self):
        self.answering("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
                       "HTTP/1.1 500 Internal Server Error\r\nContent-Length: 3\r\n\r\nbad")
        connection = self.begin()
        hints = connection.read_head()
        self.assertEqual((hints.status, hints.get("Link")), (103, "</a>"))
        response = connection.read_response()
        self.assertEqual((response.status, response.body), (500, b"bad"))

    def expecting(self, first_answer):
        """An application that looks at the head of a request with Expect before its body."""
        self.app_saw = []

        def serve(app, connection):
            request = connection.read_head()
            self.app_saw.append(request.get("Expect"))
            first_answer(request, connection)

        self.start(handler=serve)
        return self.begin("POST", headers=[("Expect", "100-continue"), ("Content-Length", "3")])

    def test_row_072_a_404_after_100_stays_a_404(self):
        def answer(request, connection):
            connection.send("HTTP/1.1 100 Continue\r\n\r\n")
            connection.read_exactly(3)
            connection.send("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")

        client = self.expecting(answer)
        self.assertEqual(client.read_head().status, 100)
        client.send("abc")
        self.assertEqual(client.read_response().status, 404)
        self.assertEqual(self.app_saw, ["100-continue"])

    def test_row_073_without_a_100_the_body_is_sent_after_a_second(self):
        def answer(request, connection):
            connection.read_exactly(3)
            connection.send(OK)

        client = self.expecting(answer)
        self.assertEqual(client.read_head().status, 100)  # from here, after 1 s
        client.send("abc")
        self.assertEqual(client.read_response().status, 200)

    def test_a_final_status_instead_of_100_comes_at_once(self):
        client = self.expecting(lambda request, connection: connection.send(
            "HTTP/1.1 417 Expectation Failed\r\nContent-Length: 0\r\n\r\n"))
        response = client.read_response()
        self.assertEqual((response.status, response.get("Connection")), (417, "close"))

    def test_row_074_an_event_stream_is_not_held_back(self):
        gate = Gate()

        def respond(request, connection):
            connection.send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\n"
                            "Content-Length: 18\r\n\r\ndata: 1\n\n")
            gate.wait()
            connection.send("data: 2\n\n")

        self.start(respond)
        client = self.begin()
        self.assertEqual(client.read_head().status, 200)
        self.assertEqual(client.read_exactly(9), b"data: 1\n\n")
        gate.open()
        self.assertEqual(client.read_exactly(9), b"data: 2\n\n")

    def test_row_075_an_early_answer_is_heard_during_the_upload(self):
        def serve(app, connection):
            connection.read_head()
            connection.send("HTTP/1.1 413 Content Too Large\r\nContent-Length: 3\r\n\r\nbig")

        self.start(handler=serve)
        client = self.begin("POST", headers=[("Content-Length", "10000000")])
        client.send("x" * 1000)
        response = client.read_response()
        self.assertEqual((response.status, response.body), (413, b"big"))
        self.assertEqual(response.get("Connection"), "close")

    def test_row_075_a_response_streams_while_the_request_uploads(self):
        def serve(app, connection):
            connection.read_head()
            connection.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            while True:
                data = connection.read_chunk()
                if not data:
                    break
                connection.send(chunk(data.decode()))
            connection.send("0\r\n\r\n")

        self.start(handler=serve)
        client = self.begin("POST", headers=[("Transfer-Encoding", "chunked")])
        self.assertEqual(client.read_head().status, 200)
        for word in ("one", "two"):
            client.send(chunk(word))
            self.assertEqual(client.read_chunk(), word.encode())
        client.send("0\r\n\r\n")
        self.assertEqual(client.read_chunk(), b"")

    def test_row_076_an_upgrade_to_something_else_is_502(self):
        self.answering("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n"
                       "Upgrade: other\r\n\r\n")
        self.assertEqual(self.ask(headers=UPGRADE).status, 502)

    def test_row_076_a_refused_upgrade_passes(self):
        self.answering("HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno")
        response = self.ask(headers=UPGRADE)
        self.assertEqual((response.status, response.body), (403, b"no"))

    def test_row_077_an_unsolicited_101_is_502(self):
        self.answering("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n"
                       "Upgrade: websocket\r\n\r\n")
        self.assertEqual(self.ask().status, 502)

    def test_row_078_two_cookies_stay_two_lines(self):
        self.answering("HTTP/1.1 200 OK\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\n"
                       "Content-Length: 0\r\n\r\n")
        self.assertEqual(self.ask().all("Set-Cookie"), ["a=1", "b=2"])

    def test_garbage_from_the_app_is_502(self):
        self.answering("garbage\r\n\r\n", keep=False)
        self.assertEqual(self.ask("POST", body="x").status, 502)

    def test_the_app_cannot_speak_for_us(self):
        self.answering("HTTP/1.1 503 Service Unavailable\r\nSluice-Refused: busy\r\n"
                       "Content-Length: 0\r\n\r\n")
        response = self.ask()
        self.assertEqual((response.status, response.get("Sluice-Refused")), (503, None))

    def test_a_websocket_echoes_and_closes_both_ways(self):
        self.start(handler=echo)
        socket = self.begin(headers=UPGRADE)
        head = socket.read_head()
        self.assertEqual((head.status, head.get("Upgrade")), (101, "websocket"))
        for size in (1, 1000, 200_000):
            data = bytes(i % 251 for i in range(size))
            sender = threading.Thread(target=socket.send, args=(data,))
            sender.start()
            self.assertEqual(socket.read_exactly(size), data)
            sender.join()
        socket.half_close()
        self.assertTrue(socket.at_end())

    def test_an_eof_delimited_body_becomes_chunked(self):
        self.answering("HTTP/1.0 200 OK\r\n\r\nto the end", keep=False)
        response = self.ask()
        self.assertEqual((response.body, response.get("Transfer-Encoding")),
                         (b"to the end", "chunked"))

    def test_pipelined_requests_are_answered_in_order(self):
        self.start(lambda request, connection: connection.send(
            "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n" + request.target))
        client = self.connect()
        client.send("".join("GET /%d HTTP/1.1\r\nHost: a\r\n\r\n" % i for i in range(5)))
        self.assertEqual([client.read_response().body for _ in range(5)],
                         [b"/%d" % i for i in range(5)])
