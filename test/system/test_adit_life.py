"""What ends, stalls, comes back and takes over: agents and relays that are killed, stopped, told to
stop or frozen, while visitors are there."""
import random
import resource
import signal
import threading
import time

import pytest

from harness import http
from harness.between import Connect, Socketed, Stripped
from harness.relay import free_ports
from harness.service import PATIENCE, Service, answer, say_hello, send_body
from harness.traffic import (MIB, Later, a_name, blocks, chunk, digest_of, read_chunk,
                             read_digest, send_blocks)
from harness.wait import DEADLINE, SLOW, wait_for

pytestmark = pytest.mark.timeout(90 * SLOW)
HMAC_SECRET = "0123456789abcdef0123456789abcdef-secret"


def host_of(agent, count=1):
    return agent.wait_event("tunnel_up", count)["url"].partition("//")[2].partition(":")[0]


# ---------------------------------------------------------------- killed

BIG = 64 * MIB  # more than all buffers on the way


def big(wire, request):
    """BIG, framed as the target says; until the end of the connection for anything else."""
    kind = request.target[1:]
    if kind in ("length", "chunked"):
        send_body(wire, BIG, kind == "chunked")
        return True
    wire.send(b"HTTP/1.0 200 OK\r\n\r\n")
    for piece in blocks(BIG):
        wire.send(piece)
    return False


@pytest.mark.parametrize("kind, version", [
    ("length", "1.1"), ("chunked", "1.1"), ("close", "1.1"), ("close", "1.0")])
def test_a_killed_agent_never_leaves_a_whole_looking_answer(start, services, adits, kind, version):
    relay = start("--grace-period", "100")
    service = services(big)
    dice = random.Random(kind + version)

    def once():
        agent = adits(relay, "http", service.port, "--subdomain", a_name("k"), "--quiet")
        host = host_of(agent)
        with http.Visitor(relay.port, timeout=PATIENCE) as visitor:
            visitor.send(http.build_request("GET", f"/{kind}", host, version=version))
            head = visitor.read_head()
            wanted = dice.randrange(4 * MIB)
            got = 0
            while got < wanted:
                got += len(visitor.read_some())
            agent.process.kill()
            try:
                rest = visitor.read_to_end(PATIENCE)
            except ConnectionError:
                return None
            if kind == "close" and version == "1.0":  # only a reset shows that this is not all
                return f"a clean end behind {got + len(rest)} bytes"
            if head.get("Content-Length"):
                return None if got + len(rest) < BIG else "all of it"
            return "the last chunk" if rest.endswith(b"0\r\n\r\n") else None
    looked_whole = []

    def many():
        for _ in range(10):
            looked_whole.append(once())
    for later in [Later(many) for _ in range(5)]:
        later.result(80 * SLOW)
    assert looked_whole == [None] * 50


def test_a_killed_agent_is_replaced_by_another_with_its_token(relay, services, adits):
    """Its parked session does not keep the name, and what hung on it ends at once."""
    service = services(lambda wire, request: wire.read_exactly(1000, PATIENCE)
                       if request.target == "/hang" else say_hello(wire, request))
    token = {"ADIT_CLIENT_TOKEN": "same-machine"}
    first = adits(relay, "http", service.port, "--subdomain", "kept", env=token)
    host = host_of(first)
    with http.Visitor(relay.port) as visitor:
        visitor.send(http.build_request("POST", "/hang", host, body=b"once"))
        service.wait_requests()
        first.process.kill()
        second = adits(relay, "http", service.port, "--subdomain", "kept", env=token)
        assert host_of(second) == host
        assert http.fetch(relay.port, host=host).body == b"hello"
        response = visitor.read_response()
        assert (response.status, response.get("X-Adit-Error")) == (503, "agent-lost")
    assert [request.method for request in service.requests] == ["POST", "GET"]


