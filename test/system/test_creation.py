"""Making a tunnel: requests, answers byte for byte, names, refusals, which host creates what."""
import json
import re
import socket

import pytest

from harness import http
from harness.agent import create, reply
from harness.relay import free_ports
from harness.traffic import lean_env
from harness.wait import wait_for

JSON_TYPE = "application/json; charset=utf-8"
BAD_NAME = (b'{"message":"Invalid subdomain. Subdomains must be lowercase and between 4 and 63 '
            b'alphanumeric characters."}')
RANDOM_ID = re.compile(r"[a-z]+-[a-z]+-[0-9]+\Z")


def status(relay):
    return http.fetch(relay.create_port, target="/api/status", host="lt.test").json()


def post(relay, body, headers=(("Content-Type", "application/json"),)):
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return http.fetch(relay.create_port, "POST", "/api/tunnels", "lt.test", headers, data)


# the answer

@pytest.mark.covers("S34", "S35", "S44")
def test_a_name_is_given_as_asked(shared_relay):
    response = create(shared_relay, "first-app")
    assert response.status_line == "200 OK"
    assert response.get("Content-Type") == JSON_TYPE
    answer = response.json()
    assert response.body == (
        '{"id":"first-app","port":%d,"max_conn_count":10,"url":"http://first-app.lt.test:%d"}'
        % (answer["port"], shared_relay.port)).encode()
    assert 1024 <= answer["port"] <= 65535


@pytest.mark.covers("S34", "S36")
def test_random_names_look_right_and_differ(shared_relay):
    names = [create(shared_relay).json()["id"] for _ in range(20)]
    assert all(RANDOM_ID.match(name) and len(name) <= 63 for name in names), names
    assert len(set(names)) == 20


@pytest.mark.covers("S35")
def test_every_tunnel_has_a_port_of_its_own(shared_relay):
    ports = [create(shared_relay).json()["port"] for _ in range(5)]
    assert len(set(ports)) == 5


@pytest.mark.covers("S3")
def test_the_tunnel_port_listens_on_every_address(shared_relay):
    port = create(shared_relay).json()["port"]
    socket.create_connection(("127.0.0.3", port), 5).close()
    if socket.has_ipv6:
        try:
            socket.create_connection(("::1", port), 5).close()
        except OSError as failure:
            assert not _has_ipv6_loopback(), failure
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.3", shared_relay.port), 5)


def _has_ipv6_loopback():
    try:
        with socket.socket(socket.AF_INET6) as sock:
            sock.bind(("::1", 0))
        return True
    except OSError:
        return False


@pytest.mark.covers("S6")
def test_max_sockets_is_told_to_the_client(start):
    assert create(start("--max-sockets", "3"), "some-app").json()["max_conn_count"] == 3


@pytest.mark.covers("S40")
@pytest.mark.parametrize("target", ["/?new", "/?new=", "/?new=1", "/?a=b&new", "/?new&a=b"])
def test_new_counts_with_or_without_a_value(shared_relay, target):
    response = create(shared_relay, target=target)
    assert response.status == 200
    assert RANDOM_ID.match(response.json()["id"])


@pytest.mark.covers("S40", "S41")
@pytest.mark.parametrize("target", ["/", "/?newx", "/?a=new", "/?"])
def test_what_does_not_say_new_is_redirected(shared_relay, target):
    before = status(shared_relay)["tunnels"]
    response = create(shared_relay, target=target)
    assert response.status_line == "302 Found"
    assert status(shared_relay)["tunnels"] == before


@pytest.mark.covers("S40")
@pytest.mark.parametrize("target", ["/spell-app", "/spell-app/", "/%73pell-app", "/spell%2dapp",
                                    "/spell-app?x=1"])
def test_spellings_of_a_name(shared_relay, target):
    response = create(shared_relay, target=target)
    assert (response.status, response.json()["id"]) == (200, "spell-app")


