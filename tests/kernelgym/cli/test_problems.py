"""`kernelgym problems`: listing, showing and checking sets of problems."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from kernelgym.cli import app, catalogue
from kernelgym.cli.checking import _short
from kernelgym.cli.exits import ExitCode
from kernelgym.cli.services import Services
from kernelgym.errors import EvaluatorBroken
from kernelgym.evaluators import ScriptedEvaluator
from kernelgym.problems import Loaded, Problem, Rejected, list_problems
from kernelgym.settings import Settings
from sandboxes.contracts import Description, Reference, Weakness
from tests.kernelgym.problems.references import SOURCE, checkout
from tests.reports import ok_report

BROKEN = SOURCE.replace("torch.rand(rows, 1000)", "torch.rand(rows, colums)")


def problems(*arguments: str, evaluator: ScriptedEvaluator | None = None, json: bool = False) -> Result:
    services = Services(settings=Settings(), open_evaluator=lambda sandbox, workers: evaluator or ScriptedEvaluator({}))
    command = ["problems", *arguments, *(["--json"] if json else [])]
    return CliRunner(env={"COLUMNS": "120"}).invoke(app, command, obj=services, catch_exceptions=False)


def found(*arguments: str) -> dict[str, Any]:
    result = problems(*arguments, json=True)
    assert result.exit_code == ExitCode.VERDICT, result.stderr
    document: dict[str, Any] = json.loads(result.stdout)
    return document


def ids(*arguments: str) -> list[str]:
    return [problem["id"] for problem in found(*arguments)["problems"]]


def one_error_line(result: Result) -> str:
    assert result.exit_code == ExitCode.USAGE
    assert result.stdout == ""
    [line] = result.stderr.splitlines()
    return str(line)


@pytest.fixture
def bench(tmp_path: Path) -> Path:
    return checkout(tmp_path / "bench", {"1/1_Softmax.py": SOURCE, "1/2_Nothing.py": "", "2/1_Soft_again.py": SOURCE})


def test_without_a_selection_all_registered_problems_are_listed() -> None:
    assert ids() == [problem.id for problem in list_problems()]


def test_a_word_is_a_part_of_an_id_unless_it_is_an_id_or_a_set() -> None:
    assert "core/softmax" in ids("softm")
    assert ids("core/softmax") == ["core/softmax"]
    assert ids("core") == [problem.id for problem in list_problems("core/*")]


def test_a_source_is_the_same_as_a_selection(bench: Path) -> None:
    selection = f"core/softmax,kernelbench:{bench}/1"
    assert ids("--source", selection) == ids(selection) == ["core/softmax", "kernelbench/1/1"]
    assert "both 'core' and --source 'core' are given" in one_error_line(problems("core", "--source", "core"))


def test_filters_narrow_a_listing_down(bench: Path) -> None:
    source = f"kernelbench:{bench}"
    assert ids(source, "--level", "2") == ["kernelbench/2/1"]
    assert ids(source, "--level", "2", "--level", "1") == ["kernelbench/1/1", "kernelbench/2/1"]
    assert ids(source, "--difficulty", "easy") == ["kernelbench/1/1"]
    assert "core/matmul" in ids("--tag", "matmul", "--tag", "scan")
    assert "did you mean 'matmul'" in one_error_line(problems("--tag", "matmull"))
    assert "did you mean 'easy'" in one_error_line(problems("--difficulty", "esy"))


def test_what_can_not_be_used_is_listed_with_its_reason(bench: Path) -> None:
    text = problems(f"kernelbench:{bench}").stdout
    assert "2 problems\n1 more can't be used:\n  level1/2_Nothing.py: does not define `Model`; add" in text
    [rejected] = found(f"kernelbench:{bench}")["rejected"]
    assert rejected["name"] == "level1/2_Nothing.py"
    assert rejected["reason"] == "does not define `Model`"
    assert rejected["remedy"].startswith("add ")


def test_very_many_reasons_are_cut_with_a_word_on_it(tmp_path: Path) -> None:
    files = {f"1/{number}_A.py": "" for number in range(2, 40)}
    folder = checkout(tmp_path, {"1/1_A.py": SOURCE, **files})
    assert "and 18 others; --json names them all" in problems(f"kernelbench:{folder}").stdout
    assert len(found(f"kernelbench:{folder}")["rejected"]) == 38


def test_the_level_is_shown_where_there_is_one(bench: Path) -> None:
    assert "level" in problems(f"kernelbench:{bench}/2").stdout
    assert "level" not in problems("core/softmax").stdout


def test_one_problem_of_a_set_is_shown(bench: Path) -> None:
    text = problems("show", f"kernelbench:{bench}/1/1").stdout
    assert text.startswith("kernelbench/1/1  Softmax  (level 1, easy)\n  tags   kernelbench, level1, normalisation")
    assert "class Model" in text
    assert "found by scaling the reference down" in text
    assert "denotes 2 problems" in one_error_line(problems("show", f"kernelbench:{bench}"))
    assert "level1/2_Nothing.py: does not define" in one_error_line(problems("show", f"kernelbench:{bench}/1/2"))


def test_a_selection_of_one_problem_can_be_evaluated(bench: Path, tmp_path: Path) -> None:
    (tmp_path / "kernel.py").write_text("class ModelNew: ...\n")
    evaluator = ScriptedEvaluator(lambda *request: ok_report())
    services = Services(settings=Settings(), open_evaluator=lambda sandbox, workers: evaluator)
    command = ["evaluate", str(tmp_path / "kernel.py"), "--problem", f"kernelbench:{bench}/1/1"]
    assert CliRunner().invoke(app, command, obj=services, catch_exceptions=False).exit_code == ExitCode.VERDICT
    assert evaluator.requests[0][1].id == "kernelbench/1/1"


def test_a_check_shows_cases_and_work_of_each_problem(bench: Path) -> None:
    result = problems("check", f"core/softmax,kernelbench:{bench}/1/1")
    assert result.exit_code == ExitCode.VERDICT, result.stderr
    assert "core/softmax" in result.stdout
    assert "2 of 2 problems can be used, all of them with the bench case executed in full" in result.stdout


def test_a_check_gives_the_reason_of_what_can_not_be_used(tmp_path: Path) -> None:
    folder = checkout(tmp_path, {"1/1_Good.py": SOURCE, "1/2_Broken.py": BROKEN, "1/3_Empty.py": ""})
    result = problems("check", f"kernelbench:{folder}")
    assert result.exit_code == ExitCode.VERDICT
    assert "✗ kernelbench/1/2  " in result.stdout
    assert "name 'colums' is not defined" in result.stdout
    assert "1 of 2 problems can be used" in result.stdout
    assert "1 more can't be used:\n  level1/3_Empty.py" in result.stdout


def test_the_json_of_a_check_holds_everything(tmp_path: Path) -> None:
    folder = checkout(tmp_path, {"1/1_Good.py": SOURCE, "1/2_Broken.py": BROKEN, "1/3_Empty.py": ""})
    document = found("check", f"kernelbench:{folder}")
    assert document["summary"] == {"problems": 2, "usable": 1, "executed_in_full": 1, "rejected": 1}
    good, broken = document["problems"]
    assert (good["usable"], good["reason"], good["executed_in_full"]) == (True, None, True)
    assert {"check", "bench"} == {case["kind"] for case in good["cases"]}
    assert good["cases"][-1]["elements"] == 4096 * 1000
    assert good["gflop"] > 0
    assert good["bytes"] > 4096 * 1000 * 4
    assert good["output"]["shape"] == [4096, 1000]
    assert set(broken) == set(good)
    assert (broken["usable"], broken["cases"], broken["gflop"]) == (False, [], None)
    assert "colums" in broken["reason"]
    assert [rejected["name"] for rejected in document["rejected"]] == ["level1/3_Empty.py"]


def test_a_check_that_fails_for_our_own_fault_ends_with_three() -> None:
    class Broken(ScriptedEvaluator):
        def describe(self, problem: Problem) -> Description:
            raise EvaluatorBroken("no worker could start; `kernelgym doctor` checks this machine")

    evaluator = Broken({})
    result = problems("check", "core/softmax", evaluator=evaluator)
    assert result.exit_code == ExitCode.INFRASTRUCTURE
    assert "✗ core/softmax  no worker could start" in result.stdout
    assert evaluator.closed


@pytest.mark.parametrize(
    ("number", "text"),
    [(0.0312, "0.031"), (70.25, "70.2"), (9030, "9.03k"), (999.7, "1k"), (1_200_000, "1.2M"), (1.61e9, "1.61G")],
)
def test_numbers_are_shown_in_about_three_digits(number: float, text: str) -> None:
    assert _short(number) == text


HOSTILE = "\x1b[31mred\x1b]0;title\x07\u202e"
"""Colours, sets the window's title, and turns the direction of text."""


