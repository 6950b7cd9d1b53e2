"""Options: where they come from, which wins, what is refused and how that is said."""
import json
import re
import time

import pytest

from harness import http
from harness.agent import create, reply
from harness.relay import ROOT, clean_env, run
from harness.wait import wait_for

SECRET = "a-shared-secret-of-at-least-32-characters"

# option -> (a good value other than the default, values out of range or no numbers)
NUMBERS = {
    "port": ("8123", ["65536", "-1", "http", "1.5"]),
    "admin-port": ("8124", ["65536", "0", "-1", "x"]),
    "metrics-port": ("8125", ["65536", "0", "-1", "x"]),
    "port-range-start": ("10000", ["65536", "0", "ten"]),
    "port-range-end": ("10100", ["65536", "0", "ten"]),
    "http-proxy-port": ("8080", ["65536", "0", "8080x"]),
    "https-proxy-port": ("8443", ["65536", "0", "0x1bb"]),
    "max-sockets": ("20", ["0", "-1", "ten", "10 20", "1e1"]),
    "retry-after": ("7", ["-1", "soon"]),
    "grace-period": ("20000", ["-1", "NaN", "long"]),
    "max-grace-period": ("400000", ["0", "-1", "NaN"]),
    "request-timeout": ("6000", ["0", "-1", "NaN"]),
    "websocket-timeout": ("9000", ["0", "-1", "NaN"]),
    "response-timeout": ("61000", ["0", "-1", "NaN"]),
    "socket-check-interval": ("50", ["-1", "often"]),
    "nonce-cleanup-interval": ("1000", ["-1", "often"]),
    "hmac-timestamp-tolerance": ("30", ["-1", "x"]),
    "hmac-nonce-threshold": ("1800", ["-1", "x"]),
    "hmac-nonce-cache-ttl": ("9000", ["-1", "x"]),
    "max-tunnels": ("100", ["0", "many"]),
    "max-waiting": ("10", ["-1", "many"]),
    "workers": ("1", ["-1", "1000000", "all"]),
    "head-timeout": ("5000", ["0", "x"]),
    "keep-alive-timeout": ("5000", ["0", "x"]),
    "idle-timeout": ("5000", ["-1", "x"]),
    "upload-timeout": ("5000", ["0", "-1", "x"]),
    "drain-timeout": ("5000", ["-1", "x"]),
    "max-head": ("32768", ["0", "x"]),
    "max-target": ("8192", ["0", "x"]),
    "max-fields": ("50", ["0", "x"]),
}
SWITCHES = ["secure", "ip-validation-strict", "trust-proxy", "hmac-terse"]
BAD = [(name, value) for name, (_, values) in NUMBERS.items() for value in values]


def env_name(option):
    return "LT_" + option.replace("-", "_").upper()


def check(*flags, **how):
    """check-config --json: option -> what it says about it."""
    code, out, err = run("check-config", "--json", *flags, **how)
    assert code == 0, err
    return {name: str(entry["value"]) if isinstance(entry, dict) else str(entry)
            for name, entry in json.loads(out).get("options", json.loads(out)).items()}


def refused(*flags, **how):
    """The one line with which a start is refused."""
    code, out, err = run(*flags, **how)
    assert code == 1, (code, out, err)
    lines = err.strip().splitlines()
    assert len(lines) == 1, err
    return lines[0]


def max_conn(relay):
    return create(relay, "probe-app").json()["max_conn_count"]


# each option in each place

@pytest.mark.covers("S2", "S6", "S7", "S11", "S12", "S13", "S18", "S19", "S23", "S24", "S25",
                    "S27", "D9")
@pytest.mark.parametrize("name", [name for name in NUMBERS
                                  if not name.endswith("interval") and "range" not in name])
def test_every_option_has_a_flag_and_a_variable(name):
    good = NUMBERS[name][0]
    default = check()[name]
    by_flag = check(f"--{name}", good)[name]
    assert by_flag != default
    assert check(f"--{name}={good}")[name] == by_flag
    assert check(env={env_name(name): good})[name] == by_flag
    assert check(env={env_name(name): ""})[name] == default


