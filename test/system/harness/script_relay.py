"""A relay by script (docs/protocol.md), for what the real one would never do to an agent.

One session at a time, each link on a thread of its own. `answer` decides per request: None for a
link, or the bytes of another answer. Everything sent in a session is kept, so that it can always be
continued.
"""
import contextlib
import hashlib
import hmac
import json
import socket
import struct
import threading

from .wait import wait_for

DATA, WINDOW, PING, GO_AWAY, ACK = 0, 1, 2, 3, 16
SYN, ACCEPTED, FIN, RST = 1, 2, 4, 8
SECRET = bytes(range(32))


def frame(kind, flags, stream, length, payload=b""):
    return struct.pack(">BBHII", 0, kind, flags, stream, length) + payload


class Link:
    """The connection, and how much of a frame was cut when it ended."""

    def __init__(self, sock, head, rest):
        self.sock, self.head, self.rest = sock, head, rest


class ScriptRelay:
    def __init__(self):
        self.lock = threading.RLock()
        self.server = socket.create_server(("127.0.0.1", 0))
        self.port = self.server.getsockname()[1]
        self.requests = []  # heads, as text
        self.answer = lambda head: None
        self.prove = True
        self.welcomes = True
        self.greeting = {}  # more members of the welcome
        self.protects = True  # it knows what guards tunnels
        self.error = None  # the code that registers are refused with, for ever
        self.begin()
        self.link = None
        self.sessions = self.resumed = 0
        self.lines = []  # of the agent, parsed
        self.said_good_bye = False
        threading.Thread(target=self.accept, daemon=True).start()

    def begin(self):
        self.sent, self.received, self.epoch = bytearray(), 0, 0
        self.streams = {}  # id -> what came
        self.ended = set()
        self.next_stream = 2
        self.control = b""
        self.payload = None  # (stream, bytes left) of a frame that was cut

    # Opening links

    def accept(self):
        while True:
            try:
                sock, _ = self.server.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(sock,), daemon=True).start()

    def serve(self, sock):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        data = b""
        while b"\r\n\r\n" not in data:
            more = sock.recv(65536)
            if not more:
                return
            data += more
        head, rest = data.split(b"\r\n\r\n", 1)
        head = head.decode()
        self.requests.append(head)
        other = self.answer(head)
        if other is not None:
            sock.sendall(other)
            sock.close()
            return
        fields = {}
        for line in head.split("\r\n")[1:]:
            name, value = line.split(":", 1)
            fields[name.lower()] = value.strip()
        try:
            self.take(Link(sock, fields, rest))
        except OSError:
            pass

    def take(self, link):
        head = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: adit\r\n"
        with self.lock:
            if "adit-session" in link.head:
                head += self.resume(link.head)
            else:
                self.begin()
                self.sessions += 1
            link.sock.sendall(head + b"\r\n")
            if "adit-session" in link.head:
                if not self.prove:
                    link.sock.close()
                    return
                self.resumed += 1
                link.sock.sendall(self.sent[int(link.head["adit-received"]):])
            self.link = link
        self.read(link)

    def proof(self, label, received):
        text = f"{label}\nscripted\n{self.epoch}\n{received}\n".encode()
        return hmac.new(SECRET, text, hashlib.sha256).hexdigest()

    def resume(self, fields):
        assert int(fields["adit-epoch"]) > self.epoch
        self.epoch = int(fields["adit-epoch"])
        told = fields["adit-received"]
        assert fields["adit-proof"] == self.proof("adit-resume-1", told)
        proof = self.proof("adit-resumed-1", self.received)
        if not self.prove:
            proof = "0" * 64
        return f"Adit-Received: {self.received}\r\nAdit-Proof: {proof}\r\n".encode()

    # Frames

    def read(self, link):
        data = link.rest
        while True:
            with self.lock:
                if self.link is not link:
                    return
                data = self.take_frames(data)
            try:
                more = link.sock.recv(65536)
            except OSError:
                return
            if not more:
                return
            data += more

    def take_frames(self, data):
        while True:
            if self.payload:
                stream, left = self.payload
                part, data = data[:left], data[left:]
                self.received += len(part)
                self.take_data(stream, part)
                self.payload = (stream, left - len(part)) if left > len(part) else None
                if self.payload:
                    return data
            if len(data) < 12:
                return data
            _, kind, flags, stream, length = struct.unpack(">BBHII", data[:12])
            if kind == ACK and len(data) < 20:
                return data
            data = data[12:]
            if kind == ACK:
                data = data[8:]
                continue
            if kind == PING:
                if flags & SYN:
                    self.link.sock.sendall(frame(PING, ACCEPTED, 0, length))
                continue
            self.received += 12
            if kind == GO_AWAY:
                self.said_good_bye = True
            if kind == DATA and length:
                self.payload = (stream, length)
            if flags & (FIN | RST):
                self.ended.add(stream)

    def take_data(self, stream, part):
        if stream != 1:
            self.streams.setdefault(stream, bytearray()).extend(part)
            self.send(frame(WINDOW, 0, stream, len(part)))
            return
        self.control += part
        while b"\n" in self.control:
            line, self.control = self.control.split(b"\n", 1)
            self.take_line(json.loads(line))

    def take_line(self, message):
        self.lines.append(message)
        kind = message["type"]
        if kind == "hello" and self.welcomes:
            self.welcome()
        elif kind == "register":
            name = message.get("subdomain", "mole")
            reply = {"type": "registered", "proto": "http", "name": name,
                     "url": f"https://{name}.example.com"}
            if self.protects and {"password", "allow", "deny", "verify"} & set(message):
                reply["protected"] = True
            if self.error:
                reply = {"type": "error", "code": self.error, "message": "No.", "fatal": True}
            self.say({**reply, "tunnel": message["tunnel"]})
        elif kind == "unregister":
            self.say({"type": "closed", "tunnel": message["tunnel"]})

    def send(self, data):
        """Session bytes: kept, and sent if there is a link."""
        self.sent += data
        if self.link:
            try:
                self.link.sock.sendall(data)
            except OSError:
                pass

    def say(self, message):
        line = json.dumps(message).encode() + b"\n"
        self.send(frame(DATA, 0, 1, len(line), line))

    def welcome(self):
        self.say({"type": "welcome", "version": 1, "relay": "script", "session": "scripted",
                  "secret": SECRET.hex(), "resume": True, "grace": 30, "heartbeat": 10, **self.greeting})

    # What tests do

    def cut(self):
        with self.lock:
            if self.link:
                with contextlib.suppress(OSError):
                    self.link.sock.shutdown(socket.SHUT_RDWR)
                self.link = None

    def visit(self, request, line="1 203.0.113.9 51234 198.51.100.1 80 http 4f2a90c1d3e5b768"):
        """A visitor of tunnel 1, or of another line; the id of its stream."""
        with self.lock:
            stream, self.next_stream = self.next_stream, self.next_stream + 2
            data = line.encode() + b"\n" + request
            self.send(frame(DATA, SYN, stream, len(data), data))
            self.send(frame(WINDOW, FIN, stream, 0))
            return stream

    def said(self, kind):
        with self.lock:
            return [line for line in self.lines if line["type"] == kind]

    def wait_said(self, kind, count=1):
        return wait_for(lambda: self.said(kind) if len(self.said(kind)) >= count else None,
                        f"{count} times {kind!r}")

    def close(self):
        self.server.close()
        try:
            self.cut()
        except OSError:
            pass
