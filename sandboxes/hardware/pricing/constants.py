"""Every global constant of the hardware model in one place, each with its source or marked as an estimate.

None is of a kernel, a problem or a target. Prices are continuous in all of them, so that they can be fitted.

Sources by short name. gpu-benches: github.com/te42kyfo/gpu-benches at 1c36d50. KernelBench: see `operators`. From the
literature, their tables not read again for this: Luo et al., Benchmarking and Dissecting the Nvidia Hopper GPU
Architecture through Microbenchmarking, arXiv 2402.13499; Sun et al., Dissecting Tensor Cores via Microbenchmarks, arXiv
2206.02874; Abdelkhalik et al., Demystifying the Nvidia Ampere Architecture through Microbenchmarking and
Instruction-level Analysis, arXiv 2208.11174; NVIDIA's whitepapers on Kepler, A100 and H100.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Constants:
    """What vendors' data sheets do not say of a GPU and its libraries."""

    # what overlaps
    overlap: float = 4.0
    """Exponent of the p-norm that combines activities that go on at the same time: two equally long ones take 1.19
    times as long as one. Estimate."""
    tail: float = 0.5
    """Share of what a launch's busiest program takes longer than others that is left when all others are done: it
    begins at a random time. Estimate."""

    # memory
    dram_share: float = 0.92
    """Share of the data sheet's bandwidth that streaming reaches: reads 0.92, triads 0.86 on A100 80GB, 0.99 and
    0.90 on H100 PCIe (gpu-benches, gpu-stream); elementwise operators of 13 GB 0.90 on H100 SXM (KernelBench)."""
    dram_latency_scale: float = 1.6
    """Latency with traffic, over the target's, which is idle: bandwidth times latency must be in flight, and public
    measurements of bytes in flight for 80 to 95 % of the bandwidth come to 0.5 to 0.8 microseconds. Estimate."""
    l2_share: float = 0.9
    """Of the target's L2 bandwidth. Estimate."""
    l2_latency_scale: float = 1.5
    """Likewise, and the far half of the cache is farther. Idle, as far as
    the near half reaches: 265 cycles on H100 PCIe, 211 on A100; beyond it about 480 and 420 (gpu-benches, gpu-latency).
    The factor is an estimate."""
    port_bytes_per_clock: float = 64.0
    """Between the L2 cache and one multiprocessor: two sectors (A100 whitepaper, as on Volta)."""
    requests_per_clock: float = 1.0
    """Loads and stores of warps that a multiprocessor issues: 32 load/store lanes (H100 whitepaper)."""
    in_flight_share: float = 0.5
    """Share of a thread's registers that can wait for loads. Estimate."""
    atomic_clocks: float = 2.0
    """Of the GPU's clock, per operation on one address: NVIDIA's Kepler whitepaper says 1 of the L2's clock, which is
    slower on later GPUs. Estimate."""
    atomic_passes: float = 2.0
    """Sectors of the L2 cache that an atomic occupies for each that it touches: it reads and writes."""
    spill_passes: float = 8.0
    """How often spilled bytes are stored and loaded again: spills sit in loops. Estimate."""

    # arithmetic
    tensor_share: float = 0.78
    """Of the peak, or of what the unit reaches of it. cuBLAS reaches 736 to 798 of 989 TFLOP/s on H100 at 4096
    and 8192 (see `products`); that Triton reaches as much in a product that fills every wave is an estimate."""
    mma_on_hopper: float = 0.63
    """Of the peak by `mma` instead of `wgmma` (Luo: 62.9 % on average)."""
    mma_on_blackwell: float = 0.35
    """Of the peak by `mma` instead of `tcgen05`: about as many operations per clock as on Hopper. Estimate."""
    mma_in_flight: float = 4.0
    """Independent `mma` that each quarter of a multiprocessor needs: about 33 cycles from one to the next that
    depends on it (Sun, m16n8k16 on A100), 8 until it takes another (256 of A100's 1024 multiply-adds per clock)."""
    pipe_share: float = 0.7
    """Of the peaks of FP32, FP64 and special functions: peaks assume nothing but fused multiply-adds. Estimate."""
    busy_warps: float = 8.0
    """Warps per multiprocessor that keep an arithmetic pipe busy: four quarters, 4 cycles from one instruction to the
    next that depends on it (Abdelkhalik), two independent ones per thread (estimate)."""
    integer_share: float = 0.5
    """FP32 operations that an integer operation of TTIR costs: integers run at a quarter of a peak that counts a fused
    multiply-add as two, but most of them are addresses and masks that the compiler shares between vector elements.
    Estimate."""

    # starting and waiting
    block_start_us: float = 0.07
    """Time a multiprocessor needs to start a block: the whole GPU starts one or two per nanosecond. Estimate."""
    wait_us: float = 15.0
    """Time that is lost while the host waits for a number, an estimate: copying a few bytes into pageable memory takes
    about 8 microseconds, waking the host and launching the next kernel, outside of any CUDA graph, about as long."""

    # libraries: cuBLAS, cuDNN and PyTorch's own kernels
    library_dram_share: float = 0.9
    library_l2_share: float = 0.9
    library_tensor_share: float = 0.75
    library_fma_share: float = 0.8
    library_special_share: float = 0.7
    """Slightly better at products than Triton's, slightly worse at streaming. Estimates."""


DEFAULT = Constants()
"""Not fitted to any GPU."""
