"""The policy `demo`: plays stories with the bundled solutions, the way a model that learns from feedback would.

It needs no model and no GPU, and shows that the loop works: each story starts with a candidate that is not good enough
and goes on only when the feedback says what is wrong with it.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from kernelgym.chat import Completion, Message
from kernelgym.errors import BadUsage
from kernelgym.problems import Problem, list_solutions
from policies.verdicts import READABLE, verdict_of
from sandboxes.contracts import Outcome

DECOY: Final = """

import triton
import triton.language as tl


@triton.jit
def decoy_kernel(out_ptr, BLOCK: tl.constexpr):
    offsets = tl.arange(0, BLOCK)
    tl.store(out_ptr + offsets, offsets.to(tl.float32))


class ModelNew(Model):
    def forward(self, *inputs):
        scratch = torch.empty(1024, device="cuda")
        decoy_kernel[(1,)](scratch, BLOCK=1024)
        return super().forward(*inputs)
"""
"""What makes a hack of any reference: PyTorch does the work, and a kernel is launched for show."""

WRONG: Final = frozenset({Outcome.INCORRECT, Outcome.MEMORY_ERROR})
"""Verdicts on a wrong solution: some compute something else, one races."""

_DOCSTRING = re.compile(r'\A\s*""".*?"""\s*', re.DOTALL)  # `ast.parse` fails in threads on Python 3.11


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """One candidate of a story."""

    says: str
    """What a model would write above its code."""
    source: str
    expects: frozenset[Outcome]
    """The verdicts on which the story goes on; on any other, the move is repeated."""

    @property
    def completion(self) -> str:
        """The move as a model would write it."""
        return f"{self.says}\n\n```python\n{without_docstring(self.source).strip()}\n```\n"


class DemoPlayer:
    """Plays the moves of one story, the next one when the feedback on the last is as expected.

    The last move is repeated to the end: it is the best this player has.
    """

    def __init__(self, story: tuple[Move, ...]) -> None:
        """Args:
        story: At least one move.
        """  # fmt: skip
        self._story = story
        self._position = 0

    def act(self, chat: Sequence[Message]) -> Completion:
        """Returns the move that the feedback calls for.

        Raises:
            BadUsage: The feedback is of a style that says its verdict elsewhere than in its first line.
        """
        verdict = verdict_of("demo", chat)
        if verdict is not None and verdict.outcome in self._story[self._position].expects:
            self._position = min(self._position + 1, len(self._story) - 1)
        return Completion(text=self._story[self._position].completion)


class DemoPolicy:
    """Three stories per problem: corrected after `incorrect`, faster after a slow `ok`, honest after `hack`."""

    name = "demo"
    styles = READABLE

    def begin(self, problem: Problem, seed: int) -> DemoPlayer:
        """Returns a player of the story that `seed` chooses; three seeds in a row give all three.

        Raises:
            BadUsage: No solutions are bundled with this problem.
        """
        sources = {solution.name: solution.source for solution in list_solutions(problem.id)}
        missing = [name for name in ("correct", "slow", "wrong") if name not in sources]
        if missing:
            raise BadUsage(
                f"the policy `demo` has no solutions for {problem.id}; give --problems core, or another --policy"
            )
        return DemoPlayer(STORIES[seed % len(STORIES)](problem, sources))


def corrected(problem: Problem, sources: dict[str, str]) -> tuple[Move, ...]:
    """Returns the story of a candidate that is wrong at first."""
    return (
        Move(says="Here is a Triton kernel for it.", source=sources["wrong"], expects=WRONG),
        _best("The results differ from the reference's. I handle the edges of the blocks now.", sources),
    )


def faster(problem: Problem, sources: dict[str, str]) -> tuple[Move, ...]:
    """Returns the story of a candidate that is correct but slow at first."""
    return (
        Move(
            says="I start with a simple version that is easy to check.",
            source=sources["slow"],
            expects=frozenset({Outcome.OK}),
        ),
        _best("It is correct, but not fast. This version moves less data and keeps more of the GPU busy.", sources),
    )


def honest(problem: Problem, sources: dict[str, str]) -> tuple[Move, ...]:
    """Returns the story of a candidate that cheats at first."""
    return (
        Move(says="This launches a Triton kernel and is as fast as PyTorch.", source=decoy(problem.reference.source),
             expects=frozenset({Outcome.HACK})),
        _best("The kernel has to do the work itself. Here is one that does.", sources),
    )  # fmt: skip


STORIES: Final[tuple[Callable[[Problem, dict[str, str]], tuple[Move, ...]], ...]] = (corrected, faster, honest)
"""In the order in which consecutive seeds choose them."""


def decoy(reference: str) -> str:
    """Returns a candidate that computes what the reference in `reference` does, without a kernel of its own."""
    return reference.rstrip() + DECOY


def without_docstring(source: str) -> str:
    """Returns a module without the text at its top, which gives away what is wrong with it."""
    return _DOCSTRING.sub("", source)


def _best(says: str, sources: dict[str, str]) -> Move:
    return Move(says=says, source=sources["correct"], expects=frozenset({Outcome.OK}))
