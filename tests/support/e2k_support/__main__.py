"""python3 -m e2k_support broker | ioc FILE.db: one part for a test that is not Python.

Prints one JSON line ({"bootstrap":…} or {"port":…,"repeater_port":…}) when it is ready and ends with its stdin.
An IOC gets each further line of stdin as IOC shell line.
"""
import json
import pathlib
import sys

from . import Broker, SoftIoc
from .softioc import repeater_port


def main():
    if sys.argv[1:] == ["broker"]:
        with Broker() as broker:
            print(json.dumps({"bootstrap": broker.bootstrap}), flush=True)
            sys.stdin.read()
    elif len(sys.argv) == 3 and sys.argv[1] == "ioc":
        with SoftIoc(pathlib.Path(sys.argv[2]).read_text(encoding="latin-1")) as ioc:
            print(json.dumps({"port": ioc.port, "repeater_port": repeater_port()}), flush=True)
            for line in sys.stdin.buffer:
                ioc.shell(line.rstrip(b"\n"))
    else:
        print(__doc__, file=sys.stderr)
        sys.exit(64)


main()
