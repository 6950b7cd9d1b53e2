"""A relay whose store is in trouble: what is known goes on, and the store is found again."""
import subprocess
import time
from pathlib import Path

import pytest

from harness import http
from harness.accounts import Accounts, bearer
from harness.agent import Agent, create, reply
from harness.postgres import PASSWORD, Postgres
from harness.relay import run
from harness.wait import DEADLINE, wait_for

REFUSES = "the store refuses changes, tunnels go on"
TAKES = "the store takes changes again"

pytestmark = pytest.mark.timeout(120)


@pytest.fixture(scope="module")
def server():
    postgres = Postgres()
    yield postgres
    postgres.close()


@pytest.fixture
def book(server, tmp_path):
    """Asked for first, so that the relay has ended when the database is emptied."""
    yield Accounts(tmp_path, database=server.url)
    server.reset()


def goes_on(relay, tunnel, key):
    """Visitors are served, a known key opens tunnels, another one is refused; nobody waits."""
    began = time.monotonic()
    for _ in range(30):
        answer = tunnel.visit()
        assert (answer.status, answer.body) == (200, b"hello")
    assert create(relay, "other", headers=bearer(key)).status == 200
    assert create(relay, "more", headers=bearer(key[:-1] + "-")).status == 401
    assert http.fetch(relay.port, target="/healthz", host=relay.domain).status == 200
    assert time.monotonic() - began < DEADLINE


def store_up(relay):
    page = http.fetch(relay.admin_port, target="/metrics", host="localhost").text()
    return int(page.split("\nadit_store_up ")[1].split()[0])


def test_a_stopped_database_stops_no_tunnel(book, server, start, agent):
    key = book.key("alice")
    relay = start("--auth", "required", env=book.env)
    tunnel = agent(relay, "demo", headers=bearer(key))
    tunnel.serve(reply(b"hello"))
    server.pause()
    agent(relay, headers=bearer(key))  # a random name, to be remembered
    goes_on(relay, tunnel, key)
    relay.wait_log({"msg": REFUSES}, 3 * DEADLINE)
    goes_on(relay, tunnel, key)
    server.resume()
    relay.wait_log({"msg": TAKES}, 3 * DEADLINE)
    goes_on(relay, tunnel, key)
    after = agent(relay, headers=bearer(key)).name
    wait_for(lambda: after in server.sql("SELECT name FROM adit_names"), "a name in the store")
    assert PASSWORD not in relay.text()
    assert PASSWORD not in Path(f"/proc/{relay.pid}/cmdline").read_text()


@pytest.mark.tsan
@pytest.mark.parametrize("way", ["crash", "stop"])
def test_a_database_that_goes_and_comes_back_stops_no_tunnel(book, server, start, agent, way):
    key = book.key("alice")
    relay = start("--auth", "required", env=book.env, admin=True)
    tunnel = agent(relay, "demo", headers=bearer(key))
    tunnel.serve(reply(b"hello"))
    assert store_up(relay) == 1
    getattr(server, way)()
    relay.wait_log({"msg": REFUSES}, 3 * DEADLINE)  # without anybody asking
    assert store_up(relay) == 0
    goes_on(relay, tunnel, key)
    server.start()
    relay.wait_log({"msg": TAKES}, 3 * DEADLINE)
    wait_for(lambda: store_up(relay), "the metric")
    goes_on(relay, tunnel, key)


def test_a_relay_ends_while_its_database_is_stopped(book, server, start, agent):
    key = book.key("alice")
    relay = start(env=book.env)
    tunnel = agent(relay, "demo", headers=bearer(key))
    server.pause()
    agent(relay, headers=bearer(key))
    tunnel.close()
    relay.stop(3 * DEADLINE)
    server.resume()


def test_a_relay_does_not_start_without_its_database(book, server):
    book.account("alice")
    server.stop()
    code, out, err = run("--port", 0, env=book.env, timeout=3 * DEADLINE)
    assert code == 1
    text = (out + err) if isinstance(out, str) else (out + err).decode()
    assert "cannot open the store: postgresql://adit@/" in text
    assert PASSWORD not in text


def test_a_full_disk_stops_no_tunnel(start, agent, tmp_path):
    if subprocess.run(["unshare", "-m", "true"], capture_output=True).returncode:
        pytest.skip("no mount namespaces here")
    book = Accounts(tmp_path)
    key = book.key("alice")
    keep = tmp_path / "keep"
    script = (f"cp {book.dir}/adit.db {keep} && mount -t tmpfs -o size=1m,mode=700 none {book.dir} "
              f"&& cp {keep} {book.dir}/adit.db && chmod 600 {book.dir}/adit.db && exec \"$@\"")
    relay = start(*book.flags, prefix=["unshare", "-m", "sh", "-c", script, "sh"])
    tunnel = agent(relay, "demo", headers=bearer(key))
    tunnel.serve(reply(b"hello"))
    filler = Path(f"/proc/{relay.pid}/root{book.dir}/filler")
    try:
        filler.write_bytes(b"x" * (1 << 20))
    except OSError as error:
        assert error.errno == 28

    def writes():
        """Random names are remembered until there is no room for another one."""
        Agent(relay, headers=bearer(key)).close()
        return relay.find_logs({"msg": REFUSES})
    wait_for(writes, "the disk to be full")
    goes_on(relay, tunnel, key)
    filler.unlink()
    relay.wait_log({"msg": TAKES}, 3 * DEADLINE)
    goes_on(relay, tunnel, key)
