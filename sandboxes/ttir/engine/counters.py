"""Exact counts of one execution: bytes per memory operation and argument, arithmetic by kind, both by source line.

Arithmetic is counted per executed operation and program (masked-off lanes compute too, as on the device); memory is
counted per active lane.
"""

from collections import defaultdict
from collections.abc import Sequence, Set
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from sandboxes.ttir.engine.evenness import Evenness
from sandboxes.ttir.engine.machine import Machine
from sandboxes.ttir.engine.plan import Step
from sandboxes.ttir.engine.sectors import Sectors
from sandboxes.ttir.engine.values import Buffer, element_of, shape_of
from sandboxes.ttir.ir import Location, ScalarType, TensorType
from sandboxes.ttir.memory.addressing import Request

SPECIAL = frozenset(
    [
        "exp",
        "exp2",
        "exp10",
        "expm1",
        "log",
        "log2",
        "log10",
        "log1p",
        "sqrt",
        "rsqrt",
        "sin",
        "cos",
        "tan",
        "tanh",
        "sinh",
        "cosh",
        "erf",
        "erfc",
        "powf",
        "pow",
        "atan",
        "atan2",
    ]
)
_FREE = frozenset(
    [
        "arith.constant",
        "arith.bitcast",
        "arith.index_cast",
        "arith.index_castui",
        "arith.extui",
        "arith.extsi",
        "arith.trunci",
    ]
)

DIVISIONS = frozenset({"divsi", "divui", "remsi", "remui", "ceildivsi", "ceildivui", "floordivsi"})
DIVISION = 16
"""Instructions of an integer division or remainder: there is none in hardware. Up to 20 (NVIDIA's CUDA C++ Best
Practices Guide, division and modulo operations); an estimate."""
DIVISION_BY_CONSTANT = 4
"""If the divisor is written in the text: a wide product, a shift, a correction."""
DOUBLE_SPECIAL = 20
"""Operations in double precision of exp, log, ...: there are no units for these. An estimate."""

INPUT_PRECISIONS = {"tf32": ("tf32", 1), "tf32x3": ("tf32", 3), "bf16x3": ("bf16", 3), "bf16x6": ("bf16", 6)}
"""What a product of float32 is made of, by its input precision: type and number of the products on tensor cores."""


@dataclass(slots=True)
class MemoryCount:
    """What one load, store or atomic operation of the source did, over all programs."""

    kind: str
    """``load``, ``store`` or ``atomic``."""
    argument: str
    location: Location
    bytes: int = 0
    """Requested bytes: active lanes times element size."""
    lanes: int = 0
    executions: int = 0
    """Times a program executed the operation."""


@dataclass(slots=True)
class ArgumentCount:
    """Traffic through one pointer argument."""

    bytes_loaded: int = 0
    bytes_stored: int = 0
    """Stores and atomics."""
    unique_bytes_loaded: int = 0
    """Bytes of all sectors that were loaded from, each counted once; of whole sectors, as device memory moves them."""
    unique_bytes_stored: int = 0


@dataclass(slots=True)
class Counters:
    """Exact totals over the programs that ran."""

    memory: list[MemoryCount] = field(default_factory=list)
    """One entry per memory operation and argument, in text order."""
    arguments: dict[str, ArgumentCount] = field(default_factory=dict)
    flops: dict[str, int] = field(default_factory=dict)
    """By kind: ``float``, ``double``, ``integer``, ``special`` and ``dot_<input type>`` (a multiply-add is two)."""
    lines: dict[int, dict[str, int]] = field(default_factory=dict)
    """By user source line: the kinds of `flops`, plus ``bytes``."""
    uneven_bytes: float = 1.0
    """Bytes that the program which asks for most asks for, masked lanes included, over those of an average one."""
    uneven_operations: float = 1.0
    """The same for arithmetic of all kinds."""

    @property
    def bytes_loaded(self) -> int:
        """Requested bytes of all loads."""
        return sum(argument.bytes_loaded for argument in self.arguments.values())

    @property
    def bytes_stored(self) -> int:
        """Requested bytes of all stores and atomics."""
        return sum(argument.bytes_stored for argument in self.arguments.values())


