"""The page that lets a machine in, in Chromium: the whole way without a mouse, in every look."""
import os
import shutil

import pytest

from harness import npm
from harness.admin import Api, office

PASSWORD = "correct horse battery"
# As long as they come: it has to fit on a phone.
MACHINE = "builder-07.with-a-rather-long-name.internal.example.com"
LOOKS = ("light", "dark", "phone", "dark-phone")


@pytest.mark.timeout(240)
def test_chromium_lets_machines_in(start, node, tmp_path):
    if not shutil.which("chromium"):
        pytest.skip("chromium is not installed")
    npm.install()
    tmp_path.chmod(0o700)
    office(tmp_path, "user", "add", "alice", "--password-stdin", stdin=PASSWORD + "\n")
    relay = start("--state-dir", tmp_path, "--bcrypt-cost", "4")
    folder = [os.environ["ADIT_PICTURES"]] if os.environ.get("ADIT_PICTURES") else []
    walk = node(npm.Node, npm.NODE_MODULES.parent / "device_browser.js",
                f"http://lt.test:{relay.port}/_adit/device", "alice", PASSWORD, *folder)
    logins, steps = [], {}
    while (step := walk.event(60))["step"] != "end":
        assert step["step"] != "failed", step
        if step["step"] == "code?":
            logins.append(Api(relay)("POST", "/device", {"host": MACHINE}, status=200).json())
            walk.say(logins[-1]["user_code"])
        else:
            steps[step["look"], step["step"]] = step
    for look in LOOKS:
        seen = {name: step for (where, name), step in steps.items() if where == look}
        assert not [name for name, step in seen.items() if step.get("wide")], "no sideways scrolling"
        assert seen["hosts"]["others"] == []
        check_way(seen)
    blocked = steps["light", "blocked"]
    assert blocked["view"] == "sign-in" and "too many wrong attempts" in blocked["problem"]
    keys = Api(relay, tmp_path).get("/keys")["items"]
    assert [key["label"] for key in keys] == [MACHINE] * len(LOOKS)
    answers = [Api(relay)("POST", "/device/token", {"device_code": login["device_code"]})
               for login in logins]
    got = ["let in" if a.status == 200 else a.json()["error"]["code"] for a in answers]
    assert got == ["let in", "access_denied", "access_denied"] * len(LOOKS) + [
        "authorization_pending"]


def check_way(seen):
    """Each page says what there is to do, and the first key goes where it is meant to."""
    empty, form, wrong = seen["empty"], seen["form"], seen["wrong-code"]
    assert empty["view"] == "sign-in" and empty["problem"] == "" and empty["focused"] == "code"
    assert "do not fit together" in wrong["problem"] and wrong["filled"]["account"] == "alice"
    assert wrong["filled"]["code"].lower() == "bcdf ghjk"
    code = form["filled"]["code"]
    assert form["focused"] == "account" and form["filled"]["account"] == ""
    assert "do not fit together" in seen["wrong-password"]["problem"]
    assert seen["wrong-password"]["focused"] == "password"
    assert seen["wrong-password"]["filled"] == {"code": code, "account": "alice", "password": ""}
    decide = seen["decide"]
    for words in (code, MACHINE, "127.0.0.1", "alice"):
        assert words in decide["seen"]
    assert decide["view"] == "decide" and decide["focused"] not in ("approve", "deny")
    assert seen["done"]["heading"] == "The machine is let in"
    assert seen["denied"]["heading"] == "The machine was turned away"
    assert seen["over"]["view"] == "failed" and "Start it again" in seen["over"]["seen"]
