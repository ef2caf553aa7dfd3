"""An IOC whose records count 1, 2, 3, … by themselves, so that a reader sees what is missing.

Each start of the IOC is an epoch: it counts on from epoch * EPOCH, so that no number ever comes again.
"""
import re

from e2k_support import SoftIoc

EPOCH = 1_000_000_000
SCANS = {10: ".1 second", 5: ".2 second", 2: ".5 second", 1: "1 second"}


def epoch_of(number):
    return number // EPOCH


class Counters(SoftIoc):
    """names: {name: events a second, of SCANS}"""

    def __init__(self, names):
        self.names = names
        self.epoch = 1
        super().__init__(self._database())

    def _database(self):
        return "".join(f'record(calc,"{name}"){{field(SCAN,"{SCANS[rate]}")field(VAL,"{self.epoch * EPOCH}")'
                       f'field(INPA,"{name} NPP")field(CALC,"A+1")field(UDF,"0")}}\n'
                       for name, rate in self.names.items())

    def restart(self, between=lambda: None):
        self.halt()
        between()
        self.epoch += 1
        self.write(self._database())
        self.start()

    def rest(self):
        """Ends the counting; returns {name: the last number}."""
        for name in self.names:
            self.put(f"{name}.SCAN", "Passive")
        last = {}
        for name in self.names:
            said = self.shell(f"dbgf {name}")
            last[name] = int(float(re.search(r"DBF_DOUBLE:\s+(\S+)", said).group(1)))
        return last

    def go_on(self):
        for name, rate in self.names.items():
            self.put(f"{name}.SCAN", SCANS[rate])
