"""Fixed answers that the judge would take for right: problems that give their answer away.

The judge's own comparison decides. An answer that does not depend on the inputs (zeros, or the mean answer to other
inputs) must fail in at least one trial of the check cases, and at the bench case, which alone is priced; otherwise a
program that computes nothing earns reward, and nothing can be learned. Weights are known to a candidate, so a fixed
answer may use them.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

import torch

from sandboxes.contracts import Case, EvalConfig, Weakness, bench_is_executed
from sandboxes.distributions import Distribution
from sandboxes.errors import AnswerKnown
from sandboxes.judge import bench_trial, compare, plan_trials
from sandboxes.nested import labelled
from sandboxes.reference import LiveReference
from sandboxes.reference_module import seed_everything
from sandboxes.reference_trace import graph_bytes, graph_gflop, trace_reference
from sandboxes.scaling.trial_run import DEPEND
from sandboxes.truth import Trial, Truth, compute_truth, root_mean_square

OTHERS: Final = 4
"""Other inputs over whose answers the mean is taken."""

MAX_ELEMENTS: Final = 2**23
"""Of the inputs of a check case, up to which a reference is looked at whenever it is loaded."""

BENCH_GFLOP: Final = 2.0
"""Arithmetic of a bench case up to which it is looked at whenever a reference is loaded."""

ALIKE: Final = 0.1
"""Difference between two answers, relative to their root mean square, beyond which no tolerance takes both for one."""

SEED: Final = 20_000
"""Of the trials; the seeds of the others follow."""

CONFIG: Final = EvalConfig(weight_seeds=(2027,), seed=SEED)

Answer = Callable[[LiveReference, Trial, Truth], list[torch.Tensor]]
"""Gives the outputs that somebody would return without computing; empty if there is no such answer."""


def refuse_giveaway(reference: LiveReference) -> None:
    """Makes sure that a reference asks for something: usually the first trial is enough to tell.

    References with check cases that take long to run are not looked at, nor is a bench case that does.

    Raises:
        AnswerKnown: A fixed answer passes everywhere, or the output is random.
    """
    if max(case.input_elements for case in reference.cases[:-1]) > MAX_ELEMENTS:
        return
    found = next((item for item in giveaways(reference, BENCH_GFLOP) if item.severity == "refuse"), None)
    if found is not None:
        raise AnswerKnown(f"the reference `{reference.id}` gives its answer away: {found.evidence}; {found.remedy}")


def giveaways(reference: LiveReference, bench_gflop: float = CONFIG.bench_budget_gflop) -> Iterator[Weakness]:
    """Yields what is known of the answers of a reference before any input is; each at most once.

    Args:
        reference: What to look at.
        bench_gflop: Arithmetic of its bench case up to which that is looked at, too, if it is executed at all.

    Raises:
        InvalidReference: Its code raises.
    """
    if is_random(reference):
        yield Weakness(
            rule="random_output",
            severity="refuse",
            evidence="the same inputs and weights give other values when it runs again (dropout?)",
            remedy="call `eval()` on the module, or draw random numbers in `get_inputs`",
        )
        return
    trials = sorted(
        plan_trials(reference, CONFIG, SEED),
        key=lambda trial: (trial.distribution is not Distribution.UNIT, trial.case.input_elements),
    )
    truths = Truths(reference)
    if not any(_has_numbers(truths[trial]) for trial in trials[:1]):
        yield Weakness(
            rule="not_finite",
            severity="refuse",
            evidence="its output is not a number, for which anything passes",
            remedy="choose inputs in the domain of its operations",
        )
        return
    weakness = _first(reference, trials, truths)
    if weakness is None or weakness.severity != "refuse":
        weakness = _known_at_bench(reference, bench_gflop) or weakness
    if weakness is not None:
        yield weakness


class Truths:
    """Truths of trials, each computed once."""

    def __init__(self, reference: LiveReference) -> None:
        self._reference = reference
        self._known: dict[tuple[str, Distribution], Truth] = {}

    def __getitem__(self, trial: Trial) -> Truth:
        key = (trial.case.name, trial.distribution)
        if key not in self._known:
            self._known[key] = compute_truth(self._reference, trial)
        return self._known[key]


def is_random(reference: LiveReference) -> bool:
    """True if the same inputs and weights give different outputs."""
    case = min(reference.cases[:-1], key=lambda case: case.input_elements)
    first, second = (
        _outputs(reference, case, 0, reference.draw(case, Distribution.UNIT, seed=0), seed) for seed in (1, 2)
    )
    return not all(torch.allclose(one, two, equal_nan=True) for one, two in zip(first, second, strict=True))


def _outputs(
    reference: LiveReference, case: Case, weight_seed: int, inputs: list[Any], seed: int = 0
) -> list[torch.Tensor]:
    """Returns what the reference computes, in its own precision, when the random state is as after `seed`."""
    model = reference.model(case, weight_seed)
    seed_everything(seed)
    return [tensor for _, tensor in labelled(reference.run(case, model, inputs))]


def _known_at_bench(reference: LiveReference, gflop: float) -> Weakness | None:
    """Returns that a fixed answer passes at the bench case, if one does and the case is small enough to be executed.

    Most references are done after two runs: answers to different inputs that differ are not fixed.
    """
    case = reference.cases[-1]
    graph = trace_reference(reference, case)
    budget = CONFIG.model_copy(update={"bench_budget_gflop": gflop})
    if not bench_is_executed(graph_gflop(graph), graph_bytes(graph), budget):
        return None
    trial = bench_trial(case, CONFIG, SEED, reference.distributions)
    answers = [
        _outputs(reference, case, trial.weight_seed, reference.draw(case, trial.distribution, SEED + number))
        for number in (1, 2)
    ]
    if not all(_alike(one, two) for one, two in zip(*answers, strict=True)):
        return None
    truth = compute_truth(reference, trial)
    for rule, words, answer in FIXED:
        if passes(reference, trial, truth, answer):
            return Weakness(
                rule=rule, severity="refuse", evidence=f"{words} at `{case.name}`, which is priced", remedy=DEPEND
            )
    return None


def _alike(one: torch.Tensor, two: torch.Tensor) -> bool:
    """True if one answer might be right for both."""
    if one.shape != two.shape or not one.is_floating_point():
        return torch.equal(one, two)
    difference = torch.nan_to_num((one - two).abs_(), nan=0.0)
    size = root_mean_square(one[torch.isfinite(one)])
    return difference.numel() == 0 or float(difference.max()) <= ALIKE * size


def _first(reference: LiveReference, trials: Sequence[Trial], truths: Truths) -> Weakness | None:
    """Returns the first answer that passes: everywhere, or at least at every case with the values as drawn.

    An input is no free answer: the gate rejects whoever hands it out, and a copy is work. So it is only a warning.
    """
    plain = [trial for trial in trials if trial.distribution is Distribution.UNIT]
    count = len(truths[trials[0]].inputs)
    answers: list[tuple[str, str, Answer]] = [
        *FIXED,
        *(("input_is_output", f"input {position} itself passes", _input(position)) for position in range(count)),
    ]
    for rule, words, answer in answers:
        if not all(passes(reference, trial, truths[trial], answer) for trial in plain):
            continue
        everywhere = all(passes(reference, trial, truths[trial], answer) for trial in trials)
        return Weakness(
            rule=rule,
            severity="refuse" if everywhere and rule != "input_is_output" else "warn",
            evidence=f"{words} {'in every trial' if everywhere else 'at every case with the values as drawn'}",
            remedy=DEPEND,
        )
    return None


def passes(reference: LiveReference, trial: Trial, truth: Truth, answer: Answer) -> bool:
    """True if the judge takes an answer for right."""
    tensors = answer(reference, trial, truth)
    if len(tensors) != len(truth.outputs):
        return False
    return compare(truth, built(truth.structure, iter(tensors)), truth.inputs).passed


def built(structure: Any, tensors: Iterator[torch.Tensor]) -> Any:
    """Returns an output of this structure with these tensors, depth first."""
    if structure == "tensor":
        return next(tensors)
    if isinstance(structure, tuple) and structure[:1] == ("plain",):
        return structure[1]
    return tuple(built(item, tensors) for item in structure)


def _zeros(reference: LiveReference, trial: Trial, truth: Truth) -> list[torch.Tensor]:
    return [torch.zeros(output.value.shape, dtype=output.dtype) for output in truth.outputs]


def _mean_of_others(reference: LiveReference, trial: Trial, truth: Truth) -> list[torch.Tensor]:
    draws = (reference.draw(trial.case, trial.distribution, trial.seed + number) for number in range(1, OTHERS + 1))
    others = [_outputs(reference, trial.case, trial.weight_seed, inputs) for inputs in draws]
    if any([tensor.shape for tensor in other] != [output.value.shape for output in truth.outputs] for other in others):
        return []
    return [_mean(tensors) for tensors in zip(*others, strict=True)]


def _mean(tensors: Sequence[torch.Tensor]) -> torch.Tensor:
    """Returns the mean of numbers; of integers, of which only equal ones pass, the first."""
    if not tensors[0].is_floating_point():
        return tensors[0]
    return torch.stack([tensor.double() for tensor in tensors]).mean(dim=0).to(tensors[0].dtype)


FIXED: Final[tuple[tuple[str, str, Answer], ...]] = (
    ("zero_output", "zeros pass", _zeros),
    ("known_output", f"the mean answer to {OTHERS} other inputs passes", _mean_of_others),
)
"""Answers that no input is needed for, each with the rule that forbids it."""


def _input(position: int) -> Answer:
    def answer(reference: LiveReference, trial: Trial, truth: Truth) -> list[torch.Tensor]:
        value = truth.inputs[position]
        return [value] if isinstance(value, torch.Tensor) and not truth.changed_inputs else []

    return answer


def _has_numbers(truth: Truth) -> bool:
    """True unless all of a floating-point output is not a number."""
    return all(
        not output.dtype.is_floating_point or not output.value.numel() or not bool(output.value.isnan().all())
        for output in truth.outputs
    )
