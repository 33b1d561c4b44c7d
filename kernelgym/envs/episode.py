"""One problem, several turns: send a candidate, read the feedback, send a better one.

Everything that Gymnasium's environments, rollouts and evaluations of policies have in common; nothing of Gymnasium.
"""

from typing import Final

from kernelgym.envs.feedback import write_feedback
from kernelgym.envs.prompts import write_prompt
from kernelgym.envs.rules import Rules
from kernelgym.envs.turn import Turn, best_turn
from kernelgym.errors import EpisodeOver
from kernelgym.evaluators import Evaluator
from kernelgym.problems import Problem
from rewards import get_reward
from sandboxes.contracts import Description, Diagnostic, Report, Stage, Submission
from sandboxes.extraction import extract, report_without_code

MAX_COMPLETION: Final = 2**22
"""Characters of the longest completion that is looked at: finding the code in it takes seconds at most."""


class Episode:
    """A conversation about one problem. For one thread at a time; the evaluator may be shared.

    Args:
        problem: What is to be solved.
        description: What `Evaluator.describe` says of it.
        rules: How it is played.
    """

    def __init__(self, problem: Problem, description: Description, rules: Rules) -> None:
        self.problem = problem.model_copy(update={"reference": description.reference})
        self.rules = rules
        self.prompt = write_prompt(self.problem, description, rules)
        self.turns: list[Turn] = []
        self.terminated = False
        """True once the last turn has been played or the target speedup reached."""
        self.truncated = False
        """True if the last turn was lost: the episode ended without the verdict that was due."""

    @property
    def done(self) -> bool:
        """True if no turn is left to be played."""
        return self.terminated or self.truncated

    @property
    def best(self) -> Turn | None:
        """The turn with the highest reward, then speedup; None as long as there is no verdict."""
        return best_turn(self.turns)

    def play(self, completion: str, evaluator: Evaluator) -> Turn:
        """Plays one turn: finds the code, evaluates and scores it, writes the feedback.

        Whatever the completion is, it ends in a turn. One of more than `MAX_COMPLETION` characters holds no code; the
        turn keeps as many of it.

        Raises:
            EpisodeOver: The episode has ended.
            KernelGymError: What `Evaluator.evaluate` raises; no turn is used up.
        """
        if self.done:
            raise EpisodeOver(f"the episode on {self.problem.id}", len(self.turns))
        submission, report = self._evaluate(completion, evaluator)
        reward = get_reward(self.rules.reward)(report)
        number = len(self.turns) + 1
        lost = reward.value is None
        reached = report.speedup is not None and report.speedup >= (self.rules.target_speedup or float("inf"))
        last = number >= self.rules.max_turns
        observation = write_feedback(
            report, reward, submission, previous=self.turns, rules=self.rules, over=reached or last
        )
        turn = Turn(
            number=number,
            completion=completion[:MAX_COMPLETION],
            submission=submission,
            report=report,
            reward=reward,
            observation=observation,
        )
        self.turns.append(turn)
        self.terminated = reached or (last and not lost)
        self.truncated = last and lost
        return turn

    def _evaluate(self, completion: str, evaluator: Evaluator) -> tuple[Submission | None, Report]:
        found = _too_long(completion) if len(completion) > MAX_COMPLETION else extract(completion)
        if isinstance(found, Diagnostic):
            return None, report_without_code(found, self.problem.id, self.rules.config)
        return found, evaluator.evaluate(found, self.problem, self.rules.config)


def _too_long(completion: str) -> Diagnostic:
    return Diagnostic(
        stage=Stage.EXTRACT,
        message=f"the completion has {len(completion):,} characters; at most {MAX_COMPLETION:,} are looked at",
        hint="write less around the code, and build large tables in `__init__`",
    )
