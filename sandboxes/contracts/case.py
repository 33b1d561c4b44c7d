"""The shapes a candidate is run at: everything about the inputs except their values."""

from enum import StrEnum
from math import prod
from typing import Annotated, Literal, Self

from pydantic import FailFast, Field, model_validator

from sandboxes.contracts.base import Contract

DTYPE_BYTES = {
    "float64": 8, "float32": 4, "float16": 2, "bfloat16": 2, "float8_e4m3fn": 1, "float8_e5m2": 1,
    "int64": 8, "int32": 4, "int16": 2, "int8": 1, "uint8": 1, "uint16": 2, "uint32": 4, "uint64": 8, "bool": 1,
    "complex64": 8,
}  # fmt: skip
"""Bytes of an element, by torch's dtype name."""

Dtype = Literal[
    "float64", "float32", "float16", "bfloat16", "float8_e4m3fn", "float8_e5m2",
    "int64", "int32", "int16", "int8", "uint8", "uint16", "uint32", "uint64", "bool", "complex64",
]  # fmt: skip
"""A dtype by torch's name without the `torch.` prefix."""

Size = Annotated[int, Field(ge=0, le=2**40)]
Plain = None | bool | int | float | str
"""A scalar that means the same in Python and JSON."""


class TensorSpec(Contract):
    """A tensor without its data."""

    kind: Literal["tensor"] = "tensor"
    shape: Annotated[tuple[Size, ...], Field(max_length=16)]
    dtype: Dtype
    stride: Annotated[tuple[Size, ...], Field(max_length=16)]
    """In elements; same length as `shape`."""
    offset: Size = 0
    """Of the first element from the start of its storage, in elements."""

    @property
    def numel(self) -> int:
        """Number of elements."""
        return prod(self.shape)

    @property
    def bytes(self) -> int:
        """Size of the elements in bytes (not of the storage)."""
        return self.numel * DTYPE_BYTES[self.dtype]

    @property
    def extent(self) -> int:
        """Elements of the smallest storage that holds the tensor, from the storage's start."""
        last = sum((size - 1) * stride for size, stride in zip(self.shape, self.stride, strict=True) if size > 0)
        return self.offset + last + 1

    @property
    def is_dense(self) -> bool:
        """True if the elements fill a block of memory, each in a place of its own."""
        expected = 1
        for stride, size in sorted(zip(self.stride, self.shape, strict=True)):
            if size != 1:
                if stride != expected:
                    return self.numel == 0
                expected *= size
        return True

    @model_validator(mode="after")
    def _has_one_stride_per_size(self) -> Self:
        if len(self.stride) != len(self.shape):
            raise ValueError(f"{len(self.shape)} sizes need as many strides, not {len(self.stride)}")
        return self

    def __str__(self) -> str:
        """Short form, e.g. `float32[3, 70]`."""
        return f"{self.dtype}[{', '.join(map(str, self.shape))}]"


class TorchConstant(Contract):
    """A torch enumeration value: `torch.float32`, `torch.device("cuda")`, `torch.contiguous_format`, ..."""

    kind: Literal["dtype", "device", "layout", "memory_format"]
    name: Annotated[str, Field(pattern=r"^[a-z0-9_:]{1,32}$")]


class TensorRef(Contract):
    """Points at `Trace.values[id]`."""

    kind: Literal["ref"] = "ref"
    id: Annotated[int, Field(ge=0)]


class ScalarRef(Contract):
    """The number in `Trace.values[id]`, which has one element and lives on the host: it was read back (`READ_BACK`), or
    computed there from numbers that were. Only a direct argument of a call or a kernel can be one."""

    kind: Literal["scalar"] = "scalar"
    id: Annotated[int, Field(ge=0)]


class ArgumentSequence(Contract):
    """A tuple or list of arguments."""

    kind: Literal["tuple", "list"]
    items: Annotated[tuple["Argument", ...], FailFast(), Field(max_length=10_000)]


Argument = (
    Plain
    | Annotated[TensorSpec | TensorRef | ScalarRef | ArgumentSequence | TorchConstant, Field(discriminator="kind")]
)
"""Anything that is passed to or returned by a recorded call; plain values are themselves."""

ArgumentSequence.model_rebuild()


class CaseKind(StrEnum):
    """What a case is for."""

    CHECK = "check"
    """Small and awkward: must be right."""
    BENCH = "bench"
    """Large: must be right and is timed or priced."""


class Case(Contract):
    """One set of input shapes."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9_=,.\- ]{1,120}$")]
    """Unique within a problem, e.g. `rows=7,columns=129`."""
    kind: CaseKind
    shape: dict[str, int]
    """Keyword arguments for the reference's `get_inputs`."""
    constants: dict[str, int] = Field(default_factory=dict)
    """Integers that replace those in the reference's source, by the names that `sandboxes.scaling.knobs` gives."""
    inputs: tuple[Argument, ...]
    """`forward`'s positional arguments: `TensorSpec`s and plain values."""
    init_inputs: tuple[Argument, ...] = ()
    """Arguments of the module's constructor."""
    module: Annotated[int, Field(ge=0)] = 0
    """Cases with the same number share one module: same constants, so same constructor arguments and weights."""
    hollow: bool = False
    """Only shapes are looked at: too large to be executed, so that not even weights are drawn."""

    @property
    def input_elements(self) -> int:
        """Elements of all input tensors together."""
        return sum(_elements(item) for item in self.inputs)


def _elements(item: Argument) -> int:
    if isinstance(item, TensorSpec):
        return item.numel
    return sum(_elements(inner) for inner in item.items) if isinstance(item, ArgumentSequence) else 0
