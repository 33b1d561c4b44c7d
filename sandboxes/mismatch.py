"""Which pattern a wrong output follows: what a programmer would see who had both results before him.

The truth is a secret, so that what is said of it is rounded, and said only of outputs of many different numbers: nobody
can learn an answer of few numbers from ratios and differences. Work is bounded: beyond a few passes over the mask of
wrong elements, at most `SAMPLES` elements are looked at.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from math import gcd
from typing import Final

import torch

from sandboxes.replay import poison
from sandboxes.truth import MANY, Expected
from sandboxes.wrong_places import wrong_places

SAMPLES: Final = 2**15
"""Elements that are compared with the truth."""
MAX_LISTED: Final = 2**24
"""Elements of an output up to which all wrong ones are listed, if a sample holds too few of them."""
AGREE: Final = 0.98
"""Share of the sampled elements that have to follow a pattern."""
CLOSE: Final = 1e-2
"""Relative difference from a constant factor or offset."""
MAX_DIMS: Final = 5
"""Dimensions up to which an exchange of two of them is looked for."""
ROUNDING: Final = 1024.0
"""Times the tolerance up to which an error may come from rounding."""
ROUNDING_SIZE: Final = 0.05
"""Largest such error over the root mean square of the truth."""
EVERYWHERE: Final = 0.02
"""The median error over the largest from which errors are said to be everywhere."""
NEARLY: Final = 0.02
"""Relative error up to which a wrong element is nearly right."""
IMPRECISE: Final = "is anything rounded to a narrower type, summed in one, or approximated?"
MIN_ROWS: Final = 3
MIN_COLUMNS: Final = 8
"""Wrong rows, and elements in each, from which what they have in common is no coincidence."""
MAX_ROWS: Final = 64
MAX_COLUMNS: Final = 512
STEP: Final = 2_654_435_761
"""Distance between samples, before it is made coprime to the number of elements."""


@dataclass(frozen=True, slots=True)
class Sample:
    """Elements of an output next to the truth."""

    at: torch.Tensor
    """Their positions, counted row by row."""
    got: torch.Tensor
    """Floating-point numbers and integers as float64."""
    right: torch.Tensor

    @property
    def varies(self) -> bool:
        """True if the truth has so many different numbers here that a relation to them gives none of them away."""
        return int(torch.unique(self.right).numel()) >= MANY


def find_pattern(expected: Expected, tensor: torch.Tensor, wrong: torch.Tensor) -> str | None:
    """Returns where the wrong elements of an output are, and how they differ, in words; None if nothing stands out.

    Args:
        expected: What is right.
        tensor: What the candidate computed, of the same shape and dtype.
        wrong: True where an element is wrong; at least one is.
    """
    where = wrong_places(wrong)
    how = _how(expected, tensor, wrong, spread=where is None)
    return "; ".join(words for words in (where, how) if words) or None


def _how(expected: Expected, tensor: torch.Tensor, wrong: torch.Tensor, *, spread: bool) -> str | None:
    positions = _positions(wrong)
    got, right = tensor.flatten()[positions], expected.value.flatten()[positions]
    special = _special(got)
    if special is not None or expected.dtype.is_complex or expected.value.is_complex():
        return special
    if expected.dtype == torch.bool:
        return "every element is the opposite" if wrong.numel() >= MANY and bool(wrong.all()) else None
    usable = torch.isfinite(got) & torch.isfinite(right)
    sample = Sample(positions[usable], got[usable].double(), right[usable].double())
    if sample.at.numel() >= AGREE * positions.numel() and sample.varies:
        related = _related(sample, expected.tolerance) or _moved(sample, expected) or _by_row(expected, tensor)
        if related is not None:
            return related
        if _agree((sample.got - sample.right).abs() <= NEARLY * sample.right.abs()):
            return f"wrong elements are nearly right: {IMPRECISE}"
    if expected.dtype.is_floating_point and spread:
        return _rounded(expected, tensor)
    return None


def _positions(wrong: torch.Tensor) -> torch.Tensor:
    """Returns positions of wrong elements, at most `SAMPLES` of them."""
    total = wrong.numel()
    if total > SAMPLES:
        sampled = _spread_out(total, wrong.device)
        sampled = sampled[wrong.flatten()[sampled]]
        if sampled.numel() >= MANY or total > MAX_LISTED:
            if sampled.numel():
                return sampled
            return wrong.flatten().to(torch.uint8).argmax().reshape(1)
    listed = wrong.flatten().nonzero().flatten()
    return listed if listed.numel() <= SAMPLES else listed[_spread_out(listed.numel(), wrong.device)]


def _spread_out(total: int, device: torch.device) -> torch.Tensor:
    """Returns `SAMPLES` different positions among `total`, which is more, without any small period."""
    step = STEP % total | 1
    while gcd(step, total) != 1:
        step += 2
    return (torch.arange(SAMPLES, device=device) * step) % total


def _special(got: torch.Tensor) -> str | None:
    """Finds values that tell of themselves what went wrong."""
    if got.dtype.is_floating_point or got.is_complex():
        nan, finite = torch.isnan(got), torch.isfinite(got)
        if bool(nan.all()):
            return (
                "every wrong element is NaN: is it never stored (new memory holds NaN here; does the grid cover it?), "
                "or 0/0, or inf - inf?"
            )
        if not bool(finite.any()):
            return f"every wrong element is {'NaN or ' if bool(nan.any()) else ''}infinite: does anything overflow?"
        if not bool(finite.all()):
            return f"{1 - float(finite.double().mean()):.0%} of the wrong elements are NaN or infinite"
    if got.dtype == torch.bool:
        return None
    if not bool((got != 0).any()):
        return "every wrong element is 0: is it ever stored (does the grid cover it?), or is its value masked away?"
    untouched = torch.empty(1, dtype=got.dtype, device=got.device)
    poison(untouched)
    if bool((got == untouched).all()):
        return "no wrong element is ever stored"
    if got.numel() >= MANY and not bool((got != got[0]).any()):
        return "all wrong elements have the same value"
    return None


def _related(sample: Sample, tolerance: float) -> str | None:
    """Finds a simple formula between what was computed and what is right."""
    got, right = sample.got, sample.right
    if _agree((got + right).abs() <= tolerance + CLOSE * CLOSE * right.abs()):
        return "every wrong element has the wrong sign"
    large = right.abs() > 1e-3 * right.abs().max()
    ratios = got[large] / right[large]
    if ratios.numel() >= MANY:
        ratio = float(ratios.median())
        spread = CLOSE * min(1.0, 10 * abs(ratio - 1))
        if ratio not in (0.0, 1.0) and _agree((ratios / ratio - 1).abs() <= spread):
            return f"{_times(ratio)}: is a factor missing, or something counted twice?"
    offset = float((got - right).median())
    if offset and _agree((got - right - offset).abs() <= max(tolerance, CLOSE * abs(offset))):
        return "all wrong elements are off by the same amount: is a term missing, or added twice?"
    return None


def _times(ratio: float) -> str:
    if 0.9 < ratio < 1.1:
        return f"all wrong elements are {abs(ratio - 1) * 100:.1g}% too {'large' if ratio > 1 else 'small'}"
    return f"all wrong elements are {ratio:.2g} times as large as they should be"


def _by_row(expected: Expected, tensor: torch.Tensor) -> str | None:
    """Finds rows of the last dimension with a factor or an amount of their own: of a sum, a norm, a mean, a maximum."""
    columns = tensor.shape[-1]
    if tensor.dim() < 2 or columns < MIN_COLUMNS or tensor.numel() // columns < MIN_ROWS:
        return None
    got, right = (
        each.reshape(-1, columns)[:: -(-(tensor.numel() // columns) // MAX_ROWS), :MAX_COLUMNS].double()
        for each in (tensor, expected.value)
    )
    wrong = ((got - right).abs() > expected.tolerance).any(dim=1)
    got, right = got[wrong], right[wrong]
    if len(got) < MIN_ROWS or not bool((torch.isfinite(got) & torch.isfinite(right)).all()):
        return None
    off = got - right
    amounts = off.median(dim=1, keepdim=True).values
    if _agree((off - amounts).abs() <= (CLOSE * amounts.abs()).clamp(min=expected.tolerance)):
        return "every wrong row is off by an amount of its own: is its mean or its maximum right?"
    ratios = got / right
    factors = ratios.median(dim=1, keepdim=True).values
    if _agree((got - factors * right).abs() <= (CLOSE * off.abs()).clamp(min=expected.tolerance)):
        return "every wrong row is off by a factor of its own: is its sum or its norm right?"
    return None


def _moved(sample: Sample, expected: Expected) -> str | None:
    """Finds right values at wrong places."""
    for words, source, valid in _moves(sample.at, expected.value.shape):
        if int(valid.sum()) >= max(MANY, sample.at.numel() // 2):
            right = expected.value.flatten()[source[valid]].double()
            if _agree((sample.got[valid] - right).abs() <= expected.tolerance + CLOSE * CLOSE * right.abs()):
                return words
    return None


def _moves(at: torch.Tensor, shape: torch.Size) -> Iterator[tuple[str, torch.Tensor, torch.Tensor]]:
    """Yields moves in words, from where each element then comes, and which of these places exist."""
    everywhere = torch.ones_like(at, dtype=torch.bool)
    index = torch.unravel_index(at, shape)
    for dim, size in enumerate(shape):
        stride = shape[dim + 1 :].numel()
        for step in (1, -1):
            words = f"values are shifted by {'+' if step > 0 else '-'}1 along dimension {dim}: is an offset off by one?"
            moved = index[dim] - step
            yield words, (at - step * stride).clamp(0, shape.numel() - 1), (moved >= 0) & (moved < size)
        if size > 1:
            yield f"dimension {dim} is reversed", at + (size - 1 - 2 * index[dim]) * stride, everywhere
    if 1 < len(shape) <= MAX_DIMS:
        for first, second in combinations(range(len(shape)), 2):
            exchanged = list(shape)
            exchanged[first], exchanged[second] = exchanged[second], exchanged[first]
            order = list(torch.unravel_index(at, torch.Size(exchanged)))
            order[first], order[second] = order[second], order[first]
            source = torch.zeros_like(at)
            for size, coordinate in zip(shape, order, strict=True):
                source = source * size + coordinate
            yield f"dimensions {first} and {second} are exchanged: are strides mixed up?", source, everywhere


def _rounded(expected: Expected, tensor: torch.Tensor) -> str | None:
    """Finds errors that are everywhere, and small: of a number format, not of a formula."""
    total = tensor.numel()
    if total < MANY:
        return None
    device = tensor.device
    at = _spread_out(total, device) if total > SAMPLES else torch.arange(total, device=device)
    got, right = tensor.flatten()[at].double(), expected.value.flatten()[at].double()
    error = (got - right).abs()
    if not bool(torch.isfinite(error).all()):
        return None
    largest = float(error.max())
    size = float(right.square().mean().sqrt())
    small = expected.tolerance < largest <= min(ROUNDING * expected.tolerance, ROUNDING_SIZE * size)
    if small and float(error.median()) >= EVERYWHERE * largest:
        return (
            "errors are small, and everywhere: is anything rounded to a narrower type, summed in one, or approximated?"
        )
    return None


def _agree(condition: torch.Tensor) -> bool:
    return float(condition.double().mean()) >= AGREE
