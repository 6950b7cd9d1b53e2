"""kill -9 of a relay that takes changes by its API: none that it has acknowledged is lost."""
import random
import shutil
import tempfile
import threading
import time
from pathlib import Path

import pytest

from harness import admin, http
from harness.postgres import Postgres
from harness.store import content_of_file, content_of_server
from harness.wait import wait_for

RUNS = 12

pytestmark = pytest.mark.timeout(240)


class Changes(threading.Thread):
    """Makes accounts, keys and names, one after the other, until the relay is gone."""

    def __init__(self, folder, tag):
        super().__init__(daemon=True)
        self.folder, self.tag = folder, tag
        self.done = {what: set() for what in ("accounts", "keys", "revoked", "names", "released")}
        self.count = 0
        self.failure = None
        self.start()

    def run(self):
        try:
            with admin.Socket(self.folder) as wire:
                for number in range(10000):
                    self.round(wire, f"{self.tag}-{number}")
        except (OSError, http.Truncated):
            pass  # the relay was killed
        except AssertionError as failure:
            self.failure = failure

    def ask(self, wire, method, path, body=None):
        answer = admin.ask(wire, method, path, body)
        if answer.status not in (201, 204):
            raise AssertionError(answer)
        self.count += 1
        return answer

    def round(self, wire, tag):
        self.ask(wire, "POST", "/accounts", {"name": f"user-{tag}"})
        self.done["accounts"].add(f"user-{tag}")
        key = self.ask(wire, "POST", "/keys", {"account": f"user-{tag}"}).json()["id"]
        self.done["keys"].add(key)
        self.ask(wire, "POST", "/names", {"name": f"name-{tag}", "account": f"user-{tag}"})
        self.done["names"].add(f"name-{tag}")
        self.ask(wire, "DELETE", f"/keys/{key}")
        self.done["revoked"].add(key)
        self.done["names"].remove(f"name-{tag}")  # from now on it may be there or not
        self.ask(wire, "DELETE", f"/names/name-{tag}")
        self.done["released"].add(f"name-{tag}")


@pytest.fixture
def place():
    path = Path(tempfile.mkdtemp(prefix="adit-kill-"))
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request, place):
    """(environment of the relay, a function that reads what is in the store)."""
    if request.param == "sqlite":
        # A copy: looking at the file itself would tidy it up.
        def look():
            for end in ("", "-wal"):
                if (place / f"adit.db{end}").exists():
                    shutil.copy(place / f"adit.db{end}", place / f"copy{end}")
            found = content_of_file(place / "copy")
            for left in place.glob("copy*"):
                left.unlink()
            return found
        yield {}, look
        return
    server = Postgres()

    def look_there():
        wait_for(lambda: not server.backends(), "the relay's backend to end")
        return content_of_server(server, "public")
    yield {"LT_DATABASE": server.url}, look_there
    server.close()


def test_a_relay_that_is_killed_has_kept_what_it_acknowledged(store, place, start):
    env, look = store
    rng = random.Random(7)
    want = {what: set() for what in ("accounts", "keys", "revoked", "names", "released")}
    total = 0
    for number in range(RUNS):
        relay = start("--state-dir", place, "--workers", 1, env=env)
        changes = Changes(place, number)
        enough = rng.randrange(1, 25)
        wait_for(lambda: changes.count >= enough or not changes.is_alive(), "changes", every=0.001)
        time.sleep(rng.uniform(0, 0.005))  # a moment that nobody chose
        relay.kill()
        changes.join()
        assert changes.failure is None, changes.failure
        total += changes.count
        for what, values in changes.done.items():
            want[what] |= values
        found = look()
        for what in ("accounts", "keys", "revoked", "names"):
            missing = want[what] - set(found[what])
            assert not missing, f"{what} that were acknowledged and are gone: {missing}"
        assert not want["released"] & set(found["names"])
        told = [line.split(" ") for line in found["audits"]]
        for event, subjects in (("account.added", found["accounts"]),
                                ("key.created", found["keys"]),
                                ("key.revoked", found["revoked"])):
            assert {words[1] for words in told if words[0] == event} == set(subjects)
        names = set()
        for event, subject in told:
            if event == "name.reserved":
                names.add(subject)
            elif event == "name.released":
                names.discard(subject)
        assert set(found["names"]) == names
    assert total > 5 * RUNS
