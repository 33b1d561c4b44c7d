"""One recorded `forward`: a dataflow graph as plain data.

A trace is what the sandbox hands out and the only thing it is asked for. It is never believed: it is parsed against
these types, checked by `validate`, and replayed on other data. Tensor constants travel beside it as safetensors,
keyed by `Constant.key`.
"""

from typing import Annotated, Literal, Self

from pydantic import FailFast, Field, model_validator

from sandboxes.contracts.base import SCHEMA_VERSION, Contract
from sandboxes.contracts.case import Argument, ArgumentSequence, ScalarRef, Size, TensorRef, TensorSpec
from sandboxes.contracts.config import MAX_SEED
from sandboxes.contracts.diagnostic import Text

MAX_NODES = 20_000
MAX_TTIR_CHARACTERS = 2 * 2**20
MAX_VARIANTS = 256
MAX_VALUES = 100_000
MAX_ARGUMENTS = 2_000
"""Arguments of a call or a kernel."""

READ_BACK = "aten::item.default"
"""The operator of a call that copies a one-element tensor to the host and waits for it (`Tensor.item`). In a trace its
result is a tensor without dimensions: `int64` for integers, `float64` for others, as Python's numbers are."""

Line = Annotated[int, Field(ge=1, le=10**6)]
Programs = Annotated[int, Field(ge=0, le=2**31 - 1)]
Sizes = Annotated[tuple[Size, ...], FailFast(), Field(max_length=16)]
Name = Annotated[str, Field(min_length=1, max_length=500)]


class Constant(Contract):
    """A tensor that exists before `forward`: parameter, buffer or anything `__init__` made."""

    value: Annotated[int, Field(ge=0)]
    """Its index in `Trace.values`."""
    key: Name
    """Its key in the safetensors blob."""
    role: Literal["parameter", "buffer", "constant"]
    """`constant` is a tensor that is neither parameter nor buffer."""


class AtenCall(Contract):
    """One call of an ATen operator."""

    kind: Literal["aten"] = "aten"
    operator: Annotated[str, Field(pattern=r"^[a-z_]{1,16}::[A-Za-z0-9_]{1,80}\.[A-Za-z0-9_]{1,80}$")]
    """Qualified overload, e.g. `aten::add.Tensor`."""
    args: Annotated[tuple[Argument, ...], FailFast(), Field(max_length=MAX_ARGUMENTS)]
    kwargs: Annotated[dict[str, Argument], Field(max_length=64)]
    results: Annotated[tuple[Argument, ...], FailFast(), Field(max_length=MAX_ARGUMENTS)]
    """References to the values it returns (same id as an argument: it returned that argument)."""
    line: Line | None = None


class Descriptor(Contract):
    """A host-side tensor descriptor (TMA) argument."""

    kind: Literal["descriptor"] = "descriptor"
    base: TensorRef
    shape: Sizes
    strides: Sizes
    block_shape: Sizes
    padding: Literal["zero", "nan"] = "zero"


LaunchArgument = bool | int | float | Annotated[TensorRef | ScalarRef | Descriptor, Field(discriminator="kind")] | None


class Variant(Contract):
    """One configuration of a launch; `@triton.autotune` makes several."""

    config: Annotated[str, Field(max_length=500)]
    """The configuration in words, e.g. `BLOCK: 128, num_warps: 4`; empty without autotuning."""
    ttir: Annotated[str, Field(max_length=MAX_TTIR_CHARACTERS)]
    """Textual TTIR of the specialised kernel."""
    grid: tuple[Programs, Programs, Programs]
    args: Annotated[tuple[LaunchArgument, ...], FailFast(), Field(max_length=MAX_ARGUMENTS)]
    """In the order of the TTIR function's parameters."""
    num_warps: Annotated[int, Field(ge=1, le=128)]
    num_stages: Annotated[int, Field(ge=0, le=64)]
    num_ctas: Annotated[int, Field(ge=1, le=32)] = 1
    maxnreg: Annotated[int, Field(ge=1, le=1024)] | None = None


class Launch(Contract):
    """One launch of a Triton kernel."""

    kind: Literal["launch"] = "launch"
    kernel: Name
    """Name of the `@triton.jit` function."""
    variants: Annotated[tuple[Variant, ...], FailFast(), Field(min_length=1, max_length=MAX_VARIANTS)]
    """Every configuration computes the same; the device picks the fastest that fits."""
    line: Line | None = None
    """Where the candidate launches it."""


