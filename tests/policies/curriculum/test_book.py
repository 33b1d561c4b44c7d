"""The book of difficulties: counting, fading, files."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernelgym.errors import BadUsage
from policies.curriculum import TRAINING, Beta, DifficultyBook, Forgetting
from policies.curriculum.posterior import LARGEST
from policies.errors import BookUnusable

GROUPS = st.lists(
    st.tuples(st.sampled_from("abc"), st.integers(0, 8), st.integers(0, 8), st.integers(0, 50)), max_size=20
)


def played(groups: list[tuple[str, int, int, int]], book: DifficultyBook) -> DifficultyBook:
    for problem, successes, failures, step in groups:
        book.observe(problem, successes, failures, step)
    return book


def test_without_forgetting_it_counts() -> None:
    book = played([("a", 3, 5, 0), ("a", 1, 7, 9)], DifficultyBook(["a", "b"], prior=Beta(2.0, 3.0)))
    assert book.posterior("a") == Beta(6.0, 15.0)
    assert book.posterior("b") == book.posterior("nobody knows it") == Beta(2.0, 3.0)
    assert book.evidence("a").attempts == 16


def test_evidence_halves_in_its_half_life_and_goes_back_to_the_prior() -> None:
    book = DifficultyBook(prior=Beta(1.0, 2.0), forgetting=Forgetting(per_step=0.5 ** (1 / 10)))
    book.observe("a", 8, 0, step=5)
    book.advance(15)
    assert book.posterior("a").alpha == pytest.approx(1.0 + 4.0)
    book.advance(10_000_000)
    assert book.posterior("a") == Beta(1.0, 2.0)
    assert book.evidence("a").attempts == 8


def test_a_new_group_fades_what_was_known_of_its_own_problem_only() -> None:
    book = DifficultyBook(forgetting=Forgetting(per_group=0.5))
    played([("a", 8, 0, 0), ("b", 8, 0, 0), ("a", 0, 8, 1)], book)
    assert book.posterior("a") == Beta(1.0 + 4.0, 1.0 + 8.0)
    assert book.posterior("b") == Beta(9.0, 1.0)


def test_it_is_the_weighted_sum_over_all_groups() -> None:
    book = DifficultyBook(forgetting=Forgetting(per_step=0.9))
    groups = [("a", 2, 1, 0), ("a", 0, 4, 3), ("a", 5, 5, 7)]
    played(groups, book).advance(12)
    expected = sum(successes * 0.9 ** (12 - step) for _, successes, _, step in groups)
    assert book.evidence("a").successes == pytest.approx(expected)


@given(GROUPS, st.randoms(use_true_random=False))
def test_groups_may_arrive_in_any_order(groups: list[tuple[str, int, int, int]], random: Any) -> None:
    late = list(groups)
    random.shuffle(late)
    one = played(groups, DifficultyBook(forgetting=Forgetting(per_step=0.9)))
    other = played(late, DifficultyBook(forgetting=Forgetting(per_step=0.9)))
    assert one.step == other.step
    for problem in "abc":
        assert one.posterior(problem).alpha == pytest.approx(other.posterior(problem).alpha)
        assert one.posterior(problem).beta == pytest.approx(other.posterior(problem).beta)


def test_a_group_that_was_lost_says_nothing() -> None:
    book = played([("a", 4, 4, 0)], DifficultyBook(forgetting=Forgetting(per_group=0.5)))
    before = book.posterior("a")
    book.observe("a", 0, 0, step=0)
    book.observe("new", 0, 0, step=0)
    assert book.posterior("a") == before
    assert "new" in book
    assert book.evidence("new").attempts == 0


def test_a_group_without_a_step_is_of_the_latest() -> None:
    book = DifficultyBook(forgetting=Forgetting(per_step=0.5))
    book.advance(4)
    book.observe("a", 2, 0)
    assert book.posterior("a") == Beta(3.0, 1.0)


def test_adding_a_problem_again_forgets_nothing() -> None:
    book = played([("a", 3, 0, 0)], DifficultyBook())
    book.add(["b", "a"])
    assert book.problems == ("a", "b")
    assert book.posterior("a").alpha == 4.0


def test_no_number_of_groups_leaves_the_range() -> None:
    book = DifficultyBook(prior=Beta(LARGEST / 2, 1.0))
    for _ in range(20):
        book.observe("a", 10**5, 10**5)
    assert 0.0 < book.posterior("a").mean < 1.0


@given(GROUPS, GROUPS)
def test_a_book_that_was_read_back_goes_on_as_the_other_would_have(
    tmp_path_factory: pytest.TempPathFactory,
    before: list[tuple[str, int, int, int]],
    after: list[tuple[str, int, int, int]],
) -> None:
    path = tmp_path_factory.mktemp("book") / "book.json"
    book = played(before, DifficultyBook(["z", "a"], prior=Beta(0.5, 0.7), forgetting=TRAINING, success="fast:1.2"))
    book.save(path)
    resumed = DifficultyBook.load(path)
    assert played(after, resumed).record() == played(after, book).record()
    assert resumed.problems == book.problems


def test_a_book_of_other_folders_is_made_and_a_half_written_one_never_seen(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint" / "book.json"
    DifficultyBook(["a"]).save(path)
    DifficultyBook(["b"]).save(path)
    assert DifficultyBook.load(path).problems == ("b",)
    assert [file.name for file in path.parent.iterdir()] == ["book.json"]


GOOD = {
    "schema_version": 1, "success": "correct", "prior": [1.0, 1.0], "per_step": 1.0, "per_group": 1.0, "step": 3,
    "problems": {"a": {"successes": 1.0, "failures": 2.0, "step": 3, "attempts": 3}},
}  # fmt: skip
ENTRY = GOOD["problems"]["a"]  # type: ignore[index]


@pytest.mark.parametrize(
    "change",
    [
        {"schema_version": 2},
        {"prior": [0.0, 1.0]},
        {"prior": [1.0]},
        {"per_step": 0.0},
        {"per_step": 1.5},
        {"per_group": "NaN"},
        {"step": -1},
        {"step": 2},
        {"step": 10**30},
        {"problems": {"": ENTRY}},
        {"problems": {"a": ENTRY | {"successes": -1.0}}},
        {"problems": {"a": ENTRY | {"failures": 1e300}}},
        {"problems": {"a": ENTRY | {"attempts": 2.5}}},
        {"problems": {"a": ENTRY | {"more": 1}}},
        {"problems": []},
        {"surprise": True},
    ],
    ids=str,
)
def test_a_book_that_lies_is_refused_with_the_field(tmp_path: Path, change: dict[str, object]) -> None:
    path = tmp_path / "book.json"
    path.write_text(json.dumps(GOOD))
    assert DifficultyBook.load(path).posterior("a") == Beta(2.0, 3.0)
    path.write_text(json.dumps(GOOD | change))
    with pytest.raises(BookUnusable, match=next(iter(change)) if change != {"step": 2} else "seen at step 3"):
        DifficultyBook.load(path)


@pytest.mark.parametrize(
    "text",
    [b"", b"{", b"null", b"[]", b"\xff\xfe", b"[" * 100_000, json.dumps(GOOD).replace("2.0", "NaN").encode()],
    ids=["empty", "half", "null", "list", "no text", "deep", "nan"],
)
def test_a_file_that_is_no_book_is_refused(tmp_path: Path, text: bytes) -> None:
    path = tmp_path / "book.json"
    path.write_bytes(text)
    with pytest.raises(BookUnusable, match=r"book\.json is no book"):
        DifficultyBook.load(path)


def test_what_can_be_no_book_is_not_opened(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("/dev/zero")
    for name in ("missing", ".", "link"):
        with pytest.raises(BookUnusable, match="is no file"):
            DifficultyBook.load(tmp_path / name)


def test_a_book_that_can_not_be_written_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(BookUnusable, match="can't be written"):
        DifficultyBook().save(tmp_path / "file" / "book.json")


@pytest.mark.parametrize("numbers", [(-1, 0, 0), (0, -1, 0), (0, 0, -1), (0.5, 0, 0), (True, 0, 0), (10**9, 0, 0)])
def test_attempts_are_counted_in_whole_numbers(numbers: tuple[int, int, int]) -> None:
    with pytest.raises(BadUsage, match="whole number"):
        DifficultyBook().observe("a", *numbers)


@pytest.mark.parametrize("weight", [0.0, -0.5, 1.01, float("nan")])
def test_a_weight_is_a_share(weight: float) -> None:
    with pytest.raises(BadUsage, match="per_step"):
        Forgetting(per_step=weight)


def test_one_id_is_not_taken_for_its_letters() -> None:
    with pytest.raises(BadUsage, match="sequence of ids"):
        DifficultyBook("core/softmax")


def test_a_prior_that_no_evidence_can_move_is_refused() -> None:
    with pytest.raises(BadUsage, match="outweighs"):
        DifficultyBook(prior=Beta(LARGEST, 1.0))
