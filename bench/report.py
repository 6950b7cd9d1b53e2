"""Tables from the results of earlier runs."""
import json
import os
import statistics

from lab import PEERS
from load import TESTS


def med(v, f="{:.2f}"):
    v = sorted(v)
    if not v:
        return "-"
    m = f.format(statistics.median(v))
    lo, hi = f.format(v[0]), f.format(v[-1])
    return m if lo == hi else f"{m} [{lo}..{hi}]"


def brief(s):
    """One sample as one line, for the log of a run."""
    if "failed" in s:
        return "FAILED " + s["failed"]
    t = []
    if "rps" in s and "bytes" not in s:
        t.append(f"{s['rps']:9.0f}/s p50 {s['p50_us']:.0f} p99 {s['p99_us']:.0f} us")
    if "gbit" in s:
        t.append(f"{s['gbit']:7.2f} Gbit/s")
    if "cpu_100k" in s:
        t.append(f"{s['cpu_100k']:7.2f} CPU-s/100k")
    if "cpu_gib" in s:
        t.append(f"{s['cpu_gib']:7.3f} CPU-s/GiB")
    t += [f"{k} {s[k]}" for k in ("bad_status", "sock_errors", "timeouts") if s[k]]
    t.append(f"other {s['other']:.2f}")
    return "  ".join(t)


class Run:
    """The samples of a run, by test and peer, with the ratios to the measuring sticks."""

    def __init__(self, result):
        self.result = result
        self.by, self.base = {}, {}
        for s in result["samples"]:
            self.by.setdefault(s["test"], {}).setdefault(s["peer"], []).append(s)
            if "failed" not in s:
                self.base[s["peer"], s["test"], s["round"]] = s

    def tests(self):
        return [t for t in TESTS if t in self.by]

    def good(self, test, peer):
        return [s for s in self.by[test].get(peer, []) if "failed" not in s]

    def failed(self, test, peer):
        v = self.by[test].get(peer, [])
        return v[0]["failed"] if v and not self.good(test, peer) else None

    def cost_key(self, test):
        some = [s for v in self.by[test].values() for s in v if "failed" not in s]
        return "cpu_gib" if any("gbit" in s for s in some) else "cpu_100k"

    def ratios(self, test, peer, stick, key=None):
        key = key or self.cost_key(test)
        out = []
        for s in self.good(test, peer):
            b = self.base.get((stick, test, s["round"]), {})
            if s.get(key) and b.get(key):
                out.append(s[key] / b[key])
        return out

    def trouble(self, test, peer):
        v = self.good(test, peer)
        good, bad = sum(s.get("good", 0) for s in v), sum(s["bad_status"] for s in v)
        err = sum(s["sock_errors"] + s["timeouts"] for s in v)
        text = f"{100 * bad / (good + bad):.1f} %" if bad else "0"
        return text + (f" + {err} socket errors" if err else "")


def report(result):
    if result["kind"] != "run":
        print(json.dumps(result, indent=1))
        return
    run = Run(result)
    print(f"\n{result['rounds']} rounds of {result['secs']} s, interleaved; "
          f"median [lowest..highest]; {result['machine']}")
    for test in run.tests():
        key = run.cost_key(test)
        bulk = key == "cpu_gib"
        head = ["peer"] + (["Gbit/s", "CPU-s/GiB"] if bulk else
                           ["good/s", "p50 us", "p99 us", "CPU-s/100k"])
        head += ["of it server", "CPU vs nginx", "CPU vs floor", "bad"]
        print(f"\n### {test}: {TESTS[test][2]}\n\n" + row(head)
              + "\n|---|" + "--:|" * (len(head) - 1))
        for name in result["peers"]:
            v = run.good(test, name)
            if not v:
                if run.failed(test, name):
                    print(f"| {name} | failed: {run.failed(test, name)[:80]} |")
                continue
            share = [s["cpu_server"] / s["cpu"] for s in v if s["cpu"]]
            cells = [name]
            if bulk:
                cells.append(med([s["gbit"] for s in v]))
            else:
                cells += [med([s[k] for s in v], "{:.0f}") for k in ("rps", "p50_us", "p99_us")]
            cells += [med([s[key] for s in v if key in s], "{:.3f}" if bulk else "{:.2f}"),
                      f"{100 * statistics.median(share):.0f} %" if share else "-",
                      med(run.ratios(test, name, "nginx")), med(run.ratios(test, name, "floor")),
                      run.trouble(test, name)]
            print(row(cells))


