"""Players that ask one endpoint; they wait in threads of their own, the requests are made on one event loop."""

import hashlib
from collections.abc import Sequence
from typing import Final

from kernelgym.chat import Completion, Message
from kernelgym.problems import Problem
from policies.openai.background import BackgroundLoop
from policies.openai.client import Client
from policies.openai.ledger import Ledger, Totals
from policies.openai.options import OpenAIOptions
from policies.openai.secret import Secret

MAX_SEED: Final = 2**31 - 1
"""Largest that every server can read."""


class OpenAIPlayer:
    """Plays one episode.

    Args:
        policy: Who asks.
        seed: Of the episode.
    """

    def __init__(self, policy: "OpenAIPolicy", seed: int) -> None:
        self._policy = policy
        self._seed = seed
        self._turn = 0

    def act(self, chat: Sequence[Message]) -> Completion:
        """Returns the model's answer.

        Raises:
            PoliciesError: There is none; says why.
        """
        self._turn += 1
        return self._policy.ask(chat, request_seed(self._seed, self._turn))


class OpenAIPolicy:
    """A model behind an OpenAI-compatible endpoint.

    Args:
        options: What is asked, where and how.
        secret: The key.
    """

    def __init__(self, options: OpenAIOptions, secret: Secret) -> None:
        self.name = f"openai:{options.label}"
        self._ledger = Ledger(options.max_cost_usd, options.max_tokens_total)
        self._client = Client(options, secret, self._ledger)
        self._loop = BackgroundLoop(self._client.close)

    @property
    def usage(self) -> Totals:
        """What its completions took up to now; in any thread."""
        return self._ledger.totals

    def begin(self, problem: Problem, seed: int) -> OpenAIPlayer:
        """Returns a player; asks nothing yet."""
        return OpenAIPlayer(self, seed)

    def ask(self, chat: Sequence[Message], seed: int) -> Completion:
        """Returns the answer to `chat`; waits for it.

        Raises:
            PoliciesError: There is none; says why.
        """
        return self._loop.run(lambda: self._client.complete(chat, seed))

    def close(self) -> None:
        """Cancels all requests; players that wait come back with `PolicyClosed`."""
        self._loop.close()


def request_seed(seed: int, turn: int) -> int:
    """Returns the seed of a request: the same for the same episode and turn, unlike that of any other.

    Args:
        seed: Of the episode.
        turn: Counted from 1.
    """
    digest = hashlib.sha256(f"{seed}/{turn}".encode()).digest()
    return int.from_bytes(digest[:4], "big") & MAX_SEED
