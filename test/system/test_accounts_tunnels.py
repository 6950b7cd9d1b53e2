"""How many tunnels an account, or an address without one, may have."""
import json

import pytest

from harness import http
from harness.accounts import bearer, with_key
from harness.agent import create
from harness.session import Session, on_worker
from harness.wait import wait_for

WORKERS = pytest.mark.parametrize("workers", [1, 2])
PLANS = """default: small
anonymous: one
plans:
  small:
    tunnels: 2
  one:
    tunnels: 1
  large:
    tunnels: 3
"""


def start_plans(start, book, *flags, text=PLANS, **how):
    return start(*book.flags, "--plans", "plans.yaml", *flags, files={"plans.yaml": text}, **how)


def wait_written_down(relay, key, name):
    """Until the relay gives the random name back to its key."""
    wait_for(lambda: name.encode() in http.fetch(
        relay.admin_port, target="/api/v1/names", host="localhost",
        headers=bearer(key)).body, "the name to be written down")


@WORKERS
def test_an_account_has_as_many_tunnels_as_its_plan_says(start, book, workers):
    one, two = book.key("alice"), book.key("alice")
    book.account("bob", plan="large")
    three = book.key("bob")
    relay = start_plans(start, book, "--workers", workers)
    first = on_worker(0, lambda: with_key(relay, one))
    second = on_worker(workers - 1, lambda: with_key(relay, two))
    first.register(1)
    second.register(1)
    answer = second.register_refused(2)
    assert (answer["code"], answer["fatal"]) == ("TUNNEL_LIMIT_REACHED", True)
    answer = create(relay, headers=bearer(one))
    assert (answer.status, answer.get("X-Adit-Error")) == (403, "TUNNEL_LIMIT_REACHED")
    with with_key(relay, three) as other:
        assert all(other.register(number)["name"] for number in (1, 2, 3))
        assert other.register_refused(4)["code"] == "TUNNEL_LIMIT_REACHED"
    first.say(type="unregister", tunnel=1)
    first.expect("closed", tunnel=1)
    assert second.register(3)["name"]
    first.close()
    second.close()


def test_an_address_without_a_key_has_its_own_plan(start, book):
    relay = start_plans(start, book)
    assert create(relay, "demo").status == 200
    assert create(relay, "demo2").get("X-Adit-Error") == "TUNNEL_LIMIT_REACHED"
    assert create(relay, "demo3", source="127.0.0.2").status == 200
    with Session(relay) as peer:
        assert peer.register_refused()["code"] == "TUNNEL_LIMIT_REACHED"


@pytest.mark.parametrize("how", ["path", "post", "password"])
def test_who_is_refused_a_name_goes_once_to_where_its_own_lives(start, book, how):
    """Each of the two names is on another worker: the way leads there, and not back again."""
    alice, bob = book.key("alice"), book.key("bob")
    relay = start(*book.flags, "--workers", 2, "--bcrypt-cost", 4, admin=True)
    with on_worker(1, lambda: with_key(relay, bob)) as other:
        assert other.register(1, subdomain="demo")["name"] == "demo"
        first = on_worker(0, lambda: with_key(relay, alice))
        own = first.register(1)["name"]
        wait_written_down(relay, alice, own)
        first.close()
        relay.wait_log({"msg": "tunnel offline", "tunnel": own})
        body = {"post": b'{"subdomain":"demo"}',
                "password": b'{"subdomain":"demo","password":"hunter22"}'}.get(how)
        answer = http.fetch(relay.admin_port, "POST" if body else "GET",
                            "/api/tunnels" if body else "/demo", host="localhost",
                            headers=bearer(alice), body=body)
        assert answer.status == (201 if body else 200), answer.text()
        assert json.loads(answer.body)["id"] == own


def via(*hops):
    return [("X-Forwarded-For", ", ".join(hops))]


def test_behind_a_proxy_an_address_that_a_visitor_writes_itself_opens_no_more(start, book):
    relay = start_plans(start, book, "--trust-proxy")
    assert create(relay, "demo", headers=via("203.0.113.1")).status == 200
    for forged in ("192.0.2.1", "192.0.2.2", "x"):
        refused = create(relay, "demo2", headers=via(forged, "203.0.113.1"))
        assert refused.get("X-Adit-Error") == "TUNNEL_LIMIT_REACHED"
        with Session(relay, client="me", fields=via(forged, "203.0.113.1")) as peer:
            assert peer.register_refused()["code"] == "TUNNEL_LIMIT_REACHED"
    # Two fields are one list.
    refused = create(relay, "demo2", headers=via("192.0.2.9") + via("203.0.113.1"))
    assert refused.get("X-Adit-Error") == "TUNNEL_LIMIT_REACHED"
    assert create(relay, "demo2", headers=via("203.0.113.1", "203.0.113.2")).status == 200
    with Session(relay, client="other", fields=via("2001:db8::1")) as peer, \
            Session(relay, client="else", fields=via("2001:db8::2")) as neighbour:
        assert peer.register()["name"]
        assert neighbour.register_refused()["code"] == "TUNNEL_LIMIT_REACHED", "of one network"


def test_without_a_proxy_that_is_trusted_nothing_that_is_written_counts(start, book):
    relay = start_plans(start, book)
    assert create(relay, "demo", headers=via("192.0.2.1")).status == 200
    assert create(relay, "demo2", headers=via("192.0.2.2")).get(
        "X-Adit-Error") == "TUNNEL_LIMIT_REACHED"


