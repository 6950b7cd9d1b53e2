"""Twenty seconds of peers that do anything, at random; afterwards nothing is left of them.

Every message says whose it is, and every byte of it is a function of that: whoever reads one whole
checks each byte. ADIT_STRESS_SEED repeats the dice of a run, ADIT_STRESS_SECONDS its length.
"""
import os
import random
import threading
import time

import pytest

from harness.agent import PoolSocket, create
from harness.http import BadMessage, Truncated, Visitor, build_request
from harness.rest import Rest
from harness.traffic import Later, chunk
from harness.wait import SLOW

SECONDS = float(os.environ.get("ADIT_STRESS_SECONDS", "20"))
NAMES = [f"random-{index}" for index in range(5)]
SIZES = [0, 1, 100, 4000, 70000, 400000]
GAUGES = ["visitor_connections_open", "tunnels_open", "pool_sockets_open", "pool_sockets_idle",
          "requests_waiting", "upgrades_open"]


def content(tag, size):
    """The bytes that belong to a tag: no two tags share a longer stretch."""
    word = (tag + " ").encode()
    return (word * (size // len(word) + 1))[:size]


class Peers:
    """What all threads share: the relay, the tunnels' ports, and what was found to be wrong."""

    def __init__(self, relay, seed):
        self.relay = relay
        self.seed = seed
        self.end = time.monotonic() + SECONDS
        self.wrong = []
        self.counts = {}
        self.lock = threading.Lock()

    def running(self):
        return time.monotonic() < self.end and len(self.wrong) < 5

    def dice(self, who):
        return random.Random(f"{self.seed} {who}")

    def count(self, what):
        with self.lock:
            self.counts[what] = self.counts.get(what, 0) + 1

    def check(self, holds, *what):
        if not holds:
            with self.lock:
                self.wrong.append(what)


def send_pieces(wire, data, dice):
    """At once, or cut anywhere, with moments in between."""
    cuts = dice.choice([0, 0, 1, 3])
    for _ in range(cuts):
        at = dice.randrange(len(data) + 1)
        wire.send(data[:at])
        data = data[at:]
        time.sleep(dice.choice([0, 0.001, 0.02]))
    wire.send(data)


# agents

class Owner:
    """Has a name, and goes on taking it, serving it, losing it, and taking it over."""

    def __init__(self, peers, name):
        self.peers, self.name = peers, name
        self.dice = peers.dice(name)
        self.port = None

    def run(self):
        servers = [Later(self.serve, index) for index in range(4)]
        while self.peers.running():
            response = create(self.peers.relay, self.name, token=f"token-{self.name}")
            self.peers.check(response.status == 200, "creation", response)
            self.port = response.json()["port"]
            time.sleep(self.dice.choice([0.1, 0.5, 2, 4]))
            if self.dice.random() < 0.5:
                self.port = None  # sockets end one by one; the name may expire
                time.sleep(self.dice.choice([0.1, 0.8]))
        self.port = None
        for server in servers:
            server.result()

    def serve(self, index):
        dice = self.peers.dice(f"{self.name} {index}")
        while self.peers.running():
            port = self.port
            if port is None:
                time.sleep(0.02)
                continue
            try:
                with PoolSocket(port) as sock:
                    self.converse(sock, dice, port)
            except Truncated:
                pass  # the visitor left in the middle
            except BadMessage as failure:
                self.peers.check(False, "to the agent", failure)
            except OSError:
                pass

    def converse(self, sock, dice, port):
        while self.peers.running() and self.port == port:
            if sock.silent(0.1):
                continue
            if sock.eof and not sock.pending:
                return
            if sock.pending.startswith(b"HTTP/1.1 429 "):
                return  # there were enough
            request = sock.read_head(timeout=3)
            tag = request.get("X-Tag")
            self.peers.check(request.get("Host").startswith(self.name + "."), "host", request)
            if request.get("Upgrade"):
                self.upgrade(sock, dice, tag)
                return
            if not self.answer(sock, dice, request, tag):
                return

    def upgrade(self, sock, dice, tag):
        if dice.random() < 0.3:
            sock.send(b"HTTP/1.1 426 Upgrade Required\r\nContent-Length: 0\r\n\r\n")
            return
        sock.send(b"HTTP/1.1 101 OK\r\nConnection: Upgrade\r\nUpgrade: raw\r\n\r\n")
        at = 0
        while True:
            data = sock.read_some(timeout=3)
            if not data:
                return
            self.peers.check(data == content(tag, at + len(data))[at:], "upgraded in", tag, at)
            at += len(data)
            sock.send(data)
            if dice.random() < 0.03:
                sock.reset()
                return

    def read_body(self, sock, request, tag):
        length = request.get("Content-Length")
        if request.get("Transfer-Encoding") == "chunked":
            body = b""
            while True:
                size = int(sock.read_until(b"\r\n", timeout=3)[:-2], 16)
                data = sock.read_exactly(size + 2, timeout=3)
                if not size:
                    break
                body += data[:-2]
        else:
            body = sock.read_exactly(int(length or 0), timeout=3)
        self.peers.check(body == content(tag, int(request.get("X-Length", "0"))), "upload", tag)

    def answer(self, sock, dice, request, tag):
        """False: the socket is done for."""
        deed = dice.choices(["answer", "chunks", "to the end", "stall", "early", "cut", "reset",
                             "close"], [30, 20, 6, 6, 5, 4, 4, 4])[0]
        body = content(tag, int(request.get("X-Size", "0")))
        head = b"HTTP/1.1 200 OK\r\nX-Tag: %s\r\n" % tag.encode()
        sized = head + b"Content-Length: %d\r\n\r\n" % len(body)
        if deed == "early":
            send_pieces(sock, sized + body, dice)
            return False
        if request.get("Expect"):
            sock.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        self.read_body(sock, request, tag)
        self.peers.count(f"agent: {deed}")
        if dice.random() < 0.1:
            sock.send(b"HTTP/1.1 103 Early Hints\r\nX-Tag: %s\r\n\r\n" % tag.encode())
        if deed == "stall":
            time.sleep(dice.choice([0.1, 0.5, 1.5]))
        if deed in ("answer", "stall"):
            send_pieces(sock, sized + body, dice)
            return True
        if deed == "chunks":
            half = len(body) // 2
            pieces = b"".join(chunk(part) for part in (body[:half], body[half:]) if part)
            send_pieces(sock, head + b"Transfer-Encoding: chunked\r\n\r\n" + pieces + b"0\r\n\r\n",
                        dice)
            return True
        if deed == "to the end":
            send_pieces(sock, head + b"\r\n" + body, dice)
        elif deed == "cut":
            sock.send((sized + body)[:dice.randrange(len(sized + body))])
        elif deed == "reset":
            sock.reset()
        return False


# visitors

class Guest:
    def __init__(self, peers, index):
        self.peers, self.index = peers, index
        self.dice = peers.dice(f"guest {index}")
        self.asked = 0

    def run(self):
        deeds = [self.ask, self.pipeline, self.half_close, self.leave, self.upgrade, self.dawdle,
                 self.babble]
        while self.peers.running():
            deed = self.dice.choices(deeds, [40, 15, 8, 15, 12, 5, 5])[0]
            try:
                with Visitor(self.peers.relay.port, timeout=6 * SLOW) as visitor:
                    for _ in range(self.dice.choice([1, 1, 2, 5])):
                        if not deed(visitor):
                            break
                self.peers.count(f"guest: {deed.__name__}")
            except Truncated:
                self.peers.count(f"guest: {deed.__name__}, cut")
            except BadMessage as failure:
                self.peers.check(False, deed.__name__, failure)
            except TimeoutError as failure:
                self.peers.check(False, deed.__name__, "nothing came for too long", failure)
            except OSError:
                self.peers.count(f"guest: {deed.__name__}, reset")

    def request(self, method=None, size=None, upgrade=False, close=False):
        """A tag, the length of the answer, and the request's bytes."""
        dice = self.dice
        self.asked += 1
        tag = f"<{self.index}.{self.asked}>"
        size = dice.choice(SIZES) if size is None else size
        fields = [("X-Tag", tag), ("X-Size", str(size))]
        if close:
            fields.append(("Connection", "close"))
        if upgrade:
            fields += [("Connection", "Upgrade"), ("Upgrade", "raw")]
        name = dice.choice(NAMES) if dice.random() < 0.97 else "nobody-here"
        host = f"{name}.{self.peers.relay.domain}"
        method = method or dice.choice(["GET", "POST", "PUT"])
        body = b""
        if method != "GET" and not upgrade:
            body = content(tag, dice.choice(SIZES))
            fields.append(("X-Length", str(len(body))))
            if dice.random() < 0.3:
                fields.append(("Expect", "100-continue"))
            if dice.random() < 0.4:
                fields.append(("Transfer-Encoding", "chunked"))
                half = len(body) // 2
                body = b"".join(chunk(part) for part in (body[:half], body[half:]) if part)
                body += b"0\r\n\r\n"
            else:
                fields.append(("Content-Length", str(len(body))))
        return tag, size, build_request(method, f"/{tag[1:-1]}", host, fields) + body

    def read(self, visitor, tag, size):
        """Reads one answer and checks whose it is; true when another request may follow."""
        response = visitor.read_response()
        if response.get("X-Adit-Error"):
            self.peers.count(f"error: {response.get('X-Adit-Error')}")
        else:
            self.peers.check(response.get("X-Tag") == tag and response.body == content(tag, size),
                             "answer to", tag, size, response)
        return "close" not in str(response.all("Connection")).lower()

    def ask(self, visitor):
        tag, size, data = self.request(close=self.dice.random() < 0.2)
        try:
            send_pieces(visitor, data, self.dice)
        except ConnectionError:
            return False  # it was answered early
        return self.read(visitor, tag, size)

    def pipeline(self, visitor):
        requests = [self.request("GET") for _ in range(self.dice.randrange(2, 7))]
        send_pieces(visitor, b"".join(data for _, _, data in requests), self.dice)
        return all(self.read(visitor, tag, size) for tag, size, _ in requests)

    def half_close(self, visitor):
        tag, size, data = self.request("GET")
        send_pieces(visitor, data, self.dice)
        visitor.half_close()
        self.read(visitor, tag, size)
        self.peers.check(visitor.wait_closed() in ("fin", "rst"), "an end", tag)
        return False

    def leave(self, visitor):
        """Goes away at any moment, one way or the other."""
        _, _, data = self.request()
        visitor.send(data[:self.dice.randrange(len(data) + 1)])
        time.sleep(self.dice.choice([0, 0.01, 0.3]))
        if self.dice.random() < 0.5:
            visitor.reset()
        return False

    def upgrade(self, visitor):
        tag, size, data = self.request("GET", upgrade=True)
        early = content(tag, self.dice.choice([0, 10, 5000]))
        send_pieces(visitor, data + early, self.dice)
        response = visitor.read_response()
        if response.status != 101:
            return False
        sent = len(early)
        self.peers.check(visitor.read_exactly(sent) == early, "upgraded out", tag)
        for _ in range(self.dice.randrange(6)):
            more = self.dice.choice([1, 500, 60000])
            data = content(tag, sent + more)[sent:]
            sent += more
            visitor.send(data)
            self.peers.check(visitor.read_exactly(more) == data, "upgraded out", tag, sent)
        if self.dice.random() < 0.5:
            visitor.half_close()
            visitor.wait_closed()
        return False

    def dawdle(self, visitor):
        """Asks for more than the kernel holds, and reads late, or never."""
        tag, size, data = self.request("GET", size=6000000)
        visitor.send(data)
        time.sleep(self.dice.choice([0.3, 1]))
        return self.dice.random() < 0.6 and self.read(visitor, tag, size)

    def babble(self, visitor):
        visitor.send(self.dice.choice([
            b"\x16\x03\x01\x02\x00\x01", b"GET / HTTP/9.9\r\n\r\n", b"\r\n",
            b"GET / HTTP/1.1\r\n\r\n",
            b"POST / HTTP/1.1\r\nHost: a.b.c\r\nContent-Length: 1\r\n"
            b"Transfer-Encoding: chunked\r\n\r\n",
        ]))
        visitor.read_to_end()
        return False


# what is left

@pytest.mark.tsan
@pytest.mark.timeout(300)
@pytest.mark.covers("fault-34", "threat-13")
def test_random_peers_leave_nothing_behind(start):
    seed = os.environ.get("ADIT_STRESS_SEED", str(time.time_ns()))
    relay = start("--workers", "3", "--max-sockets", "4", "--max-waiting", "6",
                  "--grace-period", "400", "--request-timeout", "700", "--idle-timeout", "2500",
                  "--response-timeout", "1200", "--head-timeout", "1500",
                  "--keep-alive-timeout", "1500", "--drain-timeout", "5000", admin=True)
    rest = Rest(relay, GAUGES)
    peers = Peers(relay, seed)
    threads = [Later(Owner(peers, name).run) for name in NAMES]
    threads += [Later(Guest(peers, index).run) for index in range(8)]
    for thread in threads:
        thread.result(SECONDS + 60 * SLOW)
    assert not peers.wrong, (f"seed {seed}", peers.wrong[:5])
    assert peers.counts.get("guest: ask", 0) > 20, peers.counts
    rest.wait(seed)
    print(f"seed {seed}: {sorted(peers.counts.items())}")
