"""Over a link: what a tunnel makes of its bandwidth and its round-trip time, beside a plain TCP
connection over the same link.

The server and its visitors are in one network namespace, the agent, the backend and iperf3 in the
other, and tools/linkem is the wire between them. Needs root.
"""
import contextlib
import json
import os
import re
import subprocess
import time

from lab import Lab, Peer, Ports, cpu_of, listening, snapshot, which
from load import GIB, run_load

LEFT, RIGHT = "10.200.0.1", "10.200.0.2"
SIDE = {"server": "left", "agent": "right", "backend": "right"}
KEPT = 86400  # seconds that the namespaces are kept at most


class WanLab(Lab):
    """A Lab whose backend lives at the far end of a link."""

    relay_ip, relay_bind = LEFT, "0.0.0.0"

    def __init__(self, delay, rate, mtu):
        self.ns = {side: f"bench{os.getpid()}{side[0]}" for side in ("left", "right")}
        self.keepers = {}
        self.link = None
        self.settings = ["--delay", delay, "--mtu", str(mtu), "--queue", "2m"]
        if rate:
            self.settings += ["--rate", rate]
        super().__init__()

    def begin(self):
        """Called once the scratch folder is there, before anything is started."""
        self.link = super().spawn(
            [os.path.join(self.bin, "linkem"), "up", "--left-ns", self.ns["left"], "--right-ns",
             self.ns["right"], "--left-ip", LEFT + "/24", "--right-ip", RIGHT + "/24", "--socket",
             os.path.join(self.dir, "linkem")] + self.settings, "linkem")
        self.wait_said("linkem", "ready")
        for side, name in self.ns.items():
            self.keepers[side] = super().spawn(
                ["ip", "netns", "exec", name, "sleep", str(KEPT)], "keeper").pid
        time.sleep(0.3)

    def wait_said(self, log, word, secs=10):
        end = time.time() + secs
        while True:
            with open(os.path.join(self.dir, log + ".log"), errors="replace") as f:
                text = f.read()
            if word in text:
                return
            if time.time() > end:
                raise RuntimeError(f"{log}: {text.strip()[-300:] or 'says nothing'}")
            time.sleep(0.05)

    def inside(self, side, argv):
        return ["ip", "netns", "exec", self.ns[side]] + argv

    def spawn(self, argv, log, role="backend"):
        return super().spawn(self.inside(SIDE[role], argv), log)

    def wait_port(self, port, secs=20):
        end = time.time() + secs
        while not any(listening(port, f"/proc/{pid}/net") for pid in self.keepers.values()):
            if time.time() > end:
                raise RuntimeError(f"nothing came to listen on port {port}")
            time.sleep(0.05)

    def close(self):
        link, self.procs = self.link, [p for p in self.procs if p is not self.link]
        self.end(list(self.procs))
        if link:
            link.terminate()  # last, and by itself: it takes its namespaces away
            with contextlib.suppress(subprocess.TimeoutExpired):
                link.wait(5)
        super().close()


