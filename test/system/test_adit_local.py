"""The local side of adit: what it dials, what it says to services, and what visitors hear of those
that are down, hang, break off or speak something else."""
import os
import re
import socket
import ssl
import subprocess
import threading
import time

import pytest

from harness import http
from harness.cli import run
from harness.relay import free_ports
from harness.service import PATIENCE, answer, say_hello
from harness.tls import Authority
from harness.traffic import Later, a_name, chunk
from harness.wait import DEADLINE, SLOW, wait_for

pytestmark = pytest.mark.timeout(60 * SLOW)


@pytest.fixture
def open_tunnel(relay, adits):
    """open_tunnel(target, *flags, of=relay) -> (agent, visit), visit(method, target, ...)."""
    def begin(target, *flags, of=None):
        place = of or relay
        agent = adits(place, "http", target, "--subdomain", a_name("l"), *flags)
        host = agent.wait_event("tunnel_up")["url"].partition("//")[2].partition(":")[0]

        def visit(method="GET", path="/", **how):
            return http.fetch(place.port, method, path, host, **how)
        visit.host = host
        return agent, visit
    return begin


def assert_page(relay, agent, response, code, status=502):
    """The error, with one request id in the answer, in adit's output and in the relay's log."""
    assert (response.status, response.get("X-Adit-Error")) == (status, code), response
    number = response.get("X-Request-Id")
    assert number and number in response.text()
    line = relay.wait_access(id=number)
    assert (line["status"], line["error"]) == (status, code), line
    event = agent.wait_event("request", request_id=number)
    assert event["code"] == code and "status" not in event, event
    return event, line


# ---------------------------------------------------------------- where services listen

def test_a_unix_socket(services, open_tunnel, tmp_path):
    service = services(path=tmp_path / "web.sock")
    _, visit = open_tunnel(service.target)
    assert visit().body == b"hello"
    assert service.accepts == 1


@pytest.mark.parametrize("form", ["{}", "localhost:{}", "127.0.0.1:{}", "http://127.0.0.1:{}"])
def test_forms_of_a_target(services, open_tunnel, form):
    service = services()
    assert open_tunnel(form.format(service.port))[1]().body == b"hello"


@pytest.fixture
def https(services, tmp_path):
    """https(*names) -> a service with a certificate, and the file with its authority."""
    def begin(*names):
        authority = Authority(tmp_path)
        pair = authority.issue("local", *names)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pair.cert, pair.key)
        return services(tls=context), authority.cert
    return begin


def test_https_with_its_authority(https, open_tunnel):
    service, ca = https("localhost")
    _, visit = open_tunnel(f"https://localhost:{service.port}", "--local-ca", ca)
    for _ in range(5):
        assert visit(headers=[("Connection", "close")]).body == b"hello"
    assert service.accepts == 1


@pytest.mark.parametrize("names", [["localhost"], ["elsewhere.test"]])
def test_https_is_verified(relay, https, open_tunnel, names):
    """An authority that is not known, or another name with one that is."""
    service, ca = https(*names)
    flags = ["--local-ca", ca] if names[0] != "localhost" else []
    agent, visit = open_tunnel(f"https://localhost:{service.port}", *flags)
    event, _ = assert_page(relay, agent, visit(), "local-tls")
    assert "certificate" in event["message"] or "hostname" in event["message"].lower(), event
    assert not service.requests


def test_an_authority_that_is_none_is_a_mistake_of_ours(relay, tmp_path):
    done = run(tmp_path, "http", "https://localhost:1", "--local-ca", "none.pem",
               "--relay", f"http://127.0.0.1:{relay.port}")
    assert done.returncode == 2 and "none.pem: cannot be read" in done.stdout


def test_https_without_verifying(https, open_tunnel):
    service, _ = https("elsewhere.test")
    _, visit = open_tunnel(f"https://localhost:{service.port}", "--local-verify=off")
    assert visit("POST", body=b"x").body == b"hello"


