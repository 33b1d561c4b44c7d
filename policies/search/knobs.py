"""What a search turns: groups of numbers that have to change together, and how far they may go."""

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from policies.search.places import Kind, Place, Site
from policies.search.reading import find_places

SMALLEST_TILE: Final = 16
"""Tiles of tensor cores have no smaller side; what is smaller from the start may be as small as 1."""

LARGEST: Final = {Kind.TILE: 65_536, Kind.WARPS: 32, Kind.STAGES: 8}

LEAST_SIZE: Final = 8
"""Least value by which a number is taken for a tile size, if its name does not say that it is one."""

_TILE_NAME: Final = re.compile("block|tile|group|rows|split|parts|chunk|size", re.IGNORECASE)

Setting = tuple[int, ...]
"""A value for each place."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Knob:
    """Numbers that are turned together."""

    name: str
    kind: Kind
    places: tuple[int, ...]
    """Which of the program's places."""
    limits: tuple[tuple[int, int], ...]
    """Least and largest value of each of them."""

    def turned(self, setting: Setting, steps: int) -> Setting | None:
        """Returns the setting after so many doublings (stages: additions of 1); None if a value leaves its limits."""
        values = list(setting)
        for index, (least, most) in zip(self.places, self.limits, strict=True):
            value = values[index]
            if self.kind is Kind.STAGES:
                value += steps
            else:
                value = value << steps if steps > 0 else value >> -steps
            if not least <= value <= most:
                return None
            values[index] = value
        return tuple(values)


def find_knobs(source: str) -> tuple[tuple[Place, ...], tuple[Knob, ...]]:
    """Returns the numbers of `source` that may be changed, and the knobs that turn them, the coarsest first.

    All tile sizes and `num_warps` of the program are one knob: a larger block has work for more warps. All `num_warps`
    are one as well, and each by itself, and so are `num_stages`. Tile sizes of one function that are equal go together,
    with the grid's: a launch and its grid have to agree.
    """
    places = find_places(source)
    tiles, warps = _tiles(places), _together(places, Kind.WARPS)
    groups = [*warps, *tiles, *_together(places, Kind.STAGES)]
    groups += [(index,) for index, place in enumerate(places) if place.kind is not Kind.TILE]
    if tiles and warps:
        groups.append(tuple(sorted(index for group in (*tiles, *warps) for index in group)))
    distinct = sorted(dict.fromkeys(groups), key=len, reverse=True)
    return places, tuple(_knob(places, group) for group in distinct)


def _knob(places: Sequence[Place], group: tuple[int, ...]) -> Knob:
    names = dict.fromkeys(places[index].name for index in group if places[index].site is not Site.KERNEL)
    return Knob(
        name=" and ".join(name for name in names if name) or "tile size",
        kind=places[group[0]].kind,
        places=group,
        limits=tuple(_limits(places[index]) for index in group),
    )


def _limits(place: Place) -> tuple[int, int]:
    least = SMALLEST_TILE if place.kind is Kind.TILE and place.value >= SMALLEST_TILE else 1
    return least, max(LARGEST[place.kind], place.value)


def _together(places: Sequence[Place], kind: Kind) -> list[tuple[int, ...]]:
    group = tuple(index for index, place in enumerate(places) if place.kind is kind)
    return [group] if group else []


def _tiles(places: Sequence[Place]) -> list[tuple[int, ...]]:
    groups: dict[tuple[str, int, str], list[int]] = defaultdict(list)
    for index, place in enumerate(places):
        if place.kind is Kind.TILE:
            alone = place.name if place.site is Site.CONFIG else ""
            groups[place.scope, place.value, alone].append(index)
    return [tuple(group) for group in groups.values() if _is_tile(places[index] for index in group)]


def _is_tile(group: Iterable[Place]) -> bool:
    """Returns whether one of these equal numbers stands where a tile size would; the others only go with it."""
    return any(
        place.site is Site.CONFIG
        or (place.site is Site.KERNEL and place.name == "arange" and place.value >= LEAST_SIZE)
        or (
            place.site in (Site.LAUNCH, Site.ASSIGNED, Site.PARAMETER)
            and (place.value >= LEAST_SIZE or _TILE_NAME.search(place.name) is not None)
        )
        for place in group
    )
