"""Bodies through a tunnel: size, streaming, early answers, and ends that are not ends."""
import random
import time

import pytest

from harness.agent import answer, raw_then_close, raw_then_reset, reply
from harness.http import Truncated, build_request
from harness.traffic import (MIB, Later, a_name, assert_error, chunk, digest_of, ms, read_chunk,
                             read_digest, send_blocks)
from harness.wait import SLOW

BIG = 64 * MIB
CHUNKED = ("Transfer-Encoding", "chunked")
CHUNKED_HEAD = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.fixture
def tunnel(shared_relay, agent):
    return agent(shared_relay, a_name())


def framing(size, chunked):
    return CHUNKED if chunked else ("Content-Length", str(size))


# big

@pytest.mark.covers("S76", "D9", "D25", "ask-8")
@pytest.mark.parametrize("chunked", [False, True], ids=["length", "chunked"])
def test_big_upload_arrives_whole(tunnel, chunked):
    def handler(sock, request):
        digest, size = read_digest(sock, request)
        return answer(f"{digest} {size}".encode())
    tunnel.serve(handler, body=False)
    with tunnel.visitor() as visitor:
        visitor.send(build_request("PUT", "/up", tunnel.host, [framing(BIG, chunked)]))
        send_blocks(visitor, BIG, chunked)
        assert visitor.read_response(timeout=60 * SLOW).text() == f"{digest_of(BIG)} {BIG}"


@pytest.mark.covers("S76", "D25", "ask-8")
@pytest.mark.parametrize("chunked", [False, True], ids=["length", "chunked"])
def test_big_download_arrives_whole(tunnel, chunked):
    def handler(sock, request):
        sock.send(CHUNKED_HEAD if chunked else
                  b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % BIG)
        send_blocks(sock, BIG, chunked)
    tunnel.serve(handler)
    with tunnel.visitor() as visitor:
        visitor.send(build_request(host=tunnel.host))
        assert read_digest(visitor, visitor.read_head()) == (digest_of(BIG), BIG)


@pytest.mark.covers("S76", "D25")
def test_big_download_until_close(tunnel):
    def handler(sock, request):
        sock.send(b"HTTP/1.1 200 OK\r\n\r\n")
        send_blocks(sock, BIG)
        sock.close()
    tunnel.serve(handler)
    with tunnel.visitor() as visitor:
        visitor.send(build_request(host=tunnel.host))
        assert read_digest(visitor, visitor.read_head()) == (digest_of(BIG), BIG)


@pytest.mark.covers("S76", "D25")
def test_both_directions_at_once(tunnel):
    """An echoing service: the answer runs while the upload does, and neither waits."""
    size = 24 * MIB

    def handler(sock, request):
        sock.send(CHUNKED_HEAD)
        left = size
        while left:
            data = sock.read_some(30 * SLOW)
            assert data, "the upload was cut"
            left -= len(data)
            sock.send(chunk(data))
        sock.send(b"0\r\n\r\n")
    tunnel.serve(handler, body=False)
    with tunnel.visitor() as visitor:
        visitor.timeout = 60 * SLOW
        visitor.send(build_request("POST", "/echo", tunnel.host, [framing(size, False)]))
        sending = Later(send_blocks, visitor, size)
        assert read_digest(visitor, visitor.read_head()) == (digest_of(size), size)
        sending.result()


@pytest.mark.covers("S76", "D25")
def test_many_tiny_chunks(tunnel):
    def handler(sock, request):
        assert len(request.body) == 20000
        return CHUNKED_HEAD + b"1\r\ny\r\n" * 20000 + b"0\r\n\r\n"
    tunnel.serve(handler)
    response = tunnel.visit("POST", headers=[CHUNKED], body=b"1\r\nx\r\n" * 20000 + b"0\r\n\r\n",
                            timeout=30 * SLOW)
    assert response.body == b"y" * 20000


