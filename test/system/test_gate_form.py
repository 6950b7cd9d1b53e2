"""The form before a tunnel (S107, S108): cookies, what they are good for, and what is refused."""
import re
import time
from urllib.parse import urlencode

import pytest

from harness import http
from harness.agent import echo
from harness.gate import HTML, Browser, basic, locked, post, visit
from harness.session import Session
from harness.session import reply as session_reply
from harness.tls import Authority
from harness.wait import wait_for

FORM = ("Content-Type", "application/x-www-form-urlencoded")


@pytest.fixture
def fast(start):
    return lambda *flags, **how: start("--bcrypt-cost", "4", *flags, **how)


@pytest.fixture
def demo(fast, agent):
    """A relay, and a tunnel with the password hunter22."""
    relay = fast()
    locked(relay, "demo", "hunter22")
    service = agent(relay, "demo").serve(echo, sockets=2)
    return relay, service


@pytest.mark.covers("S107", "S108")
def test_the_form_opens_the_tunnel_for_a_session(demo):
    relay, service = demo
    browser = Browser(relay, "demo")
    page = browser.ask(target="/deep/page?a=1&b=<2>")
    assert page.status == 401 and page.all("WWW-Authenticate") == []
    assert page.get("Content-Type") == "text/html; charset=utf-8"
    assert "default-src 'none'" in page.get("Content-Security-Policy")
    assert "demo.lt.test" in page.text() and "<script" not in page.text()
    assert "://" not in page.text(), "nothing is loaded from elsewhere"
    done = browser.submit(password="hunter22")
    assert (done.status, done.get("Location")) == (303, "/deep/page?a=1&b=<2>")
    assert not service.requests
    assert "HttpOnly" in browser.attributes["__adit_session"]
    assert "SameSite=Lax" in browser.attributes["__adit_session"]
    assert "Path=/" in browser.attributes["__adit_session"]
    assert "Max-Age=86400" in browser.attributes["__adit_session"]
    assert not [a for a in browser.attributes["__adit_session"] if a.startswith("Domain")]
    browser.cookies["own"] = "1"
    inside = browser.ask(target=done.get("Location"))
    assert inside.status == 200 and b"Cookie: own=1\r\n" in inside.body
    assert b"__adit" not in inside.body


def test_a_wrong_password_shows_the_form_again_and_keeps_the_way(demo):
    relay, service = demo
    browser = Browser(relay, "demo")
    browser.login("guess", target="/x?y")
    assert browser.page.status == 401 and "not the password" in browser.page.text()
    assert browser.fields()["return"] == "/x?y"
    assert "__adit_session" not in browser.cookies
    assert browser.submit(password="hunter22").get("Location") == "/x?y"
    assert not service.requests


@pytest.mark.parametrize("password", ["p\xe4\u20ac&=+% ;\"'<>", "x" * 128, "  blanks  ", "100%41"])
def test_any_password_can_be_entered(fast, agent, password):
    relay = fast()
    locked(relay, "demo", password)
    agent(relay, "demo").serve(echo)
    assert Browser(relay, "demo").login(password).status == 303
    assert visit(relay, "demo", basic(password)).status == 200


@pytest.mark.covers("S111")
def test_five_wrong_ones_and_the_form_says_for_how_long(demo):
    relay, _ = demo
    browser = Browser(relay, "demo")
    for _ in range(5):
        assert browser.login("guess").status == 401
    page = browser.login("hunter22")
    assert page.status == 429 and 50 <= int(page.get("Retry-After")) <= 60
    assert re.search(r"try again in \d+ seconds", page.text())
    other = Browser(relay, "demo", source="127.0.0.9")
    assert other.login("hunter22").status == 303
    browser.cookies.update(other.cookies)
    assert browser.ask().status == 200, "a session passes whatever others behind its address do"


def test_a_new_login_has_a_new_value(demo):
    relay, _ = demo
    values = set()
    for _ in range(3):
        browser = Browser(relay, "demo")
        browser.login("hunter22")
        values.add(browser.cookies["__adit_session"])
    assert len(values) == 3


