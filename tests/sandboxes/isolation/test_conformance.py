"""Every backend survives every scenario, and the next submission never notices."""

import os
import shutil
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

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


@contextmanager
def planted_gpu(folder: Path) -> Iterator[None]:
    """What there is of a GPU in a process that uses one: settings, an open descriptor, a device if we may make it."""
    descriptor = os.open(folder / "nvidia-planted", os.O_CREAT | os.O_RDWR, 0o666)
    os.set_inheritable(descriptor, True)
    node = Path("/dev/nvidia-planted")
    with suppress(OSError):  # no root, or another test's
        os.mknod(node, stat.S_IFCHR | 0o666, os.makedev(1, 3))
        node.chmod(0o666)
    names = ("CUDA_VISIBLE_DEVICES", "NVIDIA_VISIBLE_DEVICES", "NVIDIA_DRIVER_CAPABILITIES", "KERNELGYM_GPU")
    with pytest.MonkeyPatch.context() as patch:
        for name in names:
            patch.setenv(name, "all")
        yield
    os.close(descriptor)
    with suppress(OSError):
        node.unlink()


@pytest.fixture(scope="module", params=PARAMETERS)
def sandbox(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ForkingSandbox]:
    if request.param.startswith("bubblewrap") and shutil.which("bwrap") is None:
        pytest.skip("bubblewrap is not installed (apt-get install bubblewrap)")
    if request.param == "docker":
        request.getfixturevalue("docker_engine")
    os.environ["KERNELGYM_TEST_SECRET"] = "hunter2"
    with planted_gpu(tmp_path_factory.mktemp("planted")), BACKENDS[request.param]() as made:
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


@pytest.mark.skipif(not Path("/proc/driver").is_dir(), reason="this kernel has no /proc/driver")
def test_what_drivers_tell_of_devices_is_covered(sandbox: ForkingSandbox) -> None:
    if sandbox.name != "bubblewrap" or not sandbox.features.get("namespaces"):
        pytest.skip("its requests have no mounts of their own: the list of readable files leaves it out")
    source = "import os\nanswer = os.stat('/proc/driver').st_dev == os.stat('/proc').st_dev"
    assert sandbox.run(source.encode(), NEIGHBOUR.limits).payload == b"False"
