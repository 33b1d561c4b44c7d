"""The command `kernelgym run` and its options; what it does is in `policies.run`, loaded when it runs.

An entry point of the group `kernelgym.commands`; nothing here imports torch.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from kernelgym.cli.exits import one_line_errors
from kernelgym.cli.options import (
    Device,
    DeviceName,
    Difficulties,
    EvaluatorAddress,
    Json,
    Levels,
    MatrixPrecision,
    Sandbox,
    Tags,
    Target,
    Workers,
)
from kernelgym.errors import BadUsage
from rewards import DEFAULT_REWARD
from sandboxes.contracts import Precision

Selection = Annotated[
    str, typer.Option("--problems", metavar="SELECTION", help="What is played, e.g. core or core/softmax,core/matmul.")
]


def _folder(text: str) -> Path:
    """Returns the path of a folder; an empty text would quietly be the current one."""
    with one_line_errors():
        if not text.strip():
            raise BadUsage("--out is empty; give the folder in which the episodes are kept, e.g. runs/core")
    return Path(text)


def _policy_options(texts: Sequence[str]) -> dict[str, str]:
    """Returns `key=value` texts as a dictionary.

    Raises:
        BadUsage: One of them has no key, or a key is given twice.
    """
    options: dict[str, str] = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not key or not equals:
            raise BadUsage(f"--policy-option is {text!r}; give a key and a value, e.g. model=my-model")
        if key in options:
            raise BadUsage(f"--policy-option {key} is given twice; give it once")
        options[key] = value
    return options


def run(
    context: typer.Context,
    problems: Selection,
    out: Annotated[
        Path,
        typer.Option(parser=_folder, metavar="DIR", help="Where episodes are kept; the same command goes on there."),
    ],
    tags: Tags = None,
    levels: Levels = None,
    difficulties: Difficulties = None,
    policy: Annotated[str, typer.Option(metavar="NAME", help="Who writes the candidates.")] = "demo",
    policy_options: Annotated[
        list[str] | None,
        typer.Option("--policy-option", metavar="KEY=VALUE", help="What the policy is made with; may be given again."),
    ] = None,
    turns: Annotated[int, typer.Option(min=1, max=100, help="Most turns of an episode.")] = 3,
    iterations: Annotated[
        int,
        typer.Option(min=1, max=100, help="Sequential test-time scaling: go on after --turns, with --keep of them."),
    ] = 1,
    keep: Annotated[int, typer.Option(min=0, help="Turns that stay in the chat at the begin of an iteration.")] = 2,
    select: Annotated[
        str, typer.Option(metavar="top|window|last", help="Which turns stay: highest rewards, best window, newest.")
    ] = "top",
    samples: Annotated[int, typer.Option(min=1, max=1000, help="Episodes per problem.")] = 1,
    seed: Annotated[int, typer.Option(min=0, max=2**31, help="Of the policy's choices.")] = 0,
    data_seed: Annotated[
        int | None,
        typer.Option(min=0, max=2**63 - 1, help="Of all input values, to repeat a run.", show_default="secret"),
    ] = None,
    target_speedup: Annotated[
        float | None, typer.Option(metavar="X", help="Speedup that ends an episode.", show_default="none")
    ] = None,
    submit: Annotated[bool, typer.Option(help="Let the policy end an episode by a last line SUBMIT.")] = True,
    history: Annotated[
        str, typer.Option(metavar="short|full", help="What the chat keeps of older turns: a short form, or everything.")
    ] = "short",
    confirm: Annotated[
        bool | None,
        typer.Option(
            "--confirm/--no-confirm",
            help="Evaluate each episode's best turn once more, on fresh data.",
            show_default="on with --iterations",
        ),
    ] = None,
    style: Annotated[str, typer.Option(metavar="NAME", help="Templates of task, feedback and history.")] = "compact",
    feedback_tokens: Annotated[int, typer.Option(min=1, help="Budget of one feedback.")] = 1000,
    reward: Annotated[
        str, typer.Option(metavar="NAME|FILE", help="How reports are scored: `kernelgym rewards` lists them.")
    ] = DEFAULT_REWARD,
    target: Target = None,
    device: Device = DeviceName.CPU,
    precision: MatrixPrecision = Precision.TF32,
    timeout: Annotated[
        float | None, typer.Option(metavar="SECONDS", help="Time limit of each stage instead of its own default.")
    ] = None,
    sandbox: Sandbox = None,
    evaluator: EvaluatorAddress = None,
    workers: Workers = None,
    concurrency: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=1024,
            help="Episodes at a time; a policy that waits for a server wants many.",
            show_default="workers + 1",
        ),
    ] = None,
    restart: Annotated[bool, typer.Option("--restart", help="Delete the episodes in DIR and start over.")] = False,
    svg: Annotated[Path | None, typer.Option(metavar="FILE", help="Save the tables as a picture, too.")] = None,
    json: Json = False,
) -> None:
    """Play episodes: a policy writes candidates, reads the feedback and improves them; keeps and sums up everything."""
    from policies.run import Options, play  # noqa: PLC0415 - loads pydantic models that --help can do without

    with one_line_errors():
        given = _policy_options(policy_options or ())
    options = Options(
        problems=problems, tags=tuple(tags or ()), levels=tuple(levels or ()), difficulties=tuple(difficulties or ()),
        policy=policy, policy_options=given, turns=turns, iterations=iterations, keep=keep, select=select,
        samples=samples, seed=seed, data_seed=data_seed, target_speedup=target_speedup, submit=submit,
        history=history, confirm=confirm, style=style, feedback_tokens=feedback_tokens, reward=reward, target=target,
        device=device, precision=precision, timeout_s=timeout, sandbox=sandbox, workers=workers,
        concurrency=concurrency, out=out, restart=restart, svg=svg, json=json,
    )  # fmt: skip
    with one_line_errors():
        raise typer.Exit(play(options, context.obj.at(evaluator)))
