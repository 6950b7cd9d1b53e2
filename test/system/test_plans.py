"""Plans at the relay: requests, visitors, bandwidth, bytes of the month, tunnels left alone."""
import os
import re
import signal
import socket
import threading
import time

import pytest

from harness import http
from harness.agent import answer
from harness.relay import free_ports
from harness.session import Session
from harness.tunnel import Tunnel, is_refused
from harness.wait import Late, wait_for

KINDS = pytest.mark.parametrize("kind", ["pool", "session"])


def plan(**limits):
    lines = [f"    {key.replace('_', '-')}: {value}\n" for key, value in limits.items()]
    return "default: only\nplans:\n  only:\n" + "".join(lines)


def start_plan(start, *flags, **limits):
    return start("--plans", "plans.yaml", *flags, files={"plans.yaml": plan(**limits)},
                 admin=True)


def reload(relay, text, message="configuration reloaded"):
    (relay.dir / "plans.yaml").write_text(text)
    seen = len(relay.find_logs(message))
    relay.signal(signal.SIGHUP)
    relay.wait_log(message, count=seen + 1)


@pytest.mark.covers("S117")
@KINDS
def test_so_many_requests_a_minute_and_not_one_more(start, kind):
    relay = start_plan(start, requests_per_minute=5)
    with Tunnel(relay, kind) as tunnel:
        with http.Visitor(relay.port) as visitor:
            for _ in range(5):
                assert visitor.ask(host=tunnel.host).body == b"hello"
            late = visitor.ask(host=tunnel.host)
            assert is_refused(late, "rate-limited", 429), late
            assert 1 <= int(late.get("Retry-After")) <= 120
            # The connection lives on, and an upgrade is a request like any other.
            upgrade = visitor.ask(host=tunnel.host, headers=[
                ("Connection", "Upgrade"), ("Upgrade", "websocket")])
            assert is_refused(upgrade, "rate-limited", 429)
        assert len(tunnel.requests) == 5
        assert 'adit_errors_total{code="rate-limited"} 2' in metrics(relay)


def metrics(relay):
    return http.fetch(relay.admin_port, target="/metrics", host="localhost").text()


def test_each_tunnel_has_a_minute_of_its_own(start):
    relay = start_plan(start, requests_per_minute=2)
    with Tunnel(relay, "pool", "first-one") as one, Tunnel(relay, "session", "second-one") as two:
        for tunnel in (one, two):
            assert [tunnel.visit().status for _ in range(3)] == [200, 200, 429]


@KINDS
def test_a_reload_changes_limits_of_tunnels_that_run(start, kind):
    relay = start_plan(start, requests_per_minute=2)
    with Tunnel(relay, kind) as tunnel:
        assert [tunnel.visit().status for _ in range(3)] == [200, 200, 429]
        reload(relay, plan(requests_per_minute=4))
        assert [tunnel.visit().status for _ in range(3)] == [200, 200, 429]
        # A bad file is refused as a whole, and says where.
        reload(relay, plan(requests_per_minute="lots"),
               "configuration not reloaded, the old one stays")
        line = relay.find_logs("configuration not reloaded, the old one stays")[0]
        assert line["detail"].startswith("plans.yaml:4: requests-per-minute: \"lots\" is not")
        assert tunnel.visit().status == 429
        reload(relay, plan())
        assert [tunnel.visit().status for _ in range(20)] == [200] * 20


def test_limits_that_come_while_a_tunnel_runs_hold_at_once(start):
    relay = start_plan(start)
    with Tunnel(relay, "pool") as tunnel:
        assert [tunnel.visit().status for _ in range(20)] == [200] * 20
        reload(relay, plan(requests_per_minute=1, visitors=1))
        assert [tunnel.visit().status for _ in range(2)] == [200, 429]


def test_a_bad_file_does_not_start(start):
    with pytest.raises(Exception) as failure:
        start_plan(start, bandwidth=1)
    assert "plans.yaml:4: bandwidth: 1 is out of range (8k to 1024g)" in str(failure.value)


