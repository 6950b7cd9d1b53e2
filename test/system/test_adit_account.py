"""The commands about an account: login, logout, status, reserve, release, share, against an API by
script."""
import json
import os
import signal
import stat
from pathlib import Path

import pytest

from harness.api_relay import ApiRelay, refusal
from harness.cli import run
from harness.wait import SLOW, wait_for

pytestmark = pytest.mark.timeout(60 * SLOW)

KEY = "adit_abcdefghij12_" + "S3cret-_" * 5 + "xyz"
DEVICE = {"device_code": "d" * 43, "user_code": "BCDF-GHJK", "expires_in": 600, "interval": 1,
          "verification_uri": "https://relay.example.com/_adit/device",
          "verification_uri_complete": "https://relay.example.com/_adit/device?code=BCDF-GHJK"}
PENDING = (400, refusal("authorization_pending"))
GIVEN = (200, {"key": KEY, "id": "abcdefghij12", "account": "ann"})
ME = {"account": "ann", "plan": "team", "admin": False, "reserved_names": 1,
      "key": {"id": "abcdefghij12", "label": "laptop", "expires_at": None},
      "limits": {"tunnels": 5, "requests_per_minute": 1000, "monthly_bytes": None,
                 "idle_ms": 7200000}}


@pytest.fixture
def api():
    relay = ApiRelay()
    relay.answers = {"POST /api/v1/device": (200, DEVICE),
                     "POST /api/v1/device/token": [PENDING, GIVEN],
                     "GET /api/v1/me": (200, ME),
                     "GET /api/v1/names": (200, {"items": [
                         {"name": "demo", "reserved": True, "protected": True},
                         {"name": "violet-mole", "reserved": False}], "next": None}),
                     "GET /api/v1/tunnels": (200, {"items": [
                         {"name": "demo", "url": "https://demo.example.com", "online": True,
                          "protected": True}], "next": None}),
                     "POST /api/v1/names": (201, {"name": "demo"}),
                     "DELETE /api/v1/names/demo": (204, b""),
                     "POST /api/v1/tunnels/demo/share": (201, {
                         "url": "https://demo.example.com/?adit_share=x.y"}),
                     "DELETE /api/v1/keys/abcdefghij12": (204, b"")}
    yield relay
    relay.close()


def key_path(home, api):
    return home / ".config/adit/keys" / f"127.0.0.1:{api.port}"


def keep(home, api, mode=0o600):
    path = key_path(home, api)
    path.parent.mkdir(parents=True)
    path.write_text(KEY + "\n")
    path.chmod(mode)
    return path


def bearer(request):
    return request[2].get("Authorization")


# ---------------------------------------------------------------- login

def test_a_login_shows_the_code_and_keeps_the_key(home, api):
    result = run(home, "login", "--relay", api.url)
    assert result.returncode == 0, result.stderr
    assert "\n    BCDF-GHJK\n" in result.stdout
    assert "\n    https://relay.example.com/_adit/device\n" in result.stdout
    assert f"Logged in to {api.url} as ann" in result.stdout
    path = key_path(home, api)
    assert path.read_text() == KEY + "\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert KEY not in result.stdout + result.stderr
    assert "d" * 43 not in result.stdout + result.stderr
    assert [bearer(request) for request in api.requests] == [None] * 3
    assert api.requests[0][3] == {"host": os.uname().nodename}
    assert api.requests[1][3] == {"device_code": "d" * 43}


def test_the_relay_may_be_the_word_behind_login(home, api):
    assert run(home, "login", api.url, ADIT_RELAY="https://other.example.com").returncode == 0
    assert key_path(home, api).exists()


def test_a_login_for_programs_is_two_lines(home, api):
    result = run(home, "login", "--relay", api.url, "--json")
    begun, done = map(json.loads, result.stdout.splitlines())
    assert begun == {"event": "login_started", "relay": api.url, "user_code": "BCDF-GHJK",
                     "verification_uri": DEVICE["verification_uri"],
                     "verification_uri_complete": DEVICE["verification_uri_complete"],
                     "expires_in": 600}
    assert done == {"event": "login_done", "relay": api.url, "account": "ann",
                    "file": str(key_path(home, api))}


