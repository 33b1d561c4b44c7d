"""Work on a simulated GPU that can be repeated: as a graph, or launch by launch."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import torch

from sandboxes.devices.cuda.gpu import Sample
from sandboxes.devices.cuda.simulated.work import Step

if TYPE_CHECKING:
    from sandboxes.devices.cuda.simulated.simulated_gpu import SimulatedGpu


class SimulatedGraph:
    """Implements `Prepared`: a recorded sequence of steps."""

    captured = True

    def __init__(self, gpu: "SimulatedGpu", steps: Sequence[Step]) -> None:
        self._gpu = gpu
        self._steps = tuple(steps)
        self._precision = gpu.policy
        self._inference = torch.is_inference_mode_enabled()

    def run(self) -> None:
        """Does all steps again."""
        self._repeat()

    def time(self) -> Sample:
        """Flushes, does all steps again, and says how long that took."""
        self._gpu.synchronize()
        self._gpu.flush()
        return self._gpu.sample(self._repeat())

    def _repeat(self) -> float:
        with torch.inference_mode(self._inference), torch.no_grad(), self._gpu.precision(self._precision):
            return sum(self._gpu.repeat(self._steps))


class SimulatedLaunches:
    """Implements `Prepared`: work that the host launches piece by piece."""

    captured = False

    def __init__(self, gpu: "SimulatedGpu", work: Callable[[], object]) -> None:
        self._gpu = gpu
        self._work = work
        self._precision = gpu.policy

    def run(self) -> None:
        """Does it once more, Python and all."""
        self._gpu.do(self._work, self._precision)

    def time(self) -> Sample:
        """Flushes, does it once more, and says how long that took."""
        self._gpu.synchronize()
        self._gpu.flush()
        return self._gpu.sample(self._gpu.do(self._work, self._precision))
