"""Accounts, keys and names of a relay: written into its store while no relay has it open.

    book = Accounts(tmp_path)                  # a folder for --state-dir
    key = book.key("alice", names="demo-*")    # the account is made with its first key
    relay = start(*book.flags)
    with_key(relay, key).register()
"""
import contextlib
import os
import sqlite3
import subprocess
from pathlib import Path

from .relay import binary, clean_env
from .session import Session


def bearer(key):
    """The header fields of a request with this key."""
    return [("Authorization", f"Bearer {key}")]


def with_key(relay, key, **how):
    """An agent's session with this key."""
    return Session(relay, fields=bearer(key), **how)


def key_id(key):
    return key.split("_")[1]


class Accounts:
    def __init__(self, place, database=None):
        """database: the URL of an empty PostgreSQL database to use instead of a file."""
        self.dir = Path(place) / "state"
        self.database = database
        self.names = set()
        self.dir.mkdir(mode=0o700, exist_ok=True)

    @property
    def flags(self):
        return ["--state-dir", self.dir]

    @property
    def env(self):
        return {"LT_DATABASE": self.database} if self.database else {}

    def tell(self, *lines):
        tool = Path(os.environ.get("STORE_SEED") or
                    Path(binary()).parent / "test/support/store_seed")
        done = subprocess.run(
            [tool, self.database or self.dir / "adit.db"], input="\n".join(lines) + "\n",
            env=clean_env(), capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout.split()

    def account(self, name, **how):
        self.names.add(name)
        self.tell(_words("account", name, **how))

    def key(self, account, **how):
        """names, http, tcp, admin, ports, expires: see test/support/store_seed.c."""
        if account not in self.names:
            self.account(account)
        return self.tell(_words("key", account, **how))[0]

    def revoke(self, key):
        self.tell(_words("revoke", key_id(key)))

    def count(self, what):
        """How many rows the store has of these, also while a relay has it open (SQLite alone)."""
        place = f"file:{self.dir / 'adit.db'}?mode=ro"
        with contextlib.closing(sqlite3.connect(place, uri=True)) as db:
            return db.execute(f"SELECT count(*) FROM adit_{what}").fetchone()[0]

    def name(self, name, account):
        if account not in self.names:
            self.account(account)
        self.tell(_words("name", name, account))


def _words(*words, **how):
    return " ".join([*words, *(f"{name}={int(value) if value is True or value is False else value}"
                               for name, value in how.items())])
