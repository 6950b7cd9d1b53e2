"""Keys and accounts: who may open tunnels, whose a name is, and what a key lets its holder have."""
import json
import time

import pytest

from harness import http
from harness.accounts import Accounts, bearer, key_id
from harness.agent import Agent, create, reply as pool_reply
from harness.relay import free_ports, run
from harness.session import Refused, Session, on_worker, reply
from harness.wait import wait_for

SECRET = "0123456789abcdef0123456789abcdef"
NOBODY = "adit_aaaaaaaaaaaa_" + "A" * 43
WORKERS = pytest.mark.parametrize("workers", [1, 2])


@pytest.fixture
def book(tmp_path):
    return Accounts(tmp_path)


def visit(relay, name="demo", **how):
    return http.fetch(relay.port, host=f"{name}.{relay.domain}", **how)


def with_key(relay, key, **how):
    return Session(relay, fields=bearer(key), **how)


def refusal(relay, key=None, fields=()):
    """The answer to a pool client and to an agent, which must agree."""
    fields = list(fields) + (bearer(key) if key else [])
    pool = create(relay, "demo", headers=fields)
    with pytest.raises(Refused) as agent:
        Session(relay, fields=fields)
    assert pool.status == agent.value.status == 401
    assert pool.get("X-Adit-Error") == agent.value.code
    assert pool.get("WWW-Authenticate") == agent.value.response.get("WWW-Authenticate")
    assert pool.json()["error"] == "Authentication failed"
    assert pool.json()["message"] == agent.value.response.json()["message"]
    return pool


# who may

def test_without_a_store_keys_are_not_looked_at(start):
    relay = start()
    assert create(relay, "demo", headers=bearer(NOBODY)).status == 200
    with with_key(relay, NOBODY) as peer:
        assert "account" not in peer.welcome and peer.register()["name"]
    assert run("--port", 0, "--auth", "required")[0] == 1


def test_a_key_is_needed_where_it_is_required(start, book):
    key = book.key("alice")
    relay = start(*book.flags, "--auth", "required")
    answer = refusal(relay)
    assert answer.get("X-Adit-Error") == "key-needed"
    assert answer.get("WWW-Authenticate") == 'Bearer realm="adit"'
    assert http.fetch(relay.port, target="/api/status", host="lt.test").status == 200
    assert create(relay, "demo", headers=bearer(key)).status == 200
    with with_key(relay, key) as peer:
        assert peer.welcome["account"] == "alice"
        assert peer.register()["name"]
    assert relay.wait_log("session up")["account"] == "alice"


def test_a_key_is_optional_where_there_are_accounts(start, book):
    key = book.key("alice")
    relay = start(*book.flags)
    assert create(relay, "demo").status == 200
    assert create(relay, "demo2", headers=[("X-Adit-Key", key)]).status == 200
    with Session(relay) as peer:
        assert "account" not in peer.welcome
    # A key that is sent must be good all the same.
    assert refusal(relay, NOBODY).get("X-Adit-Error") == "key-unknown"


@pytest.mark.parametrize("fields", [
    [("Authorization", "Bearer")], [("Authorization", "Bearer ")], [("X-Adit-Key", "")],
    [("Authorization", "bearer  adit_x")], [("X-Adit-Key", "adit_"), ("X-Adit-Key", "adit_")],
    [("Authorization", "Bearer " + NOBODY), ("Authorization", "Bearer " + NOBODY)],
    [("X-Adit-Key", "x" * 5000)], [("Authorization", f"Bearer {NOBODY} ")],
])
def test_what_is_not_a_key_is_unknown(start_shared, tmp_path_factory, fields):
    book = Accounts(tmp_path_factory.mktemp("book"))
    relay = start_shared(*book.flags)
    assert refusal(relay, fields=fields).get("X-Adit-Error") == "key-unknown"


def test_each_way_a_key_ends_has_its_own_code(start, book):
    good, revoked, other = book.key("alice"), book.key("alice"), book.key("alice")
    book.revoke(revoked)
    expired = book.key("alice", expires=int(time.time() * 1000) - 1000)
    book.account("mallory", disabled=1)
    disabled = book.key("mallory")
    relay = start(*book.flags)
    wrong = good[:-1] + ("A" if good[-1] != "A" else "B")
    for key, code in [(revoked, "key-revoked"), (expired, "key-expired"), (wrong, "key-unknown"),
                      (disabled, "account-disabled"), (key_id(good), "key-unknown"),
                      (good[:18] + other[18:], "key-unknown")]:
        assert refusal(relay, key).get("X-Adit-Error") == code
    assert len(relay.find_logs("tunnel refused")) + len(relay.find_logs("agent refused")) == 1