@pytest.mark.covers("fault-5")
def test_a_relay_killed_under_load_comes_back(start, services, adits):
    place = free_ports()
    flags = ["--port", place, "--address", "127.0.0.1"]
    relay = start(*flags, listen=False)
    service = services()
    agents = [adits(relay, "http", service.port) for _ in range(5)]  # names that the relay chose
    hosts = [host_of(agent) for agent in agents]
    over = threading.Event()
    seen = []

    def load(host):
        while not over.is_set():
            try:
                seen.append(http.fetch(place, host=host).status)
            except (OSError, AssertionError):
                over.wait(0.02)
    loads = [Later(load, host) for host in hosts]
    wait_for(lambda: len(seen) > 200, "load")
    relay.kill()
    again = start(*flags, listen=False)
    began = time.monotonic()
    again.wait_log("session up", count=5)
    for host in hosts:
        wait_for(lambda: http.fetch(place, host=host).body == b"hello", "the tunnel", 3 * SLOW)
    assert time.monotonic() - began < 3 * SLOW
    over.set()
    for later in loads:
        later.result()
    for agent, host in zip(agents, hosts):
        names = {event["url"].partition("//")[2].partition(":")[0]
                 for event in agent.find("tunnel_up")}
        assert names == {host}


@pytest.mark.covers("fault-5", "threat-20")
def test_agents_wait_at_most_two_seconds_for_a_relay_that_listens_again(start, services, adits):
    """Not all of them at once, and each comes once."""
    place, count, tries = free_ports(), 12, 7
    flags = ["--port", place, "--address", "127.0.0.1"]
    relay = start(*flags, listen=False)
    service = services()
    agents = [adits(relay, "http", service.port) for _ in range(count)]
    hosts = [host_of(agent) for agent in agents]
    relay.kill()

    def waits_of(agent):
        return [event["retry_ms"] for event in agent.find("connecting") if "retry_ms" in event]
    wait_for(lambda: all(len(waits_of(agent)) >= tries for agent in agents), "attempts of all of them",
             4 * DEADLINE)
    waits = [waits_of(agent)[:tries] for agent in agents]
    assert max(wait for one in waits for wait in one) <= 2000, waits
    # Not the second ones only: when an address of the machine changes, all begin anew, at once.
    assert any(max(nth) - min(nth) > 200 for nth in list(zip(*waits))[1:]), "they would come together"
    again = start(*flags, listen=False)
    again.wait_log("tunnel registered", count=count, timeout=2 * DEADLINE)
    for host in hosts:
        assert http.fetch(place, host=host).body == b"hello"
    assert len(again.find_logs("session up")) == count
    for agent, host in zip(agents, hosts):
        assert [event["url"] for event in agent.find("tunnel_up")] == [f"http://{host}:{place}"] * 2


# ---------------------------------------------------------------- told to stop

@pytest.fixture
def slow():
    """A service whose answers wait for `go`."""
    go = threading.Event()

    def handle(wire, request):
        if request.target != "/":
            say_hello(wire, request)
            return
        wire.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk(b"begun"))
        assert go.wait(PATIENCE)
        wire.send(chunk(b"done") + b"0\r\n\r\n")
    service = Service(handle)
    service.go = go
    yield service
    go.set()  # nobody waits for it any more, and nobody shall fail for that after the test
    service.close()


@pytest.mark.parametrize("who", ["relay", "agent"])
def test_sigterm_lets_answers_finish(relay, adits, slow, who):
    agent = adits(relay, "http", slow.port, "--subdomain", "slow")
    host = host_of(agent)
    with http.Visitor(relay.port) as visitor:
        visitor.send(http.build_request("GET", "/", host))
        visitor.read_head()
        assert read_chunk(visitor) == b"begun"
        (relay if who == "relay" else agent).process.send_signal(signal.SIGTERM)
        if who == "relay":
            agent.wait_event("notice", code="draining")
        else:
            wait_for(lambda: http.fetch(relay.port, target="/ask", host=host).status == 404,
                     "the name to be free")
        slow.go.set()
        assert read_chunk(visitor) == b"done"
        assert read_chunk(visitor) == b""
    if who == "relay":
        assert relay.wait_exit(2 * DEADLINE) == 0
        agent.wait_event("link_lost")
    assert who == "relay" or agent.wait_exit() == 0


