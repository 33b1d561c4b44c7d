import pytest

from kernelgym.errors import BadUsage, UnknownProblem
from kernelgym.problems import list_problems, select_problems


def ids(selection: str, **filters: object) -> list[str]:
    return [problem.id for problem in select_problems(selection, **filters)]


def test_a_namespace_stands_for_all_its_problems():
    assert ids("core") == ids("core/*") == [problem.id for problem in list_problems("core/*")]


def test_terms_keep_their_order_and_every_problem_comes_once():
    assert ids("core/softmax, core/matmul,*/softmax") == ["core/softmax", "core/matmul"]


def test_a_problem_that_does_not_exist_suggests_the_one_that_was_meant():
    with pytest.raises(UnknownProblem, match=r"no problem is called 'core/sofmax'; did you mean 'core/softmax'"):
        select_problems("core/matmul,core/sofmax")


def test_a_pattern_that_matches_nothing_is_an_error():
    with pytest.raises(BadUsage, match=r"no problem's id matches '\*zzz\*'"):
        select_problems("*zzz*")


def test_filters_narrow_a_selection_down():
    assert "core/softmax" not in ids("core", tags=["matmul", "scan"])
    assert {"core/matmul", "core/cumulative_sum"} <= set(ids("core", tags=["matmul", "scan"]))
    assert all(problem.difficulty == "easy" for problem in select_problems("core", difficulties=["easy"]))


def test_a_difficulty_that_is_none_suggests_the_one_that_was_meant():
    with pytest.raises(BadUsage, match="no difficulty is called 'esy'; did you mean 'easy'"):
        select_problems("core", difficulties=["esy"])


def test_nothing_left_is_an_error():
    with pytest.raises(BadUsage, match=r"none of the 1 problems of 'core/softmax' has level 3"):
        select_problems("core/softmax", levels=[3])
