"""The quick start: real parts on loopback, and small programs that use the running one's ports.

The running one leaves run.json in $XDG_RUNTIME_DIR (or /tmp)/epics2kafka-quickstart-UID, readable by its user only.
"""
import argparse
import datetime
import json
import math
import os
import pathlib
import shlex
import signal
import subprocess
import sys
import threading
import time

import e2k_support as parts
from e2k_support.proc import Child
from e2k_support.softioc import repeater_port

HERE = pathlib.Path(__file__).resolve().parent
ALARMS_FOLDER = HERE.parent / "examples" / "alarms"
ALARM_CHANNELS = ["channel1", "channel2", "channel3"]
COMMAND_TOPIC = "epics-channels"
SEVERITIES = ("", "MINOR", "MAJOR", "INVALID")
ALARMS = ("NO_ALARM READ WRITE HIHI HIGH LOLO LOW STATE COS COMM TIMEOUT HW_LIMIT CALC SCAN LINK SOFT BAD_SUB UDF "
          "DISABLE SIMM READ_ACCESS WRITE_ACCESS").split()


def folder():
    path = pathlib.Path(os.environ.get("XDG_RUNTIME_DIR") or "/tmp") / f"epics2kafka-quickstart-{os.getuid()}"
    path.mkdir(mode=0o700, exist_ok=True)
    if path.is_symlink() or path.stat().st_uid != os.getuid():
        sys.exit(f"{path} belongs to somebody else: set XDG_RUNTIME_DIR to a folder of your own")
    return path


def running():
    """run.json of the quick start that runs now, or None."""
    try:
        found = json.loads((folder() / "run.json").read_text())
    except (OSError, ValueError):
        return None
    return found if parts.alive(found["pid"]) else None


def need_running():
    found = running()
    if found is None:
        sys.exit("the quick start does not run: start packaging/quickstart/run in another terminal first")
    return found


def printable(value):
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    return str(value)


def line_of(record):
    """A record as one line: time, key, value, alarm."""
    stamp = datetime.datetime.fromtimestamp(record.timestamp_ms / 1000).isoformat(" ", "milliseconds")
    key = "(no key)" if record.key is None else record.key.decode(errors="replace")
    try:
        value = record.json()
        if value["error"] is not None:
            text = f"*** {value['error']}"
        else:
            text = " ".join(printable(element) for element in record.values or ["(empty)"])
            if value["severity"]:
                text += f"   {ALARMS[value['status']]} {SEVERITIES[value['severity']]}"
    except (ValueError, KeyError, TypeError, IndexError):
        text = repr(record.value)
    return f"{stamp}  {key:<12} {text}"


class EveryTopic(parts.Reader):
    """Reads the topics of the whole broker as they appear, but for the command topic and Kafka's own."""

    def take_new(self, timeout):
        for name in self._consumer.list_topics(timeout=10).topics:
            if name != COMMAND_TOPIC and not name.startswith("_") and name not in self.topics:
                self.topics.append(name)
        self._take(timeout)
        new, self.records = self.records, []
        return new


def tell_what_next(supervisor):
    def command(*words):
        return "  " + " ".join(shlex.quote(str(word)) for word in words)
    bin_folder = parts.build_dir() / "bin"
    here = os.path.relpath(HERE)
    if here.startswith(".."):
        here = str(HERE)
    print("\nTry next, in another terminal:")
    print(command(f"{here}/caput", "channel1", 100) + "          # write to the IOC: the counter goes on from there")
    print(command(f"{here}/consume", "channel1") + "            # read the topic from its beginning")
    print(command("export", f"BOOTSTRAP_SERVERS={supervisor.bootstrap}"))
    print(command(bin_folder / "set-monitored.sh", "-c", "channel2", "-t", "channel2", "-m", "va"))
    print(command(f"{here}/feed", "channel2") + "               # ten new values a second, some of them in alarm")
    print(command(bin_folder / "epics2kafkactl", "--socket", supervisor.socket, "channels"))
    print(command(bin_folder / "epics2kafkactl", "--socket", supervisor.socket, "status"))
    print("Ctrl-C here ends everything.\n", flush=True)


