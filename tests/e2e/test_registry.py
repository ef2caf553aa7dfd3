"""A schema registry that is away, refuses, hangs or wants a password: Channel Access goes on, events wait, the status
says why in the registry's words, and nothing is missing afterwards."""
import dataclasses
import json
import pathlib
import types
import typing

import pytest
from e2k_support import Deadline, Decoder, PartFailed, basic, bearer
from e2k_support.decode import schema_id
from e2k_support.proc import free_port
from records import assert_counts_without_fault, counter

GOLDEN = pathlib.Path(__file__).parents[1] / "unit" / "encode" / "golden"
RECORD_NAME = "org.jlab.kafka.connect.EPICS_CA_DBR"
RETRIED_WITHIN_S = 75  # a refused schema is tried again every 30 s; the rest is for a busy machine


def avro(url, **options):
    """[value] with the converter avro; names of options have _ for a dot."""
    more = {name.replace("_", "."): value for name, value in options.items()}
    return {"converter": "avro", "options": {"schema.registry.url": url, **more}}


def settings(url, **options):
    return {"workers": {"count": 1}, "value": avro(url, **options)}


def problem(status):
    """What the status says of the registry; "" while nothing is amiss."""
    return next((reason["message"] for reason in status["reasons"] if reason["code"] == "SCHEMA_REGISTRY"), "")


def counted(decoder, records):
    """The records as those of counters are judged, read by Confluent's deserializer."""
    seen = [decoder.avro(record) for record in records]
    return assert_counts_without_fault(
        [types.SimpleNamespace(values=value["doubleValues"], error=value["error"]) for value in seen])


# ---- several registries, registries that come and go -------------------------------------------------

@pytest.mark.one_pass
def test_the_next_url_is_taken_when_the_first_is_dead(site, registry, decoder):
    """… with subjects by topic and record, which is seen in the same registry."""
    ioc = site.ioc(counter("c"))
    topic = site.topic()
    supervisor = site.supervisor([ioc], settings(
        f"http://127.0.0.1:{free_port()},{registry.url}",
        value_subject_name_strategy="io.confluent.kafka.serializers.subject.TopicRecordNameStrategy"))
    supervisor.monitor("c", topic, "v")
    counted(decoder, site.reader(topic).count(5))
    supervisor.wait(lambda s: s["state"] == "RUNNING", 20, "RUNNING")
    assert registry.latest(f"{topic}-{RECORD_NAME}") and not registry.latest(f"{topic}-value")


def test_events_wait_for_a_registry_that_is_away_at_the_start(site, registry, decoder):
    registry.kill()
    ioc = site.ioc(counter("c"))
    topic = site.topic()
    supervisor = site.supervisor([ioc], settings(registry.url))
    supervisor.monitor("c", topic, "v")
    status = supervisor.wait(lambda s: s["state"] == "DEGRADED" and problem(s) and s["events"]["waiting"] >= 20, 40,
                             "events that wait for the registry")
    assert f"127.0.0.1:{registry.port}" in problem(status)
    assert status["channels"]["connected"] == 1 and status["events"]["lost"] == 0
    reader = site.reader(topic)
    assert reader.to_end() == []
    registry.start()
    supervisor.wait(lambda s: s["state"] == "RUNNING" and s["events"]["waiting"] < 5, RETRIED_WITHIN_S, "RUNNING")
    assert len(counted(decoder, reader.to_end())) >= status["events"]["waiting"]


