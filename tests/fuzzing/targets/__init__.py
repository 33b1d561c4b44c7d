"""The readers that are fuzzed, one module each."""

from tests.fuzzing.target import Target
from tests.fuzzing.targets.answers import ANSWERS
from tests.fuzzing.targets.completions import COMPLETIONS
from tests.fuzzing.targets.execution import EXECUTION
from tests.fuzzing.targets.kernels import KERNELS
from tests.fuzzing.targets.messages import MESSAGES
from tests.fuzzing.targets.rendering import RENDERING

TARGETS: tuple[Target, ...] = (ANSWERS, KERNELS, EXECUTION, COMPLETIONS, RENDERING, MESSAGES)
"""In the order of a candidate's way."""

__all__ = ["TARGETS"]
