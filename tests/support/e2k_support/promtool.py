"""Prometheus' own judge of metrics and rules. Its package brings a service along, which nobody asked for: the program alone is
taken out of it."""
import fcntl
import functools
import pathlib
import shutil
import subprocess
import tempfile

from .paths import cache_dir


@functools.cache
def promtool():
    """Its path; None where there is neither one nor a Debian package of it."""
    found = shutil.which("promtool")
    return found or _unpacked(cache_dir() / "promtool")


def _unpacked(folder):
    program = folder / "usr/bin/promtool"
    folder.parent.mkdir(parents=True, exist_ok=True)
    with open(folder.with_suffix(".lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if program.exists():
            return str(program)
        if not shutil.which("apt-get") or not shutil.which("dpkg-deb"):
            return None
        with tempfile.TemporaryDirectory(dir=folder.parent) as made:
            run = functools.partial(subprocess.run, cwd=made, stdin=subprocess.DEVNULL, capture_output=True, timeout=120)
            if run(["apt-get", "download", "prometheus"]).returncode:
                return None
            package = next(pathlib.Path(made).glob("prometheus_*.deb"))
            run(["dpkg-deb", "-x", package, "tree"], check=True)
            shutil.copytree(pathlib.Path(made) / "tree", folder, ignore=lambda at, names: [
                name for name in names if name in ("prometheus", "share", "lib", "etc", "var")])
    return str(program) if program.exists() else None


def judge(*arguments, stdin=None):
    """(exit code, what it says) of promtool with these arguments."""
    done = subprocess.run([promtool(), *map(str, arguments)], input=stdin, capture_output=True, text=True, timeout=60,
                          check=False)
    return done.returncode, done.stdout + done.stderr
