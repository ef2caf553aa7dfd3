"""The few calls of libca that writing a value takes."""
import ctypes
import os

_DBR_STRING = 0
_STRING_BYTES = 40
_ECA_NORMAL = 1


class CaError(Exception):
    pass


class Channel:
    """Connects to a channel of the IOC on the given port; put() writes and waits until it is sent."""

    def __init__(self, name, port, repeater_port, timeout=5.0):
        os.environ.update({"EPICS_CA_ADDR_LIST": f"127.0.0.1:{port}", "EPICS_CA_AUTO_ADDR_LIST": "NO",
                           "EPICS_CA_REPEATER_PORT": str(repeater_port)})
        from epicscorelibs import path
        ctypes.CDLL(path.get_lib("Com"), mode=ctypes.RTLD_GLOBAL)
        self._ca = ctypes.CDLL(path.get_lib("ca"))
        self._ca.ca_message.restype = ctypes.c_char_p
        self._ca.ca_element_count.restype = ctypes.c_ulong
        self._ca.ca_pend_io.argtypes = [ctypes.c_double]
        self._ca.ca_array_put.argtypes = [ctypes.c_long, ctypes.c_ulong, ctypes.c_void_p, ctypes.c_void_p]
        self._timeout = timeout
        self._id = ctypes.c_void_p()
        self._check(self._ca.ca_context_create(1), "libca")
        self._check(self._ca.ca_create_channel(name.encode(), None, None, 0, ctypes.byref(self._id)), name)
        self._check(self._ca.ca_pend_io(ctypes.c_double(timeout)), f"{name} was not found on the IOC")

    def put(self, *values):
        """Written as strings: the IOC converts them to the channel's own type."""
        room = self._ca.ca_element_count(self._id)
        if len(values) > room:
            raise CaError(f"the channel holds {room} element(s), {len(values)} were given")
        encoded = [str(value).encode() for value in values]
        if any(len(value) >= _STRING_BYTES for value in encoded):
            raise CaError(f"a value of {_STRING_BYTES} or more bytes does not fit into a CA string")
        data = ctypes.create_string_buffer(b"".join(value.ljust(_STRING_BYTES, b"\0") for value in encoded))
        self._check(self._ca.ca_array_put(_DBR_STRING, len(encoded), self._id, data), "the write")
        self._check(self._ca.ca_pend_io(ctypes.c_double(self._timeout)), "the write")

    def _check(self, status, what):
        if status != _ECA_NORMAL:
            raise CaError(f"{what}: {self._ca.ca_message(status).decode()}")
