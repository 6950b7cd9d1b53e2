"""Hostile visitors and lying local services: what must never get through, or never spread."""
import threading

import pytest

from harness.agent import answer, reply
from harness.http import BadMessage, Truncated, Visitor, build_request, fetch
from harness.traffic import Later, a_name, assert_nothing_sent
from harness.wait import DEADLINE, SLOW, wait_for

# Each is refused for what is in its head. {h} is the tunnel's host. SMUGGLED must never be served.
SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: {h}\r\n\r\n"
BAD_HEADS = {
    # two framings, or one that can be read in two ways
    "cl-te": b"POST / HTTP/1.1\r\nHost: {h}\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n"
             b"\r\n0\r\n\r\n",
    "te-cl": b"POST / HTTP/1.1\r\nHost: {h}\r\nTransfer-Encoding: chunked\r\nContent-Length: 4\r\n"
             b"\r\n0\r\n\r\n",
    "cl-cl": b"POST / HTTP/1.1\r\nHost: {h}\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
    "cl-list": b"POST / HTTP/1.1\r\nHost: {h}\r\nContent-Length: 1, 2\r\n\r\nab",
    "cl-plus": b"POST / HTTP/1.1\r\nHost: {h}\r\nContent-Length: +1\r\n\r\na",
    "cl-minus": b"POST / HTTP/1.1\r\nHost: {h}\r\nContent-Length: -1\r\n\r\n",
    "cl-hex": b"POST / HTTP/1.1\r\nHost: {h}\r\nContent-Length: 0x1\r\n\r\na",
    "cl-empty": b"POST / HTTP/1.1\r\nHost: {h}\r\nContent-Length: \r\n\r\n",
    "cl-inner-blank": b"POST / HTTP/1.1\r\nHost: {h}\r\nContent-Length: 1 0\r\n\r\n0123456789",
    "cl-comma": b"POST / HTTP/1.1\r\nHost: {h}\r\nContent-Length: 1,\r\n\r\na",
    "cl-overflow": b"POST / HTTP/1.1\r\nHost: {h}\r\nContent-Length: 18446744073709551617\r\n\r\na",
    "cl-huge": b"POST / HTTP/1.1\r\nHost: {h}\r\nContent-Length: " + b"9" * 60 + b"\r\n\r\n",
    "cl-float": b"POST / HTTP/1.1\r\nHost: {h}\r\nContent-Length: 1.0\r\n\r\na",
    "te-te": b"POST / HTTP/1.1\r\nHost: {h}\r\nTransfer-Encoding: chunked\r\n"
             b"Transfer-Encoding: identity\r\n\r\n0\r\n\r\n",
    "te-twice": b"POST / HTTP/1.1\r\nHost: {h}\r\nTransfer-Encoding: chunked\r\n"
                b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "te-chunked-chunked": b"POST / HTTP/1.1\r\nHost: {h}\r\nTransfer-Encoding: chunked, chunked\r\n"
                          b"\r\n0\r\n\r\n",
    "te-identity": b"POST / HTTP/1.1\r\nHost: {h}\r\nTransfer-Encoding: identity\r\n\r\n",
    "te-chunked-gzip": b"POST / HTTP/1.1\r\nHost: {h}\r\nTransfer-Encoding: chunked, gzip\r\n\r\n"
                       b"0\r\n\r\n",
    "te-xchunked": b"POST / HTTP/1.1\r\nHost: {h}\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "te-chunkedx": b"POST / HTTP/1.1\r\nHost: {h}\r\nTransfer-Encoding: chunkedx\r\n\r\n0\r\n\r\n",
    "te-quoted": b"POST / HTTP/1.1\r\nHost: {h}\r\nTransfer-Encoding: \"chunked\"\r\n\r\n0\r\n\r\n",
    "te-vtab": b"POST / HTTP/1.1\r\nHost: {h}\r\nTransfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n",
    "te-high": b"POST / HTTP/1.1\r\nHost: {h}\r\nTransfer-Encoding: \xa0chunked\r\n\r\n0\r\n\r\n",
    "te-param": b"POST / HTTP/1.1\r\nHost: {h}\r\nTransfer-Encoding: chunked;q=1\r\n\r\n0\r\n\r\n",
    "te-empty": b"POST / HTTP/1.1\r\nHost: {h}\r\nTransfer-Encoding: \r\n\r\n",
    "te-1.0": b"POST / HTTP/1.0\r\nHost: {h}\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "te-folded": b"POST / HTTP/1.1\r\nHost: {h}\r\nTransfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n",
    "te-get-cl": b"GET / HTTP/1.1\r\nHost: {h}\r\nContent-Length: 44\r\n"
                 b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    # lines
    "obs-fold": b"GET / HTTP/1.1\r\nHost: {h}\r\nX-A: b\r\n  c\r\n\r\n",
    "obs-fold-tab": b"GET / HTTP/1.1\r\nHost: {h}\r\nX-A: b\r\n"
                    b"\tTransfer-Encoding: chunked\r\n\r\n",
    "fold-first": b"GET / HTTP/1.1\r\n Host: {h}\r\n\r\n",
    "bare-lf": b"GET / HTTP/1.1\nHost: {h}\n\n",
    "bare-lf-mixed": b"GET / HTTP/1.1\r\nHost: {h}\nX-A: b\r\n\r\n",
    "bare-lf-in-value": b"GET / HTTP/1.1\r\nHost: {h}\r\n"
                        b"X-A: b\nTransfer-Encoding: chunked\r\n\r\n",
    "bare-lf-end": b"GET / HTTP/1.1\r\nHost: {h}\r\n\n",
    "bare-cr": b"GET / HTTP/1.1\r\nHost: {h}\r\nX-A: b\rTransfer-Encoding: chunked\r\n\r\n",
    "cr-cr-lf": b"GET / HTTP/1.1\r\nHost: {h}\r\r\n\r\n",
    "nul-in-value": b"GET / HTTP/1.1\r\nHost: {h}\r\nX-A: b\0c\r\n\r\n",
    "nul-in-name": b"GET / HTTP/1.1\r\nHost: {h}\r\nX\0A: b\r\n\r\n",
    "nul-in-target": b"GET /\0 HTTP/1.1\r\nHost: {h}\r\n\r\n",
    "control-in-value": b"GET / HTTP/1.1\r\nHost: {h}\r\nX-A: b\x1b[31m\r\n\r\n",
    "delete-in-value": b"GET / HTTP/1.1\r\nHost: {h}\r\nX-A: b\x7f\r\n\r\n",
    # fields
    "blank-before-colon": b"POST / HTTP/1.1\r\nHost: {h}\r\nContent-Length : 1\r\n\r\na",
    "tab-before-colon": b"POST / HTTP/1.1\r\nHost: {h}\r\nTransfer-Encoding\t: chunked\r\n\r\n",
    "no-colon": b"GET / HTTP/1.1\r\nHost: {h}\r\nX-A\r\n\r\n",
    "empty-name": b"GET / HTTP/1.1\r\nHost: {h}\r\n: b\r\n\r\n",
    "name-with-blank": b"GET / HTTP/1.1\r\nHost: {h}\r\nX A: b\r\n\r\n",
    "name-with-high-byte": b"GET / HTTP/1.1\r\nHost: {h}\r\nX-\xe4: b\r\n\r\n",
    "name-with-slash": b"GET / HTTP/1.1\r\nHost: {h}\r\nX/A: b\r\n\r\n",
    "name-in-brackets": b"GET / HTTP/1.1\r\nHost: {h}\r\n[X]: b\r\n\r\n",
    "two-hosts": b"GET / HTTP/1.1\r\nHost: {h}\r\nHost: other.lt.test\r\n\r\n",
    "host-twice-in-one": b"GET / HTTP/1.1\r\nHost: {h}, {h}\r\n\r\n",
    "host-blank-inside": b"GET / HTTP/1.1\r\nHost: {h} x\r\n\r\n",
    # request lines
    "two-blanks": b"GET  / HTTP/1.1\r\nHost: {h}\r\n\r\n",
    "tab-blank": b"GET\t/ HTTP/1.1\r\nHost: {h}\r\n\r\n",
    "trailing-blank": b"GET / HTTP/1.1 \r\nHost: {h}\r\n\r\n",
    "leading-blank": b" GET / HTTP/1.1\r\nHost: {h}\r\n\r\n",
    "no-target": b"GET HTTP/1.1\r\nHost: {h}\r\n\r\n",
    "no-version": b"GET /\r\nHost: {h}\r\n\r\n",
    "http-0.9": b"GET /\r\n\r\n",
    "blank-in-target": b"GET /a b HTTP/1.1\r\nHost: {h}\r\n\r\n",
    "fragment": b"GET /a#b HTTP/1.1\r\nHost: {h}\r\n\r\n",
    "delete-in-target": b"GET /\xe4\x7f HTTP/1.1\r\nHost: {h}\r\n\r\n",
    "bad-method": b"G(T / HTTP/1.1\r\nHost: {h}\r\n\r\n",
    "empty-method": b" / HTTP/1.1\r\nHost: {h}\r\n\r\n",
    "lower-http": b"GET / http/1.1\r\nHost: {h}\r\n\r\n",
    "http-1": b"GET / HTTP/1\r\nHost: {h}\r\n\r\n",
    "http-1.10": b"GET / HTTP/1.10\r\nHost: {h}\r\n\r\n",
    "http-01.1": b"GET / HTTP/01.1\r\nHost: {h}\r\n\r\n",
    "http-1,1": b"GET / HTTP/1,1\r\nHost: {h}\r\n\r\n",
    "bare-cr-request-line": b"GET / HTTP/1.1\rHost: {h}\r\n\r\n",
    # other protocols
    "http-2-version": b"GET / HTTP/2.0\r\nHost: {h}\r\n\r\n",
    "http-9.9": b"GET / HTTP/9.9\r\nHost: {h}\r\n\r\n",
    "http-2-preface": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0",
    "tls-hello": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(range(256)) * 2,
    "ssh": b"SSH-2.0-OpenSSH_9.2\r\n\r\n",
    "proxy-v1": b"PROXY TCP4 6.6.6.6 7.7.7.7 1 2\r\nGET / HTTP/1.1\r\nHost: {h}\r\n\r\n",
    "proxy-v2": b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c" + b"\1" * 12
                + b"GET / HTTP/1.1\r\nHost: {h}\r\n\r\n",
    "nuls": b"\0" * 64 + b"\r\n\r\n",
    "smtp": b"EHLO x\r\nMAIL FROM:<a@b>\r\n\r\n",
}