@pytest.mark.covers("S2", "S3", "S6", "S8", "S13", "S14", "S15", "S16", "S17", "S18", "S19", "S23",
                    "S24", "S25", "D9")
def test_the_defaults_are_the_seed_s():
    said = check()
    millis = {"grace-period": 30000, "max-grace-period": 300000, "request-timeout": 5000,
              "websocket-timeout": 10000, "response-timeout": 60000}
    seconds = {"hmac-timestamp-tolerance": 60, "hmac-nonce-threshold": 3600,
               "hmac-nonce-cache-ttl": 7200, "retry-after": 5}
    for name, value in millis.items():
        assert check(f"--{name}", value)[name] == said[name], name
    for name, value in seconds.items():
        assert check(f"--{name}", value)[name] == said[name], name
    assert (said["port"], said["max-sockets"]) == ("80", "10")
    assert (said["address"], said["admin-address"]) == ("0.0.0.0", "0.0.0.0")
    for name in SWITCHES:
        assert said[name].lower() in ("false", "off"), name


@pytest.mark.covers("D17", "S14", "S15", "S18", "S19")
@pytest.mark.parametrize("name,value", BAD)
def test_a_bad_number_is_refused_with_option_value_and_bounds(name, value):
    line = refused(f"--{name}={value}")
    assert f"--{name}" in line and value in line
    assert re.search(r"\d", line.replace(value, "").replace(name, "")), f"no bounds: {line}"


@pytest.mark.covers("D17", "S27")
@pytest.mark.parametrize("name,value", BAD)
def test_a_bad_variable_is_refused_the_same(name, value):
    line = refused(env={env_name(name): value})
    assert env_name(name) in line and value in line


@pytest.mark.covers("D17")
def test_a_mistake_in_a_file_names_file_and_line():
    line = refused(files={".env": "# a comment\n\nLT_MAX_SOCKETS=many\n"})
    assert ".env:3" in line and "LT_MAX_SOCKETS" in line and "many" in line
    line = refused("--config", "a.yaml", files={"a.yaml": "domain: lt.test\nmax-sockets: many\n"})
    assert "a.yaml:2" in line and "max-sockets" in line and "many" in line


@pytest.mark.covers("S20", "S26", "D32")
@pytest.mark.parametrize("name", ["socket-check-interval", "nonce-cleanup-interval"])
def test_polling_options_are_accepted_and_do_nothing(start, agent, name):
    relay = start(f"--{name}", "60000", env={env_name(name): "60000"})
    mine = agent(relay, "poll-app")
    with mine.visitor() as visitor:
        visitor.send(http.build_request(host=mine.host, headers=[
            ("Connection", "Upgrade"), ("Upgrade", "test")]))
        # It waits for a socket; one second is far below the polling asked for.
        sock = mine.open()
        assert sock.read_request(timeout=5).get("Upgrade") == "test"


@pytest.mark.covers("S4", "S16", "S17")
@pytest.mark.parametrize("name", ["secure", "ip-validation-strict", "trust-proxy"])
def test_a_switch_s_variable_is_true_only_for_true(name):
    off, on = check()[name], check(f"--{name}")[name]
    assert off != on
    assert check(f"--{name}", "true")[name] == check(f"--{name}=true")[name] == on
    assert check(f"--{name}", "false")[name] == off
    assert check(env={env_name(name): "true"})[name] == on
    for value in ("1", "yes", "TRUE", "on", ""):
        assert check(env={env_name(name): value})[name] == off, value


@pytest.mark.covers("S9")
def test_the_range_needs_both_ends_in_order():
    assert "port-range" in refused("--port-range-start", "10000")
    assert "port-range" in refused("--port-range-end", "10000")
    line = refused("--port-range-start", "10001", "--port-range-end", "10000")
    assert "10001" in line and "10000" in line
    assert check("--port-range-start", "10000", "--port-range-end", "10000")


@pytest.mark.covers("S3", "S5", "S10", "D17")
@pytest.mark.parametrize("flags", [
    ["--address", "300.1.1.1"], ["--address", "example"], ["--domain", "not a name"],
    ["--domain", "-x.test"], ["--landing", "javascript:alert(1)"], ["--log-level", "loud"],
    ["--log-format", "xml"], ["--access-log=perhaps"], ["--secure=perhaps"]])
