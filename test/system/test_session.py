"""Sessions of agents: links, visitors, and how both end (docs/protocol.md)."""
import hashlib
import os
import threading

import pytest

from harness import http
from harness.http import visit
from harness.session import Session, reply
from harness.wait import wait_for


@pytest.mark.covers("S90", "S92")
@pytest.mark.tsan
def test_a_visitor_is_served_over_a_session(start):
    relay = start()
    with Session(relay) as peer:
        answer = peer.register(subdomain="demo")
        assert answer["name"] == "demo"
        assert answer["url"] == f"http://demo.{relay.domain}:{relay.port}"
        peer.serve(reply(b"hello"))
        for _ in range(3):
            response = visit(relay, "demo")
            assert response.status == 200 and response.body == b"hello"


def test_visitors_come_once_the_agent_could_resume(start):
    relay = start("--workers", 1, "--max-waiting", 1)
    with Session(relay, hello=False) as peer:
        peer.hello(ready=False)
        peer.say(type="register", tunnel=1, proto="http", subdomain="demo")
        peer.say(type="unregister", tunnel=99)
        peer.expect("closed")  # so both were heard
        with http.Visitor(relay.port) as visitor:
            visitor.send(http.build_request(host=f"demo.{relay.domain}"))
            # Another one is refused: so the first one waits.
            assert visit(relay, "demo").get("X-Adit-Error") == "too-many-waiting"
            assert not peer.waiting, "no stream before the agent said that it is ready"
            peer.say(type="ready")
            assert peer.expect("registered")["name"] == "demo"
            stream = peer.accept()
            stream.read_request()
            stream.answer(b"ok")
            assert visitor.read_response().body == b"ok"


def test_the_line_says_who_the_visitor_is(start):
    relay = start()
    with Session(relay) as peer:
        peer.register(7, subdomain="demo")
        with http.Visitor(relay.port, source="127.0.0.9") as visitor:
            visitor.send(http.build_request(host=f"demo.{relay.domain}"))
            stream = peer.accept()
            request = stream.read_request()
            assert stream.line == {
                "tunnel": "7", "visitor": "127.0.0.9",
                "visitor_port": str(visitor.sock.getsockname()[1]), "public": "127.0.0.1",
                "public_port": str(relay.port), "scheme": "http",
                "id": request.get("X-Request-Id")}
            assert stream.frames == [len(request.raw) + len(" ".join(stream.line.values())) + 1]
            assert stream.read_to_end() == b"", "FIN follows the request"
            stream.answer(b"ok")
            assert visitor.read_response().body == b"ok"


