"""The problems that a server has: what is registered where it runs, and what it was started with."""

import re
from collections.abc import Iterable
from fnmatch import fnmatchcase

from kernelgym.errors import UnknownProblem
from kernelgym.problems import Problem, list_problems
from kernelgym.problems.registry import registered_problem
from kernelgym.serving.http.refusals import RequestRefused
from kernelgym.serving.http.wire import ErrorCode, KnownProblem
from sandboxes.contracts import Reference


class Catalogue:
    """Problems by id. A client's selection is only ever matched with ids: it opens no file and no data set.

    Args:
        added: Problems beside the registered ones, e.g. of a KernelBench checkout.
    """

    def __init__(self, added: Iterable[Problem] = ()) -> None:
        self._added = {problem.id: problem for problem in added}

    def problem(self, id: str) -> Problem:
        """Returns a problem.

        Raises:
            UnknownProblem: There is none of this id.
            BrokenPlugin: It would be one of a package whose problems can't be loaded.
        """
        if id in self._added:
            return self._added[id]
        try:
            return registered_problem(id)
        except UnknownProblem as error:
            raise UnknownProblem(id, sorted({*error.known, *self._added})) from error

    def reference(self, known: KnownProblem) -> Reference:
        """Returns the reference that a client means.

        Raises:
            UnknownProblem, BrokenPlugin: as `problem`.
            RequestRefused: The client's problem of this id is another one.
        """
        reference = self.problem(known.id).reference
        if known.check_constants:
            reference = reference.model_copy(update={"check_constants": known.check_constants})
        if known.digest is not None and known.digest != reference.digest:
            message = (
                f"the server's problem {known.id!r} has the digest {reference.digest[:12]}..., yours has "
                f"{known.digest[:12]}...: install the same version on both sides, or send the reference itself"
            )
            raise RequestRefused(ErrorCode.OTHER_PROBLEM, message)
        return reference

    def select(self, selection: str) -> list[Problem]:
        """Returns the problems that terms such as `core`, `core/*`, `core/softmax` match, sorted by id.

        Raises:
            RequestRefused: Nothing matches.
        """
        terms = [term.strip() for term in selection.split(",")]
        patterns = [term if re.search(r"[*?[/]", term) else f"{term}/*" for term in terms if term]
        everything = {problem.id: problem for problem in list_problems()} | self._added
        found = [
            problem
            for id, problem in sorted(everything.items())
            if any(fnmatchcase(id, pattern) for pattern in patterns)
        ]
        if not found:
            message = f"none of the server's {len(everything)} problems matches {selection!r}; `*` matches all"
            raise RequestRefused(ErrorCode.UNKNOWN_PROBLEM, message)
        return found
