"""What the right answer is, and how far from it an honest program may be.

Truth is the reference evaluated in float64. The tolerance of an output is the larger of a floor by dtype, scaled by the
truth's root mean square, and four times the error that the reference itself makes in its own precision.
"""

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from sandboxes.contracts import Case, Precision
from sandboxes.distributions import Distribution
from sandboxes.precision import MatmulPrecision
from sandboxes.reference import LiveReference

FLOORS = {torch.float64: 1e-4, torch.float32: 1e-4, torch.float16: 1e-2, torch.bfloat16: 1e-2}
"""Relative to the truth's root mean square, by the dtype of the reference's output."""

REFERENCE_ERRORS = 4.0
"""An honest program may be this much worse than the reference."""


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


class TruthCache:
    """Truths by reference and trial, least recently used first out.

    Args:
        max_bytes: Memory that all truths together may occupy; a truth larger than that is not kept.
    """

    def __init__(self, max_bytes: int = 672 * 2**20) -> None:
        self._max_bytes = max_bytes
        self._bytes = 0
        self._known: OrderedDict[tuple[object, ...], Truth] = OrderedDict()

    def get(self, reference: LiveReference, trial: Trial) -> Truth:
        """Returns the truth of a trial, computing it if it is not known."""
        key = (reference.digest, trial.case.name, trial.weight_seed, trial.distribution, trial.seed, trial.precision)
        if key in self._known:
            self._known.move_to_end(key)
            return self._known[key]
        truth = compute_truth(reference, trial)
        if truth.bytes <= self._max_bytes:
            self._known[key] = truth
            self._bytes += truth.bytes
            while self._bytes > self._max_bytes:
                self._bytes -= self._known.popitem(last=False)[1].bytes
        return truth


def compute_truth(reference: LiveReference, trial: Trial) -> Truth:
    """Runs the reference in its own precision and in float64.

    Raises:
        InvalidReference: The reference raises, or returns something else than tensors.
    """
    inputs = reference.draw(trial.case, trial.distribution, trial.seed)
    used = [clone(item) for item in inputs]
    model = reference.model(trial.case, trial.weight_seed)
    with MatmulPrecision(trial.precision):
        own = reference.run(trial.case, model, used)
    changed = frozenset(
        position for position, (before, after) in enumerate(zip(inputs, used, strict=True)) if not same(before, after)
    )
    doubles = [to_double(item) for item in inputs]
    exact = reference.run_double(trial.case, trial.weight_seed, doubles)
    own_tensors = labelled(own) + labelled_inputs(used, changed)
    # if it does not run in float64, its own answer is the best there is
    exact_tensors = own_tensors if exact is None else labelled(exact) + labelled_inputs(doubles, changed)
    outputs = tuple(
        _expected(label, mine, truth) for (label, mine), (_, truth) in zip(own_tensors, exact_tensors, strict=True)
    )
    return Truth(inputs=inputs, outputs=outputs, structure=structure(own), changed_inputs=changed)


def _expected(label: str, own: torch.Tensor, truth: torch.Tensor) -> Expected:
    if not own.dtype.is_floating_point:
        return Expected(label=label, value=own, dtype=own.dtype, tolerance=0.0)
    exact = truth.double()
    finite = torch.isfinite(exact)
    rms = float(exact[finite].square().mean().sqrt()) if bool(finite.any()) else 0.0
    difference = (own.double() - exact)[finite]
    difference = difference[torch.isfinite(difference)]
    error = float(difference.abs().max()) if difference.numel() else 0.0
    tolerance = max(FLOORS.get(own.dtype, 1e-1) * rms, REFERENCE_ERRORS * error)
    value = exact if own.dtype == torch.float64 else exact.float()
    return Expected(label=label, value=value, dtype=own.dtype, tolerance=tolerance)


def labelled(output: Any, label: str = "output") -> list[tuple[str, torch.Tensor]]:
    """Returns all tensors of an output with their names, depth first."""
    if isinstance(output, torch.Tensor):
        return [(label, output)]
    if isinstance(output, (tuple, list)):
        return [pair for index, item in enumerate(output) for pair in labelled(item, f"{label}[{index}]")]
    return []


def labelled_inputs(inputs: Sequence[Any], changed: Iterable[int]) -> list[tuple[str, torch.Tensor]]:
    """Returns all tensors of the inputs at these positions with their names."""
    return [
        pair for position in sorted(changed) for pair in labelled(inputs[position], f"input {position} after forward")
    ]


def structure(output: Any) -> Any:
    """Returns the output with every tensor replaced by `"tensor"`; lists count as tuples."""
    if isinstance(output, torch.Tensor):
        return "tensor"
    if isinstance(output, (tuple, list)):
        return tuple(structure(item) for item in output)
    return ("plain", output)


def clone(value: Any) -> Any:
    """Copies tensors, also in tuples and lists, with their whole storage and layout."""
    if isinstance(value, (tuple, list)):
        return type(value)(clone(item) for item in value)
    if not isinstance(value, torch.Tensor):
        return value
    if value.is_contiguous() and value.untyped_storage().nbytes() == value.numel() * value.element_size():
        return value.detach().clone()
    copy = torch.empty(0, dtype=value.dtype, device=value.device)
    storage = value.untyped_storage().clone()  # type: ignore[no-untyped-call]
    return copy.set_(storage, value.storage_offset(), value.shape, value.stride())


def same(before: Any, after: Any) -> bool:
    """True if the tensors in two values are bitwise equal."""
    if isinstance(before, (tuple, list)):
        return len(before) == len(after) and all(same(one, other) for one, other in zip(before, after, strict=True))
    if not isinstance(before, torch.Tensor):
        return True
    return torch.equal(_bytes(before), _bytes(after))


def _bytes(tensor: torch.Tensor) -> torch.Tensor:
    return torch.empty(0, dtype=torch.uint8).set_(tensor.untyped_storage())


def to_double(value: Any) -> Any:
    """Returns a copy in which floating-point tensors are float64."""
    if isinstance(value, (tuple, list)):
        return type(value)(to_double(item) for item in value)
    if isinstance(value, torch.Tensor) and value.is_floating_point():
        return value.double()
    return clone(value)
