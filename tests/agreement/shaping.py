"""Statements that move elements without computing."""

from tests.agreement.builder import LARGEST, Builder
from tests.agreement.kinds import BF16, BOOL, INT32, INTEGERS, NUMBERS, Variable

ANY = (*NUMBERS, BF16, BOOL)


def _tensor(b: Builder, *, even: bool = False) -> Variable:
    """A tensor; ``even``: with a last axis of size 2."""
    if even:
        return b.operand(NUMBERS, lambda v: v.shape != () and v.shape[-1] == 2, (8, 2))
    return b.operand(ANY, lambda v: v.shape != (), b.choices.pick(((8,), (4, 8), (2, 4, 2))))


def expand_dims(b: Builder) -> None:
    x = _tensor(b)
    if len(x.shape) == 3:
        return
    axis = b.choices.integer(0, len(x.shape))
    shape = (*x.shape[:axis], 1, *x.shape[axis:])
    b.define(f"tl.expand_dims({x.name}, {axis})", x.kind, shape, "expand_dims", grid=x.grid)


def broadcast(b: Builder) -> None:
    x = b.operand(ANY, lambda v: 1 in v.shape, (8, 1))
    sizes = tuple(n if n > 1 else b.choices.pick((4, 2, 8)) for n in x.shape)
    if x.numel * 64 > LARGEST * 4:
        return
    text = f"tl.broadcast_to({x.name}, {', '.join(map(str, sizes))})"
    b.define(text, x.kind, sizes, "broadcast_to", grid=x.grid)


def splat(b: Builder) -> None:
    x = b.operand(NUMBERS, lambda v: v.shape == (), ())
    shape = b.choices.pick(((8,), (4, 8), (2, 2, 2)))
    b.define(f"tl.broadcast_to({x.name}, {', '.join(map(str, shape))})", x.kind, shape, "splat", grid=x.grid)


def reshape(b: Builder) -> None:
    x = _tensor(b)
    shapes = [s for s in ((x.numel,), (1, x.numel), (x.numel, 1)) if s != x.shape]
    shapes += [(n, x.numel // n) for n in (2, 4) if x.numel % n == 0]
    shapes += [(2, x.numel // 4, 2)] if x.numel >= 4 else []
    shape = b.choices.pick(shapes)
    b.define(f"tl.reshape({x.name}, {', '.join(map(str, shape))})", x.kind, shape, "reshape", grid=x.grid)


def trans(b: Builder) -> None:
    x = b.operand(ANY, lambda v: len(v.shape) > 1, b.choices.pick(((4, 8), (2, 4, 2))))
    orders = ((1, 0),) if len(x.shape) == 2 else ((2, 1, 0), (0, 2, 1), (1, 0, 2), (2, 0, 1), (1, 2, 0))
    order = b.choices.pick(orders)
    shape = tuple(x.shape[axis] for axis in order)
    b.define(f"tl.permute({x.name}, {', '.join(map(str, order))})", x.kind, shape, "permute", grid=x.grid)


def join(b: Builder) -> None:
    x = _tensor(b)
    y = b.operand((x.kind,), lambda v: v.shape == x.shape, x.shape)
    if len(x.shape) == 3 or x.numel > LARGEST // 2:
        return
    name = b.choices.pick(("join", "interleave"))
    shape = (*x.shape, 2) if name == "join" else (*x.shape[:-1], x.shape[-1] * 2)
    b.define(f"tl.{name}({x.name}, {y.name})", x.kind, shape, name)


def split(b: Builder) -> None:
    x = _tensor(b, even=True)
    left, right = b.name(), b.name()
    b.operations["split"] += 1
    b.emit(f"{left}, {right} = tl.split({x.name})")
    for name in (left, right):
        b.keep(Variable(name, x.kind, x.shape[:-1], x.grid))


def cat(b: Builder) -> None:
    x = b.operand(NUMBERS, lambda v: len(v.shape) == 1, (8,))
    y = b.operand((x.kind,), lambda v: v.shape == x.shape, x.shape)
    if x.numel <= LARGEST // 2 and len(x.shape) == 1:
        b.define(f"tl.cat({x.name}, {y.name}, can_reorder=False)", x.kind, (x.numel * 2,), "cat")


def gather(b: Builder) -> None:
    x = b.operand(NUMBERS, lambda v: v.shape != (), (8,))
    axis = b.choices.integer(0, len(x.shape) - 1)
    index = b.operand(INTEGERS, lambda v: v.shape == x.shape, x.shape)
    places = b.define(f"{index.name}.to(tl.int32) & {x.shape[axis] - 1}", INT32, x.shape, "& int32")
    b.define(f"tl.gather({x.name}, {places.name}, {axis})", x.kind, x.shape, "gather", grid=x.grid)


def flip(b: Builder) -> None:
    x = b.operand(NUMBERS, lambda v: v.shape != () and 1 < v.numel <= 64, (8,))
    b.define(f"tl.flip({x.name}, {len(x.shape) - 1})", x.kind, x.shape, "flip", grid=x.grid)


STATEMENTS = (expand_dims, broadcast, reshape, trans, splat, join, split, cat, gather, flip)
