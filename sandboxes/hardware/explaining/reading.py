"""What explanations want to know of a kernel's text: whether it can be fused into others, and where its loops load."""

from typing import Final

from sandboxes.ttir.ir import Module, ScalarType, TensorType

EXCHANGES: Final = frozenset(
    {
        "tt.reduce", "tt.scan", "tt.dot", "tt.dot_scaled", "tt.histogram", "tt.gather", "tt.atomic_rmw",
        "tt.atomic_cas", "tt.descriptor_reduce", "tt.elementwise_inline_asm",
    }
)  # fmt: skip
"""Operations after which an element depends on others, or nobody knows."""

LOADS: Final = frozenset({"tt.load", "tt.descriptor_load", "tt.descriptor_gather"})
LOOPS: Final = frozenset({"scf.for", "scf.while"})


def is_elementwise(module: Module) -> bool:
    """Returns whether every element that a kernel stores needs only the elements at one place of what it loads.

    Loops that carry numbers count as sums; a kernel with functions or jumps is not looked into.
    """
    if len(module.functions) > 1 or len(module.kernel.body.blocks) > 1:
        return False
    for operation in module.kernel.walk():
        if operation.name in EXCHANGES:
            return False
        if operation.name in LOOPS and any(_is_number(result.type) for result in operation.results):
            return False
    return True


def looped_loads(module: Module) -> frozenset[int]:
    """Returns the lines of the source whose loads are inside a loop that can be pipelined: one that counts."""
    loops = (operation for function in module.functions for operation in function.walk() if operation.name == "scf.for")
    found = (inner.location.user_line() for loop in loops for inner in loop.walk() if inner.name in LOADS)
    return frozenset(found)


def _is_number(kind: object) -> bool:
    element = kind.element if isinstance(kind, TensorType) else kind
    return isinstance(element, ScalarType) and element.is_float
