"""Where a trace rounds numbers to a narrower format than a problem has, and which of that is made up for.

Splitting is honest: if what a rounding drops (`x - extend(truncate(x))`) is multiplied, too, as in products of three
bfloat16 terms, the sum is as exact as before.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from rewards.hacks.numbers import HANDS_ON, MEMORY, Numbers, Place
from sandboxes.contracts import AtenCall, TensorSpec, references
from sandboxes.contracts.trace import node_inputs
from sandboxes.gate import Evidence
from sandboxes.ttir import Operation, ScalarType, TensorType, Value

BITS: Final = {"float64": 64, "float32": 32, "float16": 16, "bfloat16": 16, "float8_e4m3fn": 8, "float8_e5m2": 8}
"""Width of the floating-point formats of tensors."""

CALL: Final = -2
"""First of a place that is a node of PyTorch's."""

ROUND: Final = ("arith.truncf", "tt.fp_to_fp")
"""Operations that narrow numbers."""

EXACT: Final = ("arith.sitofp", "arith.uitofp", "arith.constant")
"""Operations whose results no rounding comes from."""

PRODUCTS: Final = ("mm", "bmm", "addmm", "baddbmm", "addbmm", "mv", "addmv", "dot", "linear", "matmul", "convolution")
"""ATen operators that multiply matrices."""


@dataclass(frozen=True, slots=True)
class Product:
    """A matrix product in a kernel."""

    kernel: int
    operation: Operation

    @property
    def factors(self) -> list[tuple[Value, ScalarType]]:
        """What it multiplies."""
        return [(item, kind) for item in self.operation.operands[:2] if (kind := element(item)) is not None]


