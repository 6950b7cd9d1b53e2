"""Gates besides the password: networks, signatures of webhooks, and how they compose with it."""
import base64
import contextlib
import hashlib
import hmac
import json
import os
import socket
import time

import pytest

from harness import http
from harness.admin import Api
from harness.agent import create
from harness.relay import free_ports
from harness.session import Session
from harness.session import echo
from harness.tunnel import Tunnel, is_refused
from harness.wait import wait_for

SECRET = "whsec_8f742231b10e8888abcd99yyyzzz85a5"
PASSWORD = "correct horse"


def basic(password=PASSWORD):
    token = base64.b64encode(f"any:{password}".encode()).decode()
    return [("Authorization", f"Basic {token}")]


def guarded(relay, name="demo", **guards):
    """A session's tunnel whose service answers with what it got."""
    return Tunnel(relay, name=name, handle=echo, **guards)


# networks

@pytest.mark.parametrize("guards, let", [
    ({"allow": ["127.0.0.0/8"]}, True),
    ({"allow": ["192.0.2.0/24", "::1"]}, False),
    ({"deny": ["127.0.0.1"]}, False),
    ({"deny": ["192.0.2.0/24"]}, True),
    ({"allow": ["127.0.0.0/8"], "deny": ["127.0.0.1/32"]}, False),
])
def test_visitors_come_from_where_they_may(start, guards, let):
    relay = start()
    with guarded(relay, **guards) as tunnel:
        # What a visitor writes about itself counts for nothing.
        fields = [("X-Forwarded-For", "127.0.0.1, 192.0.2.1"), ("X-Real-IP", "192.0.2.1")]
        response = tunnel.visit(headers=fields)
        if let:
            assert response.status == 200
        else:
            assert is_refused(response, "address-refused", 403), response
        assert len(tunnel.requests) == (1 if let else 0)
        relay.wait_access(status=response.status)


@pytest.mark.covers("fault-43")
def test_behind_a_trusted_proxy_the_last_address_counts(start):
    relay = start("--trust-proxy")
    with guarded(relay, allow=["192.0.2.0/24"]) as tunnel:
        def status(*values):
            return tunnel.visit(headers=[("X-Forwarded-For", value) for value in values]).status
        assert status("192.0.2.7") == 200
        assert status("203.0.113.1, 192.0.2.7") == 200
        assert status("192.0.2.7, 203.0.113.1") == 403, "the first one may be anybody's word"
        assert status("192.0.2.7", "203.0.113.1") == 403
        assert status("203.0.113.1", "192.0.2.7") == 200
        assert status("unknown") == 403
        assert tunnel.visit(headers=[("X-Real-IP", "192.0.2.9")]).status == 200
        assert tunnel.visit().status == 403


def test_networks_guard_tcp_tunnels_as_well(start):
    first = free_ports(2)
    relay = start("--tcp-port-range-start", first, "--tcp-port-range-end", first + 1)
    with Session(relay) as peer:
        port = peer.register(1, "tcp", deny=["127.0.0.1"])["port"]
        with pytest.raises((ConnectionResetError, BrokenPipeError)):
            with http.Wire(socket.create_connection(("127.0.0.1", port), 10)) as visitor:
                visitor.send(b"hello")
                if visitor.read_some() == b"":
                    raise AssertionError("an orderly end is no refusal")
        sock = socket.create_connection(("127.0.0.1", port), 10, source_address=("127.0.0.2", 0))
        with http.Wire(sock) as visitor:
            visitor.send(b"hello")
            assert peer.accept().read_exactly(5) == b"hello"
        assert not peer.waiting


@pytest.mark.parametrize("guards", [
    {"allow": ["10.0.0.0/33"]}, {"deny": ["10.0.0.1/99"]},
    {"verify": {"scheme": "paypal", "secret": "x"}},
])
def test_what_is_no_guard_is_refused(start, guards):
    relay = start()
    with Session(relay) as peer:
        refused = peer.register_refused(1, subdomain="demo", **guards)
        assert (refused["code"], refused["fatal"]) == ("bad-guard", True), refused


def test_refused_networks_do_not_use_up_the_minute_of_others(start):
    relay = start("--plans", "plans.yaml", files={
        "plans.yaml": "default: p\nplans: {p: {requests-per-minute: 2}}"})
    with guarded(relay, deny=["127.0.0.2"]) as tunnel:
        for _ in range(5):
            assert http.fetch(relay.port, host=tunnel.host, source="127.0.0.2").status == 403
        assert [tunnel.visit().status for _ in range(3)] == [200, 200, 429]


