"""Samplers: what they draw, how often, and that a resumed one draws the same."""

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernelgym.errors import BadUsage
from policies.curriculum import (
    TRAINING,
    DifficultyBook,
    ProblemSampler,
    Tally,
    ThompsonSampler,
    UniformSampler,
    load_sampler,
)
from policies.errors import BookUnusable

MAKERS: list[Callable[[DifficultyBook, int], ProblemSampler]] = [ThompsonSampler, UniformSampler]
both = pytest.mark.parametrize("make", MAKERS, ids=["thompson", "uniform"])


def ids(count: int) -> list[str]:
    return [f"problem/{number}" for number in range(count)]


@both
@given(known=st.integers(1, 12), counts=st.lists(st.integers(0, 40), max_size=6), seed=st.integers(0, 5))
def test_no_problem_comes_twice_before_all_others_came_once(
    make: Callable[[DifficultyBook, int], ProblemSampler], known: int, counts: list[int], seed: int
) -> None:
    sampler = make(DifficultyBook(ids(known)), seed)
    for count in counts:
        batch = sampler.draw(count)
        assert len(batch) == count
        for begin in range(0, count, known):
            part = batch[begin : begin + known]
            assert len(set(part)) == len(part)


@both
def test_the_same_seed_draws_the_same_and_another_one_does_not(
    make: Callable[[DifficultyBook, int], ProblemSampler],
) -> None:
    def story(seed: int) -> list[list[str]]:
        sampler = make(DifficultyBook(ids(20), forgetting=TRAINING), seed)
        batches = []
        for step in range(5):
            batches.append(sampler.draw(4))
            for problem in batches[-1]:
                sampler.update(problem, step % 3, 2, step)
        return batches

    assert story(0) == story(0)
    assert story(0) != story(1)


@both
@given(before=st.integers(0, 6), draws=st.integers(1, 7), known=st.integers(1, 9))
def test_a_sampler_that_was_read_back_draws_what_the_other_would_have(
    tmp_path_factory: pytest.TempPathFactory,
    make: Callable[[DifficultyBook, int], ProblemSampler],
    before: int,
    draws: int,
    known: int,
) -> None:
    def play(sampler: ProblemSampler, steps: range) -> list[list[str]]:
        batches = []
        for step in steps:
            batches.append(sampler.draw(draws))
            for place, problem in enumerate(batches[-1]):
                sampler.update(problem, place % 3, step % 2, step)
        return batches

    path = tmp_path_factory.mktemp("sampler") / "sampler.json"
    sampler = make(DifficultyBook(ids(known), forgetting=TRAINING), 7)
    play(sampler, range(before))
    sampler.save(path)
    resumed = load_sampler(path)
    assert type(resumed) is type(sampler)
    assert play(resumed, range(before, before + 5)) == play(sampler, range(before, before + 5))
    assert resumed.book.record() == sampler.book.record()


@both
def test_where_nothing_is_known_nothing_can_be_drawn(make: Callable[[DifficultyBook, int], ProblemSampler]) -> None:
    sampler = make(DifficultyBook(), 0)
    assert sampler.draw(0) == []
    with pytest.raises(BadUsage, match="no problem to draw"):
        sampler.draw(1)
    sampler.update("problem/late", 1, 0, step=3)
    assert sampler.draw(2) == ["problem/late", "problem/late"]


@both
@pytest.mark.parametrize("count", [-1, 1.0, True])
def test_a_batch_has_a_whole_number_of_problems(
    make: Callable[[DifficultyBook, int], ProblemSampler], count: int
) -> None:
    with pytest.raises(BadUsage, match="whole number"):
        make(DifficultyBook(ids(2)), 0).draw(count)


def test_informative_problems_are_preferred_to_easy_and_hopeless_ones() -> None:
    book = DifficultyBook(ids(30))
    for number in range(30):
        book.observe(f"problem/{number}", (0, 32, 16)[number % 3], (32, 0, 16)[number % 3])
    sampler = ThompsonSampler(book, 0, exploration=0.0)
    drawn = [problem for _ in range(50) for problem in sampler.draw(8)]
    assert all(int(problem.split("/")[1]) % 3 == 2 for problem in drawn)


def test_an_untried_problem_is_preferred_to_one_that_is_known_to_be_hopeless() -> None:
    book = DifficultyBook(["hopeless", "untried"])
    book.observe("hopeless", 0, 64)
    drawn = Counter(ThompsonSampler(book, seed, exploration=0.0).draw(1)[0] for seed in range(100))
    assert drawn["untried"] > 85


