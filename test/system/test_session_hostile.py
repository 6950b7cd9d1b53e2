"""Agents that do what they never should: their session ends, everybody else notices nothing."""
import json
import os
import struct
import threading

import pytest

from harness import http
from harness.http import visit
from harness.session import (ACK_BYTES, DATA, FIN, GO_AWAY, PING, RST, SYN, WINDOW, Session,
                             reply)
from harness.wait import wait_for


@pytest.fixture
def relay(start):
    return start("--workers", 1, admin=True)


@pytest.fixture
def bystander(relay):
    """Another agent, whose visitors are served before, during and after."""
    with Session(relay, client="bystander") as peer:
        peer.register(subdomain="bystander")
        peer.serve(reply(b"fine"))
        yield peer
        assert visit(relay, "bystander").body == b"fine"
        assert not peer.lost


def ended(relay, peer):
    peer.wait_lost()
    line = relay.wait_log({"msg": "session ended", "session": peer.id})
    wait_for(lambda: visit(relay).status == 404, "the name to be free")
    return line["reason"]


def head(kind, flags=0, number=0, length=0, version=0):
    return struct.pack(">BBHII", version, kind, flags, number, length)


FRAMES = {
    "version": head(DATA, number=1, version=1),
    "type": head(9),
    "syn-again": head(DATA, SYN, 1),
    "even-id": head(DATA, SYN, 2),
    "id-zero": head(DATA, SYN, 0),
    "window-overflow": head(WINDOW, 0, 1, 0xffffffff) * 2,
    "huge-length": head(DATA, 0, 1, 0x80000000),
    "more-than-credit": head(DATA, 0, 1, 300_000) + bytes(300_000),
    "ack-of-the-future": head(ACK_BYTES, 0, 0, 8) + struct.pack(">Q", 1 << 60),
    "ack-of-odd-size": head(ACK_BYTES, 0, 0, 9) + bytes(9),
    "data-behind-fin": head(DATA, FIN, 1) + head(DATA, 0, 1, 1) + b"x",
    "go-away-1": head(GO_AWAY, length=1),
}


@pytest.mark.covers("fault-30")
@pytest.mark.tsan
@pytest.mark.parametrize("name", FRAMES)
def test_a_frame_that_must_not_be_ends_that_session_only(relay, bystander, name):
    with Session(relay) as peer:
        peer.register(subdomain="demo")
        with http.Visitor(relay.port) as visitor:
            visitor.send(http.build_request(host=f"demo.{relay.domain}"))
            peer.accept()
            peer.raw(FRAMES[name])
            assert ended(relay, peer)
            assert visitor.read_response().status == 503


@pytest.mark.parametrize("line,why", [
    (b"{}\n", "type"), (b"nonsense\n", "JSON"), (b"\n", "JSON"), (b"[]\n", "JSON"),
    (b'{"type":"register"}\n', "tunnel"), (b'{"type":"hello","version":1}\n', "one hello"),
    (b'{"type":"register","tunnel":0,"proto":"http"}\n', "tunnel"),
    (b"x" * 16384, "16 KiB"), (b"[" * 16000 + b"\n", "JSON"),
    (b'{"type":"failed","stream":2,"code":"a b"}\n', "code")])
def test_a_line_that_makes_no_sense_ends_that_session_only(relay, bystander, line, why):
    with Session(relay) as peer:
        peer.register(subdomain="demo")
        peer.data(1, line)
        error = peer.expect("error", code="bad-message", fatal=True)
        assert why in error["message"] and "tunnel" not in error
        assert ended(relay, peer)


@pytest.mark.parametrize("first", [
    {"type": "register", "tunnel": 1, "proto": "http"}, {"type": "hello", "version": 2},
    {"type": "hello", "version": 1, "client": "a b"}, {"type": "later"}])
def test_the_first_message_is_a_hello(relay, bystander, first):
    with Session(relay, hello=False, resume=False) as peer:
        peer.data(1, json.dumps(first).encode() + b"\n", SYN)
        assert peer.expect("error")["code"] == "bad-message"
        peer.wait_lost()


def test_without_a_hello_a_link_ends(start):
    relay = start("--head-timeout", 200)
    with Session(relay, hello=False) as peer:
        peer.wait_lost()
        relay.wait_log({"msg": "session ended", "reason": "no hello came"})


def test_what_is_not_known_is_ignored(relay, bystander):
    with Session(relay) as peer:
        peer.register(subdomain="demo")
        peer.say(type="tomorrow", tunnel="x")
        peer.say(type="welcome", version=1, session="x", grace=1, heartbeat=1)
        peer.say(type="failed", stream=4000, code="local-refused", message="x")
        peer.say(type="failed", stream=2, code="of-tomorrow", message="x")
        peer.say(type="unregister", tunnel=99)
        peer.expect("closed", tunnel=99)
        for number in (2, 400, 4001):
            peer.data(number, b"nobody")
            peer.frame(WINDOW, RST, number)
        peer.raw(head(DATA, SYN, 3) + head(WINDOW, RST, 3) + head(DATA, SYN, 3))
        peer.serve(reply(b"here"))
        assert visit(relay).body == b"here"


