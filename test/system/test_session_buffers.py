"""What all sessions together keep until it is acknowledged: streams wait, and nothing is lost."""
import hashlib
import threading

import pytest

from harness import http
from harness.session import Session
from harness.traffic import Later
from harness.wait import DEADLINE, SLOW, wait_for

pytestmark = pytest.mark.timeout(90 * SLOW)
KIB, MIB = 1024, 1024 * 1024
PEERS, BODY = 8, 4 * MIB
# Each session has 320 KiB for itself, and ends its last read and frame beyond any bound.
OWN = 320 * KIB + 256 * KIB + 256 * KIB


def held(relay):
    """Bytes that sessions hold, as the relay measures them once a second."""
    text = http.fetch(relay.admin_port, target="/metrics", host="localhost").text()
    return int(next(line.split()[1] for line in text.splitlines()
                    if line.startswith("adit_session_memory_bytes ")))


class Deaf:
    """An agent with large windows that reads all and acknowledges nothing until it is told to."""

    def __init__(self, relay, number):
        self.relay = relay
        self.host = f"demo{number}.{relay.domain}"
        self.peer = Session(relay, client=f"c{number}", window=MIB)
        self.peer.acknowledge = False
        self.peer.register(subdomain=f"demo{number}")
        self.body = bytes([number]) * BODY
        self.got = 0
        self.sha = hashlib.sha256()
        self.visitor = Later(self._visit)
        self.stream = self.peer.accept()
        self.thread = threading.Thread(target=self._read, daemon=True)
        self.thread.start()

    def _visit(self):
        with http.Visitor(self.relay.port, timeout=6 * DEADLINE) as visitor:
            return visitor.ask("POST", "/", self.host, body=self.body).body

    def _read(self):
        self.stream.timeout = 6 * DEADLINE
        self.stream.read_until(b"\r\n\r\n")
        while self.got < BODY:
            data = self.stream.read_exactly(min(16 * KIB, BODY - self.got))
            self.sha.update(data)
            self.got += len(data)
            self.peer.say_received()
        self.stream.answer(b"thanks")

    def hear(self):
        """From now on it acknowledges, and first of all what it has."""
        self.peer.acknowledge = True
        self.peer.say_received()

    def check(self):
        assert self.visitor.result() == b"thanks"
        assert self.sha.digest() == hashlib.sha256(self.body).digest()


@pytest.fixture
def deaf(start):
    """deaf(*flags) -> so many sessions that are sent a body each."""
    peers = []

    def begin(*flags):
        relay = start("--session-buffer", "16m", *flags, admin=True)
        peers.extend(Deaf(relay, number) for number in range(PEERS))
        return relay, peers
    yield begin
    for one in peers:
        one.peer.close()


def wait_full(relay, peers):
    """Until the relay says so, and everybody has what is its own."""
    relay.wait_log(lambda line: line.get("option") == "--session-buffer-total")
    wait_for(lambda: min(one.got for one in peers) >= 200 * KIB, "what each may have", 4 * DEADLINE)


@pytest.mark.tsan
@pytest.mark.parametrize("workers", [1, 2])
def test_sessions_share_what_they_keep(deaf, workers):
    total = 4 * MIB
    relay, peers = deaf("--session-buffer-total", total, "--workers", workers)
    wait_full(relay, peers)
    assert held(relay) <= total + PEERS * OWN < PEERS * BODY
    for one in peers:
        one.hear()
    for one in peers:
        one.check()
    wait_for(lambda: held(relay) < MIB, "what was held to be free")


def test_unless_told_otherwise_nothing_waits(deaf):
    _, peers = deaf()
    for one in peers:
        one.check()


def test_one_session_that_acknowledges_is_not_held_up_by_the_others(deaf):
    relay, peers = deaf("--session-buffer-total", MIB, "--workers", 1)
    wait_full(relay, peers)
    peers[3].hear()
    peers[3].check()
    others = [one for one in peers if one is not peers[3]]
    assert all(one.got < BODY for one in others)
    for one in others:
        one.hear()
    for one in others:
        one.check()


def test_what_waits_outlives_the_link(deaf):
    relay, peers = deaf("--session-buffer-total", MIB, "--workers", 1)
    wait_full(relay, peers)
    for one in peers:
        one.peer.acknowledge = True
        one.peer.resume()
    for one in peers:
        one.check()
