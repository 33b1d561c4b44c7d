"""All problems by id: the built-in ones, and what third parties register."""

from fnmatch import fnmatchcase
from functools import cache

from kernelgym.errors import DuplicateProblem, UnknownProblem
from kernelgym.problems.core.catalogue import core_problems
from kernelgym.problems.problem import Problem
from kernelgym.problems.reference_file import validate_reference


@cache
def _problems() -> dict[str, Problem]:
    """The registry; filled with the built-in problems when it is first asked for."""
    return {problem.id: problem for problem in core_problems()}


def get_problem(id: str) -> Problem:
    """Returns the problem called `id`, e.g. `core/softmax`.

    Raises:
        UnknownProblem: if there is none; names the closest ids.
    """
    known = _problems()
    if id not in known:
        raise UnknownProblem(id, sorted(known))
    return known[id]


def list_problems(pattern: str = "*") -> list[Problem]:
    """Returns the problems whose id matches the shell `pattern` (`core/*`, `*soft*`), sorted by id."""
    return [problem for id_, problem in sorted(_problems().items()) if fnmatchcase(id_, pattern)]


def register_problem(problem: Problem) -> None:
    """Makes `problem` known to `get_problem` and `list_problems` in this process.

    Raises:
        DuplicateProblem: if the id is taken.
        InvalidReference: if the reference's source can't be a problem.
    """
    validate_reference(problem.reference.source, problem.id)
    if problem.id in _problems():
        raise DuplicateProblem(problem.id)
    _problems()[problem.id] = problem
