"""Bytes beyond ASCII in a request target: clients send them, services read them. They pass as they
are, and whatever is written about them is UTF-8 that steers no terminal."""
import codecs
import json
import re
import subprocess

import pytest

from harness import http
from harness.agent import answer, reply
from harness.relay import clean_env
from harness.traffic import a_name
from harness.wait import DEADLINE, SLOW, wait_for
from harness.wan import adit
from test_adit_screen import Terminal

pytestmark = pytest.mark.timeout(60 * SLOW)

# UTF-8, Latin-1, over-long forms, surrogates, C1 controls alone and as UTF-8, and cut sequences.
TARGETS = {
    "utf-8": (b"/p\xc3\xa4th?q=\xc3\xb6\xe2\x82\xac", "/p\u00e4th?q=\u00f6\u20ac"),
    "latin-1": (b"/p\xe4th?\xff", "/p\ufffdth?\ufffd"),
    "over-long": (b"/\xc0\xaf\xe0\x80\xaf", "/" + 5 * "\ufffd"),
    "surrogate": (b"/\xed\xa0\x80", "/\ufffd\ufffd\ufffd"),
    "c1": (b"/\x9b31mred\x85\xa0", "/\ufffd31mred\ufffd\ufffd"),
    "c1-as-utf-8": (b"/\xc2\x9b31mred", "/\u009b31mred"),
    "direction": (b"/\xe2\x80\xaetxt", "/\u202etxt"),
    "cut": (b"/\xe2\x82", "/\ufffd\ufffd"),
}
# What a terminal acts upon, and what is not UTF-8, is no character of any output.
UNCLEAN = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028-\u202e\ufffd]|[\udc80-\udcff]")

each_target = pytest.mark.parametrize("target, shown", TARGETS.values(), ids=TARGETS)


def ask(port, target, host, headers=()):
    with http.Visitor(port) as visitor:
        visitor.send(b"GET " + target + b" HTTP/1.1\r\nHost: " + host.encode() + b"\r\n"
                     + b"".join(line + b"\r\n" for line in headers) + b"\r\n")
        return visitor.read_response()


def ask_for_all(port, host, status):
    for target in [*(target for target, _ in TARGETS.values()), b"/the-end"]:
        assert ask(port, target, host).status == status


def line_of(request):
    return request.raw.partition(b"\r\n")[0]


@each_target
def test_pool_tunnels_get_it_byte_for_byte(relay, agent, target, shown):
    mine = agent(relay, a_name("t")).serve(reply(b"hello"))
    mine.wait_connected(1)
    value = b"X-A: " + target
    assert ask(relay.port, target, mine.host, [value]).body == b"hello"
    request = mine.requests[0]
    assert line_of(request) == b"GET " + target + b" HTTP/1.1"
    assert value in request.raw.split(b"\r\n")
    assert relay.wait_access(tunnel=mine.name)["path"] == shown.partition("?")[0]


@each_target
def test_services_of_adit_get_it_byte_for_byte(relay, services, adits, target, shown):
    service = services()
    agent = adits(relay, "http", service.target, "--subdomain", a_name("t"))
    host = agent.wait_event("tunnel_up")["url"].partition("//")[2].partition(":")[0]
    assert ask(relay.port, target, host).body == b"hello"
    assert line_of(service.requests[0]) == b"GET " + target + b" HTTP/1.1"
    assert agent.wait_event("request")["path"] == shown


def test_it_passes_where_the_head_is_written_anew(relay, services, adits):
    service = services()
    agent = adits(relay, "http", service.target, "--host-header", "rewrite")
    host = agent.wait_event("tunnel_up")["url"].partition("//")[2].partition(":")[0]
    assert ask(relay.port, b"/\xc3\xa4\x9b", host).body == b"hello"
    assert line_of(service.requests[0]) == b"GET /\xc3\xa4\x9b HTTP/1.1"


