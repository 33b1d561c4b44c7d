"""Finds smaller integers under which a reference is the same program at a size that a CPU can check.

Large problems (KernelBench's hold gigabytes) are checked at small shapes and priced at their own. The search shrinks
one knob at a time, as far as the reference still runs on tensors without data and still calls the same operators; then
it grows knobs again, in different ways, to get several awkward shapes. What is found is run once on data.

It is deterministic: budgets are counted in elements and operations, not in seconds, so that every worker finds the
same shapes.
"""

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Final

from sandboxes.contracts import Reference
from sandboxes.errors import AnswerKnown, InvalidReference
from sandboxes.scaling.knobs import find_knobs
from sandboxes.scaling.sketch import Sketch, Sketcher
from sandboxes.scaling.trial_run import DEPEND, Flaw, flaw

SIZES: Final = (3, 4, 5, 6, 7, 8, 12, 16, 21, 24, 32, 33, 48, 64, 65, 96, 128, 160, 224, 256, 384, 512, 1024, 2048)
"""What a knob is shrunk to, smallest first."""
FEW_SIZES: Final = (3, 8, 16, 33, 64, 128, 256)
"""The same for long graphs, which take a second each."""
LAST_RESORT: Final = (1, 2)
"""What knobs are shrunk to where nothing else is small enough."""

ODD: Final = (129, 77, 65, 45, 33, 27, 21, 15, 13, 9, 7, 5, 3)
POWERS: Final = (256, 128, 64, 32, 16, 8)
"""What knobs are grown to together, largest first; each gets another size, so that none can stand for another."""
LONG: Final = (5003, 4097, 2560, 2049, 1536, 1100)
"""What one knob at a time is grown to: beyond a block."""
MAX_LONG: Final = 3
"""Knobs that are tried at such a size, the largest first."""
MULTIPLES: Final = (5, 3, 2)
"""A knob may also be so many times as large as the smallest size that was found, where groups or heads want that."""
LARGER: Final = (31, 64, 96, 160)
"""What all knobs are grown to where no smaller shape will do, as in deep networks with batch normalisation."""

MIN_SIZE: Final = 8
"""Knobs below that are left alone: they are kernel sizes, groups, axes rather than sizes."""

TUNING: Final = ("kernel", "stride", "pad", "dilation", "group", "axis", "dropout", "layer", "head", "expan")
"""Parts of names of knobs that say what is computed, not how much: touched only where nothing else helps."""

AMPLE_ELEMENTS: Final = 2**19
"""Elements of a check case (inputs, weights, results) up to which it may be grown."""
AMPLE_GFLOP: Final = 0.1
AMPLE_GROWTH: Final = 4
"""A check case may also be so many times as large as the smallest that was found."""
MAX_BYTES: Final = 2**28
"""Memory of a check case at most."""
MAX_GFLOP: Final = 12.0
LONG_GRAPH: Final = 120
"""Operator calls from which only one more shape is looked for."""


def scaled_down(reference: Reference) -> Reference:
    """Returns a reference with `check_constants`, which are searched for unless it has shapes of its own.

    Raises:
        InvalidReference: Its code raises, or it can't be scaled down; the message says why.
        AnswerKnown: Its output is a constant at every size.
    """
    if reference.check_constants:
        return reference
    sketcher = Sketcher(reference)
    if sketcher.module.setting("CHECK_SHAPES"):
        return reference
    original = sketcher.original()
    search = _Search(reference, sketcher, original)
    base = search.shrunk()
    if not _is_bearable(base):
        raise InvalidReference(
            f"the reference `{reference.id}` can't be scaled down: with {_words(base.constants)} it still needs "
            f"{base.bytes / 2**20:.0f} MiB and {base.gflop:.3g} GFLOP; at most {MAX_BYTES / 2**20:.0f} MiB and "
            f"{MAX_GFLOP:g} GFLOP can be checked"
        )
    chosen: list[dict[str, int]] = []
    first: Flaw | None = None
    why = ""
    for sketch in _distinct([base, *search.grown(base)]):
        if (problem := flaw(reference, sketch.constants)) is None:
            chosen.append(sketch.constants)
        else:
            why = why or f"with {_words(sketch.constants)} {problem.words}"
            first = first or problem
    if not chosen:
        larger = (sketch.constants for sketch in search.larger(base) if flaw(reference, sketch.constants) is None)
        chosen = list(islice(larger, 1))
    if not chosen and first is not None and first.known:
        raise AnswerKnown(f"the reference `{reference.id}` gives its answer away: {why}; {DEPEND}")
    if not chosen:
        raise InvalidReference(f"the reference `{reference.id}` can't be scaled down: {why}")
    return reference.model_copy(update={"check_constants": tuple(chosen)})