@pytest.mark.covers("S40")
def test_a_double_slash_is_not_found(shared_relay):
    before = status(shared_relay)["tunnels"]
    assert create(shared_relay, target="//?new").status == 404
    assert status(shared_relay)["tunnels"] == before


@pytest.mark.covers("S42")
def test_head_creates_and_has_no_body(shared_relay):
    with http.Visitor(shared_relay.port) as visitor:
        visitor.send(http.build_request("HEAD", "/head-app", "lt.test"))
        head = visitor.read_response("HEAD")
        assert head.status == 200 and head.get("Content-Type") == JSON_TYPE
        after = visitor.ask(target="/api/tunnels/head-app/status", host="lt.test")
    assert (after.status, after.body) == (200, b'{"connected_sockets":0}')


@pytest.mark.covers("S42")
def test_two_segments_are_not_found(shared_relay):
    response = create(shared_relay, target="/some/thing")
    assert (response.status_line, response.body) == ("404 Not Found", b"Not Found")
    assert response.get("Content-Type").startswith("text/plain")


@pytest.mark.covers("S42")
@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "POST"])
def test_other_methods_are_not_allowed(shared_relay, method):
    response = create(shared_relay, "method-app", method=method)
    assert response.status_line == "405 Method Not Allowed"
    assert response.get("Allow") == "HEAD, GET"
    gone = create(shared_relay, target="/api/tunnels/method-app/status")
    assert gone.status == 404


@pytest.mark.covers("S42")
def test_options_tells_the_methods_and_creates_nothing(shared_relay):
    response = create(shared_relay, "options-app", method="OPTIONS")
    assert (response.status, response.get("Allow"), response.body) == (200, "HEAD, GET", b"")
    assert create(shared_relay, target="/api/tunnels/options-app/status").status == 404


# names

@pytest.mark.covers("S39", "D5")
@pytest.mark.parametrize("name", [
    "abc", "a" * 64, "MyApp", "myApp", "-app", "app-", "my_app", "my.app", "my%20app", "my~app",
    "m%C3%BCller", "app%00x", "%2e%2e%2e%2e", "app%0d%0ax", "app%2fx"])
def test_a_bad_name_is_refused(shared_relay, name):
    response = create(shared_relay, name)
    assert response.status_line == "403 Forbidden"
    assert response.get("Content-Type") == JSON_TYPE
    assert response.body == BAD_NAME


@pytest.mark.covers("D5", "D21")
@pytest.mark.parametrize("name", [
    "abcd", "a" * 63, "my-ap", "1234", "0-0-0", "a--b", "constructor", "tostring",
    "hasownproperty", "null", "undefined", "true", "xn--mller-kva"])
def test_every_valid_name_works(shared_relay, agent, name):
    mine = agent(shared_relay, name)
    assert mine.name == name
    mine.serve(reply(name.encode()))
    assert mine.visit().body == name.encode()


@pytest.mark.covers("D5")
@pytest.mark.parametrize("name", ["admin", "status", "healthz"])
def test_reserved_names_are_never_given(shared_relay, name):
    response = post(shared_relay, {"subdomain": name})
    assert (response.status, response.body) == (403, BAD_NAME)


@pytest.mark.covers("D5")
def test_a_reserved_name_is_refused_by_get_too(shared_relay):
    response = create(shared_relay, "admin")
    assert (response.status, response.body) == (403, BAD_NAME)


@pytest.mark.covers("D23")
def test_refusals_cost_no_tunnel_and_little_memory(start):
    relay = start(env=lean_env())

    def refuse(count):
        with http.Visitor(relay.port) as visitor:
            for _ in range(count):
                assert visitor.ask(target="/no", host="lt.test").status == 403
    refuse(300)
    before, fds = relay.rss_kib(), relay.fds()
    refuse(3000)
    assert relay.rss_kib() - before < 4096
    wait_for(lambda: relay.fds() <= fds, "closed descriptors")
    assert status(relay)["tunnels"] == 0


# landing

