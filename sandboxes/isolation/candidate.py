"""The process untrusted code runs in: reads the request, calls the entry, writes one answer, exits.

The answer pipe carries `S` when the entry is about to be called, then one frame: a tag (`A` answer, `E` exception,
`M` out of memory), eight bytes of length, the payload. Whoever runs in this process can forge all of it; the caller
treats it as data.
"""

import os
import struct
import sys
import traceback
from collections.abc import Callable
from contextlib import suppress

__all__ = ["ANSWER", "EXCEPTION", "HEADER", "OUT_OF_MEMORY", "STARTED", "answer_request"]

STARTED = b"S"
ANSWER = b"A"
EXCEPTION = b"E"
OUT_OF_MEMORY = b"M"
HEADER = struct.Struct(">cQ")


def answer_request(function: Callable[[bytes], bytes], request: bytes, answer_fd: int) -> None:
    """Call `function` on `request` and write what comes of it; ends the process, never returns."""
    _write(answer_fd, STARTED)
    code = 0
    try:
        answer = function(request)
        if not isinstance(answer, bytes):
            raise TypeError(f"the entry returned {type(answer).__name__}, not bytes")
        frame = HEADER.pack(ANSWER, len(answer)) + answer
    except SystemExit as stop:
        code = stop.code if isinstance(stop.code, int) else int(stop.code is not None)
        frame = b""
    except MemoryError:
        frame = HEADER.pack(OUT_OF_MEMORY, 0)
        with suppress(MemoryError):
            traceback.print_exc()
    except BaseException:  # noqa: BLE001 - the boundary: whatever escapes from untrusted code becomes data
        frame = HEADER.pack(EXCEPTION, 0)
        traceback.print_exc()
    with suppress(OSError, ValueError):  # the code may have closed or replaced them
        sys.stdout.flush()
        sys.stderr.flush()
    with suppress(OSError):
        _write(answer_fd, frame)
    os._exit(code & 0xFF)


def _write(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]
