"""Makes a parsed module ready to run: binds every operation to its implementation and finds where values die."""

from collections.abc import Iterator

from torch import Tensor

from sandboxes.ttir.dataflow import SINKS
from sandboxes.ttir.engine.footprint import footprint
from sandboxes.ttir.engine.plan import BlockPlan, BodyPlan, FunctionPlan, ModulePlan, Step
from sandboxes.ttir.engine.values import dtype_of, shape_of
from sandboxes.ttir.engine.verification import verify, verify_branches, verify_regions
from sandboxes.ttir.errors import TTIRSyntaxError, UnsupportedOperation
from sandboxes.ttir.ir import Block, Function, Module, Operation, Region, TensorType
from sandboxes.ttir.operations import arithmetic, reductions, shapes
from sandboxes.ttir.table import implementation

TERMINATORS = frozenset(
    [
        "scf.yield",
        "scf.condition",
        "tt.return",
        "tt.reduce.return",
        "tt.scan.return",
        "cf.br",
        "cf.cond_br",
        "tt.map_elementwise.return",
    ]
)

TOUCHING = frozenset(SINKS)
"""Operations that use memory."""

MAX_RANGE_BYTES = 16 * 2**20
"""Bytes of all ranges of a module together, which are made once: a thousand times those of honest kernels."""


def prepare(module: Module) -> ModulePlan:
    """The plan of ``module``. Unsupported operations raise only when they are reached.

    Raises:
        UnsupportedOperation: functions call each other in a circle.
    """
    return _Preparation(module).plan()


class _Preparation:
    def __init__(self, module: Module) -> None:
        self._module = module
        self._functions = {function.name: function for function in module.functions}
        self._plans: dict[str, FunctionPlan] = {}
        self._open: set[str] = set()
        self._steps: list[Step] = []
        self._ranges: dict[tuple[str, tuple[int, ...]], Tensor] = {}

    def plan(self) -> ModulePlan:
        kernel = self._function(self._module.kernel)
        results = (value.type for step in self._steps for value in step.operation.results)
        widest = max((kind.numel for kind in results if isinstance(kind, TensorType)), default=1)
        waits = any(
            step.operation.name == "tt.atomic_poll" or (step.operation.name == "scf.while" and step.waits)
            for step in self._steps
        )
        return ModulePlan(kernel, self._steps, widest, footprint(kernel), waits, self._plans)

    def _function(self, function: Function) -> FunctionPlan:
        if function.name in self._plans:
            return self._plans[function.name]
        if function.name in self._open:
            raise UnsupportedOperation(f"recursive call of {function.name}", function.location)
        self._open.add(function.name)
        body = self._body(function.body)
        self._open.discard(function.name)
        self._plans[function.name] = FunctionPlan(
            body.blocks,
            body.cyclic,
            function,
            any(step.waits for block in body.blocks for step in block.steps),
            any(step.touches for block in body.blocks for step in block.steps),
        )
        return self._plans[function.name]

    def _body(self, region: Region) -> BodyPlan:
        blocks, cyclic = _ordered(region)
        if len(blocks) > 1:
            labels = {block.label: block for block in blocks}
            for block in blocks:
                verify_branches(block, labels)
        return BodyPlan(tuple(self._block(block, frees=len(blocks) == 1) for block in blocks), cyclic)

    def _block(self, block: Block, *, frees: bool) -> BlockPlan:
        if not block.operations or block.operations[-1].name not in TERMINATORS:
            # the only block that may omit its terminator is an scf body without results
            last = Operation(name="scf.yield", operands=(), results=())
            operations = block.operations
        else:
            last, operations = block.operations[-1], block.operations[:-1]
        steps = tuple(self._step(operation) for operation in operations)
        terminator = self._step(last)
        if frees:
            _free_after_last_use(steps, terminator)
        if len(block.arguments) and last.name == "scf.yield":
            terminator.constant = dtype_of(block.arguments[0].type)
        return BlockPlan(block.label, block.arguments, tuple(a.index for a in block.arguments), steps, terminator)

    def _step(self, operation: Operation) -> Step:
        verify(operation)
        if operation.regions or operation.name == "tt.call":
            verify_regions(operation, self._functions)
        bodies = tuple(self._body(region) for region in operation.regions)
        values = operation.results or operation.operands
        shape = shape_of(values[0].type) if values else ()
        dtype = dtype_of(values[0].type) if values else None
        run, compute = implementation(operation)
        step = Step(
            number=len(self._steps),
            operation=operation,
            run=run,
            compute=compute,
            operands=tuple(value.index for value in operation.operands),
            results=tuple(value.index for value in operation.results),
            shape=shape,
            dtype=dtype,
            regions=tuple(body.blocks for body in bodies),
        )
        self._steps.append(step)
        _look_inside(step)
        self._specialise(step, bodies)
        step.frees = tuple(index for body in bodies for index in _left_over(body))
        return step

    def _specialise(self, step: Step, bodies: tuple[BodyPlan, ...]) -> None:
        operation = step.operation
        if operation.name == "arith.constant":
            step.constant = arithmetic.constant_tensor(operation, operation.results[0].type)
        elif operation.name == "tt.make_range":
            key = (str(operation.attributes["start"]), step.shape)
            if key not in self._ranges:
                self._ranges[key] = self._range(step)
            step.constant = self._ranges[key]
        elif operation.name in ("tt.reduce", "tt.scan"):
            _refuse_memory(step)
            step.constant = reductions.combination(bodies[0])
        elif operation.name == "tt.map_elementwise":
            _refuse_memory(step)
            step.constant = bodies[0]
        elif operation.name == "tt.call":
            callee = self._functions.get(_callee(operation))
            if callee is None:
                raise TTIRSyntaxError(f"call of the unknown function {operation.keywords[0]}")
            step.constant = plan = self._function(callee)
            step.waits, step.touches = plan.waits, plan.touches

    def _range(self, step: Step) -> Tensor:
        held = sum(known.nbytes for known in self._ranges.values())
        if held + 4 * step.shape[0] > MAX_RANGE_BYTES:
            raise UnsupportedOperation(f"more than {MAX_RANGE_BYTES} bytes of tt.make_range", step.operation.location)
        return shapes.make_range(step)


