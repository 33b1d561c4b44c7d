"""Statements that touch memory: strided, masked and gathered loads, masked stores, atomics, descriptors."""

import torch

from tests.agreement.builder import Builder, index_of
from tests.agreement.kinds import (
    BF16,
    BOOL,
    FP16,
    FP32,
    FP64,
    INT32,
    INT64,
    INTEGERS,
    STORED,
    UINT32,
    UINT64,
    Grid,
    Kind,
    Variable,
)

SHAPES = ((16,), (8,), (4, 8), (2, 4, 2), (8, 1), (32,))


def _offsets(b: Builder, shape: tuple[int, ...]) -> tuple[str, int]:
    """A strided offset of at least 0 that depends on the program and enclosing loops, and one more than its largest."""
    strides, start = [], b.choices.integer(0, 3)
    reach = start
    for size in shape:
        stride = b.choices.pick((1, size, 0, 2, 5, -1))
        strides.append(stride)
        start += (size - 1) * -stride if stride < 0 else 0
        reach += (size - 1) * abs(stride)
    step = b.choices.pick((torch.Size(shape).numel(), 1, 0, 3))
    text = f"{start} + {index_of(shape, strides)} + pid * {step}"
    reach += (b.programs - 1) * step
    for name, largest in b.loops:
        text += f" + {name} * {step}"
        reach += largest * step
    return text, reach + 1


def strided(b: Builder) -> None:
    """A load whose mask, if it has one, is what keeps it inside its buffer."""
    kind, shape = b.choices.pick(STORED), b.choices.pick(SHAPES)
    text, reach = _offsets(b, shape)
    flavour = b.choices.pick(("small", "plain", "wild"))
    grid = Grid(-3, 8.0) if flavour == "small" and kind.floating else None
    offsets = b.name("p")
    b.emit(f"{offsets} = {text}")
    if not b.choices.chance(60):
        source = b.buffer(b.name("x"), kind, reach, flavour=flavour)
        b.define(f"tl.load({source} + {offsets})", kind, shape, "load strided", grid=grid)
        return
    size = b.choices.integer(1, reach)
    source = b.buffer(b.name("x"), kind, size, flavour=flavour)
    limit = b.number(size) if b.choices.chance(50) else str(size)
    other = _other(b, kind, shape)
    text = f"tl.load({source} + {offsets}, mask={offsets} < {limit}, other={other})"
    b.define(text, kind, shape, "load masked", grid=grid if other == "0" else None)


def _other(b: Builder, kind: Kind, shape: tuple[int, ...]) -> str:
    if kind == BF16 or b.choices.chance(50):
        return "0"
    return b.operand((kind,), lambda v: v.shape == shape, shape).name


def gathered(b: Builder) -> None:
    """A load at computed places, all or some of them."""
    kind, size = b.choices.pick(STORED), b.choices.pick((64, 16, 128))
    index = b.operand(INTEGERS, shape=b.choices.pick(SHAPES))
    source = b.buffer(b.name("x"), kind, size, flavour=b.choices.pick(("small", "plain", "wild")))
    place = f"{source} + ({index.name}.to(tl.int32) & {size - 1})"
    if not index.shape or b.choices.chance(40):
        b.define(f"tl.load({place})", kind, index.shape, "load gathered")
        return
    mask = b.operand((BOOL,), lambda v: v.shape == index.shape, index.shape)
    other = _other(b, kind, index.shape)
    b.define(f"tl.load({place}, mask={mask.name}, other={other})", kind, index.shape, "load gathered masked")


def masked_store(b: Builder) -> None:
    """A store of some lanes, transposed or not; the others keep what was there."""
    x = b.operand(STORED, lambda v: v.shape != (), b.choices.pick(SHAPES))
    mask = b.operand((BOOL,), lambda v: v.shape == x.shape, x.shape)
    out = b.buffer(b.name("s"), x.kind, b.programs * x.numel, flavour="plain")
    strides = None
    if len(x.shape) == 2 and b.choices.chance(50):
        strides = (1, x.shape[0])
    b.operations["store masked"] += 1
    b.emit(f"tl.store({out} + pid * {x.numel} + {index_of(x.shape, strides)}, {x.name}, mask={mask.name})")


