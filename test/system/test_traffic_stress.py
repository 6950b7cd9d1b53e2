"""Slow, stalled, countless and random peers: time limits, flat memory, nothing leaked."""
import contextlib
import random
import resource
import socket
import time

import pytest

from harness.agent import PoolSocket, answer, reply
from harness.http import BadMessage, Truncated, Visitor, build_request, fetch
from harness.traffic import BLOCK, MIB, Later, a_name, assert_nothing_sent, lean_env, ms, sanitized
from harness.wait import DEADLINE, SLOW, wait_for

CHUNKED_HEAD = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.fixture(scope="module", autouse=True)
def enough_descriptors():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def allowed_growth():
    """KiB. A sanitizer's bookkeeping grows with what is allocated; plain builds do not."""
    return 16 * 1024 if sanitized() else 2 * 1024


def settled_fds(relay):
    """The number of descriptors once it no longer falls."""
    last = [relay.fds(), time.monotonic()]

    def calm():
        now = relay.fds()
        if now != last[0]:
            last[:] = [now, time.monotonic()]
        return time.monotonic() - last[1] > 0.3
    wait_for(calm, "descriptors to settle", every=0.05)
    return last[0]


def back_to(relay, baseline, slack=8):
    wait_for(lambda: relay.fds() <= baseline + slack,
             f"descriptors back to {baseline} (now {relay.fds()})", timeout=2 * DEADLINE,
             every=0.05)


# slow

@pytest.mark.covers("fault-20")
@pytest.mark.parametrize("start_with", [b"", b"G", b"GET / HTTP/1.1\r\n", b"\r\n"])
def test_a_stalled_head_is_cut(start, agent, start_with):
    relay = start("--head-timeout", ms(500))
    with Visitor(relay.port) as visitor:
        if start_with:
            visitor.send(start_with)
        begin = time.monotonic()
        data = visitor.read_to_end(5 * SLOW)
        assert 0.3 < time.monotonic() - begin < 4 * SLOW
        assert data == b"" or data.startswith(b"HTTP/1.1 408 "), data


@pytest.mark.covers("fault-20")
def test_a_trickled_head_is_cut_all_the_same(start, agent):
    """The limit is for the whole head; a byte now and then does not move it."""
    relay = start("--head-timeout", ms(700))
    tunnel = agent(relay, a_name())
    sock = tunnel.open_ready()
    head = b"GET / HTTP/1.1\r\nHost: %s\r\n" % tunnel.host.encode() + b"X-A: b\r\n" * 100
    with tunnel.visitor() as visitor:
        begin = time.monotonic()
        with pytest.raises((ConnectionError, AssertionError)):
            for byte in head:
                visitor.send(bytes([byte]))
                assert visitor.silent(0.05)
        assert time.monotonic() - begin < 5 * SLOW
    assert_nothing_sent(sock, 0.1)


@pytest.mark.covers("fault-20")
def test_a_trickled_second_head_is_cut(start, agent):
    relay = start("--head-timeout", ms(500))
    tunnel = agent(relay, a_name())
    tunnel.serve(reply(b"ok"))
    with tunnel.visitor() as visitor:
        assert visitor.ask("GET", "/", tunnel.host).body == b"ok"
        visitor.send(b"GET / HT")
        data = visitor.read_to_end(5 * SLOW)
        assert data == b"" or data.startswith(b"HTTP/1.1 408 "), data


@pytest.mark.covers("fault-20")
def test_an_idle_connection_is_closed_after_the_keep_alive_timeout(start, agent):
    relay = start("--keep-alive-timeout", ms(500), "--head-timeout", ms(30000))
    tunnel = agent(relay, a_name())
    tunnel.serve(reply(b"ok"))
    with tunnel.visitor() as visitor:
        for _ in range(4):
            assert visitor.ask("GET", "/", tunnel.host).body == b"ok"
            assert visitor.silent(0.2)
        begin = time.monotonic()
        assert visitor.wait_closed(5 * SLOW) == "fin"
        assert time.monotonic() - begin < 3 * SLOW


