"""Letting a machine in: the machine's two requests, and the page where somebody decides."""
import re
import time
from urllib.parse import urlencode

import pytest

from harness import http
from harness.admin import Api, office
from harness.agent import create

PASSWORD = "correct horse battery"
FORM = ("Content-Type", "application/x-www-form-urlencoded")
ORIGIN = ("Origin", "http://lt.test")


@pytest.fixture
def state(tmp_path):
    tmp_path.chmod(0o700)
    office(tmp_path, "user", "add", "alice", "--password-stdin", stdin=PASSWORD + "\n")
    return tmp_path


@pytest.fixture
def relay(start, state):
    return start("--state-dir", state, "--bcrypt-cost", "5")


@pytest.fixture
def machine(relay):
    return Api(relay)


class Page:
    """Somebody's browser, without the browser."""

    def __init__(self, relay, source=None):
        self.relay = relay
        self.source = source

    def get(self, query=""):
        return self.read(http.fetch(self.relay.create_port, "GET", "/_adit/device" + query,
                                    "lt.test", source=self.source))

    def read(self, response):
        text = response.text()
        self.fields = {name: value for name, value in re.findall(
            r'name="(\w+)" value="([^"]*)"', text.split('<form class="decide', 1)[-1]
            if 'data-view="decide"' in text else text.split('<dl class="decide"', 1)[0])
            if name != "step"}
        self.view = re.search(r'data-view="([\w-]+)"', text[text.index("<main"):])[1]
        self.text = text
        return response

    def post(self, headers=(ORIGIN,), **fields):
        sent = {key: value for key, value in {**self.fields, **fields}.items()
                if value is not None}
        return self.read(http.fetch(
            self.relay.create_port, "POST", "/_adit/device", "lt.test", [FORM, *headers],
            urlencode(sent).encode(), source=self.source))

    def sign_in(self, code, account="alice", password=PASSWORD, **how):
        return self.post(code=code, account=account, password=password, step="sign-in", **how)


def begin(machine, host="my-laptop"):
    return machine("POST", "/device", {"host": host}, status=200).json()


def poll(machine, login):
    return machine("POST", "/device/token", {"device_code": login["device_code"]})


@pytest.mark.tsan
def test_a_machine_is_let_in(relay, machine, state):
    login = begin(machine)
    assert re.fullmatch(r"[BCDFGHJKLMNPQRSTVWXZ]{4}-[BCDFGHJKLMNPQRSTVWXZ]{4}", login["user_code"])
    assert login["verification_uri"] == f"http://lt.test:{relay.port}/_adit/device"
    assert login["verification_uri_complete"].endswith("?code=" + login["user_code"])
    answer = poll(machine, login)
    assert (answer.status, answer.json()["error"]["code"]) == (400, "authorization_pending")
    page = Page(relay)
    assert page.get("?code=" + login["user_code"]).status == 200
    assert page.view == "sign-in" and page.fields["code"] == login["user_code"]
    assert page.sign_in(login["user_code"].lower().replace("-", "")).status == 200
    assert page.view == "decide"
    for seen in (login["user_code"], "my-laptop", "127.0.0.1", "alice"):
        assert seen in page.text
    assert page.post(step="approve").status == 200
    assert page.view == "done"
    given = poll(machine, login)
    assert given.status == 200, given
    key = given.json()["key"]
    assert given.json()["account"] == "alice"
    assert key not in page.text
    assert poll(machine, login).json()["error"]["code"] == "expired_token"
    me = Api(relay, key=key).get("/me")
    assert me["key"]["label"] == "my-laptop" and me["key"]["protocols"] == ["http", "tcp"]
    assert create(relay, "demo", headers=[("Authorization", f"Bearer {key}")]).status == 200
    rows = Api(relay, state).get("/audit")["items"]
    assert rows[0]["event"] == "login.approved" and rows[0]["actor"] == "alice"
    assert key not in relay.text() and PASSWORD not in relay.text()
    assert login["device_code"] not in relay.text()


def test_a_machine_is_turned_away(relay, machine, state):
    login, page = begin(machine), Page(relay)
    page.get()
    page.sign_in(login["user_code"])
    assert page.post(step="deny").status == 200 and page.view == "done"
    assert poll(machine, login).json()["error"]["code"] == "access_denied"
    assert Api(relay, state).get("/audit")["items"][0]["event"] == "login.denied"
    assert Api(relay, state).get("/keys")["items"] == []


