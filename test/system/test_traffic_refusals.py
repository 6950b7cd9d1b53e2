"""What the relay answers on its own account: status, code, Retry-After and page."""
import json
import re
import threading

import pytest

from harness.agent import answer, echo, hang, raw, raw_then_close, reply
from harness.http import Visitor, build_request, fetch
from harness.traffic import a_name, assert_error, ms
from harness.wait import wait_for

DOMAIN = "lt.test"


def said(response):
    """What the tunnel that answered is called (see tagged)."""
    assert response.status == 200, response
    return response.text()


def tagged(tunnel):
    return reply(tunnel.name.encode())


@pytest.mark.covers("S70")
def test_unknown_tunnel_is_404_tunnel_not_found(shared_relay):
    with Visitor(shared_relay.port) as visitor:
        for method in ("GET", "HEAD", "DELETE", "OPTIONS"):
            response = visitor.ask(method, "/x", "nosuch.lt.test")
            assert response.status_line == "404 Tunnel Not Found"
            assert_error(response, 404, "tunnel-not-found", retry_after=False)


@pytest.mark.covers("S70")
def test_a_refused_upload_is_not_waited_for(shared_relay):
    """The refusal comes at once; the connection survives only if the body was read."""
    with Visitor(shared_relay.port) as visitor:
        visitor.send(build_request("POST", "/", "nosuch.lt.test",
                                   [("Content-Length", "100000000")]) + b"x" * 1000)
        response = visitor.read_response()
        assert response.status_line == "404 Tunnel Not Found"
        try:
            for _ in range(200):
                visitor.send(b"x" * 65536)
        except OSError:
            return
        visitor.wait_closed()


@pytest.mark.covers("S71", "D11")
def test_a_tunnel_nobody_connected_to_is_offline(start, agent):
    relay = start(env={"LT_GRACE_PERIOD": 6000, "LT_REQUEST_TIMEOUT": 200})
    tunnel = agent(relay, a_name())
    response = tunnel.visit()
    assert response.status_line == "503 Service Temporarily Unavailable"
    assert_error(response, 503, "tunnel-offline", retry_after=(1, 6))


@pytest.mark.covers("S71", "S45", "D11")
def test_offline_counts_down_and_ends_in_404(start, agent):
    relay = start(env={"LT_GRACE_PERIOD": 2000, "LT_REQUEST_TIMEOUT": 50})
    tunnel = agent(relay, a_name())
    tunnel.serve(tagged(tunnel))
    assert said(tunnel.visit()) == tunnel.name
    tunnel.drop_sockets()
    tunnel.wait_connected(0)
    seen = []

    def gone():
        response = tunnel.visit()
        if response.status == 404:
            assert_error(response, 404, "tunnel-not-found")
            return True
        assert response.status_line == "503 Service Temporarily Unavailable"
        assert_error(response, 503, "tunnel-offline", retry_after=(1, 2))
        seen.append(int(response.get("Retry-After")))
        return False
    wait_for(gone, "the end of the grace period", every=0.1)
    assert seen == sorted(seen, reverse=True) and seen


@pytest.mark.covers("S72", "D9", "D18", "S13")
def test_no_free_socket_in_time_is_503(start, agent):
    relay = start("--retry-after", "7", env={"LT_REQUEST_TIMEOUT": 300})
    tunnel = agent(relay, a_name())
    sock = tunnel.open_ready()
    with tunnel.visitor() as busy:
        busy.send(build_request(host=tunnel.host))
        sock.read_request()
        response = tunnel.visit()
        assert response.status_line == "503 Service Unavailable"
        assert_error(response, 503, "no-free-socket", retry_after=(7, 7))
        sock.send(answer(b"slow"))
        assert busy.read_response().body == b"slow"