@pytest.mark.covers("fault-20")
def test_slow_visitors_do_not_slow_others(start, agent):
    """200 of each kind of slowness at once, and every probe is answered in time."""
    relay = start("--head-timeout", ms(20000), "--max-sockets", "300")
    slow, well = agent(relay, a_name()), agent(relay, a_name())
    slow.serve(lambda sock, request: answer(b"x" * MIB), sockets=40)
    well.serve(reply(b"well"), sockets=2)
    with contextlib.ExitStack() as stack:
        for index in range(600):
            visitor = stack.enter_context(slow.visitor())
            if index % 3 == 0:
                visitor.send(b"GET / HTTP/1.1\r\nHost: ")
            elif index % 3 == 1 and index < 100:
                visitor.send(build_request("POST", "/", slow.host,
                                           [("Content-Length", "9")]) + b"x")
            else:
                visitor.send(build_request(host=slow.host))
        for _ in range(50):
            begin = time.monotonic()
            assert well.visit(timeout=3 * SLOW).body == b"well"
            assert time.monotonic() - begin < 1 * SLOW


@pytest.mark.covers("fault-21", "fault-20")
def test_two_thousand_idle_connections(start, agent):
    relay = start("--keep-alive-timeout", ms(60000), "--head-timeout", ms(60000))
    tunnel = agent(relay, a_name())
    tunnel.serve(reply(b"ok"), sockets=2)
    assert tunnel.visit().body == b"ok"
    baseline, rss = settled_fds(relay), relay.rss_kib()
    with contextlib.ExitStack() as stack:
        for index in range(2000):
            visitor = stack.enter_context(tunnel.visitor())
            if index % 2:
                assert visitor.ask("GET", "/", tunnel.host).body == b"ok"
        for _ in range(20):
            begin = time.monotonic()
            assert tunnel.visit().body == b"ok"
            assert time.monotonic() - begin < 0.5 * SLOW
        grown = relay.rss_kib() - rss
        # 2 KiB is the aim for a plain connection; the kernel's share is not in here.
        assert grown < (64 if sanitized() else 8) * 2000, f"{grown} KiB for 2000 connections"
    back_to(relay, baseline)


# stalled, with memory measured

@pytest.mark.covers("fault-19")
def test_an_agent_that_never_reads_stops_the_upload(start, agent):
    relay = start(env=lean_env())
    tunnel = agent(relay, a_name())
    tunnel.serve(reply(b"warm"))
    assert tunnel.visit("POST", body=b"x" * MIB).body == b"warm"
    tunnel.drop_sockets()
    tunnel.wait_connected(0)
    sock = tunnel.open_ready()
    size = 256 * MIB
    before = relay.rss_kib()
    with tunnel.visitor() as visitor:
        visitor.send(build_request("POST", "/", tunnel.host, [("Content-Length", str(size))]))
        sent = send_until_stuck(visitor.sock, size)
        assert sent < 64 * MIB, "nothing held the visitor back"
        assert relay.rss_kib() - before < allowed_growth()
        assert sock.read_head().method == "POST"
        visitor.reset()
    sock.close()


@pytest.mark.covers("fault-19")
def test_a_visitor_that_never_reads_stops_the_agent(start, agent):
    relay = start(env=lean_env())
    tunnel = agent(relay, a_name())
    tunnel.serve(lambda sock, request: answer(b"x" * MIB))
    assert len(tunnel.visit().body) == MIB
    tunnel.drop_sockets()
    tunnel.wait_connected(0)
    sock = tunnel.open_ready()
    size = 256 * MIB
    with tunnel.visitor() as visitor:
        visitor.send(build_request(host=tunnel.host))
        sock.read_request()
        before = relay.rss_kib()
        sock.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size)
        sent = send_until_stuck(sock.sock, size)
        assert sent < 64 * MIB, "nothing held the agent back"
        assert relay.rss_kib() - before < allowed_growth()
        # Not lost, only held: reading on gets all of it.
        pump = Later(send_rest, sock.sock, size - sent)
        assert read_all(visitor, size) == size
        pump.result()


