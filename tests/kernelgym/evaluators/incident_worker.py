"""A worker whose simulated GPU fails: as `kernelgym.evaluators.worker`, with `--gpu FAULT@LAUNCHES[:MARKER]`.

MARKER is made when the GPU is opened; once it exists, GPUs are sound.
"""

from pathlib import Path

from kernelgym.evaluators import worker
from sandboxes.devices.cuda.errors import GpuFault
from sandboxes.devices.cuda.gpu import Gpu
from sandboxes.devices.cuda.simulated.simulated_gpu import Incident, SimulatedGpu
from sandboxes.hardware.targets import TARGETS


def open_failing(name: str) -> Gpu:
    """Returns a GPU with an incident."""
    what, _, marker = name.partition(":")
    fault, _, launches = what.partition("@")
    sound = bool(marker) and Path(marker).exists()
    if marker:
        Path(marker).touch()
    incidents = () if sound else (Incident(fault=GpuFault(fault), after_launches=int(launches)),)
    return SimulatedGpu(next(iter(TARGETS.values())), incidents=incidents)


if __name__ == "__main__":
    worker.open_gpu = open_failing
    worker.main()
