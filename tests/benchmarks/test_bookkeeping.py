"""The soak's books: who has an answer, who has two, who has another one than in quiet, and how memory grows."""

from dataclasses import replace
from itertools import islice

import pytest

from benchmarks.soak.faults import Injected
from benchmarks.soak.programs import REPEATED, Program, Request, Verdict, requests
from benchmarks.soak.tally import Tally
from benchmarks.soak.watch import WARM_UP_S, Sample, slope
from sandboxes.contracts import Outcome
from tests.reports import failed_report, ok_report

PROGRAM = Program("core/softmax/correct", "core/softmax", "class ModelNew: ...", "honest")


def request(number: int) -> Request:
    return Request(number, PROGRAM, number)


def books() -> Tally:
    return Tally({PROGRAM.id: Verdict.of(ok_report())})


def test_an_answer_is_counted_once_and_a_second_one_is_noticed() -> None:
    tally = books()
    tally.ask(request(0))
    tally.answer(request(0), ok_report())
    tally.answer(request(0), ok_report())
    found = tally.result()
    assert (found["answers"], found["lost"], found["duplicated"], found["changed"]) == (1, 0, 1, 0)


def test_no_answer_and_an_exception_are_both_losses() -> None:
    tally = books()
    for number in range(2):
        tally.ask(request(number))
    tally.fail(request(0), ConnectionError("gone"))
    assert tally.result()["lost"] == 2


def test_another_outcome_or_another_speedup_is_a_changed_verdict() -> None:
    tally = books()
    for number, report in enumerate((ok_report(), failed_report(Outcome.INCORRECT), ok_report(time_us=9.0))):
        tally.ask(request(number))
        tally.answer(request(number), report)
    assert tally.result()["changed"] == 2


def test_infrastructure_is_no_verdict_and_counted_apart() -> None:
    tally = books()
    tally.ask(request(0))
    tally.answer(request(0), failed_report(Outcome.INFRASTRUCTURE))
    found = tally.result()
    assert (found["infrastructure"], found["answers"], found["changed"], found["lost"]) == (1, 0, 0, 0)


def test_a_fault_is_over_when_all_who_waited_have_their_answers() -> None:
    tally = books()
    for number in range(3):
        tally.ask(request(number))
        tally.answer(request(number), ok_report())
    tally.answers[:] = [
        replace(answer, began_s=began, ended_s=ended)
        for answer, (began, ended) in zip(tally.answers, [(0.0, 11.0), (0.0, 14.0), (12.0, 20.0)], strict=True)
    ]
    fault = Injected(name="kill_worker", detail="", began_s=10.0, ended_s=10.0)
    (line,) = tally.recoveries([fault], 0.0)
    assert (line["next_verdict_s"], line["longest_gap_s"], line["all_that_waited_s"]) == (1.0, 6.0, 4.0)


def test_a_slope_is_found_within_lives_of_different_levels() -> None:
    def life(level: float) -> list[Sample]:
        return [Sample(at_s, level + 36 * at_s / 3600) for at_s in range(0, int(4 * WARM_UP_S), 5)]

    found = slope([life(100.0), life(500.0)])
    assert found["mib_per_hour"] == pytest.approx(36.0)
    assert found["lives"] == 2


def test_the_same_seed_asks_for_the_same_and_repeats_some() -> None:
    first = list(islice(requests(1), 400))
    assert first == list(islice(requests(1), 400)) != list(islice(requests(2), 400))
    distinct = {(each.program.id, each.serial) for each in first}
    assert 1 - len(distinct) / len(first) == pytest.approx(REPEATED, abs=0.07)
    assert {each.program.kind for each in first} >= {"honest", "wrong", "hostile", "broken"}
