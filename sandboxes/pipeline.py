"""The whole way of one candidate: trace, verify, compile, replay and judge, profile. It always ends in one `Report`.

It has two halves, which may be done by different processes on different machines: whatever runs the candidate's Python
(`Pipeline.trace`), and whatever runs its kernels (`Pipeline.replay`).
"""

import platform
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Final

from sandboxes.budget import check_budget
from sandboxes.contracts import Depth, EvalConfig, Reference, Report, Stage, Submission
from sandboxes.devices.cpu import CpuDevice
from sandboxes.devices.cuda.device import CudaDevice
from sandboxes.devices.cuda.errors import NoGpu
from sandboxes.devices.cuda.gpu import Gpu, GpuFacts
from sandboxes.devices.cuda.lease import GpuLease
from sandboxes.devices.cuda.turn import OnTurn
from sandboxes.devices.device import Choice, Program, Rival
from sandboxes.errors import SandboxUnavailable
from sandboxes.evaluation import Evaluation, Verified
from sandboxes.faults import Fault
from sandboxes.gate import Gate
from sandboxes.hardware.targets import get_target
from sandboxes.isolation import Sandbox, SandboxResult, SandboxStatus
from sandboxes.journal import Journal, OnStage, versions
from sandboxes.judge import bench_trial, plan_trials
from sandboxes.judging import Hearing, judge, with_excerpts
from sandboxes.loading import load_reference
from sandboxes.machine import full_disk
from sandboxes.precompilation import precompile
from sandboxes.programs import Ahead, check_launches, compile_program, raise_if_failed, verify
from sandboxes.reference_trace import trace_reference
from sandboxes.rehearsal import compile_all, compile_and_choose, rehearse
from sandboxes.seeds import SecretSeeds, SharedSeeds
from sandboxes.shelf import Keeper, MemoryShelf, Shelf
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
        gpu: Makes the context of a GPU, when the first candidate needs it; None: there is none.
        on_turn: Told when this process waits for the GPU, and when it uses it.
    """

    def __init__(
        self,
        sandbox: Sandbox | None,
        gate: Gate,
        on_stage: OnStage = lambda stage: None,
        gpu: Callable[[], Gpu] | None = None,
        on_turn: OnTurn = lambda turn: None,
    ) -> None:
        self.sandbox = sandbox
        self._gate = gate
        self._on_stage = on_stage
        self._truths = TruthCache()
        self._seeds: SecretSeeds = SecretSeeds()
        self._timings: Keeper = MemoryShelf()
        self._lease = GpuLease(gpu, on_turn) if gpu is not None else None

    def keep_truths(self, folder: Path) -> None:
        """Shares truths, the seeds of bench cases and what a GPU reaches with all who name this folder, and keeps them.

        Args:
            folder: Candidates must not see it. Its path names the code that computes truths.
        """
        place = folder / "-".join(
            (*(f"{name}{number}" for name, number in sorted(versions().items())), platform.machine())
        )
        self._truths = TruthCache(shelf=Shelf(place / "cpu"))
        self._timings = Shelf(place / "gpu")
        self._seeds = SharedSeeds(place / "seeds")

    def open_gpu(self, config: EvalConfig | None = None) -> GpuFacts:
        """Makes the GPU ready; returns what it is.

        Args:
            config: What it has to fit.

        Raises:
            UnknownTarget: The configuration names no known GPU.
            NoGpu: None that fits it is here.
            GpuLost: A candidate has spoiled it for this process, or it failed.
        """
        return self._gpu_lease.open(None if config is None else get_target(config.target))

    @property
    def spoiled(self) -> str | None:
        """Why this process is of no use for a GPU any more; None as long as it is."""
        return self._lease.spoiled if self._lease is not None else None

    def close(self) -> None:
        """Gives the GPU back, if there is one; calling it again does nothing."""
        if self._lease is not None:
            self._lease.close()

    @property
    def _gpu_lease(self) -> GpuLease:
        if self._lease is None:
            raise NoGpu('this pipeline has no GPU; give it one, or use device="cpu"')
        return self._lease

    @property
    def _ahead(self) -> Ahead:
        """What compiles ahead: not forks of this process once it has a CUDA context."""
        return precompile if self._lease is None else self._lease.ahead

    def evaluate(self, submission: Submission, reference: Reference, config: EvalConfig) -> Report:
        """Evaluates one candidate: both halves at once.

        Raises:
            InvalidReference: The reference can't be used.
            UnknownTarget: The configuration names no known GPU.
            UnknownDevice: The configuration names no device.
            NoGpu: It is to be judged on a GPU, and none that fits is here.
            GpuLost, SandboxUnavailable, SandboxBroken, CompilerMissing: Infrastructure; retry, or report it as such.
        """
        if _needs_gpu(config):
            self.open_gpu(config)
        found = self.trace(submission, reference, config)
        return found if isinstance(found, Report) else self.replay(found)

    def trace(self, submission: Submission, reference: Reference, config: EvalConfig) -> Report | Verified:
        """Does the first half: runs the candidate's Python in the sandbox, and looks at what that did.

        A report is the end: the candidate failed, or was to be priced only. What is verified can be replayed here, or
        be taken up elsewhere with its `answer` (`resume`). If a GPU does the second half, it is known to compile, and
        its check cases are right on the CPU executor, as far as that can say: no GPU is to wait for either.

        Raises:
            InvalidReference, UnknownTarget, UnknownDevice: As `evaluate`.
            SandboxUnavailable, SandboxBroken, CompilerMissing: As `evaluate`.
        """
        _check_device(config)
        evaluation = self._begin(submission, reference, config)
        try:
            verified = self._trace(evaluation)
            if config.depth is Depth.PRICED:
                return self._priced(verified)
            if _needs_gpu(config):
                verified = replace(verified, compiled=rehearse(verified, self._seeds, self._ahead))
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
            InvalidReference, UnknownTarget, UnknownDevice, NoGpu: As `evaluate`.
        """
        _check_device(config)
        if _needs_gpu(config):
            self.open_gpu(config)
        evaluation = self._begin(submission, reference, config, timings_s)
        try:
            return self._verify(evaluation, SandboxResult(status=SandboxStatus.COMPLETED, payload=answer))
        except Fault as end:
            return evaluation.journal.failed(end)

    def replay(self, verified: Verified) -> Report:
        """Does the second half: compiles, replays, judges and profiles.

        Raises:
            InvalidReference, NoGpu, GpuLost, CompilerMissing: As `evaluate`.
        """
        evaluation = verified.evaluation
        judged = evaluation.config.depth is Depth.JUDGED
        try:
            if _needs_gpu(evaluation.config):
                return self._measured(verified)
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
                lambda order: compile_program(traced, order, target, config.compile_timeout_s, submission, self._ahead),
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
        evaluation = verified.evaluation
        config, reference = evaluation.config, evaluation.reference
        device = CpuDevice(config.precision)
        seed, once = self._seeds.for_bench(config, reference.digest, evaluation.answer_numbers)
        bench = bench_trial(evaluation.bench, config, seed, reference.distributions, once=once)
        court = Court(reference, self._truths, device, evaluation.submission, config)
        program, choice = self._compile(verified, court, bench)
        return self._hear(verified, court, court, program, choice, bench)

    def _measured(self, verified: Verified) -> Report:
        """Judges and times a candidate on the GPU; no value is used twice, and no truth is kept.

        A bench case that is too large even for that is only priced, as on a CPU.
        """
        evaluation = verified.evaluation
        config, reference = evaluation.config, evaluation.reference
        seed = self._seeds.fresh() if config.seed is None else config.seed
        bench = bench_trial(evaluation.bench, config, seed, reference.distributions, once=True)
        pricing = Court(reference, TruthCache(), CpuDevice(config.precision), evaluation.submission, config)
        choice: Choice = {}
        if bench.case.hollow:
            program, choice = compile_and_choose(verified, pricing, self._ahead)
        else:
            program = verified.compiled or compile_all(verified, self._ahead)
        with self._gpu_lease.turn(evaluation.target) as gpu:
            return self._heard_on(gpu, verified, pricing, program, choice, bench)

    def _heard_on(
        self, gpu: Gpu, verified: Verified, pricing: Court, program: Program, choice: Choice, bench: Trial
    ) -> Report:
        """Does the rest on a GPU; all that is in its memory belongs to this call."""
        evaluation = verified.evaluation
        device = CudaDevice(gpu, evaluation.config, shelf=self._timings, on_turn=self._gpu_lease.on_turn)
        court = Court(evaluation.reference, TruthCache(), device, evaluation.submission, evaluation.config)
        if bench.case.hollow:
            return self._hear(verified, court, pricing, program, choice, bench)
        with evaluation.journal.stage(Stage.REPLAY):
            program, choice = court.choose(program, bench, lambda order: program, evaluation.target)
        return self._hear(verified, court, court, program, choice, bench)

    def _hear(
        self,
        verified: Verified,
        court: Court,
        bench_court: Court,
        program: Program,
        choice: Choice,
        bench: Trial,
    ) -> Report:
        config = verified.evaluation.config
        seed = self._seeds.fresh() if config.seed is None else config.seed
        return judge(
            Hearing(
                verified=verified,
                court=court,
                bench_court=bench_court,
                program=program,
                choice=choice,
                bench=bench,
                trials=plan_trials(verified.evaluation.reference, config, seed),
                gate=self._gate,
            )
        )


def _needs_gpu(config: EvalConfig) -> bool:
    return config.device == "cuda" and config.depth is Depth.JUDGED


def _check_device(config: EvalConfig) -> None:
    """Checks that a configuration names a device.

    Raises:
        UnknownDevice: There is none of that name.
    """
    if config.device not in DEVICES:
        raise UnknownDevice(f"there is no device `{config.device}`; this version replays on {' and '.join(DEVICES)}")
