"""Everything that kernelgym itself raises.

    KernelGymError
    ├── UnknownProblem    (LookupError)   no problem has this id
    ├── DuplicateProblem  (ValueError)    the id is taken
    ├── InvalidReference  (ValueError)    a reference file that can't be a problem
    ├── InvalidSetting    (ValueError)    a `KERNELGYM_*` variable that can't be used
    ├── BadUsage          (ValueError)    arguments that don't go together or name nothing
    ├── BrokenPlugin      (RuntimeError)  an installed package whose problems can't be loaded
    ├── EpisodeOver       (RuntimeError)  a turn was played after the last one
    ├── RunFolderUnusable (ValueError)    a folder that holds another run, is in use, or can't be read or written
    ├── EvaluatorBroken   (RuntimeError)  no worker could answer, and nobody's input is to blame
    ├── WorkerLost        (RuntimeError)  a worker process ended, and what it worked on is not to blame
    └── Stopped           (RuntimeError)  an evaluation was ended by whoever wanted it

A candidate that fails is not here: it is data (`Report.outcome`). To add an error: inherit from the root and from the
stdlib type that a caller would expect, hand all constructor arguments to `super().__init__` so that it survives
pickling, and write the message in `__str__`: the thing, the value, the remedy.
"""

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Final, Self

REMEDY: Final = "correct the reference, or install what it needs"

SIMILAR: Final = 0.6
"""Similarity, of at most 1, from which a name is suggested."""


def first_line(error: BaseException) -> str:
    """Returns the kind of an error of somebody else's and the first line of what it says, for a message of one line."""
    return f"{type(error).__name__}: {str(error).strip().partition(chr(10))[0][:300]}"


def did_you_mean(value: str, known: Iterable[str]) -> str:
    """Returns `did you mean 'x'?` with the one of `known` that is most like `value`; empty if none is like it."""
    close = get_close_matches(value.lower(), sorted(known), n=1, cutoff=SIMILAR)
    return f"did you mean {close[0]!r}?" if close else ""


class KernelGymError(Exception):
    """Root of all errors of this package."""


class UnknownProblem(KernelGymError, LookupError):
    """No problem is registered under this id."""

    def __init__(self, problem_id: str, known: Iterable[str] = ()) -> None:
        """Args:
        problem_id: What was asked for.
        known: All registered ids; the closest are suggested.
        """  # fmt: skip
        self.problem_id = problem_id
        self.known = tuple(known)
        super().__init__(problem_id, self.known)

    @property
    def suggestions(self) -> tuple[str, ...]:
        """Registered ids that look like the unknown one after the `/`, most similar first.

        What stands before the `/` is left out: a shared prefix would make any two ids similar.
        """
        names = {id_.rpartition("/")[2]: id_ for id_ in reversed(self.known)}
        close = get_close_matches(self.problem_id.rpartition("/")[2], names, n=3, cutoff=SIMILAR)
        return tuple(names[name] for name in close)

    @property
    def question(self) -> str:
        """The message without the remedy, which is another one on the command line than in Python."""
        message = f"no problem is called {self.problem_id!r}"
        if self.suggestions:
            message += f"; did you mean {' or '.join(map(repr, self.suggestions))}?"
        return message

    def __str__(self) -> str:
        return f"{self.question} (kernelgym.problems.list_problems() returns all {len(self.known)} problems)"


class DuplicateProblem(KernelGymError, ValueError):
    """A problem with this id is already registered."""

    def __init__(self, problem_id: str) -> None:
        self.problem_id = problem_id
        super().__init__(problem_id)

    def __str__(self) -> str:
        return f"a problem called {self.problem_id!r} is already registered; choose another id, e.g. with a prefix"


class _Invalid(KernelGymError, ValueError):
    """Something with a name that can't be used.

    Args:
        name: What it is called.
        problem: What is wrong with it.
        remedy: What to do about it.
    """

    def __init__(self, name: str, problem: str, remedy: str) -> None:
        self.name = name
        self.problem = problem
        self.remedy = remedy
        super().__init__(name, problem, remedy)


class InvalidReference(_Invalid):
    """A reference that can't be a problem: unreadable, not Python, or something is missing in it.

    Its name is the file, or the id if there is no file.
    """

    def __str__(self) -> str:
        return f"{self.name}: {self.problem}; {self.remedy}"

    @classmethod
    def of(cls, problem_id: str, message: str) -> Self:
        """Returns the error for what `sandboxes` says of the reference of `problem_id`."""
        return cls(problem_id, message.removeprefix(f"the reference `{problem_id}` "), REMEDY)


class InvalidSetting(_Invalid):
    """An environment variable of ours, e.g. `KERNELGYM_WORKERS`, that is unknown or has an unusable value."""

    def __str__(self) -> str:
        return f"the environment variable {self.name} {self.problem}; {self.remedy}"


class BadUsage(KernelGymError, ValueError):
    """Arguments that can't be followed, such as a missing file; the message names the thing, the value, the remedy."""


class BrokenPlugin(KernelGymError, RuntimeError):
    """An installed package registers problems that can't be loaded."""

    def __init__(self, entry: str, distribution: str, problem: str, remedy: str) -> None:
        """Args:
        entry: Name of its entry point.
        distribution: Who registers it, e.g. `acme-kernels 1.0`.
        problem: What went wrong.
        remedy: What to do about it.
        """  # fmt: skip
        self.entry = entry
        self.distribution = distribution
        self.problem = problem
        self.remedy = remedy
        super().__init__(entry, distribution, problem, remedy)

    def __str__(self) -> str:
        return f"the problems {self.entry!r} of {self.distribution} {self.problem}; {self.remedy}"


class EpisodeOver(KernelGymError, RuntimeError):
    """A turn was played although the episode has ended.

    Args:
        where: Which episode, e.g. `the episode on core/softmax`.
        turns: How many turns were played.
    """

    def __init__(self, where: str, turns: int) -> None:
        self.where = where
        self.turns = turns
        super().__init__(where, turns)

    def __str__(self) -> str:
        return f"{self.where} ended after {self.turns} {'turn' if self.turns == 1 else 'turns'}; reset it to begin anew"


class EvaluatorBroken(KernelGymError, RuntimeError):
    """Something could not be looked up because our own machinery failed; `kernelgym doctor` checks this machine."""


class WorkerLost(KernelGymError, RuntimeError):
    """A worker process ended or could not go on for a reason that is not its task's; another one may do the task.

    Args:
        detail: What became of it.
    """

    def __init__(self, detail: str) -> None:
        self.detail = detail
        super().__init__(detail)

    def __str__(self) -> str:
        return f"a worker was lost: {self.detail}; nothing is said about what it worked on, so have it done again"


class Stopped(KernelGymError, RuntimeError):
    """What was under way was ended by `stop`, before there was an answer."""

    def __str__(self) -> str:
        return "it was stopped before there was an answer"


class RunFolderUnusable(KernelGymError, ValueError):
    """A run can't be kept in, or read from, the folder that was named; the message says why and what to do."""
