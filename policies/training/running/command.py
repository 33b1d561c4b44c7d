"""What `kernelgym train` does: from a recipe to a plan, or to a trained model."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import typer
from rich.console import Console

from kernelgym.cli.exits import ExitCode, caution
from kernelgym.cli.services import Services
from kernelgym.errors import BadUsage
from kernelgym.reports import dump_document
from policies.training.plans.plan import EVALUATION_S, Plan, make_plan
from policies.training.plans.plan_tables import render_plan
from policies.training.recipes.recipe import SftRecipe, load_recipe


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The command's options; None means "as it is"."""

    recipe: Path
    overrides: tuple[str, ...]
    dry_run: bool
    resume: bool
    processes: int | None
    evaluation_s: float | None
    json: bool


def run(options: Options, services: Services) -> int:
    """Plans, trains and prints; returns the exit code.

    Raises:
        KernelGymError, RewardsError: The recipe or the options can't be followed.
        SandboxesError: No candidate can be run on this machine.
    """
    recipe = load_recipe(options.recipe, options.overrides)
    planned = options.processes is not None or options.evaluation_s is not None
    if planned and not options.dry_run:
        raise BadUsage("--processes and --evaluation-seconds are for --dry-run; `accelerate launch` starts processes")
    if options.evaluation_s is not None and not 0 < options.evaluation_s < float("inf"):
        raise BadUsage(f"--evaluation-seconds is {options.evaluation_s}; give a number above 0")
    plan = make_plan(
        recipe, services.settings, processes=options.processes or processes_of(os.environ),
        evaluation_s=options.evaluation_s or EVALUATION_S,
    )  # fmt: skip
    if options.dry_run:
        return _show(plan, as_json=options.json)
    if plan.refused:
        raise BadUsage(plan.refused[0])
    main = os.environ.get("RANK", "0") == "0"
    if main:
        for text in plan.cautions:
            caution(text)
    if isinstance(recipe, SftRecipe):
        from policies.training.running.sft import train as cold_start  # noqa: PLC0415 - loads TRL

        return cold_start(recipe, plan, services, resume=options.resume, as_json=options.json)
    from policies.training.running.train import train  # noqa: PLC0415 - loads TRL

    return train(recipe, plan, services, resume=options.resume, as_json=options.json)


def processes_of(environment: Mapping[str, str]) -> int:
    """Returns how many processes a launcher has started, from `WORLD_SIZE`; 1 without one.

    Raises:
        BadUsage: The variable is no number from 1.
    """
    text = environment.get("WORLD_SIZE", "1")
    if not text.isdecimal() or int(text) < 1:
        raise BadUsage(f"the environment variable WORLD_SIZE is {text!r}; `accelerate launch` sets it, or unset it")
    return int(text)


def _show(plan: Plan, *, as_json: bool) -> int:
    if as_json:
        typer.echo(dump_document(plan.document()))
    else:
        Console(highlight=False).print(render_plan(plan), soft_wrap=False)
    return ExitCode.USAGE if plan.refused else ExitCode.VERDICT
