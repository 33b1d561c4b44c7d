"""The placeholders of one recording, found again by their numbers."""

import itertools
from typing import Any, Final

import torch
from torch._subclasses.fake_tensor import FakeTensor
from torch.utils._python_dispatch import _disable_current_modes

from sandboxes.tracing.placeholders import FloatPlaceholder, IntegerPlaceholder, Placeholder, needs_number
from sandboxes.tracing.untraceable import Untraceable

MOST_ELEMENTS = 4096
"""Tensors made from Python numbers are searched up to this size; tracing twice finds the others."""

_FLOATS: Final = 2**23
_INTEGERS: Final = 2**29
_FACTOR: Final = 5_184_443
_START: Final = 1_234_577
"""Numbers jump about in their ranges, so that two recordings are told apart even where they are rounded."""

KINDS: Final = 3
"""Kinds of numbers, one for each recording of a forward. They differ in size and sign, so that code which compares or
rounds them without asking does something else."""

_serials = itertools.count()


def unused_float(kind: int = 0) -> float:
    """Returns a float that no placeholder of this process has, exact as float32.

    Of the first kind it lies between 0.5 and 1, where every operator takes it; others are large, or large and negative.
    """
    while True:
        step = (next(_serials) * _FACTOR + _START) % _FLOATS
        if step % 4096:  # no short decimal
            return (0.5, 1024.0, -2048.0)[kind] * (1 + step / _FLOATS)


def unused_integer(kind: int = 0) -> int:
    """Returns an integer that no placeholder of this process has.

    It is odd and has 32 bits: Triton compiles for it what it compiles for every integer but 1 and multiples of 16.
    """
    size = 2**30 + 1 + 2 * ((next(_serials) * _FACTOR + _START) % _INTEGERS)
    return -size if kind == 1 else size


class Scalars:
    """Empty, and so false, in the recording of a forward that reads no numbers.

    Args:
        kind: Of the numbers, below `KINDS`.
    """

    def __init__(self, kind: int = 0) -> None:
        self._kind = kind
        self._by_number: dict[float, Placeholder] = {}

    def __bool__(self) -> bool:
        return bool(self._by_number)

    def stand_for(self, tensor: torch.Tensor) -> Placeholder:
        """Returns a new placeholder for a fake tensor without dimensions, `int64` or `float64`, on the host."""
        made: Placeholder
        if tensor.dtype == torch.int64:
            number = unused_integer(self._kind)
            made = IntegerPlaceholder(number)
            self._by_number[number] = made
        else:
            fraction = unused_float(self._kind)
            made = FloatPlaceholder(fraction)
            self._by_number[fraction] = made
        made.tensor, made.scalars = tensor, self
        return made

    def find(self, value: Any) -> Placeholder | None:
        """Returns the placeholder that `value` is, or that has its number.

        Raises:
            Untraceable: It is a placeholder of another recording.
        """
        if isinstance(value, Placeholder):
            if value.scalars is not self:
                raise Untraceable(
                    "a number appears that was read from a tensor in an earlier call", "Read it in every `forward`."
                )
            return value
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            return self._by_number.get(value)
        return None

    def refuse(self, value: Any, what: str) -> None:
        """Raises if `value` is a number that was read back, or holds one in lists or tuples.

        Raises:
            Untraceable: A number that was read back `what`.
        """
        if isinstance(value, (list, tuple)):
            for item in value:
                self.refuse(item, what)
        elif self.find(value) is not None:
            raise needs_number(what)

    def in_tensor(self, tensor: torch.Tensor) -> Placeholder | None:
        """Returns the placeholder that a tensor of one element was made from.

        Raises:
            Untraceable: It has several elements, one of them made from a placeholder.
        """
        if not self or isinstance(tensor, FakeTensor) or not 0 < tensor.numel() <= MOST_ELEMENTS:
            return None
        with _disable_current_modes():
            found = list(map(self.find, tensor.detach().flatten().tolist()))
        if tensor.numel() == 1:
            return found[0]
        if any(placeholder is not None for placeholder in found):
            raise Untraceable(
                "a tensor is made from several numbers of which one was read from a tensor",
                "Use torch.stack or torch.cat on the tensors themselves.",
            )
        return None

    def hidden(self, text: str) -> str:
        """Returns a text in which no placeholder's number can be seen."""
        for number in self._by_number:
            text = text.replace(repr(number), "?")
        return text
