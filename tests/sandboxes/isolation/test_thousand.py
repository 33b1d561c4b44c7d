"""A thousand hostile submissions in a row leave nothing behind, and the next honest one never notices."""

import gc
import itertools
import os
import shutil
from pathlib import Path

import pytest

from sandboxes.isolation import BubblewrapSandbox, DockerSandbox, ProcessSandbox
from sandboxes.isolation.cgroups import _parents
from sandboxes.isolation.conformance import CONFORMANCE_ENTRY, NEIGHBOUR, SCENARIOS
from sandboxes.isolation.forking import ForkingSandbox
from sandboxes.isolation.offspring import offspring_of

SUBMISSIONS = 1000
MAX_GROWTH_MIB = 24
SLOW = {
    "allocates in steps", "fills its temporary directory", "makes files until there are no more",
    "nests directories deeper than a path is long", "shares its appetite among many processes",
    "shares its appetite among shared mappings", "tries two thousand forks",
}  # fmt: skip


def traces(temporary: Path) -> dict[str, object]:
    """Everything of ours on this machine that a submission could have left or changed."""
    return {
        "processes": set(offspring_of(os.getpid())),
        "descriptors": len(list(Path("/proc/self/fd").iterdir())),
        "mounts": mounts(),
        "temporary files": {str(path) for path in temporary.rglob("*")},
        "control groups": {path for _, _, parent in _parents() for path in parent.glob(f"kernelgym-{os.getpid()}-*")},
    }


def mounts() -> list[str]:
    """What is mounted, but for what an engine mounts for containers, theirs or ours: other tests start some, too."""
    rows = Path("/proc/self/mountinfo").read_text().splitlines()
    ours = [row for row in rows if not {"overlay", "nsfs"} & set(row.split(" - ")[1].split())]
    return [row for row in ours if "/containers/" not in row.split()[4]]  # their shared memory, below the engine's data


def owned_by(user_id: object) -> list[str]:
    """What in places that everybody may write belongs to this user: files and shared memory."""
    places = [path for place in ("/tmp", "/var/tmp", "/dev/shm") for path in Path(place).glob("*")]
    found = [str(path) for path in places if path.exists() and path.stat().st_uid == user_id]
    rows = [
        row.split() for kind in ("shm", "sem", "msg") for row in Path(f"/proc/sysvipc/{kind}").read_text().splitlines()
    ]
    return found + [" ".join(row) for row in rows if str(user_id) in row]


def resident_mib() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE") >> 20


@pytest.mark.slow
@pytest.mark.parametrize(
    "kind", [ProcessSandbox, BubblewrapSandbox, pytest.param(DockerSandbox, marks=pytest.mark.docker)]
)
def test_a_thousand_hostile_submissions_leave_nothing_behind(
    kind: type[ForkingSandbox], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    if kind is DockerSandbox:
        request.getfixturevalue("docker_engine")
    if kind is BubblewrapSandbox and shutil.which("bwrap") is None:
        pytest.skip("bubblewrap is not installed (apt-get install bubblewrap)")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    for parent in (tmp_path, *tmp_path.parents[:2]):
        parent.chmod(0o755)  # pytest's folders are private, and requests run as somebody else
    start = traces(tmp_path)
    with kind(CONFORMANCE_ENTRY, recycle_after=10 * SUBMISSIONS) as sandbox:
        sandbox.warm_up()
        attacks = [
            scenario
            for scenario in SCENARIOS
            if scenario.hostile
            and scenario.name not in SLOW
            and "timeout" not in scenario.statuses
            and scenario.needs <= sandbox.protections
        ]
        before = traces(tmp_path)
        memory = resident_mib()
        for scenario in itertools.islice(itertools.cycle(attacks), SUBMISSIONS):
            assert scenario.complaint(sandbox.run(scenario.source.encode(), scenario.limits)) is None, scenario.name
        following = sandbox.run(NEIGHBOUR.source.encode(), NEIGHBOUR.limits)
        assert NEIGHBOUR.complaint(following) is None
        assert following.timings_s["total"] < 1
        gc.collect()
        assert traces(tmp_path) == before
        assert resident_mib() - memory < MAX_GROWTH_MIB
        if sandbox.features["user_id"] is not None:
            assert owned_by(sandbox.features["user_id"]) == []
    assert traces(tmp_path) == start
