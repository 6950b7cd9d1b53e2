"""store_writer, a program around the store, and what it has left behind in the database."""
import queue
import re
import signal
import sqlite3
import subprocess
import threading

from harness.relay import SANITIZER, binary, clean_env
from harness.wait import DEADLINE, Late

from pathlib import Path

BUILD = Path(binary()).parent
WRITER = BUILD / "test" / "support" / "store_writer"
UNIT = BUILD / "test" / "unit" / "store"


class Writer:
    """One store_writer: its lines, its answers, and its end."""

    def __init__(self, *args, url=None, prefix=(), env=None, ready=True):
        extra = {**({"ADIT_TEST_DATABASE": url} if url else {}), **(env or {})}
        self.process = subprocess.Popen(
            [*prefix, WRITER, *map(str, args)], env=clean_env(extra), stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.lines = queue.Queue()
        self.said = []  # all lines of stdout, as they came
        self.errors = []
        self.readers = [threading.Thread(target=self._read, daemon=True),
                        threading.Thread(target=self._read_errors, daemon=True)]
        for reader in self.readers:
            reader.start()
        if ready:
            assert self.line() == "ready", (self.said, self.errors)

    def _read(self):
        for line in self.process.stdout:
            self.said.append(line.rstrip("\n"))
            self.lines.put(line.rstrip("\n"))
        self.lines.put(None)

    def _read_errors(self):
        for line in self.process.stderr:
            self.errors.append(line.rstrip("\n"))

    def line(self, timeout=3 * DEADLINE):
        """The next line, or None at the end."""
        try:
            return self.lines.get(timeout=timeout)
        except queue.Empty:
            raise Late(f"store_writer says nothing; stderr: {self.errors[-5:]}") from None

    def ask(self, text):
        """(milliseconds, answer) of a line."""
        self.process.stdin.write(text + "\n")
        self.process.stdin.flush()
        line = self.line()
        assert line is not None, self.errors[-20:]
        took, answer = line.split(" ", 1)
        return int(took), answer

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        return self.end(killed=True)

    def end(self, killed=False):
        """Waits for its end; its lines are all read then. Fails on what a sanitizer said."""
        if not killed:
            self.process.stdin.close()
        try:
            self.process.wait(3 * DEADLINE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise Late(f"store_writer does not end; stderr: {self.errors[-5:]}") from None
        for reader in self.readers:
            reader.join(DEADLINE)
        found = [line for line in self.errors if SANITIZER.search(line)]
        assert not found, "\n".join(self.errors)
        self.process.stdout.close()
        self.process.stderr.close()
        if killed:
            self.process.stdin.close()
        else:
            assert self.process.returncode == 0, self.errors[-20:]
        return self.said


CONTENT = {
    "audits": "SELECT event || ' ' || subject FROM adit_audits ORDER BY id",
    "accounts": "SELECT name FROM adit_accounts",
    "disabled": "SELECT name FROM adit_accounts WHERE disabled = 1",
    "keys": "SELECT id FROM adit_keys",
    "revoked": "SELECT id FROM adit_keys WHERE revoked_ms > 0",
    "names": "SELECT name FROM adit_names",
}


def content_of_file(path):
    """What is in an SQLite file, and that it is whole."""
    with sqlite3.connect(path) as db:
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert db.execute("PRAGMA foreign_key_check").fetchall() == []
        if not db.execute("SELECT 1 FROM sqlite_schema WHERE name = 'adit_meta'").fetchall():
            found = {what: [] for what in CONTENT}  # killed before there was anything
        else:
            found = {what: [row[0] for row in db.execute(sql)] for what, sql in CONTENT.items()}
    db.close()
    return found


def content_of_server(server, schema):
    """The same of a PostgreSQL server, in one question."""
    if server.sql(f"SELECT to_regclass('{schema}.adit_meta')") == "":
        return {what: [] for what in CONTENT}
    rows = [f"SELECT '{what}', x FROM ({sql.replace('adit_', schema + '.adit_')}) AS t(x)"
            for what, sql in CONTENT.items()]
    found = {what: [] for what in CONTENT}
    for line in server.sql(" UNION ALL ".join(rows)).splitlines():
        what, value = line.split("|", 1)
        found[what].append(value)
    return found


def replay(audits):
    """The content that these rows of the audit log tell of."""
    have = {what: set() for what in CONTENT if what != "audits"}
    for line in audits:
        event, subject = line.split(" ")
        if event == "account.added":
            have["accounts"].add(subject)
        elif event == "account.disabled":
            have["disabled"].add(subject)
        elif event == "key.created":
            have["keys"].add(subject)
        elif event == "key.revoked":
            have["revoked"].add(subject)
        elif event == "name.reserved":
            have["names"].add(subject)
        elif event == "name.released":
            have["names"].discard(subject)
    return have


def acknowledged(lines):
    """(what was acknowledged, what failed) of a writer's lines."""
    good = [line for line in lines if re.match(r"[a-z]+\.[a-z]+ \S+$", line)]
    unsure = [line.split(":")[0][2:] for line in lines if line.startswith("? ")]
    assert len(good) + len(unsure) + lines.count("ready") == len(lines), lines
    return good, unsure


def check_content(found, good, unsure, kills):
    """Nothing acknowledged is missing, nothing is half there, and no more came than was asked."""
    audits = found["audits"]
    assert len(set(audits)) == len(audits)
    missing = set(good) - set(audits)
    assert not missing, f"acknowledged and gone: {sorted(missing)}"
    surplus = set(audits) - set(good) - set(unsure)
    assert len(surplus) <= kills, f"nobody asked for {sorted(surplus)}"
    for what, want in replay(audits).items():
        assert set(found[what]) == want, f"{what} are not as the audit log says"
