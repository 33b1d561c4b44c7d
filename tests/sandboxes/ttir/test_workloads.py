"""The kernels of the executor's benchmark are right, and the sanitizer has nothing to say about them."""

import pytest

from benchmarks.workloads import Workload, workloads
from sandboxes.ttir import ExecutionOptions, Unwritten, execute, parse
from tests.sandboxes.ttir.frontend import ttir_of

LOADS = workloads()
TF32_ERROR = 6e-2
"""Of sums of up to 1024 products whose factors are rounded to 10 bits of mantissa, or of float16 results near 60."""
LOOSE = {"matmul fp32", "matmul fp16, sizes no multiples of tiles", "conv as implicit gemm"}


@pytest.mark.parametrize("load", LOADS, ids=[load.name for load in LOADS])
def test_a_benchmarked_kernel_computes_what_torch_computes(load: Workload) -> None:
    load.reset()
    module = parse(ttir_of(load.kernel, load.signature, **load.constexprs))
    execute(module, load.grid, load.args, options=ExecutionOptions(unwritten=Unwritten()))
    assert load.error() < (TF32_ERROR if load.name in LOOSE else 2e-3)


def test_at_least_twelve_kernels_are_compared_with_the_interpreter() -> None:
    assert len({load.name for load in LOADS}) >= 12
