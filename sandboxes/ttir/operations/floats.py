"""Float arithmetic of the ``arith`` dialect: half types are rounded after every operation, zeros have signs.

Minima and maxima order the zeros, as PTX ``min`` and ``max`` do: -0 is less than +0.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from sandboxes.ttir.engine.plan import Step

Binary = Callable[[Tensor, Tensor], Tensor]


def _ordered(a: Tensor, b: Tensor) -> Tensor:
    return ~(torch.isnan(a) | torch.isnan(b))


COMPARISONS: dict[str, Binary] = {
    "oeq": torch.eq,
    "ogt": torch.gt,
    "oge": torch.ge,
    "olt": torch.lt,
    "ole": torch.le,
    "one": lambda a, b: (a < b) | (a > b),
    "ord": _ordered,
    "ueq": lambda a, b: ~((a < b) | (a > b)),
    "ugt": lambda a, b: ~(a <= b),
    "uge": lambda a, b: ~(a < b),
    "ult": lambda a, b: ~(a >= b),
    "ule": lambda a, b: ~(a > b),
    "une": torch.ne,
    "uno": lambda a, b: ~_ordered(a, b),
    "true": lambda a, b: torch.ones_like(a == b),
    "false": lambda a, b: torch.zeros_like(a == b),
}


def cmpf(step: Step, a: Tensor, b: Tensor) -> Tensor:
    """Ordered or unordered float comparison."""
    return COMPARISONS[step.operation.keywords[0]](a, b)


def _with_zero(result: Tensor, a: Tensor, b: Tensor, *, larger: bool) -> Tensor:
    """Repairs the sign of a zero that torch took from either side."""
    if b.numel() == 1:
        bound = b.item()
        if bound != 0:
            return result
        if larger and not bool(torch.signbit(b)):
            return result.add_(0.0)  # a relu: -0 becomes +0, everything else stays
    if int(torch.count_nonzero(result)) == result.numel():
        return result
    zeros = (a == 0) & (b == 0)
    negative = torch.signbit(a) & torch.signbit(b) if larger else torch.signbit(a) | torch.signbit(b)
    return torch.where(zeros, torch.where(negative, -0.0, 0.0).to(result.dtype), result)


def _ordering(function: Binary, *, larger: bool) -> Binary:
    def apply(a: Tensor, b: Tensor) -> Tensor:
        if a.numel() == 1:
            a, b = b, a
        return _with_zero(function(a, b), a, b, larger=larger)

    return apply


maxnum = _ordering(torch.fmax, larger=True)
minnum = _ordering(torch.fmin, larger=False)
maximum = _ordering(torch.maximum, larger=True)
minimum = _ordering(torch.minimum, larger=False)


def clampf(step: Step, x: Tensor, low: Tensor, high: Tensor) -> Tensor:
    """``tl.clamp``: NaN stays only where the operation says so, otherwise the lower bound replaces it."""
    if step.operation.attributes.get("propagateNan") in ("all", 0xFFFF):
        return minimum(maximum(x, low), high)
    return minnum(maxnum(x, low), high)


def clamp_math(x: Tensor, low: Tensor, high: Tensor) -> Tensor:
    """``math.clampf``, which has the bounds as operands and keeps NaN."""
    return minimum(maximum(x, low), high)


def _plain(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    return lambda step, *operands: function(*operands)


DENSE: dict[str, Callable[..., Any]] = {
    "arith.addf": _plain(torch.add),
    "arith.subf": _plain(torch.sub),
    "arith.mulf": _plain(torch.mul),
    "arith.divf": _plain(torch.div),
    "arith.remf": _plain(torch.fmod),
    "arith.negf": _plain(torch.neg),
    "arith.flush_denormals": _plain(lambda a: torch.where(a.abs() < torch.finfo(a.dtype).tiny, a * 0.0, a)),
    "arith.maxnumf": _plain(maxnum),
    "arith.minnumf": _plain(minnum),
    "arith.maximumf": _plain(maximum),
    "arith.minimumf": _plain(minimum),
    "arith.cmpf": cmpf,
    "tt.precise_divf": _plain(torch.div),
    "tt.approx_divf": _plain(torch.div),
    "tt.clampf": clampf,
    "math.clampf": _plain(clamp_math),
}
