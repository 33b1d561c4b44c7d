"""Reports to test with: small, valid, and adjustable where a test cares."""

from sandboxes.contracts import (
    BenchCheck,
    Bound,
    CaseKind,
    CaseResult,
    Depth,
    Diagnostic,
    EvalConfig,
    Finding,
    HotLine,
    NodeProfile,
    Outcome,
    Profile,
    ProfileSource,
    Report,
    Resources,
    Severity,
    Stage,
)

SOURCE = "\n".join(f"line_{number} = {number}" for number in range(1, 60))
"""A candidate long enough for every line number that the reports below mention."""


def ok_report(
    *, time_us: float = 10.0, reference_time_us: float = 20.0, coverage: float = 0.8, verified: bool = True
) -> Report:
    """A correct candidate with one kernel and one ATen operator."""
    kernel = NodeProfile(
        node=0, name="softmax_kernel", custom=True, live=True, time_us=time_us * coverage, bytes=2**20, flops=2**18,
        bound=Bound.MEMORY, roofline_fraction=0.81, config="BLOCK: 1024, num_warps: 4", grid=(4096, 1, 1), line=23,
        resources=Resources(
            registers=32, spill_bytes=0, shared_bytes=128, threads=128, occupancy=1.0, limited_by="nothing"
        ),
        hot_lines=(HotLine(line=12, excerpt="line_12 = 12", bytes=2**20, flops=0),),
    )  # fmt: skip
    operator = NodeProfile(
        node=1, name="aten::relu.default", custom=False, live=True, time_us=time_us - kernel.time_us, bytes=2**20,
        flops=2**10, bound=Bound.LATENCY, roofline_fraction=0.1,
    )  # fmt: skip
    return Report(
        outcome=Outcome.OK,
        submission="ab" * 32,
        problem="core/softmax",
        config=EvalConfig(),
        cases=(
            CaseResult(case="rows=7,columns=129", kind=CaseKind.CHECK, passed=True, trials=6, failed_trials=0,
                       max_error=1.2e-7, tolerance=1e-4),
            CaseResult(case="rows=4096,columns=1024", kind=CaseKind.BENCH, passed=True, trials=1, failed_trials=0,
                       max_error=2e-7, tolerance=1e-4),
        ),
        bench=BenchCheck(verified=verified, how="executed in full" if verified else "larger than the budget"),
        profile=Profile(
            source=ProfileSource.MODELLED, device="NVIDIA H200 SXM", nodes=(kernel, operator),
            time_us=kernel.time_us + operator.time_us, reference_time_us=reference_time_us, coverage=coverage,
            roofline_us=time_us * 0.7,
        ),
        timings_s={"trace": 0.08, "compile": 0.05, "replay": 0.12},
        versions={"torch": "2.13.0", "triton": "3.9.0"},
    )  # fmt: skip


def failed_report(outcome: Outcome, *, message: str = "name `tl` is not defined", line: int | None = 23) -> Report:
    """A candidate that ended in `outcome`, with the finding or diagnostic that such a report needs."""
    if outcome is Outcome.HACK:
        finding = Finding(
            rule="no_live_launch", severity=Severity.REJECT, evidence="no launch reaches an output", line=line
        )
        return Report(
            outcome=outcome, submission="cd" * 32, problem="core/softmax", config=EvalConfig(), findings=(finding,)
        )
    if outcome is Outcome.UNJUDGED:
        return unjudged_report()
    stage = {
        Outcome.NO_CODE: Stage.EXTRACT,
        Outcome.INCORRECT: Stage.REPLAY,
        Outcome.MEMORY_ERROR: Stage.REPLAY,
        Outcome.COMPILE_ERROR: Stage.COMPILE,
        Outcome.LAUNCH_ERROR: Stage.COMPILE,
    }.get(outcome, Stage.TRACE)
    cases: tuple[CaseResult, ...] = ()
    if outcome is Outcome.INCORRECT:
        cases = (
            CaseResult(case="rows=7,columns=129", kind=CaseKind.CHECK, passed=False, trials=6, failed_trials=4,
                       max_error=float("inf"), tolerance=1e-4, detail="output 0 at [0, 128] is inf, not 0.31"),
        )  # fmt: skip
    diagnostic = Diagnostic(
        stage=stage, message=message, line=line, excerpt=None if line is None else f"line_{line} = {line}",
        hint="import triton.language as tl", case="rows=7,columns=129",
    )  # fmt: skip
    submission = "" if outcome is Outcome.NO_CODE else "ef" * 32
    return Report(
        outcome=outcome, submission=submission, problem="core/softmax", config=EvalConfig(), cases=cases,
        diagnostics=(diagnostic,), timings_s={"trace": 0.05},
    )  # fmt: skip


def unjudged_report(*, time_us: float = 10.0, reference_time_us: float = 20.0) -> Report:
    """A candidate that was priced only."""
    estimate = ok_report(time_us=time_us, reference_time_us=reference_time_us).profile
    diagnostic = Diagnostic(stage=Stage.PROFILE, message="not judged, only priced", hint="evaluate it in full")
    return Report(
        outcome=Outcome.UNJUDGED, submission="ef" * 32, problem="core/softmax", config=EvalConfig(depth=Depth.PRICED),
        diagnostics=(diagnostic,), estimate=estimate, timings_s={"trace": 0.05},
    )  # fmt: skip
