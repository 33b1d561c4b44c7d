"""The form of a comparison: what `kernelgym compare --json` prints; docs/metrics.md defines every field."""

from typing import Annotated, Literal

from pydantic import Field

from kernelgym.metrics.intervals import Estimate, Finite
from kernelgym.metrics.summary import Count, Summary
from kernelgym.runs.run_record import RunRecord
from sandboxes.contracts import Contract


class RunSummary(Contract):
    """One run by itself."""

    name: str
    record: RunRecord
    """Without its data seed, which may be a secret."""
    summary: Summary


class Difference(Contract):
    """One metric in two runs, over the problems in which both have it; a problem's value is the mean of its samples."""

    metric: str
    """`correct`, `fast@1.2`, `speedup` or `reward`."""
    kind: Literal["difference", "ratio"]
    """What `change` is: for speedups the ratio of their geometric means, with 1 for no change."""
    problems: Count
    baseline: Finite | None
    """Mean over these problems; of speedups the geometric one."""
    other: Finite | None
    change: Estimate
    """From the baseline to the other run; without bounds if all of fewer than six problems change alike."""
    wins: Count
    """Problems in which the other run is better."""
    ties: Count
    losses: Count


class Pairing(Contract):
    """A run against the first one."""

    name: str
    problems: Annotated[int, Field(ge=1)]
    """Problems with a counted episode in both."""
    warnings: tuple[str, ...]
    """Why the difference may come from something else than the policy."""
    last: tuple[Difference, ...]
    """By the last turn of each run."""
    best: tuple[Difference, ...]
    """By the best of all turns."""
    confirmed: tuple[Difference, ...]
    """By the best turn measured again; empty unless both runs have that."""


class Comparison(Contract):
    """Two or more runs; the first is the baseline."""

    schema_version: Literal[1] = 1
    runs: tuple[RunSummary, ...]
    pairings: tuple[Pairing, ...]

    @property
    def fewest_problems(self) -> int:
        """The fewest problems that any of its numbers is over."""
        own = (run.summary.problems for run in self.runs)
        return min((*own, *(pairing.problems for pairing in self.pairings)), default=0)
