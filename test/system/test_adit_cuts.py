"""A link that is cut at random bytes again and again: no visitor sees an error or a wrong byte."""
import hashlib
import itertools
import os
import random

import pytest

from harness import http
from harness.between import Cuts
from harness.service import PATIENCE, answer, send_body
from harness.traffic import Later, a_name, blocks, digest_of, read_digest
from harness.wait import SLOW

pytestmark = pytest.mark.timeout(90 * SLOW)
SEED = int(os.environ.get("ADIT_TEST_SEED", "0")) or random.SystemRandom().randrange(1 << 30)


def app(wire, request):
    if request.get("Upgrade"):
        wire.send(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n"
                  b"Upgrade: raw\r\n\r\n")
        while data := wire.read_some(PATIENCE):
            wire.send(data)
        return False
    if request.method == "POST":
        sha, size = read_digest(wire, request)
        answer(wire, f"{sha} {size}".encode())
    else:
        send_body(wire, int(request.target[1:]), request.get("X-Chunked") is not None)
    return True


def download(visitor, host, size):
    chunked = [("X-Chunked", "1")] if size % 2 else []
    visitor.send(http.build_request("GET", f"/{size}", host, chunked))
    head = visitor.read_head()
    assert head.status == 200, head
    assert read_digest(visitor, head, PATIENCE) == (digest_of(size), size)


def upload(visitor, host, size):
    visitor.send(http.build_request("POST", "/", host, [("Content-Length", str(size))]))
    for piece in blocks(size):
        visitor.send(piece)
    response = visitor.read_response(timeout=PATIENCE)
    assert response.status == 200, response
    assert response.text() == f"{digest_of(size)} {size}"


def echo(visitor, host, size):
    visitor.send(http.build_request("GET", "/", host, [("Connection", "Upgrade"),
                                                       ("Upgrade", "raw")]))
    assert visitor.read_head(PATIENCE).status == 101

    def pour():
        for piece in blocks(size):
            visitor.send(piece)
        visitor.half_close()
    sending, sha = Later(pour), hashlib.sha256()
    while data := visitor.read_some(PATIENCE):
        sha.update(data)
    sending.result()
    assert sha.hexdigest() == digest_of(size)


@pytest.fixture
def between(start):
    """between(port, seed) -> Cuts, closed with the test."""
    made = []

    def begin(*args, **how):
        made.append(Cuts(*args, **how))
        return made[-1]
    yield begin
    for one in made:
        one.close()


@pytest.mark.parametrize("sessions, flags", [
    (1, []), (1, ["--transport", "websocket"]), (3, ["--connections", "3"])],
                         ids=["plain", "websocket", "three"])
@pytest.mark.parametrize("work", [download, upload, echo])
def test_every_byte_is_right(start, services, adits, between, work, sessions, flags):
    relay = start("--workers", "2")
    cuts = between(relay.port, SEED)
    service = services(app)
    agent = adits(cuts.port, "http", service.port, "--subdomain", a_name("c"), *flags)
    host = agent.wait_event("tunnel_up")["url"].partition("//")[2].partition(":")[0]
    relay.wait_log("session up", count=sessions)
    dice, turns = random.Random(SEED), itertools.count()

    def visit():
        while next(turns) < 100:
            with http.Visitor(relay.port, timeout=PATIENCE) as visitor:
                work(visitor, host, dice.randrange(1, 60_000))
    cuts.on = True
    for later in [Later(visit) for _ in range(10)]:
        later.result(80 * SLOW)
    assert cuts.times >= 3, f"only {cuts.times} cuts"
    cuts.on = False
    assert not agent.find("session_lost"), (SEED, agent.text())
