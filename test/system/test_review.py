"""Clocks, cuts and counts at moments that the other tests do not meet: one test for each fault."""
import contextlib
import fcntl
import re
import signal
import socket
import struct
import termios
import time

import pytest

from harness.agent import answer, create
from harness.http import Visitor, build_request, fetch
from harness.traffic import BLOCK, a_name, chunk, ms
from harness.wait import DEADLINE, SLOW, wait_for

PIECE = chunk(BLOCK[:50000])
LAST = b"0\r\n\r\n"
UPGRADE = [("Connection", "Upgrade"), ("Upgrade", "raw")]
SWITCH = b"HTTP/1.1 101 OK\r\nConnection: Upgrade\r\nUpgrade: raw\r\n\r\n"


def gauge(relay, name):
    text = fetch(relay.admin_port, "GET", "/metrics", "127.0.0.1").text()
    return int(re.search(rf"^adit_{name} ([0-9]+)$", text, re.M)[1])


# clocks of a request

def test_an_upload_after_100_continue_has_no_other_limit_than_idleness(start, agent):
    relay = start("--idle-timeout", ms(1200))
    tunnel = agent(relay, a_name())
    sock = tunnel.open_ready()
    with tunnel.visitor() as visitor:
        visitor.send(build_request("POST", "/", tunnel.host, [
            ("Content-Length", "10"), ("Expect", "100-continue")]))
        sock.read_head()
        sock.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        assert visitor.read_head().status == 100
        for byte in b"0123456789":
            visitor.send(bytes([byte]))
            assert sock.read_exactly(1) == bytes([byte])
            time.sleep(0.3)
        sock.send(answer(b"taken"))
        assert visitor.read_response("POST").body == b"taken"


def test_the_response_timeout_holds_after_100_continue(start, agent):
    relay = start("--response-timeout", ms(700))
    tunnel = agent(relay, a_name())
    sock = tunnel.open_ready()
    with tunnel.visitor() as visitor:
        visitor.send(build_request("POST", "/", tunnel.host, [
            ("Content-Length", "4"), ("Expect", "100-continue")]))
        sock.read_head()
        sock.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        assert visitor.read_head().status == 100
        visitor.send(b"body")
        assert visitor.read_response("POST", 5 * SLOW).get("X-Adit-Error") == "response-timeout"


