"""Deadlines and the one polling loop. Tests wait for events; nothing here is a bare sleep.

ADIT_TEST_SLOW multiplies every deadline (a sanitizer build on a loaded machine needs it).
"""
import os
import time

SLOW = float(os.environ.get("ADIT_TEST_SLOW", "1"))
DEADLINE = 10.0 * SLOW


class Late(AssertionError):
    """What was waited for did not happen in time."""


def wait_for(probe, what, timeout=DEADLINE, every=0.01):
    """Calls probe until it returns something true, and returns that."""
    end = time.monotonic() + timeout
    while True:
        value = probe()
        if value:
            return value
        if time.monotonic() >= end:
            raise Late(f"waited {timeout:.1f} s for {what}; last value {value!r}")
        time.sleep(every)