def test_a_hundred_thousand_streams_of_an_agent(relay, bystander):
    before = relay.rss_kib()
    with Session(relay) as peer:
        peer.register(subdomain="demo")
        for first in range(3, 200_003, 20_000):
            peer.raw(b"".join(head(DATA, SYN, number) for number in range(first, first + 20_000, 2)))
        wait_for(lambda: peer.lost or visit(relay, "bystander").body == b"fine", "an answer")
        assert relay.rss_kib() - before < 65536


def test_pings_without_end(relay, bystander):
    with Session(relay) as peer:
        peer.register(subdomain="demo")
        for _ in range(50):
            peer.raw(head(PING, SYN, 0, 7) * 2000, counted=False)
        assert visit(relay, "bystander").body == b"fine"
        assert relay.rss_kib() < 300_000


def test_an_agent_that_asks_and_never_listens(relay, bystander):
    """It registers without end and gives no credit on its control stream."""
    before = relay.rss_kib()
    with Session(relay) as peer:
        peer.deaf = True

        def flood():
            line = b'{"type":"unregister","tunnel":5}\n' * 400
            for _ in range(400):
                peer.data(1, line)
        thread = threading.Thread(target=flood, daemon=True)
        thread.start()
        for _ in range(20):
            assert visit(relay, "bystander").body == b"fine"
        assert relay.rss_kib() - before < 65536
        peer.cut()
        thread.join(10)


def test_a_service_that_lies_costs_its_own_visitor(relay, bystander):
    with Session(relay) as peer:
        peer.register(subdomain="demo")

        def lie(stream, request):
            stream.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\n"
                        b"Content-Length: 4\r\n\r\nevil")
            stream.half_close()
        peer.serve(lie)
        with http.Visitor(relay.port) as visitor:
            for _ in range(3):
                response = visitor.ask(host=f"demo.{relay.domain}")
                assert response.body == b"ok"


def test_an_agent_that_never_reads_a_visitors_body(relay, bystander):
    """The stream's credit bounds what the relay takes from the visitor."""
    with Session(relay) as peer:
        peer.register(subdomain="demo")
        visitor = http.Visitor(relay.port)
        visitor.send(http.build_request("POST", host=f"demo.{relay.domain}", headers=[
            ("Content-Length", "100000000")]))
        visitor.sock.settimeout(0.5)
        sent = 0
        try:
            while sent < 50_000_000:
                sent += visitor.sock.send(os.urandom(65536))
        except TimeoutError:
            pass
        assert sent < 20_000_000
        visitor.reset()
        assert metric(relay, "session_memory_bytes") < 4_000_000


def metric(relay, name):
    text = http.fetch(relay.admin_port, target="/metrics", host="localhost").text()
    return int(float(next(line.split()[1] for line in text.splitlines()
                          if line.startswith(f"adit_{name} "))))


def test_too_many_tunnels_of_one_session(relay, bystander):
    with Session(relay) as peer:
        for number in range(1, 1001):
            peer.say(type="register", tunnel=number, proto="http")
        for number in range(1, 1001):
            peer.expect("registered", tunnel=number)
        answer = peer.register_refused(1001)
        assert (answer["code"], answer["fatal"]) == ("too-many-tunnels", True)


def test_an_agent_that_registers_without_end_and_is_never_ready(relay, bystander):
    """What it will be told once it is ready is kept for it, and that is bounded."""
    with Session(relay, hello=False) as peer:
        peer.hello(ready=False)
        pair = b'{"type":"register","tunnel":1,"proto":"http","subdomain":"' + b"d" * 60 + b'"}\n'
        pair += b'{"type":"unregister","tunnel":1}\n'
        errors = []
        for _ in range(200):
            peer.data(1, pair * 100)
            said = [peer.next_message() for _ in range(100)]
            errors += [message for message in said if message["type"] != "closed"]
            if errors:
                break
        assert errors and errors[0]["code"] == "too-many-tunnels", errors


def test_more_failures_than_visitors_are_not_looked_at(relay, bystander):
    with Session(relay) as peer:
        peer.register(subdomain="demo")

        def fail(stream, request):
            for number in range(4000, 4000 + int(request.target[1:])):
                peer.say(type="failed", stream=number, code="local-refused", message="x")
            peer.say(type="failed", stream=stream.number, code="local-refused", message="x")
            stream.reset()
        peer.serve(fail)
        assert visit(relay, target="/0").get("X-Adit-Error") == "local-refused"
        assert visit(relay, target="/1", method="POST").get("X-Adit-Error") == "agent-lost"
        assert visit(relay, target="/0").get("X-Adit-Error") == "local-refused"


def test_so_many_visitors_and_the_rest_waits(start):
    relay = start("--max-streams", 2, "--workers", 1)
    with Session(relay) as peer:
        peer.register(subdomain="demo")
        visitors = []
        for _ in range(4):
            visitor = http.Visitor(relay.port)
            visitor.send(http.build_request(host=f"demo.{relay.domain}"))
            visitors.append(visitor)
        first, second = peer.accept(), peer.accept()
        assert visitors[3].silent(0.05) and len(peer.streams) == 2
        first.answer(b"1")
        third = peer.accept()
        second.answer(b"2")
        third.answer(b"3")
        peer.accept().answer(b"4")
        assert sorted(visitor.read_response().body for visitor in visitors) == [
            b"1", b"2", b"3", b"4"]
        for visitor in visitors:
            visitor.close()


