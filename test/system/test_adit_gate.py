"""Passwords and other guards at the agent: where they come from, what the relay is told, and where a
secret never is."""
import json
import os
import signal
import subprocess
import termios
from pathlib import Path

import pytest

from harness.cli import adit, run
from harness.relay import clean_env
from harness.script_relay import ScriptRelay
from harness.wait import SLOW, wait_for

pytestmark = pytest.mark.timeout(60 * SLOW)

SECRET = "hunter22-canary"


@pytest.fixture
def script():
    relay = ScriptRelay()
    yield relay
    relay.close()


def url(relay):
    return f"http://127.0.0.1:{relay.port}"


def registered(relay, count=1):
    return relay.wait_said("register", count)[-1]


def test_a_literal_password_leaves_the_process_list(script, launch):
    agent = launch("http", "1", "--relay", url(script), "--password", SECRET)
    assert registered(script)["password"] == SECRET
    agent.wait_line("(protected)")
    proc = Path(f"/proc/{agent.process.pid}")
    assert b"--password" in proc.joinpath("cmdline").read_bytes()
    assert SECRET.encode() not in proc.joinpath("cmdline").read_bytes()
    agent.process.send_signal(signal.SIGINT)
    warning = agent.process.communicate(timeout=30)[1].decode()
    assert "history of your shell" in warning and SECRET not in warning
    assert SECRET not in agent.path.read_text()


@pytest.mark.parametrize("words, env", [
    (["--password-file", "secret"], {}), (["--password-env", "MINE"], {"MINE": SECRET}),
    ([], {"ADIT_PASSWORD": SECRET}), ([], {"ADIT_PASSWORD_FILE": "secret"})])
def test_a_password_comes_from_other_places_in_silence(script, launch, home, words, env):
    (home / "secret").write_text(f"{SECRET}\r\nsecond line\n")
    agent = launch("http", "1", "--relay", url(script), *words, **env)
    assert registered(script)["password"] == SECRET
    agent.process.send_signal(signal.SIGINT)
    assert agent.process.communicate(timeout=30)[1] == b""


