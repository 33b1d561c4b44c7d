"""What a report tells about one evaluation is of no use in the next."""

from sandboxes.contracts import EvalConfig
from sandboxes.seeds import FEW_NUMBERS, MAX_KEPT, MAX_USES, SecretSeeds

MANY = FEW_NUMBERS + 1


def test_check_cases_have_a_new_seed_every_time() -> None:
    seeds = SecretSeeds()
    assert len({seeds.fresh() for _ in range(100)}) == 100


def test_a_bench_case_keeps_its_seed_for_a_few_evaluations() -> None:
    seeds = SecretSeeds()
    drawn = [seeds.bench("a", MANY) for _ in range(2 * MAX_USES)]
    assert len(set(drawn[:MAX_USES])) == 1
    assert len(set(drawn[MAX_USES:])) == 1
    assert drawn[0] != drawn[-1]


def test_a_bench_case_has_a_new_seed_once_a_report_has_told_about_it() -> None:
    seeds = SecretSeeds()
    first, other = seeds.bench("a", MANY), seeds.bench("b", MANY)
    seeds.told("a")
    assert seeds.bench("a", MANY) != first
    assert seeds.bench("b", MANY) == other


def test_seeds_of_problems_that_are_long_gone_are_forgotten() -> None:
    seeds = SecretSeeds()
    first = seeds.bench("first", MANY)
    for number in range(MAX_KEPT):
        seeds.bench(str(number), MANY)
    assert seeds.bench("first", MANY) != first


def test_an_answer_of_few_numbers_never_has_the_same_inputs_twice() -> None:
    seeds = SecretSeeds()
    assert len({seeds.bench("a", FEW_NUMBERS) for _ in range(100)}) == 100


def test_seeds_that_are_given_serve_as_often_as_secret_ones() -> None:
    seeds = SecretSeeds()
    config = EvalConfig(seed=1, bench_seed=2)
    assert seeds.for_bench(config, "a", MANY) == (2, False)
    assert seeds.for_bench(config, "a", FEW_NUMBERS) == (1, True), "few numbers are drawn anew in every evaluation"
    assert seeds.for_bench(EvalConfig(), "a", MANY)[1] is False
    assert seeds.for_bench(EvalConfig(), "a", FEW_NUMBERS)[1] is True


def test_one_seed_for_everything_repeats_an_evaluation() -> None:
    seeds = SecretSeeds()
    for numbers in (MANY, FEW_NUMBERS):
        assert seeds.for_bench(EvalConfig(seed=1), "a", numbers) == (1, False)
