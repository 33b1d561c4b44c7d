"""Input values that can be repeated with the secret, and not be guessed without it."""

from kernelgym.envs import DataSeeds, Episode, Rules
from kernelgym.envs.seeding import again
from kernelgym.evaluators import CachedEvaluator
from kernelgym.problems import get_problem
from sandboxes.contracts import EvalConfig, Outcome
from sandboxes.seeds import MAX_USES
from tests.kernelgym.envs.script import Scripted, completion, described
from tests.reports import failed_report, ok_report

SEEDS = DataSeeds(secret="s", problem="core/softmax", sample=0)
OK, WRONG = ok_report(), failed_report(Outcome.INCORRECT)


def test_every_evaluation_of_a_run_has_a_seed_of_its_own() -> None:
    config = EvalConfig()
    episodes = [
        DataSeeds(secret=secret, problem=problem, sample=sample)
        for secret in ("1", "2")
        for problem in ("core/softmax", "core/matmul")
        for sample in range(3)
    ]
    configs = [seeds.for_turn(config, [OK] * turn) for seeds in episodes for turn in range(4)]
    configs += [seeds.for_confirmation(config) for seeds in episodes]
    assert len({config.seed for config in configs}) == 2 * 2 * 3 * 5


def test_the_same_secret_gives_the_same_seeds() -> None:
    again = DataSeeds(secret="s", problem="core/softmax", sample=0)
    assert SEEDS.for_turn(EvalConfig(), [WRONG]) == again.for_turn(EvalConfig(), [WRONG])


def test_the_bench_case_keeps_its_inputs_until_something_of_them_may_have_been_told() -> None:
    def bench(*earlier: object) -> int | None:
        return SEEDS.for_turn(EvalConfig(), earlier).bench_seed  # type: ignore[arg-type]

    assert bench() == bench(OK) == bench(OK, OK)
    assert bench(OK) != bench(WRONG)
    assert bench(WRONG) == bench(WRONG, OK) != bench(WRONG, OK, WRONG)
    assert bench(*[OK] * (MAX_USES - 1)) == bench() != bench(*[OK] * MAX_USES)
    assert SEEDS.for_confirmation(EvalConfig()).bench_seed != bench()


def test_nothing_else_of_the_configuration_changes() -> None:
    config = EvalConfig(target="a100", replay_timeout_s=7)
    assert SEEDS.for_turn(config, []).model_copy(update={"seed": None, "bench_seed": None}) == config


def test_neither_secret_nor_seeds_are_in_what_the_agent_reads() -> None:
    problem = get_problem("core/softmax")
    secret = DataSeeds(secret="very secret", problem=problem.id, sample=0)
    evaluator = Scripted()
    episode = Episode(problem, described(problem), Rules(max_turns=4), secret)
    for word in ("slow", "incorrect", "memory_error", "fast"):
        episode.play(completion(word), evaluator)
    said = "\n".join(message.content for message in episode.chat) + episode.turns[-1].observation
    configs = [request[2] for request in evaluator.requests]
    assert len({config.seed for config in configs}) == 4
    for number in [seed for config in configs for seed in (config.seed, config.bench_seed)]:
        assert number is not None
        assert str(number) not in said
        assert f"{number:x}" not in said
    assert "very secret" not in said


def test_the_best_turn_is_evaluated_again_on_values_of_its_own() -> None:
    problem = get_problem("core/softmax")
    evaluator = Scripted()
    episode = Episode(problem, described(problem), Rules(), SEEDS)
    assert episode.confirm(evaluator) is None, "nothing was played"
    episode.play(completion("incorrect"), evaluator)
    assert episode.confirm(evaluator) is None, "nothing is correct"
    episode.play(completion("fast"), evaluator)
    episode.play(completion("slow"), evaluator)
    confirmed = episode.confirm(evaluator)
    assert confirmed is not None
    report, reward = confirmed
    submission, _, config = evaluator.requests[-1]
    assert submission == episode.turns[1].submission
    assert config.seed not in {turn.report.config.seed for turn in episode.turns}
    assert (report.speedup, reward.value) == (4.0, episode.turns[1].reward.value)
    assert len(episode.turns) == 3, "it is no turn"


def test_an_evaluator_that_remembers_verdicts_confirms_with_a_second_one() -> None:
    problem = get_problem("core/softmax")
    inner = Scripted()
    evaluator = CachedEvaluator(inner)
    episode = Episode(problem, described(problem), Rules())
    turn = episode.play(completion("fast"), evaluator)
    confirmed = episode.confirm(evaluator)
    assert confirmed is not None
    assert len(inner.requests) == 2, "the second verdict is none that was remembered"
    assert (turn.report.config.repeat, confirmed[0].config.repeat) == (0, 1)


def test_a_seed_that_is_given_is_the_one_of_the_confirmation_too() -> None:
    assert again(EvalConfig(seed=7)) == EvalConfig(seed=7)
