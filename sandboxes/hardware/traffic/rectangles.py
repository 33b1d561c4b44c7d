"""From boxes to rectangles of sectors in a plane, so that two tiles overlap exactly if their rectangles do.

The memory of a storage is folded into rows as long as the stride between the rows of its tiles, where the kernel has
such a stride. A tile is then one rectangle, however many rows it has. Tiles that don't fit into the plane (other
strides, rows that wrap) are cut into the runs of bytes that they consist of.
"""

from dataclasses import dataclass, fields

import numpy as np

from sandboxes.hardware.traffic.boxes import SECTOR_BYTES, Boxes, Flags, Ints, Loose, different

FULL = 0xFFFFFFFF
"""Coverage of a sector, one bit per byte: all of it."""

ONE_ROW = 2**62
"""Bytes of a row where memory is not folded."""

_SPACE = 2**39
"""Storages begin at odd multiples of it, see `sandboxes.ttir.engine.values.space_start`."""


class TooManyPieces(ValueError):
    """An access falls into more pieces than there is time to look at."""


@dataclass(frozen=True, slots=True, eq=False)
class Runs:
    """Blocks of runs of bytes: run `i` of block `k` is `[start + i * pitch, ... + length)` for `i < runs`."""

    time: Ints
    """Index of the access."""
    start: Ints
    length: Ints
    runs: Ints
    pitch: int
    """Bytes; 0 if every block is one run."""
    shared: Flags
    """Whether several programs ask for the block at the same time."""
    weight: np.ndarray
    """How many such blocks each stands for."""
    step: int
    """Bytes from element to element within a run; at most the element's size if there are no gaps."""
    element_bytes: int

    def __len__(self) -> int:
        return int(self.start.size)


@dataclass(frozen=True, slots=True, eq=False)
class Rectangles:
    """Sectors in the plane: rows `[top, bottom)`, and of each of these the sectors `[left, right)`."""

    time: Ints
    space: Ints
    top: Ints
    bottom: Ints
    left: Ints
    right: Ints
    shared: Flags
    weight: np.ndarray
    covered: Ints
    """Bytes of each sector that a store overwrites, one bit each; nobody looks at it in loads."""

    def __len__(self) -> int:
        return int(self.top.size)


def runs_of(boxes: Boxes, time: Ints, weight: np.ndarray, most: int) -> Runs:
    """Returns the blocks of runs that `boxes` consist of, equal ones of one time united.

    Args:
        boxes: Of any accesses.
        time: Index of the access of each of them.
        weight: How many each of them stands for.
        most: Blocks at most.

    Raises:
        TooManyPieces: There would be more than `most`.
    """
    first, shared = _distinct(time, boxes.rows, boxes.start, boxes.counts)
    time, start, counts, weight = time[first], boxes.start[first], boxes.counts[first], weight[first]
    length = np.full(start.size, boxes.element_bytes, dtype=np.int64)
    step = boxes.element_bytes
    outer: list[tuple[int, Ints]] = []
    for axis, stride in enumerate(boxes.strides):
        count = counts[:, axis]
        if not outer and (stride <= SECTOR_BYTES or stride <= int(length.min())):
            if stride > int(length.min()):
                step = stride
            length = length + stride * (count - 1)
        elif outer and bool((outer[-1][0] * outer[-1][1] == stride).all()):
            outer[-1] = outer[-1][0], outer[-1][1] * count
        elif int(count.max()) > 1:
            outer.append((stride, count))
    pitch, runs = outer[0] if outer else (0, np.ones(start.size, dtype=np.int64))
    found = Runs(time, start, length, runs, pitch, shared, weight, step, boxes.element_bytes)
    for stride, count in outer[1:]:
        found = _repeated(found, stride, count, most)
    return found


