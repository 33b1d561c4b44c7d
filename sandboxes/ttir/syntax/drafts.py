"""An operation while it is being read, and the types of its results, which the text mostly leaves out."""

from dataclasses import dataclass, field

from sandboxes.ttir.errors import TTIRSyntaxError
from sandboxes.ttir.ir import Attribute, PointerType, Region, ScalarType, TensorType, Type, Value

I1 = ScalarType("i1")
_QUESTIONS = frozenset(
    ["arith.cmpi", "arith.cmpf", "math.isfinite", "math.isinf", "math.isnan", "math.isnormal"],
)
"""Operations that print the type of their operands and give truth values."""


@dataclass(slots=True)
class Draft:
    """An operation being read."""

    name: str
    operands: list[Value] = field(default_factory=list)
    attributes: dict[str, Attribute] = field(default_factory=dict)
    keywords: list[str] = field(default_factory=list)
    groups: list[int] = field(default_factory=list)
    successors: list[str] = field(default_factory=list)
    regions: list[Region] = field(default_factory=list)
    inputs: list[Type] = field(default_factory=list)
    outputs: list[Type] | None = None


def result_types(draft: Draft, count: int) -> list[Type]:
    """Types of the results; most operations print only the types of their operands."""
    if draft.outputs is not None:
        return draft.outputs * 2 if draft.name == "tt.split" else draft.outputs
    inputs = draft.inputs
    if count == 0 or not inputs:
        return []
    first = inputs[0]
    if draft.name in _QUESTIONS:
        return [TensorType(first.shape, I1) if isinstance(first, TensorType) else I1]
    if draft.name == "tt.load":
        return [_loaded(first)]
    if draft.name == "tt.unsplat" and isinstance(first, TensorType):
        return [first.element]
    if draft.name == "arith.select":
        return [inputs[-1]]
    return inputs if len(inputs) == count else [first] * count


def _loaded(pointer: Type) -> Type:
    if isinstance(pointer, PointerType):
        return pointer.pointee
    if isinstance(pointer, TensorType) and isinstance(pointer.element, PointerType):
        element = pointer.element.pointee
        if isinstance(element, ScalarType | PointerType):
            return TensorType(pointer.shape, element)
    raise TTIRSyntaxError("tt.load needs pointers")
