"""Compares what a candidate computed with the truth, and says how it differs."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import log10
from typing import Any

import torch

from sandboxes.contracts import Case, CaseKind, CaseResult, EvalConfig
from sandboxes.distributions import SIZES, Distribution
from sandboxes.mismatch import find_pattern
from sandboxes.nested import labelled, labelled_inputs, overlap, same, structure
from sandboxes.reference import LiveReference
from sandboxes.replay import describe, dtype_name
from sandboxes.truth import MANY, Expected, Trial, Truth, root_mean_square


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """The verdict on one trial."""

    passed: bool
    max_error: float
    tolerance: float
    detail: str | None
    """How it differs; None if it passed."""
    pattern: str | None = None
    """Which pattern the wrong elements follow, if any."""


def plan_trials(reference: LiveReference, config: EvalConfig, seed: int) -> list[Trial]:
    """Chooses the trials of all check cases.

    Every case is tried with the values as drawn. Values of other sizes and ties come at the largest case: what is left
    out because of them is left out where there is much to do, the reference is known to stay accurate there, and ties
    are many. The remaining distributions take turns at the other cases, largest first. The first case is also tried
    with the other weight seeds.

    Args:
        reference: What defines the cases.
        config: Names the weight seeds, and the seed if it is no secret.
        seed: Of the input values.
    """
    checks = [case for case in reference.cases if case.kind is CaseKind.CHECK]
    once = config.seed is None or config.bench_seed is not None
    trials = [
        Trial(
            case=case,
            weight_seed=config.weight_seeds[0],
            distribution=distribution,
            seed=seed,
            precision=config.precision,
            once=once,
        )
        for case, distributions in zip(checks, _distributions(reference, checks), strict=True)
        for distribution in distributions
    ]
    if reference.has_state(checks[0], config.weight_seeds[0]):
        trials += [
            Trial(
                case=checks[0],
                weight_seed=other,
                distribution=Distribution.UNIT,
                seed=seed,
                precision=config.precision,
                once=once,
            )
            for other in config.weight_seeds[1:]
        ]
    return trials


def _distributions(reference: LiveReference, checks: Sequence[Case]) -> list[list[Distribution]]:
    """Returns what each check case is tried with."""
    largest = checks.index(reference.largest_check)
    at_the_largest = [item for item in reference.distributions if item in SIZES or item is Distribution.TIES]
    left_out = {Distribution.UNIT, Distribution.UNEVEN, *at_the_largest}
    others = [item for item in reference.distributions if item not in left_out]
    per_case = [[Distribution.UNIT] for _ in checks]
    per_case[largest] += at_the_largest
    rest = sorted(set(range(len(checks))) - {largest}, key=lambda index: -checks[index].input_elements) or [largest]
    for turn in range(max(len(others), len(rest) if others else 0)):
        per_case[rest[turn % len(rest)]].append(others[turn % len(others)])
    return per_case


def bench_trial(
    case: Case,
    config: EvalConfig,
    seed: int,
    distributions: Sequence[Distribution] = (Distribution.UNIT,),
    *,
    once: bool = False,
) -> Trial:
    """Returns the trial that verifies the bench case.

    It has one, since it is large, so its values are uneven where they may be: means and sums over many like elements
    hardly change if a program leaves some of them out.

    Args:
        case: The bench case.
        config: Names the weight seed and the precision.
        seed: Of the input values.
        distributions: Those of the reference.
        once: The seed is used for one evaluation only.
    """
    uneven = Distribution.UNEVEN in distributions
    return Trial(
        case=case,
        weight_seed=config.weight_seeds[0],
        distribution=Distribution.UNEVEN if uneven else Distribution.UNIT,
        seed=seed,
        precision=config.precision,
        once=once,
    )


def compare(
    truth: Truth,
    output: Any,
    inputs_after: Sequence[Any],
    changed_weights: Sequence[str] = (),
    *,
    explained: bool = True,
) -> Comparison:
    """Judges one trial.

    Values, shapes and dtypes have to be right. Strides are free, but no two elements of the outputs may share memory
    unless those of the reference's do: whoever writes into one would change the other. Zeros of either sign are equal,
    and where the truth is not a number anything goes.

    Args:
        truth: What is right.
        output: What the candidate returned.
        inputs_after: The candidate's inputs after its forward.
        changed_weights: Names of its parameters that are not what they were before.
        explained: Look for a pattern in what is wrong, which takes longer than the verdict.
    """
    if structure(output) != truth.structure:
        return _failed(
            f"the reference returns {_shape_of(truth.structure)}, the candidate {_shape_of(structure(output))}"
        )
    for position, (before, after) in enumerate(zip(truth.inputs, inputs_after, strict=True)):
        if position not in truth.changed_inputs and not same(before, after):
            return _failed(f"input {position} was changed; the reference leaves its inputs as they are")
    if changed_weights:
        return _failed(f"the weight `{changed_weights[0]}` was changed; `forward` leaves weights as they are")
    tensors = [tensor for _, tensor in labelled(output)]
    if not truth.overlaps and overlap(tensors):
        return _failed("elements of the output share memory (`expand`, or views of one tensor); the reference's do not")
    tensors += [tensor for _, tensor in labelled_inputs(inputs_after, truth.changed_inputs)]
    worst: Comparison | None = None
    for expected, tensor in zip(truth.outputs, tensors, strict=True):
        comparison = _compare_tensor(expected, tensor, explained=explained)
        if not comparison.passed:
            return comparison
        if worst is None or comparison.max_error > worst.max_error:
            worst = comparison
    return worst or Comparison(passed=True, max_error=0.0, tolerance=0.0, detail=None)


def summarise(case: Case, comparisons: Sequence[tuple[Trial, Comparison]]) -> CaseResult:
    """Merges the trials of one case."""
    failed = [(trial, comparison) for trial, comparison in comparisons if not comparison.passed]
    shown = failed[0][1] if failed else max((item for _, item in comparisons), key=lambda item: item.max_error)
    detail = None
    if failed:
        trial, comparison = failed[0]
        detail = comparison.detail
        if len(failed) < len(comparisons):
            detail = f"{detail}; seen with values {trial.distribution}, not with all"
    return CaseResult(
        case=case.name,
        kind=case.kind,
        passed=not failed,
        trials=len(comparisons),
        failed_trials=len(failed),
        max_error=shown.max_error,
        tolerance=shown.tolerance,
        detail=detail,
        pattern=shown.pattern,
    )


def _failed(detail: str) -> Comparison:
    return Comparison(passed=False, max_error=float("inf"), tolerance=0.0, detail=detail)


def _shape_of(tree: Any) -> str:
    if tree == "tensor":
        return "a tensor"
    if isinstance(tree, tuple) and tree[:1] == ("plain",):
        return repr(tree[1])[:50]
    return f"a tuple of {len(tree)}"


def _compare_tensor(expected: Expected, tensor: Any, *, explained: bool) -> Comparison:
    label = expected.label
    if not isinstance(tensor, torch.Tensor) or tensor.shape != expected.value.shape:
        return _failed(f"{label} has shape {describe(tensor)}, expected {list(expected.value.shape)}")
    if tensor.dtype != expected.dtype:
        return _failed(f"{label} is {dtype_name(tensor)}, expected {str(expected.dtype).removeprefix('torch.')}")
    if tensor.numel() == 0:
        return Comparison(passed=True, max_error=0.0, tolerance=expected.tolerance, detail=None)
    if not expected.dtype.is_floating_point:
        wrong = tensor != expected.value
        difference = wrong.double()
    else:
        difference = (tensor.to(expected.value.dtype) - expected.value).abs_()
        error = float(difference.max())
        if error <= expected.tolerance:  # false if anything is not finite
            return _compare_mean(expected, difference, error)
        # infinities must agree in sign, and are exact; where the truth is NaN anything goes
        difference = torch.where((tensor == expected.value) | _overflowed(expected, tensor), 0.0, difference)
        difference = torch.where(torch.isnan(expected.value), 0.0, difference)
        difference = torch.nan_to_num(difference, nan=float("inf"), posinf=float("inf"))
        wrong = difference > expected.tolerance
    error = float(difference.max())
    if not bool(wrong.any()):
        return Comparison(passed=True, max_error=error, tolerance=expected.tolerance, detail=None)
    return Comparison(
        passed=False,
        max_error=error,
        tolerance=expected.tolerance,
        detail=_describe(expected, difference, wrong),
        pattern=find_pattern(expected, tensor, wrong) if explained else None,
    )


def _compare_mean(expected: Expected, difference: torch.Tensor, error: float) -> Comparison:
    """Judges the differences of an output together, none of which is too large by itself."""
    mean = root_mean_square(difference) if expected.mean_tolerance < float("inf") else 0.0
    if mean <= expected.mean_tolerance:
        return Comparison(passed=True, max_error=error, tolerance=expected.tolerance, detail=None)
    return Comparison(
        passed=False,
        max_error=error,
        tolerance=expected.tolerance,
        detail=(
            f"{expected.label}: no element is far off, but all together are: their root mean square error is "
            f"{mean:.3g} (allowed {expected.mean_tolerance:.3g}); is anything rounded to a narrower type on the way, "
            "or summed in one?"
        ),
    )


def _overflowed(expected: Expected, tensor: torch.Tensor) -> torch.Tensor:
    """True where an infinity is right: the truth, give or take the tolerance, is too large for the output's dtype."""
    size = expected.value * tensor.sign()  # negative if the sign is wrong
    return tensor.isinf() & (size + expected.tolerance > torch.finfo(expected.dtype).max)