# These begin well; the fault is in the body. The head may have gone on, the smuggled part never.
BAD_BODIES = {
    "size-sign": b"+1\r\na\r\n0\r\n\r\n",
    "size-minus": b"-1\r\na\r\n0\r\n\r\n",
    "size-0x": b"0x1\r\na\r\n0\r\n\r\n",
    "size-empty": b"\r\na\r\n0\r\n\r\n",
    "size-blank-before": b" 1\r\na\r\n0\r\n\r\n",
    "size-word": b"zz\r\na\r\n0\r\n\r\n",
    "size-overflow": b"10000000000000001\r\na\r\n0\r\n\r\n",
    "size-many-zeros": b"0" * 70000 + b"1\r\na\r\n0\r\n\r\n",
    "size-bare-lf": b"1\na\n0\n\n",
    "size-cr-only": b"1\ra\r0\r\r",
    "size-underscore": b"1_0\r\n0123456789abcdef\r\n0\r\n\r\n",
    "data-too-long": b"1\r\nab\r\n0\r\n\r\n",
    "data-lf-only": b"1\r\na\n0\r\n\r\n",
    "data-no-end": b"1\r\na0\r\n\r\n",
    "ext-bare-lf": b"1;x\na\r\n0\r\n\r\n",
    "ext-bare-cr": b"1;x\ra\r\n0\r\n\r\n",
    "ext-nul": b"1;x=\0\r\na\r\n0\r\n\r\n",
    "ext-huge": b"1;" + b"x" * 70000 + b"\r\na\r\n0\r\n\r\n",
    "last-ext-bare-lf": b"1\r\na\r\n0;x\n\r\n",
    "trailer-bare-lf": b"1\r\na\r\n0\r\nX-A: b\n\r\n",
    "trailer-fold": b"1\r\na\r\n0\r\nX-A: b\r\n c\r\n\r\n",
    "trailer-blank-before-colon": b"1\r\na\r\n0\r\nX-A : b\r\n\r\n",
    "trailer-length": b"1\r\na\r\n0\r\nContent-Length: 100\r\n\r\n",
    "trailer-coding": b"1\r\na\r\n0\r\nTransfer-Encoding: chunked\r\n\r\n",
    "trailer-host": b"1\r\na\r\n0\r\nHost: evil\r\n\r\n",
    "trailer-huge": b"1\r\na\r\n0\r\nX-A: " + b"b" * 200000 + b"\r\n\r\n",
    "trailer-many": b"1\r\na\r\n0\r\n" + b"X-A: b\r\n" * 5000 + b"\r\n",
}


