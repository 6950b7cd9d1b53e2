"""aditd user, key, name, tunnel, audit and usage: on a running relay and on what it left behind."""
import json
import os
import pty
import re
import select
import stat
import subprocess
import sys
import tempfile

import pytest

from harness import admin
from harness.admin import Api
from harness.agent import create
from harness.postgres import Postgres
from harness.relay import binary, clean_env, run

KEY = re.compile(r"adit_[a-z0-9]{12}_[A-Za-z0-9_-]{43}\n")


@pytest.fixture
def state(tmp_path):
    tmp_path.chmod(0o700)
    return tmp_path


@pytest.fixture(scope="module")
def server():
    postgres = Postgres()
    yield postgres
    postgres.close()


@pytest.fixture(params=["offline", "running", "postgresql-offline", "postgresql-running"])
def place(request, state, start):
    """A state folder with a relay on it or without, and with a database in it or elsewhere."""
    env = {}
    if request.param.startswith("postgresql"):
        server = request.getfixturevalue("server")
        server.reset()
        env = DATABASES[str(state)] = {"LT_DATABASE": server.url}
    if request.param.endswith("running"):
        start("--state-dir", state, env=env)
    yield state
    DATABASES.pop(str(state), None)


DATABASES = {}  # state folder -> environment of those whose accounts are not in it


def office(place, *words, **how):
    return admin.office(place, *words, env=DATABASES.get(str(place)), **how)


def listed(place, *words):
    return json.loads(office(place, *words, "--json"))["items"]


def test_the_life_of_an_account(place):
    office(place, "user", "add", "alice")
    assert [a["name"] for a in listed(place, "user", "list")] == ["alice"]
    key = office(place, "key", "create", "alice", "--label", "my laptop")
    assert KEY.fullmatch(key)
    office(place, "user", "disable", "alice")
    assert listed(place, "user", "list")[0]["disabled"]
    office(place, "user", "enable", "alice")
    assert not listed(place, "user", "list")[0]["disabled"]
    table = office(place, "user", "list").splitlines()
    assert table[0].split() == ["ACCOUNT", "PLAN", "PASSWORD", "DISABLED", "CREATED"]
    assert table[1].split()[:4] == ["alice", "default", "-", "-"]
    events = [row["event"] for row in listed(place, "audit")]
    assert events == ["account.changed", "account.changed", "key.created", "account.added"]
    assert "WHAT" in office(place, "audit", "--limit", "1")


def test_keys_are_made_listed_and_revoked(place):
    office(place, "user", "add", "alice")
    office(place, "user", "add", "bob")
    office(place, "key", "create", "--user", "bob")
    made = json.loads(office(place, "key", "create", "alice", "--names", "ci-*,web", "--protocols",
                             "http", "--ports", "20000-20009", "--expires", "30d", "--json"))
    assert made["names"] == ["ci-*", "web"] and made["protocols"] == ["http"]
    assert (made["port_first"], made["port_last"]) == (20000, 20009)
    assert made["expires_at"] and made["key"].startswith("adit_")
    assert [k["id"] for k in listed(place, "key", "list", "alice")] == [made["id"]]
    assert len(listed(place, "key", "list")) == 2
    office(place, "key", "edit", made["id"], "--names", "demo", "--label", "now", "--no-expiry")
    key = listed(place, "key", "list", "alice")[0]
    assert (key["names"], key["label"], key["expires_at"]) == (["demo"], "now", None)
    assert (key["protocols"], key["port_last"]) == (["http"], 20009)
    key = json.loads(office(place, "key", "edit", made["id"], "--names", "any", "--ports", "any",
                            "--protocols", "tcp", "--expires", "1h", "--admin", "--json"))
    assert (key["names"], key["port_first"], key["protocols"]) == ([], None, ["tcp"])
    assert key["admin"] and key["expires_at"] and "key" not in key
    assert not json.loads(office(place, "key", "edit", made["id"], "--no-admin", "--json"))["admin"]
    for words, said in ((["nothing", "--label", "x"], "There is no key"),
                        ([made["id"]], "say what shall change"),
                        ([made["id"], "--ports", "9-8"], "the lower one first"),
                        ([made["id"], "--names", "demo,any"], "any alone"),
                        ([made["id"], "--names", "any,demo"], "any alone"),
                        ([made["id"], "--protocols", "any,tcp"], "any alone"),
                        ([made["id"], "--admin", "--no-admin"], "do not go together"),
                        ([made["id"], "--expires", "1h", "--no-expiry"], "do not go together")):
        done = office(place, "key", "edit", *words, code=None)
        assert done.returncode == 1 and said in done.stderr, done
    assert [e["event"] for e in listed(place, "audit")][:3] == ["key.changed"] * 3
    office(place, "key", "revoke", made["id"])
    assert listed(place, "key", "list", "--user", "alice")[0]["revoked_at"]
    done = office(place, "key", "revoke", "nothing", code=None)
    assert done.returncode == 1 and "There is no key" in done.stderr


