"""Requests of many threads are answered together, and one that fails harms no other."""

import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from policies.errors import PolicyClosed
from policies.local_model.batching import Batcher


class Doubler:
    """Answers with twice the number; refuses what is negative, and can be made to wait."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.begun = threading.Event()
        self.go_on = threading.Event()
        self.go_on.set()

    def __call__(self, numbers: Sequence[int]) -> list[int]:
        self.batches.append(list(numbers))
        self.begun.set()
        assert self.go_on.wait(10)
        if min(numbers) < 0:
            raise ArithmeticError(f"can't double {sorted(numbers)}")
        return [2 * number for number in numbers]


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(8) as pool:
        yield pool


def ask_all(batcher: "Batcher[int, int]", threads: ThreadPoolExecutor, numbers: Sequence[int]) -> list["Future[int]"]:
    return [threads.submit(batcher.ask, number) for number in numbers]


def test_requests_of_the_same_time_are_answered_together_each_with_its_own_answer(threads: ThreadPoolExecutor) -> None:
    doubler = Doubler()
    batcher = Batcher(doubler, size=4, wait_s=5.0)
    assert [answer.result() for answer in ask_all(batcher, threads, range(8))] == [0, 2, 4, 6, 8, 10, 12, 14]
    assert [len(batch) for batch in doubler.batches] == [4, 4]
    batcher.close()


def test_a_lonely_request_waits_no_longer_than_it_was_told() -> None:
    batcher = Batcher(Doubler(), size=4, wait_s=0.05)
    begun = time.monotonic()
    assert batcher.ask(21) == 42
    assert time.monotonic() - begun < 2.0
    batcher.close()


def test_an_error_reaches_only_the_request_that_causes_it(threads: ThreadPoolExecutor) -> None:
    doubler = Doubler()
    batcher = Batcher(doubler, size=3, wait_s=0.5)
    good, bad, other = ask_all(batcher, threads, [1, -1, 3])
    assert (good.result(), other.result()) == (2, 6)
    with pytest.raises(ArithmeticError, match=r"can't double \[-1\]"):
        bad.result()
    assert batcher.ask(5) == 10
    batcher.close()


def test_too_few_answers_are_an_error_and_nobody_waits_for_ever() -> None:
    batcher: Batcher[int, int] = Batcher(lambda numbers: [], size=1, wait_s=0.0)
    with pytest.raises(ValueError, match="shorter"):
        batcher.ask(1)
    batcher.close()


def test_closing_sends_everyone_away_at_once_and_ends_the_thread(threads: ThreadPoolExecutor) -> None:
    doubler = Doubler()
    doubler.go_on.clear()
    batcher = Batcher(doubler, size=1, wait_s=0.0)
    waiting = ask_all(batcher, threads, [1, 2, 3])
    assert doubler.begun.wait(10)
    closing = threads.submit(batcher.close)
    for answer in waiting:
        with pytest.raises(PolicyClosed, match="the policy is closed"):
            answer.result(timeout=5)
    doubler.go_on.set()
    closing.result(timeout=5)
    assert not [thread for thread in threading.enumerate() if thread.name == "batcher"]
    with pytest.raises(PolicyClosed):
        batcher.ask(4)
    batcher.close()
