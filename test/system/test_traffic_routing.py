"""Where a public request goes: hosts, refusals, and what the refusals say."""
import pytest

from harness.agent import reply
from harness.http import Visitor, build_request, fetch, fetch_raw
from harness.traffic import a_name, assert_nothing_sent

DOMAIN = "lt.test"


def said(response):
    """What the tunnel that answered is called (see tagged)."""
    assert response.status == 200, response
    return response.text()


def tagged(tunnel):
    return reply(tunnel.name.encode())


# hosts that lead to a tunnel

@pytest.mark.covers("S68", "D20")
@pytest.mark.parametrize("form", [
    "{n}.lt.test", "{N}.LT.TEST", "{N}.lt.Test", "{n}.lt.test.", "{n}.lt.test:80",
    "{n}.lt.test:65535", "{n}.lt.test.:8080", "{N}.LT.TEST.:1"])
def test_host_forms_that_route(shared_relay, agent, form):
    tunnel = agent(shared_relay, a_name())
    tunnel.serve(tagged(tunnel))
    host = form.format(n=tunnel.name, N=tunnel.name.upper())
    assert said(fetch(shared_relay.port, host=host)) == tunnel.name
    assert tunnel.wait_requests().get("Host") == host  # S76: stays the public host


def test_each_request_goes_by_its_own_host(relay, agent):
    """One worker remembers the host that it read last: whatever came before, and however it was
    written, says nothing about the next one."""
    one, two = (agent(relay, a_name()) for _ in range(2))
    for tunnel in (one, two):
        tunnel.serve(tagged(tunnel), sockets=2)
    for _ in range(2):
        for tunnel, host in [(one, one.host), (one, one.host), (two, two.host), (one, one.host),
                             (one, one.host.upper()), (one, f"{one.host}:80"), (two, two.host)]:
            assert said(fetch(relay.port, host=host)) == tunnel.name
        assert fetch(relay.port, host=f"{two.host}/x").status == 400
        assert fetch(relay.port, host=two.host[:-1]).status == 404
        assert said(fetch(relay.port, host=two.host)) == two.name


@pytest.mark.covers("S68", "D20")
def test_host_with_blanks_around_it_routes(shared_relay, agent):
    tunnel = agent(shared_relay, a_name())
    tunnel.serve(tagged(tunnel))
    response = fetch_raw(shared_relay.port, b"GET / HTTP/1.1\r\nhOST: \t %s \t \r\n\r\n"
                         % tunnel.host.encode())
    assert said(response) == tunnel.name


@pytest.mark.covers("S68", "D20", "D21")
@pytest.mark.parametrize("form", [
    "deep.{n}.lt.test", "{n}.lt.test.example.com", "x{n}.lt.test", "{n}x.lt.test", "{n}lt.test",
    "{n}.xlt.test", "{n}.lt.testx", "{n}", "{n}.localhost", "{n}.example.com", "nosuch.lt.test",
    "lt.test.{n}.example.com", "{n}-lt.test"])
def test_hosts_beside_the_tunnel_are_404(shared_relay, agent, form):
    tunnel = agent(shared_relay, a_name())
    sock = tunnel.open_ready()
    response = fetch(shared_relay.port, host=form.format(n=tunnel.name))
    assert response.status == 404, response
    assert response.get("X-Adit-Error"), response
    assert_nothing_sent(sock)


BAD_HOSTS = [
    b"{n}.lt.test@example.com", b"user@{n}.lt.test", b"user:pw@{n}.lt.test", b"{n}.lt.test/",
    b"{n}.lt.test/x", b"{n}.lt.test?x", b"{n}.lt.test#x", b"{n} .lt.test", b"{n}.lt.test x",
    b"{n}..lt.test", b".{n}.lt.test", b"{n}.lt.test..", b"{n}.lt.test:80:80", b"{n}.lt.test:8a",
    b"{n}.lt.test:65536", b"{n}.lt.test:-1", b"{n}.lt.test,other.lt.test",
    b"{n}.lt.test, {n}.lt.test", b"\"{n}.lt.test\"", b"http://{n}.lt.test", b"{n}.lt.test\\@x",
    b"{n}\xc2\xad.lt.test", b"{n}\xff.lt.test", b"[{n}.lt.test]", b"[::1", b"::1", b"[::1]x",
    b"<{n}.lt.test>", b"{n}.lt.test;x", b"a" * 64 + b".lt.test", b"a." * 200 + b"lt.test"]


@pytest.mark.covers("S68", "D28", "fault-37")
@pytest.mark.parametrize("form", BAD_HOSTS, ids=range(len(BAD_HOSTS)))
def test_malformed_hosts_are_400_and_reach_nobody(shared_relay, agent, form):
    tunnel = agent(shared_relay, a_name())
    sock = tunnel.open_ready()
    host = form.replace(b"{n}", tunnel.name.encode())
    with Visitor(shared_relay.port) as visitor:
        visitor.send(b"GET / HTTP/1.1\r\nHost: " + host + b"\r\n\r\n")
        response = visitor.read_response()
        assert response.status == 400, response
        assert visitor.wait_closed() in ("fin", "rst")
    assert_nothing_sent(sock, 0.1)