def test_who_polls_too_often_has_to_slow_down(machine):
    login = begin(machine)
    poll(machine, login)
    assert poll(machine, login).json()["error"]["code"] == "slow_down"


def test_a_code_that_nobody_has_is_over(machine):
    answer = machine("POST", "/device/token", {"device_code": "x" * 43}, status=400)
    assert answer.json()["error"]["code"] == "expired_token"


def test_wrong_answers_look_all_the_same(relay, machine):
    login = begin(machine)
    texts = set()
    wrong = (("alice", "wrong password", login["user_code"]),
             ("nobody", PASSWORD, login["user_code"]),
             ("alice", PASSWORD, "BBBB-BBBB"), ("ALICE'--", "", ""))
    for number, (account, password, code) in enumerate(wrong):
        page = Page(relay, source=f"127.0.0.{number + 10}")
        page.get()
        response = page.sign_in(code, account, password)
        assert response.status == 401 and response.get("X-Adit-Error") == "login-wrong"
        # What was typed comes back, and what was not has the focus; in the part that nobody sees
        # as well.
        text = re.sub(r'value="[^"]*"|autofocus', "", page.text)
        texts.add(re.sub(r"<dd>[^<]*</dd>|as [^<]* until", "", text))
    assert len(texts) == 1
    assert poll(machine, login).json()["error"]["code"] == "authorization_pending"


def test_guessers_are_stopped_by_source_and_by_account(relay, machine):
    login = begin(machine)
    page = Page(relay, source="127.0.0.9")
    page.get()
    for i in range(5):
        assert page.sign_in(login["user_code"], f"user{i}", "wrong guess").status == 401
    blocked = page.sign_in(login["user_code"])
    assert blocked.status == 429 and 0 < int(blocked.get("Retry-After")) <= 60
    for i in range(5):
        other = Page(relay, source=f"127.0.1.{i + 1}")
        other.get()
        assert other.sign_in(login["user_code"], "alice", "wrong guess").status in (401, 429)
    last = Page(relay, source="127.0.2.1")
    last.get()
    assert last.sign_in(login["user_code"]).status == 429


def test_an_unknown_account_takes_as_long_as_a_known_one(start, state):
    relay = start("--state-dir", state, "--bcrypt-cost", "10")
    login = begin(Api(relay))

    def took(account, source):
        page = Page(relay, source=source)
        page.get()
        began = time.monotonic()
        assert page.sign_in(login["user_code"], account, "wrong guess").status == 401
        return time.monotonic() - began
    took("first", "127.0.3.99")
    known = min(took("alice", f"127.0.3.{i}") for i in range(1, 5))
    unknown = min(took(f"nobody{i}", f"127.0.4.{i}") for i in range(1, 5))
    assert known / 4 < unknown < known * 4


FORGED = {
    "another origin": (dict(headers=[("Origin", "http://evil.lt.test")]), {}),
    "no known origin": (dict(headers=[("Origin", "null")]), {}),
    "another site": (dict(headers=[("Sec-Fetch-Site", "cross-site")]), {}),
    "a sibling": (dict(headers=[("Sec-Fetch-Site", "same-site"), ORIGIN]), {}),
    "no token": ({}, dict(csrf=None)),
    "an odd token": ({}, dict(csrf="0" * 114)),
}


@pytest.mark.parametrize("how, fields", FORGED.values(), ids=FORGED)
def test_forms_of_others_are_refused(relay, machine, how, fields):
    login, page = begin(machine), Page(relay)
    page.get()
    good = page.fields["csrf"]
    assert page.sign_in(login["user_code"], **how, **fields).status == 403
    page.fields["csrf"] = good
    assert page.sign_in(login["user_code"]).status == 200 and page.view == "decide"
    fields = {**page.fields, **fields}
    assert page.post(step="approve", **how, **fields).status == 403
    assert poll(machine, login).json()["error"]["code"] == "authorization_pending"


def test_a_proof_is_for_one_code_and_one_account(relay, machine, state):
    office(state, "user", "add", "bob", "--password-stdin", stdin=PASSWORD + "\n")
    one, two, page = begin(machine), begin(machine), Page(relay)
    page.get()
    page.sign_in(one["user_code"])
    kept = dict(page.fields)
    for change in (dict(code=two["user_code"]), dict(account="bob"), dict(proof="0" * 114)):
        page.fields = dict(kept)
        assert page.post(step="approve", **change).status == 403
    # A password that was changed meanwhile takes the proof with it.
    office(state, "user", "passwd", "alice", "--password-stdin", stdin="another password\n")
    page.fields = dict(kept)
    assert page.post(step="approve").status == 403
    assert Api(relay, state).get("/keys")["items"] == []


