"""Asks an endpoint for one completion, as often as it takes. Everything here runs on one event loop."""

import asyncio
import json
import time
from collections.abc import Sequence
from typing import Any, Final

from kernelgym.chat import Completion, Message, Usage
from policies.openai.draft import Draft
from policies.openai.errors import GaveUp, Transient
from policies.openai.exchange import Exchange
from policies.openai.ledger import Ledger
from policies.openai.options import OpenAIOptions
from policies.openai.pace import Sleep, TokenBucket, pause_s
from policies.openai.secret import Secret

ASSUMED_TOKENS: Final = 2048
"""Length of a completion before it is known, for the rate limit, if `max_tokens` does not say."""

CHARACTERS_PER_TOKEN: Final = 4
"""Of prompts, likewise."""


class Client:
    """One endpoint, shared by all players of a policy; bounded in requests at a time, rate, patience and money.

    Args:
        options: Of the policy.
        secret: The key.
        ledger: Where usage is booked, and what says whether more may be spent.
        sleep: Waits for so many seconds between attempts.
    """

    def __init__(self, options: OpenAIOptions, secret: Secret, ledger: Ledger, sleep: Sleep = asyncio.sleep) -> None:
        self._options = options
        self._secret = secret
        self._ledger = ledger
        self._sleep = sleep
        self._exchange = Exchange(options, secret)
        self._slots = asyncio.Semaphore(options.concurrency)
        self._requests = TokenBucket(options.requests_per_minute) if options.requests_per_minute else None
        self._tokens = TokenBucket(options.tokens_per_minute) if options.tokens_per_minute else None

    async def close(self) -> None:
        """Closes the connections."""
        await self._exchange.close()

    async def complete(self, chat: Sequence[Message], seed: int) -> Completion:
        """Returns the model's answer.

        Raises:
            PoliciesError: There is none; says why.
        """
        asked_at = time.monotonic()
        body = self._body(chat, seed)
        estimate = sum(len(message.content) for message in chat) / CHARACTERS_PER_TOKEN
        estimate += self._options.max_tokens or ASSUMED_TOKENS
        deadline: float | None = None
        failures = 0
        while True:
            async with self._slots:
                await self._admit(estimate)
                deadline = deadline or time.monotonic() + self._options.deadline_s
                limit_s = min(self._options.timeout_s, max(0.0, deadline - time.monotonic()))
                try:
                    draft = await self._exchange.attempt(body, limit_s)
                    text = self._secret.from_model(draft.text())
                    break
                except Transient as error:
                    failure = error
            failures += 1
            await self._pause(failure, failures, deadline)
        usage = self._usage(draft, attempts=failures + 1, latency_s=time.monotonic() - asked_at)
        self._ledger.add(usage)
        if self._tokens is not None and usage.prompt_tokens is not None and usage.completion_tokens is not None:
            self._tokens.correct(usage.prompt_tokens + usage.completion_tokens - estimate)
        return Completion(text=text, usage=usage)

    def _body(self, chat: Sequence[Message], seed: int) -> bytes:
        options = self._options
        body: dict[str, Any] = {
            "model": options.model,
            "messages": [{"role": message.role.value, "content": message.content} for message in chat],
            **options.model_dump(include={"temperature", "top_p", "max_tokens"}, exclude_none=True),
            **options.extra_body,
        }
        if options.send_seed:
            body["seed"] = seed
        if options.stream:
            body |= {"stream": True, "stream_options": {"include_usage": True}}
        return json.dumps(body).encode("ascii")

    async def _admit(self, estimate: float) -> None:
        """Waits for the rate limits.

        Raises:
            BudgetSpent: No more may be spent.
        """
        self._ledger.check()
        if self._requests is not None:
            await self._requests.take()
        if self._tokens is not None:
            await self._tokens.take(estimate)
        self._ledger.check()

    async def _pause(self, failure: Transient, failures: int, deadline: float) -> None:
        """Waits before the next attempt.

        Raises:
            GaveUp: There is no next one.
        """
        options = self._options
        pause = pause_s(failures, options.backoff_s, failure.retry_after_s)
        if failures >= options.attempts:
            limit = f"attempts is {options.attempts}"
        elif time.monotonic() + pause >= deadline:
            limit = f"the next is due in {pause:.6g} s, and deadline_s is {options.deadline_s:g}"
        else:
            await self._sleep(pause)
            return
        times = f"{failures} attempt{'s' * (failures > 1)}"
        raise GaveUp(f"no completion after {times}, the last: {failure}; {limit}: raise it, or check the server")

    def _usage(self, draft: Draft, *, attempts: int, latency_s: float) -> Usage:
        options = self._options
        reason = draft.finish_reason
        return Usage(
            model=self._secret.quote(draft.model or options.model),
            prompt_tokens=draft.prompt_tokens,
            completion_tokens=draft.completion_tokens,
            cost_usd=options.cost_usd(draft.prompt_tokens, draft.completion_tokens),
            latency_s=latency_s,
            attempts=attempts,
            finish_reason=None if reason is None else self._secret.quote(reason),
        )
