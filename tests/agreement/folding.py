"""Statements that combine lanes: reductions, scans, products of matrices, histograms, sorting.

Float sums whose order matters are compared relative to the sum of magnitudes, which the kernel computes, too. Where
operands are multiples of a power of two that leave room, every order gives the same bits, and those are compared.
"""

from tests.agreement.builder import Builder
from tests.agreement.kinds import (
    BOOL,
    FP16,
    FP32,
    FP64,
    INT8,
    INT32,
    INT64,
    INTEGERS,
    NUMBERS,
    UINT32,
    UINT64,
    Grid,
    Kind,
    Rule,
    Variable,
)

SMALL = 64
"""Elements up to which the interpreter's one-by-one reductions are quick enough."""
COMBINES = {
    "product": "a * b",
    "both": "a & b",
    "either": "a | b",
    "least": "tl.minimum(a, b)",
    "last": "b",
    "affine": "a + b + 3",
}
"""Associative functions of two integers."""
PAIRS = {
    "recurrence": ("a0, a1, b0, b1", "a0 * b0, a1 * b0 + b1"),
    "segments": ("a0, a1, b0, b1", "a0 | b0, tl.where(b0 != 0, b1, a1 + b1)"),
    "leftmost": ("a0, a1, b0, b1", "tl.where(b0 > a0, b0, a0), tl.where(b0 > a0, b1, a1)"),
}
"""Associative functions of pairs of integers."""


def _axis(b: Builder, x: Variable, *, none: bool = True, keep: bool = False) -> tuple[str, tuple[int, ...], int]:
    """An axis as text, the shape without it (or with size 1 there, if ``keep`` and so decided), and its length."""
    kept = keep and b.choices.chance(25)
    suffix = ", keep_dims=True" if kept else ""
    if none and b.choices.chance(25):
        return f"None{suffix}", (1,) * len(x.shape) if kept else (), x.numel
    axis = b.choices.integer(0, len(x.shape) - 1)
    middle = (1,) if kept else ()
    return f"{axis}{suffix}", (*x.shape[:axis], *middle, *x.shape[axis + 1 :]), x.shape[axis]


def _input(b: Builder, kinds: tuple[Kind, ...], largest: int = 1024) -> Variable:
    return b.operand(kinds, lambda v: v.shape != () and v.numel <= largest, b.choices.pick(((8,), (4, 8), (2, 4, 2))))


def wide(kind: Kind) -> Kind:
    """The type that sums of small integers have."""
    if kind.integer and kind.bits < 32:
        return INT32 if kind.family == "signed" else UINT32
    return kind


def total(b: Builder) -> None:
    """``tl.sum``."""
    x = _input(b, NUMBERS)
    axis, shape, length = _axis(b, x, keep=True)
    text = f"tl.sum({{}}, axis={axis})"
    label = f"sum {x.kind.name}"
    if not x.kind.floating:
        b.define(text.format(x.name), wide(x.kind), shape, label)
        return
    grid = None if x.grid is None else Grid(x.grid.step, x.grid.largest * length)
    _ordered(b, x, shape, text, label, grid, length)


def _ordered(
    b: Builder, x: Variable, shape: tuple[int, ...], text: str, label: str, grid: Grid | None, length: int
) -> None:
    """A float sum: exact if ``grid`` fits, else within ``length`` roundings of the sum of magnitudes."""
    if grid is not None and grid.fits(x.kind):
        b.define(text.format(x.name), x.kind, shape, label + " exact", grid=grid)
        return
    magnitudes = text.format(f"tl.abs({x.name})")
    scale = b.define(magnitudes, x.kind, shape, "sum of magnitudes", rule=Rule(ulps=2 * length))
    rule = Rule(factor=2.0 * length * 2.0**-x.kind.mantissa, scale=f"o_{scale.name}")
    b.define(text.format(x.name), x.kind, shape, label, rule=rule)


