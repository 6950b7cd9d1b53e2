"""A tunnel's sockets: who gets which, the queue, second tries, surplus and misbehaving ones."""
import time

import pytest

from harness import http
from harness.agent import answer, hang, in_turn, raw_then_close, raw_then_reset, reply
from harness.http import BadMessage, build_request
from harness.traffic import Later, a_name, assert_error, assert_nothing_sent, ms
from harness.wait import SLOW, wait_for


def surplus(agent):
    """Opens one socket more than allowed and returns the refusal: (wire, message)."""
    sock = agent.open()
    message = http.parse_head(sock.read_until(b"\r\n\r\n"), http.STATUS_LINE, http.Response)
    http.read_body(sock, message, None, to_end=False)
    return sock, message


def wait_waiting(agent, count):
    """Until so many requests queue for a socket; the refusal of a surplus socket tells."""
    wait_for(lambda: surplus(agent)[1].json()["waiting_requests"] == count,
             f"{count} waiting requests", every=0.05)


# reuse

@pytest.mark.covers("S77", "D18")
def test_a_parked_socket_serves_the_next_request(relay, agent):
    tunnel = agent(relay, a_name())
    sock = tunnel.open_ready()
    for index in range(5):
        later = Later(tunnel.visit, target=f"/{index}")
        assert sock.read_request().target == f"/{index}"
        sock.send(answer(b"%d" % index))
        assert later.result().body == b"%d" % index
    assert tunnel.connected() == 1


@pytest.mark.covers("S77", "D25")
@pytest.mark.parametrize("data", [
    answer(b"x", close=True), answer(b"x", version="1.0"), b"HTTP/1.1 200 OK\r\n\r\nx"],
    ids=["close", "1.0", "until-close"])
def test_a_socket_that_will_close_is_closed_and_not_reused(relay, agent, data):
    """Connection: close closes it from our side too: the client reopens only closed sockets."""
    tunnel = agent(relay, a_name())
    sock = tunnel.open_ready()
    later = Later(tunnel.visit)
    sock.read_request()
    sock.send(data)
    if b"Content-Length" not in data:
        sock.half_close()
    assert later.result().body == b"x"
    sock.wait_closed(2 * SLOW)
    tunnel.wait_connected(0)


@pytest.mark.covers("S77", "S83")
def test_fin_on_an_idle_socket_is_answered_with_fin_at_once(relay, agent):
    """The npm client opens a new socket only when the old one is closed both ways."""
    tunnel = agent(relay, a_name())
    sock = tunnel.open_ready()
    begin = time.monotonic()
    sock.half_close()
    assert sock.wait_closed(3 * SLOW) == "fin"
    assert time.monotonic() - begin < 1.0 * SLOW
    tunnel.wait_connected(0)


@pytest.mark.covers("S77", "S83")
def test_fin_after_an_answer_is_answered_with_fin_at_once(relay, agent):
    tunnel = agent(relay, a_name())
    sock = tunnel.open_ready()
    for _ in range(2):
        later = Later(tunnel.visit)
        sock.read_request()
        sock.send(answer(b"x"))
        assert later.result().body == b"x"
    sock.half_close()
    assert sock.wait_closed(2 * SLOW) == "fin"


@pytest.mark.covers("S76", "S83")
def test_the_relay_never_half_closes_a_busy_socket(relay, agent):
    """A node client ends both ways on our FIN, and the answer would be lost."""
    tunnel = agent(relay, a_name())
    sock = tunnel.open_ready()
    with tunnel.visitor() as visitor:
        visitor.send(build_request("POST", "/", tunnel.host, [("Connection", "close")], b"12345"))
        visitor.half_close()
        sock.read_request()
        assert sock.silent(0.4)
        sock.send(answer(b"x"))
        assert visitor.read_response().body == b"x"


@pytest.mark.covers("S83", "S76")
def test_one_request_at_a_time_per_socket(relay, agent):
    tunnel = agent(relay, a_name())
    sock = tunnel.open_ready()
    visitors = [tunnel.visitor() for _ in range(3)]
    for visitor in visitors:
        visitor.send(build_request(host=tunnel.host))
    for _ in visitors:
        sock.read_request()
        assert sock.silent(0.15), "a second request before the answer to the first"
        sock.send(answer(b"x"))
    for visitor in visitors:
        assert visitor.read_response().body == b"x"
        visitor.close()


