"""Who touched what when: rectangles cut into atoms, the largest pieces of memory that are always used as a whole."""

from dataclasses import dataclass

import numpy as np

from sandboxes.hardware.traffic.boxes import SECTOR_BYTES, Flags, Ints, different
from sandboxes.hardware.traffic.rectangles import Rectangles, TooManyPieces


@dataclass(frozen=True, slots=True, eq=False)
class Events:
    """Uses of atoms, sorted by atom and then by time; at most one per atom and time."""

    atom: Ints
    time: Ints
    bytes: np.ndarray
    """Of the atom; whole sectors."""
    shared: Flags
    """Whether several programs use it at that time."""
    weight: np.ndarray
    """How many such uses, of other memory, this one stands for."""
    covered: Ints
    """One bit for each byte of a sector that a store overwrites."""

    def __len__(self) -> int:
        return int(self.atom.size)


def events_of(rectangles: Rectangles, most: int) -> Events:
    """Returns the uses of atoms that make up `rectangles`.

    Raises:
        TooManyPieces: There would be more than `most`.
    """
    parts, atoms = [], 0
    for space in different(rectangles.space).tolist():
        here = np.flatnonzero(rectangles.space == space)
        part, atoms = _atoms(rectangles, here, atoms, most)
        parts.append(part)
    index, atom, size = (np.concatenate([part[position] for part in parts]) for position in range(3))
    return _merged(rectangles, index, atom, size)


def _atoms(rectangles: Rectangles, here: Ints, before: int, most: int) -> tuple[tuple[Ints, Ints, Ints], int]:
    """Returns, for one storage, a rectangle, an atom and its bytes for each use, and the number of atoms so far."""
    top, bottom, left, right = (
        values[here] for values in (rectangles.top, rectangles.bottom, rectangles.left, rectangles.right)
    )
    rows, columns = different(np.concatenate([top, bottom])), different(np.concatenate([left, right]))
    row, column = np.searchsorted(rows, top), np.searchsorted(columns, left)
    high = np.searchsorted(rows, bottom) - row
    wide = np.searchsorted(columns, right) - column
    cells = high * wide
    total = int(cells.sum())
    if total > most:
        raise TooManyPieces(f"{total} atoms")
    index = np.repeat(np.arange(here.size), cells)
    nth = np.arange(total) - np.repeat(np.cumsum(cells) - cells, cells)
    of_row = row[index] + nth // wide[index]
    of_column = column[index] + nth % wide[index]
    size = np.diff(rows)[of_row] * np.diff(columns)[of_column] * SECTOR_BYTES
    return (here[index], before + of_row * columns.size + of_column, size), before + rows.size * columns.size


def _merged(rectangles: Rectangles, index: Ints, atom: Ints, size: Ints) -> Events:
    """Returns the uses in order; those of one atom at one time become one."""
    time = rectangles.time[index]
    key = atom * (int(time.max()) + 1) + time
    order = np.argsort(key, kind="stable")
    key = key[order]
    starts = np.flatnonzero(np.concatenate([[True], key[1:] != key[:-1]]))
    several = np.diff(np.append(starts, key.size)) > 1
    first = order[starts]
    return Events(
        atom[first],
        time[first],
        size[first].astype(np.float64),
        np.logical_or.reduceat(rectangles.shared[index][order], starts) | several,
        np.maximum.reduceat(rectangles.weight[index][order], starts),
        np.bitwise_or.reduceat(rectangles.covered[index][order], starts),
    )
