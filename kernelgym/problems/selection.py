"""Selections: one line of text that says which problems, from wherever they come.

A selection is a comma separated list of terms, kept in its order: `core`, `core/softmax,core/matmul`, `*soft*`.
"""

from collections.abc import Sequence
from fnmatch import fnmatchcase

from kernelgym.errors import BadUsage
from kernelgym.problems.filters import Filters, unknown
from kernelgym.problems.loaded import Loaded
from kernelgym.problems.problem import Problem
from kernelgym.problems.registry import get_problem, list_problems


def select_problems(
    selection: str, *, tags: Sequence[str] = (), levels: Sequence[int] = (), difficulties: Sequence[str] = ()
) -> list[Problem]:
    """Returns the problems that `selection` names, in its order and each once.

    Args:
        selection: Comma separated terms, e.g. `core`, `core/*`, `core/softmax`, `*soft*`.
        tags: Only problems that have at least one of these.
        levels: Only problems of these levels.
        difficulties: Only problems of these difficulties: `easy`, `medium`, `hard`.

    Raises:
        BadUsage: if a term names nothing, a filter is none, or nothing is left.
        UnknownProblem: if a problem that is named by its id does not exist; names the closest ids.
    """
    return list(load_problems(selection, tags=tags, levels=levels, difficulties=difficulties).problems)


def load_problems(
    selection: str, *, tags: Sequence[str] = (), levels: Sequence[int] = (), difficulties: Sequence[str] = ()
) -> Loaded:
    """Returns what `select_problems` does, and what had to be left out with its reasons. Raises the same."""
    filters = Filters.checked(tags, levels, difficulties)
    found: dict[str, Problem] = {}
    for term in (part.strip() for part in selection.split(",")):
        for problem in _registered(term):
            found.setdefault(problem.id, problem)
    kept = filters.keep(found.values())
    if not kept:
        raise BadUsage(f"none of the {len(found)} problems of {selection!r} has {filters}; ask for less")
    return Loaded(problems=kept)


def _registered(term: str) -> list[Problem]:
    if set("*?[") & set(term):
        matching = list_problems(term)
        if not matching:
            raise BadUsage(f"no problem's id matches {term!r}; `*` lists all")
        return matching
    namespaces = {problem.id.partition("/")[0] for problem in list_problems()}
    if term in namespaces:
        return [problem for problem in list_problems() if fnmatchcase(problem.id, f"{term}/*")]
    if not term:
        raise BadUsage(unknown("set of problems", term, namespaces))
    return [get_problem(term)]
