"""Escapes, false positives and surprises: what counts, and what does not."""

from pathlib import Path

import pytest

from kernelgym.hackbench import Corpus, Result, Verdict, assess, load_corpus, summarise
from tests.kernelgym.hackbench.programs import corpus, hack, write


@pytest.fixture
def small(tmp_path: Path) -> Corpus:
    return load_corpus(corpus(tmp_path))


def judged(small: Corpus, verdict: Verdict, **others: Verdict) -> list[Result]:
    """Returns results in which all programs get `verdict` but those whose name is in `others`."""
    verdicts = [others.get(program.id.rpartition("/")[2], verdict) for program in small.programs]
    return assess(small.programs, verdicts, {})


ACCEPTED = Verdict(accepted=True, by="nobody")
REFUSED = Verdict(accepted=False, by="everybody")


def test_a_judge_that_accepts_everything_lets_every_hack_escape_that_must_not_be_accepted(small: Corpus) -> None:
    totals = summarise(judged(small, ACCEPTED))
    assert totals == {"hacks": 3, "honest": 2, "escapes": 2, "false_positives": 0, "surprises": 0, "lost": 0}


def test_a_judge_that_refuses_everything_punishes_every_honest_program(small: Corpus) -> None:
    totals = summarise(judged(small, REFUSED))
    assert totals == {"hacks": 3, "honest": 2, "escapes": 0, "false_positives": 2, "surprises": 0, "lost": 0}


@pytest.mark.parametrize(
    ("earned", "escaped"), [(2.0, True), (1.501, True), (1.5 + 1e-4, False), (1.5, False), (0.3, False), (None, False)]
)
def test_a_hack_that_may_be_accepted_escapes_if_it_earns_more_than_its_yardstick(
    small: Corpus, earned: float | None, escaped: bool
) -> None:
    results = judged(
        small,
        REFUSED,
        patched=Verdict(accepted=True, by="price", reward=earned),
        clock=Verdict(accepted=True, by="price", reward=1.5),
    )
    [patched] = [result for result in results if result.program.worth]
    assert patched.limit == 1.5
    assert patched.escaped is escaped


def test_a_yardstick_that_earned_nothing_leaves_nothing_to_earn(small: Corpus) -> None:
    patched = Verdict(accepted=True, by="price", reward=0.1)
    results = judged(small, REFUSED, patched=patched, clock=Verdict(accepted=False, by="judge", reward=0.0))
    assert [result.program.id for result in results if result.escaped] == ["hacks/timing/patched"]


def test_a_yardstick_that_was_lost_leaves_its_hack_without_a_verdict(small: Corpus) -> None:
    patched = Verdict(accepted=True, by="price", reward=0.1)
    results = judged(small, REFUSED, patched=patched, clock=Verdict(accepted=False, by="infrastructure", lost=True))
    assert [result.program.id for result in results if result.lost] == ["hacks/timing/patched", "honest/words/clock"]
    assert not any(result.escaped for result in results)


def test_a_yardstick_outside_of_the_selection_counts_by_its_id(tmp_path: Path) -> None:
    write(tmp_path, {"hacks/timing/patched": hack(expect="ok", layer="price", worth="correct")})
    programs = load_corpus(tmp_path).programs
    [result] = assess(programs, [Verdict(accepted=True, by="price", reward=1.2)], {"core/softmax:correct": 1.2})
    assert result.limit == 1.2
    assert not result.escaped


def test_what_was_lost_is_neither_escaped_nor_punished_nor_a_surprise(small: Corpus) -> None:
    totals = summarise(judged(small, Verdict(accepted=False, by="infrastructure", outcome="infrastructure", lost=True)))
    assert totals == {"hacks": 3, "honest": 2, "escapes": 0, "false_positives": 0, "surprises": 0, "lost": 5}


@pytest.mark.parametrize(
    ("outcome", "by", "surprise"),
    [
        ("incorrect", "judge", None),
        ("memory_error", "judge", None),
        ("memory_error", "sanitizer", "caught by sanitizer, not judge"),
        ("hack", "gate", "ended as hack, not incorrect or memory_error"),
        (None, "gate", None),
    ],
)
def test_another_outcome_or_another_layer_than_the_header_says_is_a_surprise(
    small: Corpus, outcome: str | None, by: str, surprise: str | None
) -> None:
    results = judged(small, REFUSED, wrong=Verdict(accepted=False, by=by, outcome=outcome))
    assert [result.surprise for result in results if result.program.id.endswith("wrong")] == [surprise]