@pytest.fixture
def tunnel(shared_relay, agent):
    return agent(shared_relay, a_name())


def ends_with_refusal(visitor, statuses=(400,)):
    """One refusal at most, then the end: whatever comes behind a fault is not a request."""
    try:
        response = visitor.read_response()
    except (ConnectionError, Truncated):
        return None
    assert response.status in statuses, response
    try:
        visitor.wait_closed(5 * SLOW)
    except ConnectionError:
        pass
    return response


def send_hostile(visitor, data):
    """The relay may well close while this is on its way."""
    try:
        visitor.send(data)
    except ConnectionError:
        pass


# smuggling

@pytest.mark.covers("fault-28", "threat-6", "D28")
@pytest.mark.parametrize("kind", BAD_HEADS)
def test_ambiguous_heads_are_refused_and_reach_nobody(tunnel, kind):
    sock = tunnel.open_ready()
    host = tunnel.host.encode()
    with tunnel.visitor() as visitor:
        send_hostile(visitor, (BAD_HEADS[kind] + SMUGGLED).replace(b"{h}", host))
        response = ends_with_refusal(visitor, (400, 405, 414, 431, 501, 505))
        assert response is not None, "closed without a word"
    assert_nothing_sent(sock, 0.05)
    assert tunnel.connected() == 1


