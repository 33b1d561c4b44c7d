"""`kernelgym report` and `kernelgym compare --html`, from arguments to files."""

from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from kernelgym.cli import app
from kernelgym.cli.services import Services
from kernelgym.evaluators import ScriptedEvaluator
from kernelgym.runs.folder import RunFolder
from kernelgym.settings import Settings
from tests.kernelgym.reports.html.runs import synthetic_run
from tests.reports import ok_report


def kernelgym(*arguments: str) -> Result:
    services = Services(settings=Settings(), open_evaluator=lambda *_: ScriptedEvaluator(lambda *_: ok_report()))
    return CliRunner().invoke(app, list(arguments), obj=services, catch_exceptions=False)


def run_in(path: Path, seed: int = 0) -> Path:
    record, episodes = synthetic_run(6, samples=2, seed=seed)
    with RunFolder(path, record) as folder:
        for episode in episodes:
            folder.append(episode)
    return path


def test_a_report_lies_in_the_folder_of_its_run_unless_told_otherwise(tmp_path: Path) -> None:
    run = run_in(tmp_path / "run")
    result = kernelgym("report", str(run))
    assert result.exit_code == 0
    assert str(run / "report.html") in result.stderr
    assert "<h1>synthetic on 3 problems</h1>" in (run / "report.html").read_text(encoding="utf-8")
    assert kernelgym("report", str(run), "--out", str(tmp_path / "x.html"), "--title", "Mine").exit_code == 0
    assert "<h1>Mine</h1>" in (tmp_path / "x.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("missing",), "holds no run"),
        (("run", "--out", "no/such/folder/x.html"), "can't be written (No such file or directory)"),
        (("run", "--out", "."), "can't be written (Is a directory)"),
    ],
)
def test_what_can_not_be_done_is_said_in_a_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], words: str
) -> None:
    run_in(tmp_path / "run")
    monkeypatch.chdir(tmp_path)
    result = kernelgym("report", *arguments)
    assert result.exit_code == 2
    assert words in result.stderr
    assert result.stderr.count("\n") == 1


def test_a_comparison_is_written_as_a_page_and_json_stays_alone_on_standard_output(tmp_path: Path) -> None:
    first, second = run_in(tmp_path / "one"), run_in(tmp_path / "two", seed=1)
    page = tmp_path / "both.html"
    result = kernelgym("compare", str(first), str(second), "--html", str(page), "--json")
    assert result.exit_code == 0
    assert result.stdout.startswith("{")
    assert result.stdout.rstrip().endswith("}")
    assert "two against one" in page.read_text(encoding="utf-8")
