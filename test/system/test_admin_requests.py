"""The admin API as HTTP: odd requests, and connections that wait for their answer."""
import json
import threading

import pytest

from harness import http
from harness.admin import Api, Socket
from harness.wait import wait_for


@pytest.fixture
def relay(start, state):
    return start("--state-dir", state, "--bcrypt-cost", "4")


# odd requests

@pytest.mark.parametrize("body", [b"{", b"[]", b"null", b'{"name":"a","name":"b"}', b"\xff",
                                  b'{"name":"a","color":1}', b'{"name":' + b"[" * 5000],
                         ids=range(7))
def test_bodies_that_are_not_understood(operator, body):
    assert operator.code("POST", "/accounts", body) == (400, "invalid-request")


def test_methods_and_paths(operator):
    response = operator("PUT", "/accounts", status=405)
    assert response.get("Allow") == "GET, POST"
    response = operator("GET", "/keys/x", status=405)
    assert response.get("Allow") == "PATCH, DELETE"
    assert operator.code("GET", "/nothing") == (404, "not-found")
    assert operator("HEAD", "/accounts").body == b""


@pytest.mark.parametrize("framing", ["length", "chunked"])
@pytest.mark.parametrize("path", ["/accounts", "/nothing"])
def test_bodies_that_are_too_large_are_told_as_everything_else(state, operator, framing, path):
    body = b'{"name":"' + b"x" * 70000 + b'"}'
    fields = f"Content-Length: {len(body)}" if framing == "length" else "Transfer-Encoding: chunked"
    if framing == "chunked":
        body = b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)
    with Socket(state) as wire:
        wire.send(f"POST /api/v1{path} HTTP/1.1\r\nHost: lt.test\r\n{fields}\r\n\r\n".encode() + body)
        response = wire.read_response()
    assert response.status == 413
    assert response.get("X-Adit-Error") == "body-too-large"
    assert response.get("Content-Type").startswith("application/json")
    assert response.get("Connection") == "close"
    assert response.json()["error"] == {"code": "body-too-large",
                                        "message": "The body is larger than 64 KiB."}
    assert operator.get("/accounts")["items"] == []


# a connection that waits

def test_requests_behind_each_other_are_answered_in_turn(relay, state, operator):
    head = "GET /api/v1{} HTTP/1.1\r\nHost: lt.test\r\n\r\n"
    with Socket(state) as wire:
        wire.send("".join(head.format(path) for path in (
            "/accounts", "/me", "/keys", "/nothing")).encode())
        answers = [wire.read_response() for _ in range(4)]
    assert [a.status for a in answers] == [200, 200, 200, 404]
    assert "operator" in answers[1].json()


def test_a_half_closed_connection_still_gets_its_answer(relay, state):
    with Socket(state) as wire:
        wire.send(b"GET /api/v1/accounts HTTP/1.1\r\nHost: x\r\n\r\n")
        wire.half_close()
        assert wire.read_response().status == 200
        assert wire.wait_closed() == "fin"


def test_who_leaves_before_the_answer_does_no_harm(relay, state, operator):
    before = relay.fds()
    for _ in range(30):
        wire = Socket(state)
        wire.send(b"POST /api/v1/accounts HTTP/1.1\r\nHost: x\r\nContent-Length: 45\r\n\r\n"
                  b'{"name":"alice","password":"a password here"}')
        wire.close()
    wait_for(lambda: relay.fds() <= before, "the descriptors")
    assert operator.get("/me")["operator"]


def test_close_is_honoured(relay, state):
    with Socket(state) as wire:
        response = wire.ask("GET", "/api/v1/accounts", "x", [("Connection", "close")])
        assert response.get("Connection") == "close"
        assert wire.wait_closed() == "fin"


def test_more_requests_than_may_be_are_told_to_come_back(relay, state, operator):
    body = json.dumps({"name": "x", "password": "twelve bytes!"}).encode()
    request = http.build_request("POST", "/api/v1/accounts", "x",
                                 [("Content-Type", "application/json")], body)
    wires = [Socket(state) for _ in range(100)]
    for wire in wires:
        wire.send(request)
    answers = [wire.read_response(timeout=40) for wire in wires]
    for wire in wires:
        wire.close()
    assert {a.status for a in answers} <= {201, 409, 503}
    refused = [a for a in answers if a.status == 503]
    assert refused and all(a.get("Retry-After") for a in refused)
    assert sum(a.status == 201 for a in answers) == 1
    assert operator.get("/me")["operator"]


def test_the_relay_ends_while_requests_are_under_way(start, state):
    relay = start("--state-dir", state)
    stop = threading.Event()

    def nag():
        while not stop.is_set():
            try:
                Api(relay, state)("GET", "/tunnels")
            except (OSError, http.BadMessage):
                return
    threads = [threading.Thread(target=nag) for _ in range(8)]
    for thread in threads:
        thread.start()
    relay.wait_access(count=20)
    relay.stop()
    stop.set()
    for thread in threads:
        thread.join()