def test_refusals_are_counted_by_reason(start, book):
    relay = start(*book.flags, admin=True)
    create(relay, "demo", headers=bearer(NOBODY))
    text = http.fetch(relay.admin_port, target="/metrics", host="lt.test").text()
    assert 'adit_auth_refusals_total{reason="key-unknown"} 1' in text
    assert 'adit_auth_refusals_total{reason="key-needed"} 0' in text


def test_a_key_stands_in_for_a_signature(start, book):
    key = book.key("alice")
    relay = start(*book.flags, env={"LT_HMAC_SECRET": SECRET})
    assert create(relay, "demo", headers=bearer(key)).status == 200
    with with_key(relay, key) as peer:
        assert peer.register()["name"]
    answer = refusal(relay)
    assert answer.json()["message"] == "Missing Authorization header"
    assert answer.get("WWW-Authenticate") == 'HMAC, Bearer realm="adit"'
    assert refusal(relay, NOBODY).get("X-Adit-Error") == "key-unknown"


def test_the_start_warns_when_anybody_may_open_tunnels(start, book):
    def warned(*flags, **how):
        relay = start("--port", 0, *flags, listen=False, **how)
        found = relay.find_logs(lambda entry: "anybody" in entry.get("msg", ""))
        relay.stop()
        return bool(found)
    assert warned()
    assert warned(*book.flags)
    assert not warned("--address", "127.0.0.1")
    assert not warned(*book.flags, "--auth", "required")
    assert not warned(env={"LT_HMAC_SECRET": SECRET})


def test_no_log_has_a_key(start, book):
    key = book.key("alice")
    relay = start(*book.flags, "--log-level", "debug")
    with with_key(relay, key) as peer:
        peer.register()
    create(relay, headers=bearer(key))
    refusal(relay, key[:-1])
    relay.stop()
    assert key_id(key) in relay.text()
    assert key[18:40] not in relay.text()


def test_a_thousand_bad_keys_a_second_cost_nothing(start, book):
    book.key("alice")
    relay = start(*book.flags, "--workers", 1, env={
        "ASAN_OPTIONS": "detect_leaks=1:exitcode=99:quarantine_size_mb=1"})
    conn = http.Visitor(relay.port)

    def flood(count):
        for i in range(count):
            key = f"adit_{i:012d}_" + "B" * 43
            assert conn.ask(target="/demo", host="lt.test", headers=bearer(key)).status == 401
    flood(1000)
    before, size = relay.rss_kib(), (book.dir / "adit.db-wal").stat().st_size
    flood(3000)
    assert relay.rss_kib() - before < 2048
    assert (book.dir / "adit.db-wal").stat().st_size - size < 65536
    assert len(relay.find_logs("tunnel refused")) == 1
    conn.close()


# what a key is for

def test_a_key_is_for_the_names_of_its_scope(start, book):
    key = book.key("alice", names="demo-*,staging")
    relay = start(*book.flags)
    with with_key(relay, key) as peer:
        assert peer.register(1, subdomain="demo-1")["name"] == "demo-1"
        assert peer.register(2, subdomain="staging")["name"] == "staging"
        answer = peer.register_refused(3, subdomain="other")
        assert (answer["code"], answer["fatal"]) == ("name-not-allowed", True)
        assert peer.register(4)["name"].startswith("demo-")
    answer = create(relay, "other", headers=bearer(key))
    assert (answer.status, answer.get("X-Adit-Error")) == (403, "name-not-allowed")


def test_a_key_for_one_name_gets_it_without_asking(start, book):
    key = book.key("alice", names="only-one")
    relay = start(*book.flags)
    with with_key(relay, key) as peer:
        assert peer.register(1)["name"] == "only-one"
        assert peer.register_refused(2)["code"] == "name-not-allowed"


def test_a_key_is_for_the_kinds_of_tunnel_of_its_scope(start, book):
    http_only, tcp_only = book.key("alice", tcp=0), book.key("alice", http=0)
    first = free_ports(4)
    relay = start(*book.flags, "--tcp-port-range-start", first, "--tcp-port-range-end", first + 3)
    with with_key(relay, http_only) as peer, with_key(relay, tcp_only) as other:
        answer = peer.register_refused(1, "tcp")
        assert (answer["code"], answer["fatal"]) == ("proto-not-allowed", True)
        assert other.register_refused(1)["code"] == "proto-not-allowed"
        assert peer.register(2)["name"] and other.register(2, "tcp")["port"] >= first
    answer = create(relay, "demo", headers=bearer(tcp_only))
    assert (answer.status, answer.get("X-Adit-Error")) == (403, "proto-not-allowed")


