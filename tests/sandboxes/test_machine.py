"""What the machine lacks is no verdict on the candidate."""

import errno
import os
import resource
import signal

import pytest

from sandboxes import machine
from sandboxes.compilation import CompileFailure, _raise_if_ours
from sandboxes.contracts import Outcome, Stage, Submission
from sandboxes.errors import MachineFailed
from sandboxes.faults import Fault, faults
from sandboxes.isolation.cgroups import out_of_memory_kills
from sandboxes.machine import full_disk, killed_from_outside

SUBMISSION = Submission(source="x")
PTXAS = "PTXAS error: `ptxas` failed with error code {}\n`ptxas` stderr:\n"


@pytest.mark.parametrize("number", sorted(machine.ERRORS))
@pytest.mark.parametrize("stage", [Stage.VERIFY, Stage.COMPILE, Stage.REPLAY, Stage.PROFILE])
def test_an_error_of_the_operating_system_is_infrastructure_also_below_another_one(number: int, stage: Stage) -> None:
    wrapper = RuntimeError("somebody's wrapper")
    wrapper.__cause__ = OSError(number, os.strerror(number))
    with pytest.raises(MachineFailed, match=os.strerror(number)), faults(stage, SUBMISSION):
        raise wrapper


def test_an_error_that_only_this_program_provokes_is_its_verdict() -> None:
    for error in (OSError(errno.ENOENT, "no such file"), RuntimeError("odd")):
        with pytest.raises(Fault) as caught, faults(Stage.REPLAY, SUBMISSION):
            raise error
        assert caught.value.outcome is Outcome.UNSUPPORTED


def test_a_process_without_file_descriptors_judges_nobody() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    opened: list[int] = []
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(map(int, os.listdir("/proc/self/fd"))) + 1, hard))  # noqa: PTH208
        with pytest.raises(MachineFailed, match="ulimit -n"), faults(Stage.COMPILE, SUBMISSION):
            open_for_ever(opened)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        for descriptor in opened:
            os.close(descriptor)


def open_for_ever(opened: list[int]) -> None:
    while True:
        opened += os.pipe()


def test_an_assembler_that_was_killed_says_nothing_and_one_that_crashed_does() -> None:
    with pytest.raises(MachineFailed, match="signal 9"):
        _raise_if_ours(RuntimeError(PTXAS.format(-9)), out_of_memory_kills())
    _raise_if_ours(RuntimeError(PTXAS.format(-11)), out_of_memory_kills())
    _raise_if_ours(RuntimeError("kernel name: " + PTXAS.format(-9)), out_of_memory_kills())


def test_a_refusal_of_the_compiler_counts_only_while_there_is_space_to_compile(monkeypatch: pytest.MonkeyPatch) -> None:
    assert full_disk() is None
    monkeypatch.setattr(machine, "MIN_FREE_BYTES", 2**62)
    with pytest.raises(MachineFailed, match="is full"):
        _raise_if_ours(CompileFailure(Outcome.COMPILE_ERROR, "no"), out_of_memory_kills())


def test_a_kill_counts_against_the_program_only_if_memory_ran_out_meanwhile() -> None:
    before = out_of_memory_kills()
    assert killed_from_outside(signal.SIGKILL, before)
    assert not killed_from_outside(signal.SIGKILL, before - 1)
    assert killed_from_outside(signal.SIGTERM, before - 1)
    assert not killed_from_outside(signal.SIGSEGV, before)
