"""Which answers that were cut off at their limit of tokens are kept out of the loss.

An answer that was cut off before its code was complete fails, and to learn from that failure is to learn to be brief,
also where the problem needs a longer answer. To mask all such answers is no way out: nothing then says that an answer
has to end, and lengths run to the limit (Li et al. 2026, MicroCoder-GRPO, report that this collapses). Their
conditional truncation masking multiplies the advantage of an answer o by

    1 - I[ |o| = L_max  and  non-incorrect(o)  and  not repeat(o, m)  and  U(0, 1) < rho ],   m = 128 tokens

(arXiv 2603.07777; equation and symbols in the project's README, github.com/ZongqianLi/MicroCoder). So it masks a
share rho of what was cut off, unless it was a wrong answer or had fallen into repeating itself: those keep their
penalty.

What is reported: the equation; that `repeat` compares the last 128 tokens with the 128 before; that masking 30 % let
lengths grow as fast as masking all; that under the condition training stays stable. What is ours: `non-incorrect` is
not defined there, and its notes speak of correct answers, while most answers that are cut off have none yet: here it
is one that was not judged wrong (no complete candidate, or a correct one). Loops of any period up to m count as
repetition, as a loop of 50 tokens would escape a comparison at a distance of 128; `any_period=False` is theirs. The
default of rho is the 30 % of the notes. An answer here is a turn. A masked turn stays in the baseline, as in their
equation.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from kernelgym.errors import BadUsage
from rewards.rejection import uniform


class Truncated(StrEnum):
    """What becomes of turns that were cut off."""

    KEEP = "keep"
    """They are learned from like any other."""
    MASK = "mask"
    """None is learned from."""
    CONDITIONAL = "conditional"
    """A share of those is not that are neither wrong nor repeat themselves."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnEnd:
    """How one turn ended."""

    tokens: Sequence[int]
    """Of the action; the last `2 * window` are enough."""
    cut_off: bool
    """It reached its limit instead of ending itself."""
    incorrect: bool
    """It had a candidate that was judged and failed. False without a complete candidate, and for a correct one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TruncationRule:
    """Says which turns of an episode are masked.

    Raises:
        BadUsage: A number is out of range.
    """

    mode: Truncated = Truncated.KEEP
    share: float = 0.3
    """`rho`: with which probability a turn that fulfils the condition is masked."""
    window: int = 128
    """`m`, in tokens."""
    any_period: bool = True
    """Loops of any period up to `window` are repetitions; False: only of `window` itself and its divisors."""
    counted: bool = True
    """Masked turns stay in the baseline of their group; they are competition without gradient."""
    seed: int = 0
    """Of the draws."""

    def __post_init__(self) -> None:
        if not 0.0 <= self.share <= 1.0:
            raise BadUsage(f"share is {self.share}; give the share of turns to be masked, 0 to 1")
        if self.window < 1:
            raise BadUsage(f"window is {self.window} tokens; give at least 1")

    def masked(self, turns: Sequence[TurnEnd], *, step: int, prompt: str, rollout: int) -> tuple[bool, ...]:
        """Returns which turns are masked; the same arguments always give the same answer, on any machine.

        Args:
            turns: Of one episode, in the order of play.
            step: Of training.
            prompt: Id of the group.
            rollout: Which of the group's.
        """
        return tuple(
            turn.cut_off
            and (
                self.mode == Truncated.MASK
                or (
                    self.mode == Truncated.CONDITIONAL
                    and not turn.incorrect
                    and not repeats(turn.tokens, self.window, any_period=self.any_period)
                    and uniform(self.seed, step, f"truncation {prompt}", rollout, number) < self.share
                )
            )
            for number, turn in enumerate(turns, 1)
        )


def repeats(tokens: Sequence[int], window: int, *, any_period: bool = True) -> bool:
    """Returns whether an answer ends in a loop: its last `window` tokens are what a loop makes of those before.

    Args:
        tokens: Of the answer. One of fewer than `2 * window` does not repeat itself.
        window: In tokens.
        any_period: True: the last `2 * window` tokens have some period of at most `window`. False: its last `window`
            tokens equal the `window` before.
    """
    tail = list(tokens[-2 * window :])
    if len(tail) < 2 * window:
        return False
    return _period(tail) <= window if any_period else tail[:window] == tail[window:]


def _period(tokens: list[int]) -> int:
    """Returns the smallest period, by the failure function of Knuth, Morris and Pratt; linear in the length."""
    border = [0] * len(tokens)
    for place in range(1, len(tokens)):
        length = border[place - 1]
        while length and tokens[place] != tokens[length]:
            length = border[length - 1]
        border[place] = length + (tokens[place] == tokens[length])
    return len(tokens) - border[-1]
