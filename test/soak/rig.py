"""What a soak runs: a relay, agents in front of a service, and the troubles it makes for them.

Four agents: one whose connections are cut all the time and which has a TCP tunnel beside its web
tunnel, one with several connections over TLS, one that is killed, and the npm client.
"""
import random
import re
import shutil
import signal
import tempfile
import time
from pathlib import Path

from guests import PATIENCE, Tunnel, echo, serve
from harness import http, npm
from harness.between import Cuts
from harness.relay import Relay, free_ports
from harness.service import Adit, Service
from harness.tls import Authority
from harness.traffic import lean_env, sanitized
from harness.wait import DEADLINE, Late, wait_for
from harness.wan import rss_kib

GRACE_MS = 20000  # longer than an agent takes to start on a busy machine
# What has to be 0 when nobody visits; the one that asks is a visitor itself.
GAUGES = {"visitor_connections_open": 1, "requests_waiting": 0, "upgrades_open": 0,
          "session_streams_open": 0, "tcp_connections_open": 0, "sessions_parked": 0}


def descriptors(pid):
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


class Mortal:
    """An agent that is killed and started again, under the same name."""

    def __init__(self, relay, service):
        self.relay, self.service = relay, service
        self.start()

    def start(self):
        self.agent = Adit(self.relay, "http", self.service.port, "--subdomain", "mortal", "--quiet",
                          env={"ADIT_CLIENT_TOKEN": "mortal"})

    def again(self):
        self.agent.kill()
        self.start()


class Rig:
    def __init__(self, seed, npm_client=True):
        self.dice = random.Random(seed)
        self.dir = Path(tempfile.mkdtemp(prefix="adit-soak-"))
        self.running = []  # what is closed at the end, last one first
        self.tunnels = []
        env = lean_env() if sanitized() else None
        try:
            self._relay(env)
            self._agents(env, npm_client and npm.available())
        except BaseException:
            self.close()
            raise

    def _keep(self, thing, close):
        self.running.append(close)
        return thing

    def _relay(self, env):
        pair = Authority(self.dir).issue("relay", "lt.test", "*.lt.test", "IP:127.0.0.1")
        self.tcp_port = free_ports(3)
        self.metrics_port = self.tcp_port + 2
        self.relay = Relay(
            *pair.flags, "--workers", "2", "--grace-period", GRACE_MS, "--access-log", "off",
            "--tcp-port-range-start", self.tcp_port, "--tcp-port-range-end", self.tcp_port + 1,
            "--metrics-port", self.metrics_port, env=env)
        self._keep(self.relay, self._end_relay)

    def _end_relay(self):
        self.relay.stop(3 * DEADLINE)
        self.relay.remove()

    def _agents(self, env, with_npm):
        web = Service(lambda wire, request: serve(web, wire, request))
        raw = Service(raw=echo)
        for service in (web, raw):
            self._keep(service, service.close)
        self.cuts = Cuts(self.relay.create_port, self.dice.random(), least=20000, most=1 << 25)
        self._keep(self.cuts, self.cuts.close)
        (self.dir / "tunnels.yaml").write_text(
            f"tunnels:\n  web: {{http: {web.port}, subdomain: cut-web}}\n"
            f"  raw: {{tcp: {raw.port}, remote-port: {self.tcp_port}}}\n")
        self.cut = self._adit(env, self.cuts.port, "start", "--file", self.dir / "tunnels.yaml")
        tls = self.relay.wait_log({"msg": "listening", "role": "tls"})["port"]
        self.lanes = self._adit(env, f"https://127.0.0.1:{tls}", "http", web.port, "--subdomain",
                                "lanes-web", "--connections", "3", "--ca", self.dir / "ca.pem")
        self.mortal = Mortal(self.relay, web)
        self._keep(self.mortal, lambda: self.mortal.agent.finish())
        host = f".{self.relay.domain}"
        port = self.relay.port
        self.tunnels = [
            Tunnel("cut", port, "cut-web" + host), Tunnel("cut tcp", self.tcp_port),
            Tunnel("lanes", port, "lanes-web" + host),
            Tunnel("mortal", port, "mortal" + host, keeps=False)]
        if with_npm:
            # Without --local-host: with it the client makes text of what comes with a head.
            client = npm.Node(
                npm.NODE_MODULES / "localtunnel" / "bin" / "lt.js", "--port", web.port, "--host",
                f"http://127.0.0.1:{self.relay.create_port}", "--subdomain", "pool-web")
            self._keep(client, client.kill)
            assert client.line(PATIENCE).startswith("your url is: ")
            # Its pool is finite, and a connection that ends in the middle is the client's own way.
            self.tunnels.append(Tunnel("pool", port, "pool-web" + host, keeps=False))
        self.cut.wait_event("tunnel_up", count=2)
        for agent in (self.lanes, self.mortal.agent):
            agent.wait_event("tunnel_up")

    def _adit(self, env, relay, *args):
        agent = Adit(relay, *args, "--quiet", env=env)
        return self._keep(agent, agent.finish)

    # troubles

    def trouble(self):
        """One of them, at random; its name."""
        trouble = self.dice.choice([self.freeze, self.reload, self.kill, self.mutes])
        trouble()
        return trouble.__name__

    def storm(self, on):
        self.cuts.on = on

    def freeze(self):
        self.cut.process.send_signal(signal.SIGSTOP)
        try:
            time.sleep(self.dice.uniform(0.1, 2))
        finally:
            self.cut.process.send_signal(signal.SIGCONT)

    def reload(self):
        self.relay.signal(signal.SIGHUP)

    def kill(self):
        self.mortal.again()

    def mutes(self):
        """Visitors who say nothing, and leave."""
        visitors = [http.Visitor(self.relay.port) for _ in range(50)]
        for visitor in visitors:
            visitor.close()

    # rest

    def gauges(self):
        text = http.fetch(self.metrics_port, "GET", "/metrics", "127.0.0.1").text()
        found = dict(re.findall(r"^adit_(\w+) (\S+)$", text, re.M))
        return {name: int(float(found[name])) for name in GAUGES}

    def rest(self):
        """Waits until nothing is left of the visitors: a sentence about what stays, or None."""
        try:
            wait_for(lambda: self.gauges() == GAUGES, "", GRACE_MS / 1000 + 6 * DEADLINE, every=0.2)
        except Late:
            return f"left behind: {self.gauges()}"
        return None

    def sizes(self):
        """{program: (resident KiB, descriptors)} of those that run all the time."""
        programs = {"aditd": self.relay, "adit (cut)": self.cut, "adit (lanes)": self.lanes}
        for program in (self.cut, self.lanes):
            program.forget()
        return {name: (rss_kib(program.pid), descriptors(program.pid))
                for name, program in programs.items()}

    def close(self):
        """Ends everything; the first failure is raised when all of it was ended."""
        failure = None
        for end in reversed(self.running):
            try:
                end()
            except (AssertionError, OSError) as found:
                failure = failure or found
        shutil.rmtree(self.dir, ignore_errors=True)
        if failure:
            raise failure