def row(cells):
    return "| " + " | ".join(cells) + " |"


# ------------------------------------------------------------------ docs/benchmarks.md

HEAD = """# Benchmarks

<!-- Made by `bench/run --write`. Do not edit. -->

What one hop through aditd costs beside other proxies, all in one run on one machine, over
loopback, in random order within a round. The ratios are what carries over to another machine; the
rates do not. `./dev bench` takes the figures anew; [how they are taken](../bench/README.md) says
what is charged to whom.
"""


def lookup(folder, name):
    try:
        with open(os.path.join(folder, name + ".json")) as f:
            return json.load(f)
    except OSError:
        return None


def markdown(folder):
    """The summary of a folder of results."""
    run, mem, wan = (lookup(folder, name) for name in ("run", "mem", "wan"))
    out = [HEAD]
    if run:
        out += [about(run)] + summary(Run(run)) + costs(Run(run))
    if wan:
        out += wan_table(wan)
    if mem:
        out += memory_tables(mem)
    if run:
        out += peers(run)
    return "\n".join(out).rstrip() + "\n"


def about(run):
    m = run["machine"]
    text = (f"{m['cpu']}, {m['cores']} cores, {m.get('memory_mib', 0) // 1024} GiB; "
            f"Linux {m['kernel']}, TCP congestion control\n{m['congestion_control']}; {m['date']}. "
            f"Rounds: {run['rounds']}, of {run['secs']} s for each load; medians.\n")
    others = sorted(s["other"] for s in run["samples"])
    if others and statistics.median(others) > 0.15:
        text += (f"\nThe machine was not quiet: the rest of it used {statistics.median(others):.1f}"
                 " cores at the median.\nTake these figures as a smoke test.\n")
    return text


def one(values, f):
    return f.format(statistics.median(values)) if values else "-"


def summary(run, test="small64"):
    if test not in run.by:
        return []
    out = [f"## Small requests\n\nA {TESTS[test][2]}. p50 and p99 are in microseconds.\nThe ratio "
           "is CPU time per request against nginx in the same round; an agent that is a program\n"
           "of its own is charged as well.\n",
           row(["peer", "good/s", "p50", "p99", "CPU-s/100k", "ratio vs nginx", "bad"]),
           "|---|" + "--:|" * 6]
    for name in run.result["peers"]:
        v = run.good(test, name)
        if not v:
            out.append(row([name, "failed"] + ["-"] * 5))
            continue
        out.append(row([name] + [one([s[k] for s in v], "{:.0f}")
                                 for k in ("rps", "p50_us", "p99_us")]
                       + [one([s["cpu_100k"] for s in v if "cpu_100k" in s], "{:.2f}"),
                          one(run.ratios(test, name, "nginx"), "{:.2f}"),
                          run.trouble(test, name)]))
    return out + [""]


def costs(run):
    tests = run.tests()
    out = ["## CPU time by load\n\nCPU seconds per 100,000 requests or messages, for the 1 MiB "
           "and TCP loads per GiB; in brackets the\nratio against nginx, which has no raw TCP here.\n",
           row(["peer"] + tests), "|---|" + "--:|" * len(tests)]
    for name in run.result["peers"]:
        cells = [name]
        for t in tests:
            key = run.cost_key(t)
            cost = [s[key] for s in run.good(t, name) if key in s]
            ratio = run.ratios(t, name, "nginx")
            cells.append(one(cost, "{:.2f}") + (f" ({one(ratio, '{:.2f}')})" if ratio else ""))
        out.append(row(cells))
    out += [""] + [f"- `{t}`: {TESTS[t][2]}" for t in tests]
    if "lat1" in tests or "ws1" in tests:
        out.append("\nWith one message in flight the kernel's placement of the processes "
                   "decides more than the peer does.")
    return out + [""]


