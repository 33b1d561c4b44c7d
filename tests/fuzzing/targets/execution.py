"""Kernels that run although no compiler has seen them: under limits, on memory with guards."""

from dataclasses import dataclass

import torch

from sandboxes.ttir import DescriptorArgument, ExecutionOptions, TTIRError, Unwritten, execute
from sandboxes.ttir.engine.values import dtype_of
from sandboxes.ttir.ir import DescriptorType, PointerType, ScalarType
from sandboxes.ttir.syntax.parser import parse
from tests.agreement.choices import Choices
from tests.fuzzing.decisions import decided_by
from tests.fuzzing.kernels import kernel_text
from tests.fuzzing.target import Target

ELEMENTS = 4096
NUMBERS = (1, 0, -1, 3, 32, 64, 2**31 - 1)
GRIDS = ((1, 1, 1), (3, 1, 1), (2, 2, 2), (0, 1, 1), (64, 1, 1))
MAX_OPERATIONS = 5_000
MAX_SECONDS = 0.5
MAX_BYTES = 2**24


@dataclass(frozen=True, slots=True)
class Run:
    """A kernel and the decisions about how it is launched."""

    text: str
    choices: Choices

    def __len__(self) -> int:
        return len(self.text)


def make(data: bytes) -> Run:
    """A changed fixture or a generated kernel."""
    choices = decided_by(data)
    return Run(kernel_text(choices, data), choices)


def read(run: Run) -> None:
    """Executes a kernel on small tensors, sanitized and counted or not."""
    choices = run.choices
    try:
        module = parse.__wrapped__(run.text)
        args = [_argument(parameter.type, choices) for parameter in module.kernel.parameters[:100]]
        options = ExecutionOptions(
            max_operations=MAX_OPERATIONS,
            max_seconds=MAX_SECONDS,
            memory_bytes=MAX_BYTES,
            count=choices.chance(50),
            unwritten=Unwritten() if choices.chance(70) else None,
        )
        execute(module, choices.pick(GRIDS), args, options=options)
    except TTIRError as error:
        str(error)


def _argument(kind: object, choices: Choices) -> torch.Tensor | DescriptorArgument | int | float:
    if isinstance(kind, PointerType | DescriptorType):
        element = kind.pointee if isinstance(kind, PointerType) else kind.block
        dtype = dtype_of(element) or torch.float32
        tensor = torch.zeros(ELEMENTS, dtype=dtype)
        if isinstance(kind, DescriptorType):
            shape = tuple(choices.pick(NUMBERS) for _ in kind.block.shape)
            return DescriptorArgument(base=tensor, shape=shape, strides=tuple(choices.pick(NUMBERS) for _ in shape))
        return tensor[choices.pick((0, 0, 16)) :]
    if isinstance(kind, ScalarType) and kind.is_float:
        return choices.pick((0.5, float("nan"), float("inf"), -0.0))
    return choices.pick(NUMBERS)


EXECUTION = Target(
    name="execution",
    about="kernels that no compiler has seen, run under limits",
    make=make,
    read=read,
    seconds=4.0,
    seconds_per_mib=20.0,
)
