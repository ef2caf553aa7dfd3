"""The service under test: its life and deaths, and the commands that it is given."""
import http.client
import json
import os
import signal

from e2k_support import Supervisor, alive, proc, wait_for
from e2k_support.supervisor import entry_key


class Service(Supervisor):
    """`entries` is what it was told to serve: {(topic, channel): mask}."""

    def __init__(self, broker, iocs, settings=None, **more):
        self.entries = {}
        self.set_aside = set()    # channels that may be quarantined
        settings = dict(settings or {})
        if hasattr(broker, "service_settings"):
            settings["kafka"] = {**broker.service_settings(), **settings.get("kafka", {})}
        super().__init__(broker, iocs, settings, **more)

    @property
    def spool(self):
        given = self.settings.get("spool", {}).get("directory")
        return proc.pathlib.Path(given) if given else self.folder / "state" / "epics2kafka" / "spool"

    def serve(self, entries, mask="va"):
        """Commands for (topic, channel) pairs. A new one ends a quarantine."""
        self.entries.update(dict.fromkeys(entries, mask))
        self.set_aside -= {channel for _, channel in entries}
        self.command(*[(entry_key(*entry), json.dumps({"mask": mask})) for entry in entries])

    def leave(self, *entries):
        for entry in entries:
            del self.entries[entry]
        self.command(*[(entry_key(*entry), None) for entry in entries])

    def all_connected(self, timeout=30.0):
        """Whatever their topics do: every commanded entry's channel is connected."""
        return wait_for(lambda: self._served(), timeout, "all entries to be served", poll=0.1, child=self.child)

    def _served(self):
        try:
            status = self.status()
            if status["channels"]["total"] != len(self.entries):
                return False
            items = self.listed()
        except (OSError, http.client.HTTPException, ValueError, proc.PartFailed):
            return False
        return len(items) == len(self.entries) and all(
            item["state"] in ("CONNECTED", "NO_TOPIC", "NOT_AUTHORISED") and item["host"] or
            item["state"] == "QUARANTINED" and item["channel"] in self.set_aside for item in items)

    def listed(self):
        return self.get("/channels?limit=10000")["items"]

    def books(self):
        """{(topic, channel): the entry as it is shown}; None while nobody answers."""
        try:
            return {(item["topic"], item["channel"]): item for item in self.listed()}
        except (OSError, http.client.HTTPException, ValueError, proc.PartFailed):
            return None

    def worker_pids(self):
        return {worker["slot"]: worker["pid"] for worker in self.workers() if worker["pid"]}

    def kill_worker(self, slot, number=signal.SIGKILL):
        """Returns when another process stands in the slot."""
        pid = self.worker_pids()[slot]
        os.kill(pid, number)
        self.wait(lambda s: any(worker["slot"] == slot and worker["pid"] not in (0, pid, None)
                                for worker in s["workers"]), 40, f"another worker {slot}")
        return pid

    def stop_and_start(self, between=lambda: None, timeout=40.0):
        """SIGTERM and a start; nobody is left in between."""
        pids = list(self.worker_pids().values())
        self.halt(timeout)
        wait_for(lambda: not any(alive(pid) for pid in pids), 20, "the workers to be gone")
        between()
        self.start()
        self.wait(lambda s: s["state"] in ("RUNNING", "PAUSED", "DEGRADED"), 40, "the start")

    def scale(self, wanted):
        self.changed("PUT", f"/workers/count?n={wanted}")

    def changed(self, method, path):
        code, _, body = self.request(method, path)
        if code != 202:
            raise proc.PartFailed(f"{method} {path} was answered with {code}: {body!r}")

    def reload(self):
        done = self.ctl("reload", timeout=60)
        if done.returncode:
            raise proc.PartFailed(f"reload: {done.stderr or done.stdout}")

    def all_moved(self, wanted=None, timeout=90.0):
        """As many workers as wanted, each of them at work, and no channel on its way from one to another."""
        def holds():
            workers = (self.try_status() or {}).get("workers", [])
            return workers and len(workers) == (wanted or len(workers)) and all(
                worker["state"] == "RUNNING" and not worker["moving"] for worker in workers) and self._served()
        return wait_for(holds, timeout, "all channels to have moved", poll=0.1, child=self.child)

    def put_pause(self, on):
        """False where this program can't yet."""
        code, _, body = self.request("PUT", "/pause" if on else "/resume")
        if code in (404, 405, 501):
            return False
        if code >= 300:
            raise proc.PartFailed(f"PUT /pause was answered with {code}: {body!r}")
        return True
