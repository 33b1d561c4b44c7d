"""Integers and constants of the ``arith`` dialect: everything wraps, lazily where it can.

Division by zero is undefined on the device; here it gives all ones (as PTX does) instead of a trap.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from sandboxes.ttir.engine.plan import Step
from sandboxes.ttir.engine.values import (
    Conjunction,
    Sum,
    add,
    conjunction,
    dtype_of,
    element_of,
    extremes,
    materialise,
    shape_of,
    sum_bounds,
)
from sandboxes.ttir.errors import UnsupportedOperation
from sandboxes.ttir.ir import Bits, Dense, Operation, ScalarType, Type
from sandboxes.ttir.syntax.attributes import decode_bits

WIDTH = {torch.int8: 8, torch.int16: 16, torch.int32: 32, torch.int64: 64}


def constant_tensor(operation: Operation, kind: Type) -> Tensor:
    """The value of ``arith.constant``; a splat keeps size 1 along every axis."""
    dtype = dtype_of(kind)
    element = element_of(kind)
    if dtype is None or not isinstance(element, ScalarType):
        raise UnsupportedOperation(f"arith.constant of type {element}", operation.location)
    value = operation.attributes["value"]
    shape = shape_of(kind)
    if isinstance(value, Dense) and not value.splat:
        count = len(value.values)
        if all(isinstance(v, Bits) for v in value.values) and count != torch.Size(shape).numel():
            raw = bytearray(v.value for v in value.values if isinstance(v, Bits))
            return torch.frombuffer(raw, dtype=dtype).reshape(1, *shape).clone()
        return torch.stack([_scalar(v, element, dtype) for v in value.values]).reshape(1, *shape)
    number = value.values[0] if isinstance(value, Dense) else value
    return _scalar(number, element, dtype).reshape([1] * (1 + len(shape)))


def _scalar(value: Any, element: ScalarType, dtype: torch.dtype) -> Tensor:
    if isinstance(value, Bits):
        if element.name.startswith("f8"):
            return torch.tensor(value.value, dtype=torch.uint8).view(dtype)
        return torch.tensor(decode_bits(value.value, element), dtype=dtype)
    if dtype == torch.bool:
        return torch.tensor(bool(value))
    if not dtype.is_floating_point:
        bits = torch.iinfo(dtype).bits
        wrapped = int(value) & ((1 << bits) - 1)
        return torch.tensor(wrapped - (1 << bits) if wrapped >> (bits - 1) else wrapped, dtype=dtype)
    return torch.tensor(float(value), dtype=torch.float64).to(dtype)


# -- integers --------------------------------------------------------------------------------------------------------


def addi(step: Step, a: Tensor | Sum, b: Tensor | Sum) -> Tensor | Sum:
    """Wrapping addition (exclusive or on ``i1``)."""
    if step.dtype == torch.bool:
        return materialise(a) ^ materialise(b)
    return add(a, b)


def subi(step: Step, a: Tensor | Sum, b: Tensor | Sum) -> Tensor | Sum:
    """Wrapping subtraction."""
    if step.dtype == torch.bool:
        return materialise(a) ^ materialise(b)
    if isinstance(a, Sum) and isinstance(b, Tensor) and b.numel() == 1:
        return add(a, -b)
    return materialise(a) - materialise(b)


def muli(step: Step, a: Tensor | Sum, b: Tensor | Sum) -> Tensor | Sum:
    """Wrapping multiplication; a lazy sum times a shared scalar stays lazy."""
    if step.dtype == torch.bool:
        return materialise(a) & materialise(b)
    for one, other in ((a, b), (b, a)):
        if isinstance(one, Sum) and isinstance(other, Tensor) and other.numel() == 1:
            factor = int(other.item())
            low, high = sum_bounds(one)
            limits = torch.iinfo(other.dtype)
            reach = max(abs(low), abs(high)) * abs(factor)
            if reach <= limits.max and all(
                max(map(abs, sum_bounds(term))) * abs(factor) <= limits.max for term in one.terms
            ):
                return Sum(tuple(term * factor for term in one.terms))
    return materialise(a) * materialise(b)


def _guarded(
    a: Tensor, b: Tensor, divide: Callable[[Tensor, Tensor], Tensor], by_minus_one: Callable[[Tensor], Tensor]
) -> Tensor:
    """Integer division without the two cases that trap on x86: by zero, and the smallest integer by -1."""
    if b.numel() == 1:
        divisor = int(b.item())
        if divisor == 0:
            return torch.full_like(a + b, -1)
        return by_minus_one(a) if divisor == -1 else divide(a, b)
    special = (b == 0) | (b == -1)
    if not bool(special.any()):
        return divide(a, b)
    result = divide(a, torch.where(special, 1, b))
    result = torch.where(b == -1, by_minus_one(a), result)
    return torch.where(b == 0, -1, result)


def divsi(step: Step, a: Tensor | Sum, b: Tensor | Sum) -> Tensor | Sum:
    """Signed division that truncates towards zero; a lazy sum may stay one."""
    divisor = _divides_terms(a, b)
    if divisor is not None and isinstance(a, Sum):
        return _sum([torch.div(term, divisor, rounding_mode="floor") for term in a.terms])
    return _guarded(materialise(a), materialise(b), lambda x, y: torch.div(x, y, rounding_mode="trunc"), torch.neg)


def remsi(step: Step, a: Tensor | Sum, b: Tensor | Sum) -> Tensor | Sum:
    """Signed remainder with the sign of the dividend; a lazy sum may stay one."""
    divisor = _divides_terms(a, b)
    if divisor is not None and isinstance(a, Sum):
        return _sum([term % divisor for term in a.terms])
    return _guarded(materialise(a), materialise(b), torch.fmod, torch.zeros_like)


def _divides_terms(a: Tensor | Sum, b: Tensor | Sum) -> int | None:
    """The divisor, if ``a`` can be divided by it term by term: nothing negative, remainders that never carry.

    ``(program * BLOCK + lanes) % columns`` is the usual index arithmetic: where blocks do not straddle rows, the
    quotient depends on the program alone and the remainder is a short sum again.
    """
    if not isinstance(a, Sum) or not isinstance(b, Tensor) or b.numel() != 1:
        return None
    divisor = int(b.item())
    if divisor <= 0 or any(extremes(term)[0] < 0 for term in a.terms):
        return None
    return divisor if sum(extremes(term % divisor)[1] for term in a.terms) < divisor else None


def _sum(terms: list[Tensor]) -> Tensor | Sum:
    """The sum of terms that may have become zero."""
    kept = [term for term in terms if bool(term.any())]
    if not kept:
        return torch.zeros([1] * terms[0].dim(), dtype=terms[0].dtype)
    return Sum(tuple(kept)) if len(kept) > 1 else kept[0]


def ceildivsi(step: Step, a: Tensor, b: Tensor) -> Tensor:
    """Signed division, rounded up."""
    whole = materialise(divsi(step, a, b))
    rest = a - whole * b
    return torch.where((b != 0) & (rest != 0) & ((rest ^ b) >= 0), whole + 1, whole)


def floordivsi(step: Step, a: Tensor, b: Tensor) -> Tensor:
    """Signed division, rounded down."""
    return _guarded(a, b, lambda x, y: torch.div(x, y, rounding_mode="floor"), torch.neg)


def broadcast(*tensors: Tensor) -> list[Tensor]:
    """Views at the common shape, of any ranks: a constant of a combine region has no axes."""
    shape = torch.broadcast_shapes(*(tensor.shape for tensor in tensors))  # type: ignore[no-untyped-call]
    return [tensor.expand(shape) for tensor in tensors]


def unsigned(a: Tensor) -> Tensor:
    """The unsigned value of an integer of up to 32 bits, as int64."""
    if a.dtype == torch.bool:
        return a.to(torch.int64)
    return a.to(torch.int64) & ((1 << WIDTH[a.dtype]) - 1)


def _unsigned_pair(a: Tensor, b: Tensor, numpy_name: str, narrow: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
    if a.dtype != torch.int64:
        return _guarded(unsigned(a), unsigned(b), narrow, torch.neg).to(a.dtype)
    divisor = torch.where(b == 0, 1, b)
    x, y = broadcast(a, divisor)
    # torch has no uint64 division: borrow numpy's on the same bits
    quotient = getattr(np, numpy_name)(x.numpy().view("uint64"), y.numpy().view("uint64"))
    return torch.where(b == 0, -1, torch.from_numpy(np.asarray(quotient).view("int64")))


def ceildivui(step: Step, a: Tensor, b: Tensor) -> Tensor:
    """Unsigned division, rounded up."""
    whole = divui(step, a, b)
    return torch.where((b != 0) & (remui(step, a, b) != 0), whole + 1, whole)


def divui(step: Step, a: Tensor, b: Tensor) -> Tensor:
    """Unsigned division."""
    return _unsigned_pair(a, b, "floor_divide", lambda x, y: torch.div(x, y, rounding_mode="trunc"))


def remui(step: Step, a: Tensor, b: Tensor) -> Tensor:
    """Unsigned remainder."""
    return _unsigned_pair(a, b, "remainder", torch.fmod)


def _too_far(b: Tensor, width: int) -> Tensor:
    return (b < 0) | (b >= width)


def shli(step: Step, a: Tensor, b: Tensor) -> Tensor:
    """Shift left; by the width or more gives 0."""
    width = WIDTH[a.dtype]
    far = _too_far(b, width)
    return torch.where(far, 0, a << torch.where(far, 0, b))


def shrsi(step: Step, a: Tensor, b: Tensor) -> Tensor:
    """Arithmetic shift right; by the width or more gives the sign."""
    width = WIDTH[a.dtype]
    return a >> torch.where(_too_far(b, width), width - 1, b)


def shrui(step: Step, a: Tensor, b: Tensor) -> Tensor:
    """Logical shift right; by the width or more gives 0."""
    width = WIDTH[a.dtype]
    far = _too_far(b, width)
    amount = torch.where(far, 0, b)
    if width < 64:
        shifted = (unsigned(a) >> amount).to(a.dtype)
    else:
        keep = torch.where(amount == 0, -1, ~(torch.full_like(amount, -1) << (64 - torch.clamp(amount, min=1))))
        shifted = (a >> amount) & keep
    return torch.where(far, 0, shifted)


def andi(step: Step, a: Any, b: Any) -> Tensor | Conjunction:
    """Bitwise and; on ``i1`` it stays lazy."""
    if step.dtype == torch.bool:
        return conjunction(a, b)
    return materialise(a) & materialise(b)


def _sign_flipped(a: Tensor) -> Tensor:
    return a ^ torch.iinfo(a.dtype).min


_SIGNED: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "eq": torch.eq,
    "ne": torch.ne,
    "lt": torch.lt,
    "le": torch.le,
    "gt": torch.gt,
    "ge": torch.ge,
}


def cmpi(step: Step, a: Tensor | Sum | Conjunction, b: Tensor | Sum | Conjunction) -> Tensor:
    """Integer comparison; decided from bounds where all lanes agree."""
    predicate = step.operation.keywords[0]
    if isinstance(a, Sum) and isinstance(b, Tensor) and b.numel() == 1 and predicate in ("slt", "sle", "sgt", "sge"):
        known = _decided(predicate, *sum_bounds(a), int(b.item()))
        if known is not None:
            return torch.full([1] * b.dim(), known)
    x, y = materialise(a), materialise(b)
    if x.dtype == torch.bool and predicate not in ("eq", "ne"):
        x, y = (-x.to(torch.int8), -y.to(torch.int8))
    if predicate[0] == "u":
        x, y = _sign_flipped(x), _sign_flipped(y)
    return _SIGNED[predicate if predicate in ("eq", "ne") else predicate[1:]](x, y)


def _decided(predicate: str, low: int, high: int, right: int) -> bool | None:
    """The outcome of a comparison that is the same for all lanes with values in ``[low, high]``, or None."""
    compare = _COMPARE[predicate]
    at_low, at_high = compare(low, right), compare(high, right)
    return at_low if at_low == at_high else None


_COMPARE: dict[str, Callable[[int, int], bool]] = {
    "slt": int.__lt__,
    "sle": int.__le__,
    "sgt": int.__gt__,
    "sge": int.__ge__,
}


def maxui(step: Step, a: Tensor, b: Tensor) -> Tensor:
    """Unsigned maximum."""
    return torch.where(_sign_flipped(a) >= _sign_flipped(b), a, b) if a.dtype != torch.bool else a | b


def minui(step: Step, a: Tensor, b: Tensor) -> Tensor:
    """Unsigned minimum."""
    return torch.where(_sign_flipped(a) <= _sign_flipped(b), a, b) if a.dtype != torch.bool else a & b


def mulhi_unsigned(a: Tensor, b: Tensor) -> Tensor:
    """Upper half of the unsigned product."""
    width = WIDTH[a.dtype]
    if width <= 32:
        return ((unsigned(a) * unsigned(b)) >> width).to(a.dtype)
    low, high = 0xFFFFFFFF, 32
    a0, a1, b0, b1 = a & low, (a >> high) & low, b & low, (b >> high) & low
    middle = a1 * b0 + (((a0 * b0) >> high) & low)
    cross = (middle & low) + a0 * b1
    return a1 * b1 + ((middle >> high) & low) + ((cross >> high) & low)


def mulhi_signed(a: Tensor, b: Tensor) -> Tensor:
    """Upper half of the signed product."""
    width = WIDTH[a.dtype]
    if width <= 32:
        return ((a.to(torch.int64) * b.to(torch.int64)) >> width).to(a.dtype)
    return mulhi_unsigned(a, b) - torch.where(a < 0, b, 0) - torch.where(b < 0, a, 0)


# -- of any type -----------------------------------------------------------------------------------------------------


def select(step: Step, condition: Tensor, a: Tensor, b: Tensor) -> Tensor:
    """``a`` where the condition holds, else ``b``."""
    if condition.numel() == 1:
        return a if condition.item() else b
    return torch.where(condition, a, b)


def add_extended(step: Step, a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """Unsigned sum and carry."""
    total = a ^ b if a.dtype == torch.bool else a + b
    return total, a & b if a.dtype == torch.bool else _sign_flipped(total) < _sign_flipped(a)


def sub_extended(step: Step, a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """Unsigned difference and borrow."""
    if a.dtype == torch.bool:
        return a ^ b, ~a & b
    return a - b, _sign_flipped(a) < _sign_flipped(b)


def poison(step: Step) -> Tensor:
    """``ub.poison``: any value will do, so zero."""
    if step.dtype is None:
        raise UnsupportedOperation("ub.poison of pointers", step.operation.location)
    return torch.zeros([1] * (1 + len(step.shape)), dtype=step.dtype)


def _plain(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    return lambda step, *operands: function(*operands)


LAZY: dict[str, Callable[..., Any]] = {
    "arith.addi": addi,
    "arith.subi": subi,
    "arith.muli": muli,
    "arith.divsi": divsi,
    "arith.remsi": remsi,
    "arith.andi": andi,
    "arith.cmpi": cmpi,
}
"""Functions that take and give lazy values."""

DENSE: dict[str, Callable[..., Any]] = {
    "arith.ceildivsi": ceildivsi,
    "arith.floordivsi": floordivsi,
    "arith.divui": divui,
    "arith.ceildivui": ceildivui,
    "arith.remui": remui,
    "arith.shli": shli,
    "arith.shrsi": shrsi,
    "arith.shrui": shrui,
    "arith.ori": _plain(torch.bitwise_or),
    "arith.xori": _plain(torch.bitwise_xor),
    "arith.maxsi": _plain(lambda a, b: a & b if a.dtype == torch.bool else torch.maximum(a, b)),
    "arith.minsi": _plain(lambda a, b: a | b if a.dtype == torch.bool else torch.minimum(a, b)),
    "arith.maxui": maxui,
    "arith.minui": minui,
    "arith.addui_extended": add_extended,
    "arith.subui_extended": sub_extended,
    "arith.mului_extended": lambda step, a, b: (a * b, mulhi_unsigned(a, b)),
    "arith.mulsi_extended": lambda step, a, b: (a * b, mulhi_signed(a, b)),
    "ub.poison": poison,
    "tt.mulhiui": _plain(mulhi_unsigned),
}
"""Functions on computed tensors."""