# the queue

@pytest.mark.covers("D18", "S86")
def test_more_requests_than_sockets_are_served_in_order(start, agent):
    relay = start("--max-sockets", "1")
    tunnel = agent(relay, a_name())
    sock = tunnel.open_ready()
    visitors = []
    for index in range(6):
        visitor = tunnel.visitor()
        visitor.send(build_request(target=f"/{index}", host=tunnel.host))
        if index == 0:
            assert sock.read_request().target == "/0"
        else:
            wait_waiting(tunnel, index)
        visitors.append(visitor)
    for index, visitor in enumerate(visitors):
        if index:
            assert sock.read_request().target == f"/{index}"
        sock.send(answer(b"%d" % index))
        assert visitor.read_response().body == b"%d" % index
        visitor.close()


@pytest.mark.covers("S86", "D18")
def test_a_new_socket_goes_to_the_oldest_waiter(relay, agent):
    tunnel = agent(relay, a_name())
    busy = tunnel.open_ready()
    with tunnel.visitor() as first, tunnel.visitor() as second, tunnel.visitor() as third:
        first.send(build_request(target="/first", host=tunnel.host))
        busy.read_request()
        second.send(build_request(target="/second", host=tunnel.host))
        assert second.silent(0.2)
        third.send(build_request(target="/third", host=tunnel.host))
        assert third.silent(0.2)
        fresh = tunnel.open()
        assert fresh.read_request().target == "/second"
        fresh.send(answer(b"2"))
        assert second.read_response().body == b"2"
        assert fresh.read_request().target == "/third"
        fresh.send(answer(b"3", close=True))
        assert third.read_response().body == b"3"


@pytest.mark.covers("ask-9", "D18")
def test_a_page_with_many_assets_loads(relay, agent):
    """Ten times as many parallel requests as sockets, from keep-alive and one-shot visitors."""
    tunnel = agent(relay, a_name())
    tunnel.serve(lambda sock, request: answer(request.target.encode() * 100), sockets=10)
    laters = [Later(tunnel.visit, target=f"/asset/{index}", timeout=20 * SLOW)
              for index in range(100)]
    for index, later in enumerate(laters):
        assert later.result().body == f"/asset/{index}".encode() * 100


@pytest.mark.covers("ask-9", "D18")
def test_assets_load_from_an_agent_that_closes_after_each_answer(relay, agent):
    tunnel = agent(relay, a_name())
    tunnel.serve(lambda sock, request: answer(request.target.encode(), close=True), sockets=4)
    laters = [Later(tunnel.visit, target=f"/asset/{index}", timeout=20 * SLOW)
              for index in range(80)]
    for index, later in enumerate(laters):
        assert later.result().body == f"/asset/{index}".encode()


@pytest.mark.covers("D18", "S78")
def test_a_visitor_who_left_the_queue_is_not_served(start, agent):
    relay = start("--max-sockets", "1", env={"LT_REQUEST_TIMEOUT": 30000})
    tunnel = agent(relay, a_name())
    sock = tunnel.open_ready()
    with tunnel.visitor() as busy, tunnel.visitor() as stays:
        busy.send(build_request(target="/busy", host=tunnel.host))
        sock.read_request()
        left = []
        for index in range(2):
            left.append(tunnel.visitor())
            left[index].send(build_request("POST", "/left", tunnel.host, body=b"x"))
            wait_waiting(tunnel, index + 1)
        stays.send(build_request(target="/stays", host=tunnel.host))
        wait_waiting(tunnel, 3)
        left[0].reset()
        left[1].close()
        wait_waiting(tunnel, 1)
        sock.send(answer(b"x"))
        assert sock.read_request().target == "/stays"
        sock.send(answer(b"y"))
        assert stays.read_response().body == b"y"
        assert sock.silent(0.2)


