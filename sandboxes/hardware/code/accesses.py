"""Loads, stores and atomics in compiled code: the way they take, who accesses what, how much at once."""

import re
from dataclasses import replace
from typing import Literal

from sandboxes.hardware.code.analysis import Analysis
from sandboxes.hardware.code.bases import bases_of, lanes_of, neighbours, order_of
from sandboxes.hardware.code.code import Lanes, MemoryCode, Way
from sandboxes.hardware.code.encodings import Encoding, Nvmma, Padded, Shared, Swizzled, read_encoding
from sandboxes.hardware.code.places import Places
from sandboxes.hardware.code.text import VALUE, Line, Text
from sandboxes.hardware.code.types import Type, scalar_bits, types_in

VECTOR_BYTES = 16
"""The most that one thread accesses at once."""

Kind = Literal["load", "store", "atomic"]

KINDS: dict[str, tuple[Kind, Way]] = {
    "tt.load": ("load", Way.REGISTERS),
    "tt.store": ("store", Way.REGISTERS),
    "tt.atomic_load": ("load", Way.REGISTERS),
    "tt.atomic_store": ("store", Way.REGISTERS),
    "tt.atomic_rmw": ("atomic", Way.REGISTERS),
    "tt.atomic_cas": ("atomic", Way.REGISTERS),
    "tt.atomic_poll": ("atomic", Way.REGISTERS),
    "tt.descriptor_load": ("load", Way.TMA),
    "tt.descriptor_gather": ("load", Way.TMA),
    "tt.descriptor_store": ("store", Way.TMA),
    "tt.descriptor_scatter": ("store", Way.TMA),
    "tt.descriptor_reduce": ("atomic", Way.TMA),
    "ttng.async_tma_copy_global_to_local": ("load", Way.TMA),
    "ttng.async_tma_gather": ("load", Way.TMA),
    "ttng.async_tma_copy_local_to_global": ("store", Way.TMA),
    "ttng.async_tma_scatter": ("store", Way.TMA),
    "ttng.async_tma_reduce": ("atomic", Way.TMA),
    "ttg.async_copy_global_to_local": ("load", Way.ASYNC_COPY),
    "amdg.buffer_load": ("load", Way.REGISTERS),
    "amdg.buffer_store": ("store", Way.REGISTERS),
    "amdg.buffer_atomic_rmw": ("atomic", Way.REGISTERS),
    "amdg.buffer_atomic_cas": ("atomic", Way.REGISTERS),
    "amdg.buffer_load_to_local": ("load", Way.ASYNC_COPY),
    "amdg.masked_load": ("load", Way.REGISTERS),
    "amdg.masked_store": ("store", Way.REGISTERS),
}
"""Operations that access device memory. AMD's dialect is called `amdgpu` in older versions."""

PROMISED = re.compile(r"\bcontiguity = (\d{1,4}) : i32")
MASK = re.compile(r" mask (%[\w.$#-]+)")
BUFFER = re.compile(r"(%[\w.$#-]++)\[(%[\w.$#-]++)\](?:, (%[\w.$#-]++))?")


def access_of(line: Line) -> tuple[Kind, Way] | None:
    """Returns what a line does with device memory; None if nothing."""
    return KINDS.get(line.name.replace("amdgpu.", "amdg."))