@pytest.mark.covers("fault-28", "threat-6")
@pytest.mark.parametrize("kind", ["cl-te", "te-te", "bare-lf-in-value", "obs-fold", "two-hosts"])
def test_ambiguous_heads_byte_by_byte(tunnel, kind):
    """A verdict must not depend on how the bytes were cut."""
    sock = tunnel.open_ready()
    data = (BAD_HEADS[kind] + SMUGGLED).replace(b"{h}", tunnel.host.encode())
    with tunnel.visitor() as visitor:
        try:
            visitor.send(data, sizes=1)
        except ConnectionError:
            pass
        ends_with_refusal(visitor)
    assert_nothing_sent(sock, 0.05)


@pytest.mark.covers("fault-28", "threat-6")
def test_ambiguous_heads_behind_a_good_request(tunnel):
    """On a connection that was fine until then."""
    tunnel.serve(reply(b"ok"), sockets=2)
    for kind, data in BAD_HEADS.items():
        if kind in ("http-0.9", "leading-blank"):
            continue
        with tunnel.visitor() as visitor:
            send_hostile(visitor, build_request(target="/good", host=tunnel.host)
                         + (data + SMUGGLED).replace(b"{h}", tunnel.host.encode()))
            assert visitor.read_response().body == b"ok", kind
            ends_with_refusal(visitor, (400, 405, 414, 431, 501, 505))
    assert {request.target for request in tunnel.requests} == {"/good"}


