"""Runs a candidate against the truth, case by case."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from sandboxes.budget import MAX_LIVE_BYTES, live_bytes
from sandboxes.contracts import (
    CaseResult,
    Diagnostic,
    EvalConfig,
    Launch,
    Outcome,
    Profile,
    Stage,
    Submission,
    Target,
    Trace,
    clip,
)
from sandboxes.devices.cuda.blame import blamed
from sandboxes.devices.cuda.errors import GpuError, GpuLost
from sandboxes.devices.device import Around, Choice, CompileInOrder, Device, Program, Rival, Run
from sandboxes.faults import Fault, faults
from sandboxes.judge import Comparison, compare, summarise
from sandboxes.nested import clone
from sandboxes.observations import Observations
from sandboxes.observing import Tried, observe, wiring
from sandboxes.programs import Programs
from sandboxes.reference import LiveReference
from sandboxes.truth import Home, Trial, Truth, compute_truth
from sandboxes.truth_cache import TruthCache


class Court:
    """Tries one candidate.

    Args:
        reference: Defines the truth.
        truths: Remembers it for later evaluations, unless the values are for this one only; what a GPU has computed is
            not remembered.
        device: Where to replay.
        submission: For excerpts.
        config: How long it may take.
    """

    def __init__(
        self,
        reference: LiveReference,
        truths: TruthCache,
        device: Device,
        submission: Submission,
        config: EvalConfig,
    ) -> None:
        self._reference = reference
        self._truths = truths
        self._own_truths = TruthCache()
        self._device = device
        self._submission = submission
        self._config = config
        self._left_s = config.replay_timeout_s

    def choose(
        self, program: Program, bench: Trial, compile_in_order: CompileInOrder, target: Target
    ) -> tuple[Program, Choice]:
        """Lets the device choose a variant of every launch of the bench case.

        Raises:
            Fault: A kernel faults, or none of its variants can be compiled.
        """
        with self._faults(Stage.COMPILE, program, bench, None):
            deadline = time.monotonic() + self._config.compile_timeout_s + self._config.replay_timeout_s
            return self._device.choose(program, lambda: self._draw(bench), compile_in_order, target, deadline)

    def sample_bench(self, program: Program, bench: Trial, choice: Choice) -> Run:
        """Runs a few programs of every launch of a hollow bench case, for the profile only: no output is compared.

        Raises:
            Fault: A kernel faults.
        """
        with faults(Stage.REPLAY, self._submission, bench.case.name):
            return self._timed_run(program, (), choice, bench.seed)

    def _draw(self, trial: Trial) -> list[object]:
        return [] if trial.case.hollow else self._reference.draw(trial.case, trial.distribution, trial.seed)

    def _truth(self, trial: Trial) -> Truth:
        return (self._own_truths if trial.once else self._truths).get(self._reference, trial)

    def check(self, programs: Programs, trials: Sequence[Trial], bench: Trace, choice: Choice) -> list[CaseResult]:
        """Runs all trials of the check cases.

        Args:
            programs: By case and weight seed.
            trials: Grouped by case.
            bench: The trace whose variants `choice` is about.
            choice: The variants that the bench case runs; check cases run the same configurations.

        Raises:
            Fault: A kernel faults, or a case is wrong.
        """
        results: list[CaseResult] = []
        in_any_order: frozenset[str] = frozenset()
        for case in {trial.case.name: trial.case for trial in trials}.values():
            comparisons: list[tuple[Trial, Comparison]] = []
            for trial in trials:
                if trial.case.name == case.name:
                    program = programs[case.name, trial.weight_seed]
                    comparison, run = self.run(program, trial, same_configurations(program.trace, bench, choice))
                    comparisons.append((trial, comparison))
                    in_any_order |= run.in_any_order
            results.append(summarise(case, comparisons))
        self._raise_if_wrong(results, in_any_order)
        return results

    def check_bench(self, program: Program, trial: Trial, choice: Choice) -> tuple[CaseResult, Run]:
        """Runs the bench case.

        Raises:
            Fault: A kernel faults, or the output is wrong.
        """
        comparison, run = self.run(program, trial, choice)
        result = summarise(trial.case, [(trial, comparison)])
        self._raise_if_wrong([result], run.in_any_order)
        return result, run

    def run(self, program: Program, trial: Trial, choice: Choice) -> tuple[Comparison, Run]:
        """Runs one trial and compares its outputs."""
        if self._device.home is not None:
            return self._run_first(program, trial, choice, self._device.home)
        truth = self._truth(trial)
        with faults(Stage.REPLAY, self._submission, trial.case.name):
            run = self._timed_run(program, [clone(item) for item in truth.inputs], choice, trial.seed)
        return compare(truth, run.output, run.inputs, run.changed_weights), run

    def _run_first(self, program: Program, trial: Trial, choice: Choice, home: Home) -> tuple[Comparison, Run]:
        """Runs one trial on a device where the truth could be found: it is computed afterwards, and forgotten."""
        drawn = self._draw(trial)
        with self._faults(Stage.REPLAY, program, trial, choice):
            run = self._timed_run(program, drawn, choice, trial.seed)
        try:
            with home.faults():
                truth = compute_truth(self._reference, trial, home, drawn)
                return compare(truth, run.output, run.inputs, run.changed_weights), run
        except GpuError as error:
            raise GpuLost(f"the GPU fails on the reference at case {trial.case.name}: {error}") from error

    @contextmanager
    def _faults(self, stage: Stage, program: Program, trial: Trial, choice: Choice | None) -> Iterator[None]:
        """As `faults`, and what a kernel does wrong on a GPU becomes a fault that says where."""
        with faults(stage, self._submission, trial.case.name):
            try:
                yield
            except GpuError as error:
                raise blamed(
                    error,
                    program,
                    lambda: self._draw(trial),
                    choice,
                    stage=stage,
                    submission=self._submission,
                    case=trial.case.name,
                    precision=trial.precision,
                    seed=trial.seed,
                    limit_s=self._config.replay_timeout_s,
                ) from error

    def observe(
        self, program: Program, bench: Trial, programs: Programs, trials: Sequence[Trial], choice: Choice
    ) -> Observations:
        """Finds out which kernels of a program matter, at check cases that are wired like the bench case.

        Args:
            program: The bench case.
            bench: Its trial; tried only if no check case is wired alike, and not if it is hollow.
            programs: By case and weight seed.
            trials: Of the check cases, passed.
            choice: The variants that the bench case runs.
        """
        ordered = sorted(trials, key=lambda trial: trial.case.input_elements)
        tried = [(programs[trial.case.name, trial.weight_seed], trial) for trial in ordered]
        wired = wiring(program)
        alike = [(each, trial) for each, trial in tried if program.hollow or wiring(each) == wired]
        if not alike and self._device.home is not None and live_bytes(program.trace, program.flow)[0] > MAX_LIVE_BYTES:
            return Observations()  # what is looked at runs on the CPU, which has not so much memory
        return observe(
            self._verdict,
            [(each, trial, same_configurations(each.trace, program.trace, choice)) for each, trial in alike]
            or [(program, bench, choice)],
        )

    def _verdict(self, tried: Tried, around: Around, limit_s: float) -> bool:
        """Runs a program whose launches are tampered with, and judges it."""
        program, trial, choice = tried
        truth = self._truth(trial)
        inputs = [clone(item) for item in truth.inputs]
        with faults(Stage.REPLAY, self._submission, trial.case.name):
            run = self._device.run(program, inputs, choice, time.monotonic() + limit_s, trial.seed, around)
        return compare(truth, run.output, run.inputs, run.changed_weights, explained=False).passed

    def profile(
        self, program: Program, bench: Trial, choice: Choice, run: Run, rival: Rival, target: Target
    ) -> Profile:
        """Prices or times the bench case.

        Raises:
            Fault: A kernel faults while it is timed.
        """
        with self._faults(Stage.PROFILE, program, bench, choice):
            return self._device.profile(program, choice, run, rival, target)

    def _timed_run(self, program: Program, inputs: Sequence[object], choice: Choice, seed: int) -> Run:
        """Runs the kernels; only their own time counts towards the limit, not that of the truth."""
        start = time.monotonic()
        try:
            return self._device.run(program, inputs, choice, start + self._left_s, seed)
        finally:
            self._left_s -= time.monotonic() - start

    def _raise_if_wrong(self, results: Sequence[CaseResult], in_any_order: frozenset[str]) -> None:
        wrong = [result for result in results if not result.passed]
        if wrong:
            telling = max(wrong, key=lambda result: len(result.pattern or ""))  # the smallest cases tell least
            diagnostic = Diagnostic(
                stage=Stage.REPLAY,
                message=clip(telling.failure or "wrong"),
                hint=_hint(results, in_any_order),
                case=telling.case,
            )
            raise Fault(Outcome.INCORRECT, diagnostic, cases=results)


def _hint(results: Sequence[CaseResult], in_any_order: frozenset[str]) -> str | None:
    if in_any_order:
        kernels = ", ".join(f"`{kernel}`" for kernel in sorted(in_any_order))
        return (
            f"{kernels} reads what other programs are changing (results of atomics, volatile loads), so programs ran "
            "in a random order, a few at a time, as a GPU may run them. Does the result depend on the order? Then "
            "split the kernel in two: a launch waits for all programs of the one before."
        )
    passed = [result.case for result in results if result.passed]
    if not passed:
        return None
    return f"It is right at {', '.join(passed[:3])}: what is different at the shapes that fail?"


def same_configurations(trace: Trace, bench: Trace, choice: Choice) -> dict[int, int]:
    """Returns, for each launch of `trace`, the variant with the configuration chosen for that kernel at the bench."""
    chosen: dict[str, set[str]] = {}
    for index, number in choice.items():
        node = bench.nodes[index]
        if isinstance(node, Launch):
            chosen.setdefault(node.kernel, set()).add(node.variants[number].config)
    picked: dict[int, int] = {}
    for index, node in enumerate(trace.nodes):
        if isinstance(node, Launch):
            wanted = chosen.get(node.kernel, set())
            matches = (number for number, variant in enumerate(node.variants) if variant.config in wanted)
            picked[index] = next(matches, 0)
    return picked
