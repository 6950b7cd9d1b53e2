"""What nobody shall fill a disk with: lines that peers cause are bounded, and what is left out is told."""
import itertools
import time

import pytest

from harness import http
from harness.accounts import with_key
from harness.agent import create, reply as answer
from harness.session import Refused, Session
from harness.wait import wait_for

BURST = 1024  # lines of a kind that a source has at once; then one a second
SECRET = "canary-hmac-secret-of-at-least-32-characters"


@pytest.fixture
def relay(start):
    return start("--workers", 1, admin=True)


def metric(relay, name):
    text = http.fetch(relay.admin_port, target="/metrics", host="localhost").text()
    return int(float(next(line.split()[1] for line in text.splitlines()
                          if line.startswith(f"adit_{name} "))))


class Lines:
    """Counts lines with this message, those that were left out included, until the relay is stopped."""

    def __init__(self, relay, message):
        self.relay, self.message, self.began = relay, message, time.monotonic()

    def allowed(self):
        """So many there may be by now."""
        return BURST + int(time.monotonic() - self.began) + 2

    def flood(self, step):
        """Takes steps, each of which is good for a line, until some have to be left out."""
        count = 0
        while count < self.allowed() + 20:
            step()
            count += 1
        return count

    def check(self, total, source="127.0.0.1", **fields):
        """All were written or counted; and no more were written than a source has."""
        if self.relay.running():
            self.relay.stop()
        most = self.allowed()
        written = len(self.relay.find_logs({"msg": self.message, **fields}))
        gaps = self.relay.find_logs({"msg": "log lines left out", "like": self.message})
        assert written + sum(gap["count"] for gap in gaps) == total, (written, gaps)
        assert BURST <= written <= most, (written, most)
        assert gaps and all(gap["source"] == source for gap in gaps), gaps


def register_and_leave(peer, count):
    pair = (b'{"type":"register","tunnel":1,"proto":"http","subdomain":"flood"}\n'
            b'{"type":"unregister","tunnel":1}\n')
    for _ in range(count // 100):
        peer.data(1, pair * 100)
        for _ in range(100):
            peer.expect("registered")
            peer.expect("closed")


def test_an_agent_that_registers_without_end(relay):
    lines = [Lines(relay, message) for message in ("tunnel registered", "tunnel online")]
    with Session(relay) as peer:
        register_and_leave(peer, BURST + 500)
    assert metric(relay, "log_lines_left_out_total") > 0
    for kind in lines:
        kind.check(BURST // 100 * 100 + 500)


def test_sessions_without_end(relay):
    """Whoever may open one can drop its link before its hello."""
    port = relay.create_port

    def begin():
        with http.Visitor(port) as visitor:
            visitor.send(http.build_request(target="/_adit/session", host="lt.test", headers=[
                ("Connection", "Upgrade"), ("Upgrade", "adit"), ("Adit-Version", "1")]))
    lines = Lines(relay, "session ended")
    count = lines.flood(begin)
    wait_for(lambda: metric(relay, "session_links_lost_total") == count, "all links to be lost")
    lines.check(count)


def refused(relay, count):
    """So many requests for a tunnel that does not exist, from this address."""
    with http.Visitor(relay.port) as visitor:
        for _ in range(count // 50):
            visitor.send(http.build_request(target="/none", host="no-such-app.lt.test") * 50)
            for _ in range(50):
                assert visitor.read_response().status == 404


def test_visits_that_are_refused(relay):
    lines = Lines(relay, "request")
    refused(relay, BURST + 476)
    lines.check(1500, status=404)


def test_a_visit_that_is_served_has_its_line_after_a_flood(relay, agent):
    mine = agent(relay, "served-app").serve(answer(b"hello"))
    refused(relay, BURST + 476)
    with mine.visitor() as visitor:
        for number in range(50):
            assert visitor.ask(target=f"/page/{number}", host=mine.host).body == b"hello"
    relay.stop()
    served = relay.find_logs({"msg": "request", "tunnel": "served-app"})
    assert [line["path"] for line in served] == [f"/page/{number}" for number in range(50)]


def test_one_source_takes_no_lines_from_another(relay):
    refused(relay, BURST + 476)
    http.fetch(relay.port, target="/other", host="no-such-app.lt.test", source="127.0.0.9")
    assert relay.wait_access(path="/other")["visitor"] == "127.0.0.9"


def test_agents_that_are_refused(start):
    """Their access lines count with those of visitors, and there is one warning a minute."""
    relay = start("--workers", 1, env={"LT_HMAC_SECRET": SECRET})
    lines = Lines(relay, "request")
    refused(relay, 1500)
    for _ in range(30):
        with pytest.raises(Refused):
            Session(relay)
    lines.check(1530)
    minutes = int((time.monotonic() - lines.began) / 60)
    assert 1 <= len(relay.find_logs("agent refused")) <= minutes + 1


def test_who_is_refused_as_an_agent_is_heard_of_as_a_client_too(start):
    relay = start("--workers", 1, env={"LT_HMAC_SECRET": SECRET})
    with pytest.raises(Refused):
        Session(relay)
    assert create(relay, "no-app").status == 401
    relay.wait_log("agent refused")
    relay.wait_log("tunnel refused")


def test_behind_a_proxy_each_visitor_is_a_source(start):
    relay = start("--workers", 1, "--trust-proxy")
    with http.Visitor(relay.port) as visitor:
        for number in range(2):
            fields = [("X-Forwarded-For", f"203.0.113.{number}")]
            for _ in range(BURST // 50):
                visitor.send(http.build_request(
                    host="no-such-app.lt.test", headers=fields) * 50)
                for _ in range(50):
                    visitor.read_response()
    relay.stop()
    assert not relay.find_logs("log lines left out")
    for number in range(2):
        assert len(relay.find_logs({"msg": "request", "visitor": f"203.0.113.{number}"})) == 1000


def test_behind_a_proxy_nobody_chooses_its_source(start):
    """Not even for visits that waited in vain: what counts is what the proxy itself has added."""
    relay = start("--workers", 1, "--trust-proxy", "--max-waiting", 1,
                  "--grace-period", 300000, "--hold-timeout", 300000, admin=True)
    lines = Lines(relay, "request")
    with Session(relay) as peer, http.Visitor(relay.port) as waiting, \
            http.Visitor(relay.port) as visitor:
        peer.register(subdomain="demo")
        peer.cut()
        relay.wait_log("tunnel offline")
        waiting.send(http.build_request(host="demo.lt.test"))
        wait_for(lambda: metric(relay, "requests_waiting") == 1, "the only one that may wait")

        def step():
            visitor.send(http.build_request(host="demo.lt.test", headers=[
                ("X-Forwarded-For", f"10.0.0.{next(forged)}, 203.0.113.9")]))
            assert visitor.read_response().get("X-Adit-Error") == "too-many-waiting"
        forged = itertools.cycle(range(256))
        count = lines.flood(step)
    lines.check(count, source="203.0.113.9", error="too-many-waiting")


def test_an_account_is_a_source_wherever_it_comes_from(start, book):
    key = book.key("alice")
    relay = start("--workers", 1, *book.flags)
    lines = Lines(relay, "tunnel registered")
    with with_key(relay, key) as peer:
        register_and_leave(peer, BURST)
    with with_key(relay, key) as peer:
        register_and_leave(peer, 200)
    lines.check(BURST // 100 * 100 + 200, source="alice")
