"""Proton's section: what is read out of the tree that it leaves."""

import inspect
import json
from typing import Any

import pytest

from sandboxes.contracts import EvalConfig, Reference, Submission
from sandboxes.devices.cuda.sections import proton
from sandboxes.devices.cuda.sections.folder import Assignment
from sandboxes.devices.cuda.sections.replaying import PROTON_RUNS
from sandboxes.devices.cuda.sections.section import Row, Tool


def frame(name: str, *children: Any, **metrics: float) -> dict[str, Any]:
    """One frame of hatchet's literal form."""
    return {"frame": {"name": name, "type": "function"}, "metrics": metrics, "children": list(children)}


def kernel(name: str, time_ns: float, count: int = PROTON_RUNS) -> dict[str, Any]:
    """A kernel as Proton sums it up."""
    return frame(name, **{"time (ns)": time_ns, "count": count, "device_id": "0", "device_type": "CUDA"})  # type: ignore[arg-type]


DEVICES = {"CUDA": {"0": {"arch": "90", "bus_width": 6144, "clock_rate": 1980000, "num_sms": 132}}}


def read(*scopes: dict[str, Any]) -> list[tuple[int | None, str, float, float]]:
    """Rows of a tree: node, name, time and launches in one run."""
    rows = proton.read(json.dumps([frame("ROOT", *scopes), DEVICES]))
    return [(row.node, row.kernel, *(metric.value for metric in row.metrics)) for row in rows]  # type: ignore[misc]


def test_a_kernel_belongs_to_the_scope_that_it_is_in() -> None:
    found = read(
        frame("kernelgym.node.7", kernel("scale_kernel", 1000.0)),
        frame("kernelgym.node.2", kernel("gemm", 500.0), frame("deeper", kernel("reduce", 50.0, 2 * PROTON_RUNS))),
    )
    each = 1 / PROTON_RUNS
    assert found == [
        (2, "gemm", 500.0 * each, 1.0),
        (2, "reduce", 50.0 * each, 2.0),
        (7, "scale_kernel", 1000.0 * each, 1.0),
    ]


def test_what_is_in_no_scope_and_names_like_a_scope_belong_to_nobody() -> None:
    assert (
        read(kernel("fill", 10.0), frame("kernelgym.node.x", kernel("a", 1.0)), frame("other", kernel("b", 1.0))) == []
    )
    inside = frame("kernelgym.node.1", kernel("kernelgym.node.5", 10.0))
    assert [row[0] for row in read(inside)] == [1]


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "{}", "[1]", '[{"children": 3}]', "[" * 100_000, '[{"children": [{"frame": {"name": 4}}]}]'],
    ids=["empty", "cut", "list", "object", "number", "children", "deep", "name"],
)
def test_garbage_has_no_rows(text: str) -> None:
    assert proton.read(text) == ()


def test_numbers_that_are_none_are_left_out() -> None:
    bad: list[Any] = ["1", None, True, -1.0, float("nan"), float("inf"), 10**400]
    scopes = [frame("kernelgym.node.1", frame("k", **{"time (ns)": value, "count": 1})) for value in bad]
    text = json.dumps([frame("ROOT", *scopes)])
    assert proton.read(text) == tuple[Row]()


@pytest.mark.slow
def test_a_run_that_can_not_begin_says_why_in_its_section() -> None:
    assignment = Assignment(
        submission=Submission(source="import torch"),
        reference=Reference(id="test", source="import torch"),
        config=EvalConfig(device="cuda"),
        gpu="auto",
        tool=Tool.PROTON,
    )
    section = proton.look(assignment, b"", 100.0)
    assert section.rows == ()
    assert section.notes == ("a bundle of 0 bytes arrived, too few for its start; trace the candidate again",)


def test_proton_takes_what_it_is_told() -> None:
    profiler = pytest.importorskip("triton.profiler")
    inspect.signature(profiler.start).bind("name", context="shadow", data="tree", backend="cupti")
    inspect.signature(profiler.finalize).bind(0, "hatchet")
    assert callable(profiler.scope("kernelgym.node.1").__enter__)
