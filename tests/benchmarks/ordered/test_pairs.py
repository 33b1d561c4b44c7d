"""Pairs whose order is known say why, and are what they say."""

from pathlib import Path

import pytest
import yaml

from benchmarks.ordered.pairs import EAGER, FOLDER, MalformedPair, load_pairs, with_knobs
from benchmarks.ordered.running import asked_for, row, run, summary
from sandboxes.contracts import Depth, EvalConfig, Report

PAIRS = load_pairs()
CATEGORIES = {
    "coalescing", "strides", "transpose", "vector width", "dtype", "fusion", "block size", "reductions", "tiles",
    "program order", "tensor cores", "stages", "spills", "split-K", "waves", "atomics", "passes", "attention", "pipes",
    "persistent", "targets",
}  # fmt: skip


def test_there_are_at_least_fifty_pairs_of_every_category() -> None:
    assert len(PAIRS) >= 50
    assert {pair.category for pair in PAIRS} == CATEGORIES


def test_every_pair_says_why_and_every_source_and_file_serves_a_pair() -> None:
    document = yaml.safe_load((FOLDER / "pairs.yaml").read_text(encoding="utf-8"))
    assert {each["source"] for each in document["pairs"] if "source" in each} == set(document["sources"])
    sides = [side for pair in PAIRS for side in (pair.faster, pair.slower)]
    assert {side.kernel for side in sides} - {EAGER} == {path.stem for path in (FOLDER / "kernels").glob("*.py")}
    assert {side.reference for side in sides} == {path.stem for path in (FOLDER / "references").glob("*.py")}


def test_every_side_is_a_program_and_a_problem() -> None:
    for pair in PAIRS:
        for side in (pair.faster, pair.slower):
            problem = side.problem()
            assert "class Model(" in problem.reference.source
            if side.kernel != EAGER:
                assert "class ModelNew(" in side.submission().source


def test_a_knob_that_a_kernel_lacks_is_an_error() -> None:
    with pytest.raises(MalformedPair, match="sets `BLOK` 0 times"):
        with_knobs(FOLDER / "kernels" / "copy.py", (("BLOK", 64),))
    assert "BLOCK = 64\n" in with_knobs(FOLDER / "kernels" / "copy.py", (("BLOCK", 64),))
    with pytest.raises(MalformedPair, match="there is no kernels/nothing"):
        with_knobs(FOLDER / "kernels" / "nothing.py", ())


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"counting": None}, "says nothing of why"),
        ({"counting": "2 < 3", "speed": 1}, "says `speed`"),
        ({"counting": "2 < 3", "slower": {"kernel": "copy"}}, "with itself"),
        ({"counting": "2 < 3", "category": None}, "lacks 'category'"),
    ],
)
def test_a_pair_without_a_reason_or_with_words_that_nobody_reads_is_an_error(
    change: dict[str, object], words: str, tmp_path: Path
) -> None:
    pair = {
        "name": "one", "category": "c", "problem": {"reference": "copy"},
        "faster": {"kernel": "copy"}, "slower": {"kernel": "copy_scattered"}, **change,
    }  # fmt: skip
    kept = {key: value for key, value in pair.items() if value is not None}
    path = tmp_path / "pairs.yaml"
    path.write_text(yaml.safe_dump({"sources": {}, "pairs": [kept]}), encoding="utf-8")
    with pytest.raises(MalformedPair, match=words):
        load_pairs(path)


def test_a_program_that_could_not_be_priced_makes_its_pair_wrong() -> None:
    pair = next(pair for pair in PAIRS if not pair.judged and EAGER not in (pair.faster.kernel, pair.slower.kernel))
    failed = Report.model_validate({
        "outcome": "timeout", "submission": "", "problem": "p", "config": EvalConfig(depth=Depth.PRICED),
        "diagnostics": [{"stage": "trace", "message": "it took too long"}],
    })  # fmt: skip
    found = row(pair, {asked_for(pair, side): failed for side in (pair.faster, pair.slower)})
    assert (found["right"], found["ratio"]) == (False, None)
    assert "it took too long" in found["faster_bound"]
    assert summary([found])["wrong"] == [pair.name]


@pytest.mark.slow
def test_reading_every_second_or_every_eighth_number_is_as_dear_as_on_hardware() -> None:
    strides = [pair for pair in PAIRS if pair.category == "strides"]  # three programs, a second each
    found = run(strides, workers=1)
    assert (found["right"], found["ratios_met"]) == (2, 2), found["rows"]


@pytest.mark.slow
@pytest.mark.parametrize("part", range(3))
def test_a_pair_of_every_category_is_ordered_as_on_hardware(part: int) -> None:
    of_each = {pair.category: pair for pair in reversed(PAIRS)}  # all pairs: `python -m benchmarks ordered`
    chosen = [of_each[category] for category in sorted(of_each)[part::3]]
    found = run(chosen)
    assert found["right"] == len(chosen), found["wrong"]
