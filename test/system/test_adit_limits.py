"""A visitor that the relay gives up by a limit of its own: the page, adit's line and the relay's log
name the same reason, under the same id."""
import contextlib
import json

import pytest

from harness import http
from harness.relay import free_ports
from harness.service import PATIENCE, answer
from harness.traffic import MIB, a_name, ms
from harness.wait import SLOW

pytestmark = pytest.mark.timeout(60 * SLOW)
UPGRADE = [("Connection", "Upgrade"), ("Upgrade", "websocket")]


def stuck(wire, request):
    """Answers late or never, as the target says, and waits for its end."""
    if request.target == "/half":
        wire.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc")
    elif request.target == "/upgrade":
        wire.send(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n"
                  b"Upgrade: websocket\r\n\r\n")
    elif request.target == "/quick":
        return answer(wire, b"quick")
    while wire.read_some(PATIENCE):
        pass
    return False


@pytest.fixture
def tunnel(start, services, adits):
    """tunnel(*flags of the relay, lanes=1) -> (relay, agent, host)."""
    def begin(*flags, lanes=1):
        relay = start(*flags)
        agent = adits(relay, "http", services(stuck).target, "--subdomain", a_name("w"),
                      "--connections", lanes)
        return relay, agent, agent.wait_event("tunnel_up")["url"].split("/")[2].split(":")[0]
    return begin


def assert_same_reason(relay, agent, code):
    line = relay.wait_access(error=code)
    event = agent.wait_event("request", request_id=line["id"])
    assert event["code"] == code and "relay's limit" in event["message"], event
    return event


@pytest.mark.parametrize("lanes", [1, 3])
def test_no_answer_in_time(tunnel, lanes):
    relay, agent, host = tunnel("--response-timeout", ms(300), lanes=lanes)
    for _ in range(lanes):
        response = http.fetch(relay.port, "GET", "/never", host, timeout=PATIENCE)
        assert response.get("X-Adit-Error") == "response-timeout"
        event = agent.wait_event("request", request_id=response.get("X-Request-Id"))
        assert event["code"] == "response-timeout" and "status" not in event, event
    assert_same_reason(relay, agent, "response-timeout")
    assert http.fetch(relay.port, "GET", "/quick", host).body == b"quick"


@pytest.mark.parametrize("flags, head", [
    ([], b"X-A: " + b"a" * 66000 + b"\r\n"),
    (["--max-head", "4k"], b"X-A: " + b"a" * 4096 + b"\r\n"),
    (["--max-fields", "10"], b"X-A: b\r\n" * 10)], ids=["as-it-is", "less", "fields"])
def test_a_head_that_the_relay_does_not_take(start, services, adits, flags, head):
    """adit is told how large it may be, and does not show as served what the visitor never got."""
    relay = start(*flags)
    service = services(lambda wire, request: wire.send(
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n" + head + b"\r\nok"))
    agent = adits(relay, "http", service.target, "--subdomain", a_name("w"))
    host = agent.wait_event("tunnel_up")["url"].split("/")[2].split(":")[0]
    response = http.fetch(relay.port, host=host)
    assert (response.status, response.get("X-Adit-Error")) == (502, "local-reset")
    event = agent.wait_event("request", request_id=response.get("X-Request-Id"))
    assert event["code"] == "local-reset" and "status" not in event, event
    assert "too large for the relay" in event["message"]


@pytest.mark.parametrize("target, headers, status", [
    ("/half", [], 200), ("/upgrade", UPGRADE, 101)])
def test_an_answer_that_stops_in_the_middle(tunnel, target, headers, status):
    relay, agent, host = tunnel("--idle-timeout", ms(300))
    with http.Visitor(relay.port, timeout=PATIENCE) as visitor:
        visitor.send(http.build_request("GET", target, host, headers))
        assert visitor.read_head().status == status
        with contextlib.suppress(ConnectionResetError):
            visitor.read_to_end(PATIENCE)
    assert assert_same_reason(relay, agent, "idle-timeout")["status"] == status


def test_an_upload_that_stops_or_is_too_large(tunnel):
    relay, agent, host = tunnel("--upload-timeout", ms(300), "--max-body", "1m")
    with http.Visitor(relay.port, timeout=PATIENCE) as visitor:
        visitor.send(http.build_request("POST", "/", host, [("Content-Length", "10")]) + b"abc")
        assert visitor.read_response().get("X-Adit-Error") == "body-timeout"
    assert_same_reason(relay, agent, "body-timeout")
    with http.Visitor(relay.port, timeout=PATIENCE) as visitor:
        visitor.send(http.build_request("POST", "/", host, [("Transfer-Encoding", "chunked")]))
        visitor.send(b"%x\r\n" % (2 * MIB))
        visitor.send(b"x" * (MIB + 1))
        assert visitor.read_response().get("X-Adit-Error") == "body-too-large"
    assert_same_reason(relay, agent, "body-too-large")


def test_a_tcp_connection_that_is_idle(start, services, adits):
    first = free_ports(4)
    relay = start("--idle-timeout", ms(300), "--tcp-port-range-start", first,
                  "--tcp-port-range-end", first + 3)

    def quiet(wire):
        while wire.read_some(PATIENCE):
            pass
    agent = adits(relay, "tcp", services(raw=quiet).port)
    with http.Visitor(int(agent.wait_event("tunnel_up")["url"].rpartition(":")[2])) as visitor:
        visitor.send(b"hello")
        visitor.wait_closed(PATIENCE)
    line = relay.wait_access(error="idle-timeout")
    event = agent.wait_event("connection", request_id=line["id"])
    assert event["code"] == "idle-timeout", json.dumps(event)


def test_a_visitor_who_leaves_is_still_one(tunnel):
    relay, agent, host = tunnel()
    with http.Visitor(relay.port) as visitor:
        visitor.send(http.build_request("GET", "/half", host))
        visitor.read_head()
        visitor.reset()
    assert agent.wait_event("request")["code"] == "visitor-gone"
