"""The environment that TRL's GRPOTrainer takes as `environment_factory`; here, we are the model that calls its tool.

    python examples/trl_environment.py

With a model (that knows how to call tools), the same object trains:

    GRPOTrainer(
        "Qwen/Qwen3-4B",
        train_dataset=Dataset.from_list(environments.rows()),
        environment_factory=environments,
        args=GRPOConfig(max_completion_length=16_384, max_tool_calling_iterations=3),
    ).train()

Runs on a CPU in a few seconds.
"""

from policies.ecosystem import TRLEnvironments

KERNEL = """
import torch
import triton
import triton.language as tl


@triton.jit
def add_relu_kernel(x_ptr, y_ptr, out_ptr, n, BLOCK: tl.constexpr):
    offsets = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    mask = offsets < n
    total = tl.load(x_ptr + offsets, mask=mask) + tl.load(y_ptr + offsets, mask=mask)
    tl.store(out_ptr + offsets, tl.maximum(total, 0.0), mask=mask)


class ModelNew(torch.nn.Module):
    def forward(self, x, y):
        out = torch.empty_like(x)
        n = out.numel()
        add_relu_kernel[(triton.cdiv(n, 1024),)](x, y, out, n, BLOCK=1024)
        return out
"""


def main() -> None:
    with TRLEnvironments(problems="core/add_relu", max_turns=3) as environments:
        environment = environments()
        print(environment.reset(**environments.rows()[0]))
        print(f"\n{environment.submit_kernel('import torch')}")
        print(f"\n{environment.submit_kernel(KERNEL)}")
        print(f"\nturns {environment.turn_rewards}, the rollout earns {environment.get_reward():.2f}")


if __name__ == "__main__":
    main()
