"""`kernelgym targets`: the GPUs that can be compiled for and modelled, and where their numbers come from."""

from typing import Any, Final

import typer
from rich import box
from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

from kernelgym.cli.services import Services
from kernelgym.errors import BadUsage
from kernelgym.reports import dump_document
from sandboxes.hardware.targets import TARGETS, BadTarget, Description, UnknownTarget, digest_of

COLUMNS: Final = (
    ("multiprocessors", "SMs"), ("memory_gib", "GiB"), ("dram_gb_per_s", "GB/s"), ("l2_mib", "L2 MiB"),
    ("tflops.fp16", "FP16"), ("tflops.fp32", "FP32"),
)  # fmt: skip
"""Of the overview: key and heading; rates are in TFLOP/s."""


def run(services: Services, name: str | None, *, json: bool) -> None:
    """Prints all targets, or one with the source of each of its numbers.

    Raises:
        BadUsage: There is no such target, or a file that KERNELGYM_TARGETS names describes none.
    """
    try:
        found = [TARGETS.describe(each) for each in ([name] if name else TARGETS)]
    except (UnknownTarget, BadTarget) as error:
        raise BadUsage(str(error)) from error
    if json:
        default = services.settings.target
        typer.echo(dump_document({"default": default, "targets": [document(item) for item in found]}))
    else:
        Console(highlight=False).print(_details(found[0]) if name else _overview(found, services))


def document(description: Description) -> dict[str, Any]:
    """Returns a target as JSON: its numbers, their sources, and the digest by which answers are kept apart."""
    return {
        **description.target.model_dump(),
        "extends": description.extends,
        "file": str(description.path) if description.path else None,
        "digest": digest_of(description.target),
        "sources": {
            key: {"text": origin.text, "estimate": origin.estimated} for key, origin in description.origins.items()
        },
    }


def _overview(found: list[Description], services: Services) -> Group:
    table = Table(box=box.SIMPLE_HEAD)
    table.add_column("target", no_wrap=True)
    table.add_column("GPU", overflow="fold")
    for _, heading in COLUMNS:
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("estimates", justify="right", no_wrap=True)
    for item in found:
        values = _values(item)
        estimates = sum(origin.estimated for origin in item.origins.values())
        mark = "*" if item.target.name == services.settings.target else ""
        numbers = [f"{values[key]:g}" for key, _ in COLUMNS]
        table.add_row(item.target.name + mark, item.target.title, *numbers, f"{estimates} of {len(values)}")
    lines: list[Table | Text] = [table]
    if services.settings.targets:
        lines.append(Text(f"also read: {services.settings.targets} (KERNELGYM_TARGETS)", style="dim"))
    lines.append(Text("* the default. `kernelgym targets NAME` shows the source of each number.", style="dim"))
    return Group(*lines)


def _details(item: Description) -> Group:
    target = item.target
    table = Table("number", "value", "source", box=box.SIMPLE_HEAD)
    for key, value in _values(item).items():
        origin = item.origins.get(key)
        style = "yellow" if origin is None or origin.estimated or not origin.text else ""
        table.add_row(key, f"{value:g}", Text(str(origin) if origin else "no source given", style=style))
    words = f"{target.name}: {target.title}, {target.backend} {target.arch}, digest {digest_of(target)}"
    where = f"file: {item.path}" if item.path else "registered by a program"
    return Group(Text(words, style="bold"), Text(where, style="dim"), table)


def _values(item: Description) -> dict[str, float]:
    """Returns all numbers by key, rates as `tflops.fp16`."""
    found: dict[str, float] = {}
    for key, value in item.target.model_dump().items():
        if isinstance(value, dict):
            found |= {f"{key}.{kind}": rate for kind, rate in value.items()}
        elif not isinstance(value, str):
            found[key] = value
    return found
