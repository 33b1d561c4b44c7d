"""Element types of generated kernels, and what is known about a variable beyond its type."""

from dataclasses import dataclass
from typing import Literal

import torch

Family = Literal["bool", "signed", "unsigned", "float"]


@dataclass(frozen=True, slots=True)
class Kind:
    """An element type; ``name`` is Triton's (``tl.<name>``), ``code`` the one of signatures."""

    name: str
    code: str
    dtype: torch.dtype
    bits: int
    family: Family
    mantissa: int = 0
    """Significant bits of a float."""

    @property
    def integer(self) -> bool:
        return self.family in ("signed", "unsigned")

    @property
    def floating(self) -> bool:
        return self.family == "float"


BOOL = Kind("int1", "i1", torch.bool, 1, "bool")
INT8 = Kind("int8", "i8", torch.int8, 8, "signed")
INT16 = Kind("int16", "i16", torch.int16, 16, "signed")
INT32 = Kind("int32", "i32", torch.int32, 32, "signed")
INT64 = Kind("int64", "i64", torch.int64, 64, "signed")
UINT8 = Kind("uint8", "u8", torch.uint8, 8, "unsigned")
UINT16 = Kind("uint16", "u16", torch.uint16, 16, "unsigned")
UINT32 = Kind("uint32", "u32", torch.uint32, 32, "unsigned")
UINT64 = Kind("uint64", "u64", torch.uint64, 64, "unsigned")
FP16 = Kind("float16", "fp16", torch.float16, 16, "float", 11)
BF16 = Kind("bfloat16", "bf16", torch.bfloat16, 16, "float", 8)
FP32 = Kind("float32", "fp32", torch.float32, 32, "float", 24)
FP64 = Kind("float64", "fp64", torch.float64, 64, "float", 53)

INTEGERS = (INT32, INT64, INT8, INT16, UINT8, UINT16, UINT32, UINT64)
FLOATS = (FP32, FP64, FP16)
"""Floats to compute with; bfloat16 is only moved and widened, because the interpreter computes on its bits."""
NUMBERS = (*INTEGERS, *FLOATS)
STORED = (INT32, FP32, *INTEGERS[1:], *FLOATS[1:], BF16)
"""What buffers hold."""


@dataclass(frozen=True, slots=True)
class Grid:
    """Finite multiples of ``2**step`` of magnitude at most ``largest``: sums of such values need no rounding."""

    step: int
    largest: float

    def fits(self, kind: Kind) -> bool:
        top = 2.0**15 if kind.bits == 16 else 2.0**100
        lowest = -14 if kind.bits == 16 else -100
        return self.largest <= min(2.0 ** (self.step + kind.mantissa), top) and self.step >= lowest


@dataclass(frozen=True, slots=True)
class Rule:
    """How far results may lie apart: bit for bit unless one of the two fields says otherwise."""

    ulps: int = 0
    """Units in the last place, for functions that no standard defines to the last bit."""
    factor: float = 0.0
    """Difference allowed relative to ``scale``, for float sums, whose order is the engine's."""
    scale: str = ""
    """Name of the variable that holds the sum of the magnitudes."""


EXACT = Rule()


@dataclass(frozen=True, slots=True)
class Variable:
    """A value of the kernel; ``grid`` is None if nothing is known, not even that it is finite."""

    name: str
    kind: Kind
    shape: tuple[int, ...]
    grid: Grid | None = None
    rule: Rule = EXACT
    """A variable that may differ is compared and never computed with."""

    @property
    def numel(self) -> int:
        return torch.Size(self.shape).numel()