def tell_of_alarms(supervisor):
    here = os.path.relpath(HERE)
    here = str(HERE) if here.startswith("..") else here
    print("\nTry next, in another terminal:")
    print(f"  {here}/caput channel1 1        # trips an alarm")
    print(f"  {here}/caput channel1 0        # clears it")
    print(f"  {here}/consume active-alarms --raw")
    print(f"  {sys.executable} {os.path.relpath(ALARMS_FOLDER)}/active_alarms.py list-active "
          f"--bootstrap-server {supervisor.bootstrap}")
    print("Ctrl-C here ends everything.\n", flush=True)


def show_records(supervisor, seconds):
    """Prints records until the time is over (for ever without one); returns how many came."""
    began, seen, warned = time.monotonic(), 0, False
    with EveryTopic(supervisor.bootstrap) as reader:
        while seconds is None or time.monotonic() - began < seconds:
            if supervisor.child.poll() is not None:
                print(f"the supervisor ended with {supervisor.child.poll()}\n{supervisor.child.tail()}", file=sys.stderr)
                return 0
            for record in reader.take_new(0.2):
                seen += 1
                print(line_of(record), flush=True)
            if not seen and not warned and time.monotonic() - began > 10:
                warned = True
                print(f"no record yet; the supervisor says: {json.dumps(supervisor.try_status())}", file=sys.stderr)
    return seen


def show_alarms(supervisor, seconds):
    """Has the channels' topics followed into that of active alarms, and prints what comes and goes; returns how many lines."""
    program = [sys.executable, str(ALARMS_FOLDER / "active_alarms.py")]
    server = ["--bootstrap-server", supervisor.bootstrap]
    follower = Child("active_alarms.py follow", [*program, "follow", *server, *ALARM_CHANNELS], supervisor.folder,
                     log="alarms.log")
    lines = 0
    try:
        parts.wait_for(lambda: "following" in follower.text(), 30, "the alarms to be followed")
        monitor = subprocess.Popen([*program, "list-active", "--monitor", *server], stdout=subprocess.PIPE, text=True)
        end = threading.Timer(seconds, monitor.terminate) if seconds is not None else None
        if end:
            end.start()
        try:
            for line in monitor.stdout:
                print(line, end="", flush=True)
                lines += line.startswith("+")
        finally:
            if end:
                end.cancel()
            monitor.terminate()
            monitor.wait(10)
    finally:
        follower.stop()
    return lines


def start_and_show(seconds, alarms):
    database = ALARMS_FOLDER / "alarms.db" if alarms else HERE / "channels.db"
    channels = ALARM_CHANNELS if alarms else ["channel1"]
    print("starting a Kafka broker …", flush=True)
    with parts.Broker(heap="512m") as broker:
        print(f"  it answers on {broker.bootstrap}\nstarting an IOC …", flush=True)
        with parts.SoftIoc(database.read_text()) as ioc:
            print(f"  it serves the channels of {os.path.relpath(database)} on 127.0.0.1:{ioc.port}\nstarting the supervisor …", flush=True)
            with parts.Supervisor(broker, [ioc], {"commands": {"topic": COMMAND_TOPIC}}) as supervisor:
                supervisor.ready()
                print(f"  it runs with {len(supervisor.workers())} workers; its configuration: {supervisor.config}")
                (folder() / "run.json").write_text(json.dumps({
                    "pid": os.getpid(), "bootstrap": broker.bootstrap, "ioc_port": ioc.port,
                    "repeater_port": repeater_port(), "socket": str(supervisor.socket)}))
                for channel in channels:
                    words = ["-c", channel, "-t", channel, "-m", "va"]
                    print(f"set-monitored.sh {' '.join(words)}")
                    done = supervisor.script("set-monitored.sh", *words)
                    if done.returncode:
                        sys.exit(f"set-monitored.sh failed: {done.stderr}")
                if alarms:
                    tell_of_alarms(supervisor)
                    return show_alarms(supervisor, seconds)
                tell_what_next(supervisor)
                return show_records(supervisor, seconds)


