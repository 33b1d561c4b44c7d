"""`kernelgym problems` and its subcommands: their options; what they do is in `catalogue` and `checking`."""

from typing import Annotated, Any, Final

import typer
from typer.core import TyperGroup

from kernelgym.cli.exits import one_line_errors
from kernelgym.cli.options import Difficulties, Json, Levels, Tags, Workers

HELP_OPTIONS: Final = ["-h", "--help"]


class ListByDefault(TyperGroup):
    """A group in which `list` may be left out: `problems SELECTION` means `problems list SELECTION`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Inserts `list` where no subcommand and no help is asked for."""
        if not args or (args[0] not in self.commands and args[0] not in HELP_OPTIONS):
            args = ["list", *args]
        return super().parse_args(ctx, args)


problems_app = typer.Typer(
    cls=ListByDefault,
    help="What there is to solve: `problems [SELECTION]` lists, or looks with `--lint` for answers given away; "
    "`problems show` shows one, `problems check` tries all.",
)

Selection = Annotated[
    str | None,
    typer.Argument(
        help="Part of an id, or terms such as core, core/*, kernelbench:PATH/1/1-20, hf:NAME@SPLIT, jsonl:PATH, "
        "file:PATH, separated by commas.",
        show_default="all that are registered",
    ),
]
Source = Annotated[str | None, typer.Option(metavar="SELECTION", help="The same as an option.")]


@problems_app.command("list")
def list_all(
    context: typer.Context,
    selection: Selection = None,
    source: Source = None,
    tags: Tags = None,
    levels: Levels = None,
    difficulties: Difficulties = None,
    lint: Annotated[
        bool, typer.Option("--lint", help="Look each through instead: does it give its answer away, or ask for little?")
    ] = False,
    workers: Workers = None,
    json: Json = False,
) -> None:
    """List problems, and the members of sets that can't be problems."""
    from kernelgym.cli import catalogue  # noqa: PLC0415 - reads every problem

    with one_line_errors():
        loaded = catalogue.choose(selection, source, tags or (), levels or (), difficulties or ())
        if lint:
            from kernelgym.cli import linting  # noqa: PLC0415 - loads torch

            raise typer.Exit(linting.run(loaded, workers, context.obj, json=json))
        catalogue.list_all(loaded, json=json)


@problems_app.command()
def show(
    problem: Annotated[str, typer.Argument(metavar="ID", help="Its id, or a selection of one problem.")],
    json: Json = False,
) -> None:
    """Show one problem: shapes and reference."""
    from kernelgym.cli import catalogue  # noqa: PLC0415 - reads every problem

    with one_line_errors():
        catalogue.show(problem, json=json)


@problems_app.command()
def check(
    context: typer.Context,
    selection: Selection = None,
    source: Source = None,
    tags: Tags = None,
    levels: Levels = None,
    difficulties: Difficulties = None,
    workers: Workers = None,
    json: Json = False,
) -> None:
    """Bring each reference to life: its cases and its work, or why it can't be used."""
    from kernelgym.cli import catalogue, checking  # noqa: PLC0415 - reads every problem

    with one_line_errors():
        loaded = catalogue.choose(selection, source, tags or (), levels or (), difficulties or ())
        raise typer.Exit(checking.run(loaded, workers, context.obj, json=json))