def test_standard_input_gives_a_password(script, home):
    process = subprocess.Popen([adit(), "http", "1", "--relay", url(script), "--password", "-",
                                "--json"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, env=clean_env({"HOME": home}))
    process.stdin.write(f"{SECRET}\n".encode())
    process.stdin.flush()
    assert registered(script)["password"] == SECRET
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert err == b"" and SECRET.encode() not in out
    up = [json.loads(line) for line in out.splitlines() if b"tunnel_up" in line]
    assert [line.get("protected") for line in up] == [True]


def test_a_terminal_is_asked_twice_and_shows_nothing(script, terminal):
    term = terminal("http", "1", "--relay", url(script), "--password-prompt")
    term.wait("Password for visitors: ").type(SECRET + "\n")
    term.wait("The same again: ").type(SECRET + "\n")
    assert registered(script)["password"] == SECRET
    term.wait("(protected)")
    assert SECRET.encode() not in term.seen


def test_two_answers_that_differ_are_refused(script, terminal):
    term = terminal("http", "1", "--relay", url(script), "--password-prompt")
    term.wait("visitors: ").type("hunter22\n").wait("again: ").type("hunter23\n")
    assert term.end() == 2
    assert b"not the same" in term.seen and not script.requests


@pytest.mark.parametrize("key, number", [("\x03", signal.SIGINT), ("\x1c", signal.SIGQUIT)])
def test_a_question_can_be_ended_and_the_terminal_echoes_again(script, terminal, key, number):
    term = terminal("http", "1", "--relay", url(script), "--password-prompt")
    term.wait("visitors: ")
    assert not termios.tcgetattr(term.master)[3] & termios.ECHO
    term.type("hunt" + key)
    assert term.end() == -number
    assert termios.tcgetattr(term.master)[3] & termios.ECHO


def test_a_prompt_needs_a_terminal(script, home):
    result = subprocess.run(
        ["setsid", adit(), "http", "1", "--relay", url(script), "--password-prompt"], cwd=home,
        stdin=subprocess.DEVNULL, capture_output=True, text=True, env=clean_env({"HOME": home}),
        timeout=30)
    assert result.returncode == 2
    assert "needs a terminal" in result.stderr and "--password -" in result.stderr


@pytest.mark.parametrize("words, sentence", [
    (["--password", "abc"], "a password has 4 to 128 bytes, this one has 3"),
    (["--password", "x" * 129], "a password has 4 to 128 bytes, this one has 129"),
    (["--password", "ä"], "this one has 2"),
    (["--password", os.fsdecode(b"abc\xff")], "is not UTF-8"),
    (["--password", "abc\x1b"], "control character"),
    (["--password-file", "missing"], "password-file: ENOENT"),
    (["--password-env", "MINE"], "the variable MINE is not set"),
    (["--password-env", "MINE", "--password-file", "x"], "password has 2 sources"),
    (["--allow", "192.0.2.0/33"], '"192.0.2.0/33" is no address and no network'),
    (["--deny", "example.com"], '"example.com" is no address'),
    (["--verify-webhook", "stripe"], "needs the secret of the webhooks"),
    (["--verify-webhook", "paypal"], "is none of off, stripe, github, slack"),
    (["--verify-secret", "x"], "set ADIT_VERIFY_SECRET or use --verify-secret-file"),
])
def test_mistakes_are_told_before_anything_is_dialled(script, home, words, sentence):
    result = run(home, "http", "1", "--relay", url(script), *words)
    assert (result.returncode, result.stdout) == (2, "")
    assert sentence in result.stderr
    assert not script.requests


def test_a_password_does_not_leave_the_machine_without_tls(home):
    result = run(home, "http", "1", "--relay", "http://192.0.2.1", ADIT_PASSWORD=SECRET)
    assert result.returncode == 2
    assert "without TLS" in result.stderr and "--insecure" in result.stderr
    assert SECRET not in result.stderr


def test_networks_and_webhooks_are_told_to_the_relay(script, launch):
    launch("http", "1", "--relay", url(script), "--allow", "192.0.2.0/24,2001:DB8::1", "--deny",
           "192.0.2.7", "--verify-webhook", "github", ADIT_VERIFY_SECRET=SECRET)
    message = registered(script)
    assert message["allow"] == ["192.0.2.0/24", "2001:db8::1"]
    assert message["deny"] == ["192.0.2.7"]
    assert message["verify"] == {"scheme": "github", "secret": SECRET}


@pytest.mark.parametrize("words", [["--password-env", "MINE"], ["--allow", "192.0.2.7"],
                                   ["--deny", "192.0.2.7"],
                                   ["--verify-webhook", "slack", "--verify-secret-env", "MINE"]])
def test_a_relay_that_knows_no_guards_gets_no_visitor_through(script, launch, services, words):
    script.protects = False
    service = services()
    agent = launch("http", service.target, "--relay", url(script), *words, MINE=SECRET)
    assert script.wait_said("unregister")[0]["tunnel"] == 1
    assert agent.process.wait(30) == 3
    assert "not-protected" in agent.path.read_text()
    assert service.accepts == 0 and "Forwarding" not in agent.path.read_text()


def test_tcp_and_start_say_that_they_take_no_password_from_the_environment(script, launch, home):
    agent = launch("tcp", "1", "--relay", url(script), ADIT_PASSWORD=SECRET)
    assert "password" not in registered(script)
    agent.process.send_signal(signal.SIGINT)
    warning = agent.process.communicate(timeout=30)[1].decode()
    assert "ADIT_PASSWORD in the environment has no effect" in warning


def test_another_password_in_the_file_is_another_registration(script, launch, home):
    text = "tunnels:\n  web: {{http: 1, password: {0}}}\n  open: {{http: 2}}\n"
    (home / "tunnels.yaml").write_text(text.format("hunter22"))
    agent = launch("start", "--relay", url(script))
    first = script.wait_said("register", 2)
    assert [line.get("password") for line in first] == ["hunter22", None]
    agent.wait_line("(protected)")
    fresh = home / "fresh"
    fresh.write_text(text.format("hunter23"))
    fresh.rename(home / "tunnels.yaml")
    again = script.wait_said("register", 3)[2]
    assert again["password"] == "hunter23" and again["subdomain"] == "mole"
    assert [line["tunnel"] for line in script.said("unregister")] == [first[0]["tunnel"]]
    fresh.write_text(text.format("abc"))
    fresh.rename(home / "tunnels.yaml")
    agent.wait_line("a password has 4 to 128 bytes")
    wait_for(lambda: "hunter" not in agent.path.read_text(), "no password in the output")
