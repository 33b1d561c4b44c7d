"""Whether a kernel can tell in which order its programs run, and orders to run it in.

A GPU starts programs in any order and promises none that another has finished. Here they run in lockstep, in the order
of their ids, which would be a free barrier for a kernel that reads what an atomic finds: a total that is complete too
early, positions that are handed out in order. Such kernels are judged in orders that no kernel can rely on.
"""

import random
from collections.abc import Sequence

from sandboxes.ttir.ir import Module, Operation
from sandboxes.ttir.remembering import by_module

GROUPS = 16
"""Groups of programs that run one after the other, each in lockstep."""

MOST_SHUFFLED = 2**20
"""Programs up to which they are shuffled; more run backwards."""

_UPDATES = frozenset(["tt.atomic_rmw", "tt.atomic_cas"])
_SYNCHRONISING = frozenset(["tt.atomic_load", "tt.atomic_poll"])


@by_module
def depends_on_order(module: Module) -> bool:
    """Whether programs may learn how far others are: from the result of an atomic, or by a volatile or atomic load.

    All other reading of what other programs change is a race, which the sanitizer finds.
    """
    operations = [operation for function in module.functions for operation in function.walk()]
    used = {value.index for operation in operations for value in operation.operands}
    return any(_tells(operation, used) for operation in operations)


def _tells(operation: Operation, used: set[int]) -> bool:
    if operation.name in _UPDATES:
        return any(result.index in used for result in operation.results)
    return operation.name in _SYNCHRONISING or operation.attributes.get("isVolatile") is True


def any_order(total: int, seed: int) -> Sequence[int]:
    """All program ids below ``total``, in an order that nobody could have relied on."""
    backwards = range(total - 1, -1, -1)
    if total > MOST_SHUFFLED:
        return backwards
    shuffled = list(range(total))
    random.Random(seed).shuffle(shuffled)
    return backwards if shuffled == list(range(total)) else shuffled


def group_size(total: int) -> int:
    """Programs that run at once, so that there are `GROUPS` groups or more."""
    return max(1, total // GROUPS)
