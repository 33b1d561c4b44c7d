"""Ways through shared memory in compiled code: copies, changes of layout, reductions across warps.

What tensor cores read from there themselves is not counted: their rates include it.
"""

import re

from sandboxes.hardware.code.bases import bases_of
from sandboxes.hardware.code.code import SharedCode
from sandboxes.hardware.code.encodings import Distributed, Encoding, Other, Shared, read_encoding
from sandboxes.hardware.code.places import Places
from sandboxes.hardware.code.shared import Move, conflicts, copies, move, warps_along
from sandboxes.hardware.code.text import Line, Text
from sandboxes.hardware.code.types import Type, types_in

AXIS = re.compile(r"axis = (\d)")
STORES = frozenset({"ttg.local_store", "ttg.local_alloc", "ttng.async_shared_store"})
COPIES = frozenset({"ttg.async_copy_global_to_local", "amdg.buffer_load_to_local", "amdgpu.buffer_load_to_local"})
FOLDS = frozenset({"tt.reduce", "tt.scan"})


class Moves:
    """The ways through shared memory of a module.

    Args:
        text: The module.
        places: Its locations.
    """

    def __init__(self, text: Text, places: Places) -> None:
        self._text = text
        self._places = places

    def all(self) -> tuple[SharedCode, ...]:
        """Returns them in the order of the text, copies of the same one as one: inside a loop, if any of them is."""
        found: dict[tuple[str, int, int, int, float], bool] = {}
        folds: list[Line] = []
        for line in self._text.lines:
            if line.name in FOLDS:
                folds.append(line)
                continue
            if not line.name and folds and line.regions == folds[-1].regions:
                way = self._fold(folds[-1], line)
                name, place = folds.pop().name, line.place
            else:
                way, name, place = self._way(line), line.name, line.place
            if way is not None and way[0]:
                key = (name, *self._places.of(place), *way)
                found[key] = found.get(key, False) or line.looped
        return tuple(
            SharedCode(line=row, column=column, bytes=size, conflicts=passes, looped=looped)
            for (_, row, column, size, passes), looped in found.items()
        )

    def _way(self, line: Line) -> tuple[int, float] | None:
        """Returns bytes and conflicts of a line; None if it has nothing to do with shared memory."""
        if line.name == "ttg.convert_layout":
            return self._convert(types_in(line.body))
        if line.name == "ttg.local_load":
            return self._load(types_in(line.body))
        if line.name in STORES:
            return self._store(types_in(line.body))
        if line.name in COPIES:
            tensors = [each for each in types_in(line.body) if each.kind == "tensor"]
            return (tensors[0].size * tensors[0].bytes, 1.0) if tensors else None
        return None

    def _layout(self, each: Type) -> Encoding:
        return read_encoding(each.layout, self._text.layouts)

    def _distributed(self, each: Type) -> Distributed:
        found = self._layout(each)
        return Other("shared") if isinstance(found, Shared) else found

    def _convert(self, types: list[Type]) -> tuple[int, float] | None:
        """A change of layout is swizzled by the compiler so that neither side has conflicts worth mentioning."""
        if len(types) != 2 or types[0].shape != types[1].shape:
            return None
        before, after = map(self._distributed, types)
        if move(before, after, types[0].shape) is not Move.SHARED:
            return None
        loaded = copies(bases_of(after, types[0].shape))
        return types[0].size * types[0].bytes * (1 + loaded), 1.0

    def _load(self, types: list[Type]) -> tuple[int, float] | None:
        if len(types) < 2 or types[0].kind != "memdesc":
            return None
        source, target = types[0], types[-1]
        layout = self._distributed(target)
        passes = conflicts(layout, self._layout(source), target.shape, target.bytes, source.whole)
        size = target.size * target.bytes * copies(bases_of(layout, target.shape))
        for part, whole in zip(source.shape, source.whole, strict=True):
            size = size // part * whole
        return size, passes

    def _store(self, types: list[Type]) -> tuple[int, float] | None:
        if len(types) < 2 or types[0].kind != "tensor":
            return None
        source, target = types[0], types[-1]
        passes = conflicts(self._distributed(source), self._layout(target), source.shape, source.bytes)
        return source.size * source.bytes, passes

    def _fold(self, begin: Line, end: Line) -> tuple[int, float] | None:
        """A reduction along an axis that several warps share: each leaves its part in shared memory."""
        types = [each for each in types_in(end.body) if each.kind == "tensor"]
        axis = AXIS.search(begin.body)
        if not types or axis is None or int(axis[1]) >= len(types[0].shape):
            return None
        source, along = types[0], int(axis[1])
        bases = bases_of(self._distributed(source), source.shape)
        sharing = self._text.warps if bases is None else warps_along(bases, along)
        if sharing == 1:
            return None
        width = sum(each.bytes for each in types if each.shape == source.shape)
        return 2 * source.size // source.shape[along] * sharing * width, 1.0
