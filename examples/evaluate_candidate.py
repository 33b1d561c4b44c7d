"""Evaluates a completion from Python: extract the code, evaluate it, score the report.

    python examples/evaluate_candidate.py

Runs on a CPU in a few seconds.
"""

from rich import print as show

from kernelgym.evaluators import LocalEvaluator
from kernelgym.problems import get_problem
from kernelgym.reports import render_report
from rewards import get_reward
from sandboxes.contracts import Diagnostic, EvalConfig
from sandboxes.extraction import extract

COMPLETION = """
Addition and ReLU are element-wise, so one kernel reads both inputs once and writes the output once.

```python
import torch
import triton
import triton.language as tl


@triton.jit
def add_relu_kernel(x_ptr, y_ptr, out_ptr, n, BLOCK: tl.constexpr):
    offsets = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    mask = offsets < n
    x = tl.load(x_ptr + offsets, mask=mask)
    y = tl.load(y_ptr + offsets, mask=mask)
    tl.store(out_ptr + offsets, tl.maximum(x + y, 0.0), mask=mask)


class ModelNew(torch.nn.Module):
    def forward(self, x, y):
        out = torch.empty_like(x)
        n = out.numel()
        add_relu_kernel[(triton.cdiv(n, 1024),)](x, y, out, n, BLOCK=1024)
        return out
```
"""


def main() -> None:
    candidate = extract(COMPLETION)
    if isinstance(candidate, Diagnostic):
        raise SystemExit(candidate.message)
    with LocalEvaluator() as evaluator:
        report = evaluator.evaluate(candidate, get_problem("core/add_relu"), EvalConfig(target="h200"))
    reward = get_reward()(report)
    show(render_report(report, reward, candidate))


if __name__ == "__main__":
    main()
