"""The programs that the demo's corpus is made of."""

import itertools
import random

import pytest

from kernelgym.evaluators import LocalEvaluator
from kernelgym.problems import get_problem
from policies.training.demo.sketches import SKETCHES, Sketch
from sandboxes.contracts import EvalConfig, Outcome, Submission


def fillings(sketch: Sketch) -> list[dict[str, int]]:
    options = [range(len(hole.options)) for hole in sketch.holes.values()]
    return [dict(zip(sketch.holes, chosen, strict=True)) for chosen in itertools.product(*options)]


@pytest.mark.parametrize("problem", SKETCHES)
def test_filled_sketches_are_whole_programs_that_differ_from_each_other(problem: str) -> None:
    programs = [SKETCHES[problem].filled(filling) for filling in fillings(SKETCHES[problem])]
    assert len(set(programs)) == len(programs) <= 250
    for program in programs:
        compile(program, problem, "exec")
        assert "<" not in program.replace(" < ", "")


def test_each_decision_is_right_about_as_often_as_the_skill_says() -> None:
    sketch, generator = SKETCHES["core/softmax"], random.Random(0)
    drawn = [sketch.draw(generator, 0.7) for _ in range(2000)]
    for key, hole in sketch.holes.items():
        right = sum(filling[key] < hole.right for filling in drawn) / len(drawn)
        assert right == pytest.approx(1.0 if hole.right == len(hole.options) else 0.7, abs=0.04)


@pytest.mark.slow
def test_programs_without_a_wrong_decision_are_correct_and_each_wrong_decision_alone_fails() -> None:
    requests, meant = [], []
    for problem, sketch in SKETCHES.items():
        right = dict.fromkeys(sketch.holes, 0)
        chosen = [right]
        for key, hole in sketch.holes.items():
            chosen += [{**right, key: option} for option in range(1, len(hole.options))]
        for filling in chosen:
            requests.append((Submission(source=sketch.filled(filling)), get_problem(problem), EvalConfig()))
            meant.append(sketch.right(filling))
    with LocalEvaluator(workers=2) as evaluator:
        reports = dict(evaluator.evaluate_many(requests))
    found = [reports[index].outcome is Outcome.OK for index in range(len(requests))]
    assert found == meant
    assert Outcome.HACK in {report.outcome for report in reports.values()}
