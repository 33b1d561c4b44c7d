"""Launching a kernel from its TTIR through Triton's own launcher, as `@triton.jit` would.

The launcher takes a signature in the frontend's words (`fp16`), TTIR has MLIR's (`f16`). A host-side tensor descriptor
is one argument of the frontend and several of TTIR: the descriptor, its sizes, its strides; Triton appends the latter
itself.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import torch
import triton
from triton.tools.tensor_descriptor import TensorDescriptor

from sandboxes.ttir import DescriptorArgument

FRONTEND_NAMES: Final = {"f16": "fp16", "f32": "fp32", "f64": "fp64", "i8": "u8"}
"""Of types whose name is another in MLIR; the launcher knows other integers and `bf16` by the same name. Triton 3.6
takes no negative `i8`; the same byte is a `u8`."""
DESCRIPTOR: Final = re.compile(r"!tt\.tensordesc<(?:tensor<)?((?:\d+x)+)(\w+)")
INTEGER: Final = re.compile(r"([iu])(\d+)")


@dataclass(frozen=True, slots=True)
class Parameter:
    """One argument of Triton's launcher."""

    index: int
    """Of the TTIR parameter it is made of."""
    kind: str
    """In the launcher's words: `*f32`, `i32`, `fp16`, `tensordesc<fp16[16, 16]>`."""
    block: tuple[int, ...] = ()
    """Of a descriptor."""


def parameters(signature: Mapping[int, str]) -> list[Parameter]:
    """Returns what the launcher takes for a kernel.

    Args:
        signature: Types of the TTIR parameters by position, as `IRSource.signature`.
    """
    found: list[Parameter] = []
    types = [signature[index] for index in sorted(signature)]
    index = 0
    while index < len(types):
        kind = types[index]
        described = DESCRIPTOR.match(kind)
        if described is None:
            found.append(Parameter(index, FRONTEND_NAMES.get(kind, kind)))
            index += 1
            continue
        block = tuple(int(size) for size in described[1].split("x") if size)
        element = FRONTEND_NAMES.get(described[2], described[2])
        sizes = ",".join(map(str, block))
        found.append(Parameter(index, f"tensordesc<{element}[{sizes}]>", block))
        index += 1 + 2 * len(block)  # its sizes and strides
    return found


class TritonKernel:
    """A kernel that is loaded onto the current GPU.

    Args:
        compiled: From `sandboxes.compilation.triton_kernel`.
    """

    def __init__(self, compiled: Any) -> None:
        self.name: str = compiled.metadata.name
        self._parameters = parameters(compiled.src.signature)
        compiled.src.signature = dict(enumerate(parameter.kind for parameter in self._parameters))
        self._compiled = compiled
        self._needs_scratch: bool = compiled.metadata.global_scratch_size > 0
        _ = compiled.run  # Triton loads a kernel when its runner is first asked for

    def launch(self, grid: tuple[int, int, int], args: Sequence[Any]) -> None:
        """Launches it on torch's current stream.

        Args:
            grid: Programs along x, y and z; an empty grid launches nothing.
            args: As `Gpu.launch`.
        """
        if self._needs_scratch:
            triton.set_allocator(_scratch)
        self._compiled[grid](*(_value(parameter, args[parameter.index]) for parameter in self._parameters))


def _value(parameter: Parameter, argument: Any) -> Any:
    """Returns what the launcher takes for an argument."""
    if isinstance(argument, DescriptorArgument):
        padding = "nan" if argument.padding != argument.padding else "zero"
        return TensorDescriptor(
            argument.base, list(argument.shape), list(argument.strides), list(parameter.block), padding
        )
    integer = INTEGER.fullmatch(parameter.kind)
    if integer is None or isinstance(argument, bool):
        return argument
    bits = int(integer[2])
    wrapped = int(argument) & ((1 << bits) - 1)
    signed = integer[1] == "i" and bits > 1
    return wrapped - (1 << bits) if signed and wrapped >> (bits - 1) else wrapped


def _scratch(size: int, alignment: int, stream: int | None) -> torch.Tensor:
    """Memory that a kernel needs for descriptors it makes itself; torch's blocks are aligned to 512 bytes."""
    return torch.empty(size, dtype=torch.int8, device="cuda")
