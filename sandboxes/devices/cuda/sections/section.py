"""What a profiler's section says: rows of numbers with units, and remarks; never a part of a report or a reward."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Annotated

from pydantic import Field

from sandboxes.contracts import Contract

MAX_NAME_CHARACTERS = 200


class Tool(StrEnum):
    """Whose section it is."""

    NCU = "ncu"
    """NVIDIA Nsight Compute."""
    PROTON = "proton"
    """Triton's profiler, which comes with it."""


class Metric(Contract):
    """One number, as the tool says it."""

    name: Annotated[str, Field(max_length=MAX_NAME_CHARACTERS)]
    """The tool's own name of it."""
    label: Annotated[str, Field(max_length=40)]
    """What to call it in a table."""
    value: Annotated[float, Field(allow_inf_nan=False)]
    unit: Annotated[str, Field(max_length=40)]
    """The tool's; empty for a plain number."""


class Row(Contract):
    """One kernel that ran."""

    node: int | None
    """Node of the trace that launched it; None if that can't be told."""
    kernel: Annotated[str, Field(max_length=MAX_NAME_CHARACTERS)]
    """As the tool calls it: the candidate's own words where it is the candidate's kernel."""
    metrics: tuple[Metric, ...]


class Section(Contract):
    """What one tool has to say."""

    tool: Tool
    version: str | None = None
    """None if the tool is not here, or was not asked."""
    device: str | None = None
    """The GPU it looked at."""
    rows: tuple[Row, ...] = ()
    """In the order in which kernels ran."""
    notes: tuple[str, ...] = ()
    """What to know when reading the rows, or why there are none and what to do."""


def nothing(tool: Tool, *notes: str, version: str | None = None) -> Section:
    """Returns a section without rows, which says why."""
    return Section(tool=tool, version=version, notes=notes)


def shortened(name: str) -> str:
    """Returns a kernel's name, cut to what fits a row."""
    return name if len(name) <= MAX_NAME_CHARACTERS else f"{name[: MAX_NAME_CHARACTERS - 3]}..."


def unattributed(rows: Sequence[Row]) -> tuple[str, ...]:
    """Returns the remark about rows that belong to no node, if there are any."""
    lost = sum(row.node is None for row in rows)
    return (f"{lost} of {len(rows)} kernels are not attributed to a node",) if lost else ()
