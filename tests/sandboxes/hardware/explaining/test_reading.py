"""Which kernels can be fused into others, and which loads come around again."""

import pytest

from sandboxes.hardware.explaining.reading import is_elementwise, looped_loads
from sandboxes.ttir import Module, parse
from tests.sandboxes.ttir import kernels
from tests.sandboxes.ttir.frontend import ttir_of

F32 = "*fp32"


def module(name: str) -> Module:
    signatures = {
        "add_relu": ((F32, F32, F32, "i32"), {"BLOCK": 256}),
        "gelu_tanh": ((F32, F32, "i32"), {"BLOCK": 256}),
        "softmax": ((F32, F32, "i32"), {"BLOCK": 256}),
        "atomic_sum": ((F32, F32, "i32"), {"BLOCK": 256}),
        "matmul": ((F32, F32, F32, *["i32"] * 9), {"BM": 32, "BN": 32, "BK": 32}),
        "collatz": (("*i32", "*i32"), {}),
    }
    signature, constants = signatures[name]
    return parse(ttir_of(getattr(kernels, name), signature, **constants))


@pytest.mark.parametrize("name", ["add_relu", "gelu_tanh"])
def test_a_kernel_without_exchange_can_be_computed_wherever_its_inputs_are(name: str) -> None:
    assert is_elementwise(module(name))


@pytest.mark.parametrize("name", ["softmax", "atomic_sum", "matmul"])
def test_a_kernel_that_reduces_multiplies_or_counts_can_not(name: str) -> None:
    assert not is_elementwise(module(name))


def test_loads_in_a_counting_loop_are_told_by_line() -> None:
    found = module("matmul")
    loads = {each.location.user_line() for each in found.kernel.walk() if each.name == "tt.load"}
    assert looped_loads(found) == loads
    assert looped_loads(module("softmax")) == frozenset()


def test_a_loop_that_does_not_count_can_not_be_pipelined() -> None:
    assert looped_loads(module("collatz")) == frozenset()