def _look_inside(step: Step) -> None:
    """Sums up what the regions of a step do; each step looks at those directly in it, so planning stays linear."""
    name = step.operation.name
    step.touches = name in TOUCHING
    step.waits = name.startswith("tt.atomic") or (
        name == "tt.load" and step.operation.attributes.get("isVolatile") is True
    )
    if not step.regions:
        return
    used: set[int] = set()
    defined: set[int] = set()
    for block in (block for blocks in step.regions for block in blocks):
        defined.update(block.arguments)
        for inner in (*block.steps, block.terminator):
            used.update(inner.operands, inner.captured)
            defined.update(inner.results)
            step.waits = step.waits or inner.waits
            step.touches = step.touches or inner.touches
    step.captured = frozenset(used - defined)


def _refuse_memory(step: Step) -> None:
    """Refuses a region for single elements that uses memory: nothing watches or counts what happens there."""
    if step.touches:
        raise UnsupportedOperation(f"{step.operation.name} whose region uses memory", step.operation.location)


def _left_over(body: BodyPlan) -> Iterator[int]:
    """Values that are still held when a region is done: what it was given and what it hands back."""
    for block in body.blocks:
        yield from block.arguments
        kept = frozenset(block.terminator.operands) if len(body.blocks) == 1 else None
        for step in block.steps:
            yield from (index for index in step.results if kept is None or index in kept)


def _callee(operation: Operation) -> str:
    return operation.keywords[0].removeprefix("@").strip('"')


def _ordered(region: Region) -> tuple[list[Block], bool]:
    """The blocks that can be reached, in reverse postorder, and whether some branch goes backward in it."""
    labels = {block.label: block for block in region.blocks}
    entry = region.blocks[0]
    finished: list[Block] = []
    seen = {entry.label}
    path: list[tuple[Block, list[str]]] = [(entry, _targets(entry))]
    while path:
        left = path[-1][1]
        if not left:
            finished.append(path.pop()[0])
            continue
        label = left.pop()
        if label not in labels:
            raise TTIRSyntaxError(f"branch to the unknown block {label}")
        if label not in seen:
            seen.add(label)
            path.append((labels[label], _targets(labels[label])))
    order = finished[::-1]
    place = {block.label: number for number, block in enumerate(order)}
    return order, any(place[label] <= place[block.label] for block in order for label in _targets(block))


def _targets(block: Block) -> list[str]:
    return list(block.operations[-1].successors) if block.operations else []


def _free_after_last_use(steps: tuple[Step, ...], terminator: Step) -> None:
    """Tells each step which of the block's own values nobody reads after it."""
    last: dict[int, int] = {}
    for position, step in enumerate(steps):
        for result in step.results:
            last[result] = position
        for used in (*step.operands, *step.captured):
            if used in last:
                last[used] = position
    for used in terminator.operands:
        last.pop(used, None)
    frees: dict[int, list[int]] = {}
    for value, position in last.items():
        frees.setdefault(position, []).append(value)
    for position, values in frees.items():
        steps[position].frees += tuple(values)
