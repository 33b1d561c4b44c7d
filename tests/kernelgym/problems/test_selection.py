import pytest

from kernelgym.errors import BadUsage, InvalidReference, UnknownProblem
from kernelgym.problems import get_problem, list_problems, select_problems
from tests.kernelgym.problems.references import SOURCE, checkout


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


@pytest.mark.parametrize("selection", ["", "core,", ",core", "core,,core/softmax"])
def test_an_empty_term_is_an_error(selection):
    with pytest.raises(BadUsage, match="has an empty term"):
        select_problems(selection)


def test_an_unknown_kind_of_set_suggests_the_one_that_was_meant():
    with pytest.raises(BadUsage, match=r"no kind of problem set is called 'kernelbnch'; did you mean 'kernelbench'\?"):
        select_problems("kernelbnch:somewhere/1")


def test_an_unknown_set_suggests_the_one_that_was_meant():
    with pytest.raises(BadUsage, match=r"no set of problems is called 'cores'; did you mean 'core'\?"):
        select_problems("cores")


@pytest.mark.parametrize("prefix", ["file", "hf", "jsonl", "kernelbench"])
def test_a_set_without_a_path_is_an_error(prefix):
    with pytest.raises(BadUsage, match=f"names no {prefix} set; write its path or name after the colon"):
        select_problems(f"{prefix}:")


def test_files_are_a_set_of_one(tmp_path):
    (tmp_path / "my softmax.py").write_text(SOURCE)
    [problem] = select_problems(f"file:{tmp_path}/my softmax.py")
    assert (problem.id, problem.tags) == ("file/my_softmax", ("normalisation", "reduction"))
    with pytest.raises(InvalidReference, match=r"nowhere\.py: can't be read"):
        select_problems(f"core,file:{tmp_path}/nowhere.py")


def test_a_home_folder_is_expanded(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "mine.py").write_text(SOURCE)
    assert ids("file:~/mine.py") == ["file/mine"]


def test_one_problem_is_got_by_any_selection_that_denotes_one(tmp_path):
    folder = checkout(tmp_path, {"1/1_A.py": SOURCE, "1/2_B.py": SOURCE})
    assert get_problem(f"kernelbench:{folder}/1/2").title == "B"
    with pytest.raises(BadUsage, match=r"denotes 2 problems; add the number of one"):
        get_problem(f"kernelbench:{folder}")
    with pytest.raises(BadUsage, match=r"'core' denotes \d+ problems; give one of them, e\.g\. 'core/add_relu'"):
        get_problem("core")


@pytest.mark.parametrize(
    ("filters", "message"),
    [
        ({"tags": ["matmull"]}, "no tag is called 'matmull'; did you mean 'matmul'"),
        ({"tags": "matmul"}, "tags is the text 'matmul'; give a sequence"),
        ({"levels": [0]}, "the level is 0; give a whole number from 1"),
        ({"levels": ["1"]}, "the level is '1'"),
        ({"levels": [True]}, "the level is True"),
        ({"difficulties": "easy"}, "difficulties is the text 'easy'"),
        ({"tags": ["convolution"], "levels": [1, 2]}, "has tag convolution, level 1 or 2; ask for less"),
    ],
)
def test_filters_are_checked(filters, message):
    with pytest.raises(BadUsage, match=message):
        select_problems("core/softmax", **filters)
