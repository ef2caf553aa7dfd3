"""Clean roots of Debian: unpacked from the archives that packaging/lib/roots.sh makes, run in namespaces of their own, and
booted with their own systemd where this machine can (systemd-nspawn).

A root is a folder of its own and is removed at the end of its test. Nothing stays mounted, no process is left.
"""
import itertools
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile

from e2k_support import network, paths, proc


_numbers = itertools.count(1)
# What a freshly installed Debian has, and no more.
PLAIN = ("ca-certificates", "dbus", "iproute2", "passwd", "systemd", "systemd-sysv")


def cache():
    return paths.cache_dir()


def in_bash(script, *arguments):
    """The words that run a piece of bash that may use the functions of roots.sh."""
    prelude = ('set -euo pipefail; die() { printf "%s\\n" "$*" >&2; exit 1; }; say() { printf "%s\\n" "$*" >&2; }; '
               f'cache={cache()}; source {paths.root_dir()}/packaging/lib/roots.sh; ')
    return ["bash", "-c", prelude + script, "bash", *map(str, arguments)]


def bash(script, *arguments, timeout=900, check=True):
    done = subprocess.run(in_bash(script, *arguments), capture_output=True, text=True, timeout=timeout, stdin=subprocess.DEVNULL,
                          check=False)
    if check and done.returncode:
        raise proc.PartFailed(f"{script} {arguments} ended with {done.returncode}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}")
    return done


def archive(suite, packages=PLAIN):
    return pathlib.Path(bash('suite=$1; shift; root_archive "$suite" apt "$@"', suite, *packages, timeout=1800).stdout.strip())


def why_no_boot(source):
    """"" where the systemd of a plain root can be booted here, else what is missing: then it is no matter of the package."""
    if not shutil.which("systemd-nspawn"):
        return "no program systemd-nspawn (package systemd-container)"
    root, alone = Root(source), network.Namespace()
    try:
        root.boot(alone)
    except (proc.PartFailed, OSError, subprocess.SubprocessError) as failure:
        return f"a plain Debian does not boot in systemd-nspawn here: {failure}"
    finally:
        root.remove()
        alone.stop()
    return ""


class Root:
    def __init__(self, source):
        """`source` is an archive."""
        (cache() / "roots").mkdir(parents=True, exist_ok=True)
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="trial-", dir=cache() / "roots"))
        self.booted = None
        try:
            bash('root_unpack "$1" "$2"', source, self.folder)
        except BaseException:
            self.remove()
            raise

    def path(self, name):
        return self.folder / name.lstrip("/")

    def run(self, *command, check=True, timeout=600, network=True):
        """In the root, as root; with the machine's network."""
        done = bash('folder=$1; shift; root_run "$folder" ' + ("" if network else "--offline ") +
                    '--set DEBIAN_FRONTEND=noninteractive -- "$@"', self.folder, *command, timeout=timeout, check=False)
        if check and done.returncode:
            raise proc.PartFailed(f"{command} ended with {done.returncode}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}")
        return done

    def bring(self, *files):
        """Copies files to /root of the root; returns their names there."""
        for file in files:
            shutil.copy(file, self.path("/root/"))
        return [f"/root/{pathlib.Path(file).name}" for file in files]

    def save(self, target):
        subprocess.run(["tar", "-C", self.folder, "--numeric-owner", "--exclude=./var/lib/apt/lists/*",
                        "--exclude=./var/cache/apt/*", "--exclude=./usr/share/locale/*", "-cf", target, "."], check=True, timeout=300)

    def boot(self, network=None):
        self.booted = Booted(self.folder, network)
        return self.booted

    def remove(self):
        if self.booted:
            self.booted.stop()
        subprocess.run(["rm", "-rf", "--one-file-system", self.folder], check=False, timeout=120)


class Booted:
    """The root's systemd as process 1 of namespaces of its own; in the network `network` (e2k_support.Namespace)."""

    def __init__(self, folder, network=None):
        self.folder = proc.make_folder("boot")
        arguments = ["systemd-nspawn", "--quiet", "--directory", folder, "--boot", "--register=no", "--keep-unit",
                     f"--machine=e2k-{os.getpid()}-{next(_numbers)}", "--console=pipe", "--resolv-conf=off", "--timezone=off"]
        if network:
            arguments.append(f"--network-namespace-path={network.path}")
        # systemd 257 knows no other than the unified hierarchy of control groups.
        self.child = proc.Child("systemd", arguments, self.folder, {**os.environ, "SYSTEMD_NSPAWN_UNIFIED_HIERARCHY": "1"})
        try:
            self.leader = proc.wait_for(self._leader, 30, "the first process of the root", child=self.child)
            proc.wait_for(lambda: self.run("systemctl", "is-system-running", check=False).stdout.strip() in ("running", "degraded"),
                          60, "a systemd that has started", child=self.child)
        except BaseException:
            self.child.stop()
            raise

    def _leader(self):
        """The child of nspawn in another process namespace: systemd itself."""
        own = os.readlink(f"/proc/{self.child.pid}/ns/pid")
        children = pathlib.Path(f"/proc/{self.child.pid}/task/{self.child.pid}/children").read_text().split()
        for pid in children:
            try:
                if os.readlink(f"/proc/{pid}/ns/pid") != own and "systemd" in pathlib.Path(f"/proc/{pid}/comm").read_text():
                    return int(pid)
            except OSError:
                pass
        return None

    def run(self, *command, check=True, timeout=120):
        done = subprocess.run(["nsenter", f"--target={self.leader}", "--mount", "--uts", "--ipc", "--net", "--pid", "--cgroup",
                               "--root", "--wd=/", "--", "env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root",
                               "LC_ALL=C.UTF-8", "DEBIAN_FRONTEND=noninteractive", "SYSTEMD_PAGER=", *map(str, command)],
                              capture_output=True, text=True, timeout=timeout, stdin=subprocess.DEVNULL, check=False)
        if check and done.returncode:
            raise proc.PartFailed(f"{command} ended with {done.returncode}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}")
        return done

    def show(self, unit, *names):
        """Properties of a unit, as a dict."""
        text = self.run("systemctl", "show", unit, *[f"--property={name}" for name in names]).stdout
        return dict(line.split("=", 1) for line in text.splitlines() if "=" in line)

    def stop(self):
        if self.child.poll() is None:
            os.kill(self.leader, signal.SIGRTMIN + 4)  # systemd's word for poweroff
        try:
            self.child.wait(60)
        finally:
            self.child.stop()
            proc.remove_folder(self.folder)