def harmless(text: str) -> bool:
    return all(char.isprintable() or char == "\n" for char in text)


def test_nothing_that_a_set_says_reaches_the_terminal_as_a_control_sequence(tmp_path: Path) -> None:
    path = tmp_path / "set.jsonl"
    rows = [
        {"reference": f'"""{HOSTILE}"""\n{SOURCE}', "title": HOSTILE},
        {"reference": SOURCE, "tags": [HOSTILE]},
        {"reference": SOURCE, "level": HOSTILE},
        HOSTILE,
    ]
    path.write_text("\n".join(map(json.dumps, rows)) + "\n" + HOSTILE)
    listed, shown = problems(f"jsonl:{path}"), problems("show", f"jsonl:{path}/1")
    assert "4 more can't be used" in listed.stdout
    assert "\\x1b[31mred" in shown.stdout
    checked = problems("check", f"jsonl:{path}")
    for result in (listed, shown, checked, problems("show", f"jsonl:{path}/2"), problems("show", HOSTILE)):
        assert harmless(result.stdout), ascii(result.stdout)
        assert harmless(result.stderr), ascii(result.stderr)


def test_nothing_that_a_package_says_reaches_the_terminal_as_a_control_sequence(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    reference = Reference(id="acme/one", source=SOURCE)
    problem = Problem(reference=reference, title=HOSTILE).model_copy(update={"tags": (HOSTILE,)})
    rejected = Rejected(name=HOSTILE, reason=HOSTILE, remedy=HOSTILE)
    monkeypatch.setattr(catalogue, "load_problems", lambda *_, **__: Loaded(problems=(problem,), rejected=(rejected,)))
    monkeypatch.setattr(catalogue, "get_problem", lambda _: problem)
    for result in (problems("*"), problems("show", "acme/one"), problems("check", "*")):
        assert "red" in result.stdout
        assert harmless(result.stdout), ascii(result.stdout)


def test_a_long_title_is_cut_in_the_table_and_shown_in_full(tmp_path: Path) -> None:
    (tmp_path / "set.jsonl").write_text(json.dumps({"reference": SOURCE, "title": "long " * 30 + "end"}))
    selection = f"jsonl:{tmp_path}/set.jsonl"
    assert "end" not in problems(selection).stdout
    assert "…" in problems(selection).stdout
    assert "end" in problems("show", selection).stdout


def test_a_misspelt_word_is_answered_with_what_is_like_it() -> None:
    assert "did you mean 'core/softmax'" in one_error_line(problems("softmx"))


def test_a_path_with_a_comma_is_explained(tmp_path: Path) -> None:
    (tmp_path / "a,b").mkdir()
    (tmp_path / "a,b" / "set,1.jsonl").write_text(json.dumps({"reference": SOURCE}))
    (tmp_path / "c,d.py").write_text(SOURCE)
    for selection in (f"jsonl:{tmp_path}/a,b/set,1.jsonl/1", f"core,file:{tmp_path}/c,d.py,core/softmax"):
        line = one_error_line(problems(selection))
        assert "has a comma, which ends a term of a selection; rename it, or link to it" in line


ZERO = SOURCE.replace("torch.softmax(x, dim=1)", "torch.relu(-1 - x.abs())").replace("rows = 4096", "rows = 64")
UNUSED = SOURCE.replace("forward(self, x)", "forward(self, x, y)").replace(
    "[torch.rand(rows, 1000)]", "[torch.rand(rows, 100), torch.rand(9)]"
)


def test_lint_says_which_problems_give_their_answer_away_and_which_ask_for_little(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {"1/1_Softmax.py": SOURCE, "1/2_Zero.py": ZERO, "1/3_Unused.py": UNUSED}
    bench = checkout(tmp_path / "bench", files | {"1/4_Broken.py": BROKEN, "1/5_Empty.py": ""})
    document = found("--lint", f"kernelbench:{bench}")
    assert document["summary"] == {"problems": 4, "clean": 1, "warned": 1, "refused": 1, "unusable": 1}
    good, zero, unused, broken = document["problems"]
    assert (good["weaknesses"], good["refused"]) == ([], False)
    assert zero["refused"]
    assert [(item["rule"], item["severity"]) for item in zero["weaknesses"]] == [("constant_output", "refuse")]
    assert "all of its output is the same number" in zero["weaknesses"][0]["evidence"]
    assert [item["rule"] for item in unused["weaknesses"]] == ["unused_input"]
    assert not unused["refused"]
    assert "colums" in broken["reason"]
    assert [rejected["name"] for rejected in document["rejected"]] == ["level1/5_Empty.py"]
    text = problems("--lint", f"kernelbench:{bench}/1/1-3").stdout
    assert "! kernelbench/1/3  unused_input: other values of input 1 change the output by less than" in text
    assert "✗ kernelbench/1/2  " in text
    assert "1 of 3 problems are clean, 1 have warnings, 1 give their answer away, 0 can't be used" in text


def test_lint_names_the_trick_and_the_remedy_where_check_shapes_are_given(tmp_path: Path) -> None:
    path = tmp_path / "zero.py"
    path.write_text(f"{ZERO}\nCHECK_SHAPES = [{{}}]\n")
    [zero] = found("--lint", f"file:{path}")["problems"]
    assert zero["refused"]
    assert zero["weaknesses"] == [
        {
            "rule": "zero_output",
            "severity": "refuse",
            "evidence": "zeros pass in every trial",
            "remedy": "choose inputs, weights or operations under which the output depends on the inputs",
        }
    ]
    [checked] = found("check", f"file:{path}")["problems"]
    assert "gives its answer away: zeros pass in every trial; choose inputs" in checked["reason"]


def test_lint_ends_as_a_fault_of_this_machine_if_a_problem_could_not_be_looked_at() -> None:
    class Broken(ScriptedEvaluator):
        def inspect(self, problem: Problem) -> tuple[Weakness, ...]:
            raise EvaluatorBroken("all workers died")

    result = problems("--lint", "core/softmax", evaluator=Broken({}))
    assert result.exit_code == ExitCode.INFRASTRUCTURE
    assert "core/softmax  all workers died" in result.stdout
