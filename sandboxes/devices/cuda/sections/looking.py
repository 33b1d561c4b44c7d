"""Which tool looks at what; asked for one by one."""

from collections.abc import Callable, Mapping
from typing import Final

from sandboxes.devices.cuda.gpu import SIMULATED
from sandboxes.devices.cuda.sections import nsight, proton
from sandboxes.devices.cuda.sections.folder import Assignment
from sandboxes.devices.cuda.sections.section import Section, Tool, nothing

LOOKS: Final[Mapping[Tool, Callable[[Assignment, bytes, float], Section]]] = {
    Tool.NCU: nsight.look,
    Tool.PROTON: proton.look,
}
TIMEOUT_S: Final = 300.0
"""For one tool, on top of the configuration's limits for compiling and replaying."""
SIMULATED_ONLY: Final = "the GPU is simulated: there is no hardware to look at; use a real one (KERNELGYM_GPU=auto)"


def simulated(gpu: str) -> bool:
    """Returns whether a GPU's name is that of one which is not there."""
    return gpu.partition(":")[0] == SIMULATED


def absent(tool: Tool, gpu: str) -> Section | None:
    """Returns what to say of a tool that has nothing to look at, or is not here; None if it can be asked."""
    if simulated(gpu):
        return nothing(tool, SIMULATED_ONLY)
    if tool is Tool.NCU and nsight.find_ncu() is None:
        return nothing(tool, nsight.INSTALL)
    return None


def look(assignment: Assignment, bundle: bytes) -> Section:
    """Returns a tool's section on a candidate; one without rows says why.

    Args:
        assignment: What to look at, and with which tool.
        bundle: Its trace.
    """
    if (nobody := absent(assignment.tool, assignment.gpu)) is not None:
        return nobody
    limit_s = TIMEOUT_S + assignment.config.compile_timeout_s + assignment.config.replay_timeout_s
    return LOOKS[assignment.tool](assignment, bundle, limit_s)
