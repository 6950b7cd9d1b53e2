"""An agent's session by hand: docs/protocol.md over plain sockets, with every frame in reach.

    peer = Session(relay)                     # link, hello, welcome
    url = peer.register(1, subdomain="demo")["url"]
    stream = peer.accept()                    # a visitor's stream, its line parsed
    request = stream.read_request(); stream.answer(b"hello")

A thread reads the link and keeps the books: what was received, credit, acknowledgements. With
`peer.frame(...)` and `peer.raw(...)` a test says whatever it likes, also what it never should.
"""
import collections
import hashlib
import hmac
import json
import socket
import struct
import threading
import time

from . import http
from .wait import DEADLINE, Late

DATA, WINDOW, PING, GO_AWAY, ACK_BYTES = 0, 1, 2, 3, 16
SYN, ACK, FIN, RST = 1, 2, 4, 8
CREDIT = 256 * 1024
LINE = ("tunnel", "visitor", "visitor_port", "public", "public_port", "scheme", "id")


class Refused(AssertionError):
    """The relay answered the request for a link with something else than 101."""

    def __init__(self, response):
        super().__init__(f"{response} {response.body[:300]!r}")
        self.response = response
        self.status = response.status
        self.code = response.get("X-Adit-Error")


class Stream(http.Wire):
    """One byte pipe of a session. Reads and writes like a socket does in these tests."""

    def __init__(self, session, number, credit):
        self.session = session
        self.number = number
        self.timeout = DEADLINE
        self.pending = b""
        self.eof = False
        self.line = None
        self.incoming = b""
        self.fin = False
        self.rst = False
        self.fin_sent = False
        self.send_credit = credit
        self.greedy = True  # credit is given back as soon as bytes are read
        self.frames = []  # sizes of its data frames, as they came

    def _fill(self, deadline):
        if self.eof:
            return False
        news = self.session.news
        with news:
            if not news.wait_for(lambda: self.incoming or self.fin or self.rst,
                                 max(0, deadline - time.monotonic())):
                raise TimeoutError(f"nothing more came; have {self.pending[:200]!r}")
            data, self.incoming = self.incoming, b""
            if not data and self.rst:
                raise ConnectionResetError("the stream was reset")
        if not data:
            self.eof = True
            return False
        self.pending += data
        if self.greedy:
            self.session.frame(WINDOW, 0, self.number, len(data))
        return True

    def send(self, data, sizes=None, pause=0.0):
        view = memoryview(bytes(data))
        while len(view):
            with self.session.news:
                ready = self.session.news.wait_for(
                    lambda: self.send_credit > 0 or self.rst, self.timeout)
                if self.rst:
                    raise ConnectionResetError("the stream was reset")
                if not ready:
                    raise TimeoutError("no credit")
                size = min(len(view), self.send_credit, sizes or 16384)
                self.send_credit -= size
            self.session.data(self.number, view[:size])
            view = view[size:]
            if pause:
                time.sleep(pause)

    def half_close(self):
        self.fin_sent = True
        self.session.frame(WINDOW, FIN, self.number, 0)

    def reset(self):
        self.session.frame(WINDOW, RST, self.number, 0)

    def close(self):
        if not self.fin_sent and not self.rst:
            self.half_close()

    def read_line(self):
        raw = self.read_until(b"\n", limit=256)
        words = raw[:-1].decode("ascii").split(" ")
        assert len(words) == 7, raw
        self.line = dict(zip(LINE, words))
        return self.line

    def read_request(self, timeout=None, body=True):
        return http.read_request(self, timeout, body)

    def answer(self, body=b"", status="200 OK", headers=()):
        lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}"]
        lines += [f"{name}: {value}" for name, value in headers]
        self.send("\r\n".join(lines).encode() + b"\r\n\r\n" + body)
        self.half_close()


