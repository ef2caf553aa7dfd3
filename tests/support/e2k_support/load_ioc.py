"""Programs that are driven by lines and answer with lines of JSON, and the load IOC, which is one of them."""
import json
import os
import pathlib
import queue
import subprocess
import threading

from . import paths, proc
from .proc import PartFailed
from .softioc import ca_settings


class Talker:
    """A child that answers lines on stdin with lines of JSON on stdout."""

    def __init__(self, name, arguments, environment):
        self.name = name
        self.folder = proc.make_folder(name)
        self.errors = open(self.folder / "stderr.log", "wb")
        self.process = subprocess.Popen([str(a) for a in arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=self.errors, env=environment, text=True, cwd=self.folder)
        self.pid = self.process.pid
        self.answers = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self.process.stdout:
            if line.startswith("{"):
                self.answers.put(json.loads(line))
        self.answers.put(None)

    def say(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def answer(self, timeout=60.0):
        try:
            answer = self.answers.get(timeout=timeout)
        except queue.Empty:
            raise PartFailed(f"{self.name} has not answered within {timeout} s") from None
        if answer is None or "error" in answer:
            raise PartFailed(f"{self.name}: {answer}\n{(self.folder / 'stderr.log').read_text()[-2000:]}")
        return answer

    def ask(self, line, timeout=60.0):
        self.say(line)
        return self.answer(timeout)

    def stop(self, timeout=15.0):
        try:
            self.process.stdin.close()
            self.process.wait(timeout)
        except (OSError, subprocess.TimeoutExpired):
            self.process.kill()
            self.process.wait(5)
        self.errors.close()
        proc.remove_folder(self.folder)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


def clean_environment(**more):
    kept = {key: value for key, value in os.environ.items() if not key.startswith("EPICS_")}
    return {**kept, **more}


class LoadIoc(Talker):
    """Looks like a SoftIoc to ca_settings(): it has a `port`."""

    def __init__(self, build: pathlib.Path = None, records=1000, prefix="load:", elements=1):
        self.port, self.records, self.prefix = proc.free_port(), records, prefix
        build = (build or paths.build_dir()).resolve()
        super().__init__("load", [build / "bin" / "e2k_load_ioc", "--records", records, "--prefix", prefix,
                                  "--elements", elements],
                         clean_environment(EPICS_CA_SERVER_PORT=str(self.port), EPICS_CAS_INTF_ADDR_LIST="127.0.0.1",
                                           EPICS_CAS_BEACON_ADDR_LIST="127.0.0.1", EPICS_CA_AUTO_ADDR_LIST="NO",
                                           EPICS_CA_MAX_ARRAY_BYTES="67108864",
                                           EPICS_CA_REPEATER_PORT=str(ca_settings()["repeater_port"])))
        self.answer(60)

    def start(self, rate, seconds, monitors=0, verb="go"):
        """Returns when the load has begun; finish() gives its account."""
        self.say(f"{verb} {rate} {seconds} {monitors}")
        self.answer(70)
        self.deadline = seconds + 60

    def finish(self):
        return self.answer(self.deadline)

    def monitors(self):
        return self.ask("monitors")["monitors"]
