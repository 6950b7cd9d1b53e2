"""The face of adit: commands, mistakes, completion, doctor, and what it prints."""
import contextlib
import json
import os
import re
import signal
import socket
import ssl
import subprocess

import pytest

from harness import http
from harness.between import Socketed, Stripped
from harness.cli import adit, run
from harness.relay import clean_env
from harness.service import listener_on_one
from harness.tls import Authority
from harness.wait import DEADLINE

DOWN = "http://127.0.0.1:1"  # nobody listens on port 1


@pytest.mark.parametrize("command", [
    "http", "tcp", "start", "doctor", "login", "logout", "status", "reserve", "release", "share",
    "completion", "help"])
def test_every_command_explains_itself(home, command):
    asked, told = run(home, command, "--help"), run(home, "help", command)
    assert (asked.returncode, told.returncode) == (0, 0)
    assert asked.stdout == told.stdout
    assert asked.stdout.startswith(f"adit {command}: ")
    assert command in run(home, "--help").stdout


@pytest.mark.parametrize("words, sentence", [
    ([], "a command is missing"),
    (["htp", "3000"], "did you mean adit http?"),
    (["3000"], "did you mean adit http 3000?"),
    (["http"], "adit http needs to know what"),
    (["http", "3000", "4000"], 'unexpected argument "4000"'),
    (["http", "3000"], "no relay is known"),
    (["http", "3000", "--relai", "x"], "did you mean --relay?"),
    (["http", "3000", "--remote-port", "1"], "it goes with adit tcp"),
    (["http", "3000", "--hmac-secret", "x"], "set ADIT_HMAC_SECRET or use --hmac-secret-file\n"),
    (["http", "3000", "--client-token", "x"], "set ADIT_CLIENT_TOKEN\n"),
    (["http", "99999", "--relay", DOWN], "99999"),
    (["http", "3000", "--relay", "ftp://x"], "ftp://x"),
    (["http", "3000", "--relay", "http://x:99999"], "has no valid host and port"),
    (["start", "--relay", DOWN], "there is no ./tunnels.yaml"),
    (["start", "--file", "missing.yaml", "--relay", DOWN], "missing.yaml: cannot be read"),
    (["doctor"], "no relay is known"),
    (["completion", "tcsh"], "bash, zsh and fish"),
    (["http", "3000", "--relay", DOWN, "--config", "no.yaml"], "no.yaml: cannot be read"),
])
def test_mistakes_are_told_in_one_line(home, words, sentence):
    result = run(home, *words)
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.startswith("adit: ") and sentence in result.stderr
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize("shell, check", [
    ("bash", ["bash", "-n"]), ("zsh", ["zsh", "-n"]), ("fish", ["fish", "-n"])])
def test_completion_is_a_program_of_the_shell(home, tmp_path, shell, check):
    script = run(home, "completion", shell).stdout
    assert "subdomain" in script and "hmac-secret-file" in script
    assert "client-token" not in script  # not on the command line
    (tmp_path / "script").write_text(script)
    assert subprocess.run([*check, tmp_path / "script"], timeout=30).returncode == 0


def complete(home, tmp_path, *words):
    (tmp_path / "script").write_text(run(home, "completion", "bash").stdout)
    line = " ".join(f"'{word}'" for word in words)
    program = (f"source {tmp_path}/script; COMP_WORDS=({line}); COMP_CWORD={len(words) - 1}; "
               "_adit; echo ${COMPREPLY[@]}")
    return subprocess.run(["bash", "-c", program], capture_output=True, text=True,
                          timeout=30).stdout.split()


