"""Where a search starts: bundled solutions, or files of your own."""

from hashlib import sha256
from pathlib import Path
from typing import Final

from kernelgym.errors import BadUsage
from kernelgym.problems import Problem, list_solutions

BUNDLED: Final = ("slow", "correct")
"""Bundled solutions of the built-in problems that a search may start from."""

REMEDY: Final = "give --policy-option seed_kernel=PATH, a file or a folder with a file for each problem"


def identity(which: str) -> str:
    """Returns what a run calls the seed kernels: of files, with a digest of their texts."""
    path = Path(which)
    if which in BUNDLED or not path.exists():
        return which
    digest = sha256()
    for file in sorted(path.rglob("*.py")) if path.is_dir() else [path]:
        digest.update(f"{file.relative_to(path)}\0".encode() + file.read_bytes() + b"\0")
    return f"{which}@{digest.hexdigest()[:12]}"


def load_seed_kernel(problem: Problem, which: str) -> str:
    """Returns the program from which the search for a faster one starts.

    Args:
        problem: What it has to solve.
        which: `slow` or `correct`, a bundled solution; the path of a file; or that of a folder in which the program for
            `core/softmax` is `core/softmax.py`.

    Raises:
        BadUsage: There is none for this problem, or it can't be read.
    """
    if which in BUNDLED:
        sources = {solution.name: solution.source for solution in list_solutions(problem.id)}
        if which not in sources:
            raise BadUsage(f"no solution is bundled with {problem.id} for the policy `search` to start from; {REMEDY}")
        return sources[which]
    path = Path(which)
    if path.is_dir():
        path /= f"{problem.id}.py"
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise BadUsage(f"the seed kernel {path} of {problem.id} can't be read ({reason}); {REMEDY}") from None
