"""``python -m tests.fuzzing.write_seeds``: records what the sandbox sends for a few candidates, to be changed."""

from pathlib import Path

from sandboxes.contracts import Case, EvalConfig, Submission
from sandboxes.hardware.targets import get_target
from sandboxes.tracing.service import run_tracer
from tests.fuzzing.targets.answers import SEEDS
from tests.tracer import Tracer, candidate, case, spec

PLAIN = """
class ModelNew(nn.Module):
    def forward(self, x):
        return scale(x)
"""
MIXED = """
class ModelNew(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(32, 16)
        self.register_buffer("shift", torch.ones(16))

    def forward(self, x, pair):
        a, b = scale(self.layer(x)).split([8, 8], dim=1)
        y = torch.cat([a, b + pair[0][:, :8]], dim=1).add_(self.shift)
        z = torch.empty_strided((4, 16), (1, 4), device=x.device)
        z.copy_(y.t().reshape(16, 4).t())
        values, indices = torch.max(scale(z), dim=1)
        return {"tuple": (values, [indices, y[1:, ::2]])}["tuple"]
"""
TUNED = """
import triton.tools.tensor_descriptor


@triton.autotune([triton.Config({"BLOCK": b}, num_warps=w) for b in (64, 128) for w in (2, 4)], key=["n"])
@triton.jit
def added(x_ptr, y_ptr, n, factor, BLOCK: tl.constexpr):
    offsets = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    mask = offsets < n
    tl.atomic_add(y_ptr + offsets, tl.load(x_ptr + offsets, mask=mask) * factor, mask=mask)


@triton.jit
def copied(source, y_ptr, BLOCK: tl.constexpr):
    rows = tl.arange(0, BLOCK)
    tile = source.load([0, 0])
    tl.store(y_ptr + rows[:, None] * 32 + tl.arange(0, 32)[None, :], tile)


class ModelNew(nn.Module):
    def forward(self, x):
        y = torch.zeros_like(x)
        factor = x.abs().max().item()
        added[lambda meta: (triton.cdiv(x.numel(), meta["BLOCK"]),)](x, y, x.numel(), factor)
        z = torch.empty_like(y)
        source = triton.tools.tensor_descriptor.TensorDescriptor(y, [4, 32], [32, 1], [4, 32])
        copied[(1,)](source, z, BLOCK=4)
        return z
"""
CONVOLVED = """
class ModelNew(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3, padding=1)
        self.norm = nn.BatchNorm2d(4)

    def forward(self, x):
        y = torch.relu(self.norm(self.conv(x)))
        return scale(torch.nn.functional.max_pool2d(y, 2).permute(0, 2, 3, 1).contiguous())
"""


def _cases() -> dict[str, tuple[str, tuple[Case, ...]]]:
    """Candidates by name, with the cases they are traced at."""
    pair = {"kind": "tuple", "items": [spec(4, 16), 2.5, "text", None, True]}
    mixed = Case.model_validate(case(spec(4, 32)).model_dump() | {"inputs": [spec(4, 32), pair]})
    return {
        "plain": (PLAIN, (case(spec(4, 32)), case(spec(7, 33), name="odd"))),
        "mixed": (MIXED, (mixed,)),
        "tuned": (TUNED, (case(spec(4, 32)),)),
        "convolved": (CONVOLVED, (case(spec(2, 3, 8, 8)),)),
    }


def main() -> None:
    """Writes the answers and their cases."""
    SEEDS.mkdir(exist_ok=True)
    config = EvalConfig()
    with Tracer() as tracer:
        for name, (body, cases) in _cases().items():
            traced = tracer.run(candidate(body), cases=cases)
            assert traced.failure is None, traced.failure
            result = run_tracer(
                Submission(source=candidate(body)), cases, config, get_target(config.target), tracer.sandbox
            )
            assert result.payload is not None
            Path(SEEDS, f"{name}.answer").write_bytes(result.payload)
            documents = ",\n".join(item.model_dump_json() for item in cases)
            Path(SEEDS, f"{name}.cases.json").write_text(f"[{documents}]\n")


if __name__ == "__main__":
    main()
