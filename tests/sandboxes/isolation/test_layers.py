"""The probes can fail: with one layer of the sandbox switched off, they say what gets through.

Only layers and probes whose success harms nobody: whoever runs this may run it on a machine of their own.
"""

from dataclasses import replace

import pytest

from sandboxes.isolation.conformance import CONFORMANCE_ENTRY, SCENARIOS
from sandboxes.isolation.forking import ForkingSandbox
from sandboxes.isolation.landlock import landlock_version
from sandboxes.isolation.zygote_process import Plan

ZYGOTE = (
    "import sys; sys.path[:0] = sys.argv[2:]; "
    "from sandboxes.isolation import confinement, syscalls, zygote; {without}; zygote.main(sys.argv[1])"
)

NO_FILTER = "confinement.deny_system_calls = lambda: None"
NO_LANDLOCK = "confinement.landlock_version = lambda: 0"
NO_LIMITS = "confinement._set_resource_limits = lambda *_: None"
ALL_DESCRIPTORS = "import os; os.closerange = lambda *_: None"
KEPT_CAPABILITIES = "syscalls.set_capabilities = lambda _: None"
FORKED_SECRET = "zygote.secret = 'hunter' + chr(50)"
INHERITED_SECRET = "import os; os.environ['KERNELGYM_TEST_SECRET'] = 'hunter' + chr(50)"

CAUGHT = {
    NO_FILTER: (
        "calls as a 32-bit program does", "calls what is newer than the filter", "copies memory between processes",
        "drives the kernel through io_uring", "dumps core", "handles its own page faults",
        "installs filters and listeners of its own",
        "keeps memory in files without a name", "keeps secrets in keyrings", "loads programs into the kernel",
        "makes namespaces", "makes pairs of exotic sockets", "meets others at abstract and file sockets", "mounts",
        "opens files by handle", "sends datagrams to any name from one of a pair of sockets",
        "takes descriptors out of other processes", "traces a child", "bears siblings instead of children",
    ),
    NO_LANDLOCK: ("climbs out through /proc", "reads through symbolic links it plants", "sees no process but its own"),
    NO_LIMITS: ("opens ten thousand files", "writes one endless file", "fills pipes", "raises its own limits"),
    ALL_DESCRIPTORS: ("looks for a channel among its descriptors",),
    KEPT_CAPABILITIES: ("holds capabilities",),
    FORKED_SECRET: ("searches its memory for what the zygote inherited",),
    INHERITED_SECRET: ("looks for secrets in its environment",),
}  # fmt: skip
"""What is switched off, as a statement in the zygote, and the probes that have to notice."""


def weakened(without: str) -> ForkingSandbox:
    def command(python: list[str]) -> list[str]:
        return [*python[:3], ZYGOTE.format(without=without), *python[4:]]

    plan = Plan(wrap=command, inner_dir=None, dies_with_parent=False, namespaces=False, remedy="none: it is a test")
    return ForkingSandbox(CONFORMANCE_ENTRY, plan.start)


@pytest.mark.parametrize("without", CAUGHT)
def test_a_missing_layer_is_noticed(without: str) -> None:
    with weakened(without) as sandbox:
        sandbox.warm_up()
        if sandbox.features["user_id"] is None or not landlock_version() or not sandbox.features["seccomp"]:
            pytest.skip("layers are told apart as root on a kernel with Landlock and seccomp")
        for scenario in SCENARIOS:
            if scenario.name in CAUGHT[without]:
                result = sandbox.run(scenario.source.encode(), replace(scenario.limits, wall_time_s=20.0))
                assert scenario.complaint(result) is not None, f"{scenario.name} got {result}"


def test_the_names_are_those_of_probes() -> None:
    assert {name for names in CAUGHT.values() for name in names} <= {scenario.name for scenario in SCENARIOS}
