"""What can be wrong about targets: there is none of that name, or the file that describes one can't be used."""

from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path

from sandboxes.errors import SandboxesError


class UnknownTarget(SandboxesError, ValueError):
    """No target has this name; the message lists those that exist.

    Args:
        name: What was asked for.
        known: Names of those that exist.
    """

    def __init__(self, name: str, known: Sequence[str]) -> None:
        close = get_close_matches(name.lower(), known, n=1)
        meant = f" Did you mean `{close[0]}`?" if close else ""
        super().__init__(
            f"There is no target `{name}`.{meant} Known: {', '.join(known)}. KERNELGYM_TARGETS names files of others."
        )
        self.name = name
        self.known = tuple(known)

    def __reduce__(self) -> tuple[type["UnknownTarget"], tuple[str, tuple[str, ...]]]:
        return type(self), (self.name, self.known)


class BadTarget(SandboxesError, ValueError):
    """A file describes no target; the message names the file, the key, the value and the remedy.

    Args:
        path: The file, or the folder of files.
        problem: What is wrong, and what to do about it.
    """

    def __init__(self, path: Path, problem: str) -> None:
        super().__init__(f"the target file {path}: {problem}")
        self.path = path
        self.problem = problem

    def __reduce__(self) -> tuple[type["BadTarget"], tuple[Path, str]]:
        return type(self), (self.path, self.problem)
