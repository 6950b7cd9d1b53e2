"""Start, signals, draining, reload, and what happens when descriptors run out."""
import os
import re
import resource
import signal
import socket
import subprocess
import threading
import time
from pathlib import Path

import pytest

from harness import http
from harness.agent import answer, create, reply
from harness.relay import binary, clean_env, free_ports, run
from harness.wait import DEADLINE, wait_for


def refused(port):
    try:
        socket.create_connection(("127.0.0.1", port), 5).close()
    except (ConnectionRefusedError, ConnectionResetError):
        return True
    return False


def max_conn(relay):
    return create(relay, "probe-app").json()["max_conn_count"]


# starting

@pytest.mark.covers("S1", "S2", "S8")
def test_it_says_where_it_listens(start):
    relay = start(admin=True)
    public = relay.wait_log({"msg": "listening", "role": "public"})
    admin = relay.wait_log({"msg": "listening", "role": "admin"})
    assert public["address"] == admin["address"] == "127.0.0.1"
    assert public["port"] != admin["port"]
    assert relay.logs.index(public) < relay.logs.index(relay.wait_log("ready"))


@pytest.mark.covers("S3")
def test_it_listens_where_it_was_told_only(start):
    def elsewhere_is_refused():
        relay = start("--address", "127.0.0.6", "--port", "0", listen=False)
        with http.Visitor(relay.port, "127.0.0.6") as visitor:
            assert visitor.ask(target="/healthz", host="lt.test").status == 200
        return refused(relay.port)
    # Another program may have the same port of the other address, but not each time.
    assert any(elsewhere_is_refused() for _ in range(5))


@pytest.mark.covers("fault-50", "fault-42")
def test_a_relay_that_crashes_leaves_no_core(start):
    """Neither in a file nor to a program: requests and passwords of all are in its memory."""
    relay = start(prefix=("prlimit", "--core=unlimited"))
    limits = Path(f"/proc/{relay.pid}/limits").read_text()
    assert re.search(r"^Max core file size +1 +unlimited ", limits, re.MULTILINE), limits
    relay.process.send_signal(signal.SIGABRT)
    assert relay.process.wait(DEADLINE) == -signal.SIGABRT
    assert not list(relay.dir.glob("*core*"))
    relay.kill()


@pytest.mark.covers("S1", "S31")
def test_a_port_in_use_is_fatal_and_named(start):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        code, _, err = run("--port", port, "--address", "127.0.0.1")
    assert code == 1
    assert str(port) in err and "in use" in err and "--port" in err


@pytest.mark.covers("S31")
def test_an_address_of_another_machine_is_fatal_and_named():
    code, _, err = run("--port", 0, "--address", "192.0.2.1")
    assert code == 1
    assert "192.0.2.1" in err and "no interface" in err and "--address" in err


@pytest.mark.covers("S31")
def test_too_few_descriptors_are_fatal_and_say_what_to_raise():
    done = subprocess.run(
        ["sh", "-c", 'ulimit -n 20; exec "$@"', "sh", binary(), "--port", "0"], env=clean_env(),
        capture_output=True, text=True, timeout=DEADLINE, check=False)
    assert done.returncode == 1
    assert "limit of open files is 20" in done.stderr and "ulimit -n" in done.stderr


@pytest.mark.covers("S29")
@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_closed_standard_descriptors_do_no_harm(closed):
    """A socket that got the number of one would be written into, and be no socket to libuv."""
    port = free_ports()
    with subprocess.Popen(
            ["sh", "-c", f'exec "$@" {closed}', "sh", binary(), "--port", str(port)],
            env=clean_env(), stderr=subprocess.PIPE) as process:
        try:
            def healthy():
                try:
                    return http.fetch(port, target="/healthz", host="localhost").status == 200
                except ConnectionRefusedError:
                    return False
            wait_for(healthy, "an answer")
            process.terminate()
            assert process.wait(DEADLINE) == 0, process.stderr.read()
        finally:
            process.kill()


# ending

@pytest.mark.covers("S29")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_an_idle_relay_ends_at_once(start, agent, number):
    relay = start()
    agent(relay, "idle-app").open_ready(3)
    with http.Visitor(relay.port) as visitor:
        visitor.ask(target="/healthz", host="lt.test")
        began = time.monotonic()
        relay.signal(number)
        assert relay.wait_exit() == 0
    assert time.monotonic() - began < 3