@pytest.mark.covers("S108")
def test_a_session_ends(fast, agent):
    relay = fast("--gate-session", "2")
    locked(relay, "demo", "hunter22")
    agent(relay, "demo").serve(echo)
    browser = Browser(relay, "demo")
    browser.login("hunter22")
    assert "Max-Age=2" in browser.attributes["__adit_session"]
    assert browser.ask().status == 200
    began = time.monotonic()
    wait_for(lambda: browser.ask().status == 401, "the session to end")
    assert time.monotonic() - began < 5


def test_signing_out_ends_the_session_for_good(demo):
    relay, service = demo
    browser = Browser(relay, "demo")
    browser.login("hunter22")
    stolen = dict(browser.cookies)
    assert browser.ask(target="/_adit/gate/logout").status == 200
    assert "Sign out" in browser.page.text()
    refused = browser.submit("logout", csrf="x" * 114)
    assert refused.status == 403 and "__adit_session" in browser.cookies
    browser.ask(target="/_adit/gate/logout")
    done = browser.submit("logout")
    assert (done.status, done.get("Location")) == (303, "/_adit/gate/logout")
    assert "__adit_session" not in browser.cookies
    assert "Signed out" in browser.ask(target="/_adit/gate/logout").text()
    browser.cookies.update(stolen)
    assert browser.ask().status == 401
    assert not service.requests


@pytest.mark.covers("S108")
def test_a_cookie_of_one_tunnel_opens_no_other(fast, agent):
    relay, twin = fast(), fast()
    for name in ("demo", "other"):
        locked(relay, name, "hunter22")
        agent(relay, name).serve(echo)
    locked(twin, "demo", "hunter22")
    browser = Browser(relay, "demo")
    browser.login("hunter22")
    cookie = ("Cookie", "; ".join(f"{k}={v}" for k, v in browser.cookies.items()))
    assert visit(relay, "demo", cookie).status == 200
    assert visit(relay, "other", cookie).status == 401
    assert visit(twin, "demo", cookie).status == 401, "another relay has another secret"
    session = browser.cookies["__adit_session"]
    for text in [session[:-1], session + "0", "f" * 16 + session[16:], session.upper(),
                 browser.cookies["__adit_csrf"]]:
        assert visit(relay, "demo", ("Cookie", f"__adit_session={text}")).status == 401, text


@pytest.mark.covers("S108")
def test_another_password_or_owner_ends_sessions_and_the_same_one_does_not(fast):
    relay = fast()

    def open_tunnel(client, password):
        peer = Session(relay, client=client)
        peer.register(subdomain="demo", password=password)
        peer.serve(session_reply(b"hello"))
        return peer
    browser = Browser(relay, "demo")
    with open_tunnel("me", "hunter22") as peer:
        browser.login("hunter22")
        assert browser.ask().status == 200
        peer.say(type="unregister", tunnel=1)
        peer.expect("closed")
    with open_tunnel("me", "hunter22"):
        assert browser.ask().status == 200, "the agent came back with the same password"
        with open_tunnel("me", "hunter33") as peer:
            assert browser.ask().status == 401
            peer.say(type="unregister", tunnel=1)
            peer.expect("closed")
    with open_tunnel("other", "hunter22"):
        assert browser.ask().status == 401, "the same password of somebody else"


@pytest.mark.covers("S107")
@pytest.mark.parametrize("headers", [
    [("Origin", "http://evil.test")], [("Origin", "null")], [("Origin", "http://other.lt.test")],
    [("Sec-Fetch-Site", "same-site")], [("Sec-Fetch-Site", "cross-site")],
    [("Origin", "http://demo.lt.test:1"), ("Sec-Fetch-Site", "same-origin")]])
def test_a_form_from_elsewhere_is_refused(demo, headers):
    relay, _ = demo
    browser = Browser(relay, "demo")
    browser.ask()
    page = browser.submit(headers=headers, password="hunter22")
    assert page.status == 403 and page.get("X-Adit-Error") == "form-refused"
    assert "__adit_session" not in browser.cookies
    assert browser.submit(password="hunter22").status == 303, "its own form is good still"


