"""What stands between an agent and its relay: a link that is cut at
random bytes, a proxy that lets only WebSocket pass, and one that knows CONNECT only."""
import base64
import contextlib
import math
import random
import re
import socket
import struct
import threading

from . import http
from .wait import DEADLINE


def pump(source, target, count=lambda size: size):
    """Bytes from one socket to the other until an end; count says how many of them may pass."""
    try:
        while data := source.recv(65536):
            allowed = count(len(data))
            target.sendall(data[:allowed])
            if allowed < len(data):
                return False
        target.shutdown(socket.SHUT_WR)
        return True
    except OSError:
        return False


def reset(sock):
    with contextlib.suppress(OSError):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        # A thread that reads it would keep it open.
        sock.shutdown(socket.SHUT_RD)
    sock.close()


class Between:
    """Listens, and joins each connection with one to `port`."""

    def __init__(self, port):
        self.upstream = port
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.port = self.listener.getsockname()[1]
        self.accepts = 0
        self.refused = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            self.accepts += 1
            threading.Thread(target=self._serve, args=(sock,), daemon=True).start()

    def _serve(self, sock):
        try:
            self.serve(http.Wire(sock, DEADLINE))
        except (OSError, http.BadMessage):
            pass
        finally:
            sock.close()

    def connect(self):
        return socket.create_connection(("127.0.0.1", self.upstream), DEADLINE)

    def join(self, wire, other, count=lambda size: size):
        """Both ways until both ended, or one is not allowed any more."""
        wire.sock.settimeout(None)
        other.settimeout(None)
        if wire.pending:
            other.sendall(wire.pending[:count(len(wire.pending))])

        def way(source, target):
            if not pump(source, target, count):
                reset(wire.sock)
                reset(other)
        back = threading.Thread(target=way, args=(other, wire.sock), daemon=True)
        back.start()
        way(wire.sock, other)
        back.join()

    def close(self):
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()


class Cuts(Between):
    """Every connection is cut after so many bytes of both ways together; few live long."""

    def __init__(self, port, seed, least=3000, most=3 << 19):
        self.random = random.Random(seed)
        self.least, self.most = least, most
        self.times = 0
        self.on = False
        super().__init__(port)

    def serve(self, wire):
        other = self.connect()
        lock = threading.Lock()
        left = None

        def count(size):
            nonlocal left
            with lock:
                if not self.on:
                    return size
                if left is None:
                    left = int(math.exp(self.random.uniform(
                        math.log(self.least), math.log(self.most))))
                allowed = min(size, left)
                left -= allowed
                self.times += allowed < size
                return allowed
        self.join(wire, other, count)


class Socketed(Between):
    """A reverse proxy of the strict kind: requests are parsed, only a proper WebSocket handshake
    is upgraded, and after it only whole frames pass, masked ones from the client."""

    def serve(self, wire):
        head = http.read_request(wire)
        wanted = (head.get("Upgrade", "").lower() == "websocket"
                  and "upgrade" in head.get("Connection", "").lower()
                  and head.get("Sec-WebSocket-Version") == "13"
                  and len(base64.b64decode(head.get("Sec-WebSocket-Key", ""))) == 16)
        if not wanted:
            self.refused.append(head)
            self.refuse(wire, head)
            return
        answer, other = self.ask(
            wire, head, [("Connection", "upgrade"), ("Upgrade", "websocket")])
        if answer.status != 101:
            return
        back = threading.Thread(target=self.frames, args=(other, wire, False), daemon=True)
        back.start()
        self.frames(wire, other, True)
        back.join()

    def refuse(self, wire, _head):
        wire.send(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 4\r\n\r\nnope")

    def ask(self, wire, head, fields):
        """Passes the request on with these fields instead of those of its hop, and the answer."""
        hop = ("connection", "upgrade", "host")
        fields = [(name, value) for name, value in head.headers
                  if name.lower() not in hop] + fields
        other = http.Visitor.__new__(http.Visitor)
        http.Wire.__init__(other, self.connect())
        other.send(http.build_request("GET", head.target, head.get("Host"), fields))
        answer = other.read_head()
        wire.send(answer.raw)
        if answer.status != 101:
            wire.send(other.read_exactly(int(answer.get("Content-Length", "0"))))
        return answer, other

    def frames(self, source, target, masked):
        try:
            while True:
                head = source.read_exactly(2, 1e6)
                size = head[1] & 127
                assert head[0] & 0x70 == 0 and bool(head[1] & 128) == masked, head
                extra = {126: 2, 127: 8}.get(size, 0)
                more = source.read_exactly(extra, 1e6)
                size = int.from_bytes(more, "big") if extra else size
                target.send(head + more + source.read_exactly(size + 4 * masked, 1e6))
        except (OSError, AssertionError) as end:
            if not isinstance(end, http.Truncated) and isinstance(end, AssertionError):
                self.refused.append(end)
            reset(source.sock)
            reset(target.sock)


class Stripped(Socketed):
    """A lenient one, as nginx with a map for WebSocket and most services that stand in front of
    others: what is no handshake of WebSocket is passed on as a plain request."""

    def refuse(self, wire, head):
        self.ask(wire, head, [("Connection", "close")])


class Connect(Between):
    """An HTTP proxy for CONNECT to hosts and ports that it knows, with a password if it has one."""

    def __init__(self, hosts, password=None):
        self.hosts = hosts  # "host:port" -> local port
        self.password = password
        self.connects = []
        super().__init__(0)

    def serve(self, wire):
        head = wire.read_until(b"\r\n\r\n").decode()
        match = re.match(r"CONNECT (\S+) HTTP/1.1\r\n", head)
        wanted = "Basic " + base64.b64encode((self.password or "").encode()).decode()
        if self.password and f"authorization: {wanted}".lower() not in head.lower():
            wire.send(b"HTTP/1.1 407 Proxy Authentication Required\r\n"
                      b"Proxy-Authenticate: Basic realm=\"x\"\r\nContent-Length: 0\r\n\r\n")
            self.refused.append(head)
            return
        if not match or match[1] not in self.hosts:
            wire.send(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
            self.refused.append(head)
            return
        self.connects.append(match[1])
        other = socket.create_connection(("127.0.0.1", self.hosts[match[1]]), DEADLINE)
        wire.send(b"HTTP/1.1 200 Connection established\r\n\r\n")
        self.join(wire, other)