def test_a_second_sigterm_does_not_wait(relay, adits, slow):
    agent = adits(relay, "http", slow.port, "--subdomain", "slow")
    host = host_of(agent)
    with http.Visitor(relay.port) as visitor:
        visitor.send(http.build_request("GET", "/", host))
        visitor.read_head()
        agent.process.send_signal(signal.SIGTERM)
        wait_for(lambda: http.fetch(relay.port, target="/ask", host=host).status == 404,
                 "the name to be free")
        agent.process.send_signal(signal.SIGTERM)
        assert agent.wait_exit(4) == 0
        with pytest.raises((http.BadMessage, ConnectionError)):
            while read_chunk(visitor):
                pass


def test_sigterm_under_load_loses_no_request(relay, services, adits):
    """Each visitor is answered, or told that the tunnel is gone; none is cut."""
    service = services()
    agent = adits(relay, "http", service.port, "--subdomain", "busy", "--quiet")
    host = host_of(agent)
    statuses, failures, over = [], [], threading.Event()

    def load():
        while not over.is_set():
            try:
                statuses.append(http.fetch(relay.port, "POST", "/", host, body=b"x").status)
            except (OSError, AssertionError) as failure:
                failures.append(failure)
    loads = [Later(load) for _ in range(8)]
    wait_for(lambda: len(statuses) > 300, "load")
    agent.process.send_signal(signal.SIGTERM)
    assert agent.wait_exit() == 0
    wait_for(lambda: statuses[-1] == 404, "the end of the tunnel")
    over.set()
    for later in loads:
        later.result()
    assert not failures and set(statuses) == {200, 404}, (failures[:3], set(statuses))


# ---------------------------------------------------------------- frozen

def test_a_frozen_agent_harms_nobody_else(start, services, adits):
    relay = start("--heartbeat", "400", "--hold-timeout", "1000", "--grace-period", "1000")
    service = services()
    frozen = adits(relay, "http", service.port, "--subdomain", "frozen")
    other = adits(relay, "http", service.port, "--subdomain", "other")
    dead, alive = host_of(frozen), host_of(other)
    frozen.process.send_signal(signal.SIGSTOP)
    waiting = [Later(http.fetch, relay.port, host=dead, timeout=PATIENCE) for _ in range(20)]
    slowest = 0.0
    for _ in range(200):
        began = time.monotonic()
        assert http.fetch(relay.port, host=alive).body == b"hello"
        slowest = max(slowest, time.monotonic() - began)
    assert slowest < 0.5 * SLOW
    for later in waiting:
        assert later.result().status in (502, 503, 504)
    relay.wait_log("session ended")
    frozen.process.send_signal(signal.SIGCONT)
    frozen.wait_event("tunnel_up")
    wait_for(lambda: http.fetch(relay.port, host=dead).body == b"hello", "the tunnel again")


# ---------------------------------------------------------------- the same name

def test_the_same_token_takes_over(relay, services, adits):
    one, two = services(lambda w, r: answer(w, b"one")), services(lambda w, r: answer(w, b"two"))
    token = {"ADIT_CLIENT_TOKEN": "same"}
    first = adits(relay, "http", one.port, "--subdomain", "mine", env=token)
    host = host_of(first)
    assert http.fetch(relay.port, host=host).body == b"one"
    second = adits(relay, "http", two.port, "--subdomain", "mine", env=token)
    assert host_of(second) == host
    assert first.wait_exit() == 3
    assert first.find("error")[-1]["code"] == "superseded"
    assert http.fetch(relay.port, host=host).body == b"two"


def test_visitors_of_the_superseded_finish(relay, adits, slow):
    token = {"ADIT_CLIENT_TOKEN": "same"}
    first = adits(relay, "http", slow.port, "--subdomain", "mine", env=token)
    host = host_of(first)
    with http.Visitor(relay.port) as visitor:
        visitor.send(http.build_request("GET", "/", host))
        visitor.read_head()
        host_of(adits(relay, "http", slow.port, "--subdomain", "mine", env=token))
        slow.go.set()
        assert read_chunk(visitor) == b"begun"
        assert read_chunk(visitor) == b"done"
        assert read_chunk(visitor) == b""
    assert first.wait_exit() == 3


