"""HTTP through adit and aditd: what visitors and services see of it must be what they did."""
import hashlib
import threading
import time

import pytest

from harness import http
from harness.npm import Node
from harness.service import PATIENCE, Watch, answer, say_hello, send_body
from harness.traffic import (MIB, Later, a_name, blocks, chunk, digest_of,
                             lean_env, read_chunk, read_digest, send_blocks)
from harness.wait import DEADLINE, SLOW, wait_for

pytestmark = pytest.mark.timeout(90 * SLOW)


def app(wire, request):
    """/bytes/N and /chunked/N send so many; a POST is answered with the digest of its body."""
    words = request.target.strip("/").split("/")
    if words[0] in ("bytes", "chunked"):
        send_body(wire, int(words[1]), words[0] == "chunked")
    elif request.method == "POST":
        sha, size = read_digest(wire, request)
        answer(wire, f"{sha} {size}".encode())
    else:
        say_hello(wire, request)


class Tunnel:
    def __init__(self, relay, agent, service):
        self.relay, self.agent, self.service = relay, agent, service
        self.url = agent.wait_event("tunnel_up")["url"]
        self.host = self.url.partition("//")[2].partition(":")[0]

    def visitor(self, **how):
        return http.Visitor(self.relay.port, **how)

    def ask(self, method="GET", target="/", **how):
        return http.fetch(self.relay.port, method, target, self.host, **how)


@pytest.fixture
def tunnel(relay, services, adits):
    """tunnel(handle, flags=..., raw=..., of=relay) -> Tunnel with a service of its own."""
    def begin(handle=None, flags=(), of=None, env=None, **how):
        service = services(handle, **how)
        place = of or relay
        return Tunnel(place, adits(place, "http", service.target, "--subdomain", a_name("h"),
                                   *flags, env=env), service)
    return begin


# ---------------------------------------------------------------- methods and bodies

def test_get_post_and_head(tunnel):
    t = tunnel(app)
    with t.visitor() as visitor:
        assert visitor.ask("GET", "/", t.host).body == b"hello"
        head = visitor.ask("HEAD", "/", t.host)
        assert (head.status, head.body) == (200, b"")
        answered = visitor.ask("POST", "/", t.host, body=b"12345")
        assert answered.text() == f"{hashlib.sha256(b'12345').hexdigest()} 5"
        assert visitor.ask("GET", "/", t.host).body == b"hello"
    assert t.service.accepts == 1


@pytest.mark.parametrize("size", [0, 1, 65536, MIB])
@pytest.mark.parametrize("chunked", [False, True])
def test_bodies_both_ways(tunnel, size, chunked):
    t = tunnel(app)
    with t.visitor() as visitor:
        framing = ("Transfer-Encoding", "chunked") if chunked else ("Content-Length", str(size))
        visitor.send(http.build_request("POST", "/", t.host, [framing]))
        send_blocks(visitor, size, chunked)
        assert visitor.read_response().text() == f"{digest_of(size)} {size}"
        visitor.send(http.build_request(
            "GET", f"/{'chunked' if chunked else 'bytes'}/{size}", t.host))
        assert read_digest(visitor, visitor.read_head()) == (digest_of(size), size)


def test_50_mib_each_way_in_flat_memory(tunnel, start):
    size = 50 * MIB
    t = tunnel(app, of=start(env=lean_env()), env=lean_env())
    watches = [Watch(t.agent), Watch(t.relay)]
    with t.visitor(timeout=PATIENCE) as visitor:
        visitor.send(http.build_request("GET", f"/bytes/{size}", t.host))
        assert read_digest(visitor, visitor.read_head()) == (digest_of(size), size)
    with t.visitor(timeout=PATIENCE) as visitor:
        visitor.send(http.build_request("POST", "/", t.host, [("Content-Length", str(size))]))
        send_blocks(visitor, size)
        assert visitor.read_response(timeout=PATIENCE).text() == f"{digest_of(size)} {size}"
    for watch in watches:
        assert watch.grown_kib() < 32 * 1024 + 16 * 1024  # windows and tails, not the body


def test_a_slow_reader_holds_the_service_back(tunnel, start):
    """What the visitor does not read stays at the service, and others are served meanwhile."""
    sent = []

    def pour(wire, request):
        if request.target != "/pour":
            return say_hello(wire, request)
        wire.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (200 * MIB))
        for piece in blocks(200 * MIB):
            wire.send(piece)
            sent.append(len(piece))
        return False
    t = tunnel(pour, of=start(env=lean_env()), env=lean_env())
    watches = [Watch(t.agent), Watch(t.relay)]
    with t.visitor() as slow:
        slow.send(http.build_request("GET", "/pour", t.host))
        slow.read_head()
        before = -1
        while before != len(sent):  # until nothing more is taken
            before = len(sent)
            assert t.ask().body == b"hello"
            time.sleep(0.5)
        assert sum(sent) < 60 * MIB
    assert all(watch.grown_kib() < 48 * 1024 for watch in watches)


