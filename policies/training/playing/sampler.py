"""Who samples: from prompts as tokens to actions as tokens, with the log-probabilities that training needs."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable


@dataclass(frozen=True, slots=True, kw_only=True)
class SamplingRequest:
    """One action to be sampled."""

    tokens: tuple[int, ...]
    """Everything that the model reads: the prompt, and all turns so far."""
    seed: int
    """Of the draws, below 2**63. The same request gives the same action, whatever else is sampled with it."""
    max_new_tokens: int
    """At least 1."""
    temperature: float
    """Divides the logits; 0: always the most likely token."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampled:
    """One action.

    Raises:
        ValueError: There is not one log-probability per token.
    """

    tokens: tuple[int, ...]
    """With the one that ended it."""
    logprobs: tuple[float, ...]
    """Of the tokens, under the distribution that they were drawn from; natural logarithm."""
    stopped: bool
    """True if the last token ended it; False: it reached `max_new_tokens`."""

    def __post_init__(self) -> None:
        if len(self.tokens) != len(self.logprobs):
            raise ValueError(f"there are {len(self.logprobs)} log-probabilities for {len(self.tokens)} tokens")


class Sampler(Protocol):
    """Samples actions."""

    def sample(self, requests: Sequence[SamplingRequest]) -> list[Sampled]:
        """Returns one action per request, in their order.

        Raises:
            PolicyBroken: The model could not be asked.
        """


@runtime_checkable
class CollectiveSampler(Sampler, Protocol):
    """A sampler whose `sample` waits for that of every other process, as one of them does the work for all.

    A process that has nothing to sample any more accompanies the others until all of them have nothing left.
    """

    def accompany(self) -> bool:
        """Takes part in one generation without a request; returns False once no process had one."""
