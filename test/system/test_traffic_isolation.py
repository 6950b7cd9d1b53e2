"""Many tunnels, visitors and workers at once: no answer reaches the wrong visitor."""
import contextlib
import random
import socket
import struct
import threading
import time

import pytest

from harness.agent import answer, reply
from harness.http import BadMessage, Visitor, build_request
from harness.traffic import Later, a_name, chunk, ms
from harness.wait import SLOW

CHUNKED_HEAD = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


class Tagged:
    """A tunnel whose answers say its name and the request they belong to. It is killed now and
    then, and notes every request that is not its own."""

    def __init__(self, agent, relay, sockets=3):
        self.tunnel = agent(relay, a_name("iso"))
        self.strays = []
        self.tunnel.serve(self.handle, sockets=sockets)

    def handle(self, sock, request):
        if request.get("Host") != self.tunnel.host or request.get("X-For") != self.tunnel.name:
            self.strays.append(request)
        tag = f"{self.tunnel.name} {request.target} {request.get('X-Nonce-Tag')} ".encode()
        size = int(request.get("X-Size"))
        body = tag + b"." * size
        if request.get("X-Chunked"):
            half = len(body) // 2
            return CHUNKED_HEAD + chunk(body[:half]) + chunk(body[half:]) + b"0\r\n\r\n"
        return answer(body)

    def kill(self, dice):
        for sock in list(self.tunnel.sockets):
            if dice.random() < 0.5:
                with contextlib.suppress(OSError):
                    # shutdown wakes the thread that reads; linger makes it a reset.
                    sock.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                         struct.pack("ii", 1, 0))
                    sock.sock.shutdown(socket.SHUT_RDWR)


class Crowd:
    """Visitors on threads; each asks random tunnels and checks every answer it gets."""

    def __init__(self, tunnels, seed, keep_alive):
        self.tunnels, self.keep_alive = tunnels, keep_alive
        self.dice = random.Random(seed)
        self.served, self.failed, self.wrong = 0, 0, []

    def run(self, count):
        visitor = None
        for index in range(count):
            tunnel = self.dice.choice(self.tunnels).tunnel
            visitor = visitor or tunnel.visitor()
            nonce = f"{id(self)}-{index}"
            size = self.dice.choice([0, 10, 1000, 20000])
            fields = [("X-For", tunnel.name), ("X-Nonce-Tag", nonce), ("X-Size", str(size))]
            if self.dice.random() < 0.3:
                fields.append(("X-Chunked", "1"))
            body = b"b" * self.dice.choice([0, 0, 100, 9000]) or None
            method = "POST" if body else "GET"
            wanted = f"{tunnel.name} /{nonce} {nonce} ".encode() + b"." * size
            try:
                response = visitor.ask(method, f"/{nonce}", tunnel.host, fields, body,
                                       timeout=15 * SLOW)
            except (BadMessage, ConnectionError, BrokenPipeError):
                self.failed += 1
                visitor.close()
                visitor = None
                continue
            if response.status != 200:
                assert response.get("X-Adit-Error"), response
                self.failed += 1
            elif response.body != wanted:
                self.wrong.append((wanted[:100], response))
            else:
                self.served += 1
            if not self.keep_alive or "close" in str(response.all("Connection")).lower():
                visitor.close()
                visitor = None
        if visitor:
            visitor.close()
        return self


def run_crowds(tunnels, threads, count, keep_alive, killing):
    stop = threading.Event()
    dice = random.Random(99)

    def killer():
        while not stop.wait(0.05):
            dice.choice(tunnels).kill(dice)
    background = Later(killer) if killing else None
    crowds = [Later(Crowd(tunnels, seed, keep_alive).run, count) for seed in range(threads)]
    done = [later.result(300 * SLOW) for later in crowds]
    stop.set()
    if background:
        background.result()
    wrong = [entry for crowd in done for entry in crowd.wrong]
    assert not wrong, f"{len(wrong)} misrouted: {wrong[:3]}"
    strays = [request for tagged in tunnels for request in tagged.strays]
    assert not strays, f"{len(strays)} strays: {strays[:3]}"
    for tagged in tunnels:
        if killing:
            tagged.tunnel.failures.clear()
    return sum(crowd.served for crowd in done), sum(crowd.failed for crowd in done)


@pytest.mark.covers("fault-34", "threat-13", "S68")
@pytest.mark.parametrize("keep_alive", [False, True], ids=["one-shot", "keep-alive"])
def test_no_answer_reaches_the_wrong_visitor(start, agent, keep_alive):
    """Twenty tunnels, eight visitors at a time, agents killed at random."""
    relay = start("--response-timeout", ms(5000))
    tunnels = [Tagged(agent, relay) for _ in range(20)]
    served, failed = run_crowds(tunnels, 8, 400, keep_alive, killing=True)
    assert served > 1600, (served, failed)


def torn_answer(sock, request):
    """Answers in small pieces, so that answers of many sockets are half read at a time."""
    dice = random.Random(request.target)
    tag = request.get("X-Tag")
    data = (f"HTTP/1.1 200 Torn {tag}\r\nX-Tag: {tag}\r\nTransfer-Encoding: chunked\r\n"
            f"X-Host: {request.get('Host')}\r\n\r\n").encode() \
        + chunk(f"{tag} {request.target} ".encode() + request.body) \
        + f"0\r\nX-End: {tag} {request.trailers[0][1]}\r\n\r\n".encode()
    while data:
        size = dice.randrange(1, 40)
        sock.send(data[:size])
        data = data[size:]
        time.sleep(0.0005)


