"""The form of a run in numbers: what `summary.json` holds under `summary`; docs/metrics.md defines every field."""

from typing import Annotated, Final, Literal

from pydantic import Field

from kernelgym.metrics.intervals import CONFIDENCE, SEED, Estimate, Finite
from sandboxes.contracts import Contract

SUMMARY_VERSION: Final = 2
"""Grows when a field changes its meaning or goes away."""

Count = Annotated[int, Field(ge=0)]


class Rates(Contract):
    """How right and how fast the turns are that speak for the episodes."""

    correct: Estimate
    fast: dict[str, Estimate]
    """fast_p against the eager reference, by threshold, e.g. `1.2`; empty without episodes."""
    fast_compile: dict[str, Estimate]
    """The same against `torch.compile`, empty if it was not measured; `n` says over how many episodes."""
    speedup: Estimate
    """Geometric mean over correct and timed candidates; `n` says how many these are."""
    speedup_compile: Estimate
    reward: Estimate
    coverage: Estimate
    """Mean over correct candidates."""
    replaced: Estimate


class TurnSummary(Rates):
    """The counted episodes as of one turn."""

    turn: Annotated[int, Field(ge=1)]
    played: Count
    """Episodes that reached this turn."""
    compiled: Estimate
    hacked: Estimate


class Confirmed(Contract):
    """What is left of the best turns once they are measured again on data that took no part in the choice."""

    episodes: Count
    """Counted ones whose choice was confirmed, or had nothing to confirm as it is not correct; the denominator."""
    unconfirmed: Count
    """Others: the second evaluation is missing or was lost."""
    selected: Rates
    """The best turn, as it was measured when it was chosen."""
    confirmed: Rates
    """The same candidates, measured again."""


class Attempts(Contract):
    """Success of at least one of `k` episodes, unbiased, as a mean over the problems with at least `k`."""

    k: Annotated[int, Field(ge=1)]
    correct: Estimate
    fast: dict[str, Estimate]


class Family(Contract):
    """Hacks of one kind."""

    turns: Count
    """Turns of counted episodes that a rule of this family rejected."""
    episodes: Estimate
    """Share of counted episodes with such a turn."""
    rules: dict[str, int]
    """Such turns by rule; several rules may reject one turn."""


class Hacks(Contract):
    """What the gate rejected."""

    turns: Estimate
    """Share of the turns played with outcome `hack`."""
    episodes: Estimate
    """Share of counted episodes with at least one."""
    families: dict[str, Family]
    warnings: dict[str, int]
    """Turns by rule that only warned."""


class Costs(Contract):
    """What the completions took, over all episodes, counted or not; None where nobody reported it."""

    turns: Count
    """With completions that only submitted."""
    reported: Count
    """Turns whose policy said anything about it."""
    prompt_tokens: Count | None
    completion_tokens: Count | None
    cost_usd: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None


class Method(Contract):
    """How intervals were made."""

    confidence: float = CONFIDENCE
    resamples: int
    seed: int = SEED


class Summary(Contract):
    """A run in numbers: the same episodes, in any order, give the same summary."""

    schema_version: Literal[2] = SUMMARY_VERSION
    episodes: Count
    problems: Count
    """Problems with a counted episode."""
    counted: Count
    """Episodes that say something about the policy: the denominator of every rate."""
    lost: dict[str, int]
    """Episodes that were not played to their end, by reason; only those by an error of the `policy` are counted."""
    policy_errors: Estimate
    """Share of counted episodes that ended by an error of the policy."""
    infrastructure: Estimate
    """Share of all episodes that were lost to a fault of the machine."""
    submitted: Count
    """Counted episodes that the policy ended by submitting."""
    last: tuple[TurnSummary, ...]
    """Turn by turn, by the turn that was played then."""
    best: tuple[TurnSummary, ...]
    """Turn by turn, by the best so far."""
    confirmed: Confirmed | None
    """None if no best turn was measured again."""
    last_at_k: tuple[Attempts, ...]
    """By the last turn."""
    best_at_k: tuple[Attempts, ...]
    """By the best of all turns."""
    hacks: Hacks
    outcomes: tuple[dict[str, int], ...]
    """Turn by turn, the counted episodes that played it by outcome."""
    best_speedup: Finite | None
    costs: Costs
    speed: str | None
    """Where times come from, e.g. `modelled NVIDIA H200 SXM`; None if nothing was timed."""
    intervals: Method
