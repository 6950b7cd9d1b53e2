"""A relay at rest: what its gauges and descriptors say before a storm, and again behind it."""
import re

from harness.http import fetch
from harness.wait import DEADLINE, wait_for


class Rest:
    """The gauges named are all 0 then, but for the connection that asks."""

    def __init__(self, relay, gauges):
        self.relay, self.gauges = relay, gauges
        fetch(relay.admin_port, "GET", "/metrics", "127.0.0.1")
        wait_for(lambda: self._is_there(relay.fds()), "the start")
        self.fds = relay.fds()

    def _now(self):
        text = fetch(self.relay.admin_port, "GET", "/metrics", "127.0.0.1").text()
        found = dict(re.findall(r"^adit_(\w+) (\S+)$", text, re.M))
        return {name: int(float(found[name])) for name in self.gauges}

    def _is_there(self, fds):
        rest = {name: 1 if name == "visitor_connections_open" else 0 for name in self.gauges}
        return self._now() == rest and self.relay.fds() <= fds

    def wait(self, seed):
        try:
            wait_for(lambda: self._is_there(self.fds), "everything to end", 3 * DEADLINE, every=0.2)
        except AssertionError as failure:
            raise AssertionError(f"seed {seed}: {self._now()}, {self.relay.fds()} of {self.fds} "
                                 "descriptors") from failure
