"""The whole way of one candidate: trace, verify, compile, replay and judge, profile. It always ends in one `Report`.

It has two halves, which may be done by different processes on different machines: whatever runs the candidate's Python
(`Pipeline.trace`), and whatever runs its kernels (`Pipeline.replay`).
"""

import platform
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final

from sandboxes.budget import check_budget
from sandboxes.contracts import (
    BenchCheck,
    Depth,
    EvalConfig,
    Launch,
    Profile,
    Reference,
    Report,
    Stage,
    Submission,
    Trace,
)
from sandboxes.contracts.description import MAX_BENCH_BYTES
from sandboxes.delegation import delegated_calls
from sandboxes.devices.cpu import CpuDevice
from sandboxes.devices.device import Choice, Device, Program, Rival
from sandboxes.errors import SandboxUnavailable
from sandboxes.evaluation import Evaluation, Verified
from sandboxes.faults import Fault, faults
from sandboxes.gate import Gate, Measured
from sandboxes.hardware.targets import get_target
from sandboxes.isolation import Sandbox, SandboxResult, SandboxStatus
from sandboxes.journal import Journal, OnStage, versions
from sandboxes.judge import bench_trial, plan_trials
from sandboxes.loading import load_reference
from sandboxes.machine import full_disk
from sandboxes.observations import Observations, with_observations
from sandboxes.programs import check_launches, compile_program, raise_if_failed, raise_if_rejected, verify
from sandboxes.reference_trace import graph_bytes, graph_gflop, trace_reference
from sandboxes.seeds import SecretSeeds, SharedSeeds
from sandboxes.shelf import Shelf
from sandboxes.tracing.service import read_answer, run_tracer
from sandboxes.trials import Court
from sandboxes.truth import Trial
from sandboxes.truth_cache import TruthCache

DEVICES: Final = ("cpu", "cuda")
"""What `EvalConfig.device` may say; which of them a machine has is another matter."""


class UnknownDevice(ValueError):
    """No device has this name on this machine."""


