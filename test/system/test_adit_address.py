"""The address of a tunnel after the relay was killed: the same when it is free, and said when not."""
import contextlib
import signal
import socket

import pytest

from harness import http
from harness.relay import free_ports
from harness.session import Session
from harness.service import PATIENCE
from harness.wait import SLOW

pytestmark = pytest.mark.timeout(60 * SLOW)
PORTS = 8


def echo(wire):
    while data := wire.read_some(PATIENCE):
        wire.send(data)


@pytest.fixture
def again(start):
    """again(*flags) starts a relay at always the same ports; the one before is killed."""
    place, first = free_ports(), free_ports(PORTS)
    relays = []

    def begin(*flags):
        for relay in relays:
            relay.kill()
        relays.append(start("--port", place, "--address", "127.0.0.1", "--tcp-port-range-start",
                            first, "--tcp-port-range-end", first + PORTS - 1, *flags,
                            listen=False))
        return relays[-1]
    return begin


def visit(relay, url):
    """What a visitor of the tunnel gets, over HTTP or from the echo behind a port."""
    if url.startswith("http"):
        return http.fetch(relay.port, host=url.split("/")[2].partition(":")[0]).body
    with http.Visitor(int(url.rpartition(":")[2])) as visitor:
        visitor.send(b"hello")
        return visitor.read_exactly(5)


@pytest.fixture
def tunnel(services, adits):
    """tunnel(relay, "http" or "tcp", *flags) -> a running agent and its URL."""
    def begin(relay, proto, *flags, **how):
        service = services(raw=echo) if proto == "tcp" else services()
        agent = adits(relay, proto, service.port, *flags, **how)
        return agent, agent.wait_event("tunnel_up")["url"]
    return begin


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("proto", ["http", "tcp"])
def test_the_address_outlives_a_relay_that_is_killed(again, tunnel, proto, workers):
    relay = again("--workers", workers)
    agent, url = tunnel(relay, proto)
    for count in (2, 3):
        relay = again("--workers", workers)
        event = agent.wait_event("tunnel_up", count=count)
        assert event["url"] == url and "url_before" not in event
        assert visit(relay, url) == b"hello"


def test_newcomers_hardly_get_the_ports_of_those_who_come_back(again):
    """Each relay begins its round at another place."""
    firsts = set()
    for _ in range(40):
        with Session(again()) as peer:
            firsts.add(peer.register(1, "tcp")["port"])
        if len(firsts) > 1:
            return
    raise AssertionError(f"always {firsts}")


@contextlib.contextmanager
def frozen(agent):
    agent.process.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        agent.process.send_signal(signal.SIGCONT)


def take(relay, proto, url):
    """Somebody else registers what the agent had."""
    peer = Session(relay, client="somebody-else")
    if proto == "tcp":
        peer.register(1, "tcp", port=int(url.rpartition(":")[2]))
    else:
        peer.register(1, subdomain=url.split("/")[2].partition(".")[0])
    return peer


@pytest.mark.parametrize("flags", [(), ("--ip-validation-strict",)], ids=["lenient", "strict"])
@pytest.mark.parametrize("proto", ["http", "tcp"])
def test_an_address_that_is_taken_meanwhile_changes_and_is_told(again, tunnel, proto, flags):
    relay = again(*flags)
    agent, url = tunnel(relay, proto)
    with frozen(agent):
        relay = again(*flags)
        peer = take(relay, proto, url)
    with peer:
        event = agent.wait_event("tunnel_up", count=2)
        assert event["url_before"] == url != event["url"]
        assert visit(relay, event["url"]) == b"hello"
    # From now on that one is kept.
    relay = again(*flags)
    last = agent.wait_event("tunnel_up", count=3)
    assert last["url"] == event["url"] and "url_before" not in last
    assert visit(relay, last["url"]) == b"hello"


def test_a_port_of_another_program_is_given_up(again, tunnel):
    relay = again()
    agent, url = tunnel(relay, "tcp")
    with socket.socket() as taken:
        with frozen(agent):
            relay.kill()
            taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            taken.bind(("127.0.0.1", int(url.rpartition(":")[2])))
            taken.listen()
            relay = again()
        event = agent.wait_event("tunnel_up", count=2)
        assert event["url_before"] == url != event["url"]
        assert visit(relay, event["url"]) == b"hello"


def test_people_are_told_as_well(again, launch, services):
    relay = again()
    agent = launch("tcp", services(raw=echo).port, "--relay", f"http://127.0.0.1:{relay.port}")
    url = agent.wait_line("Forwarding ").split()[1]
    with frozen(agent):
        relay = again()
        peer = take(relay, "tcp", url)
    with peer:
        line = agent.wait_line("[address-changed]")
        assert f" {url} is now tcp://lt.test:" in line
        assert visit(relay, line.split()[-1]) == b"hello"
    agent.stop()


@pytest.mark.parametrize("lanes", [1, 3])
def test_a_name_of_somebody_else_is_told(again, tunnel, launch, services, lanes):
    relay = again()
    with Session(relay, client="somebody-else") as peer:
        peer.register(1, subdomain="demo1")
        agent, url = tunnel(relay, "http", "--subdomain", "demo1", "--connections", lanes)
        assert agent.wait_event("tunnel_up")["name_wanted"] == "demo1" not in url
        people = launch("http", services().port, "--relay", f"http://127.0.0.1:{relay.port}",
                        "--subdomain", "demo1")
        line = people.wait_line("[other-name]")
        assert "demo1 is somebody else's" in line
        people.stop()
    agent, _ = tunnel(relay, "http", "--subdomain", "demo2")
    assert "name_wanted" not in agent.wait_event("tunnel_up")


@pytest.mark.parametrize("strict", [False, True])
def test_a_name_that_was_asked_for_stays_what_it_was(again, tunnel, strict):
    """Another one from a lenient relay, and the end with a strict one."""
    flags = ["--ip-validation-strict"] if strict else []
    relay = again(*flags)
    agent, url = tunnel(relay, "http", "--subdomain", "demo1")
    with frozen(agent):
        relay = again(*flags)
        peer = take(relay, "http", url)
    with peer:
        if strict:
            assert agent.wait_exit() == 3
            assert agent.find("error")[-1]["code"] == "name-in-use"
            return
        event = agent.wait_event("tunnel_up", count=2)
        assert event["url_before"] == url != event["url"]
    relay = again(*flags)
    assert agent.wait_event("tunnel_up", count=3)["url"] == url
    assert visit(relay, url) == b"hello"