def test_bash_completes(home, tmp_path):
    assert complete(home, tmp_path, "adit", "st") == ["start", "status"]
    assert complete(home, tmp_path, "adit", "http", "3000", "--sub") == ["--subdomain"]
    assert complete(home, tmp_path, "adit", "tcp", "3000", "--sub") == []
    assert complete(home, tmp_path, "adit", "http", "--transport", "w") == ["websocket"]
    assert complete(home, tmp_path, "adit", "completion", "z") == ["zsh"]
    assert complete(home, tmp_path, "adit", "status", "--js") == ["--json"]
    assert complete(home, tmp_path, "adit", "http", "--transport", "=") == ["auto", "websocket"]
    assert complete(home, tmp_path, "adit", "http", "--transport", "=", "w") == ["websocket"]
    assert complete(home, tmp_path, "adit", "http", "--transport=w") == ["--transport=websocket"]
    assert complete(home, tmp_path, "adit", "http", "--subdomain", "=", "w") == []
    assert complete(home, tmp_path, "adit", "http", f"--ca={tmp_path}/scr") == [
        f"--ca={tmp_path}/script"]


def test_fish_completes(home, tmp_path):
    script = tmp_path / "adit.fish"
    script.write_text(run(home, "completion", "fish").stdout)

    def offers(line):
        program = f"source {script}; complete --do-complete {line!r}"
        result = subprocess.run(["fish", "--no-config", "-c", program], capture_output=True,
                                text=True, timeout=30, env=clean_env({"HOME": home}))
        return [one.split("\t")[0] for one in result.stdout.splitlines()]
    assert offers("adit res") == ["reserve"]
    assert offers("adit http 3000 --sub") == ["--subdomain"]
    assert offers("adit tcp 3000 --sub") == []
    assert offers("adit http --transport w") == ["websocket"]
    assert offers("adit completion z") == ["zsh"]
    assert offers("adit help res") == ["reserve"]
    assert offers("adit status --js") == ["--json"]


def test_zsh_completes(home, tmp_path):
    """The functions that a completion calls tell what they were given."""
    (tmp_path / "script").write_text(run(home, "completion", "zsh").stdout)
    program = f"""
        compdef() {{ :; }}
        _describe() {{ print -l -- $commands; }}
        _arguments() {{ print -l -- "$@"; }}
        source {tmp_path}/script
        words=(adit) CURRENT=2; _adit
        words=(adit http 3000) CURRENT=4; _adit
        words=(adit share) CURRENT=3; _adit
    """
    out = subprocess.run(["zsh", "-f", "-c", program], capture_output=True, text=True, timeout=30)
    assert out.returncode == 0 and out.stderr == "", out.stderr
    lines = out.stdout.splitlines()
    assert "reserve:keep a name for your account" in lines
    assert any(line.startswith("--subdomain=[") for line in lines)
    assert any(line.startswith("--views=[") for line in lines)
    assert "--token[The key of your account, asked for on the terminal or read from standard " \
           "input; without it the one that adit login keeps for this relay.]" in lines


def checks(result):
    return {one["check"]: one for one in map(json.loads, result.stdout.splitlines())}


def test_doctor_finds_a_relay_that_is_down(home):
    result = run(home, "doctor", "--relay", DOWN, "--json")
    assert result.returncode == 4
    assert not checks(result)["tcp"]["ok"] and "refused" in checks(result)["tcp"]["detail"]
    assert "upgrade" not in checks(result)


@pytest.mark.parametrize("words, env, is_json", [
    (["--json=true"], {}, True), (["--json=no"], {"ADIT_JSON": "yes"}, False),
    ([], {"ADIT_JSON": "yes"}, True), (["--json"], {"ADIT_JSON": "no"}, True)])
def test_json_is_an_option_like_others(home, words, env, is_json):
    first = run(home, "doctor", "--relay", DOWN, *words, **env).stdout.splitlines()[0]
    assert first.startswith("{") == is_json


def test_doctor_finds_what_is_no_relay(home):
    with socket.create_server(("127.0.0.1", 0)) as server:
        process = subprocess.Popen(
            [adit(), "doctor", "--relay", f"http://127.0.0.1:{server.getsockname()[1]}"],
            env=clean_env({"HOME": home}), stdout=subprocess.PIPE, text=True)
        for _ in range(2):
            with server.accept()[0] as sock:
                sock.recv(65536)
                sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        out = process.communicate(timeout=30)[0]
    assert process.returncode == 4
    assert out.count("\u2717") == 2 and "\u2717 upgrade" in out and "\u2717 websocket" in out


