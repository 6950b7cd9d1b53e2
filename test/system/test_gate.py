"""The password before a tunnel (S103-S116): credentials, what is passed on, how guessing ends."""
import base64
import re
import threading

import pytest

from harness import http
from harness.admin import office
from harness.agent import answer, create, echo, reply
from harness.gate import HTML, basic, locked, post, visit
from harness.session import Session, on_worker
from harness.session import reply as session_reply
from harness.wait import wait_for

CHALLENGE = 'Basic realm="adit", charset="UTF-8"'
LOCAL = "127.0.0.1"


@pytest.fixture
def fast(start):
    """fast(*flags) -> Relay whose bcrypt is quick, so that tests are."""
    return lambda *flags, **how: start("--bcrypt-cost", "4", *flags, **how)


def open_agent(agent, relay, name="demo", password="hunter22"):
    """A pool tunnel with a password, and its client."""
    locked(relay, name, password)
    return agent(relay, name).serve(echo, sockets=2)


@pytest.mark.covers("S103", "S105")
def test_without_the_password_nothing_reaches_the_service(fast, agent):
    relay = fast()
    service = open_agent(agent, relay)
    for headers in [(), [basic("hunter2")], [basic("")], [("Authorization", "Basic %%%")],
                    [("Authorization", "Bearer hunter22")], [("Cookie", "__adit_session=x")]]:
        response = visit(relay, "demo", *headers, source="127.0.0.%d" % (10 + len(str(headers))))
        assert response.status == 401
        assert response.get("WWW-Authenticate") == CHALLENGE
        assert response.get("Cache-Control") == "no-store"
        assert response.get("X-Adit-Error") in ("password-required", "password-wrong")
    assert visit(relay, "demo", basic("hunter22")).status == 200
    assert len(service.requests) == 1, "only the last one reached it"


@pytest.mark.covers("S106", "S109")
def test_the_right_password_passes_whatever_the_user_and_stays_at_the_relay(fast, agent):
    relay = fast()
    open_agent(agent, relay)
    for user in ["", "admin", "a b", "\xe4" * 100]:
        response = visit(relay, "demo", basic("hunter22", user), ("X-Own", "1"))
        assert response.status == 200
        assert b"X-Own: 1" in response.body
        assert b"uthorization" not in response.body and b"Basic" not in response.body


@pytest.mark.covers("S109")
def test_cookies_of_the_gate_stay_and_those_of_the_application_pass(fast, agent):
    relay = fast()
    open_agent(agent, relay)
    response = visit(relay, "demo", basic("hunter22"), ("X-A", "1"),
                     ("Cookie", 'a="1;2" ; __adit_session=x;b=\xff;__Host-__adit_csrf=y'),
                     ("Cookie", "__adit_csrf=z"), ("COOKIE", "c=3; __adit_session=q"))
    assert b'Cookie: a="1;2" ;b=\xff\r\n' in response.body
    assert b"COOKIE: c=3\r\n" in response.body
    assert b"__adit" not in response.body and b"__Host" not in response.body


def test_an_open_tunnel_is_left_alone(fast, agent):
    relay = fast()
    agent(relay, "open").serve(echo)
    response = visit(relay, "open", basic("x"), ("Cookie", "__adit_session=x; a=1"),
                     target="/_adit/gate/login")
    assert response.status == 200
    assert b"GET /_adit/gate/login" in response.body
    assert b"Basic eDp4" not in response.body and b"Authorization: Basic" in response.body
    assert b"__adit_session=x; a=1" in response.body


@pytest.mark.covers("S103", "S109")
def test_an_agents_tunnel_is_the_same(fast):
    relay = fast()
    with Session(relay, client="me") as peer:
        answered = peer.register(subdomain="demo", password="hunter22")
        assert answered["protected"] is True
        seen = []

        def handler(stream, request):
            seen.append(request)
            stream.answer(request.raw)
        peer.serve(handler)
        assert visit(relay, "demo").status == 401
        assert visit(relay, "demo", basic("hunter23")).status == 401
        assert not seen
        response = visit(relay, "demo", basic("hunter22"), ("Cookie", "a=1; __adit_csrf=2"))
        assert response.status == 200 and len(seen) == 1
        assert b"Cookie: a=1\r\n" in response.body and b"uthorization" not in response.body


