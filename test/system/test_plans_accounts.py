"""Plans of accounts: what each may have, and what it has used, also after a restart."""
import contextlib
import os
import signal
import sqlite3

import pytest

from harness import http
from harness.accounts import bearer
from harness.agent import create
from harness.http import visit
from harness.session import Refused, Session, reply
from harness.wait import wait_for

PLANS = """
default: small
anonymous: guest
plans:
  guest: {tunnels: 1}
  small: {tunnels: 2, requests-per-minute: 3}
  large: {monthly-bytes: 3m}
"""


def start_plans(start, book, *flags, plans=PLANS):
    return start("--plans", "plans.yaml", *flags, *book.flags, files={"plans.yaml": plans})


def used(book):
    """Bytes and requests of all accounts, as the store has them now."""
    place = f"file:{book.dir / 'adit.db'}?mode=ro"
    with contextlib.closing(sqlite3.connect(place, uri=True)) as db:
        rows = db.execute("SELECT sum(bytes_in), sum(bytes_out), sum(requests) FROM adit_usages")
        return [value or 0 for value in rows.fetchone()]


@pytest.mark.covers("S117")
@pytest.mark.parametrize("workers", [1, 2])
def test_an_account_has_so_many_tunnels_and_not_one_more(start, book, workers):
    key, other = book.key("alice"), book.key("bob")
    relay = start_plans(start, book, "--workers", workers)
    with Session(relay, fields=bearer(key)) as one, Session(relay, fields=bearer(key)) as two, \
            Session(relay, fields=bearer(other)) as third:
        assert one.register(1)["name"] and two.register(1)["name"]
        refused = one.register_refused(2)
        assert refused["code"] == "TUNNEL_LIMIT_REACHED", refused
        pool = create(relay, "pool-app", headers=bearer(key))
        assert pool.get("X-Adit-Error") == "TUNNEL_LIMIT_REACHED", pool
        assert third.register(1)["name"] and third.register(2)["name"]
        two.say(type="unregister", tunnel=1)
        two.expect("closed", tunnel=1)
        assert one.register(3)["name"]


def test_tunnels_without_an_account_have_a_plan_of_their_own(start, book):
    relay = start_plans(start, book)
    with Session(relay, client="a") as one, Session(relay, client="b") as two:
        assert one.register(1, subdomain="demo")["name"] == "demo"
        assert two.register_refused(1)["code"] == "TUNNEL_LIMIT_REACHED"
        one.serve(reply(b"hello"))
        assert [visit(relay).status for _ in range(9)] == [200] * 9


def test_an_account_has_the_limits_of_its_plan(start, book):
    book.account("carol", plan="large")
    small, large = book.key("alice"), book.key("carol")
    relay = start_plans(start, book)
    with Session(relay, fields=bearer(small)) as one, Session(relay, fields=bearer(large)) as two:
        one.register(1, subdomain="small-app")
        two.register(1, subdomain="large-app")
        one.serve(reply(b"hello"))
        two.serve(reply(b"hello"))
        assert [visit(relay, "small-app").status for _ in range(4)] == [200, 200, 200, 429]
        assert [visit(relay, "large-app").status for _ in range(9)] == [200] * 9


def serve_once(relay, key, size):
    peer = Session(relay, fields=bearer(key))
    peer.register(1, subdomain="demo")
    return peer.serve(reply(os.urandom(size)))


def test_what_was_used_counts_after_a_restart(start, book):
    book.account("carol", plan="large")
    key = book.key("carol")
    relay = start_plans(start, book)
    with serve_once(relay, key, 2 << 20):
        assert len(visit(relay).body) == 2 << 20
    relay.stop()
    taken = used(book)
    assert taken[1] >= 2 << 20 and taken[2] == 1
    relay = start_plans(start, book)
    with serve_once(relay, key, 2 << 20):
        with pytest.raises((http.BadMessage, OSError)):
            visit(relay)
        over = visit(relay)
        assert (over.status, over.get("X-Adit-Error")) == (503, "quota-exceeded")
    # Another month, or another plan, and it goes on.
    (relay.dir / "plans.yaml").write_text(PLANS.replace("3m", "1g"))
    relay.signal(signal.SIGHUP)
    relay.wait_log("configuration reloaded")
    with serve_once(relay, key, 10):
        assert visit(relay).status == 200


@pytest.mark.covers("fault-15")
@pytest.mark.tsan
def test_kill_9_loses_only_what_was_not_handed_over(start, book):
    key = book.key("alice")
    relay = start_plans(start, book, plans="default: all\nplans: {all: {}}")
    with serve_once(relay, key, 100_000):
        for _ in range(5):
            assert visit(relay).status == 200
        wait_for(lambda: used(book)[2] == 5, "the store to have it")
        before = used(book)
        assert visit(relay).status == 200
        relay.kill()
    after = used(book)
    assert before[1] >= 500_000
    assert after == before or after[2] == 6, "nothing that was stored is lost or counted twice"
    relay = start_plans(start, book, plans="default: all\nplans: {all: {}}")
    relay.stop()
    assert used(book) == after


def test_tunnels_without_an_account_count_for_nobody(start, book):
    relay = start_plans(start, book, plans="default: all\nplans: {all: {}}")
    with Session(relay) as peer:
        peer.register(1, subdomain="demo")
        peer.serve(reply(b"x" * 1000))
        assert visit(relay).status == 200
        wait_for(lambda: used(book)[2] == 1, "the store to have it")
    with pytest.raises(Refused):
        Session(relay, fields=bearer("adit_aaaaaaaaaaaa_" + "A" * 43))
