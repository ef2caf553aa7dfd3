"""Topics that can't be written to, beside others that can: the others must not notice."""
import time

from e2k_support import PartFailed, wait_for

from expect import finding, longest_pause, nothing_lost
from load import Load
from stand import Stand

ONE_WORKER = {"workers": {"count": 1}}
APPEND_TIME = {"message.timestamp.type": "LogAppendTime"}
SCAN_S = 0.1
PAUSE_S = 0.1      # that a neighbour may feel beyond its scan …
NOISE_S = 0.1      # … and what the machine itself is allowed, or did before


def missing_topic_beside_healthy(broker, prefix, say, seconds=60, rate=2500):
    """One missing topic beside 200 healthy counters with an 8 MiB spool: they lose nothing."""
    load = Load(201)
    entries = [("out", load.channel(number)) for number in range(200)] + [("absent", load.channel(200))]
    settings = {**ONE_WORKER, "spool": {"max_total_bytes": 8 << 20, "max_event_bytes": 1 << 20}}
    with Stand(broker, prefix, {"out": 1}, {}, entries, settings, ioc=load) as stand:
        load.begin(rate, seconds)
        load.rest()
        book = stand.book("absent", load.channel(200))
        say(f"    absent: {book['waiting']} wait, {book['lost']} lost, state {book['state']}")
        stand.make_topic("absent")
        found = stand.finish()
        if book["state"] != "NO_TOPIC":
            found.append(finding(stand, f"its state is {book['state']}", load.channel(200)))
        return found + nothing_lost(stand, "out")


def refused_records(broker, prefix, say):
    """A record that the broker refuses ten times a second, for its size: the others do not repeat, pause or pile up."""
    return _refused(broker, prefix, say, {"max.message.bytes": 100})


def refused_stamps(broker, prefix, say):
    """The same for its stamp, which is older than the broker takes."""
    return _refused(broker, prefix, say, {"message.timestamp.before.max.ms": 1}, passing=5)


def _refused(broker, prefix, say, config, passing=0, seconds=20):
    """`passing`: so many may be taken all the same."""
    names = [f"n{number}" for number in range(20)]
    with Stand(broker, prefix, {}, dict.fromkeys([*names, "r"], 10), [], ONE_WORKER) as stand:
        stand.make_topic("out", **APPEND_TIME)
        stand.make_topic("narrow", **config)
        stand.serve(*[("out", name) for name in names])
        stand.service.all_connected()
        before = _pauses(stand, names, 5)
        stand.begin("records refused", loses=True, only="r")
        stand.serve(("narrow", "r"))
        stand.service.all_connected()
        during = _pauses(stand, names, seconds)
        backlog = sum(stand.book("out", name)["waiting"] for name in names)
        say(f"    longest time between two records of a neighbour: {before:.3f} s before, {during:.3f} s beside the "
            f"refused ones; {backlog} of them wait")
        found = _judge_pause(stand, before, during)
        if backlog > 60:
            found.append(finding(stand, f"{backlog} events of the neighbours wait"))
        # Its narrow topic stays as it is: nothing of it may wait all the same.
        found += stand.finish()
        refused = stand.accounts[stand.t("narrow"), "r"]
        if refused.numbers > passing or refused.book["lost"] < 8 * seconds:
            found.append(finding(stand, f"{refused.numbers} refused records are there, {refused.book['lost']} lost", "r"))
        return found + nothing_lost(stand, "out")


def right_granted_later(broker, prefix, say):
    """A topic without the right to write: its neighbours do not pause; granted, it flows within 10 s without a new event."""
    names = [f"n{number}" for number in range(10)]
    with Stand(broker, prefix, {}, {**dict.fromkeys(names, 10), "slow": 1}, [], ONE_WORKER) as stand:
        stand.make_topic("out", **APPEND_TIME)
        stand.make_topic("rights")
        broker.deny(stand.t("rights"))
        stand.serve(*[("out", name) for name in names])
        stand.service.all_connected()
        before = _pauses(stand, names, 5)
        stand.serve(("rights", "slow"))
        stand.service.all_connected()
        during = _pauses(stand, names, 12)
        state = stand.book("rights", "slow")["state"]
        stand.ioc.put("slow.SCAN", "Passive")
        say(f"    longest time between two records of a neighbour: {before:.3f} s before, {during:.3f} s beside it; "
            f"its state is {state}")
        found = _judge_pause(stand, before, during)
        if state != "NOT_AUTHORISED":
            found.append(finding(stand, f"its state is {state}", "slow"))
        broker.grant(stand.t("rights"))
        begun = time.monotonic()
        try:
            wait_for(lambda: stand.book("rights", "slow")["waiting"] == 0, 60, "what waits for the right", poll=0.1)
        except PartFailed as failure:
            found.append(finding(stand, str(failure), "slow"))
        took = time.monotonic() - begun
        say(f"    published {took:.1f} s after the grant")
        if took > 10:
            found.append(finding(stand, f"published {took:.1f} s after the grant", "slow"))
        return found + stand.finish() + nothing_lost(stand, "out") + nothing_lost(stand, "rights")


def fewer_partitions(broker, prefix, say):
    """A topic is deleted and made again with fewer partitions: its channels go on, their order is kept."""
    names = [f"n{number}" for number in range(12)]
    entries = [("wide", name) for name in names] + [("out", "n0")]
    with Stand(broker, prefix, {"wide": 6, "out": 1}, dict.fromkeys(names, 10), entries, ONE_WORKER) as stand:
        stand.pause_for(1)
        stand.remove_and_make("wide", 2)
        wait_for(lambda: broker.partitions(stand.t("wide")) == 2, 30, "the new topic, as the broker knows it")
        begun = time.monotonic()

        def flows():
            return all(any(seen.incarnation == 2 for seen in stand.follower.of(stand.t("wide"), name)) for name in names)
        wait_for(flows, 40, "records of all channels in the new topic", poll=0.1)
        took = time.monotonic() - begun
        say(f"    all channels flow {took:.1f} s after it was made")
        found = stand.finish() + nothing_lost(stand, "out")
        return found + ([finding(stand, f"they flow {took:.1f} s after it was made")] if took > 15 else [])


def _pauses(stand, names, seconds):
    """The longest time between two records of one channel, over the next seconds."""
    stand.pause_for(1)
    begin = time.time()
    stand.pause_for(seconds)
    end = time.time()
    stand.follower.to_end(stand.t("out"))
    return max(longest_pause(stand.follower.of(stand.t("out"), name), begin, end) for name in names)


def _judge_pause(stand, before, during):
    allowed = max(SCAN_S + PAUSE_S + NOISE_S, before + PAUSE_S)
    if during <= allowed:
        return []
    return [finding(stand, f"a neighbour paused for {during - SCAN_S:.3f} s; before it was {before - SCAN_S:.3f} s")]


SCENARIOS = (missing_topic_beside_healthy, refused_records, refused_stamps, right_granted_later, fewer_partitions)
