#!/usr/bin/env python3
"""Side-by-side measurements of reverse tunnels and proxies on one machine.

  bench.py list                              the peers, and which can run here
  bench.py run  [--peers a,b] [--tests x,y] [--rounds 3] [--secs 2] [--quick] [--out DIR]
  bench.py mem  [--peers a,b] [--tunnels 1000x10,...] [--conns 10000] [--quick] [--out DIR]
  bench.py soak [--peers a] [--count 10000000] [--out DIR]
  bench.py wan  [--peers a,b] [--links 25ms:100mbit,0ms:0] [--secs 8] [--out DIR]
  bench.py calls [--peers a,b]               system calls per request, by name
  bench.py limits [--out DIR]                what the machine itself can do
  bench.py report FILE.json                  the tables of an earlier run
  bench.py report --markdown DIR             docs/benchmarks.md from a folder of results

All traffic stays on this machine.  See README.md.
"""
import argparse
import json
import os
import random
import signal
import subprocess
import sys
import time

import calls
import memory
import report
import wan
from lab import HERE, Lab, PEERS, Peer, about_machine, pick, quiet, raise_fds, started
from load import QUICK, TESTS, USUAL, load_wrk, sample, supports

QUIET_ENOUGH = 0.25  # cores used by the rest of the machine during a sample


def saver(a, result):
    path = os.path.join(a.out, a.name + ".json")

    def save():
        with open(path, "w") as f:
            json.dump(result, f, indent=1)
    return path, save


def alive(p, test):
    """A peer that no longer answers is restarted before its turn."""
    try:
        p.ready(10)
    except RuntimeError:
        print(f"# {p.name}: not answering before {test}; restarted", flush=True)
        p.stop()
        p.start()


def best_sample(lab, p, test, a):
    """The quietest of at most three; a.patience is what waiting and repeating may still take."""
    best = None
    for attempt in range(3):
        begun = time.time()
        try:
            alive(p, test)
            if a.patience > 0:
                quiet(secs=min(30, a.patience))
                a.patience -= time.time() - begun
            s = sample(lab, p, test, a.secs)
        except (RuntimeError, subprocess.SubprocessError, TypeError, ValueError) as e:
            s = {"failed": str(e)[:200], "other": 0}
        if best is None or "failed" in best or s["other"] < best["other"]:
            best = s
        if attempt:
            a.patience -= time.time() - begun
        if a.patience <= 0 or ("failed" not in s and s["other"] < QUIET_ENOUGH):
            break
    return best


def cmd_run(a):
    lab = Lab()
    result = {"kind": "run", "machine": about_machine(), "secs": a.secs, "rounds": a.rounds,
              "samples": []}
    path, save = saver(a, result)
    tests = a.tests.split(",") if a.tests else QUICK if a.quick else USUAL
    try:
        peers, result["left_out"] = started(lab, pick(a.peers))
        result["peers"] = {p.name: p.s["about"] for p in peers}
        for p in peers:  # warm up (just-in-time compilers, first connections)
            if "http" in p.s and not a.cold:
                try:
                    load_wrk(lab, p, 1 if a.quick else 2, 8, "/0")
                except (RuntimeError, subprocess.SubprocessError) as e:
                    print(f"# {p.name}: warm-up failed: {e}")
        for rnd in range(a.rounds):
            for test in tests:
                order = [p for p in peers if supports(p, test)]
                random.shuffle(order)
                for p in order:
                    s = best_sample(lab, p, test, a)
                    s.update(peer=p.name, test=test, round=rnd)
                    result["samples"].append(s)
                    print(f"{time.strftime('%H:%M:%S')} {rnd} {test:9} {p.name:17} "
                          f"{report.brief(s)}", flush=True)
                save()
    finally:
        lab.close()
    print("# raw samples:", path)
    report.report(result)


def cmd_mem(a):
    result = {"kind": "mem", "machine": about_machine(), "rows": []}
    path, save = saver(a, result)
    memory.run_mem(a, pick(a.peers or "nginx,haproxy,aditd-pool-nolog,lt-upstream-pool"), result,
                   save)
    print("# rows:", path)


def cmd_soak(a):
    result = {"kind": "soak", "machine": about_machine(), "rows": []}
    path, save = saver(a, result)
    memory.run_soak(a, pick(a.peers or "aditd-pool-nolog"), result, save)
    print("# rows:", path)


