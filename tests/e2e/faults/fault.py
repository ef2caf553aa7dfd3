"""A fault as an operator meets it: what `epics2kafkactl --json status` says of it and how soon, and that it ends by itself
when its cause is mended."""
import contextlib
import json
import time

from e2k_support import proc

SOON_S = 15  # by then whoever asks is told
ASKS_ALL = "epics2kafka-supervisor --config FILE --check --connect"
DEGRADED, NOT_READY = 6, 1


def told(supervisor):
    """(exit status of the client, status, {code: reason}); None while nobody answers."""
    done = supervisor.ctl("--json", "status")
    if not done.stdout:
        return None
    status = json.loads(done.stdout)
    return done.returncode, status, {reason["code"]: reason for reason in status["reasons"]}


def reason(supervisor, code):
    """It stands."""
    return told(supervisor)[2][code]


@contextlib.contextmanager
def shown(supervisor, code, *words, command, within_s=SOON_S, beside=()):
    """The body does the harm. Then the reason stands, its message names these words (thing, cause, remedy), it names that
    command, and all other reasons are said to come of it, but for those `beside` it."""
    begun = time.monotonic()
    yield
    seen = {}

    def stands():
        answer = told(supervisor)
        if answer:
            seen["reasons"] = answer[1]["reasons"]
        return answer and code in answer[2] and all(word in answer[2][code]["message"] for word in words) and answer
    try:
        exit_status, status, reasons = proc.wait_for(stands, within_s + 10, f"{code} with {words}", poll=0.1)
    except proc.PartFailed as failure:
        raise proc.PartFailed(f"{failure}\nlast reasons: {json.dumps(seen, indent=1)}") from None
    took_s = time.monotonic() - begun
    print(f"{code} after {took_s:.1f} s: {reasons[code]['message']}")
    assert took_s <= within_s, f"{code} came after {took_s:.1f} s"
    assert reasons[code]["command"] == command, reasons[code]
    assert exit_status == (NOT_READY if status["state"] == "STARTING" else DEGRADED), status["state"]
    others = {name for name, reason in reasons.items() if name != code and reason["because"] is None}
    assert others <= set(beside), f"beside {code}: {[reasons[name] for name in others]}"


@contextlib.contextmanager
def ends(supervisor, code, within_s=SOON_S):
    """The body mends the cause, and the reason ends by itself."""
    begun = time.monotonic()
    yield

    def over():
        answer = told(supervisor)
        return answer and code not in answer[2]
    proc.wait_for(over, within_s + 10, f"the end of {code}", poll=0.1, child=supervisor.child)
    took_s = time.monotonic() - begun
    print(f"{code} ended after {took_s:.1f} s")
    assert took_s <= within_s, f"{code} ended after {took_s:.1f} s"