class Session:
    def __init__(self, relay, client=None, resume=True, window=None, hello=True, **link):
        self.relay = relay
        self.news = threading.Condition(threading.RLock())
        self.sending = threading.RLock()
        self.client, self.resumable, self.window = client, resume, window
        self.messages = collections.deque()
        self.waiting = collections.deque()
        self.streams = {}
        self.go_aways = []
        self.pings = 0
        self.received = self.sent = self.acked = 0
        self.tail = bytearray()
        self.acknowledge = True
        self.deaf = False  # no credit on the control stream
        self.mute = False  # pings are not answered
        self.epoch = 0
        self.agreed = False
        self.counted = False
        self.lost = True
        self._control = b""
        self._left = 0  # of a payload, when the link broke inside it
        self._into = None
        self.sock = None
        self.thread = None
        self.link(**link)
        if hello:
            self.hello()

    # links

    def request(self, fields=(), target="/_adit/session", host=None, upgrade="adit", version="1"):
        fields = [("Connection", "Upgrade"), ("Upgrade", upgrade),
                  ("Adit-Version", version)] + list(fields)
        return http.build_request(
            "GET", target, host or self.relay.domain or "127.0.0.1", fields)

    def ask(self, fields=(), behind=b"", port=None, **how):
        """A socket and the answer to a request for a link."""
        sock = socket.create_connection(("127.0.0.1", port or self.relay.create_port), DEADLINE)
        wire = http.Visitor.__new__(http.Visitor)
        http.Wire.__init__(wire, sock)
        wire.send(self.request(fields, **how) + behind)
        response = wire.read_response()
        if response.status != 101:
            wire.close()
            raise Refused(response)
        return wire, response

    def link(self, fields=(), behind=b"", **how):
        wire, self.answer = self.ask(fields, behind, **how)
        self._use(wire)

    def _use(self, wire):
        self.sock = wire.sock
        self.sock.settimeout(None)
        self.lost = False
        self.thread = threading.Thread(
            target=self._read, args=(self.sock, wire.pending), daemon=True)
        self.thread.start()

    def proof(self, label, epoch, received, secret=None):
        text = f"{label}\n{self.id}\n{epoch}\n{received}\n".encode()
        return hmac.new(secret or self.secret, text, hashlib.sha256).hexdigest()

    def resume_fields(self, epoch=None, received=None, secret=None, proof=None, session=None):
        epoch = self.epoch + 1 if epoch is None else epoch
        received = self.received if received is None else received
        return [("Adit-Session", session or self.id), ("Adit-Epoch", str(epoch)),
                ("Adit-Received", str(received)),
                ("Adit-Proof", proof or self.proof("adit-resume-1", epoch, received, secret))]

    def resume(self, fields=(), **how):
        """Goes on over another link; the old one is cut if it is still there."""
        self.cut()
        fields = self.resume_fields(**how) + list(fields)
        self.epoch += 1
        wire, response = self.ask(fields)
        theirs = int(response.get("Adit-Received"))
        assert response.get("Adit-Proof") == self.proof("adit-resumed-1", self.epoch, theirs)
        base = self.sent - len(self.tail)
        assert base <= theirs <= self.sent, (base, theirs, self.sent)
        with self.sending:
            self._use(wire)
            self.sock.sendall(bytes(self.tail[theirs - base:]))
        return theirs

    def cut(self, reset=True):
        """Ends the link; the session knows of nothing."""
        with self.sending:
            if self.sock is None:
                return
            if reset:
                self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            try:
                self.sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            self.sock.close()
            self.sock = None
        if self.thread:
            self.thread.join(DEADLINE)

    def close(self):
        self.cut(reset=False)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def wait_lost(self, timeout=DEADLINE):
        """Until the relay has closed the link."""
        with self.news:
            if not self.news.wait_for(lambda: self.lost, timeout):
                raise Late("the link is still there")

    # frames out

    def raw(self, data, counted=True):
        """Bytes of the session as they are."""
        with self.sending:
            if counted:
                self.sent += len(data)
                if self.counted:
                    self.tail += data
            if self.sock is None:
                return
            try:
                self.sock.sendall(data)
            except OSError:
                pass

    def frame(self, kind, flags=0, number=0, length=0, payload=b"", version=0):
        head = struct.pack(">BBHII", version, kind, flags, number, length)
        self.raw(head + payload, counted=kind not in (PING, ACK_BYTES))

    def data(self, number, payload, flags=0):
        payload = bytes(payload)
        self.frame(DATA, flags, number, len(payload), payload)

    # frames in

    def _read(self, sock, pending):
        try:
            self._parse(sock, pending)
        except OSError:
            pass
        with self.news:
            self.lost = True
            self.news.notify_all()

    def _parse(self, sock, data):
        while True:
            while True:
                if self._left:
                    take = data[:self._left]
                    self._payload(take)
                    data = data[len(take):]
                    if self._left:
                        break
                elif len(data) >= 12:
                    kind = data[1]
                    if kind == ACK_BYTES and len(data) < 20:
                        break
                    self._head(data[:12], data[12:20] if kind == ACK_BYTES else b"")
                    data = data[20 if kind == ACK_BYTES else 12:]
                else:
                    break
            more = sock.recv(262144)
            if not more:
                return
            data += more

    def _payload(self, data):
        with self.news:
            self.received += len(data)
            self._left -= len(data)
            number = self._into
            if number == 1:
                self._control += data
                *lines, self._control = self._control.split(b"\n")
                messages = [json.loads(line) for line in lines]
                self.messages.extend(messages)
                # Acknowledgements may come right behind it, before anybody has read it.
                if any(message["type"] == "welcome" for message in messages):
                    self.agreed = self.resumable
                if not self.deaf:
                    self.frame(WINDOW, 0, 1, len(data))
            elif number in self.streams:
                self.streams[number].incoming += data
            self.news.notify_all()

    def _head(self, head, acked):
        version, kind, flags, number, length = struct.unpack(">BBHII", head)
        assert version == 0, head
        with self.news:
            if kind == ACK_BYTES:
                self._acked(struct.unpack(">Q", acked)[0])
                return
            if kind == PING:
                if flags & SYN and not self.mute:
                    self.pings += 1
                    self.frame(PING, ACK, 0, length)
                    self.say_received()
                return
            self.received += 12
            if kind == GO_AWAY:
                self.go_aways.append(length)
            else:
                self._stream_head(kind, flags, number, length)
            self.news.notify_all()

    def _stream_head(self, kind, flags, number, length):
        stream = self.streams.get(number)
        if flags & SYN:
            assert number % 2 == 0 and stream is None and kind == DATA, (kind, flags, number)
            stream = self.streams[number] = Stream(self, number, self.window_now)
            self.waiting.append(stream)
            self.frame(WINDOW, ACK, number, 0)
        if kind == DATA:
            self._left, self._into = length, number
            if stream:
                stream.frames.append(length)
        elif kind == WINDOW and stream:
            stream.send_credit += length
        if stream and flags & FIN:
            # The bytes of the same frame come before the end.
            stream.fin = not length or kind == WINDOW
            stream.fin_behind = kind == DATA and length
            if stream.fin_behind:
                threading.Thread(target=self._fin_later, args=(stream,), daemon=True).start()
        if stream and flags & RST:
            stream.rst = True

    def _fin_later(self, stream):
        with self.news:
            self.news.wait_for(lambda: not self._left or self._into != stream.number, DEADLINE)
            stream.fin = True
            self.news.notify_all()

    def _acked(self, received):
        assert self.agreed, "an acknowledgement that was not agreed on"
        assert self.acked <= received <= self.sent, (self.acked, received, self.sent)
        del self.tail[:received - (self.sent - len(self.tail))]
        self.acked = received

    def say_received(self):
        if self.agreed and self.acknowledge:
            self.raw(struct.pack(">BBHII", 0, ACK_BYTES, 0, 0, 8) +
                     struct.pack(">Q", self.received), counted=False)

    # the control stream

    def say(self, **message):
        self.data(1, json.dumps(message).encode() + b"\n")

    def hello(self, version=1, ready=True, **more):
        self.counted = self.resumable
        message = {"type": "hello", "version": version, "agent": "test/1", **more}
        if self.resumable:
            message["resume"] = True
        if self.client is not None:
            message["client"] = self.client
        if self.window is not None:
            message["window"] = self.window
        self.data(1, json.dumps(message).encode() + b"\n", SYN)
        self.welcome = self.expect("welcome")
        assert self.welcome["version"] == 1
        self.id = self.welcome["session"]
        self.window_now = self.welcome.get("window", CREDIT)
        if self.resumable:
            self.secret = bytes.fromhex(self.welcome["secret"])
            assert self.welcome["resume"] is True
        if self.resumable and ready:
            self.say(type="ready")

    window_now = CREDIT

    def fall_silent(self):
        """The relay has had all that was said, and from now on nothing is."""
        self.deaf = True
        self.say(type="unregister", tunnel=2**31 - 1)
        self.expect("closed")
        self.mute = True

    def next_message(self, timeout=DEADLINE):
        with self.news:
            if not self.news.wait_for(lambda: self.messages or self.lost, timeout):
                raise Late("no message on the control stream")
            assert self.messages, "the link ended"
            return self.messages.popleft()

    def expect(self, kind, timeout=DEADLINE, **members):
        message = self.next_message(timeout)
        assert message["type"] == kind, message
        for key, value in members.items():
            assert message.get(key) == value, message
        return message

    def register(self, number=1, proto="http", **wishes):
        self.say(type="register", tunnel=number, proto=proto, **wishes)
        return self.expect("registered", tunnel=number)

    def register_refused(self, number=1, proto="http", **wishes):
        self.say(type="register", tunnel=number, proto=proto, **wishes)
        return self.expect("error", tunnel=number)

    # visitors

    def accept(self, timeout=DEADLINE):
        """The next stream that the relay opened, its first line read."""
        with self.news:
            if not self.news.wait_for(lambda: self.waiting, timeout):
                raise Late("no visitor's stream")
            stream = self.waiting.popleft()
        stream.read_line()
        return stream

    def serve(self, handler):
        """Each stream gets a thread that calls handler(stream, request)."""
        def work(stream):
            try:
                stream.read_line()
                handler(stream, stream.read_request())
            except (OSError, http.BadMessage, TimeoutError):
                pass

        def loop():
            while True:
                with self.news:
                    self.news.wait_for(lambda: self.waiting)
                    stream = self.waiting.popleft()
                threading.Thread(target=work, args=(stream,), daemon=True).start()
        threading.Thread(target=loop, daemon=True).start()
        return self

    def host(self, name):
        return f"{name}.{self.relay.domain or 'localhost'}"


def reply(body=b"", **how):
    return lambda stream, request: stream.answer(body, **how)


def echo(stream, request):
    stream.answer(request.body)


def on_worker(home, make, tries=100):
    """A session that lives there, as the first digits of its id say."""
    for _ in range(tries):
        peer = make()
        if int(peer.welcome["session"][:2], 16) == home:
            return peer
        peer.close()
    raise AssertionError(f"no session on worker {home}")
