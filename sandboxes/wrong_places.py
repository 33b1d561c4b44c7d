"""Where the wrong elements of an output are: in the last block, in every other row, in some items of a batch.

Only the mask of wrong elements is looked at, so nothing here can tell what is right.
"""

from dataclasses import dataclass
from math import prod
from typing import Final

import torch

MIN_TAIL: Final = 8
"""Size of a dimension from which a single wrong index at its end is called a tail."""
MIN_REGULAR: Final = 3
"""Wrong indices from which a constant distance between them is called one."""
MIN_DENSITY: Final = 0.25
"""Share of wrong elements in a region from which it explains where they are."""
SURPRISING: Final = 10.0
"""Wrong elements that a region must leave out, were they as dense elsewhere: fewer are a coincidence."""
MAX_ITEMS: Final = 2**20
"""Items of a batch up to which wrong ones are listed."""
LISTED: Final = 4


@dataclass(frozen=True, slots=True)
class Span:
    """Indices at a constant distance."""

    first: int
    last: int
    step: int
    count: int
    size: int
    """Of the dimension that they are in."""

    @property
    def whole(self) -> bool:
        """True if it is every index."""
        return self.count == self.size

    @property
    def regular(self) -> bool:
        """True for at least `MIN_REGULAR` indices with others between them, from one end to the other."""
        through = self.first < self.step and self.last + self.step >= self.size
        return self.step > 1 and self.count >= MIN_REGULAR and through


def wrong_places(wrong: torch.Tensor) -> str | None:
    """Returns which elements of an output are wrong, in words; None if they follow no pattern, or all are.

    Args:
        wrong: True where an element is wrong; at least one is.
    """
    if wrong.dim() == 0 or bool(wrong.all()):
        return None
    hits = [_hit(wrong, dim) for dim in range(wrong.dim())]
    spans = [_span(hit) for hit in hits]
    boxed = _box(wrong, spans)
    if boxed is not None and boxed[1] == 1.0:
        return boxed[0]
    flat = _flat(wrong) if wrong.dim() > 1 else None
    if flat is not None:
        return flat
    return boxed[0] if boxed is not None else (_right_only(wrong, hits) or _items(wrong, hits[0]))


def _hit(wrong: torch.Tensor, dim: int) -> torch.Tensor:
    """True at the indices of a dimension at which anything is wrong."""
    rest = [other for other in range(wrong.dim()) if other != dim]
    return wrong.any(dim=rest) if rest else wrong


def _span(hit: torch.Tensor) -> Span | None:
    """Returns the true indices if they are at a constant distance; there is at least one."""
    size, count = hit.numel(), int(hit.sum())
    bytes_ = hit.to(torch.uint8)
    first = int(bytes_.argmax())
    last = size - 1 - int(bytes_.flip(0).argmax())
    if count == 1:
        return Span(first, last, 1, count, size)
    step, rest = divmod(last - first, count - 1)
    return Span(first, last, step, count, size) if rest == 0 and bool(hit[first : last + 1 : step].all()) else None


def _box(wrong: torch.Tensor, spans: list[Span | None]) -> tuple[str, float] | None:
    """Returns the block of indices that holds all wrong elements, and their share in it, if that is no coincidence."""
    known = [span for span in spans if span is not None]
    partial = [(dim, span) for dim, span in enumerate(spans) if span is not None and not span.whole]
    if len(known) < len(spans) or not partial:
        return None
    inside = prod(span.count for span in known)
    if not _explains(int(wrong.sum()), inside, wrong.numel()):
        return None
    share = int(wrong.sum()) / inside
    if len(partial) == 1:
        words = _in_one(*partial[0], alone=int(wrong.sum()) == 1, dense=share == 1.0)
        return None if words is None else (words, share)
    if any(span.step > 1 for _, span in partial) or inside < 2:
        return None
    ranges = ", ".join(":" if span.whole else f"{span.first}:{span.last + 1}" for span in known)
    return f"only the block [{ranges}] is wrong", share


def _explains(count: int, inside: int, total: int) -> bool:
    density = count / inside
    return density == 1.0 or (density >= MIN_DENSITY and density * (total - inside) >= SURPRISING)


def _in_one(dim: int, span: Span, *, alone: bool, dense: bool) -> str | None:
    of = f"of dimension {dim}"
    if span.step > 1:
        if not span.regular:
            return None
        return (
            f"only every {_ordinal(span.step)} index {of} is wrong ({span.first}, {span.first + span.step}, ...): are "
            "offsets and strides right?"
        )
    which = f"index {span.first}" if span.count == 1 else f"indices {span.first} to {span.last}"
    is_wrong = f"only {which} {of} {'is' if span.count == 1 else 'are'} wrong"
    if span.last == span.size - 1 and span.size >= MIN_TAIL:
        if span.count <= span.first:
            return f"{is_wrong}: is the tail handled?"
        beyond = f"everything that is wrong is at index {span.first} {of} or beyond"
        return f"{beyond}, and everything there is wrong" if dense else beyond
    return None if alone else is_wrong


def _flat(wrong: torch.Tensor) -> str | None:
    """Finds patterns that go on from row to row: of kernels that take an output for one long row."""
    span = _span(wrong.flatten())
    if span is None or not _explains(span.count, span.count, span.size) or span.count < 2:
        return None
    if span.regular:
        return f"counted row by row, only every {_ordinal(span.step)} element is wrong: are offsets and strides right?"
    if span.step == 1 and span.last == span.size - 1:
        return f"counted row by row, only the last {span.count} elements are wrong: is the last block handled?"
    if span.step == 1:
        return f"counted row by row, only elements {span.first} to {span.last} are wrong"
    return None


def _right_only(wrong: torch.Tensor, hits: list[torch.Tensor]) -> str | None:
    """Finds a dimension in which only indices at a constant distance are right."""
    for dim, hit in enumerate(hits):
        if not bool(hit.all()):
            right = _span(~hit)
            if right is not None and right.regular:
                share = int(wrong.sum()) / (wrong.numel() // right.size * (right.size - right.count))
                if share >= MIN_DENSITY:
                    return f"only every {_ordinal(right.step)} index of dimension {dim} is right ({right.first}, ...)"
    return None


def _items(wrong: torch.Tensor, hit: torch.Tensor) -> str | None:
    """Finds items of a batch that are wrong from end to end, while others are right from end to end."""
    if wrong.dim() < 2 or hit.numel() > MAX_ITEMS or wrong[0].numel() < MIN_TAIL:
        return None
    whole = wrong.flatten(1).all(dim=1)
    if bool(hit.all()) or not torch.equal(whole, hit):
        return None
    indices = hit.nonzero().flatten().tolist()
    more = f" and {len(indices) - LISTED} more" if len(indices) > LISTED else ""
    named = ", ".join(map(str, indices[:LISTED]))
    return f"all of items {named}{more} of dimension 0 is wrong, and nothing of the others"


def _ordinal(number: int) -> str:
    return {2: "2nd", 3: "3rd"}.get(number, f"{number}th")