def run(arguments):
    other = running()
    if other:
        sys.exit(f"a quick start runs already (process {other['pid']}): end it with Ctrl-C there first")

    def stop(*_):
        raise KeyboardInterrupt
    signal.signal(signal.SIGTERM, stop)
    seen, interrupted = 0, False
    try:
        seen = start_and_show(arguments.seconds, arguments.alarms)
    except KeyboardInterrupt:
        interrupted = True
        print("\nending …", flush=True)
    except parts.PartFailed as failure:
        sys.exit(f"quick start: {failure}")
    finally:
        (folder() / "run.json").unlink(missing_ok=True)
    if interrupted:
        return 0
    print(f"{seen} {'alarms' if arguments.alarms else 'records'} came")
    return 0 if seen else 1


def caput(arguments):
    import ca
    found = need_running()
    try:
        ca.Channel(arguments.channel, found["ioc_port"], found["repeater_port"]).put(*arguments.value)
    except ca.CaError as error:
        sys.exit(f"caput: {error}")
    print(f"{arguments.channel} <- {' '.join(arguments.value)}")


def feed(arguments):
    import ca
    found = need_running()
    ends = math.inf if arguments.seconds is None else time.monotonic() + arguments.seconds
    number = 0
    try:
        channel = ca.Channel(arguments.channel, found["ioc_port"], found["repeater_port"])
        print(f"feeding {arguments.channel} every {arguments.period} s; Ctrl-C ends it", flush=True)
        while time.monotonic() < ends:
            channel.put(f"{10 * math.sin(number / 10):.3f}")
            number += 1
            time.sleep(arguments.period)  # the pace that was asked for
    except ca.CaError as error:
        sys.exit(f"feed: {error}")
    except KeyboardInterrupt:
        pass
    print(f"{number} values written")


def consume(arguments):
    found = need_running()
    ends = math.inf if arguments.seconds is None else time.monotonic() + arguments.seconds
    printed = 0
    try:
        with EveryTopic(found["bootstrap"], arguments.topic) as reader:
            while time.monotonic() < ends and (arguments.count is None or printed < arguments.count):
                reader._take(0.2)
                new, reader.records = reader.records, []
                for record in new[:None if arguments.count is None else arguments.count - printed]:
                    printed += 1
                    if arguments.raw:
                        print(f"{(record.key or b'').decode(errors='replace')}={(record.value or b'').decode(errors='replace')}")
                    else:
                        print(line_of(record))
                sys.stdout.flush()
    except KeyboardInterrupt:
        pass
    return 0 if printed else 1


def main():
    parser = argparse.ArgumentParser(prog="packaging/quickstart")
    verbs = parser.add_subparsers(dest="verb", required=True)
    verb = verbs.add_parser("run")
    verb.add_argument("--seconds", type=float, help="end by itself after so long")
    verb.add_argument("--alarms", action="store_true", help="show active alarms instead of records")
    verb.set_defaults(call=run)
    verb = verbs.add_parser("caput")
    verb.add_argument("channel")
    verb.add_argument("value", nargs="+")
    verb.set_defaults(call=caput)
    verb = verbs.add_parser("feed")
    verb.add_argument("channel", nargs="?", default="channel2")
    verb.add_argument("--period", type=float, default=0.1)
    verb.add_argument("--seconds", type=float)
    verb.set_defaults(call=feed)
    verb = verbs.add_parser("consume")
    verb.add_argument("topic")
    verb.add_argument("--count", type=int)
    verb.add_argument("--seconds", type=float)
    verb.add_argument("--raw", action="store_true", help="key=value as they are")
    verb.set_defaults(call=consume)
    arguments = parser.parse_args()
    return arguments.call(arguments)


if __name__ == "__main__":
    sys.exit(main())