@pytest.mark.parametrize("kind", [Socketed, Stripped])
def test_doctor_is_content_where_only_websocket_passes(home, relay, kind):
    proxy = kind(relay.port)
    try:
        result = run(home, "doctor", "--relay", f"http://127.0.0.1:{proxy.port}", "--json")
    finally:
        proxy.close()
    assert result.returncode == 0 and proxy.refused, result.stdout
    assert "WebSocket" in checks(result)["upgrade"]["detail"]
    assert checks(result)["websocket"]["ok"]


def test_doctor_is_content_with_a_relay_and_a_service(home, relay):
    with socket.create_server(("127.0.0.1", 0)) as service:
        port, url = service.getsockname()[1], f"http://127.0.0.1:{relay.port}"
        result = run(home, "doctor", port, "--relay", url, "--json")
        assert all(one["ok"] for one in checks(result).values()), result.stdout
        assert {"dns", "tcp", "upgrade", "websocket", "local service"} <= set(checks(result))
        assert result.returncode == 0
        result = run(home, "doctor", 1, "--relay", url, "--json")
        assert result.returncode == 4 and not checks(result)["local service"]["ok"]


@pytest.mark.parametrize("answer, detail", [
    (b"HTTP/1.1 404 Not Found\r\n\r\n", "GET /: HTTP/1.1 404 Not Found"),
    (b"SSH-2.0-\x1b[2J\r\n", "no HTTP, right for adit tcp only: SSH-2.0-\x1b[2J"),
    (b"x" * 4096, "no HTTP, right for adit tcp only: " + "x" * 478 + "\u2026"),
    (b"", "no answer to GET /; this is right for adit tcp, or it is a service of https"),
])
def test_doctor_asks_the_service_for_a_page(home, relay, answer, detail):
    with socket.create_server(("127.0.0.1", 0)) as service:
        port = service.getsockname()[1]
        process = subprocess.Popen(
            [adit(), "doctor", f"127.0.0.1:{port}", "--relay", f"http://127.0.0.1:{relay.port}",
             "--json"], env=clean_env({"HOME": home}), stdout=subprocess.PIPE, text=True)
        with service.accept()[0] as sock:
            head = sock.recv(65536)
            sock.sendall(answer)
        out = process.communicate(timeout=30)[0]
    assert head.startswith(f"GET / HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n".encode())
    told = {one["check"]: one for one in map(json.loads, out.splitlines())}
    assert told["local http"]["ok"] and told["local http"]["detail"] == detail
    assert process.returncode == 0


def doctor_of(home, relay, *words):
    result = run(home, "doctor", *words, "--relay", f"http://127.0.0.1:{relay.port}", "--json")
    return result.returncode, checks(result)


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_doctor_finds_a_service_where_the_tunnel_does(home, relay, address):
    with listener_on_one(address) as service:
        status, told = doctor_of(home, relay, service.getsockname()[1])
    assert status == 0 and told["local service"]["ok"], told


