"""A wall clock that a test can set, for the programs that it starts with it.

    clock = Clock(tmp_path)
    relay = start(env=clock.env)
    clock.set(-3600)                    # an hour back, as they see it; 0 is right again
"""
import os
import subprocess

from .relay import ROOT, clean_env


class Clock:
    def __init__(self, place):
        library, self.path = place / "wallclock.so", place / "wallclock"
        if not library.exists():
            subprocess.run(["cc", "-O2", "-shared", "-fPIC", "-o", library,
                            ROOT / "test" / "support" / "wallclock.c"], check=True)
        self.path.write_bytes(bytes(8))
        self.env = {"LD_PRELOAD": library, "WALLCLOCK": self.path,
                    "ASAN_OPTIONS": clean_env()["ASAN_OPTIONS"] + ":verify_asan_link_order=0"}

    def set(self, seconds):
        """By how much it is fast."""
        with open(self.path, "r+b", buffering=0) as file:
            os.pwrite(file.fileno(), seconds.to_bytes(8, "little", signed=True), 0)
