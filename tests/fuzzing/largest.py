"""``python -m tests.fuzzing.largest NAME MIB``: reads an answer whose header is as expensive as one can be.

Prints the CPU time in seconds and the memory in MiB that reading took.
"""

import resource
import struct
import sys
import time
from contextlib import suppress

from sandboxes.tracing.wire import MalformedAnswer, decode_answer

TRACE = b'{"traces":[{"case":"a","weight_seed":1,"values":[],"inputs":[],"constants":[],"output":null,"nodes":[%s]}]}'
CALL = b'{"kind":"aten","operator":"aten::add.Tensor","args":[%s],"results":[],"kwargs":{%s}}'
LAUNCH = (
    b'{"kind":"launch","kernel":"k","variants":[{"config":"","ttir":"","grid":[1,1,1],"num_warps":1,"num_stages":1,'
    b'"args":[{"kind":"descriptor","base":{"kind":"ref","id":0},"strides":[1],"block_shape":[1],"shape":[%s0]}]}]}'
)
LIST = b'{"kind":"list","items":[%s0]}' % (b"0," * 9_000)


def _keys(size: int) -> bytes:
    return b",".join(b'"%x":0' % number for number in range(size // 9))


def _calls(size: int) -> bytes:
    call = CALL % (b",".join([LIST] * 3), b"")
    return b",".join([call] * (size // len(call)))


HEADERS = {
    "zeros": lambda size: b'{"traces":[' + b"0," * (size // 2) + b"0]}",
    "unknown keys": lambda size: b"{" + _keys(size) + b"}",
    "keyword arguments": lambda size: TRACE % (CALL % (b"", _keys(size))),
    "modules": lambda size: b'{"blob_modules":[' + b"[0,0]," * (size // 6) + b"[0,0]]}",
    "sizes of a descriptor": lambda size: TRACE % (LAUNCH % (b"0," * (size // 2))),
    "valid arguments": lambda size: TRACE % _calls(size),
}
"""Headers of about so many bytes."""


def main() -> None:
    """Reads one and prints what it took."""
    header = HEADERS[sys.argv[1]](int(sys.argv[2]) * 2**20)
    raw = struct.pack(">Q", len(header)) + header
    before, started = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
    with suppress(MalformedAnswer):
        decode_answer(raw)
    took = time.process_time() - started
    print(round(took, 2), (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 2**10)


if __name__ == "__main__":
    main()
