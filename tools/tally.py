#!/usr/bin/env python3
"""Counts what a test run did: prints "passed failed skipped" for ./dev.

    tally.py meson build/asan/meson-logs/testlog.json   one JSON object a line
    tally.py junit report.xml                           what pytest writes

A cmocka program counts as many tests as it says it ran; any other program as one.
A report that is missing counts as one failure, so that a crash before it is never green.
"""

import json
import re
import sys
import xml.etree.ElementTree as ElementTree

CMOCKA = re.compile(r"^\[  (PASSED|FAILED)  \] (\d+) test\(s\)", re.MULTILINE)


def count_meson(path):
    passed = failed = skipped = 0
    with open(path, encoding="utf-8") as log:
        runs = [json.loads(line) for line in log if line.strip()]
    for run in runs:
        text = run.get("stdout", "") + "\n" + run.get("stderr", "")
        inside = {"PASSED": 0, "FAILED": 0}
        for word, number in CMOCKA.findall(text):
            inside[word] += int(number)
        if run["result"] == "SKIP":
            skipped += 1
        elif run["result"] in ("OK", "EXPECTEDFAIL"):
            passed += inside["PASSED"] or 1
        else:
            passed += inside["PASSED"]
            failed += inside["FAILED"] or 1
    return passed, failed, skipped


def count_junit(path):
    passed = failed = skipped = 0
    for suite in ElementTree.parse(path).getroot().iter("testsuite"):
        bad = int(suite.get("failures", 0)) + int(suite.get("errors", 0))
        left_out = int(suite.get("skipped", 0))
        passed += max(0, int(suite.get("tests", 0)) - bad - left_out)
        failed += bad
        skipped += left_out
    return passed, failed, skipped


def main():
    kinds = {"meson": count_meson, "junit": count_junit}
    if len(sys.argv) != 3 or sys.argv[1] not in kinds:
        sys.exit(__doc__)
    try:
        counts = kinds[sys.argv[1]](sys.argv[2])
    except (OSError, ValueError, KeyError, ElementTree.ParseError) as error:
        print(f"tally: {sys.argv[2]}: {error}", file=sys.stderr)
        counts = (0, 1, 0)
    print(*counts)


if __name__ == "__main__":
    main()
