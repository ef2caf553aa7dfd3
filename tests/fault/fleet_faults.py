"""What happens to the fleet in a random walk: moves, replacements, hangs, a supervisor that dies. What a consumer must not notice
excuses nothing: no gap, and of each entry at most one repeat for each time that it may have moved."""
import os
import signal

from e2k_support import wait_for


class FleetFaults:
    """A part of plan.Walk."""

    # name -> (weight, needs the broker)
    ACTIONS = {"kill_supervisor": (2, False), "reload": (1, False), "reload_changed": (1, False), "hang_worker": (1, False),
               "scale": (2, False), "scale_and_kill": (1, False), "replace_worker": (1, False), "rolling": (1, False)}
    MOST_WORKERS = 4
    lingers = 5

    def kill_supervisor(self):
        """The next one finds the workers: they are not started anew, and nothing is missed or repeated."""
        before = self.stand.service.worker_pids()
        # Whose share of the spool is that of another number of workers is replaced by the next one.
        with self.stand.incident("supervisor killed", moves=2, ends=True):
            self.stand.service.kill()
            self.stand.pause_for(self._seconds(0, 2))
            self.stand.service.start()
            self.stand.service.wait(lambda s: s["state"] in ("RUNNING", "PAUSED", "DEGRADED"), 40, "the start")
            self.stand.service.all_connected(60)
        after = self.stand.service.worker_pids()
        kept = sum(after.get(slot) == pid for slot, pid in before.items())
        # One that is not taken over ends, and that is a fault of its own: the stand sees it.
        return f"{kept} of {len(before)} workers kept"

    def reload(self):
        if self._something_can_not_go():
            return "skipped: something waits that can't go"
        pid = self.stand.service.child.pid
        # Whose share of the spool is that of another number of workers is replaced.
        with self.stand.incident("reloaded", moves=2, ends=True):
            self.stand.service.reload()
            self.stand.pause_for(1)
            self.stand.service.all_moved()
        return f"pid {pid}"

    def _something_can_not_go(self):
        """What waits of a blocked topic holds its channels where they are for a minute."""
        return self.absent or self.open & {"rights", "broker", "pause"}

    def reload_changed(self):
        if self._something_can_not_go():
            return "skipped: something waits that can't go"
        self.lingers = 12 - self.lingers   # 5 or 7
        with self.stand.incident("reloaded with another linger.ms", moves=2, ends=True):
            self.stand.service.settings.setdefault("kafka", {})["linger.ms"] = self.lingers
            self.stand.service.write_config()
            self.stand.service.reload()
            self.stand.pause_for(0.5)
            self.stand.service.all_moved()
        return f"linger.ms {self.lingers}"

    def hang_worker(self):
        slot = self._slot()
        pid = self.stand.service.worker_pids()[slot]
        with self.stand.incident("worker hangs", gap=True, repeats=True):
            os.kill(pid, signal.SIGSTOP)
            wait_for(lambda: self.stand.service.worker_pids().get(slot) not in (0, pid, None), 20,
                     f"another worker {slot} in the place of one that hangs", child=self.stand.service.child)
            self.stand.service.all_connected(60)
        return f"worker {slot}"

    def scale(self):
        if self._something_can_not_go():
            return "skipped: something waits that can't go"
        wanted = self.random.randint(1, self.MOST_WORKERS)
        with self.stand.incident("scaled", moves=1, ends=True):
            self.stand.service.scale(wanted)
            self.stand.service.all_moved(wanted)
        return f"to {wanted}"

    def scale_and_kill(self):
        """Somebody dies in the middle of it."""
        if self._something_can_not_go():
            return "skipped: something waits that can't go"
        wanted = self.random.randint(1, self.MOST_WORKERS)
        with self.stand.incident("scaled, and a worker killed", gap=True, repeats=True, moves=2):
            self.stand.service.scale(wanted)
            self.stand.pause_for(self._seconds(0, 0.6))
            pids = self.stand.service.worker_pids()
            slot = self.random.choice(sorted(pids))
            os.kill(pids[slot], signal.SIGKILL)
            self.stand.pause_for(0.3)
            self.stand.service.all_moved(wanted)
        return f"to {wanted}, worker {slot} killed"

    def replace_worker(self):
        if self._something_can_not_go():
            return "skipped: something waits that can't go"
        slot = self._slot()
        with self.stand.incident("worker replaced", moves=2, ends=True):
            self.stand.service.changed("POST", f"/workers/{slot}/restart")
            self.stand.pause_for(0.5)
            self.stand.service.all_moved()
        return f"worker {slot}"

    def rolling(self):
        if self._something_can_not_go():
            return "skipped: something waits that can't go"
        with self.stand.incident("all workers replaced", moves=2 * self.MOST_WORKERS, ends=True):
            self.stand.service.changed("POST", "/workers/restart?rolling=true")
            self.stand.pause_for(0.5)
            self.stand.service.all_moved(timeout=120)
