"""Builds small TTIR modules by hand, for one operation at a time."""

from typing import Any

import torch
from torch import Tensor

from sandboxes.ttir import ExecutionOptions, execute, parse

NAMES = {
    torch.float32: "f32",
    torch.float16: "f16",
    torch.bfloat16: "bf16",
    torch.float64: "f64",
    torch.int8: "i8",
    torch.int16: "i16",
    torch.int32: "i32",
    torch.int64: "i64",
    torch.bool: "i1",
}


def elementwise_module(operation: str, inputs: list[torch.dtype], output: torch.dtype, size: int) -> str:
    """A kernel that loads ``size`` elements of each input as ``%a, %b, ...`` and stores ``%r``."""
    kinds = [NAMES[dtype] for dtype in [*inputs, output]]
    parameters = ", ".join(f"%p{i}: !tt.ptr<{kind}>" for i, kind in enumerate(kinds))
    lines = [f"%range = tt.make_range {{end = {size} : i32, start = 0 : i32}} : tensor<{size}xi32>"]
    for i, kind in enumerate(kinds):
        pointers = f"tensor<{size}x!tt.ptr<{kind}>>"
        lines.append(f"%s{i} = tt.splat %p{i} : !tt.ptr<{kind}> -> {pointers}")
        lines.append(f"%q{i} = tt.addptr %s{i}, %range : {pointers}, tensor<{size}xi32>")
        if i < len(inputs):
            lines.append(f"%{'abcd'[i]} = tt.load %q{i} : {pointers}")
    lines.append(operation.replace("N", str(size)))
    lines.append(f"tt.store %q{len(inputs)}, %r : tensor<{size}x!tt.ptr<{kinds[-1]}>>")
    return f"module {{\n tt.func public @k({parameters}) {{\n" + "\n".join(lines) + "\n tt.return\n }\n}\n"


def elementwise(operation: str, *inputs: Tensor, output: torch.dtype) -> Tensor:
    """Runs ``operation`` (``N`` stands for the size) on 1-D tensors."""
    size = inputs[0].numel()
    out = torch.zeros(size, dtype=output)
    text = elementwise_module(operation, [x.dtype for x in inputs], output, size)
    execute(parse(text), (1, 1, 1), [*inputs, out])
    return out


def launch(text: str, grid: tuple[int, int, int], *args: Any, **options: Any) -> Any:
    """Parses and runs a module."""
    return execute(parse(text), grid, list(args), options=ExecutionOptions(**options))
