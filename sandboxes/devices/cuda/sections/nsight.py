"""The section of Nsight Compute: what the hardware counted while each kernel ran.

`ncu` starts the replay, repeats each kernel as often as counters need it, on a cold cache and with clocks as they are,
and prints one line of CSV per kernel, after one of names and one of units.
"""

import csv
import math
import re
import shutil
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from sandboxes.devices.cuda.sections.attribution import attributed
from sandboxes.devices.cuda.sections.folder import Assignment, Folder, Step
from sandboxes.devices.cuda.sections.running import Ended, beginning_of, last_line, replaying, run
from sandboxes.devices.cuda.sections.section import Metric, Row, Section, Tool, nothing, shortened, unattributed

_STALLED: Final = "smsp__average_warps_issue_stalled_{}_per_issue_active.ratio"
METRICS: Final[Mapping[str, str]] = {
    "gpu__time_duration.sum": "time",
    "sm__throughput.avg.pct_of_peak_sustained_elapsed": "SM",
    "dram__throughput.avg.pct_of_peak_sustained_elapsed": "DRAM",
    "lts__throughput.avg.pct_of_peak_sustained_elapsed": "L2",
    "sm__warps_active.avg.pct_of_peak_sustained_active": "occupancy",
    "l1tex__t_sector_hit_rate.pct": "L1 hits",
    "lts__t_sector_hit_rate.pct": "L2 hits",
    "dram__bytes_read.sum": "read",
    "dram__bytes_write.sum": "written",
    "launch__registers_per_thread": "registers",
    "launch__shared_mem_per_block": "shared",
    **{
        _STALLED.format(cause): f"stalled: {cause.replace('_', ' ')}"
        for cause in (
            "long_scoreboard", "short_scoreboard", "barrier", "math_pipe_throttle", "lg_throttle", "mio_throttle",
            "wait",
        )
    },
}  # fmt: skip
"""What is asked for, and what to call it."""
STALLS: Final = "stalled: "
"""How labels begin that say for how many warps, of those that wait when one is issued, something is the cause."""

PLACES: Final = (
    "/usr/local/cuda/bin/ncu",
    "/usr/local/cuda-*/bin/ncu",
    "/opt/nvidia/nsight-compute/*/ncu",
)
"""Where NVIDIA's packages put it."""
INSTALL: Final = (
    "Nsight Compute is not installed here; install NVIDIA's package cuda-nsight-compute (or nsight-compute), and have "
    "`ncu` on PATH"
)
FORBIDDEN: Final = "ERR_NVGPUCTRPERM"
PERMIT: Final = (
    f"the driver lets nobody but root read counters ({FORBIDDEN}): load its module with "
    "NVreg_RestrictProfilingToAdminUsers=0, or give the container the capability SYS_ADMIN"
)
VERSION_TIMEOUT_S: Final = 30.0
MAX_KERNELS: Final = 20_000
_VERSION: Final = re.compile(r"Version (\d+(?:\.\d+){1,3})")
_NAME: Final = "Kernel Name"


def find_ncu(places: Iterable[str] = PLACES) -> Path | None:
    """Returns where `ncu` is: on PATH, or the newest where NVIDIA's packages put it; None if it is not here."""
    if found := shutil.which("ncu"):
        return Path(found)
    for place in places:
        fixed, _, pattern = place.lstrip("/").partition("*")
        folder = Path("/") / fixed.rpartition("/")[0]
        matching = folder.glob(place.lstrip("/")[len(fixed.rpartition("/")[0]) + 1 :]) if pattern else [Path(place)]
        usable = [path for path in matching if shutil.which(str(path))]
        if usable:
            return max(usable, key=_numbers)
    return None


def command(ncu: Path, folder: Folder, timeout_s: float) -> list[str]:
    """Returns the command that looks at what a folder holds."""
    return [
        str(ncu), "--profile-from-start", "off", "--target-processes", "application-only", "--replay-mode", "kernel",
        "--cache-control", "all", "--clock-control", "none", "--csv", "--page", "raw", "--print-units", "base",
        "--metrics", ",".join(METRICS), "--log-file", str(folder.log), *replaying(folder, timeout_s),
    ]  # fmt: skip