def test_doctor_shakes_hands_with_a_service_of_https(home, relay, services, tmp_path):
    authority = Authority(tmp_path)
    pair = authority.issue("local", "localhost")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pair.cert, pair.key)
    port = services(tls=context).port
    plain = services(raw=lambda wire: wire.send(b"HTTP/1.1 400 Bad Request\r\n\r\n")).port
    status, told = doctor_of(home, relay, f"https://localhost:{port}")
    assert status == 4 and not told["local tls"]["ok"]
    assert "--local-ca or --local-verify off" in told["local tls"]["detail"]
    status, told = doctor_of(
        home, relay, f"https://localhost:{port}", "--local-ca", authority.cert)
    assert status == 0 and told["local http"]["detail"] == "GET /: HTTP/1.1 200 OK"
    assert told["local tls"]["detail"].startswith("TLSv1.3, certificate until ")
    status, told = doctor_of(
        home, relay, f"https://localhost:{port}", "--local-verify", "off")
    assert status == 0 and told["local tls"]["ok"]
    status, told = doctor_of(home, relay, f"https://127.0.0.1:{port}", "--local-ca",
                             authority.cert, "--local-name", "localhost")
    assert status == 0 and told["local tls"]["ok"]
    status, told = doctor_of(home, relay, f"https://127.0.0.1:{port}", "--local-ca", authority.cert)
    assert status == 4 and "--local-name for another name" in told["local tls"]["detail"]
    status, told = doctor_of(home, relay, f"https://localhost:{plain}")
    assert status == 4 and "does not speak TLS; " in told["local tls"]["detail"]


def test_doctor_looks_at_the_clock(home, relay):
    url = f"http://127.0.0.1:{relay.port}"
    clock = checks(run(home, "doctor", "--relay", url, "--json"))["clock"]
    assert clock["ok"] and re.match(r"\d s (ahead of|behind) the relay's", clock["detail"])


def script_doctor(home, *answers, **env):
    """doctor against a relay that gives these answers, one for each connection."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        process = subprocess.Popen(
            [adit(), "doctor", "--json", "--relay", f"http://127.0.0.1:{server.getsockname()[1]}"],
            env=clean_env({"HOME": home, **env}), stdout=subprocess.PIPE, text=True)
        heads = []
        for answer in answers:
            with server.accept()[0] as sock:
                heads.append(sock.recv(65536).decode())
                sock.sendall(answer)
        out = process.communicate(timeout=30)[0]
    return process.returncode, {one["check"]: one for one in map(json.loads, out.splitlines())}, heads


DRAINING = b"HTTP/1.1 503 x\r\nX-Adit-Error: draining\r\nContent-Length: 0\r\n\r\n"
OLD = b"Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n"


def test_doctor_tells_a_clock_that_is_wrong(home):
    status, told, heads = script_doctor(home, DRAINING, DRAINING,
        b"HTTP/1.1 404 x\r\n" + OLD + b"Content-Length: 0\r\n\r\n")
    assert status == 4 and not told["clock"]["ok"]
    assert "ahead of the relay's" in told["clock"]["detail"]
    assert "timedatectl" in told["clock"]["detail"]
    assert "key" not in told and "Authorization" not in heads[2]


@pytest.mark.parametrize("answer, ok, detail", [
    (b'HTTP/1.1 200 x\r\n\r\n{"account":"ann","plan":"team x"}', True,
     "account ann, plan team x"),
    (b"HTTP/1.1 404 x\r\nContent-Length: 0\r\n\r\n", True, "no accounts"),
    (b'HTTP/1.1 401 x\r\nX-Adit-Error: key-revoked\r\nContent-Length: 49\r\n\r\n'
     b'{"error":{"code":"x","message":"It is revoked."}}', False,
     "It is revoked. adit login gets a new key")])
def test_doctor_asks_whose_key_it_is(home, answer, ok, detail):
    key = "adit_abcdefghij12_x"
    _, told, heads = script_doctor(home, DRAINING, DRAINING, answer, ADIT_TOKEN=key)
    assert told["key"]["ok"] is ok and detail in told["key"]["detail"]
    assert heads[2].startswith("GET /api/v1/me HTTP/1.1\r\n")
    assert all(f"Authorization: Bearer {key}\r\n" in head for head in heads)


def test_doctor_describes_the_certificate(home, start, tmp_path):
    authority = Authority(tmp_path, "The Test Authority")
    relay = start(*authority.issue("relay", "lt.test", "IP:127.0.0.1").flags)
    port = relay.wait_log({"msg": "listening", "role": "tls"})["port"]
    result = run(home, "doctor", "--relay", f"https://127.0.0.1:{port}",
                 "--ca", authority.cert, "--json")
    assert re.fullmatch(
        r"TLSv1\.3, certificate until 20\d\d-\d\d-\d\d from The Test Authority",
        checks(result)["tls"]["detail"]), result.stdout


@pytest.mark.parametrize("words", [["--help"], ["version"], ["completion", "bash"]])
def test_an_output_that_is_full_is_no_success(home, words):
    with open("/dev/full", "w") as full:
        done = subprocess.run([adit(), *words], stdout=full, stderr=subprocess.PIPE, text=True,
                              env=clean_env({"HOME": home}), timeout=30, check=False)
    assert (done.returncode, done.stderr) == (1, "adit: standard output takes nothing\n")


@pytest.mark.parametrize("inherited, goes_on", [(signal.SIG_DFL, False), (signal.SIG_IGN, True)])
def test_a_hang_up_stops_it_unless_it_was_told_to_go_on(
        home, relay, services, inherited, goes_on):
    process = subprocess.Popen(
        [adit(), "http", str(services().port), "--subdomain", "hung", "--quiet",
         "--relay", f"http://127.0.0.1:{relay.port}"], stdout=subprocess.PIPE, text=True,
        env=clean_env({"HOME": home}), preexec_fn=lambda: signal.signal(signal.SIGHUP, inherited))
    try:
        assert process.stdout.readline().startswith("Forwarding ")
        process.send_signal(signal.SIGHUP)
        if goes_on:
            assert http.fetch(relay.port, host="hung.lt.test").body == b"hello"
            process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    finally:
        process.kill()
        process.communicate()


@contextlib.contextmanager
def silent_name_server(home):
    """Its socket, and what a shell has to do in a mount namespace so that programs ask it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind((f"127.{os.getpid() >> 8 & 255}.{os.getpid() & 255}.53", 53))
        silent.settimeout(30)
        (home / "resolv").write_text(
            f"nameserver {silent.getsockname()[0]}\noptions timeout:30 attempts:5\n")
        yield silent, f'mount --bind {home}/resolv /etc/resolv.conf && exec "$@"'


