"""The numbers behind the figures, on episodes made by hand."""

import pytest

from kernelgym.metrics import View, fast_rate, mean_reward
from kernelgym.metrics.board import Board
from kernelgym.metrics.intervals import Resampling
from kernelgym.reports.html.curves import fast_curves, reward_curves, speedup_distribution
from kernelgym.reports.html.flow import outcome_flow
from kernelgym.reports.html.hacks import hack_rows
from kernelgym.reports.html.roofline import MAX_POINTS, roofline
from kernelgym.runs.record import Loss
from sandboxes.contracts import Outcome
from tests.policies.episodes import episode
from tests.reports import measured_report

RUN = [
    episode(Outcome.INCORRECT, 2.0, 1.5, problem="a", sample=0),
    episode(Outcome.HACK, Outcome.INCORRECT, 0.5, problem="a", sample=1),
    episode(3.0, problem="b", sample=0),
    episode(Outcome.COMPILE_ERROR, problem="b", sample=1, error=Loss.POLICY),
    episode(problem="c", sample=0, error=Loss.SKIPPED),
]


def test_the_flow_counts_every_counted_episode_at_every_turn() -> None:
    flow = outcome_flow(RUN, 3)
    assert flow["episodes"] == 4
    assert flow["states"] == ["faster", "slower", "wrong", "failed", "hack", "policy"]
    assert flow["stays"] == [[1, 0, 1, 1, 1, 0], [2, 0, 1, 0, 0, 1], [2, 1, 0, 0, 0, 1]]
    for turn, move in enumerate(flow["moves"]):
        assert [sum(row) for row in move] == flow["stays"][turn]
        assert [sum(column) for column in zip(*move, strict=True)] == flow["stays"][turn + 1]
    wrong, faster, slower = (flow["states"].index(state) for state in ("wrong", "faster", "slower"))
    assert flow["moves"][0][wrong][faster] == 1
    assert flow["moves"][1][wrong][slower] == 1


def test_of_many_turns_the_first_the_last_and_some_between_are_drawn() -> None:
    long = [episode(*[Outcome.INCORRECT] * 59, 2.0), episode(0.5, sample=1)]
    flow = outcome_flow(long, 60)
    assert flow["turns"][0] == 1
    assert flow["turns"][-1] == 60
    assert len(flow["turns"]) == len(flow["stays"]) == 10
    assert flow["stays"][0] == flow["stays"][-2] == [0, 1, 1]
    assert flow["stays"][-1] == [1, 1, 0]
    board = Board.of(long)
    assert [turn for turn, _ in fast_curves(board, Resampling(board.problems))["earlier"]] == [1, 2, 4, 8, 16, 32]


def test_the_curves_are_the_metrics_at_every_p() -> None:
    board = Board.of(RUN)
    curves = fast_curves(board, Resampling(board.problems))
    for index in (0, 20, 40, 60, 80, 120):
        p = curves["p"][index]
        assert curves["last"]["value"][index] == fast_rate(RUN, p, 3)
        assert curves["best"]["value"][index] == fast_rate(RUN, p, 3, View.BEST)
        assert curves["earlier"][1][1][index] == fast_rate(RUN, p, 2, View.BEST)
        assert curves["best"]["low"][index] <= curves["best"]["value"][index] <= curves["best"]["high"][index]
    rewards = reward_curves(board, Resampling(board.problems))
    assert rewards["last"]["value"] == pytest.approx([mean_reward(RUN, turn) for turn in (1, 2, 3)], rel=1e-4)


def test_every_timed_episode_is_in_one_bin_that_holds_its_speedup() -> None:
    board = Board.of(RUN)
    found = speedup_distribution(board, Resampling(board.problems))
    for view, speedups in (("best", [2.0, 0.5, 3.0]), ("last", [1.5, 0.5, 3.0])):
        expected = [
            sum(low <= x < high for x in speedups)
            for low, high in zip(found["edges"], found["edges"][1:], strict=False)
        ]
        assert found[view] == expected
    assert found["timed"] == 3
    assert found["mean"][0] == pytest.approx(3.0 ** (1 / 3), rel=1e-4)


def test_extreme_speedups_do_not_make_endless_axes() -> None:
    board = Board.of([episode(1e-9), episode(1e9, sample=1)])
    found = speedup_distribution(board, Resampling(board.problems))
    assert len(found["best"]) == 80
    assert found["best"][0] == found["best"][-1] == 1


def test_equal_kernels_of_several_turns_are_one_point_with_a_count() -> None:
    chart = roofline([episode(2.0, 2.0), episode(2.0, sample=1)], "h200")
    own = next(point for point in chart["points"] if point[1])
    assert own[0] == "softmax_kernel"
    assert own[2] == pytest.approx(2**18 / 2**20)
    assert own[3] == pytest.approx(2**18 / 8e-6, rel=1e-3)
    assert own[-3:] == [3, 0, 1]
    assert chart["roofs"]["bandwidth"] == 4.8e12
    assert chart["roofs"]["peaks"][0] == [67e12, "fp32"]


def test_a_target_that_is_not_known_has_no_roofs_but_its_kernels_are_shown() -> None:
    chart = roofline([episode(2.0)], "gone")
    assert chart["roofs"] is None
    assert len(chart["points"]) == 2


def test_so_many_kernels_are_drawn_and_the_others_are_counted() -> None:
    played = episode(2.0)
    (turn,) = played.turns
    assert turn.report.profile is not None
    kernel = turn.report.profile.nodes[0]
    nodes = tuple(kernel.model_copy(update={"name": f"kernel_{index}"}) for index in range(MAX_POINTS + 5))
    profile = turn.report.profile.model_copy(update={"nodes": nodes})
    report = turn.report.model_copy(update={"profile": profile})
    chart = roofline([played.model_copy(update={"turns": (turn.model_copy(update={"report": report}),)})], "h200")
    assert len(chart["points"]) == MAX_POINTS
    assert chart["left_out"] == 5


def test_hacks_are_counted_by_rule_with_evidence_and_where_it_was() -> None:
    hacks = [episode(Outcome.HACK, Outcome.HACK, problem="a"), episode(Outcome.HACK, problem="b"), *RUN[3:]]
    row, = hack_rows(hacks)  # fmt: skip
    assert (row.family, row.rule, row.severity) == ("useless work", "no_live_launch", "reject")
    assert (row.turns, len(row.episodes)) == (3, 2)
    assert row.evidence == "no launch reaches an output"
    assert row.examples[:2] == [("#episode=a/0/turn1", "a #0, turn 1"), ("#episode=a/0/turn2", "a #0, turn 2")]


def test_roofs_are_what_the_gpu_was_measured_to_reach_where_that_is_one_gpu() -> None:
    (turn,) = episode(2.0).turns
    measured = episode(2.0).model_copy(update={"turns": (turn.model_copy(update={"report": measured_report()}),)})
    roofs = roofline([measured], "h200")["roofs"]
    assert roofs["title"] == "NVIDIA H200, as measured"
    assert roofs["bandwidth"] == 4.3e12
    assert roofs["peaks"] == [[67e12, "fp32"], [494.7e12, "tf32"], [780e12, "fp16/bf16"]]
    assert roofline([measured, episode(2.0)], "h200")["roofs"]["title"] == "NVIDIA H200"
