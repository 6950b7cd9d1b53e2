"""One aditd process in a directory of its own, seen from outside.

The relay is started with `--port 0`, so that the kernel picks the port, and says on stderr which
one it got. A thread reads stderr; every line that is a JSON object lands in `logs`, every line at
all in `stderr`. Ending it checks the exit code and looks for sanitizer reports.
"""
import json
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from pathlib import Path

from .wait import DEADLINE, Late

ROOT = Path(__file__).resolve().parents[3]
DOMAIN = "lt.test"
SANITIZER = re.compile(
    r"(Address|Thread|Memory|Leak|UndefinedBehavior)Sanitizer|: runtime error: |CHECK failed")


def binary():
    """The aditd to test, as an absolute path."""
    named = os.environ.get("ADITD")
    if named:
        return os.path.abspath(named)
    for place in ("build/asan/aditd", "build/aditd", "build/asan/src/relay/aditd",
                  "build/src/relay/aditd"):
        if (ROOT / place).exists():
            return str(ROOT / place)
    raise FileNotFoundError("no aditd: set ADITD, or build into build/asan or build")

TSAN_SUPPRESSIONS = ROOT / "test" / "tsan.supp"


def clean_env(extra=None):
    """An environment without anything of the caller's that could configure a relay."""
    env = {
        "PATH": os.environ.get("PATH", "/usr/bin:/bin"),
        "HOME": "/nonexistent",
        "ASAN_OPTIONS": "detect_leaks=1:abort_on_error=0:exitcode=99:"
                        + os.environ.get("ADIT_ASAN_OPTIONS", ""),
        "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1:exitcode=99",
        "TSAN_OPTIONS": f"halt_on_error=0:exitcode=99:suppressions={TSAN_SUPPRESSIONS}:"
                        + os.environ.get("ADIT_TSAN_OPTIONS", ""),
    }
    env.update({key: str(value) for key, value in (extra or {}).items()})
    return env


def free_ports(count=1, address=""):
    """The first of `count` neighbouring ports that nobody listens on just now.

    They lie below the range the kernel hands out for `--port 0` and outgoing connections, so that
    only another test picking at random could take one in between.
    """
    for _ in range(200):
        first = random.randint(15000, 31000)
        held = []
        try:
            for port in range(first, first + count):
                sock = socket.socket()
                held.append(sock)
                sock.bind((address, port))
            return first
        except OSError:
            continue
        finally:
            for sock in held:
                sock.close()
    raise RuntimeError(f"no {count} neighbouring free ports")


class Crash(AssertionError):
    """The relay ended in a way it never should."""