@pytest.mark.covers("S107")
def test_the_token_of_the_form_and_the_cookie_belong_together(demo):
    relay, _ = demo
    browser, other = Browser(relay, "demo"), Browser(relay, "demo")
    for each in (browser, other):
        each.ask()
    assert browser.submit(password="hunter22", csrf=other.fields()["csrf"]).status == 403
    browser.ask()
    assert browser.submit(password="hunter22", csrf="").status == 403
    browser.ask()
    token = browser.cookies.pop("__adit_csrf")
    assert browser.submit(password="hunter22", csrf=token).status == 403
    forged = "f" * 16 + "-" + "0" * 32 + "-" + "0" * 64
    browser.cookies["__adit_csrf"] = forged
    assert browser.submit(password="hunter22", csrf=forged).status == 403
    assert "__adit_session" not in browser.cookies


def test_a_refused_form_is_no_guess(demo):
    relay, _ = demo
    browser = Browser(relay, "demo")
    for _ in range(8):
        browser.ask()
        assert browser.submit(password="guess", csrf="x").status == 403
    assert browser.login("hunter22").status == 303


@pytest.mark.parametrize("wanted", ["//evil.test", "/\\evil.test", "\\\\evil.test", "http://evil.test",
                                    "/\t/evil.test", "/a\r\nSet-Cookie: x=y", "", "javascript:1",
                                    "/_adit/gate/logout", "/" + "a" * 3000])
def test_the_form_leads_nowhere_else(demo, wanted):
    relay, _ = demo
    browser = Browser(relay, "demo")
    browser.ask()
    page = browser.submit(password="hunter22", **{"return": wanted})
    assert (page.status, page.get("Location")) == (303, "/")
    assert page.get("Set-Cookie").startswith("__adit_session=")


def test_the_way_of_a_post_is_not_taken_again(demo):
    relay, _ = demo
    browser = Browser(relay, "demo")
    browser.ask("POST", "/orders", [FORM], b"a=b")
    assert browser.page.status == 401 and browser.fields()["return"] == "/"


@pytest.mark.parametrize("body", [b"", b"&&&&", b"password", b"%" * 1000, b"a=b&" * 10000,
                                  b"\0" * 1000, b"password=%00%00%00%00"])
def test_odd_forms_are_refused(demo, body):
    relay, _ = demo
    response = visit(relay, "demo", HTML, FORM, method="POST", target="/_adit/gate/login",
                     body=body)
    assert response.status == 403


def test_forms_of_another_kind_are_refused(demo):
    relay, _ = demo
    browser = Browser(relay, "demo")
    browser.ask()
    body = urlencode({**browser.fields(), "password": "hunter22"}).encode()
    for kind in ["text/plain", "multipart/form-data; boundary=x", "application/json"]:
        page = browser.ask("POST", "/_adit/gate/login", [("Content-Type", kind)], body)
        assert page.status == 403
    for method, allow in [("PUT", "GET, HEAD, POST"), ("DELETE", "GET, HEAD, POST")]:
        page = browser.ask(method, "/_adit/gate/login")
        assert page.status == 405 and page.get("Allow") == allow


def test_a_form_in_pieces_and_chunks(demo):
    relay, _ = demo
    browser = Browser(relay, "demo")
    browser.ask()
    body = urlencode({**browser.fields(), "password": "hunter22"}).encode()
    cookie = ("Cookie", f"__adit_csrf={browser.cookies['__adit_csrf']}")
    fields = [HTML, FORM, cookie, ("Transfer-Encoding", "chunked"), ("Expect", "100-continue")]
    head = http.build_request("POST", "/_adit/gate/login", browser.host, fields)
    with http.Visitor(relay.port) as visitor:
        visitor.send(head)
        assert visitor.read_head().status == 100
        visitor.send(b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body), sizes=7)
        assert visitor.read_response("POST").status == 303
        visitor.send(http.build_request("GET", "/", browser.host, [basic("hunter22")]))
        assert visitor.read_response().status == 200, "the connection goes on"


def test_pages_of_the_gate_for_who_is_in(demo):
    relay, _ = demo
    browser = Browser(relay, "demo")
    for target in ["/_adit/gate", "/_adit/gate/", "/_adit/gate/login", "/_adit/gate/x?y"]:
        assert browser.ask(target=target).status == 401
        assert browser.fields()["return"] == "/"
    browser.login("hunter22")
    page = browser.ask(target="/_adit/gate/login")
    assert (page.status, page.get("Location")) == (303, "/")
    assert browser.ask(target="/_adit/other").status == 200, "that is the application's"


