"""Commands and their options; what a command does is in the module of its name, loaded when it runs.

That keeps `kernelgym --help` quick: nothing here imports torch.
"""

import sys
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import typer

from kernelgym.cli.bench import bench_app
from kernelgym.cli.exits import one_line_errors
from kernelgym.cli.extension import ExtensibleGroup
from kernelgym.cli.options import (
    Device,
    DeviceName,
    EvaluatorAddress,
    Json,
    Log,
    MatrixPrecision,
    Sandbox,
    Target,
    Workers,
)
from kernelgym.cli.problems import HELP_OPTIONS, problems_app
from kernelgym.cli.rewards import rewards_app
from kernelgym.cli.serve import serve_app
from kernelgym.cli.services import Services
from kernelgym.errors import BadUsage
from kernelgym.serving.telemetry.logs import LogStyle
from rewards import DEFAULT_REWARD
from sandboxes.contracts import Precision

app = typer.Typer(
    cls=ExtensibleGroup,
    help="The environment in which language models learn to write fast GPU kernels.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_show_locals=False,
    context_settings={"help_option_names": HELP_OPTIONS},
)
app.add_typer(problems_app, name="problems")
app.add_typer(bench_app, name="bench")
app.add_typer(rewards_app, name="rewards")
app.add_typer(serve_app, name="serve")


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(version("kernelgym"))
        raise typer.Exit


@app.callback()
def prepare(
    context: typer.Context,
    _version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """The environment in which language models learn to write fast GPU kernels."""
    if context.obj is None:
        with one_line_errors():
            context.obj = Services.from_environment()


@app.command()
def evaluate(
    context: typer.Context,
    candidate: Annotated[
        str,
        typer.Argument(metavar="CANDIDATE", help="Python file with ModelNew, or a completion; `-`: standard input."),
    ],
    problem: Annotated[
        str | None, typer.Option(metavar="ID", help="Problem to solve, e.g. core/softmax, or a selection of one.")
    ] = None,
    reference: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Or: a reference file in KernelBench's form.")
    ] = None,
    target: Target = None,
    device: Device = DeviceName.CPU,
    precision: MatrixPrecision = Precision.TF32,
    sandbox: Sandbox = None,
    evaluator: EvaluatorAddress = None,
    timeout: Annotated[
        float | None, typer.Option(metavar="SECONDS", help="Time limit of each stage instead of its own default.")
    ] = None,
    seed: Annotated[
        int | None, typer.Option(help="Seed of the inputs, to repeat a result.", show_default="secret")
    ] = None,
    reward: Annotated[
        str, typer.Option(metavar="NAME|FILE", help="How the report is scored: `kernelgym rewards` lists them.")
    ] = DEFAULT_REWARD,
    torch_compile: Annotated[
        bool,
        typer.Option("--torch-compile", help="On a GPU: time the reference under torch.compile, too (up to a minute)."),
    ] = False,
    feedback: Annotated[bool, typer.Option("--feedback", help="Print what a model would read about it.")] = False,
    style: Annotated[
        str | None,
        typer.Option(
            metavar="NAME|FOLDER", help="Its templates: compact, drkernel or your own.", show_default="compact"
        ),
    ] = None,
    sections: Annotated[
        str | None,
        typer.Option(metavar="TOOL,...", help="Let profilers look, too: ncu (Nsight Compute), proton; on a GPU."),
    ] = None,
    json: Json = False,
) -> None:  # fmt: skip
    """Evaluate one candidate: is it right, how fast is it, what is it worth, and why."""
    from kernelgym.cli import evaluation  # noqa: PLC0415 - loads torch

    options = evaluation.Options(
        candidate=candidate, problem=problem, reference=reference, target=target, device=device, precision=precision,
        sandbox=sandbox, timeout_s=timeout, seed=seed, torch_compile=torch_compile, reward=reward, feedback=feedback,
        style=style, json=json, sections=sections,
    )  # fmt: skip
    with one_line_errors():
        raise typer.Exit(evaluation.run(options, context.obj.at(evaluator, urgent=True)))


