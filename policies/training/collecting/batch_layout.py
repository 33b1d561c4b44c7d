"""Where the rows of a batch are: which process has them, and which group they belong to.

Rows are numbered over all processes, one process after the other; a group is `group_size` rows in a row, so it may
begin on one process and end on another.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Self

from kernelgym.errors import BadUsage


class Place(NamedTuple):
    """Which rollout of which group a row is."""

    group: int
    rollout: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchLayout:
    """The rows of one batch."""

    rank: int
    rows_per_process: int
    processes: int
    group_size: int

    @classmethod
    def of(cls, lengths: Sequence[int], *, rank: int, group_size: int) -> Self:
        """Returns the layout of a batch whose processes have so many rows.

        Raises:
            BadUsage: The processes have different numbers of rows, or these are no whole number of groups.
        """
        if len(set(lengths)) != 1:
            raise BadUsage(f"the processes have {list(lengths)} rows; give each as many")
        if lengths[0] < 1 or sum(lengths) % group_size:
            raise BadUsage(f"{sum(lengths)} rows are no whole number of groups of {group_size}; give a multiple")
        return cls(rank=rank, rows_per_process=lengths[0], processes=len(lengths), group_size=group_size)

    @property
    def groups(self) -> int:
        """How many groups the batch has, over all processes."""
        return self.rows_per_process * self.processes // self.group_size

    @property
    def first(self) -> int:
        """The number of this process's first row."""
        return self.rank * self.rows_per_process

    @property
    def places(self) -> list[Place]:
        """One per row of this process."""
        return [Place(*divmod(self.first + index, self.group_size)) for index in range(self.rows_per_process)]

    def rows_of(self, group: int) -> range:
        """Returns the numbers of a group's rows."""
        return range(group * self.group_size, (group + 1) * self.group_size)

    def owner(self, group: int) -> int:
        """Returns the process that has the first row of a group."""
        return group * self.group_size // self.rows_per_process

    def straddles(self, group: int) -> bool:
        """True if not all rows of a group are on one process."""
        return (self.rows_of(group)[-1] // self.rows_per_process) != self.owner(group)

    def problems(self, ids: Sequence[str]) -> dict[int, str]:
        """Returns the problem of each group, given that of each row.

        Raises:
            BadUsage: The rows of a group name several.
        """
        found = {}
        for group in range(self.groups):
            named = {ids[number] for number in self.rows_of(group)}
            if len(named) != 1:
                raise BadUsage(
                    f"group {group} has rows of {', '.join(sorted(named))}; repeat each problem {self.group_size} times"
                )
            found[group] = named.pop()
        return found
