"""Rate limits and pauses, by a clock of our own."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policies.openai.failures import read_retry_after
from policies.openai.pace import LONGEST_S, TokenBucket, pause_s


class Clock:
    """Time that passes only when somebody sleeps."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += seconds


def moments(limit: int, amounts: list[float]) -> list[float]:
    """Returns when each amount passed, all of them being asked for at once."""
    clock = Clock()

    async def take_all() -> list[float]:
        bucket = TokenBucket(limit, clock, clock.sleep)
        found = []
        for amount in amounts:
            await bucket.take(amount)
            found.append(clock.now)
        return found

    return asyncio.run(take_all())


@pytest.mark.parametrize("limit", [1, 2, 5, 60, 500])
def test_no_minute_has_more_requests_than_the_limit_and_a_long_run_nearly_as_many(limit: int) -> None:
    passed = moments(limit, [1.0] * (5 * limit))
    for start in passed:
        assert sum(start <= moment < start + 60 - 1e-6 for moment in passed) <= limit
    assert passed[-1] - passed[0] <= 5 * 60 / 0.9


@settings(max_examples=50, deadline=None)
@given(st.integers(100, 10_000).flatmap(
    lambda limit: st.tuples(st.just(limit), st.lists(st.integers(1, max(1, limit // 10)), max_size=60))))  # fmt: skip
def test_no_minute_has_more_tokens_than_the_limit(drawn: tuple[int, list[int]]) -> None:
    limit, amounts = drawn
    passed = moments(limit, [float(amount) for amount in amounts])
    for start in passed:
        within = [amount for moment, amount in zip(passed, amounts, strict=True) if start <= moment < start + 60 - 1e-6]
        assert sum(within) <= limit


def test_an_amount_beyond_the_limit_passes_once_and_is_waited_for_afterwards() -> None:
    first, second = moments(100, [500.0, 1.0])
    assert first == 1000.0
    assert second - first > 300


def test_a_correction_makes_the_next_wait_longer_or_shorter() -> None:
    def wait(correct: Callable[[TokenBucket], None]) -> float:
        clock = Clock()

        async def work() -> float:
            bucket = TokenBucket(600, clock, clock.sleep)
            await bucket.take(60)
            correct(bucket)
            await bucket.take(60)
            return clock.now - 1000.0

        return asyncio.run(work())

    plain = wait(lambda bucket: None)
    assert wait(lambda bucket: bucket.correct(60)) == pytest.approx(2 * plain, abs=0.01)
    assert wait(lambda bucket: bucket.correct(-60)) == 0.0
    assert wait(lambda bucket: bucket.correct(-10_000)) == 0.0


def test_first_come_is_first_served() -> None:
    clock = Clock()
    order = []

    async def work() -> None:
        bucket = TokenBucket(10, clock, clock.sleep)

        async def one(number: int) -> None:
            await bucket.take()
            order.append(number)

        await asyncio.gather(*(one(number) for number in range(20)))

    asyncio.run(work())
    assert order == list(range(20))


def test_pauses_double_up_to_a_minute_and_are_spread() -> None:
    assert [pause_s(failures, 1.0, None, lambda: 1.0) for failures in range(1, 9)] == [1, 2, 4, 8, 16, 32, 60, 60]
    assert pause_s(3, 1.0, None, lambda: 0.0) == 2.0
    assert pause_s(1000, 1.0, None, lambda: 1.0) == LONGEST_S


def test_a_server_is_left_alone_for_as_long_as_it_asks() -> None:
    for failures in (1, 5):
        assert 30 <= pause_s(failures, 1.0, 30.0) <= 31


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": " 0 "}, 0.0),
        ({"retry-after": "1.5"}, 1.5),
        ({"retry-after-ms": "250", "retry-after": "1"}, 0.25),
        ({"retry-after": "Sat, 01 Mar 2025 12:00:30 GMT"}, 30.0),
        ({"retry-after": "Saturday, 01-Mar-25 12:01:00 GMT"}, 60.0),
        ({"retry-after": "Sat, 01 Mar 2025 12:00:30 -0000"}, 30.0),
        ({"retry-after": "Sat, 01 Mar 2025 11:00:00 GMT"}, 0.0),
        ({}, None),
        ({"retry-after": ""}, None),
        ({"retry-after": "-5"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "inf"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "1e999"}, None),
        ({"retry-after": "Sat, 99 Mar 99999 12:00:30 GMT"}, None),
        ({"retry-after-ms": "x"}, None),
    ],
)
def test_what_a_server_asks_for_is_read_in_all_forms_and_nonsense_is_ignored(
    headers: dict[str, str], seconds: float | None
) -> None:
    assert read_retry_after(headers, datetime(2025, 3, 1, 12, tzinfo=UTC)) == seconds
