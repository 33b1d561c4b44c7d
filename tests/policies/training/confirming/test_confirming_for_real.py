"""Priced by one evaluator and judged by another, with real programs: the fast and wrong one is found out."""

import pytest

from kernelgym.chat import Message, Role
from kernelgym.envs import Episode, Rules
from kernelgym.evaluators import CachedEvaluator, LocalEvaluator, PricingEvaluator
from kernelgym.problems import get_problem, list_solutions
from policies.training.confirming.confirmer import Confirmer
from policies.training.confirming.contrast import ContrastiveSelection
from policies.training.playing.played import Ending, PlayedEpisode, PlayedTurn
from sandboxes.contracts import Outcome

PROBLEM = get_problem("core/add_relu")
SOLUTIONS = {item.name: item.source for item in list_solutions(PROBLEM.id)}


def play(name: str, evaluator: PricingEvaluator) -> PlayedEpisode:
    """Plays an episode of one turn, as the trainer does."""
    rules = Rules(max_turns=1, reward="exploration")
    episode = Episode(PROBLEM, evaluator.describe(PROBLEM), rules)
    text = f"```python\n{SOLUTIONS[name]}\n```"
    turn = episode.play(text, evaluator)
    assert turn is not None
    played = PlayedTurn(
        reward=turn.reward.value, report=turn.report, start=0, stop=1, stopped=True, text=text, evaluation_s=0.0
    )
    return PlayedEpisode(
        problem=PROBLEM.id, seed=0, temperature=1.0, prompt_ids=(1,), completion_ids=(2,), env_mask=(1,), turn_ids=(0,),
        logprobs=(0.0,), turns=(played,), ending=Ending.FINISHED, messages=(Message(role=Role.USER, content="x"),),
    )  # fmt: skip


@pytest.mark.slow
def test_nothing_is_learned_from_a_price() -> None:
    with CachedEvaluator(LocalEvaluator()) as exact:
        cheap = PricingEvaluator(exact)
        group = [play(name, cheap) for name in ("slow", "wrong", "correct", "demo/syntax_error")]
        promised = [episode.turns[0].reward for episode in group]
        assert promised[1] == pytest.approx(promised[2], rel=0.05)
        assert promised[3] is not None
        assert promised[0] is not None
        assert promised[2] is not None
        assert 0 < promised[3] < promised[0] < promised[2]
        select = ContrastiveSelection(keep=4)
        confirmer = Confirmer(exact, select=select)
        rows = confirmer.confirm(group)
        assert [row.played.turns[0].report.outcome for row in rows if row.played.turns[0].report is not None] == [
            Outcome.OK, Outcome.INCORRECT, Outcome.OK, Outcome.SYNTAX_ERROR,
        ]  # fmt: skip
        slow, wrong, correct, broken = (row.rewards[0] for row in rows)
        assert slow is not None
        assert correct is not None
        assert wrong == broken == 0.0 < slow < correct
        before = exact.counts.misses
        assert [row.rewards for row in confirmer.confirm(group)] == [row.rewards for row in rows]
        assert exact.counts.misses == before