def test_https_by_another_name_than_its_address(relay, services, tmp_path, adits, open_tunnel):
    """A server of several names shows the certificate of the one that it is asked for."""
    authority = Authority(tmp_path)
    asked = []

    def on_name(sock, name, _context):
        asked.append(name)
        if name == "dev.local":
            sock.context = contexts["dev"]
    contexts = {}
    for stem, name in (("dev", "dev.local"), ("other", "other.test")):
        pair = authority.issue(stem, name)
        contexts[stem] = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        contexts[stem].load_cert_chain(pair.cert, pair.key)
    contexts["other"].sni_callback = on_name
    target = f"https://{services(tls=contexts['other']).target}"
    flags = ["--local-ca", authority.cert]
    _, visit = open_tunnel(target, *flags, "--local-name", "Dev.Local.")
    assert visit().body == b"hello"
    for name in (["--local-name", "elsewhere.test"], []):
        agent, visit = open_tunnel(target, *flags, *name)
        event, _ = assert_page(relay, agent, visit(), "local-tls")
        assert "certificate is not for" in event["message"]
    assert asked == ["dev.local", "elsewhere.test", None]
    (tmp_path / "tunnels.yaml").write_text(
        f"tunnels:\n  web: {{http: '{target}', local-ca: {authority.cert}, local-name: dev.local}}\n")
    agent = adits(relay, "start", "--file", tmp_path / "tunnels.yaml")
    host = agent.wait_event("tunnel_up")["url"].partition("//")[2].partition(":")[0]
    assert http.fetch(relay.port, host=host).body == b"hello"


@pytest.mark.parametrize("name", ["dev.local:8443", "a b", "https://dev.local", "a..b"])
def test_a_name_that_no_certificate_is_for(relay, tmp_path, name):
    done = run(tmp_path, "http", "https://localhost:1", "--local-name", name,
               "--relay", f"http://127.0.0.1:{relay.port}")
    assert done.returncode == 2 and "is no name that a certificate is for" in done.stderr


def test_https_asked_in_plain_and_the_other_way(relay, https, services, open_tunnel):
    agent, visit = open_tunnel(https("localhost")[0].target)
    response = visit()
    assert response.status == 502
    agent, visit = open_tunnel(f"https://{services().target}", "--local-verify=off")
    assert_page(relay, agent, visit(), "local-tls")


def test_visitors_are_not_bound_by_what_a_shell_allows_at_first(relay, services, adits):
    """1024 open files on most machines; what the system allows beyond that is taken."""
    everybody = threading.Barrier(100)

    def wait_for_the_others(wire, _request):
        everybody.wait(PATIENCE)
        answer(wire, b"hello")
    agent = adits(relay, "http", services(wait_for_the_others).port,
                  prefix=["prlimit", "--nofile=64:4096"])
    host = agent.wait_event("tunnel_up")["url"].partition("//")[2].partition(":")[0]
    asked = [Later(http.fetch, relay.port, "GET", "/", host, timeout=PATIENCE)
             for _ in range(100)]
    assert {later.result().body for later in asked} == {b"hello"}


def test_an_agent_without_descriptors_says_so_and_does_not_blame_the_service(
        relay, services, adits):
    """Beyond the hard limit; those who are served go on, and others are when there is room again."""
    hold = threading.Event()

    def wait(wire, _request):
        assert hold.wait(PATIENCE)
        answer(wire, b"hello")
    agent = adits(relay, "http", services(wait).port, prefix=["prlimit", "--nofile=40:40"])
    host = agent.wait_event("tunnel_up")["url"].partition("//")[2].partition(":")[0]
    asked = [Later(http.fetch, relay.port, "GET", "/", host, timeout=PATIENCE)
             for _ in range(60)]
    warning = agent.wait_event("warning", code="out-of-descriptors")
    assert "ulimit -n" in warning["message"]
    refused = agent.wait_event("request", code="local-overloaded")
    assert "descriptor" in refused["message"]
    hold.set()
    answers = [later.result() for later in asked]
    told = [response for response in answers if response.status != 200]
    assert told and len(told) < len(answers)
    for response in told:
        assert (response.status, response.get("X-Adit-Error")) == (503, "local-overloaded")
        assert "descriptor" in response.text() and "address" not in response.text()
    assert http.fetch(relay.port, "GET", "/", host, timeout=PATIENCE).body == b"hello"


