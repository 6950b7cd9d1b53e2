"""Our session against another implementation of yamux, in both roles.

mux_peer is ours (MUX_PEER names another one than that of build/asan), yamux_peer is a Go program
with hashicorp/yamux, which also sends what no library would. Both know the same few services
(mux_peer.c lists them) and can work out each other's bytes.
"""
import fcntl
import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
LIMIT = 30
ROLES = ("client", "server")  # of ours
KIB, MIB = 1 << 10, 1 << 20
CLEAN = {"fault": "no fault", "served_failed": 0}
pytestmark = pytest.mark.timeout(90)


@pytest.fixture(scope="session")
def theirs():
    """The Go program, built once."""
    assert shutil.which("go"), "go is not installed"
    place = ROOT / ".cache" / "interop"
    place.mkdir(parents=True, exist_ok=True)
    with open(place / "lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        subprocess.run(["go", "build", "-buildvcs=false", "-o", place / "yamux_peer", "."],
                       cwd=HERE / "yamux_peer", check=True, timeout=300)
    return place / "yamux_peer"


class Pair:
    """mux_peer in a role, and the Go program that connects to it in the other."""

    def __init__(self, program, role, opens=()):
        self.program = program
        self.other = ROLES[1 - ROLES.index(role)]
        ours = os.environ.get("MUX_PEER", ROOT / "build" / "asan" / "test" / "interop" / "mux_peer")
        self.process = subprocess.Popen(
            [ours, role, *map(str, opens)], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            text=True, env={**os.environ, "ASAN_OPTIONS": "detect_leaks=1",
                            "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1"})
        self.port = self.line()["port"]

    def line(self):
        text = self.process.stdout.readline()
        assert text, self.process.stderr.read()
        return json.loads(text)

    def start(self, *scenario):
        return subprocess.Popen(
            [self.program, self.other, str(self.port), *map(str, scenario)], text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def finish(self, process):
        """What the Go program prints."""
        out, err = process.communicate(timeout=LIMIT)
        assert process.returncode == 0, err
        return json.loads(out)

    def run(self, *scenario):
        return self.finish(self.start(*scenario))

    def end(self, **expected):
        """How our side ended; it has to end well, sanitizers included."""
        last = self.line()
        self.process.wait(LIMIT)
        err = self.process.stderr.read()
        assert self.process.returncode == 0 and not err, err
        for key, value in expected.items():
            assert last[key] == value, last
        return last

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()


@pytest.fixture(params=ROLES)
def pair(request, theirs):
    """pair(...) -> Pair, with ours in each role."""
    made = []

    def make(*opens):
        made.append(Pair(theirs, request.param, opens))
        return made[-1]
    yield make
    for one in made:
        one.close()


# ---------------------------------------------------------------- they open, we serve

@pytest.mark.parametrize("scenario,count,size", [
    ("echo", 1, 0),
    ("echo", 1, 1),
    ("echo", 1, 4 * MIB),
    ("echo", 100, 100 * KIB),
    ("sink", 1, 8 * MIB),
    ("sink", 100, 300 * KIB),
    ("source", 1, 8 * MIB),
    ("source", 100, 300 * KIB),
    ("slow", 4, 2 * MIB),
    ("reset", 20, 0),
])
def test_they_open(pair, scenario, count, size):
    one = pair()
    result = one.run(scenario, count, size)
    assert result["failures"] == [] and result["good"] == count
    assert one.end(**CLEAN)["served"] == count


def test_their_reset_arrives(pair):
    """Closed there, never finished here: after its time limit the library resets."""
    one = pair()
    result = one.run("late", 3, 0)
    assert result["failures"] == [] and result["good"] == 3
    last = one.end(fault="no fault")
    assert last["served"] == last["served_failed"] == 3


def test_pings_both_ways(pair):
    """Ours come every 200 ms while theirs keep the session busy."""
    one = pair()
    slow = one.run("slow", 1, 8 * MIB)
    assert slow["failures"] == []
    assert one.end(**CLEAN)["pings"] >= 2
    two = pair()
    assert two.run("ping", 100, 0) == {"good": 100, "served": 0, "failures": []}
    two.end(**CLEAN)


def test_our_go_away(pair):
    one = pair()
    result = one.run("goaway", 1, 0)
    assert result["failures"] == [] and result["good"] == 1
    one.end(**CLEAN)


def test_their_go_away_leaves_streams_alone(pair):
    one = pair()
    result = one.run("leaving", 1, MIB)
    assert result["failures"] == [] and result["good"] == 1
    one.end(go_away=True, **CLEAN)


# ---------------------------------------------------------------- we open, they serve

@pytest.mark.parametrize("kind,count,size", [
    ("echo", 1, 0),
    ("echo", 1, 4 * MIB),
    ("echo", 100, 100 * KIB),
    ("sink", 1, 8 * MIB),
    ("sink", 100, 300 * KIB),
    ("source", 1, 8 * MIB),
    ("source", 100, 300 * KIB),
])
def test_we_open(pair, kind, count, size):
    one = pair(kind, count, size)
    process = one.start("serve")
    assert one.line() == {"opened": count, "good": count}
    result = one.finish(process)
    assert result["failures"] == [] and result["served"] == count
    one.end(**CLEAN)


def test_streams_both_ways_at_once(pair):
    one = pair("echo", 50, 200 * KIB)
    process = one.start("echo", 50, 200 * KIB)
    assert one.line() == {"opened": 50, "good": 50}
    result = one.finish(process)
    assert result["failures"] == [] and result["good"] == 50
    one.end(**CLEAN)


# ---------------------------------------------------------------- what no library sends

@pytest.mark.parametrize("scenario,fault", [
    ("window", "more was sent than a window allows"),
    ("credit", "more was sent than a window allows"),
    ("version", "a frame of another version"),
    ("type", "a frame of an unknown type"),
    ("acknowledge", "a frame of an unknown type"),
    ("exists", "a stream was opened twice"),
    ("parity", "a stream was opened under the other side's number"),
    ("zero", "a stream was opened under the other side's number"),
    ("closed", "bytes behind a stream's end"),
])
def test_a_broken_peer_ends_the_session(pair, scenario, fault):
    one = pair()
    result = one.run("raw-" + scenario)
    assert result["go_away"] == 1 and result["closed"], result
    one.end(end="broken", fault=fault)


def test_being_told_of_a_fault_ends_the_session(pair):
    one = pair()
    assert one.run("raw-told")["closed"]
    one.end(end="broken", fault="the other side found a fault of ours")


@pytest.mark.parametrize("scenario,expected", [
    ("unknown", {"pong": True, "go_away": -1}),
    ("reset", {"pong": True, "go_away": -1}),
    ("crowd", {"pong": True, "go_away": -1, "resets": 6}),
    ("torn", {"pong": True, "go_away": -1}),
])
def test_an_odd_peer_is_borne(pair, scenario, expected):
    one = pair()
    result = one.run("raw-" + scenario)
    assert {key: result[key] for key in expected} == expected, result
    one.end(end="lost")
