"""The admin API: keys, what they allow, and how far a change of one reaches."""
import json
import re
import time

import pytest

from harness import http
from harness.admin import Api, account
from harness.agent import create, reply
from harness.relay import free_ports
from harness.session import Session
from harness.wait import DEADLINE, wait_for

KEY = re.compile(r"adit_[a-z0-9]{12}_[A-Za-z0-9_-]{43}")


@pytest.fixture
def relay(start, state):
    return start("--state-dir", state, "--bcrypt-cost", "4")


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