@KINDS
def test_so_many_visitors_at_a_time_and_not_one_more(start, kind):
    release = threading.Event()

    def handle(wire, request):
        if request.target == "/slow":
            release.wait(60)
        return answer(b"late") if kind == "pool" else wire.answer(b"late")
    relay = start_plan(start, visitors=2)
    with Tunnel(relay, kind, handle=handle) as tunnel:
        visitors = [http.Visitor(relay.port) for _ in range(3)]
        for visitor in visitors[:2]:
            visitor.send(http.build_request("GET", "/slow", tunnel.host))
        wait_for(lambda: len(tunnel.requests) == 2, "two visitors")
        last = visitors[2].ask(host=tunnel.host)
        assert is_refused(last, "visitor-limit", 503), last
        assert int(last.get("Retry-After")) >= 1
        release.set()
        for visitor in visitors[:2]:
            assert visitor.read_response().body == b"late"
        assert visitors[2].ask(host=tunnel.host).status == 200
        # Idle connections are no visitors.
        assert [visitor.ask(host=tunnel.host).status for visitor in visitors] == [200] * 3
        for visitor in visitors:
            visitor.close()


def upgrades(tunnel, fields):
    with http.Visitor(tunnel.relay.port) as visitor:
        visitor.send(http.build_request("GET", "/", tunnel.host, fields))
        return visitor.read_head().status == 101


@KINDS
def test_upgraded_connections_are_visitors(start, kind):
    def handle(wire, request):
        wire.send(b"HTTP/1.1 101 Switching Protocols\r\n"
                  b"Connection: Upgrade\r\nUpgrade: x\r\n\r\n")
        try:
            while data := wire.read_some(60):
                wire.send(data)
        except (OSError, TimeoutError):
            pass
        wire.close()
    relay = start_plan(start, visitors=1)
    with Tunnel(relay, kind, handle=handle) as tunnel:
        fields = [("Connection", "Upgrade"), ("Upgrade", "x")]
        with http.Visitor(relay.port) as first:
            first.send(http.build_request("GET", "/", tunnel.host, fields))
            assert first.read_head().status == 101
            first.send(b"abc")
            assert first.read_exactly(3) == b"abc"
            assert is_refused(tunnel.visit(), "visitor-limit", 503)
        wait_for(lambda: upgrades(tunnel, fields), "room for another")


def start_tcp(start, **limits):
    first = free_ports(2)
    return start_plan(start, "--tcp-port-range-start", first, "--tcp-port-range-end", first + 1,
                      **limits)


def connect(port):
    return http.Wire(socket.create_connection(("127.0.0.1", port), 10))


def is_reset(port):
    try:
        with connect(port) as visitor:
            assert visitor.read_some() == b"", "something was said"
            return False
    except ConnectionResetError:
        return True


def test_connections_to_tcp_tunnels_are_visitors_and_requests(start):
    relay = start_tcp(start, visitors=1, requests_per_minute=3)
    with Session(relay) as peer:
        port = peer.register(1, "tcp")["port"]
        with connect(port) as first:
            stream = peer.accept()
            first.send(b"ping")
            assert stream.read_exactly(4) == b"ping"
            assert is_reset(port)
            stream.half_close()
        relay.wait_log(lambda line: line.get("method") == "TCP")
        with connect(port) as third:
            third.send(b"pong")
            assert peer.accept().read_exactly(4) == b"pong"
        assert is_reset(port)
        assert not peer.waiting, "a refused connection reached the service"


# bandwidth

