"""The GPUs that can be compiled for and modelled, as data.

Sources. Rates, bandwidths, sizes: NVIDIA's data sheets and architecture whitepapers of the A100 (2020), H100 (2022),
Ada (2022), H200 (2023) and HGX B200 (2024), at boost clock and without sparsity. Limits per multiprocessor: table
"Technical Specifications per Compute Capability" of the CUDA C++ Programming Guide. `special` is 16 operations per
clock and multiprocessor (the guide's table of arithmetic throughput). No data sheet says three things; they are
estimates, marked so below: L2 bandwidth except A100's (5120 bytes per clock in its whitepaper), and launch overhead.
"""

from difflib import get_close_matches

from sandboxes.contracts import Target
from sandboxes.errors import SandboxesError

KIB = 1024
SPECIAL_PER_CLOCK = 16


class UnknownTarget(SandboxesError, ValueError):
    """No target has this name; the message lists those that exist.

    Args:
        name: What was asked for.
    """

    def __init__(self, name: str) -> None:
        close = get_close_matches(name.lower(), TARGETS, n=1)
        meant = f" Did you mean `{close[0]}`?" if close else ""
        super().__init__(f"There is no target `{name}`.{meant} Known: {', '.join(TARGETS)}.")
        self.name = name

    def __reduce__(self) -> tuple[type["UnknownTarget"], tuple[str]]:
        return type(self), (self.name,)


def _special(multiprocessors: int, clock_mhz: float) -> float:
    """Returns the rate of exp, log, rsqrt, ... in 1e12 operations per second."""
    return round(SPECIAL_PER_CLOCK * multiprocessors * clock_mhz / 1e6, 2)


H200 = Target(
    name="h200",
    title="NVIDIA H200",
    backend="cuda",
    arch="90",
    warp_size=32,
    multiprocessors=132,
    clock_mhz=1980,
    memory_gib=140,  # 141 GB in the data sheet; the driver reports 143771 MiB
    dram_gb_per_s=4800,
    l2_mib=50,
    l2_gb_per_s=10_140,  # estimate: A100's 5120 bytes per clock at this clock
    tflops={
        "fp32": 67, "fp64": 34, "tf32": 494.7, "fp16": 989.4, "bf16": 989.4, "fp8": 1978.9, "int8": 1978.9,
        "special": _special(132, 1980),
    },
    registers_per_multiprocessor=65_536,
    registers_per_thread=255,
    threads_per_multiprocessor=2048,
    threads_per_block=1024,
    blocks_per_multiprocessor=32,
    shared_per_multiprocessor=228 * KIB,
    shared_per_block=227 * KIB,
    launch_overhead_us=1.3,  # estimate: dependent kernels inside a CUDA graph
)  # fmt: skip

H100 = H200.model_copy(
    update={
        "name": "h100",
        "title": "NVIDIA H100 80GB HBM3",  # the SXM5 board
        "memory_gib": 80,
        "dram_gb_per_s": 3350,
    }
)

A100 = Target(
    name="a100",
    title="NVIDIA A100-SXM4-80GB",
    backend="cuda",
    arch="80",
    warp_size=32,
    multiprocessors=108,
    clock_mhz=1410,
    memory_gib=80,
    dram_gb_per_s=2039,
    l2_mib=40,
    l2_gb_per_s=7219,  # 5120 bytes per clock
    tflops={
        "fp32": 19.5, "fp64": 9.7, "tf32": 156, "fp16": 312, "bf16": 312, "int8": 624,
        "fp8": 312,  # no FP8 tensor cores: Triton converts to FP16
        "special": _special(108, 1410),
    },
    registers_per_multiprocessor=65_536,
    registers_per_thread=255,
    threads_per_multiprocessor=2048,
    threads_per_block=1024,
    blocks_per_multiprocessor=32,
    shared_per_multiprocessor=164 * KIB,
    shared_per_block=163 * KIB,
    launch_overhead_us=1.6,  # estimate
)  # fmt: skip

L40S = Target(
    name="l40s",
    title="NVIDIA L40S",
    backend="cuda",
    arch="89",
    warp_size=32,
    multiprocessors=142,
    clock_mhz=2520,
    memory_gib=48,
    dram_gb_per_s=864,
    l2_mib=96,
    l2_gb_per_s=8000,  # estimate
    tflops={
        "fp32": 91.6, "fp64": 1.43, "tf32": 183, "fp16": 362, "bf16": 362, "fp8": 733, "int8": 733,
        "special": _special(142, 2520),
    },
    registers_per_multiprocessor=65_536,
    registers_per_thread=255,
    threads_per_multiprocessor=1536,
    threads_per_block=1024,
    blocks_per_multiprocessor=24,
    shared_per_multiprocessor=100 * KIB,
    shared_per_block=99 * KIB,
    launch_overhead_us=1.6,  # estimate
)  # fmt: skip

B200 = Target(
    name="b200",
    title="NVIDIA B200",
    backend="cuda",
    arch="100",
    warp_size=32,
    multiprocessors=148,
    clock_mhz=1965,
    memory_gib=180,
    dram_gb_per_s=8000,
    l2_mib=126,
    l2_gb_per_s=20_100,  # estimate: two dies with 5120 bytes per clock each
    tflops={
        "fp32": 75, "fp64": 37, "tf32": 1100, "fp16": 2250, "bf16": 2250, "fp8": 4500, "int8": 4500,
        "special": _special(148, 1965),
    },
    registers_per_multiprocessor=65_536,
    registers_per_thread=255,
    threads_per_multiprocessor=2048,
    threads_per_block=1024,
    blocks_per_multiprocessor=32,
    shared_per_multiprocessor=228 * KIB,
    shared_per_block=227 * KIB,
    launch_overhead_us=1.3,  # estimate
)  # fmt: skip

TARGETS: dict[str, Target] = {target.name: target for target in (H200, H100, A100, L40S, B200)}
"""All known targets by name; the first is the default."""


def get_target(name: str) -> Target:
    """Returns the target called `name`.

    Raises:
        UnknownTarget: No target has this name.
    """
    if name not in TARGETS:
        raise UnknownTarget(name)
    return TARGETS[name]


def register_target(target: Target) -> None:
    """Makes `target` known to `get_target` in this process.

    Raises:
        ValueError: Another target already has this name.
    """
    if TARGETS.get(target.name, target) != target:
        raise ValueError(f"A different target `{target.name}` is already registered; choose another name.")
    TARGETS[target.name] = target