@pytest.mark.tsan
def test_a_running_request_finishes_and_no_new_ones_begin(start, agent):
    relay = start()
    mine = agent(relay, "drain-app")
    sock = mine.open_ready()
    visitor = mine.visitor()
    visitor.send(http.build_request(host=mine.host))
    sock.read_request()
    sock.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello")
    assert visitor.read_head().status == 200
    relay.signal(signal.SIGTERM)
    wait_for(lambda: refused(relay.port), "the public port to close")
    assert relay.running()
    sock.send(b"world")
    assert visitor.read_exactly(10) == b"helloworld"
    assert relay.wait_exit() == 0
    assert visitor.read_to_end() == b""


def test_a_request_waiting_for_its_answer_finishes_too(start, agent):
    relay = start()
    mine = agent(relay, "drain-app")
    sock = mine.open_ready()
    with mine.visitor() as visitor:
        visitor.send(http.build_request(host=mine.host))
        sock.read_request()
        relay.signal(signal.SIGTERM)
        wait_for(lambda: refused(relay.port), "the public port to close")
        sock.send(answer(b"in time"))
        response = visitor.read_response()
        assert response.body == b"in time"
        assert relay.wait_exit() == 0


def test_draining_has_an_end(start, agent):
    relay = start("--drain-timeout", "300")
    mine = agent(relay, "slow-app")
    sock = mine.open_ready()
    with mine.visitor() as visitor:
        visitor.send(http.build_request(host=mine.host))
        sock.read_request()
        began = time.monotonic()
        relay.signal(signal.SIGTERM)
        assert relay.wait_exit() == 0
        assert 0.25 < time.monotonic() - began < 5


@pytest.mark.covers("S29")
def test_a_second_signal_ends_at_once(start, agent):
    relay = start("--drain-timeout", "60000")
    mine = agent(relay, "slow-app")
    sock = mine.open_ready()
    with mine.visitor() as visitor:
        visitor.send(http.build_request(host=mine.host))
        sock.read_request()
        relay.signal(signal.SIGTERM)
        wait_for(lambda: refused(relay.port), "the public port to close")
        assert relay.running()
        began = time.monotonic()
        relay.signal(signal.SIGTERM)
        relay.wait_exit(5)
    assert time.monotonic() - began < 2


@pytest.mark.tsan
def test_nothing_is_lost_while_draining_under_load(start, agent):
    relay = start()
    mine = agent(relay, "load-app").serve(reply(b"x" * 10000), sockets=8)
    mine.wait_connected(8)
    bad, good, stop = [], [], threading.Event()

    def load():
        while not stop.is_set():
            try:
                visitor = mine.visitor()
            except OSError:
                return
            with visitor:
                try:
                    visitor.send(http.build_request(host=mine.host, headers=[
                        ("Connection", "close")]))
                    data = visitor.read_to_end()
                except OSError:
                    continue
                # A connection that was accepted and answered at all was answered whole.
                if data and not data.endswith(b"x" * 10000) and not data.startswith(
                        b"HTTP/1.1 503"):
                    bad.append(data[:200])
                elif data:
                    good.append(1)
    threads = [threading.Thread(target=load) for _ in range(4)]
    for thread in threads:
        thread.start()
    wait_for(lambda: len(good) > 50, "some traffic")
    relay.signal(signal.SIGTERM)
    assert relay.wait_exit() == 0
    stop.set()
    for thread in threads:
        thread.join()
    assert not bad


@pytest.mark.covers("S29")
def test_sighup_sigpipe_and_silly_input_do_not_end_it(relay, agent):
    mine = agent(relay, "alive-app").serve(reply(b"alive"), sockets=2)
    relay.signal(signal.SIGPIPE)
    relay.signal(signal.SIGHUP)
    for data in (b"\0" * 100, b"GET\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00", b"PRI * HTTP/2.0"):
        with http.Visitor(relay.port) as visitor:
            visitor.send(data)
            visitor.reset()
    assert mine.visit().body == b"alive"


