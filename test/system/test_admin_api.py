"""The admin API: who may do what, what it answers, and what becomes of a connection meanwhile."""
import base64
import json
import os
import re
import stat
import threading
import time

import pytest

from harness import http
from harness.admin import Api, Socket, ask
from harness.agent import create, reply
from harness.gate import Browser
from harness.gate import basic as gate_basic
from harness.postgres import Postgres
from harness.relay import free_ports
from harness.session import Session
from harness.wait import DEADLINE, wait_for

KEY = re.compile(r"adit_[a-z0-9]{12}_[A-Za-z0-9_-]{43}")


@pytest.fixture
def state(tmp_path):
    tmp_path.chmod(0o700)
    return tmp_path


@pytest.fixture
def relay(start, state):
    return start("--state-dir", state, "--bcrypt-cost", "4")


@pytest.fixture
def operator(relay, state):
    return Api(relay, state)


def account(operator, name, **more):
    """An account with a key of it: its API."""
    operator("POST", "/accounts", {"name": name}, status=201)
    made = operator("POST", "/keys", {"account": name, **more}, status=201).json()
    return Api(operator.relay, key=made["key"])


# who gets in

def test_the_socket_is_for_its_owner(relay, state):
    found = os.lstat(state / "admin.sock")
    assert stat.S_ISSOCK(found.st_mode) and stat.S_IMODE(found.st_mode) == 0o600


def test_the_socket_serves_the_api_and_nothing_else(relay, state):
    with Socket(state) as wire:
        assert ask(wire, "GET", "/me").json()["operator"] is True
        for target in ("/", "/demo", "/?new", "/api/tunnels", "/api/v1x", "/_adit/", "/metrics",
                       "/_adit/device"):
            assert wire.ask("GET", target, "lt.test").status == 404
        assert wire.ask("POST", "/api/tunnels", "lt.test", body=b"{}").status == 404
    assert relay.find_logs("tunnel up") == []


def test_the_socket_goes_with_the_relay_and_is_replaced_after_a_crash(start, state):
    relay = start("--state-dir", state)
    relay.kill()
    assert (state / "admin.sock").exists()
    second = start("--state-dir", state)
    assert Api(second, state).get("/me")["operator"]
    second.stop()


def test_without_a_store_there_is_no_api(start):
    answer = Api(start()).code("GET", "/me")
    assert answer == (404, "no-accounts")


def test_no_key_and_bad_keys_are_refused(relay, operator):
    nobody = Api(relay)
    response = nobody("GET", "/keys", status=401)
    assert response.json()["error"]["code"] == "not-authenticated"
    assert response.get("WWW-Authenticate", "").startswith("Bearer")
    bad = Api(relay, key="adit_aaaaaaaaaaaa_" + "A" * 43)
    assert bad.code("GET", "/me") == (401, "key-unknown")
    alice = account(operator, "alice")
    ident = alice.get("/me")["key"]["id"]
    operator("DELETE", f"/keys/{ident}", status=204)
    assert alice.code("GET", "/me") == (401, "key-revoked")


def test_the_public_port_has_no_api_beside_an_admin_port(start, state):
    relay = start("--state-dir", state, admin=True)
    account(Api(relay, state), "alice")
    assert http.fetch(relay.port, target="/api/v1/me", host="lt.test").status == 404
    assert http.fetch(relay.admin_port, target="/api/v1/me", host="x").status == 401


def test_a_tunnel_has_its_own_api(relay, operator, agent):
    peer = agent(relay, "demo")
    peer.serve(reply(b"theirs"))
    answer = http.fetch(relay.port, target="/api/v1/me", host="demo.lt.test")
    assert answer.body == b"theirs"


# accounts