@pytest.mark.covers("D18")
def test_the_queue_is_bounded(start, agent):
    """Beyond the bound the refusal comes at once, not after the request timeout."""
    relay = start("--max-waiting", "3", env={"LT_REQUEST_TIMEOUT": 60000})
    tunnel = agent(relay, a_name())
    sock = tunnel.open_ready()
    with tunnel.visitor() as busy:
        busy.send(build_request(host=tunnel.host))
        sock.read_request()
        waiting = [tunnel.visitor() for _ in range(5)]
        for visitor in waiting:
            visitor.send(build_request(host=tunnel.host))
        refused = []

        def two_are_refused():
            for visitor in list(waiting):
                if not visitor.silent(0.02):
                    refused.append(visitor.read_response())
                    waiting.remove(visitor)
            return len(refused) >= 2
        wait_for(two_are_refused, "refusals beyond the bound", timeout=5)
        for response in refused:
            assert_error(response, 503, "too-many-waiting", retry_after=(1, 60))
        assert all(visitor.silent(0.1) for visitor in waiting) and len(waiting) == 3
        for visitor in waiting:
            visitor.close()


@pytest.mark.covers("S73")
def test_agent_lost_before_the_answer(start, agent):
    relay = start()
    tunnel = agent(relay, a_name())
    tunnel.serve(raw_then_close(b""), reopen=False)
    response = tunnel.visit("POST", body=b"once")
    assert response.status_line == "503 Service Unavailable"
    assert_error(response, 503, "agent-lost", retry_after=(1, 60))
    assert len(tunnel.requests) == 1


@pytest.mark.covers("S73")
def test_get_with_an_agent_that_always_closes_ends(start, agent):
    """Retrying is bounded, whatever the agent does."""
    relay = start()
    tunnel = agent(relay, a_name())
    tunnel.serve(raw_then_close(b""), sockets=3)
    response = tunnel.visit()
    assert response.status == 503, response
    assert response.get("X-Adit-Error") in ("agent-lost", "no-free-socket"), response
    assert 1 <= len(tunnel.requests) <= 12


@pytest.mark.covers("S73", "D9")
def test_response_timeout_names_itself_and_drops_the_socket(start, agent):
    relay = start("--response-timeout", ms(400))
    tunnel = agent(relay, a_name())
    sock = tunnel.open_ready()
    with tunnel.visitor() as visitor:
        visitor.send(build_request(host=tunnel.host))
        sock.read_request()
        response = visitor.read_response()
        assert response.status_line == "503 Service Unavailable"
        assert_error(response, 503, "response-timeout", retry_after=(1, 60))
    sock.wait_closed()


@pytest.mark.covers("S73")
@pytest.mark.parametrize("garbage", [
    b"garbage\r\n\r\n", b"HTTP/1.1 abc OK\r\n\r\n", b"HTTP/2.0 200 OK\r\n\r\n",
    b"SSH-2.0-OpenSSH_9.2\r\n\r\n", b"HTTP/1.1 200 OK\r\nBad Field: x\r\n\r\n",
    b"\0\0\0\0\r\n\r\n"])
def test_bad_response_names_itself(start, agent, garbage):
    relay = start()
    tunnel = agent(relay, a_name())
    tunnel.serve(raw(garbage))
    response = tunnel.visit()
    assert response.status in (502, 503), response
    assert response.get("X-Adit-Error") == "bad-response", response


@pytest.mark.covers("S70")
@pytest.mark.parametrize("accept, kind", [
    ("application/json", "json"), ("application/json, text/plain, */*", "json"),
    ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "html")])
def test_error_bodies_follow_accept(shared_relay, accept, kind):
    response = fetch(shared_relay.port, host="nosuch.lt.test", headers=[("Accept", accept)])
    assert response.status_line == "404 Tunnel Not Found"
    media = response.get("Content-Type")
    if kind == "json":
        assert re.match(r"application/(problem\+)?json\b", media), response
        body = response.json()
        assert isinstance(body, dict) and "tunnel-not-found" in json.dumps(body), body
    else:
        assert media.startswith("text/html"), response
        assert b"<html" in response.body.lower() and b"404" in response.body


@pytest.mark.covers("S71")
def test_offline_page_differs_from_unknown_page(start, agent):
    """A human must see whether the address is wrong or the other side sleeps."""
    relay = start(env={"LT_REQUEST_TIMEOUT": 50})
    tunnel = agent(relay, a_name())
    html = [("Accept", "text/html")]
    offline = tunnel.visit(headers=html)
    unknown = fetch(relay.port, host="nosuch.lt.test", headers=html)
    assert offline.status == 503 and unknown.status == 404
    assert offline.body and unknown.body and offline.body != unknown.body