def test_upgrades_pass_the_same_gate(fast, agent):
    relay = fast()
    service = open_agent(agent, relay)
    fields = [("Connection", "Upgrade"), ("Upgrade", "websocket"), ("Cookie", "a=1; __adit_csrf=x")]
    refused = visit(relay, "demo", *fields)
    assert refused.status == 401 and refused.get("Connection") == "close"
    assert not service.requests
    service.drop_sockets()

    def switch(sock, request):
        assert request.get("Authorization") is None and request.get("Cookie") == "a=1"
        sock.send(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n"
                  b"Upgrade: websocket\r\n\r\n")
        sock.send(sock.read_exactly(4))
        sock.close()
    service.serve(switch, reopen=False, body=False)
    with service.visitor() as visitor:
        visitor.send(http.build_request("GET", "/", service.host, [*fields, basic("hunter22")])
                     + b"ping")
        assert visitor.read_head().status == 101
        assert visitor.read_exactly(4) == b"ping"


@pytest.mark.covers("S112")
def test_the_length_is_checked_here_too(fast):
    relay = fast()
    for password in ["abc", "p" * 129, "\u20ac", 1234, True, ["hunter22"], ""]:
        response = post(relay, subdomain="demo", password=password)
        assert response.status == 400 and response.get("X-Adit-Error") == "bad-request", password
        assert "4 to 128 bytes" in response.json()["message"]
    assert create(relay, target="/api/tunnels/demo/status").status == 404
    for name, password in [("four", "abcd"), ("many", "p" * 128), ("euro", "\u20ac1")]:
        locked(relay, name, password)
    with Session(relay, client="me") as peer:
        peer.say(type="register", tunnel=1, proto="http", password="abc")
        assert peer.expect("error")["code"] == "bad-message"


@pytest.mark.covers("S112")
def test_every_byte_counts(fast, agent):
    relay = fast()
    password = "\xe4\u20ac" + "p" * 100 + "!"
    open_agent(agent, relay, password=password)
    wrong = [password[:-1], password[:-1] + "?", password[:70], password + "x"]
    for at, text in enumerate(wrong):
        assert visit(relay, "demo", basic(text), source=f"127.0.0.{20 + at}").status == 401
    assert visit(relay, "demo", basic(password.encode() + b"\0"), source="127.0.0.30").status == 401
    assert visit(relay, "demo", basic(password.encode("latin-1", "ignore")),
                 source="127.0.0.31").status == 401
    assert visit(relay, "demo", basic(password)).status == 200


def test_a_tcp_tunnel_refuses_a_password(fast):
    relay = fast("--tcp-port-range-start", "20000", "--tcp-port-range-end", "20100")
    with Session(relay, client="me") as peer:
        refused = peer.register_refused(proto="tcp", password="hunter22")
        assert (refused["code"], refused["fatal"]) == ("password-not-possible", True)
        assert "TCP" in refused["message"]


@pytest.mark.covers("S111")
def test_five_failures_block_the_source_for_this_tunnel_alone(fast, agent):
    relay = fast()
    open_agent(agent, relay)
    open_agent(agent, relay, "other")
    for _ in range(5):
        assert visit(relay, "demo", basic("guess")).status == 401
    blocked = visit(relay, "demo", basic("hunter22"))
    assert blocked.status == 429 and blocked.get("X-Adit-Error") == "too-many-attempts"
    assert 50 <= int(blocked.get("Retry-After")) <= 60
    assert blocked.all("WWW-Authenticate") == []
    assert visit(relay, "demo").status == 401, "asking without a password is no guess"
    assert visit(relay, "demo", basic("hunter22"), source="127.0.0.2").status == 200
    assert visit(relay, "other", basic("hunter22")).status == 200


@pytest.mark.covers("S111")
def test_success_resets_the_count(fast, agent):
    relay = fast()
    open_agent(agent, relay)
    for _ in range(3):
        for _ in range(4):
            assert visit(relay, "demo", basic("guess")).status == 401
        assert visit(relay, "demo", basic("hunter22")).status == 200


