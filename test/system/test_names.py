"""Who holds a name, for how long, and who may take it: grace, reservation, takeover."""
import math
import re
import socket
import time

import pytest

from harness import http
from harness.agent import PoolSocket, create, reply
from harness.npm import Node, NpmClient
from harness.relay import free_ports
from harness.wait import DEADLINE, wait_for

OTHER = "127.0.0.2"
STRICT = {"LT_IP_VALIDATION_STRICT": "true"}


def grace(ms, **more):
    """Visitors do not wait for the client to come back, unless the test says so."""
    return {"LT_GRACE_PERIOD": str(ms), "LT_REQUEST_TIMEOUT": "50", **more}


def tunnels(relay):
    return http.fetch(relay.create_port, target="/api/status", host="lt.test").json()["tunnels"]


def visit(relay, name):
    return http.fetch(relay.port, host=f"{name}.lt.test")


def wait_gone(relay, name):
    wait_for(lambda: visit(relay, name).status == 404, f"the end of {name}")


def offline(agent):
    """An agent that was online and has lost its last socket."""
    agent.open_ready()
    agent.drop_sockets()
    agent.wait_connected(0)
    return agent


def refused(port):
    try:
        socket.create_connection(("127.0.0.1", port), 5).close()
    except ConnectionRefusedError:
        return True
    return False


# grace

@pytest.mark.covers("S45", "S48", "D11")
def test_the_name_is_held_after_the_last_socket(start, agent):
    relay = start(env=grace(1500))
    mine = offline(agent(relay, "held-app"))
    began = time.monotonic()
    response = mine.visit()
    assert response.status == 503
    assert int(response.get("Retry-After")) in (1, 2)
    wait_gone(relay, "held-app")
    assert 1.2 < time.monotonic() - began < 1.5 + DEADLINE / 2
    assert tunnels(relay) == 0


@pytest.mark.covers("S45", "D11")
def test_a_name_nobody_connected_to_is_held_as_long(start, agent):
    relay = start(env=grace(800))
    began = time.monotonic()
    mine = agent(relay, "never-app")
    assert visit(relay, "never-app").status == 503
    wait_gone(relay, "never-app")
    assert time.monotonic() - began > 0.75
    wait_for(lambda: refused(mine.port), "the port to close")


@pytest.mark.covers("D11")
def test_the_time_left_is_never_said_to_be_zero(start, agent):
    relay = start(env=grace(1200, **STRICT))
    offline(agent(relay, "zero-app"))
    said = set()
    while True:
        visited, asked = visit(relay, "zero-app"), create(relay, "zero-app", source=OTHER)
        if visited.status == 404 or asked.status == 200:
            break
        said.add(int(visited.get("Retry-After")))
        said.add(int(re.search(r"Try again in (\d+)s", asked.json()["message"])[1]))
    assert said == {1, 2}


@pytest.mark.covers("S46", "D24")
def test_the_owner_comes_back_in_grace_with_the_same_name_and_port(start, agent):
    relay = start(env=grace(20000))
    mine = offline(agent(relay, "back-app"))
    again = agent(relay, "back-app")
    assert (again.name, again.port) == ("back-app", mine.port)
    again.serve(reply(b"again"))
    assert again.visit().body == b"again"
    assert tunnels(relay) == 1


@pytest.mark.covers("D24")
@pytest.mark.parametrize("ranged", [False, True])
def test_a_name_that_comes_again_after_its_grace_has_its_port_again(start, agent, ranged):
    first = free_ports(5)
    flags = ("--port-range-start", str(first), "--port-range-end", str(first + 4))
    relay = start(*flags if ranged else (), env=grace(200))
    mine = offline(agent(relay, "port-app"))
    wait_gone(relay, "port-app")
    assert agent(relay, "other-app").port != mine.port or not ranged
    assert agent(relay, "port-app").port == mine.port


@pytest.mark.covers("S37", "S46", "S16")
def test_another_gets_a_random_name_in_grace(start, agent):
    relay = start(env=grace(20000))
    offline(agent(relay, "held-app"))
    response = create(relay, "held-app", source=OTHER)
    assert response.status == 200
    answer = response.json()
    assert re.fullmatch(r"[a-z]+-[a-z]+-[0-9]+", answer["id"])
    assert answer["url"].startswith(f"http://{answer['id']}.lt.test")
    assert create(relay, "held-app").json()["id"] == "held-app"


@pytest.mark.covers("S16", "S38")
def test_strict_mode_says_reserved_and_for_how_long(start, agent):
    relay = start(env=grace(20000, **STRICT))
    offline(agent(relay, "held-app"))
    response = create(relay, "held-app", source=OTHER)
    assert response.status_line == "409 Conflict"
    assert response.get("Content-Type") == "application/json; charset=utf-8"
    seconds = int(re.search(r"in (\d+)s", response.text())[1])
    assert 10 < seconds <= 20
    assert response.body == (
        '{"error":"Subdomain reserved","message":"Subdomain \\"held-app\\" is reserved by another '
        'client. Try again in %ds or use a different subdomain."}' % seconds).encode()
    assert tunnels(relay) == 1


