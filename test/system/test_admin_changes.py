"""How long a change of a running tunnel lasts: over links, and until its client registers it anew."""
import pytest

from harness.admin import Api
from harness.gate import basic, visit
from harness.relay import free_ports
from harness.session import Session, reply
from harness.wait import SLOW

pytestmark = pytest.mark.timeout(60 * SLOW)
OURS, THEIRS = "what the agent said", "what the operator said"


@pytest.fixture
def again(start, tmp_path):
    """again(*flags) -> a relay at always the same port, and its operator; the one before is killed."""
    tmp_path.chmod(0o700)
    place, relays = free_ports(), []

    def begin(*flags):
        for relay in relays:
            relay.kill()
        relays.append(start("--port", place, "--address", "127.0.0.1", "--state-dir", tmp_path,
                            "--bcrypt-cost", "4", *flags, listen=False))
        return relays[-1], Api(relays[-1], tmp_path)
    return begin


def change(operator, **what):
    operator("PATCH", "/tunnels/demo", what, status=200)


def opens(relay, password):
    return visit(relay, "demo", basic(password)).status == 200


@pytest.mark.tsan
@pytest.mark.parametrize("workers", [1, 2])
def test_changes_last_over_any_number_of_links(again, workers):
    relay, operator = again("--workers", workers)
    with Session(relay) as peer:
        peer.register(subdomain="demo", password=OURS)
        peer.serve(reply(b"hello"))
        change(operator, password=THEIRS, deny=["127.0.0.2"])
        for _ in range(3):
            peer.resume()
            assert opens(relay, THEIRS) and not opens(relay, OURS)
            assert visit(relay, "demo", basic(THEIRS), source="127.0.0.2").status == 403


def test_changes_are_made_while_there_is_no_link(again):
    relay, operator = again()
    with Session(relay) as peer:
        peer.register(subdomain="demo", password=OURS)
        peer.serve(reply(b"hello"))
        peer.cut()
        relay.wait_log("link lost")
        change(operator, password=THEIRS, allow=["127.0.0.0/24"])
        peer.resume()
        assert opens(relay, THEIRS) and not opens(relay, OURS)
        assert visit(relay, "demo", basic(THEIRS), source="127.0.1.1").status == 403


@pytest.mark.parametrize("said", [OURS, None])
def test_who_registers_anew_says_what_counts(again, said):
    """Within the grace period, where the tunnel itself has never gone."""
    relay, operator = again()
    wish = {"password": said} if said else {}
    with Session(relay, client="c", resume=False) as peer:
        peer.register(subdomain="demo", **wish)
        change(operator, password=THEIRS, deny=["127.0.0.2"])
    relay.wait_log("session ended")
    assert not opens(relay, OURS)
    with Session(relay, client="c", resume=False) as peer:
        peer.register(subdomain="demo", **wish)
        peer.serve(reply(b"hello"))
        assert opens(relay, said or "anything")
        assert opens(relay, THEIRS) is (said is None)
        headers = [basic(said)] if said else []
        assert visit(relay, "demo", *headers, source="127.0.0.2").status == 200


def test_after_a_restart_of_the_relay_the_agents_word_counts(again, services, adits):
    relay, operator = again()
    agent = adits(relay, "http", services().port, "--subdomain", "demo", "--password-env", "SECRET",
                  env={"SECRET": OURS})
    agent.wait_event("tunnel_up")
    change(operator, password=THEIRS, deny=["127.0.0.2"])
    assert opens(relay, THEIRS) and not opens(relay, OURS)
    relay, operator = again()
    assert agent.wait_event("tunnel_up", count=2)["protected"] is True
    assert opens(relay, OURS) and not opens(relay, THEIRS)
    assert visit(relay, "demo", basic(OURS), source="127.0.0.2").status == 200


@pytest.mark.parametrize("said", [OURS, None])
def test_another_connection_of_an_agent_registers_too(again, said):
    """One that says nothing about guards takes none away, and one that does means what it says."""
    relay, operator = again()
    wish = {"password": said} if said else {}
    with Session(relay, client="c") as peer:
        peer.register(subdomain="demo", share=True, **wish)
        peer.serve(reply(b"hello"))
        change(operator, password=THEIRS)
        with Session(relay, client="c", fields=[("Adit-Beside", peer.id)]) as second:
            assert second.register(subdomain="demo", share=True, **wish)["protected"] is True
            second.serve(reply(b"hello"))
            assert opens(relay, THEIRS) is (said is None)
            assert opens(relay, OURS) is (said is not None)
            assert visit(relay, "demo").status == 401