def extreme(b: Builder) -> None:
    """``tl.max`` and ``tl.min``, which ignore NaN; negative zeros are made positive first."""
    x = _input(b, NUMBERS)
    axis, shape, _ = _axis(b, x, keep=True)
    name = b.choices.pick(("max", "min"))
    kind = wide(x.kind) if x.kind.integer else FP32 if x.kind == FP16 else x.kind
    source = f"{x.name} + 0.0" if x.kind.floating else x.name
    if x.kind.family == "unsigned" and x.kind.bits < 32:
        kind = INT32
    b.define(f"tl.{name}({source}, axis={axis})", kind, shape, f"{name} {x.kind.name}", grid=x.grid)


def arg_extreme(b: Builder) -> None:
    """``tl.argmax``, ``tl.argmin`` and maxima with indices; ties go to the left, no NaN."""
    x = _input(b, NUMBERS)
    axis, shape, _ = _axis(b, x, none=False, keep=True)
    name = b.choices.pick(("max", "min"))
    source = f"tl.where({x.name} == {x.name}, {x.name} + 0.0, 0.0)" if x.kind.floating else x.name
    if b.choices.chance(50):
        b.define(f"tl.arg{name}({source}, axis={axis})", INT32, shape, f"arg{name} {x.kind.name}")
        return
    kind = wide(x.kind) if x.kind.integer else FP32 if x.kind == FP16 else x.kind
    if x.kind.family == "unsigned" and x.kind.bits < 32:
        kind = INT32
    value, index = b.name(), b.name()
    b.operations[f"{name} with indices {x.kind.name}"] += 1
    b.emit(f"{value}, {index} = tl.{name}({source}, axis={axis}, return_indices=True)")
    b.emit(f"{value} = {value}.to(tl.{kind.name})")
    b.keep(Variable(value, kind, shape))
    b.keep(Variable(index, INT32, shape))


def exclusive(b: Builder) -> None:
    """``tl.xor_sum``; the interpreter knows no sizes of one that folds all axes and keeps them."""
    x = _input(b, INTEGERS, SMALL)
    axis, shape, _ = _axis(b, x, keep=True)
    if axis.startswith("None"):
        axis, shape = "None", ()
    b.define(f"tl.xor_sum({x.name}, axis={axis})", x.kind, shape, "xor_sum")


def _function(b: Builder, name: str, parameters: str, result: str) -> str:
    text = f"@triton.jit\ndef {name}({parameters}):\n    return {result}\n"
    if text not in b.functions:
        b.functions.append(text)
    return name


def custom_reduce(b: Builder) -> None:
    """``tl.reduce`` with a function of our own, of one or two tensors."""
    x = _input(b, (INT32, INT64, UINT32, UINT64), SMALL)
    axis, shape, _ = _axis(b, x, none=False)
    if b.choices.chance(50):
        name = b.choices.pick(tuple(COMBINES))
        function = _function(b, name, "a, b", COMBINES[name])
        b.define(f"tl.reduce({x.name}, {axis}, {function})", x.kind, shape, f"reduce {name}")
        return
    _two(b, x, shape, f"tl.reduce(({{}}), {axis}, {{}})", "reduce")


def custom_scan(b: Builder) -> None:
    """``tl.associative_scan`` with a function of our own, in either direction."""
    x = _input(b, (INT32, INT64, UINT32, UINT64), SMALL)
    axis, _, _ = _axis(b, x, none=False)
    reverse = b.choices.chance(33)
    if b.choices.chance(50):
        name = b.choices.pick(tuple(COMBINES))
        function = _function(b, name, "a, b", COMBINES[name])
        text = f"tl.associative_scan({x.name}, {axis}, {function}, reverse={reverse})"
        b.define(text, x.kind, x.shape, f"scan {name}{' reverse' * reverse}")
        return
    _two(b, x, x.shape, f"tl.associative_scan(({{}}), {axis}, {{}}, reverse={reverse})", "scan")


def _two(b: Builder, x: Variable, shape: tuple[int, ...], text: str, label: str) -> None:
    y = b.operand((x.kind,), lambda v: v.shape == x.shape, x.shape)
    name = b.choices.pick(tuple(PAIRS))
    function = _function(b, name, *PAIRS[name])
    first, second = b.name(), b.name()
    b.operations[f"{label} {name}"] += 1
    b.emit(f"{first}, {second} = {text.format(f'{x.name}, {y.name}', function)}")
    b.keep(Variable(first, x.kind, shape))
    b.keep(Variable(second, x.kind, shape))