def test_sse_passes_at_once(tunnel):
    more = threading.Event()

    def events(wire, request):
        wire.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
                  b"Transfer-Encoding: chunked\r\n\r\n" + chunk(b"data: 1\n\n"))
        assert more.wait(DEADLINE)
        wire.send(chunk(b"data: 2\n\n") + b"0\r\n\r\n")
    t = tunnel(events)
    with t.visitor() as visitor:
        visitor.send(http.build_request("GET", "/", t.host))
        visitor.read_head()
        assert read_chunk(visitor) == b"data: 1\n\n"
        more.set()
        assert read_chunk(visitor) == b"data: 2\n\n"
        assert read_chunk(visitor) == b""


def test_the_head_passes_before_any_body(tunnel):
    more = threading.Event()

    def slow_body(wire, request):
        wire.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n")
        assert more.wait(DEADLINE)
        wire.send(b"ok")
    t = tunnel(slow_body)
    with t.visitor() as visitor:
        visitor.send(http.build_request("GET", "/", t.host))
        assert visitor.read_head().status == 200
        more.set()
        assert visitor.read_exactly(2) == b"ok"


def test_100_continue(tunnel):
    def careful(wire, request):
        assert request.get("Expect") == "100-continue"
        wire.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        http.read_body(wire, request, PATIENCE, to_end=False)
        answer(wire, request.body)
    t = tunnel(careful)
    with t.visitor() as visitor:
        visitor.send(http.build_request("POST", "/", t.host, [
            ("Content-Length", "4"), ("Expect", "100-continue")]))
        assert visitor.read_head().status == 100
        visitor.send(b"body")
        assert visitor.read_response().body == b"body"


def test_early_hints_and_trailers(tunnel):
    def talkative(wire, request):
        http.read_body(wire, request, PATIENCE, to_end=False)
        assert request.trailers == [("X-Sum", "42")], request.trailers
        wire.send(b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n"
                  b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-End\r\n\r\n"
                  + chunk(request.body) + b"0\r\nX-End: yes\r\n\r\n")
    t = tunnel(talkative)
    with t.visitor() as visitor:
        visitor.send(http.build_request("POST", "/", t.host, [
            ("Transfer-Encoding", "chunked"), ("Trailer", "X-Sum"), ("TE", "trailers")])
            + chunk(b"abc") + b"0\r\nX-Sum: 42\r\n\r\n")
        assert visitor.read_head().status == 103
        response = visitor.read_response()
        assert (response.body, response.trailers) == (b"abc", [("X-End", "yes")])
    assert not t.service.failures


def test_an_early_answer_during_an_upload(tunnel):
    def refuse(wire, request):
        answer(wire, b"too much", "413 Payload Too Large", [("Connection", "close")])
        return False
    t = tunnel(refuse)
    with t.visitor() as visitor:
        visitor.send(http.build_request("POST", "/", t.host, [("Content-Length", str(50 * MIB))]))
        response = Later(visitor.read_response)
        try:
            for piece in blocks(50 * MIB):
                visitor.send(piece)
                if response.done():
                    break
        except OSError:
            pass
        assert (response.result().status, response.result().body) == (413, b"too much")
    assert t.ask().status == 413  # and the tunnel lives


def test_an_early_answer_while_the_body_goes_on(tunnel):
    """The answer begins before the request is whole, and both come to their ends."""
    def both(wire, request):
        wire.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk(b"begun"))
        sha, size = read_digest(wire, request)
        wire.send(chunk(f"{sha} {size}".encode()) + b"0\r\n\r\n")
    t = tunnel(both)
    with t.visitor() as visitor:
        visitor.send(http.build_request("POST", "/", t.host, [("Content-Length", str(MIB))]))
        visitor.read_head()
        assert read_chunk(visitor) == b"begun"
        send_blocks(visitor, MIB)
        assert read_chunk(visitor) == f"{digest_of(MIB)} {MIB}".encode()
        assert read_chunk(visitor) == b""


def test_an_answer_until_the_end_of_the_connection(tunnel):
    def old(wire, request):
        wire.send(b"HTTP/1.0 200 OK\r\n\r\n")
        for piece in blocks(MIB):
            wire.send(piece)
        return False
    t = tunnel(old)
    with t.visitor() as visitor:
        visitor.send(http.build_request("GET", "/", t.host))
        assert read_digest(visitor, visitor.read_head()) == (digest_of(MIB), MIB)