class Pipeline:
    """Evaluates candidates one after the other.

    The values of inputs are secret and new in every evaluation; those of the bench case last until a report has said
    something about them, so that its truth can be kept (see `SecretSeeds`).

    Args:
        sandbox: Where candidates are traced; it has to run `sandboxes.tracing.service.ENTRY`. None: they are not, this
            one takes up what others have traced. It may be set later.
        gate: Looks at every trace, and at what was measured.
        on_stage: Told which stage begins, so that whoever watches this process knows what it died of.
    """

    def __init__(self, sandbox: Sandbox | None, gate: Gate, on_stage: OnStage = lambda stage: None) -> None:
        self.sandbox = sandbox
        self._gate = gate
        self._on_stage = on_stage
        self._truths = TruthCache()
        self._seeds: SecretSeeds = SecretSeeds()

    def keep_truths(self, folder: Path) -> None:
        """Shares truths, and the secret seeds of bench cases, with all who name this folder, and keeps them there.

        Args:
            folder: Candidates must not see it. Its path names the code that computes truths.
        """
        place = folder / "-".join(
            (*(f"{name}{number}" for name, number in sorted(versions().items())), platform.machine())
        )
        self._truths = TruthCache(shelf=Shelf(place / "cpu"))
        self._seeds = SharedSeeds(place / "seeds")

    def evaluate(self, submission: Submission, reference: Reference, config: EvalConfig) -> Report:
        """Evaluates one candidate: both halves at once.

        Raises:
            InvalidReference: The reference can't be used.
            UnknownTarget: The configuration names no known GPU.
            UnknownDevice: The configuration names no device of this machine.
            SandboxUnavailable, SandboxBroken, CompilerMissing: Infrastructure; retry, or report it as such.
        """
        _device(config)
        evaluation = self._begin(submission, reference, config)
        try:
            verified = self._trace(evaluation)
        except Fault as end:
            return evaluation.journal.failed(end)
        return self.replay(verified)

    def trace(self, submission: Submission, reference: Reference, config: EvalConfig) -> Report | Verified:
        """Does the first half: runs the candidate's Python in the sandbox, and looks at what that did.

        A report is the end: the candidate failed, or was to be priced only. What is verified can be replayed here, or
        be taken up elsewhere with its `answer` (`resume`). It is known to compile if a GPU does the second half: that
        one is not to wait for compilers.

        Raises:
            InvalidReference, UnknownTarget, SandboxUnavailable, SandboxBroken, CompilerMissing: As `evaluate`.
            UnknownDevice: The configuration names no device of any machine.
        """
        if config.device not in DEVICES:
            _device(config)
        evaluation = self._begin(submission, reference, config)
        try:
            verified = self._trace(evaluation)
            if config.depth is Depth.PRICED:
                return self._priced(verified)
            if config.device != "cpu":
                _check_compilable(verified)
        except Fault as end:
            return evaluation.journal.failed(end)
        return verified

    def resume(
        self,
        submission: Submission,
        reference: Reference,
        config: EvalConfig,
        answer: bytes,
        timings_s: Mapping[str, float],
    ) -> Report | Verified:
        """Takes up what was traced in another process: `answer` is data, so it is read and verified once more.

        Args:
            submission: The candidate.
            reference: What it has to match.
            config: With which it was traced.
            answer: What the sandbox sent there (`Verified.answer`).
            timings_s: Of the stages there; what they take here is added.

        Raises:
            InvalidReference, UnknownTarget, UnknownDevice: As `evaluate`.
        """
        _device(config)
        evaluation = self._begin(submission, reference, config, timings_s)
        try:
            return self._verify(evaluation, SandboxResult(status=SandboxStatus.COMPLETED, payload=answer))
        except Fault as end:
            return evaluation.journal.failed(end)

    def replay(self, verified: Verified) -> Report:
        """Does the second half: compiles, replays, judges and profiles.

        Raises:
            InvalidReference, UnknownDevice, CompilerMissing: As `evaluate`.
        """
        evaluation = verified.evaluation
        judged = evaluation.config.depth is Depth.JUDGED
        try:
            return self._judged(verified) if judged else self._priced(verified)
        except Fault as end:
            if end.diagnostic.case == evaluation.bench.name and judged:
                self._seeds.told(evaluation.reference.digest)
            return evaluation.journal.failed(end)

    def _begin(
        self,
        submission: Submission,
        reference: Reference,
        config: EvalConfig,
        timings_s: Mapping[str, float] = MappingProxyType({}),
    ) -> Evaluation:
        target = get_target(config.target)
        _, live = load_reference(reference)
        journal = Journal(submission, reference, config, self._on_stage, timings_s)
        return Evaluation.of(submission, live, config, target, journal)

    def _trace(self, evaluation: Evaluation) -> Verified:
        if self.sandbox is None:
            raise SandboxUnavailable("this pipeline has no sandbox to trace in; give it one")
        with evaluation.journal.stage(Stage.TRACE):
            answer = run_tracer(
                evaluation.submission,
                evaluation.cases,
                evaluation.config,
                evaluation.target,
                self.sandbox,
                evaluation.weight_bytes,
            )
        return self._verify(evaluation, answer)

    def _verify(self, evaluation: Evaluation, answer: SandboxResult) -> Verified:
        submission, cases, config = evaluation.submission, evaluation.cases, evaluation.config
        journal = evaluation.journal
        with journal.stage(Stage.VERIFY):
            traced = read_answer(answer, cases, config)
            if traced.failure is not None and (full := full_disk()) is not None:
                raise full  # the sandbox may have had none, either
            raise_if_failed(traced, submission)
            graphs = {case.name: trace_reference(evaluation.reference, case) for case in cases}
            seed = config.weight_seeds[0]
            programs, journal.findings = verify(traced, cases, seed, submission, self._gate, graphs)
            check_budget(programs, evaluation.graph, submission)
        return Verified(evaluation=evaluation, answer=answer.payload or b"", programs=programs, graphs=graphs)

    def _compile(self, verified: Verified, court: Court, bench: Trial) -> tuple[Program, Choice]:
        evaluation = verified.evaluation
        submission, target, config = evaluation.submission, evaluation.target, evaluation.config
        with evaluation.journal.stage(Stage.COMPILE):
            check_launches(verified.programs, target)
            traced = verified.programs[bench.case.name, config.weight_seeds[0]]
            return court.choose(
                traced,
                bench,
                lambda order: compile_program(traced, order, target, config.compile_timeout_s, submission),
                target,
            )

    def _priced(self, verified: Verified) -> Report:
        """Prices a candidate at its bench case, without values and so without a seed."""
        evaluation = verified.evaluation
        journal, config, reference = evaluation.journal, evaluation.config, evaluation.reference
        device = CpuDevice(config.precision)  # the model, whatever device would judge
        bench = bench_trial(evaluation.bench, config, 0, reference.distributions, once=True)
        court = Court(reference, self._truths, device, evaluation.submission, config)
        program, choice = self._compile(verified, court, bench)
        with journal.stage(Stage.PROFILE):
            run = court.sample_bench(program, bench, choice)
            profile = device.profile(
                program, choice, run, Rival(reference=reference, graph=evaluation.graph, trial=bench), evaluation.target
            )
        return journal.priced(with_excerpts(profile, evaluation.submission))

    def _judged(self, verified: Verified) -> Report:
        evaluation, programs = verified.evaluation, verified.programs
        journal, config, reference = evaluation.journal, evaluation.config, evaluation.reference
        device = _device(config)
        seed, once = self._seeds.for_bench(config, reference.digest, evaluation.answer_numbers)
        bench = bench_trial(evaluation.bench, config, seed, reference.distributions, once=once)
        court = Court(reference, self._truths, device, evaluation.submission, config)
        program, choice = self._compile(verified, court, bench)
        with journal.stage(Stage.REPLAY):
            trials = plan_trials(reference, config, self._seeds.fresh() if config.seed is None else config.seed)
            results = court.check(programs, trials, program.trace, choice)
            if not bench.case.hollow:
                result, run = court.check_bench(program, bench, choice)
                results.append(result)
                checked = BenchCheck(verified=True, how="executed in full")
            else:
                run = court.sample_bench(program, bench, choice)
                checked = BenchCheck(verified=False, how=_too_large(evaluation.graph, config))
            observations = Observations()
            if delegated_calls(program.trace, program.flow, evaluation.graph):
                observations = court.observe(program, bench, programs, trials, choice)
        with journal.stage(Stage.PROFILE):
            profile = device.profile(
                program, choice, run, Rival(reference=reference, graph=evaluation.graph, trial=bench), evaluation.target
            )
            profile = with_observations(profile, observations, program.trace, program.flow)
        with journal.stage(Stage.VERIFY):
            *checks, timed = verified.evidence()
            known = journal.findings
            measured = Measured(bench=timed, checks=checks, profile=profile, observations=observations, findings=known)
            journal.findings = (*known, *self._gate.conclude(measured))
            raise_if_rejected(journal.findings, evaluation.submission, results)
        return journal.passed(results, checked, with_excerpts(profile, evaluation.submission))