class Relay:
    """flags: command line; env: variables; files: name -> text, written into the directory.

    domain=None leaves --domain away; listen=False leaves --port and --address to the test;
    admin=True adds an admin port; prefix is a command that runs the relay (prlimit, valgrind);
    wait=False returns before the relay says "ready".
    """

    def __init__(self, *flags, env=None, files=None, domain=DOMAIN, listen=True, admin=False,
                 prefix=(), wait=True, pass_fds=()):
        self.dir = Path(tempfile.mkdtemp(prefix="aditd-"))
        for name, text in (files or {}).items():
            (self.dir / name).write_text(text)
        self.domain = domain
        self.logs = []
        self.stderr = []
        self.stdout = b""
        self.ended = False
        self._news = threading.Condition()
        args = [str(flag) for flag in flags]
        if domain:
            args = ["--domain", domain] + args
        if listen:
            args = ["--port", "0", "--address", "127.0.0.1"] + args
        if admin:
            args = ["--admin-port", str(free_ports()), "--admin-address", "127.0.0.1"] + args
        self.args = [*prefix, binary(), *args]
        self.process = subprocess.Popen(
            self.args, cwd=self.dir, env=clean_env(env), stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, pass_fds=pass_fds)
        self.pid = self.process.pid
        self._readers = [threading.Thread(target=self._read_stderr, daemon=True),
                         threading.Thread(target=self._read_stdout, daemon=True)]
        for reader in self._readers:
            reader.start()
        if wait:
            try:
                self.wait_ready()
            except Late:
                if self.process.poll() is None:
                    self.process.kill()
                self._collect()
                self.remove()
                raise Crash(f"the relay did not get ready:\n{self.text()}") from None

    # what it says

    def _read_stderr(self):
        for raw in self.process.stderr:
            line = raw.decode("utf-8", "surrogateescape").rstrip("\n")
            entry = None
            if line.startswith("{"):
                try:
                    entry = json.loads(line)
                except ValueError:
                    entry = None
            with self._news:
                self.stderr.append(line)
                if isinstance(entry, dict):
                    self.logs.append(entry)
                self._news.notify_all()
        with self._news:
            self.ended = True
            self._news.notify_all()

    def _read_stdout(self):
        self.stdout = self.process.stdout.read()

    def text(self):
        """All of stderr so far."""
        with self._news:
            return "\n".join(self.stderr)

    def find_logs(self, wanted):
        """The log lines so far that match: a message, a dict of fields, or a predicate."""
        match = _matcher(wanted)
        with self._news:
            return [entry for entry in self.logs if match(entry)]

    def wait_log(self, wanted, timeout=DEADLINE, count=1):
        """Waits until `count` lines match and returns the last of them."""
        match = _matcher(wanted)
        end = time.monotonic() + timeout
        with self._news:
            while True:
                found = [entry for entry in self.logs if match(entry)]
                if len(found) >= count:
                    return found[count - 1]
                left = end - time.monotonic()
                if left <= 0 or self.ended:
                    raise Late(f"no {count} log lines {wanted!r} ({len(found)} seen, relay "
                               f"{'ended' if self.ended else 'runs'}):\n" + "\n".join(self.stderr))
                self._news.wait(left)

    def wait_access(self, timeout=DEADLINE, count=1, **fields):
        """Waits for an access line (the lines with a method and a status) with these fields."""
        def match(entry):
            return "method" in entry and "status" in entry and all(
                entry.get(key) == value for key, value in fields.items())
        return self.wait_log(match, timeout, count)

    def wait_ready(self, timeout=DEADLINE):
        self.wait_log("ready", timeout)

    def _listening(self, role):
        return self.wait_log({"msg": "listening", "role": role})["port"]

    @property
    def port(self):
        return self._listening("public")

    @property
    def admin_port(self):
        return self._listening("admin")

    @property
    def create_port(self):
        """Where tunnels are created: the admin port if there is one."""
        admin = self.find_logs({"msg": "listening", "role": "admin"})
        return admin[0]["port"] if admin else self.port

    # what it costs

    def rss_kib(self):
        return int(re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{self.pid}/status").read_text())[1])

    def fds(self):
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def cpu_seconds(self):
        fields = Path(f"/proc/{self.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    # how it ends

    def signal(self, number):
        self.process.send_signal(number)

    def running(self):
        return self.process.poll() is None

    def wait_exit(self, timeout=DEADLINE):
        """Waits for the end the test has arranged; returns the exit code."""
        try:
            self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self._collect()
            raise Late(f"the relay still runs after {timeout:.1f} s:\n{self.text()}") from None
        self._collect()
        self._check_sanitizers()
        return self.process.returncode

    def stop(self, timeout=DEADLINE):
        """SIGTERM; anything but exit code 0 and a clean stderr is a failure."""
        already = self.process.poll()
        if already is None:
            self.process.send_signal(signal.SIGTERM)
        code = self.wait_exit(timeout)
        if code != 0:
            when = "before it was told to" if already is not None else "after SIGTERM"
            raise Crash(f"the relay ended with {code} {when}:\n{self.text()}")
        return code

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

    def _check_sanitizers(self):
        report = SANITIZER.search(self.text())
        if report:
            raise Crash(f"{report[0]} in the relay's stderr:\n{self.text()}")

    def remove(self):
        shutil.rmtree(self.dir, ignore_errors=True)


def run(*flags, env=None, files=None, stdin=None, timeout=DEADLINE):
    """Runs aditd to its end (help, check-config, fatal starts): code, stdout, stderr as text."""
    with tempfile.TemporaryDirectory(prefix="aditd-") as place:
        for name, text in (files or {}).items():
            (Path(place) / name).write_text(text)
        done = subprocess.run(
            [binary(), *map(str, flags)], cwd=place, env=clean_env(env), input=stdin,
            capture_output=True, timeout=timeout, check=False)
    out, err = done.stdout.decode(), done.stderr.decode()
    if SANITIZER.search(err):
        raise Crash(err)
    return done.returncode, out, err


def _matcher(wanted):
    if isinstance(wanted, str):
        return lambda entry: entry.get("msg") == wanted
    if isinstance(wanted, dict):
        return lambda entry: all(entry.get(key) == value for key, value in wanted.items())
    return wanted
