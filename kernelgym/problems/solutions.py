"""Candidates whose outcome is known: good, slow and wrong solutions, and demonstrations of what is caught.

They are package data, read as text and run only in a sandbox; the tests of the pipeline and `kernelgym demo` use them.
"""

from dataclasses import dataclass
from importlib.resources import files
from typing import Final

from kernelgym.problems.core.catalogue import CATALOGUE
from sandboxes.contracts import Outcome, Submission

SOLUTIONS: Final = {"correct": Outcome.OK, "slow": Outcome.OK, "wrong": Outcome.INCORRECT}
"""What every built-in problem has in `core/solutions/<problem>/`, and how it is judged."""

RACING: Final = {("core/scatter_add", "wrong"): Outcome.MEMORY_ERROR}
"""Wrong solutions that never get as far as a comparison, because their programs race."""

DEMONSTRATIONS: Final = {
    "compile_error": Outcome.COMPILE_ERROR,
    "decoy": Outcome.HACK,
    "hang": Outcome.TIMEOUT,
    "item": Outcome.UNTRACEABLE,
    "network": Outcome.TRACE_ERROR,
    "no_model": Outcome.IMPORT_ERROR,
    "os_exit": Outcome.TRACE_ERROR,
    "out_of_bounds": Outcome.MEMORY_ERROR,
    "pass_through": Outcome.HACK,
    "syntax_error": Outcome.SYNTAX_ERROR,
    "torch_only": Outcome.HACK,
}
"""The files of `core/demo/`, candidates for `core/add_relu`, and how each is judged."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Solution:
    """One candidate and what the pipeline has to say about it."""

    problem_id: str
    """The problem that it is for."""
    name: str
    """Unique within the problem, e.g. `correct`, `demo/decoy`."""
    expected: Outcome
    """How the evaluation must end."""
    source: str
    """The candidate."""

    @property
    def submission(self) -> Submission:
        """The candidate as it is submitted."""
        return Submission(source=self.source)


def list_solutions(problem_id: str | None = None) -> list[Solution]:
    """Returns the known solutions of one problem, or of all; empty for a problem that has none."""
    core = files("kernelgym.problems.core")
    known = [(f"core/{problem}", f"solutions/{problem}/{name}", name) for problem in CATALOGUE for name in SOLUTIONS]
    known += [("core/add_relu", f"demo/{name}", f"demo/{name}") for name in DEMONSTRATIONS]
    expected = SOLUTIONS | {f"demo/{name}": outcome for name, outcome in DEMONSTRATIONS.items()}
    return [
        Solution(
            problem_id=problem,
            name=name,
            expected=RACING.get((problem, name), expected[name]),
            source=(core / f"{path}.py").read_text(encoding="utf-8"),
        )
        for problem, path, name in known
        if problem_id in (None, problem)
    ]
