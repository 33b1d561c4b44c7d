"""Runs a scaled reference once on data: what it gives there must be worth comparing."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import torch

from sandboxes.contracts import Precision, Reference
from sandboxes.distributions import Distribution
from sandboxes.errors import InvalidReference
from sandboxes.nested import labelled
from sandboxes.reference import LiveReference
from sandboxes.reference_module import seed_everything
from sandboxes.truth import Expected, Trial, compute_truth

FEW: Final = 8
"""Integers of an output that may all be equal."""

DEPEND: Final = "choose inputs, weights or operations under which the output depends on the inputs"
"""What to do about an answer that is known beforehand."""

CLEAR: Final = 2.0
"""Times the tolerance that values must be apart: a constant halfway between them is off by half of that."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Flaw:
    """What is wrong with a reference under some integers."""

    words: str
    known: bool = False
    """Its output can't be told from a constant."""


def flaw(reference: Reference, constants: Mapping[str, int]) -> Flaw | None:
    """Returns what is wrong with a reference under some integers, or None.

    Wrong is: it raises on data, it is random, or its output can't be told from a constant, be it because all of it is
    the same number or because what differs is rounding noise (a normalisation of a single element).
    """
    try:
        live = LiveReference(reference.model_copy(update={"check_constants": (dict(constants),)}))
        first, second = _outputs(live, 1), _outputs(live, 2)
        if not first:
            return Flaw(words="it returns no tensor")
        if not all(torch.allclose(one, two, equal_nan=True) for one, two in zip(first, second, strict=True)):
            return Flaw(words="its output is random: the same inputs and weights give other values (dropout?)")
        trial = Trial(
            case=live.cases[0], weight_seed=0, distribution=Distribution.UNIT, seed=0, precision=Precision.TF32
        )
        outputs = compute_truth(live, trial).outputs
    except InvalidReference as error:
        return Flaw(words=f"it raises: {str(error).removeprefix(f'the reference `{reference.id}` ')}")
    return next((Flaw(words=words, known=True) for output in outputs if (words := _constant(output))), None)


def _outputs(live: LiveReference, seed: int) -> list[torch.Tensor]:
    """Returns the tensors of an output; inputs and weights don't depend on `seed`."""
    case = live.cases[0]
    model, inputs = live.model(case, 0), live.draw(case, Distribution.UNIT, seed=0)
    seed_everything(seed)
    return [tensor for _, tensor in labelled(live.run(case, model, inputs))]


def _constant(output: Expected) -> str | None:
    value: Any = output.value
    if not output.dtype.is_floating_point:
        same = value.numel() >= FEW and bool((value == value.flatten()[0]).all())
        return "all of its output is the same number" if same else None
    finite = value[torch.isfinite(value)]
    if not finite.numel():
        return "its output is not finite"
    spread = finite.abs().max() if value.numel() == 1 else finite.max() - finite.min()
    if float(spread) == 0:
        return "all of its output is the same number"
    if float(spread) <= CLEAR * output.tolerance and finite.numel() == value.numel():
        return "its output is nothing but rounding noise, so that a constant would pass"
    return None
