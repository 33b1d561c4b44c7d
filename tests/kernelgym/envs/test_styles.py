"""Styles: two presets and folders of one's own; what is wrong with a template is said before an episode begins."""

from pathlib import Path

import pytest

from kernelgym.envs import Options, Rules, estimate_tokens, style_identity, styles, write_feedback, write_prompt
from kernelgym.envs.styles import PRESETS, SUFFIX, VARIABLES
from kernelgym.errors import BadUsage
from kernelgym.problems import get_problem
from kernelgym.settings import Settings
from rewards import get_reward
from sandboxes.contracts import Diagnostic, Finding, Outcome, Report, Severity, Stage, Submission
from tests.kernelgym.envs.script import described
from tests.reports import SOURCE, failed_report, ok_report

REPORTS = [ok_report(), ok_report(verified=False), *(failed_report(item) for item in Outcome if item is not Outcome.OK)]
INJECTION = "{{ 7 * 7 }} {% for x in y %} {# gone #} {{ feedback.__class__ }} ${7*7} %s {0}"


def feedback(report: Report, style: str, *, over: bool = False, submission: Submission | None = None) -> str:
    rules = Rules(style=style, max_turns=1 if over else 3)
    return write_feedback(report, get_reward()(report), submission, previous=[], rules=rules, over=over)


@pytest.mark.parametrize("style", PRESETS)
@pytest.mark.parametrize("over", [False, True])
@pytest.mark.parametrize("report", REPORTS, ids=lambda report: str(report.outcome))
def test_every_preset_can_tell_of_every_outcome(style: str, over: bool, report: Report) -> None:
    text = feedback(report, style, over=over, submission=Submission(source=SOURCE))
    assert 0 < estimate_tokens(text) <= Rules().feedback_tokens
    assert "None" not in text
    assert ("SUBMIT" in text.splitlines()[-1]) != over


@pytest.mark.parametrize("style", PRESETS)
def test_every_preset_tells_the_task_and_how_to_submit(style: str) -> None:
    problem = get_problem("core/softmax")
    source = problem.reference.source.strip()
    text = write_prompt(problem, described(problem), Rules(style=style))
    assert source in text
    assert "`ModelNew`" in text
    assert "last line `SUBMIT`" in text
    assert "SUBMIT" not in write_prompt(problem, described(problem), Rules(style=style, allow_submit=False))
    assert "SUBMIT" not in write_prompt(problem, described(problem), Rules(style=style, max_turns=1))


@pytest.mark.parametrize("style", PRESETS)
def test_what_a_candidate_writes_is_never_a_template(style: str) -> None:
    diagnostic = Diagnostic(stage=Stage.TRACE, message=INJECTION, line=1, excerpt=INJECTION, hint=INJECTION)
    finding = Finding(rule="no_launch", severity=Severity.REJECT, evidence=INJECTION, line=1)
    failed = failed_report(Outcome.TRACE_ERROR).model_copy(update={"diagnostics": (diagnostic,)})
    hack = failed_report(Outcome.HACK).model_copy(update={"findings": (finding,)})
    for report in (failed, hack):
        text = feedback(report, style, submission=Submission(source=INJECTION))
        assert INJECTION in text
        assert "49" not in text


def test_a_name_that_is_no_style_is_refused_when_the_rules_are_made() -> None:
    with pytest.raises(BadUsage, match="did you mean 'compact'"):
        Rules(style="compakt")
    with pytest.raises(BadUsage, match="or give the path of a folder with templates"):
        Rules(style="no/such/folder")


def test_an_environment_is_made_with_a_style_a_budget_and_a_counter() -> None:
    rules = Options(style="drkernel", feedback_tokens=500, count_tokens=len).rules(Settings())
    assert (rules.style, rules.feedback_tokens, rules.count_tokens) == ("drkernel", 500, len)
    with pytest.raises(BadUsage, match="did you mean 'drkernel'"):
        Options(style="drkernl").rules(Settings())


