"""The IOC's program: database files, an optional access security file, then IOC shell lines from stdin until its end.

`@N` answers `@N` on stdout: what came before is done. `=RECORD JSON` writes a number, a text or a list of either to a
field, with texts as Latin-1 bytes: DBR_STRING has no encoding, and the shell's own dbpf has quoting rules of its own.
"""
import argparse
import ctypes
import json
import os
import struct
import sys

from epicscorelibs import ioc


DBR_STRING, DBR_DOUBLE = 0, 10  # dbFldTypes.h
STRING_BYTES = 40


def put(record, value):
    values = value if isinstance(value, list) else [value]
    if values and isinstance(values[0], str):
        kind, data = DBR_STRING, b"".join(text.encode("latin-1").ljust(STRING_BYTES, b"\0") for text in values)
    else:
        kind, data = DBR_DOUBLE, struct.pack(f"{len(values)}d", *values)
    address = ctypes.create_string_buffer(512)  # a DBADDR is smaller
    db = ioc.dbCore
    db.dbPutField.argtypes = [ctypes.c_void_p, ctypes.c_short, ctypes.c_char_p, ctypes.c_long]
    status = db.dbNameToAddr(record.encode(), address) or db.dbPutField(address, kind, data, len(values))
    if status:
        os.write(1, f"@error {record}: status {status:#x}\n".encode())


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("-d", "--database", action="append", default=[])
    parser.add_argument("-a", "--access", default="")
    arguments = parser.parse_args()
    if arguments.access:
        ioc.dbCore.asSetFilename(arguments.access.encode())
    ioc.start_ioc(dbs=[(path, "") for path in arguments.database])
    os.write(1, b"@ready\n")
    for line in sys.stdin.buffer:
        line = line.rstrip(b"\n")
        if line.startswith(b"@"):
            os.write(1, line + b"\n")
        elif line.startswith(b"="):
            record, _, value = line[1:].decode().partition(" ")
            put(record, json.loads(value))
        else:
            ioc.iocshCmd(line)
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
