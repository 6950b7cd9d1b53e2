"""Visitors do not notice what happens to the link between agent and relay.

aditd, adit and real local services with a link between them that is cut, gets another address, or
is reset every second, while downloads, uploads, WebSocket messages and SQL are under way. No
visitor may see an error, and every byte has to be right.
"""
import hashlib
import json
import os
import resource
import selectors
import socket
import threading
import time

import pytest

from harness import http, npm, wan as wide
from harness.relay import clean_env
from harness.traffic import BLOCK, MIB, Later, lean_env, sanitized
from harness.wait import DEADLINE, SLOW, wait_for

HOST = "demo.lt.test"
PATIENCE = 120 * SLOW  # for one transfer, whatever happens to the link
pytestmark = pytest.mark.timeout(240 * SLOW)


@pytest.fixture
def make_wan():
    """make_wan(delay=..., rate=...) -> Wan, closed and checked at the end of the test."""
    reason = wide.missing()
    if reason and not os.environ.get("ADIT_NEED_WAN"):
        pytest.skip(reason)
    made = []

    def make(**settings):
        made.append(wide.Wan(**settings))
        return made[-1]
    yield make
    for wan in made:
        wan.close()


# ---------------------------------------------------------------- what is sent

def content(seed, size):
    """A body of so many bytes in pieces; no two seeds and no two places have the same."""
    index = 0
    while size > 0:
        piece = (b"%010d%010d" % (seed, index) + BLOCK[20:])[:size]
        yield piece
        size -= len(piece)
        index += 1


def digest(seed, size):
    sha = hashlib.sha256()
    for piece in content(seed, size):
        sha.update(piece)
    return sha.hexdigest()


def read_and_hash(wire, size, progress=lambda count: None):
    """So many bytes of a body that comes as fast as it can."""
    sha = hashlib.sha256()
    while size > 0:
        data = wire.read_some(PATIENCE)
        if not data:
            raise http.Truncated(f"{size} bytes missing")
        assert len(data) <= size, "more bytes than there should be"
        sha.update(data)
        size -= len(data)
        progress(len(data))
    return sha.hexdigest()


def web_service(wire):
    """GET /SEED/SIZE sends that content; a POST is answered with the digest of its body."""
    while True:
        try:
            request = http.read_request(wire, PATIENCE, body=False)
        except http.Truncated:
            return
        if request.method == "POST":
            sha = read_and_hash(wire, int(request.get("Content-Length")))
            wire.send(b"HTTP/1.1 200 OK\r\nContent-Length: 64\r\n\r\n" + sha.encode())
            continue
        seed, size = map(int, request.target.strip("/").split("/"))
        wire.timeout = PATIENCE
        wire.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size)
        for piece in content(seed, size):
            wire.send(piece)


class Progress:
    """How many bytes all visitors of a test have moved so far."""

    def __init__(self):
        self.bytes = 0
        self._lock = threading.Lock()

    def add(self, count):
        with self._lock:
            self.bytes += count


def download(wan, seed, size, progress):
    with wan.visitor(timeout=PATIENCE) as visitor:
        visitor.send(http.build_request("GET", f"/{seed}/{size}", HOST))
        head = visitor.read_head()
        assert head.status == 200, head
        assert head.get("Content-Length") == str(size), head
        assert read_and_hash(visitor, size, progress.add) == digest(seed, size)


def upload(wan, seed, size, progress):
    with wan.visitor(timeout=PATIENCE) as visitor:
        visitor.send(http.build_request("POST", "/", HOST, [("Content-Length", str(size))]))
        for piece in content(seed, size):
            visitor.send(piece)
            progress.add(len(piece))
        answer = visitor.read_response("POST")
        assert answer.status == 200, answer
        assert answer.text() == digest(seed, size)


def ask(wan, target="/1/13"):
    with wan.visitor(timeout=PATIENCE) as visitor:
        answer = visitor.ask("GET", target, HOST)
        assert answer.status == 200, answer
        return answer.body


# ---------------------------------------------------------------- what happens to the link

class Trouble:
    """Troubles the link for a while; `times` says how often it did, done() when it is over."""

    def __init__(self, wan, kind):
        self.wan = wan
        self.times = 0
        self.later = Later(getattr(self, "_" + kind))

    def _cuts(self):
        for seconds in (1, 3, 6):
            self.wan.cut(seconds)
            self.times += 1
            time.sleep(1)

    def _moves(self):
        for _ in range(4):
            self.wan.move()
            self.times += 1
            time.sleep(1.5)

    def _resets(self):
        for _ in range(8):
            self.times += self.wan.reset() > 0
            time.sleep(1)

    def _long_cuts(self):
        for seconds in (20, 12, 5, 20):
            self.wan.cut(seconds)
            self.times += 1
            time.sleep(3)

    def done(self):
        return self.later.done()

    def result(self):
        """Waits for the end of it; fails unless the link really had trouble."""
        self.later.result(PATIENCE)
        assert self.times >= 3, f"only {self.times} times"


