"""Kernels reach the driver as their machine code takes them: Triton's own launcher, on a stub of the driver's library.

What arrives is compared byte by byte; how many bytes a parameter has is read from the PTX.
"""

import json
import os
import struct
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import triton

from sandboxes.devices.cuda.real.kernels import Parameter, parameters
from tests.sandboxes.devices.cuda.real.stub import compiled_stub

NEW_DESCRIPTORS = tuple(int(part) for part in triton.__version__.split(".")[:2]) >= (3, 8)
BLOCK = "16x32xf16" if NEW_DESCRIPTORS else "tensor<16x32xf16>"

MANY = """module { tt.func public @many(%p: !tt.ptr<f32>, %a: i1, %b: i8, %c: i16, %d: i32, %e: i64, %f: f16,
    %g: bf16, %h: f32, %i: f64, %q: !tt.ptr<i64>, %j: i32) {
  tt.store %p, %h : !tt.ptr<f32>
  tt.store %q, %e : !tt.ptr<i64>
  tt.return } }"""

TRANSPOSE = """module { tt.func public @transpose(%x: !tt.ptr<f32>) {
  %r = tt.make_range {end = 64 : i32, start = 0 : i32} : tensor<64xi32>
  %k = arith.constant dense<64> : tensor<64x1xi32>
  %rows = tt.expand_dims %r {axis = 1 : i32} : tensor<64xi32> -> tensor<64x1xi32>
  %columns = tt.expand_dims %r {axis = 0 : i32} : tensor<64xi32> -> tensor<1x64xi32>
  %start = arith.muli %rows, %k : tensor<64x1xi32>
  %a = tt.broadcast %start : tensor<64x1xi32> -> tensor<64x64xi32>
  %b = tt.broadcast %columns : tensor<1x64xi32> -> tensor<64x64xi32>
  %i = arith.addi %a, %b : tensor<64x64xi32>
  %p = tt.splat %x : !tt.ptr<f32> -> tensor<64x64x!tt.ptr<f32>>
  %q = tt.addptr %p, %i : tensor<64x64x!tt.ptr<f32>>, tensor<64x64xi32>
  %v = tt.load %q : tensor<64x64x!tt.ptr<f32>>
  %t = tt.trans %v {order = array<i32: 1, 0>} : tensor<64x64xf32> -> tensor<64x64xf32>
  %s = arith.addf %t, %v : tensor<64x64xf32>
  tt.store %q, %s : tensor<64x64x!tt.ptr<f32>>
  tt.return } }"""

DESCRIBED = f"""module {{ tt.func public @described(%d: !tt.tensordesc<{BLOCK}>, %m: i32, %n: i32, %s: i64, %t: i64,
    %o: !tt.ptr<f16>, %j: i32) {{
  %c0 = arith.constant 0 : i32
  %v = tt.descriptor_load %d[%c0, %j] : !tt.tensordesc<{BLOCK}> -> tensor<16x32xf16>
  %r = tt.make_range {{end = 32 : i32, start = 0 : i32}} : tensor<32xi32>
  %e = tt.expand_dims %r {{axis = 0 : i32}} : tensor<32xi32> -> tensor<1x32xi32>
  %b = tt.broadcast %e : tensor<1x32xi32> -> tensor<16x32xi32>
  %p = tt.splat %o : !tt.ptr<f16> -> tensor<16x32x!tt.ptr<f16>>
  %q = tt.addptr %p, %b : tensor<16x32x!tt.ptr<f16>>, tensor<16x32xi32>
  tt.store %q, %v : tensor<16x32x!tt.ptr<f16>>
  tt.return }} }}"""


@dataclass(frozen=True)
class Launched:
    """What the driver was told."""

    base: int
    answers: list[dict[str, Any]]
    log: list[str]


def order(ttir: str, args: list[Any], **more: Any) -> dict[str, Any]:
    return {"ttir": ttir, "grid": [3, 2, 1], "args": args, "warps": 4, **more}


def at(offset: int, dtype: str = "float32") -> dict[str, Any]:
    return {"offset": offset, "dtype": dtype}


DESCRIPTOR = {"offset": 256, "dtype": "float16", "shape": [20, 40], "strides": [40, 1]}
MANY_ARGS = [at(16), True, -3, 40000, 2**32 - 1, 2**63 + 5, 1.5, 1.5, 0.1, 0.1, at(64, "int64"), 7]
FIXTURES = Path(__file__).parents[4] / "data" / "ttir"
WRITTEN_BY = "3.9.0" if NEW_DESCRIPTORS else "3.6.0"
OWN_DESCRIPTORS = (FIXTURES / WRITTEN_BY / "descriptors.ttir").read_text()
"""A kernel that makes its descriptors itself, in memory that the launcher has to give it."""

ORDERS = [
    order(MANY, MANY_ARGS),
    order(MANY, MANY_ARGS, grid=[4, 0, 1]),
    order(TRANSPOSE, [at(0)], warps=8),
    order(DESCRIBED, [DESCRIPTOR, 20, 40, 40, 1, at(128, "float16"), 9]),
    order(OWN_DESCRIPTORS, [at(0), at(1024), 16, 32]),
    order(MANY, MANY_ARGS, fail=700),
]


