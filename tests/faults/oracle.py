"""Whether a fault can be seen at all: float64 truth at hidden shapes, with a tolerance of three times an honest error.

It shares nothing with the judge but the executor: other shapes, other values, other tolerances. A fault is visible if
it is further from the truth, on some hidden inputs, than three times what the same solution without it and the
reference itself are, or if a kernel breaks a rule of memory there. Integers have to be equal.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import torch

from kernelgym.problems import get_problem
from sandboxes.contracts import Case, CaseKind, EvalConfig, Finding, Precision, Reference, Stage, Submission
from sandboxes.devices.cpu import CpuDevice
from sandboxes.devices.device import Program
from sandboxes.distributions import Distribution, Domain, input_domains
from sandboxes.faults import Fault, faults
from sandboxes.gate import Evidence, Measured
from sandboxes.hardware.targets import get_target
from sandboxes.nested import clone, labelled, to_double
from sandboxes.precision import MatmulPrecision
from sandboxes.programs import raise_if_failed, verify
from sandboxes.reference import LiveReference
from sandboxes.reference_trace import trace_reference
from sandboxes.tracing.service import read_answer, run_tracer
from tests.faults.catalogue import HIDDEN_SHAPES
from tests.faults.fault import SeededFault
from tests.tracer import Tracer

CONFIG: Final = EvalConfig(weight_seeds=(4711,))
FACTOR: Final = 3.0
"""Times an honest error that a fault must be off by."""

NEGLIGIBLE: Final = 3e-7
"""Relative to the truth's root mean square: rounding of a float32."""

Values = Callable[[torch.Tensor], torch.Tensor]

VALUES: Final[dict[str, Values]] = {
    "as drawn": lambda x: x,
    "tiny": lambda x: x * 0.004,
    "large": lambda x: x * 50,
    "negative": lambda x: -x.abs(),
    "positive": lambda x: x.abs(),
    "with ties": lambda x: x.round().clamp(-1, 1),
}
"""What the inputs are multiplied with or made into, as far as they are plain draws."""

POSITIVE_ONLY: Final = frozenset({"as drawn", "tiny", "large"})