def test_an_upload_moves_on_while_its_answer_rests(start, agent):
    """The answer has begun; as long as the request's body moves, nothing is idle."""
    relay = start("--idle-timeout", ms(1200))
    tunnel = agent(relay, a_name())
    sock = tunnel.open_ready()
    with tunnel.visitor() as visitor:
        visitor.send(build_request("POST", "/", tunnel.host, [("Content-Length", "10")]))
        sock.read_head()
        sock.send(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n")
        assert visitor.read_head().status == 200
        for byte in b"0123456789":
            visitor.send(bytes([byte]))
            assert sock.read_exactly(1) == bytes([byte])
            time.sleep(0.3)
        sock.send(b"done")
        assert visitor.read_exactly(4) == b"done"


def test_an_agent_that_does_not_take_the_upload_is_not_the_visitors_fault(start, agent):
    relay = start("--idle-timeout", ms(700))
    tunnel = agent(relay, a_name())
    sock = tunnel.open_ready()
    with tunnel.visitor() as visitor:
        visitor.send(build_request("POST", "/", tunnel.host, [("Content-Length", "50000000")]))
        sock.read_head()
        visitor.sock.settimeout(0.3)
        with pytest.raises(OSError):
            for _ in range(600):
                visitor.sock.sendall(BLOCK)
        response = visitor.read_response("POST")
        assert (response.status, response.get("X-Adit-Error")) == (503, "idle-timeout")


def test_an_idle_limit_names_itself_in_the_log(start, agent):
    relay = start("--idle-timeout", ms(500))
    tunnel = agent(relay, a_name())
    sock = tunnel.open_ready()
    with tunnel.visitor() as visitor:
        visitor.send(build_request("GET", "/", tunnel.host))
        sock.read_request()
        sock.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello")
        assert relay.wait_access(tunnel=tunnel.name)["error"] == "idle-timeout"


# clocks of a connection

def queued(sock, what):
    return struct.unpack("i", fcntl.ioctl(sock.sock, what, b"\0" * 4))[0]


def at_relay(sock):
    """Bytes in the relay's kernel that it has written to this peer, and that it has not read; none
    when the connection is over."""
    try:
        local, remote = sock.sock.getsockname()[1], sock.sock.getpeername()[1]
    except OSError:
        return None
    line = re.compile(rb":%04X [0-9A-F]+:%04X [0-9A-F]+ ([0-9A-F]+):([0-9A-F]+)" % (remote, local))
    for path in ("/proc/net/tcp6", "/proc/net/tcp"):
        with open(path, "rb") as table:
            found = line.search(table.read())
        if found:
            return int(found[1], 16), int(found[2], 16)
    return None


def unread(sock):
    """Bytes of this agent that wait in the relay's kernel, or on the way there."""
    there = at_relay(sock)
    return queued(sock, termios.TIOCOUTQ) + there[1] if there else 0


def unwritten(visitor, size):
    """Whether some of so much content has not even reached the kernel: the relay has it itself.
    In this order, so that what moves meanwhile counts twice, and not never."""
    there = at_relay(visitor)
    return there is not None and there[0] + queued(visitor, termios.FIONREAD) < size


def taken(sock):
    """Whether the relay reads all that was sent, within more time than a busy machine lets it wait."""
    end = time.monotonic() + SLOW
    while unread(sock):
        if time.monotonic() > end:
            return False
        time.sleep(0.002)
    return True


def begin_answer(tunnel, more=b"", fields=()):
    """A visitor that does not read, and a socket that has its request and begins to answer."""
    visitor, sock = tunnel.visitor(), tunnel.open_ready()
    visitor.send(build_request("GET", "/", tunnel.host, fields) + more)
    sock.read_request()
    sock.send(SWITCH if fields else b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    return visitor, sock


def park(tunnel, end=b"", more=b"", fields=()):
    """A visitor whose answer the relay has up to the given end, though it cannot pass all of it on
    yet: the visitor, the socket, and the content so far. more: what the visitor sends behind its
    request."""
    visitor, sock = begin_answer(tunnel, b"", fields)
    count = 0
    while taken(sock):
        sock.send(PIECE)
        count += 1
    visitor.close()
    sock.close()
    while True:
        visitor, sock = begin_answer(tunnel, more, fields)
        for _ in range(count - 1):
            sock.send(PIECE)
            taken(sock)
        sock.send(PIECE + end)
        all_in = taken(sock)
        if all_in and unwritten(visitor, 50000 * count):
            return visitor, sock, BLOCK[:50000] * count
        visitor.reset()
        # Until the relay knows: what that visitor asked for next must not come to the next socket.
        with contextlib.suppress(OSError):
            sock.read_to_end(2 * SLOW)
        sock.close()
        count += 1 if all_in else -1


def read_chunks(visitor, size):
    """So much content, however the relay has cut it."""
    content = b""
    while len(content) < size:
        content += visitor.read_exactly(int(visitor.read_until(b"\r\n"), 16))
        assert visitor.read_exactly(2) == b"\r\n"
    return content


@pytest.mark.parametrize("pipelined", [False, True])
def test_an_answer_that_waits_in_the_relay_is_not_an_idle_connection(start, agent, pipelined):
    relay = start("--keep-alive-timeout", ms(600), "--head-timeout", ms(600))
    tunnel = agent(relay, a_name())
    ask = build_request("GET", "/", tunnel.host)
    visitor, sock, body = park(tunnel, LAST, ask if pipelined else b"")
    time.sleep(2)
    assert visitor.read_response().body == body
    if pipelined:
        sock.read_request()
        sock.send(answer(b"second"))
        assert visitor.read_response().body == b"second"
    else:
        assert visitor.wait_closed(3 * SLOW) == "fin"
    visitor.close()


@pytest.mark.parametrize("fields", [[], UPGRADE], ids=["answer", "upgraded"])
def test_what_drains_to_a_slow_visitor_is_not_idle(start, agent, fields):
    """The visitor takes what had waited for it: from then on the limit counts anew. That is seen by
    when it ends, which a busy machine puts off, and never brings forward."""
    limit = 10
    relay = start("--idle-timeout", ms(10000))
    visitor, _, body = park(agent(relay, a_name()), fields=fields)
    time.sleep(limit / 5)
    begin = time.monotonic()  # before anything drains
    assert visitor.read_head().status == (101 if fields else 200)
    assert read_chunks(visitor, len(body)) == body
    visitor.wait_closed(limit + 3 * DEADLINE)
    assert time.monotonic() - begin >= limit - 0.1, "it was idle since before"
    visitor.close()


def test_a_drain_does_not_wait_for_a_connection_that_has_its_answer(start, agent):
    relay = start("--drain-timeout", ms(8000), "--keep-alive-timeout", ms(60000))
    visitor, _, body = park(agent(relay, a_name()), LAST)
    relay.signal(signal.SIGTERM)
    relay.wait_log("draining")
    time.sleep(0.3)
    begin = time.monotonic()
    assert visitor.read_response().body == body
    assert relay.wait_exit() == 0
    assert time.monotonic() - begin < 4 * SLOW
    visitor.close()


def test_each_pipelined_head_has_its_own_clock(start):
    relay = start("--head-timeout", ms(900))
    ask = build_request("GET", "/healthz", relay.domain)
    with Visitor(relay.port) as visitor:
        visitor.send(ask[:10])
        for _ in range(6):  # the rest of one, and the beginning of the next
            time.sleep(0.3)
            visitor.send(ask[10:] + ask[:10])
            assert visitor.read_response().status == 200


def test_a_shorter_timeout_holds_at_once_after_a_reload(start):
    relay = start("--config", "c.yaml", files={"c.yaml": "keep-alive-timeout: 60000\n"})
    ask = build_request("GET", "/healthz", relay.domain)
    before = [Visitor(relay.port) for _ in range(8)]
    for visitor in before:
        visitor.send(ask)
        assert visitor.read_response().status == 200
    (relay.dir / "c.yaml").write_text("keep-alive-timeout: 500\n")
    relay.signal(signal.SIGHUP)
    relay.wait_log("configuration reloaded")
    after = [Visitor(relay.port) for _ in range(8)]
    for visitor in after:
        visitor.send(ask)
        assert visitor.read_response().status == 200
    for visitor in after:
        assert visitor.wait_closed(5 * SLOW) == "fin"
    for visitor in before:
        visitor.close()


@pytest.mark.tsan
def test_a_reload_asked_for_during_a_reload_is_not_forgotten(start):
    relay = start("--config", "c.yaml", files={"c.yaml": "max-sockets: 1000\n"})
    for i in range(1, 150):
        (relay.dir / "c.yaml").write_text("max-sockets: 2000\n")
        relay.signal(signal.SIGHUP)
        time.sleep(i % 15 * 0.0001)
        (relay.dir / "next.yaml").write_text(f"max-sockets: {i}\n")
        (relay.dir / "next.yaml").rename(relay.dir / "c.yaml")
        relay.signal(signal.SIGHUP)
        wait_for(lambda: create(relay, a_name()).json()["max_conn_count"] == i, "the last options",
                 3 * SLOW)


# framing

@pytest.mark.parametrize("body", [
    b"2\r{}\r\n0\r\n\r\n", b"2;=x\r\n{}\r\n0\r\n\r\n", b"2;a=,\r\n{}\r\n0\r\n\r\n"])
def test_a_malformed_chunk_to_the_relay_itself_is_refused_however_it_arrives(relay, body):
    head = build_request("POST", "/api/tunnels", relay.domain, [
        ("Transfer-Encoding", "chunked"), ("Expect", "100-continue")])
    with Visitor(relay.port) as visitor:
        visitor.send(head)
        assert visitor.read_head().status == 100
        visitor.send(body)
        assert visitor.read_response("POST").status == 400


@pytest.mark.parametrize("end", [b"0\r\nContent-Length: 1\r\n\r\n", b"x\r\n"])
def test_what_came_before_a_bad_end_is_passed_on(relay, agent, end):
    """However the answer is cut: whole up to the fault, and never with an end."""
    tunnel = agent(relay, a_name())
    sock = tunnel.open_ready()
    with tunnel.visitor() as visitor:
        visitor.send(build_request("GET", "/", tunnel.host))
        sock.read_request()
        sock.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk(b"first") + end)
        data = visitor.read_to_end()
        assert data.startswith(b"HTTP/1.1 200 OK\r\n") and data.endswith(chunk(b"first")), data
    entry = relay.wait_access(tunnel=tunnel.name)
    assert entry["out"] == len(data)


def test_a_half_closed_upload_without_its_trailers_is_given_up(relay, agent):
    tunnel = agent(relay, a_name())
    sock = tunnel.open_ready()
    with tunnel.visitor() as visitor:
        visitor.send(build_request("POST", "/", tunnel.host, [("Transfer-Encoding", "chunked")])
                     + chunk(b"x") + b"0\r\nA: ")
        sock.read_head()
        assert sock.read_exactly(6) == chunk(b"x")
        visitor.half_close()
        sock.wait_closed(5 * SLOW)


def test_an_empty_line_behind_a_request_is_no_head(start):
    """RFC 9112, 2.2: some clients send one behind a body. The connection is idle all the same."""
    relay = start("--head-timeout", ms(400), "--keep-alive-timeout", ms(3000))
    ask = build_request("GET", "/healthz", relay.domain)
    with Visitor(relay.port) as visitor:
        visitor.send(ask + b"\r\n")
        assert visitor.read_response().status == 200
        assert visitor.silent(1.2)
        visitor.send(ask)
        assert visitor.read_response().status == 200


# waiting

def test_a_waiting_request_keeps_its_place_and_its_clock_when_a_socket_dies(start, agent):
    relay = start("--request-timeout", ms(1500))
    tunnel = agent(relay, a_name())
    sock = tunnel.open_ready()
    with tunnel.visitor() as first, tunnel.visitor() as second, tunnel.visitor() as third:
        first.send(build_request("GET", "/first", tunnel.host))
        sock.read_request()
        begin = time.monotonic()
        second.send(build_request("GET", "/second", tunnel.host))
        time.sleep(0.2)
        third.send(build_request("GET", "/third", tunnel.host))
        time.sleep(0.8)
        sock.send(answer(b"x")[:-1])
        time.sleep(0.1)
        # The end of the answer and of the socket, both there when the relay reads.
        sock.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 1)
        sock.sock.sendall(b"x")
        sock.sock.shutdown(socket.SHUT_WR)
        assert first.read_response().body == b"x"
        assert second.read_response().status == 503
        assert time.monotonic() - begin < 1.5 + 0.5 * SLOW


