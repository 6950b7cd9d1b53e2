#!/usr/bin/env python3
"""hold_session.py HOST PORT COUNT [NAME]: one session with so many idle tunnels, as an agent that
does nothing else (docs/protocol.md). Prints "open" once all are registered, and answers pings.

    hold_session.py 127.0.0.1 8080 1000
"""
import json
import os
import socket
import struct
import sys

DATA, WINDOW, PING = 0, 1, 2
SYN, ACK = 1, 2


def frame(kind, flags, stream, length, payload=b""):
    return struct.pack(">BBHII", 0, kind, flags, stream, length) + payload


def say(message, flags=0):
    line = json.dumps(message).encode() + b"\n"
    return frame(DATA, flags, 1, len(line), line)


def upgraded(host, port):
    sock = socket.create_connection((host, port))
    sock.sendall(f"GET /_adit/session HTTP/1.1\r\nHost: {host}\r\nConnection: Upgrade\r\n"
                 "Upgrade: adit\r\nAdit-Version: 1\r\n\r\n".encode())
    wire = sock.makefile("rb")
    status = wire.readline()
    while wire.readline().strip():
        pass
    if b" 101 " not in status:
        raise SystemExit(f"not upgraded: {status}")
    return sock, wire


def register(sock, numbers):
    sock.sendall(b"".join(
        say({"type": "register", "tunnel": n, "proto": "http"}) for n in numbers))


def main():
    host, port, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    sock, wire = upgraded(host, port)
    sock.sendall(say({"type": "hello", "version": 1, "agent": "hold/1", "resume": False,
                      "client": f"hold{os.getpid()}"}, SYN))
    text, done, asked = b"", 0, 0
    while True:
        head = wire.read(12)
        if len(head) < 12:
            raise SystemExit(f"the link ended after {done} tunnels: {text[-200:]}")
        _, kind, flags, stream, length = struct.unpack(">BBHII", head)
        if kind == PING and flags & SYN:
            sock.sendall(frame(PING, ACK, 0, length))
        if kind != DATA:
            continue
        text += wire.read(length)
        sock.sendall(frame(WINDOW, 0, stream, length))
        *lines, text = text.split(b"\n")
        for message in map(json.loads, lines):
            if message["type"] == "error":
                raise SystemExit(f"open failed after {done}: {message}")
            done += message["type"] == "registered"
        # A hundred at a time are under way.
        if done == asked and asked < count:
            last = min(asked + 100, count)
            register(sock, range(asked + 1, last + 1))
            asked = last
        elif done == count:
            print("open", done, flush=True)
            count = -1


if __name__ == "__main__":
    main()