# webhooks

def sign(scheme, body, secret=SECRET, at=None):
    at = str(int(time.time() if at is None else at)).encode()
    if scheme == "stripe":
        mac = hmac.new(secret.encode(), at + b"." + body, hashlib.sha256).hexdigest()
        return [("Stripe-Signature", f"t={at.decode()},v1={'0' * 64},v1={mac}")]
    if scheme == "slack":
        mac = hmac.new(secret.encode(), b"v0:" + at + b":" + body, hashlib.sha256).hexdigest()
        return [("X-Slack-Signature", f"v0={mac}"),
                ("X-Slack-Request-Timestamp", at.decode())]
    mac = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return [("X-Hub-Signature-256", f"sha256={mac}")]


SCHEMES = pytest.mark.parametrize("scheme", ["stripe", "github", "slack"])


def verify(scheme):
    return {"scheme": scheme, "secret": SECRET}


@SCHEMES
def test_signed_requests_pass_byte_for_byte_and_others_do_not(start, scheme):
    relay = start()
    body = os.urandom(50_000)
    with guarded(relay, verify=verify(scheme)) as tunnel:
        good = tunnel.visit("POST", body=body, headers=sign(scheme, body))
        assert good.status == 200 and good.body == body
        for case, fields in {
                "belong": sign(scheme, body + b"x"), "secret": sign(scheme, body, "other"),
                "not signed": []}.items():
            bad = tunnel.visit("POST", body=body, headers=fields)
            assert is_refused(bad, "webhook-signature", 401), bad
            assert bad.get("WWW-Authenticate") and case in bad.text(), (case, bad.text())
        if scheme != "github":
            old = tunnel.visit("POST", body=body, headers=sign(scheme, body, at=time.time() - 400))
            assert is_refused(old, "webhook-signature", 401) and "five minutes" in old.text()
        twice = tunnel.visit("POST", body=body, headers=sign(scheme, body) * 2)
        assert is_refused(twice, "webhook-signature", 401)
        assert is_refused(tunnel.visit(), "webhook-signature", 401)
        assert len(tunnel.requests) == 1
        assert SECRET not in relay.text()


def test_a_github_delivery_as_its_documentation_has_it(start):
    relay = start()
    guard = {"scheme": "github", "secret": "It's a Secret to Everybody"}
    with guarded(relay, verify=guard) as tunnel:
        response = tunnel.visit("POST", body=b"Hello, World!", headers=[
            ("X-Hub-Signature-256", "sha256=757107ea0eb2509fc211221cce984b8a"
                                    "37570b6d7586c22c46f4379c8b043e17")])
        assert response.status == 200 and response.body == b"Hello, World!"


def test_chunked_expected_and_pipelined_webhooks(start):
    relay = start()
    with guarded(relay, verify=verify("github")) as tunnel:
        fields = sign("github", b"hello world")
        chunked = (b"5\r\nhello\r\n6;x=y\r\n world\r\n0\r\nT: v\r\n\r\n")
        head = http.build_request("POST", "/a", tunnel.host, fields + [
            ("Transfer-Encoding", "chunked"), ("Expect", "100-continue")])
        with http.Visitor(relay.port) as visitor:
            visitor.send(head)
            assert visitor.read_head().status == 100
            # One behind the other, in pieces of any size.
            rest = chunked + http.build_request(
                "POST", "/b", tunnel.host, fields, b"hello world") + http.build_request(
                    "POST", "/c", tunnel.host, fields, b"hello earth")
            visitor.send(rest, sizes=7)
            first = visitor.read_response()
            assert first.status == 200 and first.body == b"hello world", first
            second = visitor.read_response()
            assert second.status == 200 and second.body == b"hello world"
            assert is_refused(visitor.read_response(), "webhook-signature", 401)
        assert [request.target for request in tunnel.requests] == ["/a", "/b"]


def test_a_body_that_was_gathered_vouches_for_no_later_request(start):
    relay = start("--workers", "1")
    fields = sign("github", b"hello world")
    late = fields + [("Content-Length", "11"), ("Expect", "100-continue")]
    with guarded(relay, verify=verify("github")) as tunnel, http.Visitor(relay.port) as visitor:
        visitor.send(http.build_request("POST", "/a", tunnel.host, late))
        assert visitor.read_head().status == 100
        with guarded(relay) as unguarded:
            visitor.send(b"hello world")
            assert visitor.read_response().status == 200
            assert [request.target for request in unguarded.requests] == ["/a"]
            with guarded(relay, verify=verify("github")) as third:
                visitor.send(http.build_request("POST", "/b", tunnel.host, fields, b"other words"))
                assert is_refused(visitor.read_response(), "webhook-signature", 401)
                assert not third.requests


