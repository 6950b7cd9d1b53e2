"""Twenty seconds of agents whose sessions do anything, at random; afterwards nothing is left of them.

The visitors are those of test_stress_random, with the same variables: every message says whose it is.
Tokens and names are few, so that sessions take tunnels from each other, share them, and leave them.
"""
import os
import random
import threading
import time

import pytest

from harness import http
from harness.relay import free_ports
from harness.rest import Rest
from harness.session import GO_AWAY, SYN, Refused, Session
from harness.traffic import Later
from harness.wait import SLOW
from test_stress_random import NAMES, SECONDS, Guest, Peers, content
from test_stress_random import Owner as Answers

TCP_PORTS = 4
GAUGES = ["visitor_connections_open", "tunnels_open", "requests_waiting", "upgrades_open",
          "sessions_open", "sessions_parked", "session_streams_open", "session_memory_bytes",
          "tcp_connections_open"]


class Life:
    """One session after the other, each of which goes on for a few deeds."""

    def __init__(self, peers, index, ports):
        self.peers, self.ports = peers, ports
        self.dice = peers.dice(f"life {index}")
        self.token = f"token-{index % 3}"
        self.answers = Answers(peers, f"life {index}")

    def run(self):
        while self.peers.running():
            try:
                self.live()
            except Refused as refused:
                self.peers.count(f"refused: {refused.code}")
            except (OSError, AssertionError) as end:  # whatever it did to itself
                self.peers.count(f"end: {type(end).__name__}")

    def live(self):
        dice = self.dice
        peer = Session(self.peers.relay, client=self.token, resume=dice.random() < 0.8,
                       window=dice.choice([None, 16384, 65536]), hello=False)
        peer.names, peer.over = {}, False
        try:
            if dice.random() < 0.95:
                peer.hello(ready=dice.random() < 0.95)
                threading.Thread(target=self.serve, args=(peer,), daemon=True).start()
                for _ in range(dice.randrange(1, 4)):
                    self.register(peer)
                for _ in range(dice.randrange(12)):
                    time.sleep(dice.choice([0.01, 0.1, 0.3]))
                    if not self.peers.running() or not self.do(peer):
                        break
                if dice.random() < 0.4:
                    peer.frame(GO_AWAY)
                    time.sleep(dice.choice([0, 0.5]))
        finally:
            with peer.news:
                peer.over = True
                peer.news.notify_all()
            peer.cut(reset=dice.random() < 0.5)

    def register(self, peer):
        dice, wish = self.dice, {}
        if dice.random() < 0.2:
            wish["proto"] = "tcp"
            if dice.random() < 0.7:
                wish["port"] = dice.choice(self.ports)
        elif dice.random() < 0.95:
            wish["subdomain"] = dice.choice(NAMES)
        if dice.random() < 0.4:
            wish["share"] = True
        peer.say(type="register", tunnel=dice.randrange(1, 6), **{"proto": "http", **wish})

    def do(self, peer):
        """False: that was the last deed."""
        deed = self.dice.choices(["resume", "wait", "fence", "register", "unregister", "stray",
                                  "garbage"], [30, 10, 5, 15, 15, 5, 1])[0]
        self.peers.count(f"session: {deed}")
        if deed in ("resume", "wait", "fence"):
            if not peer.resumable:
                return False
            peer.cut(reset=self.dice.random() < 0.5)
            if deed == "wait":
                time.sleep(self.dice.choice([0.1, 0.2, 0.7]))
            if deed == "fence":  # a link that nobody uses, and a newer one behind it
                fields = peer.resume_fields()
                peer.epoch += 1
                peer.ask(fields)[0].close()
            peer.resume()
        elif deed == "register":
            self.register(peer)
        elif deed == "unregister":
            peer.say(type="unregister", tunnel=self.dice.randrange(1, 6))
        elif deed == "stray":
            peer.say(type="failed", stream=self.dice.randrange(2, 80, 2), code="local-reset")
            peer.data(self.nobodys(peer), b"for whom?")
            peer.data(self.dice.randrange(3, 2000, 2), b"hello", SYN)
        else:
            peer.raw(self.dice.randbytes(60))
        return deed != "garbage"

    def nobodys(self, peer):
        """The number of a stream that is over, or that is not there yet for long: what comes on one
        that lives is its visitor's."""
        with peer.news:
            over = [number for number, stream in peer.streams.items()
                    if number % 2 == 0 and stream.fin_sent and (stream.fin or stream.rst)]
        return self.dice.choice([*over, self.dice.randrange(20000, 30000, 2)])

    # visitors

    def serve(self, peer):
        while True:
            with peer.news:
                peer.news.wait_for(lambda: peer.waiting or peer.over)
                if peer.over:
                    return
                stream = peer.waiting.popleft()
            threading.Thread(target=self.meet, args=(peer, stream), daemon=True).start()

    def note_names(self, peer):
        with peer.news:
            for message in peer.messages:
                if message["type"] == "registered":
                    peer.names.setdefault(message["tunnel"], set()).add(message.get("name"))
            peer.messages.clear()
            return peer.names

    def meet(self, peer, stream):
        dice = random.Random(f"{self.peers.seed} {peer.id} {stream.number}")
        try:
            line = stream.read_line()
            names = self.note_names(peer).get(int(line["tunnel"]), ())
            if int(line["public_port"]) in self.ports:
                self.peers.check(None in names, "tunnel of a TCP visitor", line, names)
                self.echo(stream, dice)
                return
            request = http.read_request(stream, 3, body=False)
            self.peers.check(request.get("Host").partition(".")[0] in names, "tunnel", request,
                             names)
            tag = request.get("X-Tag")
            if request.get("Upgrade"):
                self.answers.upgrade(stream, dice, tag)
            else:
                self.answers.answer(stream, dice, request, tag)
            stream.close()
        except http.Truncated:
            pass  # the visitor left in the middle
        except http.BadMessage as failure:
            self.peers.check(False, "to the agent", failure)
        except OSError:
            pass

    def echo(self, stream, dice):
        while data := stream.read_some(3):
            stream.send(data)
            if dice.random() < 0.05:
                stream.reset()
                return
        stream.half_close()