@pytest.mark.covers("S93")
def test_a_body_is_half_closed_behind_and_many_share_the_session(start):
    relay = start()
    with Session(relay, client="me") as peer:
        peer.register(subdomain="demo")

        def handler(stream, request):
            assert stream.read_to_end() == b""
            stream.answer(hashlib.sha256(request.body).hexdigest().encode())
        peer.serve(handler)
        bodies = [os.urandom(300_000) for _ in range(8)]
        got = [None] * len(bodies)

        def post(at):
            got[at] = visit(relay, "demo", method="POST", body=bodies[at]).body
        threads = [threading.Thread(target=post, args=(at,)) for at in range(len(bodies))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert got == [hashlib.sha256(body).hexdigest().encode() for body in bodies]


@pytest.mark.covers("S99")
@pytest.mark.parametrize("kind", ["text/event-stream", "text/html", "application/octet-stream"])
def test_bytes_are_passed_on_as_they_arrive(start, kind):
    relay = start()
    with Session(relay) as peer:
        peer.register(subdomain="demo")
        with http.Visitor(relay.port) as visitor:
            visitor.send(http.build_request("POST", host=f"demo.{relay.domain}", headers=[
                ("Content-Length", "3")]))
            stream = peer.accept()
            stream.read_until(b"\r\n\r\n")
            for byte in (b"a", b"b", b"c"):
                visitor.send(byte)
                assert stream.read_exactly(1) == byte
            stream.send(f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\n"
                        "Content-Length: 3\r\n\r\n".encode())
            assert visitor.read_head().status == 200
            for byte in (b"x", b"y", b"z"):
                stream.send(byte)
                assert visitor.read_exactly(1) == byte
            stream.half_close()


def test_a_chunked_body_with_trailers_ends_in_fin(start):
    relay = start()
    with Session(relay) as peer:
        peer.register(subdomain="demo")
        with http.Visitor(relay.port) as visitor:
            visitor.send(b"POST / HTTP/1.1\r\nHost: demo." + relay.domain.encode() +
                         b"\r\nTransfer-Encoding: chunked\r\n\r\n")
            stream = peer.accept()
            visitor.send(b"3\r\nabc\r\n0\r\nX-T: 1\r\n\r\n")
            request = stream.read_request()
            assert request.body == b"abc" and request.trailers == [("X-T", "1")]
            assert stream.read_to_end() == b""
            stream.answer()
            assert visitor.read_response().status == 200


def test_an_upgrade_is_a_pipe_without_a_half_close(start):
    relay = start()
    with Session(relay) as peer:
        peer.register(subdomain="demo")
        with http.Visitor(relay.port) as visitor:
            visitor.send(http.build_request(host=f"demo.{relay.domain}", headers=[
                ("Connection", "Upgrade"), ("Upgrade", "echo")]))
            stream = peer.accept()
            stream.read_request()
            assert stream.silent(0.1)
            stream.send(b"HTTP/1.1 101 Go\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
            assert visitor.read_head().status == 101
            visitor.send(b"ping")
            assert stream.read_exactly(4) == b"ping"
            stream.send(b"pong")
            assert visitor.read_exactly(4) == b"pong"
            visitor.half_close()
            assert stream.read_to_end() == b""
            stream.send(b"after")
            stream.half_close()
            assert visitor.read_to_end() == b"after"


def test_a_visitor_that_leaves_resets_the_stream(start):
    relay = start()
    with Session(relay) as peer:
        peer.register(subdomain="demo")
        visitor = http.Visitor(relay.port)
        visitor.send(http.build_request(host=f"demo.{relay.domain}"))
        stream = peer.accept()
        stream.read_request()
        visitor.reset()
        wait_for(lambda: stream.rst, "a reset")


@pytest.mark.parametrize("close", [True, False])
def test_a_finished_answer_ends_its_stream_in_order(start, close):
    relay = start(admin=True)
    with Session(relay) as peer:
        peer.register(subdomain="demo")
        peer.serve(reply(b"x", headers=[("Connection", "close")] if close else []))
        for _ in range(20):
            assert visit(relay, "demo").status == 200
        assert not any(stream.rst for stream in peer.streams.values())
        wait_for(lambda: metric(relay, "session_streams_open") == 0, "no streams")


def metric(relay, name):
    text = http.fetch(relay.admin_port, target="/metrics", host="localhost").text()
    return int(float(next(line.split()[1] for line in text.splitlines()
                          if line.startswith(f"adit_{name} "))))


@pytest.mark.covers("fault-4")
@pytest.mark.parametrize("code,status", [
    ("local-refused", 502), ("local-unreachable", 502), ("local-reset", 502), ("local-tls", 502),
    ("local-overloaded", 503)])
def test_what_failed_at_the_agent_is_told_to_the_visitor(start, code, status):
    relay = start()
    with Session(relay) as peer:
        peer.register(subdomain="demo")

        def handler(stream, request):
            peer.say(type="failed", stream=stream.number, code=code,
                     message="connect to <b>127.0.0.1:3000</b>: \u001b[2Jrefused")
            stream.reset()
        peer.serve(handler)
        response = visit(relay, "demo", headers=[("Accept", "text/html")])
        assert (response.status, response.get("X-Adit-Error")) == (status, code)
        assert b"connect to &lt;b&gt;127.0.0.1:3000" in response.body
        assert b"\x1b" not in response.body
        assert visit(relay, "demo").get("X-Adit-Error") == code
        relay.wait_access(error=code, count=2)


def test_a_reset_without_words_is_the_agents_fault(start):
    relay = start()
    with Session(relay) as peer:
        peer.register(subdomain="demo")
        peer.serve(lambda stream, request: stream.reset())
        response = visit(relay, "demo")
        assert (response.status, response.get("X-Adit-Error")) == (503, "agent-lost")
        assert len(peer.streams) == 3, "a GET is tried again twice"
        response = visit(relay, "demo", method="POST", body=b"x")
        assert response.get("X-Adit-Error") == "agent-lost" and len(peer.streams) == 4


def test_a_second_stream_of_the_agent_is_refused_and_the_session_goes_on(start):
    relay = start()
    with Session(relay) as peer:
        peer.register(subdomain="demo")
        peer.data(3, b"hello", 1)
        peer.serve(reply(b"still"))
        assert visit(relay, "demo").body == b"still"


def test_unregister_and_go_away_free_the_name(start):
    relay = start()
    with Session(relay, client="a") as peer, Session(relay, client="b") as other:
        peer.register(subdomain="demo")
        peer.say(type="unregister", tunnel=1)
        peer.expect("closed", tunnel=1)
        assert visit(relay, "demo").status == 404
        assert other.register(subdomain="demo")["name"] == "demo"
        other.frame(3)
        wait_for(lambda: visit(relay, "demo").status == 404, "the name to be free")
        refused = other.register_refused(number=2, subdomain="late")
        assert (refused["code"], refused["fatal"]) == ("bad-message", True)
        assert visit(relay, "late").status == 404
        assert peer.register(subdomain="demo")["name"] == "demo"


@pytest.mark.parametrize("upgrade", ["websocket", "adit2"])
def test_other_upgrades_on_the_base_domain_are_dropped_in_silence(start, upgrade):
    relay = start()
    with http.Visitor(relay.port) as visitor:
        visitor.send(http.build_request(host=relay.domain, target="/_adit/session", headers=[
            ("Connection", "Upgrade"), ("Upgrade", upgrade), ("Adit-Version", "1")]))
        assert visitor.wait_closed() == "fin"


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
def test_a_request_whose_upgrade_was_taken_away_is_told_so(start, method):
    """Proxies that let only WebSocket pass make of another upgrade an ordinary request."""
    relay = start()
    with http.Visitor(relay.port) as visitor:
        answer = visitor.ask(method, "/_adit/session", relay.domain)
        if method == "POST":
            assert answer.status == 405
            return
        assert (answer.status, answer.get("X-Adit-Error")) == (426, "upgrade-required")
        assert (answer.get("Upgrade"), answer.get("Connection")) == ("adit", "Upgrade")
        assert visitor.ask("GET", "/healthz", relay.domain).status == 200


@pytest.mark.covers("fault-6")
@pytest.mark.tsan
@pytest.mark.parametrize("workers", [1, 2])
def test_a_relay_that_drains_lets_visitors_finish(start, workers):
    relay = start("--workers", workers, "--drain-timeout", 20000)
    with Session(relay) as peer:
        peer.register(subdomain="demo")
        with http.Visitor(relay.port) as visitor:
            visitor.send(http.build_request(host=f"demo.{relay.domain}"))
            stream = peer.accept()
            stream.read_request()
            relay.signal(15)
            assert peer.expect("notice", code="draining")["message"]
            wait_for(lambda: peer.go_aways == [0], "a go-away")
            assert not peer.lost
            stream.answer(b"finished")
            assert visitor.read_response().body == b"finished"
        relay.wait_exit()
        peer.wait_lost()


def test_links_do_not_keep_a_draining_relay_up(start):
    relay = start("--drain-timeout", 60000)
    with Session(relay) as peer, Session(relay, client="x") as parked:
        peer.register(subdomain="demo")
        parked.register(subdomain="other")
        parked.cut()
        relay.wait_log("link lost")
        relay.signal(15)
        relay.wait_exit()


def test_the_tunnels_status_counts_links(start):
    relay = start()

    def status():
        return http.fetch(relay.port, target="/api/tunnels/demo/status", host=relay.domain)
    with Session(relay) as peer:
        peer.register(subdomain="demo")
        assert status().json() == {"connected_sockets": 1}
        peer.cut()
        relay.wait_log("tunnel offline")
        assert status().json() == {"connected_sockets": 0}
        peer.resume()
        assert status().json() == {"connected_sockets": 1}


def test_sessions_are_counted(start):
    relay = start(admin=True)
    with Session(relay) as peer, Session(relay):
        peer.register(subdomain="demo")
        with http.Visitor(relay.port) as visitor:
            visitor.send(http.build_request(host=f"demo.{relay.domain}"))
            peer.accept()
            assert metric(relay, "session_streams_open") == 1
        wait_for(lambda: metric(relay, "session_streams_open") == 0, "the visitor to be gone")
        assert metric(relay, "sessions_open") == 2
        peer.cut()
        wait_for(lambda: metric(relay, "sessions_parked") == 1, "a parked session")
        peer.resume()
        wait_for(lambda: metric(relay, "sessions_parked") == 0, "none parked")
        assert metric(relay, "sessions_resumed_total") == 1
        assert metric(relay, "session_links_lost_total") == 1
        wait_for(lambda: metric(relay, "visitor_connections_open") == 1, "a link is no visitor")


def test_a_session_over_websocket(start):
    relay = start()
    with WebSocketSession(relay) as peer:
        peer.register(subdomain="demo")
        peer.serve(reply(b"framed"))
        assert visit(relay, "demo").body == b"framed"


class WebSocketSession(Session):
    """The same bytes in binary messages. Only what this test needs of RFC 6455."""

    def request(self, fields=(), **how):
        return super().request([("Sec-WebSocket-Version", "13"),
                                ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
                                ("Sec-WebSocket-Protocol", "adit")] + list(fields),
                               upgrade="websocket", **how)

    def _use(self, wire):
        wire.sock = Messages(wire)
        wire.pending = b""
        super()._use(wire)


class Messages:
    """A socket whose bytes travel in unmasked (in) and masked (out) binary messages."""

    def __init__(self, wire):
        self.wire = http.Wire.__new__(http.Wire)
        self.wire.__dict__.update(wire.__dict__)
        self.raw = wire.sock

    def sendall(self, data):
        data, mask = bytes(data), os.urandom(4)
        if len(data) < 126:
            size = bytes([0x80 | len(data)])
        elif len(data) < 65536:
            size = bytes([0xfe]) + len(data).to_bytes(2, "big")
        else:
            size = bytes([0xff]) + len(data).to_bytes(8, "big")
        self.raw.sendall(b"\x82" + size + mask +
                         bytes(byte ^ mask[at % 4] for at, byte in enumerate(data)))

    def recv(self, _):
        first, size = self.wire.read_exactly(2, 3600)
        assert first & 0x0f in (0, 2), first
        if size == 126:
            size = int.from_bytes(self.wire.read_exactly(2), "big")
        elif size == 127:
            size = int.from_bytes(self.wire.read_exactly(8), "big")
        return self.wire.read_exactly(size)

    def __getattr__(self, name):
        return getattr(self.raw, name)
