"""The work of one ATen operator, as PyTorch's own eager kernels would do it.

Shapes and dtypes are all that is needed. Every operator reads its inputs and writes its outputs once, in one kernel;
the exceptions are in `aten_tables`. Matrix products, convolutions and attention take their operation counts
from `torch.utils.flop_counter`. Layout conversions that a library adds on its own are not counted.
"""

from collections.abc import Sequence
from math import prod
from typing import Any

import torch
from torch.utils.flop_counter import flop_registry

from sandboxes.contracts import (
    READ_BACK,
    Argument,
    ArgumentSequence,
    AtenCall,
    Precision,
    ScalarRef,
    TensorRef,
    TensorSpec,
    references,
)
from sandboxes.contracts.case import DTYPE_BYTES
from sandboxes.hardware.aten_tables import (
    COPYING_NAMES,
    DISTANCE_FLOPS,
    FLOPS_PER_ELEMENT,
    FREE_NAMES,
    GATHERING_NAMES,
    OVERWRITING_NAMES,
    PASSES,
    POOLS,
    PRODUCT_KIND,
    PRODUCT_NAMES,
    REDUCED_LOSSES,
    SAME_FLOPS,
    SCATTERING_NAMES,
    SPECIAL_PER_ELEMENT,
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
    if name in FREE_NAMES or _is_view(overload):
        return FREE
    inputs = [values[id_] for id_ in references((*call.args, *call.kwargs.values()))]
    outputs = [values[id_] for id_ in references(call.results)]
    reads, writes, launches = PASSES.get(name, (1, 1, 1))
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
        requested_bytes=read + written,
        flops=_flops(name, overload, call, values, inputs, outputs, precision),
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
    if name in GATHERING_NAMES:
        touched = max([output.numel for output in outputs] + [spec.numel for spec in others[:1] if "loss" in name])
        return min(unique_bytes(first), touched * DTYPE_BYTES[first.dtype]) + rest, written
    if name in SCATTERING_NAMES:
        touched = min(unique_bytes(first), max((spec.numel for spec in others), default=0) * DTYPE_BYTES[first.dtype])
        return touched + rest, touched
    return unique_bytes(first) + rest, written


def _is_out_of_place_scatter(name: str) -> bool:
    """True if it copies its first argument before it scatters into it."""
    return f"{name}_" in SCATTERING_NAMES


def _flops(
    name: str,
    overload: Any,
    call: AtenCall,
    values: Sequence[TensorSpec],
    inputs: list[TensorSpec],
    outputs: list[TensorSpec],
    precision: Precision,
) -> dict[str, int]:
    """Returns the operations by kind."""
    if not inputs or name in COPYING_NAMES:
        return {}
    vector = "fp64" if any(spec.dtype == "float64" for spec in inputs) else "fp32"
    functional = name.removesuffix("_")
    if functional in ("linear", "addbmm"):
        left = inputs[functional == "addbmm"]
        return {_product_kind(inputs[:2], precision): 2 * left.numel * outputs[0].shape[-1]}
    if name == "_cdist_forward":
        return {vector: DISTANCE_FLOPS * outputs[0].numel * inputs[0].shape[-1]}
    if name in POOLS:
        return {vector: outputs[0].numel * _window(call, POOLS[name])}
    formula = flop_registry.get(getattr(torch.ops.aten, SAME_FLOPS.get(functional, functional), None))
    if formula is not None and overload is not None:
        return {_product_kind(inputs, precision): _registered_flops(formula, call, values)}
    counted = outputs if name in GATHERING_NAMES or name in SCATTERING_NAMES else [*inputs, *outputs]
    largest = max((spec.numel for spec in counted), default=0)
    if functional in PRODUCT_NAMES:
        return {vector: 2 * largest}
    flops = {vector: largest * FLOPS_PER_ELEMENT.get(name.removesuffix("_"), 1)}
    special = SPECIAL_PER_ELEMENT.get(name) or SPECIAL_PER_ELEMENT.get(name.removesuffix("_"))
    if special:
        flops["special"] = largest * special
    return flops


def _window(call: AtenCall, dimensions: int) -> int:
    """Returns how many elements a pooling operator looks at for each that it returns."""
    size = call.args[1] if len(call.args) > 1 else call.kwargs.get("kernel_size")
    sizes = [item for item in size.items if isinstance(item, int)] if isinstance(size, ArgumentSequence) else []
    return prod(sizes * dimensions) if len(sizes) == 1 else prod(sizes)


def _product_kind(inputs: list[TensorSpec], precision: Precision) -> str:
    """Returns the kind of a product: the type of its operands decides."""
    dtype = inputs[-1].dtype if len(inputs) > 1 else inputs[0].dtype
    if dtype == "float32":
        return "tf32" if precision is Precision.TF32 else "fp32"
    return PRODUCT_KIND.get(dtype, "fp32")


def _registered_flops(formula: Any, call: AtenCall, values: Sequence[TensorSpec]) -> int:
    """Evaluates a formula of `torch.utils.flop_counter` on tensors without data; gradients not asked for are None."""
    args = [_meta(argument, values) for argument in call.args]
    kwargs = {key: _meta(argument, values) for key, argument in call.kwargs.items()}
    results = [_meta(result, values) for result in call.results]
    return int(formula(*args, **kwargs, out_val=results[0] if len(results) == 1 else tuple(results)))


def _meta(argument: Argument, values: Sequence[TensorSpec]) -> Any:
    """Returns `argument` as Python would pass it, with meta tensors in place of references."""
    if isinstance(argument, TensorRef):
        return _meta_tensor(values[argument.id])
    if isinstance(argument, TensorSpec):
        return _meta_tensor(argument)
    if isinstance(argument, ScalarRef):
        return 1  # no formula asks for a number
    if isinstance(argument, ArgumentSequence):
        return [_meta(item, values) for item in argument.items]
    return argument


def _meta_tensor(spec: TensorSpec) -> torch.Tensor:
    return torch.empty_strided(spec.shape, spec.stride, dtype=getattr(torch, spec.dtype), device="meta")


def _overload(qualified: str) -> Any:
    """Returns the operator, or None if this PyTorch doesn't have it (it is priced as elementwise)."""
    namespace, _, rest = qualified.partition("::")
    name, _, overload = rest.partition(".")
    packet = getattr(getattr(torch.ops, namespace), name, None)
    return getattr(packet, overload, None)


def _is_view(overload: Any) -> bool:
    """True if every result shares the memory of an argument that is not written."""
    if overload is None:
        return False
    returns = overload._schema.returns
    return bool(returns) and all(result.alias_info is not None and not result.alias_info.is_write for result in returns)