def test_bodies_are_gathered_up_to_a_bound(start):
    relay = start("--webhook-max-body", "64k")
    with guarded(relay, verify=verify("github")) as tunnel:
        for size, status in ((65536, 200), (65537, 413)):
            body = os.urandom(size)
            response = tunnel.visit("POST", body=body, headers=sign("github", body))
            assert response.status == status, response
        assert len(tunnel.requests) == 1


def test_bodies_of_webhooks_are_gathered_up_to_a_bound_together(start):
    """32 of the largest: whoever comes then is told to come back, and those inside go on."""
    relay = start("--webhook-max-body", "64k", "--workers", "1", "--retry-after", "7s")
    body = os.urandom(65536)
    with guarded(relay, verify=verify("github")) as tunnel, contextlib.ExitStack() as stack:
        head = http.build_request("POST", "/", tunnel.host, sign("github", body) + [
            ("Content-Length", str(len(body)))])
        chunked = http.build_request("POST", "/", tunnel.host, sign("github", body) + [
            ("Transfer-Encoding", "chunked")])
        held = [stack.enter_context(http.Visitor(relay.port)) for _ in range(32)]
        for visitor in held[:-1]:
            visitor.send(head + body[:-1])
        # What is not there yet is not counted: there is room for one more, until it has come.
        last = held[-1]
        last.send(head + body[:-100])
        busy = http.Visitor(relay.port)
        refused = wait_for(lambda: is_full(relay, tunnel, body), "the bound")
        assert refused.get("Retry-After") == "7"
        # An announced length is refused at once, pieces when they come.
        with busy:
            busy.send(chunked + b"200\r\n" + body[:512] + b"\r\n")
            response = busy.read_response()
            assert is_refused(response, "overloaded", 503), response
        assert tunnel.visit("POST", body=b"x", headers=sign("github", b"x")).status == 200
        last.send(body[-100:])
        assert last.read_response().status == 200
        for visitor in held[:-1]:
            visitor.send(body[-1:])
            assert visitor.read_response().status == 200
        assert tunnel.visit("POST", body=body, headers=sign("github", body)).status == 200


def is_full(relay, tunnel, body):
    response = tunnel.visit("POST", body=body, headers=sign("github", body))
    return response if is_refused(response, "overloaded", 503) else None


def test_who_leaves_takes_the_room_of_its_body_along(start):
    relay = start("--webhook-max-body", "1k", "--workers", "1")
    body = os.urandom(1024)
    with guarded(relay, verify=verify("github")) as tunnel:
        head = http.build_request("POST", "/", tunnel.host, sign("github", body) + [
            ("Content-Length", str(len(body)))])
        held = [http.Visitor(relay.port) for _ in range(32)]
        for visitor in held:
            visitor.send(head + body[:-1])
        wait_for(lambda: is_full(relay, tunnel, body), "the bound")
        for visitor in held:
            visitor.reset()
        wait_for(lambda: not is_full(relay, tunnel, body), "the room")


def begin_form(relay, tunnel, form):
    """A visitor whose form waits for its last byte, signed for whoever wants to know."""
    visitor = http.Visitor(relay.port)
    visitor.send(http.build_request("POST", "/_adit/gate/login", tunnel.host, sign("github", form) + [
        ("Content-Type", "application/x-www-form-urlencoded"), ("Expect", "100-continue"),
        ("Content-Length", str(len(form)))]))
    assert visitor.read_head().status == 100  # the relay gathers it
    visitor.send(form[:-1])
    # Whatever was sent before this answer came has been read.
    assert http.fetch(relay.port, target="/healthz", host=relay.domain).status == 200
    return visitor


@pytest.mark.parametrize("before, after, status", [
    ({"password": PASSWORD}, {"verify": verify("github")}, 200),
    ({"verify": verify("github")}, {"password": PASSWORD}, 403),
    ({"verify": verify("github")}, {}, 200),
], ids=["password-to-webhook", "webhook-to-password", "webhook-to-none"])
def test_a_guard_may_change_while_a_body_comes(start, before, after, status):
    """What was gathered for one guard is looked at by the other, and takes no room for ever."""
    relay = start("--workers", "1", "--bcrypt-cost", "4", "--webhook-max-body", "1k")
    form = b"password=" + b"x" * 1015
    with guarded(relay, **before) as tunnel, Session(relay) as other:
        visitors = [begin_form(relay, tunnel, form) for _ in range(31)]
        assert other.register(1, subdomain="demo", **after)["name"] == "demo"
        other.serve(echo)
        for visitor in visitors:
            visitor.send(form[-1:])
            assert visitor.read_response().status == status
            visitor.close()
        # All of the room is there again.
        other.close()
    with guarded(relay, verify=verify("github")) as tunnel:
        held = [begin_form(relay, tunnel, form) for _ in range(31)]
        assert tunnel.visit("POST", body=form, headers=sign("github", form)).status == 200
        for visitor in held:
            visitor.close()