LOOKALIKES = [
    "/_adit%2Fgate/", "/_adit%2fgate/login", "/%5fadit/gate/", "/%5Fadit/%67ate/login",
    "/_adit/gate%2Flogin", "/_adit/%67ate", "//_adit/gate/login", "/_adit//gate/login",
    "/x/../_adit/gate/login", "/x/%2e%2e/_adit/gate/login", "/_ADIT/gate/login",
    "http://demo.lt.test/_adit%2Fgate/login", "/_adit/gate%00/", "/_adit/gatex"]


@pytest.mark.covers("S103")
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "OPTIONS"])
def test_what_only_looks_like_the_gates_own_path_is_behind_the_gate(demo, method):
    relay, service = demo
    headers = [FORM, ("Origin", "http://demo.lt.test")]
    for target in LOOKALIKES:
        refused = visit(relay, "demo", *headers, method=method, target=target,
                        body=b"password=hunter22")
        assert (refused.status, refused.get("X-Adit-Error")) == (401, "password-required"), target
        assert service.requests == []
    for target in LOOKALIKES:
        passed = visit(relay, "demo", basic("hunter22"), *headers, method=method, target=target,
                       body=b"x")
        assert passed.status == 200, target
    paths = [target.removeprefix("http://demo.lt.test") for target in LOOKALIKES]
    assert [request.target for request in service.requests] == paths


@pytest.mark.parametrize("flags,scheme", [(("--secure",), "https"), (("--trust-proxy",), "https")])
def test_behind_a_proxy_with_tls_the_cookies_are_for_https_alone(fast, agent, flags, scheme):
    relay = fast(*flags)
    locked(relay, "demo", "hunter22")
    agent(relay, "demo").serve(echo)
    proxied = [("X-Forwarded-Proto", "https")] if "--trust-proxy" in flags else []
    browser = Browser(relay, "demo", scheme=scheme, headers=proxied)
    assert browser.login("hunter22").status == 303
    assert set(browser.cookies) == {"__Host-__adit_session", "__Host-__adit_csrf"}
    assert all("Secure" in browser.attributes[name] for name in browser.cookies)
    assert browser.ask().status == 200
    plain = {name.removeprefix("__Host-"): value for name, value in browser.cookies.items()}
    browser.cookies = plain
    assert browser.ask().status == 401, "a cookie that a plain page could set counts for nothing"


def test_on_tls_as_well(fast, agent, tmp_path):
    from harness.tls import TlsVisitor
    authority = Authority(tmp_path)
    cert = authority.issue("relay", "*.lt.test", "lt.test")
    relay = fast(*cert.flags)
    locked(relay, "demo", "hunter22")
    agent(relay, "demo").serve(echo)
    port = relay._listening("tls")
    with TlsVisitor(port, authority.context(), "demo.lt.test") as visitor:
        page = visitor.ask(host="demo.lt.test", headers=[HTML])
        field = page.get("Set-Cookie")
        assert field.startswith("__Host-__adit_csrf=") and field.endswith("; Secure")
        assert visitor.ask(host="demo.lt.test", headers=[basic("hunter22")]).status == 200


def test_a_password_of_post_can_be_changed_and_taken_away(demo):
    relay, _ = demo
    browser = Browser(relay, "demo")
    browser.login("hunter22")
    assert post(relay, subdomain="demo", password="hunter22").status == 201
    assert browser.ask(target="/_adit/gate/login").status == 303, "the same one: sessions stay"
    locked(relay, "demo", "hunter33")
    assert browser.ask().status == 401
    assert browser.login("hunter33").status == 303


def test_sessions_outlive_a_restart_with_a_store(start, tmp_path):
    def begin():
        relay = start("--bcrypt-cost", "4", "--state-dir", str(tmp_path))
        peer = Session(relay, client="me")
        peer.register(subdomain="demo", password="hunter22")
        peer.serve(session_reply(b"hello"))
        return relay, peer
    relay, peer = begin()
    browser = Browser(relay, "demo")
    browser.login("hunter22")
    peer.close()
    relay.stop()
    relay, peer = begin()
    later = Browser(relay, "demo")
    assert later.ask().status == 401
    later.cookies = browser.cookies
    assert later.ask().status == 200
    kept = b"".join(path.read_bytes() for path in tmp_path.iterdir() if path.is_file())
    assert b"hunter22" not in kept
    peer.close()