def cmd_wan(a):
    result = {"kind": "wan", "machine": about_machine(), "secs": a.secs, "rows": []}
    path, save = saver(a, result)
    wan.run_wan(a, pick(a.peers or "adit,frp,chisel,rathole,ssh"), result, save)
    print("# rows:", path)


def cmd_calls(a):
    calls.run_calls(pick(a.peers))


def cmd_limits(a):
    result = {"kind": "limits", "machine": about_machine()}
    _, save = saver(a, result)
    calls.run_limits(result)
    save()


def cmd_list(_):
    lab = type("L", (), {"dir": "", "bin": "", "backend": 0, "raw": 0, "relay_ip": "",
                           "relay_bind": ""})
    for n, s in PEERS.items():
        why = Peer(lab, n).missing()
        print(f"{n:17} {'*' if s.get('usual') else ' '} "
              f"{'no: ' + why if why else 'yes':40.40} {s['about']}")
    print("* in a run that names no peers")


def cmd_report(a):
    if a.markdown:
        sys.stdout.write(report.markdown(a.file))
        return
    with open(a.file) as f:
        report.report(json.load(f))


def arguments():
    ap = argparse.ArgumentParser(description=__doc__,
                                 formatter_class=argparse.RawDescriptionHelpFormatter)
    sub = ap.add_subparsers(dest="cmd", required=True)
    p = {}
    for name in ("list", "run", "mem", "soak", "wan", "calls", "limits", "report"):
        p[name] = sub.add_parser(name)
        p[name].set_defaults(go=globals()["cmd_" + name])
        if name not in ("list", "report"):
            p[name].add_argument("--out", default=os.path.join(HERE, "results"))
            p[name].add_argument("--name", default=name)
            p[name].add_argument("--peers")
    for name in ("run", "mem"):
        p[name].add_argument("--quick", action="store_true", help="fewer and shorter")
    p["run"].add_argument("--tests", help="of " + ", ".join(TESTS))
    p["run"].add_argument("--rounds", type=int)
    p["run"].add_argument("--secs", type=int, default=2)
    p["run"].add_argument("--cold", action="store_true", help="no warm-up")
    p["run"].add_argument("--patience", type=float, help="seconds that waiting for a quiet machine "
                          "and repeating may take in all; 0: none")
    p["mem"].add_argument("--tunnels", help="numbers of tunnels and sockets each: 1000x10,1x0")
    p["mem"].add_argument("--conns", type=int, help="idle visitors")
    p["mem"].add_argument("--streams", type=int, help="idle upgraded connections")
    p["mem"].add_argument("--requests", type=int, help="memory before and after so many")
    p["mem"].add_argument("--readers", help="numbers of slow downloads: 1,40")
    p["mem"].add_argument("--reader-secs", type=int)
    p["mem"].add_argument("--settle", type=float)
    p["wan"].add_argument("--links", default="25ms:100mbit,25ms:200mbit,0ms:0",
                          help="one-way delay and rate of each link; rate 0: no limit")
    p["wan"].add_argument("--secs", type=int, default=8)
    p["wan"].add_argument("--mtu", type=int, default=9000)
    p["soak"].add_argument("--count", type=int, default=10_000_000)
    p["report"].add_argument("file")
    p["report"].add_argument("--markdown", action="store_true")
    return ap.parse_args()


# What --quick changes, unless it is given.
DEFAULTS = {
    "run": {"rounds": (3, 1), "patience": (300, 30)},
    "mem": {"tunnels": ("1x0,1000x0,10000x0,1000x1,1000x10", "1000x0,1000x10"),
            "conns": (10000, 1000), "streams": (4000, 1000),
            "requests": (200000, 0), "readers": ("1,40", "10"),
            "reader_secs": (20, 5), "settle": (1.0, 0.5)},
}


def main():
    a = arguments()
    for name, (full, short) in DEFAULTS.get(a.cmd, {}).items():
        if getattr(a, name) is None:
            setattr(a, name, short if a.quick else full)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    raise_fds()
    if getattr(a, "out", None):
        os.makedirs(a.out, exist_ok=True)
    a.go(a)


if __name__ == "__main__":
    main()
