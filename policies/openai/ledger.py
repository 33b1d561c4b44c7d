"""What was spent so far, and the point where no more is."""

import threading
from dataclasses import dataclass, replace

from kernelgym.chat import Usage
from policies.openai.errors import BudgetSpent


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """Sums over the completions of one policy; what failed attempts took is not known and not in them."""

    completions: int = 0
    attempts: int = 0
    """Requests, of which those that were not the first for their completion followed failures."""
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost_usd: float | None = None
    """None if there are no prices."""
    uncounted: int = 0
    """Completions for which the server reported no tokens."""

    @property
    def tokens(self) -> int:
        """Of prompts and completions."""
        return self.prompt_tokens + self.completion_tokens


class Ledger:
    """Adds up usage, in any thread.

    Args:
        max_cost_usd: Dollars that may be spent.
        max_tokens: Tokens that may be used.
    """

    def __init__(self, max_cost_usd: float | None = None, max_tokens: int | None = None) -> None:
        self._max_cost_usd = max_cost_usd
        self._max_tokens = max_tokens
        self._lock = threading.Lock()
        self._totals = Totals()

    @property
    def totals(self) -> Totals:
        """What was spent up to now."""
        with self._lock:
            return self._totals

    def add(self, usage: Usage) -> None:
        """Books a completion."""
        counted = usage.prompt_tokens is not None and usage.completion_tokens is not None
        with self._lock:
            now = self._totals
            cost = now.cost_usd if usage.cost_usd is None else (now.cost_usd or 0.0) + usage.cost_usd
            self._totals = replace(
                now,
                completions=now.completions + 1,
                attempts=now.attempts + usage.attempts,
                prompt_tokens=now.prompt_tokens + (usage.prompt_tokens or 0),
                completion_tokens=now.completion_tokens + (usage.completion_tokens or 0),
                cost_usd=cost,
                uncounted=now.uncounted + (not counted),
            )

    def check(self) -> None:
        """Does nothing as long as more may be spent.

        Raises:
            BudgetSpent: A limit is reached; or there is one, and the server does not report what it takes.
        """
        spent = self.totals
        if self._max_tokens is not None and spent.tokens >= self._max_tokens:
            raise BudgetSpent(f"the tokens of max_tokens_total={self._max_tokens} are used up; raise it to go on")
        if self._max_cost_usd is not None and (spent.cost_usd or 0.0) >= self._max_cost_usd:
            raise BudgetSpent(f"the dollars of max_cost_usd={self._max_cost_usd:g} are spent; raise it to go on")
        if spent.uncounted and (self._max_tokens is not None or self._max_cost_usd is not None):
            raise BudgetSpent(
                "the server reports no usage, so no budget can be kept; leave out max_tokens_total and max_cost_usd"
            )
