"""adit's output when nobody reads it: tunnels go on, and it ends when it is told to."""
import json
import os
import signal
import subprocess

import pytest

from harness import http
from harness.relay import SANITIZER, clean_env
from harness.traffic import Later
from harness.wait import DEADLINE, SLOW, wait_for
from harness.wan import adit

pytestmark = pytest.mark.timeout(60 * SLOW)


@pytest.fixture
def deaf(relay, services, tmp_path):
    """An adit whose output is a pipe that nobody reads: (process, reader, host)."""
    reader, writer = os.pipe()
    process = subprocess.Popen(
        [adit(), "http", str(services().port), "--json", "--subdomain", "deaf1",
         "--relay", f"http://127.0.0.1:{relay.port}"], stdout=writer, stderr=subprocess.PIPE,
        env=clean_env({"HOME": tmp_path}))
    os.close(writer)
    relay.wait_log("tunnel online")
    yield process, reader
    if process.poll() is None:
        process.kill()
    said = process.communicate()[1].decode()
    os.close(reader)
    assert not SANITIZER.search(said), said


def fill(relay, count):
    """Requests whose lines are more than the pipe and the queue take."""
    def some():
        with http.Visitor(relay.port) as visitor:
            for _ in range(count // 8):
                response = visitor.ask("GET", "/" + "x" * 500, "deaf1.lt.test")
                assert response.body == b"hello"
    for later in [Later(some) for _ in range(8)]:
        later.result()


def test_a_reader_that_stalls_stops_no_tunnel(relay, deaf):
    process, reader = deaf
    fill(relay, 2400)
    process.send_signal(signal.SIGTERM)
    wait_for(lambda: http.fetch(relay.port, host="deaf1.lt.test").status == 404, "its end")
    text = b""
    while data := os.read(reader, 65536):
        text += data
    lines = [json.loads(line) for line in text.splitlines()]
    assert all("time" in line and "event" in line for line in lines)
    told = [line for line in lines if line.get("code") == "output-dropped"]
    requests = [line for line in lines if line["event"] == "request"]
    assert told and told[-1]["event"] == "warning" and told[-1]["message"]
    assert all(line["message"].startswith(f"{line['lines']} lines were dropped") for line in told)
    assert sum(line["lines"] for line in told) + len(requests) >= 2400
    assert process.wait(DEADLINE) == 0


def test_a_reader_that_never_reads_cannot_keep_it(relay, deaf):
    process, _ = deaf
    fill(relay, 2400)
    process.send_signal(signal.SIGTERM)
    assert process.wait(DEADLINE) == 0


def test_a_reader_that_is_gone(relay, services, tmp_path):
    reader, writer = os.pipe()
    process = subprocess.Popen(
        [adit(), "http", str(services().port), "--subdomain", "deaf1",
         "--relay", f"http://127.0.0.1:{relay.port}"], stdout=writer, stderr=subprocess.PIPE,
        env=clean_env({"HOME": tmp_path}))
    os.close(writer)
    relay.wait_log("tunnel online")
    os.close(reader)
    fill(relay, 80)
    assert http.fetch(relay.port, host="deaf1.lt.test").body == b"hello"
    process.send_signal(signal.SIGTERM)
    assert process.wait(DEADLINE) == 0
    assert not SANITIZER.search(process.stderr.read().decode())


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_closed_standard_descriptors_do_no_harm(relay, services, tmp_path, closed):
    """A socket that got the number of one would be written into, and be no socket to libuv."""
    words = [adit(), "http", str(services().port), "--subdomain", "shut1",
             "--relay", f"http://127.0.0.1:{relay.port}"]
    with subprocess.Popen(["sh", "-c", f'exec "$@" {closed}', "sh", *words], stderr=subprocess.PIPE,
                          env=clean_env({"HOME": tmp_path})) as process:
        try:
            relay.wait_log("tunnel online")
            assert http.fetch(relay.port, host="shut1.lt.test").body == b"hello"
            process.terminate()
            assert process.wait(DEADLINE) == 0, process.stderr.read()
        finally:
            process.kill()
