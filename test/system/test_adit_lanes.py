"""Several connections of one agent: one of them that breaks, or falls silent, costs no visitor anything, and
all of them meet again."""
import itertools
import random
import re
import threading

import pytest

from harness import http
from harness.between import Between, reset
from harness.relay import free_ports
from harness.service import PATIENCE, send_body
from harness.traffic import Later, digest_of, read_digest
from harness.wait import DEADLINE, SLOW, wait_for

pytestmark = pytest.mark.timeout(90 * SLOW)
LANES = 4


class Lane:
    """One link: its bytes pass, or nothing does any more and nobody is told."""

    def __init__(self, wire, other):
        self.wire, self.other = wire, other
        self.silent = False
        self.over = threading.Event()
        self.bytes = 0

    def count(self, size):
        if self.silent:
            self.over.wait()
            return 0
        self.bytes += size
        return size

    def cut(self):
        reset(self.wire.sock)
        reset(self.other)

    def mute(self):
        self.silent = True


class Lanes(Between):
    def __init__(self, port):
        self.lanes = []
        super().__init__(port)

    def serve(self, wire):
        lane = Lane(wire, self.connect())
        self.lanes.append(lane)
        self.join(wire, lane.other, lane.count)

    def close(self):
        for lane in self.lanes:
            lane.over.set()
        super().close()


@pytest.fixture
def between(start):
    """between(port) -> Lanes, closed with the test."""
    made = []

    def begin(port):
        made.append(Lanes(port))
        return made[-1]
    yield begin
    for one in made:
        one.close()


def app(wire, request):
    send_body(wire, int(request.target[1:]))
    return True


@pytest.mark.parametrize("trouble", ["cut", "mute"])
@pytest.mark.parametrize("workers", [1, 2])
def test_each_in_turn(start, services, adits, between, workers, trouble):
    """Visitors come all the time; each link but the last is lost once, on whichever they are."""
    relay = start("--workers", workers, "--heartbeat", "300")
    links = between(relay.port)
    agent = adits(links.port, "http", services(app).port, "--subdomain", "demo", "--connections",
                  LANES)
    agent.wait_event("tunnel_up")
    relay.wait_log("tunnel registered", count=LANES)
    done, dice, served = threading.Event(), random.Random(4), itertools.count()

    def visit():
        while not done.is_set():
            size = dice.randrange(1, 300_000)
            with http.Visitor(relay.port, timeout=PATIENCE) as visitor:
                visitor.send(http.build_request("GET", f"/{size}", "demo.lt.test"))
                head = visitor.read_head(PATIENCE)
                assert head.status == 200, head
                assert read_digest(visitor, head, PATIENCE) == (digest_of(size), size)
                next(served)
    visitors = [Later(visit) for _ in range(12)]
    for at, lane in enumerate(links.lanes[:LANES]):
        before = lane.bytes
        wait_for(lambda lane=lane, before=before: lane.bytes > before + 200_000,
                 "bytes on that link", 3 * DEADLINE)
        getattr(lane, trouble)()
        relay.wait_log("session resumed", count=at + 1, timeout=3 * DEADLINE)
    done.set()
    for visitor in visitors:
        visitor.result(PATIENCE)
    assert len(relay.find_logs("session up")) == LANES and not agent.find("session_lost")
    assert len(agent.find("tunnel_up")) == 1


def test_while_one_is_away_the_others_serve(start, services, adits, between):
    """New visitors do not wait for it, though it has not been given up."""
    relay = start("--workers", 1, "--hold-timeout", "60000", "--heartbeat", "300")
    links = between(relay.port)
    agent = adits(links.port, "http", services(app).port, "--subdomain", "demo", "--connections",
                  LANES)
    agent.wait_event("tunnel_up")
    relay.wait_log("tunnel registered", count=LANES)
    links.upstream = 1  # whoever dials again reaches nobody
    links.lanes[0].cut()
    relay.wait_log("link lost")
    for _ in range(2 * LANES):
        answer = http.fetch(relay.port, target="/9", host="demo.lt.test")
        assert answer.status == 200 and len(answer.body) == 9
    links.upstream = relay.port
    relay.wait_log("session resumed", timeout=3 * DEADLINE)


