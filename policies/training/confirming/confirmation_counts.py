"""What confirming has cost, what it has spared, and whether the cheap evaluator is worth being asked."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfirmationCounts:
    """Sums over all groups so far."""

    groups: int = 0
    confirmed: int = 0
    """Rollouts with exact rewards."""
    unconfirmed: int = 0
    """Rollouts that were not chosen."""
    lost: int = 0
    """Rollouts that the infrastructure lost, by either evaluator."""
    asked: int = 0
    """Exact evaluations."""
    repeated: int = 0
    """Candidates of chosen rollouts that another one of the group sent, too."""
    spared: int = 0
    """Candidates of rollouts that were not chosen."""
    alike: int = 0
    """Pairs of confirmed rollouts of a group that both evaluators put into the same order."""
    reversed: int = 0
    """Pairs that they put into opposite orders; pairs that tie by either are in neither count."""

    def __add__(self, other: "ConfirmationCounts") -> "ConfirmationCounts":
        return ConfirmationCounts(
            **{name: getattr(self, name) + getattr(other, name) for name in ConfirmationCounts.__slots__}
        )

    @property
    def saved(self) -> float:
        """Share of the candidates that cost no exact evaluation; 0 if there were none."""
        total = self.asked + self.repeated + self.spared
        return 1.0 - self.asked / total if total else 0.0

    @property
    def agreement(self) -> float | None:
        """Share of the pairs that are in the same order, of those in any: 0.5 is chance. None without such pairs.

        Among chosen ones only, which differ most by the cheap evaluator: for all rollouts it is lower.
        """
        pairs = self.alike + self.reversed
        return self.alike / pairs if pairs else None

    def metrics(self) -> dict[str, float]:
        """Returns the numbers to log, under `confirm/`."""
        found = {
            "confirm/asked": float(self.asked),
            "confirm/saved": self.saved,
            "confirm/lost": float(self.lost),
        }
        return found if self.agreement is None else found | {"confirm/agreement": self.agreement}


def compare(cheap: Sequence[float], exact: Sequence[float]) -> ConfirmationCounts:
    """Returns in how many pairs two evaluators agree.

    Args:
        cheap: Return of each rollout of a group by one.
        exact: By the other, in the same order.
    """
    signs = [(cheap[one] - cheap[two]) * (exact[one] - exact[two]) for one, two in combinations(range(len(cheap)), 2)]
    return ConfirmationCounts(alike=sum(sign > 0 for sign in signs), reversed=sum(sign < 0 for sign in signs))
