"""Statements that compute lane by lane.

What no standard defines is never generated: division by zero and of the smallest integer by -1, shifts beyond the
width, float to integer out of range, the sign of zero in minima and maxima, the bits of a NaN.
"""

from tests.agreement.builder import Builder, joined
from tests.agreement.kinds import (
    BF16,
    BOOL,
    FLOATS,
    FP16,
    FP32,
    FP64,
    INT8,
    INT16,
    INT32,
    INT64,
    INTEGERS,
    NUMBERS,
    UINT8,
    UINT16,
    UINT32,
    UINT64,
    Grid,
    Kind,
    Rule,
    Variable,
)

TRANSCENDENTAL = {
    "exp": 2,
    "exp2": 2,
    "log": 2,
    "log2": 2,
    "sin": 2,
    "cos": 2,
    "erf": 2,
    "rsqrt": 2,
    "sigmoid": 4,
}
"""Units in the last place by which both libraries together may be off, per function."""
LIMITS = {INT8: 100, UINT8: 200, INT16: 30000, UINT16: 60000}
SAME_WIDTH = (
    (INT32, UINT32, FP32),
    (INT64, UINT64, FP64),
    (INT16, UINT16, FP16, BF16),
    (INT8, UINT8),
)


def pair(b: Builder, kinds: tuple[Kind, ...]) -> tuple[Variable, Variable, tuple[int, ...]]:
    """Two variables of one kind whose shapes broadcast, and the shape of the result."""
    left = b.operand(kinds, shape=b.shape())
    fits = b.broadcastable(left.shape)
    right = b.operand((left.kind,), lambda v: fits(v), left.shape)
    shape = joined(left.shape, right.shape)
    assert shape is not None
    return left, right, shape


def integer_arithmetic(b: Builder) -> None:
    """Wrapping arithmetic and bits."""
    x, y, shape = pair(b, INTEGERS)
    operation = b.choices.pick(("+", "-", "*", "&", "|", "^"))
    b.define(f"{x.name} {operation} {y.name}", x.kind, shape, f"{operation} {x.kind.name}")


def mixed_integers(b: Builder) -> None:
    """Arithmetic between integer types, promoted as Triton promotes, then converted."""
    x = b.operand(INTEGERS, shape=b.shape())
    y = b.operand(INTEGERS, b.broadcastable(x.shape), x.shape)
    shape = joined(x.shape, y.shape)
    assert shape is not None
    kind = b.choices.pick(INTEGERS)
    operation = b.choices.pick(("+", "-", "*", "&", "|", "^"))
    b.define(f"{x.name} {operation} {y.name}", kind, shape, f"{operation} mixed integers")


def division(b: Builder) -> None:
    """``//``, ``%`` and ``cdiv`` by anything but 0 and -1."""
    x, y, shape = pair(b, INTEGERS)
    avoided = f"({y.name} == 0) | ({y.name} == -1)" if y.kind.family == "signed" else f"{y.name} == 0"
    divisor = b.define(f"tl.where({avoided}, 3, {y.name})", y.kind, y.shape, "where")
    how = b.choices.pick(("//", "%"))
    b.define(f"{x.name} {how} {divisor.name}", x.kind, shape, f"{how} {x.kind.name}")


def shift(b: Builder) -> None:
    """Shifts within the width; of signed integers to the right they are arithmetic."""
    x, y, shape = pair(b, INTEGERS)
    operation = b.choices.pick(("<<", ">>"))
    b.define(f"{x.name} {operation} ({y.name} & {x.kind.bits - 1})", x.kind, shape, f"{operation} {x.kind.name}")


def high_product(b: Builder) -> None:
    """``umulhi``."""
    x, y, shape = pair(b, (INT32, UINT32, INT64, UINT64))
    if x.shape != y.shape:
        return integer_arithmetic(b)
    b.define(f"tl.umulhi({x.name}, {y.name})", x.kind, shape, f"umulhi {x.kind.name}")
    return None


