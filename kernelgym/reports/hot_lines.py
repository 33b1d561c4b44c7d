"""The costliest lines of a candidate, over all its kernels."""

from dataclasses import dataclass

from sandboxes.contracts import HotLine, Profile


@dataclass(frozen=True, slots=True, kw_only=True)
class CostlyLine:
    """What a line costs in all kernels together."""

    number: int
    excerpt: str
    """The candidate's words."""
    time_us: float | None
    """Modelled; None where only counts are known."""
    sectors: float | None
    """32-byte sectors that an instruction of a warp touches, in the kernel in which it is the most."""
    bytes: int
    flops: int


def costly_lines(profile: Profile) -> list[CostlyLine]:
    """Returns the lines that take the longest first; where times are not known, those that move, then compute most."""
    found: dict[int, list[HotLine]] = {}
    for node in profile.nodes:
        for hot in node.hot_lines:
            found.setdefault(hot.line, []).append(hot)
    lines = [_together(parts) for parts in found.values()]
    return sorted(lines, key=lambda line: (-(line.time_us or 0.0), -line.bytes, -line.flops))


def _together(parts: list[HotLine]) -> CostlyLine:
    times = [part.time_us for part in parts if part.time_us is not None]
    return CostlyLine(
        number=parts[0].line,
        excerpt=parts[-1].excerpt,
        time_us=sum(times) if times else None,
        sectors=max((part.sectors_per_request for part in parts if part.sectors_per_request is not None), default=None),
        bytes=sum(part.bytes for part in parts),
        flops=sum(part.flops for part in parts),
    )