def test_a_registry_that_dies_stops_only_topics_it_does_not_know(site, registry, decoder):
    ioc = site.ioc(counter("old") + counter("new"))
    old, new = site.topic("old"), site.topic("new")
    supervisor = site.supervisor([ioc], settings(registry.url))
    supervisor.monitor("old", old, "v")
    old_reader, new_reader = site.reader(old), site.reader(new)
    old_reader.count(3)
    registry.kill()
    supervisor.monitor("new", new, "v")
    supervisor.wait(lambda s: s["state"] == "DEGRADED" and problem(s), 40, "DEGRADED by the registry")
    went_on = len(old_reader.to_end()) + 15
    old_reader.count(went_on)
    assert new_reader.to_end() == []
    status = supervisor.wait(lambda s: s["events"]["waiting"] >= 10, 20, "events that wait")
    registry.start()
    new_reader.count(status["events"]["waiting"], timeout=RETRIED_WITHIN_S)
    supervisor.wait(lambda s: s["state"] == "RUNNING", 20, "RUNNING")
    counted(decoder, new_reader.to_end())
    counted(decoder, old_reader.to_end())


def test_the_latest_version_is_used_as_it_is(site, registry, decoder):
    text = (GOLDEN / "avro-schema-nometa.json").read_text().strip()
    ioc = site.ioc(counter("c"))
    topic = site.topic()
    number = registry.register(f"{topic}-value", text)
    supervisor = site.supervisor([ioc], settings(registry.url, auto_register_schemas=False,
                                                 use_latest_version=True))
    supervisor.monitor("c", topic, "v")
    records = site.reader(topic).count(3)
    counted(decoder, records)
    assert {schema_id(record.value) for record in records} == {number}
    assert registry.versions(f"{topic}-value") == [1]


# ---- what a registry refuses -------------------------------------------------------------------------

PASSWORD, WRONG_PASSWORD, TOKEN = "right-horse-battery", "wrong-horse-battery", "token-of-a-good-key"


@dataclasses.dataclass
class Refusal:
    """A supervisor whose registry refuses, and all that was seen of it."""
    topic: str
    words: list  # what the status must say
    url: str
    remedy: typing.Callable
    options: dict = dataclasses.field(default_factory=dict)
    key: dict = dataclasses.field(default_factory=dict)
    stand_in: object = None  # where it is one that the test itself asks
    supervisor: object = None
    before: dict = None        # the status while it is refused
    written_before: int = 0    # records in the topic then
    seen_before: str = ""      # everything that the programs say to anybody, then
    records: list = None       # the topic's records in the end
    after: dict = None
    seen_after: str = ""
    failure: Exception = None  # what ended it early

    def checked(self, step):
        if getattr(self, step) is None:
            raise self.failure or AssertionError(f"{step} was not reached")
        return self