@pytest.mark.covers("S70", "fault-37")
def test_error_pages_quote_nothing_raw(shared_relay):
    canary = "<script>alert(1)</script>"
    response = fetch(shared_relay.port, target=f"/{canary}?{canary}".replace("<", "%3C"),
                     host="nosuch.lt.test",
                     headers=[("Accept", "text/html"), ("User-Agent", canary),
                              ("Referer", canary), ("X-Request-Id", canary)])
    assert response.status == 404
    assert canary.encode() not in response.body
    assert canary not in str(response.headers)


@pytest.mark.covers("S70", "S71")
def test_head_refusals_have_no_body(start, agent):
    relay = start(env={"LT_REQUEST_TIMEOUT": 50})
    tunnel = agent(relay, a_name())
    with tunnel.visitor() as visitor:
        for host, status in (("nosuch.lt.test", 404), (tunnel.host, 503)):
            assert visitor.ask("HEAD", "/", host).status == status
        assert visitor.ask("GET", "/healthz", DOMAIN).status == 200


@pytest.mark.covers("S68")
def test_tunnels_of_one_connection_do_not_mix(shared_relay, agent):
    """One keep-alive connection that goes from tunnel to tunnel, as a proxy in front does."""
    tunnels = [agent(shared_relay, a_name()) for _ in range(4)]
    for tunnel in tunnels:
        tunnel.serve(tagged(tunnel), sockets=2)
    with Visitor(shared_relay.port) as visitor:
        for turn in range(40):
            tunnel = tunnels[turn * 7 % 4]
            assert said(visitor.ask("GET", f"/{turn}", tunnel.host)) == tunnel.name
            if turn % 5 == 0:
                assert visitor.ask("GET", "/", "nosuch.lt.test").status == 404


@pytest.mark.covers("fault-44")
def test_one_clean_log_line_per_request(start, agent):
    relay = start()
    tunnel = agent(relay, a_name())
    tunnel.serve(reply(b"ok"))
    evil = "\"}\\x0a{\"msg\":\"ready\"} \u00ff\u009b31m \\u001b[2J " + "A" * 5000
    marker = a_name("mark")
    fetch(relay.port, target=f"/{marker}%0d%0aGET%20/%1b[31m", host=tunnel.host,
          headers=[("User-Agent", evil), ("Referer", evil), ("X-Forwarded-For", evil)])
    relay.wait_access(status=200, method="GET", count=1)
    lines = [line for line in relay.text().split("\n") if marker in line]
    assert len(lines) == 1, lines
    json.loads(lines[0])
    assert len(lines[0]) < 4096
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f]", relay.text().replace("\n", ""))


@pytest.mark.covers("S73", "fault-4")
def test_the_visitors_connection_outlives_a_refusal(start, agent):
    """Fault 4: a local service that resets costs this request only."""
    relay = start("--response-timeout", ms(300))
    tunnel = agent(relay, a_name())
    fail = threading.Event()
    fail.set()
    tunnel.serve(lambda sock, request: sock.reset() if fail.is_set() else answer(b"up"),
                 sockets=2)
    with tunnel.visitor() as visitor:
        assert visitor.ask("GET", "/", tunnel.host).status == 503
        fail.clear()
        assert visitor.ask("GET", "/", tunnel.host).body == b"up"


@pytest.mark.covers("fault-3")
def test_a_hanging_tunnel_does_not_slow_another(start, agent):
    relay = start(env={"LT_REQUEST_TIMEOUT": 60000})
    stuck, well = agent(relay, a_name()), agent(relay, a_name())
    stuck.serve(hang())
    well.serve(echo, sockets=2)
    waiting = [stuck.visitor() for _ in range(20)]
    for visitor in waiting:
        visitor.send(build_request(host=stuck.host))
    stuck.wait_requests()
    for _ in range(20):
        assert well.visit(timeout=3).status == 200
    assert all(visitor.silent(0.01) for visitor in waiting)
    for visitor in waiting:
        visitor.reset()
