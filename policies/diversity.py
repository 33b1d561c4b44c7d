"""Diversity of answers, and the sampling temperature that keeps it.

Training narrows what a policy says: at a fixed temperature the diversity of its answers sinks. If it starts too low
it sinks for good and training fails; if it starts too high it falls steeply first. MicroCoder-GRPO (Li et al. 2026,
arXiv 2603.07777) therefore samples at a temperature `T(D)` that the diversity D of the answers determines, so that D
converges instead of sinking (in their figures, 1.2 holds D near 0.7 where 0.6 loses it and 1.8 drops from 0.97 to
0.6), and warns that continuous changes of temperature unsettle a training for good: change it in stages, or not at
all.

What is ours: neither a formula of T(D) nor the measure D was to be had. Below, D is the chance that an n-gram of
tokens of one answer is not in another answer to the same prompt. Temperatures are held for a stage of several
batches; at its end, the mean D of the stage is compared with a target, which is the D of the first stage unless one
is given, and the temperature moves by one step if D is off by more than a tolerance, within bounds. The defaults of
the bounds are the range they studied.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Self

from kernelgym.errors import BadUsage


def diversity(answers: Sequence[Sequence[int]], n: int = 4) -> float | None:
    """Returns how different the answers to one prompt are: 0 if they are all alike, 1 if no two share an n-gram.

    It is the chance that a distinct n-gram of one answer, drawn at random, is not in another, averaged over all pairs;
    so its expectation does not depend on the number of answers. Linear in the number of tokens.

    Args:
        answers: Token ids; answers shorter than n are taken whole.
        n: Tokens of an n-gram.

    Returns:
        None for fewer than two answers that are not empty.
    """
    grams = [{tuple(answer[i : i + n]) for i in range(max(1, len(answer) - n + 1))} for answer in answers if answer]
    if len(grams) < 2:
        return None
    holders = Counter(gram for each in grams for gram in each)
    shared = [sum(holders[gram] - 1 for gram in each) / (len(each) * (len(grams) - 1)) for each in grams]
    return 1.0 - sum(shared) / len(shared)


@dataclass(frozen=True, slots=True, kw_only=True)
class TemperatureState:
    """Where a training stands; plain numbers."""

    temperature: float
    """Of the next batch."""
    target: float | None = None
    """Diversity to be kept; None until the first stage is over."""
    batches: int = 0
    """Of the running stage, those too that were left to settle."""
    total: float = 0.0
    """Sum of the diversities that were measured in the running stage."""
    measured: int = 0
    """How many."""
    settling: int = 0
    """Batches still to pass before one is measured."""

    def state(self) -> dict[str, float | int | None]:
        """Returns plain data for a checkpoint."""
        return asdict(self)

    @classmethod
    def restored(cls, state: Mapping[str, float | int | None]) -> Self:
        """Returns what `state()` was called on.

        Raises:
            BadUsage: It is something else.
        """
        try:
            return cls(**state)  # type: ignore[arg-type]  # names and types are those that `state` wrote
        except TypeError as error:
            raise BadUsage(f"this is no state of a temperature: {error}; begin a new training") from error


@dataclass(frozen=True, slots=True, kw_only=True)
class DiversityTemperature:
    """The rule from diversities to temperatures.

    Raises:
        BadUsage: A number is out of range.
    """

    target: float | None = None
    """Diversity to be kept, 0 to 1. None: what the first stage shows."""
    tolerance: float = 0.1
    """How far the mean of a stage may be off, as a share of the target."""
    step: float = 0.1
    """How far the temperature moves at the end of a stage."""
    stage: int = 20
    """Batches between two changes, at least."""
    settle: int = 5
    """Batches after a change that are not measured."""
    least: float = 0.6
    greatest: float = 1.8
    """Bounds of the temperature."""

    def __post_init__(self) -> None:
        if self.target is not None and not 0.0 < self.target <= 1.0:
            raise BadUsage(f"target is {self.target}; give a diversity above 0 and up to 1")
        if not (self.tolerance >= 0.0 and self.step > 0.0):
            raise BadUsage(f"tolerance {self.tolerance} and step {self.step} have to be positive")
        if not 0 <= self.settle < self.stage:
            raise BadUsage(
                f"of a stage of {self.stage} batches {self.settle} settle; leave at least one to be measured"
            )
        if not 0.0 < self.least <= self.greatest < float("inf"):
            raise BadUsage(f"temperatures are to be {self.least} to {self.greatest}; give positive bounds in order")

    def start(self, temperature: float) -> TemperatureState:
        """Returns where a training begins.

        Raises:
            BadUsage: The temperature is out of the bounds.
        """
        if not self.least <= temperature <= self.greatest:
            raise BadUsage(
                f"the first temperature, {temperature}, is not within {self.least} to {self.greatest}; move the bounds"
            )
        return TemperatureState(temperature=temperature, target=self.target)

    def after(self, state: TemperatureState, measured: float | None) -> TemperatureState:
        """Returns the state after one more batch.

        Args:
            state: Before it.
            measured: Mean diversity of the batch's groups; None if no group could tell, which passes unmeasured.
        """
        if state.settling:
            return replace(state, batches=state.batches + 1, settling=state.settling - 1)
        state = replace(
            state,
            batches=state.batches + 1,
            total=state.total + (measured or 0.0),
            measured=state.measured + (measured is not None),
        )
        if state.batches < self.stage or state.measured == 0:
            return state
        mean = state.total / state.measured
        target = state.target if state.target is not None else mean
        temperature = self._moved(state.temperature, mean, target)
        return TemperatureState(
            temperature=temperature,
            target=target or None,  # answers that are all alike are nothing to be kept
            settling=0 if temperature == state.temperature else self.settle,
        )

    def _moved(self, temperature: float, mean: float, target: float) -> float:
        """Returns the temperature of the next stage."""
        if mean == 0.0 or mean < target * (1.0 - self.tolerance):
            return min(self.greatest, round(temperature + self.step, 6))
        if mean > target * (1.0 + self.tolerance):
            return max(self.least, round(temperature - self.step, 6))
        return temperature