@pytest.mark.covers("S38", "S45")
def test_a_name_never_connected_is_reserved_too(start, agent):
    relay = start(env=grace(20000, **STRICT))
    agent(relay, "early-app")
    assert create(relay, "early-app", source=OTHER).status == 409


@pytest.mark.covers("S46")
def test_after_grace_anyone_may_have_it(start, agent):
    relay = start(env=grace(200, **STRICT))
    offline(agent(relay, "free-app"))
    wait_gone(relay, "free-app")
    theirs = agent(relay, "free-app", source=OTHER)
    theirs.serve(reply(b"theirs"))
    assert theirs.visit().body == b"theirs"


@pytest.mark.covers("S47", "S49", "S48")
def test_a_socket_on_the_same_port_brings_it_back(start, agent):
    relay = start(env=grace(1500))
    mine = offline(agent(relay, "blip-app"))
    mine.serve(reply(b"back"))
    end = time.monotonic() + 2.5
    while time.monotonic() < end:
        assert mine.visit().body == b"back"


@pytest.mark.covers("S49")
def test_repeated_losses_restart_the_time_once(start, agent):
    relay = start(env=grace(700))
    mine = agent(relay, "flap-app")
    for _ in range(5):
        mine.open_ready()
        mine.drop_sockets()
        mine.wait_connected(0)
    began = time.monotonic()
    wait_gone(relay, "flap-app")
    assert time.monotonic() - began > 0.5
    assert tunnels(relay) == 0
    wait_for(lambda: refused(mine.port), "the port to close")
    assert agent(relay, "flap-app").name == "flap-app"


@pytest.mark.covers("S45")
def test_one_socket_of_many_keeps_it_online(start, agent):
    relay = start(env=grace(300))
    mine = agent(relay, "some-app")
    sockets = mine.open_ready(4)
    for sock in sockets[:3]:
        sock.reset()
    mine.wait_connected(1)
    end = time.monotonic() + 1
    while time.monotonic() < end:
        assert create(relay, target="/api/tunnels/some-app/status").json() == {
            "connected_sockets": 1}


@pytest.mark.covers("S14")
def test_grace_zero_frees_the_name_at_the_last_socket(start, agent):
    relay = start(env=grace(0))
    mine = agent(relay, "zero-app")
    mine.open_ready()
    mine.drop_sockets()
    began = time.monotonic()
    wait_gone(relay, "zero-app")
    assert time.monotonic() - began < 1


@pytest.mark.covers("S14", "S15")
def test_grace_is_clamped_to_the_maximum_with_a_warning(start, agent):
    relay = start(env=grace(60000, LT_MAX_GRACE_PERIOD="1000"))
    assert relay.find_logs(lambda entry: entry["level"] == "warn"), relay.text()
    offline(agent(relay, "clamp-app"))
    assert int(visit(relay, "clamp-app").get("Retry-After")) == 1
    wait_gone(relay, "clamp-app")


@pytest.mark.covers("S14", "S15")
@pytest.mark.parametrize("value", ["", "30000"])
def test_the_default_grace_is_thirty_seconds(start, agent, value):
    relay = start(env=grace(value, LT_MAX_GRACE_PERIOD=value and "300000"))
    offline(agent(relay, "long-app"))
    assert math.isclose(int(visit(relay, "long-app").get("Retry-After")), 30, abs_tol=2)


# who may take it

@pytest.mark.covers("D12")
@pytest.mark.tsan
def test_the_owner_takes_over_and_the_old_sockets_close_at_once(relay, agent):
    old = agent(relay, "take-app")
    sockets = old.open_ready(3)
    new = agent(relay, "take-app")
    assert new.name == "take-app"
    for sock in sockets:
        assert sock.wait_closed(3) in ("fin", "rst")
    new.serve(reply(b"new"))
    assert new.visit().body == b"new"
    assert tunnels(relay) == 1


@pytest.mark.covers("D12")
def test_the_old_client_cannot_come_back_on_the_old_port(relay, agent):
    old = agent(relay, "take-app")
    old.open_ready(2)
    new = agent(relay, "take-app")
    assert new.port != old.port
    wait_for(lambda: refused(old.port), "the old port to refuse")
    new.serve(reply(b"new"), sockets=2)
    new.wait_connected(2)
    assert {new.visit().body for _ in range(5)} == {b"new"}


@pytest.mark.covers("D12")
def test_a_running_request_of_the_old_client_ends_and_is_not_made_twice(relay, agent):
    old = agent(relay, "busy-app")
    sock = old.open_ready()
    with old.visitor() as visitor:
        visitor.send(http.build_request("POST", "/order", old.host, body=b"once"))
        sock.read_request()
        new = agent(relay, "busy-app").serve(reply(b"new"))
        sock.wait_closed(3)
        assert visitor.read_response(timeout=5).status in (502, 503)
    assert new.visit().body == b"new"
    assert [request.method for request in new.requests] == ["GET"]