# ---------------------------------------------------------------- what services are told

@pytest.mark.parametrize("given", ["rewrite", "my.app.test", None])
def test_a_redirect_to_the_services_own_address_leads_to_the_tunnel(services, open_tunnel, given):
    """What was told another Host would send visitors to their own machine."""
    def redirect(wire, request):
        if request.target == "/elsewhere":
            own = "accounts.test"
        else:
            own = request.get("Host")
        wire.send(f"HTTP/1.1 302 Found\r\nX-A: http://{own}\r\n"
                  f"Location: http://{own}/next?at=http://{own}\r\n"
                  "Content-Length: 5\r\n\r\nmoved".encode())
    service = services(redirect)
    _, visit = open_tunnel(service.target, *(["--host-header", given] if given else []))
    own = {"rewrite": service.target, None: visit.host}.get(given, given)
    for _ in range(3):
        response = visit("GET", "/login")
        assert (response.status, response.body) == (302, b"moved")
        assert response.get("Location") == f"http://{visit.host}/next?at=http://{own}"
        assert response.get("X-A") == f"http://{own}"
        response = visit("GET", "/elsewhere")
        assert response.get("Location") == "http://accounts.test/next?at=http://accounts.test"
    assert service.accepts == 1


@pytest.mark.parametrize("flags, known", [(["--host-header", "rewrite"], b"yes"), ([], b"no")],
                         ids=["rewrite", "as-it-is"])
def test_a_login_lasts_though_its_cookie_is_for_the_services_own_name(
        relay, services, open_tunnel, tmp_path, flags, known):
    """curl, as any browser, takes no cookie for a host that it has not asked."""
    def app(wire, request):
        own = request.get("Host").partition(":")[0]
        if request.target == "/login":
            domain = own if flags else "127.0.0.1"
            return answer(wire, b"", "302 Found", [
                ("Set-Cookie", f"session=s1; Domain={domain}; Path=/"), ("Location", "/home"),
                ("Set-Cookie", f"theme=dark; path=/; domain=.{domain}; HttpOnly")])
        cookies = {part.strip() for part in (request.get("Cookie") or "").split(";")}
        return answer(wire, b"yes" if cookies == {"session=s1", "theme=dark"} else b"no")
    _, visit = open_tunnel(services(app).target, *flags)
    jar = tmp_path / "jar"
    done = subprocess.run(
        ["curl", "-sS", "-L", "-b", jar, "-c", jar, "--resolve",
         f"{visit.host}:{relay.port}:127.0.0.1", f"http://{visit.host}:{relay.port}/login"],
        stdout=subprocess.PIPE, timeout=PATIENCE, check=True)
    assert done.stdout == known
    assert jar.read_text().count(visit.host) == (2 if flags else 0)


