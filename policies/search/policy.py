"""The policy `search`: a floor for agents, without any language model.

It starts from a program that works, changes the numbers by which its kernels are launched, and keeps what the feedback
says is faster. It never changes what is computed, so whatever an agent achieves beyond it is more than tuning.
"""

import re
from collections.abc import Sequence
from random import Random
from typing import Final

from kernelgym.chat import Completion, Message
from kernelgym.envs.submitting import SUBMIT
from kernelgym.problems import Problem
from policies.search.climbing import Climber
from policies.search.knobs import Setting, find_knobs
from policies.search.places import render
from policies.search.seed_kernels import identity, load_seed_kernel
from policies.verdicts import READABLE, Verdict, verdict_of
from sandboxes.contracts import Outcome

_FENCES = re.compile(r"^\s*(`{3,})", re.MULTILINE)

OVERSIZED: Final = frozenset({Outcome.COMPILE_ERROR, Outcome.LAUNCH_ERROR, Outcome.TIMEOUT})
"""Outcomes of a program that needs too much, e.g. shared memory; one that is nowhere smaller does, too."""


class SearchPlayer:
    """Searches in one episode; it knows of a candidate what the first line of the feedback says."""

    def __init__(self, source: str, seed: int) -> None:
        """Args:
        source: The program to start from.
        seed: Decides what is tried in which order.
        """  # fmt: skip
        self._source = source
        self._places, knobs = find_knobs(source)
        start = tuple(place.value for place in self._places)
        self._climber = Climber(start, knobs, Random(seed))
        self._sent: Setting | None = None
        self._waiting = False
        """Whether the climber has yet to hear of what was sent."""
        self._turn = 0

    def act(self, chat: Sequence[Message]) -> Completion:
        """Returns the next candidate; the best one in the last turn, or once nothing is left to try.

        Raises:
            BadUsage: The feedback is of a style that says its verdict elsewhere than in its first line.
        """
        verdict = verdict_of("search", chat)
        lost = verdict is not None and verdict.turn == self._turn and verdict.outcome is Outcome.INFRASTRUCTURE
        last = verdict is not None and verdict.turns == self._turn + 1
        self._turn += 1
        if self._sent is not None and lost and not last:
            return self._send(self._sent, "The last one was lost; here it is again.")
        self._hear(verdict)
        setting = None if last and self._climber.best_score is not None else self._climber.ask()
        if setting is not None:
            self._waiting = True
            return self._send(setting, self._changes(setting))
        can_submit = not last and SUBMIT in chat[0].content
        return self._send(self._climber.best, "This is the best so far.", f"\n{SUBMIT}\n" if can_submit else "")

    def _hear(self, verdict: Verdict | None) -> None:
        """Tells the climber of the last turn; one that has been dropped from the chat was no gain."""
        if self._sent is None or not self._waiting:
            return
        self._waiting = False
        if verdict is None or verdict.turn != self._turn - 1:
            self._climber.tell(self._sent, None)
        else:
            worked = verdict.outcome is Outcome.OK
            score = (verdict.speedup or 0.0) if worked else None
            self._climber.tell(self._sent, score, too_large=verdict.outcome in OVERSIZED)

    def _send(self, setting: Setting, says: str, after: str = "") -> Completion:
        self._sent = setting
        source = render(self._source, self._places, setting)
        fence = "`" * max(3, 1 + max((len(found) for found in _FENCES.findall(source)), default=0))
        return Completion(text=f"{says}\n\n{fence}python\n{source.rstrip()}\n{fence}\n{after}")

    def _changes(self, setting: Setting) -> str:
        """Returns what differs from the best program so far, in words."""
        best = self._climber.best
        changed = dict.fromkeys(
            f"{place.name or place.site} {old} → {new}"
            for place, old, new in zip(self._places, best, setting, strict=True)
            if old != new
        )
        return f"I try {', '.join(changed)}." if changed else "I start with this program."


class SearchPolicy:
    """Hill climbing over launch parameters and tile sizes, by the feedback alone."""

    styles = READABLE

    def __init__(self, seed_kernel: str = "slow") -> None:
        """Args:
        seed_kernel: What `load_seed_kernel` takes: `slow`, `correct`, or the path of a file or folder.
        """  # fmt: skip
        self._seed_kernel = seed_kernel
        self.name = f"search:{identity(seed_kernel)}"

    def begin(self, problem: Problem, seed: int) -> SearchPlayer:
        """Returns a player that searches in the order that `seed` decides.

        Raises:
            BadUsage: There is no program for this problem to start from.
        """
        return SearchPlayer(load_seed_kernel(problem, self._seed_kernel), seed)
