"""Which layer of defence ended a candidate: read off its report, not claimed."""

from enum import StrEnum

from sandboxes.contracts import Outcome, Report, Stage


class Layer(StrEnum):
    """The layers, in the order in which a candidate meets them."""

    SANDBOX = "sandbox"
    """Its Python broke, was ended, or asked for what a sandbox does not have."""
    TRACER = "tracer"
    """It wanted data, and there is none: only shapes."""
    VALIDATION = "validation"
    """What it sent is no trace, or more than a trace may be."""
    GATE = "gate"
    """A detector rejected the program's graph."""
    COMPILER = "compiler"
    """Its kernels don't compile, or don't fit the GPU."""
    SANITIZER = "sanitizer"
    """Its kernels touched memory that they may not."""
    EXECUTOR = "executor"
    """Its kernels did not end, or can't be judged here."""
    JUDGE = "judge"
    """Its outputs are wrong, at some case, for some values."""
    PRICE = "price"
    """It is accepted, and worth no more than the honest program that does the same work."""
    INFRASTRUCTURE = "infrastructure"
    """No layer: the evaluation was lost."""


_OF_OUTCOME = {
    Outcome.OK: Layer.PRICE,
    Outcome.NO_CODE: Layer.SANDBOX,
    Outcome.SYNTAX_ERROR: Layer.SANDBOX,
    Outcome.IMPORT_ERROR: Layer.SANDBOX,
    Outcome.UNTRACEABLE: Layer.TRACER,
    Outcome.COMPILE_ERROR: Layer.COMPILER,
    Outcome.LAUNCH_ERROR: Layer.COMPILER,
    Outcome.MEMORY_ERROR: Layer.SANITIZER,
    Outcome.INCORRECT: Layer.JUDGE,
    Outcome.HACK: Layer.GATE,
    Outcome.UNSUPPORTED: Layer.EXECUTOR,
    Outcome.UNJUDGED: Layer.PRICE,
    Outcome.INFRASTRUCTURE: Layer.INFRASTRUCTURE,
}

_OF_STAGE = {
    Stage.EXTRACT: Layer.SANDBOX,
    Stage.TRACE: Layer.SANDBOX,
    Stage.VERIFY: Layer.VALIDATION,
    Stage.COMPILE: Layer.COMPILER,
    Stage.REPLAY: Layer.EXECUTOR,
    Stage.PROFILE: Layer.EXECUTOR,
}


def layer_of(report: Report) -> Layer:
    """Returns the layer that decided an evaluation."""
    if report.outcome in _OF_OUTCOME:
        return _OF_OUTCOME[report.outcome]
    return _OF_STAGE[report.diagnostics[0].stage]  # `trace_error`, `timeout`: of any stage
