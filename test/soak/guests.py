"""The service behind the tunnels of a soak, and the visitors, each of whom checks every byte."""
import math
import random
import threading
import time

from harness import http
from harness.service import PATIENCE, answer, send_body
from harness.traffic import BLOCK, blocks, chunk, digest_of, read_digest, send_blocks

LARGEST = 4 << 20


def serve(service, wire, request):
    """The local web service: bodies of any size, digests of uploads, slow events, an echo."""
    service.requests.clear()  # a soak of hours keeps nothing of them
    kind, _, size = request.target[1:].partition("/")
    if request.get("Upgrade"):
        wire.send(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n"
                  b"Upgrade: echo\r\n\r\n")
        echo(wire)
        return False
    if kind == "up":
        answer(wire, repr(read_digest(wire, request)).encode())
    elif kind == "events":
        wire.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        for index in range(int(size)):
            wire.send(chunk(b"event %d" % index))
            time.sleep(0.02)
        wire.send(b"0\r\n\r\n")
    else:
        send_body(wire, int(size), chunked=kind == "chunks")
    return True


def echo(wire):
    while data := wire.read_some(PATIENCE):
        wire.send(data)
    wire.half_close()


class Tally:
    """What all visitors found. A failure is wrong only at a tunnel that has to keep them."""

    def __init__(self):
        self.lock = threading.Lock()
        self.deeds = {}
        self.failures = {}
        self.wrong = []

    def done(self, tunnel, deed, failure=None):
        with self.lock:
            if failure is None:
                self.deeds[deed] = self.deeds.get(deed, 0) + 1
                return
            self.failures[tunnel.name] = self.failures.get(tunnel.name, 0) + 1
            if tunnel.keeps or not isinstance(failure, Unserved | OSError | http.Truncated):
                self.wrong.append(f"{tunnel.name}: {deed}: {type(failure).__name__}: {failure}")

    def complain(self, sentence):
        with self.lock:
            self.wrong.append(sentence)


class Tunnel:
    """Where visitors go. keeps: nothing that happens to its link or agent may reach them."""

    def __init__(self, name, port, host=None, keeps=True):
        self.name, self.port, self.host, self.keeps = name, port, host, keeps


class Unserved(AssertionError):
    """An honest refusal: 502, 503 or 504."""


class Guest:
    """One visitor after the other, until it is told to stop; the last one finishes."""

    def __init__(self, tunnels, tally, seed):
        self.tunnels, self.tally = tunnels, tally
        self.dice = random.Random(seed)
        self.going = True

    def run(self):
        while self.going:
            tunnel = self.dice.choice(self.tunnels)
            deeds = WEB_DEEDS if tunnel.host else [talk]
            deed = self.dice.choice(deeds)
            try:
                with http.Visitor(tunnel.port, timeout=PATIENCE) as visitor:
                    deed(visitor, tunnel, self.dice)
                self.tally.done(tunnel, deed.__name__)
            except (OSError, AssertionError) as failure:
                self.tally.done(tunnel, deed.__name__, failure)
                time.sleep(0.05)  # whoever is refused at once does not fill the processor

    def stop(self):
        self.going = False


def some_size(dice):
    """Small ones mostly: each power of two is as likely as the next."""
    return int(math.exp(dice.uniform(0, math.log(LARGEST))))


def demand(true, *what):
    if not true:
        raise http.BadMessage(f"not what was sent: {what}")


def served(response):
    if response.status in (502, 503, 504):
        raise Unserved(f"{response.status} {response.get('X-Adit-Error')}")
    demand(response.status == 200, response)
    return response


# deeds

def ask(visitor, tunnel, dice):
    """Some small requests on one connection."""
    for _ in range(dice.randrange(1, 20)):
        size = dice.randrange(300)
        response = served(visitor.ask(target=f"/body/{size}", host=tunnel.host))
        demand(response.body == b"".join(blocks(size)), response)


def download(visitor, tunnel, dice):
    size = some_size(dice)
    visitor.send(http.build_request(
        target=f"/{dice.choice(['body', 'chunks'])}/{size}", host=tunnel.host))
    found = read_digest(visitor, served(visitor.read_head(PATIENCE)), PATIENCE)
    demand(found == (digest_of(size), size), found, size)


def upload(visitor, tunnel, dice):
    size, chunked = some_size(dice), dice.random() < 0.5
    framing = ("Transfer-Encoding", "chunked") if chunked else ("Content-Length", size)
    visitor.send(http.build_request("POST", "/up", tunnel.host, [framing]))
    send_blocks(visitor, size, chunked)
    response = served(visitor.read_response(timeout=PATIENCE))
    demand(response.text() == repr((digest_of(size), size)), response, size)


def listen(visitor, tunnel, dice):
    """Events that come over some time."""
    count = dice.randrange(100)
    response = served(visitor.ask(target=f"/events/{count}", host=tunnel.host))
    demand(response.body == b"".join(b"event %d" % index for index in range(count)), response)


def upgrade(visitor, tunnel, dice):
    visitor.send(http.build_request(
        target="/", host=tunnel.host, headers=[("Connection", "Upgrade"), ("Upgrade", "echo")]))
    response = visitor.read_head(PATIENCE)
    if response.status != 101:
        served(response)
    demand(response.status == 101, response)
    talk(visitor, tunnel, dice)


def talk(visitor, _, dice):
    """With an echo, to and fro, and then both ends half-close."""
    for _ in range(dice.randrange(30)):
        start = dice.randrange(len(BLOCK))
        data = BLOCK[start:start + some_size(dice)] or b"x"
        visitor.send(data)
        demand(visitor.read_exactly(len(data), PATIENCE) == data, len(data))
    visitor.half_close()
    demand(visitor.read_to_end(PATIENCE) == b"", "bytes behind the echo")


def dawdle(visitor, tunnel, dice):
    """Reads slowly, and leaves in the middle."""
    visitor.send(http.build_request(target=f"/body/{LARGEST}", host=tunnel.host))
    served(visitor.read_head(PATIENCE))
    for _ in range(dice.randrange(20)):
        visitor.read_some(PATIENCE)
        time.sleep(0.05)
    if dice.random() < 0.5:
        visitor.reset()


def babble(visitor, _, dice):
    """What is no request at all."""
    visitor.send(dice.randbytes(dice.randrange(1, 5000)))
    visitor.half_close()
    visitor.read_to_end(PATIENCE)


WEB_DEEDS = [ask, ask, ask, download, download, upload, upload, listen, upgrade, dawdle, babble]
