"""Compiling ahead: a compiler that crashes or does not end costs one variant, never the worker."""

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from sandboxes import machine, precompilation
from sandboxes.compilation import TINY_TTIR, CompileFailure, CompilerMissing
from sandboxes.contracts import Outcome, Target, Variant
from sandboxes.errors import MachineFailed
from sandboxes.hardware.targets import get_target
from sandboxes.precompilation import CompileTimeout, crash, precompile

H200 = get_target("h200")


def variant(config: str) -> Variant:
    return Variant(config=config, ttir=TINY_TTIR, grid=(1, 1, 1), args=(), num_warps=4, num_stages=1)


def children() -> set[str]:
    """Process ids of our children, zombies too."""
    me = os.getpid()
    return set(Path(f"/proc/{me}/task/{me}/children").read_text().split())


@pytest.fixture
def compiler(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[str], None]], None]:
    """Replaces the compiler in the children by a function of the variant's configuration."""

    def use(behaviour: Callable[[str], None]) -> None:
        def triton_kernel(variant: Variant, target: Target) -> None:
            behaviour(variant.config)

        monkeypatch.setattr(precompilation, "triton_kernel", triton_kernel)

    return use


@pytest.mark.parametrize("processes", [1, 2, 5])
def test_a_crash_is_attributed_to_its_variant_and_the_others_are_compiled(
    compiler: Callable[[Callable[[str], None]], None], processes: int, tmp_path: Path
) -> None:
    def behave(config: str) -> None:
        if config in ("b", "d"):
            os.kill(os.getpid(), signal.SIGABRT)
        (tmp_path / config).touch()

    compiler(behave)
    crashed = precompile([variant(name) for name in "abcdef"], H200, processes=processes, timeout_s=20)
    assert crashed == {1: "SIGABRT", 3: "SIGABRT"}
    assert sorted(path.name for path in tmp_path.iterdir()) == list("acef")


def test_a_compiler_that_somebody_kills_once_compiles_again(
    compiler: Callable[[Callable[[str], None]], None], tmp_path: Path
) -> None:
    def die_once(config: str) -> None:
        if config == "b" and not (tmp_path / "died").exists():
            (tmp_path / "died").touch()
            os.kill(os.getpid(), signal.SIGKILL)
        (tmp_path / config).touch()

    compiler(die_once)
    assert precompile([variant(name) for name in "abc"], H200, processes=1, timeout_s=20) == {}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b", "c", "died"]


def test_a_compiler_that_is_killed_again_and_again_is_a_fault_of_this_machine(
    compiler: Callable[[Callable[[str], None]], None],
) -> None:
    compiler(lambda config: os.kill(os.getpid(), signal.SIGKILL))
    with pytest.raises(MachineFailed, match="SIGKILL"):
        precompile([variant("a")], H200, processes=1, timeout_s=20)


def test_a_compiler_that_takes_all_memory_is_the_variants_crash(
    compiler: Callable[[Callable[[str], None]], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    compiler(lambda config: os.kill(os.getpid(), signal.SIGKILL))
    kills = iter(range(10))
    monkeypatch.setattr(machine, "out_of_memory_kills", lambda: next(kills) + 1)
    monkeypatch.setattr(precompilation, "out_of_memory_kills", lambda: 0)
    assert precompile([variant("a")], H200, processes=1, timeout_s=20) == {0: "SIGKILL"}


def test_a_compiler_that_does_not_end_is_stopped_in_time(compiler: Callable[[Callable[[str], None]], None]) -> None:
    compiler(lambda config: time.sleep(60) if config == "slow" else None)
    before = children()
    start = time.monotonic()
    with pytest.raises(CompileTimeout) as caught:
        precompile([variant("quick"), variant("slow")], H200, processes=2, timeout_s=0.5)
    assert time.monotonic() - start < 5
    assert list(caught.value.busy_with) == [1]
    assert children() == before


def test_a_refused_variant_is_no_crash(compiler: Callable[[Callable[[str], None]], None]) -> None:
    def refuse(config: str) -> None:
        raise CompileFailure(Outcome.COMPILE_ERROR, config)

    compiler(refuse)
    assert precompile([variant("a"), variant("b")], H200, processes=1, timeout_s=20) == {}


def test_a_fault_of_this_machine_does_not_keep_the_other_variants_from_being_compiled(
    compiler: Callable[[Callable[[str], None]], None], tmp_path: Path
) -> None:
    def fail_first(config: str) -> None:
        if config == "a":
            raise CompilerMissing("disk full")
        (tmp_path / config).touch()

    compiler(fail_first)
    assert precompile([variant("a"), variant("b")], H200, processes=1, timeout_s=20) == {}
    assert [path.name for path in tmp_path.iterdir()] == ["b"]


def test_nothing_to_compile_starts_nothing() -> None:
    assert precompile([], H200, processes=2, timeout_s=1) == {}


def test_a_crash_is_a_compile_error_that_names_the_signal() -> None:
    failure = crash("SIGSEGV")
    assert failure.outcome is Outcome.COMPILE_ERROR
    assert "SIGSEGV" in failure.message