@pytest.mark.covers("fault-28", "threat-6", "fault-27")
@pytest.mark.parametrize("kind", BAD_BODIES)
def test_ambiguous_bodies_end_the_exchange(tunnel, kind):
    """The agent may have seen the head; it never sees a whole request, nor what hides behind."""
    sock = tunnel.open_ready()
    with tunnel.visitor() as visitor:
        send_hostile(visitor, build_request("POST", "/", tunnel.host,
                                            [("Transfer-Encoding", "chunked")])
                     + BAD_BODIES[kind] + SMUGGLED.replace(b"{h}", tunnel.host.encode()))
        ends_with_refusal(visitor, (400, 413, 431))
    seen = b""
    try:
        seen = sock.read_to_end(5 * SLOW) if not sock.silent(0.1) else b""
    except ConnectionError:
        pass
    assert b"/smuggled" not in seen
    _, _, body = seen.partition(b"\r\n\r\n")
    assert not body.endswith(b"0\r\n\r\n"), seen


@pytest.mark.covers("threat-6", "D25")
def test_a_body_that_looks_like_a_request_stays_a_body(tunnel):
    tunnel.serve(lambda sock, request: answer(request.target.encode() + request.body))
    hidden = SMUGGLED.replace(b"{h}", tunnel.host.encode())
    for method in ("POST", "GET", "HEAD", "DELETE"):
        with tunnel.visitor() as visitor:
            visitor.send(build_request(method, "/outer", tunnel.host, body=hidden)
                         + build_request("GET", "/after", tunnel.host))
            if method == "HEAD":
                tunnel.wait_requests()
                visitor.close()
                continue
            assert visitor.read_response().body == b"/outer" + hidden
            assert visitor.read_response().body == b"/after"
    assert "/smuggled" not in {request.target for request in tunnel.requests}


@pytest.mark.covers("threat-6", "D25")
def test_what_the_agent_is_given_has_one_framing(tunnel):
    """The codings and lengths a visitor writes in odd but legal ways are written anew."""
    tunnel.serve(reply(b"ok"))
    for head, body, statuses in (
            (b"Transfer-Encoding: ChUnKeD\r\n", b"1\r\na\r\n0\r\n\r\n", (200,)),
            (b"Content-Length:1\r\n", b"a", (200,)),
            (b"cOnTeNt-LeNgTh:    1   \r\n", b"a", (200,)),
            # Legal, but favourites of smugglers: a relay may refuse them.
            (b"Transfer-Encoding:chunked \t\r\n", b"1\r\na\r\n0\r\n\r\n", (200, 400)),
            (b"content-length: \t001\r\n", b"a", (200, 400))):
        with tunnel.visitor() as visitor:
            visitor.send(b"POST / HTTP/1.1\r\nHost: %s\r\n" % tunnel.host.encode() + head + b"\r\n"
                         + body)
            response = visitor.read_response()
            assert response.status in statuses, response
    # Agent.serve reads strictly: exactly one framing, or the fixture fails this test.
    assert all(request.body == b"a" for request in tunnel.requests)


# size

@pytest.mark.covers("fault-27")
@pytest.mark.parametrize("data, statuses", [
    (b"GET /" + b"a" * 200000 + b" HTTP/1.1\r\nHost: {h}\r\n\r\n", (414,)),
    (b"GET http://{h}/" + b"a" * 200000 + b" HTTP/1.1\r\nHost: {h}\r\n\r\n", (414,)),
    (b"GET / HTTP/1.1\r\nHost: {h}\r\nX-A: " + b"b" * 200000 + b"\r\n\r\n", (431,)),
    (b"GET / HTTP/1.1\r\nHost: {h}\r\nCookie: " + b"b" * 200000, (431,)),
    (b"GET / HTTP/1.1\r\nHost: {h}\r\n" + b"b" * 200000, (400, 431)),
    (b"GET / HTTP/1.1\r\nHost: {h}\r\n" + b"X-A: b\r\n" * 20000 + b"\r\n", (431,)),
    (b"GET / HTTP/1.1\r\nHost: {h}\r\n" + b"A:\r\n" * 400 + b"\r\n", (431,)),
    (b"G" * 200000, (400, 414, 431)), (b"\r\n" * 100000, (400, 431)),
    (b"GET / HTTP/1.1\r\nHost: " + b"a" * 200000 + b"\r\n\r\n", (400, 431)),
], ids=["target", "absolute", "field", "endless-field", "endless-name", "many-fields",
        "tiny-fields", "method", "blank-lines", "host"])