class _Search:
    """The search for one reference.

    Args:
        reference: What is scaled.
        sketcher: Tries integers.
        original: The sketch of the source as it is written.
    """

    def __init__(self, reference: Reference, sketcher: Sketcher, original: Sketch) -> None:
        self._sketcher = sketcher
        self._original = original
        self._values = {name: value for name, value in find_knobs(reference.source).items() if value >= MIN_SIZE}
        self._sizes = [name for name in self._values if not any(part in name.lower() for part in TUNING)]

    def shrunk(self) -> Sketch:
        """Returns the smallest sketch that is found."""
        sizes = SIZES if self._original.calls <= LONG_GRAPH else FEW_SIZES
        best = self._shrink(self._original, self._sizes, sizes)
        if not _is_bearable(best):
            best = self._shrink(best, self._sizes, LAST_RESORT)
        if not _is_bearable(best):
            best = self._shrink(best, [name for name in self._values if name not in self._sizes], sizes)
        return best

    def grown(self, base: Sketch) -> list[Sketch]:
        """Returns larger sketches, as far as the ample budget goes."""
        if base.calls > LONG_GRAPH:
            return [self._grow(base, self._level(base, ODD), ODD)]
        together = [self._grow(base, self._level(base, style), style) for style in (ODD, POWERS)]
        long = [name for name in self._order(base) if self._values[name] > LONG[-1]]
        return together + [self._grow(base, base, LONG, name) for name in long[:MAX_LONG]]

    def larger(self, base: Sketch) -> Iterator[Sketch]:
        """Yields sketches beyond the ample budget, for what is too noisy at small sizes."""
        for size in LARGER:
            sketch = self._sketcher.sketch({name: self._at_least(base, name, size) for name in base.constants})
            if sketch is not None and sketch.operators == base.operators and _is_bearable(sketch):
                yield sketch

    def _shrink(self, best: Sketch, names: Iterable[str], sizes: tuple[int, ...]) -> Sketch:
        """Shrinks one knob after the other, and those that refuse together with others of the same value."""
        stuck: dict[int, list[str]] = {}
        for name in sorted(names, key=self._values.__getitem__, reverse=True):
            smaller = self._smallest(best, (name,), sizes)
            if smaller is best:
                stuck.setdefault(self._values[name], []).append(name)
            best = smaller
        for together in stuck.values():
            if len(together) > 1:
                best = self._smallest(best, tuple(together), sizes)
        return best

    def _smallest(self, best: Sketch, names: tuple[str, ...], sizes: tuple[int, ...]) -> Sketch:
        value = best.constants.get(names[0], self._values[names[0]])
        for size in (size for size in sizes if size < value):
            sketch = self._sketcher.sketch(best.constants | dict.fromkeys(names, size))
            if sketch is not None and sketch.operators == self._original.operators:
                return sketch
        return best

    def _order(self, base: Sketch) -> list[str]:
        """Returns the knobs that were shrunk, the largest first."""
        return sorted(base.constants, key=self._values.__getitem__, reverse=True)

    def _level(self, base: Sketch, style: tuple[int, ...]) -> Sketch:
        """Returns a sketch in which all knobs are about as large, and if possible no two the same."""
        order = self._order(base)
        for start, size in enumerate(style):
            different = [style[min(start + index, len(style) - 1)] for index in range(len(order))]
            for wanted in (different, [size] * len(order)):
                sizes = {name: self._at_least(base, name, value) for name, value in zip(order, wanted, strict=True)}
                sketch = self._sketcher.sketch(sizes)
                if sketch is not None and _is_ample(sketch, base):
                    return sketch
        return base

    def _at_least(self, base: Sketch, name: str, size: int) -> int:
        """Returns a size for a knob that is no smaller than it may be, and no larger than it was."""
        small = base.constants[name]
        return min(size if size >= small else small * MULTIPLES[1], self._values[name])

    def _grow(self, base: Sketch, best: Sketch, style: tuple[int, ...], *names: str) -> Sketch:
        """Returns a sketch with one knob after the other as large as possible, the largest first, no two the same.

        Args:
            base: The smallest sketch.
            best: Where to begin.
            style: Sizes to try, largest first.
            names: Only these knobs; all without it.
        """
        for name in names or self._order(base):
            multiples = [] if names else [base.constants[name] * factor for factor in MULTIPLES]
            for size in sorted({*style, *multiples} - set(best.constants.values()), reverse=True):
                if best.constants[name] < size < self._values[name]:
                    sketch = self._sketcher.sketch(best.constants | {name: size})
                    if sketch is not None and _is_ample(sketch, base):
                        best = sketch
                        break
        return best


def _is_ample(sketch: Sketch, base: Sketch) -> bool:
    """True if a sketch is the same program as `base`, and cheap enough to be one of several check cases."""
    elements = max(AMPLE_ELEMENTS, AMPLE_GROWTH * base.elements)
    gflop = max(AMPLE_GFLOP, AMPLE_GROWTH * base.gflop)
    small = sketch.elements <= elements and sketch.gflop <= gflop and _is_bearable(sketch)
    return small and sketch.operators == base.operators


def _is_bearable(sketch: Sketch) -> bool:
    return sketch.bytes <= MAX_BYTES and sketch.gflop <= MAX_GFLOP


def _distinct(sketches: Iterable[Sketch]) -> list[Sketch]:
    return list({tuple(sorted(sketch.constants.items())): sketch for sketch in sketches}.values())


def _words(constants: Mapping[str, int]) -> str:
    return ", ".join(f"{name}={value}" for name, value in constants.items()) or "its own integers"
