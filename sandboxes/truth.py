"""What the right answer is, and how far from it an honest program may be.

Truth is the reference evaluated in float64. No element may be further off than the larger of a floor by dtype, scaled
by the truth's root mean square, and four times the largest error that the reference itself makes in its own precision.
All elements together may not be further off than what rounding leaves on average, or twice what the reference does:
that is where a sum in too narrow a type shows, which is never wrong by much.
"""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol

import torch

from sandboxes.contracts import Case, Precision
from sandboxes.distributions import Distribution
from sandboxes.nested import clone, labelled, labelled_inputs, moved, overlap, same, structure, to_double
from sandboxes.precision import MatmulPrecision
from sandboxes.reference import LiveReference
from sandboxes.reference_module import placed

FLOORS = {torch.float64: 2e-5, torch.float32: 2e-5, torch.float16: 1e-2, torch.bfloat16: 1e-2}
"""Of the largest error; relative to the truth's root mean square, by the dtype of the reference's output."""

PEAK_FLOOR = 1e-5
"""Of the largest error, relative to the truth's largest element: what an exponential by `exp2` makes of values near
500, whose exponents are rounded to 3e-5."""

MEAN_FLOORS = {torch.float64: 5e-6, torch.float32: 5e-6, torch.float16: 2.5e-4, torch.bfloat16: 2e-3}
"""Of the root mean square error, likewise; a quarter of epsilon is what rounding to a half type leaves."""

REFERENCE_ERRORS = 4.0
"""An honest program's worst element may be this much worse than the reference's."""

REFERENCE_ERRORS_OF_FEW = 8.0
"""Likewise for an output of few elements: the worst of a few may be right by chance."""

MEAN_REFERENCE_ERRORS = 2.0
"""An honest program's root mean square error may be this much larger than the reference's."""

MANY = 64
"""Elements from which an output has many: the errors of fewer say little about what is usual."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """One output tensor."""

    label: str
    """How to name it: `output`, `output[1]` or `input 0 after forward`."""
    value: torch.Tensor
    """Truth; float32 if the output is no wider than that, since its rounding is far below the tolerance."""
    dtype: torch.dtype
    """The reference's own output dtype."""
    tolerance: float
    """Largest allowed absolute difference; 0 for integers."""
    mean_tolerance: float = float("inf")
    """Largest allowed root mean square of all differences."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """Inputs and expectations of one trial."""

    inputs: list[Any]
    """Never handed out: clone them."""
    outputs: tuple[Expected, ...]
    structure: Any
    """The output with tensors replaced by their position; compared for equality."""
    changed_inputs: frozenset[int]
    """Positions of inputs that the reference itself changes."""
    overlaps: bool = False
    """Elements of the reference's own outputs share memory."""

    @property
    def bytes(self) -> int:
        """Memory it occupies."""
        tensors = [tensor for _, tensor in labelled(self.inputs)] + [output.value for output in self.outputs]
        return sum(tensor.untyped_storage().nbytes() for tensor in tensors)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One set of inputs and weights."""

    case: Case
    weight_seed: int
    distribution: Distribution
    seed: int
    precision: Precision
    once: bool = False
    """Its seed is used for one evaluation only, so its truth need not be kept beyond."""


class Home(Protocol):
    """A device other than the CPU on which a reference can run."""

    @property
    def device(self) -> torch.device:
        """Where its tensors live."""
        ...

    def precision(self, precision: Precision) -> AbstractContextManager[None]:
        """Inside it float32 matrix products and convolutions follow the policy."""
        ...

    def faults(self) -> AbstractContextManager[None]:
        """Inside it failures of the device are told from those of the reference."""
        ...


def compute_truth(
    reference: LiveReference, trial: Trial, home: Home | None = None, drawn: Sequence[Any] | None = None
) -> Truth:
    """Runs the reference in its own precision and in float64.

    Args:
        reference: What is right by definition.
        trial: What to run it on.
        home: Where to run it, and where everything stays; None is the CPU, on which TF32 is emulated.
        drawn: The trial's inputs on the CPU, if they are drawn already; left as they are.

    Raises:
        InvalidReference: The reference raises, or returns something else than tensors.
    """
    inputs = reference.draw(trial.case, trial.distribution, trial.seed) if drawn is None else list(drawn)
    device = None if home is None else home.device
    if device is not None:
        inputs = moved(inputs, device)
    used = [clone(item) for item in inputs]
    model = reference.model(trial.case, trial.weight_seed)
    with MatmulPrecision(trial.precision) if home is None else home.precision(trial.precision):
        own = reference.run(trial.case, model if device is None else placed(model, device), used, device)
    changed = frozenset(
        position for position, (before, after) in enumerate(zip(inputs, used, strict=True)) if not same(before, after)
    )
    doubles = [to_double(item) for item in inputs]
    exact = reference.run_double(trial.case, trial.weight_seed, doubles, device)
    own_tensors = labelled(own) + labelled_inputs(used, changed)
    # if it does not run in float64, its own answer is the best there is
    exact_tensors = own_tensors if exact is None else labelled(exact) + labelled_inputs(doubles, changed)
    outputs = tuple(
        _expected(label, mine, truth) for (label, mine), (_, truth) in zip(own_tensors, exact_tensors, strict=True)
    )
    return Truth(
        inputs=inputs,
        outputs=outputs,
        structure=structure(own),
        changed_inputs=changed,
        overlaps=overlap([tensor for _, tensor in labelled(own)]),
    )


def _expected(label: str, own: torch.Tensor, truth: torch.Tensor) -> Expected:
    if not own.dtype.is_floating_point:
        return Expected(label=label, value=own, dtype=own.dtype, tolerance=0.0)
    exact = truth.double()
    finite = torch.isfinite(exact)
    size = root_mean_square(exact[finite])
    difference = (own.double() - exact)[finite]
    difference = difference[torch.isfinite(difference)]
    error = float(difference.abs().max()) if difference.numel() else 0.0
    reference_errors = REFERENCE_ERRORS_OF_FEW if exact.numel() < MANY else REFERENCE_ERRORS
    tolerance = max(FLOORS.get(own.dtype, 1e-1) * size, reference_errors * error)
    peak = float(exact[finite].abs().max()) if bool(finite.any()) else 0.0
    tolerance = max(tolerance, PEAK_FLOOR * peak)
    mean_tolerance = float("inf")
    if bool(finite.all()) and exact.numel() >= MANY and own.dtype in MEAN_FLOORS:
        mean_tolerance = max(MEAN_FLOORS[own.dtype] * size, MEAN_REFERENCE_ERRORS * root_mean_square(difference))
    value = exact if own.dtype == torch.float64 else exact.float()
    return Expected(label=label, value=value, dtype=own.dtype, tolerance=tolerance, mean_tolerance=mean_tolerance)


def root_mean_square(values: torch.Tensor) -> float:
    """Returns the root of the mean of all squares; 0 for no values."""
    return float(values.double().square().mean().sqrt()) if values.numel() else 0.0
