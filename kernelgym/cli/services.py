"""What commands need from outside, as one value: tests hand in another one."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from kernelgym.cli.exits import caution
from kernelgym.settings import Settings

if TYPE_CHECKING:  # loading evaluators loads torch, which `kernelgym --help` must not wait for
    from kernelgym.evaluators import Evaluator


def open_local_evaluator(sandbox: str, workers: int) -> "Evaluator":
    """Returns an evaluator that runs everything in this process tree, and warns of a sandbox that leaves gaps."""
    from kernelgym.evaluators import LocalEvaluator  # noqa: PLC0415 - loads torch

    return LocalEvaluator(sandbox=sandbox, workers=workers, on_gaps=warn_of_gaps)


def warn_of_gaps(sandbox: str, gaps: tuple[str, ...]) -> None:
    """Says on standard error, in one line, what a candidate can do in spite of the sandbox it runs in."""
    caution(f"untrusted code runs in the sandbox {sandbox}, which leaves gaps ({'; '.join(gaps)}); see docs/sandbox.md")


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """The environment of a command."""

    settings: Settings
    open_evaluator: "Callable[[str, int], Evaluator]" = open_local_evaluator
    """Makes an evaluator from a sandbox's name and a number of workers; the command closes it."""

    @classmethod
    def from_environment(cls) -> Self:
        """Returns what a user's command runs with.

        Raises:
            InvalidSetting: if a `KERNELGYM_*` variable can't be used.
        """
        return cls(settings=Settings.from_environment(os.environ))
