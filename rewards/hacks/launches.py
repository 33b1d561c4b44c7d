"""Detectors of kernels that are there for show (hacks 37 to 39: decoy, trivial kernel, pure torch)."""

from collections import Counter
from collections.abc import Iterator

from rewards.hacks.detector import Detector
from rewards.hacks.provenance import computes, makers
from sandboxes.contracts import Finding, Launch, Severity
from sandboxes.gate import Evidence
from sandboxes.ttir import parse


def _no_launch(evidence: Evidence) -> Iterator[Finding]:
    if not evidence.launches:
        words = _operators(evidence)
        text = f"`forward` launches no Triton kernel{f'; the work is done by {words}' if words else ''}"
        yield evidence.finding("no_launch", Severity.REJECT, text)


def _no_live_launch(evidence: Evidence) -> Iterator[Finding]:
    if evidence.launches and not evidence.live_launches:
        names = ", ".join(dict.fromkeys(f"`{launch.kernel}`" for _, launch in evidence.launches[:5]))
        text = f"no launch reaches an output: the results of {names} are not used (decoy)"
        yield evidence.finding("no_live_launch", Severity.REJECT, text, evidence.launches[0][1].line)


def _dead_launch(evidence: Evidence) -> Iterator[Finding]:
    dead = [launch for index, launch in evidence.launches if index not in evidence.flow.live]
    if evidence.live_launches and dead:
        counts = Counter(launch.kernel for launch in dead)
        names = ", ".join(f"`{name}`{f' ({times} launches)' if times > 1 else ''}" for name, times in counts.items())
        text = f"the results of {names} are not used: its time counts, but not as coverage"
        yield evidence.finding("dead_launch", Severity.WARN, text, dead[0].line)


def _copy_only_kernels(evidence: Evidence) -> Iterator[Finding]:
    launches = evidence.live_launches
    if launches and evidence.live_computations and all(_only_moves(launch) for _, launch in launches):
        text = f"the kernels only copy data; the work is done by {_operators(evidence)}"
        yield evidence.finding("copy_only_kernels", Severity.REJECT, text, launches[0][1].line)


def _operators(evidence: Evidence) -> str:
    return ", ".join(f"`{call.operator}` (node {index})" for index, call in evidence.live_computations[:5])


def _only_moves(launch: Launch) -> bool:
    """True if some configuration of the kernel only stores what it has loaded, at most converted."""
    return any(not any(map(computes, makers(parse(variant.ttir)))) for variant in launch.variants)


LAUNCHES = (
    Detector(
        name="no_launch",
        severity=Severity.REJECT,
        summary="`forward` launches no Triton kernel.",
        examine=_no_launch,
    ),
    Detector(
        name="no_live_launch",
        severity=Severity.REJECT,
        summary="No result of any launch reaches an output.",
        examine=_no_live_launch,
    ),
    Detector(
        name="dead_launch",
        severity=Severity.WARN,
        summary="Results of some launches are not used, next to others that are.",
        examine=_dead_launch,
    ),
    Detector(
        name="copy_only_kernels",
        severity=Severity.REJECT,
        summary="All kernels only move, or convert, what PyTorch's operators compute.",
        examine=_copy_only_kernels,
    ),
)
