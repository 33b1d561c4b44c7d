"""Control groups count what limits per process cannot, and are gone afterwards."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from sandboxes.isolation import ProcessSandbox, cgroups
from sandboxes.isolation.cgroups import Cgroup
from sandboxes.isolation.conformance import CONFORMANCE_ENTRY, CONFORMANCE_LIMITS
from sandboxes.isolation.protection import Protection

PATIENT = replace(CONFORMANCE_LIMITS, wall_time_s=20.0)


@pytest.fixture
def made() -> Iterator[tuple[Cgroup, ...]]:
    made = cgroups.make_cgroups()
    yield made
    cgroups.discard(made)
    assert directories(made) == set()


def directories(made: Sequence[Cgroup]) -> set[Path]:
    places = {parent / cgroup.name for _, _, parent in cgroups._parents() for cgroup in made}
    return {place for place in places if place.exists()}


def needs(sandbox: ProcessSandbox, protection: Protection) -> None:
    if protection not in sandbox.protections:
        pytest.skip("no writable control groups here")


def test_the_kernel_counts_processes_and_threads_together() -> None:
    source = (
        "import os, _thread, time\n"
        "for n in range(100):\n"
        "    try:\n"
        "        _thread.start_new_thread(time.sleep, (1000,))\n"
        "        if os.fork() == 0: time.sleep(1000)\n"
        "    except (OSError, RuntimeError): break\n"
        "answer = n\n"
    )
    with ProcessSandbox(CONFORMANCE_ENTRY) as sandbox:
        sandbox.warm_up()
        needs(sandbox, Protection.COUNTED)
        answer = sandbox.run(source.encode(), PATIENT).payload
    assert answer is not None
    assert int(answer) < PATIENT.processes / 2


def test_memory_of_the_kernel_is_counted() -> None:
    limits = replace(PATIENT, memory_mib=128, processes=40, file_size_mib=1, open_files=200)
    source = """
import os, socket
ends = os.pipe()
for n in range(36):
    if os.fork() == 0:
        kept = []
        try:
            while True:
                kept.append(socket.socketpair())
                kept[-1][0].setblocking(False)
                os.write(ends[1], kept[-1][0].send(bytes(1 << 18)).to_bytes(4, 'little'))
        except OSError: pass
        os.write(ends[1], bytes(4))
        os.read(os.pipe()[0], 1)
total, open_ended = 0, 36
while open_ended:
    amount = int.from_bytes(os.read(ends[0], 4), 'little')
    total += amount
    open_ended -= not amount
answer = total >> 20
"""
    with ProcessSandbox(CONFORMANCE_ENTRY) as sandbox:
        sandbox.warm_up()
        needs(sandbox, Protection.COUNTED)
        result = sandbox.run(source.encode(), replace(limits, wall_time_s=3.0))
    assert result.payload is None or int(result.payload) < 250, "36 processes would hold 700 MiB in sockets"


def test_groups_are_gone_with_their_sandbox() -> None:
    with ProcessSandbox(CONFORMANCE_ENTRY) as sandbox:
        sandbox.warm_up()
        assert sandbox._zygote is not None
        made = sandbox._zygote._cgroups
        assert len(directories(made)) == len(made)
        assert sandbox.run(b"answer = 1", CONFORMANCE_LIMITS).payload == b"1"
    assert directories(made) == set()


def test_groups_of_callers_that_died_are_removed_by_the_next_one(made: tuple[Cgroup, ...]) -> None:
    if not made:
        pytest.skip("no writable control group here")
    parents = [parent for _, _, parent in cgroups._parents()]
    for parent in parents:
        (parent / "kernelgym-999999999-dead").mkdir(exist_ok=True)
    cgroups.discard(cgroups.make_cgroups())
    assert not [parent for parent in parents if (parent / "kernelgym-999999999-dead").exists()]
    assert len(directories(made)) == len(made), "ours is in use"
