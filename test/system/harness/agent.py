"""A raw pool agent: what a localtunnel client is on the wire, with every step scripted.

    agent = Agent(relay, "my-app")          # GET /my-app, 200 expected
    agent.serve(reply(b"hello"), sockets=3)  # three sockets that answer; reopened when closed
    sock = agent.open()                      # or one socket by hand
    request = sock.read_request(); sock.send(answer(b"hello"))

A handler is called with (socket, request) for each request. It returns bytes to send, or None when
it has done everything itself; it may close the socket. The makers at the end of this file return
handlers. Every request is in `agent.requests`, in the order they came.
"""
import socket
import threading

from . import http
from .wait import DEADLINE, Late, wait_for


def create(relay, name=None, token=None, headers=(), method="GET", target=None, host=None,
           port=None, source=None, body=None):
    """Asks for a tunnel and returns the raw response, whatever it is."""
    if target is None:
        target = f"/{name}" if name else "/?new"
    if host is None:
        host = relay.domain or "127.0.0.1"
    headers = list(headers)
    if token is not None:
        headers.append(("X-LT-Client-Token", token))
    return http.fetch(port or relay.create_port, method, target, host, headers, body,
                      source=source)


class PoolSocket(http.Wire):
    """One TCP connection to a tunnel's port."""

    def __init__(self, port, source=None, timeout=DEADLINE):
        sock = socket.create_connection(
            ("127.0.0.1", port), timeout, source_address=(source, 0) if source else None)
        super().__init__(sock, timeout)
        self.requests = []

    def read_head(self, timeout=None):
        """The next request's head, raw body left on the wire."""
        request = http.read_request(self, timeout, body=False)
        self.requests.append(request)
        return request

    def read_request(self, timeout=None):
        request = http.read_request(self, timeout)
        self.requests.append(request)
        return request


