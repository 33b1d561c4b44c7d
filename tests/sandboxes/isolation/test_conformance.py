"""Every backend survives every scenario, and the next submission never notices."""

import os
import shutil
from collections.abc import Callable, Iterator

import pytest

from sandboxes.isolation import BubblewrapSandbox, DockerSandbox, ProcessSandbox
from sandboxes.isolation.conformance import CONFORMANCE_ENTRY, CONFORMANCE_LIMITS, NEIGHBOUR, SCENARIOS, Scenario
from sandboxes.isolation.forking import ForkingSandbox
from sandboxes.isolation.offspring import offspring_of

BACKENDS: dict[str, Callable[[], ForkingSandbox]] = {
    "process": lambda: ProcessSandbox(CONFORMANCE_ENTRY),
    "bubblewrap": lambda: BubblewrapSandbox(CONFORMANCE_ENTRY),
    "bubblewrap-flat": lambda: BubblewrapSandbox(CONFORMANCE_ENTRY, namespaces=False),
    "docker": lambda: DockerSandbox(CONFORMANCE_ENTRY, temporary_mib=4 * CONFORMANCE_LIMITS.file_size_mib),
}
PARAMETERS = [pytest.param(name, marks=pytest.mark.docker if name == "docker" else ()) for name in BACKENDS]

GOT_AT_NOTHING = b"[]"


@pytest.fixture(scope="module", params=PARAMETERS)
def sandbox(request: pytest.FixtureRequest) -> Iterator[ForkingSandbox]:
    if request.param.startswith("bubblewrap") and shutil.which("bwrap") is None:
        pytest.skip("bubblewrap is not installed (apt-get install bubblewrap)")
    if request.param == "docker":
        request.getfixturevalue("docker_engine")
    os.environ["KERNELGYM_TEST_SECRET"] = "hunter2"
    with BACKENDS[request.param]() as made:
        made.warm_up()
        yield made
        following = made.run(NEIGHBOUR.source.encode(), NEIGHBOUR.limits)
        assert NEIGHBOUR.complaint(following) is None, following
    del os.environ["KERNELGYM_TEST_SECRET"]


@pytest.fixture(scope="module")
def processes(sandbox: ForkingSandbox) -> set[int]:
    """The zygote and what holds it, the only processes that may be there between requests."""
    sandbox.warm_up()
    return set(offspring_of(os.getpid()))


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name.replace(" ", "-"))
def test_a_scenario_ends_as_data_and_the_next_submission_is_untouched(
    sandbox: ForkingSandbox, processes: set[int], scenario: Scenario
) -> None:
    if missing := scenario.needs - sandbox.protections:
        pytest.skip(f"{sandbox.name} offers no {', '.join(missing)} here")
    result = sandbox.run(scenario.source.encode(), scenario.limits)
    assert scenario.complaint(result) is None, result
    assert result.timings_s["total"] < 20
    if result.payload != GOT_AT_NOTHING:  # else the next scenario is the neighbour
        following = sandbox.run(NEIGHBOUR.source.encode(), NEIGHBOUR.limits)
        assert NEIGHBOUR.complaint(following) is None, following
    assert set(offspring_of(os.getpid())) == processes, "a process outlived its request, or the zygote was lost"


def test_the_suite_attacks_in_more_than_a_hundred_ways() -> None:
    assert len({scenario.name for scenario in SCENARIOS}) == len(SCENARIOS)
    assert sum(scenario.hostile for scenario in SCENARIOS) >= 100
