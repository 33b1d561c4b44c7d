"""Tries integers on a reference without data: does it run, what does it call, how much work is it."""

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from sandboxes.contracts import AtenCall, Reference, Trace, references
from sandboxes.errors import InvalidReference
from sandboxes.reference_module import ReferenceModule
from sandboxes.reference_trace import computed_values, graph_bytes, graph_gflop, kept_values, trace_module


@dataclass(frozen=True, slots=True, kw_only=True)
class Sketch:
    """A reference at some size."""

    constants: dict[str, int]
    operators: frozenset[str]
    """ATen operators that it calls."""
    calls: int
    """How often it calls one."""
    elements: int
    """Of inputs, weights and everything it computes."""
    bytes: int
    """Memory that it needs, see `Description.bytes`."""
    gflop: float


class Sketcher:
    """Sketches one reference; remembers every sketch.

    Args:
        reference: As it is written.

    Raises:
        InvalidReference: Its module level raises, or something is missing.
    """

    def __init__(self, reference: Reference) -> None:
        self.module = ReferenceModule(reference, {})
        self._reference = reference
        self._known: dict[tuple[tuple[str, int], ...], Sketch | None] = {}

    def original(self) -> Sketch:
        """Returns the sketch at the size that is written.

        Raises:
            InvalidReference: The reference does not run there.
        """
        sketch = _sketch({}, trace_module(self.module, {}))
        if sketch is None:
            raise InvalidReference(f"the reference `{self.module.id}` returns no tensor, or an empty one")
        return sketch

    def sketch(self, constants: Mapping[str, int]) -> Sketch | None:
        """Returns the sketch under other integers, or None if the reference does not run with them."""
        key = tuple(sorted(constants.items()))
        if key not in self._known:
            try:
                with _quiet():
                    trace = trace_module(ReferenceModule(self._reference, constants), {})
                self._known[key] = _sketch(dict(constants), trace)
            except InvalidReference:
                self._known[key] = None
        return self._known[key]


@contextmanager
def _quiet() -> Iterator[None]:
    """Keeps torch from logging what a size that does not fit raises."""
    logger = logging.getLogger("torch._subclasses.fake_tensor")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(level)


def _sketch(constants: dict[str, int], trace: Trace) -> Sketch | None:
    outputs = [trace.values[id_].numel for id_ in references((trace.output,))]
    if not outputs or 0 in outputs:
        return None
    calls = [node.operator for node in trace.nodes if isinstance(node, AtenCall)]
    own = kept_values(trace) | computed_values(trace)
    return Sketch(
        constants=constants,
        operators=frozenset(calls),
        calls=len(calls),
        bytes=graph_bytes(trace),
        elements=sum(trace.values[id_].numel for id_ in own),
        gflop=graph_gflop(trace),
    )
