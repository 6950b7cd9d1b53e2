"""The store: nothing acknowledged is lost by kill -9, and troubles of the database pass."""
import os
import random
import shutil
import signal
import stat
import subprocess
import tempfile
import time
from pathlib import Path

import pytest

from harness.postgres import PASSWORD, Postgres
from harness.relay import clean_env
from harness.store import (UNIT, Writer, acknowledged, check_content, content_of_file,
                           content_of_server)
from harness.wait import DEADLINE, wait_for

KILLS = 200
KILLS_PER_DATABASE = 25  # a new one now and then: some are killed while it is made
JOB_MS = 2000  # store_writer's deadline

pytestmark = pytest.mark.timeout(240)


@pytest.fixture(scope="module")
def server():
    postgres = Postgres()
    yield postgres
    postgres.close()


@pytest.fixture
def own_server(server):
    """For a test that treats it badly."""
    yield server
    server.reset()


@pytest.fixture
def place():
    """A folder with narrow rights, as the store wants it; in memory, as no machine is killed here."""
    path = Path(tempfile.mkdtemp(prefix="adit-store-",
                                 dir="/dev/shm" if os.access("/dev/shm", os.W_OK) else None))
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.mark.parametrize("program", ["test_ledger", "test_ledger_meta"])
def test_the_ledger_is_the_same_on_postgresql(own_server, program):
    done = subprocess.run([UNIT / program], env=clean_env({"ADIT_TEST_DATABASE": own_server.url}),
                          capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr


# ---- kill -9 ----


def kill_at_random(writer, number, rng):
    """Kills it in the middle of its changes, and now and then while it starts."""
    if number % 8 == 0:
        try:
            writer.process.wait(rng.uniform(0, 0.1))
        except subprocess.TimeoutExpired:
            pass
    else:
        for _ in range(rng.randrange(1, 12)):
            assert writer.line() is not None, writer.errors
        try:
            writer.process.wait(rng.uniform(0, 0.004))
        except subprocess.TimeoutExpired:
            pass
    return writer.kill()


def copy_of(path, to):
    """The database as the kill has left it, so that looking at it changes nothing."""
    for end in ("", "-wal"):
        if Path(f"{path}{end}").exists():
            shutil.copy(f"{path}{end}", f"{to}{end}")
        elif Path(f"{to}{end}").exists():
            os.unlink(f"{to}{end}")
    return to


def test_nothing_acknowledged_is_lost_when_sqlite_is_killed(place):
    rng = random.Random(4)
    changes = 0
    for number in range(KILLS):
        if number % KILLS_PER_DATABASE == 0:
            path = place / f"{number}.db"
            good, unsure = [], []
        said = kill_at_random(Writer(path, "run", number, ready=False), number, rng)
        more, failed = acknowledged(said)
        assert not failed, failed
        good += more
        changes += len(more)
        if path.exists():
            check_content(content_of_file(copy_of(path, place / "copy")), good, unsure,
                          number % KILLS_PER_DATABASE + 1)
        else:
            assert not good
    assert changes > 3 * KILLS


def test_nothing_acknowledged_is_lost_when_the_client_of_postgresql_is_killed(server):
    rng = random.Random(5)
    changes = 0
    for number in range(KILLS):
        if number % KILLS_PER_DATABASE == 0:
            schema = f"kill{number}"
            server.sql(f"CREATE SCHEMA {schema}")
            url = f"{server.url}&options=-csearch_path%3D{schema}"
            good = []
        said = kill_at_random(Writer("run", number, url=url, ready=False), number, rng)
        more, failed = acknowledged(said)
        assert not failed, failed
        good += more
        changes += len(more)
        # What the dead client has sent may still be on its way to the table.
        wait_for(lambda: not server.backends(), "the client's backend to end")
        check_content(content_of_server(server, schema), good, [],
                      number % KILLS_PER_DATABASE + 1)
    assert changes > 3 * KILLS


def test_nothing_acknowledged_is_lost_when_postgresql_itself_is_killed(own_server):
    rng = random.Random(6)
    good, unsure = [], []
    for number in range(8):
        writer = Writer("run", number, url=own_server.url, env={"ADIT_TEST_PATIENCE": "1"})
        for _ in range(rng.randrange(1, 20)):
            writer.line()
        if number % 2:
            # One backend: the server ends all others and recovers.
            for pid in own_server.backends():
                os.kill(pid, signal.SIGKILL)
            own_server.close_psql()  # it has lost its server
        else:
            own_server.crash()
            own_server.start()
        # It goes on by itself.
        seen = len(writer.said)
        wait_for(lambda: len([line for line in writer.said[seen:]
                              if not line.startswith("?")]) > 10, "changes to go on", 3 * DEADLINE)
        more, failed = acknowledged(writer.kill())
        good += more
        unsure += failed
        wait_for(lambda: not own_server.backends(), "the client's backend to end")
        check_content(content_of_server(own_server, "public"), good, unsure, number + 1)
    assert unsure


# ---- SQLite in trouble ----


def add(writer, name, words="ok"):
    took, answer = writer.ask(f"account {name}")
    assert words in answer, answer
    return took


def count(writer):
    took, answer = writer.ask("accounts")
    assert answer.startswith("ok "), answer
    return int(answer.split()[1])


def is_well(writer):
    return writer.ask("health")[1].startswith("ok")


def test_a_second_writer_of_a_file_is_refused(place):
    first = Writer(place / "adit.db", "ask")
    second = Writer(place / "adit.db", "ask", ready=False)
    line = second.line()
    assert line == (f"cannot open the store: another aditd has {place / 'adit.db'} open "
                    f"(process {first.process.pid})")
    second.end()
    first.kill()
    third = Writer(place / "adit.db", "ask")  # the lock went with the process
    third.end()


def test_a_full_disk_refuses_changes_until_there_is_room(place):
    script = f"mount -t tmpfs -o size=1m,mode=700 none {place} && exec \"$@\""
    if subprocess.run(["unshare", "-m", "true"], capture_output=True).returncode:
        pytest.skip("no mount namespaces here")
    writer = Writer(place / "adit.db", "ask", prefix=["unshare", "-m", "sh", "-c", script, "sh"])
    add(writer, "anna")
    inside = Path(f"/proc/{writer.process.pid}/root{place}/filler")
    try:
        inside.write_bytes(b"x" * (1 << 20))
    except OSError as error:
        assert error.errno == 28
    for number in range(20):
        _, answer = writer.ask(f"fill {1000 * (number + 1)}")
        if not answer.startswith("ok"):
            break
    assert answer.startswith("no room left: "), answer
    assert not is_well(writer)
    add(writer, "ben", "no room left: ")
    assert count(writer) == 1  # reading goes on
    inside.unlink()
    wait_for(lambda: is_well(writer), "the store to notice that there is room")
    add(writer, "ben")
    assert count(writer) == 2
    writer.end()
    assert any("the store refuses changes" in line for line in writer.errors)
    assert any("the store takes changes again" in line for line in writer.errors)


def as_nobody():
    if os.geteuid() != 0:
        return []
    return ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"]


def test_a_file_or_folder_that_may_not_be_written_is_refused_with_a_reason(place):
    Writer(place / "adit.db", "ask").end()
    if os.geteuid() == 0:
        os.chown(place, 65534, 65534)
        for path in place.iterdir():
            os.chown(path, 65534, 65534)
    (place / "adit.db").chmod(stat.S_IRUSR)
    writer = Writer(place / "adit.db", "ask", prefix=as_nobody(), ready=False)
    assert writer.line() == (f"cannot open the store: cannot open {place / 'adit.db'}: "
                             "Permission denied")
    writer.end()
    for path in place.iterdir():
        path.unlink()
    place.chmod(0o500)
    writer = Writer(place / "adit.db", "ask", prefix=as_nobody(), ready=False)
    assert writer.line() == (f"cannot open the store: cannot open {place / 'adit.db'}.lock: "
                             "Permission denied")
    writer.end()
    place.chmod(0o700)
    Writer(place / "adit.db", "ask", prefix=as_nobody()).end()


def test_a_read_only_file_system_is_refused_with_a_reason(place):
    if subprocess.run(["unshare", "-m", "true"], capture_output=True).returncode:
        pytest.skip("no mount namespaces here")
    Writer(place / "adit.db", "ask").end()
    script = f"mount --bind {place} {place} && mount -o remount,ro,bind {place} && exec \"$@\""
    writer = Writer(place / "adit.db", "ask", ready=False,
                    prefix=["unshare", "-m", "sh", "-c", script, "sh"])
    assert "Read-only file system" in writer.line()
    writer.end()


def test_a_disk_that_is_full_at_the_start_is_refused_with_a_reason(place):
    if subprocess.run(["unshare", "-m", "true"], capture_output=True).returncode:
        pytest.skip("no mount namespaces here")
    Writer(place / "adit.db", "ask").end()
    script = (f"cp -p {place}/adit.db {place}.kept && mount -t tmpfs -o size=1m,mode=700 none "
              f"{place} && mv {place}.kept {place}/adit.db; cat /dev/zero >{place}/filler; "
              "exec \"$@\"")
    writer = Writer(place / "adit.db", "ask", ready=False,
                    prefix=["unshare", "-m", "sh", "-c", script, "sh"])
    assert writer.line().endswith("adit.db: disk I/O error: No space left on device")
    writer.end()


def test_a_damaged_file_refuses_to_start_and_a_running_store_says_so(place):
    path = place / "adit.db"
    writer = Writer(path, "ask")
    for number in range(200):
        add(writer, f"user{number}")
    writer.end()  # everything is in the file itself now
    whole = path.read_bytes()
    assert len(whole) > 5 * 4096
    running = Writer(path, "ask")
    with open(path, "r+b") as file:
        file.seek(4096)
        file.write(b"\xa5" * (len(whole) - 4096))
    _, answer = running.ask("account late")
    # Pages that SQLite remembers are good; what is read is found out.
    assert answer.startswith(("ok", "damaged: ")), answer
    running.kill()
    for end in ("-wal", "-shm"):
        Path(f"{path}{end}").unlink(missing_ok=True)
    path.write_bytes(whole[:4096] + b"\xa5" * 4096 + whole[8192:])
    refused = Writer(path, "ask", ready=False)
    assert refused.line() == (f"cannot open the store: {path} is damaged: "
                              "restore it from a backup")
    refused.end()
    path.write_bytes(whole)
    writer = Writer(path, "ask")
    assert count(writer) == 200
    writer.end()


# ---- PostgreSQL in trouble ----


def test_a_database_that_is_down_is_waited_for_at_the_start(own_server):
    own_server.stop()
    began = time.monotonic()
    refused = Writer("ask", url=own_server.url, ready=False)
    line = refused.line()
    assert line.startswith("cannot open the store: postgresql://adit@/"), line
    assert PASSWORD not in line
    refused.end()
    assert time.monotonic() - began < 3 * DEADLINE
    patient = Writer("ask", url=own_server.url, env={"ADIT_TEST_PATIENCE": "1"}, ready=False)
    wait_for(lambda: any("waiting for the store" in line for line in patient.errors),
             "its complaint")
    own_server.start()
    assert patient.line() == "ready"
    add(patient, "anna")
    patient.end()
    assert PASSWORD not in "\n".join(patient.errors)


def test_a_stopped_server_holds_a_job_no_longer_than_its_deadline(own_server):
    writer = Writer("ask", url=own_server.url)
    add(writer, "anna")
    own_server.pause()
    took = add(writer, "ben", "not available now: ")
    assert JOB_MS * 0.9 <= took < JOB_MS + 3000, took
    # Then it is known to be down, or costs another attempt within the deadline.
    for _ in range(5):
        assert add(writer, "carl", "not available now: ") < JOB_MS + 3000
    assert not is_well(writer)
    own_server.resume()
    wait_for(lambda: is_well(writer), "the store to find the server again", 3 * DEADLINE)
    # Whether ben is there was not known; the answer is either, and no third.
    _, answer = writer.ask("account ben")
    assert answer.startswith(("ok", "exists already")), answer
    assert count(writer) in (2, 3)
    writer.end()


def test_a_server_that_is_restarted_is_found_again(own_server):
    writer = Writer("ask", url=own_server.url)
    add(writer, "anna")
    own_server.stop()
    add(writer, "ben", "not available now: ")
    assert not is_well(writer)
    own_server.start()
    wait_for(lambda: is_well(writer), "the store to find the server again", 3 * DEADLINE)
    add(writer, "ben")
    # Between two jobs nobody notices.
    own_server.stop()
    own_server.start()
    wait_for(own_server.backends, "the store to find the server again", 3 * DEADLINE)
    add(writer, "carl")
    # A backend that is shot is replaced.
    old = own_server.backends()
    for pid in old:
        own_server.sql(f"SELECT pg_terminate_backend({pid})")
    wait_for(lambda: own_server.backends() not in ([], old), "another backend", 3 * DEADLINE)
    add(writer, "dora")
    assert count(writer) == 4
    writer.end()
    assert PASSWORD not in "\n".join(writer.errors + writer.said)


def test_a_read_only_server_refuses_changes_and_is_noticed_when_it_is_not(own_server):
    writer = Writer("ask", url=own_server.url)
    add(writer, "anna")
    own_server.sql("ALTER SYSTEM SET default_transaction_read_only = on")
    own_server.sql("SELECT pg_reload_conf()")
    wait_for(lambda: own_server.sql("SHOW default_transaction_read_only") == "on", "read-only")
    wait_for(lambda: writer.ask("fill 10")[1].startswith("read-only: "), "a refusal")
    add(writer, "ben", "read-only: ")
    assert count(writer) == 1
    assert not is_well(writer)
    (own_server.dir / "data" / "postgresql.auto.conf").write_text("", encoding="ascii")
    own_server.sql("SELECT pg_reload_conf()")
    wait_for(lambda: is_well(writer), "the store to notice", 3 * DEADLINE)
    add(writer, "ben")
    writer.end()


def test_one_relay_at_a_time_has_a_database(own_server):
    first = Writer("ask", url=own_server.url)
    second = Writer("ask", url=own_server.url, ready=False)
    assert second.line().endswith("another aditd uses this database")
    second.end()
    first.kill()
    third = Writer("ask", url=own_server.url)
    third.end()


def test_the_password_may_come_from_elsewhere_and_is_never_shown(own_server, place):
    bad = own_server.url.replace(PASSWORD, "wrong-" + PASSWORD)
    refused = Writer("ask", url=bad, ready=False)
    line = refused.line()
    assert "password authentication failed" in line
    refused.end()
    odd = Writer("ask", url=f"postgresql://adit:{PASSWORD}%zz@/postgres", ready=False)
    assert odd.line() == ("cannot open the store: the URL of the database is not "
                          "postgresql://USER@HOST:PORT/NAME")
    odd.end()
    file = place / "pgpass"
    file.write_text(f"*:*:*:adit:{PASSWORD}\n", encoding="ascii")
    file.chmod(0o600)
    for env in ({"PGPASSFILE": file}, {"PGPASSWORD": PASSWORD}):
        writer = Writer("ask", url=own_server.url_without_password, env=env)
        writer.end()
        assert PASSWORD not in "\n".join(writer.said + writer.errors)
    assert PASSWORD not in "\n".join(refused.errors + odd.errors + odd.said) + line
