"""The admin API: tunnels that run, and what stands before them."""
import base64

import pytest

from harness import http
from harness.admin import Api, account
from harness.agent import create, reply
from harness.gate import Browser, basic as gate_basic
from harness.relay import free_ports
from harness.session import Session
from harness.wait import wait_for


@pytest.fixture
def relay(start, state):
    return start("--state-dir", state, "--bcrypt-cost", "4")


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
