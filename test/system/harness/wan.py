"""A link between a relay and an agent that can be cut, slowed, moved and reset while they use it.

    wan = Wan(delay="10ms", rate="100mbit")      # two namespaces, tools/linkem between them
    relay = wan.relay("--domain", "lt.test")     # aditd in the left one, with TLS
    agent = wan.agent("http", wan.right.serve(...), "--subdomain", "demo")
    wan.cut(5); wan.move(); wan.reset()          # what happens to the link

The relay and its visitors are on the left, the agent and its local services on the right. Threads of
the test make their sockets in either (Space); programs are started there with `ip netns exec`.
Everything has names of its own, so that many of these run side by side. Needs root.
"""
import contextlib
import ctypes
import itertools
import json
import os
import pwd
import queue
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from pathlib import Path

from . import http
from .relay import ROOT, SANITIZER, Crash, Relay, binary, clean_env
from .wait import DEADLINE, Late, wait_for

LEFT, RIGHT = "10.200.0.1", "10.200.0.2"
PORT, TLS_PORT = 8080, 8443  # each namespace has all ports to itself
TCP_PORTS = (9000, 9099)
TIMES = itertools.count()
CLONE_NEWNET = 0x40000000
LIBC = ctypes.CDLL(None, use_errno=True)


def missing():
    """Why there can be no namespaces here, or None."""
    if os.geteuid() != 0:
        return "network namespaces need root"
    if not os.path.exists("/dev/net/tun"):
        return "there is no /dev/net/tun"
    for program in ("ip", "ss", "setpriv", "openssl"):
        if not shutil.which(program):
            return f"{program} is not installed"
    return None


def linkem():
    """The emulator, as ./dev build leaves it beside aditd; compiled when it does not."""
    built = Path(binary()).parent / "tools" / "linkem"
    if built.exists():
        return str(built)
    made = Path(tempfile.gettempdir()) / f"linkem-{os.getpid()}"
    if not made.exists():
        subprocess.run(["cc", "-O2", "-o", made, ROOT / "tools" / "linkem" / "linkem.c"],
                       check=True)
    return str(made)


def adit():
    """The agent to test: beside aditd, unless ADIT names another."""
    return os.path.abspath(os.environ.get("ADIT") or Path(binary()).parent / "adit")


class Space:
    """One network namespace, seen from a thread that stays outside it."""

    def __init__(self, name, address):
        self.name = name
        self.address = address
        self.fd = os.open(f"/run/netns/{name}", os.O_RDONLY)
        self.prefix = ["ip", "netns", "exec", name]

    @contextlib.contextmanager
    def _entered(self):
        own = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        try:
            if LIBC.setns(self.fd, CLONE_NEWNET):
                raise OSError(ctypes.get_errno(), "setns")
            yield
        finally:
            LIBC.setns(own, CLONE_NEWNET)
            os.close(own)

    def socket(self):
        """A TCP socket that belongs here for good."""
        with self._entered():
            return socket.socket()

    def connect(self, port, address="127.0.0.1", timeout=DEADLINE):
        sock = self.socket()
        try:
            sock.settimeout(timeout)
            sock.connect((address, port))
        except BaseException:
            sock.close()
            raise
        return sock

    def listen(self, backlog=1024):
        sock = self.socket()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(("127.0.0.1", 0))
        sock.listen(backlog)
        return sock

    def run(self, *args, timeout=DEADLINE):
        return subprocess.run([*self.prefix, *map(str, args)], capture_output=True, text=True,
                              timeout=timeout, check=False)

    def close(self):
        os.close(self.fd)


class Visitor(http.Visitor):
    """A visitor of the relay, from the relay's side of the link."""

    def __init__(self, wan, port=PORT, timeout=DEADLINE):
        http.Wire.__init__(self, wan.left.connect(port, timeout=timeout), timeout)


class Service:
    """A local service on the right: `handle(wire)` for each connection, on a thread of its own."""

    def __init__(self, space, handle):
        self.listener = space.listen()
        self.port = self.listener.getsockname()[1]
        self.handle = handle
        self.failures = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(sock,), daemon=True).start()

    def _serve(self, sock):
        wire = http.Wire(sock, 12 * DEADLINE)
        try:
            self.handle(wire)
        except Exception as failure:  # a visitor may be gone at any time; the test looks at these
            self.failures.append(failure)
        finally:
            wire.close()

    def close(self):
        # A thread in accept() is not woken by close().
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()


