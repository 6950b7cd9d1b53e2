"""HTTP/1 by hand: a buffered socket, a strict parser of both directions, and a raw visitor.

Strict means: CR LF only, no folding, no blank before a colon, exactly one framing. Whatever the
relay sends that does not fit is a BadMessage, an end too early is Truncated.
"""
import json
import re
import socket
import struct
import time

from .wait import DEADLINE

TOKEN = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+\Z")
STATUS_LINE = re.compile(rb"HTTP/1\.([01]) ([1-5][0-9]{2}) ([\t \x21-\x7e\x80-\xff]*)\Z")
REQUEST_LINE = re.compile(rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]+) ([\x21-\x7e\x80-\xff]+) HTTP/1\.([01])\Z")


class BadMessage(AssertionError):
    """Bytes that are not HTTP/1 as this parser reads it."""


class Truncated(BadMessage):
    """The connection ended, or was reset, inside a message."""


class Wire:
    """A socket with a read buffer, and the rough ways to end it."""

    def __init__(self, sock, timeout=DEADLINE):
        self.sock = sock
        self.timeout = timeout
        self.pending = b""
        self.eof = False
        if sock.family != socket.AF_UNIX:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def send(self, data, sizes=None, pause=0.0):
        """Sends whole, or in pieces: sizes is a number or a list of them (the rest comes last)."""
        self.sock.settimeout(self.timeout)
        if sizes is None:
            self.sock.sendall(data)
            return
        if isinstance(sizes, int):
            sizes = [sizes] * (len(data) // sizes)
        for size in sizes:
            self.sock.sendall(data[:size])
            data = data[size:]
            if pause:
                time.sleep(pause)
        if data:
            self.sock.sendall(data)

    def _fill(self, deadline):
        """More bytes into the buffer; False at the end of the stream."""
        if self.eof:
            return False
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError(f"nothing more came; have {self.pending[:200]!r}")
        self.sock.settimeout(left)
        try:
            data = self.sock.recv(65536)
        except socket.timeout:
            raise TimeoutError(f"nothing more came; have {self.pending[:200]!r}") from None
        if not data:
            self.eof = True
            return False
        self.pending += data
        return True

    def read_until(self, mark, timeout=None, limit=1 << 20):
        """Up to and with mark."""
        deadline = time.monotonic() + (timeout or self.timeout)
        while mark not in self.pending:
            if len(self.pending) > limit:
                raise BadMessage(f"no {mark!r} in {limit} bytes")
            if not self._fill(deadline):
                raise Truncated(f"ended before {mark!r}: {self.pending[:300]!r}")
        end = self.pending.index(mark) + len(mark)
        data, self.pending = self.pending[:end], self.pending[end:]
        return data

    def read_exactly(self, count, timeout=None):
        deadline = time.monotonic() + (timeout or self.timeout)
        parts, have = [self.pending[:count]], min(count, len(self.pending))
        self.pending = self.pending[count:]
        while have < count:
            if not self._fill(deadline):
                raise Truncated(f"ended after {have} of {count} bytes")
            piece, self.pending = self.pending[:count - have], self.pending[count - have:]
            parts.append(piece)
            have += len(piece)
        return b"".join(parts)

    def read_some(self, timeout=None):
        """At least one byte, or b"" at the end."""
        if not self.pending:
            self._fill(time.monotonic() + (timeout or self.timeout))
        data, self.pending = self.pending, b""
        return data

    def read_to_end(self, timeout=None):
        deadline = time.monotonic() + (timeout or self.timeout)
        parts = [self.pending]
        self.pending = b""
        while self._fill(deadline):
            parts.append(self.pending)
            self.pending = b""
        return b"".join(parts)

    def wait_closed(self, timeout=None):
        """Waits for the other side's FIN or RST; bytes before it are an error. "fin" or "rst"."""
        try:
            rest = self.read_to_end(timeout)
        except ConnectionError:
            return "rst"
        assert rest == b"", f"bytes before the end: {rest[:300]!r}"
        return "fin"

    def silent(self, seconds):
        """True if neither bytes nor an end come for so long (for proving that nothing happens)."""
        if self.pending:
            return False
        try:
            self._fill(time.monotonic() + seconds)
        except TimeoutError:
            return True
        return False

    def half_close(self):
        self.sock.shutdown(socket.SHUT_WR)

    def reset(self):
        """Ends with RST, losing what is under way."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    def close(self):
        try:
            self.sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.sock.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Message:
    """headers and trailers: (name, value) pairs of str in wire order and case. raw: the head."""

    def __init__(self, raw, headers):
        self.raw = raw
        self.headers = headers
        self.trailers = []
        self.body = b""
        self.chunks = []

    def all(self, name):
        return [value for key, value in self.headers if key.lower() == name.lower()]

    def get(self, name, default=None):
        """The one value of a field; several fields of the name are a failure."""
        values = self.all(name)
        assert len(values) <= 1, f"{name} {len(values)} times: {values}"
        return values[0] if values else default

    def names(self):
        return [key for key, _ in self.headers]

    def json(self):
        return json.loads(self.body)

    def text(self):
        return self.body.decode()


class Response(Message):
    def __init__(self, raw, match, headers):
        super().__init__(raw, headers)
        self.version = "1." + match[1].decode()
        self.status = int(match[2])
        self.reason = match[3].decode("latin-1")

    @property
    def status_line(self):
        return f"{self.status} {self.reason}"

    def __repr__(self):
        return f"<Response {self.status_line} {self.headers} {self.body[:200]!r}>"


class Request(Message):
    def __init__(self, raw, match, headers):
        super().__init__(raw, headers)
        self.method = match[1].decode()
        self.target = match[2].decode("latin-1")
        self.version = "1." + match[3].decode()

    def __repr__(self):
        return f"<Request {self.method} {self.target} {self.headers} {self.body[:200]!r}>"


def parse_fields(block):
    """The field lines of a head or trailer section, each ended by CR LF."""
    fields = []
    for line in block.split(b"\r\n"):
        if b"\n" in line or b"\r" in line or b"\0" in line:
            raise BadMessage(f"a bare control byte in {line!r}")
        name, colon, value = line.partition(b":")
        if not colon or not TOKEN.match(name):
            raise BadMessage(f"not a field line: {line!r}")
        fields.append((name.decode(), value.strip(b" \t").decode("latin-1")))
    return fields


def parse_head(raw, first_line, kind):
    start, _, rest = raw[:-4].partition(b"\r\n")
    match = first_line.match(start)
    if not match:
        raise BadMessage(f"not a first line: {start!r}")
    return kind(raw, match, parse_fields(rest) if rest else [])


def read_chunked(wire, message, timeout):
    while True:
        line = wire.read_until(b"\r\n", timeout)[:-2]
        size, _, _ = line.partition(b";")
        if not re.fullmatch(rb"[0-9A-Fa-f]+", size):
            raise BadMessage(f"not a chunk size: {line!r}")
        count = int(size, 16)
        if count == 0:
            break
        data = wire.read_exactly(count, timeout)
        if wire.read_exactly(2, timeout) != b"\r\n":
            raise BadMessage("a chunk does not end in CR LF")
        message.chunks.append(data)
        message.body += data
    line = wire.read_until(b"\r\n", timeout)
    while line != b"\r\n":
        message.trailers += parse_fields(line[:-2])
        line = wire.read_until(b"\r\n", timeout)


def read_body(wire, message, timeout, to_end):
    coding, length = message.get("Transfer-Encoding"), message.get("Content-Length")
    if coding is not None and length is not None:
        raise BadMessage("both Content-Length and Transfer-Encoding")
    if coding is not None:
        if coding.lower() != "chunked" or message.version == "1.0":
            raise BadMessage(f"Transfer-Encoding: {coding} in {message.version}")
        read_chunked(wire, message, timeout)
    elif length is not None:
        if not re.fullmatch(r"[0-9]+", length):
            raise BadMessage(f"Content-Length: {length}")
        message.body = wire.read_exactly(int(length), timeout)
    elif to_end:
        message.body = wire.read_to_end(timeout)


def read_request(wire, timeout=None, body=True):
    """One request from a peer of ours: what an agent is given."""
    request = parse_head(wire.read_until(b"\r\n\r\n", timeout), REQUEST_LINE, Request)
    if body:
        read_body(wire, request, timeout, to_end=False)
    return request


def build_request(method="GET", target="/", host=None, headers=(), body=None, version="1.1"):
    """A request as bytes. Content-Length is added when there is a body and no framing."""
    lines = [f"{method} {target} HTTP/{version}"]
    if host is not None:
        lines.append(f"Host: {host}")
    lines += [f"{name}: {value}" for name, value in headers]
    framed = any(name.lower() in ("content-length", "transfer-encoding") for name, _ in headers)
    if body is not None and not framed:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + (body or b"")


class Visitor(Wire):
    """A client connection to the relay; source chooses the address it comes from."""

    def __init__(self, port, address="127.0.0.1", source=None, timeout=DEADLINE):
        sock = socket.create_connection(
            (address, port), timeout, source_address=(source, 0) if source else None)
        super().__init__(sock, timeout)

    def read_head(self, timeout=None):
        """The next response's head, without its body."""
        return parse_head(self.read_until(b"\r\n\r\n", timeout), STATUS_LINE, Response)

    def read_response(self, method="GET", timeout=None, interim=False):
        """One whole response. 1xx responses are skipped unless interim; 101 is always returned."""
        response = self.read_head(timeout)
        while response.status < 200 and response.status != 101 and not interim:
            response = self.read_head(timeout)
        bodyless = method == "HEAD" or response.status < 200 or response.status in (204, 304)
        if not bodyless:
            read_body(self, response, timeout, to_end=True)
        return response

    def ask(self, method="GET", target="/", host=None, headers=(), body=None, version="1.1",
            timeout=None):
        """Sends a request and reads its response; the connection stays open."""
        self.send(build_request(method, target, host, headers, body, version))
        return self.read_response(method, timeout)


def fetch(port, method="GET", target="/", host=None, headers=(), body=None, version="1.1",
          source=None, timeout=DEADLINE):
    """One request on a connection of its own."""
    with Visitor(port, source=source, timeout=timeout) as visitor:
        return visitor.ask(method, target, host, headers, body, version)


def fetch_raw(port, data, source=None, timeout=DEADLINE, method="GET"):
    """These bytes on a connection of their own, and the response to them."""
    with Visitor(port, source=source, timeout=timeout) as visitor:
        visitor.send(data)
        return visitor.read_response(method)


def visit(relay, name="demo", **how):
    """One request to a tunnel."""
    return fetch(relay.port, host=f"{name}.{relay.domain}", **how)