def test_names_are_reserved_and_released(place):
    office(place, "user", "add", "alice")
    office(place, "name", "add", "shop", "alice")
    office(place, "name", "add", "shop2", "--user", "alice")
    assert [n["name"] for n in listed(place, "name", "list", "alice")] == ["shop", "shop2"]
    office(place, "name", "remove", "shop", "shop2")
    assert listed(place, "name", "list") == []
    done = office(place, "name", "add", "www", "alice", code=None)
    assert done.returncode == 1 and "cannot be reserved" in done.stderr


def test_passwords_come_from_standard_input_or_are_made(place):
    office(place, "user", "add", "alice", "--password-stdin", stdin="correct horse\n")
    assert listed(place, "user", "list")[0]["has_password"]
    made = office(place, "user", "passwd", "alice", "--generate-password")
    assert re.fullmatch(r"[a-z2-9]{24}\n", made)
    office(place, "user", "passwd", "alice", "--no-password")
    assert not listed(place, "user", "list")[0]["has_password"]
    for words, text in ((["--password-stdin"], "short\n"), (["--password-stdin"], ""),
                        (["--password-stdin"], "x" * 200), ([], "")):
        done = office(place, "user", "passwd", "alice", *words, stdin=text, code=None)
        assert done.returncode == 1, done
    assert not listed(place, "user", "list")[0]["has_password"]


def test_a_made_password_is_in_no_argument_and_in_no_log(start, state):
    relay = start("--state-dir", state, "--log-level", "debug")
    office(state, "user", "add", "alice", "--password-stdin", stdin="correct horse\n")
    key = office(state, "key", "create", "alice").strip()
    assert "correct horse" not in relay.text() and key not in relay.text()
    for name in os.listdir(state):
        if name != "admin.sock":
            content = (state / name).read_bytes()
            assert b"correct horse" not in content and key.encode() not in content


def typed(args, answers):
    """Runs aditd on a terminal of its own, and types an answer to each question."""
    pid, fd = pty.fork()
    if pid == 0:
        os.execve(args[0], args, clean_env())
    out = b""
    for question, answer in answers:
        while question.encode() not in out:
            assert select.select([fd], [], [], 20)[0], out
            out += os.read(fd, 4096)
        os.write(fd, answer.encode())
    try:
        while chunk := os.read(fd, 4096):
            out += chunk
    except OSError:
        pass
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), out.decode()


def test_a_password_is_asked_for_on_a_terminal(state):
    args = [binary(), "user", "add", "alice", "--state-dir", str(state)]
    code, out = typed(args, [("make one)", "correct horse\n"), ("Once more", "correct horse\n")])
    assert code == 0 and "correct horse" not in out.split("alice:", 1)[1], out
    assert listed(state, "user", "list")[0]["has_password"]
    args[2:4] = ["passwd", "alice"]
    code, out = typed(args, [("make one)", "correct horse\n"), ("Once more", "another one\n")])
    assert code == 1 and "differ" in out
    code, out = typed(args, [("make one)", "\x03")])
    assert code == 1


def test_tunnels_are_listed_and_ended(start, state, agent):
    relay = start("--state-dir", state)
    agent(relay, "demo")
    assert [t["name"] for t in listed(state, "tunnel", "list")] == ["demo"]
    assert "demo" in office(state, "tunnel", "list")
    office(state, "tunnel", "kill", "demo")
    assert listed(state, "tunnel", "list") == []
    relay.stop()
    done = office(state, "tunnel", "list", code=None)
    assert done.returncode == 1 and "No relay runs" in done.stderr


def test_a_key_made_offline_opens_tunnels_afterwards(start, state):
    office(state, "user", "add", "alice")
    key = office(state, "key", "create", "alice").strip()
    relay = start("--state-dir", state, "--auth", "required")
    assert create(relay, "demo").status == 401
    assert create(relay, "demo", headers=[("Authorization", f"Bearer {key}")]).status == 200
    office(state, "user", "disable", "alice")
    answer = create(relay, "demo", headers=[("Authorization", f"Bearer {key}")])
    assert answer.get("X-Adit-Error") == "account-disabled"