class Refusals:
    """All cases at once, each with a supervisor of its own, so that they wait for their second chance together."""

    def __init__(self, site, registry):
        self.site = site
        self.registry = registry
        self.secured = site.stand_in(authorization=basic("reader", PASSWORD))
        self.keys = site.stand_in(authorization=bearer(TOKEN), first_id=9001, tls=True)
        self.cases = {"409": self.conflict(), "422": self.invalid(), "401": self.wrong_password(),
                      "no answer": self.hanging(), "incompatible": self.incompatible(),
                      "unregistered": self.unregistered()}
        self.ioc = site.ioc("".join(counter(f"c{number}") for number in range(len(self.cases))))
        for name, case in self.cases.items():
            case.supervisor = site.supervisor(
                [self.ioc], {**settings(case.url, **case.options), **({"key": case.key} if case.key else {}),
                             "commands": {"topic": f"{site.commands}-{name.replace(' ', '-')}"}}, ready=False)
        self.readers = {name: site.reader(case.topic) for name, case in self.cases.items()}
        self.each(self.start, 30)
        self.each(self.look, 60)
        for case in self.cases.values():
            case.remedy()
        self.each(self.finish, RETRIED_WITHIN_S)

    def each(self, step, timeout):
        """One step of all cases that got this far, in `timeout` together."""
        deadline = Deadline(timeout)
        for case in self.cases.values():
            if case.failure is None:
                try:
                    step(case, max(0.5, deadline.left()))
                except PartFailed as failure:
                    case.failure = failure

    # -- the cases --------------------------------------------------------------------------------

    def conflict(self):
        stand_in = self.site.stand_in()
        topic = self.site.topic("conflict")
        words = "Schema being registered is incompatible with an earlier schema, details: TYPE_MISMATCH at 4711"
        stand_in.refuse(409, words, subject=f"{topic}-value")
        return Refusal(topic, [words, f"{topic}-value"], stand_in.url, lambda: stand_in.accept(f"{topic}-value"),
                       stand_in=stand_in)

    def invalid(self):
        stand_in = self.site.stand_in()
        topic = self.site.topic("invalid")
        words = "Invalid schema of type AVRO: its namespace is reserved for section 7"
        stand_in.refuse(422, words, code=42201, subject=f"{topic}-value")
        return Refusal(topic, [words, f"{topic}-value"], stand_in.url, lambda: stand_in.accept(f"{topic}-value"))

    def wrong_password(self):
        """… and the key's registry speaks TLS, wants a token, and gets it."""
        topic = self.site.topic("password")

        def remedy():
            self.secured.authorization = basic("reader", WRONG_PASSWORD)  # the site changes it to what we have
        token = {"bearer_auth_credentials_source": "STATIC_TOKEN", "bearer_auth_token": TOKEN,
                 "ssl_ca_location": str(self.keys.ca)}
        return Refusal(topic, ["401", f"{topic}-value"], self.secured.url, remedy,
                       {"basic_auth_credentials_source": "USER_INFO",
                        "basic_auth_user_info": f"reader:{WRONG_PASSWORD}"}, avro(self.keys.url, **token))

    def hanging(self):
        stand_in = self.site.stand_in()
        stand_in.hang()
        return Refusal(self.site.topic("hanging"), [f"127.0.0.1:{stand_in.port}"], stand_in.url, stand_in.accept,
                       {"http_read_timeout_ms": 2000})

    def incompatible(self):
        """By a real registry: the subject has a schema that cannot be read with ours."""
        topic = self.site.topic("incompatible")
        subject = f"{topic}-value"
        self.registry.register(subject, json.dumps({
            "type": "record", "name": "EPICS_CA_DBR", "namespace": "org.jlab.kafka.connect",
            "fields": [{"name": "error", "type": "int"}]}))
        self.registry.set_compatibility("BACKWARD", subject)
        return Refusal(topic, ["Incompatible artifact", subject], self.registry.url,
                       lambda: self.registry.delete(subject))

    def unregistered(self):
        """auto.register.schemas=false, and nobody has registered it."""
        topic = self.site.topic("unregistered")
        text = (GOLDEN / "avro-schema.json").read_text().strip()
        return Refusal(topic, [f"{topic}-value"], self.registry.url,
                       lambda: self.registry.register(f"{topic}-value", text), {"auto_register_schemas": False})

    # -- the steps --------------------------------------------------------------------------------

    def start(self, case, timeout):
        case.supervisor.ready(timeout)
        case.supervisor.monitor(f"c{list(self.cases.values()).index(case)}", case.topic, "v")

    def look(self, case, timeout):
        case.before = case.supervisor.wait(
            lambda s: s["state"] == "DEGRADED" and problem(s) and s["events"]["waiting"] >= 10, timeout,
            "events that wait for the registry")
        case.written_before = len(self.reader(case).to_end())
        case.seen_before = everything_said(case.supervisor)

    def finish(self, case, timeout):
        case.after = case.supervisor.wait(lambda s: s["state"] == "RUNNING" and s["events"]["waiting"] < 5,
                                          timeout, "RUNNING")
        case.records = list(self.reader(case).to_end())
        case.seen_after = everything_said(case.supervisor)

    def reader(self, case):
        return next(self.readers[name] for name, known in self.cases.items() if known is case)

    def decoder(self, case):
        password = {"basic.auth.user.info": f"reader:{WRONG_PASSWORD}"} if case.url == self.secured.url else {}
        return Decoder(case.url, password)