def test_accounts_are_made_listed_and_changed(operator):
    made = operator("POST", "/accounts", {"name": "alice"}, status=201).json()
    assert made["name"] == "alice" and made["plan"] is None and made["disabled"] is False
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", made["created_at"])
    assert operator.code("POST", "/accounts", {"name": "alice"}) == (409, "exists")
    operator("POST", "/accounts", {"name": "bob", "password": "a long one"}, status=201)
    listed = operator.get("/accounts")
    assert [(a["name"], a["has_password"]) for a in listed["items"]] == [
        ("alice", False), ("bob", True)]
    assert listed["next"] is None
    changed = operator("PATCH", "/accounts/bob", {"disabled": True, "password": None}, status=200)
    assert changed.json()["disabled"] and not changed.json()["has_password"]
    assert operator.get("/accounts/bob") == changed.json()
    assert operator.code("GET", "/accounts/carol") == (404, "not-found")


@pytest.mark.parametrize("name", ["", "Alice", "-x", ".x", "a b", "a/b", "ä", "x" * 65, 7, None])
def test_odd_names_of_accounts_are_refused(operator, name):
    assert operator.code("POST", "/accounts", {"name": name}) == (400, "invalid-request")


def test_pages_follow_each_other(operator):
    names = [f"user{i:02}" for i in range(7)]
    for name in reversed(names):
        operator("POST", "/accounts", {"name": name}, status=201)
    seen, after = [], ""
    while True:
        page = operator.get(f"/accounts?limit=3{after}")
        seen += [a["name"] for a in page["items"]]
        if page["next"] is None:
            break
        assert len(page["items"]) == 3
        after = "&after=" + page["next"]
    assert seen == names
    assert operator.code("GET", "/accounts?limit=0") == (400, "invalid-request")
    assert operator.code("GET", "/accounts?limit=1001") == (400, "invalid-request")


def test_a_disabled_account_loses_its_tunnels(relay, operator):
    alice = account(operator, "alice")
    with Session(relay, fields=[("Authorization", f"Bearer {alice.key}")]) as peer:
        assert peer.register(subdomain="shop")["name"] == "shop"
        began = time.monotonic()
        operator("PATCH", "/accounts/alice", {"disabled": True}, status=200)
        wait_for(lambda: operator("GET", "/tunnels/shop").status == 404, "the end of the tunnel")
        assert time.monotonic() - began < 5
    assert alice.code("GET", "/me") == (401, "account-disabled")


# keys

def test_a_key_is_told_once(operator):
    operator("POST", "/accounts", {"name": "alice"}, status=201)
    made = operator("POST", "/keys", {"account": "alice", "label": "ci", "names": ["ci-*", "web"],
                                      "protocols": ["http"], "expires_in": 60}, status=201).json()
    assert KEY.fullmatch(made["key"]) and made["key"].split("_")[1] == made["id"]
    listed = operator("GET", "/keys")
    assert made["key"] not in listed.text()
    key = listed.json()["items"][0]
    assert key == {name: value for name, value in made.items() if name != "key"}
    assert key["names"] == ["ci-*", "web"] and key["protocols"] == ["http"]
    assert key["revoked_at"] is None and key["expires_at"] > key["created_at"]


def test_scopes_hold_and_nobody_widens_them(relay, operator):
    narrow = account(operator, "alice", names=["ci-*"], protocols=["http"])
    assert narrow.code("POST", "/keys", {}) == (403, "not-allowed")
    assert narrow.code("POST", "/keys", {"names": ["ci-*"]}) == (403, "not-allowed")
    again = narrow("POST", "/keys", {"names": ["ci-*"], "protocols": ["http"]}, status=201).json()
    assert narrow.code("POST", "/names", {"name": "shop"})[0] == 403
    narrow("POST", "/names", {"name": "ci-one"}, status=201)
    assert narrow.code("DELETE", f"/keys/{again['id']}") == (403, "not-allowed")
    assert narrow.code("PATCH", "/accounts/alice", {"password": "something"}) == (
        403, "not-allowed")
    mine = narrow.get("/me")["key"]["id"]
    narrow("DELETE", f"/keys/{mine}", status=204)
    assert narrow.code("GET", "/me") == (401, "key-revoked")


