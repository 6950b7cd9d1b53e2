"""The agent's commands and guards against the real relay: what test_adit_account.py and
test_adit_gate.py do by script."""
import json
import re
from urllib.parse import urlencode

import pytest

from harness import http
from harness.admin import Api, office
from harness.cli import memory, run
from harness.gate import basic
from harness.tls import Authority
from harness.wait import SLOW, wait_for

pytestmark = pytest.mark.timeout(90 * SLOW)

PASSWORD = "correct horse battery"
SECRET = "hunter22-canary"


@pytest.fixture
def state(tmp_path):
    folder = tmp_path / "state"
    folder.mkdir(mode=0o700)
    office(folder, "user", "add", "ann", "--password-stdin", stdin=PASSWORD + "\n")
    return folder


@pytest.fixture
def relay(start, state):
    return start("--state-dir", state, "--bcrypt-cost", "5")


def url(relay):
    return f"http://127.0.0.1:{relay.port}"


def kept_key(home, relay):
    return (home / ".config/adit/keys" / f"127.0.0.1:{relay.port}").read_text().strip()


def new_key(state, *words):
    return json.loads(office(state, "key", "create", "ann", "--json", *words))["key"]


def approve(relay, code):
    """A person with a browser, without the browser."""
    def send(fields):
        page = http.fetch(relay.create_port, "POST", "/_adit/device", "lt.test",
                          [("Content-Type", "application/x-www-form-urlencoded"),
                           ("Origin", "http://lt.test")], urlencode(fields).encode()).text()
        return dict(re.findall(r'name="(\w+)" value="([^"]*)"', page))
    shown = http.fetch(relay.create_port, "GET", f"/_adit/device?code={code}", "lt.test").text()
    fields = dict(re.findall(r'name="(\w+)" value="([^"]*)"', shown))
    fields = send({**fields, "code": code, "account": "ann", "password": PASSWORD,
                   "step": "sign-in"})
    send({**fields, "step": "approve"})


def visit(relay, name, *headers):
    return http.fetch(relay.port, "GET", "/", f"{name}.lt.test", headers)


def test_a_login_through_the_page(relay, state, home, launch):
    login = launch("login", "--relay", url(relay), "--json")
    begun = json.loads(login.wait_line("login_started"))
    approve(relay, begun["user_code"])
    assert json.loads(login.wait_line("login_done"))["account"] == "ann"
    assert login.process.wait(30) == 0
    key = kept_key(home, relay)
    assert Api(relay, key=key).get("/me")["account"] == "ann"
    assert key not in login.path.read_text() and key not in relay.text()
    status = run(home, "status", "--relay", url(relay))
    assert status.returncode == 0 and "account   ann\n" in status.stdout
    assert run(home, "reserve", "demo", "--relay", url(relay)).stdout == "demo is reserved\n"
    again = run(home, "reserve", "demo", "--relay", url(relay))
    assert again.returncode == 3 and "name-taken" in again.stderr
    assert "names     demo  reserved\n" in run(home, "status", "--relay", url(relay)).stdout
    assert run(home, "release", "demo", "--relay", url(relay)).returncode == 0
    assert run(home, "logout", "--relay", url(relay)).returncode == 0
    assert Api(relay, key=key).code("GET", "/me")[1] == "key-revoked"


def test_a_key_opens_a_tunnel_until_it_is_revoked(relay, state, home, launch, services):
    key = new_key(state)
    agent = launch("http", services().target, "--relay", url(relay), "--subdomain", "demo",
                   "--json", ADIT_TOKEN=key)
    agent.wait_line("tunnel_up")
    assert json.loads(agent.wait_line("link_up"))["account"] == "ann"
    assert visit(relay, "demo").body == b"hello"
    office(state, "key", "revoke", key.split("_")[1])
    assert agent.process.wait(30) == 3
    assert "key-revoked" in agent.path.read_text() and key not in agent.path.read_text()
    again = run(home, "http", "1", "--relay", url(relay), ADIT_TOKEN=key)
    assert again.returncode == 3 and "adit login" in again.stdout


