"""Names and ports that come back to a key."""
import pytest

from harness.accounts import bearer, with_key
from harness.agent import Agent, create, reply as pool_reply
from harness.http import visit
from harness.relay import free_ports
from harness.session import Session
from harness.wait import wait_for


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_a_random_name_comes_back_after_a_restart(start, book, end):
    key, other = book.key("alice"), book.key("alice")
    relay = start(*book.flags)
    with with_key(relay, key, client="a") as peer, with_key(relay, other) as second:
        names = [peer.register(number)["name"] for number in (1, 2, 3)]
        assert second.register()["name"] not in names
        wait_for(lambda: book.count("names") == 4, "four names in the store")
        getattr(relay, end)()
    relay = start(*book.flags)
    with with_key(relay, key, client="b") as peer, Session(relay) as nobody:
        assert [peer.register(number)["name"] for number in (1, 2, 3)] == names
        assert nobody.register(subdomain=names[0])["name"] != names[0]


def test_a_random_name_comes_back_while_the_old_session_is_parked(start, book):
    key = book.key("alice")
    relay = start(*book.flags)
    peer = with_key(relay, key)
    name = peer.register()["name"]
    wait_for(lambda: book.count("names") == 1, "a name in the store")
    with with_key(relay, key) as second:
        assert second.register()["name"] != name, "the first one is online"
    peer.cut()
    relay.wait_log({"msg": "tunnel offline", "tunnel": name})
    with with_key(relay, key) as again:
        assert again.register()["name"] == name


def test_a_pool_client_gets_its_random_name_back(start, book):
    key = book.key("alice")
    relay = start(*book.flags)
    client = Agent(relay, headers=bearer(key))
    wait_for(lambda: book.count("names") == 1, "a name in the store")
    again = create(relay, headers=bearer(key)).json()
    assert again["id"] != client.name, "whoever asked for it a moment ago has it"
    client.close()
    relay.kill()
    relay = start(*book.flags)
    back = Agent(relay, headers=bearer(key))
    assert (back.name, back.port) == (client.name, client.port)
    back.serve(pool_reply(b"pool"))
    assert visit(relay, back.name).body == b"pool"
    back.close()


def test_a_key_gets_sixteen_names_back_and_no_more(start, book):
    key = book.key("alice")
    relay = start(*book.flags)
    with with_key(relay, key) as peer:
        for number in range(1, 21):
            peer.register(number)
        wait_for(lambda: book.count("names") == 16, "sixteen names in the store")
    assert book.count("names") == 16


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_tcp_ports_come_back_after_a_restart(start, book, end):
    first = free_ports(8)
    flags = [*book.flags, "--tcp-port-range-start", first, "--tcp-port-range-end", first + 7]
    key, other = book.key("alice"), book.key("bob")
    relay = start(*flags)
    with with_key(relay, other) as peer:
        theirs = [peer.register(number, "tcp")["port"] for number in (1, 2)]
        with with_key(relay, key) as mine:
            ports = [mine.register(number, "tcp")["port"] for number in (1, 2, 3)]
            wait_for(lambda: book.count("ports") == 5, "five ports in the store")
            getattr(relay, end)()
    relay = start(*flags)
    with with_key(relay, key) as mine, with_key(relay, other) as peer:
        assert [mine.register(number, "tcp")["port"] for number in (1, 2, 3)] == ports
        assert [peer.register(number, "tcp")["port"] for number in (1, 2)] == theirs
