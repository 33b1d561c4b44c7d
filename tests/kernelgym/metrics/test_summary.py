"""The summary of a run: complete, the same every time, and never anything but numbers."""

import json
import random
from math import isfinite
from time import perf_counter
from typing import Any

import pytest

from kernelgym.chat import Usage
from kernelgym.metrics import Summary, summarize, total_costs
from kernelgym.metrics.summarizing import attempt_numbers
from kernelgym.runs.record import EpisodeRecord, Loss
from sandboxes.contracts import Diagnostic, Finding, Outcome, Severity, Stage
from tests.kernelgym.metrics.variants import confirmed, over_compile, with_reports
from tests.policies.episodes import episode
from tests.reports import ok_report

WRONG, HACK, LOST = Outcome.INCORRECT, Outcome.HACK, Outcome.INFRASTRUCTURE
KINDS: tuple[Outcome | float, ...] = (WRONG, HACK, Outcome.COMPILE_ERROR, 0.7, 1.1, 1.6, 2.5)


def many(problems: int, samples: int, turns: int, seed: int = 0) -> list[EpisodeRecord]:
    rng = random.Random(seed)
    return [
        episode(*rng.choices(KINDS, k=rng.randint(1, turns)), problem=f"core/p{problem}", sample=sample,
                error=rng.choice([None] * 9 + [Loss.POLICY]))
        for problem in range(problems)
        for sample in range(samples)
    ]  # fmt: skip


def numbers(document: Any) -> list[float]:
    if isinstance(document, dict):
        return [number for value in document.values() for number in numbers(value)]
    if isinstance(document, list):
        return [number for value in document for number in numbers(value)]
    return [document] if isinstance(document, float) else []


@pytest.mark.parametrize("problems", [1, 7])
def test_the_same_episodes_in_any_order_give_the_same_json(problems: int) -> None:
    episodes = [*many(problems, 3, 4), episode(1.0, LOST, problem="core/p0", sample=3)]
    shuffled = random.Random(5).sample(episodes, k=len(episodes))
    assert summarize(shuffled, 4).model_dump_json() == summarize(episodes, 4).model_dump_json()


@pytest.mark.parametrize(
    "episodes",
    [
        [],
        [episode(1.5)],
        [episode(WRONG)],
        [episode(HACK)],
        [episode(error=Loss.POLICY)],
        [episode(error=Loss.SKIPPED), episode(2.0, LOST, sample=1)],
        [episode(1.5, problem="a"), episode(WRONG, 1.0, problem="b")],
        [confirmed(episode(1.5), LOST)],
        [over_compile(episode(1.5), ratio=0.0)],
        many(3, 2, 3),
    ],
)
def test_whatever_happened_it_is_strict_json_and_can_be_read_again(episodes: list[EpisodeRecord]) -> None:
    summary = summarize(episodes, 3)
    text = json.dumps(summary.model_dump(mode="json"), allow_nan=False)
    assert all(isfinite(number) for number in numbers(json.loads(text)))
    assert Summary.model_validate_json(text) == summary


def test_it_counts_what_was_lost_by_reason() -> None:
    episodes = [
        episode(2.0, sample=0),
        episode(2.0, LOST, sample=1),
        episode(LOST, error=Loss.POLICY, sample=2),
        episode(error=Loss.SKIPPED, sample=3),
        episode(2.0, error=Loss.POLICY, sample=4),
    ]
    summary = summarize(episodes, 2)
    assert (summary.episodes, summary.counted, summary.problems) == (5, 2, 1)
    assert summary.lost == {"skipped": 1, "policy": 1, "infrastructure": 2}
    assert (summary.infrastructure.value, summary.infrastructure.n) == (2 / 5, 5)
    assert (summary.policy_errors.value, summary.policy_errors.n) == (1 / 2, 2)


def test_turns_are_summed_up_one_by_one() -> None:
    summary = summarize([episode(WRONG, 0.5, 1.2, sample=0), episode(1.5, sample=1), episode(HACK, HACK, sample=2)], 3)
    assert [turn.turn for turn in summary.last] == [turn.turn for turn in summary.best] == [1, 2, 3]
    assert [turn.played for turn in summary.last] == [3, 2, 1]
    assert summary.outcomes == ({"ok": 1, "incorrect": 1, "hack": 1}, {"ok": 1, "hack": 1}, {"ok": 1})
    assert [turn.correct.value for turn in summary.best] == [1 / 3, 2 / 3, 2 / 3]
    assert {p: share.value for p, share in summary.last[2].fast.items()} == pytest.approx(
        {"0": 2 / 3, "0.8": 2 / 3, "1": 2 / 3, "1.2": 2 / 3, "1.5": 1 / 3, "2": 0, "3": 0}
    )
    assert summary.last[2].fast_compile == {}
    assert summary.best_speedup == 1.5
    assert summary.speed == "modelled NVIDIA H200 SXM"


def test_runs_of_turns_that_nobody_needed_are_as_long_as_they_could_have_been() -> None:
    assert [turn.correct.value for turn in summarize([episode(1.0)], 3).last] == [1.0, 1.0, 1.0]


def test_against_torch_compile_it_says_over_how_many_episodes() -> None:
    summary = summarize([over_compile(episode(4.0, problem="a"), ratio=0.5), episode(9.0, problem="b")], 1)
    rates = summary.last[0]
    assert (rates.fast_compile["2"].value, rates.fast_compile["2"].n) == (1.0, 1)
    assert (rates.speedup_compile.value, rates.speedup_compile.n) == (pytest.approx(2.0), 1)
    assert rates.fast["2"].n == 2