@pytest.fixture(scope="module")
def launched(tmp_path_factory: pytest.TempPathFactory) -> Launched:
    """All launches, in one process: starting Triton on the stub takes seconds."""
    folder = tmp_path_factory.mktemp("stub")
    compiled_stub(folder)
    log = folder / "log"
    root = Path(__file__).parents[5]
    environment = {
        **os.environ,
        "LD_LIBRARY_PATH": str(folder),
        "TRITON_LIBCUDA_PATH": str(folder),
        "TRITON_CACHE_DIR": str(folder / "cache"),
        "STUB_LOG": str(log),
        "PYTHONPATH": os.pathsep.join([str(root), *filter(None, [os.environ.get("PYTHONPATH")])]),
    }
    ran = subprocess.run(
        [sys.executable, "-m", "tests.sandboxes.devices.cuda.real.stub_launches"],
        input="".join(json.dumps(item) + "\n" for item in ORDERS),
        capture_output=True,
        text=True,
        env=environment,
        cwd=root,
        timeout=100,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    first, *answers = (json.loads(line) for line in ran.stdout.splitlines())
    return Launched(first["base"], answers, log.read_text().splitlines())


def launches(launched: Launched) -> list[dict[str, Any]]:
    """Launches in the log, in order."""
    found = []
    for line in launched.log:
        if line.startswith("launch "):
            words = line.split()
            found.append(
                {
                    "grid": [int(word) for word in words[1:4]],
                    "block": int(words[5]),
                    "shared": int(words[7]),
                    "stream": int(words[9], 16),
                    "parameters": [bytes.fromhex(word) for word in words[13:]],
                }
            )
    return found


@pytest.mark.slow
def test_numbers_of_all_widths_and_pointers_arrive_in_order(launched: Launched) -> None:
    many = launches(launched)[0]
    pointers = [struct.pack("<Q", launched.base + offset) for offset in (16, 64)]
    bfloat16 = struct.pack("<f", 1.5)[2:]
    expected = [
        pointers[0],
        b"\x01",
        struct.pack("<b", -3),
        struct.pack("<h", 40000 - 2**16),
        struct.pack("<i", -1),
        struct.pack("<q", 5 - 2**63),
        np.float16(1.5).tobytes(),
        bfloat16,
        struct.pack("<f", 0.1),
        struct.pack("<d", 0.1),
        pointers[1],
        struct.pack("<i", 7),
    ]
    assert many["parameters"][: len(expected)] == expected
    assert launched.answers[0]["sizes"][len(expected) :] == [8, 8]  # Triton's own scratch memory, which it has none of
    assert (many["grid"], many["block"], many["stream"]) == ([3, 2, 1], 128, 1234)


@pytest.mark.slow
def test_an_empty_grid_launches_nothing(launched: Launched) -> None:
    assert all(0 not in found["grid"] for found in launches(launched))
    assert len(launches(launched)) == len(ORDERS) - 1


@pytest.mark.slow
def test_shared_memory_and_threads_are_the_compiled_kernels(launched: Launched) -> None:
    transpose = launches(launched)[1]
    assert transpose["shared"] == launched.answers[2]["shared"] > 0
    assert transpose["block"] == 256
    assert transpose["parameters"][0] == struct.pack("<Q", launched.base)


@pytest.mark.slow
def test_a_tensor_descriptor_is_made_of_its_tensor_and_followed_by_its_sizes(launched: Launched) -> None:
    found = launches(launched)[2]["parameters"]
    assert found[0] == b"\x8b" * 128  # what the driver made of it
    assert found[1:5] == [*(struct.pack("<i", size) for size in (20, 40)), *(struct.pack("<q", s) for s in (40, 1))]
    assert found[5:7] == [struct.pack("<Q", launched.base + 128), struct.pack("<i", 9)]
    (encoded,) = (line.split() for line in launched.log if line.startswith("map "))
    assert encoded[2:] == ["2", hex(launched.base + 256), "40", "20", "80", "32", "16", "0"]  # innermost first


@pytest.mark.slow
def test_a_kernel_that_makes_descriptors_itself_is_given_memory_for_them(launched: Launched) -> None:
    found = launches(launched)[3]["parameters"]
    assert found[:4] == [
        struct.pack("<Q", launched.base),
        struct.pack("<Q", launched.base + 1024),
        *(struct.pack("<i", size) for size in (16, 32)),
    ]
    scratch, profile = found[4:]
    assert struct.unpack("<Q", scratch) != (0,)
    assert struct.unpack("<Q", profile) == (0,)


@pytest.mark.slow
def test_what_the_driver_refuses_is_raised(launched: Launched) -> None:
    assert "an illegal memory access was encountered" in launched.answers[5]["error"]


def test_types_are_said_in_the_launchers_words() -> None:
    types = ["*f32", "f16", "bf16", "i8", f"!tt.tensordesc<{BLOCK}>", "i32", "i32", "i64", "i64", "f64"]
    assert parameters(dict(enumerate(types))) == [
        Parameter(0, "*f32"),
        Parameter(1, "fp16"),
        Parameter(2, "bf16"),
        Parameter(3, "u8"),
        Parameter(4, "tensordesc<fp16[16,32]>", (16, 32)),
        Parameter(9, "fp64"),
    ]
