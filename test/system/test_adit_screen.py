"""The status screen of adit, on a pseudo-terminal of the test's own."""
import fcntl
import http.server as http_server
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import threading
import time

import pytest

from harness import http
from harness.relay import clean_env
from harness.wait import DEADLINE, Late
from test_adit_cli import adit

ENTER, LEAVE = "\x1b[?1049h", "\x1b[?1049l"


class Terminal:
    """A terminal that a program runs on; what it shows is read all the time, unless paused."""

    def __init__(self, home, *words, columns=80, rows=24, program=None, **env):
        self.master, self.slave = pty.openpty()
        self.text = ""
        self.resize(columns, rows)
        self.before = termios.tcgetattr(self.slave)
        self.process = subprocess.Popen(
            [program or adit(), *map(str, words)], cwd=home, stdin=self.slave, stdout=self.slave,
            stderr=self.slave, preexec_fn=self._own,
            env=clean_env({"HOME": home, "TERM": "xterm-256color", "LANG": "C.UTF-8", **env}))

    def _own(self):
        os.setsid()
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)

    def resize(self, columns, rows):
        fcntl.ioctl(self.slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def read(self, seconds=0.05):
        """What came meanwhile."""
        new = b""
        while select.select([self.master], [], [], seconds)[0]:
            new += os.read(self.master, 65536)
            seconds = 0
        self.text += new.decode(errors="replace")
        return new

    def plain(self):
        return re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "\n", self.text)

    def wait(self, wanted, since=0):
        """Reads until the text, without its codes, has this; returns where it has come to."""
        end = time.monotonic() + DEADLINE
        while time.monotonic() < end:
            self.read()
            if wanted in re.sub(r"\x1b\[[0-9;?]*m", "", self.text[since:]):
                return len(self.text)
        raise Late(f"{wanted!r} does not appear in {self.text[since:]!r}")

    def exit(self):
        end = time.monotonic() + 3 * DEADLINE
        while self.process.poll() is None and time.monotonic() < end:
            self.read()
        code = self.process.wait(0)
        self.read()
        return code

    def is_restored(self):
        """True as well for one that was never taken: an end may come before the first frame."""
        return (termios.tcgetattr(self.slave) == self.before
                and self.text.rfind("\x1b[?25h") >= self.text.rfind("\x1b[?25l")
                and self.text.rfind(LEAVE) >= self.text.rfind(ENTER))

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        os.close(self.master)
        os.close(self.slave)


@pytest.fixture
def local():
    """A service that answers with the status that the path names."""
    class Handler(http_server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(int(self.path[1:4]))
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_):
            pass

    server = http_server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    yield server.server_port
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def home(tmp_path):
    return tmp_path


@pytest.fixture
def show(home):
    terminals = []

    def begin(*words, **how):
        terminals.append(Terminal(home, *words, **how))
        return terminals[-1]
    yield begin
    for terminal in terminals:
        terminal.close()


@pytest.fixture
def screen(relay, local, show):
    terminal = show("http", local, "--relay", f"http://127.0.0.1:{relay.port}",
                    "--subdomain", "demo")
    terminal.wait("http://demo.lt.test")
    terminal.wait("connected")
    return terminal


def visit(relay, path):
    return http.fetch(relay.port, target=path, host="demo.lt.test").status


def test_url_requests_and_totals_appear(relay, screen):
    at = len(screen.text)
    visit(relay, "/201/things")
    screen.wait("/201/things")
    assert "demo.lt.test" not in screen.text[at:]  # rows that are the same are not written again
    screen.wait("1 request ")
    assert "\x1b[32m201\x1b[m" in screen.text
    assert visit(relay, "/503") == 503
    screen.wait("1 error ")
    assert "\x1b[31m503\x1b[m" in screen.text


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_the_terminal_is_as_it_was(relay, screen, number):
    visit(relay, "/200")
    screen.wait("1 request ")
    assert not termios.tcgetattr(screen.slave)[3] & termios.ECHO
    assert ENTER in screen.text
    screen.process.send_signal(number)
    assert screen.exit() == 0
    assert screen.is_restored()
    rest = screen.text[screen.text.rfind(LEAVE) + len(LEAVE):]
    assert re.search(r"http://demo\.lt\.test\S* -> http://", rest)
    assert "1 request, 0 errors, " in rest and "\x1b" not in rest


def test_ctrl_c_shows_that_it_stops(screen):
    at = len(screen.text)
    os.write(screen.master, b"\x03")
    assert screen.exit() == 0
    assert "stopping" in screen.text[at:] and "^C" not in screen.text[at:]


def test_a_fatal_error_restores_and_stays_readable(relay, local, show, start):
    strict = start(env={"LT_HMAC_SECRET": "s" * 40})
    terminal = show("http", local, "--relay", f"http://127.0.0.1:{strict.port}")
    assert terminal.exit() == 3
    assert terminal.is_restored()
    assert "wants a valid signature" in terminal.text[terminal.text.rfind(LEAVE) + 1:]


def test_a_crash_restores(screen):
    screen.process.send_signal(signal.SIGABRT)
    assert screen.exit() == -signal.SIGABRT
    assert screen.is_restored()


