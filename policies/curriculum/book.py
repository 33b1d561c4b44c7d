"""The book of difficulties: what is known of every problem's success probability, while the policy changes."""

from collections.abc import Iterable
from pathlib import Path
from typing import Final, Self

from kernelgym.errors import BadUsage
from policies.curriculum.evidence import UNFADING, Evidence, Forgetting
from policies.curriculum.posterior import LARGEST, UNIFORM, Beta
from policies.curriculum.stored import BookRecord, EvidenceRecord, read_record, write_record

MAX_ATTEMPTS: Final = 10**5
"""Most attempts of one group."""


class DifficultyBook:
    """Keeps a posterior per problem; not safe for several threads at once.

    Args:
        problems: Ids that are known without evidence, in the order in which they are kept.
        prior: What is believed of a problem that nobody has tried.
        forgetting: How fast evidence fades; for a policy in training, `TRAINING`.
        success: What counts as a success, e.g. `correct` or `fast:1.2`; a label, so that whoever loads the book knows.

    Raises:
        BadUsage: The prior outweighs all evidence, or `problems` is a text.
    """

    def __init__(
        self,
        problems: Iterable[str] = (),
        *,
        prior: Beta = UNIFORM,
        forgetting: Forgetting = UNFADING,
        success: str = "correct",
    ) -> None:
        if max(prior.alpha, prior.beta) > LARGEST / 2:
            raise BadUsage(f"the prior {prior} outweighs all evidence; give e.g. Beta(1.0, 1.0)")
        self.prior = prior
        self.forgetting = forgetting
        self.success = success
        self.step = 0
        """The latest training step that was heard of."""
        self._evidence: dict[str, Evidence] = {}
        self.add(problems)

    @property
    def problems(self) -> tuple[str, ...]:
        """All ids, in the order in which they were added."""
        return tuple(self._evidence)

    def __contains__(self, problem: object) -> bool:
        return problem in self._evidence

    def __len__(self) -> int:
        return len(self._evidence)

    def add(self, problems: Iterable[str]) -> None:
        """Makes problems known; what is known of them already stays."""
        if isinstance(problems, str):
            raise BadUsage(f"problems is the text {problems!r}; give a sequence of ids, e.g. ({problems!r},)")
        for problem in problems:
            self._evidence.setdefault(problem, Evidence())

    def observe(self, problem: str, successes: int, failures: int, step: int | None = None) -> None:
        """Adds a group of attempts; an unknown problem is added.

        Groups may arrive late: one that was played at an earlier step has the weight that is left of it by now. A group
        without attempts, e.g. because all were lost to the machine, changes nothing but the step.

        Args:
            problem: Its id.
            successes: Attempts that succeeded.
            failures: Attempts that failed. What was lost is in neither.
            step: The training step whose policy played; None for the latest.

        Raises:
            BadUsage: A number is negative or far too large.
        """
        _check_number("successes", successes, MAX_ATTEMPTS)
        _check_number("failures", failures, MAX_ATTEMPTS)
        played = self.step if step is None else step
        self.advance(played)
        new = Evidence(successes=successes, failures=failures, step=played, attempts=successes + failures)
        old = self._evidence.setdefault(problem, Evidence(step=played))
        if not new.attempts:
            return
        latest = max(old.step, new.step)
        old = self._at(old, latest).aged(self.forgetting.per_group, latest)
        new = self._at(new, latest)
        self._evidence[problem] = Evidence(
            successes=min(old.successes + new.successes, LARGEST / 2),
            failures=min(old.failures + new.failures, LARGEST / 2),
            step=latest,
            attempts=old.attempts + new.attempts,
        )

    def advance(self, step: int) -> None:
        """Says which training step it is; all evidence ages to it, and an earlier one than the latest is ignored."""
        self.step = max(self.step, _check_number("step", step))

    def evidence(self, problem: str) -> Evidence:
        """Returns what was seen of a problem, with the weights it has now; nothing if it is unknown."""
        found = self._evidence.get(problem)
        return Evidence(step=self.step) if found is None else self._at(found, self.step)

    def posterior(self, problem: str) -> Beta:
        """Returns what is believed of a problem's success probability now; the prior if it is unknown."""
        seen = self.evidence(problem)
        return self.prior.observed(seen.successes, seen.failures)

    def record(self) -> BookRecord:
        """Returns the book as plain data."""
        return BookRecord(
            success=self.success,
            prior=(self.prior.alpha, self.prior.beta),
            per_step=self.forgetting.per_step,
            per_group=self.forgetting.per_group,
            step=self.step,
            problems={
                problem: EvidenceRecord(
                    successes=seen.successes, failures=seen.failures, step=seen.step, attempts=seen.attempts
                )
                for problem, seen in self._evidence.items()
            },
        )

    @classmethod
    def of(cls, record: BookRecord) -> Self:
        """Returns the book that made a record; it goes on as the other would have."""
        book = cls(
            prior=Beta(*record.prior),
            forgetting=Forgetting(per_step=record.per_step, per_group=record.per_group),
            success=record.success,
        )
        book.step = record.step
        book._evidence = {
            problem: Evidence(successes=seen.successes, failures=seen.failures, step=seen.step, attempts=seen.attempts)
            for problem, seen in record.problems.items()
        }
        return book

    def save(self, path: Path) -> None:
        """Replaces the file at once: whoever is killed meanwhile leaves the old one.

        Raises:
            BookUnusable: It can't be written.
        """
        write_record(path, self.record())

    @classmethod
    def load(cls, path: Path) -> Self:
        """Returns the book in a file.

        Raises:
            BookUnusable: There is none that can be believed.
        """
        return cls.of(read_record(path, BookRecord))

    def _at(self, seen: Evidence, step: int) -> Evidence:
        """Returns evidence as of a step that is not earlier than its own."""
        return seen.aged(self.forgetting.per_step ** (step - seen.step), step)


def _check_number(name: str, value: int, limit: int = 2**53) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= limit:
        raise BadUsage(f"{name} is {value!r}; give a whole number from 0 to {limit}")
    return value