@pytest.mark.covers("D9", "D18")
def test_waiting_ends_with_the_request_timeout(start, agent):
    relay = start(env={"LT_REQUEST_TIMEOUT": 700})
    tunnel = agent(relay, a_name())
    sock = tunnel.open_ready()
    with tunnel.visitor() as busy:
        busy.send(build_request(host=tunnel.host))
        sock.read_request()
        begin = time.monotonic()
        assert_error(tunnel.visit(), 503, "no-free-socket", retry_after=(5, 5))
        assert 0.6 <= time.monotonic() - begin < 3 * SLOW


@pytest.mark.covers("D9", "S47", "ask-5")
def test_a_request_waits_for_an_agent_in_grace(relay, agent):
    tunnel = agent(relay, a_name())
    tunnel.open_ready()
    tunnel.drop_sockets()
    tunnel.wait_connected(0)
    with tunnel.visitor() as visitor:
        visitor.send(build_request("POST", "/", tunnel.host, body=b"kept while waiting"))
        assert visitor.silent(0.5)
        sock = tunnel.open()
        assert sock.read_request().body == b"kept while waiting"
        sock.send(answer(b"back"))
        assert visitor.read_response().body == b"back"


@pytest.mark.covers("D9", "S46", "ask-5")
def test_a_request_in_grace_is_served_after_the_name_is_asked_for_again(relay, agent):
    """The npm client restarted: same name by HTTP, perhaps another port."""
    tunnel = agent(relay, a_name())
    tunnel.open_ready()
    tunnel.drop_sockets()
    tunnel.wait_connected(0)
    with tunnel.visitor() as visitor:
        visitor.send(build_request(host=tunnel.host))
        assert visitor.silent(0.3)
        again = agent(relay, tunnel.name)
        assert again.name == tunnel.name
        again.serve(reply(b"restarted"))
        assert visitor.read_response().body == b"restarted"


@pytest.mark.covers("D9", "S71")
def test_a_request_for_a_tunnel_that_never_came_online_waits_too(relay, agent):
    """The client has its URL before its sockets: a visitor in between is not turned away."""
    tunnel = agent(relay, a_name())
    with tunnel.visitor() as visitor:
        visitor.send(build_request(host=tunnel.host))
        assert visitor.silent(0.3)
        tunnel.serve(reply(b"came"))
        assert visitor.read_response().body == b"came"


@pytest.mark.covers("D12")
def test_a_take_over_ends_the_old_clients_sockets(relay, agent):
    old = agent(relay, a_name())
    socks = old.open_ready(3)
    new = agent(relay, old.name)
    assert new.name == old.name
    for sock in socks:
        sock.wait_closed(2 * SLOW)
    new.serve(reply(b"new"))
    assert old.visit().body == b"new"


# second tries

@pytest.mark.covers("S73", "fault-2")
@pytest.mark.parametrize("how", [raw_then_close(b""), raw_then_reset(b"")], ids=["fin", "rst"])
@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "PUT", "DELETE", "TRACE"])
def test_a_bodiless_idempotent_request_is_tried_again(relay, agent, method, how):
    """The socket died as the request went out; the local service may not have seen it."""
    tunnel = agent(relay, a_name())
    tunnel.serve(in_turn(how, reply(b"second")), sockets=2)
    tunnel.wait_connected(2)
    assert tunnel.visit(method, "/again").status == 200
    assert [request.method for request in tunnel.requests] == [method, method]
    assert len({request.get("X-Request-Id") for request in tunnel.requests}) == 1


@pytest.mark.covers("S73", "fault-2")
@pytest.mark.parametrize("how", [raw_then_close(b""), raw_then_reset(b"")], ids=["fin", "rst"])
@pytest.mark.parametrize("method, body", [("POST", b"pay"), ("POST", b""), ("POST", None),
                                          ("PATCH", b"x"), ("LOCK", None)])
def test_an_unsafe_request_is_never_sent_twice(relay, agent, method, body, how):
    tunnel = agent(relay, a_name())
    tunnel.serve(in_turn(how, reply(b"second")), sockets=3)
    tunnel.wait_connected(3)
    response = tunnel.visit(method, "/once", body=body)
    assert_error(response, 503, "agent-lost")
    time.sleep(0.2)
    assert len(tunnel.requests) == 1


