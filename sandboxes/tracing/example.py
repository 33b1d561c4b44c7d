"""A tiny candidate of our own: it warms the zygote and shows that the tracer works."""

from sandboxes.contracts import Case, CaseKind, Submission, TensorSpec
from sandboxes.hardware.targets import get_target
from sandboxes.tracing.wire import TraceRequest

SOURCE = """
import torch
import triton
import triton.language as tl


@triton.jit
def double(x_ptr, y_ptr, n, BLOCK: tl.constexpr):
    offsets = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    x = tl.load(x_ptr + offsets, mask=offsets < n)
    tl.store(y_ptr + offsets, tl.exp(x) + tl.sum(x, 0), mask=offsets < n)


class ModelNew(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = torch.nn.Linear(4, 4)

    def forward(self, x):
        x = self.linear(x)[:, :3].contiguous()
        y = torch.empty_like(x)
        double[(triton.cdiv(x.numel(), 128),)](x, y, x.numel(), BLOCK=128)
        return y.view(-1)
"""

EXAMPLE = TraceRequest(
    submission=Submission(source=SOURCE),
    cases=(
        Case(
            name="rows=5",
            kind=CaseKind.CHECK,
            shape={"rows": 5},
            inputs=(TensorSpec(shape=(5, 4), dtype="float32", stride=(4, 1)),),
        ),
    ),
    weight_seeds=(1,),
    target=get_target("h200"),
)
