"""Who gets which name, among sessions and pool clients, on one worker and across two."""
import collections
import threading

import pytest

from harness import http
from harness.agent import create
from harness.http import visit
from harness.relay import free_ports
from harness.session import Refused, Session, on_worker, reply
from harness.traffic import Later
from harness.wait import DEADLINE, wait_for

WORKERS = pytest.mark.parametrize("workers", [1, 2])


@pytest.mark.covers("S96")
def test_names_follow_the_rules(start):
    relay = start()
    with Session(relay, client="a") as peer, Session(relay, client="b") as other:
        for at, name in enumerate(["abc", "Upper", "-abcd", "www", "x" * 64, "a.bcd", "", "tcp:1"]):
            answer = peer.register_refused(10 + at, subdomain=name)
            assert (answer["code"], answer["fatal"]) == ("invalid-name", True), name
        assert peer.register(1)["name"]
        assert peer.register(2, subdomain="demo")["name"] == "demo"
        assert other.register(1, subdomain="demo")["name"] not in ("", "demo")
        assert peer.register_refused(2)["code"] == "bad-message"
        assert len(relay.find_logs("tunnel refused")) == 1, "one a minute for each source"
        peer.serve(reply(b"a"))
        other.serve(reply(b"b"))
        assert visit(relay).body == b"a"


@WORKERS
def test_a_strict_relay_refuses_the_names_of_others(start, workers):
    relay = start("--ip-validation-strict", "--workers", workers)
    with on_worker(0, lambda: Session(relay, client="a")) as peer:
        with on_worker(workers - 1, lambda: Session(relay, client="b")) as other:
            peer.register(subdomain="demo")
            answer = other.register_refused(subdomain="demo")
            assert (answer["code"], answer["fatal"]) == ("name-in-use", True)
            peer.cut()
            relay.wait_log("tunnel offline")
            answer = other.register_refused(subdomain="demo")
            assert answer["code"] == "name-reserved" and not answer.get("fatal")
            assert 1 <= answer["retry_after"] <= 30


@pytest.mark.tsan
@WORKERS
def test_the_same_client_takes_its_name_over_at_once(start, workers):
    relay = start("--workers", workers)
    with on_worker(0, lambda: Session(relay, client="me")) as peer:
        with on_worker(workers - 1, lambda: Session(relay, client="me")) as later:
            peer.register(4, subdomain="demo")
            peer.serve(reply(b"old"))
            later.serve(reply(b"new"))
            assert visit(relay).body == b"old"
            assert later.register(subdomain="demo")["name"] == "demo"
            error = peer.expect("error", tunnel=4)
            assert (error["code"], error["fatal"]) == ("superseded", True)
            assert visit(relay).body == b"new"
            assert peer.register(4)["name"] != "demo"


@WORKERS
def test_a_parked_session_does_not_hold_the_name_against_its_client(start, workers):
    relay = start("--workers", workers)
    with on_worker(0, lambda: Session(relay, client="me")) as peer:
        with on_worker(workers - 1, lambda: Session(relay, client="me")) as later:
            peer.register(subdomain="demo")
            peer.cut()
            relay.wait_log("tunnel offline")
            later.serve(reply(b"new"))
            assert later.register(subdomain="demo")["name"] == "demo"
            assert visit(relay).body == b"new"
            relay.wait_log({"msg": "session ended", "session": peer.id})
            with pytest.raises(Refused):
                peer.resume()


@WORKERS
def test_a_pool_client_and_an_agent_of_one_token_take_over_from_each_other(start, workers):
    relay = start("--workers", workers)
    assert create(relay, "demo", token="me").status == 200
    with on_worker(workers - 1, lambda: Session(relay, client="me")) as peer:
        peer.serve(reply(b"session"))
        assert peer.register(subdomain="demo")["name"] == "demo"
        assert visit(relay).body == b"session"
        response = create(relay, "demo", token="me")
        assert response.status == 200 and response.json()["id"] == "demo"
        assert peer.expect("error", tunnel=1)["code"] == "superseded"
        with on_worker(0, lambda: Session(relay, client="other")) as other:
            assert other.register(subdomain="demo")["name"] != "demo"