def test_a_stop_gives_the_terminal_back_and_comes_again(relay, screen):
    os.kill(screen.process.pid, signal.SIGTSTP)
    pid, status = os.waitpid(screen.process.pid, os.WUNTRACED)
    assert os.WIFSTOPPED(status)
    screen.read()
    assert screen.is_restored()
    at = len(screen.text)
    os.kill(screen.process.pid, signal.SIGCONT)
    screen.wait("http://demo.lt.test", at)
    assert not screen.is_restored()
    os.kill(screen.process.pid, signal.SIGCONT)  # one more changes nothing
    screen.process.send_signal(signal.SIGINT)
    assert screen.exit() == 0
    assert screen.is_restored()


def test_a_shell_moves_it_to_the_background_and_back(relay, local, show):
    shell = show("--norc", "-i", program="bash", PS1="$ ", INPUTRC="/dev/null")
    command = f"{adit()} http 127.0.0.1:{local} --relay http://127.0.0.1:{relay.port}"

    def type_in(keys, wanted):
        at = len(shell.text)
        os.write(shell.master, keys.encode())
        shell.wait(wanted, at)

    type_in(command + "\n", "connected")
    type_in("\x1a", "Stopped")
    at = len(shell.text)
    type_in("bg\n", "&")
    type_in("echo $((6 * 7))\n", "42")
    assert ENTER not in shell.text[at:]
    type_in("fg\n", ENTER)
    shell.wait("connected")
    type_in("\x03", "0 requests, 0 errors")
    type_in("stty -a\n", " echo ")
    type_in(command + " &\n", "Forwarding http://")
    type_in("kill %1; wait\n", "Done")
    type_in("exit\n", "exit")
    shell.exit()


def test_a_resized_terminal_is_redrawn(screen):
    at = len(screen.text)
    screen.resize(40, 10)
    screen.process.send_signal(signal.SIGWINCH)
    screen.wait("http://demo.lt.test", at)
    assert "\x1b[10;1H" in screen.text[at:] and "\x1b[11;1H" not in screen.text[at:]


def test_a_stopped_terminal_stops_no_tunnel(relay, screen):
    os.write(screen.master, b"\x13")  # Ctrl-S
    for _ in range(300):
        assert visit(relay, "/200") == 200
    screen.read()
    at = len(screen.text)
    os.write(screen.master, b"\x11")
    screen.wait("300 requests ", at)
    assert len(screen.text) - at < 20000  # frames were dropped
    os.write(screen.master, b"\x13")
    screen.process.send_signal(signal.SIGTERM)
    assert screen.exit() == 0
    assert screen.is_restored()


def test_nothing_is_written_when_nothing_changes(screen):
    screen.wait("No requests yet.")
    while screen.read(0.3):
        pass
    assert screen.read(1.5) == b""


def test_many_requests_are_few_frames(relay, screen):
    at, begin = len(screen.text), time.monotonic()
    for _ in range(200):
        visit(relay, "/200")
    screen.wait("200 requests ", at)
    frames = screen.text[at:].count("\x1b[7;1H")
    assert frames <= 10 * (time.monotonic() - begin) + 2


def test_an_outage_counts_down_and_comes_back(start, local, show):
    relay = start()
    terminal = show("http", local, "--relay", f"http://127.0.0.1:{relay.port}")
    terminal.wait("connected")
    at = len(terminal.text)
    relay.signal(signal.SIGKILL)
    terminal.wait("reconnecting in 1 s", at)
    relay.wait_exit()
    terminal.process.send_signal(signal.SIGINT)
    assert terminal.exit() == 0


def test_colours_can_be_refused(relay, local, show):
    flags = ["http", local, "--relay", f"http://127.0.0.1:{relay.port}"]
    for terminal in (show(*flags, NO_COLOR="1"), show(*flags, "--no-color")):
        terminal.wait("connected")
        assert not re.search(r"\x1b\[[0-9;]*3[0-9]m", terminal.text)


def test_ascii_where_the_locale_has_no_more(relay, local, show):
    terminal = show("http", local, "--relay", f"http://127.0.0.1:{relay.port}", LANG="C")
    terminal.wait("-> http://")
    assert terminal.text.isascii()


@pytest.mark.parametrize("flags, env", [
    (["--quiet"], {}), (["--json"], {}), ([], {"TERM": "dumb"})])
def test_who_wants_lines_gets_lines(relay, local, show, flags, env):
    terminal = show("http", local, "--relay", f"http://127.0.0.1:{relay.port}", *flags, **env)
    terminal.wait("lt.test")
    assert "\x1b" not in terminal.text


def test_a_tunnel_that_leads_elsewhere_shows_where(relay, show, home):
    def write(port):
        (home / "new").write_text("tunnels: {web: {http: %d, subdomain: demo}}" % port)
        (home / "new").rename(home / "tunnels.yaml")
    write(3000)
    terminal = show("start", "--relay", f"http://127.0.0.1:{relay.port}")
    at = terminal.wait("http://localhost:3000")
    write(3001)
    terminal.wait("3001", at)


def test_a_name_that_was_not_to_be_had_is_told(relay, agent, show):
    agent(relay, "taken-app").open_ready(1)
    terminal = show("http", "3000", "--relay", f"http://127.0.0.1:{relay.port}",
                    "--subdomain", "taken-app", columns=200, ADIT_CLIENT_TOKEN="mallory")
    terminal.wait("[other-name]: taken-app was not to be had: it is http://")