@pytest.mark.covers("S10", "S41")
def test_the_landing_option_is_where_the_root_goes(start):
    relay = start("--landing", "https://www.example.com/hello")
    response = create(relay, target="/")
    assert response.status_line == "302 Found"
    assert response.get("Location") == "https://www.example.com/hello"
    assert 0 < len(response.body) < 512
    assert response.get("Content-Type").startswith("text/")


@pytest.mark.covers("D31")
def test_without_landing_the_root_goes_to_a_page_of_ours(shared_relay):
    location = create(shared_relay, target="/").get("Location")
    assert location == "/_adit/" or re.fullmatch(r"http://lt\.test(:\d+)?/_adit/", location)
    page = create(shared_relay, target="/_adit/")
    assert page.status == 200
    assert page.get("Content-Type").startswith("text/html")
    assert b"</html>" in page.body.lower()


# POST

@pytest.mark.covers("D6", "S89")
def test_post_creates_a_named_tunnel(shared_relay):
    response = post(shared_relay, {"subdomain": "post-app"})
    assert response.status_line == "201 Created"
    assert response.get("Content-Type") == JSON_TYPE
    assert list(response.json()) == ["id", "port", "max_conn_count", "url"]
    assert response.json()["id"] == "post-app"


@pytest.mark.covers("D6", "S89")
def test_post_without_members_creates_a_random_one(shared_relay):
    response = post(shared_relay, {})
    assert response.status == 201
    assert RANDOM_ID.match(response.json()["id"])


@pytest.mark.covers("D6")
@pytest.mark.parametrize("body", [
    b"{", b"[]", b'"name"', b"null", b'{"subdomain":1}', b'{"subdomain":"abcd"} x',
    b'{"subdomain":"abcd","subdomain":"efgh"}', b'{"subdomain":"ab\xffcd"}', b"[" * 5000,
    b'{"subdomain":"abcd\\u0000"}'])
def test_a_bad_body_is_refused(shared_relay, body):
    before = status(shared_relay)["tunnels"]
    response = post(shared_relay, body)
    assert response.status in ((400, 403) if b"u0000" in body else (400,))
    assert response.get("Content-Type") == JSON_TYPE
    assert status(shared_relay)["tunnels"] == before


@pytest.mark.covers("D6")
def test_what_is_not_understood_is_refused_aloud_never_ignored(shared_relay):
    response = post(shared_relay, {"subdomain": "pass-app", "Password": "hunter22"})
    assert response.status == 400
    assert b"Password" in response.body and b"hunter22" not in response.body
    assert create(shared_relay, target="/api/tunnels/pass-app/status").status == 404


@pytest.mark.covers("D6")
def test_a_bad_name_in_a_post_is_refused_the_same(shared_relay):
    response = post(shared_relay, {"subdomain": "NO"})
    assert (response.status, response.body) == (403, BAD_NAME)


@pytest.mark.covers("D6")
def test_a_post_may_come_in_pieces(shared_relay):
    data = http.build_request("POST", "/api/tunnels", "lt.test", [
        ("Content-Type", "application/json")], b'{"subdomain":"pieces-app"}')
    with http.Visitor(shared_relay.port) as visitor:
        visitor.send(data, sizes=1)
        response = visitor.read_response()
    assert (response.status, response.json()["id"]) == (201, "pieces-app")


@pytest.mark.covers("D6")
def test_a_post_in_chunks_is_read_or_refused_as_lengthless(shared_relay):
    """RFC 9112 section 6.3 lets a server insist on a length with 411."""
    response = http.fetch(
        shared_relay.port, "POST", "/api/tunnels", "lt.test", [("Transfer-Encoding", "chunked")],
        b'8\r\n{"subdom\r\n13\r\nain":"chunked-app"}\r\n0\r\n\r\n')
    made = create(shared_relay, target="/api/tunnels/chunked-app/status").status == 200
    assert (response.status, made) in ((201, True), (411, False))


