"""Keys and accounts: who may open tunnels, whose a name is, and what a key lets its holder have."""
import time

import pytest

from harness import http
from harness.accounts import Accounts, bearer, key_id, with_key
from harness.agent import Agent, create, reply as pool_reply
from harness.http import visit
from harness.relay import free_ports, run
from harness.session import Refused, Session, on_worker, reply

SECRET = "0123456789abcdef0123456789abcdef"
NOBODY = "adit_aaaaaaaaaaaa_" + "A" * 43
WORKERS = pytest.mark.parametrize("workers", [1, 2])


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
    for message in ("tunnel refused", "agent refused"):
        relay.wait_log(message)
        assert len(relay.find_logs(message)) == 1, "once a minute for each source"


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
