"""How commands end: exit codes, and errors as one clear line."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum

import typer

from kernelgym.errors import EvaluatorBroken, KernelGymError, UnknownProblem
from kernelgym.reports.wording import plain
from kernelgym.serving.errors import LedgerUnavailable, TooBusy
from rewards import RewardsError
from sandboxes.errors import SandboxesError


class ExitCode(IntEnum):
    """What the shell is told."""

    VERDICT = 0
    """A verdict was reached, good or bad; or there was nothing to judge and all went well."""
    FAILED = 1
    """A benchmark of the judge found what must not be."""
    USAGE = 2
    """The arguments can't be followed."""
    INFRASTRUCTURE = 3
    """No verdict, and the candidate is not to blame."""


@contextmanager
def one_line_errors() -> Iterator[None]:
    """Turns expected errors into one line on standard error and the exit code that belongs to them.

    Raises:
        typer.Exit: with `USAGE` or `INFRASTRUCTURE`. Any other exception is a bug and passes through.
    """
    try:
        yield
    except UnknownProblem as error:
        complain(f"{error.question} (`kernelgym problems` lists all {len(error.known)})")
        raise typer.Exit(ExitCode.USAGE) from error
    except (EvaluatorBroken, LedgerUnavailable, TooBusy) as error:
        complain(error)
        raise typer.Exit(ExitCode.INFRASTRUCTURE) from error
    except (KernelGymError, RewardsError) as error:
        complain(error)
        raise typer.Exit(ExitCode.USAGE) from error
    except SandboxesError as error:
        complain(error)
        raise typer.Exit(ExitCode.INFRASTRUCTURE) from error


def complain(message: object) -> None:
    """Prints `message` as one line on standard error, with nothing in it that a terminal would obey."""
    _say("error:", message)


def caution(message: object) -> None:
    """Prints a warning in the same manner."""
    _say("warning:", message)


def _say(what: str, message: object) -> None:
    print(what, plain(" ".join(str(message).split())), file=sys.stderr)
