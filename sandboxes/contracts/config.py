"""The knobs of an evaluation."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from sandboxes.contracts.base import Contract

MAX_SEED = 2**63 - 1
MAX_REPEAT = 2**31 - 1
COMPILE_REFERENCE_S = 60.0
"""Time that `torch.compile` may take for a reference."""
Seconds = Annotated[float, Field(gt=0, le=3600)]


class Precision(StrEnum):
    """How float32 matrix products may be computed, by candidate and reference alike."""

    TF32 = "tf32"
    """Their inputs may be rounded to TF32."""
    FP32 = "fp32"
    """They may not."""


class Depth(StrEnum):
    """How far a candidate is evaluated."""

    JUDGED = "judged"
    """All the way: its outputs are compared with the truth."""
    PRICED = "priced"
    """Traced, looked at by the gate, compiled and priced by the hardware model, at the bench case alone. Nothing is
    compared, so nothing is said about correctness and nothing can be earned by it: the outcome is `unjudged`. A few
    times cheaper; for choosing what to judge."""


class EvalConfig(Contract):
    """What to evaluate for and how long; part of a result's identity."""

    target: str = "h200"
    """Name of the GPU that is compiled for and modelled."""
    device: str = "cpu"
    """Where the trace is replayed: `cpu` or `cuda`."""
    precision: Precision = Precision.TF32
    trace_timeout_s: Seconds = 20.0
    """Wall time of everything the candidate's Python does."""
    compile_timeout_s: Seconds = 30.0
    """Wall time of compiling all kernels."""
    replay_timeout_s: Seconds = 30.0
    """Wall time of running the kernels of all cases."""
    measure_timeout_s: Seconds = 1.0
    """Time for timing the candidate and the reference on a GPU; ends earlier when the result is certain enough."""
    compiled_reference: bool = False
    """Also time the reference under `torch.compile`, on a GPU. Compiling takes up to a minute, once for each reference
    and GPU; what comes out is kept where workers keep truths. What is kept already is told without being asked for."""
    weight_seeds: Annotated[tuple[Annotated[int, Field(ge=0, le=MAX_SEED)], ...], Field(min_length=1, max_length=8)] = (
        2027,
        31,
    )
    """Seeds under which modules with weights are built; the first is used for all cases, the others for one."""
    seed: Annotated[int, Field(ge=0, le=MAX_SEED)] | None = None
    """Seed of the input values; None draws a secret one. Set it only to reproduce a result."""
    bench_seed: Annotated[int, Field(ge=0, le=MAX_SEED)] | None = None
    """Seed of the bench case's inputs, where that is not `seed`: their truth is dear, so that several evaluations share
    it, and `seed` serves this evaluation only. An answer of few numbers is always drawn from `seed`."""
    depth: Depth = Depth.JUDGED
    """How far candidates are evaluated; what is only priced has no verdict `ok` and no speedup."""
    bench_budget_gflop: Annotated[float, Field(ge=0)] = 20.0
    """Largest reference, in 1e9 operations, for which the bench case is executed in full on the CPU."""
    repeat: Annotated[int, Field(ge=0, le=MAX_REPEAT)] = 0
    """Another evaluation of the same candidate, on values of its own: takes part in the identity and changes nothing
    else, so that a cache or a service that remembers verdicts has the candidate evaluated once more."""
