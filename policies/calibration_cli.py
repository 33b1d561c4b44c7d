"""The command `kernelgym calibrate` and its options; what it does is in `policies.curriculum`, loaded when it runs.

An entry point of the group `kernelgym.commands`; nothing here imports numpy or pydantic's models.
"""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from kernelgym.cli.choices import choice_of, choices
from kernelgym.cli.exits import one_line_errors
from kernelgym.cli.options import Json


class Turn(StrEnum):
    """Which turn of an episode has to be a success."""

    BEST = "best"
    FIRST = "first"
    LAST = "last"


def calibrate(
    runs: Annotated[list[Path], typer.Argument(metavar="DIR", help="Folders of `kernelgym run`.")],
    success: Annotated[
        str, typer.Option(metavar="correct|fast:X", help="What counts; fast:1.2 is correct and 1.2 times as fast.")
    ] = "correct",
    turn: Annotated[
        Turn,
        typer.Option(
            parser=choice_of("--turn", Turn), metavar=choices(Turn), help="Which turn has to be a success; best: any."
        ),
    ] = Turn.BEST,
    group_size: Annotated[int, typer.Option(min=1, max=10_000, help="Attempts per group in training.")] = 8,
    too_easy: Annotated[
        float, typer.Option(metavar="P", help="Success probability above which a problem is too easy.")
    ] = 0.9,
    impossible: Annotated[
        float, typer.Option(metavar="P", help="Success probability below which it is impossible so far.")
    ] = 0.05,
    confidence: Annotated[
        float, typer.Option(metavar="P", help="How sure either has to be: a posterior probability.")
    ] = 0.8,
    minimum: Annotated[int, typer.Option(min=1, help="Episodes that any verdict needs.")] = 8,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the book of difficulties here, for a sampler.")
    ] = None,
    selection: Annotated[
        bool, typer.Option("--selection", help="Print only the ids that are worth training on, for --problems.")
    ] = False,
    json: Json = False,
) -> None:
    """Say how difficult each problem of finished runs is for their policy, and which teach it nothing."""
    from policies.curriculum import command  # noqa: PLC0415 - loads numpy and pydantic models

    options = command.Options(
        runs=tuple(runs), success=success, turn=turn, group_size=group_size, too_easy=too_easy, impossible=impossible,
        confidence=confidence, minimum=minimum, out=out, selection=selection, json=json,
    )  # fmt: skip
    with one_line_errors():
        command.run(options)
