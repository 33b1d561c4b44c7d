"""Seeds of input values for episodes that can be repeated: derived from one secret, and of no use without it.

A candidate must not know its inputs, and what it is told about one evaluation is of no use in the next. So every
evaluation has a seed of its own. The bench case's, whose truth is dear, is that of the episode's earlier evaluations
until one of them has failed, or for as many as `sandboxes.seeds` allows.
"""

import hmac
from collections.abc import Sequence
from dataclasses import dataclass

from sandboxes.contracts import EvalConfig, Outcome, Report
from sandboxes.seeds import BITS, MAX_USES


def again(config: EvalConfig) -> EvalConfig:
    """Returns how a candidate is evaluated once more, on values of its own where the seed is secret.

    With the same configuration, an evaluator that remembers verdicts would hand out the first one again.
    """
    return config if config.seed is not None else config.model_copy(update={"repeat": config.repeat + 1})


@dataclass(frozen=True, slots=True, kw_only=True)
class DataSeeds:
    """The seeds of one episode: the same four values, the same input values."""

    secret: str
    """Of the run; whoever knows it knows all inputs."""
    problem: str
    sample: int

    def for_turn(self, config: EvalConfig, earlier: Sequence[Report]) -> EvalConfig:
        """Returns how the candidate of a turn is evaluated.

        Args:
            config: The run's.
            earlier: Reports of the episode's earlier turns.
        """
        told = sum(report.outcome is not Outcome.OK for report in earlier)
        return self._seeded(config, f"turn {len(earlier) + 1}", f"bench {told} {len(earlier) // MAX_USES}")

    def for_confirmation(self, config: EvalConfig) -> EvalConfig:
        """Returns how the best candidate is evaluated again, on values that no turn has seen."""
        return self._seeded(config, "confirmation", "bench confirmation")

    def _seeded(self, config: EvalConfig, purpose: str, bench: str) -> EvalConfig:
        return config.model_copy(update={"seed": self._derive(purpose), "bench_seed": self._derive(bench)})

    def _derive(self, purpose: str) -> int:
        text = f"{self.problem}\n{self.sample}\n{purpose}"
        return int.from_bytes(hmac.digest(self.secret.encode(), text.encode(), "sha256")) >> (256 - BITS)