def test_a_signature_stands_in_for_the_password_and_the_other_way_round(start):
    relay = start()
    with guarded(relay, verify=verify("github"), password=PASSWORD) as tunnel:
        assert tunnel.answer["protected"] is True
        body = b"{}"
        assert tunnel.visit("POST", body=body, headers=sign("github", body)).status == 200
        assert tunnel.visit("POST", body=body, headers=basic()).status == 200
        assert tunnel.visit("POST", body=body).status == 401
        wrong = tunnel.visit("POST", body=body, headers=sign("github", b"x") + basic())
        assert is_refused(wrong, "webhook-signature", 401)
        assert len(tunnel.requests) == 2
        assert all(not request.get("Authorization") for request in tunnel.requests)


def test_a_guard_without_a_password_leaves_the_applications_credentials_alone(start):
    relay = start()
    with guarded(relay, allow=["127.0.0.0/8"]) as tunnel:
        fields = basic() + [("Cookie", "__adit_session=mine; a=b")]
        assert tunnel.visit(headers=fields).status == 200
        assert tunnel.requests[0].get("Authorization") == basic()[0][1]
        assert tunnel.requests[0].get("Cookie") == "__adit_session=mine; a=b"


# pool clients

def post(relay, **members):
    return create(relay, method="POST", target="/api/tunnels", body=json.dumps(members).encode(),
                  headers=[("Content-Type", "application/json")])


def test_pool_tunnels_are_guarded_too(start):
    relay = start()
    made = post(relay, subdomain="pool-app", deny=["127.0.0.1"], verify=verify("stripe"))
    assert made.status == 201, made
    host = f"pool-app.{relay.domain}"
    assert is_refused(http.fetch(relay.port, host=host), "address-refused", 403)
    for members in ({"allow": ["x"]}, {"allow": "10.0.0.0/8"}, {"verify": {"scheme": "github"}},
                    {"verify": {"scheme": "paypal", "secret": "x"}}, {"deny": [1]},
                    {"deny": ["10.0.0.0/8"] * 65}):
        bad = post(relay, subdomain="other-app", **members)
        assert bad.status == 400, (members, bad)
    assert http.fetch(relay.port, host=f"other-app.{relay.domain}").status == 404


# changes while it runs

def test_another_password_leaves_the_other_guards_in_place(start, tmp_path):
    tmp_path.chmod(0o700)
    relay = start("--state-dir", tmp_path, "--bcrypt-cost", "4")
    operator = Api(relay, tmp_path)
    with guarded(relay, deny=["127.0.0.2"], verify=verify("github")) as tunnel:
        for password, code in (("open sesame", "password-required"), (None, "webhook-signature")):
            operator("PATCH", "/tunnels/demo", {"password": password}, status=200)
            assert http.fetch(relay.port, host=tunnel.host, source="127.0.0.2").status == 403
            assert is_refused(tunnel.visit(), code, 401)
            assert tunnel.visit("POST", body=b"x", headers=sign("github", b"x")).status == 200


# passwords by plan

@pytest.mark.covers("S113")
def test_so_many_tunnels_with_a_password_and_not_one_more(start):
    relay = start("--plans", "plans.yaml", files={
        "plans.yaml": "default: p\nplans: {p: {password-tunnels: 1}}"})
    with Session(relay) as peer:
        peer.register(1, subdomain="first-app", password=PASSWORD)
        refused = peer.register_refused(2, subdomain="second-app", password=PASSWORD)
        assert refused["code"] == "PASSWORD_LIMIT_REACHED", refused
        pool = post(relay, subdomain="third-app", password=PASSWORD)
        assert pool.get("X-Adit-Error") == "PASSWORD_LIMIT_REACHED", pool
        assert peer.register(3, subdomain="open-app")["name"] == "open-app"
        peer.say(type="unregister", tunnel=1)
        peer.expect("closed", tunnel=1)
        assert peer.register(4, subdomain="second-app", password=PASSWORD)["protected"] is True
