"""A stand-in for systemd at NOTIFY_SOCKET."""
import re
import socket
import threading
import time

from e2k_support import proc


class Manager:
    """Listens where systemd would (NOTIFY_SOCKET): what was told, with the time of each."""

    def __init__(self):
        self.folder = proc.make_folder("notify")
        self.path = self.folder / "notify"
        self.told = []
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(self.path))
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def _listen(self):
        while True:
            try:
                text = self._socket.recv(65536).decode()
            except OSError:
                return
            for line in text.splitlines():
                self.told.append((time.monotonic(), line))

    def lines(self):
        return [line for _, line in list(self.told)]

    def times(self, line):
        return [at for at, told in list(self.told) if told == line]

    def heard(self, pattern, timeout=30):
        return proc.wait_for(lambda: any(re.search(pattern, line) for line in self.lines()), timeout=timeout,
                             what=f"{pattern} among {self.lines()[-5:]}")

    def close(self):
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        proc.remove_folder(self.folder)
