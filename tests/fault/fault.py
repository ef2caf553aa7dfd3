"""Faults under load, judged by an independent reader. See README.md; tests/fault/run calls this.

    --minutes N [--seed S]   one random walk of faults; the seed is printed and repeats it
    --bounded                what tests/run does: short walks with fixed seeds and the quick scenarios
    --only NAME              a scenario (repeatable; --list names them). Those of full size run so alone; --minutes, --gib
                             and --rate change their size where they have one
"""
import argparse
import inspect
import random
import sys
import time
import traceback

import report
import scenarios
from guarded_broker import GuardedBroker
from plan import walk
from verdict import Finding

# seed -> what this walk has to meet, whatever else it draws
BOUNDED_WALKS = {1416: ("poison", "bad_commands"), 1339: ("deny_commands", "renew_commands", "add_partition")}
BOUNDED_WALK_S = 32


def arguments():
    parser = argparse.ArgumentParser(prog="tests/fault/run", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float)
    parser.add_argument("--seed", type=int)
    parser.add_argument("--gib", type=float)
    parser.add_argument("--rate", type=int, help="events a second")
    parser.add_argument("--bounded", action="store_true")
    parser.add_argument("--only", action="append", choices=sorted(scenarios.ALL), metavar="NAME")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--counts", help="a file to append PASSED FAILED to")
    return parser.parse_args()


class Trials:
    def __init__(self, broker):
        self.broker = broker
        self.begun = time.monotonic()
        self.results = []   # (name, passed, what to say)

    def say(self, text):
        print(text, flush=True)

    def walk(self, seed, seconds, owed=()):
        name = f"walk, seed {seed}"
        self.say(f"\n--- {name}, {seconds:.0f} s")
        self._try(name, lambda prefix: self._walked(seed, seconds, prefix, owed))

    def _walked(self, seed, seconds, prefix, owed):
        findings, accounts = walk(self.broker, seed, seconds, self.say, prefix, owed)
        report.print_accounts(accounts, findings, self.say)
        return findings

    def scenario(self, name, size=()):
        """`size`: of these, what the scenario has a parameter for."""
        run = scenarios.ALL[name]
        known = inspect.signature(run).parameters if name in scenarios.FULL else ()
        given = {key: value for key, value in dict(size).items() if key in known and value is not None}
        self.say(f"\n--- {name}: {run.__doc__.strip().splitlines()[0]}{f' {given}' if given else ''}")
        self._try(name, lambda prefix: run(self.broker, prefix, self.say, **given))

    def _try(self, name, trial):
        begun = time.monotonic()
        try:
            findings = trial(f"t{len(self.results)}")
        except Exception as failure:  # whatever went wrong, the other trials go on
            traceback.print_exc(limit=-3, file=sys.stdout)
            findings = [Finding("(all)", "(all)", f"{type(failure).__name__}: {failure}")]
        finally:
            self.heal_broker()
        for text in report.shortened(findings):
            self.say(f"  VIOLATION in {name}: {text}")
        self.say(f"    {time.monotonic() - begun:.1f} s")
        self.results.append((name, not findings, str(findings[0]).splitlines()[0] if findings else ""))

    def heal_broker(self):
        if self.broker.child is None:
            self.broker.start()
        self.broker.resume()


def main():
    options = arguments()
    if options.list:
        for name, scenario in scenarios.ALL.items():
            print(f"{name:28} {scenario.__doc__.strip().splitlines()[0]}")
        return 0
    with GuardedBroker() as broker:
        trials = Trials(broker)
        for name in options.only or (scenarios.QUICK if options.bounded else ()):
            trials.scenario(name, {"minutes": options.minutes, "gib": options.gib, "rate": options.rate})
        if options.bounded:
            for seed, owed in BOUNDED_WALKS.items():
                trials.walk(seed, BOUNDED_WALK_S, owed)
        elif options.minutes and not options.only:
            seed = options.seed if options.seed is not None else random.randrange(1 << 31)
            print(f"seed {seed}: tests/fault/run --minutes {options.minutes:g} --seed {seed} repeats it", flush=True)
            trials.walk(seed, options.minutes * 60)
        elif not options.only:
            for name in scenarios.DIRECTED:
                trials.scenario(name)
    return report.finish(trials.results, options.counts)


sys.exit(main())