def test_accounts_do_not_see_each_other(relay, operator):
    alice, bob = account(operator, "alice"), account(operator, "bob")
    bob("POST", "/names", {"name": "bobs"}, status=201)
    ident = bob.get("/me")["key"]["id"]
    assert [k["account"] for k in alice.get("/keys")["items"]] == ["alice"]
    assert alice.get("/names")["items"] == []
    assert [a["name"] for a in alice.get("/accounts")["items"]] == ["alice"]
    assert alice.code("GET", "/accounts/bob") == (404, "not-found")
    assert alice.code("PATCH", "/accounts/bob", {"disabled": True}) == (404, "not-found")
    assert alice.code("DELETE", f"/keys/{ident}") == (404, "not-found")
    assert alice.code("DELETE", "/names/bobs") == (404, "not-found")
    assert alice.code("POST", "/names", {"name": "bobs"}) == (409, "name-taken")
    assert alice.code("POST", "/keys", {"account": "bob"}) == (404, "not-found")
    assert alice.code("POST", "/keys", {"admin": True}) == (403, "not-allowed")
    assert alice.code("POST", "/accounts", {"name": "carol"}) == (403, "not-allowed")
    assert alice.code("GET", "/audit") == (403, "not-allowed")
    assert alice.code("PATCH", "/accounts/alice", {"plan": None}) == (403, "not-allowed")


def test_an_admin_key_does_what_the_operator_does(relay, operator):
    admin = account(operator, "root", admin=True)
    admin("POST", "/accounts", {"name": "alice"}, status=201)
    admin("POST", "/keys", {"account": "alice"}, status=201)
    assert {k["account"] for k in admin.get("/keys")["items"]} == {"alice", "root"}
    assert [k["account"] for k in admin.get("/keys?account=alice")["items"]] == ["alice"]
    actors = {row["actor"].split("/")[0] for row in admin.get("/audit")["items"]}
    assert actors == {"operator", "root"}


def test_a_revoked_key_ends_its_session_within_a_second(relay, operator):
    alice = account(operator, "alice")
    ident = alice.get("/me")["key"]["id"]
    with Session(relay, fields=[("Authorization", f"Bearer {alice.key}")]) as peer:
        assert peer.register(subdomain="shop")["name"] == "shop"
        began = time.monotonic()
        operator("DELETE", f"/keys/{ident}", status=204)
        wait_for(lambda: operator("GET", "/tunnels/shop").status == 404, "the end of the tunnel")
        assert time.monotonic() - began < 5


@pytest.mark.parametrize("how", ["revoked", "narrowed", "no-admin"])
def test_what_waits_for_a_hash_does_not_outlive_its_key(start, state, how):
    relay = start("--state-dir", state, "--workers", "1", "--bcrypt-cost", "14")
    operator = Api(relay, state)
    operator("POST", "/accounts", {"name": "alice"}, status=201)
    key = operator("POST", "/keys", {"account": "alice", "admin": how == "no-admin"},
                   status=201).json()
    change = {"password": "opened by a thief"}
    if how == "no-admin":
        change["disabled"] = True
    with http.Visitor(relay.port, timeout=4 * DEADLINE) as thief:
        thief.send(http.build_request("PATCH", "/api/v1/accounts/alice", relay.domain, [
            ("Authorization", f"Bearer {key['key']}")], json.dumps(change).encode()))
        assert http.fetch(relay.port, target="/healthz", host=relay.domain).status == 200
        if how == "revoked":
            operator("DELETE", f"/keys/{key['id']}", status=204)
        else:
            less = {"names": ["ci-*"]} if how == "narrowed" else {"admin": False}
            operator("PATCH", f"/keys/{key['id']}", less, status=200)
        answer = thief.read_response()
    rows = [(row["event"], row["actor"]) for row in operator.get("/audit")["items"]]
    events = [event for event, actor in rows]
    taken = "key.revoked" if how == "revoked" else "key.changed"
    if answer.status == 200:  # the hash was quicker than the operator
        assert events.index(taken) < events.index("account.changed"), events  # the newest first
    else:
        assert answer.status == (401 if how == "revoked" else 403), answer.text()
        assert "account.changed" not in events


