"""Compiles a kernel with Triton's frontend and runs it here."""

from typing import Any

import torch
from torch import Tensor

from sandboxes.ttir import execute, parse
from tests.sandboxes.ttir.frontend import ttir_of

TYPES = {
    torch.float16: "fp16",
    torch.bfloat16: "bf16",
    torch.float32: "fp32",
    torch.float64: "fp64",
    torch.float8_e4m3fn: "fp8e4nv",
    torch.float8_e5m2: "fp8e5",
    torch.bool: "i1",
    torch.int8: "i8",
    torch.int16: "i16",
    torch.int32: "i32",
    torch.int64: "i64",
    torch.uint8: "u8",
    torch.uint16: "u16",
    torch.uint32: "u32",
    torch.uint64: "u64",
}


def run(kernel: Any, *args: Any, grid: tuple[int, int, int] = (1, 1, 1), **constexprs: Any) -> str:
    """Launches ``kernel``; tensors are pointers of their dtype, integers are ``i32``. Returns the TTIR."""
    signature = tuple(f"*{TYPES[x.dtype]}" if isinstance(x, Tensor) else "i32" for x in args)
    text = ttir_of(kernel, signature, **constexprs)
    execute(parse(text), grid, list(args))
    return text