@pytest.mark.parametrize("workers", [1, 2])
def test_an_agent_that_was_killed_does_not_keep_visitors_from_the_next_one(
        start, services, adits, workers):
    """They are sent there as soon as it registers, and do not wait for the end of the grace period."""
    relay = start("--workers", workers, "--grace-period", "300000", "--hold-timeout", "300000")
    begun = threading.Semaphore(0)

    def hang(wire, request):
        begun.release()
        wire.read_exactly(1000, PATIENCE)
    token = {"ADIT_CLIENT_TOKEN": "same-machine"}
    flags = ["--subdomain", "demo", "--connections", LANES]
    agent = adits(relay, "http", services(hang).port, *flags, env=token)
    agent.wait_event("tunnel_up")
    relay.wait_log("tunnel registered", count=LANES)
    visitors = [Later(lambda: http.fetch(relay.port, target="/9", host="demo.lt.test",
                                         timeout=PATIENCE)) for _ in range(2 * LANES)]
    for _ in visitors:
        assert begun.acquire(timeout=PATIENCE)
    agent.process.kill()
    adits(relay, "http", services(app).port, *flags, env=token)
    for visitor in visitors:
        answer = visitor.result(PATIENCE)
        assert answer.status == 200 and len(answer.body) == 9
    relay.wait_log("session ended", count=LANES)


class Together(Lanes):
    """Requests that continue a session are let through once one for each session has come, and a
    relay that hears them. An agent may ask twice: when an address of the machine changes."""

    def __init__(self, port):
        self.listens = threading.Event()
        self.news = threading.Condition()
        self.continued = set()
        self.new = []
        super().__init__(port)

    def serve(self, wire):
        head = wire.read_until(b"\r\n\r\n")
        session = re.search(rb"Adit-Session: (\w+)", head)
        if session:
            self.listens.wait(DEADLINE)
            with self.news:
                self.continued.add(session[1])
                self.news.notify_all()
                self.news.wait_for(lambda: len(self.continued) == LANES, 3 * DEADLINE)
        else:
            self.new.append(head.decode())
        lane = Lane(wire, self.connect())
        self.lanes.append(lane)
        lane.other.sendall(head)
        self.join(wire, lane.other, lane.count)

    def all_serve(self, relay):
        """One more visitor, and whether each session has had one: only then the agent knows it."""
        http.fetch(relay.port, target="/50000", host="demo.lt.test")
        return sum(lane.bytes > 50000 for lane in self.lanes) >= LANES


@pytest.mark.parametrize("workers_after", [3, 2])
def test_sessions_that_were_all_forgotten_meet_again_on_one_worker(
        start, services, adits, workers_after):
    """Each hears it before any of the others has another one. A relay with fewer workers than before has
    one for them, too."""
    place = free_ports()
    flags = ["--port", place, "--address", "127.0.0.1"]
    relay = start(*flags, "--workers", 3, listen=False)
    links = Together(place)
    agent = adits(links.port, "http", services(app).port, "--subdomain", "demo", "--connections",
                  LANES)
    agent.wait_event("tunnel_up")
    wait_for(lambda: links.all_serve(relay), "each session to serve a visitor", 3 * DEADLINE)
    home, begun = int(relay.find_logs("session up")[0]["session"][:2], 16), len(links.new)
    relay.kill()
    again = start(*flags, "--workers", workers_after, listen=False)
    links.listens.set()
    again.wait_log("tunnel registered", count=LANES, timeout=3 * DEADLINE)
    assert {int(line["session"][:2], 16) for line in again.find_logs("session up")} == {
        home % workers_after}
    assert all("Adit-Beside:" in head for head in links.new[1 - LANES:]), links.new
    assert len(links.new) == begun, "none of them has to ask a second time"
    links.close()
