"""What is inside of operators that a candidate registers is recorded, and what can't be seen is refused."""

import pytest

from sandboxes.contracts import AtenCall
from tests.tracer import Tracer, calls, candidate, launches, spec

KERNEL = """
@triton.jit
def k(x_ptr, y_ptr, n, BLOCK: tl.constexpr):
    o = tl.arange(0, BLOCK)
    tl.store(y_ptr + o, tl.load(x_ptr + o, mask=o < n) * 2.0, mask=o < n)
"""

CALL = """
class ModelNew(nn.Module):
    def forward(self, x):
        return double(x)
"""


@pytest.mark.parametrize(
    ("decorator", "kernel"),
    [
        ('torch.library.custom_op("mine::double", mutates_args=())', "k"),
        ('torch.library.custom_op("mine::double", mutates_args=(), device_types="cuda")', "k"),
        ('torch.library.triton_op("mine::double", mutates_args={})', "torch.library.wrap_triton(k)"),
    ],
)
def test_launches_and_calls_inside_of_an_own_operator_are_recorded(tracer: Tracer, decorator: str, kernel: str) -> None:
    operator = f"""
@{decorator}
def double(x: torch.Tensor) -> torch.Tensor:
    y = torch.empty_like(x)
    {kernel}[(1,)](x, y, x.numel(), BLOCK=64)
    return torch.matmul(torch.relu(y), y.t()).reshape(-1)
"""
    trace = tracer.trace(candidate(KERNEL + operator + CALL), spec(4, 8))
    assert [launch.kernel for launch in launches(trace)] == ["k"]
    assert [name for name in calls(trace) if name != "detach"] == ["empty_like", "relu", "t", "mm", "view"]


def test_a_wrapped_kernel_is_launched_like_any_other(tracer: Tracer) -> None:
    body = """
class ModelNew(nn.Module):
    def forward(self, x):
        y = torch.empty_like(x)
        torch.library.wrap_triton(k)[(1,)](x, y, x.numel(), BLOCK=64)
        return y
"""
    trace = tracer.trace(candidate(KERNEL + body), spec(32))
    assert [node.kind for node in trace.nodes if not isinstance(node, AtenCall)] == ["launch"]


def test_an_operator_without_a_function_to_look_into_is_refused_with_a_hint(tracer: Tracer) -> None:
    operator = """
LIBRARY = torch.library.Library("mine", "DEF")
LIBRARY.define("double(Tensor x) -> Tensor")
LIBRARY.impl("double", lambda x: x * 2, "CUDA")
LIBRARY.impl("double", lambda x: x, "Meta")
double = torch.ops.mine.double
"""
    failure = tracer.failure(candidate(operator + CALL), spec(32))
    assert failure.outcome == "untraceable"
    assert "mine::double" in failure.message
    assert "Call the kernel directly" in (failure.hint or "")
