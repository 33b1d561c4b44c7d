"""How many bytes one program of a kernel holds at most: what a chunk of programs may cost follows from it.

An upper bound by liveness, before anything runs. Types give sizes, as if nothing were lazy or shared between programs;
every operation adds what it needs while it runs; a region adds copies of outer values, because programs that leave it
at different times are put together from rows.
"""

from collections.abc import Iterator

from sandboxes.ttir.engine.plan import BlockPlan, BodyPlan, Step
from sandboxes.ttir.ir import DescriptorType, ScalarType, TensorType, Type, Value

WORD = 8
"""Bytes of a pointer, an index, or a part of a descriptor."""

TEMPORARY_BYTES = 48
"""Bytes per element that an operation needs besides its operands and results: six words, as many as the widest
emulations (unsigned 64-bit products, conversions) hold."""

ACCESS_BYTES = 96
"""The same for an access that gathers or scatters: offsets, masks, positions along every axis."""

ATOMIC_BYTES = 192
"""The same for atomics, which sort their lanes."""

_MOVING = ("tt.splat", "tt.broadcast", "tt.expand_dims", "tt.trans", "arith.constant", "tt.make_range")
"""Operations that make views or constants."""


def bytes_of(kind: Type) -> int:
    """Bytes of a value of one program, if nothing of it is lazy."""
    if isinstance(kind, DescriptorType):
        return 4 * WORD * max(1, len(kind.block.shape))
    if isinstance(kind, TensorType):
        return kind.numel * (max(8, kind.element.bits) // 8 if isinstance(kind.element, ScalarType) else WORD)
    return WORD


def footprint(body: BodyPlan) -> int:
    """The most bytes that one program holds at a time while it runs a function."""
    counting = _Footprint()
    return max(1, counting.body(body) + counting.kept)


class _Footprint:
    def __init__(self) -> None:
        self._known: dict[int, int] = {}
        self.kept = 0
        """Bytes of values that functions leave behind, which the next call replaces."""
        self._sizes: dict[int, int] = {}
        """Bytes of every value met so far; indices are unique within a module."""

    def body(self, body: BodyPlan) -> int:
        """Peak of a function or region, of the values that it defines and what it needs to run."""
        if len(body.blocks) == 1:
            return self._block(body.blocks[0])
        # programs wait with their values at any block: nothing is freed before the end, and rows are copied once
        held = sum(self._hold(value) for block in body.blocks for value in _defined(block))
        return 2 * held + max((self._running(step) for block in body.blocks for step in block.steps), default=0)

    def _hold(self, value: Value) -> int:
        size = self._sizes[value.index] = bytes_of(value.type)
        return size

    def _block(self, block: BlockPlan) -> int:
        held = {value.index for value in block.values}
        live = peak = sum(self._hold(value) for value in block.values)
        for step in block.steps:
            live += sum(self._hold(value) for value in step.operation.results)
            held.update(step.results)
            peak = max(peak, live + self._running(step))
            for index in held.intersection(step.frees):
                live -= self._sizes[index]
                held.discard(index)
        return peak

    def _running(self, step: Step) -> int:
        """What a step needs besides its operands and results."""
        name = step.operation.name
        if name in ("scf.for", "scf.while", "scf.if"):
            # rows of outer values for the programs inside, results of those that are done
            copied = sum(self._sizes.get(index, 0) for index in step.captured) + _total(step.operation.results)
            return copied + sum(self.body(BodyPlan(blocks, False)) for blocks in step.regions)
        if name == "tt.call":
            return self._callee(step.constant)
        if step.regions:
            lanes = max((_numel(value) for value in step.operation.operands), default=1)
            inner = sum(max(WORD, bytes_of(value.type)) for blocks in step.regions for value in _inside(blocks))
            needed = max((self._running(item) for blocks in step.regions for item in _steps(blocks)), default=0)
            return lanes * (inner + max(needed, TEMPORARY_BYTES * max(1, len(step.operands))))
        return _needed(step)

    def _callee(self, body: BodyPlan) -> int:
        if id(body) not in self._known:
            self._known[id(body)] = self.body(body)
            several = len(body.blocks) > 1
            for block in body.blocks:
                left = tuple(_defined(block)) if several else (*block.values, *block.terminator.operation.operands)
                self.kept += _total(left)
        return self._known[id(body)]


def _needed(step: Step) -> int:
    """Temporary bytes of an operation without a region."""
    operation = step.operation
    if operation.name in _MOVING:
        return 0
    values = (*operation.operands, *operation.results)
    lanes = max((_numel(value) for value in values), default=1)
    if operation.name.startswith("tt.atomic") or operation.name == "tt.descriptor_reduce":
        return ATOMIC_BYTES * lanes
    if operation.name in ("tt.load", "tt.store") or operation.name.startswith("tt.descriptor"):
        return ACCESS_BYTES * lanes
    if operation.name.startswith("tt.dot"):
        return TEMPORARY_BYTES * sum(_numel(value) for value in values)
    return TEMPORARY_BYTES * lanes


def _defined(block: BlockPlan) -> Iterator[Value]:
    yield from block.values
    for step in block.steps:
        yield from step.operation.results


def _inside(blocks: tuple[BlockPlan, ...]) -> Iterator[Value]:
    """All values that a region defines, at any depth."""
    for block in blocks:
        yield from _defined(block)
        for step in block.steps:
            for inner in step.regions:
                yield from _inside(inner)


def _steps(blocks: tuple[BlockPlan, ...]) -> Iterator[Step]:
    """The steps of a region, without those inside of them."""
    for block in blocks:
        yield from block.steps


def _numel(value: Value) -> int:
    kind = value.type.block if isinstance(value.type, DescriptorType) else value.type
    return kind.numel if isinstance(kind, TensorType) else 1


def _total(values: tuple[Value, ...]) -> int:
    return sum(bytes_of(value.type) for value in values)
