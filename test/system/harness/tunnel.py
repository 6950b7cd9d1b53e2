"""A tunnel of either kind with its service, for tests that look at what the relay does before it.

    with Tunnel(relay, "pool") as tunnel:
        assert tunnel.visit().body == b"hello" and len(tunnel.requests) == 1
"""
from . import http
from .agent import Agent, reply
from .session import Session
from .session import reply as session_reply


class Tunnel:
    """Its service answers with body, or as handle says, and keeps the requests. Guards are what a
    session registers with."""

    def __init__(self, relay, kind="session", name="demo", body=b"hello", handle=None, **guards):
        self.relay, self.name, self.requests = relay, name, []
        if kind == "pool":
            self.peer = Agent(relay, name)
            make = handle or reply(body)
            self.peer.serve(lambda sock, request: self._note(request, make, sock), sockets=4)
            self.peer.wait_connected(4)
        else:
            self.peer = Session(relay)
            self.answer = self.peer.register(1, subdomain=name, **guards)
            assert self.answer["name"] == name
            make = handle or session_reply(body)
            self.peer.serve(lambda stream, request: self._note(request, make, stream))

    def _note(self, request, make, wire):
        self.requests.append(request)
        return make(wire, request)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.peer.close()

    @property
    def host(self):
        return f"{self.name}.{self.relay.domain}"

    def visit(self, method="GET", **how):
        return http.fetch(self.relay.port, method, host=self.host, **how)


def is_refused(response, code, status):
    return (response.status, response.get("X-Adit-Error")) == (status, code)
