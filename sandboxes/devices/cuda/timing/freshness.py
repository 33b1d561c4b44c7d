"""Values that nobody has seen: a few sets that are drawn once, times a factor that is drawn for every run.

Drawing all elements anew would take longer than most kernels, so runs share a few sets of elements, and differ by
size and sign wherever the reference is meaningful under these. Whoever kept an answer has the wrong one.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch

from sandboxes.devices.cuda.gpu import Gpu
from sandboxes.distributions import Distribution, Domain
from sandboxes.nested import clone, labelled, moved
from sandboxes.reference import LiveReference
from sandboxes.truth import Trial

EXACT_FACTORS = (0.5, 1.0)
"""Sizes that change no order: products are exact, and no two elements become equal."""


@dataclass(frozen=True, slots=True)
class Draw:
    """Which values: everything that is needed to make them again."""

    base: int
    factors: tuple[float, ...]
    """For each input."""


class Values:
    """Makes values of a case's inputs.

    Args:
        gpu: Where.
        reference: Draws them.
        trial: Case and distribution; its own seed is not used.
        seeds: Secret; one for each base set.
        draw: Decides on values; nobody else may know it.
        exact: Factors leave equal what is equal, and different what is different: for outputs that are positions.
    """

    def __init__(
        self,
        gpu: Gpu,
        reference: LiveReference,
        trial: Trial,
        seeds: Sequence[int],
        draw: random.Random,
        *,
        exact: bool,
    ) -> None:
        self._draws = [partial(reference.draw, trial.case, trial.distribution, seed) for seed in seeds]
        self._device = gpu.device
        self._bases = [moved(drawn(), gpu.device) for drawn in self._draws]
        self._domains = reference.domains(len(self._bases[0]))
        self._sizes = Distribution.SMALL in reference.distributions
        self._signs = Distribution.NEGATIVE in reference.distributions
        self._draw = draw
        self._exact = exact
        self._last = -1

    def fresh(self) -> Draw:
        """Returns which values come next; never those of the base set that came last, if there is another."""
        others = [number for number in range(len(self._bases)) if number != self._last]
        self._last = self._draw.choice(others or [0])
        return Draw(self._last, tuple(self._factor(domain) for domain in self._domains))

    def write(self, draw: Draw, inputs: Sequence[Any]) -> None:
        """Writes them into inputs that are laid out like the base sets, gaps and all."""
        self._write(self._bases[draw.base], draw, inputs)

    def _write(self, base: Sequence[Any], draw: Draw, inputs: Sequence[Any]) -> None:
        for source, target, factor in zip(base, inputs, draw.factors, strict=True):
            for (_, one), (_, other) in zip(labelled(source), labelled(target), strict=True):
                _whole(other).copy_(_whole(one))
                if factor != 1.0 and _scalable(one):
                    other.mul_(factor)

    def copy(self, draw: Draw) -> list[Any]:
        """Returns them in memory of their own."""
        inputs: list[Any] = clone(self._bases[draw.base])
        self.write(draw, inputs)
        return inputs

    def anew(self, draw: Draw) -> list[Any]:
        """Returns them in memory of their own, drawn once more: whatever has become of the base sets since."""
        base = moved(self._draws[draw.base](), self._device)
        inputs: list[Any] = clone(base)
        self._write(base, draw, inputs)
        return inputs

    def _factor(self, domain: Domain) -> float:
        if domain is Domain.FIXED:
            return 1.0
        size = 1.0
        if self._sizes:
            size = self._draw.choice(EXACT_FACTORS) if self._exact else self._draw.uniform(0.5, 1.0)
        return -size if domain is Domain.ANY and self._signs and self._draw.random() < 0.5 else size


def _scalable(tensor: torch.Tensor) -> bool:
    """True if its elements can be multiplied: torch multiplies no float8, nor what overlaps itself."""
    multiplied = tensor.is_floating_point() and tensor.element_size() > 1
    return multiplied and torch._debug_has_internal_overlap(tensor) == 0


def _whole(tensor: torch.Tensor) -> torch.Tensor:
    """Returns the memory of a tensor, as bytes."""
    return torch.empty(0, dtype=torch.uint8, device=tensor.device).set_(tensor.untyped_storage())