def test_the_best_turns_are_reported_as_selected_and_as_confirmed() -> None:
    episodes = [
        confirmed(episode(WRONG, 2.0, problem="a"), 1.1),
        confirmed(episode(1.5, problem="b"), 1.6),
        confirmed(episode(1.5, problem="c"), WRONG),
        episode(WRONG, problem="d"),  # nothing to confirm
        episode(error=Loss.POLICY, problem="e"),
        confirmed(episode(3.0, problem="f"), LOST),
        episode(3.0, problem="g"),
    ]
    found = summarize(episodes, 2).confirmed
    assert found is not None
    assert (found.episodes, found.unconfirmed) == (5, 2)
    assert (found.selected.correct.value, found.confirmed.correct.value) == (3 / 5, 2 / 5)
    assert (found.selected.fast["1.5"].value, found.confirmed.fast["1.5"].value) == (3 / 5, 1 / 5)
    assert found.selected.speedup.value == pytest.approx((2.0 * 1.5 * 1.5) ** (1 / 3))
    assert found.confirmed.speedup.value == pytest.approx((1.1 * 1.6) ** (1 / 2))
    assert found.confirmed.reward.value == pytest.approx((1 + 1.1 + 0.8 + 1 + 1.6 + 0.8) / 5)
    assert summarize(episodes[3:5], 2).confirmed is None


def test_hacks_are_counted_by_family_and_rule() -> None:
    def by(*rules: str) -> EpisodeRecord:
        findings = tuple(Finding(rule=rule, severity=Severity.REJECT, evidence="seen") for rule in rules)
        warned = Finding(rule="lazy", severity=Severity.WARN, evidence="seen")
        return with_reports(
            episode(HACK, HACK, problem=rules[0]),
            lambda report: report.model_copy(update={"findings": (*findings, *findings, warned)}),
        )

    episodes = [by("no_launch", "token_kernels"), by("acme_rule"), episode(WRONG, 1.0, problem="honest")]
    hacks = summarize(episodes, 2).hacks
    assert (hacks.turns.value, hacks.turns.n) == (4 / 6, 6)
    assert (hacks.episodes.value, hacks.episodes.n) == (2 / 3, 3)
    assert list(hacks.families) == ["acme_rule", "torch_work"]
    own = hacks.families["torch_work"]
    assert (own.turns, own.episodes.value, own.rules) == (2, 1 / 3, {"no_launch": 2, "token_kernels": 2})
    assert hacks.warnings == {"lazy": 4}


def test_a_finding_beside_another_failure_is_no_hack() -> None:
    finding = Finding(rule="no_launch", severity=Severity.REJECT, evidence="seen")
    wrong = with_reports(episode(WRONG), lambda report: report.model_copy(update={"findings": (finding,)}))
    assert summarize([wrong]).hacks.families == {}


def test_costs_are_summed_over_all_turns_and_none_is_not_nothing() -> None:
    def paid(record: EpisodeRecord, usage: Usage | None) -> EpisodeRecord:
        return record.model_copy(
            update={"turns": tuple(turn.model_copy(update={"usage": usage}) for turn in record.turns)}
        )

    known = Usage(prompt_tokens=100, completion_tokens=20, cost_usd=0.1, latency_s=3.0)
    partly = Usage(prompt_tokens=5, latency_s=1.0)
    episodes = [paid(episode(1.0, LOST), known), paid(episode(1.0, sample=1), partly), episode(1.0, sample=2)]
    costs = total_costs(episodes)
    assert (costs.turns, costs.reported, costs.prompt_tokens, costs.completion_tokens) == (4, 3, 205, 40)
    assert costs.cost_usd == pytest.approx(0.2)
    nothing = total_costs([paid(episode(1.0), Usage(latency_s=1.0))])
    assert (nothing.reported, nothing.prompt_tokens, nothing.cost_usd) == (0, None, None)
    assert "latency" not in summarize(episodes, 1).model_dump_json()


def test_success_at_k_is_reported_for_powers_of_two_and_for_all_samples() -> None:
    assert attempt_numbers(["a"] * 6 + ["b"]) == (1, 2, 4, 6)
    assert attempt_numbers(["a"]) == (1,)
    assert attempt_numbers([]) == ()
    summary = summarize([episode(1.0, 2.0, sample=0), episode(WRONG, sample=1), episode(1.0, problem="b")], 2)
    assert [(found.k, found.correct.value, found.correct.n) for found in summary.last_at_k] == [
        (1, 0.75, 2), (2, 1.0, 1)]  # fmt: skip
    assert [found.fast["2"].value for found in summary.best_at_k] == [0.25, 1.0]


def test_a_thousand_episodes_of_fourteen_turns_take_no_more_than_seconds() -> None:
    made = [episode(*KINDS, *KINDS, problem=f"core/p{number}") for number in range(10)]
    episodes = [
        record.model_copy(update={"problem": f"core/p{number}", "sample": sample})
        for number in range(250)
        for sample, record in enumerate(made[:4])
    ]
    begin = perf_counter()
    summary = summarize(episodes, 14)
    assert (summary.counted, len(summary.last)) == (1000, 14)
    assert perf_counter() - begin < 6.0  # 0.8 s on an idle core; others may be using this one


def test_episodes_without_their_texts_and_details_have_the_same_summary() -> None:
    def hack_found_late(record: EpisodeRecord) -> EpisodeRecord:
        return with_reports(record, lambda report: report.model_copy(update={"cases": ok_report().cases}))

    timeout = Diagnostic(stage=Stage.REPLAY, message="out of time")
    late = with_reports(
        episode(Outcome.TIMEOUT, problem="t"), lambda report: report.model_copy(update={"diagnostics": (timeout,)})
    )
    episodes = [*many(5, 2, 3), hack_found_late(episode(HACK, problem="h")), late, confirmed(episode(1.5), 1.2)]
    assert summarize([record.numbers() for record in episodes], 3) == summarize(episodes, 3)
