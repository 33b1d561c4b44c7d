"""The whole way of one candidate: trace, verify, compile, replay and judge, profile. It always ends in one `Report`."""

from collections.abc import Mapping, Sequence

from sandboxes.budget import check_budget
from sandboxes.contracts import (
    BenchCheck,
    Case,
    Depth,
    EvalConfig,
    Profile,
    Reference,
    Report,
    Stage,
    Submission,
    Target,
    Trace,
    bench_is_executed,
    references,
)
from sandboxes.contracts.description import MAX_BENCH_BYTES
from sandboxes.delegation import delegated_calls
from sandboxes.devices.cpu import CpuDevice
from sandboxes.devices.device import Device
from sandboxes.faults import Fault
from sandboxes.gate import Evidence, Gate, Measured
from sandboxes.hardware.targets import get_target
from sandboxes.isolation import Sandbox
from sandboxes.journal import Journal, OnStage
from sandboxes.judge import bench_trial, plan_trials
from sandboxes.loading import load_reference
from sandboxes.observations import Observations, with_observations
from sandboxes.programs import Programs, check_launches, compile_program, raise_if_failed, raise_if_rejected, verify
from sandboxes.reference import LiveReference
from sandboxes.reference_trace import graph_bytes, graph_gflop, trace_reference
from sandboxes.seeds import SecretSeeds
from sandboxes.tracing.service import read_answer, run_tracer
from sandboxes.trials import Court
from sandboxes.truth import Trial, TruthCache


class UnknownDevice(ValueError):
    """No device has this name on this machine."""


class Pipeline:
    """Evaluates candidates one after the other.

    The values of inputs are secret and new in every evaluation; those of the bench case last until a report has said
    something about them, so that its truth can be kept (see `SecretSeeds`).

    Args:
        sandbox: Where candidates are traced; it has to run `sandboxes.tracing.service.ENTRY`.
        gate: Looks at every trace, and at what was measured.
        on_stage: Told which stage begins, so that whoever watches this process knows what it died of.
    """

    def __init__(self, sandbox: Sandbox, gate: Gate, on_stage: OnStage = lambda stage: None) -> None:
        self._sandbox = sandbox
        self._gate = gate
        self._on_stage = on_stage
        self._truths = TruthCache()
        self._seeds = SecretSeeds()

    def evaluate(self, submission: Submission, reference: Reference, config: EvalConfig) -> Report:
        """Evaluates one candidate.

        Raises:
            InvalidReference: The reference can't be used.
            UnknownTarget: The configuration names no known GPU.
            UnknownDevice: The configuration names no device of this machine.
            SandboxUnavailable, SandboxBroken, CompilerMissing: Infrastructure; retry, or report it as such.
        """
        target = get_target(config.target)
        _, live = load_reference(reference)
        journal = Journal(submission, reference, config, self._on_stage)
        try:
            return self._run(submission, live, config, target, journal)
        except Fault as end:
            if end.diagnostic.case == live.cases[-1].name and config.depth is Depth.JUDGED:
                self._seeds.told(live.digest)
            return journal.failed(end)

    def _run(
        self, submission: Submission, reference: LiveReference, config: EvalConfig, target: Target, journal: Journal
    ) -> Report:
        weight_seed = config.weight_seeds[0]
        device = _device(config)
        *checks, last = reference.cases
        graph = trace_reference(reference, last)  # first: a bad reference is not its fault
        bench = self._bench(reference, graph, config)
        cases = (*checks, bench.case) if config.depth is Depth.JUDGED else (bench.case,)
        with journal.stage(Stage.TRACE):
            answer = run_tracer(
                submission, cases, config, target, self._sandbox, _weight_bytes(reference, cases, config)
            )
        with journal.stage(Stage.VERIFY):
            traced = read_answer(answer, cases, config)
            raise_if_failed(traced, submission)
            graphs = {case.name: trace_reference(reference, case) for case in cases}
            programs, journal.findings = verify(traced, cases, weight_seed, submission, self._gate, graphs)
            check_budget(programs, graph, submission)
        court = Court(reference, self._truths, device, submission, config)
        with journal.stage(Stage.COMPILE):
            check_launches(programs, target)
            traced_bench = programs[bench.case.name, weight_seed]
            program, choice = court.choose(
                traced_bench,
                bench,
                lambda order: compile_program(traced_bench, order, target, config.compile_timeout_s, submission),
                target,
            )
        if config.depth is Depth.PRICED:
            with journal.stage(Stage.PROFILE):
                run = court.sample_bench(program, bench, choice)
                profile = device.profile(program, choice, run, graph, target)
            return journal.priced(with_excerpts(profile, submission))
        with journal.stage(Stage.REPLAY):
            trials = plan_trials(reference, config, self._seeds.fresh() if config.seed is None else config.seed)
            results = court.check(programs, trials, program.trace, choice)
            if not bench.case.hollow:
                result, run = court.check_bench(program, bench, choice)
                results.append(result)
                verified = BenchCheck(verified=True, how="executed in full")
            else:
                run = court.sample_bench(program, bench, choice)
                verified = BenchCheck(verified=False, how=_too_large(graph, config))
            observations = Observations()
            if delegated_calls(program.trace, program.flow, graph):
                observations = court.observe(program, bench, programs, trials, choice)
        with journal.stage(Stage.PROFILE):
            profile = device.profile(program, choice, run, graph, target)
            profile = with_observations(profile, observations, program.trace, program.flow)
        with journal.stage(Stage.VERIFY):
            *checked, timed = _evidence(programs, cases, weight_seed, submission, graphs)
            known = journal.findings
            measured = Measured(bench=timed, checks=checked, profile=profile, observations=observations, findings=known)
            journal.findings = (*known, *self._gate.conclude(measured))
            raise_if_rejected(journal.findings, submission, results)
        return journal.passed(results, verified, with_excerpts(profile, submission))

    def _bench(self, reference: LiveReference, graph: Trace, config: EvalConfig) -> Trial:
        """Returns the trial of the bench case; the case is hollow if it is too large to be executed, or only priced."""
        in_full = config.depth is Depth.JUDGED and bench_is_executed(graph_gflop(graph), graph_bytes(graph), config)
        case = reference.cases[-1].model_copy(update={"hollow": not in_full})
        if config.depth is Depth.PRICED:  # there are no values, so no seed is used up
            return bench_trial(case, config, 0, reference.distributions, once=True)
        numbers = sum(graph.values[id_].numel for id_ in references((graph.output,)))
        seed, once = self._seeds.for_bench(config, reference.digest, numbers)
        return bench_trial(case, config, seed, reference.distributions, once=once)


def _evidence(
    programs: Programs, cases: Sequence[Case], weight_seed: int, submission: Submission, graphs: Mapping[str, Trace]
) -> list[Evidence]:
    """Returns what the gate was shown of each case under one weight seed."""
    traced = [(case, programs[case.name, weight_seed]) for case in cases]
    return [
        Evidence(submission=submission, case=case, trace=program.trace, flow=program.flow, reference=graphs[case.name])
        for case, program in traced
    ]


def _weight_bytes(reference: LiveReference, cases: Sequence[Case], config: EvalConfig) -> int:
    """Returns the size of all weights that a candidate is built with."""
    graphs = {case.module: trace_reference(reference, case) for case in cases if not case.hollow}
    if not graphs:
        return 0
    sizes = {
        number: sum(graph.values[item.value].bytes for item in graph.constants) for number, graph in graphs.items()
    }
    return sum(sizes.values()) + (len(config.weight_seeds) - 1) * sizes[cases[0].module]


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
