"""The real npm client 2.0.2 between a real local service and the relay."""
import hashlib
import http.server
import os
import re
import signal
import socket
import threading

import pytest

from harness.http import Visitor, build_request, fetch
from harness.npm import NODE_MODULES, Node, NpmClient
from harness.relay import free_ports
from harness.traffic import MIB, Later, a_name, digest_of, read_digest, send_blocks
from harness.wait import SLOW, wait_for

BIG = 16 * MIB


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def body(self):
        sha, left = hashlib.sha256(), int(self.headers.get("Content-Length", 0))
        while left:
            data = self.rfile.read(min(left, 65536))
            if not data:
                break
            sha.update(data)
            left -= len(data)
        return sha.hexdigest()

    def answer(self):
        digest = self.body()
        self.server.seen.append((self.command, self.path, list(self.headers.items()), digest))
        if self.path == "/big":
            self.send_response(200)
            self.send_header("Content-Length", str(BIG))
            self.end_headers()
            send_blocks(self, BIG)
            return
        data = f"{self.server.label} {self.command} {self.path} {digest}".encode()
        self.send_response(200, "Fine By Me")
        self.send_header("Content-Length", str(len(data)))
        self.send_header("X-Local", self.headers.get("Host", ""))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def send(self, data):
        self.wfile.write(data)

    do_GET = do_POST = do_PUT = do_HEAD = do_DELETE = do_OPTIONS = answer


class Server(http.server.ThreadingHTTPServer):
    """Ends its connections when it is closed, as the end of a process would."""

    daemon_threads = True

    def __init__(self, *args):
        self.open = set()
        super().__init__(*args)

    def process_request(self, request, client_address):
        self.open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request):
        self.open.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request, client_address):
        pass

    def server_close(self):
        super().server_close()
        for request in list(self.open):
            try:
                request.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


class Local:
    """A local HTTP service that can go down and come up again on the same port."""

    def __init__(self, label="local", address="127.0.0.1", port=None):
        self.label, self.address = label, address
        self.port = port or free_ports(address=address)  # nobody takes it while this one is down
        self.server = None
        self.seen = []
        self.up()

    def up(self):
        self.server = Server((self.address, self.port), Handler)
        self.server.label, self.server.seen = self.label, self.seen
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def down(self):
        if self.server:
            self.server.shutdown()
            self.server.server_close()
            self.server = None


@pytest.fixture
def local():
    services = []

    def begin(*args, **how):
        services.append(Local(*args, **how))
        return services[-1]
    yield begin
    for service in services:
        service.down()


def sha(data):
    return hashlib.sha256(data).hexdigest()


def host_of(name):
    return f"{name}.lt.test"


def client(node, relay, port, name=None, local_host=None, flags=()):
    """The client as people start it, with or without --local-host."""
    args = [NODE_MODULES / "localtunnel" / "bin" / "lt.js", "--port", port,
            "--host", f"http://127.0.0.1:{relay.create_port}", *flags]
    if name:
        args += ["--subdomain", name]
    if local_host:
        args += ["--local-host", local_host]
    process = node(Node, *args)
    match = re.fullmatch(r"your url is: (\S+)", process.line())
    assert match
    return process, match[1]


@pytest.fixture
def tunnel(relay, node, local):
    """A client with a name in front of a local service: (name, service)."""
    name, service = a_name(), local()
    node(NpmClient, relay, service.port, name).url()
    return name, service


# ordinary use

@pytest.mark.covers("S50", "S65", "S66", "S83", "D30")
def test_get_through_the_real_client(relay, node, local):
    service = local()
    name = a_name()
    _, url = client(node, relay, service.port, name)
    assert url == f"http://{name}.lt.test:{relay.port}"
    for _ in range(3):
        response = fetch(relay.port, "GET", "/x?y=z", host_of(name))
        assert response.status_line == "200 Fine By Me"
        assert response.text() == f"local GET /x?y=z {sha(b'')}"
        assert response.get("X-Local") == host_of(name)


@pytest.mark.covers("S34", "S36", "S50")
def test_a_random_name_through_the_real_client(relay, node, local):
    _, url = client(node, relay, local().port)
    match = re.fullmatch(rf"http://([a-z]+-[a-z]+-[0-9]+)\.lt\.test:{relay.port}", url)
    assert match, url
    assert fetch(relay.port, host=host_of(match[1])).status == 200


