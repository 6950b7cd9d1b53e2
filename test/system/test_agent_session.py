"""The agent's program against a relay by script: the first flight, links that die, refusals."""
import http.server
import json
import os
import signal
import subprocess
import threading
import time

import pytest

from harness.relay import ROOT, SANITIZER, clean_env
from harness.script_relay import ScriptRelay
from harness.wait import DEADLINE, wait_for

BODY = os.urandom(1 << 20) * 8
GONE = b"HTTP/1.1 410 Gone\r\nX-Adit-Error: session-gone\r\nContent-Length: 0\r\n\r\n"


class Local(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", str(len(BODY)))
        self.end_headers()
        self.wfile.write(BODY)

    def log_message(self, *_):
        pass


class Adit:
    """One adit process; its JSON lines land in `events`."""

    def __init__(self, directory, relay, *flags, env=None):
        binary = os.environ.get("ADIT") or str(ROOT / "build" / "asan" / "adit")
        self.events, self.stderr = [], []
        self.started = time.monotonic()
        self.process = subprocess.Popen(
            [binary, "http", *flags, "--json", "--relay", f"http://127.0.0.1:{relay.port}"],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            env=clean_env({"HOME": directory, **(env or {})}))
        threading.Thread(target=self.read_events, daemon=True).start()
        threading.Thread(target=self.read_stderr, daemon=True).start()

    def read_events(self):
        for line in self.process.stdout:
            self.events.append(json.loads(line))

    def read_stderr(self):
        self.stderr.extend(self.process.stderr)

    def seen(self, event):
        return [each for each in self.events if each["event"] == event]

    def wait(self, event, count=1):
        return wait_for(lambda: self.seen(event) if len(self.seen(event)) >= count else None,
                        f"{count} times {event}, not only {self.events} {self.stderr}")[count - 1]

    def end(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(DEADLINE)
        assert not SANITIZER.search("".join(self.stderr)), "".join(self.stderr)
        return code


@pytest.fixture
def relay():
    relay = ScriptRelay()
    yield relay
    relay.close()


@pytest.fixture
def service():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Local)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


@pytest.fixture
def adit(tmp_path, relay):
    """adit(*flags) -> Adit; whatever still runs is ended, and must end well."""
    running = []

    def begin(*flags, **how):
        running.append(Adit(str(tmp_path), relay, *flags, **how))
        return running[-1]

    yield begin
    for each in running:
        each.end()


def test_the_first_flight_has_hello_and_register(adit, relay):
    relay.welcomes = False
    agent = adit("3999", "--subdomain", "demo")
    relay.wait_said("register")
    assert [line["type"] for line in relay.lines] == ["hello", "register"]
    assert not agent.seen("link_up")
    relay.welcome()
    agent.wait("link_up")
    assert agent.wait("tunnel_up")["url"] == "https://demo.example.com"


def test_a_visitor_is_served(adit, relay, service):
    adit(service).wait("tunnel_up")
    stream = relay.visit(b"GET / HTTP/1.1\r\nHost: mole.example.com\r\n\r\n")
    wait_for(lambda: stream in relay.ended, "the end of the answer")
    head, body = bytes(relay.streams[stream]).split(b"\r\n\r\n", 1)
    assert head.startswith(b"HTTP/1.1 200 ")
    assert body == BODY


def test_a_download_goes_on_over_links_that_die(adit, relay, service):
    agent = adit(service)
    agent.wait("tunnel_up")
    stream = relay.visit(b"GET / HTTP/1.1\r\nHost: mole.example.com\r\n\r\n")
    for cuts in range(1, 6):
        wait_for(lambda: len(relay.streams.get(stream, b"")) > cuts << 18, "more of the answer")
        relay.cut()
        agent.wait("link_resumed", cuts)
    wait_for(lambda: stream in relay.ended, "the end of the answer")
    assert bytes(relay.streams[stream]).split(b"\r\n\r\n", 1)[1] == BODY
    assert relay.sessions == 1
    assert not agent.seen("session_lost")


def test_a_forgotten_session_is_followed_by_a_new_one(adit, relay):
    agent = adit("3999")
    agent.wait("tunnel_up")
    relay.answer = lambda head: GONE if "Adit-Session" in head else None
    relay.cut()
    agent.wait("session_lost")
    assert agent.wait("tunnel_up", 2)["url"] == "https://mole.example.com"
    assert relay.said("register")[1]["subdomain"] == "mole"


def test_a_relay_without_proof_is_refused_and_tried_again(adit, relay):
    agent = adit("3999")
    agent.wait("tunnel_up")
    relay.prove = False
    relay.cut()
    assert agent.wait("warning")["code"] == "relay-refused"
    relay.prove = True
    agent.wait("link_resumed")
    assert not agent.seen("session_lost")


def test_a_relay_that_never_proves_itself_is_told_of_a_new_session(adit, relay):
    """Something on the way may leave out the fields of an answer that it does not know."""
    relay.greeting = {"grace": 0, "heartbeat": 1}
    agent = adit("3999")
    agent.wait("tunnel_up")
    relay.prove = False
    relay.cut()
    agent.wait("session_lost")
    assert agent.wait("tunnel_up", 2)["url"] == "https://mole.example.com"


@pytest.mark.parametrize("status, code", [(401, "not-authenticated"),
                                          (426, "version-not-supported")])
def test_what_never_works_ends_it(adit, relay, status, code):
    relay.answer = lambda head: (f"HTTP/1.1 {status} No\r\nX-Adit-Error: {code}\r\n"
                                 "Content-Length: 0\r\n\r\n").encode()
    agent = adit("3999")
    assert agent.wait("error")["code"] == code
    assert agent.process.wait(DEADLINE) == 3
    assert len(relay.requests) == 1


def test_who_was_let_in_before_tries_again(adit, relay):
    """Behind a sleep the clock may be wrong, and with it the signature, until somebody sets it."""
    denied = (b"HTTP/1.1 401 No\r\nX-Adit-Error: not-authenticated\r\n"
              b"Content-Length: 0\r\n\r\n")
    agent = adit("3999", env={"ADIT_HMAC_SECRET": "s" * 32})
    agent.wait("tunnel_up")
    relay.answer = lambda head: denied if len(relay.requests) < 4 else None
    relay.cut()
    agent.wait("link_resumed")
    assert agent.wait("warning")["code"] == "not-authenticated"


def test_a_name_that_is_refused_for_ever_ends_it(adit, relay):
    relay.error = "name-in-use"
    agent = adit("3999", "--subdomain", "demo")
    assert agent.wait("error")["code"] == "name-in-use"
    assert agent.process.wait(DEADLINE) == 3


def test_it_tries_again_while_something_else_answers(adit, relay):
    relay.answer = lambda head: (None if len(relay.requests) > 2 else
                                 b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n")
    agent = adit("3999")
    agent.wait("tunnel_up")
    assert agent.wait("warning")["code"] == "relay-protocol"
    assert ["websocket" in head for head in relay.requests[:3]] == [False, True, False]


def test_stopping_says_good_bye(adit, relay):
    agent = adit("3999")
    agent.wait("tunnel_up")
    assert agent.end() == 0
    assert len(relay.said("unregister")) == 1
    assert relay.said_good_bye
