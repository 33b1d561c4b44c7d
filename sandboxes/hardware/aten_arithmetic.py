"""The arithmetic of one ATen operator.

Matrix products, convolutions and attention take their counts from `torch.utils.flop_counter`, causal attention about
half of it. Operators that hide a
product, a window or a search behind a few operands are counted by what they do: whoever looks for a cheap product
finds them.
"""

from collections.abc import Sequence
from math import log2, prod
from typing import Any

import torch
from torch.utils.flop_counter import flop_registry

from sandboxes.contracts import Argument, ArgumentSequence, AtenCall, Precision, ScalarRef, TensorRef, TensorSpec
from sandboxes.hardware.aten_tables import (
    COPYING_NAMES,
    DISTANCE_FLOPS,
    DISTANCES,
    FFT_FLOPS,
    FLOPS_PER_ELEMENT,
    GATHERING_NAMES,
    POOL_GRADIENTS,
    POOLS,
    PRODUCT_KIND,
    PRODUCT_NAMES,
    SAME_FLOPS,
    SCATTERING_NAMES,
    SEARCHES,
    SERIES,
    SERIES_FLOPS,
    SPECIAL_PER_ELEMENT,
)
from sandboxes.hardware.causality import seen_share


def flops(
    name: str,
    overload: Any,
    call: AtenCall,
    values: Sequence[TensorSpec],
    inputs: list[TensorSpec],
    outputs: list[TensorSpec],
    precision: Precision,
) -> dict[str, int]:
    """Returns the operations by kind (see `Work.flops`).

    Args:
        name: Of the operator, without its overload.
        overload: The operator, or None if this PyTorch doesn't have it.
        call: The operator and its arguments.
        values: `Trace.values`.
        inputs: What it reads.
        outputs: What it returns.
        precision: Whether float32 products count as TF32.
    """
    if not inputs or name in COPYING_NAMES:
        return {}
    vector = "fp64" if any(spec.dtype == "float64" for spec in inputs) else "fp32"
    functional = name.removesuffix("_")
    if functional in ("linear", "addbmm"):
        left = inputs[functional == "addbmm"]
        return {_product_kind(inputs[:2], precision): 2 * left.numel * outputs[0].shape[-1]}
    if (hidden := _hidden(name, call, inputs, outputs)) is not None:
        return {vector: hidden}
    formula = flop_registry.get(getattr(torch.ops.aten, SAME_FLOPS.get(functional, functional), None))
    if formula is not None and overload is not None:
        counted = _registered_flops(formula, call, values) * seen_share(call, values)
        return {_product_kind(inputs, precision): round(counted)}
    moved = outputs if name in GATHERING_NAMES or name in SCATTERING_NAMES else [*inputs, *outputs]
    largest = max((spec.numel for spec in moved), default=0)
    if functional in PRODUCT_NAMES:
        return {vector: 2 * largest}
    found = {vector: largest * (SERIES_FLOPS if is_series(functional) else FLOPS_PER_ELEMENT.get(functional, 1))}
    special = SPECIAL_PER_ELEMENT.get(name) or SPECIAL_PER_ELEMENT.get(functional)
    if special:
        found["special"] = largest * special
    return found


def _hidden(name: str, call: AtenCall, inputs: list[TensorSpec], outputs: list[TensorSpec]) -> int | None:
    """Returns the arithmetic of an operator that does more than its operands' sizes tell; None for others."""
    if name in DISTANCES:
        return DISTANCE_FLOPS * outputs[0].numel * inputs[0].shape[-1]
    if name == "_embedding_bag":
        return 2 * inputs[1].numel * inputs[0].shape[-1]
    if name in POOLS:
        return outputs[0].numel * _window(call, 1, POOLS[name])
    if name in POOL_GRADIENTS:
        return inputs[0].numel * _window(call, 2, POOL_GRADIENTS[name])
    if name in SEARCHES:
        return outputs[0].numel * inputs[SEARCHES[name]].shape[-1].bit_length()
    if name.startswith("_fft_"):
        longest = max(inputs[0], outputs[0], key=lambda spec: spec.numel)
        lengths = [longest.shape[dim] for dim in transformed(call)]
        return round(FFT_FLOPS * longest.numel * log2(max(prod(lengths), 2)))
    return None


def transformed(call: AtenCall) -> list[int]:
    """Returns the dimensions of a Fourier transform."""
    dims = call.args[1] if len(call.args) > 1 else call.kwargs.get("dim")
    return [item for item in dims.items if isinstance(item, int)] if isinstance(dims, ArgumentSequence) else []


def is_series(functional: str) -> bool:
    """True for functions of one number that are summed term by term."""
    return functional in SERIES or functional.startswith("special_")


def _window(call: AtenCall, position: int, dimensions: int) -> int:
    """Returns how many elements a pooling operator looks at for each that it returns."""
    size = call.args[position] if len(call.args) > position else call.kwargs.get("kernel_size")
    sizes = [item for item in size.items if isinstance(item, int)] if isinstance(size, ArgumentSequence) else []
    return prod(sizes * dimensions) if len(sizes) == 1 else prod(sizes)


def _product_kind(inputs: list[TensorSpec], precision: Precision) -> str:
    """Returns the kind of a product: the type of its operands decides."""
    return product_kind(inputs[-1].dtype if len(inputs) > 1 else inputs[0].dtype, precision)


def product_kind(dtype: str, precision: Precision) -> str:
    """Returns which unit multiplies factors of a type (keys of `Work.flops`)."""
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