class WanPeer(Peer):
    """A peer whose server is on the left and whose agent is on the right."""

    def run(self, role, command, log=None, **more):
        p = self.lab.spawn(self.argv(command, **more), log or self.name, role)
        self.roots[role].append(p.pid)
        self.procs.append(p)
        return p

    def ok(self):
        """Asked with curl, in the namespace of the visitors."""
        done = subprocess.run(
            self.lab.inside("left", ["curl", "-sS", "-m", "5", "-H", f"Host: {self.s['host']}",
                                     f"http://127.0.0.1:{self.port('http')}/0"]),
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
        return done.stdout == b"hello, world\n"


# ------------------------------------------------------------------ loads

def iperf(lab, host, port, secs, reverse):
    """One stream; the first two seconds, in which it finds its rate, do not count."""
    argv = lab.inside("left", [which("iperf3"), "-c", host, "-p", str(port), "-t", str(secs), "-O",
                               "2", "-J"] + (["-R"] if reverse else []))
    return subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def rate_of(process, secs):
    text, _ = process.communicate(timeout=secs + 40)
    j = json.loads(text)
    if "error" in j:
        raise RuntimeError("iperf3: " + j["error"])
    return j["end"]["sum_received"]


@contextlib.contextmanager
def far_end(lab):
    """A fresh iperf3 for each test: one that still ends the last would be busy."""
    server = lab.spawn([which("iperf3"), "-s", "-p", str(lab.raw)], "iperf3")
    try:
        lab.wait_port(lab.raw)
        yield
    finally:
        lab.end([server])


def small(lab, peer, secs, conns):
    """p50 of small requests in milliseconds."""
    argv = lab.inside("left", [which("wrk"), "-t1", f"-c{conns}", f"-d{secs}s", "--timeout", "20s",
                               "-s", os.path.join(lab.dir, "wrk.lua"), "-H",
                               f"Host: {peer.s['host']}",
                               f"http://127.0.0.1:{peer.port('http')}/0"])
    text = run_load(argv, os.environ, secs)
    j = json.loads(re.search(r"JSON (.*)", text)[1])
    return {"p50_ms": j["p50"] / 1000, "p99_ms": j["p99"] / 1000,
            "bad": j["status"] + j["timeout"] + j["connect"] + j["read"] + j["write"]}


def fetch(lab, port, host, at="127.0.0.1"):
    """One GET of 1 MiB over a new connection, in milliseconds."""
    done = subprocess.run(
        lab.inside("left", ["curl", "-sS", "-m", "30", "-o", "/dev/null", "-H", f"Host: {host}",
                            "-w", "%{http_code} %{size_download} %{time_total}",
                            f"http://{at}:{port}/1m"]),
        stdout=subprocess.PIPE, text=True, check=True)
    status, size, secs = done.stdout.split()
    if status != "200" or int(size) != 1 << 20:
        raise RuntimeError(f"GET /1m: {done.stdout}")
    return 1000 * float(secs)


def fetch_directly(lab):
    """The same from a backend that the other side reaches over the link."""
    port = Ports.take()
    server = lab.spawn([os.path.join(lab.bin, "backend"), "listen", str(port), RIGHT], "direct")
    try:
        lab.wait_port(port)
        return fetch(lab, port, "app.test", RIGHT)
    finally:
        lab.end([server])


def bulk(lab, peer, secs, reverse):
    s0 = snapshot()
    with far_end(lab):
        r = rate_of(iperf(lab, "127.0.0.1", peer.port("tcp"), secs, reverse), secs)
    s1 = snapshot()
    used = sum(cpu_of(s1, peer.roots[role]) - cpu_of(s0, peer.roots[role])
               for role in ("server", "agent"))
    total = r["bytes"] * (secs + 2) / secs  # the seconds that do not count cost as well
    return {"mbit": r["bits_per_second"] / 1e6, "cpu_gib": used / total * GIB}


def beside_bulk(lab, peer, secs):
    """Small requests while one download goes through the same tunnel."""
    with far_end(lab):
        download = iperf(lab, "127.0.0.1", peer.port("tcp"), secs + 4, True)
        time.sleep(4)
        row = small(lab, peer, secs - 1, 1)
        row["mbit"] = rate_of(download, secs)["bits_per_second"] / 1e6
    return row


# ------------------------------------------------------------------ the command

def direct(lab, secs, keep, setting):
    """The plain TCP connection that everything is compared with."""
    out = {}
    keep(dict(setting, peer="direct", test="first MiB", ms=fetch_directly(lab)))
    for name, reverse in (("up", False), ("down", True)):
        with far_end(lab):
            r = rate_of(iperf(lab, RIGHT, lab.raw, secs, reverse), secs)
        out[name] = r["bits_per_second"] / 1e6
        keep(dict(setting, peer="direct", test=name, mbit=out[name]))
    return out


def measure(lab, peer, plain, secs, keep, setting):
    row = dict(setting, peer=peer.name)
    keep(dict(row, test="first MiB", ms=fetch(lab, peer.port("http"), peer.s["host"])))
    idle = small(lab, peer, secs, 1)
    keep(dict(row, test="small", **idle))
    for name, reverse in (("up", False), ("down", True)):
        r = bulk(lab, peer, secs, reverse)
        keep(dict(row, test=name, share=r["mbit"] / plain[name], **r))
    keep(dict(row, test="small beside a download", **beside_bulk(lab, peer, secs)))


def show(row):
    text = f"{row['delay']:>5} {row['rate'] or 'no limit':>8} {row['peer']:15} {row['test']:24}"
    for key, form in (("mbit", "{:8.1f} Mbit/s"), ("ms", "{:8.1f} ms"), ("share", "{:6.1%} of direct"),
                      ("cpu_gib", "{:6.2f} CPU-s/GiB"), ("p50_ms", "p50 {:7.2f} ms"),
                      ("p99_ms", "p99 {:7.2f} ms")):
        if key in row:
            text += "  " + form.format(row[key])
    print(text + (f"  {row['bad']} bad" if row.get("bad") else ""), flush=True)


def run_setting(names, delay, rate, a, keep):
    setting = {"delay": delay, "rate": rate}
    lab = WanLab(delay, rate, a.mtu)
    try:
        plain = direct(lab, a.secs, keep, setting)
        for name in names:
            peer = WanPeer(lab, name)
            why = peer.missing()
            try:
                if why:
                    raise RuntimeError(why)
                peer.start()
                measure(lab, peer, plain, a.secs, keep, setting)
            except (RuntimeError, OSError, KeyError, subprocess.SubprocessError) as e:
                print(f"# {name}: {e}", flush=True)
            finally:
                peer.stop()
    finally:
        lab.close()


def run_wan(a, names, result, save):
    """a.links: "25ms:100mbit,25ms:200mbit,0ms:0", each with the delay of one way."""
    def keep(row):
        result["rows"].append(row)
        show(row)
        save()
    for link in a.links.split(","):
        delay, _, rate = link.partition(":")
        run_setting(names, delay, "" if rate in ("", "0") else rate, a, keep)