# the end

def test_what_went_through_an_upgrade_is_counted_when_the_relay_stops(relay, agent):
    tunnel = agent(relay, a_name())
    sock = tunnel.open_ready()
    with tunnel.visitor() as visitor:
        visitor.send(build_request("GET", "/", tunnel.host, [
            ("Connection", "Upgrade"), ("Upgrade", "raw")]))
        sock.read_head()
        sock.send(SWITCH)
        assert visitor.read_head().status == 101
        visitor.send(b"a" * 5000)
        assert len(sock.read_exactly(5000)) == 5000
        relay.signal(signal.SIGTERM)
        relay.wait_log("draining")
        relay.signal(signal.SIGTERM)
        assert relay.wait_exit() == 0
    assert relay.wait_access(tunnel=tunnel.name)["in"] > 5000


def test_idle_sockets_are_counted(start, agent):
    relay = start(admin=True)
    tunnel = agent(relay, a_name())
    sockets = tunnel.open_ready(3)
    assert gauge(relay, "pool_sockets_idle") == 3
    with tunnel.visitor() as visitor:
        visitor.send(build_request("GET", "/", tunnel.host))
        wait_for(lambda: gauge(relay, "pool_sockets_idle") == 2, "one of them to be busy")
    for sock in sockets:
        sock.close()
    wait_for(lambda: gauge(relay, "pool_sockets_idle") == 0, "none to be left")
