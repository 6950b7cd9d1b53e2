"""What is written about requests and refusals, and what never is."""
import json
import re
from pathlib import Path

import pytest

from harness import http
from harness.agent import create, reply, raw_then_close
from harness.wait import wait_for

SECRET = "canary-hmac-secret-of-at-least-32-characters"


def access_lines(relay):
    return relay.find_logs(lambda entry: "method" in entry and "status" in entry)


def flush(relay):
    """Everything logged before this returns is in relay.logs."""
    mark = f"/flush/{len(relay.stderr)}"
    http.fetch(relay.port, target=mark, host="no-such-name.lt.test")
    relay.wait_access(path=mark)


def test_lines_are_json_with_time_level_and_message(relay):
    flush(relay)
    for line in relay.stderr:
        entry = json.loads(line)
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", entry["time"]), entry
        assert entry["level"] in ("error", "warn", "info", "debug")
        assert entry["msg"]


def test_one_access_line_for_each_request(relay, agent):
    mine = agent(relay, "log-app").serve(reply(b"hello", headers=[("X-A", "b")]))
    response = mine.visit("POST", "/path?query=1", body=b"12345", source="127.0.0.9")
    assert response.status == 200
    line = relay.wait_access(tunnel="log-app")
    assert {key: line[key] for key in ("tunnel", "method", "status")} == {
        "tunnel": "log-app", "method": "POST", "status": 200}
    assert line["path"].startswith("/path")
    assert line["visitor"].startswith("127.0.0.9")
    assert line["in"] >= 5 and line["out"] >= 5
    assert 0 <= line["ttfb_ms"] <= line["ms"] < 10000
    assert line["ended"]
    assert line["id"] == mine.requests[0].get("X-Request-Id")
    flush(relay)
    assert len([entry for entry in access_lines(relay) if entry.get("tunnel") == "log-app"]) == 1


@pytest.mark.parametrize("target, host", [
    ("/", None), ("/api/status", None), ("/api/nothing", None), ("/", "no-such-name.lt.test")])
def test_what_the_relay_answers_itself_has_no_first_byte(relay, target, host):
    response = http.fetch(relay.port, target=target, host=host or "lt.test")
    line = relay.wait_access(status=response.status)
    assert line["ttfb_ms"] is None, line


def test_each_request_of_a_connection_has_a_line_and_an_id(relay, agent):
    mine = agent(relay, "keep-app").serve(reply(b"hello"))
    with mine.visitor() as visitor:
        for number in range(5):
            visitor.ask(target=f"/page/{number}", host=mine.host)
    relay.wait_access(count=5, tunnel="keep-app")
    lines = [entry for entry in access_lines(relay) if entry.get("tunnel") == "keep-app"]
    assert sorted(entry["path"] for entry in lines) == [f"/page/{n}" for n in range(5)]
    assert len({entry["id"] for entry in lines}) == 5


@pytest.mark.parametrize("name,status", [("no-such-app", 404), ("idle-app", 503)])
def test_refused_visits_have_a_line_too(relay, agent, name, status):
    agent(relay, "idle-app")
    http.fetch(relay.port, target="/here", host=f"{name}.lt.test")
    assert relay.wait_access(path="/here")["status"] == status


