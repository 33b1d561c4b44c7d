"""A curriculum for several processes: the one of rank 0 draws and learns, and the others hear of it."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from kernelgym.errors import BadUsage
from policies.curriculum import ProblemSampler, Success, Tally
from policies.training.collecting.dynamic_sampling import Judged
from policies.training.exchange import Exchange


@dataclass(slots=True)
class SharedCurriculum:
    """A problem sampler, seen from one of the processes.

    Args:
        sampler: On rank 0 it is asked and told; on others it is left alone.
        success: What counts as one.
        exchange: Among the processes.

    Raises:
        BadUsage: The sampler has no problem, or keeps book of another success.
    """

    sampler: ProblemSampler
    success: Success
    exchange: Exchange

    def __post_init__(self) -> None:
        book = self.sampler.book
        if not len(book):
            raise BadUsage("the curriculum has no problem; give its book some, e.g. DifficultyBook(['core/softmax'])")
        if book.success != str(self.success):
            raise BadUsage(
                f"the curriculum's book is about the success {book.success!r}, but the one to be counted is"
                f" {str(self.success)!r}; count the book's, or begin a new book"
            )

    def draw(self, groups: Collection[int]) -> dict[int, str]:
        """Returns a problem for each of these groups; every process has to call this."""
        drawn = self.sampler.draw(len(groups)) if self.exchange.rank == 0 else None
        return dict(zip(sorted(groups), self.exchange.broadcast(drawn), strict=True))

    def update(self, judged: Mapping[int, Sequence[Judged]], problems: Mapping[int, str], step: int) -> None:
        """Tells how groups went; what was lost is neither success nor failure."""
        if self.exchange.rank == 0:
            for group in sorted(judged):
                tally = Tally.of(episode.success for episode in judged[group])
                self.sampler.update(problems[group], *tally, step)

    def coverage(self) -> float:
        """Returns which share of the problems was ever tried; every process has to call this."""
        book = self.sampler.book
        tried = sum(book.evidence(problem).attempts > 0 for problem in book.problems)
        return float(self.exchange.broadcast(tried / len(book)))
