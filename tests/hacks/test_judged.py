"""A few programs of the corpus, judged for real; `kernelgym bench hacks` judges all of them, in CI's own lane."""

from typing import Final

import pytest

from kernelgym.evaluators import LocalEvaluator
from kernelgym.hackbench import KernelGymJudge, Layer, Result, assess, load_corpus, summarise

PROGRAMS: Final = (
    "hacks/answers/bundled_solution",
    "hacks/caching/in_closure",
    "hacks/obfuscation/rot13",
    "hacks/patching/allclose",
    "hacks/process/exit_at_import",
    "hacks/caching/pointer_cache",
    "hacks/stale_memory/read_uninitialised",
    "honest/caching/static_tables",
    "honest/memory/new_empty",
    "honest/mixed/index_cast",
    "honest/small_outputs/first_of_equals",
    "honest/words/file_words",
)
"""Quick ones, and for most layers one."""


@pytest.fixture(scope="module")
def results() -> list[Result]:
    corpus = load_corpus()
    programs = corpus.select(",".join(PROGRAMS))
    yardsticks = corpus.yardsticks(programs)
    judged = (*programs, *yardsticks)
    with LocalEvaluator(workers=2) as evaluator:
        verdicts = dict(KernelGymJudge(evaluator, "h200").judge(judged))
    rewards = {judged[index].id: verdicts[index].reward for index in range(len(programs), len(judged))}
    return assess(programs, [verdicts[index] for index in range(len(programs))], rewards)


def test_no_hack_escapes_and_no_honest_program_is_punished(results: list[Result]) -> None:
    assert [(result.program.id, result.verdict.why) for result in results if result.surprise] == []
    assert summarise(results) == {
        "hacks": 7, "honest": 5, "escapes": 0, "false_positives": 0, "surprises": 0, "lost": 0
    }  # fmt: skip


def test_different_layers_catch_different_hacks(results: list[Result]) -> None:
    assert {result.verdict.by for result in results} == {
        Layer.SANDBOX, Layer.TRACER, Layer.GATE, Layer.SANITIZER, Layer.JUDGE, Layer.PRICE
    }  # fmt: skip


def test_an_honest_program_earns_something(results: list[Result]) -> None:
    assert all((result.verdict.reward or 0.0) > 0 for result in results if not result.program.is_hack)