# reloading

def reload(relay, wanted=None):
    seen = len(relay.logs)
    relay.signal(signal.SIGHUP)
    relay.wait_log(lambda entry: relay.logs.index(entry) >= seen and "reload" in entry["msg"]
                   and (wanted is None or entry["level"] in wanted))


@pytest.mark.covers("S6", "S27")
def test_sighup_reads_the_env_file_again(start):
    relay = start(files={".env": "LT_MAX_SOCKETS=3\n"})
    assert max_conn(relay) == 3
    (relay.dir / ".env").write_text("LT_MAX_SOCKETS=7\n")
    reload(relay, {"info"})
    wait_for(lambda: max_conn(relay) == 7, "the new value")


def test_sighup_reads_the_yaml_file_again(start):
    relay = start("--config", "aditd.yaml", files={"aditd.yaml": "max-sockets: 3\n"})
    assert max_conn(relay) == 3
    (relay.dir / "aditd.yaml").write_text("max-sockets: 8\n")
    reload(relay, {"info"})
    wait_for(lambda: max_conn(relay) == 8, "the new value")


@pytest.mark.covers("S13")
def test_sighup_changes_retry_after(start, agent):
    relay = start("--max-waiting", "0", files={".env": "LT_RETRY_AFTER=9\n"})
    mine = agent(relay, "busy-app")
    sock = mine.open_ready()
    with mine.visitor() as visitor:
        visitor.send(http.build_request(host=mine.host))
        sock.read_request()
        assert mine.visit().get("Retry-After") == "9"
        (relay.dir / ".env").write_text("LT_RETRY_AFTER=4\n")
        reload(relay, {"info"})
        wait_for(lambda: mine.visit().get("Retry-After") == "4", "the new value")


def test_sighup_changes_how_many_tunnels_there_may_be(start):
    relay = start(files={".env": "LT_MAX_TUNNELS=1\n"})
    assert create(relay, "first-app").status == 200
    assert create(relay, "second-app").get("X-Adit-Error") == "too-many-tunnels"
    (relay.dir / ".env").write_text("LT_MAX_TUNNELS=2\n")
    reload(relay, {"info"})
    assert create(relay, "second-app").status == 200
    assert create(relay, "third-app").get("X-Adit-Error") == "too-many-tunnels"


@pytest.mark.parametrize("bad", ["LT_MAX_SOCKETS=many\n", "LT_MAX_SOCKETS=7\nLT_PORT=99999\n"])
def test_a_bad_file_is_refused_whole_and_the_old_one_stays(start, bad):
    relay = start(files={".env": "LT_MAX_SOCKETS=3\n"})
    (relay.dir / ".env").write_text(bad)
    reload(relay, {"error", "warn"})
    assert max_conn(relay) == 3
    (relay.dir / ".env").write_text("LT_MAX_SOCKETS=5\n")
    reload(relay, {"info"})
    wait_for(lambda: max_conn(relay) == 5, "the new value")


def test_what_cannot_change_is_named(start):
    relay = start("--config", "aditd.yaml", domain=None,
                  files={"aditd.yaml": "domain: lt.test\nworkers: 1\n"})
    (relay.dir / "aditd.yaml").write_text("domain: lt.test\nworkers: 2\n")
    seen = len(relay.logs)
    relay.signal(signal.SIGHUP)
    entry = relay.wait_log(lambda entry: relay.logs.index(entry) >= seen
                           and "workers" in str(entry))
    assert entry["level"] in ("warn", "error")


@pytest.mark.tsan
def test_reloads_lose_no_request(start, agent):
    relay = start(files={".env": "LT_MAX_SOCKETS=8\n"})
    mine = agent(relay, "reload-app").serve(reply(b"fine"), sockets=4)
    mine.wait_connected(4)
    done = threading.Event()

    def signals():
        for number in range(40):
            (relay.dir / ".env.new").write_text(f"LT_MAX_SOCKETS={8 + number % 2}\n")
            os.rename(relay.dir / ".env.new", relay.dir / ".env")
            relay.signal(signal.SIGHUP)
            time.sleep(0.02)
        done.set()
    thread = threading.Thread(target=signals)
    thread.start()
    with mine.visitor() as visitor:
        while not done.is_set():
            assert visitor.ask(host=mine.host).body == b"fine"
    thread.join()


