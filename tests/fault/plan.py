"""A random walk of faults under load. The seed decides all that is drawn; what heals by itself is healed some steps later."""
import random
import signal
import time

from e2k_support import PartFailed, crashing_converter, proc

from command_faults import CommandFaults
from fleet_faults import FleetFaults
from poison_faults import PoisonFaults
from stand import Stand
from verdict import Finding

CHANNELS = {f"c{number}": 10 if number % 6 else 1 for number in range(24)}
TOPICS = {"plain": 1, "wide": 3, "short": 3, "rights": 1, "narrow": 2}


def entries():
    names = list(CHANNELS)
    topics = list(TOPICS)
    all_ = [(topics[number % len(topics)], name) for number, name in enumerate(names)]
    return all_ + [("plain", "c1"), ("wide", "c2"), ("short", "c5"), ("narrow", "c8")]


class Walk(FleetFaults, PoisonFaults, CommandFaults):
    """`harm`: the file that names the channel over which the converter crashes. `owed`: what has to happen, whatever else
    is drawn."""

    def __init__(self, stand, seed, say, harm, owed=()):
        self.stand, self.say, self.harm = stand, say, harm
        self.random = random.Random(seed)
        self.step = 0
        self.heals = []          # (step, name, function, fault)
        self.open = set()        # faults that last
        self.owed = list(owed)
        self.command_partitions = 1
        self.absent = []         # entries of topics that are not there
        self.absent_made = 0

    # name -> (weight, needs the broker)
    ACTIONS = {"kill_worker": (3, False), "crash_worker": (1, False), "kill_while_draining": (2, False),
               "stop_and_start": (2, False), "kill_broker": (2, True),
               "freeze_broker": (2, True), "reset_connections": (2, False), "refuse_records": (2, True),
               "refuse_stamps": (2, True), "delete_topic": (1, True), "deny": (2, True), "fill_disk": (1, False),
               "pause": (2, False), "restart_ioc": (1, False), "serve_absent": (2, True),
               "leave_absent": (1, True), "quiet": (1, False), **FleetFaults.ACTIONS, **PoisonFaults.ACTIONS,
               **CommandFaults.ACTIONS}

    def run(self, seconds):
        end = time.monotonic() + seconds
        begun = time.monotonic()
        while time.monotonic() < end:
            self.step += 1
            self._heal(self.step)
            name = self._draw()
            done = getattr(self, name)()
            if name in self.owed and not (done or "").startswith("skipped"):
                self.owed.remove(name)
            self.stand.pause_for(self._seconds(0.2, 1.5))
            status = self.stand.service.try_status()
            sums = status["events"] if status else {}
            self.say(f"{self.step:4} {time.monotonic() - begun:7.1f} s  {name.replace('_', ' '):20} {done or '':40} "
                     f"waiting {sums.get('waiting', '?')}, lost {sums.get('lost', '?')}, gaps {sums.get('gaps', '?')}")
        while self.heals:
            self._heal(None)

    def _draw(self):
        broker = "broker" not in self.open
        names = [name for name, (_, needs) in self.ACTIONS.items() if broker or not needs]
        owed = [name for name in self.owed if name in names]
        if owed and self.step % 2:   # the others in between, so that something is open when it comes
            return self.random.choice(owed)
        return self.random.choices(names, [self.ACTIONS[name][0] for name in names])[0]

    def _heal(self, step):
        """What is due, the broker first: without it most others can't be healed. None: all."""
        due = [heal for heal in self.heals if step is None or heal[0] <= step]
        for heal in sorted(due, key=lambda one: one[3] != "broker"):
            if "broker" in self.open and heal[3] not in ("broker", "pause"):
                continue
            self.heals.remove(heal)
            heal[2]()
            self.say(f"{'':16} healed: {heal[1]}")

    def _later(self, name, heal, fault, most=3):
        self.open.add(fault)

        def close():
            heal()
            self.open.discard(fault)
        self.heals.append((self.step + self.random.randint(1, most), name, close, fault))

    def _slot(self):
        return self.random.choice(sorted(self.stand.service.worker_pids()))

    def _seconds(self, least, most):
        return round(self.random.uniform(least, most), 1)

    # -- the faults -----------------------------------------------------------------------------

    def quiet(self):
        self.stand.pause_for(self._seconds(0.5, 2))

    def kill_worker(self):
        slot = self._slot()
        self.stand.kill_worker(slot, signal.SIGKILL)
        return f"worker {slot}"

    def crash_worker(self):
        """Two within a minute in one slot begin a search for a channel, and there is none to be found."""
        slot, number = self._slot(), self.random.choice((signal.SIGSEGV, signal.SIGABRT))
        self.stand.kill_worker(slot, number)
        return f"worker {slot}, {number.name}"

    def kill_while_draining(self):
        """Its successor finds a log to drain, and dies over it."""
        slot, again = self._slot(), self.random.randint(1, 2)
        with self.stand.incident("worker killed while it drains", gap=True, repeats=True):
            for _ in range(again + 1):
                self.stand.service.kill_worker(slot)
            self.stand.service.all_connected(60)
        return f"worker {slot}, {again + 1} times"

    def stop_and_start(self):
        self.stand.restart_service()

    def kill_broker(self):
        incident = self.stand.begin("broker killed")
        self.stand.broker.halt()

        def heal():
            self.stand.broker.start()
            incident.end = time.time()
        if self.random.random() < 0.5:
            self.stand.pause_for(self._seconds(0, 2))
            heal()
            return "and started"
        self._later("the broker runs", heal, "broker")
        return "it stays away"

    def freeze_broker(self):
        seconds = self._seconds(0.5, 4)
        with self.stand.incident("broker frozen"):
            self.stand.broker.pause()
            self.stand.pause_for(seconds)
            self.stand.broker.resume()
        return f"{seconds} s"

    def reset_connections(self):
        with self.stand.incident("connections reset"):
            return f"{self.stand.broker.wire.reset()} connections"

    def refuse_records(self):
        return self._refuse("records refused", "size", {"max.message.bytes": 100}, {"max.message.bytes": 1048588})

    def refuse_stamps(self):
        """The IOC's stamps are some milliseconds old when they arrive: out of the broker's bounds then."""
        name = "message.timestamp.before.max.ms"
        return self._refuse("stamps refused", "stamps", {name: 1}, {name: (1 << 63) - 1})

    def _refuse(self, kind, fault, config, healthy):
        if fault in self.open:
            return "refused already"
        topic = self.stand.t("narrow")
        incidents = self.stand.begin(kind, repeats=True), self.stand.begin(kind, loses=True, only=topic)
        self.stand.broker.alter_topic(topic, config)

        def heal():
            self.stand.broker.alter_topic(topic, healthy)
            for incident in incidents:
                incident.end = time.time()
        self._later(f"no more {kind}", heal, fault)

    def delete_topic(self):
        partitions, seconds = self.random.randint(1, 3), self._seconds(0.2, 3)
        self.stand.remove_and_make("short", partitions, seconds)
        return f"made again with {partitions} partitions after {seconds} s"

    def deny(self):
        if "rights" in self.open:
            return "denied already"
        topic = self.stand.t("rights")
        incident = self.stand.begin("no right to write", repeats=True)
        self.stand.broker.deny(topic)

        def heal():
            self.stand.broker.grant(topic)
            incident.end = time.time()
        self._later("the right is granted", heal, "rights")

    def fill_disk(self):
        if not self.stand.disk.mounted:
            return "skipped: no file system can be mounted"
        seconds = self._seconds(1, 4)
        with self.stand.incident("disk full", loses=True):
            self.stand.disk.fill(self.random.choice((0, 0, 1 << 20)))
            self.stand.pause_for(seconds)
            self.stand.disk.free()
        return f"{seconds} s"

    def pause(self):
        if "pause" in self.open:
            return "paused already"
        if not self.stand.service.put_pause(True):
            return "skipped: this program has no PUT /pause"
        self._later("resumed", lambda: self.stand.service.put_pause(False), "pause")

    def restart_ioc(self):
        with self.stand.incident("IOC restarted", gap=True):
            self.stand.ioc.restart()
            self.stand.service.all_connected(60)

    def serve_absent(self):
        if "commands" in self.open:
            return "skipped: commands can't be read"
        entry = f"absent{self.absent_made}", self.random.choice(sorted(CHANNELS))
        self.absent_made += 1
        self.absent.append(entry)
        self.stand.serve(entry)
        self.stand.service.all_connected(30)

        def heal():
            self.stand.make_topic(entry[0])
        self.heals.append((self.step + self.random.randint(2, 8), f"{entry[0]} is made", heal, entry[0]))
        return f"{entry[1]} -> {entry[0]}"

    def leave_absent(self):
        if "commands" in self.open:
            return "skipped: commands can't be read"
        if not self.absent:
            return "there is none"
        entry = self.absent.pop(self.random.randrange(len(self.absent)))
        self.stand.leave(*entry)
        return f"{entry[1]} -> {entry[0]}"


def walk(broker, seed, seconds, say, prefix, owed=()):
    """Returns (findings, stand's accounts)."""
    settings = {"workers": {"count": 2, "max_restart_delay_ms": 1000, "drain_timeout_ms": 3000},
                "spool": {"max_total_bytes": 33554432, "keep_free_bytes": 1048576, "max_event_bytes": 1048576}}
    folder = proc.make_folder("harm")
    try:
        harm = folder / "channel"
        settings["value"] = {"converter": crashing_converter(folder), "options": {"crash.named_in": str(harm)}}
        with Stand(broker, prefix, TOPICS, CHANNELS, entries(), settings, disk_mib=96) as stand:
            return _walked(Walk(stand, seed, say, harm, owed), seconds, say)
    finally:
        proc.remove_folder(folder)


def _walked(steps, seconds, say):
    stand = steps.stand
    try:
        steps.run(seconds)
        findings = stand.finish()
    except PartFailed:
        say(stand.service.child.tail(30) if stand.service.child else "")
        raise
    finally:
        if stand.broker.child is None:
            stand.broker.start()
        stand.broker.resume()
    return findings + [Finding("(all)", stand.prefix, f"this walk did not meet {name}") for name in steps.owed], stand.accounts
