"""TTIR as data: what Triton's frontend hands to its compiler, typed and with source locations.

An operation is kept generic (name, operands, results, attributes, regions), like MLIR itself, because the meaning of
each operation belongs to the executor; types are concrete, because everything downstream dispatches on them.
Objects are compared by identity: two equal-looking operations are two operations.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Frame:
    """One source position: ``file``, 1-based ``line`` and ``column`` (0-based before Triton 3.8)."""

    file: str
    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Location:
    """Where an operation comes from: the innermost position first, then the call sites outward."""

    frames: tuple[Frame, ...] = ()
    name: str = ""
    """Name of the Python variable that the result is bound to, if Triton recorded one."""

    def user_frame(self) -> Frame | None:
        """Innermost position outside Triton's own library, else the innermost one, else None."""
        for frame in self.frames:
            if not is_library(frame.file):
                return frame
        return self.frames[0] if self.frames else None

    def user_line(self) -> int:
        """Line of `user_frame`, 0 if nothing is known."""
        frame = self.user_frame()
        return frame.line if frame is not None else 0


UNKNOWN = Location()


def is_library(file: str) -> bool:
    """Whether ``file`` is part of Triton's Python library (``triton/language/...``)."""
    return "triton/language/" in file or file.startswith("triton/") or "/triton/experimental/" in file


@dataclass(frozen=True, slots=True)
class ScalarType:
    """``i1`` ... ``i64``, ``index``, ``f16``, ``bf16``, ``f32``, ``f64``, ``f8E4M3FN``, ``f8E5M2`` and kin."""

    name: str

    @property
    def bits(self) -> int:
        """Width in bits; ``index`` counts as 64."""
        digits = self.name.removeprefix("bf").lstrip("if")
        return 64 if self.name == "index" else 8 if self.name.startswith("f8") else int(digits)

    @property
    def is_float(self) -> bool:
        """Whether the type is a floating-point type."""
        return self.name[0] in "fb"


@dataclass(frozen=True, slots=True)
class PointerType:
    """``!tt.ptr<pointee>``; before Triton 3.9 the pointee may be a tensor (a block pointer)."""

    pointee: "ScalarType | TensorType | PointerType"


@dataclass(frozen=True, slots=True)
class TensorType:
    """``tensor<AxBxelement>``; the element is a scalar or a pointer."""

    shape: tuple[int, ...]
    element: "ScalarType | PointerType"

    @property
    def numel(self) -> int:
        """Number of elements."""
        return math.prod(self.shape)


@dataclass(frozen=True, slots=True)
class DescriptorType:
    """``!tt.tensordesc<block>``: a tensor descriptor (TMA)."""

    block: TensorType
    unsigned: bool = False
    """Whether its integers are unsigned; elsewhere in TTIR integers have no sign."""


@dataclass(frozen=True, slots=True)
class OpaqueType:
    """A type that only the frontend knows; operations on it are unsupported."""

    text: str


Type: TypeAlias = ScalarType | PointerType | TensorType | DescriptorType | OpaqueType


@dataclass(frozen=True, slots=True)
class Bits:
    """A float constant that was printed as its bit pattern (NaN, infinities)."""

    value: int


@dataclass(frozen=True, slots=True)
class Dense:
    """``dense<...>``: one value for all elements, or every element in row-major order."""

    values: "tuple[Number, ...]"
    splat: bool


Number: TypeAlias = int | float | bool | Bits
Attribute: TypeAlias = Number | str | Dense | tuple[Number, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Value:
    """An SSA value; ``index`` is unique within its module."""

    index: int
    name: str
    type: Type


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """A straight run of operations with its arguments."""

    label: str
    arguments: tuple[Value, ...]
    operations: "tuple[Operation, ...]"


@dataclass(frozen=True, slots=True, eq=False)
class Region:
    """The body of an operation: one block for ``scf``, several for ``cf`` control flow."""

    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Operation:
    """One operation. ``attributes`` holds the dictionary of the text plus the positional keywords as ``keywords``."""

    name: str
    operands: tuple[Value, ...]
    results: tuple[Value, ...]
    attributes: dict[str, Attribute] = field(default_factory=dict)
    regions: tuple[Region, ...] = ()
    location: Location = UNKNOWN
    keywords: tuple[str, ...] = ()
    """Bare words in the order of the text: predicates, memory semantics, axis names."""
    groups: tuple[int, ...] = ()
    """Sizes of the operand groups where the text brackets them, e.g. descriptor sizes and strides."""
    successors: tuple[str, ...] = ()
    """Labels of the blocks that a ``cf`` terminator may go to."""

    def walk(self) -> "Iterator[Operation]":
        """This operation and all operations inside it, outside first."""
        yield self
        for region in self.regions:
            for block in region.blocks:
                for operation in block.operations:
                    yield from operation.walk()


@dataclass(frozen=True, slots=True, eq=False)
class Parameter:
    """A kernel parameter; ``attributes`` holds facts the frontend specialised on, e.g. ``tt.divisibility``."""

    name: str
    type: Type
    attributes: dict[str, Attribute]
    value: Value


@dataclass(frozen=True, slots=True, eq=False)
class Function:
    """A ``tt.func``: the kernel if public, a ``noinline`` device function if private."""

    name: str
    public: bool
    parameters: tuple[Parameter, ...]
    results: tuple[Type, ...]
    body: Region
    location: Location

    def walk(self) -> Iterator[Operation]:
        """All operations of the function, in text order."""
        for block in self.body.blocks:
            for operation in block.operations:
                yield from operation.walk()


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class Module:
    """A parsed TTIR module."""

    functions: tuple[Function, ...]
    value_count: int

    @property
    def kernel(self) -> Function:
        """The public function (the one that is launched)."""
        for function in self.functions:
            if function.public:
                return function
        return self.functions[0]