@pytest.mark.covers("S111")
def test_guesses_at_once_are_no_more_guesses(start, agent):
    relay = start("--bcrypt-cost", "10")
    open_agent(agent, relay)
    results = []

    def guess(number):
        results.append(visit(relay, "demo", basic(f"guess{number}")).status)
    threads = [threading.Thread(target=guess, args=(n,)) for n in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results.count(401) == 5 and results.count(429) == 15, results
    checked = http.fetch(relay.port, target="/healthz", host=relay.domain)
    assert checked.status == 200


@pytest.mark.covers("S111")
def test_who_leaves_before_the_answer_has_guessed_all_the_same(start, agent):
    relay = start("--bcrypt-cost", "12", admin=True)
    open_agent(agent, relay)

    def wrong():
        metrics = http.fetch(relay.admin_port, target="/metrics", host="x").text()
        return int(re.search(r'adit_passwords_checked_total{result="wrong"} (\d+)', metrics)[1])
    for n in range(5):
        visitor = send_request(relay, basic(f"guess{n}"))
        assert visitor.silent(0.05)
        visitor.reset()
        wait_for(lambda n=n: wrong() == n + 1, "the guess to be looked at")
    assert visit(relay, "demo", basic("hunter22")).status == 429
    assert visit(relay, "demo", basic("hunter22"), source="127.0.0.2").status == 200


@pytest.mark.covers("S111")
def test_a_source_is_what_the_trusted_proxy_says_and_of_ipv6_its_network(fast, agent):
    relay = fast("--trust-proxy")
    open_agent(agent, relay)

    def status(address, password):
        return visit(relay, "demo", basic(password), ("X-Forwarded-For", address)).status
    for at in range(5):
        assert status(f"2001:db8:0:1::{at}", "guess") == 401
    assert status("2001:DB8:0:1:ffff::1", "hunter22") == 429
    assert status("2001:db8:0:2::1", "hunter22") == 200
    for _ in range(5):
        assert status("::ffff:192.0.2.1", "guess") == 401
    assert status("192.0.2.1", "hunter22") == 429
    assert status("192.0.2.2", "hunter22") == 200


def test_an_untrusted_proxy_changes_nothing_about_the_source(fast, agent):
    relay = fast()
    open_agent(agent, relay)
    for at in range(5):
        visit(relay, "demo", basic("guess"), ("X-Forwarded-For", f"192.0.2.{at}"))
    assert visit(relay, "demo", basic("hunter22"), ("X-Forwarded-For", "192.0.2.9")).status == 429


@pytest.mark.covers("S108", "S110")
def test_requests_with_basic_do_not_pay_bcrypt_each_time(start, agent):
    relay = start("--bcrypt-cost", "10", admin=True)
    open_agent(agent, relay)
    with http.Visitor(relay.port) as visitor:
        for _ in range(200):
            assert visitor.ask(host="demo.lt.test", headers=[basic("hunter22")]).status == 200
    metrics = http.fetch(relay.admin_port, target="/metrics", host="x").text()
    assert 'adit_passwords_checked_total{result="right"} 1\n' in metrics


def test_many_at_once_with_the_right_password_share_one_check(start, agent):
    relay = start("--bcrypt-cost", "12", admin=True)
    open_agent(agent, relay)
    visitors = [http.Visitor(relay.port) for _ in range(20)]
    for visitor in visitors:
        visitor.send(http.build_request("GET", "/", "demo.lt.test", [basic("hunter22")]))
    assert [visitor.read_response().status for visitor in visitors] == [200] * 20
    metrics = http.fetch(relay.admin_port, target="/metrics", host="x").text()
    assert 'adit_passwords_checked_total{result="right"} 1\n' in metrics
    for visitor in visitors:
        visitor.close()


# what may happen while a password is looked at

@pytest.fixture
def slow(start, agent):
    """A relay whose bcrypt takes a second or so, a tunnel on it, and its service."""
    relay = start("--bcrypt-cost", "13")
    service = open_agent(agent, relay)
    return relay, service


def send_request(relay, *headers, method="GET", body=None, more=b""):
    visitor = http.Visitor(relay.port)
    visitor.send(http.build_request(method, "/", "demo.lt.test", [*headers], body) + more)
    return visitor


def test_pipelined_requests_wait_behind_it(slow):
    relay, service = slow
    more = http.build_request("GET", "/second", "demo.lt.test", [basic("hunter22")])
    with send_request(relay, basic("hunter22"), more=more) as visitor:
        assert b"GET / HTTP/1.1" in visitor.read_response().body
        assert b"GET /second HTTP/1.1" in visitor.read_response().body
    assert len(service.requests) == 2


def test_a_body_waits_with_it(slow):
    relay, _ = slow
    body = bytes(range(256)) * 4096
    with send_request(relay, basic("hunter22"), method="POST", body=body) as visitor:
        assert visitor.read_response(timeout=30).body.endswith(body)


def test_a_client_that_waits_before_its_body(slow):
    relay, service = slow
    service.drop_sockets()

    def handler(sock, request):
        sock.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        return answer(sock.read_exactly(5))
    service.serve(handler, body=False)
    with send_request(relay, basic("hunter22"), ("Expect", "100-continue"),
                      ("Content-Length", "5"), method="PUT") as visitor:
        assert visitor.read_head().status == 100
        visitor.send(b"hello")
        assert visitor.read_response().body == b"hello"


def test_a_half_closed_visitor_gets_its_answer(slow):
    relay, _ = slow
    with send_request(relay, basic("hunter22")) as visitor:
        visitor.half_close()
        assert visitor.read_response().status == 200
        assert visitor.wait_closed() == "fin"


def test_a_visitor_that_leaves_is_forgotten(start, agent):
    relay = start("--bcrypt-cost", "13", admin=True)
    service = open_agent(agent, relay)

    def open_visitors():
        metrics = http.fetch(relay.admin_port, target="/metrics", host="x").text()
        return int(re.search(r"adit_visitor_connections_open (\d+)", metrics)[1])
    for _ in range(3):
        visitor = send_request(relay, basic("hunter22"))
        assert visitor.silent(0.05)
        visitor.reset()
    wait_for(lambda: open_visitors() == 1, "those that left to be gone")
    assert visit(relay, "demo", basic("hunter22")).status == 200
    assert len(service.requests) == 1


def test_a_tunnel_that_closes_meanwhile_is_not_found(start):
    relay = start("--bcrypt-cost", "13", "--grace-period", "0")
    with Session(relay, client="me") as peer:
        peer.register(subdomain="demo", password="hunter22")
        peer.serve(session_reply(b"x"))
        visitor = send_request(relay, basic("hunter22"))
        assert visitor.silent(0.05)
        peer.say(type="unregister", tunnel=1)
        response = visitor.read_response()
        assert (response.status, response.get("X-Adit-Error")) == (404, "tunnel-not-found")
        visitor.close()


def test_a_password_that_goes_meanwhile_is_waited_for_no_longer(slow):
    relay, _ = slow
    with send_request(relay, basic("guess")) as visitor:
        assert visitor.silent(0.05)
        assert post(relay, subdomain="demo", password=None).status == 201
        response = visitor.read_response()
        # Its client has to come to another port first: that is behind the gate.
        assert response.get("X-Adit-Error") == "tunnel-offline"


def test_a_relay_that_drains_answers_first(slow):
    relay, _ = slow
    with send_request(relay, basic("hunter22")) as visitor:
        assert visitor.silent(0.05)
        relay.signal(15)
        response = visitor.read_response()
        assert response.status == 200
        assert visitor.wait_closed() == "fin"
    assert relay.wait_exit() == 0


def test_a_relay_that_is_stopped_does_not_wait(start, agent):
    relay = start("--bcrypt-cost", "12", "--drain-timeout", "0")
    locked(relay, "demo", "hunter22")
    visitors = [send_request(relay, basic(f"guess{n}")) for n in range(5)]
    assert visitors[0].silent(0.05)
    relay.stop(timeout=60)
    for visitor in visitors:
        visitor.close()


def test_an_agent_that_leaves_before_its_hash_is_made(start):
    relay = start("--bcrypt-cost", "13")
    with Session(relay, client="me") as peer:
        peer.say(type="register", tunnel=1, proto="http", subdomain="demo", password="hunter22")
    with Session(relay, client="me") as peer:
        peer.register(1, subdomain="else")
        peer.say(type="register", tunnel=2, proto="http", subdomain="demo", password="hunter22")
        peer.say(type="unregister", tunnel=1)
        assert peer.expect("registered", timeout=60)["protected"] is True
        assert peer.expect("closed", timeout=60)["tunnel"] == 1, "lines are acted upon in order"


# who has set what

def test_a_client_that_comes_by_get_leaves_the_password_as_it_is(fast, agent):
    relay = fast()
    locked(relay, "demo", "hunter22")
    agent(relay, "demo").serve(reply(b"hello"))
    assert visit(relay, "demo").status == 401
    again = post(relay, subdomain="demo")
    assert again.status == 201 and again.json()["protected"] is True
    assert visit(relay, "demo").status == 401
    opened = post(relay, subdomain="demo", password=None)
    assert opened.status == 201 and "protected" not in opened.json()
    assert visit(relay, "demo").status != 401


def test_an_agent_that_comes_without_a_password_has_an_open_tunnel(fast):
    relay = fast()
    with Session(relay, client="me") as peer:
        peer.register(1, subdomain="demo", password="hunter22")
        assert visit(relay, "demo").status == 401
        with Session(relay, client="me") as later:
            assert "protected" not in later.register(1, subdomain="demo")
            later.serve(session_reply(b"open"))
            assert visit(relay, "demo").body == b"open"


def test_who_shares_a_tunnel_does_not_open_it(fast):
    relay = fast("--workers", "1")
    with Session(relay, client="me") as peer, Session(relay, client="me") as other:
        peer.register(1, subdomain="demo", password="hunter22", share=True)
        assert other.register(1, subdomain="demo", share=True)["protected"] is True
        assert visit(relay, "demo").status == 401


@pytest.mark.parametrize("workers", [1, 2])
def test_a_signed_request_with_a_password_is_taken_once(start, workers):
    import hashlib
    import hmac
    import json
    import time
    secret = "0123456789abcdef0123456789abcdef"
    relay = start("--bcrypt-cost", "4", "--workers", workers, env={"LT_HMAC_SECRET": secret})
    for at in range(6):
        body = json.dumps({"subdomain": "demo", "password": "hunter22"})
        now, nonce = str(int(time.time())), str(int(time.time() * 1000) + at)
        mac = hmac.new(secret.encode(), f"POST/api/tunnels{now}{nonce}{body}".encode(),
                       hashlib.sha256).hexdigest()
        fields = [("Content-Type", "application/json"), ("X-Timestamp", now), ("X-Nonce", nonce),
                  ("Authorization", f"HMAC sha256={mac}")]
        response = http.fetch(relay.port, "POST", "/api/tunnels", relay.domain, fields,
                              body.encode())
        assert response.status == 201, response


# what a refusal costs

def hashed(relay):
    metrics = http.fetch(relay.admin_port, target="/metrics", host="x").text()
    return int(re.search(r"adit_passwords_hashed_total (\d+)", metrics)[1])


@pytest.fixture
def strict(start):
    """A relay on which "taken" is online, and one more tunnel has room, none with a password."""
    def make(*flags, plan="tunnels: 2, password-tunnels: 1"):
        return start("--ip-validation-strict", "--bcrypt-cost", "4", "--plans", "plans.yaml",
                     *flags, admin=True,
                     files={"plans.yaml": f"default: p\nplans: {{p: {{{plan}}}}}"})
    return make


OTHER = ("X-LT-Client-Token", "somebody-else")


@pytest.mark.parametrize("workers", ["1", "3"])
def test_a_pool_tunnel_that_is_refused_costs_no_hash(strict, workers):
    relay = strict("--workers", workers, plan="tunnels: 1")
    with Session(relay) as peer:
        peer.register(1, subdomain="taken")
        for name, code in [("taken", "name-in-use"), ("-odd-", "invalid-name"),
                           ("www", "invalid-name"), ("free-name", "TUNNEL_LIMIT_REACHED"),
                           (None, "TUNNEL_LIMIT_REACHED")]:
            named = {"subdomain": name} if name else {}
            response = post(relay, [OTHER], password="hunter22", **named)
            assert response.get("X-Adit-Error") == code, (name, response)
    assert hashed(relay) == 0


@pytest.mark.parametrize("home", [0, 1])
def test_a_session_whose_tunnel_is_refused_costs_no_hash(strict, home):
    relay = strict("--workers", "2")
    with on_worker(0, lambda: Session(relay)) as peer, \
            on_worker(home, lambda: Session(relay, client="other")) as other:
        peer.register(1, subdomain="taken", password="hunter22")
        assert hashed(relay) == 1
        for number, name, code in [(1, "taken", "name-in-use"), (2, "www", "invalid-name"),
                                   (3, "free-name", "PASSWORD_LIMIT_REACHED"),
                                   (4, None, "PASSWORD_LIMIT_REACHED")]:
            named = {"subdomain": name} if name else {}
            refused = other.register_refused(number, password="hunter22", **named)
            assert refused["code"] == code, (name, refused)
    assert hashed(relay) == 1


def test_a_name_that_lives_elsewhere_is_taken_with_a_password_once_it_is_hashed(start):
    relay = start("--workers", "2", "--bcrypt-cost", "4", admin=True)
    with on_worker(0, lambda: Session(relay, client="me")) as first, \
            on_worker(1, lambda: Session(relay, client="me")) as second:
        first.register(1, subdomain="demo", password="hunter22")
        assert second.register(1, subdomain="demo", password="hunter23")["protected"] is True
        assert first.expect("error", tunnel=1)["code"] == "superseded"
        second.serve(session_reply(b"inside"))
        assert visit(relay, "demo", basic("hunter22")).status == 401
        assert visit(relay, "demo", basic("hunter23")).body == b"inside"
        # Somebody else gets another name, and one hash for it.
        with on_worker(0, lambda: Session(relay, client="other")) as other:
            assert other.register(1, subdomain="demo", password="hunter24")["name"] != "demo"
    assert hashed(relay) == 3


def test_a_full_relay_hashes_nothing_but_gives_an_account_its_name(start, tmp_path):
    tmp_path.chmod(0o700)
    office(tmp_path, "user", "add", "alice")
    key = ("Authorization", "Bearer " + office(tmp_path, "key", "create", "alice").strip())
    relay = start("--state-dir", tmp_path, "--max-tunnels", "1", "--bcrypt-cost", "4", admin=True)
    with Session(relay) as peer:
        peer.register(1, subdomain="shop")
        refused = post(relay, [OTHER], subdomain="other", password="hunter22")
        assert refused.get("X-Adit-Error") == "too-many-tunnels", refused
        refused = post(relay, [OTHER], password="hunter22")
        assert refused.get("X-Adit-Error") == "too-many-tunnels", refused
        assert hashed(relay) == 0
        office(tmp_path, "name", "add", "shop", "alice")
        assert post(relay, [key], subdomain="shop", password="hunter22").json()["id"] == "shop"


def test_names_taken_while_a_password_is_hashed_are_looked_at_again(start):
    relay = start("--ip-validation-strict", "--bcrypt-cost", "10", "--workers", "1")
    answers = {}

    def ask(who):
        answers[who] = post(relay, [("X-LT-Client-Token", who)], subdomain="wanted",
                            password="hunter22")
    threads = [threading.Thread(target=ask, args=(f"client-{n}",)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(a.status for a in answers.values()) == [201, 409, 409, 409], answers


# large things

@pytest.mark.covers("S112")
def test_a_megabyte_of_password_is_refused(fast, agent):
    relay = fast()
    open_agent(agent, relay)
    huge = "p" * 1000000
    assert post(relay, subdomain="huge", password=huge).status == 413
    response = visit(relay, "demo", HTML, ("Content-Type", "application/x-www-form-urlencoded"),
                     method="POST", target="/_adit/gate/login", body=f"password={huge}".encode())
    assert response.status == 413
    assert visit(relay, "demo", basic("p" * 2000)).status == 401
    assert visit(relay, "demo", basic("p" * 40000)).status == 401
    assert visit(relay, "demo", basic(huge)).status == 431


def test_credentials_in_odd_shapes_are_wrong(fast, agent):
    relay = fast()
    open_agent(agent, relay)
    good = base64.b64encode(b"x:hunter22").decode()
    for at, value in enumerate([f"Basic {good}x", f"Basic {good[:-3]}", f"Basic \t{good[:4]} {good[4:]}",
                                "Basic", f"Basic{good}", f"basic, {good}"]):
        source = f"127.0.0.{40 + at}"
        assert visit(relay, "demo", ("Authorization", value), source=source).status == 401, value
    assert visit(relay, "demo", ("authorization", f"bAsIc  {good}")).status == 200
    assert visit(relay, "demo", ("Authorization", f"Basic {good.rstrip('=')}")).status == 200