@pytest.mark.parametrize("strict", [False, True])
def test_another_token_does_not_get_the_name(start, services, adits, strict):
    relay = start(*(["--ip-validation-strict"] if strict else []))
    one, two = services(lambda w, r: answer(w, b"one")), services(lambda w, r: answer(w, b"two"))
    first = adits(relay, "http", one.port, "--subdomain", "mine",
                  env={"ADIT_CLIENT_TOKEN": "alice"})
    host = host_of(first)
    second = adits(relay, "http", two.port, "--subdomain", "mine",
                   env={"ADIT_CLIENT_TOKEN": "mallory"})
    wait_for(lambda: second.find("error") or second.find("tunnel_up"), "what becomes of it")
    if second.find("error"):
        assert second.find("error")[-1]["code"] == "name-in-use"
        assert second.wait_exit() == 3
    else:
        assert not strict and host_of(second) != host
    assert http.fetch(relay.port, host=host).body == b"one"
    assert not first.find("tunnel_down")


# ---------------------------------------------------------------- ways to the relay

def test_the_relays_hmac_secret(start, services, adits, tmp_path):
    relay = start(env={"LT_HMAC_SECRET": HMAC_SECRET})
    service = services()
    good = adits(relay, "http", service.port, "--subdomain", "signed",
                 env={"ADIT_HMAC_SECRET": HMAC_SECRET})
    assert http.fetch(relay.port, host=host_of(good)).body == b"hello"
    (tmp_path / "secret").write_text(HMAC_SECRET + "\n")
    filed = adits(relay, "http", service.port, "--hmac-secret-file", tmp_path / "secret")
    assert http.fetch(relay.port, host=host_of(filed)).body == b"hello"
    for env in ({}, {"ADIT_HMAC_SECRET": HMAC_SECRET + "x"}):
        bad = adits(relay, "http", service.port, env=env)
        assert bad.wait_exit() == 3
        assert bad.find("error")[-1]["code"] == "not-authenticated"


@pytest.fixture
def between():
    made = []

    def begin(kind, *args, **how):
        made.append(kind(*args, **how))
        return made[-1]
    yield begin
    for one in made:
        one.close()


def big_or_hello(wire, request):
    if request.target.startswith("/bytes/"):
        send_body(wire, int(request.target[7:]))
    else:
        sha, size = read_digest(wire, request) if request.method == "POST" else ("", 0)
        answer(wire, f"{sha} {size}".encode())


@pytest.mark.parametrize("kind", [Socketed, Stripped])
def test_a_proxy_that_lets_only_websocket_pass(relay, services, adits, between, kind):
    proxy = between(kind, relay.port)
    service = services(big_or_hello)
    agent = adits(proxy.port, "http", service.port, "--subdomain", "socketed")
    host = host_of(agent)
    with http.Visitor(relay.port, timeout=PATIENCE) as visitor:
        visitor.send(http.build_request("GET", f"/bytes/{10 * MIB}", host))
        assert read_digest(visitor, visitor.read_head()) == (digest_of(10 * MIB), 10 * MIB)
        visitor.send(http.build_request("POST", "/", host, [("Content-Length", str(MIB))]))
        send_blocks(visitor, MIB)
        assert visitor.read_response().text() == f"{digest_of(MIB)} {MIB}"
    assert len(proxy.refused) == 1, proxy.refused  # the plain upgrade that was tried first


@pytest.mark.parametrize("password", [None, "user:pass"])
def test_a_proxy_that_knows_connect(relay, services, adits, between, password):
    proxy = between(Connect, {f"lt.test:{relay.port}": relay.port}, password)
    who = f"{password}@" if password else ""
    agent = adits(f"http://lt.test:{relay.port}", "http", services().port,
                  "--subdomain", "through",
                  env={"http_proxy": f"http://{who}127.0.0.1:{proxy.port}"})
    assert http.fetch(relay.port, host=host_of(agent)).body == b"hello"
    assert proxy.connects == [f"lt.test:{relay.port}"] and not proxy.refused
    assert "pass" not in agent.text()


