"""What every sandbox must survive: hostile programs by name, for any backend's test suite to run.

Use: create a sandbox with `CONFORMANCE_ENTRY`, and for each `Scenario` call `run` with its source and its `limits`; the
status must be one of `statuses` (and, where `answers` is given, the answer one of those), and afterwards `NEIGHBOUR`
must still give its answer. `Scenario.complaint` says what is wrong with a result. A backend that lacks one of `needs`
leaves the scenario out, and says so in its docstring. Not covered: side channels, and holes in the kernel.
"""

from sandboxes.isolation.conformance import (
    bombs,
    devices,
    endings,
    files,
    floods,
    interfaces,
    leftovers,
    network,
    poisoning,
    privileges,
    processes,
    secrets,
    timing,
)
from sandboxes.isolation.conformance.scenario import (
    CONFORMANCE_ENTRY,
    CONFORMANCE_LIMITS,
    NEIGHBOUR,
    Scenario,
    run_python,
)

__all__ = ["CONFORMANCE_ENTRY", "CONFORMANCE_LIMITS", "NEIGHBOUR", "SCENARIOS", "Scenario", "run_python"]

_FAMILIES = (
    endings, timing, bombs, floods, files, devices, network, processes, interfaces, privileges, secrets, leftovers,
    poisoning,
)  # fmt: skip

SCENARIOS: tuple[Scenario, ...] = tuple(each for family in _FAMILIES for each in family.SCENARIOS)
"""Every scenario, in an order in which the later ones also look for what the earlier ones left."""
