"""Links die, sessions live: resume, fencing, parking, and what is refused."""
import os
import random
import struct
import threading

import pytest

from harness import http
from harness.http import visit
from harness.session import DATA, Refused, Session, reply
from harness.wait import wait_for


def ask(relay, **how):
    """A visitor whose request is on its way."""
    visitor = http.Visitor(relay.port)
    visitor.send(http.build_request(host=f"demo.{relay.domain}", **how))
    return visitor


@pytest.mark.covers("fault-7")
@pytest.mark.tsan
@pytest.mark.parametrize("workers", [1, 2])
def test_a_download_survives_cuts_at_every_kind_of_place(start, workers):
    relay = start("--workers", workers)
    size, cuts = 5000, [0, 1, 11, 12, 13, 4000, 5011, 5012]
    body = os.urandom(size * len(cuts))
    with Session(relay) as peer:
        peer.register(subdomain="demo")
        with ask(relay) as visitor:
            stream = peer.accept()
            stream.read_request()
            stream.send(f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n\r\n".encode())
            for at, cut in enumerate(cuts):
                payload = body[at * size:][:size]
                frame = struct.pack(">BBHII", 0, DATA, 0, stream.number, size) + payload
                before = peer.sent
                cut_inside(peer, frame, cut)
                assert peer.resume() <= before + (cut if cut >= 12 else 0)
            stream.half_close()
            assert visitor.read_response().body == body
            assert visit_after(peer, relay) == b"again"


def cut_inside(peer, frame, cut):
    """The frame counts as sent, but the link ends inside it, in order: all before arrives."""
    with peer.sending:
        sock, peer.sock = peer.sock, None
        peer.raw(frame)
        sock.sendall(frame[:cut])
        sock.shutdown(1)
    peer.thread.join()
    sock.close()


def visit_after(peer, relay):
    peer.serve(reply(b"again"))
    return visit(relay).body


@pytest.mark.tsan
@pytest.mark.parametrize("acknowledge", [True, False])
def test_an_upload_survives_cuts_while_it_comes(start, acknowledge):
    relay = start("--workers", 2)
    body = os.urandom(3_000_000)
    with Session(relay) as peer:
        peer.acknowledge = acknowledge
        peer.register(subdomain="demo")
        with http.Visitor(relay.port) as visitor:
            sender = threading.Thread(target=visitor.send, args=(http.build_request(
                "POST", host=f"demo.{relay.domain}", body=body),), kwargs={"sizes": 65536})
            sender.start()
            stream = peer.accept()
            head = stream.read_until(b"\r\n\r\n")
            assert b"POST" in head
            got = b""
            while len(got) < len(body):
                got += stream.read_exactly(min(250_000, len(body) - len(got)))
                peer.resume()
            sender.join()
            assert got == body
            assert stream.read_to_end() == b""
            stream.answer(b"thanks")
            assert visitor.read_response().body == b"thanks"


def test_a_session_goes_on_while_its_old_link_is_still_there(start):
    relay = start()
    with Session(relay) as peer:
        peer.register(subdomain="demo")
        old, peer.sock = peer.sock, None
        old_thread, peer.thread = peer.thread, threading.Thread()
        peer.thread.start()
        peer.resume()
        old_thread.join(10)
        assert not old_thread.is_alive(), "the old link is closed at once"
        old.close()
        peer.lost = False
        peer.serve(reply(b"new"))
        assert visit(relay).body == b"new"


@pytest.mark.covers("fault-10")
@pytest.mark.parametrize("workers", [1, 2])
def test_what_is_no_proof_is_refused_alike_and_the_true_session_goes_on(start, workers):
    relay = start("--workers", workers)
    with Session(relay) as peer, Session(relay) as other:
        peer.register(subdomain="demo")
        peer.resume()
        good = dict(peer.resume_fields())
        bad = [
            {"Adit-Proof": "0" * 64},
            {"Adit-Proof": good["Adit-Proof"][:-1] + "x"},
            {"Adit-Proof": dict(peer.resume_fields(secret=other.secret))["Adit-Proof"]},
            {"Adit-Session": other.id},
            {"Adit-Session": "00" + "0" * 32},
            {"Adit-Session": "ff" + "0" * 32},
            {"Adit-Session": "x"},
            {"Adit-Epoch": "0"},
            {"Adit-Epoch": "-1"},
            {"Adit-Received": "x"},
            {"Adit-Received": "99999999999999999999"},
            dict(peer.resume_fields(epoch=1)),
            dict(peer.resume_fields(epoch=0)),
        ]
        answers = set()
        for fields in bad:
            with pytest.raises(Refused) as refused:
                peer.ask(list({**good, **fields}.items()))
            response = refused.value.response
            answers.add((response.status, response.get("X-Adit-Error"), response.body))
        assert len(answers) == 1 and answers.pop()[:2] == (410, "session-gone")
        for name in ("Adit-Epoch", "Adit-Received", "Adit-Proof"):
            with pytest.raises(Refused) as refused:
                peer.ask([field for field in good.items() if field[0] != name])
            assert refused.value.status == 410
        peer.serve(reply(b"still here"))
        assert visit(relay).body == b"still here"
        peer.resume()
        assert visit(relay).body == b"still here"


@pytest.mark.parametrize("workers", [1, 2])
def test_who_wants_to_goes_on_with_another_session_on_the_same_link(start, workers):
    """As agents do, which all come at once when a relay has started anew."""
    relay = start("--workers", workers)
    afresh = [("Adit-Afresh", "1")]
    with Session(relay, client="me") as peer:
        peer.register(subdomain="demo")
        peer.cut()
        fields = peer.resume_fields(secret=b"x" * 32) + afresh
        with Session(relay, client="me", fields=fields) as other:
            assert other.id != peer.id and other.id[:2] == peer.id[:2]
        peer.resume(afresh)
        peer.serve(reply(b"still there"))
        assert visit(relay).body == b"still there"
    assert len(relay.find_logs("session resumed")) == 1
    home = f"{workers - 1:02x}"
    unknown = [("Adit-Session", home + "0" * 32), ("Adit-Epoch", "1"), ("Adit-Received", "0"),
               ("Adit-Proof", "0" * 64)]
    with Session(relay, hello=False, fields=unknown + afresh) as peer:
        assert peer.answer.get("Adit-Afresh") == "1" and peer.answer.get("Adit-Proof") is None
        peer.hello()
        assert peer.id[:2] == home
    with pytest.raises(Refused):
        Session(relay, fields=unknown)
    with Session(relay, fields=afresh) as peer:
        assert peer.answer.get("Adit-Afresh") is None


def test_who_asks_for_bytes_that_never_were_is_refused_before_anything_happens(start):
    relay = start()
    with Session(relay) as peer:
        peer.register(subdomain="demo")
        with pytest.raises(Refused) as refused:
            peer.ask(peer.resume_fields(received=peer.received + 1000))
        assert refused.value.status == 410
        peer.serve(reply(b"still here"))
        assert visit(relay).body == b"still here"
        peer.resume()
        assert visit(relay).body == b"still here"


@pytest.mark.tsan
@pytest.mark.parametrize("workers", [1, 2])
def test_visitors_wait_while_the_agent_reconnects(start, workers):
    relay = start("--workers", workers)
    with Session(relay) as peer:
        peer.register(subdomain="demo")
        peer.serve(reply(b"held"))
        peer.cut()
        relay.wait_log("tunnel offline")
        visitors = [ask(relay) for _ in range(20)]
        assert all(visitor.silent(0.02) for visitor in visitors[:3])
        peer.resume()
        assert [visitor.read_response().body for visitor in visitors] == [b"held"] * 20
        line = relay.wait_log("session resumed")
        assert line["after_ms"] >= 0
        for visitor in visitors:
            visitor.close()


def test_visitors_wait_no_longer_than_they_may(start):
    relay = start("--hold-timeout", 1000, "--max-waiting", 2, "--hold-bytes", 5000,
                  "--workers", 1)
    with Session(relay) as peer:
        peer.register(subdomain="demo")
        peer.cut()
        relay.wait_log("tunnel offline")
        with ask(relay) as first, ask(relay, headers=[("X", "x" * 4900)]) as fat:
            assert fat.read_response().get("X-Adit-Error") == "too-many-waiting"
            with ask(relay) as second, ask(relay) as third:
                assert third.read_response().get("X-Adit-Error") == "too-many-waiting"
                for visitor in (first, second):
                    response = visitor.read_response()
                    assert (response.status, response.get("X-Adit-Error")) == (
                        503, "tunnel-offline")
                    assert int(response.get("Retry-After")) >= 1


@pytest.mark.covers("fault-8")
@pytest.mark.parametrize("workers", [1, 2])
def test_after_the_grace_period_the_session_is_over(start, workers):
    relay = start("--grace-period", 300, "--workers", workers)
    with Session(relay) as peer, ask_parked(peer, relay) as visitor:
        assert visitor.read_response().get("X-Adit-Error") == "tunnel-offline"
        line = relay.wait_log("session ended")
        assert "did not come back" in line["reason"]
        assert visit(relay).status == 404
        with pytest.raises(Refused) as refused:
            peer.resume()
        assert refused.value.status == 410
        with Session(relay, client="another") as next_one:
            assert next_one.register(subdomain="demo")["name"] == "demo"


def ask_parked(peer, relay):
    peer.register(subdomain="demo")
    peer.cut()
    relay.wait_log("link lost")
    return ask(relay)


def test_a_running_answer_fails_when_the_session_is_over(start):
    relay = start("--grace-period", 300)
    with Session(relay) as peer:
        peer.register(subdomain="demo")
        with ask(relay) as visitor:
            stream = peer.accept()
            stream.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n12345")
            assert visitor.read_head().status == 200
            assert visitor.read_exactly(5) == b"12345"
            peer.cut()
            with pytest.raises((ConnectionError, http.Truncated)):
                visitor.read_exactly(5)
        relay.wait_access(ended="agent", error="agent-lost")


def test_an_agent_that_cannot_resume_keeps_its_name_for_the_grace_period(start):
    relay = start("--workers", 1)
    with Session(relay, client="me", resume=False) as peer:
        assert "secret" not in peer.welcome
        peer.register(subdomain="demo")
        peer.cut()
        relay.wait_log("session ended")
        with ask(relay) as visitor, Session(relay, client="other", resume=False) as other:
            assert other.register(subdomain="demo")["name"] != "demo"
            with Session(relay, client="me", resume=False) as again:
                assert again.register(subdomain="demo")["name"] == "demo"
                again.serve(reply(b"back"))
                assert visitor.read_response().body == b"back"


def test_parked_sessions_share_a_bound_of_memory(start):
    relay = start("--session-memory", "1m", "--workers", 1)
    peers = [Session(relay, client=f"c{at}") for at in range(5)]
    visitors = []
    for at, peer in enumerate(peers):
        peer.acknowledge = False
        peer.register(subdomain=f"demo{at}")
        visitor = http.Visitor(relay.port)
        visitors.append(visitor)
        visitor.send(http.build_request(
            "POST", host=f"demo{at}.{relay.domain}", body=bytes(250_000)))
        stream = peer.accept()
        assert len(stream.read_request().body) == 250_000
        peer.cut()
        relay.wait_log("link lost", count=at + 1)
    line = relay.wait_log("session ended")
    assert "--session-memory" in line["reason"] and line["session"] == peers[0].id
    with pytest.raises(Refused):
        peers[0].resume()
    peers[4].resume()
    for visitor in visitors:
        visitor.close()
    for peer in peers:
        peer.close()


@pytest.mark.covers("fault-11")
def test_a_silent_link_is_lost(start):
    relay = start("--heartbeat", 100)
    with Session(relay) as peer:
        peer.register(subdomain="demo")
        wait_for(lambda: peer.pings >= 3, "pings")
        assert not peer.lost
        peer.mute = True
        peer.wait_lost()
        relay.wait_log("link lost")
        peer.mute = False
        peer.resume()
        peer.serve(reply(b"awake"))
        assert visit(relay).body == b"awake"


@pytest.mark.tsan
@pytest.mark.parametrize("workers", [1, 2])
def test_many_transfers_both_ways_while_the_link_is_cut_again_and_again(start, workers):
    relay = start("--workers", workers)
    bodies = [os.urandom(random.randrange(1, 400_000)) for _ in range(24)]
    failures = []

    def handler(stream, request):
        assert stream.read_to_end() == b""
        stream.answer(request.body[::-1])

    def visitor(body):
        try:
            response = visit(relay, method="POST", body=body)
            if response.status != 200 or response.body != body[::-1]:
                failures.append(response)
        except (OSError, AssertionError) as failure:
            failures.append(failure)

    with Session(relay) as peer:
        peer.register(subdomain="demo")
        peer.serve(handler)
        threads = [threading.Thread(target=visitor, args=(body,)) for body in bodies]
        for thread in threads:
            thread.start()
        cuts = 0
        while any(thread.is_alive() for thread in threads):
            before = peer.received
            wait_for(lambda: peer.received > before + 50_000 or
                     not any(thread.is_alive() for thread in threads), "bytes to come")
            peer.resume()
            cuts += 1
        assert not failures and cuts >= 3