# What follows each kind: the session has to be carried on, not begun again.
KINDS = ("cuts", "moves", "resets")


def assert_resumed(agent, kind="moves"):
    """One session all the way. A short cut may be over before anybody gives the link up."""
    if kind != "cuts":
        agent.wait_event("link_resumed", timeout=3 * DEADLINE)
    assert agent.find("session_lost") == []
    assert len(agent.find("tunnel_up")) == 1, "a session was begun anew"


def serve_web(make_wan, **settings):
    wan = make_wan(**settings)
    relay = wan.relay()
    service = wan.serve(web_service)
    agent = wan.agent("http", f"127.0.0.1:{service.port}", "--subdomain", "demo")
    return wan, relay, service, agent


def run_all(transfers, begun, trouble_wanted):
    """Waits until the transfers move, makes trouble, and collects their results."""
    wait_for(begun, "the transfers to begin", 3 * DEADLINE)
    trouble = trouble_wanted()
    failures = []
    for transfer in transfers:
        try:
            transfer.result(PATIENCE)
        except Exception as failure:
            failures.append(f"{type(failure).__name__}: {failure}")
    trouble.result()
    assert not failures, f"{len(failures)} of {len(transfers)} visitors failed: {failures[:5]}"


@pytest.mark.covers("fault-7", "fault-8", "fault-11")
@pytest.mark.parametrize("kind", KINDS)
def test_a_hundred_downloads_go_on(make_wan, kind):
    """100 MiB at 100 Mbit/s takes longer than the first fault needs to come."""
    wan, _, _, agent = serve_web(make_wan, delay="10ms", rate="100mbit")
    progress = Progress()
    transfers = [Later(download, wan, seed, MIB, progress) for seed in range(100)]
    run_all(transfers, lambda: progress.bytes > 2 * MIB, lambda: Trouble(wan, kind))
    assert progress.bytes == 100 * MIB
    assert_resumed(agent, kind)


@pytest.mark.covers("fault-7", "fault-8", "fault-11")
@pytest.mark.parametrize("kind", KINDS)
def test_uploads_go_on(make_wan, kind):
    wan, _, service, agent = serve_web(make_wan, delay="10ms", rate="100mbit")
    progress = Progress()
    transfers = [Later(upload, wan, seed, 3 * MIB, progress) for seed in range(30)]
    run_all(transfers, lambda: progress.bytes > 12 * MIB, lambda: Trouble(wan, kind))
    assert service.failures == []
    assert_resumed(agent, kind)


@pytest.mark.covers("fault-8")
def test_a_cut_of_ten_seconds_in_the_middle(make_wan):
    wan, _, _, agent = serve_web(make_wan, delay="10ms", rate="200mbit")
    progress = Progress()
    transfers = [Later(download, wan, seed, 2 * MIB, progress) for seed in range(100)]
    wait_for(lambda: progress.bytes > 20 * MIB, "a tenth of it", 3 * DEADLINE)
    wan.cut(10)
    assert progress.bytes < 200 * MIB, "all was over before the link was cut"
    assert not any(transfer.failure for transfer in transfers)
    for transfer in transfers:
        transfer.result(PATIENCE)
    assert_resumed(agent, "cuts")


@pytest.mark.covers("fault-7", "fault-8", "fault-11")
@pytest.mark.parametrize("kind", KINDS)
def test_a_websocket_goes_on(make_wan, kind):
    if not npm.available():
        pytest.skip("node and npm are not installed")
    npm.install()
    wan = make_wan(delay="10ms")
    wan.relay()
    app = wan.keep(wide.Lines(wan.right, "node", "ws_echo.js", cwd=npm.NODE_DIR))
    port = json.loads(app.line())["port"]
    agent = wan.agent("http", f"127.0.0.1:{port}", "--subdomain", "demo")
    client = wan.keep(wide.Lines(wan.left, "node", "ws_steady.js", wide.PORT, HOST, 1500,
                                 cwd=npm.NODE_DIR))
    assert json.loads(client.line()) == {"open": True}
    Trouble(wan, kind).result()
    client.process.stdin.close()
    result = json.loads(client.line(3 * DEADLINE))
    assert result["closed"] == 1000, result
    assert result["echoed"] > 40, result
    assert_resumed(agent, kind)


