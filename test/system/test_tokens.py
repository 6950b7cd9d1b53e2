"""X-LT-Client-Token: an identity that does not depend on the address."""
import pytest

from harness.agent import create

OTHER = "127.0.0.2"


@pytest.fixture(name="strict")
def strict_relay(start):
    return start(env={"LT_IP_VALIDATION_STRICT": "true", "LT_GRACE_PERIOD": "20000",
                      "LT_LOG_LEVEL": "debug"})


def gone_offline(agent):
    agent.open_ready()
    agent.drop_sockets()
    agent.wait_connected(0)


@pytest.mark.covers("S51", "S53")
def test_the_token_comes_back_from_any_address(strict, agent):
    gone_offline(agent(strict, "token-app", token="my-token-123"))
    assert create(strict, "token-app", token="my-token-123", source=OTHER).status == 200


@pytest.mark.covers("S51", "S53", "S54")
def test_another_token_is_a_mismatch(strict, agent):
    gone_offline(agent(strict, "token-app", token="token-a"))
    assert create(strict, "token-app", token="token-b").status == 409


@pytest.mark.covers("S53")
def test_another_token_gets_a_random_name_in_silent_mode(relay, agent):
    gone_offline(agent(relay, "token-app", token="token-a"))
    response = create(relay, "token-app", token="token-b")
    assert response.status == 200 and response.json()["id"] != "token-app"


@pytest.mark.covers("D14", "D12")
def test_the_address_alone_does_not_take_a_token_s_name(strict, agent):
    mine = agent(strict, "token-app", token="token-a")
    assert create(strict, "token-app").status == 409
    mine.open_ready()
    assert create(strict, "token-app").status == 409
    assert create(strict, "token-app", token="token-a").status == 200


@pytest.mark.covers("D14")
def test_a_token_does_not_take_an_address_s_name(strict, agent):
    gone_offline(agent(strict, "addr-app"))
    assert create(strict, "addr-app", token="token-a").status == 409
    assert create(strict, "addr-app").status == 200


@pytest.mark.covers("S52")
def test_case_counts(strict, agent):
    agent(strict, "case-app", token="Token-1")
    assert create(strict, "case-app", token="token-1").status == 409


@pytest.mark.covers("D14")
def test_a_token_and_an_address_that_read_the_same_differ(start, agent):
    """Behind a proxy the address is whatever the proxy writes: it must not stand in for a token."""
    relay = start("--trust-proxy", env={"LT_IP_VALIDATION_STRICT": "true"})
    same = [("X-Forwarded-For", "same")]
    agent(relay, "kind-app", token="same")
    assert create(relay, "kind-app", headers=same).status == 409
    agent(relay, "kind-two", headers=same)
    assert create(relay, "kind-two", token="same").status == 409
    assert create(relay, "kind-two", headers=same).status == 200


@pytest.mark.covers("S52")
@pytest.mark.parametrize("token", ["a", "A_b-9", "x" * 256, "-", "_"])
def test_valid_tokens_are_identities(strict, agent, token):
    agent(strict, "valid-app", token=token)
    assert create(strict, "valid-app").status == 409
    assert create(strict, "valid-app", token=token, source=OTHER).status == 200


@pytest.mark.covers("S52")
def test_blanks_around_a_token_are_cut(strict, agent):
    agent(strict, "blank-app", token=" \t my-token \t ")
    assert create(strict, "blank-app", token="my-token", source=OTHER).status == 200


@pytest.mark.covers("S52", "D15", "S55")
@pytest.mark.parametrize("token", ["", "   ", "token with spaces", "token@email", "token#special",
                                   "x" * 257, "t\xf6ken", "a.b"])
def test_an_invalid_token_counts_as_absent(strict, agent, token):
    agent(strict, "absent-app", token=token)
    assert create(strict, "absent-app", token=token, source=OTHER).status == 409
    assert create(strict, "absent-app").status == 200


@pytest.mark.covers("D15")
def test_an_invalid_token_is_logged_at_debug_without_its_value(strict):
    assert create(strict, "some-app", token="secret@token").status == 200
    strict.wait_log(lambda entry: entry["level"] == "debug" and "token" in entry["msg"].lower())
    assert "secret@token" not in strict.text()


@pytest.mark.covers("S51", "S54")
def test_two_clients_of_one_address_are_two_identities(strict, agent):
    one, two = agent(strict, "both-one", token="one"), agent(strict, "both-two", token="two")
    assert create(strict, "both-one", token="two").status == 409
    assert create(strict, "both-two", token="one").status == 409
    assert one.port != two.port