def test_other_bad_values_are_refused_by_name(flags):
    line = refused(*flags)
    assert flags[0].split("=")[0] in line


@pytest.mark.covers("D17")
@pytest.mark.parametrize("flags,named", [
    (["--prot", "80"], "--port"), (["--max-socket", "3"], "--max-sockets"), (["-x"], "-x"),
    (["serve"], "serve"), (["--port"], "--port")])
def test_what_is_not_an_option_is_refused_and_the_near_one_named(flags, named):
    assert named in refused(*flags)


@pytest.mark.covers("D17", "S27")
def test_an_unknown_variable_of_ours_is_warned_about(start):
    relay = start(env={"LT_MAX_SOCKET": "3"})
    assert relay.find_logs(lambda entry: entry["level"] == "warn"
                           and "LT_MAX_SOCKET" in str(entry)), relay.text()


@pytest.mark.covers("D5", "S39")
def test_the_reserved_names_are_an_option(start):
    relay = start("--reserved-names", "mine,other-name")
    assert create(relay, "other-name").status == 403
    assert create(relay, "dashboard").status == 200


# precedence

LAYERS = ["yaml", ".env", ".env.local", "env", "flag"]


@pytest.mark.covers("S27", "S28")
@pytest.mark.parametrize("top", range(len(LAYERS) + 1))
def test_the_highest_place_wins(start, top):
    files = {name: f"LT_MAX_SOCKETS={21 + LAYERS.index(name)}\n"
             for name in (".env", ".env.local") if LAYERS.index(name) < top}
    flags = ["--config", "a.yaml"]
    files["a.yaml"] = "max-sockets: 21\n" if top > 0 else "# nothing\n"
    if ".env" in files:
        files[".env"] += "LT_IP_VALIDATION_STRICT=true\n"
    env = {"LT_MAX_SOCKETS": "24"} if top > 3 else {}
    if top > 4:
        flags += ["--max-sockets", "25"]
    relay = start(*flags, env=env, files=files)
    assert max_conn(relay) == (20 + top if top else 10)
    strict = create(relay, "probe-app", source="127.0.0.2").status == 409
    assert strict == (".env" in files), "the option that only .env names"


@pytest.mark.covers("S27")
def test_production_reads_no_env_files():
    files = {".env": "LT_MAX_SOCKETS=3\n", ".env.local": "LT_MAX_SOCKETS=4\n"}
    assert check(files=files)["max-sockets"] == "4"
    assert check(files=files, env={"NODE_ENV": "production"})["max-sockets"] == "10"
    assert check(files=files, env={"NODE_ENV": "test"})["max-sockets"] == "4"


@pytest.mark.covers("S27")
@pytest.mark.parametrize("line", [
    "LT_MAX_SOCKETS=3", "export LT_MAX_SOCKETS=3", "LT_MAX_SOCKETS=\"3\"", "LT_MAX_SOCKETS='3'",
    "  LT_MAX_SOCKETS = 3  ", "LT_MAX_SOCKETS=3 # three", "LT_MAX_SOCKETS=3\r",
    "#LT_MAX_SOCKETS=4\nLT_MAX_SOCKETS=3", "OTHER=x\nLT_MAX_SOCKETS=3"])
def test_spellings_in_an_env_file(line):
    assert check(files={".env": line + "\n"})["max-sockets"] == "3"


@pytest.mark.covers("S27", "S28")
def test_an_empty_variable_does_not_hide_the_file():
    """An empty variable counts as unset, so the next place is asked."""
    assert check(files={".env": "LT_MAX_SOCKETS=3\n"}, env={"LT_MAX_SOCKETS": ""})[
        "max-sockets"] == "3"


@pytest.mark.parametrize("text,named", [
    ("max-sockets: [1, 2]\n", "max-sockets"), ("max-socket: 3\n", "max-sockets"),
    ("max-sockets: 3\nmax-sockets: 4\n", "2"), ("max-sockets: {a: b}\n", "max-sockets"),
    ("\tmax-sockets: 3\n", "1"), ("max-sockets: 'x\n", "a.yaml"), ("- 1\n- 2\n", "a.yaml"),
    ("hmac-secret: " + SECRET + "\n", "hmac-secret"), ("a: &a [*a]\n", "a.yaml")])
