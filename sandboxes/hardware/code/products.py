"""Matrix products in compiled code: which unit they run on, in tiles of which size."""

import re
from dataclasses import dataclass

from sandboxes.hardware.code.code import DotCode
from sandboxes.hardware.code.encodings import AmdMfma, NvidiaMma, read_encoding
from sandboxes.hardware.code.places import Places
from sandboxes.hardware.code.text import Line, Text
from sandboxes.hardware.code.types import Type, types_in
from sandboxes.hardware.facts import Unit

PRODUCTS = frozenset({"tt.dot", "tt.dot_scaled", "ttng.warp_group_dot", "ttng.tc_gen5_mma", "ttng.tc_gen5_mma_scaled"})
OPERAND_BITS = 256
"""Depth of one instruction of tensor cores times the bits of an element: 16 for half types, 8 for TF32, 32 for FP8
(PTX ISA, shapes of `mma`, `wgmma` and `tcgen05.mma`)."""
GROUP = 4
"""Warps that make a `wgmma` together, each with a quarter of its 64 rows."""
TENSOR_MEMORY = re.compile(r"blockM = (\d{1,4}), blockN = (\d{1,4})")


@dataclass(frozen=True, slots=True)
class _Tile:
    rows: int
    columns: int
    depth: int
    bits: int


class Products:
    """The products of a module.

    Args:
        text: The module.
        places: Its locations.
    """

    def __init__(self, text: Text, places: Places) -> None:
        self._text = text
        self._places = places
        self._whole: dict[tuple[str, tuple[int, ...]], int] = {}

    def all(self) -> tuple[DotCode, ...]:
        """Returns them in the order of the text; copies, and slices of one, as one."""
        slices = self._slices()
        found: dict[DotCode, None] = {}
        for line in self._text.lines:
            if line.name in PRODUCTS and (each := self._product(line, slices)) is not None:
                found[each] = None
        return tuple(found)

    def _slices(self) -> dict[tuple[int, int], int]:
        """Returns by rows and columns of a slice the columns of what it was cut from.

        For `mma` Triton cuts operands in shared memory along the depth, to load one slice while another is multiplied.
        """
        found: dict[tuple[int, int], int] = {}
        for line in self._text.lines:
            if line.name == "ttg.local_load":
                for each in types_in(line.body)[:1]:
                    if len(each.shape) == 2 and each.whole != each.shape and each.whole[0] == each.shape[0]:
                        found[each.shape[0], each.shape[1]] = each.whole[1]
        return found

    def _product(self, line: Line, slices: dict[tuple[int, int], int]) -> DotCode | None:
        types = [each for each in types_in(line.body) if len(each.shape) >= 2]
        if len(types) < 3:
            return None
        left, right, result = types[0], types[1], types[2 if line.name.startswith("ttng.tc") else -1]
        tile = _Tile(result.shape[-2], result.shape[-1], left.shape[-1], max(left.bits, right.bits))
        if line.name == "tt.dot_scaled":
            result = types[-1]
        unit, instruction = self._unit(line, tile, result)
        depth = slices.get((left.shape[-2], left.shape[-1]), tile.depth) if unit is Unit.MMA else tile.depth
        row, column = self._places.of(line.place)
        return DotCode(
            line=row, column=column, unit=unit, tile=(tile.rows, tile.columns, depth), instruction=instruction
        )

    def _unit(self, line: Line, tile: _Tile, result: Type) -> tuple[Unit, tuple[int, int, int]]:
        depth = max(1, OPERAND_BITS // max(1, tile.bits))
        if line.name.startswith("ttng.tc_gen5"):
            memory = TENSOR_MEMORY.search(self._text.layouts.get(result.layout.removeprefix("#"), result.layout))
            rows, columns = (int(memory[1]), int(memory[2])) if memory else (tile.rows, tile.columns)
            return Unit.TCGEN05, (rows, columns, depth)
        layout = read_encoding(result.layout, self._text.layouts)
        if isinstance(layout, NvidiaMma) and layout.version == 3:
            columns = layout.instruction[1] if len(layout.instruction) > 1 else tile.columns
            return Unit.WGMMA, (16 * GROUP, columns, depth)
        if isinstance(layout, NvidiaMma):
            return Unit.MMA, (8, 8, 4) if tile.bits == 64 else (16, 8, depth)
        if isinstance(layout, AmdMfma):
            rows, columns = layout.instruction[:2]
            known = layout.instruction[2] if len(layout.instruction) > 2 else 0
            return Unit.MFMA, (rows, columns, known or depth)
        return Unit.FMA, (0, 0, 0)