def test_a_dev_server_that_refuses_the_tunnels_name_is_noticed_once(services, open_tunnel):
    def vite(wire, request):
        if request.get("Host").startswith("127.0.0.1"):
            return answer(wire, b"hello")
        body = b"Blocked request. This host is not allowed."
        wire.send(b"HTTP/1.1 403 Forbidden\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
    service = services(vite)
    agent, visit = open_tunnel(service.target)
    for _ in range(3):
        assert visit().status == 403
    agent.wait_event("request", count=3)
    assert "--host-header rewrite" in agent.wait_event("warning", code="host-refused")["message"]
    assert len(agent.find("warning")) == 1
    agent, visit = open_tunnel(service.target, "--host-header", "rewrite")
    assert visit().body == b"hello" and not agent.find("warning")


def test_a_dev_server_that_refuses_the_tunnels_origin_is_noticed(services, open_tunnel, relay):
    def next_js(wire, request):
        if request.get("Origin").startswith("http://127.0.0.1"):
            wire.send(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                      b"Connection: Upgrade\r\n\r\n")
        else:
            wire.send(b"Unauthorized")
        return False
    service = services(next_js)
    rewrite = ("--host-header", "rewrite")
    for flags, status, warnings in (((), 502, ["host-refused"]), (rewrite, 101, [])):
        agent, visit = open_tunnel(service.target, *flags)
        with http.Visitor(relay.port) as visitor:
            visitor.send(http.build_request("GET", "/_next/hmr", visit.host, [
                ("Connection", "Upgrade"), ("Upgrade", "websocket"),
                ("Origin", f"http://{visit.host}")]))
            assert visitor.read_head().status == status
        agent.wait_event("request")
        assert [event["code"] for event in agent.find("warning")] == warnings


@pytest.mark.parametrize("given, seen", [
    ("rewrite", "127.0.0.1:{port}"), ("my.app.test", "my.app.test")])
def test_the_host_is_replaced_on_every_request(services, open_tunnel, relay, given, seen):
    service = services()
    _, visit = open_tunnel(service.target, "--host-header", given)
    want = seen.format(port=service.port)
    with http.Visitor(relay.port) as visitor:
        for turn in range(5):
            headers = [("Origin", f"http://{visit.host}"), ("Referer", f"http://{visit.host}/a")]
            body = b"x" * turn if turn in (2, 4) else None  # two GET show that it is kept
            assert visitor.ask("POST" if body else "GET", "/", visit.host, headers,
                               body).body == b"hello"
    assert service.accepts == 1
    assert {request.get("Host") for request in service.requests} == {want}
    if given == "rewrite":
        assert {request.get("Origin") for request in service.requests} == {f"http://{want}"}
        assert {request.get("Referer") for request in service.requests} == {f"http://{want}/a"}
        assert {request.get("X-Forwarded-Host") for request in service.requests} == {want}
        visit()
        assert service.requests[-1].get("X-Forwarded-Host") == visit.host


# ---------------------------------------------------------------- services in trouble

@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_service_that_is_down(relay, open_tunnel, services, method):
    port = free_ports()
    agent, visit = open_tunnel(port)
    body = b"x" if method == "POST" else None
    event, line = assert_page(relay, agent, visit(method, body=body), "local-refused")
    assert f"127.0.0.1:{port}" in event["message"] or str(port) in event["message"]
    assert line["ended"] == "agent"
    html = visit(headers=[("Accept", "text/html")])
    assert_page(relay, agent, html, "local-refused")
    assert "text/html" in html.get("Content-Type")
    services(port=port)  # it is started, and found at once
    assert visit().body == b"hello"


def test_a_unix_socket_that_is_not_there(relay, open_tunnel, tmp_path):
    agent, visit = open_tunnel(f"unix:{tmp_path}/nothing")
    response = visit()
    assert_page(relay, agent, response, response.get("X-Adit-Error"))
    assert response.get("X-Adit-Error") in ("local-refused", "local-unreachable")


@pytest.mark.parametrize("sent", [b"", b"HTTP/1.1 200 OK\r\nContent-Le"])
@pytest.mark.parametrize("how", ["close", "reset"])
def test_a_service_that_breaks_off_before_its_answer(relay, services, open_tunnel, sent, how):
    def leave(wire, request):
        wire.send(sent)
        getattr(wire, how)()
        return False
    service = services(leave)
    agent, visit = open_tunnel(service.target)
    assert_page(relay, agent, visit(), "local-reset")
    assert_page(relay, agent, visit("POST", body=b"once"), "local-reset")
    assert [request.method for request in service.requests] == ["GET", "POST"]


@pytest.mark.parametrize("how", ["close", "reset"])
@pytest.mark.parametrize("chunked", [False, True])
def test_a_service_that_breaks_off_in_its_answer(services, open_tunnel, how, chunked):
    def leave(wire, request):
        head = b"Transfer-Encoding: chunked" if chunked else b"Content-Length: 1000"
        body = chunk(b"some of it") if chunked else b"some of it"
        wire.send(b"HTTP/1.1 200 OK\r\n" + head + b"\r\n\r\n" + body)
        getattr(wire, how)()
        return False
    agent, visit = open_tunnel(services(leave).target)
    for count in range(1, 20):
        with pytest.raises((http.Truncated, ConnectionError, AssertionError)):
            response = visit()
            assert response.status == 502, response
            raise http.Truncated("the head was not passed on")
        assert agent.wait_event("request", count)["code"] == "local-reset"


def test_a_service_that_hangs(start, services, open_tunnel):
    relay = start("--response-timeout", "500")
    gone = threading.Event()

    def hang(wire, request):
        wire.read_some(PATIENCE)
        gone.set()
        return False
    agent, visit = open_tunnel(services(hang).target, of=relay)
    began = time.monotonic()
    response = visit()
    assert (response.status, response.get("X-Adit-Error")) == (503, "response-timeout")
    assert 0.4 < time.monotonic() - began < DEADLINE
    assert gone.wait(DEADLINE)  # the service hears that nobody waits any more
    event = agent.wait_event("request")
    assert event["request_id"] == response.get("X-Request-Id")
    assert event["code"] == "response-timeout"  # nobody has left


def test_a_service_that_does_not_accept(relay, open_tunnel):
    """Its backlog is full: connecting takes too long."""
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen(0)
        held = []
        for _ in range(3):
            sock = socket.socket()
            sock.setblocking(False)
            sock.connect_ex(deaf.getsockname())
            held.append(sock)
        agent, visit = open_tunnel(f"127.0.0.1:{deaf.getsockname()[1]}",
                                   "--local-connect-timeout", "300")
        assert_page(relay, agent, visit(), "local-unreachable")
        for sock in held:
            sock.close()


@pytest.mark.parametrize("words", ids=range(7), argvalues=[
    b"SSH-2.0-OpenSSH_9.2\r\n\r\n", b"\0" * 100, b"HTTP/1.1 abc\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\nabc",
    b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\nraw",
    b"HTTP/1.1 200 OK\nContent-Length: 1\n\na"])
def test_a_service_that_does_not_speak_http(relay, services, open_tunnel, words):
    service = services(lambda wire, request: (wire.send(words), wire.read_some(PATIENCE)) and False)
    agent, visit = open_tunnel(service.target)
    event, _ = assert_page(relay, agent, visit(), "local-reset")
    assert re.search("not HTTP|not wanted", event["message"])


def test_words_behind_an_answer_are_nobodys(services, open_tunnel):
    """Bytes behind one answer never become the beginning of another."""
    def twice(wire, request):
        path = request.target.encode()
        wire.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(path) + path +
                  b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nSMUGGLED")
    service = services(twice)
    _, visit = open_tunnel(service.target)
    for turn in range(50):
        assert visit("GET", f"/{turn}").text() == f"/{turn}"


def test_words_of_an_idle_connection_are_nobodys(services, open_tunnel):
    said = threading.Event()

    def late(wire, request):
        say_hello(wire, request)
        time.sleep(0.05)
        wire.send(b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nSMUGGLED")
        said.set()
    service = services(late)
    _, visit = open_tunnel(service.target)
    for _ in range(10):
        said.clear()
        assert visit().body == b"hello"
        assert said.wait(DEADLINE)


def test_too_many_visitors(relay, services, open_tunnel):
    hold = threading.Event()

    def wait(wire, request):
        assert hold.wait(PATIENCE)
        answer(wire, b"ok")
    service = services(wait)
    agent, visit = open_tunnel(service.target, "--max-streams", "2")
    visitors = [http.Visitor(relay.port) for _ in range(2)]
    for visitor in visitors:
        visitor.send(http.build_request("GET", "/", visit.host))
    service.wait_requests(2)
    response = visit()
    assert (response.status, response.get("X-Adit-Error")) == (503, "local-overloaded")
    hold.set()
    for visitor in visitors:
        assert visitor.read_response().body == b"ok"
        visitor.close()
    assert visit().body == b"ok"


def test_the_agents_descriptors_come_back(services, open_tunnel):
    service = services()
    agent, visit = open_tunnel(service.target)
    visit()

    def count():
        return len(os.listdir(f"/proc/{agent.pid}/fd"))
    before = count()
    for turn in range(60):
        visit("GET", "/", headers=[("Connection", "close")])
    assert wait_for(lambda: count() <= before + 1, "the descriptors to be closed")
