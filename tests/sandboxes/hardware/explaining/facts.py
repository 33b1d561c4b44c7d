"""Launches of which a test changes one fact."""

from typing import Any, Literal

from sandboxes.contracts import Resources
from sandboxes.hardware.explaining.nodes import ProgramNode
from sandboxes.hardware.facts import AccessFacts, LaunchFacts
from sandboxes.hardware.occupancy import occupancy
from sandboxes.hardware.targets import get_target
from sandboxes.hardware.work import Work

H200 = get_target("h200")
MB = 10**6


def needs(registers: int = 32, shared: int = 0, threads: int = 128, spills: int = 0) -> Resources:
    found = occupancy(H200, registers, shared, threads)
    return Resources(
        registers=registers, spill_bytes=spills, shared_bytes=shared, threads=threads, occupancy=found.fraction,
        limited_by=found.limited_by,
    )  # fmt: skip


def access(
    kind: Literal["load", "store", "atomic"], argument: str, size: float, line: int = 10, **changes: Any
) -> AccessFacts:
    """A perfect access of `size` bytes, but for what is said."""
    facts: dict[str, Any] = {
        "requested_bytes": size, "requests": size / 512, "sectors": size / 32, "least_sectors": size / 32,
        "distinct_bytes": size, "dram_bytes": size,
    }  # fmt: skip
    return AccessFacts(kind=kind, argument=argument, line=line, **(facts | changes))


def launch(
    *accesses: AccessFacts, grid: int = 132 * 64, flops: dict[str, int] | None = None, **changes: Any
) -> LaunchFacts:
    """A launch that does what its accesses say, evenly, in programs of four warps."""
    work = Work(
        read_bytes=round(sum(each.distinct_bytes for each in accesses if each.kind == "load")),
        written_bytes=round(sum(each.distinct_bytes for each in accesses if each.kind != "load")),
        requested_bytes=round(sum(each.requested_bytes for each in accesses)),
        flops=flops or {},
    )
    facts: dict[str, Any] = {"resources": needs(), "num_stages": 3, "work": work}
    return LaunchFacts(grid=(grid, 1, 1), accesses=accesses, **(facts | changes))


def node(facts: LaunchFacts, name: str = "kernel", index: int = 0, **changes: Any) -> ProgramNode:
    """A launch whose arguments are storages of their own: `x` is 0, `y` is 1, `z` is 2, and so on."""
    storages = {each.argument: "xyzuvw".index(each.argument) for each in facts.accesses}
    reads = {storages[each.argument]: each.distinct_bytes for each in facts.accesses if each.kind == "load"}
    writes = {storages[each.argument]: each.distinct_bytes for each in facts.accesses if each.kind != "load"}
    values: dict[str, Any] = {"live": True, "storages": storages, "reads": reads, "writes": writes}
    return ProgramNode(node=index, name=name, launch=facts, **(values | changes))
