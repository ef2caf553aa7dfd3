"""Where things are: the sources, the cache that packaging/build fills, the build under test."""
import os
import pathlib
import sys


def root_dir() -> pathlib.Path:
    return pathlib.Path(__file__).resolve().parents[3]


def cache_dir() -> pathlib.Path:
    return pathlib.Path(os.environ.get("E2K_CACHE") or root_dir() / ".cache")


def build_dir() -> pathlib.Path:
    """$E2K_BUILD, else the newest build folder that holds a supervisor, else build/ci."""
    if os.environ.get("E2K_BUILD"):
        return pathlib.Path(os.environ["E2K_BUILD"]).resolve()
    built = list((root_dir() / "build").glob("*/bin/epics2kafka-supervisor"))
    if built:
        return max(built, key=lambda path: path.stat().st_mtime).parent.parent
    return root_dir() / "build" / "ci"


def python() -> str:
    """The Python that has epicscorelibs."""
    venv = cache_dir() / "venv" / "bin" / "python3"
    return os.environ.get("E2K_PYTHON") or (str(venv) if venv.exists() else sys.executable)
