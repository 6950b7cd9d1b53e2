"""Keys of accounts at the agent: where they come from, how they go out, and where they never are."""
import json
import re
from pathlib import Path

import pytest

from harness.cli import run
from harness.script_relay import ScriptRelay
from harness.wait import SLOW, wait_for

pytestmark = pytest.mark.timeout(60 * SLOW)

KEY = "adit_abcdefghij12_" + "S3cret-_" * 5 + "xyz"
OTHER = "adit_0therother12_" + "An0ther-" * 5 + "xyz"
HMAC = "0123456789abcdef0123456789abcdef"


@pytest.fixture
def script():
    relay = ScriptRelay()
    yield relay
    relay.close()


def url(relay):
    return f"http://127.0.0.1:{relay.port}"


def key_file(home, relay, text=KEY, mode=0o600):
    path = home / ".config/adit/keys" / f"127.0.0.1:{relay.port}"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text + "\n")
    path.chmod(mode)
    return path


def field(head, name):
    found = re.search(rf"^{name}: (.*)$", head.replace("\r", ""), re.M | re.I)
    return found.group(1) if found else None


def refuse(code, status="401 Unauthorized"):
    body = f'{{"error":"{code}","message":"No."}}'
    return (f"HTTP/1.1 {status}\r\nX-Adit-Error: {code}\r\nContent-Length: {len(body)}\r\n"
            f"\r\n{body}").encode()


def first_request(relay):
    return wait_for(lambda: relay.requests and relay.requests[0], "a request")


def test_without_a_key_nothing_is_shown(script, launch):
    launch("http", "1", "--relay", url(script))
    head = first_request(script)
    assert field(head, "Authorization") is None and field(head, "X-Adit-Key") is None


def test_the_environment_names_a_key(script, launch, home):
    key_file(home, script, OTHER)
    agent = launch("http", "1", "--relay", url(script), ADIT_TOKEN=KEY)
    assert field(first_request(script), "Authorization") == f"Bearer {KEY}"
    proc = Path(f"/proc/{agent.process.pid}")
    assert KEY.encode() not in proc.joinpath("environ").read_bytes()
    assert KEY.encode() not in proc.joinpath("cmdline").read_bytes()
    agent.stop()
    assert KEY not in agent.path.read_text()


def test_a_signature_leaves_the_key_a_field_of_its_own(script, launch):
    launch("http", "1", "--relay", url(script), ADIT_TOKEN=KEY, ADIT_HMAC_SECRET=HMAC)
    head = first_request(script)
    assert field(head, "Authorization").startswith("HMAC sha256=")
    assert field(head, "X-Adit-Key") == KEY


def test_a_file_names_a_key(script, launch, tmp_path):
    (tmp_path / "key").write_text(f"{KEY}\r\n")
    launch("http", "1", "--relay", url(script), "--token-file", tmp_path / "key")
    assert field(first_request(script), "Authorization") == f"Bearer {KEY}"


def test_standard_input_names_a_key(script, home):
    script.answer = lambda head: refuse("key-revoked")
    result = run(home, "http", "1", "--relay", url(script), "--token-file", "-",
                 stdin=f"{KEY}\nmore\n")
    assert field(script.requests[0], "Authorization") == f"Bearer {KEY}"
    assert result.returncode == 3
    assert KEY not in result.stdout + result.stderr


def test_the_kept_key_is_shown_on_every_request(script, launch, home):
    key_file(home, script)
    agent = launch("http", "1", "--relay", url(script))
    agent.wait_line("Forwarding")
    script.cut()
    wait_for(lambda: script.resumed, "the session to go on")
    assert [field(head, "Authorization") for head in script.requests] == [f"Bearer {KEY}"] * 2


def test_a_key_for_another_relay_is_not_shown(script, launch, home):
    other = ScriptRelay()
    key_file(home, other)
    launch("http", "1", "--relay", url(script))
    assert field(first_request(script), "Authorization") is None
    other.close()


def test_a_key_that_others_can_read_is_not_used(script, home):
    key_file(home, script, mode=0o644)
    result = run(home, "http", "1", "--relay", url(script))
    assert result.returncode == 2
    assert "can be read by others (mode 644)" in result.stderr and "adit login" in result.stderr
    assert not script.requests


@pytest.mark.parametrize("text", ["hunter22", "adit_a b", "adit_ä", "adit_a\x01"])
def test_what_is_no_key_is_refused_without_being_shown(script, home, text):
    result = run(home, "http", "1", "--relay", url(script), ADIT_TOKEN=text)
    assert result.returncode == 2
    assert "ADIT_TOKEN holds no key of adit" in result.stderr and text not in result.stderr
    assert not script.requests


def test_a_key_is_never_an_argument(script, home):
    result = run(home, "http", "1", "--relay", url(script), "--token", KEY)
    assert result.returncode == 2
    assert "set ADIT_TOKEN or use --token-file" in result.stderr and KEY not in result.stderr


def test_a_key_does_not_leave_the_machine_without_tls(home):
    result = run(home, "http", "1", "--relay", "http://192.0.2.1", ADIT_TOKEN=KEY)
    assert result.returncode == 2
    assert "without TLS" in result.stderr and "--insecure" in result.stderr


@pytest.mark.parametrize("code, advice", [
    ("key-unknown", "adit login"), ("key-revoked", "adit login"), ("key-expired", "adit login"),
    ("key-needed", "adit login"), ("account-disabled", "operator"), ("tomorrows-code", "refuses")])
def test_a_key_that_is_no_good_ends_the_agent(script, home, code, advice):
    script.answer = lambda head: refuse(code)
    result = run(home, "http", "1", "--relay", url(script), ADIT_TOKEN=KEY)
    assert result.returncode == 3
    assert code in result.stdout and advice in result.stdout
    assert len(script.requests) == 1
    assert KEY not in result.stdout + result.stderr


def test_a_401_of_something_in_front_is_tried_again(script, launch):
    answers = [b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n"]
    script.answer = lambda head: answers.pop() if answers else None
    agent = launch("http", "1", "--relay", url(script), ADIT_TOKEN=KEY)
    agent.wait_line("Forwarding")


def test_whose_key_it_is_is_told(script, launch):
    script.greeting = {"account": "ann", "plan": "team"}
    agent = launch("http", "1", "--relay", url(script), "--json", ADIT_TOKEN=KEY)
    up = json.loads(agent.wait_line('"link_up"'))
    assert (up["account"], up["plan"]) == ("ann", "team")


def test_doctor_shows_the_key(script, home):
    run(home, "doctor", "--relay", url(script), ADIT_TOKEN=KEY)
    assert {field(head, "Authorization") for head in script.requests} == {f"Bearer {KEY}"}
