"""`kernelgym rewards` and its subcommands: their options; what they do is in `scoring`."""

from typing import Annotated

import typer

from kernelgym.cli.exits import one_line_errors
from kernelgym.cli.options import Json
from kernelgym.cli.problems import ListByDefault
from rewards import DEFAULT_REWARD

rewards_app = typer.Typer(
    cls=ListByDefault,
    help="How reports are scored: `rewards` lists all rewards, `rewards score` scores stored reports and runs again.",
)


@rewards_app.command("list")
def list_all(json: Json = False) -> None:
    """List the rewards, and what each pays."""
    from kernelgym.cli import scoring  # noqa: PLC0415 - loads tables that --help can do without

    with one_line_errors():
        scoring.list_all(json=json)


@rewards_app.command()
def score(
    path: Annotated[
        str,
        typer.Argument(
            metavar="PATH", help="What `evaluate --json` printed (`-`: standard input), or the folder of a run."
        ),
    ],
    reward: Annotated[
        str, typer.Option(metavar="NAME|FILE", help="Name of a reward, or a YAML file.")
    ] = DEFAULT_REWARD,
    json: Json = False,
) -> None:  # fmt: skip
    """Score a stored report, or all turns of a run, with any reward: nothing is evaluated again."""
    from kernelgym.cli import scoring  # noqa: PLC0415 - loads tables that --help can do without

    with one_line_errors():
        scoring.score(path, reward, json=json)
