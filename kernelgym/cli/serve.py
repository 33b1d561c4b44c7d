"""`kernelgym serve` and its subcommand: their options; what they do is in `serving`."""

from pathlib import Path
from types import ModuleType
from typing import Annotated

import typer

from kernelgym.cli.exits import one_line_errors
from kernelgym.cli.options import Sandbox
from kernelgym.cli.problems import HELP_OPTIONS
from kernelgym.errors import BadUsage

serve_app = typer.Typer(
    help="Evaluate for others over HTTP: `serve` starts the server, `serve token` makes a token for a client.",
    context_settings={"help_option_names": HELP_OPTIONS},
)


@serve_app.callback(invoke_without_command=True)
def serve(
    context: typer.Context,
    host: Annotated[str, typer.Option(help="Address to listen at; others than this machine's need --tokens.")] = (
        "127.0.0.1"
    ),
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one, and prints it.")] = 8000,
    redis: Annotated[
        str | None,
        typer.Option(
            metavar="URL", help="Let `kernelgym worker` do the work, by this Redis.", show_default="KERNELGYM_REDIS_URL"
        ),
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(min=1, max=256, help="Without Redis: evaluations at a time.", show_default="KERNELGYM_WORKERS"),
    ] = None,
    sandbox: Sandbox = None,
    gpu: Annotated[
        str | None, typer.Option(metavar="auto|simulated", help="Without Redis: measure on this machine's GPU, too.")
    ] = None,
    answers: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Without Redis: where answers survive a restart.")
    ] = None,
    tokens: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Who may do what; `kernelgym serve token` adds to it.")
    ] = None,
    problems: Annotated[
        str | None, typer.Option(metavar="SELECTION", help="Problems to know beside the registered ones.")
    ] = None,
    max_open: Annotated[int, typer.Option(min=1, help="Jobs without an answer at a time.")] = 20_000,
    allow_host: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="By which the server is called; may be given again.")
    ] = None,
    log: Annotated[str, typer.Option(metavar="text|json", help="How its log is written, on standard error.")] = "text",
) -> None:  # fmt: skip
    """Serve evaluations over HTTP until it is told to end (Ctrl-C, SIGTERM)."""
    if context.invoked_subcommand is not None:
        return
    with one_line_errors():
        serving = _serving()
    options = serving.Options(
        host=host, port=port, redis_url=redis, workers=workers, sandbox=sandbox, gpu=gpu, answers=answers,
        tokens=tokens, problems=problems, max_open=max_open, hosts=tuple(allow_host or ()), log=log,
    )  # fmt: skip
    with one_line_errors():
        raise typer.Exit(serving.run(options, context.obj))


def _serving() -> ModuleType:
    from kernelgym.serving.extras import need_serve  # noqa: PLC0415 - what evaluates is loaded with it

    try:
        need_serve("fastapi", "limits", "prometheus_client", "uvicorn")
        from kernelgym.cli import serving  # noqa: PLC0415 - its packages are an extra
    except ImportError as error:
        raise BadUsage(str(error)) from error
    return serving


@serve_app.command()
def token(
    name: Annotated[str, typer.Argument(help="Whose it is: a person, a training.")],
    scopes: Annotated[
        str, typer.Option(metavar="SCOPE,...", help="Of read, submit, references, operate.")
    ] = "read,submit",
    file: Annotated[Path | None, typer.Option(metavar="FILE", help="Add it to this token file.")] = None,
    requests_per_minute: Annotated[int, typer.Option(min=1, help="Requests it may send.")] = 6000,
    open_jobs: Annotated[int, typer.Option(min=1, help="Jobs without an answer it may have at a time.")] = 8192,
) -> None:
    """Make a token: it is printed once, and only its digest is kept."""
    from kernelgym.cli import token_file  # noqa: PLC0415 - loads yaml

    with one_line_errors():
        token_file.add(name, scopes, file, requests_per_minute=requests_per_minute, open_jobs=open_jobs)