class Agent:
    def __init__(self, relay, name=None, token=None, headers=(), source=None, **how):
        self.relay = relay
        self.source = source
        self.sockets = []
        self.requests = []
        self.failures = []
        self._news = threading.Condition()
        self._threads = []
        self._closing = False
        response = create(relay, name, token, headers, source=source, **how)
        assert response.status == 200, response
        self.answer = response.json()
        self.name = self.answer["id"]
        self.port = self.answer["port"]
        self.url = self.answer["url"]
        self.max_sockets = self.answer["max_conn_count"]

    @property
    def host(self):
        """The Host header that leads to this tunnel."""
        return f"{self.name}.{self.relay.domain or 'localhost'}"

    # sockets by hand

    def open(self):
        """One socket, not served by anybody; the relay may not have accepted it yet."""
        sock = PoolSocket(self.port, self.source)
        with self._news:
            self.sockets.append(sock)
        return sock

    def connected(self):
        """How many sockets the relay counts; None when it does not know the tunnel."""
        response = http.fetch(self.relay.create_port, "GET", f"/api/tunnels/{self.name}/status",
                              self.relay.domain or "127.0.0.1")
        return response.json()["connected_sockets"] if response.status == 200 else None

    def wait_connected(self, count, timeout=DEADLINE):
        """Waits until the relay counts exactly so many sockets."""
        wait_for(lambda: self.connected() == count, f"{count} sockets of {self.name}", timeout)

    def open_ready(self, count=1):
        """Sockets by hand, once the relay has them. One socket, or a list."""
        already = self.connected() or 0
        sockets = [self.open() for _ in range(count)]
        self.wait_connected(already + count)
        return sockets[0] if count == 1 else sockets

    # sockets with threads

    def serve(self, handler, sockets=1, reopen=True, body=True):
        """Opens sockets and answers what comes on them, each on a thread of its own.

        body=False hands over the head only, as soon as it is there.
        """
        for _ in range(sockets):
            sock = self.open()
            thread = threading.Thread(
                target=self._work, args=(sock, handler, reopen, body), daemon=True)
            self._threads.append(thread)
            thread.start()
        return self

    def _work(self, sock, handler, reopen, body):
        while True:
            try:
                self._converse(sock, handler, body)
            except http.BadMessage as failure:
                if not self._closing and (sock.pending or sock.requests and not sock.eof):
                    self._fail(failure)
            except (OSError, ValueError):
                pass
            except Exception as failure:
                self._fail(failure)
            sock.close()
            if self._closing or not reopen:
                return
            try:
                sock = self.open()
            except OSError:
                return

    def _converse(self, sock, handler, body):
        while not self._closing:
            while not sock.pending:
                # An idle socket waits as long as the test lasts, but looks up now and then: a reset
                # from another thread takes effect when nobody waits in the kernel any more.
                try:
                    if sock.silent(0.2):
                        continue
                except ConnectionError:
                    return
                if sock.eof:
                    return
            request = sock.read_request() if body else sock.read_head()
            self._record(request)
            data = handler(sock, request)
            if data is not None:
                sock.send(data)

    def _record(self, request):
        with self._news:
            self.requests.append(request)
            self._news.notify_all()

    def _fail(self, failure):
        with self._news:
            self.failures.append(failure)
            self._news.notify_all()

    def wait_requests(self, count=1, timeout=DEADLINE):
        """Waits until so many requests have arrived on served sockets; returns the last of them."""
        with self._news:
            if not self._news.wait_for(lambda: len(self.requests) >= count, timeout):
                raise Late(f"{len(self.requests)} of {count} requests; failures {self.failures}")
            return self.requests[count - 1]

    def visit(self, method="GET", target="/", headers=(), body=None, **how):
        """One request of a visitor to this tunnel, on a connection of its own."""
        return http.fetch(self.relay.port, method, target, self.host, headers, body, **how)

    def visitor(self, source=None):
        return http.Visitor(self.relay.port, source=source)

    # how it ends

    def drop_sockets(self, reset=False):
        """Ends every socket and opens none again; the tunnel goes offline."""
        self._closing = True
        with self._news:
            sockets, self.sockets = self.sockets, []
        for sock in sockets:
            if reset:
                sock.reset()
            else:
                sock.close()
        for thread in self._threads:
            thread.join(DEADLINE)
        self._threads = []
        self._closing = False

    def close(self):
        self.drop_sockets()
        assert not self.failures, f"agent {self.name}: {self.failures}"


# answers as bytes, and makers of handlers

def answer(body=b"", status="200 OK", headers=(), close=False, version="1.1"):
    """A whole response with Content-Length."""
    lines = [f"HTTP/{version} {status}", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in headers]
    if close:
        lines.append("Connection: close")
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


def reply(body=b"", status="200 OK", headers=(), close=False):
    data = answer(body, status, headers, close)
    return lambda sock, request: answer(b"", status, headers, close) \
        if request.method == "HEAD" else data


def echo(sock, request):
    """Answers with the request's raw head and body as the body."""
    return answer(request.raw + request.body)


def raw(data):
    """Sends these bytes as they are and keeps the socket open."""
    return lambda sock, request: data


def raw_then_close(data):
    """Sends these bytes and closes: an answer that ends with the connection, or is cut."""
    def handler(sock, request):
        sock.send(data)
        sock.close()
    return handler


def raw_then_reset(data=b""):
    def handler(sock, request):
        if data:
            sock.send(data)
        sock.reset()
    return handler


def hang(release=None):
    """Takes the request and says nothing until the event is set (or the agent closes)."""
    def handler(sock, request):
        if release is None:
            sock.wait_closed(3600)
        else:
            release.wait(3600)
            return answer(b"late")
        return None
    return handler


def in_turn(*handlers):
    """The n-th request of all sockets together gets the n-th handler; the last one stays."""
    lock = threading.Lock()
    left = list(handlers)

    def handler(sock, request):
        with lock:
            now = left.pop(0) if len(left) > 1 else left[0]
        return now(sock, request)
    return handler
