"""The real peers: the npm localtunnel client 2.0.2, and node scripts with `ws`.

They live in test/node with exact versions; `install` fetches them once, under a lock.
"""
import fcntl
import json
import os
import queue
import re
import shutil
import subprocess
import threading

from .relay import ROOT
from .wait import DEADLINE

NODE_DIR = ROOT / "test" / "node"
NODE_MODULES = NODE_DIR / "node_modules"


def available():
    return bool(shutil.which("node") and shutil.which("npm"))


def install():
    """npm ci into test/node/node_modules, unless that is there already."""
    if (NODE_MODULES / ".package-lock.json").exists():
        return
    with open(NODE_DIR / ".install.lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (NODE_MODULES / ".package-lock.json").exists():
            subprocess.run(["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts"],
                           cwd=NODE_DIR, check=True, capture_output=True, timeout=300)


class Node:
    """A node process whose stdout is read line by line, and which reads what it is told."""

    def __init__(self, *args, env=None):
        install()
        self.process = subprocess.Popen(
            ["node", *map(str, args)], cwd=NODE_DIR, stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env={**{key: value for key, value in os.environ.items()
                    if "proxy" not in key.lower()}, **(env or {})})
        self.lines = queue.Queue()
        self.errors = []
        threading.Thread(target=self._read, daemon=True).start()
        threading.Thread(target=self._read_errors, daemon=True).start()

    def _read(self):
        for line in self.process.stdout:
            self.lines.put(line.decode().rstrip("\n"))
        self.lines.put(None)

    def _read_errors(self):
        for line in self.process.stderr:
            self.errors.append(line.decode().rstrip("\n"))

    def line(self, timeout=DEADLINE):
        """The next line of stdout."""
        try:
            line = self.lines.get(timeout=timeout)
        except queue.Empty:
            raise AssertionError(f"node says nothing; stderr: {self.errors}") from None
        assert line is not None, f"node ended; stderr: {self.errors}"
        return line

    def say(self, line):
        """A line for stdin."""
        self.process.stdin.write(line.encode() + b"\n")
        self.process.stdin.flush()

    def event(self, timeout=DEADLINE):
        """The next line of stdout, as JSON."""
        return json.loads(self.line(timeout))

    def wait(self, timeout=DEADLINE):
        return self.process.wait(timeout)

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.process.stdin.close()


class NpmClient(Node):
    """`lt --port … --host … [--subdomain …]`; `url` waits for the line it prints."""

    def __init__(self, relay, local_port, name=None, host=None, flags=()):
        install()
        args = [NODE_MODULES / "localtunnel" / "bin" / "lt.js", "--port", local_port,
                "--local-host", "127.0.0.1",
                "--host", host or f"http://127.0.0.1:{relay.create_port}", *flags]
        if name:
            args += ["--subdomain", name]
        super().__init__(*args)

    def url(self, timeout=DEADLINE):
        line = self.line(timeout)
        match = re.fullmatch(r"your url is: (\S+)", line)
        assert match, line
        return match[1]
