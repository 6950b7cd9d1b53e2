"""What runs during a measurement: the built helpers, the scratch folder, the peers' processes,
and what the kernel says about them.
"""
import getpass
import os
import random
import re
import resource
import shlex
import shutil
import signal
import socket
import subprocess
import tempfile
import time

from peers import PEERS

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(HERE)
TICK = os.sysconf("SC_CLK_TCK")
ROLES = ("server", "agent", "backend")
os.environ.setdefault("PEERS_DIR", os.path.join(TOP, ".cache", "peers"))
SEARCH = os.pathsep.join([os.environ.get("PATH", ""), os.environ["PEERS_DIR"] + "/bin",
                          os.environ["PEERS_DIR"] + "/cargo/bin", "/usr/local/sbin", "/usr/sbin",
                          "/sbin"])
os.environ["PATH"] = SEARCH  # for what the peers start themselves

# program: (sources, flags); one that needs a library that is not there is left out, and with it
# the peers that name it
HELPERS = {
    "backend": (["backend.c", "pool.c", "origin.c"], ["-lcrypto", "-ljansson"]),
    "floor": (["floor.c"], []),
    "floor-sealed": (["floor.c"], ["-DSEAL", "-lcrypto"]),
    "probe": (["probe.c"], []),
    "micro": (["micro.c"], ["-lpthread"]),
    "linkem": (["../tools/linkem/linkem.c"], []),
}

WRK_LUA = """
local t = {}
for w in string.gmatch(os.getenv('BENCH_WRK') or '', '%S+') do t[#t + 1] = w end
if t[1] == 'post' then
  wrk.method = 'POST'
  wrk.body = string.rep('x', tonumber(t[2]))
end
function done(s, l, r)
  io.write(string.format('\\nJSON {"requests":%d,"us":%d,"bytes":%d,"connect":%d,"read":%d,' ..
    '"write":%d,"status":%d,"timeout":%d,"p50":%d,"p99":%d,"max":%d}\\n', s.requests, s.duration,
    s.bytes, s.errors.connect, s.errors.read, s.errors.write, s.errors.status, s.errors.timeout,
    l:percentile(50), l:percentile(99), l.max))
end
"""


def which(name):
    return name if os.sep in name and os.path.exists(name) else shutil.which(name, path=SEARCH)