def test_what_a_key_may_is_changed_and_told(operator):
    account(operator, "alice", names=["ci-*"], label="old", expires_in=60)
    key = operator.get("/keys")["items"][0]
    path = f"/keys/{key['id']}"
    assert operator("PATCH", path, {}, status=200).json() == key
    now = operator("PATCH", path, {"names": ["web", "ci-*"], "protocols": ["tcp"], "label": None,
                                   "port_first": 20000, "port_last": 20009}, status=200).json()
    assert now == {**key, "names": ["web", "ci-*"], "protocols": ["tcp"], "label": "",
                   "port_first": 20000, "port_last": 20009}
    row = operator.get("/audit")["items"][0]
    assert (row["event"], row["subject"], row["actor"]) == ("key.changed", key["id"], "operator")
    assert row["detail"]["names"] == ["web", "ci-*"] and row["detail"]["account"] == "alice"
    now = operator("PATCH", path, {"names": [], "protocols": None, "port_first": None,
                                   "port_last": None, "expires_in": None}, status=200).json()
    assert (now["names"], now["protocols"]) == ([], ["http", "tcp"])
    assert (now["port_first"], now["port_last"], now["expires_at"]) == (None, None, None)
    assert operator.get("/keys")["items"] == [now]


@pytest.mark.parametrize("body", [
    {"names": ["A"]}, {"protocols": ["udp"]},
    {"protocols": ["tcp", "tcp"]}, {"port_first": 20000}, {"port_last": None},
    {"port_first": 2, "port_last": 1}, {"port_first": None, "port_last": 1}, {"expires_in": 0},
    {"account": "alice"}, {"admin": None}, {"label": "x" * 65}, {"color": 1}], ids=str)
def test_changes_of_a_key_that_are_not_understood_change_nothing(operator, body):
    account(operator, "alice", names=["ci-*"])
    before = operator.get("/keys")
    path = f"/keys/{before['items'][0]['id']}"
    assert operator.code("PATCH", path, body) == (400, "invalid-request")
    assert operator.get("/keys") == before


def test_nobody_gets_more_out_of_a_key_than_it_has(relay, operator):
    whole = account(operator, "alice")
    made = [whole("POST", "/keys", body, status=201).json()
            for body in ({"names": ["ci-*", "web"]}, {"expires_in": 600})]
    narrow, brief = (Api(relay, key=key["key"]) for key in made)
    names, expiry = (f"/keys/{key['id']}" for key in made)
    own = f"/keys/{whole.get('/me')['key']['id']}"
    root = operator("POST", "/keys", {"account": "alice", "admin": True}, status=201).json()["id"]
    # itself, to less
    for body in ({"admin": True}, {"names": []}, {"names": ["shop"]}, {"names": ["ci-*", "x-*"]}):
        assert narrow.code("PATCH", names, body) == (403, "not-allowed")
    for body in ({"expires_in": None}, {"expires_in": 700}):
        assert brief.code("PATCH", expiry, body) == (403, "not-allowed")
    assert narrow("PATCH", names, {"names": ["ci-7"], "label": "mine"}, status=200).json()[
        "names"] == ["ci-7"]
    assert narrow.code("PATCH", names, {"names": ["ci-*"]}) == (403, "not-allowed")
    # others
    for path in (own, expiry):
        assert narrow.code("PATCH", path, {"label": "x"}) == (403, "not-allowed")
    assert whole("PATCH", names, {"names": []}, status=200).json()["names"] == []
    for path in (own, names):
        assert whole.code("PATCH", path, {"admin": True}) == (403, "not-allowed")
    assert whole.code("PATCH", f"/keys/{root}", {"admin": False}) == (403, "not-allowed")
    bob = account(operator, "bob")
    assert bob.code("PATCH", own, {"label": "x"}) == (404, "not-found")
    assert operator.code("PATCH", "/keys/nothing", {}) == (404, "not-found")
    whole("DELETE", names, status=204)
    assert operator.code("PATCH", names, {"names": ["a"]}) == (403, "not-allowed")


