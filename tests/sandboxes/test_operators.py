"""Operators are known by schema: what they write, what their results share, and whether they may be replayed."""

import pickle

import pytest

from sandboxes.operators import OperatorNotAllowed, operator


@pytest.mark.parametrize(
    ("name", "written", "aliases"),
    [
        ("add.Tensor", set(), (None,)),
        ("add_.Tensor", {0}, (0,)),
        ("copy_.default", {0}, (0,)),
        ("mm.out", {2}, (2,)),
        ("view.default", set(), (0,)),
        ("t.default", set(), (0,)),
        ("split.Tensor", set(), (0,)),
        ("split_with_sizes.default", set(), (0,)),
        ("unbind.int", set(), (0,)),
        ("max.dim", set(), (None, None)),
        ("empty_like.default", set(), (None,)),
        ("native_batch_norm.default", set(), (None, None, None)),
        ("_native_batch_norm_legit.default", {3, 4}, (None, None, None)),
    ],
)
def test_writes_and_aliases_are_read_off_the_schema(
    name: str, written: set[int], aliases: tuple[int | None, ...]
) -> None:
    op = operator(f"aten::{name}")
    assert (set(op.written), op.aliases) == (written, aliases)


@pytest.mark.parametrize(
    "name",
    ["cat.out", "sum.out", "arange.default", "sort.stable", "cumsum_.default", "hardswish_.default", "index.Tensor",
     "index_put_.default", "rsub.Tensor", "_safe_softmax.default", "squeeze.default", "where.ScalarOther"],
)  # fmt: skip
def test_every_overload_of_a_function_is_one(name: str) -> None:
    assert operator(f"aten::{name}").overload is not None


@pytest.mark.parametrize("name", ["select.t", "add.int", "sym_size.int"])
def test_operators_on_lists_and_numbers_of_scripts_are_refused(name: str) -> None:
    with pytest.raises(OperatorNotAllowed, match="returns no tensor"):
        operator(f"aten::{name}")


@pytest.mark.parametrize("name", ["rand.out", "randn.default", "dropout.default", "rrelu_.default", "squeeze_.default"])
def test_randomness_and_changed_metadata_are_refused_in_every_overload(name: str) -> None:
    with pytest.raises(OperatorNotAllowed, match="can't be replayed"):
        operator(f"aten::{name}")


@pytest.mark.parametrize(("name", "allocates"), [("empty.memory_format", True), ("new_empty.default", True),
                                                 ("empty_like.default", True), ("zeros.default", False)])  # fmt: skip
def test_uninitialised_memory_is_known(name: str, allocates: bool) -> None:
    assert operator(f"aten::{name}").allocates is allocates


def test_the_error_crosses_processes_with_its_line() -> None:
    error = OperatorNotAllowed("no")
    error.line = 4
    assert pickle.loads(pickle.dumps(error)).line == 4  # noqa: S301 # our own bytes
