"""What changes while tunnels run: keys that are revoked, accounts that are disabled, names that are
reserved and released. On SQLite and on PostgreSQL."""
import threading
import time

import pytest

from harness import http
from harness.admin import Api
from harness.agent import Agent, create, reply as pool_reply
from harness.accounts import bearer, with_key
from harness.http import visit
from harness.postgres import Postgres
from harness.relay import free_ports
from harness.session import Refused, on_worker, reply
from harness.wait import wait_for

WORKERS = pytest.mark.parametrize("workers", [1, 2])
pytestmark = pytest.mark.timeout(120)


@pytest.fixture(scope="module")
def server():
    postgres = Postgres()
    yield postgres
    postgres.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def begin(request, start, tmp_path):
    """begin(*flags) -> a relay with an empty store; again, with what is there."""
    tmp_path.chmod(0o700)
    env = {}
    if request.param == "postgresql":
        server = request.getfixturevalue("server")
        server.sql("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
        env["LT_DATABASE"] = server.url

    def run(*flags):
        relay = start("--state-dir", tmp_path, *flags, env=env)
        relay.operator = Api(relay, tmp_path)
        return relay
    return run


def new_key(relay, name, **more):
    """A key's text and id; the account is made if it is not there."""
    relay.operator("POST", "/accounts", {"name": name})
    made = relay.operator("POST", "/keys", {"account": name, **more}, status=201).json()
    return made["key"], made["id"]


def revoke(relay, key_id):
    relay.operator("DELETE", f"/keys/{key_id}", status=204)


@pytest.mark.tsan
@WORKERS
def test_a_revoked_key_ends_its_sessions_within_a_second(begin, workers):
    relay = begin("--workers", workers)
    key, key_id = new_key(relay, "alice")
    other, _ = new_key(relay, "alice")
    peers = [on_worker(number % workers, lambda: with_key(relay, key)) for number in range(4)]
    stays = on_worker(0, lambda: with_key(relay, other))
    for number, peer in enumerate(peers):
        peer.register(1, subdomain=f"demo-{number}")
    stays.register(1, subdomain="stays")
    stays.serve(reply(b"here"))
    began = time.monotonic()
    revoke(relay, key_id)
    for peer in peers:
        error = peer.expect("error")
        assert (error["code"], error["fatal"]) == ("key-revoked", True)
        assert "tunnel" not in error
        peer.wait_lost()
    assert time.monotonic() - began < 1
    assert visit(relay, "stays").body == b"here"
    assert visit(relay, "demo-0").status == 404
    for number, peer in enumerate(peers):
        with pytest.raises(Refused) as refused:
            peer.resume(fields=bearer(key))
        assert refused.value.code == "key-revoked"
        with pytest.raises(Refused) as refused:
            peer.resume(fields=bearer(other))
        assert refused.value.code == "session-gone"
    assert create(relay, "demo", headers=bearer(key)).get("X-Adit-Error") == "key-revoked"
    stays.close()


def test_a_parked_session_of_a_revoked_key_ends(begin):
    relay = begin()
    key, key_id = new_key(relay, "alice")
    peer = with_key(relay, key)
    peer.register(1, subdomain="demo")
    peer.cut()
    relay.wait_log({"msg": "tunnel offline", "tunnel": "demo"})
    revoke(relay, key_id)
    relay.wait_log("session ended")
    assert visit(relay).status == 404


def test_a_download_is_cut_when_its_key_is_revoked(begin):
    relay = begin()
    key, key_id = new_key(relay, "alice")
    with with_key(relay, key) as peer:
        peer.register(1, subdomain="demo")
        visitor = http.Visitor(relay.port)
        visitor.send(http.build_request("GET", "/", f"demo.{relay.domain}"))
        stream = peer.accept()
        stream.read_request()
        stream.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n" + b"x" * 10000)
        assert visitor.read_head().status == 200
        began = time.monotonic()
        revoke(relay, key_id)
        rest = drain(visitor)
        assert time.monotonic() - began < 1
        assert rest < 1000000
        visitor.close()


def drain(visitor):
    """How many bytes still came before the end, in whichever way that came."""
    total = 0
    try:
        while True:
            data = visitor.read_some()
            if not data:
                return total
            total += len(data)
    except (ConnectionError, http.Truncated):
        return total


def test_tcp_visitors_are_cut_when_the_key_is_revoked(begin):
    first = free_ports(2)
    relay = begin("--tcp-port-range-start", first, "--tcp-port-range-end", first + 1)
    key, key_id = new_key(relay, "alice")
    with with_key(relay, key) as peer:
        port = peer.register(1, "tcp")["port"]
        visitor = http.Visitor(port)
        visitor.send(b"hello")
        stream = peer.accept()
        assert stream.read_exactly(5) == b"hello"
        revoke(relay, key_id)
        drain(visitor)
        visitor.close()
        wait_for(lambda: refuses(port), "the port to be closed")


def refuses(port):
    try:
        http.Visitor(port).close()
    except ConnectionRefusedError:
        return True
    return False


def test_a_pool_tunnel_ends_with_its_key(begin):
    relay = begin()
    key, key_id = new_key(relay, "alice")
    client = Agent(relay, "demo", headers=bearer(key))
    client.serve(pool_reply(b"pool"))
    assert visit(relay).body == b"pool"
    revoke(relay, key_id)
    relay.wait_log("tunnel ended with its key")
    assert visit(relay).status == 404
    client.close()


def test_a_disabled_account_ends_with_all_its_keys(begin):
    relay = begin()
    keys = [new_key(relay, "alice")[0] for _ in range(2)]
    other, _ = new_key(relay, "bob")
    peers = [with_key(relay, key) for key in keys]
    stays = with_key(relay, other)
    relay.operator("PATCH", "/accounts/alice", {"disabled": True}, status=200)
    for peer in peers:
        assert peer.expect("error")["code"] == "account-disabled"
        peer.wait_lost()
    assert stays.register()["name"]
    with pytest.raises(Refused) as refused:
        with_key(relay, keys[0])
    assert refused.value.code == "account-disabled"
    relay.operator("PATCH", "/accounts/alice", {"disabled": False}, status=200)
    with_key(relay, keys[0]).close()
    stays.close()


def test_a_name_is_reserved_taken_and_released(begin):
    relay = begin()
    alice, _ = new_key(relay, "alice")
    bob, bob_id = new_key(relay, "bob")
    squatter = with_key(relay, bob)
    assert squatter.register(1, subdomain="demo")["name"] == "demo"
    relay.operator("POST", "/names", {"name": "demo", "account": "alice"}, status=201)
    squatter.serve(reply(b"bob"))
    assert visit(relay).body == b"bob", "it is not taken from him before its owner comes"
    with with_key(relay, alice) as owner:
        assert owner.register(1, subdomain="demo")["name"] == "demo"
        assert squatter.expect("error", tunnel=1)["code"] == "superseded"
        owner.serve(reply(b"alice"))
        assert visit(relay).body == b"alice"
        # Every way to get it is tried by somebody else, online and offline.
        for _ in range(2):
            assert squatter.register(2, subdomain="demo")["name"] != "demo"
            squatter.say(type="unregister", tunnel=2)
            squatter.expect("closed", tunnel=2)
            assert create(relay, "demo").json()["id"] != "demo"
            assert create(relay, "demo", token="1").json()["id"] != "demo"
            assert create(relay, "demo", headers=bearer(bob)).json()["id"] != "demo"
            owner.say(type="unregister", tunnel=1)
    squatter.close()
    revoke(relay, bob_id)
    relay.operator("DELETE", "/names/demo", status=204)
    assert create(relay, "demo").json()["id"] == "demo"


def test_names_and_accounts_are_there_after_kill_9(begin):
    relay = begin()
    key, _ = new_key(relay, "alice")
    dead, dead_id = new_key(relay, "alice")
    relay.operator("POST", "/names", {"name": "demo", "account": "alice"}, status=201)
    revoke(relay, dead_id)
    with with_key(relay, key) as peer:
        name = peer.register(1)["name"]
        wait_for(lambda: any(one["name"] == name for one in names(relay)), "the name")
    relay.kill()
    relay = begin()
    with with_key(relay, key) as peer:
        assert peer.register(1)["name"] == name
        assert peer.register(2, subdomain="demo")["name"] == "demo"
    assert create(relay, "demo").json()["id"] != "demo"
    with pytest.raises(Refused) as refused:
        with_key(relay, dead)
    assert refused.value.code == "key-revoked"


def names(relay):
    return relay.operator.get("/names?account=alice")["items"]


def test_refusals_are_in_the_audit_log_once_a_minute(begin):
    relay = begin()
    new_key(relay, "alice")
    bad = "adit_aaaaaaaaaaaa_" + "A" * 43
    for _ in range(20):
        create(relay, "demo", headers=bearer(bad))

    def refusals():
        return [row for row in relay.operator.get("/audit")["items"]
                if row["event"] == "auth.refused"]
    wait_for(refusals, "a row of the audit log")
    assert [(row["subject"], row["address"]) for row in refusals()] == [
        ("key-unknown", "127.0.0.1")]


@pytest.mark.tsan
def test_keys_come_and_go_under_load(begin):
    """Revoked while sessions open, register and are visited on two workers: nothing is left over."""
    relay = begin("--workers", 2)
    stop = threading.Event()
    left = []

    def live(number):
        while not stop.is_set():
            key, key_id = new_key(relay, f"user-{number}")
            with with_key(relay, key) as peer:
                name = peer.register(1)["name"]
                killer = threading.Thread(target=revoke, args=(relay, key_id))
                killer.start()
                try:
                    peer.wait_lost()
                except AssertionError:
                    left.append(name)
                killer.join()
    threads = [threading.Thread(target=live, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    time.sleep(4)
    stop.set()
    for thread in threads:
        thread.join()
    assert not left
    assert http.fetch(relay.port, target="/api/status", host="lt.test").json()["tunnels"] == 0


# a database that is away, or another one than before

@pytest.fixture
def own_server():
    """For a test that treats it badly."""
    postgres = Postgres()
    yield postgres
    postgres.close()


def on_server(start, folder, server, *flags):
    folder.chmod(0o700)
    relay = start("--state-dir", folder, *flags, env={"LT_DATABASE": server.url})
    relay.operator = Api(relay, folder)
    return relay


def test_known_keys_open_tunnels_while_the_database_is_down(start, tmp_path, own_server):
    relay = on_server(start, tmp_path, own_server)
    key, key_id = new_key(relay, "alice")
    other, _ = new_key(relay, "bob")
    with with_key(relay, key) as peer:
        name = peer.register(1)["name"]
        wait_for(lambda: names(relay), "a name in the store")
        peer.serve(reply(b"on"))
        own_server.stop()
        assert visit(relay, name).body == b"on"
        with with_key(relay, other) as second:
            assert second.register(1)["name"] and second.register(2, subdomain="demo")["name"]
            assert second.register(3, subdomain=name)["name"] != name
        assert relay.operator("DELETE", f"/keys/{key_id}").status == 503
        assert visit(relay, name).body == b"on", "what was not written did not happen"
        own_server.start()
        wait_for(lambda: relay.operator("DELETE", f"/keys/{key_id}").status == 204, "the store")
        assert peer.expect("error")["code"] == "key-revoked"


def test_a_narrower_scope_ends_what_is_outside_of_it(start, tmp_path, own_server):
    """Nobody but the database can narrow a key: the relay reads it anew when it was away."""
    first = free_ports(2)
    relay = on_server(start, tmp_path, own_server,
                      "--tcp-port-range-start", first, "--tcp-port-range-end", first + 1)
    key, key_id = new_key(relay, "alice")
    with with_key(relay, key) as peer:
        peer.register(1, subdomain="demo-1")
        peer.register(2, subdomain="other")
        port = peer.register(3, "tcp")["port"]
        visitor = http.Visitor(relay.port)
        visitor.send(http.build_request("GET", "/", f"other.{relay.domain}"))
        peer.accept().read_request()
        own_server.sql(f"UPDATE adit_keys SET names = 'demo-*', tcp = 0 WHERE id = '{key_id}'")
        for pid in own_server.backends():
            own_server.sql(f"SELECT pg_terminate_backend({pid})")
        errors = {error["tunnel"]: error["code"] for error in (
            peer.expect("error"), peer.expect("error"))}
        assert errors == {2: "name-not-allowed", 3: "proto-not-allowed"}
        assert visitor.read_response().status in (502, 503)
        visitor.close()
        assert refuses(port) and visit(relay, "other").status == 404
        peer.serve(reply(b"in"))
        assert visit(relay, "demo-1").body == b"in"