@app.command()
def demo(
    context: typer.Context,
    target: Target = None,
    sandbox: Sandbox = None,
    workers: Workers = None,
    svg: Annotated[Path | None, typer.Option(metavar="FILE", help="Save the table as a picture, too.")] = None,
    json: Json = False,
) -> None:
    """Evaluate bundled candidates: right, slow, wrong, cheating, crashing."""
    from kernelgym.cli import demonstration  # noqa: PLC0415 - loads torch

    options = demonstration.Options(target=target, sandbox=sandbox, workers=workers, svg=svg, json=json)
    with one_line_errors():
        raise typer.Exit(demonstration.run(options, context.obj))


@app.command()
def report(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder of a run: the --out of `kernelgym run`.")],
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Where the page is written.", show_default="DIR/report.html")
    ] = None,
    title: Annotated[str | None, typer.Option(help="Heading of the page.", show_default="policy and problems")] = None,
) -> None:
    """Write a run as one HTML page: summary, figures, hacks, and every episode turn by turn."""
    from kernelgym.cli import reporting  # noqa: PLC0415 - loads numpy and templates

    with one_line_errors():
        raise typer.Exit(reporting.run(reporting.Options(run=folder, out=out, title=title)))


@app.command()
def doctor(
    context: typer.Context,
    calibrate: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Instead: measure this machine's GPU, and write what it reaches as a target."
        ),
    ] = None,
    target: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="With --calibrate: its data sheet.", show_default="the GPU's own"),
    ] = None,
    json: Json = False,
) -> None:
    """Show what works on this machine, and how to get the rest."""
    from kernelgym.cli import calibration, examination  # noqa: PLC0415 - loads torch

    with one_line_errors():
        if calibrate is None and target is not None:
            raise BadUsage(f"--target is {target!r} without --calibrate; the default target is KERNELGYM_TARGET's")
        if calibrate is not None:
            gpu = context.obj.settings.gpu
            options = calibration.Options(file=calibrate, target=target, gpu=gpu, json=json)
            raise typer.Exit(calibration.run(options))
        raise typer.Exit(examination.run(context.obj, json=json))


@app.command()
def targets(
    context: typer.Context,
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="Only this one, with all its numbers.")] = None,
    json: Json = False,
) -> None:
    """List the GPUs that can be compiled for and modelled, and where their numbers come from."""
    from kernelgym.cli import targets as command  # noqa: PLC0415 - loads tables and YAML

    with one_line_errors():
        command.run(context.obj, name, json=json)


@app.command()
def worker(
    context: typer.Context,
    queues: Annotated[
        str | None, typer.Option(metavar="trace,replay", help="What it does.", show_default="trace,replay")
    ] = None,
    gpu: Annotated[
        str | None, typer.Option(metavar="INDEX|UUID", help="Instead: measure on this GPU; or `simulated`, to try it.")
    ] = None,
    target: Annotated[str | None, typer.Option(metavar="NAME", help="With --gpu: its model, e.g. h200.")] = None,
    processes: Annotated[int, typer.Option(min=1, max=256, help="Jobs at the same time.")] = 1,
    threads: Annotated[int, typer.Option(min=1, max=256, help="CPU threads of each.")] = 1,
    redis: Annotated[
        str | None,
        typer.Option(metavar="URL", help="Broker and ledger: redis://HOST:PORT/0.", show_default="KERNELGYM_REDIS_URL"),
    ] = None,
    sandbox: Sandbox = None,
    name: Annotated[
        str | None, typer.Option(help="What its processes' names begin with.", show_default="the host's name")
    ] = None,
    truths: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Where the workers of this machine share right answers.", show_default="none"),
    ] = None,
    drain: Annotated[
        float, typer.Option(metavar="SECONDS", min=0, help="How long jobs may go on after SIGTERM.")
    ] = 30.0,
    log: Log = LogStyle.TEXT,
) -> None:
    """Work for a service: take jobs from a queue until told to end. SIGTERM drains, a second one gives jobs back."""
    from kernelgym.cli import hosting  # noqa: PLC0415 - loads Celery

    options = hosting.Options(
        queues=queues, gpu=gpu, target=target, processes=processes, threads=threads, redis=redis, sandbox=sandbox,
        name=name, truths=truths, drain_s=drain, log=log,
    )  # fmt: skip
    with one_line_errors():
        raise typer.Exit(hosting.run(options, context.obj))