def test_an_answer_may_have_such_bytes_in_its_head(relay, agent):
    head = ("200 f\xfcr dich", [("X-A", "\xe4\x9b"), ("Location", "/\xff")])
    mine = agent(relay, a_name("t")).serve(lambda sock, request: answer(b"hello", *head))
    mine.wait_connected(1)
    response = ask(relay.port, b"/", mine.host)
    assert response.raw.startswith(b"HTTP/1.1 200 f\xfcr dich\r\n")
    assert b"\r\nX-A: \xe4\x9b\r\n" in response.raw and b"\r\nLocation: /\xff\r\n" in response.raw


@pytest.mark.parametrize("target", [b"/\xe4 \xe4", b"/\xe4\x7f", b"/\xe4\t", b"/\xe4\x1b[31m",
                                    b"/\xe4\0", b"/\xe4#\xe4", b"\xe4", b"http://\xe4.test/"])
def test_other_bytes_get_through_no_more_than_before(relay, agent, target):
    mine = agent(relay, a_name("t")).serve(reply(b"hello"))
    mine.wait_connected(1)
    response = ask(relay.port, target, mine.host)
    assert response.status == 400
    assert response.raw.isascii() and response.body.isascii()
    assert not mine.requests


def test_logs_of_the_relay_as_text_are_clean(start):
    relay = start("--log-format", "text", wait=False)
    wait_for(lambda: "ready" in relay.text(), "the word ready")
    port = int(re.search(r"listening.*port=(\d+)", relay.text())[1])
    ask_for_all(port, f"{a_name('none')}.lt.test", 404)
    wait_for(lambda: "the-end" in relay.text(), "the last line")
    assert not UNCLEAN.search(relay.text()), relay.text()


def test_logs_and_metrics_of_the_relay_are_clean(relay, agent):
    mine = agent(relay, a_name("t")).serve(reply(b"hello"))
    mine.wait_connected(1)
    ask_for_all(relay.port, mine.host, 200)
    ask_for_all(relay.port, f"{a_name('none')}.lt.test", 404)
    relay.wait_access(path="/the-end", count=2)
    for line in relay.stderr:
        json.loads(line)
        assert not UNCLEAN.search(line), line


@pytest.mark.parametrize("form", [[], ["--json"]], ids=["lines", "json"])
def test_what_adit_prints_is_clean(relay, services, form, tmp_path):
    name, out = a_name("t"), tmp_path / "out"
    with out.open("wb") as writer, subprocess.Popen(
            [adit(), "http", services().target, "--subdomain", name, *form,
             "--relay", f"http://127.0.0.1:{relay.port}"], stdout=writer,
            env=clean_env({"HOME": tmp_path})) as process:
        relay.wait_log("tunnel online")
        ask_for_all(relay.port, f"{name}.lt.test", 200)
        wait_for(lambda: b"the-end" in out.read_bytes(), "the last line")
        process.terminate()
        assert process.wait(2 * DEADLINE) == 0
    text = out.read_bytes().decode("utf-8", "surrogateescape")
    assert not UNCLEAN.search(text), text
    for line in text.splitlines() if form else []:
        json.loads(line)


def test_the_screen_of_adit_is_clean(relay, services, tmp_path):
    name, shown = a_name("t"), b""
    screen = Terminal(tmp_path, "http", services().target, "--subdomain", name, "--relay",
                      f"http://127.0.0.1:{relay.port}")

    def has_the_end():
        nonlocal shown
        shown += screen.read()
        return b"the-end" in shown
    try:
        relay.wait_log("tunnel online")
        ask_for_all(relay.port, f"{name}.lt.test", 200)
        wait_for(has_the_end, "the last row")
    finally:
        screen.close()
    # The last row may have come in part.
    text = codecs.getincrementaldecoder("utf-8")().decode(shown)
    assert "31mred" in text and not re.search("[\x80-\x9f\u2028-\u202e\ufffd]", text), text