@pytest.mark.skipif(os.geteuid() != 0, reason="mounts a resolv.conf of its own")
def test_a_name_server_that_is_silent_does_not_keep_it(home):
    with silent_name_server(home) as (silent, script):
        words = [adit(), "http", "3000", "--relay", "https://relay.example.com"]
        process = subprocess.Popen(["unshare", "-m", "sh", "-c", script, "sh", *words],
                                   env=clean_env({"HOME": home}))
        try:
            silent.recvfrom(512)
            process.send_signal(signal.SIGTERM)
            assert process.wait(DEADLINE) == 0
        finally:
            process.kill()
            process.wait()


@pytest.mark.skipif(os.geteuid() != 0, reason="mounts a resolv.conf of its own")
@pytest.mark.parametrize("words, code, sentence", [
    (["doctor", "--relay", "https://relay.example.com"], 4, "dns"),
    (["login", "relay.example.com"], 1, "the relay cannot be asked")])
def test_commands_give_up_before_the_resolver_does(home, words, code, sentence):
    """They have waited long enough by then, and say so; the resolver would take 150 s."""
    with silent_name_server(home) as (_, script):
        done = subprocess.run(
            ["unshare", "-m", "sh", "-c", script, "sh", adit(), *words], timeout=100, text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            env=clean_env({"HOME": home}), check=False)
    assert done.returncode == code and sentence in done.stdout, done


def test_plain_lines_and_an_end_on_purpose(launch, relay):
    agent = launch("http", "127.0.0.1:3000", "--relay", f"http://127.0.0.1:{relay.port}",
                  "--subdomain", "demo")
    line = agent.wait_line("Forwarding ")
    assert line == f"Forwarding http://demo.lt.test:{relay.port} -> http://127.0.0.1:3000"
    assert agent.lines()[0] == line
    assert agent.stop() == 0


