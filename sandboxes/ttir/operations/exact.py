"""Arithmetic with one rounding: sums and products as a float64 and the error that it makes.

A pair ``(value, error)`` of float64 tensors stands for the exact number ``value + error``; of the error, mostly only
the sign matters. Narrower formats are rounded from such a pair in any direction without rounding twice (Knuth's
two-sum, Dekker's product; rounding to odd: Boldo and Melquiond, "Emulation of a FMA and correctly rounded sums", 2008).
"""

import torch
from torch import Tensor

_SPLIT = 134217729.0  # 2**27 + 1

Pair = tuple[Tensor, Tensor]


def _known(value: Tensor, error: Tensor) -> Pair:
    """The pair without errors that overflowed."""
    return value, torch.where(torch.isfinite(error) & torch.isfinite(value), error, 0.0)


def two_sum(a: Tensor, b: Tensor) -> Pair:
    """``a + b``, exactly."""
    total = a + b
    part = total - a
    return _known(total, (a - (total - part)) + (b - part))


def two_product(a: Tensor, b: Tensor) -> Pair:
    """``a * b``, exactly where nothing over- or underflows."""
    product = a * b
    a_high = a * _SPLIT - (a * _SPLIT - a)
    b_high = b * _SPLIT - (b * _SPLIT - b)
    a_low, b_low = a - a_high, b - b_high
    return _known(product, ((a_high * b_high - product) + a_high * b_low + a_low * b_high) + a_low * b_low)


def quotient(a: Tensor, b: Tensor) -> Pair:
    """``a / b``; the error has the right sign."""
    value = a / b
    product, error = two_product(value, b)
    return _known(value, ((a - product) - error) / b)


def root(a: Tensor) -> Pair:
    """The square root of ``a``; the error has the right sign."""
    value = torch.sqrt(a)
    product, error = two_product(value, value)
    return _known(value, ((a - product) - error) / (2.0 * value))


def multiply_add(a: Tensor, b: Tensor, c: Tensor, dtype: torch.dtype) -> Pair:
    """``a * b + c`` of float64 tensors that hold numbers of ``dtype``; for float64 itself, rounded to nearest.

    Only the sign of the error counts.
    """
    if dtype != torch.float64:
        return two_sum(a * b, c)  # the product of two floats fits
    plain = a * b + c
    value, error = _multiply_add(a, b, c)
    value = torch.where(value == 0, plain, value)  # the errors on the way have lost the sign of zero
    a, b, c = (x.expand(plain.shape) for x in (a, b, c))
    sizes = torch.stack([a.abs(), b.abs(), c.abs(), (a * b).abs()]).nan_to_num(posinf=0.0)
    extreme = (sizes.amax(0) > _LARGE) | torch.isinf(a * b) | (sizes[3] < _SMALL)
    extreme &= torch.isfinite(a) & torch.isfinite(b) & torch.isfinite(c) & (a != 0) & (b != 0) & (c != 0)
    if bool(extreme.any()):
        value[extreme], error[extreme] = _scaled_multiply_add(a[extreme], b[extreme], c[extreme])
    return value, error


_LARGE, _SMALL = 2.0**960, 2.0**-900
"""Where parts of a product may over- or underflow."""


def _multiply_add(a: Tensor, b: Tensor, c: Tensor) -> Pair:
    """``a * b + c`` where nothing over- or underflows."""
    high, low = two_product(a, b)
    rest_high, rest_low = two_sum(c, low)
    value, error = two_sum(high, rest_high)
    return two_sum(value, to_odd(*two_sum(rest_low, error)))


def _scaled_multiply_add(a: Tensor, b: Tensor, c: Tensor) -> Pair:
    """``a * b + c`` of finite numbers other than zero: computed near one, and rounded where that becomes subnormal."""
    (a, a_exponent), (b, b_exponent), (c, c_exponent) = (torch.frexp(x) for x in (a, b, c))
    product_exponent = a_exponent + b_exponent
    apart = c_exponent - product_exponent
    near = apart.clamp(-300, 300)  # farther apart, the smaller one is but a sign
    exponent = torch.where(apart > 300, c_exponent - 300, product_exponent)
    value, error = _multiply_add(a, b, _times_power(c, near))
    scaled = _times_power(value, exponent)
    # exact, as far as the scaled number lost bits at all
    rest = torch.where(scaled.abs() < 2.0**-1022, value - _times_power(scaled, -exponent), 0.0)
    half = rest.abs() == _times_power(torch.full_like(value, 0.5), -1074 - exponent)
    beyond = half & (rest.sign() == error.sign())
    scaled = torch.where(beyond, torch.nextafter(scaled, rest.sign() * torch.inf), scaled)
    rest = torch.where(beyond, -rest, torch.where(rest == 0, error, rest))
    return scaled, torch.where(torch.isinf(scaled), -scaled.sign(), rest)


