"""On which GPU a benchmark runs, and for how long."""

from dataclasses import dataclass
from typing import Any, Final

from sandboxes.contracts import EvalConfig
from sandboxes.devices.cuda.errors import NoGpu
from sandboxes.devices.cuda.gpu import GpuFacts
from sandboxes.devices.cuda.opening import check_target, find_gpu
from sandboxes.hardware.targets import TARGETS

QUICK_S: Final = 0.2
"""Time for timing in a quick run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What a benchmark is given."""

    gpu: str
    """What `open_gpu` and `LocalEvaluator(gpu=...)` take."""
    facts: GpuFacts
    target: str
    """The target that this GPU is."""
    seconds: float
    """How long it may take; it ends a little later, never much."""
    quick: bool
    """Only shows that it works: small shapes, few repetitions."""
    workers: int
    """Evaluations at a time, all of which share the GPU."""

    def config(self, **settings: Any) -> EvalConfig:
        """Returns a configuration of evaluations on this GPU; a quick run takes little time for timing."""
        quick = {"measure_timeout_s": QUICK_S} if self.quick else {}
        return EvalConfig.model_validate({"target": self.target, "device": "cuda", **quick, **settings})


def fitting_target(facts: GpuFacts) -> str:
    """Returns the name of the target that evaluations on a GPU have to name.

    Raises:
        NoGpu: No known target fits; the message is that of the last one tried.
    """
    refused = NoGpu(f"no target is known for {facts.title}; see `register_target`")
    for name, target in TARGETS.items():
        try:
            check_target(facts, target)
        except NoGpu as error:
            refused = error
        else:
            return name
    raise refused


def find_setting(gpu: str, *, seconds: float, quick: bool, workers: int) -> Setting:
    """Returns the setting of this machine.

    Raises:
        NoGpu: There is no such GPU; the message says what to do.
    """
    facts = find_gpu(gpu)
    return Setting(gpu=gpu, facts=facts, target=fitting_target(facts), seconds=seconds, quick=quick, workers=workers)