@app.command()
def status(
    context: typer.Context,
    service: Annotated[
        str | None,
        typer.Argument(
            metavar="[URL]",
            help="A server, http://HOST:PORT, for which KERNELGYM_TOKEN has the scope `operate`; or the Redis behind "
            "it, redis://HOST:PORT/0.",
            show_default="KERNELGYM_REDIS_URL or http://localhost:8000",
        ),
    ] = None,
    once: Annotated[bool, typer.Option("--once", help="Print it once instead of showing it live.")] = False,
    every: Annotated[float, typer.Option(metavar="SECONDS", min=0.2, max=3600, help="How often to look again.")] = 2.0,
    json: Json = False,
) -> None:
    """Show a service live: queues, workers, what is in flight, rates, latencies, outcomes."""
    from kernelgym.cli import status as command  # noqa: PLC0415 - loads pydantic models

    settings = context.obj.settings
    options = command.Options(
        url=service or settings.redis_url or command.DEFAULT_URL, token=settings.token, once=once, every_s=every,
        json=json,
    )  # fmt: skip
    with one_line_errors():
        command.run(options)


@app.command()
def export(
    folders: Annotated[list[Path], typer.Argument(metavar="DIR...", help="Folders of runs.")],
    out: Annotated[Path, typer.Option(metavar="FILE", help="What is written: FILE.parquet or FILE.jsonl.")],
    format_: Annotated[
        str,
        typer.Option(
            "--format",
            metavar="sft|rl|prompts|trajectories",
            help="A row is: a good turn, any turn, a problem, an episode.",
        ),
    ] = "sft",
    all_turns: Annotated[
        bool | None,
        typer.Option(
            "--all-turns/--best", help="All turns, or the best of each episode.", show_default="best for sft, else all"
        ),
    ] = None,
    only: Annotated[
        list[str] | None,
        typer.Option(metavar="OUTCOME", help="Only turns that ended so; can be repeated.", show_default="ok for sft"),
    ] = None,
    min_reward: Annotated[float | None, typer.Option(metavar="X", help="Least reward.")] = None,
    min_speedup: Annotated[float | None, typer.Option(metavar="X", help="Least speedup.")] = None,
    duplicates: Annotated[bool, typer.Option("--duplicates", help="sft: keep the same candidate twice.")] = False,
    max_per_problem: Annotated[int | None, typer.Option(min=1, help="Most turns of a problem, best first.")] = None,
    json: Json = False,
) -> None:  # fmt: skip
    """Make a data set to train on out of runs: chat messages, completions, rewards."""
    from kernelgym.cli import export as command  # noqa: PLC0415 - loads pydantic models

    options = command.Options(
        folders=tuple(folders), out=out, format=format_, all_turns=all_turns, outcomes=tuple(only or ()),
        min_reward=min_reward, min_speedup=min_speedup, duplicates=duplicates, max_per_problem=max_per_problem,
        json=json,
    )  # fmt: skip
    with one_line_errors():
        command.run(options)


@app.command()
def compare(
    folders: Annotated[
        list[Path], typer.Argument(metavar="DIR...", help="Folders of runs; the first one is the baseline.")
    ],
    html: Annotated[Path | None, typer.Option(metavar="FILE", help="Write it as an HTML page, too.")] = None,
    json: Json = False,
) -> None:
    """Put runs side by side, and tell what changes on the problems that they share."""
    from kernelgym.cli import comparison  # noqa: PLC0415 - loads numpy

    with one_line_errors():
        raise typer.Exit(comparison.run(folders, json=json, html=html))


def main() -> None:
    """Runs the command line; the console script `kernelgym`."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # a terminal without Unicode shows `?`, not a traceback
    app()
