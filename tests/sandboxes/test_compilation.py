"""Compilation turns hostile TTIR into a cubin and its resources, or into words the author can act on."""

import contextlib
import errno
import pickle
import subprocess
import sys
import tempfile
import warnings
from collections import OrderedDict
from pathlib import Path

import pytest

from sandboxes.compilation import CompiledKernel, CompileFailure, CompilerMissing, check_launch, compile_variant, probe
from sandboxes.contracts import Outcome, Stage, Variant
from sandboxes.hardware.cubin import read_usage
from sandboxes.hardware.targets import TARGETS, get_target
from tests.sandboxes.hardware.test_occupancy import MI300X

ADD_ONE = """#loc = loc("candidate.py":7:1)
module {
  tt.func public @add_one(%x: !tt.ptr<f32> loc(#loc), %y: !tt.ptr<f32> loc(#loc)) attributes {noinline = false} {
    %one = arith.constant dense<1.0> : tensor<BLOCKxf32> loc(#loc)
    %i = tt.make_range {end = BLOCK : i32, start = 0 : i32} : tensor<BLOCKxi32> loc("candidate.py":8:5)
    %xs = tt.splat %x : !tt.ptr<f32> -> tensor<BLOCKx!tt.ptr<f32>> loc(#loc)
    %xi = tt.addptr %xs, %i : tensor<BLOCKx!tt.ptr<f32>>, tensor<BLOCKxi32> loc(#loc)
    %v = tt.load %xi : tensor<BLOCKx!tt.ptr<f32>> loc("candidate.py":9:5)
    %w = arith.addf %v, %one : tensor<BLOCKxf32> loc(#loc)
    %ys = tt.splat %y : !tt.ptr<f32> -> tensor<BLOCKx!tt.ptr<f32>> loc(#loc)
    %yi = tt.addptr %ys, %i : tensor<BLOCKx!tt.ptr<f32>>, tensor<BLOCKxi32> loc(#loc)
    tt.store %yi, %w : tensor<BLOCKx!tt.ptr<f32>> loc("candidate.py":10:5)
    tt.return loc(#loc)
  } loc(#loc)
} loc(#loc)
"""

WIDE_TRANSPOSE = """module {
  tt.func public @transpose(%x: !tt.ptr<f32>) {
    %r = tt.make_range {end = 256 : i32, start = 0 : i32} : tensor<256xi32>
    %k = arith.constant dense<256> : tensor<256x1xi32>
    %rows = tt.expand_dims %r {axis = 1 : i32} : tensor<256xi32> -> tensor<256x1xi32>
    %columns = tt.expand_dims %r {axis = 0 : i32} : tensor<256xi32> -> tensor<1x256xi32>
    %start = arith.muli %rows, %k : tensor<256x1xi32>
    %a = tt.broadcast %start : tensor<256x1xi32> -> tensor<256x256xi32>
    %b = tt.broadcast %columns : tensor<1x256xi32> -> tensor<256x256xi32>
    %i = arith.addi %a, %b : tensor<256x256xi32>
    %p = tt.splat %x : !tt.ptr<f32> -> tensor<256x256x!tt.ptr<f32>>
    %q = tt.addptr %p, %i : tensor<256x256x!tt.ptr<f32>>, tensor<256x256xi32>
    %v = tt.load %q : tensor<256x256x!tt.ptr<f32>>
    %t = tt.trans %v {order = array<i32: 1, 0>} : tensor<256x256xf32> -> tensor<256x256xf32>
    %s = arith.addf %t, %v : tensor<256x256xf32>
    tt.store %q, %s : tensor<256x256x!tt.ptr<f32>>
    tt.return
  }
}
"""
"""Adds a 256 KiB tile to its transpose: the layout change goes through shared memory."""

INLINE_PTX = """module {
  tt.func public @ptx(%x: !tt.ptr<i32>) {
    %v = tt.load %x : !tt.ptr<i32> loc("candidate.py":11:5)
    %w = tt.elementwise_inline_asm "PTX" {constraints = "=r,r", packed_element = 1 : i32, pure = true} %v : i32 -> i32 loc("candidate.py":12:5)
    tt.store %x, %w : !tt.ptr<i32> loc("candidate.py":13:5)
    tt.return loc("candidate.py":14:1)
  } loc("candidate.py":10:1)
}
"""  # noqa: E501 - the assembly format keeps an operation on one line


def variant(ttir: str, **changes: object) -> Variant:
    fields = {"config": "", "ttir": ttir, "grid": (1, 1, 1), "args": (), "num_warps": 4, "num_stages": 2}
    return Variant.model_validate(fields | changes)


def add_one(block: int = 1024, **changes: object) -> Variant:
    return variant(ADD_ONE.replace("BLOCK", str(block)), **changes)


def failure(what: Variant, target: str = "h200") -> CompileFailure:
    with pytest.raises(CompileFailure) as caught:
        compile_variant(what, get_target(target))
    return caught.value


@pytest.fixture(autouse=True)
def _private_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRITON_CACHE_DIR", str(tmp_path / "cache"))


