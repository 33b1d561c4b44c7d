"""`python -m policies.training.demo`: what `make train-demo` runs."""

from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Final

import typer

from kernelgym.cli.exits import one_line_errors
from kernelgym.cli.services import Services
from kernelgym.errors import BadUsage

TABLE: Final = "learning.md"
PLOT: Final = "learning.svg"

MEANING: Final = """\
Means over all turns, with 95 % intervals (bootstrap over seeds and episodes). fast@1: right, and at least as fast as
PyTorch by modelled times. What it shows: the loop learns, from real verdicts on whole programs. What it does not show:
the model recombines what its corpus holds, and a few seeds at this size do not compare TRLOO with GRPO at any other."""


def main(
    out: Annotated[Path, typer.Option(help="Folder for all that is made; an earlier demo in it is removed.")] = Path(
        "runs/train-demo"
    ),
    seeds: Annotated[int, typer.Option(min=1, help="Trainings by each estimator.")] = 3,
    json: Annotated[bool, typer.Option("--json", help="Print the results as JSON.")] = False,
) -> None:
    """Build a tiny model, cold-start it on what a scripted policy plays, and improve it in the real environment."""
    with one_line_errors():
        check_extra()
    from policies.training.demo.plot import save_plot, write_table  # noqa: PLC0415 - loads torch
    from policies.training.demo.progress import Progress  # noqa: PLC0415 - as above
    from policies.training.demo.story import Size, tell  # noqa: PLC0415 - as above

    with one_line_errors():
        results = tell(out.absolute(), Size(seeds=seeds), Services.from_environment(), Progress())
    table = write_table(results)
    (out / TABLE).write_text(table, encoding="utf-8")
    save_plot(results, out / PLOT)
    if json:
        typer.echo(results.model_dump_json(indent=1))
        return
    typer.echo(table)
    typer.echo(MEANING)
    typer.echo(
        f"{results.seconds / 60:.1f} minutes; {results.asked:,} programs were submitted, {results.evaluations:,} "
        f"different ones judged.\nPlot: {out / PLOT}; numbers: {out / 'results.json'}; logs and models: {out / 'runs'}."
    )


def check_extra() -> None:
    """Checks that what trains and draws is installed.

    Raises:
        BadUsage: It is not.
    """
    missing = [name for name in ("trl", "tokenizers", "matplotlib") if find_spec(name) is None]
    if missing:
        raise BadUsage(f"the demo needs {', '.join(missing)}; pip install 'kernelgym[train]'")


if __name__ == "__main__":
    typer.run(main)