def cumulative(b: Builder) -> None:
    """``tl.cumsum`` and ``tl.cumprod``, forward and backward."""
    x = _input(b, (INT32, INT64, UINT32, UINT64, FP32, FP64))
    axis, _, length = _axis(b, x, none=False)
    reverse = b.choices.chance(33)
    if not x.kind.floating:
        name = b.choices.pick(("cumsum", "cumprod"))
        b.define(f"tl.{name}({x.name}, {axis}, reverse={reverse})", x.kind, x.shape, f"{name} {x.kind.name}")
        return
    if b.choices.chance(33):
        source = f"tl.where({x.name} > 0, 2.0, -0.5).to(tl.{x.kind.name})"
        b.define(f"tl.cumprod({source}, {axis}, reverse={reverse})", x.kind, x.shape, "cumprod of powers of two")
        return
    grid = None if x.grid is None else Grid(x.grid.step, x.grid.largest * length)
    _ordered(b, x, x.shape, f"tl.cumsum({{}}, {axis}, reverse={reverse})", f"cumsum {x.kind.name}", grid, length)


def product(b: Builder) -> None:
    """``tl.dot`` with IEEE inputs."""
    kind = b.choices.pick((FP16, FP32, INT8))
    m, n, k = b.choices.pick(((16, 16, 16), (16, 32, 16), (32, 16, 32)))
    if kind == INT8:
        k = 32
    x = b.operand((kind,), lambda v: v.shape == (m, k), (m, k))
    y = b.operand((kind,), lambda v: v.shape == (k, n), (k, n))
    if x.shape != (m, k) or y.shape != (k, n):
        return
    text = "tl.dot({}, {}, input_precision='ieee')"
    if kind == INT8:
        b.define(f"tl.dot({x.name}, {y.name})", INT32, (m, n), "dot int8")
        return
    grid = None
    if x.grid is not None and y.grid is not None:
        grid = Grid(x.grid.step + y.grid.step, x.grid.largest * y.grid.largest * k)
    if grid is not None and grid.fits(FP32):
        b.define(text.format(x.name, y.name), FP32, (m, n), f"dot {kind.name} exact", grid=grid)
        return
    magnitudes = text.format(f"tl.abs({x.name})", f"tl.abs({y.name})")
    scale = b.define(magnitudes, FP32, (m, n), "dot of magnitudes", rule=Rule(ulps=2 * k + 2))
    rule = Rule(factor=(2 * k + 2) * 2.0**-24, scale=f"o_{scale.name}")
    b.define(text.format(x.name, y.name), FP32, (m, n), f"dot {kind.name}", rule=rule)


def histogram(b: Builder) -> None:
    """``tl.histogram``; values outside the bins are dropped."""
    x = b.operand((INT32,), lambda v: len(v.shape) == 1 and v.numel > 1, (16,))
    if len(x.shape) != 1:
        return
    bins = b.choices.pick((4, 16))
    source = x.name if b.choices.chance(30) else f"{x.name} & {2 * bins - 1}"
    mask = b.operand((BOOL,), lambda v: v.shape == x.shape, x.shape) if b.choices.chance(40) else None
    given = f", mask={mask.name}" if mask is not None else ""
    b.define(f"tl.histogram({source}, {bins}{given})", INT32, (bins,), "histogram")


def sort(b: Builder) -> None:
    """``tl.sort``."""
    x = _input(b, (INT32, INT64, UINT32, FP32), 32)
    if x.shape[-1] == 1:
        return
    source = f"tl.where({x.name} == {x.name}, {x.name} + 0.0, 0.0)" if x.kind.floating else x.name
    descending = b.choices.chance(40)
    text = f"tl.sort({source}, {len(x.shape) - 1}, descending={descending})"
    b.define(text, x.kind, x.shape, f"sort {x.kind.name}")


STATEMENTS = (
    total,
    total,
    extreme,
    arg_extreme,
    cumulative,
    cumulative,
    exclusive,
    custom_reduce,
    custom_scan,
    product,
    histogram,
    sort,
)