def _check_compilable(verified: Verified) -> None:
    """Compiles the bench case without choosing among its variants.

    Raises:
        Fault: A launch has no variant that the target can run.
    """
    evaluation, config = verified.evaluation, verified.evaluation.config
    program = verified.programs[evaluation.bench.name, config.weight_seeds[0]]
    order = {
        index: range(len(node.variants)) for index, node in enumerate(program.trace.nodes) if isinstance(node, Launch)
    }
    with (
        evaluation.journal.stage(Stage.COMPILE),
        faults(Stage.COMPILE, evaluation.submission, evaluation.bench.name),
    ):
        check_launches(verified.programs, evaluation.target)
        compile_program(program, order, evaluation.target, config.compile_timeout_s, evaluation.submission)


def _too_large(graph: Trace, config: EvalConfig) -> str:
    if (needed := graph_gflop(graph)) > config.bench_budget_gflop:
        return f"not executed: {needed:.3g} GFLOP exceed the budget of {config.bench_budget_gflop:g}"
    return (
        f"not executed: its tensors take {graph_bytes(graph) / 2**30:.3g} GiB, the limit is {MAX_BENCH_BYTES / 2**30:g}"
    )


def _device(config: EvalConfig) -> Device:
    """Returns the device that a configuration names.

    Raises:
        UnknownDevice: There is none of that name.
    """
    if config.device != "cpu":
        raise UnknownDevice(f"there is no device `{config.device}`; this version replays on `cpu`")
    return CpuDevice(config.precision)


def with_excerpts(profile: Profile, submission: Submission) -> Profile:
    """Fills in the candidate's source next to the hottest lines."""
    return profile.model_copy(
        update={
            "nodes": tuple(
                node.model_copy(
                    update={
                        "hot_lines": tuple(
                            hot.model_copy(update={"excerpt": submission.line(hot.line) or ""})
                            for hot in node.hot_lines
                        )
                    }
                )
                for node in profile.nodes
            )
        }
    )
