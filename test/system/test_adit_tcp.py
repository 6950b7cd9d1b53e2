"""TCP through adit and aditd: bytes, ends, resets, ports, and who the visitor is."""
import hashlib
import ipaddress
import struct

import pytest

from harness import http
from harness.relay import free_ports
from harness.service import PATIENCE
from harness.traffic import MIB, Later, blocks, digest_of
from harness.wait import SLOW, wait_for

pytestmark = pytest.mark.timeout(60 * SLOW)
COUNT = 20


def echo(wire):
    """Every byte back; the end behind the other side's end."""
    while True:
        data = wire.read_some(PATIENCE)
        if not data:
            return
        wire.send(data)


@pytest.fixture
def ports():
    return free_ports(COUNT)


@pytest.fixture
def range_flags(ports):
    return ["--tcp-port-range-start", ports, "--tcp-port-range-end", ports + COUNT - 1]


@pytest.fixture
def relay(start, range_flags):
    return start(*range_flags)


@pytest.fixture
def tunnel(relay, services, adits):
    """tunnel(raw, *flags) -> (public port, agent, service)."""
    def begin(raw, *flags, **how):
        service = services(raw=raw, **how)
        agent = adits(relay, "tcp", service.target, *flags)
        url = agent.wait_event("tunnel_up")["url"]
        assert url.startswith("tcp://lt.test:"), url
        return int(url.rpartition(":")[2]), agent, service
    return begin


def test_echo(tunnel, ports):
    port, agent, _ = tunnel(echo)
    assert ports <= port < ports + COUNT
    with http.Visitor(port, timeout=PATIENCE) as visitor:
        def pour():
            for piece in blocks(20 * MIB):
                visitor.send(piece)
            visitor.half_close()
        sending, sha, size = Later(pour), hashlib.sha256(), 0
        while data := visitor.read_some():
            sha.update(data)
            size += len(data)
        sending.result()
        assert (size, sha.hexdigest()) == (20 * MIB, digest_of(20 * MIB))
    event = agent.wait_event("connection")
    assert (event["bytes_in"], event["bytes_out"]) == (20 * MIB, 20 * MIB)


def test_a_service_that_speaks_first(tunnel):
    port, _, _ = tunnel(lambda wire: (wire.send(b"220 hi\r\n"), wire.read_some()))
    with http.Visitor(port) as visitor:
        assert visitor.read_exactly(8) == b"220 hi\r\n"


def test_half_close_by_the_visitor(tunnel):
    def late(wire):
        data = wire.read_to_end()
        wire.send(b"got " + data)
    port, _, service = tunnel(late)
    with http.Visitor(port) as visitor:
        visitor.send(b"all")
        visitor.half_close()
        assert visitor.read_to_end() == b"got all"
    assert not service.failures


def test_half_close_by_the_service(tunnel):
    got = []

    def first(wire):
        wire.send(b"bye")
        wire.half_close()
        got.append(wire.read_to_end(PATIENCE))
    port, _, _ = tunnel(first)
    with http.Visitor(port) as visitor:
        assert visitor.read_to_end() == b"bye"
        visitor.send(b"still here")
        visitor.half_close()
        assert wait_for(lambda: got, "the rest at the service") == [b"still here"]


def test_reset_by_the_visitor(tunnel):
    ends = []

    def listen(wire):
        wire.send(b"x")
        ends.append(wire.wait_closed(PATIENCE))
    port, _, _ = tunnel(listen)
    visitor = http.Visitor(port)
    visitor.read_exactly(1)
    visitor.reset()
    assert wait_for(lambda: ends, "the end at the service") == ["rst"]


def test_reset_by_the_service(tunnel):
    def reset(wire):
        wire.read_exactly(2)
        wire.reset()
    port, _, _ = tunnel(reset)
    with http.Visitor(port) as visitor:
        visitor.send(b"go")
        assert visitor.wait_closed() == "rst"


def test_a_service_that_is_down_resets(relay, adits):
    agent = adits(relay, "tcp", free_ports())
    port = int(agent.wait_event("tunnel_up")["url"].rpartition(":")[2])
    with http.Visitor(port) as visitor:
        assert visitor.wait_closed() == "rst"
    assert agent.wait_event("connection")["code"] == "local-refused"


def test_many_at_once(tunnel):
    port, _, service = tunnel(echo)

    def chat(i):
        with http.Visitor(port, timeout=PATIENCE) as visitor:
            for turn in range(20):
                data = b"%d %d;" % (i, turn) * 50
                visitor.send(data)
                assert visitor.read_exactly(len(data)) == data
    for later in [Later(chat, i) for i in range(100)]:
        later.result()
    assert service.accepts == 100


