"""A local service behind adit, and adit itself beside a relay on this machine.

    service = Service(answer)                   # answer(wire, request) for each request
    agent = Adit(relay, "http", service.port, "--subdomain", "demo")
    agent.wait_event("tunnel_up")

`accepts` counts connections, `requests` keeps what came, `live` are the connections that are open.
"""
import contextlib
import signal
import socket
import subprocess
import threading
import time

from . import http
from .relay import SANITIZER, Crash
from .traffic import blocks, chunk
from .wait import DEADLINE, Late, wait_for
from .wan import Program

PATIENCE = 6 * DEADLINE


class Wire(http.Wire):
    """A service's end of a connection: over TCP, TLS or a Unix socket."""

    def __init__(self, sock):
        self.sock = sock
        self.timeout = PATIENCE
        self.pending = b""
        self.eof = False
        if sock.family != socket.AF_UNIX:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


@contextlib.contextmanager
def listener_on_one(address):
    """Listens on ::1 or 127.0.0.1. Nobody can listen on the same port of the other one meanwhile:
    "localhost" means both, and would find whatever another test has there."""
    other = "127.0.0.1" if address == "::1" else "::1"
    families = {"127.0.0.1": socket.AF_INET, "::1": socket.AF_INET6}
    for _ in range(200):
        with socket.create_server((address, 0), family=families[address]) as listener, \
                socket.socket(families[other]) as held:
            try:
                held.bind((other, listener.getsockname()[1]))
            except OSError:
                continue
            yield listener
            return
    raise RuntimeError("no port is free on both loopback addresses")


class Service:
    """handle(wire, request) answers one request and says whether the connection stays (None: yes);
    raw(wire) instead has the whole connection. path: a Unix socket; tls: an ssl context."""

    def __init__(self, handle=None, raw=None, path=None, tls=None, port=0):
        if path:
            self.listener = socket.socket(socket.AF_UNIX)
            self.listener.bind(str(path))
            self.listener.listen(1024)
            self.target = f"unix:{path}"
        else:
            self.listener = socket.create_server(("127.0.0.1", port), backlog=4096)
            self.port = self.listener.getsockname()[1]
            self.target = f"127.0.0.1:{self.port}"
        self.handle, self.raw, self.tls = handle or say_hello, raw, tls
        self.lock = threading.Lock()
        self.accepts = 0
        self.requests = []
        self.live = set()
        self.failures = []
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
            if self.tls:
                sock = self.tls.wrap_socket(sock, server_side=True)
        except OSError as failure:
            self.failures.append(failure)
            sock.close()
            return
        wire = Wire(sock)
        with self.lock:
            self.live.add(wire)
        try:
            if self.raw:
                self.raw(wire)
            else:
                self._requests(wire)
        except (OSError, http.BadMessage, ValueError) as failure:
            self.failures.append(failure)
        finally:
            with self.lock:
                self.live.discard(wire)
            with contextlib.suppress(OSError):
                wire.close()

    def _requests(self, wire):
        while True:
            try:
                request = http.read_request(wire, 10 * PATIENCE, body=False)
            except http.Truncated:
                return
            self.requests.append(request)
            if self.handle(wire, request) is False:
                return

    def wait_requests(self, count=1):
        return wait_for(lambda: self.requests[count - 1] if len(self.requests) >= count else None,
                        f"{count} requests at the service")

    def close(self):
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        with self.lock:
            live = list(self.live)
        for wire in live:
            with contextlib.suppress(OSError):
                wire.sock.shutdown(socket.SHUT_RDWR)


def answer(wire, body=b"", status="200 OK", headers=()):
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in headers]
    wire.send("\r\n".join(lines).encode() + b"\r\n\r\n" + body)


def say_hello(wire, request):
    """Reads the body, if there is one, and says hello."""
    http.read_body(wire, request, PATIENCE, to_end=False)
    answer(wire, b"" if request.method == "HEAD" else b"hello")


def send_body(wire, size, chunked=False):
    """A response with the body of traffic.blocks(size)."""
    framing = b"Transfer-Encoding: chunked" if chunked else b"Content-Length: %d" % size
    wire.send(b"HTTP/1.1 200 OK\r\n" + framing + b"\r\n\r\n")
    for piece in blocks(size):
        wire.send(chunk(piece) if chunked else piece)
    if chunked:
        wire.send(b"0\r\n\r\n")


class Adit(Program):
    """adit with --json at a relay of this machine, or at a port or a URL."""

    def __init__(self, relay, *args, env=None, prefix=()):
        if not isinstance(relay, str):
            relay = f"http://127.0.0.1:{getattr(relay, 'create_port', relay)}"
        super().__init__(*args, "--json", "--relay", relay, env=env, prefix=prefix)
        self.expected = 0

    def wait_exit(self, timeout=2 * DEADLINE):
        try:
            code = self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            raise Late(f"adit still runs:\n{self.text()}") from None
        for reader in self._readers:
            reader.join(DEADLINE)
        self.expected = code
        return code

    def finish(self):
        """Ends it if it still runs; its exit code and its stderr have to be right either way."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.stop()
            return
        text = self.text()
        code = self.process.returncode
        self.kill()
        if SANITIZER.search(text):
            raise Crash(f"adit's stderr:\n{text}")
        if code not in (self.expected, -signal.SIGKILL):
            raise Crash(f"adit ended with {code}:\n{text}")


class Watch:
    """How much a program's resident size grows until it is asked for."""

    def __init__(self, program):
        self.program = program
        self.first = self.most = program.rss_kib()
        self.running = True
        self.thread = threading.Thread(target=self._look, daemon=True)
        self.thread.start()

    def _look(self):
        while self.running:
            self.most = max(self.most, self.program.rss_kib())
            time.sleep(0.05)

    def grown_kib(self):
        self.running = False
        self.thread.join(DEADLINE)
        return self.most - self.first
