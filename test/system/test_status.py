"""What an operator and a health check can ask, and on which port."""
import json
import re
import socket
import time
from email.utils import parsedate_to_datetime

import pytest

from harness import http
from harness.agent import create, reply
from harness.relay import free_ports, run

JSON_TYPE = "application/json; charset=utf-8"


def ask(relay, target, host="lt.test", port=None, method="GET"):
    return http.fetch(port or relay.port, method, target, host)


@pytest.mark.covers("S75", "D19", "S32")
@pytest.mark.parametrize("host", ["lt.test", "127.0.0.1", "localhost", "[::1]:80", "LT.test:99"])
def test_healthz_on_base_hosts(relay, host):
    response = ask(relay, "/healthz", host)
    assert (response.status, response.body) == (200, b'{"status":"healthy"}')
    assert response.get("Content-Type") == JSON_TYPE
    assert json.loads(ask(relay, "/api/status").body)["tunnels"] == 0


@pytest.mark.covers("S61", "S75")
@pytest.mark.parametrize("target, host", [
    ("/healthz", "lt.test"), ("/", "lt.test"), ("/_adit/", "lt.test"), ("/ab", "lt.test"),
    ("/", "unknown-app.lt.test")])
def test_every_answer_of_ours_has_a_date(shared_relay, target, host):
    """RFC 9110, 6.6.1. A client that signs can tell from it that its clock is off."""
    seen = parsedate_to_datetime(ask(shared_relay, target, host).get("Date"))
    assert abs(seen.timestamp() - time.time()) < 5


@pytest.mark.covers("S75")
def test_healthz_by_head(relay):
    response = ask(relay, "/healthz", method="HEAD")
    assert (response.status, response.body) == (200, b"")


@pytest.mark.covers("S75")
def test_healthz_is_not_logged(relay):
    ask(relay, "/healthz")
    ask(relay, "/some/thing", "no-such-name.lt.test")
    relay.wait_access(path="/some/thing")
    assert not relay.find_logs(lambda entry: entry.get("path") == "/healthz")


@pytest.mark.covers("D19")
def test_healthz_of_a_tunnel_is_the_tunnel_s(relay, agent):
    mine = agent(relay, "health-app").serve(reply(b"mine"))
    assert mine.visit(target="/healthz").body == b"mine"
    assert mine.visit(target="/api/status").body == b"mine"
    assert mine.visit(target="/metrics").body == b"mine"
    assert ask(relay, "/healthz", "unknown-app.lt.test").status == 404


@pytest.mark.covers("D19")
def test_healthz_on_the_admin_port_whatever_the_host(start):
    relay = start(admin=True)
    for host in ("lt.test", "127.0.0.1", "internal.example"):
        response = ask(relay, "/healthz", host, relay.admin_port)
        assert (response.status, response.body) == (200, b'{"status":"healthy"}')
    assert ask(relay, "/api/status").json()["tunnels"] == 0


@pytest.mark.covers("S87")
def test_the_status_counts_tunnels_and_memory(relay, agent):
    assert ask(relay, "/api/status").json()["tunnels"] == 0
    agent(relay, "one-app")
    agent(relay, "two-app")
    response = ask(relay, "/api/status")
    assert response.get("Content-Type") == JSON_TYPE
    answer = response.json()
    assert list(answer) == ["tunnels", "mem"]
    assert list(answer["mem"]) == ["rss", "heapTotal", "heapUsed", "external", "arrayBuffers"]
    assert answer["tunnels"] == 2
    assert all(isinstance(value, int) and value >= 0 for value in answer["mem"].values())
    assert 0.5 < answer["mem"]["rss"] / 1024 / relay.rss_kib() < 2


@pytest.mark.covers("S88")
def test_a_tunnel_s_status_counts_its_sockets(relay, agent):
    mine = agent(relay, "count-app")

    def said():
        response = ask(relay, "/api/tunnels/count-app/status")
        assert response.get("Content-Type") == JSON_TYPE
        return response.body
    assert said() == b'{"connected_sockets":0}'
    first, _ = mine.open_ready(2)
    assert said() == b'{"connected_sockets":2}'
    first.close()
    mine.wait_connected(1)


@pytest.mark.covers("S88")
@pytest.mark.parametrize("name", ["unknown-app", "NO", "%00", "a" * 300])
def test_an_unknown_tunnel_s_status_is_not_found(shared_relay, name):
    response = ask(shared_relay, f"/api/tunnels/{name}/status")
    assert (response.status, response.body) == (404, b"Not Found")
    assert response.get("Content-Type").startswith("text/plain")


