"""A password leaves no trace: not in logs, not in what the system shows, not in the memory."""
import re
from urllib.parse import urlencode

import pytest

from harness.agent import reply
from harness.gate import Browser, basic, locked, post, visit
from harness.session import Session
from harness.session import reply as session_reply

SECRETS = [b"pool-s3cret-one", b"agent-s3cret-two", b"wrong-s3cret-three", b"form-s3cret-four"]


def memory(pid):
    """What a core dump would hold: readable, private, and not left out of dumps."""
    found = []
    maps = open(f"/proc/{pid}/smaps").read()
    blocks = re.split(r"(?m)^(?=[0-9a-f]+-[0-9a-f]+ )", maps)[1:]
    with open(f"/proc/{pid}/mem", "rb", 0) as mem:
        for block in blocks:
            first = block.split("\n", 1)[0]
            start, end, mode = re.match(r"([0-9a-f]+)-([0-9a-f]+) (\S+)", first).groups()
            flags = re.search(r"VmFlags:(.*)", block)[1].split()
            size = int(end, 16) - int(start, 16)
            if "w" not in mode or "dd" in flags or size > 1 << 30:
                continue
            try:
                mem.seek(int(start, 16))
                found.append(mem.read(size))
            except OSError:
                continue
    return b"".join(found)


def use(relay, agent):
    """Every way that a password comes in by; the peers stay open."""
    pool, session, wrong, form = (secret.decode() for secret in SECRETS)
    locked(relay, "pool", pool)
    assert post(relay, subdomain="bad!", password=pool).status == 403
    agent(relay, "pool").serve(reply(b"hello"))
    assert visit(relay, "pool", basic(pool)).status == 200
    assert visit(relay, "pool", basic(wrong)).status == 401
    locked(relay, "form", form)
    agent(relay, "form").serve(reply(b"hello"))
    browser = Browser(relay, "form")
    browser.ask()
    fields = browser.fields()
    assert browser.submit(password=wrong).status == 401
    assert browser.submit(password=form).status == 303
    assert browser.ask("POST", "/_adit/gate/login", [
        ("Content-Type", "application/x-www-form-urlencoded")],
        urlencode({**fields, "csrf": "x", "password": form}).encode()).status == 403
    peer = Session(relay, client="me")
    peer.register(subdomain="agent", password=session)
    peer.serve(session_reply(b"hello"))
    assert visit(relay, "agent", basic(session)).status == 200
    return peer


@pytest.mark.covers("S104")
def test_nothing_shows_a_password(start, agent):
    relay = start("--bcrypt-cost", "4", "--log-level", "debug")
    peer = use(relay, agent)
    relay.wait_access(path="/_adit/gate/login", count=3)
    seen = {"log": relay.text().encode("utf-8", "surrogateescape")}
    for name in ("cmdline", "environ"):
        seen[name] = open(f"/proc/{relay.pid}/{name}", "rb").read()
    for place, text in seen.items():
        for secret in SECRETS:
            assert secret not in text, (place, secret)
        assert b"$2b$" not in text, place
    peer.close()


def test_a_crash_leaves_no_core(start):
    """Programs that core_pattern names would get one in spite of a limit of 0."""
    relay = start()
    limits = open(f"/proc/{relay.pid}/limits").read()
    assert re.search(r"Max core file size +1 ", limits)


@pytest.mark.covers("S104")
def test_the_memory_forgets_passwords(start, agent):
    relay = start("--bcrypt-cost", "4", "--workers", "1")
    peer = use(relay, agent)
    text = memory(relay.pid)
    assert b"_adit/session" in text or b"lt.test" in text, "the memory can be read"
    found = {secret: text.count(secret) for secret in SECRETS if secret in text}
    assert not found
    peer.close()