def test_a_key_is_for_the_ports_of_its_scope(start, book):
    first = free_ports(6)
    key = book.key("alice", ports=f"{first + 2}-{first + 3}")
    relay = start(*book.flags, "--tcp-port-range-start", first, "--tcp-port-range-end", first + 5)
    with with_key(relay, key) as peer:
        answer = peer.register_refused(1, "tcp", port=first)
        assert (answer["code"], answer["fatal"]) == ("port-not-allowed", True)
        assert peer.register_refused(1, "tcp", port=first + 6)["code"] == "port-not-allowed"
        got = {peer.register(number, "tcp")["port"] for number in (2, 3)}
        assert got == {first + 2, first + 3}
        assert peer.register_refused(4, "tcp")["code"] == "no-free-port"


# whose a name is

@WORKERS
def test_a_reserved_name_is_its_accounts_alone(start, book, workers):
    book.name("demo", "alice")
    alice, bob = book.key("alice"), book.key("bob")
    relay = start(*book.flags, "--workers", workers)
    assert create(relay, "demo").json()["id"] != "demo"
    with Session(relay, client="x") as nobody, with_key(relay, bob) as other:
        assert nobody.register(subdomain="demo")["name"] != "demo"
        assert other.register(subdomain="demo")["name"] != "demo"
        peer = on_worker(workers - 1, lambda: with_key(relay, alice))
        assert peer.register(subdomain="demo")["name"] == "demo"
        peer.serve(reply(b"alice"))
        assert visit(relay).body == b"alice"
        assert other.register(2, subdomain="demo")["name"] != "demo"
        peer.close()


def test_a_strict_relay_says_that_a_name_is_reserved(start, book):
    book.name("demo", "alice")
    relay = start(*book.flags, "--ip-validation-strict")
    answer = create(relay, "demo")
    assert (answer.status, answer.get("X-Adit-Error")) == (409, "name-reserved")
    assert answer.json() == {"error": "Subdomain reserved",
                             "message": 'Subdomain "demo" is reserved for another account.'}
    with Session(relay) as peer:
        answer = peer.register_refused(subdomain="demo")
        assert (answer["code"], answer["fatal"]) == ("name-reserved", True)


@WORKERS
def test_another_key_of_the_account_takes_its_tunnel_over(start, book, workers):
    one, two = book.key("alice"), book.key("alice")
    relay = start(*book.flags, "--workers", workers)
    first = on_worker(0, lambda: with_key(relay, one, client="a"))
    second = on_worker(workers - 1, lambda: with_key(relay, two, client="b"))
    assert first.register(4, subdomain="demo")["name"] == "demo"
    assert second.register(subdomain="demo")["name"] == "demo"
    assert first.expect("error", tunnel=4)["code"] == "superseded"
    second.serve(reply(b"second"))
    assert visit(relay).body == b"second"
    first.close()
    second.close()


def test_an_account_is_not_the_token_or_the_address_of_its_id(start, book):
    key = book.key("alice")
    relay = start(*book.flags, "--trust-proxy")
    with with_key(relay, key) as peer:
        assert peer.register(subdomain="demo")["name"] == "demo"
        for fields in ([("X-LT-Client-Token", "1")], [("X-Forwarded-For", "1")]):
            assert create(relay, "demo", headers=fields).json()["id"] != "demo"


# names and ports that come back

@pytest.mark.parametrize("end", ["stop", "kill"])
def test_a_random_name_comes_back_after_a_restart(start, book, end):
    key, other = book.key("alice"), book.key("alice")
    relay = start(*book.flags)
    with with_key(relay, key, client="a") as peer, with_key(relay, other) as second:
        names = [peer.register(number)["name"] for number in (1, 2, 3)]
        assert second.register()["name"] not in names
        wait_for(lambda: book.count("names") == 4, "four names in the store")
        getattr(relay, end)()
    relay = start(*book.flags)
    with with_key(relay, key, client="b") as peer, Session(relay) as nobody:
        assert [peer.register(number)["name"] for number in (1, 2, 3)] == names
        assert nobody.register(subdomain=names[0])["name"] != names[0]


