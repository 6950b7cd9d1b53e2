"""System calls per request, and what the machine itself can do: the figures that explain the
others.
"""
import json
import os
import signal
import subprocess
import time

from lab import Lab, machine, quiet, snapshot, started, tree, which
from load import GIB, TESTS, load_wrk, run_load
from report import med

CALLS = ("read write readv writev recvfrom sendto recvmsg sendmsg splice shutdown close accept4 "
         "connect socket setsockopt getsockopt getpeername getsockname fcntl ioctl epoll_wait "
         "epoll_pwait epoll_pwait2 epoll_ctl poll ppoll select pselect6 futex io_uring_enter "
         "rt_sigprocmask mmap munmap brk madvise getpid getrandom timerfd_settime "
         "sched_yield").split()
TRACING = "/sys/kernel/tracing/events/syscalls"


def counted(lab, role, pids, events):
    out = os.path.join(lab.dir, f"perf-{role}")
    argv = [which("perf"), "stat", "-x", ";", "-o", out, "-e", ",".join(events),
            "-p", ",".join(map(str, pids))]
    return role, out, lab.spawn(argv, "perf")


def read_counts(path, n):
    got = {}
    with open(path) as f:
        for line in f:
            w = line.strip().split(";")
            if len(w) > 2 and w[0].isdigit():
                got[w[2]] = int(w[0]) / n
    return got


def calls_of(lab, p, test, events):
    snap = snapshot()
    perfs = []
    for role in ("server", "agent"):
        pids = tree(snap, p.roots[role])
        if pids:
            perfs.append(counted(lab, role, pids, events))
    time.sleep(0.7)
    r = load_wrk(lab, p, 2, **TESTS[test][1])
    for role, out, proc in perfs:
        proc.send_signal(signal.SIGINT)
        proc.wait(10)
        got = read_counts(out, max(1, r["good"] + r["bad_status"]))
        each = sorted(((v, k.replace("syscalls:sys_enter_", "")) for k, v in got.items()
                       if k.startswith("syscalls:")), reverse=True)
        print(f"{p.name:17} {test:8} {role:6} {r['good']:7} requests ({r['bad_status']} bad): all "
              f"{got.get('raw_syscalls:sys_enter', 0):.2f} calls, "
              f"switches {got.get('context-switches', 0):.2f}; "
              + ", ".join(f"{k} {v:.2f}" for v, k in each if v >= 0.02), flush=True)


def run_calls(names):
    """Exact counts from the kernel's tracepoints: unlike strace this hardly slows the peer."""
    if not which("perf"):
        raise SystemExit("bench.py calls needs perf (and the right to read tracepoints)")
    have = [c for c in CALLS if os.path.isdir(f"{TRACING}/sys_enter_{c}")
            or not os.path.isdir(TRACING)]
    events = ["raw_syscalls:sys_enter", "context-switches"]
    events += [f"syscalls:sys_enter_{c}" for c in have]
    lab = Lab()
    try:
        for p in started(lab, names)[0]:
            if not p.procs or "http" not in p.s:
                continue
            load_wrk(lab, p, 1, 4, "/0")
            for test in ("lat1", "small4", "small64", "close", "get1m"):
                calls_of(lab, p, test, events)
    finally:
        lab.close()


# ------------------------------------------------------------------ limits

def loopback(lab, extra):
    """One iperf3 run straight over loopback."""
    quiet()
    srv = lab.spawn([which("iperf3"), "-s", "-1", "-B", "127.0.0.1", "-p", str(lab.raw)], "iperf3")
    lab.wait_port(lab.raw)
    before = machine()[0]
    j = json.loads(run_load([which("iperf3"), "-c", "127.0.0.1", "-p", str(lab.raw), "-t", "4",
                             "-J"] + extra, None, 4))
    busy = machine()[0] - before
    lab.end([srv])
    r = j["end"].get("sum_received", {})
    u = j["end"].get("cpu_utilization_percent", {})
    return {"args": " ".join(extra), "gbit": r.get("bits_per_second", 0) / 1e9,
            "busy_s_per_GiB": busy / max(1, r.get("bytes", 1)) * GIB,
            "sender_pct": u.get("host_total"), "receiver_pct": u.get("remote_total"),
            "error": j.get("error")}


def run_limits(result):
    lab = Lab()
    result.update(micro=[], iperf3=[])
    try:
        for _ in range(3):
            quiet()
            p = subprocess.run([os.path.join(lab.bin, "micro")], stdout=subprocess.PIPE, check=True)
            result["micro"].append(json.loads(p.stdout))
        for extra in ([], ["-C", "cubic"], ["-C", "bbr"], ["-P", "2"], ["-l", "16K"]):
            result["iperf3"] += [loopback(lab, extra) for _ in range(3)]
    finally:
        lab.close()
    print("\n| what | median [lowest..highest] |\n|---|--:|")
    for k in result["micro"][0]:
        v = [m[k] for m in result["micro"]]
        print(f"| {k} | {med(v, '{:.3f}' if max(v) < 10 else '{:.0f}')} |")
    for args in dict.fromkeys(r["args"] for r in result["iperf3"]):
        v = [r for r in result["iperf3"] if r["args"] == args]
        print(f"| iperf3 {args or 'defaults'} Gbit/s | {med([r['gbit'] for r in v])} |")
        print(f"| ... machine CPU-s per GiB | {med([r['busy_s_per_GiB'] for r in v], '{:.3f}')} |")