@pytest.mark.covers("D20", "fault-37")
@pytest.mark.parametrize("form", ["", "{n}%2elt.test", "{n}.lt%2etest", "%00.lt.test",
                                  "{n}.lt.test%00"])
def test_doubtful_hosts_never_route(shared_relay, agent, form):
    tunnel = agent(shared_relay, a_name())
    sock = tunnel.open_ready()
    response = fetch(shared_relay.port, target="/doubtful", host=form.format(n=tunnel.name))
    assert response.status in (400, 404), response
    assert_nothing_sent(sock, 0.1)


@pytest.mark.covers("S69", "D28")
@pytest.mark.parametrize("request_bytes", [
    b"GET / HTTP/1.1\r\n\r\n", b"GET / HTTP/1.0\r\n\r\n",
    b"GET / HTTP/1.1\r\nAccept: */*\r\n\r\n",
    b"POST / HTTP/1.1\r\nContent-Length: 0\r\n\r\n"])
def test_no_host_is_400(shared_relay, request_bytes):
    with Visitor(shared_relay.port) as visitor:
        visitor.send(request_bytes)
        response = visitor.read_response()
        assert (response.status, response.body) == (400, b"Host header is required"), response
        visitor.wait_closed()


@pytest.mark.covers("D28")
@pytest.mark.parametrize("version", ["1.0", "1.1"])
@pytest.mark.parametrize("second", ["{n}.lt.test", "other.lt.test", "lt.test"])
def test_two_hosts_are_400(shared_relay, agent, version, second):
    tunnel = agent(shared_relay, a_name())
    sock = tunnel.open_ready()
    response = fetch(shared_relay.port, host=tunnel.host, version=version,
                     headers=[("hoST", second.format(n=tunnel.name))])
    assert response.status == 400, response
    assert_nothing_sent(sock, 0.1)


@pytest.mark.covers("S68", "S69")
def test_http_1_0_with_a_host_routes(shared_relay, agent):
    tunnel = agent(shared_relay, a_name())
    tunnel.serve(tagged(tunnel))
    assert said(fetch(shared_relay.port, host=tunnel.host, version="1.0")) == tunnel.name


@pytest.mark.covers("D28")
@pytest.mark.parametrize("target, seen", [
    ("http://{h}/p?q=1", "/p?q=1"), ("http://{h}", "/"), ("http://{h}?q=1", "/?q=1"),
    ("HTTP://{H}/p", "/p"), ("http://{h}:8080/p", "/p"), ("http://{h}./p", "/p"),
    ("https://{h}/p", "/p")])
def test_absolute_form_routes_by_its_own_authority(shared_relay, agent, target, seen):
    """RFC 9112, 3.2.2: the Host field of such a request is ignored, and then replaced."""
    mine, other = agent(shared_relay, a_name()), agent(shared_relay, a_name())
    mine.serve(tagged(mine))
    sock = other.open_ready()
    target = target.format(h=mine.host, H=mine.host.upper())
    assert said(fetch(shared_relay.port, target=target, host=other.host)) == mine.name
    request = mine.wait_requests()
    assert request.target == seen
    assert request.get("Host").lower().startswith(mine.host)
    assert_nothing_sent(sock, 0.1)


@pytest.mark.covers("D28")
@pytest.mark.parametrize("target, status", [
    ("http://user@{h}/", (400,)), ("http:///x", (400,)), ("http:/{h}/", (400,)),
    ("http://{h}:99999/", (400,)), ("http://{h}/#frag", (400,)), ("//{h}/x", (200,)),
    ("{h}/x", (400,)), ("{h}:80", (400,)), ("x", (400,)), ("?x", (400,)),
    ("http://nosuch.lt.test/", (404,)), ("http://{h}@nosuch.lt.test/", (400,))])
def test_odd_targets(shared_relay, agent, target, status):
    """Only "//host/x" is an ordinary origin-form; the authority inside counts for nothing."""
    tunnel = agent(shared_relay, a_name())
    tunnel.serve(tagged(tunnel))
    response = fetch(shared_relay.port, target=target.format(h=tunnel.host), host=tunnel.host)
    assert response.status in status, response
    if status == (200,):
        assert tunnel.wait_requests().target == target.format(h=tunnel.host)
    else:
        assert not tunnel.requests


@pytest.mark.covers("D28")
def test_absolute_form_still_needs_a_host_in_1_1(shared_relay, agent):
    tunnel = agent(shared_relay, a_name())
    sock = tunnel.open_ready()
    response = fetch(shared_relay.port, target=f"http://{tunnel.host}/")
    assert response.status == 400, response
    assert_nothing_sent(sock, 0.1)