@pytest.mark.covers("fault-7", "fault-8", "fault-11", "fault-46")
@pytest.mark.parametrize("kind", KINDS)
def test_psql_goes_on(make_wan, kind):
    """One session of psql against PostgreSQL, with small and large results, and a transaction."""
    wan = make_wan(delay="10ms")
    wan.relay()
    server = wan.keep(wide.Postgres(wan.right))
    agent = wan.agent("tcp", f"127.0.0.1:{server.port}")
    port = agent.find("tunnel_up")[0]["url"].rpartition(":")[2]
    psql = wan.keep(wide.Lines(
        wan.left, "psql", "-XqtA", "-v", "ON_ERROR_STOP=1",
        f"host=127.0.0.1 port={port} user=postgres dbname=postgres sslmode=disable"))
    psql.say("create table t(n int, v text); begin;")
    trouble, count = Trouble(wan, kind), 0
    expected = hashlib.sha256()
    while not trouble.done() or count < 20:
        psql.say(f"insert into t values ({count}, repeat(md5('{count}'), 500)) returning v;")
        value = psql.line(PATIENCE)
        assert value == hashlib.md5(str(count).encode()).hexdigest() * 500
        expected.update(value.encode())
        count += 1
    trouble.result()
    psql.say("commit; select count(*) from t; "
             "select encode(sha256(string_agg(v, '' order by n)::bytea), 'hex') from t;")
    assert psql.line(PATIENCE) == str(count)
    assert psql.line(PATIENCE) == expected.hexdigest()
    psql.say("\\q")
    psql.end()
    assert psql.errors == []
    assert_resumed(agent, kind)


@pytest.mark.covers("fault-8", "ask-1")
def test_requests_wait_for_the_link(make_wan):
    """What comes while there is no link is held, and answered once there is one."""
    wan, _, _, agent = serve_web(make_wan, delay="10ms")
    assert ask(wan)
    wan.ctl("cut")
    wan.reset()  # so that both ends know
    waiting = [Later(ask, wan) for _ in range(20)]
    time.sleep(1)
    assert not any(request.done() for request in waiting)
    wan.ctl("restore")
    assert {request.result(PATIENCE) for request in waiting} == {b"".join(content(1, 13))}
    assert_resumed(agent)


@pytest.mark.covers("fault-8", "ask-2")
def test_a_dead_link_is_noticed_and_its_name_is_not_in_the_way(make_wan):
    """Cut for longer than the grace period: a new session gets the same name back."""
    wan = make_wan(delay="10ms")
    wan.relay("--grace-period", "3000")
    service = wan.serve(web_service)
    agent = wan.agent("http", f"127.0.0.1:{service.port}", "--subdomain", "demo")
    assert ask(wan)
    wan.ctl("cut")
    wan.reset()
    time.sleep(5)
    wan.ctl("restore")
    again = agent.wait_event("tunnel_up", count=2, timeout=6 * DEADLINE)
    assert again["url"] == agent.find("tunnel_up")[0]["url"]
    assert ask(wan)


def news(wan, number):
    """An address comes to the agent's machine, of no use to its link."""
    wan.right.run("ip", "addr", "add", f"192.0.2.{number}/32", "dev", "lo")


def test_a_long_way_is_not_taken_for_a_dead_link(make_wan):
    """The answer to a question takes its time."""
    wan, _, _, agent = serve_web(make_wan, delay="500ms")
    assert ask(wan)
    for number in (1, 2):
        news(wan, number)
        time.sleep(1.5)
    assert ask(wan)
    assert agent.find("link_lost") == []


def test_a_full_way_is_not_taken_for_a_dead_link(make_wan):
    """The answer waits behind a download, whose bytes arrive all the time."""
    wan, _, _, agent = serve_web(make_wan, delay="20ms", rate="1mbit")
    transfer, number = Later(download, wan, 1, MIB, Progress()), 0
    while not transfer.done():
        number += 1
        news(wan, number)
        time.sleep(0.5)
    transfer.result()
    assert agent.find("link_lost") == []


# ---------------------------------------------------------------- memory

# Beside what a session may hold (tail, windows, parked bytes): allocator slack and page tables.
FLAT_KIB = 12 * 1024
TAIL_KIB = 16 * 1024  # what a session keeps for its next link, by default, on either side


def flat_env():
    return lean_env() if sanitized() else {}


class Stream:
    """A TCP service that sends as fast as it is allowed, or reads as slowly as told."""

    def __init__(self):
        self.moved = 0

    def send(self, wire):
        wire.timeout = PATIENCE
        try:
            while True:
                wire.send(BLOCK)
                self.moved += len(BLOCK)
        except OSError:
            pass

    def hold(self, wire):
        """Reads nothing until the visitor is gone."""
        wire.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        threading.Event().wait(12)