@pytest.mark.parametrize("status", ["204 No Content", "304 Not Modified"])
def test_answers_without_a_body(tunnel, status):
    def short(wire, request):
        wire.send(f"HTTP/1.1 {status}\r\nETag: \"1\"\r\n\r\n".encode())
    t = tunnel(short)
    with t.visitor() as visitor:
        for _ in range(3):
            assert visitor.ask("GET", "/", t.host).status == int(status[:3])
    assert t.service.accepts == 1


# ---------------------------------------------------------------- visitors of all kinds

def test_an_old_visitor(tunnel):
    t = tunnel(app)
    with t.visitor() as visitor:
        visitor.send(http.build_request("GET", "/chunked/100000", t.host, version="1.0"))
        head = visitor.read_head()
        assert head.get("Transfer-Encoding") is None
        assert read_digest(visitor, head) == (digest_of(100000), 100000)


def test_visitors_that_close_share_local_connections(tunnel):
    t = tunnel(app)
    for _ in range(50):
        response = t.ask(headers=[("Connection", "close")])
        assert (response.status, response.body) == (200, b"hello")
    assert len(t.service.requests) == 50
    assert t.service.accepts == 1


def test_500_requests_at_once(tunnel):
    barrier = threading.Barrier(500)

    def together(wire, request):
        barrier.wait(PATIENCE)  # all of them are at the service at the same time
        answer(wire, request.target.encode())
    t = tunnel(together, flags=["--quiet"])
    asked = [Later(t.ask, "GET", f"/{i}", timeout=PATIENCE) for i in range(500)]
    for i, later in enumerate(asked):
        response = later.result()
        assert (response.status, response.text()) == (200, f"/{i}")


def test_a_slow_service(tunnel):
    def slow(wire, request):
        time.sleep(1.5)
        answer(wire, b"late")
    t = tunnel(slow)
    assert t.ask().body == b"late"


@pytest.mark.parametrize("how", ["close", "reset"])
def test_the_service_sees_that_a_visitor_has_left(tunnel, how):
    gone = threading.Event()

    def endless(wire, request):
        wire.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk(b"more"))
        try:
            while wire.read_some(PATIENCE):
                pass
        except ConnectionError:
            pass
        gone.set()
        return False
    t = tunnel(endless)
    visitor = t.visitor()
    visitor.send(http.build_request("GET", "/", t.host))
    visitor.read_head()
    assert read_chunk(visitor) == b"more"
    getattr(visitor, how)()  # close may be a half-close, for the relay
    assert gone.wait(2 * DEADLINE)
    assert t.agent.wait_event("request")["code"] == "visitor-gone"


def test_the_service_sees_that_an_upload_was_cut(tunnel):
    seen = []

    def take(wire, request):
        try:
            read_digest(wire, request)
        except (http.Truncated, ConnectionError) as end:
            seen.append(end)
        return False
    t = tunnel(take)
    visitor = t.visitor()
    visitor.send(http.build_request("POST", "/", t.host, [("Content-Length", str(MIB))]))
    visitor.send(b"x" * 70000)
    t.service.wait_requests()
    visitor.reset()
    wait_for(lambda: seen, "the end of the upload at the service")


