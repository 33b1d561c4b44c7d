"""Episode records, players and evaluators to test with: small, valid, and adjustable where a test cares."""

import threading
from collections.abc import Callable, Sequence
from typing import ClassVar

from kernelgym.chat import Message
from kernelgym.evaluators import ScriptedEvaluator
from kernelgym.problems import Problem, list_solutions
from kernelgym.runs.record import EpisodeError, EpisodeRecord, Loss, TurnRecord
from policies.scripted import without_docstring
from rewards import drkernel_paper
from sandboxes.contracts import Description, EvalConfig, Outcome, Report, Submission
from tests.reports import failed_report, ok_report

CODE = "```python\nclass ModelNew:\n    pass\n```"


def fast_report(speedup: float) -> Report:
    """A correct candidate that is `speedup` times as fast as the reference."""
    return ok_report(time_us=10.0, reference_time_us=10.0 * speedup)


def episode(
    *verdicts: Outcome | float,
    problem: str = "core/softmax",
    sample: int = 0,
    error: Loss | None = None,
    forfeit: float | None = None,
) -> EpisodeRecord:
    """An episode of these turns: an outcome that is not ok, or the speedup of a correct candidate."""
    reports = [failed_report(verdict) if isinstance(verdict, Outcome) else fast_report(verdict) for verdict in verdicts]
    turns = tuple(
        TurnRecord.of(number, CODE, report, drkernel_paper(report), f"Turn {number}: {report.outcome}")
        for number, report in enumerate(reports, 1)
    )
    scored = [turn for turn in turns if turn.reward is not None]
    return EpisodeRecord(
        problem=problem,
        sample=sample,
        seed=sample,
        policy="test",
        prompt="Write a kernel.",
        turns=turns,
        best_turn=max(scored, key=lambda turn: turn.reward or 0.0).number if scored else None,
        terminated=error is None,
        error=None if error is None else EpisodeError(kind=error, message="it broke", reward=forfeit),
    )


class LightEvaluator(ScriptedEvaluator):
    """A scripted evaluator that describes each problem once, however many tests and threads ask."""

    known: ClassVar[dict[str, Description]] = {}
    one_at_a_time: ClassVar[threading.Lock] = threading.Lock()  # `ast.parse` fails in threads on Python 3.11

    def describe(self, problem: Problem) -> Description:
        with self.one_at_a_time:
            if problem.id not in self.known:
                self.known[problem.id] = super().describe(problem)
            return self.known[problem.id]


def judge(submission: Submission, problem: Problem, config: EvalConfig) -> Report:
    """Judges bundled solutions as they are expected to be judged, and everything else as a hack."""
    known = {without_docstring(solution.source).strip(): solution for solution in list_solutions(problem.id)}
    solution = known.get(submission.source.strip())
    report = failed_report(Outcome.HACK)
    if solution is not None:
        report = {
            "correct": fast_report(2.0),
            "slow": fast_report(0.25),
            "wrong": failed_report(Outcome.INCORRECT),
        }[solution.name]
    return report.model_copy(update={"submission": submission.digest, "problem": problem.id, "config": config})


class ScriptedPlayer:
    """Sends completions in turn, the last one again and again; remembers what it was shown."""

    def __init__(self, *completions: object, act: Callable[[str], str] | None = None) -> None:
        self.completions: Sequence[object] = completions or (CODE,)
        self.observations: list[str] = []
        self.special = act

    def act(self, chat: Sequence[Message]) -> str:
        observation = chat[-1].content
        self.observations.append(observation)
        if self.special is not None:
            return self.special(observation)
        return self.completions[min(len(self.observations), len(self.completions)) - 1]  # type: ignore[return-value]


class ScriptedPolicy:
    """Makes a new player for every episode and remembers for which."""

    name = "scripted"

    def __init__(self, make: Callable[[], ScriptedPlayer] = ScriptedPlayer) -> None:
        self.make = make
        self.players: list[ScriptedPlayer] = []
        self.begun: list[tuple[str, int]] = []

    def begin(self, problem: Problem, seed: int) -> ScriptedPlayer:
        self.begun.append((problem.id, seed))
        self.players.append(self.make())
        return self.players[-1]