@pytest.mark.parametrize("order", [(signal.SIGHUP, signal.SIGTERM),
                                   (signal.SIGHUP, signal.SIGHUP, signal.SIGTERM)])
def test_a_reload_under_way_does_not_confuse_the_end(start, agent, order):
    for _ in range(5):
        relay = start()
        mine = agent(relay, "both-app")
        sock = mine.open_ready()
        with mine.visitor() as visitor:
            visitor.send(http.build_request(host=mine.host, headers=[("Connection", "close")]))
            sock.read_request()
            for number in order:
                relay.signal(number)
            wait_for(lambda: refused(relay.port), "the public port to close")
            sock.send(answer(b"in time"))
            assert visitor.read_response().body == b"in time"
        assert relay.wait_exit() == 0


def test_a_reload_that_the_end_overtakes(start):
    """Workers report it to a main loop that has returned."""
    for _ in range(20):
        relay = start("--workers", 3)
        create(relay, "kept-app")
        for number in (signal.SIGHUP, signal.SIGTERM, signal.SIGTERM):
            relay.signal(number)
        relay.wait_exit()


# the service manager

def test_the_service_manager_is_told(start):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind("\0aditd-test-%d" % os.getpid())
        manager.settimeout(DEADLINE)
        relay = start(env={"NOTIFY_SOCKET": "@aditd-test-%d" % os.getpid()})
        assert b"READY=1" in manager.recv(4096).split(b"\n")
        relay.signal(signal.SIGTERM)
        assert b"STOPPING=1" in manager.recv(4096).split(b"\n")
        assert relay.wait_exit() == 0


# descriptors

def test_running_out_of_descriptors_sheds_and_recovers(start, agent):
    relay = start("--workers", "8")
    mine = agent(relay, "fd-app").serve(reply(b"served"), sockets=2)
    mine.wait_connected(2)
    kept = mine.visitor()
    assert kept.ask(host=mine.host).body == b"served"
    before = relay.fds()
    resource.prlimit(relay.pid, resource.RLIMIT_NOFILE, (before + 12, 1 << 12))
    # More than once: threads that race for the last descriptor do so now and then only.
    for _ in range(15):
        crowd = [http.Visitor(relay.port) for _ in range(100)]
        assert kept.ask(host=mine.host).body == b"served"
        for visitor in crowd:
            visitor.close()
        wait_for(lambda: relay.fds() <= before, "the crowd's descriptors to be given back")

    def served():
        try:
            return mine.visit(timeout=2).body == b"served"
        except (OSError, http.Truncated):
            return False
    wait_for(served, "new connections to be served again")
    kept.close()


def test_without_descriptors_it_does_not_spin(start, agent):
    relay = start()
    mine = agent(relay, "fd-app").serve(reply(b"served"), sockets=2)
    mine.wait_connected(2)
    with mine.visitor() as kept:
        assert kept.ask(host=mine.host).body == b"served"
        resource.prlimit(relay.pid, resource.RLIMIT_NOFILE, (relay.fds() + 12, 1 << 12))
        crowd = [http.Visitor(relay.port) for _ in range(100)]
        kept.ask(host=mine.host)
        cpu = relay.cpu_seconds()
        assert kept.silent(1.0)
        assert relay.cpu_seconds() - cpu < 0.2, "time spent while there is nothing to do"
        for visitor in crowd:
            visitor.close()


