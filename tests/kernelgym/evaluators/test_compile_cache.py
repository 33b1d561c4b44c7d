"""A worker's compile cache stays within its limit."""

from pathlib import Path

import pytest

from kernelgym.evaluators.compile_cache import CompileCache


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    kernel = tmp_path / "triton" / "hash" / "kernel.cubin"
    kernel.parent.mkdir(parents=True)
    kernel.write_bytes(b"x" * 100_000)
    return tmp_path / "triton"


def test_a_cache_above_its_limit_is_emptied(folder: Path) -> None:
    CompileCache(folder, max_bytes=50_000, jobs_between_looks=1).job_done()
    assert not folder.exists()


def test_a_cache_below_its_limit_is_kept(folder: Path) -> None:
    CompileCache(folder, max_bytes=1_000_000, jobs_between_looks=1).job_done()
    assert len(list(folder.rglob("*.cubin"))) == 1


def test_the_size_is_determined_once_in_a_while(folder: Path) -> None:
    cache = CompileCache(folder, max_bytes=0, jobs_between_looks=3)
    for _ in range(2):
        cache.job_done()
    assert folder.exists()
    cache.job_done()
    assert not folder.exists()


def test_a_cache_that_does_not_exist_yet_is_none_too_large(tmp_path: Path) -> None:
    CompileCache(tmp_path / "later", max_bytes=0, jobs_between_looks=1).job_done()