def test_a_database_alone_has_its_socket_where_it_is_told(start, state, server):
    server.reset()
    env = {"LT_DATABASE": server.url, "LT_ADMIN_SOCKET": str(state / "relay.sock")}
    admin.office(None, "user", "add", "alice", env=env)  # no relay runs yet
    key = admin.office(None, "key", "create", "alice", env=env).strip()
    relay = start(env=env)
    found = os.lstat(state / "relay.sock")
    assert stat.S_ISSOCK(found.st_mode) and stat.S_IMODE(found.st_mode) == 0o600
    headers = [("Authorization", f"Bearer {key}")]
    assert create(relay, "demo", headers=headers).status == 200
    admin.office(None, "key", "revoke", key.split("_")[1], env=env)
    assert create(relay, "demo", headers=headers).get("X-Adit-Error") == "key-revoked"
    del env["LT_ADMIN_SOCKET"]
    done = admin.office(None, "user", "list", env=env, code=None)
    assert done.returncode == 1 and "--admin-socket PATH" in done.stderr, done
    elsewhere = ["--admin-socket", state / "other.sock"]
    done = admin.office(None, "user", "list", *elsewhere, env=env, code=None)
    assert done.returncode == 1 and "other.sock" in done.stderr, done
    listing = admin.office(None, "user", "list", "--admin-socket", state / "relay.sock", env=env)
    assert "alice" in listing


def test_the_socket_may_be_elsewhere_than_the_store(start, state):
    place = ["--admin-socket", state / "run.sock"]
    start("--state-dir", state, *place)
    admin.office(state, "user", "add", "alice", *place)
    assert not (state / "admin.sock").exists()
    done = admin.office(state, "user", "list", code=None)
    assert done.returncode == 1 and "--admin-socket" in done.stderr, done


LISTEN = """
import os, socket, sys
os.setuid(65534)
listener = socket.socket(socket.AF_UNIX)
listener.bind(sys.argv[1])
os.chmod(sys.argv[1], 0o666)
listener.listen()
print("ready", flush=True)
while True:
    with listener.accept()[0] as wire:
        print(wire.recv(65536) or "nothing", flush=True)
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="another user listens")
@pytest.mark.parametrize("mode, told", [(0o1777, False), (0o777, False), (0o755, True)])
def test_passwords_go_to_no_socket_that_anybody_may_have_made(mode, told):
    """Root may use the socket of a relay that runs as somebody else, where only that one made it."""
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        os.chown(folder, 65534, 65534)
        os.chmod(folder, mode)
        path = os.path.join(folder, "admin.sock")
        other = subprocess.Popen([sys.executable, "-c", LISTEN, path], stdout=subprocess.PIPE,
                                 text=True)
        try:
            assert other.stdout.readline() == "ready\n"
            done = admin.office(None, "user", "add", "alice", "--password-stdin", "--admin-socket",
                                path, "--database", "postgresql://x@127.0.0.1:1/x",
                                stdin="correct horse\n", code=None)
            assert done.returncode == 1
            assert ("another user listens" in done.stderr) != told, done
            heard = [other.stdout.readline() for _ in range(2 if told else 1)]
            assert any("correct horse" in line for line in heard) == told
        finally:
            other.kill()
            other.wait()
            other.stdout.close()


def test_more_accounts_than_fit_a_page_are_listed(start, state):
    start("--state-dir", state)
    api = Api(None, state)
    for i in range(1050):
        api("POST", "/accounts", {"name": f"u{i:04}"}, status=201)
    assert len(listed(state, "user", "list")) == 1050


@pytest.mark.parametrize("words, said", [
    (["user"], "takes one of these: add, list"),
    (["user", "ad"], "does not know"),
    (["user", "add"], "it is used as: aditd user add NAME"),
    (["user", "add", "a", "b"], "too many words"),
    (["user", "list", "--label", "x"], "takes no --label"),
    (["key", "create", "--state-dir", "/nonexistent-folder"], "whose key"),
    (["key", "create", "x", "--frobnicate"], "unknown option"),
    (["name", "add", "shop"], "where are the accounts?"),
])
def test_what_is_not_understood_is_explained(words, said):
    done = office(None, *words, code=None)
    assert done.returncode in (1, 2) and said in done.stderr, done
    assert done.stdout == ""


def test_help_tells_about_all_of_them():
    for noun, verbs in (("user", "add list disable enable passwd plan"),
                        ("key", "create list edit revoke"), ("name", "add list remove"),
                        ("tunnel", "list kill")):
        text = office(None, noun, "--help")
        for verb in verbs.split():
            assert f"{noun} {verb}" in text
            assert "Usage" in office(None, noun, verb, "--help")
    assert "--limit" in office(None, "audit", "--help")
    code, out, _ = run("--help")
    assert code == 0 and "user add NAME" in out


def test_without_a_verb_aditd_is_what_it_was(start):
    assert create(start(), "demo").status == 200
    code, _, err = run("--port", "0", "user")
    assert code == 1 and "goes in front" in err


def test_another_user_is_told_what_to_do(start, state):
    if os.geteuid() != 0:
        pytest.skip("needs root, to become somebody else")
    start("--state-dir", state)
    state.chmod(0o711)
    for folder in list(state.parents)[:3]:
        folder.chmod(folder.stat().st_mode | 0o011)
    done = subprocess.run(["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups",
                           binary(), "user", "list", "--state-dir", str(state)],
                          env=clean_env(), capture_output=True, text=True, timeout=20, check=False)
    assert done.returncode == 1 and "sudo -u" in done.stderr, done