def test_equal_problems_are_drawn_equally_often() -> None:
    sampler = ThompsonSampler(DifficultyBook(ids(10)), 0, exploration=0.0)
    drawn = Counter(problem for _ in range(1500) for problem in sampler.draw(2))
    assert min(drawn[problem] for problem in ids(10)) > 230  # 300 expected, standard deviation 15.5
    assert max(drawn.values()) < 370


def test_ties_are_broken_at_random(monkeypatch: pytest.MonkeyPatch) -> None:
    sampler = ThompsonSampler(DifficultyBook(ids(10)), 0, exploration=0.0)

    class Certain:
        """A generator whose every problem is solved half the time."""

        def __init__(self, random: object) -> None:
            self.random = random

        def beta(self, alpha: list[float], beta: list[float]) -> object:
            return self.random.beta(alpha, beta) * 0.0 + 0.5  # type: ignore[attr-defined]

        def __getattr__(self, name: str) -> object:
            return getattr(self.random, name)

    monkeypatch.setattr(sampler, "_random", Certain(sampler._random))
    drawn = Counter(problem for _ in range(1000) for problem in sampler.draw(1))
    assert min(drawn[problem] for problem in ids(10)) > 60  # 100 expected, standard deviation 9.5


def test_exploration_leaves_no_problem_out() -> None:
    def shares(exploration: float) -> Counter[str]:
        book = DifficultyBook(ids(20))
        for number in range(20):
            book.observe(f"problem/{number}", 500 if number < 10 else 0, 500)
        sampler = ThompsonSampler(book, 0, exploration=exploration)
        return Counter(problem for _ in range(500) for problem in sampler.draw(5))

    assert len(shares(0.0)) == 10
    explored = shares(0.2)
    hopeless = [explored[f"problem/{number}"] for number in range(10, 20)]
    assert min(hopeless) > 10  # 500 draws of 5 places, 1 of them explores 20 problems less 4: 31 expected
    assert sum(hopeless) < 500


def test_uniform_plays_every_problem_once_per_epoch() -> None:
    sampler = UniformSampler(DifficultyBook(ids(12)), 0)
    drawn = Counter(problem for _ in range(18) for problem in sampler.draw(4))
    assert drawn == dict.fromkeys(ids(12), 6)


def test_attempts_that_were_lost_count_nowhere() -> None:
    assert Tally.of([True, None, False, True, None]) == (2, 1)
    assert Tally.of([]) == Tally.of([None]) == (0, 0)
    sampler = ThompsonSampler(DifficultyBook(ids(1)), 0)
    sampler.update("problem/0", *Tally.of([None, True, None]), step=1)
    assert sampler.book.evidence("problem/0").attempts == 1


@pytest.mark.parametrize("exploration", [-0.1, 1.1, float("nan")])
def test_exploration_is_a_probability(exploration: float) -> None:
    with pytest.raises(BadUsage, match="exploration"):
        ThompsonSampler(DifficultyBook(), 0, exploration=exploration)


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "oracle"},
        {"waiting": ["problem/9"]},
        {"waiting": ["problem/0", "problem/0"]},
        {"random": {"state": -1, "increment": 1, "has_half": False, "half": 0}},
        {"random": {"state": 2**128, "increment": 1, "has_half": False, "half": 0}},
        {"random": {"state": 1, "increment": 2, "has_half": False, "half": 0}},
        {"book": None},
        {"exploration": 0.5},
    ],
    ids=str,
)
def test_a_sampler_that_lies_is_refused(tmp_path: Path, change: dict[str, object]) -> None:
    path = tmp_path / "sampler.json"
    sampler = UniformSampler(DifficultyBook(ids(3)), 0)
    sampler.draw(1)
    sampler.save(path)
    document = json.loads(path.read_text())
    path.write_text(json.dumps({"sampler": document["sampler"] | change}))
    with pytest.raises(BookUnusable, match="no sampler of this version"):
        load_sampler(path)


def test_a_book_is_no_sampler(tmp_path: Path) -> None:
    DifficultyBook(["a"]).save(tmp_path / "book.json")
    with pytest.raises(BookUnusable, match="no sampler"):
        load_sampler(tmp_path / "book.json")