@pytest.mark.covers("D6")
def test_a_huge_post_is_refused(shared_relay):
    head = http.build_request("POST", "/api/tunnels", "lt.test",
                              [("Content-Length", str(1 << 30))])
    response = http.fetch_raw(shared_relay.port, head + b"x" * 1000)
    assert (response.status, response.get("X-Adit-Error")) == (413, "body-too-large")
    assert response.json() == {"error": "Content Too Large",
                               "message": "The body is larger than 64 KiB."}


# which host creates

@pytest.mark.covers("D20", "S5")
@pytest.mark.parametrize("host", ["lt.test", "LT.Test", "lt.test:8080", "lt.test.", "127.0.0.1",
                                  "127.0.0.1:99", "localhost", "localhost:80", "[::1]",
                                  "[::1]:8080", "10.1.2.3"])
def test_the_domain_an_address_and_localhost_are_the_base(shared_relay, host):
    response = create(shared_relay, "base-app", host=host)
    assert (response.status, response.json()["id"]) == (200, "base-app")


@pytest.mark.covers("D20")
@pytest.mark.parametrize("host", ["example.com", "xlt.test", "test", "name.localhost",
                                  "one.two.lt.test", "lt.test.example.com"])
def test_other_hosts_create_nothing(shared_relay, host):
    before = status(shared_relay)["tunnels"]
    assert create(shared_relay, "other-app", host=host).status == 404
    assert create(shared_relay, host=host).status == 404
    assert status(shared_relay)["tunnels"] == before


@pytest.mark.covers("D20", "S5")
@pytest.mark.parametrize("base", ["localhost", "example.com", "example.co.uk"])
def test_without_a_domain_the_suffix_list_says_what_the_base_is(start, agent, base):
    relay = start(domain=None)
    mine = agent(relay, "psl-app", host=base)
    assert re.fullmatch(rf"http://psl-app\.{re.escape(base)}:\d+", mine.url)
    mine.serve(reply(b"found"))
    assert http.fetch(relay.port, host=f"psl-app.{base}").body == b"found"


@pytest.mark.covers("D28")
def test_an_absolute_target_is_routed_by_its_own_authority(shared_relay, agent):
    mine = agent(shared_relay, "absolute-app").serve(reply(b"mine"))
    response = http.fetch(shared_relay.port, target=f"http://{mine.host}/path?q", host="lt.test")
    assert response.body == b"mine"
    assert mine.wait_requests().target == "/path?q"
    made = http.fetch(shared_relay.port, target="http://lt.test/made-app", host=mine.host)
    assert made.json()["id"] == "made-app"


@pytest.mark.covers("D28")
@pytest.mark.parametrize("hosts", [[], ["lt.test", "lt.test"], ["lt.test", "other.test"]])
def test_host_must_be_there_once(shared_relay, hosts):
    lines = "".join(f"Host: {host}\r\n" for host in hosts)
    response = http.fetch_raw(shared_relay.port, f"GET /?new HTTP/1.1\r\n{lines}\r\n".encode())
    assert response.status == 400


@pytest.mark.covers("D28")
def test_connect_is_not_allowed(shared_relay):
    response = http.fetch_raw(
        shared_relay.port, b"CONNECT lt.test:443 HTTP/1.1\r\nHost: lt.test:443\r\n\r\n")
    assert response.status == 405


# ports

@pytest.mark.covers("S9", "S1")
def test_the_range_is_inclusive_and_handed_out_in_order(start):
    first = free_ports(3)
    relay = start("--port-range-start", first, "--port-range-end", first + 2)
    ports = [create(relay, f"range-{number}").json()["port"] for number in range(3)]
    assert ports == [first, first + 1, first + 2]


@pytest.mark.covers("S9")
def test_a_released_port_goes_to_the_end_of_the_queue(start, agent):
    first = free_ports(3)
    relay = start("--port-range-start", first, "--port-range-end", first + 2,
                  env={"LT_GRACE_PERIOD": "50"})
    mine = agent(relay, "range-one")
    assert mine.port == first
    wait_for(lambda: status(relay)["tunnels"] == 0, "the end of the grace period")
    assert create(relay, "range-two").json()["port"] == first + 1