class Tally:
    """Collects counts while a machine runs.

    Args:
        steps: all steps of the module plan.
        buffers: one per pointer argument.
        programs: how many will run.
        unique: whether to find out which memory was touched; otherwise the unique bytes stay 0.
    """

    def __init__(self, steps: list[Step], buffers: list[Buffer], programs: int, *, unique: bool = True) -> None:
        self.times = 1
        """How often what comes next is to be counted: more than once where it stands for iterations that nobody
        executes."""
        self._steps = steps
        self._executions = [0] * len(steps)
        self._memory: dict[tuple[int, str], MemoryCount] = {}
        self._buffers = buffers
        self._sectors = Sectors(buffers) if unique else None
        constants = {step.operation.results[0].index for step in steps if step.operation.name == "arith.constant"}
        self._work = [work(step, constants) for step in steps]
        self._costs = [cost for _, cost in self._work]
        self._bytes, self._operations = Evenness(programs), Evenness(programs)

    def executed(self, machine: Machine, step: Step) -> None:
        """The active programs executed ``step``."""
        self.executed_all(machine, (step.number,))

    def executed_all(self, machine: Machine, numbers: Sequence[int]) -> None:
        """The active programs executed the steps of these numbers."""
        executions = machine.frame.size * self.times
        cost = 0
        for number in numbers:
            self._executions[number] += executions
            cost += self._costs[number]
        if cost:
            self._operations.add(machine, cost * self.times)

    def accessed(self, machine: Machine, step: Step, request: Request, kind: str) -> None:
        """The active programs performed a memory access (already checked to be in bounds)."""
        lanes = active_lanes(request, machine.frame.size) * self.times
        buffer = request.buffer
        count = self._memory.get((step.number, buffer.name))
        if count is None:
            count = MemoryCount(kind, buffer.name, step.operation.location)
            self._memory[step.number, buffer.name] = count
        count.lanes += lanes
        count.bytes += lanes * buffer.data.element_size()
        count.executions += machine.frame.size * self.times
        self._bytes.add(machine, torch.Size(request.shape).numel() * buffer.data.element_size() * self.times)
        if self._sectors is not None:
            self._sectors.touch(machine, request, "load" if kind == "load" else "store", step.operation.location)

    def counters(self) -> Counters:
        """The totals so far."""
        result = Counters(arguments={buffer.name: ArgumentCount() for buffer in self._buffers})
        flops: dict[str, int] = defaultdict(int)
        lines: dict[int, dict[str, int]] = defaultdict(lambda: defaultdict(int))
        result.uneven_bytes, result.uneven_operations = self._bytes.unevenness(), self._operations.unevenness()
        for step, (kind, cost), executions in zip(self._steps, self._work, self._executions, strict=True):
            if executions and cost:
                flops[kind] += executions * cost
                lines[step.operation.location.user_line()][kind] += executions * cost
        for _, count in sorted(self._memory.items(), key=lambda item: item[0]):
            result.memory.append(count)
            lines[count.location.user_line()]["bytes"] += count.bytes
            argument = result.arguments[count.argument]
            if count.kind == "load":
                argument.bytes_loaded += count.bytes
            else:
                argument.bytes_stored += count.bytes
        for (index, kind), unique in (self._sectors.bytes() if self._sectors is not None else {}).items():
            argument = result.arguments[self._buffers[index].name]
            if kind == "load":
                argument.unique_bytes_loaded += unique
            else:
                argument.unique_bytes_stored += unique
        result.flops = dict(flops)
        result.lines = {line: dict(kinds) for line, kinds in sorted(lines.items())}
        return result


def active_lanes(request: Request, programs: int) -> int:
    """Lanes that take part, summed over ``programs`` programs."""
    everything = torch.Size(request.shape).numel()
    if not request.masks:
        return programs * everything
    spanned = [[axis for axis in range(1, mask.dim()) if mask.shape[axis] > 1] for mask in request.masks]
    used = [axis for axes in spanned for axis in axes]
    if len(used) != len(set(used)):
        mask = request.mask()
        assert mask is not None
        share = everything // torch.Size(mask.shape[1:]).numel()
        return int(torch.count_nonzero(mask)) * share * (programs if mask.shape[0] == 1 else 1)
    per_program: Tensor = torch.full((1,), everything, dtype=torch.int64)
    for mask in request.masks:
        flat = mask.reshape(mask.shape[0], -1)
        counted = torch.from_numpy(np.count_nonzero(flat.numpy(), axis=1))  # twenty times as fast as torch's
        per_program = torch.div(per_program, flat.shape[1], rounding_mode="floor") * counted
    return int(per_program.sum()) * (programs if per_program.numel() == 1 else 1)


def work(step: Step, constants: Set[int] = frozenset()) -> tuple[str, int]:
    """Kind and number of operations one program does in ``step``.

    Args:
        step: what is done.
        constants: indices of values that are written in the text.
    """
    name = step.operation.name
    dialect, _, short = name.partition(".")
    if name in ("tt.dot", "tt.dot_scaled"):
        left = step.operation.operands[0].type
        element = element_of(left)
        kind = element.name if isinstance(element, ScalarType) else "unknown"
        passes = 1
        if kind == "f32":
            precision = str(step.operation.attributes.get("inputPrecision", "ieee")).lower()
            kind, passes = INPUT_PRECISIONS.get(precision, (kind, passes))
        depth = left.shape[-1] if isinstance(left, TensorType) else 1
        if name == "tt.dot_scaled":
            packed = step.operation.attributes.get("lhs") == "e2m1"
            depth *= 2 if packed and step.operation.attributes.get("lhs_k_pack", True) else 1
            kind = "bf16"  # what it is lowered to before Blackwell
        return f"dot_{kind}", passes * 2 * depth * torch.Size(step.shape).numel()
    if name in ("tt.reduce", "tt.scan"):
        operations = len(step.regions[0][0].steps)
        source = torch.Size(shape_of(step.operation.operands[0].type)).numel()
        lanes = source - torch.Size(step.shape).numel() if name == "tt.reduce" else source
        return _class_of(step), operations * max(lanes, 0)
    if name == "tt.map_elementwise":
        operations = sum(len(block.steps) for block in step.regions[0])
        return _class_of(step), operations * torch.Size(step.shape).numel()
    if name == "tt.extern_elementwise" or (dialect == "math" and short in SPECIAL):
        lanes = torch.Size(step.shape).numel()
        return ("double", DOUBLE_SPECIAL * lanes) if _class_of(step) == "double" else ("special", lanes)
    if dialect == "arith" and short in DIVISIONS:
        known = step.operation.operands[-1].index in constants
        return "integer", (DIVISION_BY_CONSTANT if known else DIVISION) * torch.Size(step.shape).numel()
    if name in _FREE or (dialect not in ("arith", "math") and name not in ("tt.clampf", "tt.mulhiui", "tt.addptr")):
        return "integer", 0
    return _class_of(step), torch.Size(step.shape).numel() * (2 if short == "fma" else 1)


def _class_of(step: Step) -> str:
    operands = step.operation.operands or step.operation.results
    element = element_of(operands[-1].type)
    if not isinstance(element, ScalarType) or not element.is_float:
        return "integer"
    return "double" if element.name == "f64" else "float"
