"""Wall clocks that are set while everything runs: what waits goes by another clock."""
import datetime
import shutil

import pytest

from harness.clock import Clock
from harness.http import visit
from harness.relay import free_ports
from harness.service import PATIENCE
from harness.session import Session, reply
from harness.traffic import Later
from harness.wait import DEADLINE, SLOW, wait_for

pytestmark = [pytest.mark.timeout(90 * SLOW),
              pytest.mark.skipif(not shutil.which("cc"), reason="there is no compiler")]
HMAC_SECRET = "0123456789abcdef0123456789abcdef-secret"
HOUR, DAY = 3600, 86400
JUMPS = pytest.mark.parametrize("jump", [-HOUR, DAY, 400 * DAY])


@pytest.fixture
def clock(tmp_path):
    return Clock(tmp_path)


def is_fast_by(entry, seconds):
    """Whether the clock of who wrote this line just now is."""
    told = datetime.datetime.fromisoformat(entry["time"].replace("Z", "+00:00"))
    real = datetime.datetime.now(datetime.timezone.utc)
    return abs((told - real).total_seconds() - seconds) < 300 * SLOW


@pytest.mark.covers("fault-23")
@JUMPS
def test_what_runs_and_what_waits_goes_on(start, clock, jump):
    """Nothing expires that has not, heartbeats go on, and a session that lost its link is kept."""
    relay = start("--workers", 1, "--heartbeat", "1000", "--grace-period", "300000", "--hold-timeout",
                  "300000", "--request-timeout", "300000", env=clock.env)
    with Session(relay) as slow, Session(relay) as gone:
        slow.register(subdomain="slow")
        gone.register(subdomain="gone")
        runs = Later(lambda: visit(relay, "slow", timeout=PATIENCE))
        stream = slow.accept()
        stream.read_request()
        gone.cut()
        relay.wait_log("link lost")
        waits = Later(lambda: visit(relay, "gone", timeout=PATIENCE))
        clock.set(jump)
        assert visit(relay, "told").status == 404
        assert is_fast_by(relay.wait_access(status=404), jump)
        pings = slow.pings
        wait_for(lambda: slow.pings > pings + 2, "heartbeats")
        stream.answer(b"in time")
        assert runs.result(PATIENCE).body == b"in time"
        gone.serve(reply(b"kept"))
        gone.resume()
        assert waits.result(PATIENCE).body == b"kept"
        assert not slow.lost and not relay.find_logs("session ended")
        assert len(relay.find_logs("link lost")) == 1


@pytest.mark.covers("fault-23")
@JUMPS
def test_an_agent_keeps_its_link(start, services, adits, clock, jump):
    relay = start()
    agent = adits(relay, "http", services().port, "--subdomain", "demo", env=clock.env)
    agent.wait_event("tunnel_up")
    clock.set(jump)
    for count in range(1, 6):
        assert visit(relay).body == b"hello"
        assert is_fast_by(agent.wait_event("request", count), jump)
    assert not agent.find("link_lost") and not agent.find("connecting")[1:]


@pytest.mark.covers("fault-23")
@JUMPS
def test_a_signature_with_a_wrong_clock_is_refused_until_it_is_right(start, services, adits, clock, jump):
    place = free_ports()
    flags = ["--port", place, "--address", "127.0.0.1"]
    secret = {"LT_HMAC_SECRET": HMAC_SECRET}
    relay = start(*flags, listen=False, env=secret)
    agent = adits(place, "http", services().port, "--subdomain", "demo",
                  env={**clock.env, "ADIT_HMAC_SECRET": HMAC_SECRET})
    agent.wait_event("tunnel_up")
    clock.set(jump)
    relay.kill()
    again = start(*flags, listen=False, env=secret)
    warning = agent.wait_event("warning", code="not-authenticated")
    assert "clock" in warning["message"], warning
    assert not again.find_logs("session up")
    clock.set(0)
    agent.wait_event("tunnel_up", 2, timeout=3 * DEADLINE)
    assert visit(again).body == b"hello"
