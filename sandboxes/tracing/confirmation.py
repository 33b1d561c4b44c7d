"""Finds where a number that was read from a tensor took part in what a trace does not show."""

from collections.abc import Mapping

import torch

from sandboxes.contracts import Launch, Trace
from sandboxes.tracing.placeholders import BRANCH_HINT, needs_number
from sandboxes.tracing.scalars import Scalars
from sandboxes.tracing.untraceable import Untraceable


def first_difference(trace: Trace, again: Trace, constants: Mapping[str, torch.Tensor]) -> Untraceable | None:
    """Compares two traces of one case, made with different numbers in place of those read from tensors.

    Args:
        trace: The first.
        again: The second; tensors that `forward` makes anew have other keys in it.
        constants: Data of both, by key.

    Returns:
        What to raise, with the line of the first node that differs; None if they are the same.
    """
    for first, second in zip(trace.nodes, again.nodes, strict=False):
        if first != second:
            what = f"kernel `{first.kernel}`" if isinstance(first, Launch) else f"`{first.operator}`"
            return leaked(f"what {what} is given", first.line)
    if len(trace.nodes) != len(again.nodes) or trace.values != again.values or trace.output != again.output:
        return leaked("what `forward` does")
    if len(trace.constants) != len(again.constants):
        return leaked("the number of constants")
    for known, other in zip(trace.constants, again.constants, strict=True):
        if known.key != other.key and not _equal(constants[known.key], constants[other.key]):
            return leaked("a constant tensor that `forward` makes")
    return None


def explain_number(error: Exception, scalars: Scalars) -> None:
    """Raises `Untraceable` instead of an error that comes from using a number that is not known as if it were.

    Raises:
        Untraceable: The error shows such a number, or is of a kind that an unlikely number causes.
    """
    if isinstance(error, Untraceable) or not scalars:
        return
    shown = scalars.hidden(str(error))
    if isinstance(error, (IndexError, MemoryError, OverflowError)) or shown != str(error):
        text = f"may be used as a size or an index: {type(error).__name__}: {shown}"
        raise needs_number(text).with_traceback(error.__traceback__) from None


def leaked(what: str, line: int | None = None) -> Untraceable:
    """Returns what to raise if a number decides `what` in line `line`."""
    text = f"a number that was read from a tensor decides {what}, but not as an argument that can be replayed"
    return Untraceable(text, BRANCH_HINT, line)


def _equal(first: torch.Tensor, second: torch.Tensor) -> bool:
    return first.shape == second.shape and first.dtype == second.dtype and torch.equal(first, second)
