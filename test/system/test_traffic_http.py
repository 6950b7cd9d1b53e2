"""HTTP/1 messages through a tunnel: methods, fields, versions, interim answers, connections."""
import pytest

from harness.agent import answer, echo, raw, raw_then_close, reply
from harness.http import (STATUS_LINE, Response, Visitor, build_request, parse_head)
from harness.traffic import Later, a_name

FORWARDED = ("x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "x-request-id")


@pytest.fixture
def tunnel(shared_relay, agent):
    return agent(shared_relay, a_name())


def own_fields(message, *beside):
    """The fields without those a relay may set."""
    aside = FORWARDED + ("connection", "keep-alive") + beside
    return [(name, value) for name, value in message.headers if name.lower() not in aside]


# methods

@pytest.mark.covers("S76", "D25")
@pytest.mark.parametrize("method, body", [
    ("GET", None), ("POST", b"hello"), ("POST", b""), ("PUT", b"\0\xff" * 500), ("PATCH", b"{}"),
    ("DELETE", None), ("OPTIONS", None), ("PROPFIND", b"<x/>"), ("QUERY", b"q"), ("GET", b"odd"),
    ("M-SEARCH", None), ("get", None), ("TRACE", None)])
def test_methods_and_bodies_arrive_as_sent(tunnel, method, body):
    tunnel.serve(reply(b"ok"))
    assert tunnel.visit(method, "/x?y", body=body).body == b"ok"
    request = tunnel.wait_requests()
    assert (request.method, request.target, request.body) == (method, "/x?y", body or b"")
    assert request.version == "1.1"


@pytest.mark.covers("S76", "D9", "D25")
def test_an_empty_body_keeps_the_connection_and_the_limits(start, agent):
    """Content-Length: 0 is what axios and fetch send with a POST that has no body."""
    relay = start("--response-timeout", "500")
    tunnel = agent(relay, a_name())
    sock = tunnel.open_ready()
    with tunnel.visitor() as visitor:
        for _ in range(2):
            visitor.send(build_request("POST", "/", tunnel.host, body=b""))
            assert sock.read_request().get("Content-Length") == "0"
            sock.send(answer(b"ok"))
            response = visitor.read_response()
            assert (response.body, response.get("Connection")) == (b"ok", None)
        visitor.send(build_request("POST", "/", tunnel.host, body=b""))
        assert visitor.read_response().get("X-Adit-Error") == "response-timeout"


@pytest.mark.covers("S42", "D25")
@pytest.mark.parametrize("target", ["/some-app", "/", "/api/status"])
def test_an_empty_body_keeps_the_connection_to_the_relay(shared_relay, target):
    with Visitor(shared_relay.port) as visitor:
        for _ in range(2):
            response = visitor.ask("POST", target, "lt.test", body=b"")
            assert (response.status, response.get("Connection")) == (405, None)


@pytest.mark.covers("S76", "D25")
def test_head_has_the_fields_of_get_and_no_body(tunnel):
    tunnel.serve(raw(b"HTTP/1.1 200 OK\r\nContent-Length: 12345\r\nETag: \"x\"\r\n\r\n"))
    with tunnel.visitor() as visitor:
        for _ in range(3):
            response = visitor.ask("HEAD", "/", tunnel.host)
            assert response.get("Content-Length") == "12345" and response.get("ETag") == '"x"'


@pytest.mark.covers("S76", "D25")
def test_head_of_a_chunked_resource(tunnel):
    tunnel.serve(raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"))
    with tunnel.visitor() as visitor:
        for _ in range(3):
            assert visitor.ask("HEAD", "/", tunnel.host).body == b""


@pytest.mark.covers("S76", "D25")
@pytest.mark.parametrize("head, seen", [
    (b"HTTP/1.1 204 No Content\r\n", None), (b"HTTP/1.1 304 Not Modified\r\n", None),
    (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 77\r\n", "77")])
def test_bodiless_statuses_end_with_their_head(tunnel, head, seen):
    tunnel.serve(raw(head + b"ETag: \"e\"\r\n\r\n"))
    with tunnel.visitor() as visitor:
        for _ in range(3):
            response = visitor.ask("GET", "/", tunnel.host, timeout=3)
            assert response.get("ETag") == '"e"'
            assert response.get("Transfer-Encoding") is None
            assert response.get("Content-Length") == seen


# fields

@pytest.mark.covers("S76", "D25")
def test_request_fields_keep_case_order_and_repetition(tunnel):
    tunnel.serve(reply(b"ok"))
    fields = [("x-lower", "1"), ("X-UPPER", "2"), ("accept", "a/b"), ("X-Dup", "one"),
              ("User-Agent", "ua/1 (x; \"y\")"), ("x-DUP", "two"), ("Cookie", "a=b; c=d"),
              ("X-Empty", ""), ("Cookie", "e=f"), ("X-Tab", "a\tb  c"),
              ("X-High", "caf\u00e9\u00ff"),
              ("!#$%&'*+-.^_`|~09az", "token"), ("Referer", "http://x/"),
              ("Accept-Encoding", "gzip, br"), ("Origin", "http://x"), ("Range", "bytes=0-1"),
              ("If-None-Match", "\"x\""), ("Authorization", "Basic eDp5"), ("X-Dup", "one")]
    tunnel.visit(headers=fields)
    request = tunnel.wait_requests()
    assert own_fields(request) == [("Host", tunnel.host)] + fields


@pytest.mark.covers("S76", "D25")
def test_response_fields_keep_case_order_and_repetition(tunnel):
    fields = [("x-lower", "1"), ("SET-COOKIE", "a=b; Path=/"),
              ("Date", "Thu, 01 Jan 1970 00:00:00 GMT"),
              ("set-cookie", "c=d; Expires=Thu, 01 Jan 2099 00:00:00 GMT"), ("X-Empty", ""),
              ("Server", "mine/1"), ("X-High", "caf\u00e9\u00ff"), ("Set-Cookie", "a=b"),
              ("WWW-Authenticate", "Basic realm=\"x\""), ("Via", "1.1 inner"),
              ("Location", "/elsewhere"), ("Content-Encoding", "gzip"), ("Vary", "*")]
    tunnel.serve(reply(b"ok", headers=fields))
    response = tunnel.visit()
    assert own_fields(response, "content-length") == fields


@pytest.mark.covers("D25")
@pytest.mark.parametrize("status", [
    "200 All Is Well", "200 OK", "201 created", "299 Odd", "418 I'm a teapot", "404 Nicht gefunden",
    "500 caf\u00e9", "599 x", "302 Found", "401 Unauthorized", "407 Proxy Auth", "451 \tTabs\t in"])
def test_status_and_reason_phrase_pass(tunnel, status):
    tunnel.serve(reply(b"x", status))
    response = tunnel.visit()
    assert response.status_line.split() == status.split() and response.body == b"x"
    assert response.get("X-Adit-Error") is None


@pytest.mark.covers("D25")
@pytest.mark.parametrize("line", [b"HTTP/1.1 200 ", b"HTTP/1.1 200"])
def test_a_missing_reason_phrase_is_no_error(tunnel, line):
    tunnel.serve(raw(line + b"\r\nContent-Length: 1\r\n\r\nx"))
    response = tunnel.visit()
    assert (response.status, response.body) == (200, b"x")


@pytest.mark.covers("D25")
def test_hop_by_hop_fields_of_a_request_end_at_the_relay(tunnel):
    tunnel.serve(reply(b"ok"))
    tunnel.visit(headers=[
        ("Connection", "x-secret-hop , close"), ("X-Secret-Hop", "1"), ("Keep-Alive", "timeout=9"),
        ("connection", "X-Other"), ("x-other", "2"), ("Proxy-Connection", "keep-alive"),
        ("Proxy-Authorization", "Basic eDp5"), ("Upgrade", "h2c"), ("X-Kept", "3")])
    request = tunnel.wait_requests()
    names = [name.lower() for name in request.names()]
    for gone in ("x-secret-hop", "x-other", "proxy-connection", "proxy-authorization", "upgrade"):
        assert gone not in names, names
    assert "timeout=9" not in request.all("keep-alive")
    assert "x-secret-hop" not in str(request.all("connection")).lower()
    assert request.get("X-Kept") == "3"


@pytest.mark.covers("D25")
def test_connection_cannot_nominate_away_what_routing_and_framing_need(tunnel):
    tunnel.serve(reply(b"ok"))
    tunnel.visit("POST", body=b"12345", headers=[
        ("Connection", "host, content-length, x-forwarded-for, X-Request-Id, X-Forwarded-Proto")])
    request = tunnel.wait_requests()
    assert request.get("Host") == tunnel.host and request.body == b"12345"
    for name in FORWARDED:
        assert request.get(name), name


@pytest.mark.covers("D25")
def test_hop_by_hop_fields_of_a_response_end_at_the_relay(tunnel):
    tunnel.serve(reply(b"ok", headers=[
        ("Connection", "x-private, keep-alive"), ("X-Private", "1"), ("Keep-Alive", "timeout=77"),
        ("Proxy-Authenticate", "Basic"), ("Proxy-Connection", "close"), ("X-Public", "2")]))
    response = tunnel.visit()
    names = [name.lower() for name in response.names()]
    for gone in ("x-private", "proxy-authenticate", "proxy-connection"):
        assert gone not in names, names
    assert "timeout=77" not in response.all("keep-alive")
    assert response.get("X-Public") == "2"


# who the visitor is

@pytest.mark.covers("D25", "fault-43")
def test_forwarded_fields_tell_the_visitor(tunnel):
    tunnel.serve(reply(b"ok"))
    tunnel.visit(source="127.0.0.77")
    request = tunnel.wait_requests()
    assert request.get("X-Forwarded-For") == "127.0.0.77"
    assert request.get("X-Forwarded-Proto") == "http"
    assert request.get("X-Forwarded-Host") == tunnel.host
    assert request.get("X-Request-Id")


@pytest.mark.covers("D25", "fault-43")
def test_a_visitors_own_forwarded_fields_are_not_believed(tunnel):
    tunnel.serve(reply(b"ok"))
    tunnel.visit(source="127.0.0.77", headers=[
        ("X-Forwarded-For", "6.6.6.6"), ("x-forwarded-for", "7.7.7.7"),
        ("X-Forwarded-Proto", "https"), ("X-FORWARDED-HOST", "evil.example.com"),
        ("X-Request-Id", "forged")])
    request = tunnel.wait_requests()
    assert request.get("X-Forwarded-For") == "127.0.0.77"
    assert request.get("X-Forwarded-Proto") == "http"
    assert request.get("X-Forwarded-Host") == tunnel.host
    assert request.get("X-Request-Id") not in (None, "", "forged")


@pytest.mark.covers("D25")
def test_request_ids_differ(tunnel):
    tunnel.serve(reply(b"ok"))
    with tunnel.visitor() as visitor:
        for _ in range(20):
            visitor.ask("GET", "/", tunnel.host)
    assert len({request.get("X-Request-Id") for request in tunnel.requests}) == 20


@pytest.mark.covers("D25", "S17")
def test_with_trust_proxy_existing_forwarded_fields_are_kept(start, agent):
    relay = start("--trust-proxy")
    tunnel = agent(relay, a_name())
    tunnel.serve(reply(b"ok"))
    tunnel.visit(headers=[("X-Forwarded-For", "192.0.2.9"), ("X-Forwarded-Proto", "https"),
                          ("X-Forwarded-Host", "front.example.com"), ("X-Request-Id", "abc-123")])
    request = tunnel.wait_requests()
    hops = [hop.strip() for hop in ",".join(request.all("X-Forwarded-For")).split(",")]
    assert hops[0] == "192.0.2.9" and hops[1:] in ([], ["127.0.0.1"]), hops
    assert request.get("X-Forwarded-Proto") == "https"
    assert request.get("X-Forwarded-Host") == "front.example.com"
    assert request.get("X-Request-Id") == "abc-123"


@pytest.mark.covers("D25", "S17")
def test_with_trust_proxy_missing_forwarded_fields_are_set(start, agent):
    relay = start("--trust-proxy")
    tunnel = agent(relay, a_name())
    tunnel.serve(reply(b"ok"))
    tunnel.visit(source="127.0.0.77")
    request = tunnel.wait_requests()
    assert request.get("X-Forwarded-For") == "127.0.0.77"
    assert request.get("X-Forwarded-Host") == tunnel.host and request.get("X-Request-Id")


@pytest.mark.covers("fault-43")
def test_forwarded_says_the_same_where_it_is_asked_for(start, agent):
    relay = start("--forwarded-field", "on")
    tunnel = agent(relay, a_name())
    tunnel.serve(reply(b"ok"))
    forged = [("Forwarded", "for=6.6.6.6;proto=https"), ("forwarded", "for=7.7.7.7")]
    with tunnel.visitor("127.0.0.77") as visitor:
        visitor.ask(host=tunnel.host, headers=forged)
        visitor.ask(host=f"{tunnel.host}:8080", headers=forged)
    assert [request.get("Forwarded") for request in tunnel.requests] == [
        f"for=127.0.0.77;host={tunnel.host};proto=http",
        f'for=127.0.0.77;host="{tunnel.host}:8080";proto=http']


@pytest.mark.parametrize("sent, want", [
    ([("Forwarded", "for=192.0.2.9;proto=https")], "for=192.0.2.9;proto=https, for=127.0.0.1"),
    ([("X-Forwarded-For", "2001:db8::9"), ("X-Forwarded-Proto", "https")],
     'for="[2001:db8::9]";host={};proto=https, for=127.0.0.1'),
    ([("X-Forwarded-For", "192.0.2.9"), ("X-Forwarded-Proto", "")],
     "for=192.0.2.9;host={}, for=127.0.0.1")], ids=["said", "translated", "empty"])
def test_forwarded_goes_on_where_a_trusted_proxy_began(start, agent, sent, want):
    relay = start("--forwarded-field", "on", "--trust-proxy")
    tunnel = agent(relay, a_name())
    tunnel.serve(reply(b"ok"))
    tunnel.visit(headers=sent)
    assert tunnel.wait_requests().get("Forwarded") == want.format(tunnel.host)


@pytest.mark.covers("D25")
def test_forwarded_off_adds_nothing_and_passes_everything(start, agent):
    relay = start("--forwarded", "off")
    tunnel = agent(relay, a_name())
    tunnel.serve(reply(b"ok"))
    tunnel.visit()
    assert own_fields(tunnel.wait_requests()) == [("Host", tunnel.host)]
    assert not set(FORWARDED) & {name.lower() for name in tunnel.requests[0].names()}
    tunnel.visit(headers=[("X-Forwarded-For", "6.6.6.6"), ("X-Request-Id", "mine")])
    request = tunnel.wait_requests(2)
    assert request.get("X-Forwarded-For") == "6.6.6.6" and request.get("X-Request-Id") == "mine"


# interim answers

@pytest.mark.covers("D25")
def test_early_hints_arrive_before_the_answer(tunnel):
    sock = tunnel.open_ready()
    with tunnel.visitor() as visitor:
        visitor.send(build_request(host=tunnel.host))
        sock.read_request()
        for link in ("</a.css>", "</b.css>"):
            sock.send(b"HTTP/1.1 103 Early Hints\r\nLink: %s\r\n\r\n" % link.encode())
            interim = visitor.read_response(interim=True)
            assert (interim.status, interim.get("Link")) == (103, link)
        sock.send(answer(b"final"))
        assert visitor.read_response().body == b"final"
        assert visitor.silent(0.05)


@pytest.mark.covers("D25")
@pytest.mark.parametrize("framing", [("Content-Length", "7"), ("Transfer-Encoding", "chunked")])
def test_100_continue_end_to_end(tunnel, framing):
    """Nobody answers in the local service's place."""
    sock = tunnel.open_ready()
    with tunnel.visitor() as visitor:
        visitor.send(build_request("POST", "/", tunnel.host, [("Expect", "100-continue"), framing]))
        request = sock.read_head()
        assert request.get("Expect").lower() == "100-continue"
        assert visitor.silent(0.2)
        sock.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        assert visitor.read_response(interim=True).status == 100
        visitor.send(b"payload" if framing[1] == "7" else b"7\r\npayload\r\n0\r\n\r\n")
        assert b"payload" in sock.read_until(b"payload")
        sock.send(answer(b"done"))
        assert visitor.read_response().body == b"done"


@pytest.mark.covers("D25")
def test_100_continue_refused_at_once(tunnel):
    """417 without the body: the answer arrives, and no later request is read as that body."""
    first, second = tunnel.open_ready(2)
    with tunnel.visitor() as visitor:
        visitor.send(build_request("POST", "/", tunnel.host,
                                   [("Expect", "100-continue"), ("Content-Length", "1000")]))
        used = first if first.silent(0.2) is False else second
        used.read_head()
        used.send(answer(b"no", "417 Expectation Failed"))
        response = visitor.read_response()
        assert (response.status, response.body) == (417, b"no")
    other = second if used is first else first
    later = Later(tunnel.visit, target="/next")
    assert other.read_request().target == "/next"
    other.send(answer(b"next"))
    assert later.result().body == b"next"
    used.wait_closed()


@pytest.mark.covers("D25")
def test_http_1_0_visitors_get_no_interim_answer(tunnel):
    tunnel.serve(raw(b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" + answer(b"final")))
    with tunnel.visitor() as visitor:
        visitor.send(build_request(host=tunnel.host, version="1.0"))
        response = visitor.read_response(interim=True)
        assert (response.status, response.body) == (200, b"final")


# versions and connections

@pytest.mark.covers("S76", "D25")
def test_http_1_0_close_delimited(tunnel):
    """Chunks are not for HTTP/1.0: the end of the connection is the end of the body."""
    tunnel.serve(raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                     b"5\r\nhello\r\n6;x=y\r\n world\r\n0\r\nX-T: 1\r\n\r\n"))
    with tunnel.visitor() as visitor:
        visitor.send(build_request(host=tunnel.host, version="1.0"))
        head = visitor.read_head()
        assert head.get("Transfer-Encoding") is None and head.get("Content-Length") is None
        assert visitor.read_to_end() == b"hello world"


@pytest.mark.covers("S76", "D25")
def test_http_1_0_asks_for_chunked_even_with_keep_alive(tunnel):
    tunnel.serve(raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                     b"5\r\nhello\r\n0\r\n\r\n"))
    with tunnel.visitor() as visitor:
        visitor.send(build_request(host=tunnel.host, version="1.0",
                                   headers=[("Connection", "keep-alive")]))
        head = visitor.read_head()
        assert head.get("Transfer-Encoding") is None
        assert "keep-alive" not in str(head.all("Connection")).lower()
        assert visitor.read_to_end() == b"hello"


@pytest.mark.covers("S76", "D25")
def test_http_1_0_keep_alive(tunnel):
    tunnel.serve(reply(b"hello"))
    with tunnel.visitor() as visitor:
        for _ in range(3):
            response = visitor.ask("GET", "/", tunnel.host, version="1.0",
                                   headers=[("Connection", "Keep-Alive")])
            assert response.body == b"hello"
            assert "keep-alive" in response.get("Connection").lower()
        response = visitor.ask("GET", "/", tunnel.host, version="1.0")
        assert response.body == b"hello"
        visitor.wait_closed()


@pytest.mark.covers("S76", "D25")
def test_connection_close_is_obeyed(tunnel):
    tunnel.serve(reply(b"hello"))
    with tunnel.visitor() as visitor:
        response = visitor.ask("GET", "/", tunnel.host, headers=[("Connection", "close")])
        assert response.body == b"hello"
        assert "close" in response.get("Connection").lower()
        visitor.wait_closed()


@pytest.mark.covers("S76", "D25")
def test_the_agents_close_is_not_the_visitors(tunnel):
    """Connection is about one hop: a local service that closes costs no visitor its connection."""
    tunnel.serve(reply(b"hello", close=True))
    with tunnel.visitor() as visitor:
        for _ in range(5):
            response = visitor.ask("GET", "/", tunnel.host)
            assert response.body == b"hello"
            assert "close" not in str(response.all("Connection")).lower()


@pytest.mark.covers("S76", "D25")
def test_agents_that_speak_http_1_0(tunnel):
    """Python's and many small servers answer like this; the visitor's side stays HTTP/1.1."""
    tunnel.serve(raw_then_close(b"HTTP/1.0 200 OK\r\nServer: SimpleHTTP\r\n\r\nthe whole body"))
    for _ in range(3):
        response = tunnel.visit()
        assert response.version == "1.1" and response.body == b"the whole body"


@pytest.mark.covers("S76", "D25")
def test_http_1_0_visitor_with_a_body(tunnel):
    tunnel.serve(reply(b"ok"))
    assert tunnel.visit("POST", body=b"123", version="1.0").body == b"ok"
    assert tunnel.wait_requests().body == b"123"


@pytest.mark.covers("S76", "D25")
def test_pipelined_requests_are_answered_in_order(tunnel):
    def handler(sock, request):
        if request.target == "/0":
            sock.silent(0.2)
        return answer(request.target.encode() + b" " + request.body)
    tunnel.serve(handler, sockets=4)
    wanted, data = [], b""
    for index in range(12):
        body = b"x" * (index * 100) if index % 3 == 1 else None
        data += build_request("POST" if body else "GET", f"/{index}", tunnel.host, body=body)
        wanted.append(f"/{index} ".encode() + (body or b""))
    with tunnel.visitor() as visitor:
        visitor.send(data)
        assert [visitor.read_response().body for _ in wanted] == wanted


@pytest.mark.covers("S76", "D25")
def test_a_pipeline_ends_at_connection_close(tunnel):
    tunnel.serve(reply(b"ok"), sockets=2)
    with tunnel.visitor() as visitor:
        visitor.send(build_request(host=tunnel.host)
                     + build_request(host=tunnel.host, headers=[("Connection", "close")])
                     + build_request(target="/never", host=tunnel.host))
        assert visitor.read_response().body == b"ok"
        assert visitor.read_response().body == b"ok"
        visitor.wait_closed()
    assert [request.target for request in tunnel.requests] == ["/", "/"]


@pytest.mark.covers("S76", "D25")
def test_blank_line_between_requests_is_skipped(tunnel):
    """RFC 9112, 2.2: at least one empty line before a request line is to be ignored."""
    tunnel.serve(reply(b"ok"))
    with tunnel.visitor() as visitor:
        for _ in range(2):
            visitor.send(b"\r\n" + build_request(host=tunnel.host))
            assert visitor.read_response().body == b"ok"


@pytest.mark.covers("S76")
@pytest.mark.parametrize("sizes", [1, 2, 7, 61])
def test_torn_requests_and_responses(tunnel, sizes):
    """Message borders have nothing to do with packet borders."""
    sock = tunnel.open_ready()
    fields = [("X-A", "b" * 30), ("Transfer-Encoding", "chunked")]
    request = build_request("POST", "/torn", tunnel.host, fields)
    chunks = b"3\r\nabc\r\n0a;ext=\"q\"\r\n0123456789\r\n0\r\nX-Trail: t\r\n\r\n"
    reply_bytes = b"HTTP/1.1 200 Fine\r\nX-C: d\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks
    with tunnel.visitor() as visitor:
        for _ in range(2):
            sending = Later(visitor.send, request + chunks, sizes, 0.0005)
            got = sock.read_request()
            assert (got.body, got.trailers) == (b"abc0123456789", [("X-Trail", "t")])
            sending.result()
            sending = Later(sock.send, reply_bytes, sizes, 0.0005)
            response = visitor.read_response()
            assert (response.body, response.trailers) == (b"abc0123456789", [("X-Trail", "t")])
            assert response.reason == "Fine"
            sending.result()


@pytest.mark.covers("S76", "D25")
def test_trailers_pass_both_ways(tunnel):
    trailers = b"X-Checksum: abc\r\nx-dup: 1\r\nX-Dup: 2\r\n"
    body = b"4\r\nbody\r\n0\r\n" + trailers + b"\r\n"
    wanted = [("X-Checksum", "abc"), ("x-dup", "1"), ("X-Dup", "2")]
    tunnel.serve(raw(b"HTTP/1.1 200 OK\r\nTrailer: X-Checksum, X-Dup\r\n"
                     b"Transfer-Encoding: chunked\r\n\r\n" + body))
    response = tunnel.visit("POST", headers=[("Transfer-Encoding", "chunked"),
                                             ("Trailer", "X-Checksum"), ("TE", "trailers")],
                            body=body)
    assert (response.body, response.trailers) == (b"body", wanted)
    request = tunnel.wait_requests()
    assert (request.body, request.trailers) == (b"body", wanted)


@pytest.mark.covers("S76")
def test_the_head_reaches_the_agent_whole_and_the_body_complete(tunnel):
    """What the agent is given is one clean request, byte for byte predictable."""
    tunnel.serve(echo)
    body = bytes(range(256)) * 8
    response = tunnel.visit("POST", "/b", body=body)
    head, _, rest = response.body.partition(b"\r\n\r\n")
    assert rest == body and head.startswith(b"POST /b HTTP/1.1\r\n")
    parse_head(b"HTTP/1.1 200 OK\r\n" + head.partition(b"\r\n")[2] + b"\r\n\r\n", STATUS_LINE,
               Response)


@pytest.mark.covers("S76")
def test_large_heads_within_the_limits_pass(tunnel):
    cookie = "c=" + "x" * 4000
    tunnel.serve(lambda sock, request: answer(
        b"ok", headers=[("Set-Cookie", cookie)] * 3 + [(f"X-{i}", "y" * 50) for i in range(40)]))
    fields = [("Cookie", cookie)] * 3 + [(f"X-{i}", "z" * 50) for i in range(40)]
    response = tunnel.visit(headers=fields)
    assert response.body == b"ok" and len(response.all("Set-Cookie")) == 3
    assert own_fields(tunnel.wait_requests())[1:] == fields


@pytest.mark.covers("S76", "S68")
def test_keep_alive_visitors_share_a_tunnel(tunnel):
    """Several long-lived connections, few sockets: nobody owns a socket between requests."""
    tunnel.serve(lambda sock, request: answer(request.target.encode()), sockets=2)
    visitors = [Visitor(tunnel.relay.port) for _ in range(8)]
    for turn in range(10):
        for index, visitor in enumerate(visitors):
            visitor.send(build_request(target=f"/{turn}/{index}", host=tunnel.host))
        for index, visitor in enumerate(visitors):
            assert visitor.read_response().body == f"/{turn}/{index}".encode()
    for visitor in visitors:
        visitor.close()


@pytest.mark.covers("S68", "fault-34")
def test_torn_heads_of_many_visitors_do_not_mix(shared_relay, agent):
    """Half a head waits while others come and go whole on the same worker."""
    tunnels = [agent(shared_relay, a_name()) for _ in range(3)]
    for tunnel in tunnels:
        tunnel.serve(lambda sock, request: answer(
            (request.get("Host") + request.target + request.get("X-Who")).encode()), sockets=4)
    requests = []
    for index in range(24):
        host = tunnels[index % 3].host
        requests.append((host, build_request(target=f"/{index}", host=host, headers=[
            ("X-Who", f"who{index}"), ("X-Pad", "p" * (index * 7))])))
    visitors = [tunnels[0].visitor() for _ in requests]
    for step in range(0, 400, 23):
        for visitor, (_, data) in zip(visitors, requests):
            if step < len(data):
                visitor.send(data[step:step + 23])
    for index, (visitor, (host, _)) in enumerate(zip(visitors, requests)):
        assert visitor.read_response().text() == f"{host}/{index}who{index}"
        visitor.close()