@pytest.mark.covers("S50", "S76")
@pytest.mark.parametrize("method", ["POST", "PUT", "HEAD", "DELETE", "OPTIONS"])
def test_methods_through_the_real_client(relay, tunnel, method):
    name, _ = tunnel
    body = b"payload" if method in ("POST", "PUT") else None
    response = fetch(relay.port, method, "/m", host_of(name), body=body)
    assert response.status == 200
    if method != "HEAD":
        assert response.text() == f"local {method} /m {sha(body or b'')}"


@pytest.mark.covers("S50", "S76")
def test_big_bodies_through_the_real_client(relay, node, local):
    service, name = local(), a_name()
    client(node, relay, service.port, name)
    with Visitor(relay.port, timeout=60 * SLOW) as visitor:
        visitor.send(build_request("PUT", "/up", host_of(name), [("Content-Length", str(BIG))]))
        send_blocks(visitor, BIG)
        assert visitor.read_response(timeout=60 * SLOW).text() == f"local PUT /up {digest_of(BIG)}"
        visitor.send(build_request("GET", "/big", host_of(name)))
        assert read_digest(visitor, visitor.read_head()) == (digest_of(BIG), BIG)


@pytest.mark.covers("ask-9", "S50", "D18")
def test_many_requests_at_once_through_the_real_client(relay, tunnel):
    name, _ = tunnel
    laters = [Later(fetch, relay.port, "GET", f"/{index}", host_of(name), timeout=30 * SLOW)
              for index in range(60)]
    for index, later in enumerate(laters):
        assert later.result().text() == f"local GET /{index} {sha(b'')}"


@pytest.mark.covers("S50", "S77")
def test_a_local_service_that_closes_each_connection(relay, node):
    """Python's default HTTP/1.0 server: the client reopens a socket after every answer."""
    class Closing(Handler):
        protocol_version = "HTTP/1.0"
    server = Server(("127.0.0.1", 0), Closing)
    server.label, server.seen = "closing", []
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    name = a_name()
    try:
        node(NpmClient, relay, server.server_address[1], name).url()
        for index in range(60):
            response = fetch(relay.port, "GET", f"/{index}", host_of(name))
            assert response.text() == f"closing GET /{index} {sha(b'')}"
    finally:
        server.shutdown()
        server.server_close()


# --local-host

@pytest.mark.covers("S50", "ask-22")
def test_local_host_rewrites_the_host_the_service_sees(relay, node, local):
    name = a_name()
    client(node, relay, local().port, name, local_host="127.0.0.1")
    response = fetch(relay.port, "GET", "/", host_of(name))
    assert response.get("X-Local") == "127.0.0.1"


@pytest.mark.covers("S50", "S76")
def test_local_host_does_not_corrupt_binary_bodies(relay, node, local):
    """The client turns its first chunk into text and back: the head must come to it alone."""
    name = a_name()
    client(node, relay, local().port, name, local_host="127.0.0.1")
    body = bytes(range(128, 256)) * 4
    for index in range(20):
        response = fetch(relay.port, "POST", f"/{index}", host_of(name), body=body,
                         headers=[("Connection", "close")])
        assert response.text() == f"local POST /{index} {sha(body)}"


@pytest.mark.covers("S50")
def test_local_host_of_another_address(relay, node, local):
    name, service = a_name(), local("elsewhere", "127.0.0.9")
    client(node, relay, service.port, name, local_host="127.0.0.9")
    assert fetch(relay.port, host=host_of(name)).text().startswith("elsewhere GET /")


# trouble

@pytest.mark.covers("S45", "S46", "S48", "D12", "ask-2", "ask-3")
def test_a_killed_client_comes_back_under_its_name(relay, node, local):
    name, service = a_name(), local()
    for turn in range(3):
        process, url = client(node, relay, service.port, name)
        assert url == f"http://{name}.lt.test:{relay.port}", f"turn {turn}"
        assert fetch(relay.port, "GET", f"/{turn}", host_of(name)).text() == \
            f"local GET /{turn} {sha(b'')}"
        os.kill(process.process.pid, signal.SIGKILL)
        process.wait()


@pytest.mark.covers("D12", "ask-2")
def test_a_second_client_takes_over_a_frozen_one(relay, node, local):
    """The laptop slept: its sockets look alive, its owner starts a new client elsewhere."""
    name = a_name()
    old, new = local("old"), local("new")
    frozen, _ = client(node, relay, old.port, name)
    assert fetch(relay.port, host=host_of(name)).text().startswith("old ")
    frozen.process.send_signal(signal.SIGSTOP)
    try:
        _, url = client(node, relay, new.port, name)
        assert url == f"http://{name}.lt.test:{relay.port}"
        for _ in range(20):
            assert fetch(relay.port, host=host_of(name)).text().startswith("new ")
    finally:
        frozen.process.send_signal(signal.SIGCONT)


