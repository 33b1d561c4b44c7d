import pickle
import subprocess
import sys

import pytest

from kernelgym.errors import DuplicateProblem, InvalidReference, KernelGymError, UnknownProblem
from kernelgym.problems import Problem, get_problem, list_problems, register_problem
from kernelgym.problems.core.catalogue import CATALOGUE
from kernelgym.problems.registry import _problems
from sandboxes.contracts import Reference

SOURCE = "class Model: ...\ndef get_init_inputs(): return []\ndef get_inputs(n=3): return [n]\n"


@pytest.fixture
def own_registry():
    """A registry that forgets what a test registers."""
    _problems.cache_clear()
    yield
    _problems.cache_clear()


def problem(id: str, source: str = SOURCE) -> Problem:
    return Problem(reference=Reference(id=id, source=source), title="A problem of the tests")


def test_a_problem_is_found_by_its_id():
    assert get_problem("core/softmax").id == "core/softmax"
    assert "class Model" in get_problem("core/softmax").reference.source


@pytest.mark.parametrize("wrong", ["core/softmx", "softmax", "softmx", "level1/softmax"])
def test_an_unknown_id_suggests_the_one_that_was_meant(wrong):
    with pytest.raises(UnknownProblem) as caught:
        get_problem(wrong)
    assert "core/softmax" in caught.value.suggestions
    assert f"no problem is called '{wrong}'; did you mean 'core/softmax'" in str(caught.value)
    assert "list_problems()" in str(caught.value)


def test_an_id_like_no_other_suggests_nothing_but_says_how_to_list():
    with pytest.raises(LookupError, match=r"no problem is called 'qqq'.*list_problems") as caught:
        get_problem("qqq")
    assert "did you mean" not in str(caught.value)


@pytest.mark.parametrize("wrong", ["core/qqq", "core/xyzzy"])
def test_a_shared_prefix_alone_is_no_similarity(wrong):
    assert UnknownProblem(wrong, [problem.id for problem in list_problems()]).suggestions == ()


def test_problems_are_listed_by_pattern_in_the_order_of_their_ids():
    ids = [problem.id for problem in list_problems()]
    assert ids == sorted(ids)
    assert {id_ for id_ in ids if id_.startswith("core/")} == {f"core/{name}" for name in CATALOGUE}
    matching = [problem.id for problem in list_problems("core/matmul*")]
    assert matching == [id_ for id_ in ids if id_.startswith("core/matmul")]
    assert {"core/matmul", "core/matmul_bias_relu"} <= set(matching)
    assert list_problems("nothing/*") == []


@pytest.mark.usefixtures("own_registry")
def test_a_third_party_problem_is_found_and_listed():
    register_problem(problem("mine/copy"))
    assert get_problem("mine/copy") in list_problems("mine/*")


@pytest.mark.usefixtures("own_registry")
def test_an_id_can_be_registered_only_once():
    with pytest.raises(DuplicateProblem, match=r"'core/softmax' is already registered; choose another id"):
        register_problem(problem("core/softmax"))
    assert get_problem("core/softmax").title == "Softmax over the rows of a matrix"


@pytest.mark.usefixtures("own_registry")
def test_a_reference_that_is_none_is_not_registered():
    with pytest.raises(InvalidReference, match="mine/empty: does not define `Model`"):
        register_problem(problem("mine/empty", source=""))
    assert list_problems("mine/*") == []


@pytest.mark.parametrize(
    "error",
    [
        UnknownProblem("softmx", ["core/softmax"]),
        DuplicateProblem("core/softmax"),
        InvalidReference("a.py", "is too large", "make it smaller"),
    ],
)
def test_errors_survive_pickling(error):
    copy = pickle.loads(pickle.dumps(error))  # noqa: S301 # our own bytes
    assert type(copy) is type(error)
    assert str(copy) == str(error)
    assert vars(copy) == vars(error)
    assert isinstance(copy, KernelGymError)


def test_problems_survive_the_json_round_trip():
    for each in list_problems():
        assert Problem.model_validate_json(each.model_dump_json()) == each


def test_importing_and_listing_problems_does_not_import_torch():
    code = """
import sys
import kernelgym.problems
assert len(kernelgym.problems.list_problems()) >= 12
assert kernelgym.problems.list_solutions()
assert not {'torch', 'triton', 'datasets'} & set(sys.modules)
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