def highest(programs, seconds):
    """The most memory each had during so many seconds."""
    most, end = [0] * len(programs), time.monotonic() + seconds
    while time.monotonic() < end:
        most = [max(old, program.rss_kib()) for old, program in zip(most, programs)]
        time.sleep(0.1)
    return most


@pytest.mark.covers("fault-19")
def test_a_slow_reader_stops_a_fast_sender(make_wan):
    wan = make_wan(delay="5ms")
    relay = wan.relay(env=flat_env())
    stream = Stream()
    service = wan.serve(stream.send)
    agent = wan.agent("tcp", f"127.0.0.1:{service.port}", env=flat_env())
    port = int(agent.find("tunnel_up")[0]["url"].rpartition(":")[2])
    before = [relay.rss_kib(), agent.rss_kib()]
    visitor = wan.left.socket()
    visitor.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
    visitor.connect(("127.0.0.1", port))
    try:
        assert visitor.recv(10)
        most = highest([relay, agent], 4)
        stopped = stream.moved
        assert highest([relay, agent], 1) and stream.moved == stopped, "the sender was not stopped"
        assert stopped < 24 * MIB, f"{stopped} bytes are somewhere between"
        for name, was, now in zip(("aditd", "adit"), before, most):
            assert now - was < FLAT_KIB, f"{name} grew from {was} to {now} KiB"
        wanted = stopped + 8 * MIB  # and it goes on when it is read
        visitor.settimeout(DEADLINE)
        while wanted > 0:
            wanted -= len(visitor.recv(1 << 18))
    finally:
        visitor.close()


@pytest.mark.covers("fault-19")
def test_a_service_that_does_not_read_stops_its_visitor(make_wan):
    wan = make_wan(delay="5ms")
    relay = wan.relay(env=flat_env())
    service = wan.serve(Stream().hold)
    agent = wan.agent("tcp", f"127.0.0.1:{service.port}", env=flat_env())
    port = int(agent.find("tunnel_up")[0]["url"].rpartition(":")[2])
    before = [relay.rss_kib(), agent.rss_kib()]
    visitor = wan.left.connect(port)
    sent = 0
    visitor.settimeout(1.5)
    try:
        while sent < 256 * MIB:
            sent += visitor.send(BLOCK)
    except TimeoutError:
        pass
    finally:
        most = highest([relay, agent], 0.5)
        visitor.close()
    assert sent < 24 * MIB, f"{sent} bytes are somewhere between"
    for name, was, now in zip(("aditd", "adit"), before, most):
        assert now - was < FLAT_KIB, f"{name} grew from {was} to {now} KiB"


@pytest.mark.covers("fault-8", "fault-19")
def test_senders_do_not_fill_the_memory_while_the_link_is_gone(make_wan):
    wan = make_wan(delay="5ms")
    relay = wan.relay(env=flat_env())
    stream = Stream()
    service = wan.serve(stream.send)
    agent = wan.agent("tcp", f"127.0.0.1:{service.port}", env=flat_env())
    port = int(agent.find("tunnel_up")[0]["url"].rpartition(":")[2])
    visitors = [wan.left.connect(port) for _ in range(20)]
    over = threading.Event()
    threads = [Later(drain, visitor, over) for visitor in visitors]
    before = highest([relay, agent], 1)
    wan.ctl("cut")
    wan.reset()  # the relay knows at once, the agent when packets pass again
    most = highest([relay, agent], 5)
    wan.ctl("restore")
    agent.wait_event("link_resumed", timeout=3 * DEADLINE)
    moved = stream.moved
    wait_for(lambda: stream.moved > moved + 8 * MIB, "bytes to flow again", 3 * DEADLINE)
    over.set()
    for visitor in visitors:
        visitor.shutdown(socket.SHUT_RDWR)
    for thread in threads:
        thread.result()
    for name, was, now in zip(("aditd", "adit"), before, most):
        assert now - was < TAIL_KIB + FLAT_KIB, f"{name} grew from {was} to {now} KiB"


def drain(sock, over):
    """Reads to the end, which may be a reset once the test has shut the socket down."""
    sock.settimeout(PATIENCE)
    try:
        while sock.recv(1 << 18):
            pass
    except ConnectionResetError:
        assert over.is_set()
    sock.close()


