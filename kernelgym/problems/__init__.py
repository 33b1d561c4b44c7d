"""What there is to solve: problems, where they come from, and known solutions of the built-in ones."""

from kernelgym.problems.loaded import Loaded, Rejected
from kernelgym.problems.problem import Difficulty, Problem
from kernelgym.problems.reference_file import problem_from_file, validate_reference
from kernelgym.problems.registry import list_problems, register_problem
from kernelgym.problems.selection import get_problem, load_problems, select_problems
from kernelgym.problems.solutions import Solution, list_solutions

__all__ = [
    # a problem
    "Difficulty", "Problem",
    # choosing problems
    "Loaded", "Rejected", "get_problem", "list_problems", "load_problems", "select_problems",
    # where problems come from
    "problem_from_file", "register_problem", "validate_reference",
    # candidates whose outcome is known
    "Solution", "list_solutions",
]  # fmt: skip
