"""`kernelgym doctor`: what works on this machine, and what to do about the rest."""

import platform
import sys
from dataclasses import dataclass
from enum import StrEnum
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Final

import typer
from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from kernelgym.cli.exits import ExitCode
from kernelgym.cli.services import LOCAL, Services
from kernelgym.errors import BadUsage
from kernelgym.evaluators import opening
from kernelgym.reports import dump_document
from rewards.hacks import DETECTORS, list_detectors
from sandboxes import compilation, isolation
from sandboxes.capability import Capability
from sandboxes.devices.cuda import opening as gpu_opening
from sandboxes.errors import DetectorBroken
from sandboxes.hardware.targets import get_target

TESTED: Final = {"torch": ((2, 11), (2, 14)), "triton": ((3, 6), (3, 10))}
"""Versions that are tested, `(first, first that is not)`; the same as in the package's requirements."""

SANDBOXES: Final = ("bubblewrap", "process", "docker")
"""Names of the capabilities of which one is needed."""

EXAMPLE: Final = "kernelgym evaluate kernel.py --problem core/softmax"


class Group(StrEnum):
    """What a row is about."""

    VERSIONS = "versions"
    SANDBOXES = "sandboxes, one is needed"
    COMPILERS = "compilers, the default target's is needed"
    DETECTORS = "detectors, all are needed"
    EVALUATOR = "what evaluates instead of this machine (KERNELGYM_EVALUATOR)"
    OPTIONAL = "optional"


@dataclass(frozen=True, slots=True)
class Row:
    """One capability, and whether evaluating is impossible without it."""

    group: Group
    capability: Capability
    fatal: bool = False


def run(services: Services, *, json: bool) -> ExitCode:
    """Probes, prints and returns 0 if candidates can be evaluated here, else 3."""
    rows = examine(services.settings.target)
    rows += examine_evaluator(services.settings.evaluator, services.settings.token)
    able = can_evaluate(rows)
    if json:
        typer.echo(dump_document({"ok": able, "rows": [_document(row) for row in rows]}))
    else:
        _print(rows, able)
    return ExitCode.VERDICT if able else ExitCode.INFRASTRUCTURE


def examine(target: str) -> list[Row]:
    """Returns one row per thing that was tried; takes a few seconds.

    Args:
        target: The default target, the only one whose compiler is needed.
    """
    rows = [Row(Group.VERSIONS, _python()), *(Row(Group.VERSIONS, _package(name)) for name in TESTED)]
    rows += [Row(Group.SANDBOXES, capability) for capability in isolation.probe()]
    needed = f"compile for {target}"
    rows += [
        Row(Group.COMPILERS, capability, fatal=not capability.works and capability.name == needed)
        for capability in compilation.probe()
    ]
    detectors = _detectors()
    rows.append(Row(Group.DETECTORS, detectors, fatal=not detectors.works))
    return [*rows, *(Row(Group.OPTIONAL, capability) for capability in _gpu(target))]


def examine_evaluator(address: str, token: str | None) -> list[Row]:
    """Returns whether what evaluates instead of this machine answers; nothing if nothing does.

    Args:
        address: As for `open_evaluator`.
        token: Shown to a server.
    """
    if address == LOCAL:
        return []
    try:
        problem = opening.examine(address, token)
    except BadUsage as error:
        problem = str(error)
    if problem is None:
        return [Row(Group.EVALUATOR, Capability(name="evaluator", works=True, detail="answers and is ready"))]
    what, _, remedy = problem.rpartition("; ")
    detail, remedy = (what, remedy) if what else (problem, "correct KERNELGYM_EVALUATOR, or unset it")
    return [Row(Group.EVALUATOR, Capability(name="evaluator", works=False, detail=detail, remedy=remedy), fatal=True)]


def can_evaluate(rows: list[Row]) -> bool:
    """Returns whether the main job works: some sandbox runs, the default target compiles, all detectors load."""
    sandboxed = any(row.capability.works for row in rows if row.capability.name in SANDBOXES)
    return sandboxed and not any(row.fatal for row in rows)


def _python() -> Capability:
    works = sys.version_info >= (3, 11)
    remedy = None if works else "use Python 3.11 or newer"
    return Capability(name="python", works=works, detail=platform.python_version(), remedy=remedy)


def _package(name: str) -> Capability:
    low, high = TESTED[name]
    wanted = f">={low[0]}.{low[1]},<{high[0]}.{high[1]}"
    try:
        found = version(name)
    except PackageNotFoundError:
        return Capability(name=name, works=False, detail="not installed", remedy=f"pip install '{name}{wanted}'")
    numbers = tuple(int(part) for part in found.split("+")[0].split(".")[:2] if part.isdigit())
    works = low <= numbers < high
    detail = f"{found}, tested {wanted}"
    return Capability(name=name, works=works, detail=detail, remedy=None if works else f"pip install '{name}{wanted}'")


def _detectors() -> Capability:
    """Tries those of installed packages: one that is broken costs every evaluation."""
    try:
        names = [detector.name for detector in list_detectors()]
    except DetectorBroken as error:
        what, _, remedy = str(error).rpartition("; ")
        return Capability(name="detectors", works=False, detail=what, remedy=remedy)
    others = ", ".join(names[len(DETECTORS) :])
    return Capability(name="detectors", works=True, detail=f"{len(DETECTORS)}, and of packages: {others or 'none'}")


def _gpu(target: str) -> list[Capability]:
    """Tells which GPU measures under `--device cuda`, whether it is the default target, and whether its clocks are."""
    found = gpu_opening.probe()
    if not found.works:
        remedy = "none is needed to evaluate; to measure, " + (found.remedy or "see `nvidia-smi`")
        return [Capability(name=found.name, works=False, detail=found.detail, remedy=remedy)]
    return [found, gpu_opening.probe_target(get_target(target)), gpu_opening.probe_clocks()]


def _print(rows: list[Row], able: bool) -> None:
    console = Console(highlight=False)
    width = max(len(row.capability.name) for row in rows)
    for group in sorted({row.group for row in rows}, key=list(Group).index):
        console.print(Text(group, style="bold"))
        for row in rows:
            if row.group is group:
                _print_row(console, row, width)
        console.print()
    if able:
        console.print(Text(f"✓ candidates can be evaluated here, for example: {EXAMPLE}", style="bold green"))
    else:
        console.print(Text("✗ candidates can't be evaluated here; follow the remedies above", style="bold red"))


def _print_row(console: Console, row: Row, width: int) -> None:
    capability = row.capability
    symbol, style = ("✓", "green") if capability.works else ("✗", "red") if row.fatal else ("–", "yellow")
    console.print(Text.assemble((f"  {symbol} ", style), f"{capability.name:<{width}}  ", (capability.detail, "dim")))
    for gap in capability.gaps:
        console.print(Padding(Text.assemble(("! ", "yellow"), "does not cover ", gap), (0, 0, 0, width + 6)))
    if capability.remedy and not capability.works:
        console.print(Padding(Text.assemble(("→ ", "cyan"), capability.remedy), (0, 0, 0, width + 6)))


def _document(row: Row) -> dict[str, Any]:
    capability = row.capability
    return {
        "group": row.group.name.lower(),
        "name": capability.name,
        "works": capability.works,
        "needed": row.fatal,
        "detail": capability.detail,
        "gaps": capability.gaps,
        "remedy": capability.remedy,
    }