@pytest.mark.parametrize("name", sorted(TARGETS))
def test_a_kernel_compiles_for_every_target(name: str) -> None:
    target = get_target(name)
    kernel = compile_variant(add_one(), target)
    assert isinstance(kernel, CompiledKernel)
    assert kernel.name == "add_one"
    assert kernel.machine_code.startswith(b"\x7fELF")
    assert {"cuda": ".visible .entry add_one", "hip": ".amdhsa_kernel add_one"}[target.backend] in kernel.assembly
    assert kernel.resources.threads == 4 * target.warp_size
    assert 2 <= kernel.resources.registers <= 64
    assert kernel.resources.spill_bytes == 0
    assert kernel.resources.shared_bytes == 0
    assert kernel.resources.occupancy == 1.0


def test_few_registers_make_spills() -> None:
    block = compile_variant(add_one(16384), get_target("h200")).resources
    capped = compile_variant(add_one(16384, maxnreg=32), get_target("h200")).resources
    assert block.registers > 32
    assert capped.registers == 32
    assert capped.spill_bytes > block.spill_bytes


def test_too_much_shared_memory_is_a_launch_error_with_both_numbers() -> None:
    error = failure(variant(WIDE_TRANSPOSE, num_warps=8))
    assert error.outcome is Outcome.LAUNCH_ERROR
    assert "bytes of shared memory" in error.message
    assert str(227 * 1024) in error.message
    needed = int(error.message.split()[3])
    assert needed > 227 * 1024
    assert error.hint is not None


def test_too_many_warps_is_a_launch_error() -> None:
    error = failure(add_one(num_warps=64))
    assert error.outcome is Outcome.LAUNCH_ERROR
    assert "2048 threads" in error.message
    assert "1024" in error.message


def test_a_long_second_grid_axis_is_a_launch_error() -> None:
    target = get_target("h200")
    check_launch(add_one(grid=(2**31 - 1, 65_535, 65_535)), target)
    for grid in [(1, 65_536, 1), (1, 1, 65_536)]:
        with pytest.raises(CompileFailure, match="65536 programs") as caught:
            check_launch(add_one(grid=grid), target)
        assert caught.value.outcome is Outcome.LAUNCH_ERROR


def test_a_rejected_operation_is_a_compile_error_at_the_candidates_line() -> None:
    error = failure(add_one(100))
    assert error.outcome is Outcome.COMPILE_ERROR
    assert "power-of-two" in error.message
    assert error.line in {7, 8}
    assert error.hint is not None
    diagnostic = error.diagnostic()
    assert diagnostic.stage is Stage.COMPILE
    assert diagnostic.line == error.line


def test_a_compiled_kernel_says_what_the_compiler_made_of_it() -> None:
    code = compile_variant(add_one(), get_target("h200")).code
    assert code is not None
    assert [(each.kind, each.line, each.column, each.shape) for each in code.memory] == [
        ("load", 9, 5, (1024,)),
        ("store", 10, 5, (1024,)),
    ]
    assert compile_variant(add_one(), get_target("h200")).code == code  # from the cache


