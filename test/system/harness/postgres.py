"""A PostgreSQL server of the test's own, reached through a socket in its folder, with a password."""
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

from harness.wait import DEADLINE, Late, wait_for

PASSWORD = "canary-Pg-7f3a"  # a test looks for it where it must not be


def is_running(pid):
    """Whether there is such a process, and more of it than its exit status."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return stat.rpartition(")")[2].split()[0] not in "ZX"


class Postgres:
    """Started with the object; stop, kill, pause and start again as a test likes."""

    def __init__(self):
        found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
        assert found, "postgresql is not installed"
        self.bin = found[-1].parent
        self.dir = Path(tempfile.mkdtemp(prefix="pg-"))
        self.prefix = []
        self.process = None
        self.psql = None
        if os.geteuid() == 0:  # as root neither initdb nor the server would start
            user = pwd.getpwnam("postgres")
            os.chown(self.dir, user.pw_uid, user.pw_gid)
            self.prefix = ["setpriv", "--reuid", str(user.pw_uid), "--regid", str(user.pw_gid),
                           "--clear-groups"]
        secret = self.dir / "password"
        secret.write_text(PASSWORD + "\n", encoding="ascii")
        if os.geteuid() == 0:
            os.chown(secret, user.pw_uid, user.pw_gid)
        subprocess.run([*self.prefix, self.bin / "initdb", "-D", self.dir / "data",
                        "-A", "scram-sha-256", "--pwfile", secret, "-U", "adit", "-E", "UTF8",
                        "--locale=C", "--no-sync"],
                       check=True, capture_output=True, cwd=self.dir, timeout=6 * DEADLINE)
        secret.unlink()
        self.start()

    @property
    def url(self):
        return f"postgresql://adit:{PASSWORD}@/postgres?host={self.dir}"

    @property
    def url_without_password(self):
        return f"postgresql://adit@/postgres?host={self.dir}"

    def start(self):
        """Comes back when it takes connections."""
        log = open(self.dir / "log", "ab")
        # Without fsync: processes are killed here, never the machine.
        self.process = subprocess.Popen(
            [*self.prefix, self.bin / "postgres", "-D", self.dir / "data", "-h", "",
             "-k", self.dir, "-F", "-c", "shared_buffers=16MB", "-c", "max_connections=20"],
            cwd=self.dir, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        log.close()
        try:
            wait_for(self.is_ready, "PostgreSQL", 3 * DEADLINE, every=0.02)
        except Late:
            raise Late("PostgreSQL: " + (self.dir / "log").read_text()[-2000:]) from None

    def is_ready(self):
        return subprocess.run([self.bin / "pg_isready", "-q", "-h", self.dir]).returncode == 0

    def sql(self, text):
        """One statement; its rows as psql prints them. One psql is kept for all of them."""
        if self.psql is None or self.psql.poll() is not None:
            self.close_psql()
            self.psql = subprocess.Popen(
                [self.bin / "psql", "-XAtqh", self.dir, "-U", "adit", "-d", "postgres"],
                env={**os.environ, "PGPASSWORD": PASSWORD}, text=True, stdin=subprocess.PIPE,
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.psql.stdin.write(text + ";\n\\echo -- :ERROR\n")
        self.psql.stdin.flush()
        rows = []
        for line in self.psql.stdout:
            if line.startswith("-- "):
                assert line == "-- false\n", rows
                return "".join(rows).strip()
            rows.append(line)
        raise AssertionError(f"psql ended: {rows}")

    def close_psql(self):
        if self.psql:
            self.psql.kill()
            self.psql.communicate()
            self.psql = None

    def backends(self, name="aditd-%"):
        """Process ids of the connections that call themselves so."""
        return [int(pid) for pid in self.sql(
            f"SELECT pid FROM pg_stat_activity WHERE application_name LIKE '{name}'").split()]

    def pids(self):
        """The postmaster and all that it has started."""
        found = subprocess.run(["ps", "-o", "pid=", "--ppid", str(self.process.pid)],
                               capture_output=True, text=True).stdout
        return [self.process.pid, *map(int, found.split())]

    def signal_all(self, number):
        for pid in self.pids():
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                pass  # it had ended by itself

    def pause(self):
        self.signal_all(signal.SIGSTOP)

    def resume(self):
        self.signal_all(signal.SIGCONT)

    def reset(self):
        """Runs, with nothing in it and nothing configured, whatever a test has done to it."""
        self.resume()
        (self.dir / "data" / "postgresql.auto.conf").write_text("", encoding="ascii")
        if self.process.poll() is None:
            self.sql("SELECT pg_reload_conf()")
            wait_for(lambda: self.sql("SHOW default_transaction_read_only") == "off", "a reload")
        else:
            self.start()
        wait_for(lambda: not self.backends(), "connections to end")
        self.sql("DROP SCHEMA public CASCADE")
        self.sql("CREATE SCHEMA public")

    def stop(self, how=signal.SIGINT):
        """SIGINT: a fast shutdown, SIGQUIT: an immediate one."""
        self.close_psql()
        if self.process.poll() is None:
            self.process.send_signal(how)
            self.process.wait(3 * DEADLINE)

    def crash(self):
        """kill -9 for all of it at once."""
        self.close_psql()
        self.process.send_signal(signal.SIGSTOP)  # it starts no others from here on
        pids = self.pids()
        self.signal_all(signal.SIGKILL)
        self.process.wait(DEADLINE)
        # The next one does not start while one of these still has the shared memory.
        wait_for(lambda: not any(map(is_running, pids)), "all of PostgreSQL to end", 3 * DEADLINE)

    def close(self):
        self.close_psql()
        if self.process and self.process.poll() is None:
            self.resume()
            try:
                self.stop()
            except subprocess.TimeoutExpired:
                self.crash()
        shutil.rmtree(self.dir, ignore_errors=True)
