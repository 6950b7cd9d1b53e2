"""TCP tunnels: ports, bytes, half-close, resets, holding."""
import os
import socket
import threading

import pytest

from harness import http
from harness.relay import free_ports
from harness.session import Session
from harness.wait import wait_for


def start_tcp(start, *flags, count=4):
    first = free_ports(count)
    relay = start("--tcp-port-range-start", first, "--tcp-port-range-end", first + count - 1,
                  *flags)
    relay.first = first
    return relay


def connect(port):
    return http.Wire(socket.create_connection(("127.0.0.1", port), 10))


def answer_backwards(stream, body):
    stream.send(body[::-1])
    stream.half_close()


@pytest.mark.covers("S95", "fault-46")
@pytest.mark.tsan
@pytest.mark.parametrize("workers", [1, 2])
def test_bytes_go_both_ways_and_half_close_is_kept(start, workers):
    relay = start_tcp(start, "--workers", workers)
    with Session(relay) as peer:
        answer = peer.register(3, "tcp")
        port = answer["port"]
        assert relay.first <= port < relay.first + 4
        assert answer["url"] == f"tcp://{relay.domain}:{port}" and "name" not in answer
        with connect(port) as visitor:
            stream = peer.accept()
            assert stream.line["tunnel"] == "3" and stream.line["scheme"] == "tcp"
            assert stream.line["public_port"] == str(port)
            assert stream.line["visitor_port"] == str(visitor.sock.getsockname()[1])
            stream.send(b"the server speaks first")
            assert visitor.read_exactly(23) == b"the server speaks first"
            body = os.urandom(700_000)
            visitor.send(body)
            visitor.half_close()
            assert stream.read_to_end() == body
            # No more than a window and what sockets hold goes to a visitor who does not read.
            answer = threading.Thread(target=answer_backwards, args=(stream, body))
            answer.start()
            assert visitor.read_to_end() == body[::-1]
            answer.join()
        line = relay.wait_log(lambda line: line.get("method") == "TCP")
        assert line["in"] == len(body) and line["out"] == len(body) + 23
        assert line["ended"] == "complete" and line["tunnel"] == f"tcp:{port}"


def test_resets_are_passed_on_both_ways(start):
    relay = start_tcp(start)
    with Session(relay) as peer:
        port = peer.register(1, "tcp")["port"]
        visitor = connect(port)
        stream = peer.accept()
        visitor.reset()
        wait_for(lambda: stream.rst, "a reset stream")
        with connect(port) as visitor:
            stream = peer.accept()
            peer.say(type="failed", stream=stream.number, code="local-refused", message="no")
            stream.reset()
            assert visitor.wait_closed() == "rst"
        relay.wait_log(lambda line: line.get("error") == "local-refused")


def test_ports_asked_for_and_refused(start):
    relay = start_tcp(start, count=2)
    with Session(relay, client="a") as peer, Session(relay, client="b") as other:
        assert peer.register(1, "tcp", port=relay.first + 1)["port"] == relay.first + 1
        assert other.register_refused(1, "tcp", port=relay.first + 1)["code"] == "port-in-use"
        assert other.register_refused(1, "tcp", port=1)["code"] == "port-not-allowed"
        assert other.register(1, "tcp")["port"] == relay.first
        answer = other.register_refused(2, "tcp")
        assert answer["code"] == "no-free-port" and not answer.get("fatal")
        peer.say(type="unregister", tunnel=1)
        peer.expect("closed")
        assert other.register(2, "tcp")["port"] == relay.first + 1


def test_a_port_of_another_program_is_skipped(start):
    relay = start_tcp(start, count=2)
    with socket.socket() as taken, Session(relay) as peer:
        taken.bind(("127.0.0.1", relay.first))
        taken.listen()
        assert peer.register(1, "tcp")["port"] == relay.first + 1
        assert peer.register_refused(2, "tcp", port=relay.first)["code"] == "no-free-port"


def test_without_a_range_there_is_no_tcp(start):
    relay = start()
    with Session(relay) as peer:
        answer = peer.register_refused(1, "tcp")
        assert (answer["code"], answer["fatal"]) == ("tcp-not-offered", True)


@pytest.mark.tsan
@pytest.mark.parametrize("workers", [1, 2])
def test_a_connection_survives_a_cut_and_new_ones_wait(start, workers):
    relay = start_tcp(start, "--workers", workers)
    with Session(relay) as peer:
        port = peer.register(1, "tcp")["port"]
        with connect(port) as visitor:
            stream = peer.accept()
            visitor.send(b"before")
            assert stream.read_exactly(6) == b"before"
            peer.cut()
            relay.wait_log("tunnel offline")
            with connect(port) as later:
                later.send(b"later")
                visitor.send(b"between")
                assert later.silent(0.05)
                peer.resume()
                assert stream.read_exactly(7) == b"between"
                held = peer.accept()
                assert held.read_exactly(5) == b"later"
                held.send(b"welcome")
                assert later.read_exactly(7) == b"welcome"


def test_so_many_are_held_and_no_more(start):
    relay = start_tcp(start, "--hold-timeout", 3000, "--workers", 1)
    with Session(relay) as peer:
        port = peer.register(1, "tcp")["port"]
        peer.cut()
        relay.wait_log("tunnel offline")
        held = [connect(port) for _ in range(64)]
        with connect(port) as surplus:
            assert surplus.wait_closed() == "rst"
        assert held[0].wait_closed() == "rst", "none waits for ever"
        for visitor in held:
            visitor.sock.close()


@pytest.mark.parametrize("workers", [1, 2])
def test_the_same_client_gets_its_port_back(start, workers):
    relay = start_tcp(start, "--workers", workers, count=1)
    for _ in range(4):
        with Session(relay, client="me") as peer:
            assert peer.register(1, "tcp", port=relay.first)["port"] == relay.first
            with connect(relay.first) as visitor:
                peer.accept().send(b"mine")
                assert visitor.read_exactly(4) == b"mine"


def test_tcp_connections_end_with_the_relay(start):
    relay = start_tcp(start, "--drain-timeout", 300)
    with Session(relay) as peer:
        port = peer.register(1, "tcp")["port"]
        with connect(port) as visitor:
            peer.accept()
            peer.say(type="unregister", tunnel=1)
            peer.expect("closed")
            relay.signal(15)
            assert peer.expect("notice")["code"] == "draining"
            assert visitor.wait_closed() == "rst"
            relay.wait_exit()


