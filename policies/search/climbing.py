"""Where the search goes next: line searches along one knob after the other, then random kicks away from the best."""

from collections import deque
from dataclasses import dataclass
from random import Random
from typing import Final

from policies.search.knobs import Knob, Setting

MIN_GAIN: Final = 1.005
"""A score that is not larger by this factor is no gain: feedback has three digits, and measurements have noise."""

MAX_STEPS: Final = 2
"""Doublings at once, along a knob that brings a gain."""

KICKED_KNOBS: Final = 3
"""Knobs that a kick turns."""

KICKS: Final = 100
"""Kicks that are drawn until one leads to a setting that has not been tried."""


@dataclass(slots=True)
class _Line:
    """A search along one knob in one direction."""

    knob: Knob
    direction: int
    steps: int = 1


class Climber:
    """Looks for the setting with the highest score; never asks for one twice.

    While a knob brings a gain, its steps grow; where it brings a loss they are one again, and then it is another knob's
    turn. After a pass over all knobs without a gain, several are turned at once, at random. A setting that needs too
    much of a resource rules out all that are nowhere smaller.

    Args:
        start: Is asked for first.
        knobs: The coarsest first, in which order they are tried.
        random: Decides among knobs that are equally coarse, and the kicks.
    """

    def __init__(self, start: Setting, knobs: tuple[Knob, ...], random: Random) -> None:
        self.best = start
        self.best_score: float | None = None
        """None as long as nothing has a score."""
        self._knobs = knobs
        self._random = random
        self._tried: set[Setting] = set()
        self._too_large: list[Setting] = []
        self._lines: deque[_Line] = deque()
        self._line: _Line | None = None
        self._gained = True

    def ask(self) -> Setting | None:
        """Returns what to try next; None if there is nothing left."""
        if not self._tried:
            return self.best
        while True:
            if self._line is not None:
                setting = self._line.knob.turned(self.best, self._line.direction * self._line.steps)
                if self._is_new(setting):
                    return setting
                self._shorten()
            elif self._lines:
                self._line = self._lines.popleft()
            elif self._gained:
                self._gained = False
                self._lines.extend(self._pass())
            else:
                return self._kick()

    def tell(self, setting: Setting, score: float | None, *, too_large: bool = False) -> None:
        """Takes in what became of a setting that was asked for.

        Args:
            setting: What was tried.
            score: The higher, the better; None if it does not work.
            too_large: Whether it needs more of a resource than there is.
        """
        self._tried.add(setting)
        if too_large:
            self._too_large.append(setting)
        if score is not None and (self.best_score is None or score > self.best_score * MIN_GAIN):
            self.best, self.best_score = setting, score
            self._gained = True
            if self._line is not None:
                self._line.steps = MAX_STEPS
                self._forget_the_way_back(self._line)
        else:
            self._shorten()

    def _is_new(self, setting: Setting | None) -> bool:
        if setting is None or setting in self._tried:
            return False
        return not any(all(a >= b for a, b in zip(setting, large, strict=True)) for large in self._too_large)

    def _shorten(self) -> None:
        """Goes back to steps of one; a line that had those is at its end."""
        if self._line is not None and self._line.steps > 1:
            self._line.steps = 1
        else:
            self._line = None

    def _forget_the_way_back(self, line: _Line) -> None:
        self._lines = deque(
            other for other in self._lines if other.knob is not line.knob or other.direction == line.direction
        )

    def _pass(self) -> list[_Line]:
        """Returns all knobs in both directions: up before down, coarse before fine."""
        knobs = sorted(self._knobs, key=lambda knob: (-len(knob.places), self._random.random()))
        return [_Line(knob, direction) for direction in (1, -1) for knob in knobs]

    def _kick(self) -> Setting | None:
        for _ in range(KICKS if self._knobs else 0):
            setting: Setting | None = self.best
            for _ in range(KICKED_KNOBS):
                if setting is not None:
                    setting = self._random.choice(self._knobs).turned(setting, self._random.choice((-2, -1, 1, 2)))
            if self._is_new(setting):
                return setting
        return None
