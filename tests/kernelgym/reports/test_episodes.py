"""The tables of a run are read without a legend, at 80 columns and without colour."""

import io

from rich.console import Console

from kernelgym.metrics import summarize
from kernelgym.reports.episodes import render_run
from kernelgym.runs.record import EpisodeRecord, Loss
from sandboxes.contracts import Outcome
from tests.policies.episodes import episode


def shown(episodes: list[EpisodeRecord], turns: int = 3, width: int = 80) -> str:
    stream = io.StringIO()
    console = Console(file=stream, width=width, highlight=False)
    console.print(render_run(episodes, summarize(episodes, turns), "h200"))
    assert max(map(len, stream.getvalue().splitlines())) <= width
    return " ".join(stream.getvalue().split())


def test_an_episode_is_told_turn_by_turn() -> None:
    text = shown([episode(Outcome.INCORRECT, Outcome.HACK, 1.98)])
    assert "core/softmax 0 ✗ wrong result → ⚑ hack → ✓ 1.98× 3.78 1.98×" in text


def test_speed_is_always_marked_with_where_it_comes_from() -> None:
    assert shown([episode(2.0)]).count("modelled for NVIDIA H200 SXM") == 2
    untimed = shown([episode(Outcome.HACK)])
    assert "Episodes, nothing was timed for h200" in untimed
    assert "the speedup is at least p" in untimed


def test_rates_are_shown_by_turn_with_their_denominator() -> None:
    text = shown([episode(Outcome.INCORRECT, 1.5, sample=0), episode(2.0, 1.0, sample=1)], turns=2)
    assert "2 of 2 episodes counted turn 1 turn 2 95 % best turn 95 %" in text
    assert "correct 50% 100% 34–100% 100% 34–100%" in text
    assert "fast@1.5 50% 50% 0–100% 100% 34–100%" in text
    assert "speedup 2.00× 1.22× 1.00–1.50 1.73× 1.50–2.00" in text


def test_intervals_over_few_problems_are_said_to_be_too_narrow() -> None:
    def run(problems: int) -> str:
        return shown([episode(2.0, problem=f"core/p{n}") for n in range(problems)])

    assert "Only 1 problem: intervals are over its samples" in run(1)
    assert "Only 19 problems: intervals of so few are too narrow" in run(19)
    assert "Only" not in run(20)


def test_lost_episodes_say_why_and_are_counted_apart() -> None:
    text = shown([episode(2.0), episode(error=Loss.POLICY, sample=1), episode(2.0, Outcome.INFRASTRUCTURE, sample=2)])
    assert "1 ! the policy failed: it broke – –" in text
    assert "2 ✓ 2.00× → ! no verdict – –" in text
    assert "2 of 3 episodes counted; 1 lost to a fault of infrastructure; 1 of those counted ended by an error" in text


def test_more_episodes_than_rows_are_shown_by_problem() -> None:
    episodes = [episode(Outcome.INCORRECT, 2.0, problem=f"core/p{n // 8}", sample=n % 8) for n in range(48)]
    text = shown(episodes)
    assert "core/p5 8/8 8 8 3.80 2.00×" in text
    assert "wrong result" not in text


def test_more_problems_than_rows_are_cut() -> None:
    episodes = [episode(2.0, problem=f"core/p{n:03}") for n in range(100)]
    text = shown(episodes)
    assert "core/p039" in text
    assert "core/p040" not in text
    assert "… 60 more" in text


def test_many_turns_are_cut_in_the_totals() -> None:
    text = shown([episode(*[2.0] * 14)], turns=14)
    assert "turn 3 turn 14 95 % best turn 95 %" in text


def test_it_fits_a_narrow_terminal() -> None:
    text = shown([episode(Outcome.INCORRECT, Outcome.COMPILE_ERROR, 1.98)], width=50)
    assert "1.98×" in text


def test_nothing_at_all_is_shown_as_such() -> None:
    assert "0 of 0 episodes counted" in shown([])


def test_text_of_a_policy_can_not_move_the_cursor() -> None:
    record = episode(error=Loss.POLICY)
    assert record.error is not None
    error = record.error.model_copy(update={"message": "\x1b[2J oops\n" * 30})
    text = shown([record.model_copy(update={"error": error})])
    assert "\x1b" not in text
    assert "…" in text
