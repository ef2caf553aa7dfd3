"""The bare harness, as a program that a benchmark drives; the load IOC is among the parts of all tests."""
import pathlib

from e2k_support import LoadIoc, Talker, ca_settings
from e2k_support.load_ioc import clean_environment

__all__ = ["BareHarness", "LoadIoc"]


class BareHarness(Talker):
    def __init__(self, build: pathlib.Path, broker, ioc, topic, properties=()):
        settings = {f"EPICS_CA_{key.upper()}": ("NO" if value is False else str(value))
                    for key, value in ca_settings(ioc).items()}
        super().__init__("bare", [build / "bin" / "bare_harness", "--bootstrap", broker.bootstrap, "--topic", topic,
                                  "--prefix", ioc.prefix, "--channels", ioc.records,
                                  *[word for one in properties for word in ("-X", one)]],
                         clean_environment(EPICS_CA_MAX_ARRAY_BYTES="67108864", **settings))
        self.answer(60)

    def counts(self):
        return self.ask("counts")