def test_a_bad_yaml_file_is_refused_with_its_place(text, named):
    line = refused("--config", "a.yaml", files={"a.yaml": text})
    assert "a.yaml" in line and named in line and SECRET not in line


def test_a_yaml_file_that_is_not_there_is_refused():
    assert "none.yaml" in refused("--config", "none.yaml")


def test_a_yaml_list_and_switch(start):
    relay = start("--config", "a.yaml", files={
        "a.yaml": "reserved-names:\n  - first-one\n  - second-one\nip-validation-strict: true\n"
                  "grace-period: 20s\n"})
    assert create(relay, "second-one").status == 403
    create(relay, "taken-app")
    assert create(relay, "taken-app", source="127.0.0.2").status == 409


# commands

@pytest.mark.covers("S29")
@pytest.mark.parametrize("flag", ["--help", "-h"])
def test_help_is_on_stdout_and_names_every_option(flag):
    code, out, err = run(flag)
    assert (code, err) == (0, "")
    for name in [*NUMBERS, *SWITCHES, "address", "domain", "landing", "admin-address", "config"]:
        # Options without an effect need no place in a page for people.
        assert re.search(rf"--{name}\b", out) or name.endswith("-interval"), name
    assert max(map(len, out.splitlines())) <= 100
    assert "\x1b" not in out


@pytest.mark.covers("S29")
def test_help_wins_over_mistakes_in_files():
    code, out, _ = run("--help", files={".env": "LT_PORT=x\n"})
    assert code == 0 and "--port" in out


def test_version():
    code, out, _ = run("--version")
    assert code == 0 and re.search(r"\d+\.\d+\.\d+", out)


@pytest.mark.covers("D29")
def test_the_configuration_reference_has_every_option():
    _, out, _ = run("--help")
    reference = (ROOT / "docs" / "configuration.md").read_text()
    flags = set(re.findall(r"^\s+(--[a-z][a-z0-9-]+)", out, re.M))
    assert len(flags) > 30
    missing = [flag for flag in sorted(flags) if flag not in reference]
    assert not missing
    for variable in ("LT_HMAC_SECRET", "FILE_LT_HMAC_SECRET", "LT_GRACE_PERIOD"):
        assert variable in reference


def test_check_config_says_where_each_value_comes_from():
    code, out, _ = run("check-config", "--port", "8123", env={"LT_MAX_SOCKETS": "7"},
                       files={".env": "LT_RETRY_AFTER=9\n"})
    assert code == 0
    for option, value, source in (("port", "8123", "--port"),
                                  ("max-sockets", "7", "LT_MAX_SOCKETS"),
                                  ("retry-after", "9", ".env"), ("address", "0.0.0.0", "default")):
        line = next(line for line in out.splitlines() if re.match(rf"\s*{option}\b", line))
        assert value in line and source in line, line


def test_check_config_refuses_what_a_start_refuses():
    for flags in (["--port", "70000"], ["--port-range-start", "5"], ["--nonsense"]):
        code, out, err = run("check-config", *flags)
        assert code == 1 and err and not out


@pytest.mark.parametrize("flags", [[], ["--json"]])
def test_check_config_shows_no_secret(flags):
    code, out, err = run("check-config", *flags, env={"LT_HMAC_SECRET": SECRET})
    assert code == 0 and SECRET not in out + err and "hmac-secret" in out


# the secret

SHORT = "HMAC secret must be at least 32 characters long"


@pytest.mark.covers("S21", "S31")
@pytest.mark.parametrize("secret", ["short", "x" * 31, "  " + "x" * 31 + "  "])
def test_a_short_secret_is_fatal(secret):
    line = refused(env={"LT_HMAC_SECRET": secret})
    assert line == f"FATAL: Failed to initialize HMAC authenticator: {SHORT}"


@pytest.mark.covers("S21")
def test_thirty_two_characters_are_enough(start):
    relay = start(env={"LT_HMAC_SECRET": " " + "x" * 32 + "\n"})
    assert create(relay, "some-app").status == 401