@pytest.mark.covers("S76", "D25")
def test_chunks_of_all_sizes_arrive_in_order(tunnel):
    """Small ones are copied together on their way, large ones are not."""
    dice = random.Random(4)
    pieces = [dice.randbytes(dice.choice([1, 2, 3, 511, 512, 513, 4000, 5000])) for _ in range(900)]
    framed = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"
    tunnel.serve(lambda sock, request: CHUNKED_HEAD + framed)
    response = tunnel.visit("POST", headers=[CHUNKED], body=framed, timeout=30 * SLOW)
    assert response.body == b"".join(pieces)
    assert tunnel.wait_requests().body == b"".join(pieces)


@pytest.mark.covers("fault-27")
def test_tiny_chunks_become_fewer(tunnel):
    """Whoever gets them should not pay for each what it costs to send them."""
    sock = tunnel.open_ready()
    with tunnel.visitor() as visitor:
        visitor.send(build_request("POST", "/", tunnel.host, [CHUNKED],
                                   b"1\r\nx\r\n" * 20000 + b"0\r\n\r\n"))
        sock.read_head()
        seen = sock.read_until(b"0\r\n\r\n", limit=1 << 20)
    assert seen.count(b"x") == 20000
    assert seen.count(b"\r\n") < 4000
    sock.close()


@pytest.mark.covers("D25")
def test_chunk_size_forms(tunnel):
    """Leading zeros, either case, extensions with quotes: all of it legal."""
    body = b"000A\r\n0123456789\r\na;x\r\n0123456789\r\n" \
           b"A;a=b;c=\"d;\\\"\"\r\n0123456789\r\n000\r\n\r\n"
    tunnel.serve(lambda sock, request: CHUNKED_HEAD + body)
    response = tunnel.visit("POST", headers=[CHUNKED], body=body)
    assert response.body == b"0123456789" * 3
    assert tunnel.wait_requests().body == b"0123456789" * 3


# streaming

@pytest.mark.covers("ask-7", "S76", "S99")
def test_each_chunk_arrives_before_the_next_is_sent(tunnel):
    """Server-sent events: nothing is held back until more comes."""
    sock = tunnel.open_ready()
    with tunnel.visitor() as visitor:
        visitor.send(build_request("GET", "/events", tunnel.host,
                                   [("Accept", "text/event-stream")]))
        sock.read_request()
        sock.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
                  b"Transfer-Encoding: chunked\r\n\r\n")
        assert visitor.read_head().get("Content-Type") == "text/event-stream"
        for index in range(50):
            event = b"data: %d\n\n" % index
            sock.send(chunk(event))
            assert read_chunk(visitor, 2 * SLOW) == event
        sock.send(b"0\r\n\r\n")
        assert read_chunk(visitor) == b""


@pytest.mark.covers("ask-7", "S76")
@pytest.mark.parametrize("head", [b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n",
                                  b"HTTP/1.1 200 OK\r\n\r\n"], ids=["length", "close"])
def test_each_byte_of_an_answer_arrives_at_once(tunnel, head):
    sock = tunnel.open_ready()
    with tunnel.visitor() as visitor:
        visitor.send(build_request(host=tunnel.host))
        sock.read_request()
        sock.send(head)
        response = visitor.read_head(2 * SLOW)
        for letter in b"hello":
            sock.send(bytes([letter]))
            if response.get("Transfer-Encoding"):
                assert read_chunk(visitor, 2 * SLOW) == bytes([letter])
            else:
                assert visitor.read_exactly(1, 2 * SLOW) == bytes([letter])


@pytest.mark.covers("ask-7", "S76")
@pytest.mark.parametrize("chunked", [False, True], ids=["length", "chunked"])
def test_each_piece_of_an_upload_arrives_before_the_next_is_sent(tunnel, chunked):
    sock = tunnel.open_ready()
    with tunnel.visitor() as visitor:
        visitor.send(build_request("POST", "/", tunnel.host, [framing(40, chunked)]))
        assert sock.read_head(2 * SLOW).method == "POST"
        for index in range(10):
            piece = b"%04d" % index
            visitor.send(chunk(piece) if chunked else piece)
            if chunked:
                assert read_chunk(sock, 2 * SLOW) == piece
            else:
                assert sock.read_exactly(4, 2 * SLOW) == piece
        if chunked:
            visitor.send(b"0\r\n\r\n")
            assert read_chunk(sock) == b""
        sock.send(answer(b"done"))
        assert visitor.read_response().body == b"done"


