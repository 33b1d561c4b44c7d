"""Which problems the next training step should try: Thompson sampling of the most informative ones.

A group whose attempts all fail or all succeed has no gradient. The sampler draws a success probability for each problem
from its posterior and takes the problems with the largest `p (1 - p)`. The probability that a group of K is mixed,
`1 - p^K - (1 - p)^K`, would choose the same: both grow as `p` comes nearer to 1/2, whatever K is. A problem that is
hardly known is drawn now and then because its posterior is wide; one that is known to be hopeless is drawn seldom, and
more often as its evidence fades.

Source:
    Thompson sampling for prompts: VADE, arXiv 2511.18902; MoPPS, arXiv 2507.04632.
"""

from pathlib import Path
from typing import Protocol, Self

import numpy as np

from kernelgym.errors import BadUsage
from policies.curriculum.book import DifficultyBook
from policies.curriculum.randomness import generator_of, record_of
from policies.curriculum.stored import SamplerRecord, ThompsonRecord, write_record


class ProblemSampler(Protocol):
    """Chooses the problems of a training step; a trainer calls `draw`, plays a group of each, calls `update` for each.

    What it knows is in `book`. `policies.curriculum.load_sampler` brings back what `save` wrote.
    """

    book: DifficultyBook

    def draw(self, count: int) -> list[str]:
        """Returns `count` ids; no id twice before all others were drawn once.

        Raises:
            BadUsage: No problem is known, or the count is negative.
        """
        ...

    def update(self, problem: str, successes: int, failures: int, step: int | None = None) -> None:
        """Tells how a group went, without what was lost; see `DifficultyBook.observe`."""
        ...

    def save(self, path: Path) -> None:
        """Writes everything to a file, so that a loaded sampler draws what this one would have drawn.

        Raises:
            BookUnusable: It can't be written.
        """
        ...


class ThompsonSampler:
    """Draws problems whose groups are likely to be mixed; the most promising first.

    Args:
        book: What is known; is updated.
        seed: Of the draws.
        exploration: Probability that a place is filled uniformly at random from the problems that were not chosen: no
            problem is forgotten for good, whatever its posterior.

    Raises:
        BadUsage: The exploration is out of range.
    """

    def __init__(self, book: DifficultyBook, seed: int, *, exploration: float = 0.05) -> None:
        if not 0.0 <= exploration <= 1.0:
            raise BadUsage(f"exploration is {exploration}; give a probability, 0 to 1")
        self.book = book
        self.exploration = exploration
        self._random = np.random.default_rng(seed)

    def draw(self, count: int) -> list[str]:
        """Returns `count` ids; no id twice before all others were drawn once. See `ProblemSampler`."""
        problems = self.book.problems
        check_draw(count, len(problems))
        drawn: list[str] = []
        while len(drawn) < count:
            places = min(count - len(drawn), len(problems))
            drawn += [problems[index] for index in self._draw_distinct(places)]
        return drawn

    def update(self, problem: str, successes: int, failures: int, step: int | None = None) -> None:
        """Tells how a group went. See `ProblemSampler`."""
        self.book.observe(problem, successes, failures, step)

    def save(self, path: Path) -> None:
        """Writes everything to a file. See `ProblemSampler`."""
        record = ThompsonRecord(book=self.book.record(), random=record_of(self._random), exploration=self.exploration)
        write_record(path, SamplerRecord(sampler=record))

    @classmethod
    def of(cls, record: ThompsonRecord) -> Self:
        """Returns the sampler that made a record."""
        sampler = cls(DifficultyBook.of(record.book), 0, exploration=record.exploration)
        sampler._random = generator_of(record.random)
        return sampler

    def _draw_distinct(self, places: int) -> list[int]:
        """Returns indices of `places` different problems."""
        beliefs = [self.book.posterior(problem) for problem in self.book.problems]
        chances = self._random.beta([belief.alpha for belief in beliefs], [belief.beta for belief in beliefs])
        shuffled = self._random.permutation(len(beliefs))  # ties are broken at random
        ranking = shuffled[np.argsort(-(chances * (1.0 - chances))[shuffled], kind="stable")]
        explorers = self._random.binomial(places, self.exploration)
        best, others = ranking[: places - explorers], ranking[places - explorers :]
        return [*map(int, best), *map(int, self._random.choice(others, size=explorers, replace=False))]


def check_draw(count: int, known: int) -> None:
    """Raises BadUsage if `count` problems can't be drawn from `known` ones."""
    if isinstance(count, bool) or not isinstance(count, int) or count < 0:
        raise BadUsage(f"the number of problems to draw is {count!r}; give a whole number from 0")
    if count and not known:
        raise BadUsage("there is no problem to draw; give the book some, e.g. DifficultyBook(['core/softmax'])")
