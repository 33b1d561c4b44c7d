"""An OpenEnv server of ours, and a client that plays an episode on it.

    pip install 'kernelgym[openenv]'
    python examples/openenv_episode.py

Server and client are usually on different machines: `KernelServer(host=..., token=...).run()` on the one,
`KernelClient(url, headers={"Authorization": "Bearer ..."})` on the other. Runs on a CPU in a few seconds.
"""

from policies.ecosystem.openenv import KernelAction, KernelClient, KernelServer

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
    tl.store(out_ptr + offsets, tl.maximum(total, 0.0), mask=mask)


class ModelNew(torch.nn.Module):
    def forward(self, x, y):
        out = torch.empty_like(x)
        n = out.numel()
        add_relu_kernel[(triton.cdiv(n, 1024),)](x, y, out, n, BLOCK=1024)
        return out
```
"""


def main() -> None:
    with KernelServer(port=0, workers=1, max_turns=3) as server, KernelClient(server.url).sync() as client:
        result = client.reset(problem="core/add_relu")
        print(result.observation.text)
        for completion in ("I have no idea.", KERNEL, "SUBMIT"):
            result = client.step(KernelAction(completion=completion))
            print(f"\n{result.observation.text}\n\nreward {result.reward}, done {result.done}")
        best = result.observation.best
        print(f"\nThe best was turn {best['turn']}: {best['speedup']:.2f} times as fast.")


if __name__ == "__main__":
    main()