def _describe(expected: Expected, difference: torch.Tensor, wrong: torch.Tensor) -> str:
    """Says where an output is wrong, and how much.

    Of few numbers, neither a difference nor the tolerance is told, which is in proportion to them: a candidate that
    returns zeros would read the answer.
    """
    count, total = int(wrong.sum()), wrong.numel()
    worst = [int(i) for i in torch.unravel_index(difference.argmax(), difference.shape)]
    size = float(difference.max())
    if size == float("inf"):
        amount = "not finite"
    elif not expected.dtype.is_floating_point:
        amount = "not equal"
    elif total < MANY:
        amount = f"off by {_magnitude(size / expected.tolerance)} what is allowed" if expected.tolerance else "off"
    else:
        amount = f"off by {size:.2g} (allowed {expected.tolerance:.2g})"
    if not worst:
        return f"{expected.label} is {amount}"
    return (
        f"{expected.label}: {count} of {total} elements are wrong ({_share(count, total)}), worst at {worst}: {amount}"
    )


def _share(count: int, total: int) -> str:
    """Returns a share that is not called none or all unless it is."""
    share = count / total
    if share < 0.001:
        return "<0.1%"
    return ">99.9%" if 0.999 < share < 1 else f"{share:.1%}"


def _magnitude(ratio: float) -> str:
    """Returns how often, by powers of ten: `more than 100 times`."""
    return f"more than {10 ** int(log10(ratio)):,} times" if ratio >= 10 else "a few times"
