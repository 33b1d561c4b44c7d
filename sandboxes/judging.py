"""The end of an evaluation, from where a device is ready: runs, comparisons, a profile, and the gate's last word."""

from dataclasses import dataclass

from sandboxes.contracts import BenchCheck, EvalConfig, Profile, Report, Stage, Submission, Trace
from sandboxes.contracts.description import MAX_BENCH_BYTES, MAX_DEVICE_BENCH_BYTES
from sandboxes.delegation import delegated_calls
from sandboxes.devices.cuda.assembly import holds_inline
from sandboxes.devices.device import Choice, Program, Rival
from sandboxes.evaluation import Verified
from sandboxes.gate import Gate, Measured
from sandboxes.observations import Observations, with_observations
from sandboxes.programs import raise_if_rejected
from sandboxes.reference_trace import graph_bytes, graph_gflop
from sandboxes.trials import Court
from sandboxes.truth import Trial


@dataclass(frozen=True, slots=True, kw_only=True)
class Hearing:
    """Everything that a verdict needs: a candidate that is ready to run, and what it is tried with."""

    verified: Verified
    court: Court
    """Tries the check cases."""
    bench_court: Court
    """Tries the bench case; the same, but where that is too large for the device that judges."""
    program: Program
    """The bench case, compiled."""
    choice: Choice
    bench: Trial
    trials: list[Trial]
    """Of the check cases."""
    gate: Gate


def judge(hearing: Hearing) -> Report:
    """Runs all cases, profiles the bench case, and asks the gate about what was measured.

    Raises:
        Fault: The candidate fails.
        GpuLost, NoGpu: The device fails.
    """
    verified, court, program, choice = hearing.verified, hearing.court, hearing.program, hearing.choice
    evaluation, bench, programs = verified.evaluation, hearing.bench, verified.programs
    journal = evaluation.journal
    with journal.stage(Stage.REPLAY):
        results = court.check(programs, hearing.trials, program.trace, choice)
        if not bench.case.hollow:
            result, run = hearing.bench_court.check_bench(program, bench, choice)
            results.append(result)
            checked = executed_in_full(program.trace, evaluation.config)
        else:
            run = hearing.bench_court.sample_bench(program, bench, choice)
            checked = BenchCheck(verified=False, how=_too_large(evaluation.graph, evaluation.config))
        observations = Observations()
        if delegated_calls(program.trace, program.flow, evaluation.graph):
            observations = hearing.bench_court.observe(program, bench, programs, hearing.trials, choice)
    with journal.stage(Stage.PROFILE):
        rival = Rival(reference=evaluation.reference, graph=evaluation.graph, trial=bench)
        profile = hearing.bench_court.profile(program, bench, choice, run, rival, evaluation.target)
        profile = with_observations(profile, observations, program.trace, program.flow)
        if checked.verified and profile.unpriced:
            checked = BenchCheck(verified=False, how=f"executed in full and right, but not priced: {profile.unpriced}")
    with journal.stage(Stage.VERIFY):
        *checks, timed = verified.evidence()
        known = journal.findings
        measured = Measured(bench=timed, checks=checks, profile=profile, observations=observations, findings=known)
        journal.findings = (*known, *hearing.gate.conclude(measured))
        raise_if_rejected(journal.findings, evaluation.submission, results)
    return journal.passed(results, checked, with_excerpts(profile, evaluation.submission))


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


def executed_in_full(trace: Trace, config: EvalConfig) -> BenchCheck:
    """Returns how far a bench case that was executed is verified: on a GPU loads beyond a tensor do not show."""
    if config.device == "cpu" or not holds_inline(trace):
        return BenchCheck(verified=True, how="executed in full")
    return BenchCheck(
        verified=False,
        how="executed in full and right, but its inline PTX kept the CPU executor from looking for loads beyond its "
        "tensors and for races, so that no speedup is paid",
    )


def _too_large(graph: Trace, config: EvalConfig) -> str:
    if config.device == "cpu" and (needed := graph_gflop(graph)) > config.bench_budget_gflop:
        return f"not executed: {needed:.3g} GFLOP exceed the budget of {config.bench_budget_gflop:g}"
    limit = MAX_BENCH_BYTES if config.device == "cpu" else MAX_DEVICE_BENCH_BYTES
    return f"not executed: its tensors take {graph_bytes(graph) / 2**30:.3g} GiB, the limit is {limit / 2**30:g}"
