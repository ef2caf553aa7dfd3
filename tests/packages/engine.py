"""An engine for containers (podman with runc), its images in the cache, its networks in a network namespace of their own, so that no
port, address or rule of this machine is touched. Registries of images are not asked: what the images are made from is made here.

Images survive in the cache, containers and volumes do not survive the session.
"""
import os
import pathlib
import resource
import shutil
import subprocess
import tarfile

import clean_root
from e2k_support import Namespace, network, paths, proc

PROGRAMS = ("podman", "runc", "iptables", "netavark", "aardvark-dns")
CERTIFICATES = pathlib.Path("/etc/ssl/certs/ca-certificates.crt")
# Names that compose.yaml and the Containerfiles have for what they build on.
DEBIAN = {"bookworm": "docker.io/library/debian:bookworm-slim", "trixie": "docker.io/library/debian:trixie-slim"}


def why_not():
    """"" where containers can be run, else what is missing."""
    if os.geteuid() != 0:
        return "only root may run containers here"
    folders = os.environ["PATH"] + ":/usr/lib/podman"
    missing = [name for name in PROGRAMS if not shutil.which(name, path=folders)]
    return f"no program {missing[0]}" if missing else network.why_not()


def _limit(kind, most):
    """The engine asks for more than a machine may give: no more than this process has."""
    hard = resource.getrlimit(kind)[1]
    return most if hard == resource.RLIM_INFINITY else min(hard, most)


class Engine:
    def __init__(self):
        self.folder = paths.cache_dir() / "containers"
        for name in ("run", "tmp", "networks"):
            shutil.rmtree(self.folder / name, ignore_errors=True)
            (self.folder / name).mkdir(parents=True)
        files = _limit(resource.RLIMIT_NOFILE, 65536)
        (self.folder / "containers.conf").write_text(
            f'[containers]\ndefault_ulimits = ["nofile={files}:{files}", "nproc={_limit(resource.RLIMIT_NPROC, 8192)}"]\n'
            f'[engine]\ncgroup_manager = "cgroupfs"\nevents_logger = "none"\nruntime = "runc"\ntmp_dir = "{self.folder}/tmp"\n'
            f'[network]\nnetwork_backend = "netavark"\nnetwork_config_dir = "{self.folder}/networks"\n')
        (self.folder / "storage.conf").write_text(
            f'[storage]\ndriver = "overlay"\ngraphroot = "{self.folder}/images"\nrunroot = "{self.folder}/run"\n')
        self.environment = {**os.environ, "CONTAINERS_CONF": str(self.folder / "containers.conf"),
                            "CONTAINERS_STORAGE_CONF": str(self.folder / "storage.conf")}
        self.network = Namespace()
        self._clear()

    def _clear(self):
        self.run("rm", "--all", "--force", "--time", "0", "--volumes")
        self.run("volume", "prune", "--force")

    def stop(self):
        self._clear()
        self.run("image", "prune", "--force", check=False)
        self.network.stop()

    def run(self, *words, **more):
        """podman, in the network of the containers."""
        return self._call([*self.network.within, "podman"], words, **more)

    def compose(self, *words, also=(), **more):
        """What `docker compose` and `podman compose` are, on the file of packaging/container, and others there."""
        folder = paths.root_dir() / "packaging" / "container"
        files = [word for name in ("compose.yaml", *also) for word in ("--file", folder / name)]
        return self._call([*self.network.within, paths.python(), "-m", "podman_compose", *files], words, **more)

    def _call(self, program, words, check=True, timeout=120):
        done = subprocess.run([*map(str, program), *map(str, words)], env=self.environment, capture_output=True, text=True, timeout=timeout,
                              stdin=subprocess.DEVNULL, check=False)
        if check and done.returncode:
            raise proc.PartFailed(f"{words} ended with {done.returncode}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}")
        return done

    def build(self, tag, file, context):
        """In the machine's own network, where packages come from."""
        self._call(["podman"], ["build", "--format", "docker", "--network", "host", "--tag", tag, "--file", file, context], timeout=900)

    def bring_debian(self, suite):
        """A Debian with little in it, under the name of the one in the registry. It trusts whom this machine trusts."""
        source = pathlib.Path(clean_root.bash('root_archive "$@"', suite, "minbase", "ca-certificates", timeout=1800).stdout.strip())
        made = f"{source.name}-{int(source.stat().st_mtime)}"
        known = self.run("image", "inspect", DEBIAN[suite], "--format", '{{index .Labels "made"}}', check=False).stdout.strip()
        if known == made:
            return
        copy = self.folder / f"{suite}.tar"
        shutil.copyfile(source, copy)
        if CERTIFICATES.exists():
            with tarfile.open(copy, "a") as archive:
                archive.add(CERTIFICATES, "./etc/machine-certificates.crt")
        self.run("import", "--quiet", "--change", f"LABEL made={made}", "--change", "ENV PIP_CERT=/etc/machine-certificates.crt",
                 copy, DEBIAN[suite], timeout=300)
        copy.unlink()