@pytest.mark.covers("fault-19")
@pytest.mark.parametrize("side", ["visitor", "agent"])
def test_an_upgraded_stream_stops_the_faster_side(start, agent, side):
    relay = start(env=lean_env())
    tunnel = agent(relay, a_name())
    sock = tunnel.open_ready()
    with tunnel.visitor() as visitor:
        visitor.send(build_request("GET", "/", tunnel.host,
                                   [("Connection", "Upgrade"), ("Upgrade", "raw")]))
        sock.read_head()
        sock.send(b"HTTP/1.1 101 OK\r\nConnection: Upgrade\r\nUpgrade: raw\r\n\r\n")
        visitor.read_response()
        fast, still = (visitor, sock) if side == "visitor" else (sock, visitor)
        before = relay.rss_kib()
        sent = send_until_stuck(fast.sock, 256 * MIB)
        assert sent < 64 * MIB
        assert relay.rss_kib() - before < allowed_growth()
        # The other direction goes on.
        still.send(b"meanwhile")
        assert fast.read_exactly(9) == b"meanwhile"
        fast.reset()


@pytest.mark.covers("fault-19")
def test_forty_stalled_readers_cost_little_and_block_nobody(start, agent):
    relay = start("--max-sockets", "50", env=lean_env())
    tunnel = agent(relay, a_name())

    def handler(sock, request):
        if request.target != "/big":
            return answer(b"small")
        try:
            sock.send(answer(b"x" * (8 * MIB)))
        except OSError:
            sock.close()
        return None
    tunnel.serve(handler, sockets=45)
    tunnel.wait_connected(45)
    assert tunnel.visit().body == b"small"
    before = relay.rss_kib()
    with contextlib.ExitStack() as stack:
        for _ in range(40):
            visitor = stack.enter_context(tunnel.visitor())
            visitor.send(build_request(target="/big", host=tunnel.host))
            visitor.read_exactly(1000)
        for _ in range(30):
            begin = time.monotonic()
            assert tunnel.visit().body == b"small"
            assert time.monotonic() - begin < 1 * SLOW
        grown = relay.rss_kib() - before
        assert grown < 40 * (512 if sanitized() else 192), f"{grown} KiB for 40 stalled readers"


def send_until_stuck(sock, size, quiet=0.7):
    """Sends until the other side takes nothing for a while; how much that was."""
    sent = 0
    sock.settimeout(quiet * SLOW)
    try:
        while sent < size:
            sent += sock.send(BLOCK[:min(len(BLOCK), size - sent)])
    except socket.timeout:
        pass
    return sent


def send_rest(sock, size):
    sock.settimeout(60 * SLOW)
    while size:
        size -= sock.send(BLOCK[:min(len(BLOCK), size)])


def read_all(visitor, size):
    assert visitor.read_head(30 * SLOW).get("Content-Length") == str(size)
    total = len(visitor.pending)
    visitor.sock.settimeout(30 * SLOW)
    while total < size:
        data = visitor.sock.recv(1 << 20)
        assert data, f"cut after {total}"
        total += len(data)
    return total


# many

@pytest.mark.covers("fault-28", "fault-11")
def test_a_thousand_connections_of_random_garbage(start, agent):
    relay = start()
    tunnel = agent(relay, a_name())
    tunnel.serve(reply(b"ok"), sockets=2)
    assert tunnel.visit().body == b"ok"
    baseline = settled_fds(relay)
    dice = random.Random(7)
    words = [b"GET ", b"POST ", b"/", b" HTTP/1.1\r\n", b"Host: ", tunnel.host.encode(), b"\r\n",
             b"\r\n\r\n", b"Content-Length: 5\r\n", b"Transfer-Encoding: chunked\r\n", b"0\r\n\r\n",
             b"\0", b"\xff", b": ", b" ", b"\n", b"Connection: upgrade\r\nUpgrade: x\r\n", b"%",
             b"1e"]
    for index in range(1000):
        if index % 3 == 0:
            data = dice.randbytes(dice.randrange(1, 2000))
        else:
            data = b"".join(dice.choice(words) for _ in range(dice.randrange(1, 60)))
        visitor = tunnel.visitor()
        try:
            visitor.send(data)
            if index % 5 == 0:
                visitor.half_close()
                visitor.sock.settimeout(0.05)
                visitor.sock.recv(10000)
        except OSError:
            pass
        visitor.reset() if index % 2 else visitor.close()
        if index % 100 == 0:
            assert fetch(relay.port, target="/healthz", host="lt.test").status == 200
    tunnel.failures.clear()
    back_to(relay, baseline)
    assert tunnel.visit().body == b"ok"