class Roundings:
    """The roundings of one trace.

    Args:
        evidence: The trace.
        narrowest: Bits of the narrowest format of the reference; narrower ones are looked for.
    """

    def __init__(self, evidence: Evidence, narrowest: int) -> None:
        self.evidence = evidence
        self.numbers = Numbers(evidence)
        self.live = self.numbers.closure((MEMORY, storage) for storage in evidence.flow.output_storages)
        self._narrowest = narrowest

    @cached_property
    def products(self) -> list[Product]:
        """Products in kernels whose results reach an output."""
        return [
            Product(index, operation)
            for index, kernel in enumerate(self.numbers.kernels)
            for operation in kernel.operations("tt.dot", "tt.dot_scaled")
            if any((index, result.index) in self.live for result in operation.results)
        ]

    @cached_property
    def multiplied(self) -> set[Place]:
        """Places whose numbers a live product takes; where there is no product, those that reach an output."""
        factors: list[Place] = [(item.kernel, value.index) for item in self.products for value, _ in item.factors]
        for index, call in self._calls():
            if _name(call) in PRODUCTS:
                factors += [(MEMORY, storage) for storage in self.evidence.flow.nodes[index].reads]
        return self.numbers.closure(factors) if factors else self.live

    def is_narrow(self, kind: ScalarType | str | None) -> bool:
        """True for floating-point formats that are narrower than all of the reference's."""
        if isinstance(kind, ScalarType):
            return kind.is_float and kind.bits < self._narrowest
        return BITS.get(kind or "", 64) < self._narrowest

    def of(self, place: Place) -> set[Place]:
        """Returns where the narrow numbers of a place were rounded: operations, calls, or memory that was there."""
        found: set[Place] = set()
        seen, stack = {place}, [place]
        while stack:
            here = stack.pop()
            if here[0] == MEMORY:
                origins, further = self._in_memory(here)
            else:
                origins, further = self._in_kernel(here)
            found |= origins
            stack += [item for item in further if item not in seen]
            seen.update(further)
        return found

    @cached_property
    def made_up_for(self) -> set[Place]:
        """Roundings of which the rest is multiplied, too, and those of that rest."""
        return self._split | {place for place in self._roundings() if self._is_of_rest(place)}

    @cached_property
    def _split(self) -> set[Place]:
        found = set()
        for kernel, operation in self._differences:
            for operand in operation.operands:
                for narrow in self._narrow_before((kernel, operand.index)):
                    found |= self.of(narrow)
        for index, _ in self._called_differences:
            for read in self.evidence.flow.nodes[index].reads:
                for storage in (read, *(source for _, source in self.numbers.before((MEMORY, read)) if source >= 0)):
                    found |= self.of((MEMORY, storage)) if self._holds_narrow(storage) else set()
        return found

    @cached_property
    def _differences(self) -> list[tuple[int, Operation]]:
        """Subtractions in kernels that reach a product, and what was rounded takes part in."""
        return [
            (index, operation)
            for index, kernel in enumerate(self.numbers.kernels)
            for operation in kernel.operations("arith.subf")
            if self._is_multiplied(index, operation)
            and any(self._narrow_before((index, operand.index)) for operand in operation.operands)
        ]

    def _is_multiplied(self, kernel: int, rest: Operation) -> bool:
        """True if a product as large takes a rest, as often as the rest is computed."""
        place = (kernel, rest.results[0].index)
        if place not in self.multiplied or all(item.kernel != kernel for item in self.products):
            return place in self.multiplied
        loops = self.numbers.kernels[kernel].facts.loops
        around = loops[place[1]]
        return place in self.numbers.closure(
            (kernel, value.index)
            for product in self.products
            if product.kernel == kernel and loops[product.operation.results[0].index][: len(around)] == around
            for value, _ in product.factors
            if _numel(value) >= _numel(rest.results[0])
        )

    @cached_property
    def _called_differences(self) -> list[tuple[int, AtenCall]]:
        return [
            (index, call)
            for index, call in self._calls()
            if _name(call) in {"sub", "sub_"}
            and any((MEMORY, storage) in self.multiplied for storage in self.evidence.flow.nodes[index].writes)
        ]

    def _calls(self) -> list[tuple[int, AtenCall]]:
        nodes = enumerate(self.evidence.trace.nodes)
        return [(i, node) for i, node in nodes if isinstance(node, AtenCall) and i in self.evidence.flow.live]

    def _roundings(self) -> Iterable[Place]:
        for index, kernel in enumerate(self.numbers.kernels):
            yield from ((index, operation.results[0].index) for operation in kernel.operations(*ROUND))
        yield from ((CALL, index) for index, _ in self._calls())

    def _is_of_rest(self, place: Place) -> bool:
        """True if what is rounded is a rest, scaled perhaps."""
        rests = {(kernel, operation.results[0].index) for kernel, operation in self._differences}
        written = {
            storage for index, _ in self._called_differences for storage in self.evidence.flow.nodes[index].writes
        }
        if place[0] == CALL:
            return bool(self.evidence.flow.nodes[place[1]].reads & written)
        stack, seen = [place], {place}
        while stack:
            here = stack.pop()
            if here in rests:
                return True
            made = self.numbers.made(here)
            if here == place or (made is not None and made.name in {*HANDS_ON, "arith.mulf", "arith.divf"}):
                new = [item for item in self.numbers.before(here) if item not in seen]
                seen.update(new)
                stack += new
        return False

    def _narrow_before(self, place: Place) -> list[Place]:
        """Returns the narrow values that a wide one is extended from."""
        made = self.numbers.made(place)
        while made is not None and made.name in HANDS_ON and made.operands:
            place = (place[0], made.operands[0].index)
            if self.is_narrow(element(made.operands[0])):
                return [place]
            made = self.numbers.made(place)
        return []

    def _in_kernel(self, place: Place) -> tuple[set[Place], list[Place]]:
        made = self.numbers.made(place)
        if made is not None and _is_exact(made):
            return set(), []
        if made is not None and made.operands and made.name in (*ROUND, "tt.bitcast", "arith.bitcast"):
            kind = element(made.operands[0])
            if kind is not None and kind.is_float and not self.is_narrow(kind):
                return ({place} if self._carries_data(place) else set()), []
        return set(), self.numbers.before(place)

    def _carries_data(self, place: Place) -> bool:
        """True if a value is made of floating-point numbers from memory or of an argument."""
        stack, seen = [place], {place}
        while stack:
            here = stack.pop()
            made = self.numbers.made(here)
            if made is None:
                return True
            if _is_exact(made):
                continue
            before = self.numbers.before(here)
            kind = element(made.results[0])
            if any(item[0] == MEMORY for item in before):
                if kind is not None and kind.is_float:
                    return True
            else:
                stack += [item for item in before if item not in seen]
                seen.update(before)
        return False

    def _in_memory(self, place: Place) -> tuple[set[Place], list[Place]]:
        flow, storage = self.evidence.flow, place[1]
        found = {place} if storage in flow.constant_storages | flow.input_storages else set()
        further = [item for item in self.numbers.before(place) if item[0] != MEMORY and self._is_data(item)]
        for index, call in self._calls():
            if storage in flow.nodes[index].writes:
                if self._takes_wide(call):
                    found.add((CALL, index))
                else:
                    further += [(MEMORY, read) for read in flow.nodes[index].reads if self._holds_narrow(read)]
        return found, further

    def _is_data(self, place: Place) -> bool:
        """True for stored values that are floating-point numbers."""
        made = self.numbers.made(place)
        kind = None if made is None else next((element(item) for item in made.results if item.index == place[1]), None)
        return made is None or (kind is not None and kind.is_float)

    def narrow_result(self, call: AtenCall) -> TensorSpec | None:
        """Returns a tensor of several numbers in a narrow format that a call makes."""
        specs = (self.evidence.trace.values[id_] for id_ in references(call.results))
        return next((spec for spec in specs if self.is_narrow(spec.dtype) and spec.numel > 1), None)

    def rounds(self, call: AtenCall) -> bool:
        """True if a call makes a narrow tensor of wide numbers."""
        return self.narrow_result(call) is not None and self._takes_wide(call)

    def _takes_wide(self, call: AtenCall) -> bool:
        kinds = [self.evidence.trace.values[id_].dtype for id_ in node_inputs(call)]
        return any(kind in BITS and not self.is_narrow(kind) for kind in kinds)

    def _holds_narrow(self, storage: int) -> bool:
        flow = self.evidence.flow
        return any(
            held == storage and self.is_narrow(spec.dtype)
            for held, spec in zip(flow.storage, self.evidence.trace.values, strict=True)
        )


def element(value: Value) -> ScalarType | None:
    """Returns the format of a value's numbers; None for addresses."""
    kind = value.type.element if isinstance(value.type, TensorType) else value.type
    return kind if isinstance(kind, ScalarType) else None


def _numel(value: Value) -> int:
    return value.type.numel if isinstance(value.type, TensorType) else 1


def _is_exact(operation: Operation) -> bool:
    """True if no rounded number is in what an operation makes: numbers of integers, masks, constants."""
    kind = element(operation.results[0])
    return operation.name in EXACT or (kind is not None and kind.name == "i1")


def _name(call: AtenCall) -> str:
    return call.operator.partition("::")[2].partition(".")[0]
