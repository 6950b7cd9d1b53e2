"""The password with programs that people use: Chromium, curl, and the npm packages."""
import os
import shutil
import subprocess

import pytest

from harness import npm
from harness.agent import reply
from harness.gate import locked
from harness.wait import wait_for


@pytest.fixture
def fast(start):
    return lambda *flags, **how: start("--bcrypt-cost", "4", *flags, **how)


@pytest.mark.covers("S107", "S108", "S111")
def test_chromium_walks_the_form(fast, agent, node):
    if not shutil.which("chromium"):
        pytest.skip("chromium is not installed")
    npm.install()
    relay = fast()
    locked(relay, "demo", "hunter22 \u20ac")
    service = agent(relay, "demo").serve(reply(b"the inside", headers=[("Content-Type", "text/html")]),
                                         sockets=4)
    folder = [os.environ["ADIT_PICTURES"]] if os.environ.get("ADIT_PICTURES") else []
    walk = node(npm.Node, npm.NODE_MODULES.parent / "gate_browser.js",
                f"http://demo.lt.test:{relay.port}", "hunter22 \u20ac", *folder)
    steps = {}
    for _ in range(11):
        step = walk.event(60)
        assert step["step"] != "failed", step
        if step["step"] == "look":
            assert step["width"] <= 450
        steps[step["step"]] = step
    assert steps["form"]["status"] == 401 and steps["form"]["focused"] == "password"
    assert steps["form"]["problem"] == ""
    assert "not the password" in steps["wrong"]["problem"]
    assert steps["wrong"]["focused"] == "password"
    assert steps["in"]["body"] == "the inside" and steps["in"]["path"] == "/inside?a=1"
    assert steps["session"]["status"] == 200 and "__adit" not in steps["session"]["script"]
    assert steps["out"]["title"] == "Signed out" and steps["after"]["status"] == 401
    assert "Too many wrong passwords" in steps["locked"]["problem"]
    assert steps["hosts"]["others"] == []
    assert all(request.target in ("/inside?a=1", "/other", "/favicon.ico")
               for request in service.requests)


def curl(relay, *args):
    url = f"http://demo.lt.test:{relay.port}/"
    return subprocess.run(
        ["curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "--resolve",
         f"demo.lt.test:{relay.port}:127.0.0.1", *args, url], capture_output=True, text=True,
        timeout=20, check=True).stdout


@pytest.mark.covers("S105", "S106")
def test_curl_in_all_its_ways(fast, agent):
    relay = fast()
    locked(relay, "demo", "hunter22")
    agent(relay, "demo").serve(reply(b"hello"))
    assert curl(relay) == "401"
    assert curl(relay, "-u", ":hunter22") == "200"
    assert curl(relay, "-u", "me:hunter22", "-X", "POST", "-d", "a=b") == "200"
    assert curl(relay, "--anyauth", "-u", "me:hunter22") == "200", "the challenge is understood"
    assert curl(relay, "-u", "me:wrong") == "401"


@pytest.mark.covers("S103", "S109")
def test_ws_through_the_npm_client(fast, node):
    npm.install()
    relay = fast()
    echo = node(npm.Node, "ws_echo.js")
    port = echo.event()["port"]
    locked(relay, "demo", "hunter22")
    client = node(npm.NpmClient, relay, port, name="demo")
    assert "demo" in client.url()
    wait_for(lambda: relay.find_logs("tunnel online"), "the client to be there")
    program = npm.NODE_MODULES.parent / "ws_basic.js"
    asked = node(npm.Node, program, relay.port, "demo.lt.test")
    assert asked.event() == {"status": 401}
    asked = node(npm.Node, program, relay.port, "demo.lt.test", "me:wrong")
    assert asked.event() == {"status": 401}
    asked = node(npm.Node, program, relay.port, "demo.lt.test", "me:hunter22")
    assert asked.event() == {"echo": "hello"}
