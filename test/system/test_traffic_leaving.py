"""Visitors who leave, and visitors who only have said everything."""
import time

import pytest

from harness.agent import answer, reply
from harness.http import build_request
from harness.traffic import MIB, Later, a_name, chunk
from harness.wait import SLOW

CHUNKED_HEAD = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.fixture
def tunnel(shared_relay, agent):
    return agent(shared_relay, a_name())


@pytest.mark.covers("S78")
@pytest.mark.parametrize("how", ["close", "reset"])
def test_a_visitor_who_leaves_frees_the_socket(tunnel, how):
    sock = tunnel.open_ready()
    visitor = tunnel.visitor()
    visitor.send(build_request(host=tunnel.host))
    sock.read_request()
    begin = time.monotonic()
    getattr(visitor, how)()
    sock.wait_closed(3 * SLOW)
    assert time.monotonic() - begin < 3 * SLOW


@pytest.mark.covers("S78")
@pytest.mark.parametrize("how", ["close", "reset"])
def test_a_visitor_who_leaves_a_download_ends_it(tunnel, how):
    ended = []

    def handler(sock, request):
        sock.send(CHUNKED_HEAD)
        try:
            while True:
                sock.send(chunk(b"x" * 10000))
        except OSError:
            ended.append(time.monotonic())
        sock.close()
    tunnel.serve(handler, reopen=False)
    visitor = tunnel.visitor()
    visitor.send(build_request(host=tunnel.host))
    visitor.read_head()
    visitor.read_exactly(100000)
    begin = time.monotonic()
    getattr(visitor, how)()
    tunnel.wait_connected(0, 5 * SLOW)
    assert ended or time.monotonic() - begin < 5 * SLOW


@pytest.mark.covers("S78")
def test_half_close_after_the_request_still_gets_a_prompt_answer(tunnel):
    """`printf ... | nc -N` and some HTTP/1.0 clients say FIN when they have said everything."""
    tunnel.serve(reply(b"prompt"))
    for version in ("1.0", "1.1"):
        with tunnel.visitor() as visitor:
            visitor.send(build_request(host=tunnel.host, version=version))
            visitor.half_close()
            assert visitor.read_response().body == b"prompt"
            visitor.wait_closed()


@pytest.mark.covers("S78")
def test_half_close_after_the_answer_began_loses_nothing(tunnel):
    sock = tunnel.open_ready()
    with tunnel.visitor() as visitor:
        visitor.send(build_request(host=tunnel.host))
        sock.read_request()
        sock.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (4 * MIB) + b"x")
        visitor.read_head()
        visitor.half_close()
        sending = Later(sock.send, b"x" * (4 * MIB - 1))
        assert len(visitor.read_exactly(4 * MIB)) == 4 * MIB
        sending.result()


@pytest.mark.covers("S78")
def test_half_close_after_a_pipeline_answers_all_of_it(tunnel):
    tunnel.serve(lambda sock, request: answer(request.target.encode()), sockets=2)
    with tunnel.visitor() as visitor:
        visitor.send(b"".join(build_request(target=f"/{i}", host=tunnel.host) for i in range(4)))
        visitor.half_close()
        assert [visitor.read_response().text() for _ in range(4)] == ["/0", "/1", "/2", "/3"]
        visitor.wait_closed()


@pytest.mark.covers("S78", "D25")
@pytest.mark.parametrize("socket_is", ["fresh", "parked", "yet to come"])
def test_half_close_behind_a_whole_upload_loses_none_of_it(tunnel, socket_is):
    """The end came after the last byte: nothing about this upload is cut."""
    def upload():
        visitor = tunnel.visitor()
        visitor.send(build_request("POST", "/", tunnel.host, body=b"all of it"))
        visitor.half_close()
        return visitor
    if socket_is == "yet to come":
        visitor = upload()
        time.sleep(0.1)
        sock = tunnel.open()
    else:
        sock = tunnel.open_ready()
        if socket_is == "parked":
            later = Later(tunnel.visit)
            sock.read_request()
            sock.send(answer(b"parked"))
            later.result()
        visitor = upload()
    assert sock.read_request().body == b"all of it"
    sock.send(answer(b"got it"))
    assert visitor.read_response().body == b"got it"
    visitor.wait_closed()
    visitor.close()


@pytest.mark.covers("S78")
def test_half_close_at_any_moment_of_a_pipeline_ends_the_connection(tunnel):
    """However the FIN falls between requests and answers, the relay's own FIN comes behind them."""
    tunnel.serve(lambda sock, request: answer(request.target.encode()), sockets=3)
    tunnel.wait_connected(3)
    for turn in range(100):
        with tunnel.visitor() as visitor:
            visitor.send(b"".join(build_request(target=f"/{i}", host=tunnel.host)
                                  for i in range(4)))
            time.sleep(turn % 10 * 0.0002)
            visitor.half_close()
            assert [visitor.read_response().text() for _ in range(4)] == ["/0", "/1", "/2", "/3"]
            assert visitor.wait_closed(3 * SLOW) == "fin", f"turn {turn}"