def test_oversized_heads(tunnel, data, statuses):
    sock = tunnel.open_ready()
    with tunnel.visitor() as visitor:
        send_hostile(visitor, data.replace(b"{h}", tunnel.host.encode()))
        response = ends_with_refusal(visitor, statuses)
        assert response is not None, "closed without a word"
    assert_nothing_sent(sock, 0.05)


@pytest.mark.covers("fault-27")
def test_limits_of_a_head_are_options(start, agent):
    relay = start("--max-target", "1024", "--max-head", "4096", "--max-fields", "10")
    tunnel = agent(relay, a_name())
    tunnel.serve(reply(b"ok"))
    assert tunnel.visit(target="/" + "a" * 1000).status == 200
    assert tunnel.visit(target="/" + "a" * 1100).status == 414
    assert tunnel.visit(headers=[("X-A", "b" * 3500)]).status == 200
    assert tunnel.visit(headers=[("X-A", "b" * 4200)]).status == 431
    assert tunnel.visit(headers=[(f"X-{i}", "b") for i in range(9)]).status == 200
    assert tunnel.visit(headers=[(f"X-{i}", "b") for i in range(11)]).status == 431


@pytest.mark.covers("fault-27", "ask-8")
@pytest.mark.parametrize("chunked", [False, True], ids=["length", "chunked"])
def test_the_body_limit_is_413(start, agent, chunked):
    relay = start("--max-body", "1000")
    tunnel = agent(relay, a_name())
    tunnel.serve(reply(b"ok"), sockets=2)
    def upload(size):
        if chunked:
            return tunnel.visit("POST", headers=[("Transfer-Encoding", "chunked")],
                                body=b"%x\r\n" % size + b"x" * size + b"\r\n0\r\n\r\n")
        return tunnel.visit("POST", body=b"x" * size)
    assert upload(1000).status == 200
    assert upload(1001).status == 413
    assert all(len(request.body) <= 1000 for request in tunnel.requests)


# lying local services

GOOD = answer(b"good")
LIES = {
    "two-answers": (answer(b"good") + answer(b"EVIL"), b"good"),
    "extra-bytes": (answer(b"good") + b"EVIL", b"good"),
    "extra-after-204": (b"HTTP/1.1 204 No Content\r\n\r\nEVIL", b""),
    "extra-after-304": (b"HTTP/1.1 304 Not Modified\r\n\r\n" + answer(b"EVIL"), b""),
    "extra-after-chunked": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\ngood\r\n"
                            b"0\r\n\r\n" + answer(b"EVIL"), b"good"),
    "length-short": (b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ngoodEVIL", b"good"),
    "length-and-coding": (b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n"
                          b"\r\n4\r\nEVIL\r\n0\r\n\r\n", None),
    "two-lengths": (b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\nEVIL!",
                    None),
    "length-list": (b"HTTP/1.1 200 OK\r\nContent-Length: 4, 5\r\n\r\nEVIL!", None),
    "length-word": (b"HTTP/1.1 200 OK\r\nContent-Length: four\r\n\r\nEVIL", None),
    "length-overflow": (b"HTTP/1.1 200 OK\r\nContent-Length: 18446744073709551620\r\n\r\nEVIL",
                        None),
    "coding-twice": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, chunked\r\n\r\n"
                     b"4\r\nEVIL\r\n0\r\n\r\n", None),
    "coding-odd": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: xchunked\r\n\r\n"
                   b"4\r\nEVIL\r\n0\r\n\r\n", None),
    "bare-lf": (b"HTTP/1.1 200 OK\nContent-Length: 4\n\nEVIL", None),
    "folded": (b"HTTP/1.1 200 OK\r\nX-A: b\r\n c\r\nContent-Length: 4\r\n\r\nEVIL", None),
    "nul": (b"HTTP/1.1 200 OK\r\nX-A: b\0\r\nContent-Length: 4\r\n\r\nEVIL", None),
    "split": (b"HTTP/1.1 200 OK\r\nX-A: b\rContent-Length: 4\r\n\r\nEVIL", None),
    "blank-before-colon": (b"HTTP/1.1 200 OK\r\nContent-Length : 4\r\n\r\nEVIL", None),
    "status-99": (b"HTTP/1.1 099 OK\r\nContent-Length: 4\r\n\r\nEVIL", None),
    "status-600": (b"HTTP/1.1 1000 OK\r\nContent-Length: 4\r\n\r\nEVIL", None),
    "head-1-mib": (b"HTTP/1.1 200 OK\r\nX-A: " + b"b" * (1 << 20)
                   + b"\r\nContent-Length: 4\r\n\r\nEVIL", None),
    "many-fields": (b"HTTP/1.1 200 OK\r\n" + b"X-A: b\r\n" * 5000
                    + b"Content-Length: 4\r\n\r\nEVIL", None),
    "endless-interim": (b"HTTP/1.1 102 Processing\r\n\r\n" * 100000 + answer(b"EVIL"), None),
    "endless-hints": (b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" * 50000 + answer(b"EVIL"),
                      None),
    "interim-with-length": (b"HTTP/1.1 103 Early Hints\r\nContent-Length: 4\r\n\r\nEVIL" + GOOD,
                            None),
    "switch-unasked": (b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n"
                       b"\r\nEVIL", None),
    "only-blank-lines": (b"\r\n" * 20000 + b"EVIL", None),
}