def test_a_changed_key_holds_in_a_session_that_runs(start, state):
    first = free_ports(2)
    relay = start("--state-dir", state, "--tcp-port-range-start", first,
                  "--tcp-port-range-end", first + 1)
    operator = Api(relay, state)
    alice = account(operator, "alice")
    path = f"/keys/{alice.get('/me')['key']['id']}"
    with Session(relay, fields=[("Authorization", f"Bearer {alice.key}")]) as peer:
        peer.register(1, subdomain="shop")
        peer.register(2, subdomain="ci-one")
        peer.register(3, proto="tcp")
        operator("PATCH", path, {"names": ["ci-*"]}, status=200)
        assert peer.expect("error", tunnel=1)["code"] == "name-not-allowed"
        operator("PATCH", path, {"protocols": ["http"]}, status=200)
        assert peer.expect("error", tunnel=3)["code"] == "proto-not-allowed"
        wait_for(lambda: [t["name"] for t in operator.get("/tunnels")["items"]] == ["ci-one"],
                 "the end of the others")
        assert peer.register_refused(4, subdomain="shop")["code"] == "name-not-allowed"
        operator("PATCH", path, {"names": None, "protocols": None}, status=200)
        assert peer.register(5, subdomain="shop")["name"] == "shop"
        operator("PATCH", path, {"expires_in": 1}, status=200)
        assert peer.expect("error")["code"] == "key-expired"


def test_a_changed_key_holds_for_a_pool_tunnel_that_is_open(relay, operator, agent):
    alice = account(operator, "alice")
    path = f"/keys/{alice.get('/me')['key']['id']}"
    agent(relay, "shop", headers=[("Authorization", f"Bearer {alice.key}")]).serve(
        reply(b"x"), sockets=1)
    assert operator.get("/tunnels/shop")["name"] == "shop"
    operator("PATCH", path, {"names": ["ci-*"]}, status=200)
    wait_for(lambda: operator("GET", "/tunnels/shop").status == 404, "the end of the tunnel")
    refused = create(relay, "shop", headers=[("Authorization", f"Bearer {alice.key}")])
    assert (refused.status, refused.get("X-Adit-Error")) == (403, "name-not-allowed")


# names

def test_a_reserved_name_is_its_accounts_alone(relay, operator):
    alice = account(operator, "alice")
    made = alice("POST", "/names", {"name": "shop"}, status=201).json()
    assert made["reserved"] and made["account"] == "alice" and made["protected"] is False
    assert create(relay, "shop", headers=[("Authorization", f"Bearer {alice.key}")]).json()[
        "id"] == "shop"
    alice("DELETE", "/names/shop", status=204)
    assert alice.code("DELETE", "/names/shop") == (404, "not-found")


@pytest.mark.parametrize("name", ["www", "abc", "-shop", "Shop", "a" * 64, "a.bc"])
def test_what_no_tunnel_may_have_cannot_be_reserved(operator, name):
    operator("POST", "/accounts", {"name": "alice"}, status=201)
    status, code = operator.code("POST", "/names", {"name": name, "account": "alice"})
    assert (status, code) in ((403, "invalid-name"), (400, "invalid-request"))


# tunnels