class Accesses:
    """The accesses of a module.

    Args:
        text: The module.
        places: Its locations.
    """

    def __init__(self, text: Text, places: Places) -> None:
        self._text = text
        self._places = places
        self._lines = [line for line in text.lines if access_of(line)]
        vectorised = [line for line in self._lines if KINDS[line.name.replace("amdgpu.", "amdg.")][1] is not Way.TMA]
        self._facts = Analysis(text, vectorised)

    def all(self) -> tuple[MemoryCode, ...]:
        """Returns them in the order of the text, the copies that pipelining makes as one."""
        found: dict[MemoryCode, int] = {}
        for line in self._lines:
            each, vector = self._access(line)
            found[each] = min(found.get(each, vector), vector)
        return tuple(replace(each, vector=vector) for each, vector in found.items())

    def _access(self, line: Line) -> tuple[MemoryCode, int]:
        """Returns an access without its vector, and the vector."""
        kind, way = KINDS[line.name.replace("amdgpu.", "amdg.")]
        types = types_in(line.body)
        row, column = self._places.of(line.place)
        tensor = _accessed(line, way, types)
        lanes: Lanes | None = None
        vector = 1
        shape: tuple[int, ...] = ()
        bits = scalar_bits(line.body)
        if tensor is not None:
            shape, bits = tensor.shape, tensor.bits
            if way is not Way.TMA:
                lanes, vector = self._lanes(line, kind, tensor, types)
        element_bytes = max(1, bits // 8)
        made = MemoryCode(
            kind=kind, line=row, column=column, shape=shape, element_bytes=element_bytes, way=way, lanes=lanes
        )
        return made, vector

    def _lanes(self, line: Line, kind: Kind, tensor: Type, types: list[Type]) -> tuple[Lanes | None, int]:
        layout: Encoding = read_encoding(tensor.layout, self._text.layouts)
        if isinstance(layout, Shared):
            return None, 1
        bases = bases_of(layout, tensor.shape)
        if bases is None:
            return None, 1
        lanes = lanes_of(layout, bases)
        if kind == "atomic":
            return lanes, 1
        axis = order_of(layout, bases)[0]
        held = min(neighbours(bases, axis), max(1, VECTOR_BYTES // tensor.bytes))
        for buffer in (each for each in types if each.kind == "memdesc"):
            held = min(held, self._run_in(buffer, axis))
        return lanes, max(1, min(held, self._proven(line, tensor, axis)))

    def _run_in(self, buffer: Type, axis: int) -> int:
        """Returns how many neighbours along `axis` lie side by side in shared memory."""
        layout = read_encoding(buffer.layout, self._text.layouts)
        last = len(buffer.shape) - 1
        if isinstance(layout, Nvmma):
            return VECTOR_BYTES if axis == last - layout.transposed else 1
        if isinstance(layout, Swizzled | Padded) and layout.order[0] == axis:
            return layout.vec if isinstance(layout, Swizzled) and layout.max_phase > 1 else VECTOR_BYTES
        return 1

    def _proven(self, line: Line, tensor: Type, axis: int) -> int:
        """Returns how many neighbours an access may take at once, as the compiler could prove."""
        rank = len(tensor.shape)
        values = VALUE.findall(line.body)
        buffer = BUFFER.search(line.body)
        if line.name.startswith("amd"):
            if buffer is None:
                return 1
            base, offsets = self._facts.of(buffer[1], line, 0), self._facts.of(buffer[2], line, rank)
            aligned = min(base.divisibility[0], offsets.divisibility[axis] * tensor.bytes)
            run, masks = offsets.contiguity[axis], [buffer[3]] if buffer[3] else []
        elif values:
            address = self._facts.of(values[0], line, rank)
            run, aligned = address.contiguity[axis], address.divisibility[axis]
            masks = [found[1]] if (found := MASK.search(line.body)) else values[_mask_at(line) :][:1]
        else:
            return 1
        proven = min(run, max(1, aligned // tensor.bytes))
        if promised := PROMISED.search(line.body):
            proven = max(proven, int(promised[1]))
        for mask in masks:
            proven = min(proven, self._facts.of(mask, line, rank).constancy[axis])
        return proven


def _mask_at(line: Line) -> int:
    """Position of the mask among the operands, if there is one."""
    return {"tt.load": 1, "tt.store": 2}.get(line.name, 1_000)


def _accessed(line: Line, way: Way, types: list[Type]) -> Type | None:
    """Returns the type of the accessed tensor; None for a scalar."""
    if way is Way.TMA:
        tiles = [each for each in types if each.kind == "memdesc" and each.size > 1 and each.layout]
        described = [each for each in types if each.kind == "tensordesc"]
        tensors = [each for each in types if each.kind == "tensor"]
        copied = described if line.name.endswith(("global", "local")) else []
        return next(iter(copied or tiles[-1:] or tensors[-1:] or described), None)
    return next((each for each in types if each.kind == "tensor"), None)
