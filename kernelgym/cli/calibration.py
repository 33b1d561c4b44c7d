"""`kernelgym doctor --calibrate FILE`: what this machine's GPU reaches, as a target that prices candidates.

Only a real GPU is measured; what a simulated one says is made up, and nothing made up may look like a measurement.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Final

import typer
from rich.console import Console
from rich.text import Text

from kernelgym.cli.exits import ExitCode, caution
from kernelgym.errors import BadUsage
from kernelgym.reports import dump_document
from sandboxes.contracts import Target
from sandboxes.devices.cuda.errors import GpuError, GpuLost, NoGpu
from sandboxes.devices.cuda.gpu import Gpu, GpuFacts
from sandboxes.devices.cuda.lease import GpuLease
from sandboxes.devices.cuda.opening import open_gpu
from sandboxes.devices.cuda.profiles.ceilings import ceilings_of
from sandboxes.devices.cuda.profiles.launch_gap import launch_gap_us
from sandboxes.hardware.targets import TARGETS, BadTarget, UnknownTarget, get_target
from sandboxes.hardware.targets.writing import target_text

NAME: Final = re.compile(r"[a-z0-9]{2,16}")
FALLBACK: Final = "measured"
"""Name of a target whose file's name can't be one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What the command was called with."""

    file: Path
    """Where the target is written."""
    target: str | None
    """The data sheet to extend; None: the one that has the GPU's name."""
    gpu: str
    """As for `open_gpu`."""
    json: bool


def run(options: Options, opened: Callable[[], Gpu] | None = None) -> ExitCode:
    """Measures, writes the file, and prints how it is used.

    Args:
        options: What the command was called with.
        opened: Opens the GPU; None: the one that the options name.

    Raises:
        BadUsage: The file is there or can't be written, there is no such target, or the GPU is a simulated one.
        NoGpu: There is no GPU, or the target is another one.
        GpuLost: It failed.
    """
    name = _free_name(options.file)
    lease = GpuLease(opened or partial(open_gpu, options.gpu))
    try:
        facts = lease.open()
        base = _base(options.target, facts)
        with lease.turn(base) as gpu:
            numbers, doubts = _measured(gpu, base)
    except GpuError as error:
        raise GpuLost(f"the GPU failed while it was measured ({error}); try again, or see `nvidia-smi`") from error
    finally:
        lease.close()
    if not numbers:
        raise GpuLost(f"nothing could be measured: {'; '.join(doubts)}")
    origin = _origin(facts, options.file, base)
    text = target_text(name=name, title=base.title, extends=base.name, numbers=numbers, origin=origin)
    _write(options.file, text)
    added = TARGETS.add_file(options.file)
    for doubt in doubts:
        caution(f"{doubt}: the number of {base.name} stays")
    if options.json:
        document = {"file": str(options.file), "name": added.target.name, "extends": base.name}
        typer.echo(dump_document({**document, "gpu": facts.title, "numbers": numbers, "doubts": doubts}))
    else:
        _print(options.file, added.target.name, numbers, base)
    return ExitCode.VERDICT


def _base(name: str | None, facts: GpuFacts) -> Target:
    """Returns the data sheet of the GPU that is there."""
    if facts.simulated:
        raise BadUsage(
            f"{facts.title} is made up, and so would be its numbers; calibrate on a real GPU (unset KERNELGYM_GPU)"
        )
    if name is not None:
        try:
            return get_target(name)
        except (UnknownTarget, BadTarget) as error:
            raise BadUsage(f"--target: {error}") from error
    title = facts.title.partition(" MIG ")[0]
    for target in TARGETS.values():
        if target.title == title:
            return target
    alike = [target.name for target in TARGETS.values() if target.backend == "cuda" and target.arch == facts.arch]
    known = f" (of its architecture: {', '.join(alike)})" if alike else ""
    raise NoGpu(f"no target is called {facts.title}; name one to extend with --target{known}")


def _measured(gpu: Gpu, base: Target) -> tuple[dict[str, float], list[str]]:
    """Returns what was measured and believed, by key; and in words what was not."""
    ceilings = ceilings_of(gpu, base, again=True)
    numbers, doubts = ceilings.numbers(), list(ceilings.doubts)
    gap_us = launch_gap_us(gpu, base)
    if gap_us is None:
        doubts.append("launch_overhead_us: not measured, a graph of tiny kernels took no believable time")
    else:
        numbers["launch_overhead_us"] = gap_us
    if gpu.facts.multiprocessors != base.multiprocessors:
        numbers["multiprocessors"] = float(gpu.facts.multiprocessors)
    return numbers, doubts


def _origin(facts: GpuFacts, file: Path, base: Target) -> str:
    versions = ", ".join(f"{name} {version}" for name, version in sorted(facts.versions.items()))
    command = f"kernelgym doctor --calibrate {file.name} --target {base.name}"
    return f"measured on {facts.title}, {versions}, {datetime.now(UTC):%Y-%m-%d}, by {command}"


def _free_name(file: Path) -> str:
    """Returns what the new target is called: like its file if that can be."""
    if file.exists():
        raise BadUsage(f"--calibrate: {file} is there; name a file that is not, or remove it")
    if not file.parent.is_dir():
        raise BadUsage(f"--calibrate: {file.parent} is no folder; make it, or name a file in another one")
    if file.suffix not in (".yaml", ".yml"):
        raise BadUsage(f"--calibrate: {file.name} does not end in .yaml; call it {file.stem or FALLBACK}.yaml")
    stem = re.sub(r"[^a-z0-9]", "", file.stem.lower())[:16]
    name = stem if NAME.fullmatch(stem) else FALLBACK
    if name in TARGETS:
        raise BadUsage(f"--calibrate: there is a target {name} already; call the file otherwise, e.g. my{name}.yaml")
    return name


def _write(file: Path, text: str) -> None:
    try:
        with file.open("x", encoding="utf-8") as opened:
            opened.write(text)
    except OSError as error:
        raise BadUsage(f"--calibrate: {file} can't be written ({error.strerror}); name another file") from error


def _print(file: Path, name: str, numbers: dict[str, float], base: Target) -> None:
    console = Console(highlight=False)
    paper = {**base.model_dump(), **base.tflops}
    for key, value in numbers.items():
        console.print(Text.assemble(f"  {key:<20} {value:>10.4g}", (f"  of {paper[key]:g}", "dim")))
    console.print(Text(f"✓ {file} describes the target {name}: export KERNELGYM_TARGETS={file}", style="bold green"))