@pytest.mark.covers("S43", "D22")
def test_no_free_port_is_503_and_the_count_stays_true(start):
    first = free_ports(2)
    relay = start("--port-range-start", first, "--port-range-end", first + 1)
    assert create(relay, "full-one").status == 200
    assert create(relay, "full-two").status == 200
    for _ in range(3):
        response = create(relay, "full-three")
        assert response.status == 503
        assert response.get("Content-Type") == JSON_TYPE
        response.json()
    assert status(relay)["tunnels"] == 2
    assert create(relay, target="/api/tunnels/full-three/status").status == 404


@pytest.mark.covers("D22")
def test_a_port_in_use_is_skipped(start):
    first = free_ports(2)
    with socket.socket() as taken:
        taken.bind(("", first))
        taken.listen()
        relay = start("--port-range-start", first, "--port-range-end", first + 1)
        assert create(relay, "skip-one").json()["port"] == first + 1
        assert create(relay, "skip-two").status == 503
    assert create(relay, "skip-three").json()["port"] == first


# the admin port

@pytest.mark.covers("S7", "S33", "S34", "D8")
def test_with_an_admin_port_only_that_one_creates(start, agent):
    relay = start(admin=True)
    for target in ("/public-app", "/?new", "/api/tunnels/x", "/some/thing"):
        response = create(relay, target=target, port=relay.port)
        assert response.status in (302, 404), target
    assert http.fetch(relay.port, "POST", "/api/tunnels", "lt.test", body=b"{}").status == 404
    assert status(relay)["tunnels"] == 0
    mine = agent(relay, "admin-app").serve(reply(b"through"))
    assert mine.visit().body == b"through"


@pytest.mark.covers("D8")
@pytest.mark.parametrize("proto", ["adit", "websocket"])
def test_an_agent_at_the_public_port_is_told_where_to_go(start, proto):
    relay = start(admin=True)
    fields = [("Connection", "Upgrade"), ("Upgrade", proto), ("Adit-Version", "1")]
    if proto == "websocket":
        fields += [("Sec-WebSocket-Version", "13"), ("Sec-WebSocket-Protocol", "adit"),
                   ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")]
    response = http.fetch(relay.port, target="/_adit/session", host="lt.test", headers=fields)
    assert (response.status, response.get("X-Adit-Error")) == (421, "agents-elsewhere")
    assert "--admin-port" in response.json()["message"]
    relay.wait_log({"msg": "agent refused", "reason": "agents-elsewhere"})


@pytest.mark.covers("D8")
def test_adit_at_the_public_port_says_where_agents_go(start, adits):
    relay = start(admin=True)
    agent = adits(relay.port, "http", "3000")
    assert agent.wait_exit() == 3
    error = agent.find("error")[-1]
    assert error["code"] == "agents-elsewhere" and "--admin-port" in error["message"]


@pytest.mark.covers("D8")
def test_the_public_port_still_has_the_landing_and_the_status(start):
    relay = start("--landing", "https://www.example.com/", admin=True)
    landing = create(relay, target="/", port=relay.port)
    assert (landing.status, landing.get("Location")) == (302, "https://www.example.com/")
    assert create(relay, target="/api/status", port=relay.port).status == 200
    assert create(relay, target="/healthz", port=relay.port).status == 200


@pytest.mark.covers("S8")
def test_the_admin_port_has_an_address_of_its_own(start):
    port = free_ports()
    relay = start("--admin-port", port, "--admin-address", "127.0.0.5")
    with http.Visitor(port, address="127.0.0.5") as visitor:
        assert visitor.ask(target="/some-app", host="lt.test").status == 200
    with pytest.raises(ConnectionRefusedError):
        http.Visitor(port, address="127.0.0.1")
    assert relay.admin_port == port
