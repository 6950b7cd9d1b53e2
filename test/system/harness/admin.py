"""The admin API, its socket, and aditd's commands about accounts, seen from outside."""
import json
import os
import socket
import subprocess

from . import http
from .relay import SANITIZER, Crash, binary, clean_env
from .wait import DEADLINE

JSON = ("Content-Type", "application/json")


class Socket(http.Visitor):
    """A connection to the admin socket."""

    def __init__(self, folder, timeout=DEADLINE):
        sock = socket.socket(socket.AF_UNIX)
        sock.settimeout(timeout)
        # A path may be longer than an address has room for.
        place = os.open(folder, os.O_PATH | os.O_DIRECTORY)
        try:
            sock.connect(f"/proc/self/fd/{place}/admin.sock")
        finally:
            os.close(place)
        http.Wire.__init__(self, sock, timeout)


def ask(wire, method, path, body=None, key=None, host="lt.test", headers=()):
    """One request to the API on a connection that is open."""
    fields = list(headers)
    if key:
        fields.append(("Authorization", f"Bearer {key}"))
    if body is not None:
        fields.append(JSON)
        body = body if isinstance(body, bytes) else json.dumps(body).encode()
    return wire.ask(method, "/api/v1" + path, host, fields, body)


class Api:
    """The API of a relay: over TCP with a key, or at its socket as the operator."""

    def __init__(self, relay, folder=None, key=None):
        self.relay = relay
        self.folder = folder
        self.key = key

    def __call__(self, method, path, body=None, status=None, **how):
        wire = Socket(self.folder) if self.folder else http.Visitor(self.relay.create_port)
        with wire:
            response = ask(wire, method, path, body, self.key, **how)
        if status is not None:
            assert response.status == status, response
        return response

    def get(self, path):
        return self("GET", path, status=200).json()

    def code(self, method, path, body=None):
        """Status and error code of a refusal."""
        response = self(method, path, body)
        return response.status, response.json()["error"]["code"]


def account(operator, name, **more):
    """An account with a key of it: its API."""
    operator("POST", "/accounts", {"name": name}, status=201)
    made = operator("POST", "/keys", {"account": name, **more}, status=201).json()
    return Api(operator.relay, key=made["key"])


def office(folder, *words, stdin=None, timeout=DEADLINE, env=None, code=0):
    """aditd NOUN VERB ...: standard output. Another exit code is a failure; code=None takes all."""
    flags = ["--state-dir", os.fspath(folder)] if folder else []
    done = subprocess.run([binary(), *map(str, words), *flags], env=clean_env(env),
                          input=stdin, capture_output=True, timeout=timeout, check=False, text=True,
                          cwd="/")
    if SANITIZER.search(done.stderr):
        raise Crash(done.stderr)
    if code is None:
        return done
    assert done.returncode == code, (done.returncode, done.stdout, done.stderr)
    return done.stdout
