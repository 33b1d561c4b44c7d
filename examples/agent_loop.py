"""An agent in the environment: it sends a candidate, reads the feedback, and sends a better one.

    python examples/agent_loop.py

The agent here tries a few candidates that are known before; put a language model in its place, whose messages
`info["chat"]` are. Runs on a CPU in a few seconds.
"""

import gymnasium as gym

KERNEL = """
```python
import torch
import triton
import triton.language as tl


@triton.jit
def add_relu_kernel(x_ptr, y_ptr, out_ptr, n, BLOCK: tl.constexpr):
    offsets = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    mask = offsets < n
    total = tl.load(x_ptr + offsets, mask=mask) + tl.load(y_ptr + offsets, mask=mask)
    tl.store(out_ptr + offsets, RESULT, mask=mask)


class ModelNew(torch.nn.Module):
    def forward(self, x, y):
        out = torch.empty_like(x)
        n = out.numel()
        add_relu_kernel[(triton.cdiv(n, 1024),)](x, y, out, n, BLOCK=1024)
        return out
```
"""


def agent(chat: list[dict[str, str]]) -> str:
    """Forgets the ReLU at first, puts it in once it is told that the result is wrong, and then is content."""
    verdict = chat[-1]["content"].partition("\n")[0]
    if " ok - " in verdict:
        return "SUBMIT"
    return KERNEL.replace("RESULT", "tl.maximum(total, 0.0)" if " incorrect - " in verdict else "total")


def main() -> None:
    env = gym.make("kernelgym:KernelGym/Kernel-v0", max_turns=4)
    observation, info = env.reset(options={"problem": "core/add_relu"})
    print(observation)
    over = False
    while not over:
        observation, reward, terminated, truncated, info = env.step(agent(info["chat"]))
        print(f"\n{observation}\n\nreward {reward:.2f}: {info.get('reward_breakdown', 'nothing was sent')}")
        over = terminated or truncated
    print(f"\nThe best was turn {info['best']['turn']}: {info['best']['speedup']:.2f} times as fast.")
    env.close()


if __name__ == "__main__":
    main()