def test_a_random_name_comes_back_while_the_old_session_is_parked(start, book):
    key = book.key("alice")
    relay = start(*book.flags)
    peer = with_key(relay, key)
    name = peer.register()["name"]
    wait_for(lambda: book.count("names") == 1, "a name in the store")
    with with_key(relay, key) as second:
        assert second.register()["name"] != name, "the first one is online"
    peer.cut()
    relay.wait_log({"msg": "tunnel offline", "tunnel": name})
    with with_key(relay, key) as again:
        assert again.register()["name"] == name


def test_a_pool_client_gets_its_random_name_back(start, book):
    key = book.key("alice")
    relay = start(*book.flags)
    client = Agent(relay, headers=bearer(key))
    wait_for(lambda: book.count("names") == 1, "a name in the store")
    again = create(relay, headers=bearer(key)).json()
    assert again["id"] != client.name, "whoever asked for it a moment ago has it"
    client.close()
    relay.kill()
    relay = start(*book.flags)
    back = Agent(relay, headers=bearer(key))
    assert (back.name, back.port) == (client.name, client.port)
    back.serve(pool_reply(b"pool"))
    assert visit(relay, back.name).body == b"pool"
    back.close()


def test_a_key_gets_sixteen_names_back_and_no_more(start, book):
    key = book.key("alice")
    relay = start(*book.flags)
    with with_key(relay, key) as peer:
        for number in range(1, 21):
            peer.register(number)
        wait_for(lambda: book.count("names") == 16, "sixteen names in the store")
    assert book.count("names") == 16


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_tcp_ports_come_back_after_a_restart(start, book, end):
    first = free_ports(8)
    flags = [*book.flags, "--tcp-port-range-start", first, "--tcp-port-range-end", first + 7]
    key, other = book.key("alice"), book.key("bob")
    relay = start(*flags)
    with with_key(relay, other) as peer:
        theirs = [peer.register(number, "tcp")["port"] for number in (1, 2)]
        with with_key(relay, key) as mine:
            ports = [mine.register(number, "tcp")["port"] for number in (1, 2, 3)]
            wait_for(lambda: book.count("ports") == 5, "five ports in the store")
            getattr(relay, end)()
    relay = start(*flags)
    with with_key(relay, key) as mine, with_key(relay, other) as peer:
        assert [mine.register(number, "tcp")["port"] for number in (1, 2, 3)] == ports
        assert [peer.register(number, "tcp")["port"] for number in (1, 2)] == theirs


# how many tunnels

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


# while it runs

@pytest.mark.parametrize("kind", ["session", "tcp", "pool"])
def test_a_key_that_expires_ends_what_it_carries(start, book, kind):
    first = free_ports(2)
    key = book.key("alice", expires=int(time.time() * 1000) + 2500)
    relay = start(*book.flags, "--tcp-port-range-start", first, "--tcp-port-range-end", first + 1)
    if kind == "pool":
        client = Agent(relay, "demo", headers=bearer(key))
        client.serve(pool_reply(b"x"))
        assert visit(relay).body == b"x"
        relay.wait_log("tunnel ended with its key")
        assert visit(relay).status == 404
        client.close()
        return
    with with_key(relay, key) as peer:
        peer.register(1, "tcp" if kind == "tcp" else "http")
        error = peer.expect("error")
        assert (error["code"], error["fatal"]) == ("key-expired", True)
        assert "tunnel" not in error
        peer.wait_lost()
        relay.wait_log("session ended")
        with pytest.raises(Refused) as refused:
            peer.resume(fields=bearer(key))
        assert refused.value.code == "key-expired"


def test_a_session_goes_on_with_a_key_of_its_account_only(start, book):
    one, two, other = book.key("alice"), book.key("alice"), book.key("bob")
    relay = start(*book.flags)
    with with_key(relay, one) as peer, Session(relay) as nobody:
        peer.register(subdomain="demo")
        nobody.register()
        peer.cut()
        for fields in ([], bearer(other)):
            with pytest.raises(Refused) as refused:
                peer.resume(fields=fields)
            assert refused.value.code == "session-gone"
        peer.resume(fields=bearer(two))
        peer.serve(reply(b"on"))
        assert visit(relay).body == b"on"
        nobody.cut()
        with pytest.raises(Refused) as refused:
            nobody.resume(fields=bearer(one))
        assert refused.value.code == "session-gone"