@pytest.mark.covers("fault-17")
def test_without_descriptors_a_visitor_of_another_worker_is_told_so(start, agent):
    """A connection moves with a copy of its descriptor. Until then it was fine where it is."""
    relay = start("--workers", 2)
    mine = agent(relay, "move-app").serve(reply(b"served"))
    assert mine.visit().body == b"served"
    visitors = [http.Visitor(relay.port) for _ in range(24)]
    for visitor in visitors:
        assert visitor.ask(host="no-such-app.lt.test").status == 404
    limit = resource.prlimit(relay.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(relay.pid, resource.RLIMIT_NOFILE, (3, limit[1]))
    answers = [visitor.ask(host=mine.host) for visitor in visitors]
    refused = [told for told in answers if told.status != 200]
    assert refused and len(refused) < len(answers)
    for told in refused:
        assert (told.status, told.get("X-Adit-Error")) == (503, "overloaded")
        assert int(told.get("Retry-After")) > 0
    relay.wait_log(lambda entry: "out of file descriptors" in entry["msg"])
    resource.prlimit(relay.pid, resource.RLIMIT_NOFILE, limit)
    for visitor in visitors:
        visitor.close()
    assert mine.visit().body == b"served"


@pytest.mark.covers("fault-17")
def test_without_descriptors_a_wish_for_a_tunnel_is_told_so(start):
    relay = start("--workers", 1)
    with http.Visitor(relay.port) as visitor:
        assert visitor.ask(target="/api/status", host="lt.test").status == 200
        limit = resource.prlimit(relay.pid, resource.RLIMIT_NOFILE)
        resource.prlimit(relay.pid, resource.RLIMIT_NOFILE, (3, limit[1]))
        told = visitor.ask(target="/?new", host="lt.test")
        assert (told.status, told.get("X-Adit-Error")) == (503, "no-free-port")
        assert "descriptor" in told.text()
        relay.wait_log(lambda entry: "out of file descriptors" in entry["msg"])
        resource.prlimit(relay.pid, resource.RLIMIT_NOFILE, limit)
        assert visitor.ask(target="/?new", host="lt.test").status == 200


@pytest.mark.covers("fault-17")
def test_a_flood_of_tunnels_leaves_descriptors_for_visitors(start, agent):
    """On one connection, so that none comes free at its end."""
    relay = start(prefix=["prlimit", "--nofile=200:200"])
    mine = agent(relay, "early-app")
    mine.serve(reply(b"still here"))
    with http.Visitor(relay.port) as flood:
        last = [flood.ask(target="/?new", host="lt.test") for _ in range(250)][-1]
        assert (last.status, last.get("X-Adit-Error")) == (503, "too-many-tunnels")
        crowd = [http.Visitor(relay.port) for _ in range(20)]
        for visitor in crowd:
            assert visitor.ask(host=mine.host).body == b"still here"
            visitor.close()


def test_a_low_limit_from_the_start_is_survived(start):
    relay = start(prefix=["prlimit", "--nofile=64:64"])
    status = {"target": "/api/status", "host": "lt.test"}
    with http.Visitor(relay.port) as early:
        assert early.ask(**status).json()["tunnels"] == 0
        made = []
        for number in range(100):
            try:
                response = create(relay, f"many-{number}")
            except (OSError, http.Truncated):
                continue
            made.append(response.status)
        assert 200 in made
        assert set(made) <= {200, 503}
        # A tunnel may stand whose maker was cut off before the answer, but none is lost.
        assert early.ask(**status).json()["tunnels"] >= made.count(200)


@pytest.mark.covers("S49")
def test_nothing_is_left_when_everything_ends(start, agent):
    relay = start(env={"LT_GRACE_PERIOD": "50"})

    def round_of_everything(number):
        mine = agent(relay, f"round-{number}").serve(reply(b"x" * 1000), sockets=3)
        for _ in range(5):
            assert mine.visit().status == 200
        mine.drop_sockets()
        wait_for(lambda: mine.visit().status == 404, "the tunnel's end")
    round_of_everything(0)
    before = relay.fds()
    for number in range(1, 6):
        round_of_everything(number)
    wait_for(lambda: relay.fds() <= before, "the descriptors to be given back")


@pytest.mark.covers("S78")
def test_visitor_and_agent_that_leave_together_leave_nothing(start, agent):
    relay = start()
    mine = agent(relay, "leave-app")
    upgrade = http.build_request(host=mine.host, headers=[
        ("Connection", "Upgrade"), ("Upgrade", "test")])
    mine.open_ready().close()
    mine.wait_connected(0)
    before = relay.fds()
    for _ in range(200):
        visitor = mine.visitor()
        visitor.send(upgrade)
        sock = mine.open()
        sock.read_request()
        visitor.close()
        sock.close()
    wait_for(lambda: relay.fds() <= before, "the descriptors to be given back")
