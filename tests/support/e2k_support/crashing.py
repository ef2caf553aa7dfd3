"""The plug-in that does harm as its options say (tests/e2e/crashing_plugin.c)."""
import subprocess

from . import paths, proc


def crashing_converter(folder):
    """Compiled into the folder as somebody outside of the project would; the text of [value] converter."""
    library = folder / "crashing.so"
    root = paths.root_dir()
    done = subprocess.run(["cc", "-std=gnu99", "-Wall", "-shared", "-fPIC", f"-I{root / 'worker' / 'plugin'}",
                           root / "tests" / "e2e" / "crashing_plugin.c", "-o", library, "-lpthread"],
                          capture_output=True, text=True, timeout=60, check=False)
    if done.returncode:
        raise proc.PartFailed(f"the crashing plug-in can't be compiled: {done.stderr}")
    return f"plugin:{library}"
