"""TLS at the relay: its own certificate, from the handshake to the reload."""
import hashlib
import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import threading
import time

import pytest

from harness import http
from harness.agent import answer, reply
from harness.http import build_request
from harness.relay import free_ports, run
from harness.session import Session
from harness.tls import Authority, HandTls, TlsVisitor
from harness.traffic import MIB, a_name, assert_error
from harness.wait import DEADLINE, SLOW, wait_for


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("ca"))


@pytest.fixture(scope="module")
def pair(authority):
    return authority.issue("relay", "lt.test", "*.lt.test", "IP:127.0.0.1")


@pytest.fixture
def secure(start, pair):
    """A relay with the certificate, two workers and an admin port."""
    return start(*pair.flags, "--workers", "2", admin=True)


def tls_port(relay):
    return relay.wait_log({"msg": "listening", "role": "tls"})["port"]


@pytest.fixture
def visit(authority):
    """visit(relay, name) -> a visitor with TLS, closed at the end."""
    opened = []

    def begin(relay, name, context=None):
        visitor = TlsVisitor(tls_port(relay), context or authority.context(), name)
        opened.append(visitor)
        return visitor
    yield begin
    for visitor in opened:
        visitor.close()


def metric(relay, line):
    text = http.fetch(relay.admin_port, "GET", "/metrics", "127.0.0.1").text()
    return int(re.search(rf"^adit_{re.escape(line)} (\d+)$", text, re.M)[1])


def settled_metric(relay, line, value):
    wait_for(lambda: metric(relay, line) == value, f"{line} {value}")


def curl(relay, authority, name, *args):
    port = tls_port(relay)
    return subprocess.run(
        ["curl", "-sS", "--cacert", authority.cert, "--resolve", f"{name}:{port}:127.0.0.1",
         f"https://{name}:{port}/", *args], capture_output=True, timeout=DEADLINE, check=False)


# What is spoken

@pytest.mark.covers("D7")
@pytest.mark.parametrize("version", ["--tlsv1.2", "--tlsv1.3"])
def test_curl_reaches_a_tunnel(secure, agent, authority, version):
    tunnel = agent(secure, a_name())
    tunnel.serve(reply(b"hello over TLS"))
    flags = [version, "--tls-max", version[-3:]]
    done = curl(secure, authority, tunnel.host, *flags)
    assert done.stdout == b"hello over TLS", done.stderr
    assert tunnel.wait_requests().get("X-Forwarded-Proto") == "https"


@pytest.mark.covers("D7")
def test_the_plain_port_stays_plain(secure, agent):
    tunnel = agent(secure, a_name())
    tunnel.serve(reply(b"plain"))
    assert tunnel.visit().body == b"plain"
    assert tunnel.wait_requests().get("X-Forwarded-Proto") == "http"


@pytest.mark.covers("D7", "D16")
def test_urls_are_https_with_the_tls_port(start, agent, pair, secure):
    port = tls_port(secure)
    assert agent(secure, "a-url").url == f"https://a-url.lt.test:{port}"
    behind = start(*pair.flags, "--https-proxy-port", "443")
    assert agent(behind, "a-url").url == "https://a-url.lt.test"


def test_tls_may_have_an_address_of_its_own(start, pair, authority):
    port = free_ports()  # no other test listens there at 127.0.0.1, as it may at one chosen for 0
    relay = start(*pair.flags[:-1], port, "--tls-address", "127.0.0.2")
    assert tls_port(relay) == port
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), DEADLINE)
    with socket.create_connection(("127.0.0.2", port), DEADLINE) as sock, \
            authority.context().wrap_socket(sock, server_hostname="lt.test") as wrapped:
        assert wrapped.version() == "TLSv1.3"
        assert wrapped.cipher()[0] == "TLS_AES_128_GCM_SHA256" or b"aes" not in \
            open("/proc/cpuinfo", "rb").read()


@pytest.mark.covers("D7")
def test_an_agent_hears_that_its_visitor_came_with_tls(start, pair, visit):
    relay = start(*pair.flags, "--workers", "2")
    port = tls_port(relay)
    with Session(relay) as peer:
        assert peer.register(subdomain="demo")["url"] == f"https://demo.lt.test:{port}"
        for _ in range(4):
            visitor = visit(relay, "demo.lt.test")
            visitor.send(build_request(host="demo.lt.test"))
            stream = peer.accept()
            assert stream.read_request().get("X-Forwarded-Proto") == "https"
            assert stream.line["scheme"] == "https"
            assert (stream.line["public"], stream.line["public_port"]) == ("127.0.0.1", str(port))
            stream.answer(b"over a session")
            assert visitor.read_response().body == b"over a session"