@pytest.mark.covers("S87", "S88", "S40")
def test_a_slash_behind_the_status_changes_nothing(relay, agent):
    agent(relay, "slash-app")
    assert ask(relay, "/api/status/").json()["tunnels"] == 1
    assert ask(relay, "/api/tunnels/slash-app/status/").json() == {"connected_sockets": 0}
    assert ask(relay, "/api/tunnels/slash-app/status//").status == 404
    posted = http.fetch(relay.port, "POST", "/api/tunnels/", "lt.test", body=b'{"subdomain":"post-app"}')
    assert (posted.status, posted.json()["id"]) == (201, "post-app")


@pytest.mark.covers("S63", "D8")
def test_status_is_on_both_ports(start):
    relay = start(admin=True)
    create(relay, "both-app")
    for port in (relay.port, relay.admin_port):
        assert ask(relay, "/api/status", port=port).json()["tunnels"] == 1


@pytest.mark.covers("D8")
def test_metrics_are_on_the_admin_port_only(start, agent):
    relay = start(admin=True)
    mine = agent(relay, "metric-app").serve(reply(b"counted"))

    def scrape():
        return ask(relay, "/metrics", port=relay.admin_port)

    def requests():
        return int(re.search(r"^adit_requests_total(\{[^}]*\})? (\d+)$", scrape().text(), re.M)[2])
    before = requests()
    for _ in range(3):
        mine.visit()
    assert requests() - before in (3, 4), "three visits, and perhaps the scrape itself"
    metrics = scrape()
    assert metrics.status == 200
    assert metrics.get("Content-Type").startswith("text/plain; version=0.0.4")
    text = metrics.text()
    assert re.search(r"^# TYPE adit_\w+ counter$", text, re.M)
    assert re.search(r"^adit_tunnels_open(\{[^}]*\})? 1$", text, re.M), text
    for line in text.splitlines():
        assert line.startswith("#") or re.fullmatch(
            r'[a-z_:][a-z0-9_:]*(\{[a-z_]+="[^"]*"(,[a-z_]+="[^"]*")*\})? \S+', line), line
    assert ask(relay, "/metrics").status == 404


def test_a_metrics_port_has_metrics_and_nothing_else(start, agent):
    """And tunnels are created where they were: agents keep the TLS port."""
    relay = start("--metrics-port", free_ports())
    listening = relay.wait_log({"msg": "listening", "role": "metrics"})
    assert listening["address"] == "127.0.0.1"
    mine = agent(relay, "watched-app").serve(reply(b"through"))
    assert mine.visit().body == b"through"

    def there(target, host="127.0.0.1", **how):
        return http.fetch(listening["port"], target=target, host=host, **how)
    assert re.search(r"^adit_tunnels_open 1$", there("/metrics").text(), re.M)
    assert there("/healthz").json() == {"status": "healthy"}
    upgrade = [("Connection", "Upgrade"), ("Upgrade", "adit"), ("Adit-Version", "1")]
    for response in (
            there("/"), there("/?new"), there("/another-app"), there("/api/status"),
            there("/_adit/"), there("/api/v1/me"), there("/api/tunnels/watched-app/status"),
            there("/api/tunnels", method="POST", body=b"{}"), there("/page", mine.host),
            there("/_adit/session", headers=upgrade), there("/login")):
        assert (response.status, response.get("X-Adit-Error")) == (404, "not-found"), response
    assert there("/metrics", method="POST", body=b"").status == 405
    assert ask(relay, "/metrics").get("X-Adit-Error") == "invalid-name"
    assert ask(relay, "/api/status").json()["tunnels"] == 1


def test_a_metrics_port_in_use_is_named(start):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, _, err = run("--port", "0", "--address", "127.0.0.1", "--metrics-port", port)
    assert code == 1 and f"127.0.0.1 port {port} for metrics requests" in err
    assert "choose one with --metrics-port" in err


@pytest.mark.covers("S33", "D8")
def test_the_admin_port_carries_no_visitors(start, agent):
    relay = start(admin=True)
    mine = agent(relay, "quiet-app").serve(reply(b"visited"))
    mine.wait_connected(1)
    response = http.fetch(relay.admin_port, target="/page/one", host=mine.host)
    assert response.body != b"visited" and response.status == 404
    assert not mine.requests
