"""Every global constant of the hardware model in one place, each with its source or marked as an estimate.

None is of a kernel or a problem. Prices are smooth in all of them, so that they can be fitted to measurements.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Constants:
    """What vendors' data sheets do not say of a GPU and its libraries."""

    overlap: float = 4.0
    """Exponent of the p-norm that combines activities: two equally long ones take 1.19 times as long as one."""
    dram_latency_us: float = 0.65
    l2_latency_us: float = 0.2
    """Round trips under light load; microbenchmarks of A100 and H100 agree within a third."""
    integer_share: float = 0.5
    """FP32 operations that an integer operation of TTIR costs: integers run at a quarter of a peak that counts a fused
    multiply-add as two, but most of them are addresses and masks that the compiler shares between vector elements."""
    block_start_us: float = 0.07
    """Time a multiprocessor needs to start a block: the whole GPU starts one or two per nanosecond."""
    in_flight_share: float = 0.5
    """Share of a thread's registers that can wait for loads."""
    wait_us: float = 15.0
    """Time that is lost while the host waits for a number, an estimate: copying a few bytes into pageable memory takes
    about 8 microseconds, waking the host and launching the next kernel, outside of any CUDA graph, about as long."""
    spill_passes: float = 8.0
    """How often spilled bytes are stored or loaded again: spills sit in loops."""
    dram_share: float = 0.92
    """Share of the data sheet's bandwidth that STREAM-like kernels reach: 0.90 to 0.93."""
    l2_share: float = 0.9
    tensor_share: float = 0.78
    """Of the peak. With the p-norm, a bf16 GEMM of 8192 comes out at 630 TFLOP/s on H200 with tiles of 128x256 and 530
    with 128x128, as published Triton GEMMs do on Hopper."""
    pipe_share: float = 0.7
    """Of the peaks of FP32, FP64 and special functions; FP32 peaks assume fused multiply-adds only."""
    library_dram_share: float = 0.9
    library_l2_share: float = 0.9
    library_tensor_share: float = 0.75
    library_fma_share: float = 0.8
    library_special_share: float = 0.7
    """cuBLAS, cuDNN and PyTorch's own kernels: slightly better at products, slightly worse at streaming."""


DEFAULT = Constants()
"""Not fitted to any GPU."""
