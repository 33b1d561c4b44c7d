"""Problems of other packages, installed for the length of a test."""

import importlib
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from pydantic import ValidationError

from kernelgym.errors import BadUsage, BrokenPlugin, InvalidReference
from kernelgym.problems import Problem, get_problem, list_problems, load_problems, register_problem, select_problems
from kernelgym.problems.plugins import load_plugin
from kernelgym.problems.registry import _problems
from sandboxes.contracts import Reference
from tests.kernelgym.problems.references import SOURCE

MODULE = f"""
from kernelgym.problems import Problem
from sandboxes.contracts import Reference

SOURCE = {SOURCE!r}

def problem(id):
    return Problem(reference=Reference(id=id, source=SOURCE), title="One of another package", tags=("foreign",))

def problems():
    yield problem("acme/one")
    yield problem("acme/two")
"""


@pytest.fixture(autouse=True)
def forgetful():
    """Nothing that a test installs or registers is remembered."""
    _problems.cache_clear()
    load_plugin.cache_clear()
    yield
    _problems.cache_clear()
    load_plugin.cache_clear()


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Installs a distribution with one module and one entry point."""
    monkeypatch.syspath_prepend(str(tmp_path))

    def installed(code, entry="acme", function="problems", distribution="acme-kernels"):
        module = f"{distribution.replace('-', '_')}_{tmp_path.name.replace('-', '_')}"
        (tmp_path / f"{module}.py").write_text(code)
        information = tmp_path / f"{distribution.replace('-', '_')}-1.2.dist-info"
        information.mkdir()
        (information / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.2\n")
        (information / "entry_points.txt").write_text(f"[kernelgym.problems]\n{entry} = {module}:{function}\n")
        return module

    yield installed
    for name in [name for name in sys.modules if name.endswith(tmp_path.name.replace("-", "_"))]:
        del sys.modules[name]


def ids(selection):
    return [problem.id for problem in select_problems(selection)]


def test_problems_of_an_installed_package_are_found_everywhere(install):
    install(MODULE)
    assert ids("acme") == ids("acme/*") == ["acme/one", "acme/two"]
    assert ids("acme/two,core/softmax") == ["acme/two", "core/softmax"]
    assert get_problem("acme/one").tags == ("foreign",)
    assert {"acme/one", "core/softmax"} <= {problem.id for problem in list_problems()}
    assert [problem.id for problem in list_problems("*/tw*")] == ["acme/two"]


def test_a_package_is_loaded_only_when_it_can_matter(install):
    module = install(MODULE)
    for selection in ("core", "core/*", "core/softmax", "co*max"):
        select_problems(selection)
        assert module not in sys.modules, selection
    select_problems("ac*")
    assert module in sys.modules


def test_an_unknown_problem_of_a_package_suggests_one_of_its_own(install):
    install(MODULE)
    with pytest.raises(LookupError, match="did you mean 'acme/two'"):
        get_problem("acme/twoo")


@pytest.mark.parametrize(
    ("code", "function", "message"),
    [
        ("raise RuntimeError('no licence\\nsecond line')", "problems", r"can't be loaded \(RuntimeError: no licence\)"),
        ("import nowhere_to_be_found", "problems", r"can't be loaded \(ModuleNotFoundError: No module named"),
        ("", "problems", r"can't be loaded \(AttributeError: "),
        ("problems = 5", "problems", r"can't be loaded \(TypeError: 'int' object is not callable\)"),
        ("def problems(): return 5", "problems", r"can't be loaded \(TypeError: .*returns a int, not problems\)"),
        ("def problems():\n    yield 1\n    raise KeyError('x')", "problems", r"can't be loaded \(KeyError: 'x'\)"),
    ],
)
def test_a_broken_package_is_named_and_takes_nothing_from_others(install, code, function, message):
    install(code, function=function)
    with pytest.raises(
        BrokenPlugin, match=f"the problems 'acme' of acme-kernels 1.2 {message}.*; update or uninstall it"
    ):
        get_problem("acme/one")
    with pytest.raises(InvalidReference, match=f"acme: the problems of acme-kernels 1.2 {message}"):
        select_problems("acme")
    assert ids("core/softmax") == ["core/softmax"]
    loaded = load_problems("*")
    assert len(loaded.problems) >= 12
    assert [rejected.name for rejected in loaded.rejected] == ["acme"]
    with pytest.raises(
        BadUsage, match=r"no problem's id matches .* could not look at acme: the problems of acme-kernels"
    ):
        select_problems("*zzz*")


def test_a_broken_package_is_tried_only_once(install, tmp_path):
    install(f"with open({str(tmp_path / 'tries')!r}, 'a') as file: file.write('x')\nraise RuntimeError")
    for _ in range(3):
        list_problems()
    assert (tmp_path / "tries").read_text() == "x"


def test_a_bad_problem_of_a_package_costs_itself_and_not_the_others(install):
    code = MODULE + (
        "    yield problem('core/softmax')\n"
        "    yield problem('acme/one')\n"
        "    yield 'acme/three'\n"
        "    yield problem('acme/four').model_copy(update={'reference': Reference(id='acme/four', source='')})\n"
    )
    install(code)
    loaded = load_problems("acme")
    assert [problem.id for problem in loaded.problems] == ["acme/one", "acme/two"]
    assert [str(rejected) for rejected in loaded.rejected] == [
        "core/softmax: is not in the namespace 'acme'; start its id with 'acme/'",
        "acme/one: has the id 'acme/one' of acme/one; give each an id of its own",
        "acme, member 5: is a str; return kernelgym.problems.Problem",
        "acme/four: does not define `Model`; add `class Model(nn.Module)` with the `forward` to match",
    ]


@pytest.mark.parametrize("entry", ["core", "kernelbench", "hf", "a b"])
def test_a_name_that_is_not_free_is_refused_and_breaks_nothing(install, entry):
    install(MODULE, entry=entry)
    assert "core/softmax" in ids("core")
    [rejected] = load_problems("*").rejected
    assert str(rejected).startswith(f"{entry}: the problems of acme-kernels 1.2 have a name that is not free")


def test_two_packages_of_one_name_are_both_named(install):
    install(MODULE)
    install(MODULE, distribution="acme-other")
    with pytest.raises(BrokenPlugin, match=r"of acme-kernels 1\.2 and acme-other 1\.2 are registered more than once"):
        get_problem("acme/one")


def test_what_this_process_registers_comes_before_what_a_package_does(install):
    install(MODULE)
    own = get_problem("acme/one").model_copy(update={"title": "Own"})
    register_problem(own)
    assert get_problem("acme/one").title == "Own"
    assert [problem.title for problem in select_problems("acme")] == ["Own", "One of another package"]


def test_the_command_line_shows_what_a_package_could_not_register(install, tmp_path):
    install("raise RuntimeError('no licence')")
    result = subprocess.run(
        [sys.executable, "-c", "from kernelgym.cli import main; main()", "problems"],
        env={"PYTHONPATH": str(tmp_path), "PATH": "", "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert "core/softmax" in result.stdout
    assert "1 more can't be used:\n  acme: the problems of acme-kernels 1.2 can't be loaded" in result.stdout
    assert result.stderr == ""


RECIPE = Path(__file__).resolve().parents[3] / "docs" / "problems.md"


def test_the_recipe_for_packages_works_in_one_that_pip_installed(tmp_path, monkeypatch):
    package = tmp_path / "acme_kernels"
    (package / "references" / "__pycache__").mkdir(parents=True)
    (package / "references" / "twice.py").write_text(SOURCE)
    recipe = RECIPE.read_text(encoding="utf-8").partition("## Bring your own")[2].split("```")[1]
    (package / "__init__.py").write_text(textwrap.dedent(recipe.removeprefix("python\n")))
    monkeypatch.syspath_prepend(str(tmp_path))
    made = list(importlib.import_module("acme_kernels").problems())
    sys.modules.pop("acme_kernels")
    assert [problem.id for problem in made] == ["acme/twice"]


@pytest.mark.parametrize("tags", [("\x1b[31m",), ("Upper",), ("a" * 51,), ("a\n",), tuple(f"t{n}" for n in range(51))])
def test_tags_are_a_few_lower_case_words(tags):
    with pytest.raises(ValidationError, match="tags"):
        Problem(reference=Reference(id="acme/one", source=SOURCE), title="One", tags=tags)
