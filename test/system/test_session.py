"""Sessions of agents: links, visitors, and how both end (docs/protocol.md)."""
import hashlib
import os
import threading

import pytest

from harness import http
from harness.session import Session, reply
from harness.wait import wait_for


def visit(relay, name, **how):
    return http.fetch(relay.port, host=f"{name}.{relay.domain}", **how)


@pytest.mark.covers("S90")
@pytest.mark.tsan
def test_a_visitor_is_served_over_a_session(start):
    relay = start()
    with Session(relay) as peer:
        answer = peer.register(subdomain="demo")
        assert answer["name"] == "demo"
        assert answer["url"] == f"http://demo.{relay.domain}:{relay.port}"
        peer.serve(reply(b"hello"))
        for _ in range(3):
            response = visit(relay, "demo")
            assert response.status == 200 and response.body == b"hello"


def test_the_line_says_who_the_visitor_is(start):
    relay = start()
    with Session(relay) as peer:
        peer.register(7, subdomain="demo")
        with http.Visitor(relay.port, source="127.0.0.9") as visitor:
            visitor.send(http.build_request(host=f"demo.{relay.domain}"))
            stream = peer.accept()
            request = stream.read_request()
            assert stream.line == {
                "tunnel": "7", "visitor": "127.0.0.9",
                "visitor_port": str(visitor.sock.getsockname()[1]), "public": "127.0.0.1",
                "public_port": str(relay.port), "scheme": "http",
                "id": request.get("X-Request-Id")}
            assert stream.frames == [len(request.raw) + len(" ".join(stream.line.values())) + 1]
            assert stream.read_to_end() == b"", "FIN follows the request"
            stream.answer(b"ok")
            assert visitor.read_response().body == b"ok"
