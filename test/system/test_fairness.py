"""Who says very much at once waits while others are served, and loses nothing by it."""
import signal
import threading
import time

import pytest

from harness import http
from harness.agent import answer, create
from harness.http import visit
from harness.session import Session, reply

BURST = 4096  # lines of a control stream at once
EVERY = 0.005  # seconds for each after those


@pytest.fixture
def relay(start):
    return start("--workers", 1)


# visitors

def ask(host, number):
    return http.build_request(target=f"/{number}", host=host)


def ids(responses):
    return [response.get("X-Request-Id") for response in responses]


@pytest.mark.parametrize("half_close", [False, True])
def test_many_requests_at_once_are_all_answered_in_their_order(relay, half_close):
    count = 2000
    with http.Visitor(relay.port) as visitor:
        sender = threading.Thread(target=visitor.send, args=(
            b"".join(ask("no-such-app.lt.test", number) for number in range(count)),), daemon=True)
        sender.start()
        responses = [visitor.read_response() for _ in range(count // 2)]
        sender.join()
        if half_close:
            visitor.half_close()
        responses += [visitor.read_response() for _ in range(count - len(responses))]
        assert {response.status for response in responses} == {404}
        assert len(set(ids(responses))) == count
        if half_close:
            visitor.wait_closed()
        else:
            assert visitor.ask(host="no-such-app.lt.test").status == 404


def test_requests_that_are_served_stand_between_those_that_are_not(relay, agent):
    mine = agent(relay, "turn-app").serve(lambda sock, request: answer(request.target.encode()))
    with mine.visitor() as visitor:
        wanted = []
        for number in range(300):
            hosts = ["no-such-app.lt.test"] * (number % 40) + [mine.host]
            visitor.send(b"".join(ask(host, number) for host in hosts))
            wanted += [404] * (number % 40) + [200]
            if number % 10 == 9:
                got = [visitor.read_response() for _ in wanted]
                assert [response.status for response in got] == wanted
                assert got[-1].body == f"/{number}".encode()
                wanted = []


def test_requests_that_wait_for_their_turn_when_the_visitor_leaves(relay, agent):
    mine = agent(relay, "stay-app").serve(lambda sock, request: answer(b"fine"))
    for _ in range(10):
        visitor = http.Visitor(relay.port)
        visitor.send(ask("no-such-app.lt.test", 1) * 1000)
        visitor.read_response()
        visitor.reset()
        assert mine.visit().body == b"fine"


def test_requests_that_wait_for_their_turn_when_the_relay_ends(relay):
    with http.Visitor(relay.port) as visitor:
        visitor.send(ask("no-such-app.lt.test", 1) * 1000)
        visitor.read_response()
        relay.signal(signal.SIGTERM)
        visitor.read_to_end()
    assert relay.wait_exit() == 0


def test_many_requests_to_a_tunnel_without_an_agent(start, agent):
    """Each is refused at once: nothing may be in the queue."""
    relay = start("--workers", 1, "--max-waiting", 0)
    create(relay, "away-app")
    with http.Visitor(relay.port) as visitor:
        visitor.send(ask("away-app.lt.test", 1) * 500)
        for _ in range(500):
            assert visitor.read_response().status == 503


# agents

def say_without_end(peer, count):
    """So many lines that are answered each; when all answers are here, how long it took."""
    began = time.monotonic()
    line = b'{"type":"unregister","tunnel":5}\n'
    for first in range(0, count, 100):
        peer.data(1, line * min(100, count - first))
        for _ in range(min(100, count - first)):
            peer.expect("closed", tunnel=5)
    return time.monotonic() - began


def test_an_agent_that_says_more_than_agents_have_to_say_is_heard_more_slowly(relay):
    with Session(relay) as peer:
        peer.register(subdomain="demo")
        peer.serve(reply(b"fine"))
        took = say_without_end(peer, BURST + 200)
        assert took >= 190 * EVERY
        assert visit(relay).body == b"fine"
        assert not peer.lost


def test_visitors_of_an_agent_whose_lines_wait_are_served(relay):
    with Session(relay) as peer:
        peer.register(subdomain="demo")
        peer.serve(reply(b"fine"))
        say_without_end(peer, BURST)
        peer.data(1, b'{"type":"unregister","tunnel":5}\n' * 200)
        for _ in range(5):
            assert visit(relay).body == b"fine"
        for _ in range(200):
            peer.expect("closed", tunnel=5)


def test_a_session_whose_lines_wait_may_end(relay):
    with Session(relay, client="one") as peer:
        say_without_end(peer, BURST)
        peer.data(1, b'{"type":"unregister","tunnel":5}\n' * 500)
        peer.cut()
    with Session(relay, client="two", resume=False) as peer:
        say_without_end(peer, BURST)
        peer.data(1, b'{"type":"unregister","tunnel":5}\n' * 500)
        peer.cut()
        relay.wait_log({"msg": "session ended", "session": peer.id})


def test_reasons_of_failures_are_not_slowed_down(relay):
    """There are as many as visitors, and each must be there before its stream is reset."""
    def fail(stream, request):
        peer.say(type="failed", stream=stream.number, code="local-refused", message="x")
        stream.reset()
    with Session(relay) as peer:
        peer.register(subdomain="demo")
        say_without_end(peer, BURST)
        peer.serve(fail)
        for _ in range(50):
            assert visit(relay).get("X-Adit-Error") == "local-refused"
