"""Reads what the compiler made of a kernel out of TTGIR, Triton's last representation that still knows tensors.

Each access, product and way through shared memory carries the location of the source operation that it came from, as
TTIR does, so that they can be paired. Pipelining makes several copies of an operation; they are reported once, with the
narrowest vector of any.
"""

from sandboxes.hardware.code.accesses import Accesses
from sandboxes.hardware.code.code import Code
from sandboxes.hardware.code.moves import Moves
from sandboxes.hardware.code.pipelining import iterations_in_flight
from sandboxes.hardware.code.places import Places
from sandboxes.hardware.code.products import Products
from sandboxes.hardware.code.text import cut

MOST_ENTRIES = 1024
"""Of each kind; the largest of the built-in solutions has 20."""


def read_code(ttgir: str) -> Code:
    """Returns what the compiler made of a kernel.

    Args:
        ttgir: `kernel.asm["ttgir"]` of Triton 3.6 to 3.9, for NVIDIA or AMD.

    Raises:
        ValueError: This is no TTGIR, or too large.
    """
    text = cut(ttgir)
    places = Places(text.locations)
    ahead = iterations_in_flight(text, places)
    code = Code(
        memory=Accesses(text, places).all(),
        dots=Products(text, places).all(),
        shared=Moves(text, places).all(),
        pipelined=max(ahead.values(), default=1),
        ahead=tuple(sorted(ahead.items())),
        warp_size=text.warp_size,
        warps=text.warps,
    )
    if max(len(code.memory), len(code.dots), len(code.shared)) > MOST_ENTRIES:
        raise ValueError(f"TTGIR with more than {MOST_ENTRIES} different accesses, products or ways")
    return code
