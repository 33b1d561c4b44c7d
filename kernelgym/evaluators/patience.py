"""How long a worker process is waited for, whatever it works on."""

import math
from typing import Final

from kernelgym.evaluators.messages import Assignment, Inquiry, Inspection, Job, Preparation, Tracing
from kernelgym.evaluators.watching import Deadline
from sandboxes.contracts import Depth, EvalConfig
from sandboxes.contracts.config import COMPILE_REFERENCE_S

SLACK_S: Final = 30.0
"""Time beyond the configured limits before a worker counts as hung."""

INQUIRY_TIMEOUT_S: Final = 180.0
"""Time that describing or inspecting a reference may take, or making a GPU ready."""

GPU_SLACK_S: Final = 60.0
"""Time on top of it for what is done on a GPU and is not the candidate's: truths, references and their compilers."""

RUN_SLACK_S: Final = 2.0
"""Time on top of the limit for all runs in which one run has to end: a kernel that does not end is told by nothing
else, for no host can stop it."""


def deadline_for(task: Assignment) -> Deadline:
    """Returns when a worker that gets a task now counts as hung."""
    if isinstance(task, Inquiry | Inspection | Preparation):
        return Deadline(INQUIRY_TIMEOUT_S)
    config = (task if isinstance(task, Job) else task.job).config
    cpu_s = config.trace_timeout_s + config.compile_timeout_s + config.replay_timeout_s + SLACK_S
    if isinstance(task, Tracing) or not needs_gpu(config):
        return Deadline(cpu_s, math.inf)
    compiling_s = COMPILE_REFERENCE_S if config.compiled_reference else 0.0
    turn_s = config.replay_timeout_s + config.measure_timeout_s + compiling_s + GPU_SLACK_S
    return Deadline(cpu_s + turn_s, turn_s, config.replay_timeout_s + RUN_SLACK_S)


def needs_gpu(config: EvalConfig) -> bool:
    """Returns whether the second half of an evaluation is done on a GPU; what is only priced is not."""
    return config.device == "cuda" and config.depth is Depth.JUDGED