@pytest.mark.parametrize("home", [0, 1, 2])
def test_a_session_begins_where_its_tunnel_is(start, home):
    """Whoever waits for the tunnel goes on waiting, and gets the one that comes."""
    relay = start("--workers", 3, admin=True)
    first = on_worker(home, lambda: Session(relay, client="me"))
    first.register(subdomain="demo")
    first.cut()
    waits = Later(visit, relay, timeout=6 * DEADLINE)
    wait_for(lambda: "adit_requests_waiting 1\n" in http.fetch(
        relay.admin_port, target="/metrics", host="localhost").text(), "a request that waits")
    with Session(relay, client="me", fields=[("Adit-Tunnel", "nobody-s")]) as other, \
            Session(relay, client="me", fields=[("Adit-Tunnel", "demo")]) as second:
        assert other.id and int(second.id[:2], 16) == home
        second.register(subdomain="demo")
        second.serve(reply(b"second"))
        assert waits.result().body == b"second"


@pytest.mark.tsan
def test_a_name_is_always_somebodys_on_its_way_to_another_worker(start):
    """Visitors who come meanwhile are not told that there is no such tunnel."""
    relay = start("--workers", 2)
    over, codes = threading.Event(), set()

    def visit_all_the_time():
        while not over.is_set():
            answer = visit(relay)
            codes.add(answer.get("X-Adit-Error"))
    with on_worker(0, lambda: Session(relay, client="me")) as first, \
            on_worker(1, lambda: Session(relay, client="me")) as second:
        for peer in (first, second):
            peer.serve(reply(b"here"))
        first.register(1, subdomain="demo")
        visitors = [Later(visit_all_the_time) for _ in range(6)]
        for number in range(2, 120):
            loser, winner = (first, second) if number % 2 == 0 else (second, first)
            winner.register(number, subdomain="demo")
            loser.expect("error", tunnel=number - 1, code="superseded")
        over.set()
        for visitor in visitors:
            visitor.result()
    assert None in codes and codes <= {None, "tunnel-offline", "agent-lost"}


def test_a_session_begins_where_its_tcp_tunnel_is(start):
    port = free_ports()
    relay = start("--workers", 3, "--tcp-port-range-start", port, "--tcp-port-range-end", port)
    for home in range(3):
        with on_worker(home, lambda: Session(relay, client="me")) as first:
            first.register(proto="tcp", port=port)
            with Session(relay, client="me", fields=[("Adit-Tunnel", f"tcp:{port}")]) as second:
                assert second.id[:2] == first.id[:2]


@pytest.mark.tsan
def test_sessions_that_share_get_visitors_in_turn(start):
    relay = start("--workers", 2)
    with Session(relay, client="me") as first:
        with Session(relay, client="me", fields=[("Adit-Beside", first.id)]) as second:
            assert second.id[:2] == first.id[:2], "beside means on the same worker"
            for peer, body in ((first, b"1"), (second, b"2")):
                peer.register(subdomain="demo", share=True)
                peer.serve(reply(body))
            wait_for(lambda: first.pings >= 2, "the first one to be asked for a sign of life")
            assert sorted(visit(relay).body for _ in range(6)) == [b"1"] * 3 + [b"2"] * 3
            status = http.fetch(relay.port, target="/api/tunnels/demo/status", host=relay.domain)
            assert status.json() == {"connected_sockets": 2}
            first.cut()
            relay.wait_log("link lost")
            assert [visit(relay).body for _ in range(4)] == [b"2"] * 4
            first.resume()
            assert sorted(visit(relay).body for _ in range(4)) == [b"1"] * 2 + [b"2"] * 2
            with Session(relay, client="me", fields=[("Adit-Beside", first.id)]) as alone:
                alone.register(subdomain="demo")
                alone.serve(reply(b"3"))
                for peer in (first, second):
                    assert peer.expect("error")["code"] == "superseded"
                assert visit(relay).body == b"3"


