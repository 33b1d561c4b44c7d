"""What loading a set of problems gives: the problems, and what had to be left out, each with its reason."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from kernelgym.errors import InvalidReference
from kernelgym.problems.problem import Problem


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejected:
    """One member of a set that can't be a problem."""

    name: str
    """The id that it would have, or its file or row."""
    reason: str
    """What is wrong with it, e.g. ``does not define `Model` ``."""
    remedy: str
    """What to do about it."""

    def __str__(self) -> str:
        """All of it in one line."""
        return f"{self.name}: {self.reason}; {self.remedy}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """A set of problems: one bad file or row costs itself, not the others."""

    problems: tuple[Problem, ...] = ()
    """In the order of the set; ids are unique."""
    rejected: tuple[Rejected, ...] = ()
    """Everything else that the set holds."""


class Intake:
    """Takes the members of a set in, one after the other."""

    def __init__(self, taken: Iterable[str] = ()) -> None:
        """Args:
        taken: Ids that are no longer free.
        """  # fmt: skip
        self._taken = dict.fromkeys(taken, "another problem")
        self._problems: list[Problem] = []
        self._rejected: list[Rejected] = []

    def take(self, name: str, make: Callable[[], Problem]) -> None:
        """Adds the problem that `make` returns.

        An `InvalidReference` that it raises, or an id that is taken, rejects the member instead.

        Args:
            name: What the member is called if it is rejected, or in the way of a later one.
            make: Makes it.
        """
        try:
            problem = make()
        except InvalidReference as error:
            self.reject(name, error.problem, error.remedy)
            return
        if problem.id in self._taken:
            self.reject(name, f"has the id {problem.id!r} of {self._taken[problem.id]}", "give each an id of its own")
            return
        self._taken[problem.id] = name
        self._problems.append(problem)

    def reject(self, name: str, reason: str, remedy: str) -> None:
        """Notes a member that can't be a problem."""
        self._rejected.append(Rejected(name=name, reason=reason, remedy=remedy))

    @property
    def loaded(self) -> Loaded:
        """What has been taken in and what has been rejected so far."""
        return Loaded(problems=tuple(self._problems), rejected=tuple(self._rejected))