# ---------------------------------------------------------------- ports

def test_the_port_asked_for(tunnel, ports):
    port, _, _ = tunnel(echo, "--remote-port", ports + 7)
    assert port == ports + 7


@pytest.mark.parametrize("asked", ["taken", "outside"])
def test_a_port_that_cannot_be_had(relay, tunnel, adits, ports, asked):
    code, port = "port-not-allowed", ports + COUNT
    if asked == "taken":
        code, port = "port-in-use", tunnel(echo)[0]
    agent = adits(relay, "tcp", 1, "--remote-port", port)
    assert agent.wait_exit() == 3
    assert agent.find("error")[-1]["code"] == code


def test_a_relay_without_tcp(start, adits):
    agent = adits(start(), "tcp", 1)
    assert agent.wait_exit() == 3
    assert agent.find("error")[-1]["code"] == "tcp-not-offered"


@pytest.mark.parametrize("number", [9, 15])
def test_the_port_is_kept_over_a_restart_of_the_relay(start, services, adits, range_flags, number):
    """Also one that the relay had chosen."""
    place = free_ports()
    how = {"listen": False}
    flags = ["--port", place, "--address", "127.0.0.1", *range_flags]
    relay = start(*flags, **how)
    service = services(raw=echo)
    agents = [adits(relay, "tcp", service.port) for _ in range(3)]
    before = [agent.wait_event("tunnel_up")["url"] for agent in agents]
    if number == 9:
        relay.kill()
    else:
        relay.stop()
    again = start(*flags, **how)
    for agent, url in zip(agents, before):
        again.wait_log("tunnel registered", count=3)
        with http.Visitor(int(url.rpartition(":")[2])) as visitor:
            visitor.send(b"again")
            assert visitor.read_exactly(5) == b"again"
        assert {event["url"] for event in agent.find("tunnel_up")} == {url}


# ---------------------------------------------------------------- who is there

def read_v2(wire):
    head = wire.read_exactly(16)
    assert head[:12] == b"\r\n\r\n\0\r\nQUIT\n", head
    assert head[12] == 0x21 and head[13] == 0x11, head
    size = struct.unpack(">H", head[14:])[0]
    body = wire.read_exactly(size)
    source, target, sport, dport = struct.unpack(">4s4sHH", body[:12])
    return str(ipaddress.ip_address(source)), str(ipaddress.ip_address(target)), sport, dport


@pytest.mark.parametrize("version", [1, 2])
def test_the_proxy_header(tunnel, version):
    seen = []

    def listen(wire):
        if version == 1:
            words = wire.read_until(b"\r\n").decode().split()
            assert words[:2] == ["PROXY", "TCP4"], words
            seen.append((words[2], words[3], int(words[4]), int(words[5])))
        else:
            seen.append(read_v2(wire))
        echo(wire)
    port, _, service = tunnel(listen, "--proxy-protocol", version)
    with http.Visitor(port, source="127.0.0.9") as visitor:
        mine = visitor.sock.getsockname()
        visitor.send(b"hello")
        assert visitor.read_exactly(5) == b"hello"
        assert seen == [("127.0.0.9", "127.0.0.1", mine[1], port)]
    assert not service.failures


@pytest.mark.parametrize("version", [1, 2])
def test_the_proxy_header_of_http_tunnels(relay, services, adits, version):
    """Each connection of the service has one visitor, whom its header names."""
    seen = []

    def serve(wire):
        seen.append(wire.read_until(b"\r\n").split()[2].decode() if version == 1
                    else read_v2(wire)[0])
        while True:
            http.read_request(wire)
            wire.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
    service = services(raw=serve)
    agent = adits(relay, "http", service.port, "--subdomain", "proxied",
                  "--proxy-protocol", version)
    agent.wait_event("tunnel_up")
    for source in ("127.0.0.5", "127.0.0.6", "127.0.0.5"):
        assert http.fetch(relay.port, host="proxied.lt.test", source=source).body == b"ok"
    assert seen == ["127.0.0.5", "127.0.0.6", "127.0.0.5"]


def test_an_unix_socket_behind_a_public_port(tunnel, tmp_path):
    port, _, service = tunnel(echo, path=tmp_path / "s")
    with http.Visitor(port) as visitor:
        visitor.send(b"hello")
        assert visitor.read_exactly(5) == b"hello"
    assert service.accepts == 1
