"""Run by `test_kernels.py` in a process of its own: Triton's driver and launcher on the stub of libcuda.

Reads from stdin, a line of JSON each, what to launch: `ttir`, `grid`, `args`. Writes to stdout, likewise, what went
wrong, if anything; what arrived is in the stub's own log.
"""

import ctypes
import json
import re
import sys
from typing import Any

import torch
import triton
from triton.backends.nvidia.driver import CudaDriver

from sandboxes.compilation import triton_kernel
from sandboxes.contracts import Variant
from sandboxes.devices.cuda.real import kernels
from sandboxes.devices.cuda.real.kernels import TritonKernel
from sandboxes.hardware.targets import get_target
from sandboxes.ttir import DescriptorArgument

PARAMETER = re.compile(r"\.param (?:\.align \d+ )?\.(b|u|s|f)(\d+) [^,\n)\[]*(?:\[(\d+)\])?")


class StubDriver(CudaDriver):
    """Triton's driver where torch has no CUDA."""

    def __init__(self) -> None:
        super().__init__()
        self.get_current_device = lambda: 0
        self.get_current_stream = lambda device: 1234
        self.get_device_capability = lambda device: (9, 0)


def sizes(ptx: str) -> list[int]:
    """Bytes of each parameter of the kernel, as its machine code takes them."""
    head = ptx[ptx.index(".entry") :]
    found = PARAMETER.findall(head[: head.index("{")])
    return [int(bits) // 8 * int(count or 1) for _, bits, count in found]


def argument(given: Any, memory: torch.Tensor) -> Any:
    """Tensors are given by their offset in `memory`, in bytes."""
    if not isinstance(given, dict):
        return given
    base = memory[given["offset"] :].view(getattr(torch, given["dtype"]))
    if "shape" not in given:
        return base
    return DescriptorArgument(base=base, shape=tuple(given["shape"]), strides=tuple(given["strides"]))


def main() -> None:
    """Launches all."""
    driver = StubDriver()
    triton.runtime.driver.set_active(driver)
    kernels._scratch = lambda size, alignment, stream: torch.empty(size, dtype=torch.int8)
    stub = ctypes.CDLL("libcuda.so.1")
    memory = torch.empty(4096 + 512, dtype=torch.uint8)
    memory = memory[-memory.data_ptr() % 512 :]
    print(json.dumps({"base": memory.data_ptr()}), flush=True)
    for line in sys.stdin:
        order = json.loads(line)
        grid = tuple(order["grid"])
        variant = Variant(config="", ttir=order["ttir"], grid=grid, args=(), num_warps=order["warps"], num_stages=2)
        compiled = triton_kernel(variant, get_target("h200"))
        expected = sizes(compiled.asm["ptx"])
        kernel = TritonKernel(compiled)
        stub.stub_parameters((ctypes.c_int * len(expected))(*expected), len(expected))
        stub.stub_fail(order.get("fail", 0))
        try:
            kernel.launch(grid, [argument(given, memory) for given in order["args"]])
            print(json.dumps({"sizes": expected, "shared": compiled.metadata.shared}), flush=True)
        except RuntimeError as error:
            print(json.dumps({"error": str(error)}), flush=True)
        finally:
            stub.stub_fail(0)


if __name__ == "__main__":
    main()