def test_who_joins_a_tunnel_shows_who_of_the_others_is_dead(start):
    """An agent that starts again where its machine was lost does not share its visitors with the past."""
    relay = start("--workers", 1)
    with Session(relay, client="me") as gone, Session(relay, client="me") as well:
        for peer in (gone, well):
            peer.register(subdomain="demo", share=True)
        gone.fall_silent()
        with Session(relay, client="me") as again:
            for peer in (well, again):
                peer.serve(reply(b"here"))
            again.register(subdomain="demo", share=True)
            # At once: who is asked gets visitors again when it has answered.
            assert [visit(relay).body for _ in range(6)] == [b"here"] * 6
            relay.wait_log({"msg": "link lost", "session": gone.id})
            assert [visit(relay).body for _ in range(6)] == [b"here"] * 6
            assert not well.lost and not again.lost


def test_sessions_beside_one_of_a_relay_with_more_workers_meet(start):
    """As those of an agent do when its relay has started anew."""
    relay = start("--workers", 2)
    for home in range(2, 6):
        fields = [("Adit-Beside", f"{home:02x}" + "0" * 32)]
        for _ in range(8):
            with Session(relay, fields=fields) as peer:
                assert int(peer.id[:2], 16) == home % 2


GRACE = ("--grace-period", "300000")  # more than any test waits
OUTLIVED = "its agent was started anew"


def process(relay, name, client="me", **link):
    """A session of an agent's process."""
    peer = Session(relay, client=client, hello=False, **link)
    peer.hello(process=name)
    return peer


def lose(relay, peer):
    peer.cut()
    relay.wait_log({"msg": "link lost", "session": peer.id})


def ended(relay, peer):
    return relay.find_logs({"msg": "session ended", "session": peer.id})


@pytest.mark.parametrize("share", [True, False])
def test_a_process_that_is_started_anew_ends_the_sessions_of_its_past(start, share):
    """Visitors of the dead one are sent to it, or told, without waiting for the grace period."""
    relay = start("--workers", 1, *GRACE)
    with process(relay, "old") as first, process(relay, "old") as second:
        for peer in (first, second)[:1 + share]:
            peer.register(1, subdomain="demo", share=share)
            peer.register(2, subdomain="rest-of-it" if peer is first else "more-of-it")
        with http.Visitor(relay.port) as getter, http.Visitor(relay.port) as poster:
            getter.send(http.build_request("GET", "/", f"demo.{relay.domain}"))
            poster.send(http.build_request("POST", "/", f"demo.{relay.domain}", body=b"once"))
            wait_for(lambda: len(first.streams) + len(second.streams) == 2, "both visitors")
            for peer in (first, second):
                lose(relay, peer)
            with process(relay, "new") as again:
                again.serve(reply(b"here"))
                again.register(subdomain="demo", share=share)
                assert getter.read_response().body == b"here"
                response = poster.read_response()
                assert (response.status, response.get("X-Adit-Error")) == (503, "agent-lost")
                for peer in (first, second)[:1 + share]:
                    line = relay.wait_log({"msg": "session ended", "session": peer.id})
                    assert line["reason"] == OUTLIVED
                # What else it had is kept for its client, and for nobody else.
                with Session(relay, client="you") as stranger:
                    assert stranger.register(subdomain="rest-of-it")["name"] != "rest-of-it"
                assert again.register(2, subdomain="rest-of-it")["name"] == "rest-of-it"
                with pytest.raises(Refused) as refused:
                    first.resume()
                assert refused.value.code == "session-gone"


def test_a_process_whose_end_nobody_noticed_is_outlived_when_it_does_not_answer(start):
    relay = start("--workers", 1, *GRACE)
    with process(relay, "old") as gone, process(relay, "other") as well:
        for peer in (gone, well):
            peer.register(subdomain="demo", share=True)
        gone.fall_silent()
        with process(relay, "new") as again:
            again.register(subdomain="demo", share=True)
            line = relay.wait_log({"msg": "session ended", "session": gone.id})
            assert line["reason"] == OUTLIVED
            wait_for(lambda: well.pings >= 2, "the other one to be asked")
            well.register(2, subdomain="alive")
            # It has answered: what becomes of its link later is something else.
            lose(relay, well)
            well.resume()
            assert not ended(relay, well)