def _times_power(a: Tensor, exponent: Tensor) -> Tensor:
    """``a * 2**exponent`` in three steps, so that each factor is a normal number and only the last step rounds."""
    third = torch.div(exponent, 3, rounding_mode="floor")
    for part in (third, third, exponent - 2 * third):
        a = a * ((part.to(torch.int64).clamp(-1022, 1023) + 1023) << 52).view(torch.float64)
    return a


def of_integer(a: Tensor, *, signed: bool) -> Pair:
    """An integer of up to 64 bits."""
    wide = a.to(torch.int64)
    if not signed and a.dtype != torch.int64:
        wide = wide & (2**32 - 1)
    high = (wide >> 11) & (2**53 - 1 if not signed else -1)
    return two_sum(high.to(torch.float64) * 2048.0, (wide & 2047).to(torch.float64))


def to_odd(value: Tensor, error: Tensor) -> Tensor:
    """The float64 next to the exact number whose last bit is set, or the number itself: safe to round once more."""
    bits = value.contiguous().view(torch.int64)
    away = (error > 0) == (value > 0)
    moved = torch.where(away, bits + 1, bits - 1).view(torch.float64)
    return torch.where((error != 0) & (bits & 1 == 0), moved, value)


def rounded(pair: Pair, mode: str, dtype: torch.dtype) -> Tensor:
    """The number in ``dtype``: ``rn`` to nearest even, ``rz`` to zero, ``rd`` down, ``ru`` up."""
    value, error = pair
    nearest = value if dtype == torch.float64 else narrowed(to_odd(value, error), dtype)
    if mode == "rn":
        return nearest
    wide = nearest.to(torch.float64)
    difference = value - wide
    rest = torch.where(difference == 0, error, difference)  # exact number minus nearest, by its sign
    if mode == "rz":
        return torch.where(((rest < 0) & (wide > 0)) | ((rest > 0) & (wide < 0)), towards_zero(nearest), nearest)
    if mode == "ru":
        return torch.where(rest > 0, torch.nextafter(nearest, torch.full_like(nearest, torch.inf)), nearest)
    return torch.where(rest < 0, torch.nextafter(nearest, torch.full_like(nearest, -torch.inf)), nearest)


def towards_zero(a: Tensor) -> Tensor:
    """The next number of smaller magnitude, for floats of any width."""
    integer = {1: torch.uint8, 2: torch.int16, 4: torch.int32, 8: torch.int64}[a.element_size()]
    return (a.contiguous().view(integer) - 1).view(a.dtype)


_DROPPED = {torch.float32: 29, torch.bfloat16: 45, torch.float16: 42}
"""Bits that a float64 loses when it becomes a narrower float."""


def fused(a: Tensor, b: Tensor, c: Tensor) -> Tensor:
    """``a * b + c`` with one rounding, for any float type.

    The float64 result is rounded twice only where it lies halfway between two numbers of the narrower type, or where
    those are subnormal. Both are rare, and only then the error of the first rounding is needed.
    """
    wide = [x.to(torch.float64) for x in (a, b, c)]
    if a.dtype not in _DROPPED:
        return rounded(multiply_add(wide[0], wide[1], wide[2], a.dtype), "rn", a.dtype)
    total = wide[0] * wide[1] + wide[2]
    drop = _DROPPED[a.dtype]
    halfway = total.view(torch.int64) & ((1 << drop) - 1) == 1 << (drop - 1)
    doubtful = halfway | ((total.abs() < torch.finfo(a.dtype).tiny) & (total != 0))
    result = narrowed(total, a.dtype)
    if bool(doubtful.any()):
        x, y, z = (part.expand(total.shape)[doubtful] for part in wide)
        result[doubtful] = rounded(multiply_add(x, y, z, a.dtype), "rn", a.dtype)
    return result


def narrowed(a: Tensor, dtype: torch.dtype) -> Tensor:
    """A float in a narrower type, to nearest even (torch goes from float64 to half types by way of float32)."""
    if a.dtype != torch.float64 or dtype.itemsize > 2:
        return a.to(dtype)
    single = a.to(torch.float32)
    error = a - single.to(torch.float64)
    bits = single.contiguous().view(torch.int32)
    away = (error > 0) == (single > 0)
    moved = torch.where(away, bits + 1, bits - 1).view(torch.float32)
    inexact = (error != 0) & torch.isfinite(single) & (single != 0) & (bits & 1 == 0)
    return torch.where(inexact, moved, single).to(dtype)


def truncated(a: Tensor, dtype: torch.dtype) -> Tensor:
    """A float in a narrower type, towards zero; what is finite stays finite."""
    nearest = narrowed(a, dtype)
    beyond = (nearest.to(torch.float64).abs() > a.to(torch.float64).abs()) & torch.isfinite(a)
    return torch.where(beyond, towards_zero(nearest), nearest)