def test_the_end_says_how_it_ended(relay, agent):
    mine = agent(relay, "end-app").serve(reply(b"whole"))
    mine.visit(target="/whole")
    whole = relay.wait_access(path="/whole")["ended"]
    mine.drop_sockets()
    mine.serve(raw_then_close(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort"))
    with pytest.raises((http.Truncated, ConnectionResetError)):
        mine.visit(target="/short")
    short = relay.wait_access(path="/short")["ended"]
    assert short != whole
    mine.drop_sockets()
    sock = mine.open_ready()
    with mine.visitor() as visitor:
        visitor.send(http.build_request(target="/gone", host=mine.host))
        sock.read_request()
        visitor.reset()
    gone = relay.wait_access(path="/gone")["ended"]
    assert gone not in (whole, short)


@pytest.mark.parametrize("flags,env", [(["--access-log", "off"], {}), ([], {
    "LT_ACCESS_LOG": "false"})])
def test_the_access_log_can_be_off(start, flags, env):
    relay = start(*flags, env=env)
    http.fetch(relay.port, target="/some/thing", host="lt.test")
    relay.stop()
    assert not access_lines(relay)


@pytest.mark.parametrize("level,seen", [("error", set()), ("warn", set()), ("info", {"info"})])
def test_the_level_is_an_option(start, level, seen):
    relay = start("--log-level", level, wait=level == "info")
    if level == "info":
        create(relay, "level-app")
    else:
        wait_for(lambda: _listens(relay), "the relay to run")
    relay.stop()
    assert {entry["level"] for entry in relay.logs} <= seen | {"warn", "error"}
    assert seen <= {entry["level"] for entry in relay.logs}


def _listens(relay):
    """The relay says nothing at this level: its listening socket is looked for in /proc."""
    own = {link for link in (_readlink(fd) for fd in Path(f"/proc/{relay.pid}/fd").iterdir())
           if link.startswith("socket:")}
    for line in Path(f"/proc/{relay.pid}/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        if fields[3] == "0A" and f"socket:[{fields[9]}]" in own:
            return True
    return False


def _readlink(path):
    try:
        return str(path.readlink())
    except OSError:
        return ""


def test_text_on_request(start):
    relay = start("--log-format", "text", wait=False)
    wait_for(lambda: "ready" in relay.text(), "the word ready")
    relay.stop()
    assert not relay.logs
    assert all("\x1b" not in line for line in relay.stderr), "colour without a terminal"


# injection

@pytest.mark.parametrize("target", [
    "/inject%0d%0a{}", "/inject\x1b]0;title\x07", "/inject\xff\xfe\x80", "/inject\"quote\\",
    "/inject" + "x" * 6000])
def test_a_hostile_path_stays_in_its_line(relay, agent, target):
    mine = agent(relay, "inject-app").serve(reply())
    with mine.visitor() as visitor:
        visitor.send(http.build_request(target=target, host=mine.host))
        visitor.read_response()
    flush(relay)
    for line in relay.stderr:
        assert not re.search(r"[\x00-\x1f\x7f-\x9f]|[\udc80-\udcff]", line), ascii(line)
        json.loads(line)
        assert len(line) < 4096


@pytest.mark.parametrize("name,value", [
    ("User-Agent", "agent\x1b[31mred"), ("X-LT-Client-Token", "to\x1bken"),
    ("Referer", "x\x07y"), ("X-Forwarded-For", "1.2.3.4\x1b[2J")])
def test_a_hostile_field_stays_in_its_line(start, name, value):
    relay = start(env={"LT_LOG_LEVEL": "debug", "LT_TRUST_PROXY": "true"})
    http.fetch_raw(relay.port, http.build_request(target="/field-app", host="lt.test",
                                                  headers=[(name, value)]))
    http.fetch_raw(relay.port, http.build_request(host="any\x1bhost.lt.test"))
    flush(relay)
    assert not re.search(r"[\x00-\x1f\x7f-\x9f]", "".join(relay.stderr))


def test_text_lines_are_safe_too(start, agent):
    relay = start("--log-format", "text", wait=False)
    wait_for(lambda: "ready" in relay.text(), "the word ready")
    port = int(re.search(r"listening.*port=(\d+)", relay.text())[1])
    http.fetch_raw(port, http.build_request(target="/a%0a%1b[31m/b", host="none.lt.test"))
    http.fetch_raw(port, http.build_request(target="/raw\x1b[31m/b", host="none.lt.test"))
    wait_for(lambda: "/a%0a%1b" in relay.text(), "the access line")
    assert not re.search(r"[\x00-\x1f\x7f-\x9f]", "".join(relay.stderr))


# secrets

def test_secrets_are_in_no_output(start, agent):
    relay = start("--log-level", "debug", env={"LT_HMAC_SECRET": SECRET})
    canaries = [SECRET, "canary-token", "canary-auth", "canary-cookie", "canary-nonce",
                "canary-query"]
    create(relay, "leak-app", token="canary-token", headers=[
        ("Authorization", "HMAC sha256=canary-auth"), ("X-Timestamp", "canary-stamp"),
        ("X-Nonce", "canary-nonce")])
    create(relay, "leak-app", headers=[("Authorization", "Bearer canary-auth")])
    http.fetch(relay.port, "GET", "/leak?access_token=canary-query", "leak-app.lt.test",
               [("Cookie", "session=canary-cookie"), ("Authorization", "Basic canary-auth")])
    flush(relay)
    text = relay.text()
    found = [canary for canary in canaries if canary in text]
    assert not found, text
    assert SECRET.encode() not in Path(f"/proc/{relay.pid}/cmdline").read_bytes()


def test_a_secret_of_the_command_line_is_refused_or_hidden(start):
    """There is no flag for the secret: everybody on the machine can read a command line."""
    from harness.relay import run
    code, out, err = run("--hmac-secret", SECRET)
    assert code != 0
    assert SECRET not in out + err


# refusals

@pytest.mark.covers("D23")
def test_refused_creations_are_logged_once_a_minute_for_each_source(start):
    relay = start(env={"LT_HMAC_SECRET": SECRET})
    for source in ("127.0.0.7", "127.0.0.8"):
        for _ in range(30):
            assert create(relay, "no-app", source=source).status == 401
    flush(relay)

    def refusals(source):
        return relay.find_logs(lambda entry: source in json.dumps(entry) and (
            entry.get("status") == 401 or "refus" in entry["msg"]))
    assert [len(refusals(source)) for source in ("127.0.0.7", "127.0.0.8")] == [1, 1], \
        relay.text()


def test_tunnels_and_their_ends_are_logged(start, agent):
    relay = start(env={"LT_GRACE_PERIOD": "100"})
    mine = agent(relay, "life-app")
    mine.open_ready()
    mine.drop_sockets()
    wait_for(lambda: mine.visit().status == 404, "the end of the tunnel")
    flush(relay)
    told = relay.find_logs(lambda entry: entry.get("tunnel") == "life-app"
                           and "method" not in entry)
    assert len(told) >= 2 and all(entry["level"] == "info" for entry in told), relay.text()