def test_the_identity_is_that_of_the_texts(tmp_path: Path) -> None:
    assert style_identity("compact") == style_identity("compact") != style_identity("drkernel")
    one, two = tmp_path / "one", tmp_path / "two"
    for folder, text in ((one, "{{ feedback.outcome }}"), (two, "{{ feedback.outcome }}!")):
        folder.mkdir()
        (folder / "feedback.md.jinja").write_text(text)
    assert len({style_identity(str(one)), style_identity(str(two)), style_identity("compact")}) == 3


def test_a_folder_has_its_own_templates_and_the_rest_from_compact(tmp_path: Path) -> None:
    (tmp_path / "feedback.md.jinja").write_text(
        'It was {{ feedback.outcome }}.\n{% include "compact/feedback.md.jinja" %}\n'
    )
    text = feedback(failed_report(Outcome.TIMEOUT), str(tmp_path))
    assert text.startswith("It was timeout.\nTurn 1 of 3: timeout - out of time\n")
    problem = get_problem("core/softmax")
    own = write_prompt(problem, described(problem), Rules(style=str(tmp_path)))
    assert own == write_prompt(problem, described(problem), Rules())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a\n{% if %}\n", "template feedback.md.jinja, line 2, of style .*: Expected an expression"),
        ("a\n\n{{ outcome }}", "template feedback.md.jinja, line 3, .*no variable 'outcome'; there is 'feedback'"),
        ("{{ feedback.outcom }}", "line 1, .*feedback has no 'outcom'; did you mean 'outcome'"),
        ("{{ feedback.__class__ }}", "feedback has no '__class__'"),
        ("\n{{ feedback.fix.messages }}", "line 2, .*feedback.fix has no 'messages'; did you mean 'message'"),
        ("{{ feedback.performance.x }}", "feedback.performance has no 'x'; there are"),
        ('{% include "other.md.jinja" %}', "refers to the template 'other.md.jinja'; there are compact/task.md.jinja"),
        ("{% include feedback.outcome %}", "is not a constant"),
        ("{{ feedback.outcome | shout }}", "No filter named 'shout'"),
    ],
)
def test_a_template_that_can_not_work_is_refused_with_its_line(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "feedback.md.jinja").write_text(text)
    with pytest.raises(BadUsage, match=message):
        Rules(style=str(tmp_path))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "a\n{% set fix = feedback.fix %}{{ fix.messages }}",
            "template feedback.md.jinja, line 2, of style .* has no attribute 'messages'",
        ),
        ("{{ feedback.fix['__class__'].mro() }}", "line 1"),
        ("{{ feedback.left / 0 }}", "division by zero"),
    ],
)
def test_a_template_that_fails_on_the_facts_is_named_with_its_line(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "feedback.md.jinja").write_text(text)
    with pytest.raises(BadUsage, match=message):
        feedback(failed_report(Outcome.TIMEOUT), str(tmp_path))


def test_a_folder_without_templates_or_with_unreadable_ones_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadUsage, match=r"holds no template; put one of task\.md\.jinja"):
        Rules(style=str(tmp_path))
    (tmp_path / "task.md.jinja").write_bytes(b"\xff\xfe")
    with pytest.raises(BadUsage, match=r"task\.md\.jinja' can't be read"):
        Rules(style=str(tmp_path))
    large = tmp_path / "large"
    large.mkdir()
    (large / "task.md.jinja").write_text("x" * 2**20)
    with pytest.raises(BadUsage, match="larger than 256 KiB"):
        Rules(style=str(large))


def test_presets_hold_every_template() -> None:
    folder = Path(styles.__file__).parent / "templates"
    assert {path.name for path in folder.iterdir()} == set(PRESETS)
    for preset in PRESETS:
        assert {path.name for path in (folder / preset).iterdir()} == {part + SUFFIX for part in VARIABLES}


def test_the_released_system_s_loss_of_diagnostics_is_not_reproduced() -> None:
    text = feedback(failed_report(Outcome.COMPILE_ERROR, message="name `tl` is not defined"), "drkernel")
    assert '"error_message": "name `tl` is not defined' in text
    assert '"reward": 0.0' in text


def test_times_say_where_they_come_from_and_have_few_digits_in_every_preset() -> None:
    for style in PRESETS:
        text = feedback(ok_report(time_us=10.0, reference_time_us=12.345678), style)
        assert "modelled for" in text
        assert "1.23" in text
        assert "1.234" not in text
