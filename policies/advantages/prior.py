"""What earlier batches have shown of the returns at each turn, over all prompts: plain numbers that add up."""

from collections.abc import Sequence
from dataclasses import astuple, dataclass
from itertools import zip_longest
from typing import Self


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnPrior:
    """Sums of what was observed at one turn; they add up over batches in any order."""

    groups: int = 0
    """Groups with a rollout that played this turn."""
    mean: float = 0.0
    """Of the groups' mean returns: `mu`."""
    squares: float = 0.0
    """Sum of the squared deviations of the groups' means from `mean`."""
    freedom: int = 0
    """Degrees of freedom within groups: rollouts minus groups."""
    within: float = 0.0
    """Sum of the squared deviations of returns from their group's mean."""
    inverses: float = 0.0
    """Sum over groups of 1 / N_t."""

    def merged(self, other: Self) -> Self:
        """Returns the sums of both (Welford's update in the form for two samples of Chan et al.)."""
        groups = self.groups + other.groups
        if groups == 0:
            return self
        step = other.mean - self.mean
        return type(self)(
            groups=groups,
            mean=self.mean + step * other.groups / groups,
            squares=self.squares + other.squares + step * step * self.groups * other.groups / groups,
            freedom=self.freedom + other.freedom,
            within=self.within + other.within,
            inverses=self.inverses + other.inverses,
        )


@dataclass(frozen=True, slots=True)
class Prior:
    """What earlier batches have shown, turn by turn. Starts empty; EBPO then is TRLOO."""

    turns: tuple[TurnPrior, ...] = ()

    def merged(self, other: Self) -> Self:
        """Returns what both have shown; one may know of more turns."""
        pairs = zip_longest(self.turns, other.turns, fillvalue=TurnPrior())
        return type(self)(tuple(mine.merged(theirs) for mine, theirs in pairs))

    def state(self) -> list[list[float]]:
        """Returns plain data for a checkpoint."""
        return [list(astuple(turn)) for turn in self.turns]

    @classmethod
    def restored(cls, state: Sequence[Sequence[float]]) -> Self:
        """Returns the prior whose `state()` this is."""
        return cls(
            tuple(
                TurnPrior(groups=int(a), mean=b, squares=c, freedom=int(d), within=e, inverses=f)
                for a, b, c, d, e, f in state
            )
        )
