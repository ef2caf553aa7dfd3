"""File systems and folders in trouble: full, or not to be written to."""
import contextlib
import os
import subprocess

from . import proc


class SmallDisk:
    """A file system of its own for the spool, which can be filled. None where it can't be mounted."""

    child = None  # a part of a site: nothing to show when a test fails

    def __init__(self, mib):
        self.folder = proc.make_folder("disk")
        self.mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={mib}m", "tmpfs", self.folder],
                                      stdin=subprocess.DEVNULL, capture_output=True, check=False).returncode == 0
        (self.folder / "spool").mkdir()
        self.filler = self.folder / "filler"

    def fill(self, leave_bytes=0):
        """Takes what is free but leave_bytes; returns how much that was."""
        status = os.statvfs(self.folder)
        take = max(0, status.f_bavail * status.f_frsize - leave_bytes)
        with open(self.filler, "ab") as file:
            try:
                os.posix_fallocate(file.fileno(), file.tell(), take) if take else None
            except OSError:
                pass
        return take

    def free(self):
        self.filler.unlink(missing_ok=True)

    def stop(self):
        if self.mounted:
            subprocess.run(["umount", "-l", self.folder], stdin=subprocess.DEVNULL, capture_output=True, check=False)
        proc.remove_folder(self.folder)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


@contextlib.contextmanager
def immutable(folder, deep=True):
    """Nothing can be made or removed in it, nor (deep) in the folders below; root is refused too. Yields whether it worked."""
    below = [path for path in folder.rglob("*") if path.is_dir()] if deep else []

    def change(how):
        return subprocess.run(["chattr", how, folder, *below], stdin=subprocess.DEVNULL, capture_output=True,
                              check=False).returncode == 0
    done = change("+i")
    try:
        yield done
    finally:
        change("-i")
