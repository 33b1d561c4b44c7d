"""Explore cheap, confirm dear: many rollouts are played with a cheap evaluator, a few are judged by an exact one.

The episodes were played with the cheap evaluator's feedback and stay as they are. Of each group the rollouts that
differ most are chosen, their candidates are evaluated again, and the rewards are computed anew from the exact reports.
All others are neither counted nor learned from, so that nothing is ever learned from a cheap reward.

    group ─ choose by cheap returns ─► candidates ─ exact evaluator ─► reports ─ reward, with history ─► rows
"""

import json
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Final

from kernelgym.errors import BadUsage, EvaluatorBroken
from kernelgym.evaluators import Evaluator
from kernelgym.problems import Problem, get_problem
from policies.training.collecting.collected import CollectedEpisode
from policies.training.confirming.confirmation_counts import ConfirmationCounts, compare
from policies.training.confirming.contrast import ContrastiveSelection
from policies.training.playing.played import Ending, PlayedEpisode, PlayedTurn, fault_of
from rewards import DEFAULT_REWARD, get_reward, returns_to_go
from sandboxes.contracts import Depth, EvalConfig, Outcome, Report, Submission
from sandboxes.extraction import extract

Key = tuple[str, str]
"""Problem and digest of a candidate."""

NO_HISTORY: Final[tuple[Report, ...]] = ()


class Confirmer:
    """Has the most telling rollouts of a group judged by an exact evaluator; a `GroupConfirmer`.

    Equal candidates of a group are evaluated once; with a `CachedEvaluator`, those of a training are.

    May be used from several threads.

    Args:
        evaluator: The exact one; the caller closes it.
        select: Which rollouts it is asked about.
        config: How it evaluates; has to be for the same GPU as the cheap one, or the order means little.
        reward: Name of the reward that is learned, or path of a YAML file. The cheap evaluator's need not be the same.
        gamma: Discount of the cheap returns that rollouts are chosen by.
        find: Finds the problem of an id.

    Raises:
        BadUsage: The configuration asks for prices only.
        RewardsError: There is no such reward.
    """

    def __init__(
        self,
        evaluator: Evaluator,
        *,
        select: ContrastiveSelection,
        config: EvalConfig | None = None,
        reward: str = DEFAULT_REWARD,
        gamma: float = 1.0,
        find: Callable[[str], Problem] = get_problem,
    ) -> None:
        self._config = EvalConfig() if config is None else config
        if self._config.depth is not Depth.JUDGED:
            raise BadUsage(f"the exact evaluation has the depth `{self._config.depth}`; confirm with `judged`")
        self._evaluator = evaluator
        self._select = select
        self._scorer = get_reward(reward)
        self._gamma = gamma
        self._find = find
        self._problems: dict[str, Problem] = {}
        self._lock = threading.Lock()
        self._counts = ConfirmationCounts()

    @property
    def counts(self) -> ConfirmationCounts:
        """What was asked and spared so far."""
        return self._counts

    def confirm(self, group: Sequence[PlayedEpisode]) -> list[CollectedEpisode]:
        """Returns the group as it is learned from, in its order.

        Confirmed rollouts have the exact reports and rewards, in `played`, too. All others have no rewards, and count
        nowhere. An episode that either evaluator lost counts nowhere; if the exact one can't answer, all are lost.

        Args:
            group: All rollouts of one group, played with the cheap evaluator.

        Raises:
            BadUsage: The exact evaluator does not judge.
            KernelGymError: What it raises otherwise.
        """
        judged = {index: self._value(episode) for index, episode in enumerate(group) if not episode.lost}
        places = list(judged)
        chosen = [places[place] for place in self._select.choose(list(judged.values()), _name(group))]
        sent = {index: _submissions(group[index]) for index in places}
        wanted = {
            (group[index].problem, found.digest): found
            for index in chosen
            for found in sent[index]
            if found is not None
        }
        try:
            reports = self._evaluate(wanted)
        except EvaluatorBroken as error:
            with self._lock:
                self._counts += ConfirmationCounts(groups=1, lost=len(group))
            return [_lost(episode, f"{type(error).__name__}: {error}") for episode in group]
        rows = [_unconfirmed(episode) for episode in group]
        for index in chosen:
            rows[index] = self._confirmed(group[index], sent[index], reports)
        both = [index for index in chosen if not rows[index].played.lost]
        candidates = {index: sum(found is not None for found in sent[index]) for index in places}
        counts = ConfirmationCounts(
            groups=1,
            confirmed=len(both),
            unconfirmed=len(places) - len(chosen),
            lost=len(group) - len(places) + len(chosen) - len(both),
            asked=len(wanted),
            repeated=sum(candidates[index] for index in chosen) - len(wanted),
            spared=sum(candidates[index] for index in places if index not in chosen),
        )
        counts += compare([judged[index] for index in both], [self._value(rows[index].played) for index in both])
        with self._lock:
            self._counts += counts
        return rows

    def _value(self, episode: PlayedEpisode) -> float:
        """Returns the return of an episode that is not lost."""
        return returns_to_go(episode.rewards, self._gamma)[0] or 0.0

    def _evaluate(self, wanted: Mapping[Key, Submission]) -> dict[Key, Report]:
        requests = [(submission, self._problem(id_), self._config) for (id_, _), submission in wanted.items()]
        keys = list(wanted)
        reports = {keys[index]: report for index, report in self._evaluator.evaluate_many(requests)}
        if any(report.outcome is Outcome.UNJUDGED for report in reports.values()):
            raise BadUsage("the exact evaluator prices and does not judge; give one that does, e.g. LocalEvaluator()")
        return reports

    def _problem(self, id_: str) -> Problem:
        """Returns a problem as it is evaluated: with its check shapes, where they had to be found."""
        with self._lock:
            if id_ not in self._problems:
                problem = self._find(id_)
                reference = self._evaluator.describe(problem).reference
                self._problems[id_] = problem.model_copy(update={"reference": reference})
            return self._problems[id_]

    def _confirmed(
        self, episode: PlayedEpisode, sent: Sequence[Submission | None], reports: Mapping[Key, Report]
    ) -> CollectedEpisode:
        history = NO_HISTORY
        turns: list[PlayedTurn] = []
        for turn, submission in zip(episode.turns, sent, strict=True):
            if turn.report is None:  # a bare SUBMIT is no candidate, and nobody judges it
                turns.append(turn)
                continue
            report = turn.report if submission is None else reports[episode.problem, submission.digest]
            turns.append(replace(turn, report=report, reward=self._scorer(report, history).value))
            history = (*history, report)
        lost = any(turn.reward is None for turn in turns)
        played = replace(episode, turns=tuple(turns))
        if lost:
            fault = next(fault_of(turn.report) for turn in turns if turn.reward is None)
            played = replace(played, ending=Ending.LOST, fault=fault)
        every = (not lost,) * len(turns)
        return CollectedEpisode(played=played, rewards=played.rewards, counted=every, learned=every)