def test_the_api_is_asked_over_tls_with_the_same_trust(start, state, home, tmp_path):
    authority = Authority(tmp_path)
    relay = start("--state-dir", state, *authority.issue("relay", "lt.test", "IP:127.0.0.1").flags)
    port = relay.wait_log({"msg": "listening", "role": "tls"})["port"]
    words = ["status", "--relay", f"https://127.0.0.1:{port}"]
    key = new_key(state)
    refused = run(home, *words, ADIT_TOKEN=key)
    assert refused.returncode == 1 and "(TLS)" in refused.stderr
    trusted = run(home, *words, "--ca", authority.cert, ADIT_TOKEN=key)
    assert trusted.returncode == 0 and "account   ann" in trusted.stdout
    pinned = run(home, *words, "--ca", authority.cert, "--pin", "sha256/" + "A" * 43 + "=",
                 ADIT_TOKEN=key)
    assert pinned.returncode == 1 and "(TLS)" in pinned.stderr
    assert key not in refused.stderr + pinned.stderr + relay.text()


def test_a_relay_that_demands_keys_says_so(start, state, home):
    relay = start("--state-dir", state, "--auth", "required")
    result = run(home, "http", "1", "--relay", url(relay))
    assert result.returncode == 3 and "adit login" in result.stdout
    doctor = run(home, "doctor", "--relay", url(relay), "--json", ADIT_TOKEN=new_key(state))
    told = {one["check"]: one for one in map(json.loads, doctor.stdout.splitlines())}
    assert doctor.returncode == 0 and told["key"]["detail"].startswith("account ann")


def test_a_password_stands_before_the_service(relay, home, launch, services):
    service = services()
    agent = launch("http", service.target, "--relay", url(relay), "--subdomain", "demo",
                   "--password", SECRET)
    agent.wait_line("(protected)")
    assert visit(relay, "demo").status == 401
    assert visit(relay, "demo", basic("hunter23")).status == 401
    assert service.accepts == 0
    assert visit(relay, "demo", basic(SECRET)).body == b"hello"
    assert SECRET not in relay.text() and SECRET not in agent.path.read_text()


def test_a_link_opens_the_tunnel_without_the_password(relay, state, home, launch, services):
    key = new_key(state)
    agent = launch("http", services().target, "--relay", url(relay), "--subdomain", "demo",
                   ADIT_TOKEN=key, ADIT_PASSWORD=SECRET)
    agent.wait_line("(protected)")
    shared = run(home, "share", "demo", "--expires", "2h", "--views", "2", "--relay", url(relay),
                 ADIT_TOKEN=key)
    assert shared.returncode == 0, shared.stderr
    link = shared.stdout.strip()
    assert link.startswith("http://demo.") and "/?adit_share=" in link
    target = "/" + link.partition("://")[2].partition("/")[2]

    def open_link():
        return http.fetch(relay.port, "GET", target, "demo.lt.test")
    assert [open_link().status for _ in range(3)] == [200, 200, 403]
    assert visit(relay, "demo").status == 401
    other = run(home, "share", "nobody", "--relay", url(relay), ADIT_TOKEN=key)
    assert other.returncode == 3 and "No tunnel of yours" in other.stderr
    audit = Api(relay, state).get("/audit")["items"]
    assert [row["subject"] for row in audit if row["event"] == "tunnel.shared"] == ["demo"]
    assert link not in relay.text()


def test_no_secret_stays_where_a_core_dump_would_have_it(start, state, home, launch, tmp_path):
    """With a sanitizer freed memory is kept for a while, so that a copy that was not wiped shows."""
    relay = start("--state-dir", state, "--bcrypt-cost", "5", "--heartbeat", "1s")
    key = new_key(state)
    (tmp_path / "password").write_text(SECRET)
    (tmp_path / "key").write_text(key)
    agent = launch("http", "1", "--relay", url(relay), "--password-file", tmp_path / "password",
                   "--token-file", tmp_path / "key")
    agent.wait_line("(protected)")
    # What was sent is kept until the relay has acknowledged it, with the next heartbeat.
    wait_for(lambda: not memory(agent.process.pid, SECRET), "no password in memory", every=0.2)
    assert memory(agent.process.pid, key[18:]) == []
    # That it can find something: a path that is no secret.
    assert memory(agent.process.pid, str(tmp_path / "password"))


def test_another_password_in_the_file_holds_at_once(relay, home, launch, services):
    target = services().target
    text = "tunnels:\n  web: {{http: '{0}', subdomain: demo, password: {1}}}\n"
    (home / "tunnels.yaml").write_text(text.format(target, "hunter22"))
    agent = launch("start", "--relay", url(relay))
    agent.wait_line("(protected)")
    assert visit(relay, "demo", basic("hunter22")).body == b"hello"
    (home / "fresh").write_text(text.format(target, "hunter23"))
    (home / "fresh").rename(home / "tunnels.yaml")
    wait_for(lambda: visit(relay, "demo", basic("hunter23")).status == 200, "the new password")
    assert visit(relay, "demo", basic("hunter22")).status == 401
