"""Helpers of the traffic tests: own names, error pages, bulk bodies, visitors in the background."""
import hashlib
import os
import re
import threading
import uuid

from . import http
from .relay import binary
from .wait import DEADLINE

MIB = 1 << 20
BLOCK = hashlib.sha512(b"adit").digest() * 1024  # 64 KiB that do not look like anything


def a_name(prefix="t"):
    """A tunnel name that no other test has."""
    return f"{prefix}-{uuid.uuid4().hex[:10]}"


def ms(value):
    """A duration as the options take it."""
    return str(int(value))


def assert_error(response, status, code, retry_after=None):
    """A refusal that the relay itself wrote. retry_after: (least, most) seconds, or False."""
    assert response.status == status, response
    assert response.get("X-Adit-Error") == code, response
    if retry_after is False:
        assert response.get("Retry-After") is None, response
    elif retry_after is not None:
        value = response.get("Retry-After")
        assert value is not None and re.fullmatch("[0-9]+", value), response
        assert retry_after[0] <= int(value) <= retry_after[1], response


def assert_nothing_sent(sock, seconds=0.3):
    """The agent's socket was given no byte; its end is allowed."""
    assert sock.silent(seconds) or (sock.eof and not sock.pending), sock.pending[:300]


def blocks(size):
    """A body of this many bytes, in pieces, that differs at every block."""
    index = 0
    while size > 0:
        piece = (b"%08d" % index + BLOCK[8:])[:size]
        yield piece
        size -= len(piece)
        index += 1


def digest_of(size):
    sha = hashlib.sha256()
    for piece in blocks(size):
        sha.update(piece)
    return sha.hexdigest()


def chunk(data):
    return b"%x\r\n" % len(data) + data + b"\r\n"


def send_blocks(wire, size, chunked=False):
    """Sends a body of blocks(size); chunked includes the last chunk."""
    for piece in blocks(size):
        wire.send(chunk(piece) if chunked else piece)
    if chunked:
        wire.send(b"0\r\n\r\n")


def read_counted(wire, count, sha, timeout):
    while count:
        data = wire.pending[:count]
        if data:
            wire.pending = wire.pending[len(data):]
        else:
            data = wire.read_some(timeout)
            if not data:
                raise http.Truncated(f"{count} bytes missing")
            data, wire.pending = data[:count], data[count:]
        sha.update(data)
        count -= len(data)


def read_digest(wire, message, timeout=None):
    """Reads the body that belongs to a head, in bounded memory: (digest, length)."""
    timeout = timeout or 6 * DEADLINE
    sha, total = hashlib.sha256(), 0
    length = message.get("Content-Length")
    if length is not None:
        assert message.get("Transfer-Encoding") is None, message
        read_counted(wire, int(length), sha, timeout)
        return sha.hexdigest(), int(length)
    if message.get("Transfer-Encoding") is None:
        data = wire.read_some(timeout)
        while data:
            sha.update(data)
            total += len(data)
            data = wire.read_some(timeout)
        return sha.hexdigest(), total
    while True:
        size = int(wire.read_until(b"\r\n", timeout)[:-2].partition(b";")[0], 16)
        if size == 0:
            break
        read_counted(wire, size, sha, timeout)
        total += size
        if wire.read_exactly(2, timeout) != b"\r\n":
            raise http.BadMessage("a chunk does not end in CR LF")
    if wire.read_exactly(2, timeout) != b"\r\n":
        raise http.BadMessage("unexpected trailers")
    return sha.hexdigest(), total


def read_chunk(wire, timeout=None):
    """One chunk of a chunked body, as soon as it is there; b"" is the last one."""
    size = int(wire.read_until(b"\r\n", timeout)[:-2].partition(b";")[0], 16)
    data = wire.read_exactly(size + 2, timeout)
    if data[-2:] != b"\r\n":
        raise http.BadMessage("a chunk does not end in CR LF")
    return data[:-2]


class Later:
    """Runs a function on a thread; result() waits for it and raises what it raised."""

    def __init__(self, function, *args, **how):
        self.value = None
        self.failure = None
        self.thread = threading.Thread(
            target=self._run, args=(function, args, how), daemon=True)
        self.thread.start()

    def _run(self, function, args, how):
        try:
            self.value = function(*args, **how)
        except BaseException as failure:
            self.failure = failure

    def done(self):
        return not self.thread.is_alive()

    def result(self, timeout=6 * DEADLINE):
        self.thread.join(timeout)
        assert not self.thread.is_alive(), "still running"
        if self.failure is not None:
            raise self.failure
        return self.value


def sanitized():
    """Whether the relay under test has a sanitizer in it, which counts as RSS."""
    with open(binary(), "rb") as program:
        data = program.read()
    return b"__asan_init" in data or b"__tsan_init" in data


# Freed memory goes back at once, so that the resident size says something under ASan as well.
SMALL_QUARANTINE = "quarantine_size_mb=0:thread_local_quarantine_size_kb=0"


def lean_env():
    """Environment of a relay whose memory is measured."""
    return {"ASAN_OPTIONS": f"detect_leaks=1:exitcode=99:{SMALL_QUARANTINE}:"
                            + os.environ.get("ADIT_ASAN_OPTIONS", "")}