@pytest.mark.covers("S94")
@pytest.mark.parametrize("words, target", [
    (["http", "3000"], "http://localhost:3000"),
    (["http", "[::1]:3000"], "http://[::1]:3000"),
    (["http", "https://localhost"], "https://localhost"),
    (["http", "unix:/run/app.sock"], "unix:/run/app.sock"),
])
def test_the_line_names_the_url_and_the_service(launch, relay, words, target):
    agent = launch(*words, "--relay", f"http://127.0.0.1:{relay.port}", "--subdomain", "demo")
    line = f"Forwarding http://demo.lt.test:{relay.port} -> {target}"
    assert agent.wait_line("Forwarding ") == line


@pytest.mark.covers("S94")
@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
@pytest.mark.parametrize("form", ["{}", "localhost:{}"])
def test_a_port_finds_a_service_of_either_family(launch, relay, address, form):
    with listener_on_one(address) as service:
        service.settimeout(30)
        agent = launch("http", form.format(service.getsockname()[1]), "--subdomain", "demo",
                       "--relay", f"http://127.0.0.1:{relay.port}")
        agent.wait_line("Forwarding ")
        with socket.create_connection(("127.0.0.1", relay.port), timeout=30) as visitor:
            visitor.sendall(f"GET / HTTP/1.1\r\nHost: demo.lt.test:{relay.port}\r\n"
                            "Connection: close\r\n\r\n".encode())
            with service.accept()[0] as conn:
                assert conn.recv(65536).startswith(b"GET / HTTP/1.1\r\n")
                conn.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")
                assert visitor.recv(65536).startswith(b"HTTP/1.1 204 ")


def test_the_relay_is_taken_from_the_strongest_place(home, relay):
    url = f"http://127.0.0.1:{relay.port}"
    (home / ".config/adit").mkdir(parents=True)
    (home / ".config/adit/config.yaml").write_text(f"relay: {DOWN}\n")
    assert run(home, "doctor").returncode == 4
    assert run(home, "doctor", ADIT_RELAY=url).returncode == 0
    assert run(home, "doctor", "--relay", DOWN, ADIT_RELAY=url).returncode == 4


def test_tunnels_follow_their_file(home, launch, relay):
    def write(tunnels):
        (home / "new").write_text(f"relay: http://127.0.0.1:{relay.port}\n"
                                  f"tunnels: {tunnels}\n")
        (home / "new").rename(home / "tunnels.yaml")
    write("{web: {http: 3000, subdomain: first}}")
    agent = launch("start", "--json")
    assert "first" in json.loads(agent.wait_line('"tunnel_up"'))["url"]
    write("{web: {http: 3000, subdomian: x}}")
    warning = json.loads(agent.wait_line("subdomian"))
    assert (warning["event"], warning["code"]) == ("warning", "tunnels-file")
    assert "tunnels.yaml:2: " in warning["message"]
    write("{web: {http: 3000, subdomain: first}, more: {http: 3001, subdomain: second}}")
    more = json.loads(agent.wait_line("second"))
    assert (more["event"], more["tunnel"]) == ("tunnel_up", "more")
    events = [json.loads(line)["event"] for line in agent.lines()]
    assert events.count("tunnel_up") == 2 and "tunnel_down" not in events
    assert events.count("notice") == 1  # the file is in order again
    write("{web: {http: 3000, subdomain: first}, more: {http: 3002, subdomain: second}}")
    moved = json.loads(agent.wait_line("tunnel_changed"))
    assert (moved["tunnel"], moved["url"]) == ("more", more["url"])
    assert moved["target"] == "http://localhost:3002"
    write("{web: {http: 3000, subdomain: first}}")
    down = json.loads(agent.wait_line("tunnel_down"))
    assert (down["tunnel"], down["code"]) == ("more", "removed")
    assert agent.stop(signal.SIGTERM) == 0
