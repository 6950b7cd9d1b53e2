"""The library that speaks to PostgreSQL: asked for by --database, and not needed without it."""
from pathlib import Path

import pytest

from harness import http
from harness.accounts import Accounts
from harness.postgres import PASSWORD, Postgres
from harness.relay import run
from harness.wait import DEADLINE

URL = f"postgresql://adit:{PASSWORD}@127.0.0.1:1/adit"
ADVICE = ": install libpq5, or keep the store in a file with --state-dir alone"

pytestmark = pytest.mark.timeout(120)


def libraries(relay):
    """The names of the files that are mapped into the relay."""
    maps = Path(f"/proc/{relay.pid}/maps").read_text().splitlines()
    return {Path(line.split(None, 5)[5]).name for line in maps if len(line.split(None, 5)) > 5}


def has(relay, library):
    return any(name.startswith(library) for name in libraries(relay))


def healthy(relay):
    return http.fetch(relay.port, target="/healthz", host=relay.domain).status == 200


@pytest.fixture
def broken(tmp_path):
    """An environment in which the library is found first as a file that is none."""
    (tmp_path / "libpq.so.5").write_bytes(b"")
    return {"LD_LIBRARY_PATH": tmp_path}


@pytest.mark.parametrize("store", [False, True], ids=["no-store", "file"])
def test_a_relay_without_postgresql_does_not_load_its_library(start, tmp_path, store):
    flags = ["--state-dir", tmp_path / "state"] if store else []
    relay = start(*flags)
    assert healthy(relay)
    assert has(relay, "libsqlite3")  # the test would see it
    assert not has(relay, "libpq") and not has(relay, "libldap")


def test_a_relay_without_postgresql_starts_where_its_library_is_missing(start, broken):
    assert healthy(start(env=broken))


def test_a_relay_with_postgresql_loads_its_library(start, tmp_path):
    server = Postgres()
    try:
        relay = start(env=Accounts(tmp_path, database=server.url).env)
        assert healthy(relay)
        assert has(relay, "libpq")
        relay.stop()
    finally:
        server.close()


def test_where_the_library_is_missing_a_sentence_says_what_to_install(broken):
    code, _, err = run("--port", 0, env={"LT_DATABASE": URL, **broken}, timeout=3 * DEADLINE)
    text = err if isinstance(err, str) else err.decode()
    assert code == 1
    assert "cannot open the store: the library that speaks to PostgreSQL cannot be loaded" in text
    assert "libpq.so.5" in text and ADVICE in text
    assert PASSWORD not in text


def test_a_library_without_a_function_is_refused_by_name(start, tmp_path):
    maps = Path(f"/proc/{start().pid}/maps").read_text().split()
    other = next(word for word in maps if "/libsqlite3.so" in word)
    (tmp_path / "libpq.so.5").symlink_to(other)
    code, _, err = run("--port", 0, env={"LT_DATABASE": URL, "LD_LIBRARY_PATH": tmp_path},
                       timeout=3 * DEADLINE)
    text = err if isinstance(err, str) else err.decode()
    assert code == 1
    assert "cannot open the store: libpq.so.5 is not the library of PostgreSQL" in text
    assert "it has no PQclear" in text and ADVICE in text