@pytest.mark.parametrize("why", ["same", "unnamed", "names-none", "other-client", "linked"])
def test_nobody_else_ends_a_session_that_has_lost_its_link(start, book, why):
    """A lane of the same process, who says nothing of processes, another machine of the account."""
    key = [("Authorization", f"Bearer {book.key('ann')}")]
    relay = start("--workers", 1, *GRACE, *book.flags)
    names = {"unnamed": (None, "new"), "names-none": ("old", None), "same": ("old", "old")}
    before, after = names.get(why, ("old", "new"))

    def begin(name, client):
        peer = Session(relay, client=client, hello=False, fields=key)
        peer.hello(**({"process": name} if name else {}))
        return peer
    with begin(before, "laptop") as first:
        first.register(subdomain="demo", share=True)
        if why != "linked":
            lose(relay, first)
        with begin(after, "desktop" if why == "other-client" else "laptop") as second:
            second.register(subdomain="demo", share=True)
            if why == "linked":
                wait_for(lambda: first.pings >= 2, "a question whether it lives")
                first.register(2, subdomain="alive")
                lose(relay, first)
            first.resume(key)
            assert not ended(relay, first)
            for peer, body in ((first, b"1"), (second, b"2")):
                peer.serve(reply(body))
            assert sorted(visit(relay).body for _ in range(4)) == [b"1"] * 2 + [b"2"] * 2


def test_a_session_that_has_answered_once_is_not_outlived_by_others(start, book):
    """Its client has two processes; then another machine joins while its network fails."""
    key = [("Authorization", f"Bearer {book.key('ann')}")]
    relay = start("--workers", 1, *GRACE, *book.flags)
    with process(relay, "one", "laptop", fields=key) as first, \
            process(relay, "two", "laptop", fields=key) as second:
        for peer in (first, second):
            peer.register(subdomain="demo", share=True)
        wait_for(lambda: first.pings >= 2, "a question whether it lives")
        first.register(2, subdomain="alive")
        first.fall_silent()
        with process(relay, "three", "desktop", fields=key) as third:
            third.register(subdomain="demo", share=True)
            relay.wait_log({"msg": "link lost", "session": first.id})
            first.resume(key)
            assert not ended(relay, first)


def test_a_shared_tunnel_has_one_home(start):
    relay = start("--workers", 2)
    with on_worker(0, lambda: Session(relay, client="me")) as first:
        with on_worker(1, lambda: Session(relay, client="me")) as second:
            first.register(subdomain="demo", share=True)
            answer = second.register_refused(subdomain="demo", share=True)
            assert answer["code"] == "name-in-use" and not answer.get("fatal")
            first.serve(reply(b"1"))
            second.serve(reply(b"2"))
            assert visit(relay).body == b"1"
            first.cut()
            relay.wait_log("tunnel offline")
            second.register(subdomain="demo", share=True)
            assert visit(relay).body == b"2"


@pytest.mark.parametrize("workers", [1, 2])
def test_a_shared_tunnel_is_not_kept_by_a_session_that_is_dead(start, workers):
    """Nobody has noticed yet: silence shows after 25 s."""
    relay = start("--workers", workers)
    with on_worker(0, lambda: Session(relay, client="me")) as dead, \
            on_worker(workers - 1, lambda: Session(relay, client="me")) as again:
        dead.register(subdomain="demo", share=True)
        dead.fall_silent()
        again.serve(reply(b"here"))

        def is_registered():
            again.say(type="register", tunnel=1, proto="http", subdomain="demo", share=True)
            return again.next_message()["type"] == "registered"
        wait_for(is_registered, "the name", every=0.2)
        relay.wait_log({"msg": "link lost", "session": dead.id})
        assert [visit(relay).body for _ in range(4)] == [b"here"] * 4


