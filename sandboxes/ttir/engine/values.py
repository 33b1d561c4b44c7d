"""Runtime values: what an SSA value is while many programs run at once.

A tensor of type ``tensor<AxBxT>`` is a torch tensor of shape ``(P, A, B)`` whose every axis may also have size 1, which
means "the same along that axis"; ``P`` is the number of programs. So splats and broadcasts cost nothing, and a value
that all programs share is computed once. A scalar has shape ``(P,)`` or ``(1,)``.

A pointer knows its buffer, and an offset that may be lazy. Where pointers into several buffers meet, or a pointer is
made from a number, it becomes a virtual address (`Addresses`), whose upper bits name the buffer.

Index arithmetic gets a second form of laziness. ``rows[:, None] * stride + columns[None, :]`` is kept as the `Sum` of
its low-rank terms and ``(rows < M)[:, None] & (columns < N)[None, :]`` as a `Conjunction`; memory operations read
strides and bounding boxes off the terms and mostly never build the full index tensor. A `Sum` of 32-bit integers is
only formed where the sum provably does not wrap.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import torch
from torch import Tensor

from sandboxes.ttir.ir import PointerType, ScalarType, TensorType, Type

DTYPES = {
    "i1": torch.bool,
    "i8": torch.int8,
    "i16": torch.int16,
    "i32": torch.int32,
    "i64": torch.int64,
    "index": torch.int64,
    "f16": torch.float16,
    "bf16": torch.bfloat16,
    "f32": torch.float32,
    "f64": torch.float64,
    "f8E4M3FN": torch.float8_e4m3fn,
    "f8E5M2": torch.float8_e5m2,
    "f8E4M3FNUZ": torch.float8_e4m3fnuz,
    "f8E5M2FNUZ": torch.float8_e5m2fnuz,
}


SPACE_BITS = 40
"""Each storage has this many bits of virtual address space to itself and lies in the middle of it, so that an address
that is computed from a pointer names its buffer however far it is out of bounds."""


def space_start(number: int) -> int:
    """Virtual address of the first byte of the storage with this number; the first space is never mapped."""
    return (number + 1 << SPACE_BITS) + (1 << SPACE_BITS - 1)


@dataclass(slots=True, eq=False)
class Buffer:
    """The storage behind one pointer argument as a flat tensor of the pointee's dtype."""

    name: str
    index: int
    data: Tensor
    origin: int
    """Element of the storage that the argument points at."""
    written: bool
    """Whether the module may write to this storage, so that loads must copy."""
    read: bool = True
    """Whether the module may read from this storage."""
    address: int = space_start(0)
    """Virtual address of the storage's first byte: the same in every run, and not that of this process."""
    _views: "dict[torch.dtype, Buffer]" = field(default_factory=dict)

    def viewed(self, dtype: torch.dtype) -> "Buffer":
        """The same storage as elements of another dtype (a rest that is no whole element is cut off)."""
        if dtype == self.data.dtype:
            return self
        if dtype not in self._views:
            raw = self.data.view(torch.uint8)
            size = dtype.itemsize
            data = raw[: raw.numel() // size * size].view(dtype)
            origin = self.origin * self.data.element_size() // size
            self._views[dtype] = Buffer(self.name, self.index, data, origin, self.written, self.read, self.address)
        return self._views[dtype]


@dataclass(frozen=True, slots=True, eq=False)
class Sum:
    """An integer tensor as a sum of terms that broadcast against each other."""

    terms: tuple[Tensor, ...]
    _computed: list[Tensor] = field(default_factory=list)


@dataclass(frozen=True, slots=True, eq=False)
class Conjunction:
    """A boolean tensor as the conjunction of terms that broadcast against each other."""

    terms: tuple[Tensor, ...]
    _computed: list[Tensor] = field(default_factory=list)


@dataclass(frozen=True, slots=True, eq=False)
class Pointer:
    """Pointers into one buffer; ``offset`` counts elements from the start of the storage."""

    buffer: Buffer
    offset: "Tensor | Sum"


@dataclass(frozen=True, slots=True, eq=False)
class Addresses:
    """Pointers into any buffers, as virtual addresses: an access finds out which buffer each lane means."""

    bytes: Tensor
    """int64."""
    dtype: torch.dtype
    """What they point at."""


@dataclass(frozen=True, slots=True, eq=False)
class Descriptor:
    """A block of a strided tensor: tensor descriptors and block pointers alike."""

    pointer: "Pointer | Addresses"
    shape: tuple[Tensor, ...]
    strides: tuple[Tensor, ...]
    offsets: tuple[Tensor, ...]
    padding: float


RuntimeValue: TypeAlias = Tensor | Sum | Conjunction | Pointer | Addresses | Descriptor


def element_of(kind: Type) -> Type:
    """The scalar or pointer type of a tensor's elements, or the type itself."""
    return kind.element if isinstance(kind, TensorType) else kind


def shape_of(kind: Type) -> tuple[int, ...]:
    """Shape of a tensor type; ``()`` for everything else."""
    return kind.shape if isinstance(kind, TensorType) else ()


def dtype_of(kind: Type) -> torch.dtype | None:
    """Torch dtype of the elements of ``kind``; None for pointers and types torch has no dtype for."""
    element = element_of(kind)
    if isinstance(element, PointerType):
        return None
    return DTYPES.get(element.name) if isinstance(element, ScalarType) else None


def materialise(value: RuntimeValue) -> Tensor:
    """The tensor behind a lazy value, computed once; the value itself stays lazy, since addresses want its terms."""
    if isinstance(value, Tensor):
        return value
    if isinstance(value, Pointer | Addresses | Descriptor):
        raise TypeError("a pointer is not a number")
    if not value._computed:
        value._computed.append(_computed(value))
    return value._computed[0]


def addresses(value: Pointer | Addresses) -> Tensor:
    """The virtual addresses of pointers, int64."""
    if isinstance(value, Addresses):
        return value.bytes
    return materialise(value.offset) * value.buffer.data.element_size() + value.buffer.address


def _computed(value: "Sum | Conjunction") -> Tensor:
    if isinstance(value, Sum):
        terms = sorted(value.terms, key=Tensor.numel)
        return sum(terms[1:], start=terms[0])
    result = value.terms[0]
    for term in value.terms[1:]:
        result = result & term
    return result


def _covers(wide: torch.Size, narrow: torch.Size) -> bool:
    return all(n in (1, w) for w, n in zip(wide, narrow, strict=True))


def merge_terms(terms: Sequence[Tensor], combine: Callable[[Tensor, Tensor], Tensor]) -> tuple[Tensor, ...]:
    """Combines every term into one that already spans its axes, until no term covers another."""
    kept: list[Tensor] = []
    for term in sorted(terms, key=Tensor.numel, reverse=True):
        for i, other in enumerate(kept):
            if _covers(other.shape, term.shape):
                kept[i] = combine(other, term)
                break
        else:
            kept.append(term)
    return tuple(kept)


def extremes(tensor: Tensor) -> tuple[int, int]:
    """Smallest and largest element."""
    if tensor.numel() == 1:
        only = int(tensor.item())
        return only, only
    low, high = torch.aminmax(tensor)
    return int(low.item()), int(high.item())


def sum_bounds(value: "Tensor | Sum") -> tuple[int, int]:
    """Bounds of a sum from the bounds of its terms (not always attained when terms share axes)."""
    terms = value.terms if isinstance(value, Sum) else (value,)
    pairs = [extremes(term) for term in terms]
    return sum(low for low, _ in pairs), sum(high for _, high in pairs)


def add(left: "Tensor | Sum", right: "Tensor | Sum") -> "Tensor | Sum":
    """Integer addition that stays lazy where the result is larger than both sides."""
    if isinstance(left, Tensor) and isinstance(right, Tensor):
        if left.numel() == 1 or right.numel() == 1 or left.shape == right.shape or left.dim() != right.dim():
            return left + right
        if _covers(left.shape, right.shape) or _covers(right.shape, left.shape):
            return left + right
    sides = [v.terms if isinstance(v, Sum) else (v,) for v in (left, right)]
    terms = merge_terms([*sides[0], *sides[1]], torch.add)
    if len(terms) == 1:
        return terms[0]
    lazy = Sum(terms)
    dtype = terms[0].dtype
    if dtype != torch.int64:
        low, high = sum_bounds(lazy)
        limits = torch.iinfo(dtype)
        if low < limits.min or high > limits.max:
            return materialise(lazy)  # wraps, like the hardware
    return lazy


def conjunction(left: "Tensor | Conjunction", right: "Tensor | Conjunction") -> "Tensor | Conjunction":
    """Logical and of boolean tensors that stays lazy where the result is larger than both sides."""
    for one, other in ((left, right), (right, left)):
        if (
            isinstance(one, Tensor)
            and one.numel() == 1
            and (isinstance(other, Conjunction) or one.dim() == other.dim())
        ):
            return other if one.item() else one
    sides = [v.terms if isinstance(v, Conjunction) else (v,) for v in (left, right)]
    if isinstance(left, Tensor) and isinstance(right, Tensor) and left.dim() != right.dim():
        return left & right
    terms = merge_terms([*sides[0], *sides[1]], torch.bitwise_and)
    return terms[0] if len(terms) == 1 else Conjunction(terms)


def select_rows(value: RuntimeValue, index: Tensor) -> RuntimeValue:
    """The value for a subset of programs; ``index`` int64 positions along the program axis."""
    if isinstance(value, Tensor):
        return value if value.shape[0] == 1 else value.index_select(0, index)
    if isinstance(value, Sum):
        return Sum(tuple(_rows(term, index) for term in value.terms))
    if isinstance(value, Conjunction):
        return Conjunction(tuple(_rows(term, index) for term in value.terms))
    if isinstance(value, Pointer):
        offset = select_rows(value.offset, index)
        assert isinstance(offset, Tensor | Sum)
        return Pointer(value.buffer, offset)
    if isinstance(value, Addresses):
        return Addresses(_rows(value.bytes, index), value.dtype)
    pointer = select_rows(value.pointer, index)
    assert isinstance(pointer, Pointer | Addresses)
    parts = [tuple(_rows(t, index) for t in group) for group in (value.shape, value.strides, value.offsets)]
    return Descriptor(pointer, parts[0], parts[1], parts[2], value.padding)


def _rows(tensor: Tensor, index: Tensor) -> Tensor:
    return tensor if tensor.shape[0] == 1 else tensor.index_select(0, index)


def merge_rows(parts: Sequence[tuple[Tensor, RuntimeValue]], programs: int) -> RuntimeValue:
    """Puts values of disjoint program subsets together; the indices cover ``range(programs)``.

    Raises:
        TypeError: the parts are descriptors that fill differently outside their tensors.
    """
    first = parts[0][1]
    if all(value is first for _, value in parts):
        return first if not isinstance(first, Tensor) or first.shape[0] in (1, programs) else _spread(parts, programs)
    if isinstance(first, Pointer | Addresses):
        return _merge_pointers([(index, _pointer(value)) for index, value in parts], programs)
    if isinstance(first, Descriptor):
        return _merge_descriptors([(index, _descriptor(value)) for index, value in parts], programs)
    return _spread(parts, programs)


def _merge_pointers(parts: Sequence[tuple[Tensor, Pointer | Addresses]], programs: int) -> Pointer | Addresses:
    first = parts[0][1]
    if isinstance(first, Pointer):
        offsets: list[tuple[Tensor, RuntimeValue]] = [
            (index, value.offset)
            for index, value in parts
            if isinstance(value, Pointer) and value.buffer is first.buffer
        ]
        if len(offsets) == len(parts):
            merged = merge_rows(offsets, programs)
            assert isinstance(merged, Tensor | Sum)
            return Pointer(first.buffer, merged)
    dtype = first.buffer.data.dtype if isinstance(first, Pointer) else first.dtype
    return Addresses(_spread([(index, addresses(value)) for index, value in parts], programs), dtype)


def _merge_descriptors(parts: Sequence[tuple[Tensor, Descriptor]], programs: int) -> Descriptor:
    first = parts[0][1]
    if any(repr(value.padding) != repr(first.padding) for _, value in parts):
        raise TypeError("programs hold descriptors of different padding")

    def merged(of: Callable[[Descriptor], tuple[Tensor, ...]]) -> tuple[Tensor, ...]:
        axes = zip(*(of(value) for _, value in parts), strict=True)
        indices = [index for index, _ in parts]
        return tuple(_spread(list(zip(indices, axis, strict=True)), programs) for axis in axes)

    pointer = _merge_pointers([(index, value.pointer) for index, value in parts], programs)
    return Descriptor(
        pointer, merged(lambda d: d.shape), merged(lambda d: d.strides), merged(lambda d: d.offsets), first.padding
    )


def _pointer(value: RuntimeValue) -> Pointer | Addresses:
    assert isinstance(value, Pointer | Addresses)
    return value


def _descriptor(value: RuntimeValue) -> Descriptor:
    assert isinstance(value, Descriptor)
    return value


def _spread(parts: "Sequence[tuple[Tensor, RuntimeValue]] | Sequence[tuple[Tensor, Tensor]]", programs: int) -> Tensor:
    tensors = [(index, materialise(value)) for index, value in parts]
    shape = [max(sizes) for sizes in zip(*(t.shape[1:] for _, t in tensors), strict=True)]
    rows = torch.cat([tensor.expand(index.numel(), *shape) for index, tensor in tensors])
    result = torch.empty((programs, *shape), dtype=rows.dtype)
    result[torch.cat([index for index, _ in tensors])] = rows
    return result


def expand_together(*tensors: Tensor) -> list[Tensor]:
    """Views of the tensors at their common broadcast shape."""
    sizes = zip(*(tensor.shape for tensor in tensors), strict=True)
    shape = [max(axis) for axis in sizes]
    return [tensor.expand(shape) for tensor in tensors]
