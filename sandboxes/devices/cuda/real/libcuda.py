"""The few functions of NVIDIA's driver that neither torch nor Triton offers, and looking at GPUs without a context.

Declared as `cuda.h` does; a test compiles that header against these declarations. Nothing is loaded before it is asked
for: a machine without the driver says so then.
"""

import ctypes
import functools
import os
from collections.abc import Mapping
from ctypes import POINTER, c_char_p, c_int, c_size_t, c_uint
from dataclasses import dataclass
from typing import Any, Final

LIBRARY: Final = "libcuda.so.1"
NOT_INITIALISED: Final = 3
"""The driver's answer as long as nothing has called `cuInit`."""
MULTIPROCESSORS: Final = 16
L2_BYTES: Final = 38
CAPABILITY_MAJOR: Final = 75
CAPABILITY_MINOR: Final = 76
MOST_PERSISTING_L2_BYTES: Final = 108
PERSISTING_L2: Final = 6
"""The limit of the L2 cache that may be set aside for persisting lines."""


class Uuid(ctypes.Structure):
    """`CUuuid`."""

    _fields_ = (("bytes", ctypes.c_ubyte * 16),)


FUNCTIONS: Final[Mapping[str, tuple[Any, ...]]] = {
    "cuInit": (c_uint,),
    "cuDriverGetVersion": (POINTER(c_int),),
    "cuGetErrorName": (c_uint, POINTER(c_char_p)),
    "cuGetErrorString": (c_uint, POINTER(c_char_p)),
    "cuDeviceGetCount": (POINTER(c_int),),
    "cuDeviceGet": (POINTER(c_int), c_int),
    "cuDeviceGetName": (c_char_p, c_int, c_int),
    "cuDeviceGetUuid_v2": (POINTER(Uuid), c_int),
    "cuDeviceTotalMem_v2": (POINTER(c_size_t), c_int),
    "cuDeviceGetAttribute": (POINTER(c_int), c_uint, c_int),
    "cuCtxSynchronize": (),
    "cuCtxSetLimit": (c_uint, c_size_t),
    "cuCtxResetPersistingL2Cache": (),
}
"""Arguments by name; all return a `CUresult`."""


class DriverMissing(OSError):
    """NVIDIA's driver library is not there, or is too old for one of `FUNCTIONS`."""


class DriverError(RuntimeError):
    """A function of the driver did not succeed.

    Args:
        number: Its `CUresult`.
        detail: The driver's name and description of it, and which function.
    """

    def __init__(self, number: int, detail: str) -> None:
        super().__init__(number, detail)
        self.number = number
        self.detail = detail

    def __str__(self) -> str:
        return self.detail


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceInfo:
    """A GPU that is visible, as the driver describes it."""

    title: str
    uuid: str
    arch: str
    multiprocessors: int
    memory_bytes: int
    l2_bytes: int
    most_persisting_l2_bytes: int
    """Of L2 that may be set aside; 0 if the GPU can't."""