@pytest.mark.covers("S22", "S31")
def test_an_unreadable_secret_file_is_fatal():
    line = refused(env={"FILE_LT_HMAC_SECRET": "/nonexistent/secret"})
    assert line.startswith("FATAL: Failed to initialize HMAC authenticator: "
                           "Failed to read HMAC secret from file /nonexistent/secret: ")
    line = refused(env={"FILE_LT_HMAC_SECRET": "secret"}, files={"secret": "x" * 31 + "\n"})
    assert line.startswith("FATAL: Failed to initialize HMAC authenticator: ") and SHORT in line


@pytest.mark.covers("S21", "S64")
def test_an_empty_secret_counts_as_none(start):
    relay = start(env={"LT_HMAC_SECRET": "", "FILE_LT_HMAC_SECRET": ""})
    assert create(relay, "some-app").status == 200


@pytest.mark.covers("S25")
def test_a_cache_shorter_than_the_threshold_is_warned_about(start):
    relay = start(env={"LT_HMAC_SECRET": SECRET, "LT_HMAC_NONCE_CACHE_TTL": "10"})
    assert relay.find_logs(lambda entry: entry["level"] == "warn"
                           and "nonce" in str(entry).lower()), relay.text()


# the surroundings

@pytest.mark.covers("S30")
@pytest.mark.parametrize("value,debug", [("localtunnel*", True), ("express,localtunnel:server",
                                                                  True), ("express", False)])
def test_debug_selects_the_debug_level(start, value, debug):
    relay = start(env={"DEBUG": value})
    create(relay, "debug-app", token="bad token")
    http.fetch(relay.port, target="/last/one", host="no-such-name.lt.test")
    relay.wait_access(path="/last/one")
    assert bool(relay.find_logs({"level": "debug"})) == debug


@pytest.mark.covers("S32", "S27")
def test_the_environment_alone_configures_it(start, agent):
    """As a container runs it: no flag, a mounted secret, a health check."""
    relay = start(listen=False, domain=None, files={"secret": SECRET + "\n"}, env={
        "LT_PORT": "0", "LT_ADDRESS": "127.0.0.1", "LT_DOMAIN": "tunnel.example.com",
        "LT_SECURE": "true", "LT_HTTPS_PROXY_PORT": "443", "FILE_LT_HMAC_SECRET": "secret"})
    assert relay.args[1:] == []
    healthy = http.fetch(relay.port, target="/healthz", host="localhost", timeout=3)
    assert (healthy.status, healthy.body) == (200, b'{"status":"healthy"}')
    assert create(relay, "some-app", host="tunnel.example.com").status == 401


@pytest.mark.covers("S32")
def test_nothing_but_the_options_is_taken_from_the_environment(start):
    relay = start(env={"PORT": "1", "ADDRESS": "x", "HTTP_PROXY": "http://127.0.0.1:1"})
    assert create(relay, "some-app").status == 200
    assert "PORT" not in clean_env()


@pytest.mark.covers("S16", "S17", "S51")
def test_options_work_as_flags_too(start):
    relay = start("--ip-validation-strict", "--trust-proxy", "--grace-period", "20s")
    first = [("X-Forwarded-For", "198.51.100.1")]
    assert create(relay, "flag-app", headers=first).status == 200
    assert create(relay, "flag-app").status == 409


@pytest.mark.covers("S18", "D9")
def test_the_request_timeout_is_how_long_a_request_waits_for_a_socket(start, agent):
    relay = start(env={"LT_REQUEST_TIMEOUT": "300", "LT_RETRY_AFTER": "3"})
    mine = agent(relay, "wait-app")
    sock = mine.open_ready()
    with mine.visitor() as busy:
        busy.send(http.build_request(host=mine.host))
        sock.read_request()
        begin = time.monotonic()
        response = mine.visit()
        assert 0.2 < time.monotonic() - begin < 5, "neither at once nor after another limit"
        assert (response.status_line, response.get("Retry-After")) == (
            "503 Service Unavailable", "3")
        mine.serve(reply(b"fast"))
        wait_for(lambda: mine.visit().status == 200, "a second socket")