Node = Annotated[AtenCall | Launch, Field(discriminator="kind")]


class Trace(Contract):
    """One `forward` at one case."""

    schema_version: Literal[1] = SCHEMA_VERSION
    case: Annotated[str, Field(max_length=120)]
    """Name of the case."""
    weight_seed: Annotated[int, Field(ge=0, le=MAX_SEED)]
    """Seed under which the module was built."""
    values: Annotated[tuple[TensorSpec, ...], FailFast(), Field(max_length=MAX_VALUES)]
    """Every tensor of the graph; a reference is an index into this."""
    inputs: Annotated[tuple[Argument, ...], FailFast(), Field(max_length=MAX_ARGUMENTS)]
    """`forward`'s arguments: references and plain values, parallel to `Case.inputs`."""
    constants: Annotated[tuple[Constant, ...], FailFast(), Field(max_length=MAX_VALUES)]
    nodes: Annotated[tuple[Node, ...], FailFast(), Field(max_length=MAX_NODES)]
    """In execution order."""
    output: Argument
    """What `forward` returned: a reference, or a tuple or list of them."""

    @model_validator(mode="after")
    def _references_exist(self) -> Self:
        """Every reference must point at a value that exists by then: an input, a constant or an earlier result."""
        defined = {constant.value for constant in self.constants} | set(references(self.inputs))
        for index, node in enumerate(self.nodes):
            for id_ in node_inputs(node):
                if id_ not in defined:
                    raise ValueError(f"node {index} uses value {id_} before it is defined")
            if isinstance(node, AtenCall):
                defined.update(references(node.results))
        if missing := [id_ for id_ in references((self.output,)) if id_ not in defined]:
            raise ValueError(f"the output uses value {missing[0]}, which nothing defines")
        if unknown := [id_ for id_ in defined if id_ >= len(self.values)]:
            raise ValueError(f"value {unknown[0]} is used but the trace has {len(self.values)} values")
        return self

    @model_validator(mode="after")
    def _scalars_are_arguments_only(self) -> Self:
        """A number that is read back can't be an input, a result or an output, nor stand in a list of sizes."""
        results = (result for node in self.nodes if isinstance(node, AtenCall) for result in node.results)
        if scalars((*self.inputs, self.output, *results)):
            raise ValueError("an input, a result or an output is a number that is read back")
        for index, node in enumerate(self.nodes):
            if isinstance(node, AtenCall):
                direct = (*node.args, *node.kwargs.values())
                if scalars(tuple(argument for argument in direct if not isinstance(argument, ScalarRef))):
                    raise ValueError(f"node {index} has a number that is read back in a list")
        return self


class TraceFailure(Contract):
    """Why there is no trace. The sandbox says so itself, so it can only ever cost the candidate."""

    outcome: Literal["syntax_error", "import_error", "untraceable", "trace_error", "compile_error", "launch_error"]
    message: Text
    line: Line | None = None
    hint: Text | None = None
    case: Text | None = None


def references(arguments: tuple[object, ...]) -> list[int]:
    """Returns the ids of all values that `arguments` refer to, depth first, in order, with repetitions."""
    found: list[int] = []
    stack = list(reversed(arguments))
    while stack:
        item = stack.pop()
        if isinstance(item, (TensorRef, ScalarRef)):
            found.append(item.id)
        elif isinstance(item, Descriptor):
            found.append(item.base.id)
        elif isinstance(item, ArgumentSequence):
            stack.extend(reversed(item.items))
    return found


def scalars(arguments: tuple[object, ...]) -> list[int]:
    """Returns the ids of all values whose number, once read back, is among `arguments`."""
    found: list[int] = []
    stack = list(reversed(arguments))
    while stack:
        item = stack.pop()
        if isinstance(item, ScalarRef):
            found.append(item.id)
        elif isinstance(item, ArgumentSequence):
            stack.extend(reversed(item.items))
    return found


def node_scalars(node: AtenCall | Launch) -> list[int]:
    """Returns the ids of all values whose numbers a node takes."""
    if isinstance(node, AtenCall):
        return scalars((*node.args, *node.kwargs.values()))
    return [id_ for variant in node.variants for id_ in scalars(variant.args)]


def node_inputs(node: AtenCall | Launch) -> list[int]:
    """Returns the ids of all values a node takes, in order, with repetitions."""
    if isinstance(node, AtenCall):
        return references((*node.args, *node.kwargs.values()))
    return [id_ for variant in node.variants for id_ in references(variant.args)]
