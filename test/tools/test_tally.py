"""tools/tally.py: what is counted, and that a missing report is never green."""

import json
import subprocess
import sys
from pathlib import Path

TOOL = Path(__file__).resolve().parents[2] / "tools" / "tally.py"


def tally(kind, path):
    run = subprocess.run([sys.executable, str(TOOL), kind, str(path)], text=True, check=True,
                         stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    return [int(number) for number in run.stdout.split()]


def meson_log(tmp_path, *runs):
    path = tmp_path / "testlog.json"
    path.write_text("".join(json.dumps(run) + "\n" for run in runs), encoding="utf-8")
    return path


def test_program_without_a_report_counts_as_one(tmp_path):
    log = meson_log(tmp_path, {"result": "OK"}, {"result": "FAIL"}, {"result": "TIMEOUT"},
                    {"result": "SKIP"})
    assert tally("meson", log) == [1, 2, 1]


def test_cmocka_tests_are_counted_one_by_one(tmp_path):
    good = "[==========] 3 test(s) run.\n[  PASSED  ] 3 test(s).\n"
    bad = "[  PASSED  ] 2 test(s).\n[  FAILED  ] 1 test(s), listed below:\n"
    log = meson_log(tmp_path, {"result": "OK", "stdout": good},
                    {"result": "FAIL", "stderr": bad})
    assert tally("meson", log) == [5, 1, 0]


def test_program_that_fails_after_its_tests_passed_is_a_failure(tmp_path):
    log = meson_log(tmp_path, {"result": "FAIL", "stdout": "[  PASSED  ] 3 test(s).\n"})
    assert tally("meson", log) == [3, 1, 0]


def test_pytest_report_is_counted(tmp_path):
    report = tmp_path / "report.xml"
    report.write_text('<testsuites><testsuite tests="9" failures="1" errors="2" skipped="3"/>'
                      "</testsuites>", encoding="utf-8")
    assert tally("junit", report) == [3, 3, 3]


def test_missing_and_broken_reports_are_failures(tmp_path):
    assert tally("meson", tmp_path / "none.json") == [0, 1, 0]
    assert tally("junit", tmp_path / "none.xml") == [0, 1, 0]
    broken = tmp_path / "broken.xml"
    broken.write_text("<testsuites>", encoding="utf-8")
    assert tally("junit", broken) == [0, 1, 0]
