"""From the executor's counters to the model's `Work`."""

from collections import defaultdict
from collections.abc import Mapping

from sandboxes.hardware.work import Work
from sandboxes.ttir import Counters, Execution

ATOMIC_PASSES = 2
"""An atomic reads and writes in the L2 cache."""

DOT_KINDS = {"dot_f16": "fp16", "dot_bf16": "bf16", "dot_tf32": "tf32", "dot_f64": "fp64"}
"""Products by the type of their inputs; `f32` without TF32 runs on the FP32 pipe."""


def work_of_launch(execution: Execution, scale: float = 1.0, sizes: Mapping[str, int] | None = None) -> Work:
    """Returns the work of a launch that was executed and counted.

    Args:
        execution: From `execute` with `count=True`.
        scale: Programs of the grid over programs that ran, if only a sample ran.
        sizes: Bytes of each pointer argument by name; caps distinct bytes, which a sample would overestimate where
            programs share data.
    """
    return work_of_counters(execution.counters, scale, sizes)


def work_of_counters(counters: Counters, scale: float = 1.0, sizes: Mapping[str, int] | None = None) -> Work:
    """Returns the work of a launch that was counted; see `work_of_launch`."""
    read = written = 0
    for name, count in counters.arguments.items():
        limit = sizes[name] if sizes is not None and name in sizes else None
        read += _scaled(count.unique_bytes_loaded, scale, limit)
        written += _scaled(count.unique_bytes_stored, scale, limit)
    return Work(
        read_bytes=read,
        written_bytes=written,
        requested_bytes=_scaled(_requested(counters), scale, None),
        flops={kind: _scaled(count, scale, None) for kind, count in _flops(counters).items()},
        integer_ops=_scaled(counters.flops.get("integer", 0), scale, None),
        uneven_bytes=counters.uneven_bytes,
        uneven_operations=counters.uneven_operations,
    )


def _scaled(count: int, scale: float, limit: int | None) -> int:
    scaled = round(count * scale)
    return scaled if limit is None else min(scaled, limit)


def _requested(counters: Counters) -> int:
    """Returns the bytes the L2 cache serves."""
    again = sum(count.bytes for count in counters.memory if count.kind == "atomic") * (ATOMIC_PASSES - 1)
    return counters.bytes_loaded + counters.bytes_stored + again


def _flops(counters: Counters) -> dict[str, int]:
    """Returns operations by the model's kinds."""
    flops: dict[str, int] = defaultdict(int)
    for kind, count in counters.flops.items():
        if kind != "integer" and count:
            flops[model_kind(kind)] += count
    return dict(flops)


def model_kind(executed: str) -> str:
    """Returns the model's name for a kind of the executor."""
    if executed in DOT_KINDS:
        return DOT_KINDS[executed]
    if executed.startswith("dot_f8"):
        return "fp8"
    if executed.startswith(("dot_i", "dot_u")) and executed != "dot_unknown":
        return "int8"
    return {"special": "special", "double": "fp64"}.get(executed, "fp32")
