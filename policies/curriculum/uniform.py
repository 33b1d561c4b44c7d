"""The baseline: every problem as often as every other, in shuffled epochs. And loading a sampler of either kind."""

from pathlib import Path
from typing import Self

import numpy as np

from policies.curriculum.book import DifficultyBook
from policies.curriculum.randomness import generator_of, record_of
from policies.curriculum.sampler import ThompsonSampler, check_draw
from policies.curriculum.stored import SamplerRecord, UniformRecord, read_record, write_record


class UniformSampler:
    """Draws each problem once per epoch, in an order of its own; what it learns is kept, but changes no draw.

    Args:
        book: What is known; is updated.
        seed: Of the draws.
    """

    def __init__(self, book: DifficultyBook, seed: int) -> None:
        self.book = book
        self._random = np.random.default_rng(seed)
        self._waiting: list[str] = []

    def draw(self, count: int) -> list[str]:
        """Returns `count` ids; no id twice before all others were drawn once. See `ProblemSampler`."""
        check_draw(count, len(self.book))
        drawn: list[str] = []
        while len(drawn) < count:
            if not self._waiting:
                self._waiting = self._epoch(drawn)
            places = count - len(drawn)
            drawn += self._waiting[:places]
            del self._waiting[:places]
        return drawn

    def update(self, problem: str, successes: int, failures: int, step: int | None = None) -> None:
        """Tells how a group went. See `ProblemSampler`."""
        self.book.observe(problem, successes, failures, step)

    def save(self, path: Path) -> None:
        """Writes everything to a file. See `ProblemSampler`."""
        record = UniformRecord(book=self.book.record(), random=record_of(self._random), waiting=tuple(self._waiting))
        write_record(path, SamplerRecord(sampler=record))

    @classmethod
    def of(cls, record: UniformRecord) -> Self:
        """Returns the sampler that made a record."""
        sampler = cls(DifficultyBook.of(record.book), 0)
        sampler._random = generator_of(record.random)
        sampler._waiting = list(record.waiting)
        return sampler

    def _epoch(self, drawn: list[str]) -> list[str]:
        """Returns all problems in a new order; those that the batch already has come last."""
        order = [self.book.problems[index] for index in self._random.permutation(len(self.book))]
        recent = set(drawn[len(drawn) - len(drawn) % len(order) :])
        return sorted(order, key=lambda problem: problem in recent)


def load_sampler(path: Path) -> ThompsonSampler | UniformSampler:
    """Returns the sampler that `save` wrote; it goes on as the other would have.

    Raises:
        BookUnusable: The file can't be read or believed.
    """
    record = read_record(path, SamplerRecord).sampler
    return ThompsonSampler.of(record) if record.kind == "thompson" else UniformSampler.of(record)