def everything_said(supervisor):
    """Logs, status, metrics, --check, the client, and what `ps` shows of every process of the supervisor."""
    said = [log.read_text(errors="replace") for log in supervisor.folder.rglob("*.log")]
    for path in ("/status", "/workers", "/channels", "/rejected", "/metrics"):
        said.append(supervisor.request("GET", path)[2].decode())
    done = supervisor.check()
    said += [done.stdout, done.stderr, supervisor.ctl("status").stdout]
    for pid in [supervisor.child.pid, *[worker["pid"] for worker in supervisor.workers()]]:
        for file in ("cmdline", "environ"):
            said.append(pathlib.Path(f"/proc/{pid}/{file}").read_bytes().replace(b"\0", b" ").decode(errors="replace"))
    return "\n".join(said)


CASES = ["409", "422", "401", "no answer", "incompatible", "unregistered"]


@pytest.fixture(scope="module")
def refusals(module_site, running_registry):
    return Refusals(module_site, running_registry)


@pytest.mark.parametrize("name", CASES)
def test_the_status_says_why_in_the_registrys_own_words(refusals, name):
    case = refusals.cases[name].checked("before")
    missing = [word for word in case.words if word not in problem(case.before)]
    assert not missing, problem(case.before)


@pytest.mark.parametrize("name", CASES)
def test_events_wait_while_the_registry_refuses(refusals, name):
    case = refusals.cases[name].checked("before")
    assert case.written_before == 0 and case.before["channels"]["connected"] == 1
    assert case.before["events"]["lost"] == 0 and case.before["events"]["waiting"] >= 10


@pytest.mark.parametrize("name", CASES)
def test_events_flow_without_a_gap_when_the_cause_is_gone(refusals, name):
    case = refusals.cases[name].checked("records")
    numbers = counted(refusals.decoder(case), case.records)
    assert len(numbers) >= case.before["events"]["waiting"]
    assert case.after["events"]["lost"] == 0 and not problem(case.after)


def test_a_password_is_nowhere_to_be_read(refusals):
    case = refusals.cases["401"].checked("records")
    header = basic("reader", WRONG_PASSWORD).split()[1]
    assert "SCHEMA_REGISTRY" in case.seen_before
    for said in (case.seen_before, case.seen_after):
        for secret in (WRONG_PASSWORD, header, TOKEN):
            assert secret not in said


def test_credentials_are_sent_as_the_registry_wants_them(refusals):
    refusals.cases["401"].checked("records")
    for stand_in, wanted in ((refusals.secured, basic("reader", WRONG_PASSWORD)), (refusals.keys, bearer(TOKEN))):
        assert stand_in.asked()
        assert {request.headers.get("authorization") for request in stand_in.asked()} == {wanted}


def test_a_registry_without_registration_is_only_asked(refusals):
    """The schema that somebody else registered is used; no version is added to it."""
    case = refusals.cases["unregistered"].checked("records")
    latest = refusals.registry.latest(f"{case.topic}-value")
    assert {schema_id(record.value) for record in case.records} == {latest["id"]}
    assert refusals.registry.versions(f"{case.topic}-value") == [1]


def test_requests_are_what_a_confluent_registry_takes(refusals):
    password_topic = refusals.cases["401"].checked("records").topic
    asked = [request for stand_in in (refusals.secured, refusals.keys) for request in stand_in.asked("/versions")]
    assert asked
    for request in asked:
        assert request.method == "POST" and request.headers["content-type"].startswith(
            "application/vnd.schemaregistry.v1+json")
        assert set(request.json()) == {"schema"} and json.loads(request.json()["schema"])
    subjects = {request.path.split("?")[0] for request in asked}
    assert subjects == {f"/subjects/{password_topic}-value/versions", f"/subjects/{password_topic}-key/versions"}


def test_a_refused_schema_is_not_asked_for_without_pause(refusals):
    """A registry that refuses is not flooded: half a minute lies between two tries, whatever the number of events."""
    case = refusals.cases["409"].checked("records")
    assert 2 <= len(case.stand_in.asked("-value/versions")) <= 5
