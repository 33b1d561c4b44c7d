"""Reports to test with: small, valid, and adjustable where a test cares."""

from sandboxes.contracts import (
    BenchCheck,
    Bound,
    CaseKind,
    CaseResult,
    Clocks,
    Counterfactual,
    Depth,
    Diagnostic,
    EvalConfig,
    Finding,
    HotLine,
    Measurement,
    NodeProfile,
    Outcome,
    Profile,
    ProfileSource,
    Remedy,
    Report,
    Resources,
    Severity,
    Stage,
    TimingFlag,
)

SOURCE = "\n".join(f"line_{number} = {number}" for number in range(1, 60))
"""A candidate long enough for every line number that the reports below mention."""


def ok_report(
    *, time_us: float = 10.0, reference_time_us: float = 20.0, coverage: float = 0.8, verified: bool = True
) -> Report:
    """A correct candidate with one kernel and one ATen operator."""
    kernel = NodeProfile(
        node=0, name="softmax_kernel", custom=True, live=True, time_us=time_us * coverage, bytes=2**20, flops=2**18,
        bound=Bound.DRAM, roofline_fraction=0.81, config="BLOCK: 1024, num_warps: 4", grid=(4096, 1, 1), line=23,
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


def explained_report(*, time_us: float = 10.0) -> Report:
    """The candidate of `ok_report` with all that the hardware model says of it."""
    report = ok_report(time_us=time_us)
    assert report.profile is not None
    kernel, operator = report.profile.nodes
    line = HotLine(
        line=12, excerpt="line_12 = 12", bytes=2**20, flops=0, time_us=0.6 * time_us, sectors_per_request=32.0
    )
    nodes = (
        kernel.model_copy(
            update={
                "hot_lines": (line,),
                "parts_us": {"dram": 0.3 * time_us, "l2": 0.75 * time_us, "overhead": 0.1 * time_us},
                "band_us": (0.6 * time_us, 1.1 * time_us),
                "bound": Bound.L2,
            }
        ),
        operator.model_copy(update={"band_us": (0.15 * time_us, 0.25 * time_us), "cached_bytes": 2**19}),
    )
    counterfactuals = (
        Counterfactual(
            remedy=Remedy.COALESCE, node=0, line=12, text="`softmax_kernel`: coalesce the load of `x` at line 12",
            saves_us=0.5 * time_us, node_speedup=3.1,
        ),
        Counterfactual(
            remedy=Remedy.FUSE, node=0, other=1,
            text="fuse `softmax_kernel` into `aten::relu`: saves one launch and one round trip of 1.05 MB",
            saves_us=0.1 * time_us, node_speedup=1.11, saves_bytes=2**21,
        ),
    )  # fmt: skip
    profile = report.profile.model_copy(
        update={"nodes": nodes, "counterfactuals": counterfactuals, "speedup_band": (1.4, 2.7)}
    )
    return Report.model_validate(report.model_copy(update={"profile": profile}).model_dump())


def measured_report(
    *,
    time_us: float = 10.0,
    reference_time_us: float = 20.0,
    flags: tuple[TimingFlag, ...] = (),
    simulated: bool = False,
    floor_us: float = 4.0,
) -> Report:
    """The candidate of `ok_report`, timed on a GPU."""
    measured_us = 0.75 * floor_us if TimingFlag.BELOW_FLOOR in flags else time_us
    time_us = max(measured_us, floor_us)
    report = ok_report(time_us=time_us, reference_time_us=reference_time_us)
    assert report.profile is not None
    measurement = Measurement(
        rounds=120, time_interval_us=(0.99 * measured_us, 1.01 * measured_us), spread=0.012,
        measured_time_us=measured_us, floor_us=floor_us, host_time_us=time_us + 5, eager_time_us=3 * time_us,
        reference_eager_time_us=2 * reference_time_us, variants=12, flags=flags, busy_us=0.9 * measured_us,
        other_us=0.5, modelled_time_us=9.0, modelled_reference_time_us=21.6, modelled_nodes_us={0: 7.0, 1: 2.0},
        ceilings={"dram_gb_per_s": 4300.0, "fp16": 780.0}, simulated=simulated,
        clocks=Clocks(sm_mhz=1830, memory_mhz=3201, most_sm_mhz=1980, temperature_c=61, power_w=540),
        versions={"driver": "580.65", "cuda": "13.0", "torch": "2.13.0", "triton": "3.9.0"},
    )  # fmt: skip
    speedup = reference_time_us / time_us
    profile = report.profile.model_copy(
        update={
            "source": ProfileSource.MODELLED if simulated else ProfileSource.MEASURED,
            "device": "NVIDIA H200 (simulated)" if simulated else "NVIDIA H200",
            "compiled_reference_time_us": 0.6 * reference_time_us,
            "speedup_interval": (0.99 * speedup, 1.01 * speedup),
            "measurement": measurement,
        }
    )
    document = report.model_copy(update={"profile": profile, "config": EvalConfig(device="cuda")})
    return Report.model_validate(document.model_dump())


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
