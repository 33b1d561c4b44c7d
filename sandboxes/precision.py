"""TF32 on the CPU: float32 matrix products whose inputs are rounded first, as tensor cores do.

Under `precision="tf32"` candidate and reference alike may compute float32 matrix products and convolutions from inputs
rounded to 10 bits of mantissa. On the CPU both are made to do so, so that a verdict here equals one on the GPU.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

from sandboxes.contracts import Precision
from sandboxes.ttir.operations.dots import round_tf32

FACTORS = {
    **dict.fromkeys(["aten::mm", "aten::bmm", "aten::mv", "aten::convolution"], range(2)),
    **dict.fromkeys(["aten::addmm", "aten::baddbmm", "aten::addbmm", "aten::addmv"], range(1, 3)),
    "aten::convolution_backward": range(3),
    "aten::_scaled_dot_product_attention_math": range(3),
    "aten::_scaled_dot_product_flash_attention_for_cpu": range(3),
    "aten::_scaled_dot_product_flash_attention_for_cpu_backward": range(4),
}
"""Operators that the GPU may run on TF32 tensor cores, and which of their arguments are multiplied."""


def rounded_factors(operator: str, args: Sequence[Any]) -> Sequence[Any]:
    """Returns the arguments of an ATen call with the factors of a float32 matrix product rounded to TF32.

    Args:
        operator: Without overload, e.g. `aten::addmm`; other operators' arguments are returned as they are.
        args: Positional arguments.
    """
    factors = FACTORS.get(operator)
    if factors is None:
        return args
    return [round_tf32(arg) if index in factors and _is_float32(arg) else arg for index, arg in enumerate(args)]


class MatmulPrecision(TorchDispatchMode):  # type: ignore[no-untyped-call] # torch leaves __init_subclass__ untyped
    """Inside it float32 matrix products follow the precision policy."""

    def __init__(self, precision: Precision) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._round = precision is Precision.TF32

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if self._round:
            args = rounded_factors(func._schema.name, args)
        return func(*args, **(kwargs or {}))


def _is_float32(value: Any) -> bool:
    return isinstance(value, torch.Tensor) and value.dtype == torch.float32 and value.device.type != "meta"
