"""Links that open a tunnel with a password: for browsers and programs, for a time, so many views."""
import re
import time

import pytest

from harness.admin import Api
from harness.agent import Agent, reply
from harness.gate import Browser, basic, locked, visit

PASSWORD = "hunter22"


@pytest.fixture
def relay(start, tmp_path):
    tmp_path.chmod(0o700)
    return start("--state-dir", tmp_path, "--bcrypt-cost", "4")


@pytest.fixture
def operator(relay, tmp_path):
    return Api(relay, tmp_path)


@pytest.fixture
def tunnel(relay):
    locked(relay, "demo", PASSWORD)
    agent = Agent(relay, "demo").serve(reply(b"inside"), sockets=2)
    yield agent
    agent.close()


def share(operator, name="demo", **wanted):
    made = operator("POST", f"/tunnels/{name}/share", wanted, status=201).json()
    assert f"//{name}.lt.test:{operator.relay.port}/?adit_share=" in made["url"], made
    return made["url"].split("?", 1)[1]


def is_refused(response, word):
    return response.status == 403 and response.get("X-Adit-Error") == "share-refused" and \
        word in response.text()


def test_a_program_uses_a_link_as_it_is(relay, operator, tunnel):
    token = share(operator, views=2)
    first = visit(relay, "demo", target=f"/path?a=b&{token}&c=d")
    assert (first.status, first.body) == (200, b"inside"), first
    # The service and the log get the address without the token.
    assert tunnel.requests[0].target == "/path?a=b&c=d"
    assert visit(relay, "demo", method="POST", target=f"/?{token}", body=b"x").status == 200
    assert is_refused(visit(relay, "demo", target=f"/?{token}"), "as often as it may")
    assert visit(relay, "demo").status == 401
    assert len(tunnel.requests) == 2
    assert token not in relay.text()


def test_a_browser_gets_a_session_and_the_address_without_the_token(relay, operator, tunnel):
    token = share(operator, views=1, expires_in=3600)
    browser = Browser(relay, "demo")
    page = browser.ask(target=f"/path?{token}&x=y")
    assert page.status in (302, 303) and page.get("Location") == "/path?x=y", page
    cookie = page.all("Set-Cookie")[0]
    life = int(re.search(r"Max-Age=(\d+)", cookie).group(1))
    assert 3590 <= life <= 3600 and "HttpOnly" in cookie
    assert browser.ask(target="/path?x=y").body == b"inside"
    # The same browser opens the link again, which is no other view.
    assert browser.ask(target=f"/?{token}").status in (302, 303)
    other = Browser(relay, "demo")
    assert is_refused(other.ask(target=f"/?{token}"), "as often as it may")


def test_a_link_leads_to_no_other_host(relay, operator, tunnel):
    page = Browser(relay, "demo").ask(target=f"//evil.test/?{share(operator)}")
    assert not page.get("Location", "/").startswith("//"), page


def test_a_link_ends_with_its_time(relay, operator, tunnel):
    token = share(operator, expires_in=1)
    deadline = time.monotonic() + 10
    while visit(relay, "demo", target=f"/?{token}").status == 200:
        assert time.monotonic() < deadline
    assert is_refused(visit(relay, "demo", target=f"/?{token}"), "time is over")


def test_a_link_opens_its_tunnel_alone_and_nobody_makes_one_up(relay, operator, tunnel):
    token = share(operator, views=3)
    locked(relay, "other-app", PASSWORD)
    agent = Agent(relay, "other-app").serve(reply(b"other"))
    assert is_refused(visit(relay, "other-app", target=f"/?{token}"), "not whole")
    name, value = token.split("=")
    views, rest = value.split("-", 1)
    for wrong in (f"9-{rest}", value[:-1], value[:-1] + ("0" if value[-1] != "0" else "1"), "",
                  f"0{value}", f"-{rest}", "x" * 5000):
        assert is_refused(visit(relay, "demo", target=f"/?{name}={wrong}"), "not whole"), wrong
    assert not tunnel.requests and not agent.requests
    agent.close()


def test_another_password_ends_links(relay, operator, tunnel):
    token = share(operator)
    assert visit(relay, "demo", target=f"/?{token}").status == 200
    locked(relay, "demo", "another one")
    assert is_refused(visit(relay, "demo", target=f"/?{token}"), "password has changed")
    assert visit(relay, "demo", basic(PASSWORD)).status == 401


def test_what_cannot_be_shared(relay, operator, tunnel):
    assert operator.code("POST", "/tunnels/nobody-app/share", {}) == (404, "not-found")
    with_open = Agent(relay, "open-app")
    assert operator.code("POST", "/tunnels/open-app/share", {}) == (400, "invalid-request")
    with_open.close()
    for body in ({"expires_in": 0}, {"expires_in": 31536001}, {"views": 1000001}, {"view": 1}):
        assert operator.code("POST", "/tunnels/demo/share", body) == (400, "invalid-request")
    assert operator.get("/audit")["items"] is not None
