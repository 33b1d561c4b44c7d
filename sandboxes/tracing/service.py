"""The trusted side of tracing: sends a candidate into a sandbox and reads what comes back as data."""

import signal
from collections.abc import Sequence
from dataclasses import dataclass

from sandboxes.contracts import Case, EvalConfig, Submission, Target, Trace, TraceFailure, clip
from sandboxes.isolation import Entry, Limits, Sandbox, SandboxResult, SandboxStatus
from sandboxes.tracing.wire import MalformedAnswer, ModuleKey, TraceRequest, decode_answer

ENTRY = Entry(target="sandboxes.tracing.entry:trace_submission", preload="sandboxes.tracing.entry:warm")
"""What a sandbox has to run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Traced:
    """What tracing came to: traces with their constants, or how the candidate failed."""

    traces: tuple[Trace, ...] = ()
    blobs: dict[ModuleKey, bytes]
    """Constants as safetensors, by module; none of hollow cases."""
    failure: TraceFailure | None = None
    timed_out: bool = False
    """The failure is that the time was up."""


def run_tracer(
    submission: Submission,
    cases: Sequence[Case],
    config: EvalConfig,
    target: Target,
    sandbox: Sandbox,
    weight_bytes: int = 0,
) -> SandboxResult:
    """Traces a candidate at all cases; what comes back is not looked at.

    Args:
        submission: The candidate.
        cases: Where it is traced.
        config: Weight seeds and the time limit.
        target: The GPU that is pretended.
        sandbox: Where.
        weight_bytes: Of all the reference's modules together; the candidate's are sent out.

    Raises:
        SandboxUnavailable, SandboxBroken: Infrastructure; nothing is said about the candidate.
    """
    request = TraceRequest(
        submission=submission,
        cases=tuple(cases),
        weight_seeds=config.weight_seeds,
        target=target,
    )
    limits = Limits(
        wall_time_s=config.trace_timeout_s,
        cpu_time_s=config.trace_timeout_s + 10,
        output_mib=256 + 2 * weight_bytes // 2**20,
    )
    return sandbox.run(request.model_dump_json().encode(), limits)


def read_answer(result: SandboxResult, cases: Sequence[Case], config: EvalConfig) -> Traced:
    """Parses what the sandbox sent; never raises, whatever that is."""
    if result.status is not SandboxStatus.COMPLETED or result.payload is None:
        timed_out = result.status is SandboxStatus.TIMEOUT
        return Traced(blobs={}, failure=_abnormal_end(result, config), timed_out=timed_out)
    try:
        answer, blobs = decode_answer(result.payload)
    except MalformedAnswer as error:
        return Traced(blobs={}, failure=_failure(f"the sandbox's answer is malformed: {error}", _FORGED))
    traced = {(trace.case, trace.weight_seed) for trace in answer.traces}
    first, *others = config.weight_seeds
    wanted = [(case.name, first) for case in cases] + [(cases[0].name, seed) for seed in others]
    missing = next((name for name, seed in wanted if (name, seed) not in traced), None)
    if answer.failure is None and missing is not None:
        return Traced(blobs={}, failure=_failure(f"the sandbox's answer lacks a trace of case `{missing}`", _FORGED))
    return Traced(traces=answer.traces, blobs=blobs, failure=answer.failure)


_FORGED = "Only `ModelNew.forward` is looked at; code that talks to the tracer itself gains nothing."


def _abnormal_end(result: SandboxResult, config: EvalConfig) -> TraceFailure:
    """Says how a candidate ended its process."""
    match result.status:
        case SandboxStatus.TIMEOUT:
            text = f"the candidate's Python ran longer than {config.trace_timeout_s:g} s"
            hint = "Tracing calls `forward` once per case without data; look for an endless loop or work in Python."
        case SandboxStatus.KILLED:
            name = signal.Signals(result.signal).name if result.signal in set(signal.Signals) else str(result.signal)
            text, hint = f"the candidate's process died of {name}", "Look for native code, deep recursion or os.kill."
        case SandboxStatus.EXITED:
            text = f"the candidate ended its process (exit status {result.exit_code}) instead of returning"
            hint = "Return the output from `forward`; don't call exit functions."
        case SandboxStatus.OUTPUT_LIMIT:
            text, hint = "the candidate wrote more output than allowed", "Don't print in loops."
        case SandboxStatus.MEMORY:
            text, hint = (
                "the candidate ran out of memory while being traced",
                "Tensors have no data there; Python does.",
            )
        case _:
            text, hint = f"the tracer failed on the candidate: {_last_line(result.stderr_tail)}", _FORGED
    return _failure(text, hint)


def _failure(message: str, hint: str) -> TraceFailure:
    return TraceFailure(outcome="trace_error", message=clip(message), hint=hint)


def _last_line(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[-1][:500] if lines else "no message"
