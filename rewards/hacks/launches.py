"""Detectors of kernels that are there for show (hacks 37 to 39: decoy, trivial kernel, pure torch)."""

from rewards.hacks.evidence import Evidence
from sandboxes.contracts import Finding, Launch, Severity
from sandboxes.ttir import Operation, Region, parse

ADDRESSING = frozenset(
    {"arith.addi", "arith.muli", "arith.subi", "arith.cmpi", "arith.andi", "arith.divsi", "arith.remsi"}
)
"""Integer arithmetic, which alone may be the computation of an address or a mask."""

COMPUTING = ("arith.", "math.", "tt.dot", "tt.reduce", "tt.scan", "tt.atomic", "tt.extern", "tt.histogram", "tt.gather")
"""Prefixes of operations on data."""

CONVERTING = frozenset(
    {"arith.constant", "arith.extf", "arith.truncf", "arith.extsi", "arith.extui", "arith.trunci", "arith.bitcast"}
)
"""Operations that change a number's format only."""


def no_live_launch(evidence: Evidence) -> list[Finding]:
    """Fires when no Triton kernel contributes to the outputs."""
    if evidence.live_launches:
        return []
    if not evidence.launches:
        words = ", ".join(dict.fromkeys(f"`{call.operator}`" for call in evidence.live_computations[:5]))
        text = f"`forward` launches no Triton kernel{f'; the work is done by {words}' if words else ''}"
        return [evidence.finding("no_launch", Severity.FATAL, text)]
    names = ", ".join(dict.fromkeys(f"`{launch.kernel}`" for _, launch in evidence.launches[:5]))
    text = f"no launch reaches an output: the results of {names} are not used (decoy)"
    return [evidence.finding("no_live_launch", Severity.FATAL, text, evidence.launches[0][1].line)]


def dead_launch(evidence: Evidence) -> list[Finding]:
    """Warns of launches whose results are not used, next to others that are."""
    if not evidence.live_launches:
        return []
    return [
        evidence.finding(
            "dead_launch",
            Severity.WARNING,
            f"the results of `{launch.kernel}` are not used; its time counts, but not as coverage",
            launch.line,
        )
        for index, launch in evidence.launches
        if index not in evidence.flow.live
    ]


def copy_only_launches(evidence: Evidence) -> list[Finding]:
    """Fires when the kernels only move what ATen operators have computed."""
    launches = evidence.live_launches
    if not launches or not evidence.live_computations or not all(_only_moves(launch) for _, launch in launches):
        return []
    operators = ", ".join(dict.fromkeys(f"`{call.operator}`" for call in evidence.live_computations[:5]))
    text = f"the kernels only copy data; the work is done by {operators}"
    return [evidence.finding("copy_only_kernels", Severity.FATAL, text, launches[0][1].line)]


def _only_moves(launch: Launch) -> bool:
    """True if the kernel does nothing with data but load, store and convert it."""
    module = parse(launch.variants[0].ttir)
    return not any(_computes(operation) for function in module.functions for operation in _walk(function.body))


def _computes(operation: Operation) -> bool:
    name = operation.name
    return name.startswith(COMPUTING) and name not in ADDRESSING and name not in CONVERTING


def _walk(region: Region) -> list[Operation]:
    """Returns all operations of a region, nested ones too."""
    found: list[Operation] = []
    stack = [region]
    while stack:
        for block in stack.pop().blocks:
            for operation in block.operations:
                found.append(operation)
                stack.extend(operation.regions)
    return found
