"""The admin API: who gets in, accounts, names, and what it tells about them."""
import os
import re
import stat
import time

import pytest

from harness import http
from harness.admin import Api, Socket, account, ask
from harness.agent import create, reply
from harness.postgres import Postgres
from harness.session import Session
from harness.wait import wait_for


@pytest.fixture
def relay(start, state):
    return start("--state-dir", state, "--bcrypt-cost", "4")


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