@pytest.mark.covers("D25", "ask-7")
def test_two_way_conversation_inside_one_exchange(tunnel):
    sock = tunnel.open_ready()
    with tunnel.visitor() as visitor:
        visitor.send(build_request("POST", "/", tunnel.host, [CHUNKED]))
        sock.read_head()
        sock.send(CHUNKED_HEAD)
        visitor.read_head()
        for index in range(10):
            visitor.send(chunk(b"q%d" % index))
            assert read_chunk(sock, 2 * SLOW) == b"q%d" % index
            sock.send(chunk(b"a%d" % index))
            assert read_chunk(visitor, 2 * SLOW) == b"a%d" % index
        visitor.send(b"0\r\n\r\n")
        assert read_chunk(sock) == b""
        sock.send(b"0\r\n\r\n")
        assert read_chunk(visitor) == b""


@pytest.mark.covers("D25")
@pytest.mark.parametrize("close", [False, True], ids=["keeps", "closes"])
def test_early_answer_while_the_upload_runs(tunnel, close):
    """A refusal after the first bytes reaches the visitor, and the socket is not used again."""
    sock = tunnel.open_ready()
    with tunnel.visitor() as visitor:
        visitor.send(build_request("POST", "/", tunnel.host, [framing(BIG, False)]) + b"x" * 70000)
        sock.read_head()
        sock.read_exactly(1000)
        sock.send(answer(b"too much", "413 Content Too Large", close=close))
        if close:
            sock.half_close()
        response = visitor.read_response()
        assert (response.status, response.body) == (413, b"too much")
    again = tunnel.open()
    later = Later(tunnel.visit, target="/again")
    assert again.read_request().target == "/again"
    again.send(answer(b"again"))
    assert later.result().body == b"again"


@pytest.mark.covers("D25")
def test_an_early_answer_survives_a_visitor_that_keeps_sending(tunnel):
    """The answer must not be lost to a reset because of unread bytes (RFC 9112, 9.6)."""
    def handler(sock, request):
        sock.send(answer(b"enough", "413 Content Too Large", close=True))
        sock.half_close()
        while sock.read_some():
            pass
        sock.close()
    tunnel.serve(handler, sockets=2, body=False)
    for _ in range(10):
        with tunnel.visitor() as visitor:
            visitor.send(build_request("POST", "/", tunnel.host, [framing(2 * MIB, False)]))
            try:
                send_blocks(visitor, 2 * MIB)
            except ConnectionError:
                pass
            response = visitor.read_response()
            assert (response.status, response.body) == (413, b"enough")


# ends that are not ends