def test_a_half_closed_visitor_gets_an_answer_that_dawdles(tunnel):
    """It counts as gone only when nothing comes for a while that it would have taken."""
    def dawdle(wire, request):
        wire.send(b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\n")
        for _ in range(8):
            time.sleep(0.9)
            wire.send(b"x")
    t = tunnel(dawdle)
    with t.visitor() as visitor:
        visitor.send(http.build_request("GET", "/", t.host))
        visitor.read_head()
        visitor.half_close()
        assert visitor.read_exactly(8, 2 * DEADLINE) == b"x" * 8


# ---------------------------------------------------------------- connections of the service

def test_a_service_that_closes_after_each_answer_unannounced(tunnel):
    def once(wire, request):
        say_hello(wire, request)
        return False
    t = tunnel(once)
    for i in range(100):
        response = t.ask("POST" if i % 2 else "GET", body=b"x" if i % 2 else None)
        assert (response.status, response.body) == (200, b"hello"), i


def test_a_service_that_closes_when_the_next_request_comes(tunnel):
    """The race of every keep-alive: the request crosses the close. GET is sent once more."""
    seen = {}

    def shy(wire, request):
        if seen.setdefault(wire, 0) and request.method == "GET":
            return False  # a second one on this connection gets no answer
        seen[wire] += 1
        return say_hello(wire, request)
    t = tunnel(shy)
    for _ in range(40):
        assert t.ask().body == b"hello"


def test_node_closes_idle_connections(tunnel, node, relay, adits, tmp_path):
    """A node service with a short keep-alive, asked exactly when it closes its connections."""
    script = tmp_path / "app.js"
    script.write_text("""
const http = require('http');
const server = http.createServer((q, a) => { q.resume(); q.on('end', () => a.end('hello')); });
server.keepAliveTimeout = Number(process.argv[2]);
server.listen(0, '127.0.0.1', () => console.log(JSON.stringify({port: server.address().port})));
""")
    slow = node(Node, script, "5000").event()["port"]
    quick = node(Node, script, "300").event()["port"]
    name = a_name("n")
    for port, pause, count in ((quick, 0.28, 30), (slow, 4.99, 3)):
        agent = adits(relay, "http", port, "--subdomain", f"{name}{port}")
        host = agent.wait_event("tunnel_up")["url"].partition("//")[2].partition(":")[0]
        with http.Visitor(relay.port) as visitor:
            for i in range(count):
                method = "POST" if i % 2 else "GET"
                response = visitor.ask(method, "/", host, body=b"x" if i % 2 else None)
                assert (response.status, response.body) == (200, b"hello"), (pause, i)
                time.sleep(pause + i % 7 * 0.01)


# ---------------------------------------------------------------- upgrades

def test_node_websocket_echo(relay, adits, node):
    port = node(Node, "ws_echo.js").event()["port"]
    agent = adits(relay, "http", port, "--subdomain", a_name("ws"))
    host = agent.wait_event("tunnel_up")["url"].partition("//")[2].partition(":")[0]
    result = node(Node, "ws_client.js", relay.port, host, 200, 20000).event(PATIENCE)
    assert result == {"received": 200, "closed": 1000}
    assert agent.wait_event("request")["upgraded"] is True


def upgrade(host, behind=b""):
    return http.build_request("GET", "/", host, [
        ("Connection", "Upgrade"), ("Upgrade", "raw")]) + behind


def test_an_upgrade_with_bytes_behind_both_heads(tunnel):
    def pipe(wire, request):
        assert request.get("Upgrade") == "raw"
        wire.send(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n"
                  b"Upgrade: raw\r\n\r\nfirst")
        assert wire.read_exactly(6) == b"behind"
        while True:
            data = wire.read_some(PATIENCE)
            if not data:
                break
            wire.send(data)
        wire.send(b"last")  # the visitor's half was closed, ours is open
        return False
    t = tunnel(pipe)
    with t.visitor() as visitor:
        visitor.send(upgrade(t.host, b"behind"))
        assert visitor.read_head().status == 101
        assert visitor.read_exactly(5) == b"first"
        data = b"".join(blocks(MIB))
        sending = Later(visitor.send, data)
        assert visitor.read_exactly(MIB) == data
        sending.result()
        visitor.half_close()
        assert visitor.read_to_end() == b"last"
    assert not t.service.failures


def test_bytes_behind_the_switch_of_a_connection_that_brought_much_before(tunnel):
    """What is read after a large answer is read to where the tunnel will send it from."""
    behind = b"".join(blocks(9000))

    def much_then_pipe(wire, request):
        if request.get("Upgrade") != "raw":
            answer(wire, bytes(40000))
            return True
        wire.send(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n"
                  b"Upgrade: raw\r\n\r\n" + behind)
        return False
    t = tunnel(much_then_pipe)
    assert t.ask().body == bytes(40000)
    with t.visitor() as visitor:
        visitor.send(upgrade(t.host))
        assert visitor.read_head().status == 101
        assert visitor.read_exactly(9000) == behind
        visitor.half_close()
        assert visitor.read_to_end() == b""
    assert t.service.accepts == 1


def test_an_upgrade_that_is_refused_is_an_ordinary_answer(tunnel):
    t = tunnel(app)
    for _ in range(3):
        with t.visitor() as visitor:
            visitor.send(upgrade(t.host))
            assert visitor.read_response().body == b"hello"
            assert visitor.wait_closed() == "fin"


# ---------------------------------------------------------------- what the service is told

def test_what_the_service_is_told(tunnel):
    t = tunnel(app)
    t.ask(headers=[("X-Forwarded-For", "10.9.8.7"), ("Connection", "close, X-Hop"),
                   ("X-Hop", "1"), ("X-End", "2")])
    request = t.service.wait_requests()
    assert request.get("Host") == t.host
    assert request.get("X-Forwarded-Host") == t.host
    assert request.get("X-Forwarded-Proto") == "http"
    assert request.get("X-Forwarded-For").endswith("127.0.0.1")
    assert request.get("X-Hop") is None and request.get("X-End") == "2"
    event = t.agent.wait_event("request")
    assert event["request_id"] == request.get("X-Request-Id")
    assert (event["method"], event["path"], event["status"]) == ("GET", "/", 200)
    assert event["visitor"] == "127.0.0.1"
