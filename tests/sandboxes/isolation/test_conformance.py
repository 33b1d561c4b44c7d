"""Every backend survives every scenario, and the next submission never notices."""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sandboxes.isolation import BubblewrapSandbox, ProcessSandbox
from sandboxes.isolation.conformance import (
    CONFORMANCE_ENTRY,
    NEIGHBOUR,
    SCENARIOS,
    Scenario,
)
from sandboxes.isolation.forking import ForkingSandbox
from sandboxes.isolation.landlock import landlock_version

BACKENDS: dict[str, Callable[[], ForkingSandbox]] = {
    "process": lambda: ProcessSandbox(CONFORMANCE_ENTRY),
    "bubblewrap": lambda: BubblewrapSandbox(CONFORMANCE_ENTRY),
    "bubblewrap-flat": lambda: BubblewrapSandbox(CONFORMANCE_ENTRY, namespaces=False),
}


@pytest.fixture(scope="module", params=BACKENDS)
def sandbox(request: pytest.FixtureRequest) -> Iterator[ForkingSandbox]:
    if request.param != "process" and shutil.which("bwrap") is None:
        pytest.skip("bubblewrap is not installed (apt-get install bubblewrap)")
    os.environ["KERNELGYM_TEST_SECRET"] = "hunter2"
    with BACKENDS[request.param]() as made:
        made.warm_up()
        yield made
    del os.environ["KERNELGYM_TEST_SECRET"]


def offers(sandbox: ForkingSandbox) -> set[str]:
    bubblewrap = sandbox.name == "bubblewrap"
    namespaces = bool(sandbox.features["namespaces"])
    found = {"quota": namespaces, "hidden_processes": namespaces}
    return {name for name, there in found.items() if there} | (
        {"hidden_files"} if bubblewrap or landlock_version() else set()
    )


def descendants() -> set[int]:
    parents: dict[int, int] = {}
    for path in Path("/proc").iterdir():
        if path.name.isdigit():
            try:
                stat = (path / "stat").read_text(encoding="utf-8", errors="replace")
            except OSError:
                continue
            parents[int(path.name)] = int(stat.rpartition(")")[2].split()[1])
    found: set[int] = set()
    layer = {os.getpid()}
    while layer:
        layer = {child for child, parent in parents.items() if parent in layer}
        found |= layer
    return found


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name.replace(" ", "-"))
def test_a_scenario_ends_as_data_and_the_next_submission_is_untouched(
    sandbox: ForkingSandbox, scenario: Scenario
) -> None:
    if missing := scenario.needs - offers(sandbox):
        pytest.skip(f"{sandbox.name} offers no {', '.join(missing)} here")
    before = descendants()
    result = sandbox.run(scenario.source.encode(), scenario.limits)
    assert result.status in scenario.statuses, result
    assert (result.payload is None) == (result.status != "completed")
    if result.payload is not None and scenario.answers:
        assert result.payload in scenario.answers, result
    assert not scenario.signals or result.signal in scenario.signals, result
    assert scenario.exit_code in (None, result.exit_code), result
    assert result.timings_s["total"] < 20
    assert descendants() == before, "a process outlived its request, or the zygote was lost"
    following = sandbox.run(NEIGHBOUR.source.encode(), NEIGHBOUR.limits)
    assert following.payload in NEIGHBOUR.answers, following
    assert descendants() == before, "the zygote was lost afterwards"