@pytest.mark.parametrize("workers", [1, 3])
def test_tunnels_are_listed_and_ended_wherever_they_live(start, state, agent, workers):
    relay = start("--state-dir", state, "--workers", workers)
    operator = Api(relay, state)
    alice = account(operator, "alice")
    names = [f"demo{i}" for i in range(6)]
    for name in names:
        agent(relay, name, headers=[("Authorization", f"Bearer {alice.key}")])
    agent(relay, "other")
    assert [t["name"] for t in operator.get("/tunnels")["items"]] == names + ["other"]
    assert [t["name"] for t in alice.get("/tunnels")["items"]] == names
    page = operator.get("/tunnels?limit=4")
    assert [t["name"] for t in page["items"]] == names[:4] and page["next"] == "demo3"
    assert len(operator.get("/tunnels?limit=4&after=demo3")["items"]) == 3
    one = alice.get("/tunnels/demo2")
    assert one["kind"] == "pool" and one["account"] == "alice" and one["online"] is False
    assert one["url"] == f"http://demo2.lt.test:{relay.port}"
    assert alice.code("GET", "/tunnels/other") == (404, "not-found")
    assert alice.code("DELETE", "/tunnels/other") == (404, "not-found")
    alice("DELETE", "/tunnels/demo2", status=204)
    assert operator.code("GET", "/tunnels/demo2") == (404, "not-found")
    assert create(relay, "demo2", host="lt.test").status == 200
    assert operator.get("/audit")["items"][0]["event"] == "tunnel.killed"


def test_an_agents_tunnel_is_told_that_it_ended(relay, operator):
    alice = account(operator, "alice")
    with Session(relay, fields=[("Authorization", f"Bearer {alice.key}")]) as peer:
        assert peer.register(subdomain="shop")["name"] == "shop"
        seen = operator.get("/tunnels/shop")
        assert (seen["kind"], seen["online"], seen["account"]) == ("http", True, "alice")
        alice("DELETE", "/tunnels/shop", status=204)
        wait_for(lambda: operator("GET", "/tunnels/shop").status == 404, "the end")


def test_a_tunnels_password_is_changed_while_it_runs(relay, operator, agent):
    alice = account(operator, "alice", names=["demo*"])
    peer = agent(relay, "demo", headers=[("Authorization", f"Bearer {alice.key}")])
    peer.serve(reply(b"hello"))
    assert peer.visit().body == b"hello"
    changed = alice("PATCH", "/tunnels/demo", {"password": "open sesame"}, status=200).json()
    assert changed["protected"] is True
    assert peer.visit().status == 401
    basic = base64.b64encode(b"x:open sesame").decode()
    assert peer.visit(headers=[("Authorization", f"Basic {basic}")]).body == b"hello"
    alice("PATCH", "/tunnels/demo", {"password": None}, status=200)
    assert peer.visit().body == b"hello"
    for body in ({"color": 1}, {"password": "abc"}, {"password": "x" * 129}, {"password": 7}):
        assert alice.code("PATCH", "/tunnels/demo", body) == (400, "invalid-request")
    assert alice.code("PATCH", "/tunnels/none", {"password": None})[0] == 403
    assert operator.code("PATCH", "/tunnels/none", {"password": None}) == (404, "not-found")
    rows = operator("GET", "/audit?limit=2")
    assert [row["detail"] for row in rows.json()["items"]] == [
        {"password": "removed"}, {"password": "set"}]
    assert "sesame" not in rows.text() + relay.text()


def test_networks_and_links_are_changed_while_a_tunnel_runs(relay, operator, agent):
    alice = account(operator, "alice")
    peer = agent(relay, "demo", headers=[("Authorization", f"Bearer {alice.key}")])
    peer.serve(reply(b"hello"))
    assert alice.code("POST", "/tunnels/demo/share", {"expires_in": 60}) == (
        400, "invalid-request")
    alice("PATCH", "/tunnels/demo", {"password": "open sesame"}, status=200)
    link = alice("POST", "/tunnels/demo/share", {"expires_in": 60, "views": 2}, status=201).json()
    token = link["url"].split("?", 1)[1]
    assert link["url"] == f"http://demo.lt.test:{relay.port}/?{token}" and link["views"] == 2
    assert peer.visit(target="/?" + token).status in (200, 302, 303)
    # Another change, which leaves the password alone, gives no views back.
    seen = alice("PATCH", "/tunnels/demo", {"deny": ["127.0.0.5"]}, status=200).json()
    assert seen["protected"] and seen["deny"] == ["127.0.0.5"] and seen["allow"] == []
    assert peer.visit(target="/?" + token).status in (200, 302, 303)
    assert peer.visit(target="/?" + token).status not in (200, 302, 303)
    assert peer.visit(source="127.0.0.5").status == 403
    alice("PATCH", "/tunnels/demo", {"deny": None, "allow": ["192.0.2.0/24"]}, status=200)
    assert peer.visit().status == 403
    seen = alice("PATCH", "/tunnels/demo", {"allow": [], "password": None}, status=200).json()
    assert (seen["protected"], seen["allow"], seen["deny"]) == (False, [], [])
    assert peer.visit().body == b"hello"
    assert alice.code("PATCH", "/tunnels/demo", {"allow": ["here"]}) == (400, "invalid-request")
    events = [row["event"] for row in operator.get("/audit?limit=6")["items"]]
    assert events == ["tunnel.changed"] * 3 + ["tunnel.shared", "tunnel.changed", "key.created"]


