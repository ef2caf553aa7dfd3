"""Real parts for tests and the quick start: a Kafka broker, a schema registry, IOCs, the supervisor under test,
readers that are not ours; and a Channel Access server that misbehaves as it is told.

Everything listens on loopback, on free ports; every wait has a deadline; every child is killed when this
process ends. What a part prints goes to a file in its folder (`part.log`), shown when a wait fails.
"""
from .broker import Broker
from .broker_guards import Authority
from .ca_traffic import Beacons, FrameSink, jumping_back, steady
from .crashing import crashing_converter
from .decode import Decoder
from .disk import SmallDisk, immutable
from .load_ioc import LoadIoc, Talker
from .network import Cable, Namespace, Relay, Unanswered, with_files
from .paths import build_dir, cache_dir, root_dir
from .proc import Deadline, PartFailed, alive, assert_in_time, cpu_seconds, rss_bytes, wait_for
from .reader import Reader, Record, murmur2_partition
from .registry import Refused, Registry, StandInRegistry, basic, bearer
from .softioc import SoftIoc, ca_settings, repeater_port
from .stub_ca import StubIoc
from .stub_circuit import Channel
from .supervisor import Supervisor

__all__ = ["Authority", "Beacons", "Broker", "Cable", "Channel", "Deadline", "Decoder", "FrameSink", "LoadIoc",
           "Namespace", "PartFailed", "Reader", "Record", "Refused", "Registry", "Relay", "SmallDisk", "SoftIoc", "StandInRegistry",
           "StubIoc", "Supervisor", "Talker",
           "Unanswered", "alive", "assert_in_time", "basic", "bearer", "build_dir", "ca_settings", "cache_dir", "cpu_seconds", "crashing_converter",
           "immutable", "jumping_back", "murmur2_partition", "repeater_port", "root_dir", "rss_bytes", "steady", "wait_for",
           "with_files"]
