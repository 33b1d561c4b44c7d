"""The work of one ATen operator, as PyTorch's own eager kernels would do it.

Shapes and dtypes are all that is needed. Every operator reads its inputs and writes its outputs once, in one kernel;
the exceptions are in `aten_tables`. Layout conversions that a library adds on its own are not counted.
"""

from collections.abc import Sequence
from math import prod
from typing import Any

import torch

from sandboxes.contracts import READ_BACK, Argument, AtenCall, Precision, TensorSpec, references
from sandboxes.contracts.case import DTYPE_BYTES
from sandboxes.hardware.aten_arithmetic import flops, transformed
from sandboxes.hardware.aten_tables import (
    FREE_NAMES,
    GATHERING_NAMES,
    OVERWRITING_NAMES,
    PASSES,
    REDUCED_LOSSES,
    SCATTERING_NAMES,
)
from sandboxes.hardware.work import FREE, Work
from sandboxes.ttir.engine.sectors import SECTOR_BYTES


def aten_work(call: AtenCall, values: Sequence[TensorSpec], precision: Precision = Precision.TF32) -> Work:
    """Returns what the operator reads, writes and computes.

    Args:
        call: The operator and its arguments.
        values: `Trace.values`.
        precision: Whether float32 products count as TF32.
    """
    if call.operator == READ_BACK:
        read = sum(values[id_].bytes for id_ in references(call.args))
        return Work(read_bytes=read, requested_bytes=read, waits=1)
    name = call.operator.partition("::")[2].partition(".")[0]
    overload = _overload(call.operator)
    if is_free(name, overload):
        return FREE
    inputs = [values[id_] for id_ in references(_read_arguments(call, overload))]
    outputs = [values[id_] for id_ in references(call.results)]
    reads, writes, launches = PASSES.get(name, (1, 1, 1))
    if name.startswith("_fft_"):
        reads = writes = launches = len(transformed(call))
    read, written = _traffic(name, inputs, outputs)
    if _is_out_of_place_scatter(name):
        launches += 1
    read, written = reads * read, writes * written
    if name in REDUCED_LOSSES and outputs[0].shape != inputs[0].shape:
        losses = inputs[0].numel * DTYPE_BYTES[inputs[0].dtype]
        read, written, launches = read + losses, written + losses, launches + 1
    return Work(
        read_bytes=read,
        written_bytes=written,
        requested_bytes=read + written + (_looked_up(inputs) if name == "_embedding_bag" else 0),
        flops=flops(name, overload, call, values, inputs, outputs, precision),
        launches=launches,
    )


def unique_bytes(spec: TensorSpec) -> int:
    """Returns the bytes of memory that `spec` covers: expanded dimensions (stride 0) count once, gaps whole sectors."""
    layout = list(zip(spec.shape, spec.stride, strict=True))
    elements = prod(size if stride else min(size, 1) for size, stride in layout)
    width = DTYPE_BYTES[spec.dtype]
    apart = width * min((stride for size, stride in layout if size > 1 and stride), default=1)
    return elements * min(apart, max(SECTOR_BYTES, width))


def _traffic(name: str, inputs: list[TensorSpec], outputs: list[TensorSpec]) -> tuple[int, int]:
    """Returns the distinct bytes read and written."""
    written = sum(map(unique_bytes, outputs))
    if not inputs:
        return 0, written
    first, *others = inputs
    rest = sum(map(unique_bytes, others))
    if name in OVERWRITING_NAMES:
        return rest, written
    if name == "_embedding_bag":
        return min(unique_bytes(first), _looked_up(inputs)) + rest, written
    if name in GATHERING_NAMES:
        touched = max([output.numel for output in outputs] + [spec.numel for spec in others[:1] if "loss" in name])
        return min(unique_bytes(first), touched * DTYPE_BYTES[first.dtype]) + rest, written
    if name in SCATTERING_NAMES:
        touched = min(unique_bytes(first), max((spec.numel for spec in others), default=0) * DTYPE_BYTES[first.dtype])
        return touched + rest, touched
    return unique_bytes(first) + rest, written


def _looked_up(inputs: list[TensorSpec]) -> int:
    """Returns the bytes of all rows of the first tensor that the second one names, each as often as it is named."""
    rows, indices = inputs[:2]
    return indices.numel * rows.shape[-1] * DTYPE_BYTES[rows.dtype]


def _is_out_of_place_scatter(name: str) -> bool:
    """True if it copies its first argument before it scatters into it."""
    return f"{name}_" in SCATTERING_NAMES


def _overload(qualified: str) -> Any:
    """Returns the operator, or None if this PyTorch doesn't have it (it is priced as elementwise)."""
    namespace, _, rest = qualified.partition("::")
    name, _, overload = rest.partition(".")
    packet = getattr(getattr(torch.ops, namespace), name, None)
    return getattr(packet, overload, None)


def is_free(name: str, overload: Any) -> bool:
    """True for views and allocations; never for an overload that writes: it copies, whatever its name says.

    Args:
        name: Of the operator, without its overload.
        overload: The operator, or None if this PyTorch doesn't have it.
    """
    if overload is None:
        return name in FREE_NAMES
    schema = overload._schema
    if any(argument.alias_info is not None and argument.alias_info.is_write for argument in schema.arguments):
        return False
    shared = [result.alias_info is not None for result in schema.returns]
    return name in FREE_NAMES or (bool(shared) and all(shared))


def _read_arguments(call: AtenCall, overload: Any) -> tuple[Argument, ...]:
    """Returns the arguments without those that take a result (`out=`), which are only written."""
    outs = {argument.name for argument in overload._schema.arguments if argument.is_out} if overload else set()
    return (*call.args, *(argument for name, argument in call.kwargs.items() if name not in outs))
