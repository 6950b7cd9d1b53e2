"""The loads, and one sample of a peer under one of them."""
import json
import os
import re
import resource
import subprocess
import time

from lab import cpu_of, machine, memory, snapshot, tree, which

MIB, GIB = 1 << 20, 1 << 30

# name: (kind, settings, what it is)
TESTS = {
    "lat1": ("wrk", dict(conns=1, path="/0"), "small GET, 1 kept-alive connection"),
    "small4": ("wrk", dict(conns=4, path="/0"), "small GET, 4 kept-alive connections"),
    "small64": ("wrk", dict(conns=64, path="/0"), "small GET, 64 kept-alive connections"),
    "close": ("wrk", dict(conns=8, path="/0", close=True),
              "small GET, Connection: close, 8 at a time"),
    "get1m": ("wrk", dict(conns=4, path="/1m", size=MIB), "GET of 1 MiB, 4 connections"),
    "post1m": ("wrk", dict(conns=4, path="/0", post=MIB, size=MIB),
               "POST of 1 MiB, 4 connections"),
    "ws1": ("probe", dict(conns=1, size=32), "32-byte echo over 1 upgraded connection"),
    "ws8": ("probe", dict(conns=8, size=32), "32-byte echo over 8 upgraded connections"),
    "tcp_up": ("iperf", dict(), "raw TCP, public side to backend, 1 stream"),
    "tcp_down": ("iperf", dict(reverse=True), "raw TCP, backend to public side, 1 stream"),
}
USUAL = [t for t in TESTS if not t.startswith("tcp_")]
QUICK = ["small64", "close", "get1m", "ws8"]


def run_load(argv, env, secs):
    p = subprocess.run(argv, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                       timeout=secs + 40)
    if p.returncode and not p.stdout:
        raise RuntimeError(f"{argv[0]}: {p.stderr.strip()[:300]}")
    return p.stdout


def load_wrk(lab, peer, secs, conns, path, close=False, post=0, size=0):
    argv = [which("wrk"), "-t1", f"-c{conns}", f"-d{secs}s", "--timeout", "20s", "-s",
            os.path.join(lab.dir, "wrk.lua"), "-H", f"Host: {peer.s['host']}"]
    if close:
        argv += ["-H", "Connection: close"]
    argv.append(f"http://127.0.0.1:{peer.port('http')}{path}")
    env = dict(os.environ, BENCH_WRK=f"post {post}" if post else "")
    text = run_load(argv, env, secs)
    j = json.loads(re.search(r"JSON (.*)", text)[1])
    t = j["us"] / 1e6
    good = j["requests"] - j["status"]
    out = {"secs": t, "good": good, "bad_status": j["status"],
           "sock_errors": j["connect"] + j["read"] + j["write"], "timeouts": j["timeout"],
           "rps": good / t, "p50_us": j["p50"], "p99_us": j["p99"], "max_us": j["max"]}
    if size:
        out["bytes"] = good * size
        out["gbit"] = good * size * 8 / t / 1e9
    return out


def load_iperf(lab, peer, secs, reverse=False):
    srv = lab.spawn([which("iperf3"), "-s", "-1", "-B", "127.0.0.1", "-p", str(lab.raw)], "iperf3")
    try:
        lab.wait_port(lab.raw)
        argv = [which("iperf3"), "-c", "127.0.0.1", "-p", str(peer.port("tcp")), "-t", str(secs),
                "-J"]
        if reverse:
            argv.append("-R")
        text = run_load(argv, None, secs)
    finally:
        time.sleep(0.1)
        lab.end([srv])
    j = json.loads(text)
    if "error" in j:
        raise RuntimeError("iperf3: " + j["error"])
    r = j["end"]["sum_received"]
    return {"secs": r["seconds"], "bytes": r["bytes"], "gbit": r["bits_per_second"] / 1e9,
            "bad_status": 0, "sock_errors": 0, "timeouts": 0}


def load_probe(lab, peer, secs, conns, size):
    text = run_load([os.path.join(lab.bin, "probe"), "127.0.0.1", str(peer.port("http")),
                     peer.s["host"], "/ws", str(conns), str(secs), str(size)], None, secs)
    j = json.loads(text)
    if not j["messages"]:
        raise RuntimeError(f"echo: {j['up']} of {j['asked']} connections upgraded, "
                           "no message came back")
    return {"secs": j["secs"], "good": j["messages"], "rps": j["messages"] / j["secs"],
            "p50_us": j["p50_us"], "p99_us": j["p99_us"], "bad_status": 0, "timeouts": 0,
            "sock_errors": j["asked"] - j["up"] + j["lost"]}


LOADS = {"wrk": load_wrk, "iperf": load_iperf, "probe": load_probe}


def supports(peer, test):
    if test in peer.s.get("skip", {}):
        return False
    return ("tcp" if TESTS[test][0] == "iperf" else "http") in peer.s


def sample(lab, peer, test, secs):
    """Run one load; charge the peer's processes with what they used meanwhile."""
    kind, settings, _ = TESTS[test]
    backends = [lab.backend_pid] + peer.roots["backend"]
    s0, m0, w0 = snapshot(), machine(), time.time()
    u0 = resource.getrusage(resource.RUSAGE_CHILDREN)
    me0 = time.process_time()
    out = LOADS[kind](lab, peer, secs, **settings)
    s1, m1, wall = snapshot(), machine(), time.time() - w0
    u1 = resource.getrusage(resource.RUSAGE_CHILDREN)
    srv = cpu_of(s1, peer.roots["server"]) - cpu_of(s0, peer.roots["server"])
    agt = cpu_of(s1, peer.roots["agent"]) - cpu_of(s0, peer.roots["agent"])
    back = cpu_of(s1, backends) - cpu_of(s0, backends)
    load = u1.ru_utime + u1.ru_stime - u0.ru_utime - u0.ru_stime
    me = time.process_time() - me0
    busy = m1[0] - m0[0]
    for role in ("server", "agent"):
        out["rss_kib_" + role] = memory(tree(s1, peer.roots[role]))["Rss"]
    out.update(cpu=srv + agt, cpu_server=srv, cpu_agent=agt, cpu_load=load, cpu_backend=back,
               wall=wall, steal=m1[1] - m0[1],
               other=max(0.0, (busy - srv - agt - load - back - me) / wall))
    if out.get("good") and "bytes" not in out:
        out["cpu_100k"] = (srv + agt) / out["good"] * 1e5
        out["cpu_100k_server"] = srv / out["good"] * 1e5
        out["machine_100k"] = busy / out["good"] * 1e5
    if out.get("bytes"):
        out["cpu_gib"] = (srv + agt) / out["bytes"] * GIB
        out["machine_gib"] = busy / out["bytes"] * GIB
    return out