def raise_fds():
    """As many descriptors as the kernel gives: 10,000 tunnels with sockets need some 30,000."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with open("/proc/sys/fs/nr_open") as f:
        most = min(1 << 20, int(f.read()))
    for want in (most, hard):
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (want, max(want, hard)))
            return want
        except (ValueError, OSError):
            continue
    return hard


class Ports:
    """Free ports below the ephemeral range, each handed out once."""
    used = set()

    @classmethod
    def take(cls):
        while True:
            p = random.randrange(20000, 32000)
            if p in cls.used:
                continue
            with socket.socket() as s:
                try:
                    s.bind(("0.0.0.0", p))
                except OSError:
                    continue
            cls.used.add(p)
            return p


def listening(port, net="/proc/net"):
    want = f":{port:04X}"
    for name in (net + "/tcp", net + "/tcp6"):
        try:
            with open(name) as f:
                for line in f.readlines()[1:]:
                    w = line.split()
                    if w[3] == "0A" and w[1].endswith(want):
                        return True
        except OSError:
            pass
    return False


# ------------------------------------------------------------------ accounting

def snapshot():
    """pid -> (parent, ticks of it and of its reaped children)"""
    out = {}
    for d in os.listdir("/proc"):
        if d.isdigit():
            try:
                with open(f"/proc/{d}/stat") as f:
                    w = f.read().rsplit(")", 1)[1].split()
            except OSError:
                continue
            out[int(d)] = (int(w[1]), sum(int(x) for x in w[11:15]))
    return out


def tree(snap, roots):
    kids = {}
    for pid, (parent, _) in snap.items():
        kids.setdefault(parent, []).append(pid)
    todo, seen = [p for p in roots if p in snap], set()
    while todo:
        p = todo.pop()
        if p not in seen:
            seen.add(p)
            todo += kids.get(p, [])
    return seen


def cpu_of(snap, roots):
    return sum(snap[p][1] for p in tree(snap, roots)) / TICK


def machine():
    """Busy and stolen seconds of all cores since boot."""
    with open("/proc/stat") as f:
        w = [int(x) for x in f.readline().split()[1:]]
    return (w[0] + w[1] + w[2] + w[5] + w[6]) / TICK, w[7] / TICK


def memory(pids):
    keys = {"Rss": 0, "Pss": 0, "Anonymous": 0}
    for p in pids:
        try:
            with open(f"/proc/{p}/smaps_rollup") as f:
                for line in f:
                    k = line.split(":")[0]
                    if k in keys:
                        keys[k] += int(line.split()[1])
        except OSError:
            pass
    return keys


def fds(pid):
    try:
        return len(os.listdir(f"/proc/{pid}/fd"))
    except OSError:
        return 0


def quiet(limit=0.15, secs=30):
    """Wait until the rest of the machine is idle; give up after a while."""
    end = time.time() + secs
    while time.time() < end:
        a = machine()[0]
        time.sleep(0.5)
        if (machine()[0] - a) / 0.5 < limit:
            return True
    return False


def about_machine():
    cpu = ""
    with open("/proc/cpuinfo") as f:
        for line in f:
            if line.startswith("model name"):
                cpu = line.split(":")[1].strip()
    with open("/proc/meminfo") as f:
        mem = int(f.readline().split()[1]) // 1024
    with open("/proc/sys/net/ipv4/tcp_congestion_control") as f:
        cc = f.read().strip()
    return {"cpu": cpu, "cores": os.cpu_count(), "memory_mib": mem, "kernel": os.uname().release,
            "congestion_control": cc, "date": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime())}


# ------------------------------------------------------------------ processes

class Lab:
    """The built helpers, the scratch folder, the backend, everything started."""

    relay_ip = relay_bind = "127.0.0.1"

    def __init__(self):
        self.dir = tempfile.mkdtemp(prefix="bench-")
        self.procs = []
        self.bin = os.path.join(self.dir, "bin")
        os.mkdir(self.bin)
        for name in HELPERS:
            self.build(name)
        with open(os.path.join(self.dir, "wrk.lua"), "w") as f:
            f.write(WRK_LUA)
        self.begin()
        self.backend, self.raw = Ports.take(), Ports.take()
        self.backend_pid = self.spawn([os.path.join(self.bin, "backend"), "listen",
                                       str(self.backend)], "backend").pid
        self.wait_port(self.backend)

    def begin(self):
        """For a Lab that needs something before its first process."""

    def build(self, name):
        sources, flags = HELPERS[name]
        p = subprocess.run([os.environ.get("CC", "cc"), "-std=gnu17", "-D_GNU_SOURCE", "-O2", "-o",
                            os.path.join(self.bin, name)]
                           + [os.path.join(HERE, s) for s in sources] + flags,
                           stderr=subprocess.PIPE, text=True)
        if p.returncode and name == "floor-sealed":
            print("# floor-sealed: not built, OpenSSL's headers are missing")
        elif p.returncode:
            raise RuntimeError(f"{name}.c: {p.stderr.strip()[:500]}")

    def spawn(self, argv, log):
        with open(os.path.join(self.dir, log + ".log"), "ab") as out:
            p = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                                 cwd=self.dir, start_new_session=True)
        self.procs.append(p)
        return p

    def wait_port(self, port, secs=20):
        end = time.time() + secs
        while not listening(port):
            if time.time() > end:
                raise RuntimeError(f"nothing came to listen on port {port}")
            time.sleep(0.05)

    def end(self, procs):
        for sig in (signal.SIGTERM, signal.SIGKILL):
            for pid in tree(snapshot(), [p.pid for p in procs if p.poll() is None]):
                try:
                    os.kill(pid, sig)
                except OSError:
                    pass
            deadline = time.time() + 3
            while time.time() < deadline and any(p.poll() is None for p in procs):
                time.sleep(0.05)
        self.procs = [p for p in self.procs if p not in procs]

    def close(self):
        self.end(list(self.procs))
        if not os.environ.get("BENCH_KEEP"):
            shutil.rmtree(self.dir, ignore_errors=True)
        else:
            print("# kept:", self.dir)


class Peer:
    """One stanza of peers.py, started or not."""

    def __init__(self, lab, name):
        self.lab, self.name, self.s = lab, name, PEERS[name]
        self.dir = os.path.join(lab.dir, name)
        self.roots = {role: [] for role in ROLES}
        self.procs = []
        self.vars = {"dir": self.dir, "here": HERE, "bin": lab.bin, "backend": lab.backend,
                     "raw": lab.raw, "user": getpass.getuser(), "relay_ip": lab.relay_ip,
                     "relay_bind": lab.relay_bind}
        self.vars.update({f"p{i}": Ports.take() for i in range(1, 10)})
        self.vars.update({k: os.environ[k] for k in self.s.get("env", []) if k in os.environ})

    def fill(self, text, **more):
        v = dict(self.vars, **more)
        return re.sub(r"@(\w+)@", lambda m: str(v[m[1]]) if m[1] in v else m[0], text)

    def missing(self):
        for k in self.s.get("env", []):
            if k not in os.environ:
                return f"{k} is not set"
        for n in self.s.get("need", []):
            if n.startswith("@bin@") and not self.lab.bin:
                continue
            n = self.fill(n)
            if not which(n):
                return f"no {n}"
        return None

    def argv(self, command, **more):
        a = shlex.split(self.fill(command, **more))
        a[0] = which(a[0]) or a[0]
        return a

    def start(self):
        os.makedirs(self.dir, exist_ok=True)
        for name, text in self.s.get("files", {}).items():
            with open(os.path.join(self.dir, name), "w") as f:
                f.write(self.fill(text))
        for c in self.s.get("setup", []):
            if "ssh-keygen" in c and os.path.exists(self.argv(c)[-1]):
                continue
            subprocess.run(self.argv(c), check=True, cwd=self.dir,
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for role, command, ready in self.s["start"]:
            self.run(role, command)
            if ready:
                self.lab.wait_port(int(self.fill(ready).split(":")[1]))
        self.ready()

    def run(self, role, command, log=None, **more):
        p = self.lab.spawn(self.argv(command, **more), log or self.name)
        self.roots[role].append(p.pid)
        self.procs.append(p)
        return p

    def ready(self, secs=20):
        end = time.time() + secs
        while not self.ok():
            if time.time() > end:
                raise RuntimeError(f"{self.name} did not become ready; see {self.dir}.log")
            time.sleep(0.2)

    def ok(self):
        if "http" not in self.s:
            return listening(self.port("tcp"))
        try:
            with socket.create_connection(("127.0.0.1", self.port("http")), 2) as s:
                s.settimeout(5)
                s.sendall(self.request("/0", "Connection: close\r\n"))
                return read_hello(s)
        except OSError:
            return False

    def request(self, path, fields=""):
        return f"GET {path} HTTP/1.1\r\nHost: {self.s['host']}\r\n{fields}\r\n".encode()

    def port(self, kind):
        return int(self.fill(str(self.s[kind])))

    def pids(self, role, snap=None):
        return tree(snap or snapshot(), self.roots[role])

    def stop(self):
        self.lab.end(self.procs)
        self.procs, self.roots = [], {role: [] for role in ROLES}


def read_hello(s):
    """Whether the answer to GET /0 came whole and well."""
    got = b""
    while not got.endswith(b"hello, world\n"):
        d = s.recv(4096)
        if not d:
            return False
        got += d
    return got.startswith(b"HTTP/1.1 200")


def pick(names):
    """The peers to run: those named, or the usual ones."""
    chosen = names.split(",") if names else [n for n in PEERS if PEERS[n].get("usual")]
    for n in chosen:
        if n not in PEERS:
            raise SystemExit(f"no peer named {n}; there are {', '.join(PEERS)}")
    return chosen


def started(lab, names):
    """Start what can run here; say why the rest is left out."""
    out, left_out = [], {}
    for n in names:
        p = Peer(lab, n)
        why = p.missing()
        if not why:
            try:
                p.start()
                out.append(p)
                continue
            except (RuntimeError, subprocess.SubprocessError, OSError) as e:
                why = str(e)
                p.stop()
        left_out[n] = why
        print(f"# {n}: left out, {why}", flush=True)
    return out, left_out
