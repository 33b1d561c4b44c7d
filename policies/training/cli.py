"""The command `kernelgym train` and its options; what it does is in `policies.training.running`, loaded when it runs.

An entry point of the group `kernelgym.commands`; nothing here imports torch, TRL or pydantic's models.
"""

from pathlib import Path
from typing import Annotated

import typer

from kernelgym.cli.exits import one_line_errors
from kernelgym.cli.options import EvaluatorAddress, Json


def train(
    context: typer.Context,
    recipe: Annotated[Path, typer.Argument(metavar="RECIPE", help="YAML file, e.g. examples/recipes/tiny-cpu.yaml.")],
    overrides: Annotated[
        list[str] | None,
        typer.Argument(metavar="KEY=VALUE", help="Go before the file, e.g. trainer.learning_rate=1e-5."),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Check everything and print the plan; train nothing.")
    ] = False,
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the newest checkpoint of the output.")] = False,
    processes: Annotated[
        int | None,
        typer.Option(min=1, max=4096, help="--dry-run: for so many processes.", show_default="those there are"),
    ] = None,
    evaluation_s: Annotated[
        float | None,
        typer.Option(
            "--evaluation-seconds", metavar="S", help="--dry-run: time of one evaluation.", show_default="0.76"
        ),
    ] = None,
    evaluator: EvaluatorAddress = None,
    json: Json = False,
) -> None:
    """Train a model by a recipe: cold start from kept episodes, or reinforcement learning in the environment."""
    from policies.training.running import command  # noqa: PLC0415 - loads torch

    chosen = [f"environment.evaluator={evaluator}"] if evaluator is not None else []
    options = command.Options(
        recipe=recipe, overrides=(*(overrides or ()), *chosen), dry_run=dry_run, resume=resume, processes=processes,
        evaluation_s=evaluation_s, json=json,
    )  # fmt: skip
    with one_line_errors():
        raise typer.Exit(command.run(options, context.obj))