@pytest.mark.covers("fault-19")
def test_small_requests_pass_a_stalled_download(make_wan):
    """A visitor that stops reading in the middle of a large answer is in nobody's way."""
    wan, _, _, _ = serve_web(make_wan, delay="5ms")
    stalled = [wan.visitor() for _ in range(8)]
    for visitor in stalled:
        visitor.send(http.build_request("GET", f"/7/{64 * MIB}", HOST))
        assert visitor.read_head().status == 200
    slowest = 0.0
    for _ in range(50):
        begun = time.monotonic()
        assert ask(wan)
        slowest = max(slowest, time.monotonic() - begun)
    for visitor in stalled:
        visitor.close()
    assert slowest < 1.0 * SLOW, f"a small request took {slowest:.2f} s"


# ---------------------------------------------------------------- very many streams

class Crowd:
    """Very many connections that each send a line of their own and want it back."""

    def __init__(self, wan, port, count):
        self.selector = selectors.DefaultSelector()
        self.socks = []
        for number in range(count):
            sock = wan.left.socket()
            sock.setblocking(False)
            sock.connect_ex(("127.0.0.1", port))
            self.socks.append(sock)
            if number % 200 == 199:  # a backlog is finite
                self._connected(self.socks[-200:])
        self._connected(self.socks)

    @staticmethod
    def _connected(socks):
        for sock in socks:
            sock.settimeout(3 * DEADLINE)
            wait_for(lambda sock=sock: _is_connected(sock), "a connection", 3 * DEADLINE, 0.001)
            sock.setblocking(False)

    def say(self, word):
        """Each sends its line; returns once all have the right answer."""
        missing = {}
        for number, sock in enumerate(self.socks):
            line = b"%s %06d\n" % (word, number)
            sock.send(line)
            missing[sock] = line
            self.selector.register(sock, selectors.EVENT_READ)
        end = time.monotonic() + PATIENCE
        while missing:
            assert time.monotonic() < end, f"{len(missing)} have no answer"
            for key, _ in self.selector.select(1):
                sock = key.fileobj
                data = sock.recv(4096)
                assert data and missing[sock].startswith(data), (data, missing[sock])
                missing[sock] = missing[sock][len(data):]
                if not missing[sock]:
                    del missing[sock]
                    self.selector.unregister(sock)

    def close(self):
        for sock in self.socks:
            sock.close()
        self.selector.close()


def _is_connected(sock):
    try:
        sock.getpeername()
        return True
    except OSError:
        error = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        assert error == 0, os.strerror(error)
        return False


@pytest.mark.covers("fault-7", "fault-21")
def test_ten_thousand_streams_on_one_session(make_wan):
    """All open at once; they outlive the link that they began on."""
    count = 10_000
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    assert hard > count + 1000, f"only {hard} descriptors for each process here"
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    wan = make_wan(delay="5ms")
    relay = wan.relay("--workers", "1", "--access-log", "off")
    echo = wan.keep(wide.Lines(wan.right, "/usr/bin/python3", str(
        wide.ROOT / "test" / "system" / "harness" / "echo_server.py"), env=clean_env()))
    agent = wan.agent("tcp", f"127.0.0.1:{echo.line()}")
    port = int(agent.find("tunnel_up")[0]["url"].rpartition(":")[2])
    idle = relay.fds()
    crowd = Crowd(wan, port, count)
    try:
        crowd.say(b"first")
        assert relay.fds() >= idle + count
        wan.move()
        crowd.say(b"second")
        assert_resumed(agent)
    finally:
        crowd.close()
    wait_for(lambda: relay.fds() <= idle + 4, "the streams to end", 3 * DEADLINE)


# ---------------------------------------------------------------- for hours, when asked for

@pytest.mark.soak
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("kind", (*KINDS, "long_cuts"))
def test_soak(make_wan, kind):
    """Downloads and uploads without end through ten minutes of trouble on a lossy link."""
    wan, relay, service, agent = serve_web(make_wan, delay="20ms", jitter="5ms", loss="0.5%",
                                           rate="200mbit")
    progress = Progress()
    end = time.monotonic() + float(os.environ.get("ADIT_SOAK_SECONDS", "600"))
    memory = []

    def visit(number):
        seed = number * 1_000_000
        while time.monotonic() < end:
            (download if seed % 2 else upload)(wan, seed, 4 * MIB, progress)
            seed += 1

    visitors = [Later(visit, number) for number in range(50)]
    while time.monotonic() < end:
        Trouble(wan, kind).result()
        memory.append((relay.rss_kib(), agent.rss_kib()))
    for visitor in visitors:
        visitor.result(PATIENCE)
    assert service.failures == []
    half = len(memory) // 2
    for before, after in zip(map(max, zip(*memory[:half])), map(max, zip(*memory[half:]))):
        assert after <= before * 1.2 + 4096, memory