def test_a_new_password_leaves_the_other_guards_where_they_are(relay, operator):
    alice = account(operator, "alice")
    with Session(relay, fields=[("Authorization", f"Bearer {alice.key}")]) as peer:
        peer.register(1, subdomain="shop", deny=["127.0.0.2"],
                      verify={"scheme": "github", "secret": "x"})
        host = f"shop.{relay.domain}"
        signed = [("X-Hub-Signature-256", "sha256=" + "0" * 64)]
        for password in ("open sesame", "open sesame 2", None):
            alice("PATCH", "/tunnels/shop", {"password": password}, status=200)
            assert http.fetch(relay.port, host=host, source="127.0.0.2").status == 403
            refused = http.fetch(relay.port, host=host, headers=signed)
            assert refused.get("X-Adit-Error") == "webhook-signature", refused
        assert not peer.waiting


def test_a_new_password_is_within_the_plan(start, state):
    relay = start("--state-dir", state, "--bcrypt-cost", "4", "--plans", "plans.yaml", files={
        "plans.yaml": "default: p\nplans: {p: {password-tunnels: 1}}"})
    alice = account(Api(relay, state), "alice")
    with Session(relay, fields=[("Authorization", f"Bearer {alice.key}")]) as peer:
        peer.register(1, subdomain="first", password="open sesame")
        peer.register(2, subdomain="second")
        assert alice.code("PATCH", "/tunnels/second", {"password": "open sesame"}) == (
            403, "PASSWORD_LIMIT_REACHED")
        assert alice.get("/tunnels/second")["protected"] is False
        alice("PATCH", "/tunnels/first", {"password": "another one"}, status=200)
        alice("PATCH", "/tunnels/first", {"password": None}, status=200)
        alice("PATCH", "/tunnels/second", {"password": "open sesame"}, status=200)


def test_a_tcp_tunnel_takes_no_password(start, state):
    first = free_ports(2)
    relay = start("--state-dir", state, "--bcrypt-cost", "4", "--tcp-port-range-start", first,
                  "--tcp-port-range-end", first + 1)
    alice = account(Api(relay, state), "alice")
    with Session(relay, fields=[("Authorization", f"Bearer {alice.key}")]) as peer:
        peer.register(1, "tcp")
        (name,) = (item["name"] for item in alice.get("/tunnels")["items"])
        assert alice.code("PATCH", f"/tunnels/{name}", {"password": "open sesame"}) == (
            400, "invalid-request")
        assert alice.get(f"/tunnels/{name}")["protected"] is False


def test_who_signed_out_stays_out_when_other_guards_change(relay, operator, agent):
    alice = account(operator, "alice")
    peer = agent(relay, "demo", headers=[("Authorization", f"Bearer {alice.key}")])
    peer.serve(reply(b"hello"))
    alice("PATCH", "/tunnels/demo", {"password": "open sesame"}, status=200)
    browser = Browser(relay, "demo")
    assert browser.login("open sesame").status == 303
    session = dict(browser.cookies)
    browser.ask(target="/_adit/gate/logout")
    assert browser.submit("logout").status == 303
    browser.cookies = session
    assert browser.ask().status == 401
    for _ in range(5):
        assert peer.visit(headers=[gate_basic("a guess")]).status == 401
    alice("PATCH", "/tunnels/demo", {"deny": ["127.0.0.5"]}, status=200)
    assert browser.ask().status == 401
    assert peer.visit(headers=[gate_basic("open sesame")]).status == 429


