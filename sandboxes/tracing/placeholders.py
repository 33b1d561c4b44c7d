"""Numbers that stand for values which are only known once there is data.

`tensor.item()` returns one of these while a forward is recorded: an int or float, so that Triton and torch take it as
an argument, whose number is nobody else's, so that the recorder knows it again after C++ has dropped its class.
Arithmetic is recorded as operators on a tensor without dimensions on the host, in the types that Python computes in,
and gives a new placeholder. Python code that must *know* the number raises `Untraceable`.

What slips through (code in C that reads the number without asking, say numpy's) is found by tracing again with other
numbers (see `confirmation`).
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NoReturn, TypeAlias

import torch

from sandboxes.tracing.untraceable import Untraceable

if TYPE_CHECKING:  # they know each other
    from sandboxes.tracing.scalars import Scalars

BRANCH_HINT = (
    "A number read with `.item()` can be passed to kernels and torch operators and computed with. To decide something, "
    "use torch.where or a mask, or let the kernel do it; take sizes, grids and constexprs from shapes."
)

Number: TypeAlias = "Placeholder | int | float"


def needs_number(what: str) -> Untraceable:
    """Returns the exception for Python code that must know a number which is not known yet."""
    return Untraceable(f"a number that was read from a tensor {what}", BRANCH_HINT)


class Placeholder:
    """Base of the two kinds; see this module.

    Attributes:
        tensor: Fake, without dimensions, on the host: what the number stands for. `int64` or `float64`.
        scalars: All placeholders of the same recording.
    """

    tensor: torch.Tensor
    scalars: "Scalars"

    def _like(self, tensor: torch.Tensor) -> "Placeholder":
        """Returns a new placeholder of the same recording."""
        return self.scalars.stand_for(tensor)

    @property
    def is_float(self) -> bool:
        """True for Python's float, False for its int."""
        return isinstance(self, float)

    # what can be recorded

    def as_float(self) -> Any:
        """Returns what `float(self)` would be."""
        return self if self.is_float else self._like(self.tensor.to(torch.float64))

    def as_int(self) -> Any:
        """Returns what `int(self)` would be."""
        return self._like(torch.trunc(self.tensor).to(torch.int64)) if self.is_float else self

    def rounded(self, function: Callable[[torch.Tensor], torch.Tensor]) -> "Placeholder":
        """Returns an integer that is rounded by one of torch's functions."""
        return self._like(function(self.tensor).to(torch.int64)) if self.is_float else self

    def __add__(self, other: object) -> Any:
        return _combined(torch.add, self, other)

    def __sub__(self, other: object) -> Any:
        return _combined(torch.sub, self, other)

    def __rsub__(self, other: object) -> Any:
        return _combined(torch.sub, other, self)

    def __mul__(self, other: object) -> Any:
        return _combined(torch.mul, self, other)

    def __truediv__(self, other: object) -> Any:
        return _combined(torch.true_divide, self, other, floats=True)

    def __rtruediv__(self, other: object) -> Any:
        return _combined(torch.true_divide, other, self, floats=True)

    def __floordiv__(self, other: object) -> Any:
        return _combined(_floor_divide, self, other)

    def __rfloordiv__(self, other: object) -> Any:
        return _combined(_floor_divide, other, self)

    def __mod__(self, other: object) -> Any:
        return _combined(torch.remainder, self, other)

    def __rmod__(self, other: object) -> Any:
        return _combined(torch.remainder, other, self)

    def __divmod__(self, other: object) -> Any:
        return self // other, self % other

    def __rdivmod__(self, other: object) -> Any:
        return other // self, other % self

    def __pow__(self, other: object, modulus: object = None) -> Any:
        return NotImplemented if modulus is not None else _combined(torch.pow, self, other, floats=_is_negative(other))

    def __rpow__(self, other: object, modulus: object = None) -> Any:
        return NotImplemented if modulus is not None else _combined(torch.pow, other, self)

    __radd__, __rmul__ = __add__, __mul__

    def __neg__(self) -> Any:
        return self._like(torch.neg(self.tensor))

    def __pos__(self) -> Any:
        return self

    def __abs__(self) -> Any:
        return self._like(torch.abs(self.tensor))

    def __floor__(self) -> Any:
        return self.rounded(torch.floor)

    def __ceil__(self) -> Any:
        return self.rounded(torch.ceil)

    def __trunc__(self) -> Any:
        return self.as_int()

    def __round__(self, digits: object = None) -> Any:
        if digits is not None:
            raise needs_number("is rounded to decimals")
        return self.rounded(torch.round)

    def __copy__(self) -> "Placeholder":
        return self

    def __deepcopy__(self, memo: object) -> "Placeholder":
        return self

    # what needs the number

    def _compared(self, other: object) -> NoReturn:
        raise needs_number("is compared in Python")

    __eq__ = __ne__ = __lt__ = __le__ = __gt__ = __ge__ = _compared

    def __bool__(self) -> NoReturn:
        raise needs_number("decides what Python does")

    def __hash__(self) -> NoReturn:
        raise needs_number("is used as a key or as a constexpr")

    def _shown(self, *_: object) -> NoReturn:
        raise needs_number("is turned into text")

    __repr__ = __str__ = __format__ = _shown

    def _manipulated(self, *_: object) -> NoReturn:
        raise needs_number("is taken apart")

    __and__ = __rand__ = __or__ = __ror__ = __xor__ = __rxor__ = __invert__ = _manipulated
    __lshift__ = __rlshift__ = __rshift__ = __rrshift__ = _manipulated
    bit_length = bit_count = is_integer = as_integer_ratio = _manipulated


class IntegerPlaceholder(Placeholder, int):
    """Stands for an int."""

    def __int__(self) -> int:
        return int.__int__(self)  # an exact int, whose number the recorder knows

    def __float__(self) -> float:
        return float.__float__(self.as_float())


class FloatPlaceholder(Placeholder, float):
    """Stands for a float."""

    def __int__(self) -> int:
        return int.__int__(self.as_int())

    def __float__(self) -> float:
        return float.__float__(self)


def _combined(
    function: Callable[[torch.Tensor, Any], torch.Tensor], left: Any, right: Any, floats: bool = False
) -> Any:
    """Records a binary operation as Python would compute it, and returns a placeholder for its result."""
    if isinstance(left, torch.Tensor) or isinstance(right, torch.Tensor):
        return NotImplemented  # torch takes the number
    if not (isinstance(left, (int, float)) and isinstance(right, (int, float))):
        raise needs_number("is combined with something that is no number")
    floats = floats or isinstance(left, float) or isinstance(right, float)
    known: Any = left if isinstance(left, Placeholder) else right
    second = _operand(right, floats)
    first = _operand(left, floats)
    if not isinstance(first, torch.Tensor):  # `1 / tensor` would be a reciprocal, which is rounded once more
        first = torch.full_like(second, first)
    return known.scalars.stand_for(function(first, second))


def _operand(value: Number, floats: bool) -> Any:
    """Returns a placeholder's tensor, or a known number, as a float if the operation is one of floats."""
    if isinstance(value, Placeholder):
        return (value.as_float() if floats else value).tensor
    return float(value) if floats else int(value)


def _floor_divide(left: torch.Tensor, right: Any) -> torch.Tensor:
    return torch.div(left, right, rounding_mode="floor")


def _is_negative(exponent: object) -> bool:
    return not isinstance(exponent, Placeholder) and isinstance(exponent, int) and exponent < 0