@pytest.mark.covers("S73", "fault-2")
def test_a_get_with_half_an_answer_is_not_tried_again(relay, agent):
    tunnel = agent(relay, a_name())
    tunnel.serve(in_turn(raw_then_close(answer(b"complete")[:-3]), reply(b"second")), sockets=2)
    tunnel.wait_connected(2)
    with pytest.raises((BadMessage, ConnectionError)):
        tunnel.visit()
    assert len(tunnel.requests) == 1


@pytest.mark.covers("S73", "fault-2")
def test_a_post_to_a_socket_that_died_before_goes_to_another(relay, agent):
    """Dead before anything was sent: nothing stands against another socket."""
    tunnel = agent(relay, a_name())
    dead = tunnel.open_ready(3)
    good = tunnel.open_ready()
    for sock in dead:
        sock.reset()
    later = Later(tunnel.visit, "POST", "/", body=b"x")
    assert good.read_request().body == b"x"
    good.send(answer(b"ok"))
    assert later.result().body == b"ok"


@pytest.mark.covers("S73")
def test_parked_sockets_that_die_cost_no_get(relay, agent):
    """A local service with a short keep-alive timeout closes as the next request comes."""
    tunnel = agent(relay, a_name())

    def handler(sock, request):
        sock.send(answer(b"ok"))
        sock.close()
    tunnel.serve(handler, sockets=4)
    with tunnel.visitor() as visitor:
        for _ in range(200):
            assert visitor.ask("GET", "/", tunnel.host).body == b"ok"


@pytest.mark.covers("S73", "fault-4")
def test_the_timed_out_socket_is_the_only_one_lost(start, agent):
    relay = start("--response-timeout", ms(300))
    tunnel = agent(relay, a_name())
    tunnel.serve(in_turn(hang(), reply(b"fine")), sockets=2)
    tunnel.wait_connected(2)
    assert_error(tunnel.visit(), 503, "response-timeout")
    assert tunnel.visit().body == b"fine"
    # A time-out says nothing about whether the request was acted upon: no second try.
    assert len(tunnel.requests) == 2


# surplus

@pytest.mark.covers("S84", "D27")
def test_surplus_sockets_get_the_429_and_a_late_end(start, agent):
    relay = start("--max-sockets", "2")
    tunnel = agent(relay, a_name())
    assert tunnel.max_sockets == 2
    tunnel.open_ready(2)
    begin = time.monotonic()
    sock, message = surplus(tunnel)
    assert message.status_line == "429 Too Many Connections"
    assert sorted(message.names()) == sorted([
        "Content-Type", "Content-Length", "X-LT-Max-Sockets", "X-LT-Current-Sockets",
        "X-LT-Available-Sockets", "X-LT-Waiting-Requests", "Connection"])
    assert message.get("Content-Type").startswith("application/json")
    assert message.get("Connection") == "close"
    assert message.json() == {
        "error": "Too Many Connections", "code": 429, "max_sockets": 2, "current_sockets": 2,
        "available_sockets": 2, "waiting_requests": 0}
    assert list(message.json()) == ["error", "code", "max_sockets", "current_sockets",
                                    "available_sockets", "waiting_requests"]
    for field, value in (("X-LT-Max-Sockets", "2"), ("X-LT-Current-Sockets", "2"),
                         ("X-LT-Available-Sockets", "2"), ("X-LT-Waiting-Requests", "0")):
        assert message.get(field) == value
    # Not even half closed before: a node client ends its side on our FIN, and redials at once.
    assert sock.wait_closed(5 * SLOW) == "fin"
    assert 0.5 < time.monotonic() - begin < 2.5 * SLOW


