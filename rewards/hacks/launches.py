"""Detectors of kernels that are there for show (hacks 37 to 39: decoy, trivial kernel, pure torch)."""

from rewards.hacks.evidence import Evidence
from rewards.hacks.provenance import makers
from sandboxes.contracts import Finding, Launch, Severity
from sandboxes.ttir import Operation, parse

COMPUTING = ("arith.", "math.", "tt.dot", "tt.reduce", "tt.scan", "tt.atomic", "tt.extern", "tt.histogram", "tt.gather")
"""Prefixes of operations on data."""

CONVERTING = frozenset(
    {
        "arith.constant", "arith.bitcast", "arith.extf", "arith.truncf", "arith.extsi", "arith.extui", "arith.trunci",
        "arith.sitofp", "arith.uitofp", "arith.fptosi", "arith.fptoui", "arith.index_cast",
    }
)  # fmt: skip
"""Operations that change a number's format only."""


def no_live_launch(evidence: Evidence) -> list[Finding]:
    """Fires when no Triton kernel contributes to the outputs."""
    if evidence.live_launches:
        return []
    if not evidence.launches:
        words = ", ".join(dict.fromkeys(f"`{call.operator}`" for call in evidence.live_computations[:5]))
        text = f"`forward` launches no Triton kernel{f'; the work is done by {words}' if words else ''}"
        return [evidence.finding("no_launch", Severity.REJECT, text)]
    names = ", ".join(dict.fromkeys(f"`{launch.kernel}`" for _, launch in evidence.launches[:5]))
    text = f"no launch reaches an output: the results of {names} are not used (decoy)"
    return [evidence.finding("no_live_launch", Severity.REJECT, text, evidence.launches[0][1].line)]


def dead_launch(evidence: Evidence) -> list[Finding]:
    """Warns of launches whose results are not used, next to others that are."""
    if not evidence.live_launches:
        return []
    return [
        evidence.finding(
            "dead_launch",
            Severity.WARN,
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
    return [evidence.finding("copy_only_kernels", Severity.REJECT, text, launches[0][1].line)]


def _only_moves(launch: Launch) -> bool:
    """True if some configuration of the kernel only stores what it has loaded, at most converted."""
    return any(not any(map(_computes, makers(parse(variant.ttir)))) for variant in launch.variants)


def _computes(operation: Operation) -> bool:
    return operation.name.startswith(COMPUTING) and operation.name not in CONVERTING