# These end with the visitor's connection cut: the head was fine.
LYING_CHUNKS = {
    "size-word": b"4\r\ngood\r\nEVIL\r\n0\r\n\r\n",
    "size-minus": b"-4\r\nEVIL\r\n0\r\n\r\n",
    "size-overflow": b"fffffffffffffffff\r\nEVIL\r\n0\r\n\r\n",
    "data-too-long": b"4\r\ngoodEVIL\r\n0\r\n\r\n",
    "lf-only": b"4\ngood\n0\n\n",
    "ext-huge": b"4;" + b"x" * 70000 + b"\r\ngood\r\n0\r\n\r\n",
    "trailer-length": b"4\r\ngood\r\n0\r\nContent-Length: 9\r\n\r\n",
    "trailer-fold": b"4\r\ngood\r\n0\r\nX-A: b\r\n EVIL\r\n\r\n",
}


def sober(tunnel):
    """A handler that answers /sober truthfully and everything else with a lie."""
    def make(lie):
        return lambda sock, request: answer(b"sober") if request.target == "/sober" else lie
    return make


@pytest.mark.covers("fault-28", "threat-7")
@pytest.mark.parametrize("kind", LIES)
def test_lying_answers_desynchronise_nobody(tunnel, kind):
    """Whatever a local service says beyond one answer reaches no visitor, not even this one."""
    lie, body = LIES[kind]
    tunnel.serve(sober(tunnel)(lie), sockets=2)
    with tunnel.visitor() as visitor, tunnel.visitor() as bystander:
        assert bystander.ask("GET", "/sober", tunnel.host).body == b"sober"
        for _ in range(2):
            visitor.send(build_request(target="/lie", host=tunnel.host))
            visitor.send(build_request(target="/sober", host=tunnel.host))
            try:
                response = visitor.read_response(timeout=20 * SLOW)
            except (BadMessage, ConnectionError):
                assert body is None, "a truthful first answer was lost"
                visitor.close()
                visitor = tunnel.visitor()
                continue
            if body is None:
                assert response.status in (502, 503), response
                assert response.get("X-Adit-Error") == "bad-response", response
            else:
                assert response.body == body, response
            # An error may end the connection; if not, the next answer is the next request's.
            if "close" not in str(response.all("Connection")).lower():
                assert visitor.read_response().body == b"sober"
            else:
                visitor = tunnel.visitor()
        for _ in range(4):
            response = bystander.ask("GET", "/sober", tunnel.host)
            assert response.body == b"sober", response
        visitor.close()