class TcpGuest:
    def __init__(self, peers, index, ports):
        self.peers, self.ports = peers, ports
        self.dice = peers.dice(f"tcp {index}")

    def run(self):
        while self.peers.running():
            time.sleep(0.02)
            try:
                with http.Visitor(self.dice.choice(self.ports), timeout=6 * SLOW) as visitor:
                    self.talk(visitor)
                self.peers.count("tcp: all")
            except http.Truncated:
                self.peers.count("tcp: cut")
            except OSError as end:
                self.peers.count(f"tcp: {type(end).__name__}")

    def talk(self, visitor):
        sent = 0
        for _ in range(self.dice.randrange(5)):
            data = content("tcp", sent + self.dice.choice([1, 500, 60000]))[sent:]
            sent += len(data)
            visitor.send(data)
            self.peers.check(visitor.read_exactly(len(data)) == data, "echo", sent)
        if self.dice.random() < 0.5:
            visitor.reset()


@pytest.mark.tsan
@pytest.mark.timeout(300)
@pytest.mark.covers("fault-30", "fault-34", "threat-13")
def test_random_sessions_leave_nothing_behind(start):
    seed = os.environ.get("ADIT_STRESS_SEED", str(time.time_ns()))
    first = free_ports(TCP_PORTS)
    ports = range(first, first + TCP_PORTS)
    relay = start("--workers", "3", "--grace-period", "400", "--hold-timeout", "500",
                  "--request-timeout", "700", "--idle-timeout", "2500", "--heartbeat", "400",
                  "--response-timeout", "1200", "--head-timeout", "1500", "--keep-alive-timeout",
                  "1500", "--drain-timeout", "5000", "--session-buffer", "300k",
                  "--session-memory", "2m", "--tcp-port-range-start", first,
                  "--tcp-port-range-end", ports[-1], admin=True)
    rest = Rest(relay, GAUGES)
    peers = Peers(relay, seed)
    threads = [Later(Life(peers, index, ports).run) for index in range(7)]
    threads += [Later(Guest(peers, index).run) for index in range(6)]
    threads += [Later(TcpGuest(peers, index, ports).run) for index in range(2)]
    for thread in threads:
        thread.result(SECONDS + 60 * SLOW)
    assert not peers.wrong, (f"seed {seed}", peers.wrong[:5])
    assert peers.counts.get("guest: ask", 0) > 20 and peers.counts.get("session: resume", 0) > 20, \
        peers.counts
    rest.wait(seed)
    print(f"seed {seed}: {sorted(peers.counts.items())}")