def test_a_proxy_that_refuses_is_named(relay, services, adits, between):
    proxy = between(Connect, {})
    agent = adits(f"http://lt.test:{relay.port}", "http", services().port,
                  env={"http_proxy": f"http://127.0.0.1:{proxy.port}"})
    warning = agent.wait_event("warning", code="relay-proxy")
    assert "403" in warning["message"]


def test_three_connections_share_the_work(start, services, adits):
    relay = start("--workers", "2")
    service = services(big_or_hello)
    agent = adits(relay, "http", service.port, "--subdomain", "three", "--connections", "3")
    host = host_of(agent)
    relay.wait_log("tunnel registered", count=3)
    asked = [Later(http.fetch, relay.port, "GET", "/bytes/100000", host, timeout=PATIENCE)
             for _ in range(100)]
    assert all(len(later.result().body) == 100000 for later in asked)
    assert len(relay.find_logs("session up")) == 3
    agent.process.send_signal(signal.SIGTERM)
    assert agent.wait_exit() == 0
    assert http.fetch(relay.port, host=host).status == 404


# ---------------------------------------------------------------- many

def write_tunnels(agent_dir, relay, tunnels):
    text = "".join(f"  {label}: {spec}\n" for label, spec in tunnels.items())
    (agent_dir / "new").write_text(f"relay: http://127.0.0.1:{relay.port}\ntunnels:\n{text}")
    (agent_dir / "new").rename(agent_dir / "tunnels.yaml")


def test_300_tunnels_and_a_hot_reload(relay, services, adits, tmp_path):
    service = services(lambda wire, request: answer(wire, request.get("Host").encode()))
    tunnels = {f"t{i}": f"{{http: {service.port}, subdomain: many{i:03}}}" for i in range(300)}
    write_tunnels(tmp_path, relay, tunnels)
    agent = adits(relay, "start", "--file", tmp_path / "tunnels.yaml")
    agent.wait_event("tunnel_up", 300)
    for i in range(300):
        host = f"many{i:03}.lt.test"
        assert http.fetch(relay.port, host=host).text() == host
    with http.Visitor(relay.port) as visitor:  # a visitor of one that stays
        assert visitor.ask(host="many299.lt.test").status == 200
        for i in range(100):
            del tunnels[f"t{i}"]
            tunnels[f"n{i}"] = f"{{http: {service.port}, subdomain: more{i:03}}}"
        write_tunnels(tmp_path, relay, tunnels)
        agent.wait_event("tunnel_up", 400)
        assert visitor.ask(host="many299.lt.test").status == 200
    for i in range(100):
        wait_for(lambda: http.fetch(relay.port, host=f"many{i:03}.lt.test").status == 404, "end")
        assert http.fetch(relay.port, host=f"more{i:03}.lt.test").status == 200
    assert not agent.find("link_lost") and not agent.find("error")


def test_a_reload_moves_a_tunnel_to_another_service(relay, services, adits, tmp_path):
    one, two = services(lambda w, r: answer(w, b"one")), services(lambda w, r: answer(w, b"two"))
    write_tunnels(tmp_path, relay, {"web": f"{{http: {one.port}, subdomain: moved}}"})
    agent = adits(relay, "start", "--file", tmp_path / "tunnels.yaml")
    host = host_of(agent)
    assert http.fetch(relay.port, host=host).body == b"one"
    write_tunnels(tmp_path, relay, {"web": f"{{http: {two.port}, subdomain: moved}}"})
    wait_for(lambda: http.fetch(relay.port, host=host).body == b"two", "the other service")
    (tmp_path / "tunnels.yaml").write_text("tunnels: [")
    agent.wait_event("warning", code="tunnels-file")
    assert http.fetch(relay.port, host=host).body == b"two"
    assert len(agent.find("tunnel_up")) == 1