class Program:
    """`adit` with --json: every line of stdout is an event."""

    def __init__(self, *args, prefix=(), env=None):
        self.dir = Path(tempfile.mkdtemp(prefix="adit-"))
        self.events = []
        self.other = []
        self.ended = False
        self._news = threading.Condition()
        self.process = subprocess.Popen(
            [*prefix, adit(), *map(str, args)], cwd=self.dir, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env=clean_env({"HOME": self.dir, **(env or {})}))
        self.pid = self.process.pid
        self._readers = [threading.Thread(target=self._read, args=(pipe,), daemon=True)
                         for pipe in (self.process.stdout, self.process.stderr)]
        for reader in self._readers:
            reader.start()

    def _read(self, pipe):
        for raw in pipe:
            line = raw.decode("utf-8", "surrogateescape").rstrip("\n")
            try:
                event = json.loads(line)
            except ValueError:
                event = None
            with self._news:
                if isinstance(event, dict):
                    self.events.append(event)
                else:
                    self.other.append(line)
                self._news.notify_all()
        with self._news:
            self.ended = True
            self._news.notify_all()

    def text(self):
        with self._news:
            told = [event for event in self.events if event.get("event") != "request"]
            return "\n".join([json.dumps(event) for event in told[-50:]] + self.other)

    def find(self, kind, **fields):
        with self._news:
            return [event for event in self.events if event.get("event") == kind
                    and all(event.get(key) == value for key, value in fields.items())]

    def wait_event(self, kind, count=1, timeout=DEADLINE, **fields):
        """Waits for `count` events of that kind, and returns the last of them."""
        end = time.monotonic() + timeout
        while True:
            found = self.find(kind, **fields)
            if len(found) >= count:
                return found[count - 1]
            with self._news:
                left = end - time.monotonic()
                if left > 0 and not self.ended:
                    self._news.wait(min(left, 0.5))
                    continue
            raise Late(f"no {count} events {kind} {fields} ({len(found)} seen):\n{self.text()}")

    def forget(self, kept=50):
        """All events but the last ones: whoever runs for hours would fill the memory."""
        with self._news:
            del self.events[:-kept]

    def rss_kib(self):
        return rss_kib(self.pid)

    def stop(self):
        """SIGTERM; anything but exit code 0 and a clean stderr is a failure."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(2 * DEADLINE)
        except subprocess.TimeoutExpired:
            self.kill()
            raise Late(f"adit still runs after SIGTERM:\n{self.text()}") from None
        self._collect()
        if SANITIZER.search(self.text()):
            raise Crash(f"adit's stderr:\n{self.text()}")
        if code != 0:
            raise Crash(f"adit ended with {code}:\n{self.text()}")

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self._collect()

    def _collect(self):
        for reader in self._readers:
            reader.join(DEADLINE)
        self.process.stdout.close()
        self.process.stderr.close()
        shutil.rmtree(self.dir, ignore_errors=True)


def rss_kib(pid):
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    return 0


class Wan:
    """The link, and what was started at its ends. close() ends and checks all of it."""

    def __init__(self, **settings):
        self.dir = Path(tempfile.mkdtemp(prefix="wan-"))
        self.dir.chmod(0o755)
        self.socket = self.dir / "linkem"
        stem = f"adit{os.getpid()}x{next(TIMES)}"
        # Beside the relay and the agent one address can be the same in every test.
        self.process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "TERM", linkem(), "up", "--left-ns", stem + "l",
             "--right-ns", stem + "r", "--left-ip", LEFT + "/24", "--right-ip", RIGHT + "/24",
             "--socket", str(self.socket)]
            + [word for key, value in settings.items() for word in (f"--{key}", str(value))],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        line = self.process.stdout.readline()
        if not line.startswith("linkem: ready"):
            self.process.wait(DEADLINE)
            shutil.rmtree(self.dir, ignore_errors=True)
            raise RuntimeError(f"no link: {line}{self.process.stdout.read()}")
        self.left = Space(stem + "l", LEFT)
        self.right = Space(stem + "r", RIGHT)
        self.right_address = 2
        self.running = []
        self.services = []
        self._certificate()

    def _certificate(self):
        self.ca, self.key = self.dir / "relay.pem", self.dir / "relay.key"
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
             "-nodes", "-days", "2", "-subj", "/CN=relay", "-keyout", self.key, "-out", self.ca,
             "-addext", f"subjectAltName=IP:{LEFT},DNS:lt.test,DNS:*.lt.test"],
            check=True, capture_output=True)

    # the link

    def ctl(self, *words):
        done = subprocess.run([linkem(), "ctl", "--socket", self.socket, *words],
                              capture_output=True, text=True, timeout=DEADLINE, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def set(self, *pairs):
        """set("l2r", "delay=50ms") or set("rate=1mbit", "loss=5%")."""
        self.ctl("set", *pairs)

    def stats(self):
        return json.loads(self.ctl("stats"))

    def cut(self, seconds):
        """Nothing passes for so long; what is under way is lost."""
        self.ctl("cut")
        try:
            time.sleep(seconds)
        finally:
            self.ctl("restore")

    def move(self):
        """Gives the agent's side another address."""
        self.right_address = self.right_address % 250 + 1
        self.ctl("readdr", "right", f"10.200.0.{self.right_address + 1}/24")

    def reset(self):
        """Ends the links with a TCP reset at both ends; returns how many there were."""
        done = self.left.run("ss", "-HKtn", "state", "established", f"src {LEFT}",
                             "(", "sport", "=", f":{TLS_PORT}", "or", "sport", "=", f":{PORT}", ")")
        assert done.returncode == 0, done.stderr
        return len([line for line in done.stdout.splitlines() if "10.200.0." in line.split()[-1]])

    # the programs

    def relay(self, *flags, **how):
        relay = Relay("--port", PORT, "--address", "0.0.0.0", "--tls-port", TLS_PORT,
                      "--tls-cert", self.ca, "--tls-key", self.key, "--tcp-port-range-start",
                      TCP_PORTS[0], "--tcp-port-range-end", TCP_PORTS[1], *flags, listen=False,
                      prefix=self.left.prefix, **how)
        self.running.append(relay)
        return relay

    def agent(self, *args, env=None):
        """adit in the right namespace; returns when its tunnel is up."""
        program = Program(*args, "--relay", f"https://{LEFT}:{TLS_PORT}", "--ca", self.ca, "--json",
                          prefix=self.right.prefix, env=env)
        self.running.append(program)
        program.wait_event("tunnel_up", timeout=2 * DEADLINE)
        return program

    def serve(self, handle):
        service = Service(self.right, handle)
        self.services.append(service)
        return service

    def visitor(self, port=PORT, timeout=DEADLINE):
        return Visitor(self, port, timeout)

    def keep(self, thing):
        """Something with kill(), ended with this."""
        self.services.append(thing)
        return thing

    def close(self):
        failures = []
        for program in reversed(self.running):
            try:
                if not program.process.stdout.closed:
                    program.stop()
            except AssertionError as failure:
                failures.append(str(failure))
            finally:
                if not program.process.stdout.closed:
                    program.kill()
                if isinstance(program, Relay):
                    program.remove()
        for service in self.services:
            service.close()
        self.left.close()
        self.right.close()
        self.process.terminate()
        try:
            self.process.wait(DEADLINE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            failures.append("linkem did not end")
        self.process.stdout.close()
        shutil.rmtree(self.dir, ignore_errors=True)
        if failures:
            raise AssertionError("\n".join(failures))


class Postgres:
    """A PostgreSQL server of the test's own, in a namespace, with nothing on disk for long."""

    def __init__(self, space):
        found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
        assert found, "postgresql is not installed"
        self.space = space
        self.bin = found[-1].parent
        self.dir = Path(tempfile.mkdtemp(prefix="pg-"))
        self.port = 5432
        user = pwd.getpwnam("postgres")
        os.chown(self.dir, user.pw_uid, user.pw_gid)
        # As root neither initdb nor the server would start.
        self.as_user = ["setpriv", "--reuid", str(user.pw_uid), "--regid", str(user.pw_gid),
                        "--clear-groups", "--pdeathsig", "INT"]
        subprocess.run([*self.as_user, self.bin / "initdb", "-D", self.dir / "data", "-A", "trust",
                        "-U", "postgres", "-E", "UTF8", "--locale=C", "--no-sync"],
                       check=True, capture_output=True, cwd=self.dir, timeout=6 * DEADLINE)
        self.log = open(self.dir / "log", "wb")
        self.process = subprocess.Popen(
            [*space.prefix, *self.as_user, self.bin / "postgres", "-D", self.dir / "data",
             "-p", str(self.port), "-h", "127.0.0.1", "-k", self.dir, "-F",
             "-c", "shared_buffers=16MB"], cwd=self.dir, stdin=subprocess.DEVNULL,
            stdout=self.log, stderr=self.log)
        try:
            wait_for(self._accepts, "PostgreSQL", 3 * DEADLINE)
        except Late:
            text = (self.dir / "log").read_text()
            self.close()
            raise Late(f"PostgreSQL did not start:\n{text}") from None

    def _accepts(self):
        return self.space.run(self.bin / "pg_isready", "-h", "127.0.0.1", "-p",
                              self.port).returncode == 0

    def close(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)  # fast shutdown
            try:
                self.process.wait(DEADLINE)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.log.close()
        shutil.rmtree(self.dir, ignore_errors=True)


class Lines:
    """A program in a namespace that is spoken to line by line (psql, node)."""

    def __init__(self, space, *args, env=None, cwd=None):
        self.process = subprocess.Popen(
            [*space.prefix, *map(str, args)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True, cwd=cwd, env={**os.environ, **(env or {})})
        self.lines = queue.Queue()
        self.errors = []
        threading.Thread(target=self._read, daemon=True).start()
        threading.Thread(target=self._read_errors, daemon=True).start()

    def _read(self):
        for line in self.process.stdout:
            self.lines.put(line.rstrip("\n"))
        self.lines.put(None)

    def _read_errors(self):
        for line in self.process.stderr:
            self.errors.append(line.rstrip("\n"))

    def say(self, text):
        self.process.stdin.write(text + "\n")
        self.process.stdin.flush()

    def line(self, timeout=DEADLINE):
        try:
            line = self.lines.get(timeout=timeout)
        except queue.Empty:
            raise Late(f"{self.process.args} says nothing; stderr: {self.errors}") from None
        assert line is not None, f"{self.process.args} ended; stderr: {self.errors}"
        return line

    def end(self, timeout=DEADLINE):
        """Closes its stdin and waits for exit code 0."""
        self.process.stdin.close()
        assert self.process.wait(timeout) == 0, self.errors

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