def test_a_tunnel_in_grace_is_in_nobodys_way(start, book):
    key = book.key("alice")
    relay = start_plans(start, book, text=PLANS.replace("tunnels: 2", "tunnels: 1"))
    peer = with_key(relay, key)
    name = peer.register(1, subdomain="demo")["name"]
    peer.cut()
    relay.wait_log({"msg": "tunnel offline", "tunnel": name})
    with with_key(relay, key) as second:
        assert second.register(1, subdomain="other")["name"] == "other"
        # Both may not be served: when the first one comes back, one of them ends.
        peer.resume(fields=bearer(key))
        relay.wait_log("tunnel ended, there are more than the plan allows")
        errors = [one.next_message() for one in (peer, second) if one.messages]
        assert all(error["code"] == "TUNNEL_LIMIT_REACHED" for error in errors)
        assert sorted(exists(relay, one) for one in ("demo", "other")) == [False, True]
    peer.close()


@pytest.mark.parametrize("asked", [True, False], ids=["by name", "unasked"])
@WORKERS
def test_a_tunnel_in_grace_comes_back_into_room_only(start, book, workers, asked):
    """Who asks for it is refused, here and where it lives elsewhere; nobody else loses anything."""
    key = book.key("alice")
    relay = start_plans(start, book, "--workers", workers, admin=True)
    peer = on_worker(0, lambda: with_key(relay, key))
    own = peer.register(1)["name"]
    wait_written_down(relay, key, own)
    peer.cut()
    relay.wait_log("tunnel offline")
    with on_worker(workers - 1, lambda: with_key(relay, key)) as other:
        names = [other.register(number, subdomain=f"other-{number}")["name"] for number in (1, 2)]
        wish = {"subdomain": own} if asked else {}
        answer = other.register_refused(3, **wish)
        assert (answer["code"], answer["fatal"]) == ("TUNNEL_LIMIT_REACHED", True)
        answer = create(relay, own if asked else None, headers=bearer(key))
        assert (answer.status, answer.get("X-Adit-Error")) == (403, "TUNNEL_LIMIT_REACHED")
        assert all(exists(relay, name) for name in [own, *names]), relay.text()
        other.say(type="unregister", tunnel=1)
        other.expect("closed", tunnel=1)
        assert other.register(4, **wish)["name"] == own
        assert not other.messages, relay.text()
    peer.close()


def exists(relay, name):
    return http.fetch(relay.create_port, target=f"/api/tunnels/{name}/status",
                      host="lt.test").status == 200


@WORKERS
def test_a_plan_says_how_many_tunnels_have_a_password(start, book, workers):
    one, two = book.key("alice"), book.key("alice")
    relay = start_plans(start, book, "--bcrypt-cost", 4, "--workers", workers, text="""default: only
plans:
  only:
    password-tunnels: 1
""")
    with on_worker(0, lambda: with_key(relay, one)) as peer, \
            on_worker(workers - 1, lambda: with_key(relay, two)) as other:
        assert peer.register(1, subdomain="demo", password="secret")["protected"]
        answer = other.register_refused(1, password="secret")
        assert (answer["code"], answer["fatal"]) == ("PASSWORD_LIMIT_REACHED", True)
        assert other.register(1, subdomain="open-one")["name"] == "open-one"
        # One more for a tunnel that is open already, and once more for the one that has it.
        assert peer.register_refused(2, subdomain="open-one", password="secret")["code"] == \
            "PASSWORD_LIMIT_REACHED"
        assert other.register(2, subdomain="demo", password="other")["protected"]
        assert peer.expect("error", tunnel=1)["code"] == "superseded"
        # Without its password it makes room, and so it does when it ends.
        assert not peer.register(3, subdomain="demo").get("protected")
        assert other.expect("error", tunnel=2)["code"] == "superseded"
        assert peer.register(4, subdomain="next", password="secret")["protected"]
        peer.say(type="unregister", tunnel=4)
        peer.expect("closed", tunnel=4)
        assert peer.register(5, subdomain="last", password="secret")["protected"]
    answer = http.fetch(relay.port, "POST", "/api/tunnels", "lt.test",
                        [*bearer(one), ("Content-Type", "application/json")],
                        b'{"subdomain":"more","password":"secret"}')
    assert (answer.status, answer.get("X-Adit-Error")) == (403, "PASSWORD_LIMIT_REACHED")


def storm(relay, key):
    """Many sessions ask at once: two are let in, and nobody takes from them what they were given."""
    peers = [with_key(relay, key) for _ in range(12)]
    for peer in peers:
        peer.say(type="register", tunnel=1, proto="http")
    answers = [peer.next_message() for peer in peers]
    what_was_said = f"{answers}, then {[list(peer.messages) for peer in peers]}\n{relay.text()}"
    names = [answer["name"] for answer in answers if answer["type"] == "registered"]
    assert len(set(names)) == len(names) == 2, what_was_said
    assert {answer["code"] for answer in answers if answer["type"] == "error"} == \
        {"TUNNEL_LIMIT_REACHED"}, what_was_said
    assert all(exists(relay, name) for name in names), what_was_said
    assert not any(peer.messages for peer in peers), what_was_said
    for peer in peers:
        peer.close()


def test_a_storm_of_registrations_stays_within_the_plan(start, book):
    key = book.key("alice")
    relay = start_plans(start, book, "--workers", 2)
    storm(relay, key)
    relay.wait_log("tunnel offline", count=2)
    # Now there are names that the key had before, and all want the first of them.
    wait_for(lambda: book.count("names") == 2, "the names to be written down")
    storm(relay, key)
    relay.wait_log("tunnel offline", count=4)
    with with_key(relay, key) as again:
        assert again.register(1)["name"] and again.register(2)["name"], relay.text()
        answer = again.register_refused(3)
        assert answer["code"] == "TUNNEL_LIMIT_REACHED", f"{answer}\n{relay.text()}"