def test_a_terminal_sees_the_time_that_is_left(api, terminal, home):
    term = terminal("login", "--relay", api.url)
    term.wait("BCDF-GHJK").wait("9:5").wait("left")
    term.wait("Logged in to")
    assert term.end() == 0
    assert KEY.encode() not in term.seen


def test_a_relay_that_wants_fewer_questions_gets_them(home, api):
    api.answers["POST /api/v1/device/token"] = [(400, refusal("slow_down")), GIVEN]
    result = run(home, "login", "--relay", api.url)
    assert result.returncode == 0
    assert len(api.asked("POST /api/v1/device/token")) == 2


def test_a_relay_that_is_busy_for_a_moment_is_asked_again(home, api):
    api.answers["POST /api/v1/device/token"] = [(503, refusal("not-now")), GIVEN]
    assert run(home, "login", "--relay", api.url).returncode == 0


@pytest.mark.parametrize("answer, status, words", [
    ((400, refusal("access_denied", "The login was denied on the relay's page.")), 3, "denied"),
    ((400, refusal("expired_token", "The login is over; begin a new one.")), 3, "begin a new one"),
    ((200, {"key": "no key"}), 1, "no key of adit"),
    ((200, b"nonsense"), 1, "no key of adit")])
def test_a_login_that_fails_says_why_and_keeps_nothing(home, api, answer, status, words):
    api.answers["POST /api/v1/device/token"] = answer
    result = run(home, "login", "--relay", api.url)
    assert result.returncode == status
    assert words in result.stderr
    assert not key_path(home, api).exists()


def test_a_login_that_nobody_approves_ends_with_its_time(home, api):
    api.answers["POST /api/v1/device"] = (200, {**DEVICE, "expires_in": 1})
    api.answers["POST /api/v1/device/token"] = PENDING
    result = run(home, "login", "--relay", api.url)
    assert result.returncode == 1 and "in time" in result.stderr


def test_what_the_relay_says_cannot_reach_the_terminal(home, api):
    api.answers["POST /api/v1/device"] = (200, {**DEVICE, "user_code": "\x1b[2JBAD\r\n"})
    result = run(home, "login", "--relay", api.url)
    assert "\x1b" not in result.stdout and "BAD" in result.stdout


def test_a_relay_without_accounts_is_told(home, api):
    api.answers["POST /api/v1/device"] = (404, b"<html>")
    result = run(home, "login", "--relay", api.url)
    assert result.returncode == 3 and "not a relay with accounts" in result.stderr


