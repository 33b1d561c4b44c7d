"""Options that several commands have: each means the same everywhere.

Light, like everything that is loaded for `kernelgym --help`.
"""

from enum import StrEnum
from typing import Annotated

import typer

from kernelgym.cli.choices import choice_of, choices
from kernelgym.serving.telemetry.logs import LogStyle
from kernelgym.settings import SandboxName
from sandboxes.contracts import Precision


class DeviceName(StrEnum):
    """Where kernels are replayed."""

    CPU = "cpu"
    CUDA = "cuda"


Json = Annotated[bool, typer.Option("--json", help="Print one JSON object, and nothing else, on standard output.")]
Sandbox = Annotated[
    SandboxName | None,
    typer.Option(
        parser=choice_of("--sandbox", SandboxName),
        metavar=choices(SandboxName),
        help="Where candidates run; `auto`: the strongest that works.",
        show_default="KERNELGYM_SANDBOX or auto",
    ),
]
Device = Annotated[
    DeviceName,
    typer.Option(
        parser=choice_of("--device", DeviceName),
        metavar=choices(DeviceName),
        help="Where the kernels are replayed and timed.",
    ),
]
MatrixPrecision = Annotated[
    Precision,
    typer.Option(
        parser=choice_of("--precision", Precision),
        metavar=choices(Precision),
        help="Whether float32 matrix products may round their inputs to TF32.",
    ),
]
Workers = Annotated[
    int | None,
    typer.Option(min=1, max=256, help="Evaluations at the same time.", show_default="KERNELGYM_WORKERS or 1"),
]
EvaluatorAddress = Annotated[
    str | None,
    typer.Option(
        "--evaluator",
        metavar="ADDRESS",
        help="What evaluates: local, http://HOST:PORT (a server), redis://HOST:PORT/0 (workers).",
        show_default="KERNELGYM_EVALUATOR or local",
    ),
]
Target = Annotated[
    str | None,
    typer.Option(
        metavar="NAME|FILE",
        help="GPU to compile for and to model: `kernelgym targets` lists them; or a YAML file.",
        show_default="KERNELGYM_TARGET or h200",
    ),
]
Tags = Annotated[
    list[str] | None, typer.Option("--tag", metavar="TAG", help="Only problems with this tag, or another given one.")
]
Levels = Annotated[
    list[int] | None, typer.Option("--level", metavar="N", help="Only problems of this level; may be given again.")
]
Difficulties = Annotated[
    list[str] | None,
    typer.Option("--difficulty", metavar="easy|medium|hard", help="Only problems this hard; may be given again."),
]
Log = Annotated[
    LogStyle,
    typer.Option(
        parser=choice_of("--log", LogStyle),
        metavar=choices(LogStyle),
        help="Form of the log on standard error: for people, or one JSON object on each line.",
    ),
]
