"""Takes problems from a KernelBench checkout: select, describe, evaluate.

    python examples/kernelbench.py                          # three problems in KernelBench's form, written on the spot
    python examples/kernelbench.py path/to/KernelBench      # the softmax problem of a real checkout

Runs on a CPU in well under a minute: large references are scaled down to shapes that a CPU can check.
"""

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from rich import print as show
from rich.table import Table

from kernelgym.evaluators import LocalEvaluator
from kernelgym.problems import Problem, load_problems
from rewards import get_reward
from sandboxes.contracts import Description, EvalConfig, Report, Submission

REFERENCE = """import torch
from torch import nn


class Model(nn.Module):
    def forward(self, x):
        return {forward}


batch_size = {batch_size}
features = {features}


def get_inputs():
    return [torch.rand(batch_size, features)]


def get_init_inputs():
    return []
"""

FILES = {
    "level1/1_Row_softmax.py": REFERENCE.format(forward="torch.softmax(x, dim=1)", batch_size=8192, features=131072),
    "level1/2_Row_softmax_of_few_rows.py": REFERENCE.format(
        forward="torch.softmax(x, dim=1)", batch_size=64, features=16384
    ),
    "level2/1_Swish_then_sum.py": REFERENCE.format(
        forward="torch.sum(x * torch.sigmoid(x), dim=1)", batch_size=8192, features=65536
    ),
}
"""A small benchmark: the softmax candidate below is right for the first two, and wrong for the third."""

CANDIDATE = """import torch
import triton
import triton.language as tl


@triton.jit
def softmax_kernel(x_ptr, out_ptr, columns, BLOCK: tl.constexpr):
    start = tl.program_id(0).to(tl.int64) * columns
    offsets = tl.arange(0, BLOCK)
    largest = tl.full((BLOCK,), float("-inf"), tl.float32)
    total = tl.zeros((BLOCK,), tl.float32)
    for block in range(0, columns, BLOCK):  # online softmax: one running maximum and sum for each lane
        x = tl.load(x_ptr + start + block + offsets, mask=block + offsets < columns, other=float("-inf"))
        larger = tl.maximum(largest, x)
        total = tl.where(larger == float("-inf"), 0.0, total * tl.exp(largest - larger) + tl.exp(x - larger))
        largest = larger
    row = tl.max(largest, 0)
    total = tl.sum(total * tl.exp(largest - row), 0)
    for block in range(0, columns, BLOCK):
        mask = block + offsets < columns
        x = tl.load(x_ptr + start + block + offsets, mask=mask)
        tl.store(out_ptr + start + block + offsets, tl.exp(x - row) / total, mask=mask)


class ModelNew(torch.nn.Module):
    def forward(self, x):
        out = torch.empty_like(x)
        softmax_kernel[(x.shape[0],)](x, out, x.shape[1], BLOCK=1024, num_warps=4)
        return out
"""


def main() -> None:
    with TemporaryDirectory() as folder, LocalEvaluator() as evaluator:
        if len(sys.argv) > 1:
            selection = f"kernelbench:{sys.argv[1]}/1/23"
        else:
            selection = f"kernelbench:{write_benchmark(Path(folder))}"
        loaded = load_problems(selection)
        for rejected in loaded.rejected:
            print("left out:", rejected)
        rows = []
        for problem in loaded.problems:
            description = evaluator.describe(problem)
            report = evaluator.evaluate(Submission(source=CANDIDATE), problem, EvalConfig())
            rows.append((problem, description, report))
        show(table(rows))


def write_benchmark(folder: Path) -> Path:
    for name, source in FILES.items():
        path = folder / "KernelBench" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source, encoding="utf-8")
    return folder


def table(rows: list[tuple[Problem, Description, Report]]) -> Table:
    found = Table("problem", "title", "cases", "GFLOP", "outcome", "reward", title="A softmax kernel")
    for problem, description, report in rows:
        reward = get_reward()(report).value
        found.add_row(
            problem.id,
            problem.title,
            str(len(description.cases)),
            f"{description.gflop:.3g}",
            report.outcome,
            "none" if reward is None else f"{reward:.2f}",
        )
    return found


if __name__ == "__main__":
    main()
