"""Memory: what idle tunnels and idle visitors cost, and whether it stays flat under slow readers
and over many requests.
"""
import contextlib
import os
import resource
import selectors
import socket
import subprocess
import time

from lab import Lab, Peer, fds, memory, read_hello, snapshot
from load import GIB, MIB, load_wrk

CHARGED = ("server", "agent")
SPARE_FDS = 200  # what a process has open besides


class Rows:
    """Takes a reading of a peer's processes, prints it and keeps it."""

    def __init__(self, result, save, settle):
        self.result, self.save, self.settle = result, save, settle

    def take(self, p, what, n, base=None, **more):
        """base: an earlier row; the difference is divided by n."""
        if self.settle:
            time.sleep(self.settle)
        snap = snapshot()
        row = {"peer": p.name, "what": what, "n": n, **more}
        for role in CHARGED:
            pids = p.pids(role, snap)
            m = memory(pids)
            row[role] = {"procs": len(pids), "fds": sum(fds(x) for x in pids),
                         "rss_kib": m["Rss"], "pss_kib": m["Pss"], "anon_kib": m["Anonymous"]}
        return self.keep(row, base)

    def keep(self, row, base=None):
        if base and row["n"]:
            for role, mark in (("server", ""), ("agent", "_agent")):
                for key in ("rss", "anon"):
                    grown = row[role][key + "_kib"] - base[role][key + "_kib"]
                    row[f"each_{key}_kib{mark}"] = round(grown / row["n"], 3)
        self.result["rows"].append(row)
        self.save()
        text = f"{row['peer']:17} {row['what']:34} n={row['n']:<8}"
        for role in CHARGED:
            r = row[role]
            if r["procs"]:
                text += (f" {role}: {r['procs']} procs {r['fds']} fds "
                         f"RSS {r['rss_kib']} anon {r['anon_kib']} KiB")
        if "each_rss_kib" in row:
            text += f"  each {row['each_rss_kib']:.2f} KiB RSS, {row['each_anon_kib']:.2f} anon"
        if row.get("each_rss_kib_agent"):
            text += f"; agent {row['each_rss_kib_agent']:.2f}"
        print(text, flush=True)
        return row


def server_rss(p):
    return memory(p.pids("server"))["Rss"]


@contextlib.contextmanager
def running(lab, name):
    """A fresh peer: memory that an earlier reading left behind would hide growth."""
    p = Peer(lab, name)
    try:
        p.start()
        yield p
    finally:
        p.stop()


def steady(p, secs=60):
    """Wait until the server's memory stands still."""
    end, last = time.time() + secs, -1
    while time.time() < end:
        now = server_rss(p)
        if last >= 0 and abs(now - last) < 64:
            return
        last = now
        time.sleep(1.5)


# ------------------------------------------------------------------ idle tunnels

def plan_of(text):
    """"1000x10" -> (1000 tunnels, 10 sockets each); the sockets may be left out."""
    out = []
    for item in text.split(","):
        if item:
            n, _, k = item.partition("x")
            out.append((int(n), int(k or 0)))
    return out


def can_hold(s, n, k):
    if "many" not in s and "many_each" not in s:
        return False
    if k not in s.get("many_sockets", (k,)) or n > s.get("many_max", n):
        return False
    if n * (k + 1) + SPARE_FDS > fd_limit():
        print(f"# {n} tunnels with {k} sockets: more than the {fd_limit()} descriptors that a "
              "process may have here")
        return False
    return True


def fd_limit():
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def open_many(lab, p, n, k):
    if "many_each" in p.s:
        for i in range(n):
            p.run(*p.s["many_each"], i=i)
            time.sleep(0.03)
        time.sleep(3)
        return
    step = p.s.get("many_step", n)
    logs, procs = [], []
    for at in range(0, n, step):
        logs.append(f"{p.name}-many{at}")
        procs.append(p.run(*p.s["many"], log=logs[-1], n=min(step, n - at), k=k))
    end = time.time() + 180
    while True:
        texts = []
        for name in logs:
            with open(os.path.join(lab.dir, name + ".log"), errors="replace") as f:
                texts.append(f.read())
        if all(t.startswith("open") or "\nopen" in t for t in texts):
            return
        dead = [t for t, q in zip(texts, procs) if q.poll() is not None]
        if dead or time.time() > end:
            why = (dead or texts)[0].strip()[-200:]
            raise RuntimeError(f"{n} idle tunnels with {k} sockets did not open: {why}")
        time.sleep(0.1)


def idle_tunnels(lab, name, n, k, rows):
    with running(lab, name) as p:
        before = rows.take(p, "before idle tunnels", 0)
        open_many(lab, p, n, k)
        steady(p)
        rows.take(p, f"idle tunnels, {k} sockets each", n, before, sockets=k)
        if not p.ok():
            print(f"# {name}: the first tunnel no longer answers beside {n} idle ones")


# ------------------------------------------------------------------ idle visitors

def idle_visitors(p, n, rows):
    """n public connections: connected only, then idle after one request each."""
    conns, good = [], 0
    if n + SPARE_FDS > fd_limit():
        n = fd_limit() - SPARE_FDS
        print(f"# only {n} visitors: a process may have {fd_limit()} descriptors here")
    before = rows.take(p, "before visitors", 0)
    try:
        for _ in range(n):
            conns.append(socket.create_connection(("127.0.0.1", p.port("http")), 5))
        rows.take(p, "silent visitors", n, before)
        for c in conns:
            try:
                c.settimeout(5)
                c.sendall(p.request("/0"))
                good += read_hello(c)
            except OSError:
                pass
        rows.take(p, "visitors idle after a request", n, before, good=good)
        if good != n:
            print(f"# {p.name}: {n - good} of {n} visitors got no good answer")
    except OSError as e:
        print(f"# {p.name}: {len(conns)} visitors connected, then: {e}")
        rows.take(p, "silent visitors", len(conns), before)
    finally:
        for c in conns:
            c.close()
    time.sleep(1)
    rows.take(p, "visitors gone", 0)


