"""Reports with the times of a test's choice."""

from sandboxes.contracts import Bound, NodeProfile, Report
from tests.reports import ok_report


def timed(speedup: float, *, coverage: float = 1.0, verified: bool = True) -> Report:
    """A correct candidate that is `speedup` times as fast as the reference."""
    report = ok_report(time_us=8.0, reference_time_us=8.0 * speedup, coverage=coverage, verified=verified)
    return changed(report, reference_time_us=report.profile.time_us * speedup)  # type: ignore[union-attr]


def changed(report: Report, **fields: object) -> Report:
    """The same report with other fields in its profile, consistent or not."""
    assert report.profile is not None
    return report.model_copy(update={"profile": report.profile.model_copy(update=fields)})


def node(
    time_us: float, *, custom: bool, live: bool = True, influences: bool | None = None, fills: bool = False
) -> NodeProfile:
    """One node of a profile."""
    return NodeProfile(
        node=0, name="kernel" if custom else "aten::relu", custom=custom, live=live, influences=influences, fills=fills,
        time_us=time_us, bytes=1, flops=1, bound=Bound.DRAM, roofline_fraction=0.5,
    )  # fmt: skip


def profiled(nodes: list[NodeProfile], reference_us: float) -> Report:
    """A correct candidate of these nodes, with what a profile says of them all together."""
    live = sum(each.time_us for each in nodes if each.live)
    own = sum(each.time_us for each in nodes if each.counts)
    left = sum(each.time_us for each in nodes if each.live and not each.custom and not each.fills)
    return changed(
        ok_report(),
        nodes=tuple(each.model_copy(update={"node": index}) for index, each in enumerate(nodes)),
        time_us=sum(each.time_us for each in nodes),
        reference_time_us=reference_us,
        coverage=own / live if live else 0.0,
        replaced=min(max(1 - left / reference_us, 0.0), 1.0) if reference_us else float(not left),
    )
