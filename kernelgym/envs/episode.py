"""One problem, several turns: send a candidate, read the feedback, send a better one.

Everything that Gymnasium's environments, rollouts and evaluations of policies have in common; nothing of Gymnasium.
"""

from typing import Final

from kernelgym.chat import Message, Role
from kernelgym.envs.feedback import write_feedback
from kernelgym.envs.history import write_history
from kernelgym.envs.prompts import write_prompt
from kernelgym.envs.rules import History, Rules
from kernelgym.envs.scaling import retained
from kernelgym.envs.seeding import DataSeeds, again
from kernelgym.envs.submitting import submits
from kernelgym.envs.turn import Turn, best_turn
from kernelgym.errors import EpisodeOver
from kernelgym.evaluators import Evaluator
from kernelgym.problems import Problem
from rewards import Reward
from sandboxes.contracts import Description, Diagnostic, Outcome, Report, Stage, Submission
from sandboxes.extraction import extract, report_without_code

MAX_COMPLETION: Final = 2**22
"""Characters of the longest completion that is looked at: finding the code in it takes seconds at most."""


class Episode:
    """A conversation about one problem. For one thread at a time; the evaluator may be shared.

    Args:
        problem: What is to be solved.
        description: What `Evaluator.describe` says of it.
        rules: How it is played.
        seeds: Of the input values, for runs that can be repeated; None: every evaluation draws secret ones.
    """

    def __init__(
        self, problem: Problem, description: Description, rules: Rules, seeds: DataSeeds | None = None
    ) -> None:
        self.problem = problem.model_copy(update={"reference": description.reference})
        self.rules = rules
        self.prompt = write_prompt(self.problem, description, rules)
        self._description = description
        self.turns: list[Turn] = []
        self._seeds = seeds
        self._shown: list[Turn] = []
        self.submitted = False
        """True if the agent ended it."""
        self.terminated = False
        """True once the last turn has been played, the target speedup reached, or the agent has submitted."""
        self.truncated = False
        """True if the last turn was lost: the episode ended without the verdict that was due."""

    @property
    def done(self) -> bool:
        """True if no turn is left to be played."""
        return self.terminated or self.truncated

    @property
    def best(self) -> Turn | None:
        """The turn with the highest reward, then speedup; None as long as there is no verdict.

        By a reward for beating earlier turns (`NamedReward.relative`): the fastest correct one.
        """
        return best_turn(self.turns, relative=self.rules.scorer.relative)

    @property
    def chat(self) -> tuple[Message, ...]:
        """What the agent answers next: the task, older turns in the style's short form, the newest one in full.

        With `Rules.history` full, all turns as they were first shown: the chat before is the begin of the chat after.
        """
        if not self._shown:
            return (Message(role=Role.USER, content=self._task()),)
        *older, newest = self._shown
        said = [Message(role=Role.USER, content=self.prompt)]
        if self.rules.history == History.FULL:
            for turn in self._shown:
                said.append(Message(role=Role.ASSISTANT, content=turn.completion))
                said.append(Message(role=Role.USER, content=turn.observation))
            return tuple(said)
        for turn in older:
            said += write_history(turn, self.rules)
        said.append(Message(role=Role.ASSISTANT, content=newest.completion))
        said.append(Message(role=Role.USER, content=self._feedback(newest)))
        return tuple(said)

    def _task(self) -> str:
        """Returns the prompt; once turns were played and none is kept, it says how many are used up."""
        if not self.turns:
            return self.prompt
        return write_prompt(self.problem, self._description, self.rules, played=len(self.turns))

    def _feedback(self, turn: Turn) -> str:
        """Returns what is told of the newest turn in the chat: anew if it has become wrong by what is not kept."""
        later = self.turns[turn.number :]
        shown = [each.number for each in self._shown]
        if not later and (self.best is None or self.best.number in shown):
            return turn.observation
        return write_feedback(
            turn.report, turn.reward, turn.submission, previous=self.turns[: turn.number - 1], rules=self.rules,
            over=self.done, later=later, shown=shown,
        )  # fmt: skip

    def play(self, completion: str, evaluator: Evaluator) -> Turn | None:
        """Plays one turn: finds the code, evaluates and scores it, writes the feedback.

        Whatever the completion is, it ends in a turn. One of more than `MAX_COMPLETION` characters holds no code; the
        turn keeps as many of it. A last line `SUBMIT` ends the episode.

        Returns:
            The turn; None if the completion holds no code and submits what was sent before, which is no turn.

        Raises:
            EpisodeOver: The episode has ended.
            KernelGymError: What `Evaluator.evaluate` raises; no turn is used up.
        """
        if self.done:
            raise EpisodeOver(f"the episode on {self.problem.id}", len(self.turns))
        submitted = self.rules.allow_submit and submits(completion)
        found = _too_long(completion) if len(completion) > MAX_COMPLETION else extract(completion)
        if submitted and self.turns and isinstance(found, Diagnostic):
            self.submitted = self.terminated = True
            return None
        number = len(self.turns) + 1
        report = self._evaluate(found, evaluator)
        reward = self.rules.scorer(report, [turn.report for turn in self.turns])
        lost = reward.value is None
        submission = found if isinstance(found, Submission) else None
        self.submitted = submitted and submission is not None and not lost
        reached = self.rules.reaches_target(report)
        last = number >= self.rules.total_turns
        observation = write_feedback(
            report, reward, submission, previous=self.turns, rules=self.rules, over=reached or last or self.submitted,
            shown=[each.number for each in self._shown],
        )  # fmt: skip
        turn = Turn(
            number=number,
            completion=completion[:MAX_COMPLETION],
            submission=submission,
            report=report,
            reward=reward,
            observation=observation,
        )
        self.turns.append(turn)
        self.terminated = reached or self.submitted or (last and not lost)
        self.truncated = last and lost
        self._show(turn)
        return turn

    def _show(self, turn: Turn) -> None:
        """Puts a turn into the chat; where an iteration ends, only what is kept stays."""
        self._shown.append(turn)
        scaling = self.rules.scaling
        if scaling is not None and len(self._shown) >= self.rules.max_turns and not self.done:
            self._shown = retained(self._shown, scaling.keep, scaling.select, relative=self.rules.scorer.relative)

    def confirm(self, evaluator: Evaluator) -> tuple[Report, Reward] | None:
        """Evaluates the best turn's candidate once more, on input values of its own.

        The best of several evaluations is flattered by chance; this one took no part in the choice.

        Returns:
            Report and reward; None if no turn was correct.

        Raises:
            KernelGymError: What `Evaluator.evaluate` raises.
        """
        best = self.best
        if best is None or best.submission is None or best.report.outcome is not Outcome.OK:
            return None
        config = again(self.rules.config) if self._seeds is None else self._seeds.for_confirmation(self.rules.config)
        report = evaluator.evaluate(best.submission, self.problem, config)
        earlier = [turn.report for turn in self.turns[: best.number - 1]]
        return report, self.rules.scorer(report, earlier)

    def _evaluate(self, found: Submission | Diagnostic, evaluator: Evaluator) -> Report:
        config = self.rules.config
        if isinstance(found, Diagnostic):
            return report_without_code(found, self.problem.id, config)
        if self._seeds is not None:
            config = self._seeds.for_turn(config, [turn.report for turn in self.turns])
        return evaluator.evaluate(found, self.problem, config)


def _too_long(completion: str) -> Diagnostic:
    return Diagnostic(
        stage=Stage.EXTRACT,
        message=f"the completion has {len(completion):,} characters; at most {MAX_COMPLETION:,} are looked at",
        hint="write less around the code, and build large tables in `__init__`",
    )