CUTS = [
    (b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n", b""),
    (b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n", b"x" * 99),
    (CHUNKED_HEAD, b""),
    (CHUNKED_HEAD, b"5\r\nhello\r\n"),
    (CHUNKED_HEAD, b"5\r\nhello"),
    (CHUNKED_HEAD, b"5\r\nhel"),
    (CHUNKED_HEAD, b"5"),
    (CHUNKED_HEAD, b"5\r\nhello\r\n0\r\n"),
    (CHUNKED_HEAD, b"5\r\nhello\r\n0\r\nX-Trail: 1\r\n"),
    (CHUNKED_HEAD, b"5\r\nhello\r\n0"),
]


@pytest.mark.covers("S74", "fault-1")
@pytest.mark.parametrize("how", [raw_then_close, raw_then_reset])
@pytest.mark.parametrize("head, body", CUTS, ids=range(len(CUTS)))
def test_a_cut_answer_never_looks_complete(tunnel, how, head, body):
    tunnel.serve(how(head + body))
    with tunnel.visitor() as visitor:
        visitor.send(build_request(host=tunnel.host))
        with pytest.raises((Truncated, ConnectionError)):
            response = visitor.read_response()
            # A reset may overtake the head itself; then this is an honest refusal.
            if how is raw_then_reset and response.status == 503:
                raise Truncated("refused")
            pytest.fail(f"looks complete: {response}")


@pytest.mark.covers("S74", "fault-1")
def test_a_reset_answer_until_close_never_looks_complete(tunnel):
    """Its end is the connection's end, so only a clean end may look like one."""
    sock = tunnel.open_ready()
    with tunnel.visitor() as visitor:
        visitor.send(build_request(host=tunnel.host))
        sock.read_request()
        sock.send(b"HTTP/1.1 200 OK\r\n\r\nhalf of it")
        head = visitor.read_head()
        visitor.read_until(b"half of it")
        sock.reset()
        try:
            rest = visitor.read_to_end()
        except ConnectionError:
            return
        assert head.get("Transfer-Encoding") and b"0\r\n\r\n" not in rest, rest


@pytest.mark.covers("S74", "fault-1")
def test_agents_killed_at_random_bytes(tunnel):
    dice = random.Random(1)
    size = 300000

    def handler(sock, request):
        chunked = request.target == "/chunked"
        data = b"".join(chunk(b"x" * 1000) for _ in range(size // 1000)) + b"0\r\n\r\n" \
            if chunked else b"x" * size
        head = CHUNKED_HEAD if chunked else \
            b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size
        sock.send((head + data)[:dice.randrange(len(head), len(head + data))])
        sock.reset() if dice.random() < 0.5 else sock.close()
    tunnel.serve(handler, sockets=3)
    for trial in range(150):
        with tunnel.visitor() as visitor:
            visitor.send(build_request(target=("/chunked", "/length")[trial % 2], host=tunnel.host))
            with pytest.raises((Truncated, ConnectionError)):
                response = visitor.read_response()
                if response.status == 503:
                    raise Truncated("refused")
                pytest.fail(f"trial {trial} looks complete")


@pytest.mark.covers("S78", "fault-2")
@pytest.mark.parametrize("chunked", [False, True], ids=["length", "chunked"])
def test_a_cut_upload_never_looks_complete(tunnel, chunked):
    sock = tunnel.open_ready()
    visitor = tunnel.visitor()
    visitor.send(build_request("POST", "/", tunnel.host, [framing(10, chunked)])
                 + (chunk(b"hello") if chunked else b"hello"))
    request = sock.read_head()
    assert sock.read_until(b"hello")
    visitor.close()
    rest = b""
    try:
        rest = sock.read_to_end(5 * SLOW)
    except ConnectionError:
        pass
    assert rest in (b"", b"\r\n"), (request, rest)


# time

@pytest.mark.covers("D9", "ask-8")
def test_the_wait_for_an_answer_begins_after_the_upload(start, agent):
    relay = start("--response-timeout", ms(600), env={"LT_REQUEST_TIMEOUT": 600})
    tunnel = agent(relay, a_name())
    tunnel.serve(reply(b"ok"))
    with tunnel.visitor() as visitor:
        visitor.send(build_request("POST", "/", tunnel.host, [("Content-Length", "16")]))
        for _ in range(16):
            visitor.send(b"x")
            time.sleep(0.1)
        assert visitor.read_response().body == b"ok"


@pytest.mark.covers("D9", "ask-8")
def test_an_upload_may_begin_later_than_an_answer(start, agent):
    relay = start("--response-timeout", ms(300))
    tunnel = agent(relay, a_name())
    tunnel.serve(reply(b"ok"))
    with tunnel.visitor() as visitor:
        visitor.send(build_request("POST", "/", tunnel.host, [("Content-Length", "1")]))
        time.sleep(0.9)
        visitor.send(b"x")
        assert visitor.read_response().body == b"ok"


@pytest.mark.covers("D9", "ask-8")
def test_a_slow_stream_outlives_every_wait_for_a_first_byte(start, agent):
    relay = start("--response-timeout", ms(300), env={"LT_REQUEST_TIMEOUT": 300})
    tunnel = agent(relay, a_name())
    sock = tunnel.open_ready()
    with tunnel.visitor() as visitor:
        visitor.send(build_request(host=tunnel.host))
        sock.read_request()
        sock.send(CHUNKED_HEAD)
        visitor.read_head()
        for _ in range(6):
            sock.send(chunk(b"tick"))
            assert read_chunk(visitor) == b"tick"
            time.sleep(0.2)
        sock.send(b"0\r\n\r\n")
        assert read_chunk(visitor) == b""


@pytest.mark.covers("D9")
def test_a_stalled_answer_is_cut_by_the_idle_limit(start, agent):
    relay = start("--idle-timeout", ms(500))
    tunnel = agent(relay, a_name())
    sock = tunnel.open_ready()
    with tunnel.visitor() as visitor:
        visitor.send(build_request(host=tunnel.host))
        sock.read_request()
        sock.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello")
        with pytest.raises((Truncated, ConnectionError)):
            visitor.read_response(timeout=5 * SLOW)
    sock.wait_closed()


@pytest.mark.covers("D9")
def test_a_stalled_upload_names_the_idle_limit(start, agent):
    relay = start("--idle-timeout", ms(500))
    tunnel = agent(relay, a_name())
    sock = tunnel.open_ready()
    with tunnel.visitor() as visitor:
        visitor.send(build_request("POST", "/", tunnel.host, [("Content-Length", "10")]) + b"hello")
        sock.read_head()
        response = visitor.read_response(timeout=5 * SLOW)
        assert response.status in (408, 503), response
        assert "timeout" in response.get("X-Adit-Error", ""), response
        visitor.wait_closed()
    try:
        assert sock.read_to_end() == b"hello"
    except ConnectionError:
        pass


@pytest.mark.covers("D9", "S73")
def test_the_wait_counts_from_the_end_of_the_body_and_then_fires(start, agent):
    relay = start("--response-timeout", ms(500))
    tunnel = agent(relay, a_name())
    sock = tunnel.open_ready()
    with tunnel.visitor() as visitor:
        visitor.send(build_request("POST", "/", tunnel.host, body=b"12345"))
        sock.read_request()
        begin = time.monotonic()
        response = visitor.read_response(timeout=5 * SLOW)
        assert_error(response, 503, "response-timeout")
        assert 0.3 < time.monotonic() - begin < 3 * SLOW


@pytest.mark.covers("D9")
def test_interim_answers_do_not_stop_the_wait_for_ever(start, agent):
    relay = start("--response-timeout", ms(500))
    tunnel = agent(relay, a_name())
    sock = tunnel.open_ready()
    with tunnel.visitor() as visitor:
        visitor.send(build_request(host=tunnel.host))
        sock.read_request()
        sock.send(b"HTTP/1.1 102 Processing\r\n\r\n")
        response = visitor.read_response(timeout=5 * SLOW)
        assert_error(response, 503, "response-timeout")


@pytest.mark.covers("D9", "fault-20")
def test_stalled_uploads_do_not_keep_a_tunnel_for_the_idle_limit(start, agent):
    """Every socket of the tunnel is held by a visitor that stops after a byte of its body."""
    relay = start("--upload-timeout", ms(600), "--max-sockets", "2",
                  env={"LT_REQUEST_TIMEOUT": ms(8000)})
    tunnel = agent(relay, a_name())
    tunnel.serve(reply(b"served"), sockets=2)
    with tunnel.visitor() as one, tunnel.visitor() as two:
        for visitor in (one, two):
            visitor.send(build_request("POST", "/", tunnel.host, [("Content-Length", "9")]) + b"x")
        assert tunnel.visit(timeout=10 * SLOW).body == b"served"
        for visitor in (one, two):
            response = visitor.read_response()
            assert (response.status, response.get("X-Adit-Error")) == (408, "body-timeout")
