"""The policy `teacher`: plays what the demo's corpus is made of. It is no good teacher.

It fills the holes of a sketch at random, so that most of its first candidates are wrong. After a failure it mends each
wrong decision with probability `MENDS`; after a success it tries other launch parameters. A model that imitates it
knows the programs, their flaws, and a little of what feedback is for; which decisions are good it has to find out.
"""

import random
from collections.abc import Sequence
from typing import Final

from kernelgym.chat import Message
from kernelgym.errors import BadUsage, did_you_mean
from kernelgym.problems import Problem
from policies.training.demo.sketches import SKETCHES, Sketch
from policies.verdicts import verdict_of
from sandboxes.contracts import Outcome

SKILL: Final = 0.7
"""Probability of a right decision, where there are wrong ones."""

MENDS: Final = 0.5
"""Probability of mending a decision that was wrong, once the program has failed."""

TUNED: Final = ("block", "warps")
"""Holes that are filled anew after a success."""


class TeacherPolicy:
    """Implements `Policy` for the problems in `SKETCHES`."""

    name = "teacher"

    def begin(self, problem: Problem, seed: int) -> "TeacherPlayer":
        """Returns a player.

        Raises:
            BadUsage: There is no sketch of this problem.
        """
        sketch = SKETCHES.get(problem.id)
        if sketch is None:
            remedy = did_you_mean(problem.id, SKETCHES) or f"it knows {', '.join(SKETCHES)}"
            raise BadUsage(f"the policy `teacher` has no sketch of {problem.id}; {remedy}")
        return TeacherPlayer(sketch, random.Random(seed))


class TeacherPlayer:
    """Plays one episode; remembers its decisions, and reads of the feedback whether they worked."""

    def __init__(self, sketch: Sketch, generator: random.Random) -> None:
        self._sketch = sketch
        self._generator = generator
        self._filling = sketch.draw(generator, SKILL)

    def act(self, chat: Sequence[Message]) -> str:
        """Returns the next program, as a completion.

        Raises:
            BadUsage: The feedback does not say its verdict in its first line.
        """
        verdict = verdict_of("teacher", chat)
        if verdict is not None:
            self._change(verdict.outcome)
        return completion_of(self._sketch.filled(self._filling))

    def _change(self, outcome: Outcome) -> None:
        for key, hole in self._sketch.holes.items():
            wrong = self._filling[key] >= hole.right
            if outcome is not Outcome.OK and wrong and self._generator.random() < MENDS:
                self._filling[key] = self._generator.randrange(hole.right)
            elif outcome is Outcome.OK and key in TUNED:
                self._filling[key] = hole.draw(self._generator, SKILL)


def completion_of(source: str) -> str:
    """Returns a program in the form in which the environment wants to be answered."""
    return f"```python\n{source}```"
