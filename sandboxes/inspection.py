"""Looks a reference through for what makes it a weak problem: `kernelgym problems --lint`."""

from collections.abc import Iterator
from typing import Final

import torch

from sandboxes.contracts import CaseKind, Reference, Weakness
from sandboxes.distributions import Distribution
from sandboxes.errors import AnswerKnown
from sandboxes.giveaways import CONFIG, SEED, built, giveaways
from sandboxes.judge import compare
from sandboxes.loading import bring_to_life
from sandboxes.nested import clone, labelled, same, to_double
from sandboxes.reference import LiveReference
from sandboxes.scaling.trial_run import DEPEND
from sandboxes.truth import Trial, Truth, compute_truth

MAX_WEIGHTS: Final = 64
"""Parameters whose influence is looked at."""

MAX_NAMED: Final = 5
"""Parameters that are named."""


def inspect(reference: Reference) -> tuple[Weakness, ...]:
    """Returns what is weak about a reference; empty if nothing is.

    Raises:
        InvalidReference: It can't be used at all.
    """
    try:
        _, live = bring_to_life(reference)
    except AnswerKnown as error:
        words = str(error).removeprefix(f"the reference `{reference.id}` ").removesuffix(f"; {DEPEND}")
        return (Weakness(rule="constant_output", severity="refuse", evidence=words[:500], remedy=DEPEND),)
    found = list(giveaways(live))
    if any(item.severity == "refuse" for item in found):
        return tuple(found)
    case = live.largest_check
    trial = Trial(
        case=case,
        weight_seed=CONFIG.weight_seeds[0],
        distribution=Distribution.UNIT,
        seed=SEED,
        precision=CONFIG.precision,
    )
    truth = compute_truth(live, trial)
    return (*found, *_unused_inputs(live, trial, truth), *_weights(live, trial, truth), *_shapes(live))


def _unused_inputs(live: LiveReference, trial: Trial, truth: Truth) -> Iterator[Weakness]:
    """Yields a weakness for each input that may be drawn anew without anybody noticing."""
    others = live.draw(trial.case, trial.distribution, trial.seed + 1)
    for position, other in enumerate(others):
        before = truth.inputs[position]
        if not labelled(before) or same(before, other):  # a number, or made without chance
            continue
        inputs = [clone(item) for item in truth.inputs]
        inputs[position] = other
        if _unnoticed(live, trial, truth, live.run_double(trial.case, trial.weight_seed, to_double(inputs))):
            yield Weakness(
                rule="unused_input",
                severity="warn",
                evidence=f"other values of input {position} change the output by less than the tolerance",
                remedy="leave the input out, or scale it so that it counts",
            )


def _weights(live: LiveReference, trial: Trial, truth: Truth) -> Iterator[Weakness]:
    """Yields what is weak about the parameters: they count for nothing, or hold one number only."""
    parameters = dict(live.model(trial.case, trial.weight_seed).named_parameters())
    plain = [
        name for name, value in parameters.items() if value.numel() > 1 and bool((value == value.flatten()[0]).all())
    ]
    unused = [name for name in list(parameters)[:MAX_WEIGHTS] if _unused_weight(live, trial, truth, name)]
    if plain:
        yield Weakness(
            rule="plain_weights",
            severity="warn",
            evidence=f"all elements of {_names(plain)} are the same number, so a program may leave them out",
            remedy="draw the weights at random in the constructor",
        )
    if unused:
        yield Weakness(
            rule="unused_weights",
            severity="warn",
            evidence=f"other values of {_names(unused)} change the output by less than the tolerance",
            remedy="leave the weights out, or choose operations in which they count",
        )


def _unused_weight(live: LiveReference, trial: Trial, truth: Truth, name: str) -> bool:
    model = live.model(trial.case, trial.weight_seed).double()
    value = dict(model.named_parameters())[name]
    generator = torch.Generator().manual_seed(SEED)
    with torch.no_grad():
        spread = value.std() if value.numel() > 1 and float(value.std()) > 0 else torch.ones_like(value).mean()
        value.add_(torch.randn(value.shape, generator=generator, dtype=value.dtype) * spread)
    return _unnoticed(live, trial, truth, live.run(trial.case, model, to_double(truth.inputs)))


def _unnoticed(live: LiveReference, trial: Trial, truth: Truth, output: object) -> bool:
    """True if the judge takes an answer in float64, rounded to the dtypes of the truth, for right."""
    tensors = [tensor for _, tensor in labelled(output)]
    if len(tensors) != len(truth.outputs):
        return False
    rounded = (tensor.to(expected.dtype) for tensor, expected in zip(tensors, truth.outputs, strict=True))
    return compare(truth, built(truth.structure, rounded), truth.inputs).passed


def _shapes(live: LiveReference) -> Iterator[Weakness]:
    checks = {case.inputs for case in live.cases if case.kind is CaseKind.CHECK}
    if len(checks) == 1:
        yield Weakness(
            rule="one_shape",
            severity="warn",
            evidence="it is checked at one shape only",
            remedy="give `get_inputs` arguments and list several awkward shapes in `CHECK_SHAPES`",
        )


def _names(names: list[str]) -> str:
    shown = ", ".join(f"`{name}`" for name in names[:MAX_NAMED])
    return shown if len(names) <= MAX_NAMED else f"{shown} and {len(names) - MAX_NAMED} more weights"
