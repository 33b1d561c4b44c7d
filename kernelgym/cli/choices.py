"""Options with a few values: a wrong one ends in one clear line, like every other error."""

from collections.abc import Callable
from enum import StrEnum
from typing import TypeVar

from kernelgym.cli.exits import one_line_errors
from kernelgym.errors import BadUsage, did_you_mean

Choice = TypeVar("Choice", bound=StrEnum)


def choice_of(option: str, kind: type[Choice]) -> Callable[[str], Choice]:
    """Returns a parser for `typer.Option(parser=...)`.

    Args:
        option: Name of the option, e.g. `--device`.
        kind: Its values.
    """

    def parse(value: str) -> Choice:
        with one_line_errors():
            return choose(option, kind, value)

    return parse


def choose(option: str, kind: type[Choice], value: str) -> Choice:
    """Returns the member of `kind` whose value is `value`.

    Raises:
        BadUsage: if there is none; names the closest, and all.
    """
    known = [str(member) for member in kind]
    if value in known:
        return kind(value)
    question = did_you_mean(value, known)
    it = f"{question} It" if question else "it"
    raise BadUsage(f"{option} is {value!r}; {it} can be {', '.join(f'`{name}`' for name in known)}")


def choices(kind: type[StrEnum]) -> str:
    """Returns the values as `--help` shows them: `cpu|cuda`."""
    return "|".join(kind)