def loose_runs(loose: Loose, time: Ints, weight: np.ndarray) -> Runs:
    """Returns single elements as runs, equal ones of one time united."""
    none = np.zeros((loose.start.size, 0), dtype=np.int64)
    first, shared = _distinct(time, loose.rows, loose.start, none)
    size = loose.element_bytes
    ones = np.ones(first.size, dtype=np.int64)
    return Runs(time[first], loose.start[first], ones * size, ones, 0, shared, weight[first], size, size)


def singles(runs: Runs, most: int) -> Runs:
    """Returns every run as a block of its own.

    Raises:
        TooManyPieces: There would be more than `most`.
    """
    flat = Runs(
        runs.time,
        runs.start,
        runs.length,
        np.ones_like(runs.runs),
        0,
        runs.shared,
        runs.weight,
        runs.step,
        runs.element_bytes,
    )
    return _repeated(flat, runs.pitch, runs.runs, most)


def _repeated(runs: Runs, stride: int, count: Ints, most: int) -> Runs:
    total = int(count.sum())
    if total > most:
        raise TooManyPieces(f"{total} runs of bytes")
    index = np.repeat(np.arange(count.size), count)
    nth = np.arange(total) - np.repeat(np.cumsum(count) - count, count)
    return Runs(
        runs.time[index], runs.start[index] + nth * stride, runs.length[index], runs.runs[index], runs.pitch,
        runs.shared[index], runs.weight[index], runs.step, runs.element_bytes,
    )  # fmt: skip


def _distinct(time: Ints, rows: Ints, start: Ints, counts: Ints) -> tuple[Ints, Flags]:
    """Returns where each distinct block comes first, and whether several programs ask for it at that time."""
    key = start
    for column in (time, *counts.T):
        key = _mixed(key) + column
    _, first, times = np.unique(_mixed(key), return_index=True, return_counts=True)
    return first, times > 1


def _mixed(numbers: Ints) -> Ints:
    """SplitMix64's mixing: different numbers stay different."""
    mixed = numbers.astype(np.uint64) + np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return (mixed ^ (mixed >> np.uint64(31))).astype(np.int64)


