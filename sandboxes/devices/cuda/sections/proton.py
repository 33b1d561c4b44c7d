"""The section of Proton, Triton's own profiler: the time that CUPTI saw each kernel take, by node.

The replay opens a scope around each node, so kernels lie in the tree below the node that launched them; names have no
say. It runs a few times, with caches as the run before has left them. Samples by line are not taken.
"""

import json
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import triton

from sandboxes.devices.cuda.sections.folder import Assignment, Folder
from sandboxes.devices.cuda.sections.replaying import PROTON_RUNS, SCOPE
from sandboxes.devices.cuda.sections.running import beginning_of, last_line, replaying, run
from sandboxes.devices.cuda.sections.section import Metric, Row, Section, Tool, nothing, shortened

MISSING: Final = (
    "this build of Triton has no Proton (triton.profiler); install the wheel from PyPI (pip install triton), which has"
)
WARM: Final = "mean of {} runs on warm caches: for shares, not for comparing with the profile's times"
TIME: Final = "time (ns)"
COUNT: Final = "count"
MAX_DEPTH: Final = 50
MAX_NUMBER: Final = 1e18


def look(assignment: Assignment, bundle: bytes, timeout_s: float) -> Section:
    """Returns Proton's section on a candidate; one without rows says why.

    Args:
        assignment: What to look at.
        bundle: Its trace.
        timeout_s: For all of it.
    """
    if find_spec("triton.profiler") is None:
        return nothing(Tool.PROTON, MISSING)
    version = f"Triton {triton.__version__}"
    with TemporaryDirectory(prefix="kernelgym-proton-", ignore_cleanup_errors=True) as place:
        folder = Folder.of(Path(place), assignment, bundle)
        output = folder.proton.with_name(f"{folder.proton.name}.hatchet")
        try:
            ended = run(replaying(folder, timeout_s), folder, timeout_s, [output])
        except OSError as error:
            return nothing(Tool.PROTON, f"it can't be started: {error.strerror}", version=version)
        text, told = beginning_of(output), folder.told()
    if told is not None and told.failure is not None:
        return nothing(Tool.PROTON, told.failure, version=version)
    rows = read(text)
    if told is None or ended.reason or not rows:
        why = ended.reason or last_line(ended.words) or "it printed nothing"
        return nothing(Tool.PROTON, f"Proton saw no kernel (exit status {ended.status}): {why}", version=version)
    notes = (WARM.format(PROTON_RUNS),)
    return Section(tool=Tool.PROTON, version=version, device=told.device, rows=rows, notes=notes)


def read(text: str) -> tuple[Row, ...]:
    """Returns the rows of what Proton has written: kernels by node; none if it is not what Proton writes.

    Args:
        text: JSON in hatchet's form: a tree of frames with metrics, then what is known of devices.
    """
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return ()
    if not isinstance(document, list) or not document:
        return ()
    rows: list[Row] = []
    for scope in _children(document[0]):
        number = _name(scope).removeprefix(SCOPE)
        if _name(scope).startswith(SCOPE) and number.isascii() and number.isdigit() and len(number) < 10:
            rows += _kernels(int(number), scope)
    return tuple(sorted(rows, key=lambda row: row.node or 0))


def _kernels(node: int, scope: Any) -> Iterator[Row]:
    """Yields the kernels below a scope."""
    for frame in _below(scope, 0):
        metrics = frame.get("metrics")
        if not isinstance(metrics, dict):
            continue
        time_ns, count = _number(metrics.get(TIME)), _number(metrics.get(COUNT))
        if time_ns is not None and count:
            found = (
                Metric(name=TIME, label="time", value=time_ns / PROTON_RUNS, unit="ns"),
                Metric(name=COUNT, label="launches", value=count / PROTON_RUNS, unit=""),
            )
            yield Row(node=node, kernel=shortened(_name(frame)), metrics=found)


def _below(frame: Any, depth: int) -> Iterator[dict[str, Any]]:
    """Yields the frames below one, which are nested no deeper than anything honest is."""
    for child in _children(frame) if depth < MAX_DEPTH else ():
        yield child
        yield from _below(child, depth + 1)


def _children(frame: Any) -> list[dict[str, Any]]:
    found = frame.get("children") if isinstance(frame, dict) else None
    return [child for child in found if isinstance(child, dict)] if isinstance(found, list) else []


def _name(frame: dict[str, Any]) -> str:
    described = frame.get("frame")
    name = described.get("name") if isinstance(described, dict) else None
    return name if isinstance(name, str) else ""


def _number(value: Any) -> float | None:
    """Returns a number that can be one of nanoseconds or launches; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if 0 <= value < MAX_NUMBER else None