def extremum(b: Builder) -> None:
    """``minimum`` and ``maximum``; NaN loses, zeros are made positive first."""
    x, y, shape = pair(b, NUMBERS)
    zero = " + 0.0" if x.kind.floating else ""
    name = b.choices.pick(("minimum", "maximum"))
    grid = _joined_grid(x, y)
    expression = f"tl.{name}({x.name}{zero}, {y.name}{zero})"
    b.define(expression, x.kind, shape, f"{name} {x.kind.name}", grid=grid)


def clamp(b: Builder) -> None:
    """``tl.clamp`` with constant bounds."""
    x = b.operand(FLOATS, shape=b.shape())
    low, high = b.choices.pick(((-1.5, 2.0), (0.5, 1.0), (-4.0, -1.0)))
    bounds = [f"tl.full({list(x.shape)}, {v}, tl.{x.kind.name})" for v in (low, high)]
    b.define(f"tl.clamp({x.name}, {', '.join(bounds)})", x.kind, x.shape, f"clamp {x.kind.name}")


def float_arithmetic(b: Builder) -> None:
    """What IEEE 754 defines to the last bit."""
    x, y, shape = pair(b, FLOATS)
    operation = b.choices.pick(("+", "*", "-", "/"))
    grid = None
    if x.grid is not None and y.grid is not None:
        if operation == "*":
            grid = Grid(x.grid.step + y.grid.step, x.grid.largest * y.grid.largest)
        elif operation != "/":
            grid = Grid(min(x.grid.step, y.grid.step), x.grid.largest + y.grid.largest)
    b.define(f"{x.name} {operation} {y.name}", x.kind, shape, f"{operation} {x.kind.name}", grid=grid)


def mixed_floats(b: Builder) -> None:
    """Arithmetic between float types, promoted to the wider one."""
    x = b.operand(FLOATS, shape=b.shape())
    y = b.operand(FLOATS, b.broadcastable(x.shape), x.shape)
    shape = joined(x.shape, y.shape)
    assert shape is not None
    kind = max(x.kind, y.kind, key=lambda k: k.bits)
    b.define(f"{x.name} {b.choices.pick(('+', '*', '-'))} {y.name}", kind, shape, "mixed floats")


def multiply_add(b: Builder) -> None:
    """``tl.fma``: one rounding."""
    x, y, shape = pair(b, FLOATS)
    z = b.operand((x.kind,), lambda v: v.shape == shape, shape)
    if x.shape != shape or y.shape != shape:
        return float_arithmetic(b)
    b.define(f"tl.fma({x.name}, {y.name}, {z.name})", x.kind, shape, f"fma {x.kind.name}")
    return None


def exact_function(b: Builder) -> None:
    """One-operand functions that are defined to the last bit."""
    x = b.operand(NUMBERS, shape=b.shape())
    if x.kind.integer:
        name, text = b.choices.pick((("abs", f"tl.abs({x.name})"), ("-", f"-{x.name}"), ("~", f"~{x.name}")))
        b.define(text, x.kind, x.shape, f"{name} {x.kind.name}")
        return
    names = ["abs", "-"] + (["floor", "ceil", "sqrt_rn"] if x.kind != FP16 else [])
    name = b.choices.pick(names)
    if name == "sqrt_rn" and x.kind != FP32:
        name = "abs"
    text = f"-{x.name}" if name == "-" else f"tl.{name}({x.name})"
    grid = x.grid if name in ("abs", "-") else None
    b.define(text, x.kind, x.shape, f"{name} {x.kind.name}", grid=grid)


def transcendental(b: Builder) -> None:
    """Functions that no two libraries compute to the last bit; results are compared and not computed with."""
    x = b.operand((FP32, FP64), shape=b.shape())
    name = b.choices.pick(tuple(TRANSCENDENTAL))
    b.define(f"tl.{name}({x.name})", x.kind, x.shape, f"{name} {x.kind.name}", rule=Rule(ulps=TRANSCENDENTAL[name]))


def comparison(b: Builder) -> None:
    """Comparisons, ordered ones false on NaN."""
    x, y, shape = pair(b, NUMBERS)
    operation = b.choices.pick(("<", "==", "!=", "<=", ">", ">="))
    text = f"{x.name} {operation} {y.name}"
    if x.kind.floating and not shape:
        text = f"tl.where({text}, 1, 0) != 0"  # the interpreter takes such a scalar for a float where it is broadcast
    b.define(text, BOOL, shape, f"{operation} {x.kind.name}")