def walk(b: Builder) -> None:
    """Pointers that a loop carries, moved by a constant or by an argument."""
    if b.inside_function:
        return
    kind, shape = b.choices.pick((FP32, INT32, INT64, FP16)), b.choices.pick(SHAPES)
    text, reach = _offsets(b, shape)
    pace = b.choices.pick((1, 4, torch.Size(shape).numel()))
    step = b.number(pace) if b.choices.chance(50) else str(pace)
    source = b.buffer(b.name("x"), kind, reach + 3 * pace, flavour="plain")
    pointer, total, counter = b.name("p"), b.name("c"), b.name("i")
    bound = b.small_scalar(4)
    b.operations["for with pointers"] += 1
    b.emit(f"{pointer} = {source} + ({text})")
    b.emit(f"{total} = tl.zeros({list(shape)}, tl.{kind.name})")
    b.emit(f"for {counter} in range(0, {bound}):")
    b.emit(f"    {total} = {total} + tl.load({pointer})")
    b.emit(f"    {pointer} += {step}")
    b.keep(Variable(total, kind, shape))


def atomic(b: Builder) -> None:
    """Updates of one buffer by all programs that commute, or that are used on a grid whose order both engines share."""
    used = b.grid[1] == b.grid[2] == 1 and not b.loops and b.choices.chance(50)
    kind = b.choices.pick(
        (INT32, INT64, UINT32, UINT64, FP32, FP64, FP16) if not used else (INT32, UINT32, INT64, FP32)
    )
    names = ["add"] if kind.floating else ["add", "max", "min", "and", "or", "xor"]
    name = b.choices.pick(names + (["xchg"] if used and not kind.floating else []))
    size = b.choices.pick((1, 4, 16))
    index = b.operand((INT32,), lambda v: v.shape != (), b.choices.pick(((8,), (4, 8))))
    value = b.operand((kind,), lambda v: v.shape == index.shape, index.shape)
    if kind.floating:
        source = b.operand(INTEGERS, lambda v: v.shape == index.shape, index.shape)
        value = b.define(
            f"({source.name} & 7).to(tl.{kind.name})", kind, index.shape, "small floats", grid=Grid(0, 7.0)
        )
    out = b.buffer(b.name("a"), kind, size, flavour="small")
    mask = ""
    if b.choices.chance(40):
        mask = f", mask={b.operand((BOOL,), lambda v: v.shape == index.shape, index.shape).name}"
    call = f"tl.atomic_{name}({out} + ({index.name} & {size - 1}), {value.name}{mask})"
    if used and not mask:
        b.define(call, kind, index.shape, f"atomic_{name} {kind.name} used")
        return
    b.operations[f"atomic_{name} {kind.name}"] += 1
    b.emit(call)


def compare_and_swap(b: Builder) -> None:
    """``tl.atomic_cas`` on one place by all programs in order."""
    if b.loops or b.grid[1:] != (1, 1):
        return
    kind = b.choices.pick((INT32, INT64))
    expected = b.operand((kind,), lambda v: v.shape == (), ())
    new = b.operand((kind,), lambda v: v.shape == (), ())
    out = b.buffer(b.name("a"), kind, 1, flavour="small")
    b.define(f"tl.atomic_cas({out}, {expected.name} & 3, {new.name} & 3)", kind, (), f"atomic_cas {kind.name}")


def descriptor(b: Builder) -> None:
    """A tensor descriptor's block, partly outside the tensor, loaded and stored elsewhere."""
    if b.inside_function:
        return
    kind = b.choices.pick((FP32, INT32, FP16))
    rows, columns = b.choices.integer(1, 9), b.choices.pick((16, 8, 24))
    source = b.buffer(b.name("x"), kind, rows * columns, flavour="plain")
    shape = (b.choices.pick((4, 2, 8)), b.choices.pick((8, 16)))
    name = b.name("d")
    b.emit(f"{name} = tl.make_tensor_descriptor({source}, [{rows}, {columns}], [{columns}, 1], {list(shape)})")
    place = f"[pid % 3 + {b.choices.integer(-1, 2)}, {b.choices.pick((0, 8, 16))}]"
    loaded = b.define(f"{name}.load({place})", kind, shape, "descriptor load")
    if b.choices.chance(50) and b.programs == 1:
        out = b.buffer(b.name("s"), kind, rows * columns, flavour="plain")
        b.operations["descriptor store"] += 1
        b.emit(f"{name}s = tl.make_tensor_descriptor({out}, [{rows}, {columns}], [{columns}, 1], {list(shape)})")
        b.emit(f"{name}s.store({place}, {loaded.name})")


STATEMENTS = (strided, strided, gathered, walk, masked_store, atomic, descriptor, compare_and_swap)