@pytest.mark.covers("D20")
def test_a_host_that_is_not_ours_is_misdirected(secure, visit):
    visitor = visit(secure, "lt.test")
    assert_error(visitor.ask(host="elsewhere.test"), 421, "misdirected")
    assert visitor.ask(host="lt.test").status == 302
    assert_error(http.fetch(secure.port, host="elsewhere.test"), 404, "host-unknown")


def test_http_1_1_is_agreed_on(secure, visit, authority):
    assert visit(secure, "lt.test").sock.selected_alpn_protocol() == "http/1.1"
    context = authority.context()
    context.set_alpn_protocols(["h2"])
    with pytest.raises(ssl.SSLError, match="(?i)no.application.protocol"):
        visit(secure, "lt.test", context)


def test_old_versions_are_refused(secure, authority, visit):
    context = authority.context()
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = ssl.TLSVersion.TLSv1
    context.maximum_version = ssl.TLSVersion.TLSv1_1
    with pytest.raises(ssl.SSLError):
        visit(secure, "lt.test", context)
    settled_metric(secure, 'tls_handshakes_total{result="failed"}', 1)


@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
def test_tickets_open_on_every_worker_and_after_a_reload(secure, authority, tmp_path, version):
    def connect(*more):
        done = subprocess.run(
            ["openssl", "s_client", "-connect", f"127.0.0.1:{tls_port(secure)}", "-servername",
             "lt.test", "-CAfile", str(authority.cert), version, "-ign_eof", *more],
            input=b"GET /healthz HTTP/1.1\r\nHost: lt.test\r\nConnection: close\r\n\r\n",
            capture_output=True, timeout=DEADLINE, check=False)
        assert b"HTTP/1.1 " in done.stdout, done.stderr
        return b"Reused, TLS" in done.stdout
    session = str(tmp_path / "session")
    assert not connect("-sess_out", session)
    assert all(connect("-sess_in", session) for _ in range(8))
    secure.signal(signal.SIGHUP)
    secure.wait_log("configuration reloaded")
    assert all(connect("-sess_in", session) for _ in range(8))
    settled_metric(secure, "tls_resumed_total", 16)


# Bytes

@pytest.mark.tsan
def test_large_bodies_pass_whole_both_ways(secure, agent, visit):
    size = 24 * MIB
    body = os.urandom(MIB) * 24

    def handler(sock, request):
        return answer(hashlib.sha256(request.body).hexdigest().encode() + request.body)
    tunnel = agent(secure, a_name())
    tunnel.serve(handler)
    response = visit(secure, tunnel.host).ask("POST", "/", tunnel.host, body=body)
    assert response.body[:64].decode() == hashlib.sha256(body).hexdigest()
    assert len(response.body) == 64 + size and response.body[64:] == body


def test_a_slow_reader_stops_the_service(secure, agent, visit):
    tunnel = agent(secure, a_name())
    sent = []

    def handler(sock, request):
        sock.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (256 * MIB))
        for _ in range(256):
            sock.send(bytes(MIB))
            sent.append(MIB)
        return None
    tunnel.serve(handler)
    before = secure.rss_kib()
    visitor = visit(secure, tunnel.host)
    visitor.send(build_request(host=tunnel.host))
    visitor.read_head()

    def stands():
        count = len(sent)
        time.sleep(0.2)
        return len(sent) == count
    wait_for(stands, "the service to stop")
    assert len(sent) < 100
    assert secure.rss_kib() - before < 40 * 1024
    assert len(visitor.read_exactly(256 * MIB, 6 * DEADLINE)) == 256 * MIB


def test_websockets_and_other_upgrades_pass(secure, agent, visit):
    tunnel = agent(secure, a_name())

    def handler(sock, request):
        sock.send(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo\r\n"
                  b"Connection: Upgrade\r\n\r\n")
        while True:
            data = sock.read_some()
            if not data:
                break
            sock.send(data)
        sock.close()
    tunnel.serve(handler)
    visitor = visit(secure, tunnel.host)
    visitor.send(build_request(host=tunnel.host, headers=[
        ("Connection", "Upgrade"), ("Upgrade", "echo")]))
    assert visitor.read_head().status == 101
    data = os.urandom(3 * MIB)
    assert visitor.exchange(data, len(data)) == data


