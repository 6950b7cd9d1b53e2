"""Every row of the requirements has a test: S1..S89 and D1..D32, by the covers() ids.

Tests may name more: later rows (S90 and on), rows of the fault matrix and of the threats, and what
users ask for.

Read from the source, so that it holds for whatever part of the tests is run.
"""
import ast
import re
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
ROWS = [f"S{number}" for number in range(1, 90)] + [f"D{number}" for number in range(1, 33)]

# Rows that nothing outside the process can see: (row, file, what must stand in it).
ELSEWHERE = [
    ("S60", "src/relay/hmac_auth.c", r"ct_eq\w*\("),
]
MORE = re.compile(r"S(9[0-9]|1[01][0-9]|120)|(ask|fault|threat)-[1-9][0-9]?")


def covered():
    """Row -> the tests that carry it."""
    rows = {}
    for path in sorted(HERE.glob("test_*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.FunctionDef) or not node.name.startswith("test_"):
                continue
            for mark in node.decorator_list:
                if isinstance(mark, ast.Call) and getattr(mark.func, "attr", "") == "covers":
                    for argument in mark.args:
                        rows.setdefault(argument.value, []).append(f"{path.name}::{node.name}")
    return rows


def test_every_row_has_a_test():
    have = set(covered()) | {row for row, _, _ in ELSEWHERE}
    missing = [row for row in ROWS if row not in have]
    assert not missing, f"no test covers {' '.join(missing)}"


def test_no_test_covers_a_row_that_is_not_there():
    strange = {row: tests for row, tests in covered().items()
               if row not in ROWS and not MORE.fullmatch(row)}
    assert not strange


@pytest.mark.parametrize("row,file,mark", ELSEWHERE)
def test_what_is_tested_elsewhere_stands_there(row, file, mark):
    assert re.search(mark, (ROOT / file).read_text()), f"{row}: no {mark} in {file}"
