"""Findings of the scenarios beside those that hold for every trial."""
from verdict import Finding


def finding(stand, text, channel="(all)"):
    return Finding(channel, stand.prefix, text)


def nothing_lost(stand, topic):
    """No entry of this topic lost, missed or repeated anything."""
    found = []
    for (name, channel), sums in stand.accounts.items():
        if name != stand.t(topic):
            continue
        lost = sums.book["lost"] if sums.book else 0
        if lost or sums.missing or sums.repeats:
            found.append(Finding(channel, name, f"a healthy entry has {lost} lost, {sums.missing} missing, "
                                                f"{sums.repeats} repeats"))
    return found


def lost_is_told(stand):
    """`Lost N events` records say just what was counted lost: what is missing, and such records themselves."""
    notices = sum(i.notices for i in stand.incidents)
    return [Finding(channel, topic, f"records tell of {sums.told_lost} lost events, {sums.book['lost']} are counted, "
                                    f"{sums.missing} are missing")
            for (topic, channel), sums in stand.accounts.items()
            if sums.book and not (sums.told_lost == sums.book["lost"] and
                                  sums.missing <= sums.book["lost"] <= sums.missing + notices)]


def lost_reason(stand, reason):
    """Everything that was lost, was for this reason."""
    reasons = {}
    for slot in sorted(stand.service.worker_pids()):
        worker = stand.service.get(f"/workers/{slot}")
        for name, count in worker.get("lost_by_reason", {}).items():
            reasons[name] = reasons.get(name, 0) + count
    others = {name: count for name, count in reasons.items() if count and name != reason}
    if others or not reasons.get(reason):
        return [finding(stand, f"lost by reason: {reasons}, where {reason} was to be expected")]
    return []


def longest_pause(seen, begin, end):
    """Of the records of a topic with LogAppendTime: the longest time between two in a row, in seconds."""
    stamps = sorted(record.stamp_s for record in seen if begin <= record.stamp_s <= end)
    return max((b - a for a, b in zip(stamps, stamps[1:])), default=float("inf"))