def test_code_that_can_not_be_read_is_no_fault_of_the_candidate(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sandboxes.hardware.code.text.MAX_OPERATIONS", 3)
    monkeypatch.setattr("sandboxes.hardware.code.remembering._KNOWN", OrderedDict())
    kernel = compile_variant(add_one(512), get_target("h200"))
    assert kernel.code is None
    assert kernel.resources.threads == 128


def test_a_kernel_for_amd_has_code_and_occupancy_of_its_own() -> None:
    kernel = compile_variant(add_one(), MI300X)
    assert kernel.code is not None
    assert (kernel.code.warps, kernel.code.warp_size) == (4, 64)
    assert (kernel.resources.threads, kernel.resources.occupancy) == (256, 1.0)


@pytest.mark.parametrize(
    "ttir",
    [
        ADD_ONE.replace("BLOCK", "1024").replace("arith.addf", "arith.nonsense"),
        ADD_ONE.replace("BLOCK", "1024").replace("-> tensor<1024x!tt.ptr<f32>>", "-> tensor<512x!tt.ptr<f32>>"),
        ADD_ONE.replace("BLOCK", "1024")[:300],
        INLINE_PTX.replace("PTX", "no.such.instruction $0, $1;"),
    ],
)
def test_broken_ttir_is_a_short_compile_error_without_paths(ttir: str) -> None:
    error = failure(variant(ttir))
    assert error.outcome is Outcome.COMPILE_ERROR
    assert error.message
    assert len(error.message) < 1000
    for path in (tempfile.gettempdir(), str(Path.cwd()), sys.prefix, ".ttir", "ptxas-"):
        assert path not in error.message


def test_an_unknown_instruction_is_found_in_the_candidate() -> None:
    error = failure(variant(INLINE_PTX.replace("PTX", "no.such.instruction $0, $1;")))
    assert error.line == 12
    assert "'no'" in error.message


@pytest.mark.parametrize("ttir", ["", "module {}", "hello", "module {\n  tt.func private @f() { tt.return }\n}"])
def test_text_without_a_kernel_never_reaches_the_compiler(ttir: str) -> None:
    assert "0 public functions" in failure(variant(ttir)).message


def test_backend_dialects_are_refused() -> None:
    ttir = ADD_ONE.replace("BLOCK", "1024").replace("    tt.return", "    nvvm.barrier0\n    tt.return")
    assert "`nvvm.barrier0`" in failure(variant(ttir)).message


def test_barriers_and_assumptions_are_not_refused() -> None:
    lines = "    %t = arith.constant true\n    llvm.intr.assume %t : i1\n    gpu.barrier\n    tt.return"
    assert compile_variant(
        variant(ADD_ONE.replace("BLOCK", "1024").replace("    tt.return", lines)), get_target("h200")
    )


def test_clusters_need_hopper() -> None:
    error = failure(add_one(num_ctas=2), "a100")
    assert error.outcome is Outcome.COMPILE_ERROR
    assert "num_ctas" in error.message


def test_compiling_says_nothing_and_leaves_nothing(
    capfd: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    (tmp_path / "tmp").mkdir()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        compile_variant(add_one(), get_target("h200"))
        failure(variant(INLINE_PTX.replace("PTX", "no.such.instruction $0, $1;")))
    assert caught == []
    assert capfd.readouterr() == ("", "")
    assert list((tmp_path / "tmp").iterdir()) == []


def test_a_failure_survives_a_process_boundary() -> None:
    error = CompileFailure(Outcome.LAUNCH_ERROR, "too big", 3, "shrink it")
    copy = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own bytes
    assert (copy.outcome, copy.message, copy.line, copy.hint) == (Outcome.LAUNCH_ERROR, "too big", 3, "shrink it")


def test_the_probe_has_a_row_per_target() -> None:
    rows = probe()
    assert len(rows) == len(TARGETS)
    assert all(row.works and not row.remedy for row in rows)


def test_a_missing_compiler_is_not_the_candidates_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    def lost(*args: object, **options: object) -> None:
        raise RuntimeError("Cannot find ptxas")

    monkeypatch.setattr("sandboxes.compilation.triton.compile", lost)
    rows = probe()
    assert not any(row.works for row in rows)
    assert all("Cannot find ptxas" in row.detail and row.remedy for row in rows)


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (PermissionError(errno.EACCES, "Permission denied", "/x/ptxas"), "Permission denied: /x/ptxas; make it acc"),
        (OSError(errno.ENOSPC, "No space left on device"), "No space left on device: .*; free space"),
        (FileNotFoundError(errno.ENOENT, "No such file or directory", "/x/ptxas"), "directory: /x/ptxas; reinstall"),
        (BrokenPipeError(errno.EPIPE, "Broken pipe"), "Broken pipe: .*; check that it is there"),
    ],
)
def test_an_error_of_the_operating_system_is_this_machines_fault_and_names_path_and_remedy(
    monkeypatch: pytest.MonkeyPatch, error: OSError, says: str
) -> None:
    def fail(*args: object, **options: object) -> None:
        raise error

    monkeypatch.setattr("sandboxes.compilation.triton.compile", fail)
    with pytest.raises(CompilerMissing, match=says):
        compile_variant(add_one(), get_target("h200"))


def test_a_ptxas_that_may_not_be_executed_is_this_machines_fault(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "folder").mkdir()
    monkeypatch.setattr(
        "subprocess.run",
        lambda *a, **k: subprocess.Popen([tmp_path / "folder"]),
    )
    with pytest.raises(CompilerMissing, match=f"Permission denied: .*{tmp_path / 'folder'}"):
        compile_variant(add_one(), get_target("h200"))


def test_a_temporary_folder_that_is_gone_is_this_machines_fault(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "gone"))
    with pytest.raises(CompilerMissing, match=str(tmp_path / "gone")):
        compile_variant(add_one(), get_target("h200"))


@pytest.mark.parametrize("name", ["a/b", "\\2Fetc\\2Fpasswd", "a\\00b"])
def test_a_kernels_name_that_is_a_path_is_the_candidates_fault(name: str) -> None:
    error = failure(variant(ADD_ONE.replace("BLOCK", "64").replace("@add_one", f'@"{name}"')))
    assert error.outcome is Outcome.COMPILE_ERROR
    assert "name" in error.message


@pytest.mark.parametrize("name", ["n" * 5000, "\\E3\\81\\82" * 200])
def test_a_long_name_is_never_this_machines_fault(name: str) -> None:
    with contextlib.suppress(CompileFailure):
        compile_variant(variant(ADD_ONE.replace("BLOCK", "64").replace("@add_one", f'@"{name}"')), get_target("h200"))


@pytest.mark.parametrize("blob", [b"", b"MZ", b"\x7fELF\x02\x01", b"\x7fELF\x02\x01" + bytes(80)])
def test_what_is_no_cubin_is_refused(blob: bytes) -> None:
    with pytest.raises(ValueError, match="cubin"):
        read_usage(blob)