def wan_table(wan):
    """One line for each link and peer: a first download, bulk both ways, small requests alone and beside."""
    out = ["## Over a link\n\nRelay and agent on both ends of an emulated link (tools/linkem). The first "
           "GET of 1 MiB through a new tunnel, over a new\nconnection (directly: a new connection over the link); one TCP "
           "stream up and down, with its share\nof a direct connection's rate in brackets; p50 of a "
           "small request alone, and while a download runs.\n",
           row(["link", "peer", "first MiB, ms", "up, Mbit/s", "down, Mbit/s", "small, ms", "beside, ms"]),
           "|---|---|" + "--:|" * 5]
    lines = {}
    for r in wan["rows"]:
        lines.setdefault((r["delay"], r["rate"], r["peer"]), {})[r["test"]] = r
    for (delay, rate, peer), tests in lines.items():
        cells = [f"2 x {delay}, {rate}", peer]
        r = tests.get("first MiB")
        cells.append(f"{r['ms']:.0f}" if r else "-")
        for test in ("up", "down"):
            r = tests.get(test)
            share = f" ({r['share']:.0%})" if r and "share" in r else ""
            cells.append(f"{r['mbit']:.0f}{share}" if r else "-")
        for test in ("small", "small beside a download"):
            r = tests.get(test)
            cells.append(f"{r['p50_ms']:.0f}" if r else "-")
        out.append(row(cells))
    return out + [""]


def memory_tables(mem):
    rows = [r for r in mem["rows"] if "each_rss_kib" in r]
    fresh = {r["peer"]: r for r in mem["rows"] if r["what"] == "1 tunnel, fresh"}
    each = [r for r in rows if "tunnels" in r["what"] or "visitors" in r["what"]]
    out = ["## Memory\n\nWhat the server's resident memory (RSS) grew by, divided by the number; "
           "what the kernel holds for\nthe sockets is not in it.\n",
           row(["peer", "what", "number", "KiB each", "fresh, KiB"]), "|---|---|--:|--:|--:|"]
    for r in each:
        base = fresh.get(r["peer"])
        out.append(row([r["peer"], r["what"], f"{r['n']:,}", f"{r['each_rss_kib']:.2f}",
                        f"{base['server']['rss_kib']:,}" if base else "-"]))
    slow = [r for r in rows if "most_rss_kib" in r]
    if slow:
        out += ["\n1 GiB downloads, each read at 100 KiB/s and cut after the time given: the "
                "growth at its highest.\n",
                row(["peer", "what", "downloads", "KiB"]), "|---|---|--:|--:|"]
        for r in slow:
            out.append(row([r["peer"], r["what"], str(r["n"]),
                            f"{r['most_rss_kib'] - r['before_rss_kib']:,}"]))
    many = [r for r in rows if r["what"] == "after requests"]
    if many:
        out += ["\nAfter many small requests on 64 connections:\n",
                row(["peer", "requests", "RSS before, KiB", "after"]), "|---|--:|--:|--:|"]
        for r in many:
            out.append(row([r["peer"], f"{r['n']:,}", f"{r['rss_readings'][0]:,}",
                            f"{r['server']['rss_kib']:,}"]))
    return out + [""]


def peers(run):
    out = ["## Peers\n"]
    out += [f"- `{name}`: {about or PEERS[name]['about']}" for name, about in run["peers"].items()]
    out += [f"- `{name}` was left out: {why}" for name, why in run.get("left_out", {}).items()]
    return out
