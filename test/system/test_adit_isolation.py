"""Twenty tunnels of five agents that are killed and taken over all the time: no visitor ever gets the
answer of another request, and no service ever sees the request of another tunnel."""
import itertools
import os
import random
import threading

import pytest

from harness import http
from harness.service import answer
from harness.traffic import Later, digest_of
from harness.wait import SLOW, wait_for

pytestmark = pytest.mark.timeout(120 * SLOW)
SEED = int(os.environ.get("ADIT_TEST_SEED", "0")) or random.SystemRandom().randrange(1 << 30)
AGENTS, EACH, REQUESTS = 5, 4, 20_000


class Fleet:
    """Agents with four tunnels each; an agent is replaced by killing it, or by another of its
    token that takes over."""

    def __init__(self, relay, adits, ports, directory):
        self.relay, self.adits = relay, adits
        self.files = []
        for number in range(AGENTS):
            path = directory / f"tunnels{number}.yaml"
            lines = [f"  t{i}: {{http: {ports[i]}, subdomain: isle{i:02}}}"
                     for i in range(number * EACH, (number + 1) * EACH)]
            path.write_text("tunnels:\n" + "\n".join(lines) + "\n")
            self.files.append(path)
        self.running = [self.begin(number) for number in range(AGENTS)]
        self.kills = self.takeovers = 0

    def begin(self, number):
        agent = self.adits(self.relay, "start", "--file", self.files[number], "--quiet",
                           env={"ADIT_CLIENT_TOKEN": f"token-{number}"})
        agent.wait_event("tunnel_up", EACH)
        return agent

    def trouble(self, dice):
        number = dice.randrange(AGENTS)
        if dice.random() < 0.5:
            self.running[number].process.kill()
            self.running[number].wait_exit()
            self.running[number] = self.begin(number)
            self.kills += 1
        else:
            before = self.running[number]
            self.running[number] = self.begin(number)
            assert before.wait_exit() == 3
            self.takeovers += 1


def test_no_answer_of_another_tunnel(start, services, adits, tmp_path):
    relay = start("--workers", "2")
    strangers = []

    def island(number):
        host = f"isle{number:02}.lt.test"

        def handle(wire, request):
            http.read_body(wire, request, 60, to_end=False)
            if request.get("Host") != host or not request.target.startswith(f"/{number}/"):
                strangers.append((host, request))
            body = f"{number} {request.target} {request.text()}".encode()
            answer(wire, body + b" " * (7919 * len(body) % 3000))
        return handle
    ports = [services(island(number)).port for number in range(AGENTS * EACH)]
    fleet = Fleet(relay, adits, ports, tmp_path)
    turns, over = itertools.count(), threading.Event()
    right, refused, wrong = itertools.count(), itertools.count(), []

    def ask(visitor, dice, turn):
        number = dice.randrange(AGENTS * EACH)
        path, body = f"/{number}/{turn}", None
        method = "POST" if turn % 3 == 0 else "GET"
        if method == "POST":
            body = f"{turn}:{digest_of(dice.randrange(50))}".encode()
        response = visitor.ask(method, path, f"isle{number:02}.lt.test", body=body, timeout=60)
        if response.status != 200:
            assert response.get("X-Adit-Error"), response
            next(refused)
        elif response.text().rstrip() == f"{number} {path} {(body or b'').decode()}".rstrip():
            next(right)
        else:
            wrong.append((number, path, response))

    def visit(seed):
        dice, visitor = random.Random(seed), None
        for turn in turns:
            if turn >= REQUESTS:
                break
            try:
                visitor = visitor or http.Visitor(relay.port)
                ask(visitor, dice, turn)
            except (OSError, http.BadMessage):
                next(refused)
                visitor.close()
                visitor = None
        if visitor:
            visitor.close()

    def trouble():
        dice = random.Random(SEED)
        while not over.wait(dice.random() * 0.3):
            fleet.trouble(dice)
    shaker = Later(trouble)
    visits = [Later(visit, SEED + i) for i in range(12)]
    wait_for(lambda: all(later.done() for later in visits), "all requests", 110 * SLOW)
    over.set()
    shaker.result()
    for later in visits:
        later.result()
    assert not wrong and not strangers, (SEED, wrong[:3], strangers[:3])
    answered, failed = next(right), next(refused)
    print(f"{answered} right, {failed} refused, {fleet.kills} kills, {fleet.takeovers} takeovers")
    assert answered > REQUESTS * 0.9, (SEED, answered, failed)
    assert fleet.kills >= 3 and fleet.takeovers >= 3
