"""The demo policy reads what it is told before it moves."""

import pytest

from kernelgym.chat import Message, Role
from kernelgym.envs import Episode, Rules
from kernelgym.errors import BadUsage
from kernelgym.evaluators import LocalEvaluator
from kernelgym.problems import Problem, get_problem, list_problems, list_solutions
from policies.scripted import STORIES, DemoPlayer, DemoPolicy, decoy, without_docstring
from policies.verdicts import read_verdict
from sandboxes.contracts import Outcome, Reference, Submission
from sandboxes.extraction import extract
from tests.policies.episodes import LightEvaluator, judge
from tests.reports import failed_report, ok_report

PROMPT = "Write a kernel."


def source(completion: str) -> str:
    found = extract(completion)
    assert isinstance(found, Submission)
    return found.source.strip()


def solution(problem: str, name: str) -> str:
    return {found.name: found.source for found in list_solutions(problem)}[name].partition('"""\n')[2].strip()


def answer(plays: DemoPlayer, observation: str) -> str:
    said = [Message(role=Role.USER, content=PROMPT), Message(role=Role.ASSISTANT, content="mine")]
    chat = [Message(role=Role.USER, content=observation)]
    return plays.act(said + chat if observation.startswith(("Turn ", "Your ")) else chat).text


def player(story: int) -> DemoPlayer:
    return DemoPolicy().begin(get_problem("core/softmax"), story)


@pytest.mark.parametrize(("story", "first", "verdict"), [(0, "wrong", "incorrect"), (1, "slow", "ok")])
def test_the_better_candidate_follows_the_feedback_that_asks_for_it(story: int, first: str, verdict: str) -> None:
    plays = player(story)
    assert source(answer(plays, PROMPT)) == solution("core/softmax", first)
    assert source(answer(plays, f"Turn 1 of 3: {verdict} - words")) == solution("core/softmax", "correct")
    assert source(answer(plays, "Turn 2 of 3: ok - 2.00x")) == solution("core/softmax", "correct")


def test_a_decoy_is_followed_by_an_honest_kernel_once_it_is_caught() -> None:
    plays = player(2)
    assert "decoy_kernel[(1,)]" in source(answer(plays, PROMPT))
    assert source(answer(plays, "Turn 1 of 3: hack")) == solution("core/softmax", "correct")


@pytest.mark.parametrize("story", range(len(STORIES)))
@pytest.mark.parametrize("feedback", ["Turn 1 of 3: infrastructure - lost", "Turn 1 of 3: compile_error"])
def test_feedback_that_the_story_does_not_expect_has_the_move_repeated(story: int, feedback: str) -> None:
    plays = player(story)
    first = answer(plays, PROMPT)
    assert answer(plays, feedback) == first
    assert answer(plays, feedback) == first


def test_feedback_in_a_style_that_it_cant_read_is_refused_with_the_remedy() -> None:
    plays = player(0)
    answer(plays, PROMPT)
    with pytest.raises(BadUsage, match=r"`demo` can't read feedback that begins `Your last .*; give --style compact"):
        answer(plays, "Your last implementation has been evaluated.")


def test_the_same_seed_plays_the_same_story_and_three_in_a_row_play_all() -> None:
    firsts = [answer(player(seed), PROMPT) for seed in range(6)]
    assert firsts[:3] == firsts[3:]
    assert len(set(firsts)) == 3


def test_a_completion_is_prose_and_one_block() -> None:
    completion = answer(player(0), PROMPT)
    assert completion.startswith("Here is")
    assert completion.count("```") == 2


def test_a_problem_without_solutions_is_refused_with_the_remedy() -> None:
    other = Problem(reference=Reference(id="mine/other", source="class Model: ..."), title="Other")
    with pytest.raises(BadUsage, match="no solutions for mine/other; give --problems core, or another --policy"):
        DemoPolicy().begin(other, 0)


@pytest.mark.parametrize(
    ("line", "outcome"),
    [
        ("Turn 2 of 3: incorrect - wrong result\nTurn 1 of 1: ok", Outcome.INCORRECT),
        ("Turn 2 of 3: no_code", Outcome.NO_CODE),
        ("Turn 2 of 3: fine", None),
        ("\nTurn 2 of 3: ok", None),
    ],
)
def test_the_outcome_is_read_from_the_first_line(line: str, outcome: Outcome | None) -> None:
    verdict = read_verdict(line)
    assert (None if verdict is None else verdict.outcome) is outcome


@pytest.mark.parametrize("outcome", Outcome)
def test_every_outcome_is_understood_as_the_episode_writes_it(outcome: Outcome) -> None:
    report = ok_report() if outcome is Outcome.OK else failed_report(outcome)
    evaluator = LightEvaluator(lambda submission, problem, config: report)
    problem = get_problem("core/softmax")
    episode = Episode(problem, evaluator.describe(problem), Rules())
    turn = episode.play("```python\nclass ModelNew: ...\n```", evaluator)
    assert turn is not None
    verdict = read_verdict(turn.observation)
    assert verdict is not None
    assert verdict.outcome is outcome


@pytest.mark.parametrize("story", range(len(STORIES)))
def test_an_episode_ends_with_the_best_solution(story: int) -> None:
    evaluator = LightEvaluator(judge)
    problem = get_problem("core/softmax")
    episode = Episode(problem, evaluator.describe(problem), Rules(max_turns=3))
    plays, observation = DemoPolicy().begin(problem, story), episode.prompt
    while not episode.done:
        observation = episode.play(answer(plays, observation), evaluator).observation
    assert [turn.report.speedup for turn in episode.turns] == [0.25 if story == 1 else None, 2.0, 2.0]


@pytest.mark.parametrize("problem", [problem.id for problem in list_problems("core/*")])
def test_a_decoy_of_every_problem_is_python(problem: str) -> None:
    compile(decoy(get_problem(problem).reference.source), problem, "exec")


def test_a_completion_does_not_say_what_is_wrong_with_it() -> None:
    assert "Wrong" not in answer(player(0), PROMPT)
    assert without_docstring("import torch\n") == "import torch\n"
    assert without_docstring('"""Two\nlines."""\nx = 1\n') == "x = 1\n"


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_decoys_are_caught_and_the_stories_come_true() -> None:
    with LocalEvaluator(workers=1) as evaluator:
        for problem in map(get_problem, ("core/layer_norm", "core/scatter_add")):
            wrong = Outcome.MEMORY_ERROR if problem.id == "core/scatter_add" else Outcome.INCORRECT
            for story, outcome in enumerate((wrong, Outcome.OK, Outcome.HACK)):
                episode = Episode(problem, evaluator.describe(problem), Rules(max_turns=2))
                plays = DemoPolicy().begin(problem, story)
                first = episode.play(answer(plays, episode.prompt), evaluator)
                second = episode.play(answer(plays, first.observation), evaluator)
                assert (first.report.outcome, second.report.outcome) == (outcome, Outcome.OK), problem.id
