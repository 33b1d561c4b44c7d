"""What a simulated GPU says about itself."""

from typing import Final

import torch
import triton

from sandboxes.contracts import Target
from sandboxes.devices.cuda.gpu import GpuFacts

MEMORY_BYTES: Final = 8 * 2**30
"""What it has; a real one has more, this machine may not."""


def simulated_facts(target: Target, memory_bytes: int = MEMORY_BYTES) -> GpuFacts:
    """Returns what a simulated GPU that resembles `target` says about itself."""
    return GpuFacts(
        title=f"{target.title} (simulated)",
        uuid=f"GPU-simulated-{target.name}",
        arch=target.arch,
        multiprocessors=target.multiprocessors,
        memory_bytes=memory_bytes,
        l2_bytes=round(target.l2_mib * 2**20),
        versions={
            "driver": "simulated",
            "cuda": "simulated",
            "torch": torch.__version__,
            "triton": triton.__version__,
        },
        simulated=True,
    )