@pytest.mark.covers("D9", "S48", "ask-5")
def test_a_request_waits_while_the_client_restarts(relay, node, local):
    name, service = a_name(), local()
    process, _ = client(node, relay, service.port, name)
    process.kill()
    wait_for(lambda: fetch(relay.port, "GET", f"/api/tunnels/{name}/status", "lt.test")
             .json()["connected_sockets"] == 0, "the tunnel to go offline")
    later = Later(fetch, relay.port, "GET", "/waited", host_of(name))
    client(node, relay, service.port, name)
    assert later.result().text() == f"local GET /waited {sha(b'')}"


@pytest.mark.covers("S50", "fault-4")
def test_a_local_service_that_goes_down_and_comes_up(start, node, local):
    relay = start("--response-timeout", "700")
    name, service = a_name(), local()
    client(node, relay, service.port, name)

    def seen_up():  # a busy machine may need longer than the relay waits
        return fetch(relay.port, host=host_of(name), timeout=15 * SLOW).status == 200

    def seen_down():
        response = fetch(relay.port, host=host_of(name), timeout=15 * SLOW)
        return response if response.status >= 500 else None
    wait_for(seen_up, "the service to be seen up", timeout=20 * SLOW, every=0.1)
    service.down()
    response = wait_for(seen_down, "the service to be seen down")
    assert response.get("X-Adit-Error"), response
    service.up()
    wait_for(seen_up, "the service to be seen up again", timeout=20 * SLOW, every=0.1)


@pytest.mark.covers("S50")
def test_a_client_started_before_its_local_service(start, node, local):
    """The bytes wait in the client until the service is there."""
    relay = start()
    name, port = a_name(), free_ports()
    client(node, relay, port, name)
    later = Later(fetch, relay.port, "GET", "/early", host_of(name), timeout=30 * SLOW)
    later.thread.join(0.5)
    assert not later.done()
    local(port=port)
    assert later.result().text() == f"local GET /early {sha(b'')}"


@pytest.mark.covers("S68", "S83", "fault-34")
def test_two_clients_at_once(relay, node, local):
    names = [a_name(), a_name()]
    for label, name in zip(("one", "two"), names):
        client(node, relay, local(label).port, name)
    laters = [Later(fetch, relay.port, "GET", f"/{index}", host_of(names[index % 2]),
                    timeout=30 * SLOW) for index in range(40)]
    for index, later in enumerate(laters):
        assert later.result().text() == f"{('one', 'two')[index % 2]} GET /{index} {sha(b'')}"


@pytest.mark.covers("S50")
def test_print_requests_shows_each_request(relay, node, local):
    name = a_name()
    process, _ = client(node, relay, local().port, name, flags=["--print-requests"])
    fetch(relay.port, "GET", "/seen?x=1", host_of(name))
    assert re.search(r"GET /seen\?x=1$", process.line()), "nothing printed"
    fetch(relay.port, "POST", "/also", host_of(name), body=b"x")
    assert re.search(r"POST /also$", process.line())


@pytest.mark.covers("S84", "D27")
def test_a_client_that_was_taken_over_makes_no_storm(start, node, local):
    """A client whose name was taken over redials for ever: that must cost the relay nothing."""
    relay = start("--max-sockets", "2")
    name, service = a_name(), local()
    client(node, relay, service.port, name)
    assert fetch(relay.port, host=host_of(name)).status == 200
    connected = fetch(relay.port, "GET", f"/api/tunnels/{name}/status", "lt.test").json()
    assert connected["connected_sockets"] == 2
    before = relay.cpu_seconds()
    second, _ = client(node, relay, service.port, name)
    for _ in range(30):
        assert fetch(relay.port, host=host_of(name), timeout=20 * SLOW).status == 200
    assert relay.cpu_seconds() - before < 2.0 * SLOW
    assert second.process.poll() is None


@pytest.mark.covers("S31", "D23", "S39")
def test_a_refused_client_is_answered_cheaply_until_it_gives_up(start, node, local):
    """The client retries a refusal each second for ever, and prints nothing."""
    relay = start()
    process = node(Node, NODE_MODULES / "localtunnel" / "bin" / "lt.js", "--port", local().port,
                   "--host", f"http://127.0.0.1:{relay.port}", "--subdomain", "x")
    before = relay.cpu_seconds()
    with pytest.raises(AssertionError, match="node says nothing"):
        process.line(timeout=3)
    assert relay.cpu_seconds() - before < 0.5 * SLOW
    assert fetch(relay.port, "GET", "/api/status", "lt.test").json()["tunnels"] == 0