@pytest.mark.covers("D28")
@pytest.mark.parametrize("target", ["{h}:443", "{h}", "/", "http://{h}/"])
def test_connect_is_405(shared_relay, agent, target):
    tunnel = agent(shared_relay, a_name())
    sock = tunnel.open_ready()
    with Visitor(shared_relay.port) as visitor:
        visitor.send(build_request("CONNECT", target.format(h=tunnel.host), tunnel.host))
        response = visitor.read_response("CONNECT")
        assert response.status == 405 or target != "{h}:443" and response.status == 400, response
    assert_nothing_sent(sock, 0.1)


@pytest.mark.covers("S76")
def test_options_asterisk_is_forwarded_as_it_is(shared_relay, agent):
    tunnel = agent(shared_relay, a_name())
    tunnel.serve(tagged(tunnel))
    assert said(tunnel.visit("OPTIONS", "*")) == tunnel.name
    assert tunnel.wait_requests().target == "*"


@pytest.mark.covers("S76", "D25")
@pytest.mark.parametrize("target", [
    "/", "//", "/a//b", "/a/../b", "/%2e%2e/x", "/a;b=c?d=e&f", "/?", "/??", "/!$&'()*+,;=:@~-._",
    "/x?y=/?:@", "/" + "a" * 4000])
def test_targets_pass_unchanged(shared_relay, agent, target):
    tunnel = agent(shared_relay, a_name())
    tunnel.serve(tagged(tunnel))
    assert said(tunnel.visit(target=target)) == tunnel.name
    assert tunnel.wait_requests().target == target


@pytest.mark.covers("D21", "D5")
@pytest.mark.parametrize("name", [
    "null", "undefined", "true", "constructor", "prototype", "hasownproperty", "tostring", "length",
    "1234", "0000", "a-b-c-d", "a--b", "xn--80ak6aa92e", "x" * 63, "new-tunnel",
    "content-length", "index-html"])
def test_every_valid_name_works(start, agent, name):
    relay = start()
    tunnel = agent(relay, name)
    assert tunnel.name == name
    tunnel.serve(tagged(tunnel))
    assert said(tunnel.visit()) == name


# the base domain

@pytest.mark.covers("S75", "D19")
@pytest.mark.parametrize("host", ["lt.test", "LT.TEST.", "lt.test:80", "127.0.0.1", "127.0.0.1:80",
                                  "localhost", "[::1]:8080", "[::1]"])
def test_healthz_on_the_base(shared_relay, host):
    response = fetch(shared_relay.port, target="/healthz", host=host)
    assert response.status == 200, response
    assert response.json() == {"status": "healthy"}


@pytest.mark.covers("S75", "D19")
def test_healthz_of_a_tunnel_is_the_tunnels_own(shared_relay, agent):
    tunnel = agent(shared_relay, a_name())
    tunnel.serve(tagged(tunnel))
    assert said(tunnel.visit(target="/healthz")) == tunnel.name
    missing = fetch(shared_relay.port, target="/healthz", host="nosuch.lt.test")
    assert missing.status == 404, missing


@pytest.mark.covers("S68", "D19")
def test_api_and_landing_of_a_tunnel_are_the_tunnels_own(shared_relay, agent):
    tunnel = agent(shared_relay, a_name())
    tunnel.serve(tagged(tunnel))
    for target in ("/", "/?new", "/api/status", f"/api/tunnels/{tunnel.name}/status",
                   f"/{tunnel.name}", "/_adit/"):
        assert said(tunnel.visit(target=target)) == tunnel.name
    assert said(tunnel.visit("POST", "/api/tunnels", body=b"{}")) == tunnel.name


@pytest.mark.covers("S87", "S88")
def test_status_counts_tunnels_and_sockets(start, agent):
    relay = start()

    def tunnels():
        return fetch(relay.port, target="/api/status", host=DOMAIN).json()["tunnels"]
    assert tunnels() == 0
    first, second = agent(relay, a_name()), agent(relay, a_name())
    assert tunnels() == 2
    first.open_ready(3)
    assert second.connected() == 0
    first.drop_sockets()
    first.wait_connected(0)


@pytest.mark.covers("D20")
def test_without_domain_the_suffix_list_says_what_the_base_is(start, agent):
    relay = start(domain=None)
    tunnel = agent(relay, a_name())
    tunnel.serve(tagged(tunnel))
    for base in ("localhost", "example.com", "example.co.uk", "EXAMPLE.COM.", "example.com:8080"):
        assert said(fetch(relay.port, host=f"{tunnel.name}.{base}")) == tunnel.name, base
        health = fetch(relay.port, target="/healthz", host=base)
        assert health.status == 200, (base, health)
    assert fetch(relay.port, host="nosuch.example.com").status == 404


@pytest.mark.covers("D20")
def test_a_domain_below_a_host_routes_one_label_only(start, agent):
    relay = start(domain="tunnels.example.co.uk")
    tunnel = agent(relay, a_name())
    tunnel.serve(tagged(tunnel))
    assert said(fetch(relay.port, host=f"{tunnel.name}.tunnels.example.co.uk")) == tunnel.name
    for host in (f"{tunnel.name}.example.co.uk", f"x.{tunnel.name}.tunnels.example.co.uk",
                 "example.co.uk"):
        assert fetch(relay.port, target="/x/y", host=host).status == 404, host
