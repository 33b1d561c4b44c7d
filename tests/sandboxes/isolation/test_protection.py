"""What a sandbox does not cover is said, and follows from what it found on this machine."""

import shutil
from typing import Any

import pytest

from sandboxes.isolation import BubblewrapSandbox, ProcessSandbox
from sandboxes.isolation.conformance import CONFORMANCE_ENTRY, SCENARIOS
from sandboxes.isolation.protection import Protection, gaps_of, protections_of

STRONG: dict[str, Any] = {
    "namespaces": True, "user_id": 1, "landlock": 7, "seccomp": True, "cgroup": "v1 pids, v1 memory",
}  # fmt: skip
WEAK: dict[str, Any] = {"namespaces": False, "user_id": None, "landlock": 0, "seccomp": False, "cgroup": "none"}


def test_nothing_is_left_open_where_everything_is_there() -> None:
    assert protections_of("bubblewrap", STRONG) == frozenset(Protection)
    assert gaps_of(frozenset(Protection)) == ()


def test_a_process_without_help_protects_against_nothing_of_the_list() -> None:
    assert protections_of("process", WEAK) == frozenset()
    assert len(gaps_of(frozenset())) == len(Protection)


@pytest.mark.parametrize(
    ("change", "lost"),
    [
        ({"namespaces": False}, {Protection.QUOTA}),
        ({"cgroup": "v2 memory"}, {Protection.COUNTED}),
        ({"cgroup": "v2 memory pids"}, set()),
        ({"seccomp": False}, {Protection.SYSTEM_CALLS}),
        ({"namespaces": False, "landlock": 0}, {Protection.QUOTA, Protection.HIDDEN_PROCESSES}),
        ({"namespaces": False, "landlock": 5, "user_id": None}, {Protection.QUOTA, Protection.SIGNALS}),
    ],
)
def test_each_part_that_is_missing_is_a_gap(change: dict[str, Any], lost: set[Protection]) -> None:
    assert protections_of("bubblewrap", STRONG | change) == frozenset(Protection) - lost


def test_every_gap_starts_with_the_name_that_scenarios_need() -> None:
    needed = {protection for scenario in SCENARIOS for protection in scenario.needs}
    assert needed <= {gap.partition(":")[0] for gap in gaps_of(frozenset())}


def test_a_running_sandbox_knows_its_gaps() -> None:
    with ProcessSandbox(CONFORMANCE_ENTRY) as sandbox:
        assert sandbox.gaps == ()
        sandbox.warm_up()
        assert any(gap.startswith(Protection.QUOTA) for gap in sandbox.gaps)
        assert Protection.QUOTA not in sandbox.protections


def test_whoever_asked_is_told_when_a_zygote_is_ready() -> None:
    told: list[tuple[str, ...]] = []
    with ProcessSandbox(CONFORMANCE_ENTRY) as sandbox:
        sandbox.on_ready = lambda: told.append(sandbox.gaps)
        sandbox.warm_up()
        sandbox.warm_up()
    assert len(told) == 1


@pytest.mark.skipif(shutil.which("bwrap") is None, reason="bubblewrap is not installed (apt-get install bubblewrap)")
def test_bubblewrap_lacks_nothing_but_what_the_machine_lacks() -> None:
    with BubblewrapSandbox(CONFORMANCE_ENTRY) as sandbox:
        sandbox.warm_up()
        allowed = {"counted memory", "disk space"}  # without control groups, without nested namespaces
        assert {gap.partition(":")[0] for gap in sandbox.gaps} <= allowed