RATE = 256 * 1024
SIZE = 768 * 1024
LEAST = (SIZE - RATE // 2) / RATE  # seconds; a quarter of a second goes in advance, and one read
# Where a read goes straight into a session it is twice as large, a block of what that keeps.
LEAST_PLACED = (SIZE - RATE // 4 - 128 * 1024) / RATE


def transfer(tunnel, direction, body):
    """The tunnel answers with the body, or has it from the visitor and answers with "ok"."""
    if direction == "down":
        assert tunnel.visit().body == body
    else:
        assert tunnel.visit("POST", body=body).body == b"ok"
        assert tunnel.requests[0].body == body


@pytest.mark.covers("fault-48")
@KINDS
@pytest.mark.parametrize("direction", ["down", "up"])
def test_bodies_keep_to_the_bandwidth(start, kind, direction):
    relay = start_plan(start, bandwidth="256k")
    body = os.urandom(SIZE)
    with Tunnel(relay, kind, body=body if direction == "down" else b"ok") as tunnel:
        began = time.monotonic()
        transfer(tunnel, direction, body)
        took = time.monotonic() - began
        assert LEAST < took < 10 * LEAST, took


@KINDS
def test_upgraded_connections_keep_to_the_bandwidth(start, kind):
    data = os.urandom(SIZE)
    thanked = threading.Event()

    def handle(wire, request):
        wire.send(b"HTTP/1.1 101 Switching Protocols\r\n"
                  b"Connection: Upgrade\r\nUpgrade: x\r\n\r\n")
        wire.send(data)
        assert wire.read_some(60) == b"thanks"
        thanked.set()
    relay = start_plan(start, bandwidth="256k")
    with Tunnel(relay, kind, handle=handle) as tunnel, http.Visitor(relay.port) as visitor:
        began = time.monotonic()
        visitor.send(http.build_request("GET", "/", tunnel.host, [
            ("Connection", "Upgrade"), ("Upgrade", "x")]))
        assert visitor.read_head().status == 101
        assert visitor.read_exactly(SIZE, timeout=60) == data
        assert time.monotonic() - began > LEAST
        visitor.send(b"thanks")
        assert thanked.wait(60)


def test_tcp_tunnels_keep_to_the_bandwidth(start):
    relay = start_tcp(start, bandwidth="256k")
    data = os.urandom(SIZE)
    with Session(relay) as peer:
        port = peer.register(1, "tcp")["port"]
        with connect(port) as visitor:
            stream = peer.accept()
            began = time.monotonic()
            threading.Thread(target=visitor.send, args=(data,), daemon=True).start()
            assert stream.read_exactly(SIZE, timeout=60) == data
            assert time.monotonic() - began > LEAST_PLACED


# A tenth of a second at a time: 32 KiB at 16 KiB/s are twenty steps, of which a few may go in
# advance, or be late on a slow machine. As they come, they were two or three.
STEPPED, STEPS = 32 * 1024, 8


def pauses(relay):
    return int(re.search(r"^adit_bandwidth_pauses_total (\d+)", metrics(relay), re.M)[1])


@KINDS
@pytest.mark.parametrize("direction", ["down", "up"])
def test_bodies_move_in_small_steps(start, kind, direction):
    relay = start_plan(start, bandwidth="16k")
    body = os.urandom(STEPPED)
    with Tunnel(relay, kind, body=body if direction == "down" else b"ok") as tunnel:
        transfer(tunnel, direction, body)
    assert pauses(relay) >= STEPS


@KINDS
def test_upgraded_connections_move_in_small_steps(start, kind):
    data = os.urandom(STEPPED)

    def handle(wire, request):
        wire.send(b"HTTP/1.1 101 Switching Protocols\r\n"
                  b"Connection: Upgrade\r\nUpgrade: x\r\n\r\n")
        wire.send(data)
        wire.read_some(60)
    relay = start_plan(start, bandwidth="16k")
    with Tunnel(relay, kind, handle=handle) as tunnel, http.Visitor(relay.port) as visitor:
        visitor.send(http.build_request("GET", "/", tunnel.host, [
            ("Connection", "Upgrade"), ("Upgrade", "x")]))
        assert visitor.read_head().status == 101
        assert visitor.read_exactly(STEPPED, timeout=60) == data
        visitor.send(b"thanks")
    assert pauses(relay) >= STEPS


@pytest.mark.parametrize("direction", ["down", "up"])
def test_tcp_tunnels_move_in_small_steps(start, direction):
    relay = start_tcp(start, bandwidth="16k")
    data = os.urandom(STEPPED)
    with Session(relay) as peer:
        port = peer.register(1, "tcp")["port"]
        with connect(port) as visitor:
            visitor.send(b"x")
            stream = peer.accept()
            assert stream.read_exactly(1) == b"x"
            source, drain = (visitor, stream) if direction == "up" else (stream, visitor)
            threading.Thread(target=source.send, args=(data,), daemon=True).start()
            assert drain.read_exactly(STEPPED, timeout=60) == data
    assert pauses(relay) >= STEPS


def test_a_connection_reads_as_usual_behind_a_slow_tunnel(start):
    """What one request was held to is not for the next one, which may be for another tunnel."""
    relay = start_plan(start, bandwidth="16k")
    with Tunnel(relay, "pool", "slow-one", body=b"ok") as slow, http.Visitor(relay.port) as visitor:
        assert visitor.ask("POST", "/", slow.host, body=b"x" * 1000).body == b"ok"
        reload(relay, plan())
        seen = pauses(relay)
        body = os.urandom(4 * 1024 * 1024)
        assert visitor.ask("POST", "/", slow.host, body=body, timeout=60).body == b"ok"
        assert slow.requests[1].body == body and pauses(relay) == seen


def test_visitors_of_one_tunnel_share_its_bandwidth_and_others_do_not_feel_it(start):
    relay = start_plan(start, bandwidth="256k")
    body = os.urandom(300 * 1024)
    took = []
    with Tunnel(relay, "session", "slow-one", body=body) as slow, \
            Tunnel(relay, "session", "free-one", body=b"x") as free:
        def fetch():
            began = time.monotonic()
            assert slow.visit(timeout=60).body == body
            took.append(time.monotonic() - began)
        threads = [threading.Thread(target=fetch) for _ in range(4)]
        for thread in threads:
            thread.start()
        wait_for(lambda: len(slow.requests) == 4, "four downloads")
        began = time.monotonic()
        assert [free.visit().status for _ in range(20)] == [200] * 20
        assert time.monotonic() - began < 2
        for thread in threads:
            thread.join()
    # 1.2 MB at 256 KB/s: each of the four gets its turns, none is served first and alone.
    assert len(took) == 4 and max(took) > 3.5
    assert min(took) > max(took) / 3, took


def test_a_visitor_that_leaves_while_it_waits_leaves_nothing_behind(start):
    relay = start_plan(start, bandwidth="8k", visitors=1)
    with Tunnel(relay, "session", body=os.urandom(SIZE)) as tunnel:
        with http.Visitor(relay.port) as visitor:
            visitor.send(http.build_request("GET", "/", tunnel.host))
            visitor.read_exactly(1000)
            visitor.reset()
        wait_for(lambda: "adit_session_streams_open 0" in metrics(relay), "the stream to go",
                 timeout=60)


# the month

@KINDS
def test_a_month_has_so_many_bytes(start, kind):
    relay = start_plan(start, monthly_bytes="3m")
    with Tunnel(relay, kind, body=os.urandom(2 << 20)) as tunnel:
        assert len(tunnel.visit().body) == 2 << 20
        # What runs when the month is spent is cut.
        with pytest.raises((http.BadMessage, OSError)):
            tunnel.visit()
        over = tunnel.visit()
        assert is_refused(over, "quota-exceeded", 503), over
        assert 1 <= int(over.get("Retry-After")) <= 31 * 86400
        served = len(tunnel.requests)
        assert tunnel.visit().status == 503 and len(tunnel.requests) == served
        reload(relay, plan(monthly_bytes="1g"))
        assert tunnel.visit().status == 200


# tunnels that are left alone

def test_a_tunnel_that_nobody_visits_ends_and_its_agent_is_told(start):
    relay = start_plan(start, idle="1s")
    with Session(relay) as peer:
        peer.register(1, subdomain="demo")
        error = peer.expect("error", tunnel=1)
        assert (error["code"], error["fatal"]) == ("idle-timeout", True)
        assert http.fetch(relay.port, host=peer.host("demo")).status == 404
        assert peer.register(2, subdomain="demo")["name"] == "demo"
        assert "adit_tunnels_idle_total 1" in metrics(relay)


def test_a_pool_tunnel_that_nobody_visits_ends(start):
    relay = start_plan(start, idle="1s")
    with Tunnel(relay, "pool") as tunnel:
        relay.wait_log("tunnel without visitors ended")
        assert tunnel.visit().status == 404


def test_a_visitor_keeps_a_tunnel_from_being_left_alone(start):
    release = threading.Event()

    def handle(stream, request):
        release.wait(60)
        stream.answer(b"late")
    relay = start_plan(start, idle="1s")
    with Tunnel(relay, "session", "busy-one", handle=handle) as busy, \
            Tunnel(relay, "session", "idle-one"):
        with http.Visitor(relay.port) as visitor:
            visitor.send(http.build_request("GET", "/", busy.host))
            gone = relay.wait_log("tunnel without visitors ended")
            assert gone["tunnel"] == "idle-one"
            with pytest.raises(Late):
                busy.peer.next_message(1.5)
            release.set()
            assert visitor.read_response().body == b"late"
        assert busy.peer.expect("error", tunnel=1)["code"] == "idle-timeout"


def test_without_plans_nothing_is_limited(start):
    relay = start()
    with Tunnel(relay, "session") as tunnel:
        assert [tunnel.visit().status for _ in range(100)] == [200] * 100
