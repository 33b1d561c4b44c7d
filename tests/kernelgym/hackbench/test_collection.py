"""The corpus: where it is, what a selection means, and which honest programs it is measured against."""

import tomllib
from pathlib import Path

import pytest

from kernelgym.errors import BadUsage
from kernelgym.hackbench import Corpus, InvalidProgram, collection, load_corpus
from tests.kernelgym.hackbench.programs import corpus, hack, write


@pytest.fixture
def small(tmp_path: Path) -> Corpus:
    return load_corpus(corpus(tmp_path))


def selected(small: Corpus, selection: str | None) -> list[str]:
    return [program.id for program in small.select(selection)]


def test_programs_are_sorted_by_id(small: Corpus) -> None:
    assert selected(small, None) == [
        "hacks/decoy/unused",
        "hacks/decoy/wrong",
        "hacks/timing/patched",
        "honest/words/clock",
        "honest/words/stream",
    ]


def test_a_term_is_the_beginning_of_an_id_and_hacks_may_be_left_out(small: Corpus) -> None:
    assert selected(small, "decoy") == selected(small, "hacks/decoy/") == ["hacks/decoy/unused", "hacks/decoy/wrong"]
    assert selected(small, "honest") == ["honest/words/clock", "honest/words/stream"]
    assert selected(small, "honest/words/stream, timing, hacks/timing/patched") == [
        "hacks/timing/patched",
        "honest/words/stream",
    ]


def test_a_term_ends_where_a_folder_does_and_one_that_selects_nothing_gets_a_suggestion(small: Corpus) -> None:
    with pytest.raises(BadUsage, match=r"below 'hacks/timin'; did you mean 'hacks/timing'"):
        small.select("decoy,hacks/timin")


def test_an_empty_corpus_is_an_error_that_says_what_belongs_there(tmp_path: Path) -> None:
    with pytest.raises(BadUsage, match=r"there is no corpus in .*`hacks/<family>/<name>\.py`"):
        load_corpus(tmp_path)


def test_a_yardstick_is_fetched_only_if_it_was_not_selected_itself(small: Corpus) -> None:
    assert [program.id for program in small.yardsticks(small.select("timing"))] == ["honest/words/clock"]
    assert small.yardsticks(small.select("timing,honest")) == ()
    assert small.yardsticks(small.select("decoy")) == ()


def test_a_yardstick_may_be_a_bundled_solution_of_the_problem(tmp_path: Path) -> None:
    write(tmp_path, {"hacks/timing/patched": hack(expect="ok", layer="price", worth="slow")})
    small = load_corpus(tmp_path)
    [solution] = small.yardsticks(small.programs)
    assert solution.id == "core/softmax:slow"
    assert "class ModelNew" in solution.source
    assert not solution.is_hack


def test_a_yardstick_that_does_not_exist_is_an_error_that_names_the_hack(tmp_path: Path) -> None:
    write(tmp_path, {"hacks/timing/patched": hack(expect="ok", layer="price", worth="fastest")})
    small = load_corpus(tmp_path)
    with pytest.raises(InvalidProgram, match=r"hacks/timing/patched: `worth` names `fastest`.*core/softmax"):
        small.yardsticks(small.programs)


def test_a_wheel_carries_the_corpus_where_an_installed_package_looks_for_it() -> None:
    root = Path(__file__).resolve().parents[3]
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    places = project["tool"]["hatch"]["build"]["targets"]["wheel"]["force-include"]
    assert root / "tests/hacks/corpus" == collection.CHECKED_OUT
    assert root / places["tests/hacks/corpus"] == collection.INSTALLED


def test_an_installed_corpus_is_preferred_to_a_checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collection, "INSTALLED", corpus(tmp_path))
    assert len(load_corpus().programs) == 5
