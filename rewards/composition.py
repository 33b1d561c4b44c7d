"""Sums of weighted terms: what almost every reward is."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any

from rewards.named import NamedReward
from rewards.reward import Reward, Term
from rewards.terms import TermFunction
from rewards.terms.base import LARGEST
from sandboxes.contracts import Report


@dataclass(frozen=True, slots=True)
class Weighted:
    """A term and its weight in a sum.

    Raises:
        ValueError: The weight is no number, or beyond a million.
    """

    term: TermFunction
    weight: float = 1.0
    label: str = ""
    """Name in the breakdown; empty: the term's own."""

    def __post_init__(self) -> None:
        if not isfinite(self.weight) or abs(self.weight) > LARGEST:
            raise ValueError(f"the weight of `{self.name}` is {self.weight}; give a number between -1e6 and 1e6")

    @property
    def name(self) -> str:
        """What the breakdown calls it."""
        return self.label or self.term.key

    def __call__(self, report: Report, history: Sequence[Report] = ()) -> Term:
        """Returns the summand; its note shows the weight if that is not 1."""
        found = self.term(report, history)
        if self.weight == 1.0:
            return Term(self.name, found.value, found.note)
        note = f"{self.weight:g} * {found.value:.3g}: {found.note}"
        return Term(self.name, self.weight * found.value + 0.0, note)  # + 0.0: no negative zero


@dataclass(frozen=True, slots=True)
class Composition:
    """A reward function: the sum of its terms.

    Raises:
        ValueError: There are no terms, or two have the same name.
    """

    terms: tuple[Weighted, ...]

    def __post_init__(self) -> None:
        names = [weighted.name for weighted in self.terms]
        if not names:
            raise ValueError("a reward needs at least one term")
        if twice := [name for name in names if names.count(name) > 1]:
            raise ValueError(f"two terms are called `{twice[0]}`; give one of them a `label`")

    def __call__(self, report: Report, history: Sequence[Report] = ()) -> Reward:
        """Returns the terms for a report that has a verdict."""
        return Reward(tuple(weighted(report, history) for weighted in self.terms))

    @property
    def relative(self) -> bool:
        """Whether any term compares with earlier turns."""
        return any(each.term.relative for each in self.terms)

    @property
    def spec(self) -> list[dict[str, Any]]:
        """The terms with all their parameters, as JSON can hold and as a reward file may write them."""
        return [
            {"term": each.term.key, "label": each.name, "weight": float(each.weight)}
            | each.term.model_dump(mode="json")
            for each in self.terms
        ]

    @property
    def digest(self) -> str:
        """The same for equal terms with equal parameters in the same order, however they were written."""
        text = json.dumps(self.spec, sort_keys=True, separators=(",", ":"), allow_nan=False)
        return hashlib.sha256(text.encode()).hexdigest()[:12]


def compose(name: str, summary: str, *terms: Weighted | TermFunction) -> NamedReward:
    """Returns the reward that is the sum of `terms`.

    Args:
        name: What it is called.
        summary: What it pays, in a sentence.
        *terms: A term without a weight has weight 1.

    Raises:
        ValueError: There are no terms, or two have the same name.
    """
    weighted = tuple(each if isinstance(each, Weighted) else Weighted(each) for each in terms)
    return NamedReward(name, summary, Composition(weighted))
