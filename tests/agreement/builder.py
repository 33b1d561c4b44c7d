"""Writes a kernel line by line and remembers which values it has made."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import torch

from tests.agreement.case import Argument, Case, special_floats, special_integers
from tests.agreement.choices import Choices
from tests.agreement.kinds import BF16, BOOL, EXACT, INT32, STORED, Grid, Kind, Rule, Variable

SHAPES = ((8,), (4, 8), (16,), (), (2,), (8, 2), (1, 8), (4, 1), (2, 4, 2), (4, 4), (64,), (1,), (16, 16))
LARGEST = 1024
"""Elements of the largest tensor."""
HEADER = "import triton\nimport triton.language as tl\n"


def index_of(shape: tuple[int, ...], strides: Sequence[int] | None = None) -> str:
    """An expression for ``sum(i_k * strides[k])``, row-major by default."""
    if not shape:
        return "0"
    if strides is None:
        strides = [torch.Size(shape[axis + 1 :]).numel() for axis in range(len(shape))]
    terms = []
    for axis, (size, stride) in enumerate(zip(shape, strides, strict=True)):
        places = ", ".join(":" if other == axis else "None" for other in range(len(shape)))
        lanes = f"tl.arange(0, {size})" + (f"[{places}]" if len(shape) > 1 else "")
        terms.append(f"{lanes} * {stride}")
    return " + ".join(terms)


class Builder:
    """One kernel in the making.

    Args:
        choices: where decisions come from.
        grid: programs along x, y and z.
    """

    def __init__(self, choices: Choices, grid: tuple[int, int, int]) -> None:
        self.choices = choices
        self.grid = grid
        self.programs = grid[0] * grid[1] * grid[2]
        self.scope: list[Variable] = []
        self.loops: list[tuple[str, int]] = []
        """Enclosing loop variables with their largest values."""
        self.operations: Counter[str] = Counter()
        self.functions: list[str] = []
        self.inside_function = False
        self._lines: list[str] = []
        self._indent = 1
        self._arguments: list[Argument] = []
        self._rules: dict[str, Rule] = {}
        self._names = 0

    # -- text --------------------------------------------------------------------------------------------------------

    def emit(self, line: str) -> None:
        self._lines.append("    " * self._indent + line)

    def name(self, stem: str = "v") -> str:
        self._names += 1
        return f"{stem}{self._names}"

    @contextmanager
    def nested(self) -> Iterator[None]:
        """A block of its own: indented, its variables end with it."""
        known = len(self.scope)
        self._indent += 1
        yield
        self._indent -= 1
        del self.scope[known:]

    @contextmanager
    def function(self, parameters: list[Variable]) -> Iterator[list[str]]:
        """The body of a device function; gives the list that receives its lines."""
        kept = (self._lines, self._indent, self.scope, self.loops, self.inside_function)
        self._lines, self._indent, self.scope, self.loops, self.inside_function = [], 1, list(parameters), [], True
        body = self._lines
        yield body
        self._lines, self._indent, self.scope, self.loops, self.inside_function = kept

    # -- values ------------------------------------------------------------------------------------------------------

    def define(
        self,
        expression: str,
        kind: Kind,
        shape: tuple[int, ...],
        operation: str,
        *,
        grid: Grid | None = None,
        rule: Rule = EXACT,
    ) -> Variable:
        """Assigns an expression to a new variable, converted to ``kind``, and stores it where that is possible."""
        known = grid if grid is not None and kind.floating and grid.fits(kind) else None
        variable = Variable(self.name(), kind, shape, known, rule)
        self.operations[operation] += 1
        cast = f"({expression}).to(tl.{kind.name})" if kind != BF16 else expression
        self.emit(f"{variable.name} = {cast}")
        self.keep(variable)
        return variable

    def keep(self, variable: Variable) -> None:
        """Makes a variable known to later statements and, at the top level, an output."""
        if variable.rule == EXACT:
            self.scope.append(variable)
        if self._indent == 1 and not self.inside_function:
            self.store(variable)

    def store(self, variable: Variable) -> None:
        """Stores a variable to an output of its own."""
        size = self.programs * variable.numel
        out = self.buffer(f"o_{variable.name}", variable.kind, size, flavour="zeros")
        self._rules[out] = variable.rule
        where = f"{out} + pid * {variable.numel}" + (f" + {index_of(variable.shape)}" if variable.shape else "")
        self.emit(f"tl.store({where}, {variable.name})")

    def buffer(self, name: str, kind: Kind, size: int, *, flavour: str) -> str:
        """A tensor argument; ``flavour`` says what is in it."""
        self._arguments.append(Argument(name, f"*{kind.code}", self._data(kind, size, flavour)))
        return name

    def number(self, value: int) -> str:
        """An integer argument."""
        name = self.name("n")
        self._arguments.append(Argument(name, "i32", value))
        return name

    def _data(self, kind: Kind, size: int, flavour: str) -> torch.Tensor:
        if flavour == "zeros":
            return torch.zeros(size, dtype=kind.dtype)
        generator = torch.Generator().manual_seed(self.choices.integer(0, 2**16))
        if kind == BOOL:
            return torch.randint(0, 2, (size,), generator=generator).bool()
        if flavour == "small":
            low = 0 if kind.family == "unsigned" else -64
            whole = torch.randint(low, 64, (size,), generator=generator)
            return (whole / 8).to(kind.dtype) if kind.floating else whole.to(kind.dtype)
        special = torch.rand(size, generator=generator) < 0.25
        pick = torch.randint(0, 2**20, (size,), generator=generator)
        if kind.floating:
            odd = special_floats(kind.dtype)
            plain = (torch.randn(size, generator=generator, dtype=torch.float64) * 3).to(kind.dtype)
            return torch.where(special, odd[pick % odd.numel()], plain) if flavour == "wild" else plain
        signed = torch.randint(-(2**63), 2**63 - 1, (size,), generator=generator)
        odd = special_integers(kind.dtype).to(torch.int64)
        return torch.where(special, odd[pick % odd.numel()], signed).to(kind.dtype)

    # -- operands ----------------------------------------------------------------------------------------------------

    def shape(self) -> tuple[int, ...]:
        return self.choices.pick(SHAPES)

    def operand(
        self, kinds: Sequence[Kind], fits: Callable[[Variable], bool] = lambda v: True, shape: tuple[int, ...] = (8,)
    ) -> Variable:
        """A known variable of one of these kinds that ``fits``; if there is none, a new one of ``shape``."""
        found = [v for v in self.scope if v.kind in kinds and fits(v)]
        if found and not self.choices.chance(10):
            return found[-1 - self.choices.integer(0, len(found) - 1)]
        return self.made(self.choices.pick(kinds), shape)

    def made(self, kind: Kind, shape: tuple[int, ...]) -> Variable:
        """A new variable without an operand: a load, or a function of lanes and program where nothing can be loaded."""
        if kind in STORED and not self.inside_function:
            flavour = self.choices.pick(("small", "plain", "wild"))
            extent = self.programs * torch.Size(shape).numel()
            source = self.buffer(self.name("x"), kind, extent, flavour=flavour)
            where = f"{source} + pid * {torch.Size(shape).numel()}" + (f" + {index_of(shape)}" if shape else "")
            grid = Grid(-3, 8.0) if flavour == "small" and kind.floating else None
            return self.define(f"tl.load({where})", kind, shape, "load", grid=grid)
        if kind == BF16:
            return self.define(f"tl.zeros({list(shape)}, tl.bfloat16)", kind, shape, "zeros", grid=Grid(0, 0.0))
        lanes = f"({index_of(shape)} + tl.program_id(0)) % 7"
        if kind == BOOL:
            return self.define(f"({lanes}) > 2", kind, shape, "arange")
        return self.define(lanes, kind, shape, "arange", grid=Grid(0, 7.0))

    def broadcastable(self, shape: tuple[int, ...]) -> Callable[[Variable], bool]:
        """Whether a variable and one of ``shape`` combine to at most `LARGEST` elements."""

        def fits(other: Variable) -> bool:
            return joined(shape, other.shape) is not None

        return fits

    def condition(self) -> str:
        """A scalar that may differ between programs."""
        scalars = [v for v in self.scope if v.kind == BOOL and not v.shape]
        if scalars and self.choices.chance(50):
            return scalars[-1 - self.choices.integer(0, len(scalars) - 1)].name
        number = self.small_scalar(4)
        return f"{number} {self.choices.pick(('==', '<', '>='))} {self.choices.integer(0, 3)}"

    def small_scalar(self, below: int) -> str:
        """A scalar expression in ``[0, below)``, ``below`` a power of two, equal for all programs or not."""
        how = self.choices.integer(0, 3)
        if how == 0:
            return str(self.choices.integer(0, below - 1))
        if how == 1 and not self.inside_function:
            return self.number(self.choices.integer(0, below - 1))
        if how == 2:
            return f"(tl.program_id({self.choices.integer(0, 2)}) % {below})"
        scalar = self.operand((INT32,), lambda v: not v.shape, ())
        return f"({scalar.name} & {below - 1})"

    # -- the end -----------------------------------------------------------------------------------------------------

    def case(self) -> Case:
        """The kernel with its arguments."""
        parameters = ", ".join(argument.name for argument in self._arguments)
        body = "\n".join(self._lines)
        kernel = f"@triton.jit\ndef kernel({parameters}):\n    {PID}\n{body}\n"
        source = "\n\n".join([HEADER, *self.functions, kernel])
        return Case(source, tuple(self._arguments), self.grid, self._rules, self.operations)


PID = "pid = tl.program_id(0) + tl.num_programs(0) * (tl.program_id(1) + tl.num_programs(1) * tl.program_id(2))"


def joined(a: tuple[int, ...], b: tuple[int, ...]) -> tuple[int, ...] | None:
    """The shape that two shapes broadcast to (a scalar with anything, otherwise of equal rank)."""
    if not a or not b:
        return a or b
    if len(a) != len(b) or any(x != y and 1 not in (x, y) for x, y in zip(a, b, strict=True)):
        return None
    shape = tuple(max(x, y) for x, y in zip(a, b, strict=True))
    return shape if torch.Size(shape).numel() <= LARGEST else None
