"""adit as a person uses it: one that ends by itself, one that runs with its output in a file, and one
on a terminal."""
import contextlib
import os
import pty
import re
import select
import signal
import subprocess
import time
from pathlib import Path

from .relay import binary, clean_env
from .wait import DEADLINE, Late, wait_for


def adit():
    return os.environ.get("ADIT") or str(Path(binary()).parent / "adit")


def run(home, *words, stdin=None, **env):
    return subprocess.run([adit(), *map(str, words)], env=clean_env({"HOME": home, **env}),
                          cwd=home, input=stdin, capture_output=True, text=True, timeout=30)


class Adit:
    """A running adit whose output is a file."""

    def __init__(self, home, *words, **env):
        self.path = home / "out"
        self.out = open(self.path, "w")
        self.process = subprocess.Popen([adit(), *map(str, words)], cwd=home, stdout=self.out,
                                        stderr=subprocess.PIPE,
                                        env=clean_env({"HOME": home, **env}))

    def lines(self):
        return self.path.read_text().splitlines()

    def wait_line(self, start):
        def find():
            return next((line for line in self.lines() if start in line), None)
        return wait_for(find, f"a line with {start!r}")

    def stop(self, number=signal.SIGINT):
        if self.process.poll() is None:
            self.process.send_signal(number)
        self.process.communicate(timeout=30)
        self.out.close()
        return self.process.returncode


def memory(pid, text):
    """Where in a process the text is that a core dump would have: what stands around it."""
    found = []
    regions = re.findall(r"^([0-9a-f]+)-([0-9a-f]+) (\S+) .*?^VmFlags: (.*?)$",
                         Path(f"/proc/{pid}/smaps").read_text(), re.M | re.S)
    with open(f"/proc/{pid}/mem", "rb", 0) as memory_file:
        for start, end, rights, flags in regions:
            # The shadow of a sanitizer is as large as the machine's addresses.
            size = int(end, 16) - int(start, 16)
            if "w" not in rights or "dd" in flags.split() or size > 1 << 32:
                continue
            memory_file.seek(int(start, 16))
            data = memory_file.read(size)
            found += [data[max(0, at.start() - 40):at.end() + 20]
                      for at in re.finditer(re.escape(text.encode()), data)]
    return found


class Terminal:
    """A running adit whose standard streams are a terminal."""

    def __init__(self, home, *words, **env):
        self.master, slave = pty.openpty()
        self.seen = b""
        # setsid makes it the controlling terminal, which is what /dev/tty means.
        self.process = subprocess.Popen(["setsid", "--ctty", adit(), *map(str, words)], cwd=home,
                                        stdin=slave, stdout=slave, stderr=slave,
                                        env=clean_env({"HOME": home, "TERM": "dumb", **env}))
        os.close(slave)

    def read(self, timeout=0.1):
        if not select.select([self.master], [], [], timeout)[0]:
            return
        # The terminal of a process that has ended gives an error.
        with contextlib.suppress(OSError):
            self.seen += os.read(self.master, 65536)

    def wait(self, words):
        end = time.monotonic() + DEADLINE
        while words.encode() not in self.seen:
            if time.monotonic() > end:
                raise Late(f"{words!r} in {self.seen!r}")
            self.read()
        return self

    def type(self, text):
        os.write(self.master, text.encode())
        return self

    def end(self, timeout=DEADLINE):
        def is_over():
            self.read()
            return self.process.poll() is not None
        wait_for(is_over, "the end", timeout)
        self.read()
        return self.process.returncode

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        os.close(self.master)
