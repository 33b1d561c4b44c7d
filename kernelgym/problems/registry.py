"""All problems that have an id by themselves: the built-in ones, and what third parties register.

Third parties register with `register_problem` in this process, or by an entry point (see `plugins`).
"""

import re
from collections.abc import Iterator
from fnmatch import fnmatchcase
from functools import cache

from kernelgym.errors import BrokenPlugin, DuplicateProblem, UnknownProblem
from kernelgym.problems.core.catalogue import core_problems
from kernelgym.problems.loaded import Loaded, Rejected
from kernelgym.problems.plugins import RESERVED, load_plugin, plugin_names
from kernelgym.problems.problem import Problem
from kernelgym.problems.reference_file import validate_reference


@cache
def _problems() -> dict[str, Problem]:
    """The registry without plugins; filled with the built-in problems when it is first asked for."""
    return {problem.id: problem for problem in core_problems()}


def registered_problem(id: str) -> Problem:
    """Returns the problem called `id`, e.g. `core/softmax`.

    Raises:
        UnknownProblem: if there is none; names the closest ids.
        BrokenPlugin: if it would be one of a package whose problems can't be loaded.
    """
    known = dict(_problems())
    if id not in known:
        for name in _plugins_for(id):
            loaded = load_plugin(name)
            if isinstance(loaded, BrokenPlugin):
                raise loaded
            known = {problem.id: problem for problem in loaded.problems} | known
    if id not in known:
        raise UnknownProblem(id, sorted(known))
    return known[id]


def list_problems(pattern: str = "*") -> list[Problem]:
    """Returns the problems whose id matches the shell `pattern` (`core/*`, `*soft*`), sorted by id.

    Of packages whose problems can't be loaded there are none; `load_problems` says which these are, and why.
    """
    return list(registered_problems(pattern).problems)


def registered_problems(pattern: str) -> Loaded:
    """Returns what `list_problems` does, and everything that a package registered in vain and that may match."""
    found = {id_: problem for id_, problem in _problems().items() if fnmatchcase(id_, pattern)}
    rejected: list[Rejected] = []
    for name in _plugins_for(pattern):
        loaded = load_plugin(name)
        if isinstance(loaded, BrokenPlugin):
            reason = f"the problems of {loaded.distribution} {loaded.problem}"
            rejected.append(Rejected(name=name, reason=reason, remedy=loaded.remedy))
            continue
        rejected += loaded.rejected
        for problem in loaded.problems:
            if fnmatchcase(problem.id, pattern):
                found.setdefault(problem.id, problem)
    return Loaded(problems=tuple(problem for _, problem in sorted(found.items())), rejected=tuple(rejected))


def namespaces() -> set[str]:
    """Returns what stands before the first `/` of all ids; loads no plugin."""
    return {id_.partition("/")[0] for id_ in _problems()} | set(plugin_names())


def register_problem(problem: Problem) -> None:
    """Makes `problem` known to `get_problem`, `list_problems` and selections in this process.

    Raises:
        DuplicateProblem: if the id is taken.
        InvalidReference: if the reference's source can't be a problem.
    """
    validate_reference(problem.reference.source, problem.id)
    if problem.id in _problems():
        raise DuplicateProblem(problem.id)
    _problems()[problem.id] = problem


def _plugins_for(pattern: str) -> Iterator[str]:
    """Yields the namespaces of plugins in which something can match `pattern`."""
    literal = re.split(r"[*?[]", pattern, maxsplit=1)[0]
    namespace, slash, _ = literal.partition("/")
    if slash and namespace in RESERVED:
        return
    for name in plugin_names():
        if namespace == name if slash else name.startswith(literal):
            yield name