@pytest.mark.covers("D12")
def test_a_running_get_of_the_old_client_may_be_asked_of_the_new(relay, agent):
    old = agent(relay, "busy-app")
    sock = old.open_ready()
    with old.visitor() as visitor:
        visitor.send(http.build_request(host=old.host))
        sock.read_request()
        new = agent(relay, "busy-app").serve(reply(b"new"))
        sock.wait_closed(3)
        response = visitor.read_response()
    assert response.status in (502, 503) or response.body == b"new"
    assert new.visit().body == b"new"


@pytest.mark.covers("D13", "S37")
def test_an_online_name_asked_for_by_another_is_a_random_one(relay, agent):
    mine = agent(relay, "mine-app").serve(reply(b"mine"))
    mine.wait_connected(1)
    theirs = create(relay, "mine-app", source=OTHER)
    assert theirs.status == 200 and theirs.json()["id"] != "mine-app"
    assert mine.visit().body == b"mine"


@pytest.mark.covers("D13")
def test_strict_mode_says_in_use_when_it_is_online(start, agent):
    relay = start(env=STRICT)
    mine = agent(relay, "mine-app").serve(reply(b"mine"))
    mine.wait_connected(1)
    response = create(relay, "mine-app", source=OTHER)
    assert response.status == 409
    assert response.body == (b'{"error":"Subdomain reserved","message":"Subdomain \\"mine-app\\" is'
                             b' in use by another client."}')
    assert mine.visit().body == b"mine"


@pytest.mark.covers("S17")
def test_a_trusted_proxy_names_the_client(start, agent):
    relay = start(env={**STRICT, "LT_TRUST_PROXY": "true"})
    first = [("X-Forwarded-For", "198.51.100.7, 203.0.113.9")]
    offline(agent(relay, "proxy-app", headers=first))
    for headers in ([("X-Forwarded-For", "203.0.113.9, 198.51.100.7")],
                    [("X-Real-IP", "203.0.113.1")], []):
        assert create(relay, "proxy-app", headers=headers).status == 409
    for headers in ([("X-Forwarded-For", "198.51.100.7")], [("X-Real-IP", "198.51.100.7")]):
        assert create(relay, "proxy-app", headers=headers, source=OTHER).status == 200


@pytest.mark.covers("S17")
def test_the_forwarded_address_is_not_looked_into(start, agent):
    relay = start(env={**STRICT, "LT_TRUST_PROXY": "true"})
    agent(relay, "odd-app", headers=[("X-Forwarded-For", "unknown")])
    assert create(relay, "odd-app", headers=[("X-Forwarded-For", "hidden")]).status == 409
    assert create(relay, "odd-app", headers=[("X-Forwarded-For", "unknown")]).status == 200


@pytest.mark.covers("S17")
def test_without_trust_a_forged_address_changes_nothing(start, agent):
    relay = start(env=STRICT)
    agent(relay, "forge-app")
    forged = [("X-Forwarded-For", "127.0.0.1"), ("X-Real-IP", "127.0.0.1")]
    assert create(relay, "forge-app", headers=forged, source=OTHER).status == 409


@pytest.mark.covers("S44", "S55")
def test_an_address_is_the_identity_without_a_token(start, agent):
    relay = start(env=STRICT)
    agent(relay, "addr-app", source=OTHER)
    assert create(relay, "addr-app").status == 409
    assert create(relay, "addr-app", source=OTHER).status == 200


# the npm client

@pytest.mark.covers("S48", "S50", "D30")
def test_the_npm_client_keeps_its_name_over_a_restart(start, node):
    relay = start(env=grace(20000))
    app = node(Node, "ws_echo.js").event()["port"]
    client = node(NpmClient, relay, app, "npm-app")
    url = client.url()
    assert url == f"http://npm-app.lt.test:{relay.port}"
    assert visit(relay, "npm-app").status == 200
    client.kill()
    wait_for(lambda: visit(relay, "npm-app").status == 503, "the client's end to be noticed")
    assert node(NpmClient, relay, app, "npm-app").url() == url
    assert visit(relay, "npm-app").json()["url"] == "/"


@pytest.mark.covers("S85", "S6", "S50")
def test_the_npm_client_opens_as_many_sockets_as_it_is_told(start, node):
    relay = start("--max-sockets", "3")
    app = node(Node, "ws_echo.js").event()["port"]
    node(NpmClient, relay, app, "npm-app").url()
    status = {"target": "/api/tunnels/npm-app/status", "host": "lt.test"}
    wait_for(lambda: http.fetch(relay.port, **status).body == b'{"connected_sockets":3}',
             "three sockets")
    for _ in range(10):
        assert visit(relay, "npm-app").status == 200
    assert not relay.find_logs(lambda entry: entry.get("status") == 429)


@pytest.mark.covers("S47", "S50")
def test_sockets_cut_by_the_relay_come_back_alone(start, agent):
    relay = start(env=grace(20000))
    mine = agent(relay, "cut-app")
    for _ in range(3):
        sock = PoolSocket(mine.port)
        mine.wait_connected(1)
        sock.reset()
        mine.wait_connected(0)
    mine.serve(reply(b"still"))
    assert mine.visit().body == b"still"