# audit

def test_every_change_leaves_a_row(relay, operator):
    alice = account(operator, "alice")
    alice("POST", "/names", {"name": "shop"}, status=201)
    operator("PATCH", "/accounts/alice", {"password": "very secret"}, status=200)
    rows = operator("GET", "/audit?limit=2")
    assert "very secret" not in rows.text()
    page = rows.json()
    assert [row["event"] for row in page["items"]] == ["account.changed", "name.reserved"]
    assert page["items"][0]["detail"] == {"password": "set"}
    assert page["items"][1]["actor"].startswith("alice/")
    assert page["items"][1]["address"] == "127.0.0.1"
    older = operator.get(f"/audit?after={page['next']}")
    assert [row["event"] for row in older["items"]] == ["key.created", "account.added"]
    assert older["next"] is None


# usage, plans and trouble

PLANS = """
default: small
plans:
  small: {names: 1}
  large: {names: 5, tunnels: 7, monthly-bytes: 1g}
"""


def test_plans_bound_what_an_account_reserves(start, state):
    (state / "plans.yaml").write_text(PLANS)
    relay = start("--state-dir", state, "--plans", state / "plans.yaml")
    operator = Api(relay, state)
    alice = account(operator, "alice")
    assert operator.code("PATCH", "/accounts/alice", {"plan": "huge"}) == (409, "plan-unknown")
    operator("PATCH", "/accounts/alice", {"plan": "small"}, status=200)
    alice("POST", "/names", {"name": "shop"}, status=201)
    assert alice.code("POST", "/names", {"name": "shop2"}) == (403, "NAME_LIMIT_REACHED")
    operator("PATCH", "/accounts/alice", {"plan": "large"}, status=200)
    alice("POST", "/names", {"name": "shop2"}, status=201)
    me = alice.get("/me")
    assert me["plan"] == "large" and me["reserved_names"] == 2
    assert me["limits"]["names"] == 5 and me["limits"]["tunnels"] == 7
    assert me["limits"]["monthly_bytes"] == 2 ** 30 and me["limits"]["visitors"] is None


def test_what_went_through_is_told_by_month(relay, operator, agent):
    alice = account(operator, "alice")
    peer = agent(relay, "demo", headers=[("Authorization", f"Bearer {alice.key}")])
    peer.serve(reply(b"x" * 5000))
    for _ in range(3):
        assert peer.visit().status == 200
    rows = wait_for(lambda: [row for row in alice.get("/usage")["items"] if row["requests"] == 3],
                    "the usage", 60)
    assert rows[0]["account"] == "alice" and rows[0]["bytes_out"] >= 15000
    assert re.fullmatch(r"\d{4}-\d\d", rows[0]["month"])
    assert [row["account"] for row in operator.get("/usage?account=alice")["items"]] == ["alice"]


def test_a_store_that_is_away_is_said_so_at_once(start, tmp_path):
    postgres = Postgres()
    try:
        relay = start("--state-dir", tmp_path, env={"LT_DATABASE": postgres.url})
        operator = Api(relay, tmp_path)
        alice = account(operator, "alice")
        postgres.stop()
        began = time.monotonic()
        assert wait_for(lambda: operator.code("POST", "/accounts", {"name": "bob"}) == (
            503, "store-unavailable"), "the trouble")
        assert operator.code("GET", "/keys") == (503, "store-unavailable")
        assert alice.get("/me")["account"] == "alice"
        assert time.monotonic() - began < 15
        postgres.start()
        wait_for(lambda: operator("POST", "/accounts", {"name": "bob"}).status == 201,
                 "the return", 60)
    finally:
        postgres.close()


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