def _unconfirmed(episode: PlayedEpisode) -> CollectedEpisode:
    nothing = (False,) * len(episode.turns)
    return CollectedEpisode(played=episode, rewards=(None,) * len(episode.turns), counted=nothing, learned=nothing)


def _lost(episode: PlayedEpisode, fault: str) -> CollectedEpisode:
    """Returns an episode that nobody will confirm; one that was lost before keeps its own fault."""
    return _unconfirmed(episode if episode.lost else replace(episode, ending=Ending.LOST, fault=fault))


def _submissions(episode: PlayedEpisode) -> list[Submission | None]:
    """Returns the candidate of each turn; None where nothing was sent to an evaluator."""
    return [_submission(turn, turn.report) for turn in episode.turns]


def _submission(turn: PlayedTurn, report: Report | None) -> Submission | None:
    """Returns the candidate that a report is about; None if it is about none.

    Raises:
        ValueError: The action holds another one; a bug, as it would earn what somebody else did.
    """
    if report is None or not report.submission:
        return None
    found = extract(turn.text)
    if not isinstance(found, Submission) or found.digest != report.submission:
        raise ValueError(f"a turn's report is about the candidate {report.submission[:12]}, its text holds another")
    return found


def _name(group: Sequence[PlayedEpisode]) -> str:
    """Returns what tells a group from others: whose rollouts, with which draws."""
    return json.dumps([[episode.problem, episode.seed] for episode in group])