def logic(b: Builder) -> None:
    """Boolean algebra."""
    x, y, shape = pair(b, (BOOL,))
    operation = b.choices.pick(("&", "|", "^"))
    b.define(f"{x.name} {operation} {y.name}", BOOL, shape, f"{operation} int1")


def where(b: Builder) -> None:
    """``tl.where`` with anything to choose from."""
    x, y, shape = pair(b, (*NUMBERS, BF16, BOOL))
    condition = b.operand((BOOL,), b.broadcastable(shape), shape)
    result = joined(shape, condition.shape)
    if result is None or (x.kind == BF16 and not x.shape):
        return
    b.define(f"tl.where({condition.name}, {x.name}, {y.name})", x.kind, result, "where", grid=_joined_grid(x, y))


def cast(b: Builder) -> None:
    """Conversions; floats are brought into range before they become integers, bfloat16 is widened if not subnormal."""
    x = b.operand((*NUMBERS, BOOL, BF16), lambda v: v.kind != BF16 or v.grid is not None, b.shape())
    if x.kind == BF16:
        if x.grid is None:
            return
        b.define(f"{x.name}.to(tl.float32)", FP32, x.shape, "bfloat16 to float32", grid=x.grid)
        return
    kind = b.choices.pick((*NUMBERS, BOOL))
    label = f"{x.kind.name} to {kind.name}"
    if x.kind.floating and kind.integer:
        limit = LIMITS.get(kind, 2**30 if kind.bits == 32 else 2**60)
        if x.kind == FP16:
            limit = min(limit, 60000)
        inside = f"tl.abs({x.name}) < {float(limit)}"
        if kind.family == "unsigned":
            inside = f"({inside}) & ({x.name} >= 0.0)"
        b.define(f"tl.where({inside}, {x.name}, 0.0).to(tl.{kind.name})", kind, x.shape, label)
        return
    grid = x.grid if x.kind.floating else Grid(0, 1.0) if x.kind == BOOL else None
    b.define(f"{x.name}.to(tl.{kind.name})", kind, x.shape, label, grid=grid)


def bitcast(b: Builder) -> None:
    """The same bits as another type; of floats only where none can be NaN."""
    x = b.operand((*NUMBERS, BF16), lambda v: v.grid is not None or v.kind.integer, b.shape())
    if x.kind.floating and x.grid is None:
        return
    group = next(group for group in SAME_WIDTH if x.kind in group)
    kind = b.choices.pick([k for k in group if k != x.kind])
    b.define(f"{x.name}.to(tl.{kind.name}, bitcast=True)", kind, x.shape, f"bitcast {x.kind.name} to {kind.name}")


def small_floats(b: Builder) -> None:
    """Floats whose sums are exact in any order."""
    x = b.operand(INTEGERS, shape=b.shape())
    kind = b.choices.pick(FLOATS)
    b.define(f"({x.name} & 15).to(tl.{kind.name}) * 0.25", kind, x.shape, "small floats", grid=Grid(-2, 4.0))


def random_bits(b: Builder) -> None:
    """``tl.randint`` and ``tl.rand``: Philox."""
    x = b.operand((INT32,), lambda v: v.shape != (), (8,))
    if b.choices.chance(50):
        b.define(f"tl.rand({b.choices.integer(0, 9)}, {x.name})", FP32, x.shape, "rand")
    else:
        b.define(f"tl.randint({b.choices.integer(0, 9)}, {x.name})", INT32, x.shape, "randint")


def _joined_grid(x: Variable, y: Variable) -> Grid | None:
    if x.grid is None or y.grid is None:
        return None
    return Grid(min(x.grid.step, y.grid.step), max(x.grid.largest, y.grid.largest))


STATEMENTS = (
    integer_arithmetic,
    float_arithmetic,
    comparison,
    where,
    cast,
    exact_function,
    integer_arithmetic,
    float_arithmetic,
    extremum,
    bitcast,
    division,
    shift,
    logic,
    mixed_integers,
    mixed_floats,
    small_floats,
    clamp,
    multiply_add,
    high_product,
    transcendental,
    random_bits,
)
