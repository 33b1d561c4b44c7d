"""A process with a GPU has its compilers forked by a helper, which is older than its context, sees nothing and ends."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandboxes.compilation import TINY_TTIR, compile_variant
from sandboxes.compile_helper import CompileHelper
from sandboxes.contracts import Variant
from sandboxes.errors import MachineFailed
from sandboxes.hardware.targets import get_target
from sandboxes.precompilation import CompileTimeout

H200 = get_target("h200")


def variant(name: str) -> Variant:
    ttir = TINY_TTIR.replace("@tiny", f"@{name}")
    return Variant(config="", ttir=ttir, grid=(1, 1, 1), args=(), num_warps=4, num_stages=1)


@pytest.fixture
def helper() -> Iterator[CompileHelper]:
    helper = CompileHelper()
    yield helper
    helper.close()


def test_what_it_compiles_is_in_the_cache_and_time_is_kept(helper: CompileHelper) -> None:
    assert helper.precompile([variant("a"), variant("b")], H200, processes=2, timeout_s=60) == {}
    assert compile_variant(variant("a"), H200).name == "a"
    with pytest.raises(CompileTimeout) as caught:
        helper.precompile([variant("c")], H200, processes=1, timeout_s=0)
    assert list(caught.value.unfinished) == [0]


def test_it_has_no_file_of_its_parents_but_its_own_connection(helper: CompileHelper, tmp_path: Path) -> None:
    helper.precompile([], H200, processes=1, timeout_s=5)  # by now it runs
    with (tmp_path / "secret").open("w"):
        files = [str(path.readlink()) for path in Path(f"/proc/{helper._pid}/fd").iterdir() if int(path.name) > 2]
    assert [file.partition(":")[0] for file in files] == ["socket"]


def test_a_helper_that_has_ended_is_a_fault_of_the_machine(helper: CompileHelper) -> None:
    os.kill(helper._pid, 9)
    with pytest.raises(MachineFailed, match="the compile helper has ended"):
        helper.precompile([variant("d")], H200, processes=1, timeout_s=5)
