"""The table of real kernels is complete and says what the catalogue says; nothing is measured here."""

from importlib.util import find_spec
from pathlib import Path

from tests.real_kernels.catalogue import FOLDER, KERNELS, LIGER, NOT_TRITON
from tests.real_kernels.table import DOCUMENT, stale


def test_the_documentation_shows_every_kernel_with_the_expected_result() -> None:
    assert not stale(DOCUMENT.read_text(encoding="utf-8")), "run `python -m tests.real_kernels`"


def test_a_table_that_misses_a_kernel_or_shows_another_result_is_noticed() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    assert stale(text.replace("| `rms_norm` | matches", "| `rms_norm` | incorrect")) == ["another result for rms_norm"]
    assert stale(text.replace("| `rms_norm` |", "| `rmsnorm` |"))[:1] == ["no row for rms_norm"]


def test_every_module_of_liger_kernel_is_tried_or_left_out_for_a_reason() -> None:
    (package,) = find_spec("liger_kernel").submodule_search_locations  # type: ignore[union-attr,misc]
    modules = {path.stem for path in (Path(package) / "ops").iterdir() if path.name != "__pycache__"}
    assert modules - {kernel.name for kernel in LIGER} == set(NOT_TRITON)


def test_every_source_is_used() -> None:
    used = {f"{kernel.suite}/{kernel.name}" for kernel in KERNELS}
    used |= {f"references/{kernel.reference or kernel.name}" for kernel in KERNELS}
    present = {f"{path.parent.name}/{path.stem}" for path in FOLDER.glob("*/*.py") if path.stem != "__init__"}
    assert present - used == {"liger/_tape", "references/_gradients"}


def test_a_kernel_that_does_not_match_has_a_reason() -> None:
    assert [kernel.title for kernel in KERNELS if (kernel.outcome == "ok") == bool(kernel.reason)] == []
