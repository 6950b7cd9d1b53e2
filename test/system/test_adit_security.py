"""What adit and aditd must not do: dial what others choose, say secrets, or fall over when the other
side is hostile."""
import json
import os
import random
import socket
import struct
import threading
from pathlib import Path

import pytest

from harness import http
from harness.between import Between, pump
from harness.relay import free_ports
from harness.script_relay import DATA, FIN, GO_AWAY, PING, SYN, WINDOW, ScriptRelay, frame
from harness.service import Service, answer, say_hello
from harness.wait import DEADLINE, SLOW, wait_for

pytestmark = pytest.mark.timeout(60 * SLOW)


class Silent(Service):
    """A service that nobody may dial."""

    def __init__(self):
        super().__init__(say_hello)


@pytest.fixture
def canary():
    service = Silent()
    yield service
    service.close()
    assert service.accepts == 0


@pytest.fixture
def script():
    relays = []

    def begin(kind=ScriptRelay, *args):
        relays.append(kind(*args))
        return relays[-1]
    yield begin
    for relay in relays:
        relay.close()


# ---------------------------------------------------------------- what is dialled

def test_a_relay_cannot_choose_what_is_dialled(script, services, adits, canary):
    relay = script()
    service = services()
    agent = adits(relay.port, "http", service.target)
    agent.wait_event("tunnel_up")
    to = f"127.0.0.1:{canary.port}"
    lines = [f"{number} 203.0.113.9 1 198.51.100.1 80 http x"
             for number in (0, 2, 99, 4294967295, 4294967297, -1, to)]
    lines += [f"1 {to} 1 {to} {canary.port} http x", f"1 127.0.0.1 {canary.port} 127.0.0.1 "
              f"{canary.port} http x", "unix:/tmp 1 1 1 1 http x", "1 1 1"]
    for line in lines:
        stream = relay.visit(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", line)
        wait_for(lambda: stream in relay.ended, f"the end of {line}")
    for kind in ("connect", "open", "dial", "register", "registered", "reload"):
        relay.say({"type": kind, "tunnel": 2, "proto": "tcp", "address": to, "target": to,
                   "port": canary.port, "name": "x", "url": f"http://{to}"})
    for target in (f"http://{to}/", f"https://{to}/", "*"):
        relay.visit(f"GET {target} HTTP/1.1\r\nHost: {to}\r\n\r\n".encode())
    for method in ("CONNECT", "GET"):
        relay.visit(f"{method} {to} HTTP/1.1\r\nHost: {to}\r\n\r\n".encode())
    last = relay.visit(b"GET /last HTTP/1.1\r\nHost: x\r\n\r\n")
    wait_for(lambda: last in relay.ended, "the last answer")
    assert relay.streams[last].endswith(b"hello")
    assert len(relay.said("failed")) >= 3


def test_a_visitor_cannot_choose_what_is_dialled(relay, services, adits, canary):
    service = services()
    agent = adits(relay, "http", service.target, "--subdomain", "fixed")
    host = agent.wait_event("tunnel_up")["url"].partition("//")[2].partition(":")[0]
    to = f"127.0.0.1:{canary.port}"
    for target in (f"http://{to}/", f"http://{host}@{to}/", f"//{to}/", f"/http://{to}/",
                   f"http://{host}/"):
        for fields in ([], [("X-Forwarded-Host", to), ("Forwarded", f"host={to}"),
                            ("X-Forwarded-For", "127.0.0.1"), ("X-Real-IP", to),
                            ("X-Original-URL", f"http://{to}/"), ("X-Rewrite-URL", f"//{to}/"),
                            ("Connection", "Host")]):
            http.fetch(relay.port, "GET", target, host, fields)
    assert http.fetch(relay.port, "CONNECT", to, to).status >= 400
    assert http.fetch(relay.port, "GET", "/", to).status in (200, 302, 404)
    assert http.fetch(relay.port, host=host).body == b"hello"


def test_the_answer_of_a_service_is_not_followed(relay, services, adits, canary):
    def away(wire, request):
        answer(wire, b"", "302 Found", [("Location", f"http://127.0.0.1:{canary.port}/"),
                                        ("Alt-Svc", f'h2="127.0.0.1:{canary.port}"')])
    agent = adits(relay, "http", services(away).target, "--subdomain", "away")
    host = agent.wait_event("tunnel_up")["url"].partition("//")[2].partition(":")[0]
    assert http.fetch(relay.port, host=host).status == 302


# ---------------------------------------------------------------- secrets

class Recorder(Between):
    """Keeps what goes by, and can cut it."""

    def __init__(self, port):
        self.seen = bytearray()
        self.live = []
        super().__init__(port)

    def serve(self, wire):
        other = self.connect()
        self.live = [wire.sock, other]

        def note():
            while True:
                data = other.recv(65536)
                if not data:
                    return
                self.seen += data
                wire.sock.sendall(data)

        def back():
            try:
                note()
            except OSError:
                pass
        threading.Thread(target=back, daemon=True).start()
        pump(wire.sock, other)
        other.close()

    def cut(self):
        for sock in self.live:
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


def test_secrets_are_told_to_nobody(start, services, adits):
    hmac, token = "H-canary-0123456789abcdef0123456789abcdef", "T-canary-token"
    relay = start("--log-level", "debug", env={"LT_HMAC_SECRET": hmac, "DEBUG": "localtunnel*"})
    link = Recorder(relay.port)
    service = services(port=free_ports())  # nobody else has it once it is closed
    secrets = [hmac, token]
    agent = adits(link.port, "http", service.target, "--subdomain", "secret",
                  env={"ADIT_HMAC_SECRET": hmac, "ADIT_CLIENT_TOKEN": token})
    host = agent.wait_event("tunnel_up")["url"].partition("//")[2].partition(":")[0]
    text = bytes(link.seen)
    secret = text.partition(b'"secret":"')[2][:64].decode()
    assert len(secret) == 64, text
    secrets.append(secret)
    fields = [("Authorization", "Bearer A-canary"), ("Cookie", "session=C-canary"),
              ("Proxy-Authorization", "Basic P-canary"), ("X-Api-Key", "K-canary")]
    secrets += ["A-canary", "C-canary", "P-canary", "K-canary"]
    http.fetch(relay.port, host=host, headers=fields)
    http.fetch(relay.port, host="nobody-there.lt.test", headers=fields)
    service.close()
    link.cut()
    agent.wait_event("link_resumed")
    page = http.fetch(relay.port, host=host, headers=fields)
    assert page.status == 502
    cmdlines = [Path(f"/proc/{pid}/cmdline").read_text() for pid in (agent.pid, relay.pid)]
    bad = adits(relay, "http", 1, env={"ADIT_HMAC_SECRET": hmac + "x", "ADIT_CLIENT_TOKEN": token})
    assert bad.wait_exit() == 3
    relay.stop()
    agent.process.terminate()
    assert agent.wait_exit() == 0
    said = "\n".join(cmdlines + [json.dumps(agent.events), "\n".join(agent.other), bad.text(),
                                 relay.text(), page.text()])
    for secret in secrets:
        assert secret not in said, secret
    link.close()


# ---------------------------------------------------------------- hostile relays

class Hostile(ScriptRelay):
    """Does harm in its first two sessions, and is a good relay in the third."""

    def __init__(self, harm):
        self.harm = harm
        self.harmed = 0
        super().__init__()

    def take_line(self, message):
        super().take_line(message)
        if message["type"] == "register" and self.harmed < 2:
            self.harmed += 1
            self.harm(self)


def send(relay, *frames):
    try:
        relay.send(b"".join(frames))
    except OSError:
        pass


def close_after(relay):
    """A while later, for what is no fault by itself."""
    link = relay.link
    threading.Timer(0.3, lambda: relay.link is link and relay.cut()).start()


LINE = b"1 203.0.113.9 51234 198.51.100.1 80 http 4f2a90c1d3e5b768\n"
GET = LINE + b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


def opening(number, data=GET):
    return frame(DATA, SYN, number, len(data), data)


def garbage(relay):
    send(relay, random.Random(1).randbytes(100_000))


HARMS = {
    "garbage": garbage,
    "zeros": lambda r: (send(r, b"\0" * 100_000), close_after(r)),
    "a long line": lambda r: send(r, *[frame(DATA, 0, 1, 4096, b"x" * 4096)] * 8),
    "not json": lambda r: send(r, frame(DATA, 0, 1, 9, b"not json\n")),
    "deep json": lambda r: send(r, frame(DATA, 0, 1, 10001, b"[" * 10000 + b"\n")),
    "wrong types": lambda r: (r.say({"type": "registered", "tunnel": "1", "url": 7, "name": [{}]}),
                              r.say({"type": 7}), close_after(r)),
    "bad version": lambda r: send(r, struct.pack(">BBHII", 7, 0, 0, 1, 0)),
    "bad type": lambda r: send(r, struct.pack(">BBHII", 0, 99, 0, 1, 0)),
    "open twice": lambda r: send(r, opening(2), opening(2)),
    "odd stream": lambda r: send(r, opening(3)),
    "stream zero": lambda r: send(r, opening(0)),
    "more than the window": lambda r: send(r, opening(2, LINE + b"POST /deaf HTTP/1.1\r\nHost: x\r\n"
                                                      b"Content-Length: 99999999\r\n\r\n"),
                                           *[frame(DATA, 0, 2, 65536, b"x" * 65536)] * 500),
    "a huge length": lambda r: (send(r, frame(DATA, SYN, 2, 0xFFFFFFFF, b"x" * 1000)),
                                close_after(r)),
    "a huge window": lambda r: (send(r, opening(2), *[frame(WINDOW, 0, 2, 0xFFFFFFFF)] * 10),
                                close_after(r)),
    "go away": lambda r: (send(r, frame(GO_AWAY, 0, 0, 1)), close_after(r)),
    "control reset": lambda r: send(r, frame(WINDOW, 8, 1, 0)),
    "control ended": lambda r: send(r, frame(WINDOW, FIN, 1, 0)),
    "many opens": lambda r: (send(r, *[opening(i) for i in range(2, 1000, 2)],
                                  *[opening(i, b"1 ") for i in range(1000, 60000, 2)]),
                             close_after(r)),
    "after the end": lambda r: (send(r, opening(2), frame(WINDOW, FIN, 2, 0),
                                     *[frame(DATA, 0, 2, 5, b"after")] * 5), close_after(r)),
    "many pings": lambda r: (send(r, *[frame(PING, SYN, 0, i) for i in range(20000)]),
                             close_after(r)),
    "false ack": lambda r: (send(r, struct.pack(">BBHIIQ", 0, 16, 0, 0, 8, 1 << 60)),
                            close_after(r)),
    "fatal words": lambda r: (r.say({"type": "error", "code": "x" * 8000, "message": "\x1b[31m",
                                     "tunnel": 77, "fatal": True}), close_after(r)),
}


@pytest.mark.parametrize("harm", HARMS)
def test_a_hostile_relay_is_left_and_tried_again(script, services, adits, harm):
    relay = script(Hostile, HARMS[harm])
    over = threading.Event()
    service = services(lambda wire, request: over.wait(2 * DEADLINE) and False
                       if request.target == "/deaf" else say_hello(wire, request))
    agent = adits(relay.port, "http", service.target)
    # A session that can be resumed is not to be: the next one begins anew.
    relay.answer = lambda head: (b"HTTP/1.1 410 Gone\r\nX-Adit-Error: session-gone\r\n"
                                 b"Content-Length: 0\r\n\r\n" if "Adit-Session" in head else None)
    wait_for(lambda: relay.sessions >= 3, "another session", 2 * DEADLINE)
    wait_for(lambda: len(relay.said("register")) >= 3, "a register in it")
    stream = relay.visit(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    wait_for(lambda: stream in relay.ended, "an answer")
    assert relay.streams[stream].endswith(b"hello")
    assert agent.process.poll() is None
    assert agent.rss_kib() < 400 * 1024
    over.set()


@pytest.mark.parametrize("answer", [
    b"", b"\0" * 70000, b"HTTP/1.1 101 Switching Protocols\r\n\r\n",
    b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: other\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nX: " + b"x" * 300_000, b"SSH-2.0-x\r\n",
    b"HTTP/1.1 503 No\r\nX-Adit-Error: overloaded\r\nRetry-After: 99999999999999999999\r\n"
    b"Content-Length: 0\r\n\r\n",
    b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 100 Continue\r\n\r\n" * 500], ids=range(9))
def test_an_answer_that_is_no_relays(script, adits, answer):
    relay = script()
    relay.answer = lambda head: answer if len(relay.requests) < 3 else None
    agent = adits(relay.port, "http", 1)
    wait_for(lambda: len(relay.requests) >= 2 or agent.find("warning"), "another try")
    assert agent.process.poll() is None


def test_random_frames_of_a_relay(script, services, adits):
    """Frames that are well-formed one by one, in no order that makes sense."""
    seed = int(os.environ.get("ADIT_TEST_SEED", "0")) or random.SystemRandom().randrange(1 << 30)
    dice = random.Random(seed)

    def harm(relay):
        parts = []
        for _ in range(300):
            kind = dice.choice([DATA, DATA, DATA, WINDOW, PING, 16])
            number = dice.choice([0, 1, 2, 4, 6, 8, 10, 3])
            flags = dice.choice([0, 0, 1, 2, 4, 8, 5, 9, 12, 15])
            body = dice.choice([b"", LINE, GET, GET + GET, b"x" * dice.randrange(3000), b"\n"])
            if kind == 16:
                parts.append(struct.pack(">BBHIIQ", 0, 16, 0, 0, 8, dice.randrange(1000)))
            elif kind == DATA:
                parts.append(frame(DATA, flags, number, len(body), body))
            else:
                parts.append(frame(kind, flags, number, dice.randrange(100000)))
        send(relay, *parts)
        close_after(relay)
    relay = script(Hostile, harm)
    agent = adits(relay.port, "http", services().target)
    relay.answer = lambda head: (b"HTTP/1.1 410 Gone\r\nX-Adit-Error: session-gone\r\n"
                                 b"Content-Length: 0\r\n\r\n" if "Adit-Session" in head else None)
    wait_for(lambda: relay.sessions >= 3, f"another session ({seed})", 2 * DEADLINE)
    assert agent.process.poll() is None