def test_a_half_closed_visitor_still_gets_its_answer(secure, agent, authority):
    tunnel = agent(secure, a_name())
    sock = tunnel.open_ready()
    visitor = HandTls(tls_port(secure), authority.context(), tunnel.host)
    visitor.send(build_request(host=tunnel.host))
    visitor.half_close()
    sock.read_request()
    sock.send(answer(b"x" * MIB))
    assert visitor.read_to_end().endswith(b"x" * MIB)
    visitor.close()


@pytest.mark.tsan
def test_connections_move_between_workers(secure, agent, authority):
    """Names at home on both workers, asked for in turn on the same connections, with pipelining."""
    tunnels = [agent(secure, a_name()) for _ in range(6)]
    for tunnel in tunnels:
        tunnel.serve(lambda sock, request: answer(
            request.get("Host").encode() + b" " + request.body), sockets=4)
    failures = []

    def visitor(number):
        try:
            with TlsVisitor(tls_port(secure), authority.context(), tunnels[0].host) as v:
                for step in range(12):
                    several = [tunnels[(number + step + i) % 6] for i in range(3)]
                    body = os.urandom(8).hex().encode() * (1 + step * 300)
                    v.send(b"".join(build_request("POST", "/", t.host, body=body)
                                    for t in several))
                    for tunnel in several:
                        expected = tunnel.host.encode() + b" " + body
                        assert v.read_response().body == expected
        except Exception as failure:
            failures.append(failure)
    threads = [threading.Thread(target=visitor, args=(n,)) for n in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(6 * DEADLINE)
    assert not failures
    assert metric(secure, "connections_moved_total") > 0
    settled_metric(secure, "tls_connections_open", 0)
    assert metric(secure, 'tls_handshakes_total{result="done"}') == 12


# What is not in order

def test_a_slow_handshake_is_cut(start, pair):
    relay = start(*pair.flags, "--head-timeout", "300", admin=True)
    with socket.create_connection(("127.0.0.1", tls_port(relay)), DEADLINE) as sock:
        sock.sendall(b"\x16\x03\x01\x02\x00\x01")
        begin = time.monotonic()
        assert sock.recv(100) == b""
        assert 0.2 < time.monotonic() - begin < 5 * SLOW
    settled_metric(relay, 'tls_handshakes_total{result="failed"}', 1)


@pytest.mark.parametrize("data", [
    b"GET / HTTP/1.1\r\nHost: lt.test\r\n\r\n", os.urandom(1000), b"\x16\x03\x01\xff\xff" * 100,
    b"\x15\x03\x03\x00\x02\x02\x28"], ids=["http", "random", "long-record", "alert"])
def test_what_is_no_tls_is_closed(secure, data):
    with http.Visitor(tls_port(secure)) as visitor:
        visitor.send(data)
        try:
            assert len(visitor.read_to_end()) < 100
        except ConnectionError:
            pass
    settled_metric(secure, 'tls_handshakes_total{result="failed"}', 1)
    settled_metric(secure, "tls_connections_open", 0)


def test_idle_handshakes_do_not_keep_others_out(start, pair, authority, agent):
    relay = start(*pair.flags, "--workers", "1", "--head-timeout", "60000", admin=True)
    tunnel = agent(relay, a_name())
    tunnel.serve(reply(b"still here"))
    silent = [socket.create_connection(("127.0.0.1", tls_port(relay)), DEADLINE)
              for _ in range(1040)]
    try:
        with TlsVisitor(tls_port(relay), authority.context(), tunnel.host) as visitor:
            assert visitor.ask(host=tunnel.host).body == b"still here"
        assert silent[0].recv(1) == b""
        assert metric(relay, "connections_shed_total") >= 16
    finally:
        for sock in silent:
            sock.close()


# The certificate

def replace(pair, other):
    """As certificate programs do it: a new file in the place of the old one."""
    for mine, theirs in ((pair.cert, other.cert), (pair.key, other.key)):
        fresh = mine.with_suffix(".new")
        shutil.copy(theirs, fresh)
        fresh.rename(mine)


@pytest.fixture
def own_pair(authority):
    return authority.issue(a_name("own"), "lt.test", "*.lt.test")


@pytest.mark.covers("fault-24")
@pytest.mark.tsan
def test_a_reload_shows_the_new_certificate_and_fails_nobody(
        start, agent, authority, own_pair, visit):
    relay = start(*own_pair.flags, "--workers", "2")
    tunnel = agent(relay, a_name())
    tunnel.serve(reply(b"ok"), sockets=8)
    old = visit(relay, tunnel.host)
    assert old.ask(host=tunnel.host).body == b"ok"
    failures, served, stop = [], [], threading.Event()

    def load():
        while not stop.is_set():
            try:
                with TlsVisitor(tls_port(relay), authority.context(), tunnel.host) as visitor:
                    for _ in range(2):
                        assert visitor.ask(host=tunnel.host).body == b"ok"
                served.append(1)
            except Exception as failure:
                failures.append(failure)
    threads = [threading.Thread(target=load) for _ in range(4)]
    for thread in threads:
        thread.start()
    for count in range(1, 6):
        fresh = authority.issue(a_name("new"), "lt.test", "*.lt.test")
        replace(own_pair, fresh)
        relay.signal(signal.SIGHUP)
        relay.wait_log("configuration reloaded", count=count)
    wait_for(lambda: len(served) > 20, "visitors to be served")
    stop.set()
    for thread in threads:
        thread.join(DEADLINE)
    assert not failures
    assert visit(relay, tunnel.host).serial() == fresh.serial()
    assert old.ask(host=tunnel.host).body == b"ok"


@pytest.mark.covers("fault-24")
@pytest.mark.parametrize("damage", ["mismatch", "half", "gone", "expired"])
def test_a_bad_pair_is_refused_and_the_old_one_stays(start, authority, own_pair, visit, damage):
    relay = start(*own_pair.flags)
    serial = own_pair.serial()
    words = {"mismatch": "does not belong", "half": "cut off", "gone": "cannot be read",
             "expired": "has expired"}[damage]
    if damage == "mismatch":
        shutil.copy(authority.issue(a_name("new"), "lt.test").key, own_pair.key)
    elif damage == "half":
        text = own_pair.cert.read_bytes()
        own_pair.cert.write_bytes(text[:len(text) // 2])
    elif damage == "gone":
        own_pair.key.unlink()
    else:
        replace(own_pair, authority.issue(a_name("new"), "lt.test", days=-1))
    relay.signal(signal.SIGHUP)
    line = relay.wait_log("configuration not reloaded, the old one stays")
    assert words in line["detail"]
    assert visit(relay, "lt.test").serial() == serial


def test_a_certificate_comes_and_goes_with_a_restart_only(start, own_pair):
    relay = start("--config", "a.yaml", files={"a.yaml": "domain: lt.test\n"})
    (relay.dir / "a.yaml").write_text(
        f"domain: lt.test\ntls-cert: {own_pair.cert}\ntls-key: {own_pair.key}\n")
    relay.signal(signal.SIGHUP)
    line = relay.wait_log("configuration not reloaded, the old one stays")
    assert "--tls-cert comes and goes with a restart only" in line["detail"]


def test_an_end_that_is_near_is_said(start, authority):
    soon = authority.issue(a_name("soon"), "lt.test", days=10)
    relay = start(*soon.flags)
    line = relay.wait_log("the certificate expires soon, visitors will be refused then")
    assert line["level"] == "warn" and line["days"] in (9, 10)
    relay.signal(signal.SIGHUP)
    relay.wait_log("the certificate expires soon, visitors will be refused then", count=2)


@pytest.mark.parametrize("command", [[], ["check-config"]])
def test_a_pair_that_cannot_be_used_ends_the_start(authority, own_pair, command):
    other = authority.issue(a_name("other"), "lt.test")
    cases = [
        (["--tls-cert", own_pair.cert], "--tls-cert and --tls-key go together"),
        (["--tls-port", "8443"], "--tls-port needs a certificate: --tls-cert and --tls-key"),
        (["--tls-cert", own_pair.cert, "--tls-key", own_pair.key, "--port", "8081",
          "--tls-port", "8081"],
         "--tls-port: 8081 is the public port as well"),
        (["--tls-cert", "/nowhere.pem", "--tls-key", own_pair.key],
         "/nowhere.pem: cannot be read: No such file or directory"),
        (["--tls-cert", own_pair.cert, "--tls-key", other.key], "does not belong"),
    ]
    for flags, words in cases:
        code, _, err = run(*command, *flags)
        assert code == 1
        assert words in err and len(err.strip().splitlines()) == 1, err