@pytest.mark.covers("S84")
def test_the_429_counts_what_is_true(start, agent):
    relay = start("--max-sockets", "1")
    tunnel = agent(relay, a_name())
    sock = tunnel.open_ready()
    with tunnel.visitor() as first, tunnel.visitor() as second:
        first.send(build_request(host=tunnel.host))
        sock.read_request()
        second.send(build_request(host=tunnel.host))
        wait_waiting(tunnel, 1)
        _, message = surplus(tunnel)
        body = message.json()
        assert (body["current_sockets"], body["available_sockets"]) == (1, 0)
        assert message.get("X-LT-Available-Sockets") == "0"
        sock.send(answer(b"x"))
        sock.read_request()
        sock.send(answer(b"y"))
        assert (first.read_response().body, second.read_response().body) == (b"x", b"y")
    assert tunnel.connected() == 1


@pytest.mark.covers("S84", "D27", "S83")
def test_a_surplus_socket_is_never_given_a_request(start, agent):
    relay = start("--max-sockets", "1")
    tunnel = agent(relay, a_name())
    good = tunnel.open_ready()
    extra = [surplus(tunnel)[0] for _ in range(20)]
    for index in range(3):
        later = Later(tunnel.visit)
        good.read_request()
        good.send(answer(b"%d" % index))
        assert later.result().body == b"%d" % index
    for sock in extra:
        assert sock.wait_closed(5 * SLOW) == "fin"


@pytest.mark.covers("S84", "D27")
def test_a_client_that_redials_on_every_fin_makes_no_storm(start, agent):
    """A node client answers our FIN with its own and dials again without any delay."""
    relay = start("--max-sockets", "1")
    tunnel = agent(relay, a_name())
    tunnel.open_ready()
    dials, end = 0, time.monotonic() + 3
    while time.monotonic() < end:
        dials += 1
        sock, _ = surplus(tunnel)
        sock.wait_closed(5 * SLOW)
        sock.close()
    assert dials <= 6, f"{dials} dials in three seconds"


@pytest.mark.covers("S84")
def test_a_place_that_becomes_free_can_be_taken(start, agent):
    relay = start("--max-sockets", "1")
    tunnel = agent(relay, a_name())
    tunnel.open_ready().close()
    tunnel.wait_connected(0)
    sock = tunnel.open_ready()
    assert_nothing_sent(sock, 0.1)


# bytes nobody asked for

@pytest.mark.covers("D27", "fault-28")
@pytest.mark.parametrize("data", [
    b"x", b"\r\n", answer(b"unasked"), b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"\x16\x03\x01\x02"])
def test_bytes_on_an_idle_socket_drop_it(relay, agent, data):
    tunnel = agent(relay, a_name())
    bad, good = tunnel.open_ready(2)
    bad.send(data)
    bad.wait_closed()
    tunnel.wait_connected(1)
    later = Later(tunnel.visit)
    good.read_request()
    good.send(answer(b"asked"))
    assert later.result().body == b"asked"


@pytest.mark.covers("D27", "fault-28")
def test_bytes_on_a_parked_socket_drop_it(relay, agent):
    tunnel = agent(relay, a_name())
    sock = tunnel.open_ready()
    later = Later(tunnel.visit)
    sock.read_request()
    sock.send(answer(b"asked"))
    assert later.result().body == b"asked"
    sock.send(answer(b"unasked"))
    sock.wait_closed()
    tunnel.wait_connected(0)


@pytest.mark.covers("S77", "S83")
def test_constant_churn_of_sockets_loses_no_request(relay, agent):
    """What npm clients do all day: sockets that close a moment after their answer."""
    tunnel = agent(relay, a_name())

    def handler(sock, request):
        sock.send(answer(request.target.encode()))
        sock.half_close()
        # A request may have been on its way: it goes unanswered here and has to be tried again.
        sock.read_to_end()
    tunnel.serve(handler, sockets=5)
    before = relay.fds()
    for index in range(150):
        response = tunnel.visit(target=f"/{index}")
        assert response.text() == f"/{index}"
    wait_for(lambda: relay.fds() <= before + 8, "descriptors to be given back")


@pytest.mark.covers("S83", "S47")
def test_sockets_that_come_and_go_before_any_request(relay, agent):
    tunnel = agent(relay, a_name())
    for _ in range(100):
        sock = tunnel.open()
        sock.reset() if _ % 2 else sock.close()
    tunnel.wait_connected(0)
    tunnel.serve(reply(b"ok"))
    assert tunnel.visit().body == b"ok"
