#!/usr/bin/env python3
"""./dev soak: visitors of every kind through a relay and four agents, for as long as you like, while
connections are cut, agents are frozen and killed, and the relay reloads.

It goes in rounds: a storm, and a rest, in which nothing of the visitors may be left. It fails if a
visitor of a tunnel that lives got a wrong byte or an error, if something is left at a rest, or if a
program holds more memory or descriptors in the later rounds than in the earlier ones.
"""
import argparse
import json
import random
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "system"))

from guests import PATIENCE, Guest, Tally  # noqa: E402
from harness.traffic import Later  # noqa: E402
from rig import Rig  # noqa: E402
from verdict import judge  # noqa: E402


def arguments(words):
    parser = argparse.ArgumentParser(
        prog="./dev soak", description=__doc__.split("\n\n")[0],
        formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10, help="how long, about")
    parser.add_argument("--round", type=float, default=20, metavar="SECONDS",
                        help="how long a storm is")
    parser.add_argument("--guests", type=int, default=12, help="visitors at a time")
    parser.add_argument("--seed", default=str(time.time_ns()), help="of everything random")
    parser.add_argument("--json", action="store_true", help="one object a line")
    return parser.parse_args(words)


class Report:
    """What a person, or a program, sees of it."""

    def __init__(self, as_json):
        self.as_json = as_json

    def say(self, text, **fields):
        print(json.dumps(fields) if self.as_json else text, flush=True)

    def begun(self, options):
        self.say(f"soak: {options.minutes:g} minutes, {options.guests} guests, seed {options.seed}",
                 event="begun", seed=options.seed, minutes=options.minutes)

    def round(self, number, tally, troubles, sizes):
        deeds, failures = sum(tally.deeds.values()), sum(tally.failures.values())
        shown = "   ".join(f"{name} {kib / 1024:.1f} MiB {files} fds"
                           for name, (kib, files) in sizes.items())
        self.say(f"round {number:3}   {deeds:7} done, {failures} refused or cut at tunnels that "
                 f"died, {len(tally.wrong)} wrong   {shown}",
                 event="round", round=number, deeds=dict(tally.deeds),
                 failures=dict(tally.failures), wrong=len(tally.wrong), troubles=troubles,
                 programs={name: {"rss_kib": kib, "descriptors": files}
                           for name, (kib, files) in sizes.items()})

    def ended(self, sentences, seed):
        text = "\n".join(f"wrong: {sentence}" for sentence in sentences[:20])
        self.say(text or "all well: nobody lost a byte, nothing was left, nothing grew",
                 event="ended", wrong=sentences, seed=seed)


def storm(rig, tally, options, dice):
    """One storm; the names of the troubles in it."""
    guests = [Guest(rig.tunnels, tally, dice.random()) for _ in range(options.guests)]
    threads = [Later(guest.run) for guest in guests]
    troubles, end = [], time.monotonic() + options.round
    rig.storm(True)
    while (left := end - time.monotonic()) > 0:
        time.sleep(min(left, dice.uniform(0.2, 2)))
        troubles.append(rig.trouble())
    for guest in guests:
        guest.stop()
    for thread in threads:
        thread.result(10 * PATIENCE)
    rig.storm(False)
    return troubles


def soak(options, report):
    """Sentences about what was wrong."""
    dice = random.Random(options.seed)
    tally, rests = Tally(), []
    report.begun(options)
    rig = Rig(dice.random())
    try:
        end = time.monotonic() + options.minutes * 60
        while not rests or time.monotonic() < end and not tally.wrong:
            troubles = storm(rig, tally, options, dice)
            left = rig.rest()
            if left:
                tally.complain(left)
            rests.append(rig.sizes())
            report.round(len(rests), tally, troubles, rests[-1])
    except KeyboardInterrupt:
        pass  # so far, then
    finally:
        wrong = list(tally.wrong)  # visitors who are still there would complain of the end
        try:
            rig.close()
        except (AssertionError, OSError) as failure:
            wrong.append(str(failure))
    return judge(rests, wrong)


def main(words):
    options = arguments(words)
    report = Report(options.json)
    sentences = soak(options, report)
    report.ended(sentences, options.seed)
    return 1 if sentences else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
