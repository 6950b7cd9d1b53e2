"""Upgrades: the raw kind by hand, and real WebSockets through the real client."""
import json
import time

import pytest

from harness.agent import answer, hang, reply
from harness.http import Truncated, Visitor, build_request
from harness.npm import Node, NpmClient
from harness.traffic import MIB, Later, a_name, assert_error, assert_nothing_sent, digest_of, ms, \
    read_counted, send_blocks
from harness.wait import SLOW

UPGRADE = [("Upgrade", "websocket"), ("Connection", "Upgrade"),
           ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="), ("Sec-WebSocket-Version", "13")]
SWITCH = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" \
         b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"


@pytest.fixture
def tunnel(shared_relay, agent):
    return agent(shared_relay, a_name())


def upgraded(tunnel, early=b"", late=b""):
    """An agreed upgrade: (visitor, agent's socket, request). The rest of the test is raw bytes."""
    sock = tunnel.open()
    visitor = tunnel.visitor()
    visitor.send(build_request("GET", "/ws", tunnel.host, UPGRADE) + early)
    request = sock.read_head()
    sock.send(SWITCH + late)
    assert visitor.read_response().status == 101
    return visitor, sock, request


@pytest.mark.covers("S79", "D10")
def test_the_head_arrives_as_it_was_sent(tunnel):
    sock = tunnel.open_ready()
    fields = [("x-lower", "1"), ("upgrade", "WebSocket"), ("X-UPPER", "2"),
              ("Connection", "keep-alive, Upgrade"), ("Sec-WebSocket-Key", "abc="),
              ("Sec-WebSocket-Extensions", "permessage-deflate"), ("X-Dup", "1"), ("x-dup", "2"),
              ("Sec-WebSocket-Version", "13"), ("Origin", "http://x")]
    with tunnel.visitor() as visitor:
        visitor.send(build_request("GET", "/chat?room=1", tunnel.host, fields))
        request = sock.read_head()
        assert (request.method, request.target) == ("GET", "/chat?room=1")
        sent = [(name, value) for name, value in request.headers
                if not name.lower().startswith("x-forwarded-") and name.lower() != "x-request-id"
                and name.lower() != "connection"]
        assert sent == [("Host", tunnel.host)] + [field for field in fields
                                                  if field[0] != "Connection"]
        assert "upgrade" in request.get("Connection").lower()
        sock.send(SWITCH)
        response = visitor.read_response()
        assert response.status_line == "101 Switching Protocols"
        assert response.get("Sec-WebSocket-Accept") and response.get("Upgrade") == "websocket"
        assert "upgrade" in response.get("Connection").lower()


@pytest.mark.covers("D25", "S79")
def test_an_upgrade_has_the_forwarded_fields(tunnel):
    visitor, sock, request = upgraded(tunnel)
    assert request.get("X-Forwarded-For") == "127.0.0.1"
    assert request.get("X-Forwarded-Host") == tunnel.host and request.get("X-Request-Id")
    visitor.close()
    sock.wait_closed()


@pytest.mark.covers("D26", "S79", "fault-45")
def test_bytes_behind_both_heads_are_forwarded(tunnel):
    """A visitor may not wait for the 101, and an agent may send in the same segment."""
    visitor, sock, _ = upgraded(tunnel, early=b"early bird", late=b"late worm")
    assert sock.read_exactly(10) == b"early bird"
    assert visitor.read_exactly(9) == b"late worm"
    for index in range(20):
        visitor.send(b"ping%02d" % index)
        assert sock.read_exactly(6) == b"ping%02d" % index
        sock.send(b"pong%02d" % index)
        assert visitor.read_exactly(6) == b"pong%02d" % index
    visitor.close()
    sock.wait_closed()


@pytest.mark.covers("D26", "fault-46")
def test_half_close_of_the_visitor_passes_through(tunnel):
    visitor, sock, _ = upgraded(tunnel)
    visitor.send(b"last words")
    visitor.half_close()
    assert sock.read_to_end() == b"last words"
    time.sleep(0.3)
    sock.send(b"still heard")
    sock.half_close()
    assert visitor.read_to_end() == b"still heard"


@pytest.mark.covers("D26", "fault-46")
def test_half_close_of_the_agent_passes_through(tunnel):
    visitor, sock, _ = upgraded(tunnel)
    sock.send(b"last words")
    sock.half_close()
    assert visitor.read_to_end() == b"last words"
    time.sleep(0.3)
    visitor.send(b"still heard")
    visitor.half_close()
    assert sock.read_to_end() == b"still heard"


@pytest.mark.covers("D26", "fault-46")
@pytest.mark.parametrize("side", ["visitor", "agent"])
@pytest.mark.parametrize("how", ["close", "reset"])
def test_an_end_reaches_the_other_side(tunnel, side, how):
    visitor, sock, _ = upgraded(tunnel)
    one, other = (visitor, sock) if side == "visitor" else (sock, visitor)
    getattr(one, how)()
    other.wait_closed(3 * SLOW)
    other.close()
    tunnel.wait_connected(0)


@pytest.mark.covers("S79", "D26")
def test_much_both_ways_at_once(tunnel):
    import hashlib
    visitor, sock, _ = upgraded(tunnel)
    visitor.timeout = sock.timeout = 60 * SLOW
    size = 16 * MIB
    sending = [Later(send_blocks, visitor, size), Later(send_blocks, sock, size)]

    def read(wire):
        sha = hashlib.sha256()
        read_counted(wire, size, sha, 60 * SLOW)
        return sha.hexdigest()
    reading = [Later(read, visitor), Later(read, sock)]
    for later in reading:
        assert later.result() == digest_of(size)
    for later in sending:
        later.result()
    visitor.close()


@pytest.mark.covers("S80", "S81", "S82")
@pytest.mark.parametrize("online", [False, True])
def test_an_upgrade_that_waited_in_vain_ends_its_connection(start, agent, online):
    """As upstream does: nobody may take frames sent in advance for the next request."""
    relay = start("--websocket-timeout", "200")
    tunnel = agent(relay, a_name())
    if online:
        sock = tunnel.open_ready()
        busy = tunnel.visitor()
        busy.send(build_request("GET", "/", tunnel.host))
        sock.read_request()
    with tunnel.visitor() as visitor:
        visitor.send(build_request("GET", "/ws", tunnel.host, UPGRADE))
        response = visitor.read_response()
        assert (response.status, response.get("Connection")) == (503, "close")
        visitor.wait_closed()


@pytest.mark.covers("S79", "fault-45")
@pytest.mark.parametrize("status", ["400 Bad Request", "200 OK", "403 Forbidden",
                                    "426 Upgrade Required"])
def test_a_refused_upgrade_is_an_ordinary_answer(tunnel, status):
    """Without 101 there is no tunnel: what the visitor sends next is a request, or nothing."""
    tunnel.serve(lambda sock, request: answer(b"sorry", status) if request.target == "/ws"
                 else answer(b"plain"), sockets=2)
    with tunnel.visitor() as visitor:
        visitor.send(build_request("GET", "/ws", tunnel.host, UPGRADE))
        response = visitor.read_response()
        assert (response.status_line, response.body) == (status, b"sorry")
        if "close" in str(response.all("Connection")).lower():
            visitor.wait_closed()
        else:
            assert visitor.ask("GET", "/next", tunnel.host).body == b"plain"


@pytest.mark.covers("S79", "fault-45")
def test_bytes_behind_a_refused_upgrade_are_not_piped(tunnel):
    sock = tunnel.open_ready()
    with tunnel.visitor() as visitor:
        visitor.send(build_request("GET", "/ws", tunnel.host, UPGRADE))
        sock.read_head()
        sock.send(answer(b"no", "400 Bad Request"))
        assert visitor.read_response().body == b"no"
        visitor.send(b"\x81\x85masked frame, not HTTP\r\n\r\n")
        sock_saw = b""
        try:
            while not sock.silent(0.3) and not sock.eof:
                sock_saw += sock.read_some()
        except ConnectionError:
            pass
        assert b"masked" not in sock_saw


@pytest.mark.covers("S79", "fault-45")
def test_an_unasked_101_is_no_tunnel(tunnel):
    tunnel.serve(lambda sock, request: SWITCH + b"raw bytes for whoever comes next")
    response = tunnel.visit()
    assert response.status in (502, 503), response
    assert response.get("X-Adit-Error") == "bad-response", response


@pytest.mark.covers("D25", "fault-45")
@pytest.mark.parametrize("version, fields", [
    ("1.0", UPGRADE), ("1.1", [("Upgrade", "websocket")]), ("1.1", [("Connection", "Upgrade")])])
def test_half_an_upgrade_is_an_ordinary_request(tunnel, version, fields):
    tunnel.serve(reply(b"plain"))
    with tunnel.visitor() as visitor:
        response = visitor.ask("GET", "/", tunnel.host, fields, version=version)
        assert response.body == b"plain" or response.status == 400, response
    for request in tunnel.requests:
        assert request.get("Upgrade") is None


@pytest.mark.covers("S79", "fault-45")
def test_an_upgrade_with_a_body_does_not_smuggle(tunnel):
    """Content-Length with Upgrade: refused, or the body stays a body."""
    sock = tunnel.open_ready()
    with tunnel.visitor() as visitor:
        hidden = b"GET /hidden HTTP/1.1\r\nHost: x\r\n\r\n"
        visitor.send(build_request("GET", "/ws", tunnel.host, UPGRADE, hidden))
        if visitor.silent(0.4):
            request = sock.read_request()
            assert request.body == hidden
            sock.send(answer(b"no upgrade"))
            assert visitor.read_response().body == b"no upgrade"
        else:
            assert visitor.read_response().status == 400
            assert_nothing_sent(sock, 0.1)


@pytest.mark.covers("S79")
def test_other_protocols_upgrade_as_well(tunnel):
    sock = tunnel.open_ready()
    with tunnel.visitor() as visitor:
        visitor.send(build_request("GET", "/", tunnel.host,
                                   [("Connection", "upgrade"), ("Upgrade", "tcp")]))
        assert sock.read_head().get("Upgrade") == "tcp"
        sock.send(b"HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n")
        assert visitor.read_response().status_line == "101 UPGRADED"
        visitor.send(b"\0\1\2")
        assert sock.read_exactly(3) == b"\0\1\2"


# waiting

@pytest.mark.covers("S80", "D10")
def test_an_upgrade_in_grace_waits_for_the_client(start, agent):
    relay = start(env={"LT_WEBSOCKET_TIMEOUT": 8000, "LT_REQUEST_TIMEOUT": 100})
    tunnel = agent(relay, a_name())
    tunnel.open_ready()
    tunnel.drop_sockets()
    tunnel.wait_connected(0)
    with tunnel.visitor() as visitor:
        visitor.send(build_request("GET", "/ws", tunnel.host, UPGRADE) + b"early")
        assert visitor.silent(0.6)
        sock = tunnel.open()
        assert sock.read_head().get("Upgrade") == "websocket"
        sock.send(SWITCH)
        assert visitor.read_response().status == 101
        assert sock.read_exactly(5) == b"early"


@pytest.mark.covers("S19", "S80")
def test_an_upgrade_in_grace_gives_up_after_the_websocket_timeout(start, agent):
    relay = start(env={"LT_WEBSOCKET_TIMEOUT": 500, "LT_GRACE_PERIOD": 20000})
    tunnel = agent(relay, a_name())
    begin = time.monotonic()
    response = tunnel.visit(headers=UPGRADE)
    assert_error(response, 503, "tunnel-offline", retry_after=(1, 20))
    assert 0.4 < time.monotonic() - begin < 3 * SLOW


@pytest.mark.covers("S80", "D11")
def test_an_upgrade_in_grace_waits_no_longer_than_the_grace(start, agent):
    relay = start(env={"LT_WEBSOCKET_TIMEOUT": 30000, "LT_GRACE_PERIOD": 1000})
    tunnel = agent(relay, a_name())
    begin = time.monotonic()
    response = tunnel.visit(headers=UPGRADE)
    assert response.status in (503, 404), response
    assert response.get("X-Adit-Error") in ("tunnel-offline", "tunnel-not-found")
    assert time.monotonic() - begin < 4 * SLOW


@pytest.mark.covers("S81")
def test_an_upgrade_without_an_idle_socket_waits_for_one(start, agent):
    relay = start(env={"LT_WEBSOCKET_TIMEOUT": 8000, "LT_REQUEST_TIMEOUT": 100})
    tunnel = agent(relay, a_name())
    sock = tunnel.open_ready()
    with tunnel.visitor() as busy, tunnel.visitor() as visitor:
        busy.send(build_request(host=tunnel.host))
        sock.read_request()
        visitor.send(build_request("GET", "/ws", tunnel.host, UPGRADE))
        assert visitor.silent(0.5)
        sock.send(answer(b"free"))
        assert busy.read_response().body == b"free"
        assert sock.read_head().target == "/ws"
        sock.send(SWITCH)
        assert visitor.read_response().status == 101


@pytest.mark.covers("S19", "S81")
def test_an_upgrade_without_an_idle_socket_gives_up(start, agent):
    relay = start(env={"LT_WEBSOCKET_TIMEOUT": 500, "LT_REQUEST_TIMEOUT": 60000})
    tunnel = agent(relay, a_name())
    tunnel.serve(hang())
    with tunnel.visitor() as busy:
        busy.send(build_request(host=tunnel.host))
        tunnel.wait_requests()
        begin = time.monotonic()
        response = tunnel.visit(headers=UPGRADE)
        assert response.status_line == "503 Service Unavailable"
        assert_error(response, 503, "no-free-socket", retry_after=(5, 5))
        assert 0.4 < time.monotonic() - begin < 3 * SLOW


@pytest.mark.covers("S82")
def test_an_upgrade_for_nobody_is_404_and_closed(shared_relay):
    with Visitor(shared_relay.port) as visitor:
        visitor.send(build_request("GET", "/ws", "nosuch.lt.test", UPGRADE))
        response = visitor.read_response()
        assert response.status_line == "404 Tunnel Not Found"
        assert response.get("Connection") == "close"
        visitor.wait_closed()


@pytest.mark.covers("S82")
@pytest.mark.parametrize("host", ["lt.test", "127.0.0.1", None])
def test_an_upgrade_on_the_base_domain_makes_no_tunnel(shared_relay, host):
    """Dropped as the seed does, or refused; never 101, and nothing is created."""
    with Visitor(shared_relay.port) as visitor:
        visitor.send(build_request("GET", "/some-ws-name", host, UPGRADE))
        try:
            data = visitor.read_to_end(3 * SLOW)
        except ConnectionError:
            return
        assert data == b"" or data.startswith(b"HTTP/1.1 4"), data[:200]


@pytest.mark.covers("S79", "D9")
def test_a_quiet_upgraded_connection_outlives_the_response_timeout(start, agent):
    relay = start("--response-timeout", ms(300), env={"LT_REQUEST_TIMEOUT": 300})
    tunnel = agent(relay, a_name())
    visitor, sock, _ = upgraded(tunnel)
    assert visitor.silent(1.2)
    visitor.send(b"alive")
    assert sock.read_exactly(5) == b"alive"
    visitor.close()


@pytest.mark.covers("D9")
def test_the_idle_limit_ends_a_quiet_upgraded_connection(start, agent):
    relay = start("--idle-timeout", ms(600))
    tunnel = agent(relay, a_name())
    visitor, sock, _ = upgraded(tunnel)
    for _ in range(5):
        time.sleep(0.3)
        sock.send(b"x")
        assert visitor.read_exactly(1) == b"x"
    visitor.wait_closed(5 * SLOW)
    sock.wait_closed(5 * SLOW)


@pytest.mark.covers("S73", "S79")
def test_an_upgrade_whose_agent_dies_is_refused(tunnel):
    sock = tunnel.open_ready()
    with tunnel.visitor() as visitor:
        visitor.send(build_request("GET", "/ws", tunnel.host, UPGRADE))
        sock.read_head()
        sock.close()
        response = visitor.read_response()
        assert response.status == 503 and response.get("X-Adit-Error") in (
            "agent-lost", "no-free-socket", "tunnel-offline"), response


@pytest.mark.covers("S73", "S79")
def test_an_upgrade_nobody_answers_times_out(start, agent):
    relay = start("--response-timeout", ms(400))
    tunnel = agent(relay, a_name())
    sock = tunnel.open_ready()
    response = tunnel.visit(headers=UPGRADE)
    assert_error(response, 503, "response-timeout")
    sock.read_head()
    sock.wait_closed()


# the real thing

@pytest.mark.covers("S79", "S50", "fault-45")
def test_websocket_echo_through_the_real_client(relay, node):
    local = node(Node, "ws_echo.js")
    name = a_name()
    client = node(NpmClient, relay, local.event()["port"], name)
    assert name in client.url()
    for count, size in ((100, 10), (10, 100000), (2, 4 * MIB)):
        result = node(Node, "ws_client.js", relay.port, f"{name}.lt.test", count, size).event(
            30 * SLOW)
        assert result == {"received": count, "closed": 1000}, result
        assert json.loads(local.line()) == {"closed": 1000}


@pytest.mark.covers("S79", "S50")
def test_many_websockets_at_once_through_the_real_client(start, node):
    relay = start("--max-sockets", "12")
    local = node(Node, "ws_echo.js")
    name = a_name()
    node(NpmClient, relay, local.event()["port"], name).url()
    peers = [node(Node, "ws_client.js", relay.port, f"{name}.lt.test", 50, 1000) for _ in range(10)]
    for peer in peers:
        assert peer.event(30 * SLOW) == {"received": 50, "closed": 1000}


@pytest.mark.covers("S82")
def test_a_websocket_for_nobody_sees_404(relay, node):
    result = node(Node, "ws_client.js", relay.port, "nosuch.lt.test", 1, 1).event()
    assert result["status"] == 404


@pytest.mark.covers("D26", "S74")
def test_a_cut_websocket_is_seen_as_cut(tunnel):
    visitor, sock, _ = upgraded(tunnel)
    sock.send(b"\x82\x7e\xff\xffonly the beginning")
    sock.reset()
    with pytest.raises((Truncated, ConnectionError)):
        visitor.read_exactly(65539)