def look(assignment: Assignment, bundle: bytes, timeout_s: float) -> Section:
    """Returns Nsight Compute's section on a candidate; one without rows says why.

    Args:
        assignment: What to look at.
        bundle: Its trace.
        timeout_s: For all of it.
    """
    ncu = find_ncu()
    if ncu is None:
        return nothing(Tool.NCU, INSTALL)
    version = _version(ncu)
    with TemporaryDirectory(prefix="kernelgym-ncu-", ignore_cleanup_errors=True) as place:
        folder = Folder.of(Path(place), assignment, bundle)
        try:
            ended = run(command(ncu, folder, timeout_s), folder, timeout_s, [folder.log])
        except OSError as error:
            return nothing(Tool.NCU, f"{ncu} can't be started: {error.strerror}", version=version)
        text, told = beginning_of(folder.log), folder.told()
    if FORBIDDEN in text or FORBIDDEN in ended.words:
        return nothing(Tool.NCU, PERMIT, version=version)
    if told is not None and told.failure is not None:
        return nothing(Tool.NCU, told.failure, version=version)
    rows, doubts = read(text, told.steps if told is not None else ())
    if not rows:
        return nothing(Tool.NCU, _why(ended, text), version=version)
    notes = (*doubts, *((f"not complete: {_why(ended, text)}",) if ended.status != 0 else ()), *unattributed(rows))
    return Section(
        tool=Tool.NCU, version=version, device=told.device if told is not None else None, rows=rows, notes=notes
    )


def read(text: str, steps: Sequence[Step]) -> tuple[tuple[Row, ...], tuple[str, ...]]:
    """Returns the rows of what `ncu` has written, and remarks.

    Args:
        text: CSV among lines that begin with `==`; anything else is passed over.
        steps: What was launched.
    """
    lines = [line for line in text.splitlines() if line.startswith('"')]
    try:
        table = [cells for cells in csv.reader(lines) if cells]
    except csv.Error as error:
        return (), (f"its CSV can't be read: {error}",)
    start = next((number for number, cells in enumerate(table) if _NAME in cells), None)
    if start is None or start + 1 >= len(table):
        return (), ()
    names, units, *kernels = table[start:]
    whole = [cells for cells in kernels if len(cells) == len(names)][:MAX_KERNELS]
    if len(units) != len(names):
        return (), ("its CSV has no line of units",)
    seen = [cells[names.index(_NAME)] for cells in whole]
    nodes = attributed(steps, seen)
    rows = tuple(
        Row(node=node, kernel=shortened(kernel), metrics=_metrics(names, units, cells))
        for node, kernel, cells in zip(nodes, seen, whole, strict=True)
    )
    broken = len(kernels) - len(whole)
    missing = sorted(set(METRICS) - set(names))
    notes = ((f"{broken} lines are damaged",) if broken else ()) + (
        (f"this GPU does not count {', '.join(missing)}",) if missing else ()
    )
    return rows, notes


def _metrics(names: Sequence[str], units: Sequence[str], cells: Sequence[str]) -> tuple[Metric, ...]:
    """Returns the numbers of one kernel that are there."""
    found = []
    for name, unit, cell in zip(names, units, cells, strict=True):
        value = _number(cell)
        if name in METRICS and value is not None:
            found.append(Metric(name=name, label=METRICS[name], value=value, unit=unit[:40]))
    return tuple(found)


def _number(cell: str) -> float | None:
    """Returns a number, with or without commas between thousands; None for what is none."""
    try:
        value = float(cell.replace(",", ""))
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _why(ended: Ended, text: str) -> str:
    """Returns why there is nothing to read."""
    if ended.reason:
        return f"ncu was ended: {ended.reason}"
    said = [line for line in text.splitlines() if line.startswith(("==ERROR==", "==WARNING=="))]
    words = last_line("\n".join(said)) or last_line(ended.words) or "it printed nothing"
    return f"ncu saw no kernel (exit status {ended.status}): {words}"


def _version(ncu: Path) -> str | None:
    """Returns the version that `ncu` says it has."""
    try:
        told = subprocess.run(
            [str(ncu), "--version"],
            capture_output=True,
            timeout=VERSION_TIMEOUT_S,
            check=False,
            stdin=subprocess.DEVNULL,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    found = _VERSION.search(told.stdout[:10_000].decode("utf-8", errors="replace"))
    return found[1] if found else None


def _numbers(path: Path) -> tuple[int, ...]:
    """Returns the numbers in a path, by which versions are ordered."""
    return tuple(int(number) for number in re.findall(r"\d+", str(path)))