# ------------------------------------------------------------------ idle streams

UPGRADE = ("Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
           "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n")


def idle_streams(p, n, rows):
    """n upgraded connections without traffic: for a tunnel with streams, one of those each."""
    conns, good = [], 0
    before = rows.take(p, "before idle streams", 0)
    try:
        for _ in range(min(n, fd_limit() - SPARE_FDS)):
            c = socket.create_connection(("127.0.0.1", p.port("http")), 5)
            conns.append(c)
            c.sendall(p.request("/ws", UPGRADE))
            good += c.recv(4096).startswith(b"HTTP/1.1 101")
        rows.take(p, "idle upgraded streams", len(conns), before, good=good)
    except OSError as e:
        print(f"# {p.name}: {len(conns)} streams opened, then: {e}")
    finally:
        for c in conns:
            c.close()
    time.sleep(1)
    rows.take(p, "streams gone", 0)


# ------------------------------------------------------------------ flatness

def slow_readers(p, n, secs, rate, rows):
    """n downloads of 1 GiB, each read at rate bytes a second; the highest memory on the way."""
    tick, conns, got, most, ended = 0.1, [], 0, 0, 0
    before = rows.take(p, "before slow readers", 0)
    sel = selectors.DefaultSelector()
    try:
        for _ in range(n):
            c = socket.socket()
            c.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
            c.settimeout(5)
            c.connect(("127.0.0.1", p.port("http")))
            c.sendall(p.request(f"/{GIB // MIB}m"))
            c.setblocking(False)
            conns.append(c)
            sel.register(c, selectors.EVENT_READ)
        start = time.time()
        while time.time() < start + secs:
            turn = time.time()
            for key, _ in sel.select(0):
                d = key.fileobj.recv(int(rate * tick))
                got += len(d)
                if not d:
                    ended += 1
                    sel.unregister(key.fileobj)
            most = max(most, server_rss(p))
            time.sleep(max(0.0, turn + tick - time.time()))
        row = rows.take(p, f"slow readers, {secs} s", n, before, bytes=got, ended=ended,
                        most_rss_kib=most, before_rss_kib=before["server"]["rss_kib"])
        print(f"# {p.name}: {n} x 1 GiB at {rate // 1024} KiB/s, cut after {secs} s and "
              f"{got / MIB:.1f} MiB: RSS {before['server']['rss_kib']} KiB before, at most {most}, "
              f"{row['server']['rss_kib']} at the end; {ended} ended early", flush=True)
    finally:
        for c in conns:
            c.close()
        sel.close()


def soak(lab, p, count, rows, chunk=10):
    """count small requests on 64 connections; memory after each chunk of seconds."""
    done = bad = 0
    readings = [server_rss(p)]
    before = rows.take(p, "before requests", 0)
    while done < count:
        r = load_wrk(lab, p, chunk, 64, "/0")
        if not r["good"]:
            raise RuntimeError("no request was answered")
        done += r["good"]
        bad += r["bad_status"] + r["sock_errors"] + r["timeouts"]
        readings.append(server_rss(p))
        if count > 1000000:
            print(f"{time.strftime('%H:%M:%S')} {p.name:17} {done:9} requests, {bad} bad, "
                  f"RSS {readings[-1]} KiB", flush=True)
    rows.take(p, "after requests", done, before, bad=bad, rss_readings=readings)


# ------------------------------------------------------------------ commands

def cannot(lab, name):
    p = Peer(lab, name)
    why = p.missing() or (None if p.s["start"] else "it has no process")
    if why:
        print(f"# {name}: left out, {why}")
    return why


def measure(lab, name, a, rows):
    if cannot(lab, name):
        return
    with running(lab, name) as p:
        rows.take(p, "1 tunnel, fresh", 1)
        if a.conns and "http" in p.s:
            idle_visitors(p, a.conns, rows)
    if a.streams and "http" in p.s:
        with running(lab, name) as p:
            idle_streams(p, a.streams, rows)
    if a.requests and "http" in p.s:
        with running(lab, name) as p:
            soak(lab, p, a.requests, rows, 5)
    for n in [int(x) for x in a.readers.split(",") if x and "http" in p.s]:
        with running(lab, name) as p:
            slow_readers(p, n, a.reader_secs, 100 << 10, rows)
    for n, k in plan_of(a.tunnels):
        if can_hold(p.s, n, k):
            idle_tunnels(lab, name, n, k, rows)


def attempt(lab, names, work):
    """work(name) for each; a peer that fails does not end the run."""
    try:
        for name in names:
            try:
                work(name)
            except (RuntimeError, OSError, subprocess.SubprocessError) as e:
                print(f"# {name}: {e}", flush=True)
    finally:
        lab.close()


def run_mem(a, names, result, save):
    lab = Lab()
    rows = Rows(result, save, a.settle)
    attempt(lab, names, lambda name: measure(lab, name, a, rows))


def run_soak(a, names, result, save):
    lab = Lab()
    rows = Rows(result, save, 1)

    def one(name):
        if not cannot(lab, name):
            with running(lab, name) as p:
                soak(lab, p, a.count, rows)

    attempt(lab, names, one)