@dataclass(frozen=True, slots=True, kw_only=True)
class HiddenTrial:
    """Inputs at a hidden shape, and what is right for them."""

    case: str
    values: str
    inputs: list[Any]
    truth: list[torch.Tensor]
    errors: tuple[float, ...]
    """Of the reference, by output."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """How a fault was seen."""

    where: str
    """Shape and values."""
    how: str
    """What gave it away: `wrong`, or the outcome of a kernel that broke a rule."""


class Silent:
    """Implements `Gate`: finds nothing."""

    def examine(self, evidence: Evidence) -> Sequence[Finding]:
        """Finds nothing in a trace."""
        return ()

    def conclude(self, measured: Measured) -> Sequence[Finding]:
        """Finds nothing in what was measured."""
        return ()


class Bench:
    """The executor, and a warm sandbox that traces.

    Args:
        tracer: Traces the candidates.
    """

    def __init__(self, tracer: Tracer) -> None:
        self._tracer = tracer
        self._device = CpuDevice(Precision.TF32)

    def programs(self, source: str, reference: LiveReference) -> dict[str, Program]:
        """Returns a candidate's program for each case.

        Raises:
            Fault: It can't be traced.
        """
        submission = Submission(source=source)
        answer = run_tracer(submission, reference.cases, CONFIG, get_target("h200"), self._tracer.sandbox)
        traced = read_answer(answer, reference.cases, CONFIG)
        raise_if_failed(traced, submission)
        graphs = {case.name: trace_reference(reference, case) for case in reference.cases}
        programs, _ = verify(traced, reference.cases, CONFIG.weight_seeds[0], submission, Silent(), graphs)
        return {case: program for (case, _), program in programs.items()}

    def run(self, program: Program, inputs: list[Any]) -> list[torch.Tensor]:
        """Returns the outputs of a program.

        Raises:
            Fault: A kernel breaks a rule.
        """
        with faults(Stage.REPLAY, Submission(source="")):
            run = self._device.run(program, [clone(item) for item in inputs], {}, time.monotonic() + 60.0, 1)
        return [tensor for _, tensor in labelled(run.output)]


@lru_cache(maxsize=2)
def hidden(problem: str) -> LiveReference:
    """Returns the reference of a built-in problem with the hidden shapes for its check shapes."""
    source = get_problem(f"core/{problem}").reference.source
    return LiveReference(
        Reference(id=f"hidden/{problem}", source=f"{source}\nCHECK_SHAPES = {HIDDEN_SHAPES[problem]}\n")
    )


@lru_cache(maxsize=2)
def hidden_trials(problem: str) -> tuple[HiddenTrial, ...]:
    """Returns what is tried at the hidden shapes of a problem."""
    live = hidden(problem)
    checks = [case for case in live.cases if case.kind is CaseKind.CHECK]
    return tuple(trial for case in checks for trial in _trials(live, case))


def _trials(live: LiveReference, case: Case) -> Iterator[HiddenTrial]:
    for number, (name, change) in enumerate(VALUES.items()):
        inputs = live.draw(case, Distribution.UNIT, seed=90210 + number)
        domains = input_domains(get_problem(live.id.replace("hidden", "core")).reference.source, len(inputs))
        changed = 0
        for position, domain in enumerate(domains):
            value = inputs[position]
            allowed = domain is Domain.ANY or (domain is Domain.POSITIVE and name in POSITIVE_ONLY)
            if isinstance(value, torch.Tensor) and value.is_floating_point() and allowed:
                value.copy_(change(value))
                changed += 1
        if name != "as drawn" and not changed:
            continue
        with MatmulPrecision(Precision.TF32):
            own = live.run(case, live.model(case, CONFIG.weight_seeds[0]), [clone(item) for item in inputs])
        exact = live.run_double(case, CONFIG.weight_seeds[0], [to_double(item) for item in inputs])
        outputs, truth = ([tensor for _, tensor in labelled(item)] for item in (own, exact))
        if all(bool(torch.isfinite(tensor).all()) for tensor in outputs):
            errors = tuple(distance(*pair) for pair in zip(outputs, truth, strict=True))
            yield HiddenTrial(case=case.name, values=name, inputs=inputs, truth=truth, errors=errors)


def distance(output: torch.Tensor, truth: torch.Tensor) -> float:
    """Returns the largest difference; infinite if they can't be compared or anything is not finite."""
    if output.shape != truth.shape:
        return float("inf")
    difference = (output.double() - truth.double()).abs()
    return float(torch.nan_to_num(difference, nan=float("inf")).max())


class Oracle:
    """Looks for faults at hidden shapes."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self._honest: dict[tuple[str, str], list[list[float]]] = {}

    def sees(self, fault: SeededFault, programs: Mapping[str, Program]) -> Sight | None:
        """Returns where a fault is first seen; None if it is nowhere.

        Args:
            fault: What to look for.
            programs: Its programs, by case.
        """
        for trial, honest in zip(hidden_trials(fault.problem), self._honest_errors(fault), strict=True):
            where = f"{trial.case}, {trial.values}"
            try:
                outputs = self._bench.run(programs[trial.case], trial.inputs)
            except Fault as end:
                return Sight(where=where, how=str(end.outcome))
            for output, truth, own, allowed in zip(outputs, trial.truth, trial.errors, honest, strict=True):
                if distance(output, truth) > FACTOR * max(own, allowed) + _negligible(truth):
                    return Sight(where=where, how="wrong")
        return None

    def _honest_errors(self, fault: SeededFault) -> list[list[float]]:
        """Returns the error of the solution without the fault, by trial and output."""
        key = (fault.problem, fault.solution)
        if key not in self._honest:
            programs = self._bench.programs(fault.honest, hidden(fault.problem))
            self._honest[key] = [
                [
                    distance(output, truth)
                    for output, truth in zip(
                        self._bench.run(programs[trial.case], trial.inputs), trial.truth, strict=True
                    )
                ]
                for trial in hidden_trials(fault.problem)
            ]
        return self._honest[key]


def _negligible(truth: torch.Tensor) -> float:
    return NEGLIGIBLE * float(truth.double().square().mean().sqrt()) if truth.is_floating_point() else 0.0