def pitches(found: list[Runs]) -> dict[int, int]:
    """Returns, per storage, the length of a row: the pitch that most blocks have there, `ONE_ROW` if none fits."""
    votes: dict[int, dict[int, int]] = {}
    for runs in found:
        if runs.pitch and runs.pitch % SECTOR_BYTES == 0:
            spaces, blocks = np.unique(runs.start // _SPACE, return_counts=True)
            for space, count in zip(spaces.tolist(), blocks.tolist(), strict=True):
                votes.setdefault(space, {}).setdefault(runs.pitch, 0)
                votes[space][runs.pitch] += count
    return {space: max(by_pitch, key=lambda pitch: by_pitch[pitch]) for space, by_pitch in votes.items()}


def rectangles_of(runs: Runs, rows: dict[int, int], stores: bool, most: int) -> Rectangles:
    """Returns `runs` in the plane.

    Args:
        runs: Of one operation.
        rows: Bytes of a row, per storage.
        stores: Whether to find out what of each sector is covered.
        most: Rectangles at most.

    Raises:
        TooManyPieces: There would be more than `most`.
    """
    parts = []
    for space in different(runs.start // _SPACE).tolist():
        here = _where(runs, runs.start // _SPACE == space)
        pitch = rows.get(space, ONE_ROW)
        base = here.start - space * _SPACE
        fits = (base % pitch + here.length <= pitch) & ((here.runs == 1) | (here.pitch == pitch))
        if fits.any():
            parts.append(_placed(_where(here, fits), space, pitch, stores))
        if not fits.all():
            parts += _cut(singles(_where(here, ~fits), most), space, pitch, stores)
    found = parts[0] if len(parts) == 1 else united(parts)
    if len(found) > most:
        raise TooManyPieces(f"{len(found)} rectangles")
    return found


def united(parts: list[Rectangles]) -> Rectangles:
    """Returns all rectangles in one."""
    return Rectangles(*(np.concatenate([getattr(part, field.name) for part in parts]) for field in fields(Rectangles)))


def _where(runs: Runs, flags: Flags) -> Runs:
    return Runs(
        runs.time[flags], runs.start[flags], runs.length[flags], runs.runs[flags], runs.pitch,
        runs.shared[flags], runs.weight[flags], runs.step, runs.element_bytes,
    )  # fmt: skip


def _cut(runs: Runs, space: int, pitch: int, stores: bool) -> list[Rectangles]:
    """Places single runs that may go on in further rows: the rest of the first row, whole rows, the last one's."""
    base = runs.start - space * _SPACE
    end = base + runs.length
    head = np.minimum(end, (base // pitch + 1) * pitch)
    tail = np.maximum(head, end // pitch * pitch)
    parts = []
    for low, high, count in (
        (base, head, np.ones_like(base)),
        (head, np.minimum(tail, head + pitch), (tail - head) // pitch),
        (tail, end, np.ones_like(base)),
    ):
        some = (high > low) & (count > 0)
        if some.any():
            step = runs.step if runs.step <= runs.element_bytes else SECTOR_BYTES + 1  # where gaps lie is forgotten
            piece = Runs(
                runs.time[some], low[some] + space * _SPACE, (high - low)[some], count[some], pitch,
                runs.shared[some], runs.weight[some], step, runs.element_bytes,
            )  # fmt: skip
            parts.append(_placed(piece, space, pitch, stores))
    return parts


def _placed(runs: Runs, space: int, pitch: int, stores: bool) -> Rectangles:
    base = runs.start - space * _SPACE
    top, left = base // pitch, base % pitch
    right = left + runs.length
    whole = Rectangles(
        runs.time,
        np.full(len(runs), space, dtype=np.int64),
        top,
        top + runs.runs,
        left // SECTOR_BYTES,
        -(-right // SECTOR_BYTES),
        runs.shared,
        runs.weight,
        _pattern(runs, left),
    )
    return _edged(whole, left, right) if stores else whole


def _pattern(runs: Runs, left: Ints) -> Ints:
    """Returns which bytes of a sector within a run are accessed."""
    if runs.step <= runs.element_bytes:
        return np.full(len(runs), FULL, dtype=np.int64)
    if SECTOR_BYTES % runs.step:
        return np.zeros(len(runs), dtype=np.int64)  # differs from sector to sector: nobody may rely on it
    table = [
        sum(1 << byte for byte in range(SECTOR_BYTES) if (byte - phase) % runs.step < runs.element_bytes)
        for phase in range(runs.step)
    ]
    return np.array(table, dtype=np.int64)[left % runs.step]


def _edged(whole: Rectangles, left: Ints, right: Ints) -> Rectangles:
    """Splits off sectors that a run covers in part, at its ends."""
    head, tail = left % SECTOR_BYTES, right % SECTOR_BYTES
    if not head.any() and not tail.any():
        return whole
    single = whole.right - whole.left == 1
    from_head = (FULL << head) & FULL
    to_tail = np.where(tail > 0, (1 << tail) - 1, FULL)
    cuts = (
        (single, whole.left, whole.right, from_head & to_tail),
        (~single & (head > 0), whole.left, whole.left + 1, from_head),
        (~single & (tail > 0), whole.right - 1, whole.right, to_tail),
        (~single, whole.left + (head > 0), whole.right - (tail > 0), np.full_like(left, FULL)),
    )
    parts = []
    for some, low, high, bits in cuts:
        some = some & (high > low)
        if some.any():
            parts.append(
                Rectangles(
                    whole.time[some],
                    whole.space[some],
                    whole.top[some],
                    whole.bottom[some],
                    low[some],
                    high[some],
                    whole.shared[some],
                    whole.weight[some],
                    (whole.covered & bits)[some],
                )
            )
    return united(parts)
