"""More comes than can be published: the callback waits for nothing, and what there is no room for is counted to the event."""
from expect import finding, lost_is_told
from load import Load
from stand import Stand

FLOOD_S, FLOOD_CALIBRATION_S, UNPACED_S = 30, 4, 10
NOTICES = 100   # an entry's records of losses by the callback, which may be dropped with the oldest


def flood(broker, prefix, say, rate=20000):
    """Twice as much comes (--rate, 20000/s) as the wire to the broker lets through: no callback waits, all is in the books."""
    with _flooded(broker, prefix) as stand:
        begun = broker.wire.passed_bytes
        stand.ioc.begin(rate, FLOOD_CALIBRATION_S)
        stand.ioc.rest()
        stand.service.settled(60)
        broker.wire.limit((broker.wire.passed_bytes - begun) / FLOOD_CALIBRATION_S / 2)
        try:
            found = _flood(stand, rate, FLOOD_S, say)
        finally:
            broker.wire.limit(None)
        return found + _after_the_flood(stand)


def flood_unpaced(broker, prefix, say):
    """As much comes for 10 s as IOC and machine can send, far more than they can publish: all is in the books."""
    with _flooded(broker, prefix) as stand:
        stand.ioc.begin(5000, 2)
        stand.ioc.rest()
        stand.service.settled(60)
        return _flood(stand, 0, UNPACED_S, say) + _after_the_flood(stand)


def _flooded(broker, prefix):
    load = Load(200)
    entries = [("out", load.channel(number)) for number in range(200)]
    settings = {"workers": {"count": 1}, "spool": {"max_total_bytes": 24 << 20, "max_event_bytes": 1 << 20}}
    return Stand(broker, prefix, {"out": 4}, {}, entries, settings, ioc=load)


def _flood(stand, rate, seconds, say):
    """A callback that waited would hold up the server's queues: the load waits for those, and would miss its rate."""
    before = stand.service.status()["events"]
    with stand.incident("flood", loses=True, notices=NOTICES):
        stand.ioc.begin(rate, seconds)
        stand.ioc.rest()
        after = stand.service.status()["events"]
    grown = {name: after[name] - before[name] for name in ("received", "acknowledged", "lost", "waiting")}
    posted, replaced = stand.ioc.last_report["posted"], stand.ioc.last_report["replaced"]
    say(f"    {posted} posted in {stand.ioc.last_report['seconds']:.1f} s, {replaced} replaced by the server; at its end {grown}: "
        f"{grown['received'] / max(1, grown['acknowledged']):.2f} times what was published")
    found = []
    # Records that tell of losses count as received, too.
    if replaced or not posted <= grown["received"] <= posted + NOTICES * len(stand.service.entries):
        found.append(finding(stand, f"{posted} were posted, {grown['received']} received, {replaced} replaced by the server"))
    if rate and posted < 0.98 * rate * seconds:
        found.append(finding(stand, f"only {posted} of {rate * seconds} came: a callback waited"))
    if not grown["lost"]:
        found.append(finding(stand, "nothing was lost: the spool was not full"))
    return found


def _after_the_flood(stand):
    stand.service.settled(120)
    stand.ioc.begin(1000, 1)  # the events before which it is told what was lost
    stand.ioc.rest()
    stand.follower.to_end(timeout=300)
    return stand.finish(120) + lost_is_told(stand)


SCENARIOS = (flood, flood_unpaced)
