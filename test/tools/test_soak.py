"""test/soak/verdict.py: what counts as growth."""
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "soak"))

from verdict import GROWTH_KIB, MIN_RESTS, grown, judge  # noqa: E402


@pytest.mark.parametrize("values, more", [
    ([1000] * MIN_RESTS, 0),
    ([1000, 9000] + [9000] * MIN_RESTS, 0),  # it warms up
    ([5000, 1000] * MIN_RESTS, 0),  # it goes up and down
    ([9000] * MIN_RESTS + [1000] * MIN_RESTS, -8000),
    (list(range(0, 16000, 1000)), 6000),
    ([1000] * (MIN_RESTS - 1), None),
    ([], None),
])
def test_growth_is_the_later_half_above_the_earlier_one(values, more):
    assert grown(values) == more


def rests(sizes, files):
    return [{"aditd": pair} for pair in zip(sizes, files)]


def test_a_program_that_stays_as_it_is_is_well():
    steady = rests([9000, 9800, 9100, 9900] * 3, [20, 21] * 6)
    assert judge(steady, []) == []


def test_a_leak_of_memory_is_named():
    step = GROWTH_KIB // 4
    (sentence,) = judge(rests(range(9000, 9000 + 12 * step, step), [20] * 12), [])
    assert sentence.startswith("aditd grew by ") and "KiB" in sentence


def test_a_leak_of_descriptors_is_named():
    (sentence,) = judge(rests([9000] * 12, range(20, 44, 2)), [])
    assert sentence.startswith("aditd keeps ") and "descriptors" in sentence


def test_what_visitors_complained_of_is_told_whatever_else_is_well():
    assert judge(rests([9000], [20]), ["cut: download: Truncated"]) == ["cut: download: Truncated"]
    assert judge([], ["no relay"]) == ["no relay"]
