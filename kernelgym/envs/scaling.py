"""Sequential test-time scaling: many turns, few of them in the chat.

Appending every turn to the chat overflows the context and makes a model worse. Instead, an episode is played in
iterations: the first one of `max_turns` turns; each later one begins with the task and the `keep` turns that were
chosen from the chat so far, and adds `max_turns - keep` new ones.

Source:
    Dr.Kernel, section on test-time scaling: the `keep` turns with the highest rewards (`Select.TOP`). The code that was
    released with it keeps the best window of consecutive turns instead (`Select.WINDOW`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from kernelgym.envs.turn import Turn, merit
from kernelgym.errors import BadUsage
from kernelgym.problems.filters import unknown


class Select(StrEnum):
    """Which turns stay in the chat; they keep their order."""

    TOP = "top"
    """Those with the highest rewards; of equal ones the fastest, then the earliest, as the best turn is chosen."""
    WINDOW = "window"
    """The consecutive ones with the highest sum of rewards; of equal ones the fastest, then the first."""
    LAST = "last"
    """The newest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scaling:
    """How an episode goes on after `max_turns` turns.

    Raises:
        BadUsage: A number is out of range.
    """

    iterations: int
    """The first one of `max_turns` turns, and those after it."""
    keep: int
    """Turns that stay in the chat at the begin of each later iteration."""
    select: Select = Select.TOP

    def __post_init__(self) -> None:
        if self.iterations < 1:
            raise BadUsage(f"iterations is {self.iterations}; give 1 or more")
        if self.keep < 0:
            raise BadUsage(f"keep is {self.keep}; give 0 or more turns that stay in the chat")

    def total_turns(self, max_turns: int) -> int:
        """Returns how many turns an episode has, all iterations together."""
        return max_turns + (self.iterations - 1) * (max_turns - self.keep)


def scaling_of(iterations: int, keep: int, select: str) -> Scaling | None:
    """Returns the scaling that options ask for; None if one iteration is all.

    Raises:
        BadUsage: A number is out of range, or there is no such way to select.
    """
    if select not in list(Select):
        raise BadUsage(unknown("way to select", select, [str(name) for name in Select]))
    return None if iterations == 1 else Scaling(iterations=iterations, keep=keep, select=Select(select))


def retained(turns: Sequence[Turn], keep: int, select: Select, *, relative: bool = False) -> list[Turn]:
    """Returns the turns that stay in the chat, oldest first; lost ones count as if they had earned less than any other.

    Args:
        turns: What is in the chat, oldest first.
        keep: How many may stay.
        select: Which.
        relative: Whether rewards are paid for beating earlier turns: `merit` says what counts instead.
    """
    if len(turns) <= keep:
        return list(turns)
    if keep == 0:
        return []
    if select is Select.LAST:
        return list(turns[-keep:])
    if select is Select.WINDOW:
        begins = range(len(turns) - keep + 1)
        begin = max(begins, key=lambda first: _worth(turns[first : first + keep], relative=relative))
        return list(turns[begin : begin + keep])
    worth = [_worth([turn], relative=relative) for turn in turns]
    best = sorted(range(len(turns)), key=worth.__getitem__, reverse=True)[:keep]
    return [turns[index] for index in sorted(best)]


def _worth(turns: Sequence[Turn], *, relative: bool) -> tuple[int, float, float]:
    """Returns what turns are compared by: fewer lost ones first, then the sums of what `merit` says."""
    merits = [merit(turn.report, turn.reward, relative=relative) for turn in turns if not turn.lost]
    return len(merits), sum(first for first, _ in merits), sum(speedup for _, speedup in merits)