@pytest.mark.covers("fault-28", "fault-11")
def test_random_garbage_from_agents(start, agent):
    relay = start("--response-timeout", ms(1000), "--max-sockets", "20")
    tunnel = agent(relay, a_name())
    baseline = settled_fds(relay)
    dice = random.Random(8)
    words = [b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 ", b"100 Continue", b"101 X", b"\r\n", b"\r\n\r\n",
             b"Content-Length: 5\r\n", b"Transfer-Encoding: chunked\r\n", b"5\r\nhello\r\n",
             b"0\r\n\r\n", b"hello", b"\0", b"\xff", b"X: ", b"\n", b"Connection: close\r\n",
             b"204 "]

    def handler(sock, request):
        data = b"".join(dice.choice(words) for _ in range(dice.randrange(1, 20)))
        sock.send(dice.randbytes(dice.randrange(1, 200)) if dice.random() < 0.2 else data)
        sock.reset() if dice.random() < 0.5 else sock.close()
    tunnel.serve(handler, sockets=6)
    for _ in range(400):
        with tunnel.visitor() as visitor:
            method = dice.choice(["GET", "POST", "HEAD"])
            visitor.send(build_request(method, "/", tunnel.host))
            try:
                visitor.read_response(method, timeout=5 * SLOW)
            except (BadMessage, ConnectionError):
                pass
    assert fetch(relay.port, target="/healthz", host="lt.test").status == 200
    tunnel.drop_sockets()
    tunnel.wait_connected(0)
    back_to(relay, baseline)


@pytest.mark.covers("fault-11", "fault-22")
@pytest.mark.parametrize("how", ["close", "reset"])
def test_a_flood_of_connections_leaks_nothing(start, agent, how):
    relay = start()
    tunnel = agent(relay, a_name())
    tunnel.serve(reply(b"ok"), sockets=2)
    assert tunnel.visit().body == b"ok"
    baseline = settled_fds(relay)
    request = build_request(host=tunnel.host)
    for round_ in range(10):
        visitors = [tunnel.visitor() for _ in range(200)]
        for index, visitor in enumerate(visitors):
            if index % 4 == 1:
                visitor.send(request[:20])
            elif index % 4 == 2:
                visitor.send(request)
            elif index % 4 == 3:
                visitor.send(build_request("POST", "/", tunnel.host,
                                           [("Content-Length", "100")]) + b"x")
        for visitor in visitors:
            getattr(visitor, how)()
        tunnel.failures.clear()
    back_to(relay, baseline)
    wait_for(lambda: tunnel.visit().body == b"ok", "service after the flood")
    tunnel.failures.clear()


@pytest.mark.covers("fault-11", "D27")
@pytest.mark.parametrize("how", ["close", "reset"])
def test_a_flood_of_tunnel_sockets_leaks_nothing(start, agent, how):
    relay = start("--max-sockets", "5")
    tunnel = agent(relay, a_name())
    baseline = settled_fds(relay)
    for _ in range(20):
        socks = [PoolSocket(tunnel.port) for _ in range(50)]
        for sock in socks:
            getattr(sock, how)()
    tunnel.wait_connected(0)
    back_to(relay, baseline)
    tunnel.serve(reply(b"ok"))
    assert tunnel.visit().body == b"ok"


@pytest.mark.covers("fault-17")
def test_running_out_of_descriptors_is_survived(start, agent):
    relay = start(prefix=("prlimit", "--nofile=80:80"))
    tunnel = agent(relay, a_name())
    tunnel.serve(reply(b"ok"), sockets=3)
    assert tunnel.visit().body == b"ok"
    with tunnel.visitor() as old:
        assert old.ask("GET", "/", tunnel.host).body == b"ok"
        with contextlib.ExitStack() as stack:
            for _ in range(150):
                stack.enter_context(tunnel.visitor())
            time.sleep(0.3)
            before, begin = relay.cpu_seconds(), time.monotonic()
            time.sleep(1.0)
            share = (relay.cpu_seconds() - before) / (time.monotonic() - begin)
            assert share < 0.3, f"busy loop: {share:.0%}"
        wait_for(lambda: works(tunnel), "service when descriptors are free again", every=0.1)
        try:
            assert old.ask("GET", "/", tunnel.host).body == b"ok"
        except (Truncated, ConnectionError):
            pass  # idle connections may be shed


def works(tunnel):
    try:
        return tunnel.visit(timeout=2).body == b"ok"
    except (OSError, BadMessage):
        return False
