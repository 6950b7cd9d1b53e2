"""./dev soak for some seconds: one storm, one rest."""
import json
import subprocess
import sys

import pytest

from harness.relay import ROOT
from harness.wait import SLOW


@pytest.mark.covers("ask-25", "fault-8")
@pytest.mark.timeout(240 * SLOW)
def test_one_round_of_the_soak():
    done = subprocess.run(
        [sys.executable, ROOT / "test" / "soak" / "soak.py", "--minutes", "0", "--round", "4",
         "--guests", "6", "--json"],
        capture_output=True, text=True, timeout=200 * SLOW, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    begun, storm, ended = map(json.loads, done.stdout.splitlines())
    assert (begun["event"], storm["event"], ended["event"]) == ("begun", "round", "ended")
    assert storm["deeds"] and storm["troubles"] and not ended["wrong"]
    assert set(storm["programs"]) == {"aditd", "adit (cut)", "adit (lanes)"}
