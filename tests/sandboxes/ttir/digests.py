"""``python -m tests.sandboxes.ttir.digests THREADS``: digests of the bits that launches leave, as JSON."""

import hashlib
import json
import sys

import torch

from sandboxes.ttir import ExecutionOptions, execute, parse
from tests.sandboxes.ttir.launches import LAUNCHES
from tests.sandboxes.ttir.loaders import VERSIONS, fixture, fixture_names

WIDE = """module { tt.func public @k(%p: !tt.ptr<f32>, %o: !tt.ptr<f32>) {
  %id = tt.get_program_id x : i32
  %zero = arith.constant dense<0.0> : tensor<64x64xf32>
  %range = tt.make_range {end = 65536 : i32, start = 0 : i32} : tensor<65536xi32>
  %s = tt.splat %p : !tt.ptr<f32> -> tensor<65536x!tt.ptr<f32>>
  %q = tt.addptr %s, %range : tensor<65536x!tt.ptr<f32>>, tensor<65536xi32>
  %x = tt.load %q : tensor<65536x!tt.ptr<f32>>
  %total = "tt.reduce"(%x) <{axis = 0 : i32}> ({
  ^bb0(%a: f32, %b: f32):
    %c = arith.addf %a, %b : f32
    tt.reduce.return %c : f32
  }) : (tensor<65536xf32>) -> f32
  %m = tt.reshape %x : tensor<65536xf32> -> tensor<64x1024xf32>
  %t = tt.trans %m {order = array<i32: 1, 0>} : tensor<64x1024xf32> -> tensor<1024x64xf32>
  %d = tt.dot %m, %t, %zero : tensor<64x1024xf32> * tensor<1024x64xf32> -> tensor<64x64xf32>
  %v = tt.reshape %d : tensor<64x64xf32> -> tensor<4096xf32>
  %r = tt.make_range {end = 4096 : i32, start = 0 : i32} : tensor<4096xi32>
  %w = tt.splat %o : !tt.ptr<f32> -> tensor<4096x!tt.ptr<f32>>
  %u = tt.addptr %w, %r : tensor<4096x!tt.ptr<f32>>, tensor<4096xi32>
  %e = tt.splat %total : f32 -> tensor<4096xf32>
  %f = arith.addf %v, %e : tensor<4096xf32>
  tt.store %u, %f : tensor<4096x!tt.ptr<f32>>
  %one = arith.constant 4096 : i32
  %true = arith.constant true
  %y = tt.addptr %o, %one : !tt.ptr<f32>, i32
  %old = tt.atomic_rmw fadd, acq_rel, gpu, %y, %total, %true : (!tt.ptr<f32>, f32, i1) -> f32
  tt.return } }"""
"""Long sums and products, which a library may split among threads."""

NAMES = (
    "add_relu", "argmax", "atomic_sum", "attention", "collatz", "cumulative", "early_exit", "gelu_tanh",
    "histogram_atomic", "int8_dot", "layernorm", "linear_scan", "matmul", "random_numbers", "rmsnorm",
    "shapes", "softmax",
)  # fmt: skip


def digests() -> dict[str, str]:
    """By kernel, a digest of all its tensors after the launch."""
    found = {}
    for name in NAMES:
        version = next(v for v in reversed(VERSIONS) if name in fixture_names(v))
        launch = LAUNCHES[name]()
        execute(fixture(name, version), launch.grid, launch.args, options=ExecutionOptions(max_seconds=60))
        found[name] = _digest([arg for arg in launch.args if isinstance(arg, torch.Tensor)])
    for programs in (1, 7):
        x = torch.randn(65536, generator=torch.Generator().manual_seed(0))
        out = torch.zeros(4097)
        execute(parse(WIDE), (programs, 1, 1), [x, out])
        found[f"wide {programs}"] = _digest([out])
    return found


def _digest(tensors: list[torch.Tensor]) -> str:
    digest = hashlib.sha256()
    for tensor in tensors:
        digest.update(tensor.contiguous().view(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


if __name__ == "__main__":
    torch.set_num_threads(int(sys.argv[1]))
    print(json.dumps(digests()))