def test_2000_idle_streams(start, services, adits):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, 16384)), hard))
    relay = start()

    def hold(wire, request):
        if request.target == "/hold":
            wire.send(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n"
                      b"Upgrade: raw\r\n\r\n")
            data = wire.read_exactly(4, 10 * PATIENCE)
            wire.send(data)
            return False
        return say_hello(wire, request)
    threading.stack_size(256 * 1024)
    service = services(hold)
    agent = adits(relay, "http", service.port, "--subdomain", "idle", "--quiet")
    host = host_of(agent)
    visitors = []
    for first in range(0, 2000, 100):
        some = [http.Visitor(relay.port, timeout=PATIENCE) for _ in range(100)]
        for visitor in some:
            visitor.send(http.build_request("GET", "/hold", host, [
                ("Connection", "Upgrade"), ("Upgrade", "raw")]))
        for visitor in some:
            assert visitor.read_head().status == 101
        visitors += some
    began = time.monotonic()
    assert http.fetch(relay.port, host=host).body == b"hello"
    assert time.monotonic() - began < 1 * SLOW
    for number, visitor in enumerate(visitors):
        visitor.send(b"%04d" % number)
    for number, visitor in enumerate(visitors):
        assert visitor.read_exactly(4) == b"%04d" % number
        visitor.close()
    threading.stack_size(0)


# ---------------------------------------------------------------- no relay

def test_an_agent_that_finds_no_relay_yet(start, services, adits):
    place = free_ports()
    agent = adits(place, "http", services().port, "--subdomain", "early")
    agent.wait_event("warning", code="relay-refused")
    start("--port", place, "--address", "127.0.0.1", listen=False)
    assert http.fetch(place, host=host_of(agent)).body == b"hello"


@pytest.mark.parametrize("busy", [False, True])
def test_sigterm_while_the_relay_is_away(relay, adits, slow, busy):
    agent = adits(relay, "http", slow.port, "--subdomain", "left")
    host = host_of(agent)
    visitor = http.Visitor(relay.port)
    if busy:
        visitor.send(http.build_request("GET", "/", host))
        slow.wait_requests()
    relay.kill()
    agent.wait_event("link_lost")
    agent.process.send_signal(signal.SIGTERM)
    assert agent.wait_exit(7) == 0
    visitor.close()


def test_a_relay_that_freezes(start, services, adits):
    relay = start("--heartbeat", "1000", "--workers", "1")
    service = services()
    agent = adits(relay, "http", service.port, "--subdomain", "iced")
    host = host_of(agent)
    relay.signal(signal.SIGSTOP)
    try:
        assert "no sign of life" in agent.wait_event("link_lost")["reason"]
    finally:
        relay.signal(signal.SIGCONT)
    agent.wait_event("link_resumed")
    wait_for(lambda: http.fetch(relay.port, host=host).body == b"hello", "the tunnel")
    assert not agent.find("session_lost")


def test_sigterm_of_both_at_once(relay, services, adits):
    service = services()
    agents = [adits(relay, "http", service.port) for _ in range(5)]
    hosts = [host_of(agent) for agent in agents]
    assert all(http.fetch(relay.port, host=host).body == b"hello" for host in hosts)
    for process in [relay.process, *[agent.process for agent in agents]]:
        process.send_signal(signal.SIGTERM)
    assert relay.wait_exit(2 * DEADLINE) == 0
    assert [agent.wait_exit() for agent in agents] == [0] * 5


def test_a_tcp_tunnel_that_is_taken_over(start, services, adits):
    """The port goes over, and what runs on the old one goes on."""
    first_port = free_ports(4)
    relay = start("--tcp-port-range-start", first_port, "--tcp-port-range-end", first_port + 3)

    def named(name):
        def serve(wire):
            wire.send(name)
            while data := wire.read_some(PATIENCE):
                wire.send(data)
        return services(raw=serve).port
    token = {"ADIT_CLIENT_TOKEN": "same"}
    one = adits(relay, "tcp", named(b"one"), "--remote-port", first_port, env=token)
    one.wait_event("tunnel_up")
    with http.Visitor(first_port) as old:
        assert old.read_exactly(3) == b"one"
        two = adits(relay, "tcp", named(b"two"), "--remote-port", first_port, env=token)
        two.wait_event("tunnel_up")
        one.wait_event("tunnel_down", code="superseded")
        old.send(b"still")
        assert old.read_exactly(5) == b"still"
        with http.Visitor(first_port) as fresh:
            assert fresh.read_exactly(3) == b"two"
    assert one.wait_exit() == 3