@pytest.mark.covers("fault-34", "threat-13", "S68", "S76")
@pytest.mark.parametrize("workers", ["1", "4"])
def test_heads_that_arrive_in_turns_do_not_mix(start, agent, workers):
    """Many requests and answers are half read at any time; each keeps what was seen of it."""
    relay = start("--workers", workers)
    tunnels = [agent(relay, a_name()) for _ in range(6)]
    for tunnel in tunnels:
        tunnel.serve(torn_answer, sockets=4)
    dice = random.Random(5)
    for turn in range(6):
        asked, open_ = [], []
        for index in range(24):
            tunnel = tunnels[index % 6]
            tag = f"{tunnel.name}.{turn}.{index}"
            data = (f"POST /{tag} HTTP/1.1\r\n" + f"X-Pad: {'p' * dice.randrange(60)}\r\n"
                    + f"Host: {tunnel.host}\r\nX-Tag: {tag}\r\nTransfer-Encoding: chunked\r\n"
                    + f"\r\n4\r\nbody\r\n0\r\nX-End: {tag}\r\n\r\n").encode()
            visitor = tunnel.visitor()
            asked.append((visitor, tunnel, tag))
            open_.append([visitor, data])
        while open_:
            entry = dice.choice(open_)
            size = dice.randrange(1, 50)
            entry[0].send(entry[1][:size])
            entry[1] = entry[1][size:]
            if not entry[1]:
                open_.remove(entry)
        for visitor, tunnel, tag in asked:
            response = visitor.read_response()
            assert response.status_line == f"200 Torn {tag}", response
            assert (response.get("X-Tag"), response.get("X-Host")) == (tag, tunnel.host)
            assert response.text() == f"{tag} /{tag} body"
            assert response.trailers == [("X-End", f"{tag} {tag}")]
            visitor.close()
    for tunnel in tunnels:
        for request in tunnel.requests:
            assert request.get("Host") == tunnel.host
            assert request.get("X-Tag").startswith(tunnel.name)


@pytest.mark.tsan
@pytest.mark.covers("fault-34", "threat-13", "S68")
@pytest.mark.parametrize("killing", [False, True], ids=["calm", "killing"])
def test_visitors_that_go_from_worker_to_worker(start, agent, killing):
    """Keep-alive connections whose requests name tunnels of different workers in turn."""
    relay = start("--workers", "4", "--response-timeout", ms(5000))
    tunnels = [Tagged(agent, relay) for _ in range(16)]
    served, failed = run_crowds(tunnels, 6, 300, True, killing)
    if killing:
        assert served > 900, (served, failed)
    else:
        assert (served, failed) == (1800, 0)


@pytest.mark.tsan
@pytest.mark.covers("S68", "S76")
def test_pipelined_requests_for_tunnels_of_different_workers(start, agent):
    """The second head names another tunnel while the first is still being answered."""
    relay = start("--workers", "4")
    tunnels = [agent(relay, a_name()) for _ in range(12)]
    for tunnel in tunnels:
        tunnel.serve(lambda sock, request: answer(request.get("Host").encode() + request.body))
    dice = random.Random(3)
    for _ in range(15):
        order = [dice.choice(tunnels) for _ in range(10)]
        bodies = [b"b" * dice.choice([0, 1, 5000]) or None for _ in order]
        with Visitor(relay.port) as visitor:
            visitor.send(b"".join(
                build_request("POST" if body else "GET", "/", tunnel.host, body=body)
                for tunnel, body in zip(order, bodies)))
            for tunnel, body in zip(order, bodies):
                assert visitor.read_response().body == tunnel.host.encode() + (body or b"")


@pytest.mark.tsan
@pytest.mark.covers("S68", "S45", "fault-34")
def test_tunnels_come_and_go_under_load(start, agent):
    """Names taken, used, dropped and taken again, from several threads and workers."""
    relay = start("--workers", "4", env={"LT_GRACE_PERIOD": 50, "LT_REQUEST_TIMEOUT": 2000})

    def live(seed):
        for turn in range(12):
            tunnel = agent(relay, f"life-{seed}-{turn % 3}", token=f"tok-{seed}")
            mark = f"{seed}.{turn}".encode()
            tunnel.serve(reply(mark), sockets=2)
            for _ in range(5):
                response = tunnel.visit(timeout=10 * SLOW)
                assert response.body == mark or response.status == 503, response
            tunnel.drop_sockets(reset=turn % 2 == 0)
        return True
    assert all([later.result(120 * SLOW) for later in [Later(live, seed) for seed in range(6)]])


@pytest.mark.tsan
@pytest.mark.covers("S79", "S68")
def test_upgrades_on_moved_connections(start, agent):
    relay = start("--workers", "4")
    tunnels = [agent(relay, a_name()) for _ in range(8)]
    for tunnel in tunnels:
        tunnel.serve(upgrade_or_answer, sockets=2, body=False)
    for turn in range(24):
        first, second = tunnels[turn % 8], tunnels[turn * 3 % 8]
        with Visitor(relay.port) as visitor:
            assert visitor.ask("GET", "/", first.host).body == first.host.encode()
            visitor.send(build_request("GET", "/", second.host, [
                ("Connection", "Upgrade"), ("Upgrade", "raw")]) + b"early")
            assert visitor.read_response().status == 101
            wanted = second.host.encode() + b":early"
            assert visitor.read_exactly(len(wanted)) == wanted


def upgrade_or_answer(sock, request):
    if request.get("Upgrade") is None:
        return answer(request.get("Host").encode())
    sock.send(b"HTTP/1.1 101 OK\r\nConnection: Upgrade\r\nUpgrade: raw\r\n\r\n")
    sock.send(request.get("Host").encode() + b":" + sock.read_exactly(5))
    sock.wait_closed()
    sock.close()
    return None
