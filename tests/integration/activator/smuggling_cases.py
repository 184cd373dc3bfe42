"""Requests that two servers in a row could read differently, and what must come of each.

`cases()` gives (name, bytes, expected): what one client sends on one connection, and the requests,
as (method, target, body), that a back end must see complete, in order. Empty: it is refused, and
no back end sees a complete request. Each hides a request for /smuggled behind its end in the
other reading; nobody may ever see that one, except where the bytes plainly say so.
"""

SMUGGLED = "GET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n"
REFUSED = ()


def post(fields, body="", version="1.1", host="Host: h\r\n"):
    return "POST /x HTTP/%s\r\n%s%s\r\n%s" % (version, host, fields, body)


def seen(body="", method="POST", target="/x"):
    return (method, target, body.encode("latin-1"))


def two_framings():
    chunks = "0\r\n\r\n" + SMUGGLED
    yield "CL.TE", post("Content-Length: %d\r\nTransfer-Encoding: chunked\r\n" % len(chunks), chunks), REFUSED
    yield "TE.CL", post("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", chunks), REFUSED
    yield "CL 0 and TE", post("Content-Length: 0\r\nTransfer-Encoding: chunked\r\n", chunks), REFUSED
    yield "two lengths", post("Content-Length: 0\r\nContent-Length: 35\r\n", SMUGGLED), REFUSED
    yield "two lengths, the longer first", post("Content-Length: 35\r\nContent-Length: 0\r\n", SMUGGLED), REFUSED
    yield "equal lengths", post("Content-Length: 2\r\nContent-Length: 2\r\n", "ab"), (seen("ab"),)
    yield "TE.TE, the second odd", post(
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n", chunks), REFUSED
    yield "TE.TE, the first odd", post(
        "Transfer-Encoding: x\r\nTransfer-Encoding: chunked\r\n", chunks), REFUSED
    yield "TE.TE, equal", post(
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", chunks), REFUSED
    yield "chunked in HTTP/1.0", post("Transfer-Encoding: chunked\r\n", chunks, version="1.0"), REFUSED
    for value in ("xchunked", "chunkedx", "chunked, identity", "identity, chunked", "gzip, chunked",
                  "chunked, gzip", "gzip", "identity", "", "\"chunked\"", "'chunked'", "chunked;q=1",
                  "chunked;", "chunked,", ",chunked", ", chunked", "chunked chunked",
                  "\x0bchunked", "chunked\x0b", "\x0cchunked", "chunked\x00", "\x00chunked",
                  "\xa0chunked", "chunk\r\ned", "chunked\r", "\r\n chunked", "\r\n\tchunked",
                  "chunked\r\n ", "\n chunked"):
        yield "Transfer-Encoding: %r" % value, post("Transfer-Encoding: %s\r\n" % value, chunks), REFUSED
        yield "CL and Transfer-Encoding: %r" % value, post(
            "Content-Length: 5\r\nTransfer-Encoding: %s\r\n" % value, chunks), REFUSED
    for value in ("Chunked", "CHUNKED", " chunked", "\tchunked", "chunked ", "chunked\t"):
        yield "Transfer-Encoding:%r" % value, post("Transfer-Encoding:%s\r\n" % value, "0\r\n\r\n"), (seen(),)
    for name in ("Transfer-Encoding ", "Transfer-Encoding\t", " Transfer-Encoding", "Transfer-Encoding\x00",
                 "Transfer\rEncoding", "Transfer Encoding", "Transfer-Encoding\r\n", "X: y\nTransfer-Encoding",
                 "X: y\rTransfer-Encoding", "\x0bTransfer-Encoding", "Transfer-Encoding(a)"):
        yield "%r: chunked" % name, post("%s: chunked\r\n" % name, chunks), REFUSED
        yield "CL and %r: chunked" % name, post("Content-Length: 5\r\n%s: chunked\r\n" % name, chunks), REFUSED
    yield "Transfer_Encoding is another field", post(
        "Content-Length: 5\r\nTransfer_Encoding: chunked\r\n", "0\r\n\r\n"), (seen("0\r\n\r\n"),)


def lengths():
    for value in ("+5", "-5", "0x5", "5 5", "5,5", "5, 5", "5;", "", "five", "5.0", "5e0", "5\x00", "5\x0b",
                  "18446744073709551616", "99999999999999999999999", "\xb25", "5\r\n 0"):
        yield "Content-Length: %r" % value, post("Content-Length: %s\r\n" % value, "hello" + SMUGGLED), REFUSED
    yield "leading zeros", post("Content-Length: 0005\r\n", "hello"), (seen("hello"),)
    yield "length with blanks", post("Content-Length: \t5\t \r\n", "hello"), (seen("hello"),)
    yield "no length at all", post(""), (seen(),)
    yield "GET with a body", "GET /x HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello", (seen("hello", "GET"),)
    for name in ("Content-Length", "content-length", "Transfer-Encoding", "Host"):
        yield "Connection lists %s" % name, post(
            "Connection: keep-alive, %s\r\nContent-Length: 5\r\n" % name, "hello"), (seen("hello"),)


def lines():
    yield "folded field", post("X: a\r\n b\r\nContent-Length: 0\r\n"), REFUSED
    yield "folded length", post("Content-Length:\r\n 5\r\n", "hello"), REFUSED
    yield "first line folded", "POST /x HTTP/1.1\r\n Host: h\r\nHost: h\r\n\r\n", REFUSED
    yield "bare LF in the head", post("X: a\nContent-Length: 5\r\n", "hello"), REFUSED
    yield "bare LF ends the head", "POST /x HTTP/1.1\r\nHost: h\r\n\n" + SMUGGLED, REFUSED
    yield "bare CR in the head", post("X: a\rContent-Length: 5\r\n", "hello"), REFUSED
    yield "bare CR ends the head", "POST /x HTTP/1.1\r\nHost: h\r\n\r\r\n" + SMUGGLED, REFUSED
    yield "NUL in a value", post("X: a\x00b\r\n"), REFUSED
    yield "NUL in the target", "GET /x\x00y HTTP/1.1\r\nHost: h\r\n\r\n", REFUSED
    yield "blank in a name", post("X Y: a\r\n"), REFUSED
    yield "blank before the colon", post("Content-Length : 5\r\n", "hello"), REFUSED
    yield "no name", post(": a\r\n"), REFUSED
    yield "no colon", post("nothing\r\n"), REFUSED
    yield "tabs in the request line", "GET\t/x\tHTTP/1.1\r\nHost: h\r\n\r\n", REFUSED
    yield "two blanks in the request line", "GET  /x HTTP/1.1\r\nHost: h\r\n\r\n", REFUSED
    yield "blank in the target", "GET /x y HTTP/1.1\r\nHost: h\r\n\r\n", REFUSED
    yield "small version", "GET /x http/1.1\r\nHost: h\r\n\r\n", REFUSED
    yield "no version", "GET /x\r\nHost: h\r\n\r\n", REFUSED
    yield "strange version", "GET /x HTTP/1.10\r\nHost: h\r\n\r\n", REFUSED
    yield "strange method", "G(T /x HTTP/1.1\r\nHost: h\r\n\r\n", REFUSED
    yield "HTTP/2 preface with a field", "PRI * HTTP/2.0\r\nHost: h\r\n\r\nSM\r\n\r\n", REFUSED


def hosts():
    yield "no Host", post("Content-Length: 0\r\n", host=""), REFUSED
    yield "two Hosts", post("Host: other\r\n"), REFUSED
    yield "Host twice, equal", post("Host: h\r\n"), REFUSED
    yield "folded Host", post("", host="Host:\r\n h\r\n"), REFUSED
    for host in ("a b", "a,b", "a/b", "a@b", "a?b", "a#b", "a\\b"):
        yield "Host: %r" % host, post("", host="Host: %s\r\n" % host), REFUSED
    yield "absolute form", "GET http://other/x?y HTTP/1.1\r\nHost: h\r\n\r\n", (seen("", "GET", "/x?y"),)
    yield "absolute form without a path", "GET http://other HTTP/1.1\r\nHost: h\r\n\r\n", (seen("", "GET", "/"),)
    for target in ("x", "x?://h/smuggled", "://h/smuggled", "http:///smuggled", "http://a@h/", "http:/x", "?x", "#x"):
        yield "target %r" % target, "GET %s HTTP/1.1\r\nHost: h\r\n\r\n" % target, REFUSED


def chunks():
    def chunked(body):
        return post("Transfer-Encoding: chunked\r\n", body)
    good = (seen("hello"),)
    yield "chunks", chunked("2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n"), good
    yield "capital hexadecimal", chunked("A\r\n0123456789\r\n0\r\n\r\n"), (seen("0123456789"),)
    yield "leading zeros in a size", chunked("0005\r\nhello\r\n000\r\n\r\n"), good
    yield "many leading zeros", chunked("0" * 500 + "5\r\nhello\r\n0\r\n\r\n"), good
    yield "extension", chunked("5;a=b\r\nhello\r\n0;c\r\n\r\n"), good
    yield "quoted extension", chunked("5;a=\"b;c\"\r\nhello\r\n0\r\n\r\n"), good
    for size in ("5 ", " 5", "\t5", "5\t", "0x5", "+5", "-5", "5_", "5,", "5:a", "", "g", "5;a=\x00", "5;a=\"\n\"",
                 "5;\n", "5;a\r", "5\x00", "5\n", "5\r\r", "fffffffffffffffff", "10000000000000005",
                 "ffffffffffffffffffffffffffffffff"):
        yield "size %r" % size, chunked("%s\r\nhello\r\n0\r\n\r\n" % size + SMUGGLED), REFUSED
    yield "no CRLF behind a chunk", chunked("5\r\nhello0\r\n\r\n" + SMUGGLED), REFUSED
    yield "LF behind a chunk", chunked("5\r\nhello\n0\r\n\r\n" + SMUGGLED), REFUSED
    yield "two bytes instead of CRLF", chunked("5\r\nhelloXX0\r\n\r\n" + SMUGGLED), REFUSED
    yield "chunk longer than its size", chunked("4\r\nhello\r\n0\r\n\r\n" + SMUGGLED), REFUSED
    yield "sizes end with LF", chunked("5\nhello\n0\n\n" + SMUGGLED), REFUSED
    yield "trailers", chunked("5\r\nhello\r\n0\r\nX: y\r\n\r\n"), good
    yield "framing in trailers", chunked(
        "5\r\nhello\r\n0\r\nContent-Length: 50\r\nTransfer-Encoding: gzip\r\nHost: x\r\n\r\n"), REFUSED
    yield "folded trailer", chunked("5\r\nhello\r\n0\r\nX: y\r\n z\r\n\r\n" + SMUGGLED), REFUSED
    yield "bad trailer", chunked("5\r\nhello\r\n0\r\nX y\r\n\r\n" + SMUGGLED), REFUSED
    yield "bare LF in trailers", chunked("5\r\nhello\r\n0\r\nX: y\nZ: z\r\n\r\n" + SMUGGLED), REFUSED


def several():
    get = "GET /%s HTTP/1.1\r\nHost: h\r\n\r\n"
    yield "pipelined", get % "a" + post("Content-Length: 5\r\n", "hello") + get % "b", (
        seen("", "GET", "/a"), seen("hello"), seen("", "GET", "/b"))
    yield "pipelined behind chunks", post("Transfer-Encoding: chunked\r\n", "1\r\na\r\n0\r\n\r\n") + get % "b", (
        seen("a"), seen("", "GET", "/b"))
    yield "a body that looks like a request", post(
        "Content-Length: %d\r\n" % len(SMUGGLED), SMUGGLED), (seen(SMUGGLED),)
    yield "a chunk that looks like a request", post(
        "Transfer-Encoding: chunked\r\n", "%x\r\n%s\r\n0\r\n\r\n" % (len(SMUGGLED), SMUGGLED)), (seen(SMUGGLED),)
    yield "an upgrade that is not taken", post(
        "Connection: Upgrade\r\nUpgrade: nothing\r\nContent-Length: 2\r\n", "ab") + get % "b", (
        seen("ab"), seen("", "GET", "/b"))
    yield "a good request, then a bad one", get % "a" + post(
        "Content-Length: 0\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n" + SMUGGLED), (seen("", "GET", "/a"), None)


def cases():
    for group in (two_framings, lengths, lines, hosts, chunks, several):
        yield from group()