@pytest.mark.tsan
def test_two_workers_fight_for_one_name_and_nothing_breaks(start):
    relay = start("--workers", 2)
    with on_worker(0, lambda: Session(relay, client="me")) as first:
        with on_worker(1, lambda: Session(relay, client="me")) as second:
            for number in range(1, 41):
                first.say(type="register", tunnel=number, proto="http", subdomain="demo")
                second.say(type="register", tunnel=number, proto="http", subdomain="demo")
            for peer, name in ((first, "last"), (second, "least")):
                peer.say(type="register", tunnel=99, proto="http", subdomain=name)
                answered = set()
                while 99 not in answered:
                    message = peer.next_message()
                    assert message["type"] in ("registered", "error")
                    answered.add(message["tunnel"])
                assert answered == {*range(1, 41), 99}


@pytest.mark.tsan
def test_nobody_else_has_a_name_on_its_way_between_workers(start):
    relay = start("--workers", 2, "--ip-validation-strict")
    over = threading.Event()
    answers = collections.Counter()

    def ask():
        while not over.is_set():
            answers[create(relay, "demo").status] += 1
    with on_worker(0, lambda: Session(relay, client="me")) as first, \
            on_worker(1, lambda: Session(relay, client="me")) as second:
        first.register(1, subdomain="demo")
        strangers = [threading.Thread(target=ask) for _ in range(4)]
        for thread in strangers:
            thread.start()
        try:
            for number in range(2, 102):
                peer = first if number % 2 else second
                peer.say(type="register", tunnel=number, proto="http", subdomain="demo")
                message = peer.next_message()
                while message["tunnel"] != number:
                    message = peer.next_message()
                assert message["type"] == "registered", (number, message)
        finally:
            over.set()
            for thread in strangers:
                thread.join()
    assert list(answers) == [409], answers


def test_a_session_that_ends_while_its_name_is_fetched(start):
    relay = start("--workers", 2)
    with on_worker(0, lambda: Session(relay, client="me")) as first:
        first.register(subdomain="demo")
        for _ in range(10):
            with on_worker(1, lambda: Session(relay, client="me")) as second:
                second.say(type="register", tunnel=1, proto="http", subdomain="demo")
        first.say(type="register", tunnel=9, proto="http", subdomain="still")
        assert first.expect("error", tunnel=1)["code"] == "superseded"
        assert first.expect("registered", tunnel=9)["name"] == "still"


@pytest.mark.parametrize("workers", [1, 2])
def test_a_signed_relay_wants_signed_sessions(start, workers):
    relay = start("--workers", workers, env={"LT_HMAC_SECRET": "s" * 32})
    with pytest.raises(Refused) as refused:
        Session(relay)
    assert (refused.value.status, refused.value.code) == (401, "not-authenticated")
    assert refused.value.response.json()["error"] == "not-authenticated"


def test_other_refusals(start):
    relay = start("--max-sessions", 1, "--workers", 1)
    with Session(relay) as peer:
        for how, status, code in (({"version": "2"}, 426, "version-not-supported"),
                                  ({}, 503, "overloaded")):
            with pytest.raises(Refused) as refused:
                peer.ask(**how)
            assert (refused.value.status, refused.value.code) == (status, code)
            assert refused.value.response.json()["error"] == code
            assert refused.value.response.get("Upgrade") == ("adit" if status == 426 else None)
        peer.resume()


def test_sessions_begin_where_tunnels_are_created(start):
    relay = start(admin=True)
    with Session(relay) as peer:
        peer.register(subdomain="demo")
        peer.serve(reply(b"x"))
        assert visit(relay).body == b"x"
        with http.Visitor(relay.port) as visitor:
            visitor.send(peer.request())
            assert visitor.read_response().get("X-Adit-Error") == "agents-elsewhere"


def test_the_url_has_the_host_that_the_agent_came_by(start):
    relay = start(domain=None)
    with Session(relay, host="127.0.0.1") as peer:
        assert peer.register(subdomain="demo")["url"] == f"http://demo.localhost:{relay.port}"
    with Session(relay, host="tunnels.example") as peer:
        assert peer.register(subdomain="demo2")["url"] == f"http://demo2.tunnels.example:{relay.port}"
        wait_for(lambda: relay.find_logs("tunnel registered"), "a line with the url")
