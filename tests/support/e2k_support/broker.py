"""A Kafka broker: one KRaft node on loopback, its data in a folder of its own."""
import base64
import signal
import subprocess
import uuid

from . import paths, proc
from .broker_guards import Guards


class Broker:
    """Broker() starts one and returns when it answers. `config` holds broker properties, `heap` is Java's -Xmx.

    quick=True (the default) starts Java with the light compiler and collector, right for tests; benchmarks pass
    False. With `users`, `tokens`, `tls` it has further listeners (broker_guards.py): `guarded`, whose users may do only what
    allow() grants, `tokens`, `secure`. `release` 4 is the next generation of Kafka. A context manager; stop() removes the
    data.
    """

    def __init__(self, config=None, heap="1g", quick=True, start_timeout=60.0, users=None, tokens=False, tls=False,
                 release=3):
        self.folder = proc.make_folder("broker")
        self.port = proc.free_port()
        self.controller_port = proc.free_port()
        self.bootstrap = f"127.0.0.1:{self.port}"
        self.guards = Guards(self.folder, users, tokens, tls)
        self.guarded, self.tokens, self.secure = map(self.guards.addresses.get, ("guarded", "tokens", "secure"))
        self.config = config or {}
        self.start_timeout = start_timeout
        self.child = None
        self._admin = None  # kept: a client that goes out of scope takes its pending answers along
        name = "broker" if release == 3 else f"broker{release}"
        libs = paths.cache_dir() / name / "libs"
        if not libs.is_dir():
            raise proc.PartFailed(f"no Kafka broker in {libs}: run packaging/build --with {name}")
        flags = ["-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto"] if quick else []
        self.java = ["java", f"-Xmx{heap}", *flags, "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
                     "-cp", f"{libs}/*"]
        self.write_properties()
        self._format()
        self.start()

    def write_properties(self):
        """What a changed `guards.users` or `config` is at the next start."""
        listeners = [("PLAINTEXT", f"127.0.0.1:{self.port}", "PLAINTEXT"), *self.guards.listeners()]
        properties = {
            "process.roles": "broker,controller",
            "node.id": 1,
            "controller.quorum.voters": f"1@127.0.0.1:{self.controller_port}",
            "listeners": ",".join([f"CONTROLLER://127.0.0.1:{self.controller_port}",
                                   *[f"{name}://{address}" for name, address, _ in listeners]]),
            "advertised.listeners": ",".join(f"{name}://{address}" for name, address, _ in listeners),
            "controller.listener.names": "CONTROLLER",
            "inter.broker.listener.name": "PLAINTEXT",
            "listener.security.protocol.map": ",".join(["CONTROLLER:PLAINTEXT",
                                                        *[f"{name}:{protocol}" for name, _, protocol in listeners]]),
            "log.dirs": self.folder / "data",
            "num.partitions": 1,
            "offsets.topic.replication.factor": 1,
            "offsets.topic.num.partitions": 1,
            "transaction.state.log.replication.factor": 1,
            "transaction.state.log.min.isr": 1,
            "group.initial.rebalance.delay.ms": 0,
            # A restarted node may register again only when its former session has lapsed.
            "broker.session.timeout.ms": 2000,
            "broker.heartbeat.interval.ms": 250,
            **self.guards.properties(),
            **self.config,
        }
        text = "".join(f"{key}={value}\n" for key, value in properties.items())
        (self.folder / "server.properties").write_text(text)

    def allow(self, user, topic, *operations):
        """READ, WRITE, DESCRIBE, DESCRIBE_CONFIGS, … on a topic."""
        from confluent_kafka.admin import AclBinding
        rules = _rules(user, topic, operations)
        for done in self.admin().create_acls([AclBinding(*rule) for rule in rules]).values():
            done.result(10)
        proc.wait_for(lambda: self._granted(rules) == len(rules), 10, f"{operations} for {user} in force")

    def disallow(self, user, topic, *operations):
        """What allow() granted."""
        from confluent_kafka.admin import AclBindingFilter
        rules = _rules(user, topic, operations)
        for done in self.admin().delete_acls([AclBindingFilter(*rule) for rule in rules]).values():
            done.result(10)
        proc.wait_for(lambda: self._granted(rules) == 0, 10, f"{operations} for {user} no longer in force")

    def _granted(self, rules):
        """How many of the rules the broker knows of: it learns of them after the controller, which answers."""
        from confluent_kafka.admin import AclBindingFilter
        admin = self.admin()
        return sum(bool(admin.describe_acls(AclBindingFilter(*rule)).result(10)) for rule in rules)

    def _format(self):
        # An id that began with "-" would be read as an option: its first six bits are never those of "-".
        number = bytes([0, *uuid.uuid4().bytes[1:]])
        cluster = base64.urlsafe_b64encode(number).decode().rstrip("=")
        done = subprocess.run(
            [*self.java, "kafka.tools.StorageTool", "format", "-t", cluster, "-c", "server.properties"],
            cwd=self.folder, stdin=subprocess.DEVNULL, capture_output=True, timeout=60, check=False)
        if done.returncode:
            raise proc.PartFailed(f"the broker's storage could not be formatted:\n{done.stdout!r}\n{done.stderr!r}")

    def start(self, wait=True):
        """Starts it again with the same ports and data."""
        assert self.child is None
        self.child = proc.Child("broker", [*self.java, "kafka.Kafka", "server.properties"], self.folder)
        if wait:
            self.wait_ready()

    def wait_ready(self):
        from confluent_kafka import KafkaException

        def answers():
            try:
                return bool(self.admin().list_topics(timeout=1).brokers)
            except KafkaException:
                return False
        proc.wait_for(answers, self.start_timeout, "the broker's first answer", child=self.child)

    def admin(self):
        from confluent_kafka.admin import AdminClient
        if self._admin is None:
            self._admin = AdminClient({"bootstrap.servers": self.bootstrap, "reconnect.backoff.max.ms": 100,
                                       "log_level": 0, "logger": _Silent})
        return self._admin

    def create_topic(self, name, partitions=1, compacted=False, config=None, timeout=20.0):
        from confluent_kafka.admin import NewTopic
        settings = {"cleanup.policy": "compact"} if compacted else {}
        settings.update({key: str(value) for key, value in (config or {}).items()})
        admin = self.admin()
        topic = NewTopic(name, partitions, 1, config=settings)
        admin.create_topics([topic], operation_timeout=timeout)[name].result(timeout)
        proc.wait_for(lambda: self.partitions(name, admin) == partitions, timeout, f"topic {name}")
        return name

    def delete_topic(self, name, timeout=20.0):
        admin = self.admin()
        admin.delete_topics([name], operation_timeout=timeout)[name].result(timeout)
        proc.wait_for(lambda: self.partitions(name, admin) == 0, timeout, f"topic {name} to be gone")

    def partitions(self, name, admin=None):
        topic = (admin or self.admin()).list_topics(timeout=10).topics.get(name)
        return len(topic.partitions) if topic else 0

    def has_none_of(self, *names):
        """None of these topics was made. A broker learns of topics in the order in which they are made, and a little later: when it
        knows one that is made now, it knows all those before."""
        self.create_topic(f"made-last-{uuid.uuid4()}")
        return not any(self.partitions(name) for name in names)

    def topic_config(self, name):
        """The topic's settings as a dict of text."""
        from confluent_kafka.admin import ConfigResource
        resource = ConfigResource(ConfigResource.Type.TOPIC, name)
        entries = self.admin().describe_configs([resource])[resource].result(10)
        return {key: entry.value for key, entry in entries.items()}

    def alter_topic(self, name, config):
        from confluent_kafka.admin import AlterConfigOpType, ConfigEntry, ConfigResource
        resource = ConfigResource(ConfigResource.Type.TOPIC, name, incremental_configs=[
            ConfigEntry(key, str(value), incremental_operation=AlterConfigOpType.SET)
            for key, value in config.items()])
        self.admin().incremental_alter_configs([resource])[resource].result(10)
        wanted = {key: str(value) for key, value in config.items()}
        proc.wait_for(lambda: wanted.items() <= self.topic_config(name).items(), 10, f"{name} with {wanted}")

    def produce(self, topic, records, partition=None, timeout=20.0):
        """records: (key, value) pairs, each text, bytes or None. Returns when all are acknowledged."""
        from confluent_kafka import Producer
        errors = []
        producer = Producer({"bootstrap.servers": self.bootstrap, "linger.ms": 1, "acks": "all"})
        more = {} if partition is None else {"partition": partition}
        for key, value in records:
            while True:
                try:
                    producer.produce(topic, key=key, value=value,
                                     on_delivery=lambda error, _: error and errors.append(error), **more)
                    break
                except BufferError:
                    producer.poll(0.1)
        if producer.flush(timeout) or errors:
            raise proc.PartFailed(f"records for {topic} were not acknowledged: {errors}\n{self.child.tail()}")

    def pause(self):
        self.child.signal(signal.SIGSTOP)

    def resume(self):
        self.child.signal(signal.SIGCONT)

    def halt(self):
        """Ends the process, keeps its data and ports: start() goes on with them. A kill, since an orderly
        end takes Kafka long and what it has acknowledged outlives its process anyway."""
        if self.child:
            self.child.kill()
            self.child = None

    def restart(self):
        self.halt()
        self.start()

    def stop(self):
        self.halt()
        proc.remove_folder(self.folder)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


class _Silent:
    """librdkafka logs each refused connection while the broker starts: nobody wants to read that."""
    log = staticmethod(lambda *_, **__: None)
    debug = info = warning = error = critical = exception = log


def _rules(user, topic, operations):
    from confluent_kafka.admin import AclOperation, AclPermissionType, ResourcePatternType, ResourceType
    return [(ResourceType.TOPIC, topic, ResourcePatternType.LITERAL, f"User:{user}", "*", AclOperation[operation],
             AclPermissionType.ALLOW) for operation in operations]
