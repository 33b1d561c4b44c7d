"""What a worker can't be is said at once, with what would do; a GPU has one worker, and folders have an owner."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from kernelgym.errors import BadUsage
from kernelgym.serving.hosting.gpu_lock import GpuLock
from kernelgym.serving.hosting.ground import Ground
from kernelgym.serving.hosting.host_options import HostOptions, parse_queues
from kernelgym.serving.routing import Station

GROUND = "from kernelgym.serving.hosting.ground import Ground"
URL = "redis://localhost:6379/0"


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"gpu": "0"}, "--gpu is 0 without --target"),
        ({"target": "h200"}, "--target is 'h200' without --gpu"),
        ({"gpu": "0", "target": "h20"}, "There is no target `h20`. Did you mean `h200`"),
        ({"gpu": "0", "target": "h200", "processes": 2}, "one process measures on a GPU"),
        ({"stations": ()}, "trace, replay or both"),
        ({"processes": 0}, "at least 1"),
    ],
)
def test_options_that_do_not_go_together_are_refused_with_a_remedy(fields: dict[str, Any], words: str) -> None:
    with pytest.raises(BadUsage, match=words):
        HostOptions(redis_url=URL, **fields)


def test_a_queue_that_is_none_is_refused_with_the_one_that_was_meant() -> None:
    with pytest.raises(BadUsage, match="did you mean 'replay'"):
        parse_queues("trace,repaly")
    assert parse_queues("replay, trace,replay") == (Station.REPLAY, Station.TRACE)


def test_a_worker_ends_what_was_begun_before_it_begins_something_new() -> None:
    names = [name.partition("@")[0] for name in HostOptions(redis_url=URL).queues]
    assert names == ["replay", "trace"]
    measuring = HostOptions(redis_url=URL, gpu="1", target="h200")
    assert [name.partition("@")[0] for name in measuring.queues] == ["measure.h200"]
    assert not measuring.traces


def test_a_gpu_has_one_worker_until_that_ends(tmp_path: Path) -> None:
    first = GpuLock("0", tmp_path)
    GpuLock("1", tmp_path).close()
    with pytest.raises(BadUsage, match=f"GPU 0 has a worker, process {os.getpid()}"):
        GpuLock("0", tmp_path)
    first.close()
    GpuLock("0", tmp_path).close()


def test_the_folder_of_a_host_that_was_killed_is_removed_by_the_next_one(tmp_path: Path) -> None:
    code = f"import os; {GROUND}; g = Ground(); g.settle(); os.kill(os.getpid(), 9)"
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    subprocess.run([sys.executable, "-c", code], env=environment, check=False)
    assert len(list(tmp_path.glob("kernelgym-host-*/*"))) == 2
    code = f"{GROUND}; a = Ground(); b = Ground(); assert a.path.exists(); b.remove()"
    subprocess.run([sys.executable, "-c", code], env=environment, check=True)
    assert len(list(tmp_path.glob("kernelgym-host-*"))) == 1, "one that lives keeps its own"


def test_folders_of_processes_that_ended_are_removed() -> None:
    ground = Ground()
    (ground.path / "999999999").mkdir()
    (ground.path / str(os.getpid())).mkdir()
    ground.tidy()
    assert {path.name for path in ground.path.iterdir()} == {"lock", str(os.getpid())}
    ground.remove()
    assert not ground.path.exists()
