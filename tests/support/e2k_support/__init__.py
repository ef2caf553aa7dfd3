"""Real parts for tests and the quick start: a Kafka broker, IOCs, the supervisor under test, a reader that is not ours.

Everything listens on loopback, on free ports; every wait has a deadline; every child is killed when this
process ends. What a part prints goes to a file in its folder (`part.log`), shown when a wait fails.
"""
from .broker import Broker
from .paths import build_dir, cache_dir, root_dir
from .proc import Deadline, PartFailed, alive, cpu_seconds, rss_bytes, wait_for
from .reader import Reader, Record, murmur2_partition
from .softioc import SoftIoc, ca_settings
from .supervisor import Supervisor

__all__ = ["Broker", "Deadline", "PartFailed", "Reader", "Record", "SoftIoc", "Supervisor", "alive", "build_dir",
           "ca_settings", "cache_dir", "cpu_seconds", "murmur2_partition", "root_dir", "rss_bytes", "wait_for"]
