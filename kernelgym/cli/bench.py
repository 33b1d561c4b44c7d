"""`kernelgym bench` and its subcommands: their options; what they do is in `hacks`."""

from pathlib import Path
from typing import Annotated

import typer

from kernelgym.cli.exits import one_line_errors
from kernelgym.cli.options import Json, Sandbox, Target, Workers

bench_app = typer.Typer(help="Benchmarks of the judge itself: `bench hacks`.", no_args_is_help=True)


@bench_app.callback()
def prepare() -> None:
    """Benchmarks of the judge itself."""


@bench_app.command()
def hacks(
    context: typer.Context,
    selection: Annotated[
        str | None,
        typer.Argument(
            help="Families or programs, e.g. timing, honest/words, hacks/timing/side_stream, separated by commas.",
            show_default="all",
        ),
    ] = None,
    corpus: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Programs of your own.", show_default="the bundled ones")
    ] = None,
    judge: Annotated[
        str | None,
        typer.Option(metavar="MODULE:NAME", help="A judge of your own.", show_default="KernelGym's evaluation"),
    ] = None,
    target: Target = None,
    sandbox: Sandbox = None,
    workers: Workers = None,
    svg: Annotated[Path | None, typer.Option(metavar="FILE", help="Save the tables as a picture, too.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="List every program, not only what went wrong.")] = False,
    json: Json = False,
) -> None:
    """Judge programs that cheat and programs that only look like it; fails if one escapes or is falsely punished."""
    from kernelgym.cli import hacks as command  # noqa: PLC0415 - loads torch

    options = command.Options(
        selection=selection, corpus=corpus, judge=judge, target=target, sandbox=sandbox, workers=workers,
        svg=svg, everything=everything, json=json,
    )  # fmt: skip
    with one_line_errors():
        raise typer.Exit(command.run(options, context.obj))