def test_a_login_is_decided_once(relay, machine, state):
    login, page = begin(machine), Page(relay)
    page.get()
    page.sign_in(login["user_code"])
    kept = dict(page.fields)
    page.post(step="approve")
    page.fields = dict(kept)
    assert page.post(step="approve").status == 410
    page.fields = dict(kept)
    assert page.post(step="deny").status == 410
    assert len(Api(relay, state).get("/keys")["items"]) == 1
    assert poll(machine, login).status == 200


def test_a_disabled_account_lets_nobody_in(relay, machine, state):
    login, page = begin(machine), Page(relay)
    page.get()
    page.sign_in(login["user_code"])
    office(state, "user", "disable", "alice")
    kept = dict(page.fields)
    assert page.post(step="approve").status == 403
    page.fields = kept
    assert page.sign_in(login["user_code"]).status == 401


def test_the_page_cannot_be_framed_and_has_no_script(relay):
    response = Page(relay).get("?code=<script>alert(1)</script>")
    policy = response.get("Content-Security-Policy")
    assert "default-src 'none'" in policy and "frame-ancestors 'none'" in policy
    assert "<script" not in response.text()
    assert response.get("Cache-Control") == "no-store"
    again = Page(relay)
    again.get('?code=%22%3E%3Cscript%3E')
    assert "<script" not in again.text


def test_what_the_machine_says_is_shown_escaped(relay, machine):
    login, page = begin(machine, "<b>x</b>\"'"), Page(relay)
    page.get()
    page.sign_in(login["user_code"])
    assert "<b>x" not in page.text and "&lt;b&gt;x&lt;/b&gt;" in page.text


@pytest.mark.parametrize("host", ["evil.test", "lt.test.evil.test", "lt.test:99", "127.0.0.1"])
def test_the_uri_comes_from_the_configuration(relay, machine, host):
    answer = machine("POST", "/device", {}, host=host)
    if answer.status == 200:
        assert answer.json()["verification_uri"] == f"http://lt.test:{relay.port}/_adit/device"
    else:
        assert answer.status in (404, 421)


def test_what_a_visitor_says_of_itself_does_not_count(start, state):
    relay = start("--state-dir", state, "--bcrypt-cost", "5", "--trust-proxy")
    login = begin(Api(relay))
    page = Page(relay)
    page.get()

    def sign_in(number):
        forwarded = ("X-Forwarded-For", f"198.51.100.{number}, 192.0.2.1")
        return page.post([ORIGIN, forwarded], step="sign-in", code=login["user_code"],
                         account=f"user{number}", password="wrong guess").status
    assert [sign_in(n) for n in range(6)] == [401] * 5 + [429]

    def begins(address):
        return Api(relay)("POST", "/device", {}, headers=[("X-Forwarded-For", address)]).status
    assert [begins(f"198.51.100.{n}, 192.0.2.1") for n in range(17)] == [200] * 16 + [429]
    # One network has as many addresses as it likes.
    assert [begins(f"2001:db8:0:1::{n}") for n in range(17)] == [200] * 16 + [429]
    assert begins("2001:db8:0:2::1") == 200


def test_one_source_has_so_many_logins(machine):
    answers = [machine("POST", "/device", {}) for _ in range(17)]
    assert [a.status for a in answers] == [200] * 16 + [429]
    assert answers[-1].json()["error"]["code"] == "too-many-logins"


def test_without_accounts_there_is_no_page(start):
    relay = start()
    assert http.fetch(relay.port, target="/_adit/device", host="lt.test").status == 404


def test_odd_methods_and_large_forms(relay):
    assert http.fetch(relay.port, "PUT", "/_adit/device", "lt.test").status == 405
    assert http.fetch(relay.port, "POST", "/_adit/device", "lt.test", [FORM, ORIGIN],
                      b"x" * 70000).status == 413
    assert http.fetch(relay.port, "POST", "/_adit/device", "lt.test", [ORIGIN],
                      b"").status == 403
    head = http.fetch(relay.port, "HEAD", "/_adit/device", "lt.test")
    assert head.status == 200 and head.body == b""
