"""Facts of a launch of which nobody knows more than its totals."""

from sandboxes.contracts import Resources
from sandboxes.hardware.facts import LaunchFacts
from sandboxes.hardware.work import Work


def plain(work: Work, resources: Resources, grid: tuple[int, int, int], num_stages: int = 2) -> LaunchFacts:
    """Returns facts that say: perfectly coalesced, an L2 cache that keeps everything, the best unit for products.

    Args:
        work: Of the whole launch.
        resources: Of the compiled kernel.
        grid: Number of programs per axis.
        num_stages: As asked for.
    """
    return LaunchFacts(grid=grid, resources=resources, num_stages=num_stages, work=work)