@pytest.mark.covers("fault-28", "threat-7", "S74")
@pytest.mark.parametrize("kind", LYING_CHUNKS)
def test_lying_chunks_cut_the_visitor(tunnel, kind):
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    tunnel.serve(sober(tunnel)(head + LYING_CHUNKS[kind]), sockets=2)
    with tunnel.visitor() as visitor, tunnel.visitor() as bystander:
        visitor.send(build_request(target="/lie", host=tunnel.host))
        try:
            response = visitor.read_response()
            assert response.status in (502, 503), f"looks complete: {response}"
        except (BadMessage, ConnectionError):
            pass
        for _ in range(4):
            assert bystander.ask("GET", "/sober", tunnel.host).body == b"sober"


@pytest.mark.covers("threat-7", "D27")
@pytest.mark.parametrize("delay", [0, 0.02])
def test_extra_bytes_a_moment_later_reach_nobody(tunnel, delay):
    """They arrive on a parked socket, which is dropped with them; the next answer is a true one."""
    dropped = threading.Semaphore(0)

    def handler(sock, request):
        sock.send(answer(request.target.encode()))
        sock.silent(delay)
        try:
            sock.send(answer(b"EVIL"))
            assert sock.read_to_end() == b""
        except ConnectionError:
            pass
        dropped.release()
        sock.close()
    tunnel.serve(handler, sockets=2)
    with tunnel.visitor() as visitor:
        for index in range(20):
            assert visitor.ask("GET", f"/{index}", tunnel.host).text() == f"/{index}"
            assert dropped.acquire(timeout=DEADLINE), "the socket was kept"
            assert visitor.silent(0.01)


@pytest.mark.covers("threat-7")
def test_head_answers_with_a_body_desynchronise_nobody(tunnel):
    tunnel.serve(lambda sock, request: answer(b"sober") if request.target == "/sober"
                 else answer(b"body of a HEAD answer"), sockets=2)
    with tunnel.visitor() as visitor, tunnel.visitor() as bystander:
        for _ in range(5):
            response = visitor.ask("HEAD", "/lie", tunnel.host)
            assert (response.status, response.body) == (200, b"")
            assert visitor.ask("GET", "/sober", tunnel.host).body == b"sober"
            assert bystander.ask("GET", "/sober", tunnel.host).body == b"sober"


@pytest.mark.covers("threat-7")
def test_field_values_of_the_visitor_split_nothing(tunnel):
    """A service that reflects input into a field: percent-encoded line ends stay encoded."""
    tunnel.serve(lambda sock, request: answer(b"ok", headers=[("Location", request.target)]))
    target = "/%0d%0aSet-Cookie:%20a=b%0d%0a%0d%0aEVIL"
    response = tunnel.visit(target=target)
    assert response.get("Location") == target and response.all("Set-Cookie") == []


@pytest.mark.covers("fault-28")
def test_the_relay_is_well_after_all_of_it(shared_relay, agent):
    tunnel = agent(shared_relay, a_name())
    tunnel.serve(reply(b"well"))
    assert tunnel.visit().body == b"well"
    assert fetch(shared_relay.port, target="/healthz", host="lt.test").status == 200
    wait_for(lambda: shared_relay.fds() < 200, "descriptors to be given back")


@pytest.mark.covers("fault-28")
def test_torn_garbage(shared_relay):
    """Half requests in every length, each ended in another way."""
    data = b"POST /x HTTP/1.1\r\nHost: lt.test\r\nContent-Length: 4\r\n\r\nab"
    laters = []
    for size in range(len(data)):
        with Visitor(shared_relay.port) as visitor:
            visitor.send(data[:size])
            if size % 3 == 0:
                visitor.half_close()
                laters.append(Later(visitor.wait_closed))
            elif size % 3 == 1:
                visitor.reset()
    assert fetch(shared_relay.port, target="/healthz", host="lt.test").status == 200
