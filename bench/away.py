#!/usr/bin/env python3
"""How agents come back when their relay was killed and was away for a while.

    bench/away.py --agents 200 --outages 1,6,30          # of build/release; --bin for another
    bench/away.py --agents 200 --outages 1,6,30 --tls

Prints for each outage how long after the relay listened again their tunnels were registered, how many
names had changed by then, and how many connections came to the relay: the most in a tenth of a second, as a
rate, and how often each agent tried while nobody listened. Runs in a network namespace of its own, so that the
kernel's counters count nothing else. Needs root.
"""
import argparse
import datetime
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
INSIDE = "ADIT_BENCH_AWAY"
PORT = 8080
SLICE = 0.1  # seconds
START_WAIT = 120


def counters():
    """(connections begun, connections accepted) since the namespace was made."""
    with open("/proc/net/snmp") as f:
        names, values = [line.split() for line in f if line.startswith("Tcp:")]
    row = dict(zip(names, values))
    return int(row["ActiveOpens"]), int(row["PassiveOpens"])


class Counter(threading.Thread):
    """Reads the counters all the time; rows of (time, begun, accepted)."""

    def __init__(self):
        super().__init__(daemon=True)
        self.rows = []
        self.over = threading.Event()

    def run(self):
        while not self.over.is_set():
            self.rows.append((time.time(), *counters()))
            self.over.wait(SLICE / 4)

    def finish(self):
        self.over.set()
        self.join()

    def begun(self, since, until):
        rows = [row for row in self.rows if since <= row[0] <= until]
        return rows[-1][1] - rows[0][1] if rows else 0

    def peak(self, since):
        """Connections a second, in the tenth of a second that had most."""
        rows = [row for row in self.rows if row[0] >= since]
        most, first = 0, 0
        for at, row in enumerate(rows):
            while row[0] - rows[first][0] > SLICE * 1.2:
                first += 1
            if at > first:
                most = max(most, (row[2] - rows[first][2]) / (row[0] - rows[first][0]))
        return most


class Relay:
    """aditd on the one port; its log is a file."""

    def __init__(self, folder, flags, bin_dir, number):
        self.path = os.path.join(folder, f"relay{number}.log")
        with open(self.path, "w") as log:
            self.process = subprocess.Popen(
                [os.path.join(bin_dir, "aditd"), "--domain", "localhost", "--address", "127.0.0.1", *flags],
                stdout=subprocess.DEVNULL, stderr=log, stdin=subprocess.DEVNULL)

    def lines(self, message):
        found = []
        with open(self.path) as log:
            for line in log:
                if f'"msg":"{message}"' in line and line.endswith("\n"):
                    found.append(json.loads(line))
        return found

    def wait(self, message, count=1, patience=START_WAIT):
        end = time.time() + patience
        while True:
            found = self.lines(message)
            if len(found) >= count or time.time() > end:
                return found
            time.sleep(0.05)

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()


def seconds(line):
    return datetime.datetime.fromisoformat(line["time"].replace("Z", "+00:00")).timestamp()


def at(values, share):
    return sorted(values)[min(len(values) - 1, int(len(values) * share))] if values else float("nan")


def certificate(folder):
    key, cert = os.path.join(folder, "key.pem"), os.path.join(folder, "cert.pem")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out",
                    cert, "-days", "2", "-subj", "/CN=localhost", "-addext",
                    "subjectAltName=DNS:localhost,IP:127.0.0.1"], check=True,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return key, cert


def spread(count, agents):
    return f"{count / agents:.1f}"


def measure(a, folder):
    flags, agent_flags, agents = ["--port", str(PORT)], ["--relay", f"http://127.0.0.1:{PORT}"], []
    if a.tls:
        key, cert = certificate(folder)
        flags = ["--port", "8081", "--tls-port", str(PORT), "--tls-cert", cert, "--tls-key", key]
        agent_flags = ["--relay", f"https://127.0.0.1:{PORT}", "--ca", cert]
    if a.workers:
        flags += ["--workers", str(a.workers)]
    relay = Relay(folder, flags, a.bin, 0)
    relay.wait("ready")
    counter = Counter()
    counter.start()
    try:
        for number in range(a.agents):
            agents.append(subprocess.Popen(
                [os.path.join(a.bin, "adit"), "http", "1", "--json", "--connections",
                 str(a.connections), *agent_flags],
                env={"PATH": os.environ["PATH"], "HOME": "/nonexistent",
                     "ADIT_CLIENT_TOKEN": f"agent-{number}"},
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL))
        names = {line["tunnel"] for line in relay.wait("tunnel registered", a.agents)}
        time.sleep(a.rest)  # until all of them know their names, too
        print(f"{a.agents} agents x {a.connections}{', TLS' if a.tls else ''}: {len(names)} names")
        print("outage s   back p50   p95   max s   names changed   accepted/s at most   tries while away")
        for turn, outage in enumerate(a.outages):
            killed = time.time()
            relay.kill()
            time.sleep(max(0.0, killed + outage - time.time()))
            relay = Relay(folder, flags, a.bin, turn + 1)
            listens = seconds(relay.wait("listening")[0])
            back = relay.wait("tunnel registered", a.agents * a.connections)
            first = {}
            for line in back:
                first.setdefault(line["tunnel"], seconds(line) - listens)
            times = list(first.values())
            print(f"{outage:8g} {at(times, 0.5):10.2f} {at(times, 0.95):5.2f} {max(times):7.2f} "
                  f"{len(names - set(first)):15} {counter.peak(listens):20.0f} "
                  f"{spread(counter.begun(killed, listens), a.agents):>18}", flush=True)
            time.sleep(a.rest)
    finally:
        for agent in agents:
            agent.kill()
        for agent in agents:
            agent.wait()
        relay.kill()
        counter.finish()


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--agents", type=int, default=200)
    ap.add_argument("--connections", type=int, default=1)
    ap.add_argument("--outages", default="1,6,30",
                    type=lambda text: [float(part) for part in text.split(",")])
    ap.add_argument("--rest", type=float, default=31, help="seconds of health between two outages")
    ap.add_argument("--workers", type=int)
    ap.add_argument("--tls", action="store_true")
    ap.add_argument("--bin", default=os.path.join(TOP, "build", "release"))
    a = ap.parse_args()
    if not os.environ.get(INSIDE):
        os.environ[INSIDE] = "1"
        os.execvp("unshare", ["unshare", "-n", "sh", "-c", 'ip link set lo up && exec "$@"', "sh",
                              sys.executable, *sys.argv])
    with tempfile.TemporaryDirectory() as folder:
        measure(a, folder)


if __name__ == "__main__":
    main()
