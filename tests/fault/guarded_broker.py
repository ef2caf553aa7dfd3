"""A broker with rights, behind a wire that can be cut. The service logs in; the harness comes by the other listener."""
from e2k_support import Broker, proc

from wire import Wire

USER, PASSWORD = "service", "secret"


class GuardedBroker(Broker):
    """`service_settings()` is [kafka] for the service. Its user may do everything but what deny() takes away."""

    def __init__(self, **more):
        self.wire_port = proc.free_port()
        super().__init__(users={USER: PASSWORD}, **more)
        self.wire = Wire(int(self.guarded.rpartition(":")[2]), self.wire_port)
        for resource, name in (("TOPIC", "*"), ("GROUP", "*"), ("CLUSTER", "kafka-cluster")):
            self._change("create_acls", self._binding(resource, name, "ALL", "ALLOW"))

    def write_properties(self):
        # A topic that is missing stays missing. Whoever asks by the guarded listener is sent through the wire again.
        self.config = {"auto.create.topics.enable": "false", **self.config, "advertised.listeners":
                       f"PLAINTEXT://127.0.0.1:{self.port},GUARDED://127.0.0.1:{self.wire_port}"}
        super().write_properties()

    def service_settings(self):
        return {"bootstrap.servers": f"127.0.0.1:{self.wire_port}", "security.protocol": "sasl_plaintext",
                "sasl.mechanism": "PLAIN", "sasl.username": USER, "sasl.password": PASSWORD,
                "reconnect.backoff.max.ms": 500}

    def deny(self, topic, operation="WRITE"):
        self._change("create_acls", self._binding("TOPIC", topic, operation, "DENY"))

    def grant(self, topic, operation="WRITE"):
        """Takes deny() back."""
        from confluent_kafka.admin import AclBindingFilter, AclOperation, AclPermissionType, ResourcePatternType, \
            ResourceType
        self._change("delete_acls", AclBindingFilter(ResourceType.TOPIC, topic, ResourcePatternType.LITERAL,
                                                     f"User:{USER}", "*", AclOperation[operation],
                                                     AclPermissionType.DENY))

    def _binding(self, resource, name, operation, permission):
        from confluent_kafka.admin import AclBinding, AclOperation, AclPermissionType, ResourcePatternType, ResourceType
        kind = ResourceType.BROKER if resource == "CLUSTER" else ResourceType[resource]
        return AclBinding(kind, name, ResourcePatternType.LITERAL, f"User:{USER}", "*", AclOperation[operation],
                          AclPermissionType[permission])

    def _change(self, what, binding):
        for done in getattr(self.admin(), what)([binding]).values():
            done.result(10)

    def stop(self):
        if hasattr(self, "wire"):
            self.wire.stop()
        super().stop()
