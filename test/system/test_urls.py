"""The URL a client is told: scheme, host and port as the world sees them."""
import pytest

from harness.agent import create
from harness.relay import free_ports


def url(relay, host="lt.test", name="some-app"):
    response = create(relay, name, host=host)
    assert response.status == 200, response
    return response.json()["url"]


@pytest.mark.covers("S65", "S67")
def test_the_port_is_the_one_listened_on(start):
    port = free_ports()
    relay = start("--port", port, "--address", "127.0.0.1", listen=False)
    assert relay.port == port
    assert url(relay) == f"http://some-app.lt.test:{port}"


@pytest.mark.covers("S11", "S12", "S67", "D16")
@pytest.mark.parametrize("flags,expected", [
    (["--http-proxy-port", "80"], "http://some-app.lt.test"),
    (["--http-proxy-port", "8080"], "http://some-app.lt.test:8080"),
    (["--http-proxy-port", "443"], "http://some-app.lt.test:443"),
    (["--secure", "--https-proxy-port", "443"], "https://some-app.lt.test"),
    (["--secure", "--https-proxy-port", "8443"], "https://some-app.lt.test:8443"),
    (["--secure", "--https-proxy-port", "80"], "https://some-app.lt.test:80"),
    (["--secure", "true", "--https-proxy-port", "443", "--http-proxy-port", "81"],
     "https://some-app.lt.test"),
    (["--http-proxy-port", "81", "--https-proxy-port", "444"], "http://some-app.lt.test:81")])
def test_the_proxy_s_port_is_printed_unless_it_is_the_scheme_s_own(start, flags, expected):
    assert url(start(*flags)) == expected


@pytest.mark.covers("S4", "S65", "D7")
def test_secure_makes_the_url_https_with_our_own_port(start):
    relay = start("--secure", "--http-proxy-port", "8080")
    assert url(relay) == f"https://some-app.lt.test:{relay.port}"


@pytest.mark.covers("S4")
@pytest.mark.parametrize("value,scheme", [("true", "https"), ("false", "http"), ("1", "http"),
                                          ("", "http")])
def test_the_variable_is_true_only_for_the_word_true(start, value, scheme):
    relay = start("--https-proxy-port", "443", "--http-proxy-port", "80",
                  env={"LT_SECURE": value})
    assert url(relay) == f"{scheme}://some-app.lt.test"


@pytest.mark.covers("S66")
def test_the_host_is_the_one_the_client_used_without_its_port(start):
    relay = start("--http-proxy-port", "80", domain=None)
    assert url(relay, "example.com:4321") == "http://some-app.example.com"
    assert url(relay, "localhost:1") == "http://some-app.localhost"


@pytest.mark.covers("S66", "S12")
def test_a_client_of_the_admin_port_is_told_the_public_port(start):
    relay = start(admin=True)
    assert url(relay, f"lt.test:{relay.admin_port}") == f"http://some-app.lt.test:{relay.port}"


@pytest.mark.covers("D16")
@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.1:8080", "[::1]", "[::1]:8080",
                                  "localhost", "10.0.0.7:80"])
def test_the_domain_stands_in_for_a_host_outside_it(start, host):
    relay = start("--http-proxy-port", "80")
    assert url(relay, host) == "http://some-app.lt.test"


@pytest.mark.covers("D16")
@pytest.mark.parametrize("host", ["internal:8080", "10.0.0.7", "[fe80::1]:80"])
def test_on_the_admin_port_too(start, host):
    relay = start("--http-proxy-port", "80", admin=True)
    assert url(relay, host) == "http://some-app.lt.test"


@pytest.mark.covers("D16")
@pytest.mark.parametrize("host", ["[::1]:8080", "[::1]"])
def test_an_ipv6_literal_keeps_its_brackets_without_a_domain(start, host):
    relay = start("--http-proxy-port", "80", domain=None)
    assert url(relay, host) == "http://some-app.[::1]"


@pytest.mark.covers("S65")
@pytest.mark.parametrize("host", ["LT.Test", "lt.test.", "LT.TEST.:80"])
def test_the_host_has_one_spelling(start, host):
    relay = start("--http-proxy-port", "80")
    assert url(relay, host) == "http://some-app.lt.test"


@pytest.mark.covers("S5")
def test_a_domain_may_be_given_in_any_case_and_with_a_dot(start):
    relay = start("--http-proxy-port", "80", "--domain", "Sub.Example.TEST.", domain=None)
    assert url(relay, "sub.example.test") == "http://some-app.sub.example.test"