class Driver:
    """NVIDIA's driver in this process.

    Args:
        path: Of the library.

    Raises:
        DriverMissing: It can't be loaded.
    """

    def __init__(self, path: str = LIBRARY) -> None:
        try:
            library = ctypes.CDLL(path)
            self._functions = {name: getattr(library, name) for name in FUNCTIONS}
        except (OSError, AttributeError) as error:
            raise DriverMissing(str(error)) from None
        for name, function in self._functions.items():
            function.argtypes = FUNCTIONS[name]
            function.restype = c_int

    def initialise(self) -> None:
        """Must come first; harmless to repeat. Makes no context.

        Raises:
            DriverError: There is no GPU (100), or the driver does not work.
        """
        self._call("cuInit", 0)

    def version(self) -> int:
        """Returns the newest CUDA that the driver knows, as in `cuda.h`: 13010 for 13.1."""
        found = c_int()
        self._call("cuDriverGetVersion", ctypes.byref(found))
        return found.value

    def count(self) -> int:
        """Returns how many GPUs `CUDA_VISIBLE_DEVICES` leaves visible."""
        found = c_int()
        self._call("cuDeviceGetCount", ctypes.byref(found))
        return found.value

    def device(self, ordinal: int) -> DeviceInfo:
        """Describes the GPU of this number, counting those that are visible."""
        device = c_int()
        self._call("cuDeviceGet", ctypes.byref(device), ordinal)
        name = ctypes.create_string_buffer(256)
        self._call("cuDeviceGetName", name, len(name), device)
        uuid = Uuid()
        self._call("cuDeviceGetUuid_v2", ctypes.byref(uuid), device)
        memory = c_size_t()
        self._call("cuDeviceTotalMem_v2", ctypes.byref(memory), device)
        title = name.value.decode(errors="replace")
        major, minor = self._attribute(CAPABILITY_MAJOR, device), self._attribute(CAPABILITY_MINOR, device)
        return DeviceInfo(
            title=title,
            uuid=written_uuid(bytes(uuid.bytes), slice_of_gpu=is_slice(title)),
            arch=f"{10 * major + minor}",
            multiprocessors=self._attribute(MULTIPROCESSORS, device),
            memory_bytes=memory.value,
            l2_bytes=self._attribute(L2_BYTES, device),
            most_persisting_l2_bytes=self._attribute(MOST_PERSISTING_L2_BYTES, device),
        )

    def synchronize(self) -> int:
        """Waits for all work of the current context; returns the `CUresult`: 0, or what has gone wrong."""
        found: int = self._functions["cuCtxSynchronize"]()
        return found

    def allow_no_persisting_l2(self) -> None:
        """Nothing of L2 is set aside for persisting lines in the current context from now on."""
        self._call("cuCtxSetLimit", PERSISTING_L2, 0)

    def reset_persisting_l2(self) -> None:
        """Lines of L2 that were marked as persisting are like others again."""
        self._call("cuCtxResetPersistingL2Cache")

    def describe(self, number: int) -> str:
        """Returns the driver's name and description of a `CUresult`."""
        name, text = c_char_p(), c_char_p()
        self._functions["cuGetErrorName"](number, ctypes.byref(name))
        self._functions["cuGetErrorString"](number, ctypes.byref(text))
        words = [(part.value or b"").decode(errors="replace") for part in (name, text)]
        return f"{words[0] or 'an unknown error'} ({number})" + (f": {words[1]}" if words[1] else "")

    def _attribute(self, attribute: int, device: c_int) -> int:
        found = c_int()
        self._call("cuDeviceGetAttribute", ctypes.byref(found), attribute, device)
        return found.value

    def _call(self, name: str, *args: Any) -> None:
        number = self._functions[name](*args)
        if number:
            raise DriverError(number, f"{name}: {self.describe(number)}")


@functools.cache
def is_initialised() -> bool:
    """Returns whether anything in this process has called the driver: forks of it could not any more."""
    try:
        library = ctypes.CDLL(LIBRARY, mode=os.RTLD_NOLOAD | os.RTLD_LAZY)
    except OSError:
        return False  # not even loaded
    number = c_int()
    return bool(library.cuDeviceGetCount(ctypes.byref(number)) != NOT_INITIALISED)


def driver() -> Driver:
    """Returns this process's driver.

    Raises:
        DriverMissing: There is none.
    """
    return Driver()


def is_slice(title: str) -> bool:
    """True for a MIG slice, which is called `NVIDIA H200 MIG 1g.18gb` after its GPU and its size."""
    return " MIG " in title


def written_uuid(raw: bytes, *, slice_of_gpu: bool) -> str:
    """Returns 16 bytes as the driver's tools write them: `GPU-` or `MIG-`, then 8-4-4-4-12 hexadecimal digits."""
    digits = raw.hex()
    parts = (digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:])
    return ("MIG-" if slice_of_gpu else "GPU-") + "-".join(parts)