def test_open_starts_the_browser_without_secrets(home, api, tmp_path):
    seen = tmp_path / "seen"
    program = tmp_path / "bin" / "xdg-open"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\n{{ echo \"$1\"; env; }} > {seen}.part\nmv {seen}.part {seen}\n")
    program.chmod(0o755)
    api.answers["POST /api/v1/device/token"] = [PENDING, PENDING, GIVEN]
    result = run(home, "login", "--relay", api.url, "--open", ADIT_PASSWORD="hunter22-canary",
                 ADIT_HMAC_SECRET="0123456789abcdef0123456789abcdef",
                 PATH=f"{program.parent}:{os.environ['PATH']}")
    assert result.returncode == 0
    wait_for(seen.exists, "the browser")
    text = seen.read_text()
    assert text.startswith(DEVICE["verification_uri_complete"] + "\n")
    assert "hunter22" not in text and "0123456789abcdef" not in text and KEY not in text


def test_nothing_is_opened_that_is_no_page(home, api, tmp_path):
    seen = tmp_path / "seen"
    program = tmp_path / "xdg-open"
    program.write_text(f"#!/bin/sh\ntouch {seen}\n")
    program.chmod(0o755)
    api.answers["POST /api/v1/device"] = (200, {
        **DEVICE, "verification_uri_complete": "file:///etc/passwd"})
    run(home, "login", "--relay", api.url, "--open", PATH=f"{tmp_path}:{os.environ['PATH']}")
    assert not seen.exists()


def test_a_machine_brings_its_key(home, api):
    result = run(home, "login", "--relay", api.url, "--token", stdin=KEY + "\n")
    assert result.returncode == 0, result.stderr
    assert key_path(home, api).read_text() == KEY + "\n"
    assert bearer(api.asked("GET /api/v1/me")[0]) == f"Bearer {KEY}"
    assert "as ann" in result.stdout and KEY not in result.stdout


def test_a_person_types_the_key_unseen(home, api, terminal):
    term = terminal("login", "--relay", api.url, "--token")
    term.wait("Key: ").type(KEY + "\n").wait("Logged in")
    assert term.end() == 0
    assert KEY.encode() not in term.seen


def test_a_key_that_the_relay_does_not_take_is_not_kept(home, api):
    api.answers["GET /api/v1/me"] = (401, refusal("key-unknown", "Nobody has this key."))
    result = run(home, "login", "--relay", api.url, "--token", stdin=KEY + "\n")
    assert result.returncode == 3 and "key-unknown" in result.stderr
    assert not key_path(home, api).exists()


def test_no_login_without_tls_beyond_this_machine(home):
    result = run(home, "login", "--relay", "http://192.0.2.1")
    assert result.returncode == 2 and "without TLS" in result.stderr


def test_a_login_that_is_interrupted_keeps_nothing(home, api, launch):
    api.answers["POST /api/v1/device/token"] = PENDING
    agent = launch("login", "--relay", api.url)
    agent.wait_line("BCDF-GHJK")
    assert agent.stop(signal.SIGINT) == -signal.SIGINT
    assert not key_path(home, api).exists()


# ---------------------------------------------------------------- logout

def test_logout_revokes_and_forgets(home, api):
    path = keep(home, api)
    result = run(home, "logout", "--relay", api.url)
    assert result.returncode == 0 and "Logged out" in result.stdout
    assert not path.exists()
    assert bearer(api.asked("DELETE /api/v1/keys/abcdefghij12")[0]) == f"Bearer {KEY}"


def test_logout_is_about_the_kept_key(home, api):
    keep(home, api)
    other = KEY.replace("abcdefghij12", "0therother12")
    assert run(home, "logout", "--relay", api.url, ADIT_TOKEN=other).returncode == 0
    assert [request[1] for request in api.requests] == ["/api/v1/keys/abcdefghij12"]


def test_a_key_that_others_could_read_is_revoked_as_well(home, api):
    path = keep(home, api, 0o644)
    assert run(home, "logout", "--relay", api.url).returncode == 0
    assert not path.exists() and api.asked("DELETE /api/v1/keys/abcdefghij12")


@pytest.mark.parametrize("status, code", [(401, "key-revoked"), (404, "not-found")])
def test_a_key_that_is_no_good_any_more_is_only_forgotten(home, api, status, code):
    path = keep(home, api)
    api.answers["DELETE /api/v1/keys/abcdefghij12"] = (status, refusal(code))
    assert run(home, "logout", "--relay", api.url).returncode == 0
    assert not path.exists()


def test_without_the_relay_the_file_goes_and_the_rest_is_told(home, api):
    path = keep(home, api)
    url = api.url
    api.close()
    result = run(home, "logout", "--relay", url)
    assert result.returncode == 1 and not path.exists()
    assert "could not be revoked" in result.stderr and "(TCP)" in result.stderr
    assert "abcdefghij12" in result.stderr and KEY not in result.stderr


def test_who_is_not_logged_in_is_told(home, api):
    result = run(home, "logout", "--relay", api.url)
    assert result.returncode == 0 and "There is no key" in result.stdout


# ---------------------------------------------------------------- status and names

def test_status_shows_all_of_it(home, api):
    keep(home, api)
    result = run(home, "status", "--relay", api.url)
    assert result.returncode == 0, result.stderr
    assert result.stdout.splitlines() == [
        f"relay     {api.url}", "account   ann", "plan      team",
        "key       abcdefghij12  laptop", "limits    tunnels: 5",
        "          requests per minute: 1000", "          idle: 2h",
        "names     demo  reserved  protected", "          violet-mole",
        "tunnels   https://demo.example.com  protected  online"]
    assert {bearer(request) for request in api.requests} == {f"Bearer {KEY}"}


def test_no_limits_are_told(home, api):
    keep(home, api)
    api.answers["GET /api/v1/me"] = (200, {**ME, "limits": {"tunnels": None, "names": None}})
    assert "limits    none\n" in run(home, "status", "--relay", api.url).stdout


def test_status_for_programs(home, api):
    keep(home, api)
    status = json.loads(run(home, "status", "--relay", api.url, "--json").stdout)
    assert status["event"] == "status" and status["me"] == ME
    assert [name["name"] for name in status["names"]] == ["demo", "violet-mole"]
    assert status["tunnels"][0]["online"] is True


@pytest.mark.parametrize("words", [["status"], ["reserve", "demo"], ["release", "demo"],
                                   ["share", "demo"]])
def test_without_a_key_nothing_is_asked(home, api, words):
    result = run(home, *words, "--relay", api.url)
    assert result.returncode == 2 and "adit login gets one" in result.stderr
    assert not api.requests


def test_names_are_reserved_and_released(home, api):
    keep(home, api)
    result = run(home, "reserve", "demo", "--relay", api.url)
    assert (result.returncode, result.stdout) == (0, "demo is reserved\n")
    assert api.requests[-1][3] == {"name": "demo"}
    result = run(home, "release", "demo", "--relay", api.url, "--json")
    assert json.loads(result.stdout) == {"event": "name_released", "name": "demo"}
    assert api.requests[-1][:2] == ("DELETE", "/api/v1/names/demo")


def test_a_link_is_printed_alone(home, api):
    keep(home, api)
    result = run(home, "share", "demo", "--expires", "2h", "--views", "5", "--relay", api.url)
    assert result.stdout == "https://demo.example.com/?adit_share=x.y\n"
    assert api.requests[-1][3] == {"expires_in": 7200, "views": 5}
    result = run(home, "share", "https://demo.example.com/path", "--relay", api.url, "--json")
    assert json.loads(result.stdout) == {"event": "share", "name": "demo",
                                         "url": "https://demo.example.com/?adit_share=x.y"}
    assert api.requests[-1][3] == {"expires_in": 86400}


@pytest.mark.parametrize("name", ["a/b", "../me", "a b", "", "a?x", "x" * 64])
def test_what_is_no_name_is_not_asked_for(home, api, name):
    keep(home, api)
    result = run(home, "release", name, "--relay", api.url)
    assert result.returncode == 2 and "is not a name" in result.stderr
    assert not api.requests


@pytest.mark.parametrize("answer, status, words", [
    ((409, refusal("name-taken", "The name belongs to an account already.")), 3,
     "(name-taken): The name belongs to an account already."),
    ((403, refusal("NAME_LIMIT_REACHED", 'Your "x" \\ has\x1b 0 names.')), 3,
     'Your "x" \\\\ has\\u001b 0 names.'),
    ((401, refusal("key-revoked", "The key was revoked.")), 3,
     "The key was revoked; adit login gets a new key"),
    ((503, refusal("store-unavailable", "Nothing was changed.")), 1, "Nothing was changed."),
    ((429, refusal("rate-limited", "Slow.")), 1, "Slow."),
    ((302, b""), 3, "answered 302: this is not a relay with accounts"),
    ((200, b"x" * 300000), 1, "longer than it should be")])
def test_what_the_relay_refuses_is_told(home, api, answer, status, words):
    keep(home, api)
    api.answers["POST /api/v1/names"] = answer
    result = run(home, "reserve", "demo", "--relay", api.url)
    assert result.returncode == status
    assert words in result.stderr and result.stderr.count("\n") == 1
    assert KEY not in result.stderr


@pytest.mark.parametrize("relay, hop", [
    ("http://127.0.0.1:1", "(TCP)"), ("https://nowhere.invalid", "(DNS)")])
def test_a_relay_that_is_not_there_is_told_with_the_hop(home, relay, hop):
    result = run(home, "status", "--relay", relay, ADIT_TOKEN=KEY)
    assert result.returncode == 1 and hop in result.stderr


def test_a_canary_is_nowhere_below_the_home_but_in_its_file(home, api):
    keep(home, api)
    run(home, "status", "--relay", api.url)
    found = [path for path in Path(home).rglob("*") if path.is_file()
             and KEY.encode() in path.read_bytes()]
    assert found == [key_path(home, api)]
