"""What to do about a failure: one sentence for the author, chosen by what went wrong and where."""

import ast

from sandboxes.operators import OperatorNotAllowed
from sandboxes.replay import OutOfTime, ValueOutOfRange
from sandboxes.ttir import (
    DeviceAssertion,
    EndlessLoop,
    ExecutionTimeout,
    InvalidAddress,
    MadeUpPointer,
    MemoryFault,
    MisalignedDescriptor,
    Race,
    TooMuchMemory,
    UnsupportedOperation,
    UnwrittenMemory,
)

HINTS: dict[type[Exception], str] = {
    Race: (
        "Give every element to one program: check how offsets depend on `tl.program_id`, use `tl.atomic_*` where "
        "programs must share an element, and a second launch where one needs what others have stored."
    ),
    UnwrittenMemory: (
        "Have it written first: store the element in an earlier launch, allocate with `torch.zeros`, or mask the load; "
        "`torch.empty` leaves whatever was in the memory before."
    ),
    MisalignedDescriptor: (
        "TMA needs a base and row strides that are multiples of 16 bytes, and a last stride of 1: pad the rows, or "
        "use pointers and masks for this shape."
    ),
    MemoryFault: "Mask the access: the last program reaches past the end when the size is no multiple of the block.",
    InvalidAddress: "Compute the address from the pointer of the tensor that is meant, which the kernel is passed.",
    MadeUpPointer: "Pass the tensors to the kernel, in a tuple if they are many, not a tensor of their addresses.",
    TooMuchMemory: "Use smaller blocks, or loop over parts of the block.",
    UnsupportedOperation: "This device can't judge the operation; use plain `tl` operations, or evaluate on a GPU.",
    EndlessLoop: (
        "Nothing that the loop's condition depends on changes in its body: advance the counter there, or loop over a "
        "`range`."
    ),
    ExecutionTimeout: "Give each program less work, or look for a loop that does not end.",
    OutOfTime: "Give the program less work, or look for a loop that does not end.",
    DeviceAssertion: "Check the values that the condition is made of for this program, or correct the condition.",
    OperatorNotAllowed: "Use operators that are functions of their arguments; random numbers can't be compared.",
    ValueOutOfRange: "Annotate the parameter `tl.int64`, or pass the tensor and load the number in the kernel.",
}
"""By kind of error, special ones first; `hint` knows more about some of them."""

BEFORE_THE_START = (
    "The offset is negative: check what is subtracted, and mask lanes below zero (`mask=(at >= 0) & (at < n)`)."
)
EARLIER_PROGRAM = (
    "Not only the last program is past the end: check the grid against the block size (`triton.cdiv(n, BLOCK)`), the "
    "strides, and that the tensor has as many elements as the kernel is told; then mask what remains."
)
FAR_AWAY = (
    "That is far past the end, so a mask is not what is missing: check the strides that are passed, the order of the "
    "arguments, and indices that are computed or loaded."
)
MISALIGNED = "Move a pointer by whole elements of its type: `pointer + n` counts elements, not bytes."
WAITING = (
    "Let programs wait only for those with smaller ids, and look whether somebody stores what the loop waits for; use "
    "a second launch where a program needs what later ones compute."
)

FAR = 2**16
"""Elements past the end that no forgotten mask explains, if they are also more than the tensor has: a block that hangs
over is at most as large as that along its rows."""


def hint(error: Exception, line: str | None) -> str | None:
    """Returns what to do about an error of the trusted stages, None if nothing is known.

    Args:
        error: What went wrong.
        line: The candidate's line where it did.
    """
    if isinstance(error, MemoryFault) and not isinstance(error, Race | UnwrittenMemory):
        return _out_of_bounds(error)
    if isinstance(error, InvalidAddress) and error.misaligned:
        return MISALIGNED
    if isinstance(error, EndlessLoop) and error.waits:
        return WAITING
    if isinstance(error, DeviceAssertion) and (condition := _asserted(line)) is not None:
        return f"`{condition}` is false there: check the values that it is made of, or correct the condition."
    return next((text for kind, text in HINTS.items() if isinstance(error, kind)), None)


def _out_of_bounds(error: MemoryFault) -> str:
    if error.offset < 0:
        return BEFORE_THE_START
    if error.offset - error.limit >= max(error.limit, FAR):
        return FAR_AWAY
    return HINTS[MemoryFault] if error.where.last else EARLIER_PROGRAM


def _asserted(line: str | None) -> str | None:
    """The condition of a `tl.device_assert` that fits on its line."""
    try:
        statement = ast.parse(line or "").body[0]
    except (SyntaxError, ValueError, IndexError, RecursionError, MemoryError):
        return None
    call = statement.value if isinstance(statement, ast.Expr) else None
    if not isinstance(call, ast.Call) or not call.args or not ast.unparse(call.func).endswith("device_assert"):
        return None
    return ast.unparse(call.args[0])
