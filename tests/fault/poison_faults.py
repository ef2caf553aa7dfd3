"""A channel that ends its worker, in a random walk: it is found, set aside and named, and nobody else loses anything."""
import time

from e2k_support import PartFailed


class PoisonFaults:
    """A part of plan.Walk."""

    # name -> (weight, needs the broker)
    ACTIONS = {"poison": (2, True)}
    MOST_DEATHS = 4     # two over the first record, one over the next one; and one by an entry of its own
    FOUND_S = 30

    def poison(self):
        """Whenever an event of it is converted, until it is quarantined. It is freed some steps later."""
        # What a blocked topic keeps holds an older log, and every log takes its part of the share: with it and three deaths in
        # a row the share is full, however large it is, and the oldest log goes.
        if "poison" in self.open or self._something_can_not_go():
            return "skipped: one is set aside, or something waits that can't go"
        channel = self.random.choice(sorted({channel for _, channel in self.stand.service.entries}))
        service = self.stand.service
        began, before = time.monotonic(), _restarts(service)
        # Of the channel itself, until it is monitored again: what was in the record over which workers ended is lost.
        aside = self.stand.begin("channel set aside", only=channel, gap=True, loses=True, repeats=True)
        with self.stand.incident("channel ends its worker", gap=True, repeats=True):
            self.harm.write_text(channel)
            service.set_aside.add(channel)
            try:
                service.wait(lambda s: s["channels"]["quarantined"], self.FOUND_S, f"{channel} in quarantine")
            finally:
                self.harm.unlink()
            found = {entry["channel"] for entry in service.listed() if entry["state"] == "QUARANTINED"}
            service.all_connected(60)
        died, took = _restarts(service) - before, time.monotonic() - began
        if found != {channel}:
            self.stand.wrong(channel, f"{sorted(found)} are quarantined in its stead")
        if died > self.MOST_DEATHS:
            self.stand.wrong(channel, f"{died} workers ended before it was quarantined")

        def heal():
            self._retry(channel)
            aside.end = time.time()
        self._later(f"{channel} is freed", heal, "poison", most=4)
        return f"{channel}: {died} workers ended, {took:.1f} s"

    def _retry(self, channel):
        service = self.stand.service
        if channel in service.set_aside:   # else a new command has freed it
            done = service.ctl("retry", channel)
            if done.returncode:
                raise PartFailed(f"retry {channel}: {done.stderr or done.stdout}")
            service.set_aside.discard(channel)
        service.all_connected(40)


def _restarts(service):
    return sum(worker["restarts"] for worker in service.workers())
