"""What happens to the command topic in a random walk. No channel may notice any of it: nothing here excuses a gap, a loss or a
repeat, but that a new command is carried out as it always is."""
import json
import time

from confluent_kafka import KafkaError, KafkaException
from e2k_support import wait_for
from e2k_support.supervisor import entry_key

MASKS = ("v", "va", "val", "vl", "vap")
MOST_PARTITIONS = 3


class CommandFaults:
    """A part of plan.Walk."""

    # name -> (weight, needs the broker)
    ACTIONS = {"change_masks": (2, True), "deny_commands": (1, True), "bad_commands": (1, True), "renew_commands": (1, True),
               "add_partition": (1, True)}

    def change_masks(self):
        if "commands" in self.open:
            return "skipped: commands can't be read"
        chosen, mask = self._draw_masks()
        with self.stand.incident("masks changed", repeats=True):
            self.stand.service.serve(chosen, mask)
            self._masks_hold()
        return f"{mask}: {', '.join(channel for _, channel in chosen)}"

    def deny_commands(self):
        """The right to read them is taken away; a command that is written meanwhile is carried out when it is back."""
        if "commands" in self.open:
            return "skipped: denied already"
        topic = self.stand.t("commands")
        self.stand.broker.deny(topic, "READ")
        chosen, mask = self._draw_masks()
        before = {entry: self.stand.service.entries[entry] for entry in chosen}
        self._reason("COMMAND_TOPIC_NOT_AUTHORISED", True)
        incident = self.stand.begin("masks changed", repeats=True)
        self.stand.service.serve(chosen, mask)
        self.stand.pause_for(0.3)
        seen = self._masks()
        if any(seen.get(entry) != mask_ for entry, mask_ in before.items()):
            self.stand.wrong("commands", "one was carried out without the right to read it")

        def heal():
            self.stand.broker.grant(topic, "READ")
            self._reason("COMMAND_TOPIC_NOT_AUTHORISED", False)
            self._masks_hold()
            incident.end = time.time()
        self._later("commands can be read", heal, "commands")
        return f"and {mask}: {', '.join(channel for _, channel in chosen)}"

    def bad_commands(self):
        """Under the key of an entry, under other bytes that mean it, under none: refused, and all stays as it was."""
        if "commands" in self.open:
            return "skipped: commands can't be read"
        entry = self.random.choice(sorted(self.stand.service.entries))
        key, spaced = entry_key(*entry), json.dumps(dict(zip(("channel", "topic"), reversed(entry))))
        bad = self.random.choice(((key, "no JSON"), (key, '{"mask":"xyz"}'), (key, ""), (spaced, None), ("", '{"mask":"va"}')))
        before = self.stand.service.status()["commands"]["rejected"]
        self.stand.service.command(bad)
        self.stand.service.wait(lambda s: s["commands"]["rejected"] > before, 20, f"{bad} to be refused")
        self._masks_hold()
        if bad[0] == key:   # as it stands already
            self.stand.service.command((key, json.dumps({"mask": self.stand.service.entries[entry]})))
        return f"{bad[0]}: {bad[1]!r}"

    def renew_commands(self):
        """The topic is deleted, and made again with what it held; it may be read while it is empty."""
        if "commands" in self.open:
            return "skipped: commands can't be read"
        topic, seconds = self.stand.t("commands"), self._seconds(0, 2)
        self.stand.broker.delete_topic(topic)
        self.stand.pause_for(seconds)
        self.command_partitions = self.random.randint(1, 2)
        try:
            self.stand.broker.create_topic(topic, self.command_partitions, compacted=True)
        except KafkaException as failure:
            if failure.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                raise
            self.command_partitions = 1   # the service was faster
        empty = self.random.choice((2, 2, 0))
        self.stand.pause_for(empty)
        held = self.stand.service.entries.items()
        self.stand.service.command(*[(entry_key(*entry), json.dumps({"mask": mask})) for entry, mask in held])
        self._reason("COMMAND_TOPIC_RENEWED", True)
        self.stand.service.wait(lambda s: s["commands"]["caught_up"], 20, "the end of the command topic")
        self._masks_hold()
        return f"after {seconds} s, empty for {empty} s, with {self.command_partitions} partitions"

    def add_partition(self):
        """The same keys may go to another partition from now on: what is written later counts."""
        if "commands" in self.open:
            return "skipped: commands can't be read"
        if self.command_partitions == MOST_PARTITIONS:
            return "skipped: there are enough"
        from confluent_kafka.admin import NewPartitions
        topic = self.stand.t("commands")
        self.command_partitions += 1
        wanted = NewPartitions(topic, self.command_partitions)
        self.stand.broker.admin().create_partitions([wanted])[topic].result(10)
        wait_for(lambda: self.stand.broker.partitions(topic) == self.command_partitions, 20, "another partition")
        chosen, mask = self._draw_masks()
        with self.stand.incident("masks changed", repeats=True):
            self.stand.service.entries.update(dict.fromkeys(chosen, mask))
            self.stand.service.set_aside -= {channel for _, channel in chosen}
            self.stand.broker.produce(topic, [(entry_key(*entry), json.dumps({"mask": mask})) for entry in chosen],
                                      self.command_partitions - 1)
            self._masks_hold()
        return f"of {self.command_partitions} the last one: {mask}: {', '.join(channel for _, channel in chosen)}"

    def _draw_masks(self):
        return self.random.sample(sorted(self.stand.service.entries), 4), self.random.choice(MASKS)

    def _masks(self):
        return {entry: item["mask"] for entry, item in (self.stand.service.books() or {}).items()}

    def _masks_hold(self):
        """Each entry is as it was commanded last, and none is missing."""
        def hold():
            seen = self._masks()
            return seen.keys() == self.stand.service.entries.keys() and all(
                set(seen[entry]) == set(mask) for entry, mask in self.stand.service.entries.items())
        wait_for(hold, 30, "all entries to be as they were commanded", poll=0.1, child=self.stand.service.child)

    def _reason(self, code, there):
        self.stand.service.wait(lambda s: there == (code in [reason["code"] for reason in s["reasons"]]), 30,
                                f"{'' if there else 'no '}{code}")
