"""Commands say what the sandbox they use does not cover."""

import pytest

from kernelgym.cli.services import open_local_evaluator, warn_of_gaps


def test_gaps_are_one_warning_on_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    warn_of_gaps("process (bubblewrap\ndoes not work)", ("signals: it can signal", "files: it can\x1b[31m read"))
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith("warning: untrusted code runs in the sandbox process (bubblewrap does not work)")
    assert "signals: it can signal; files: it can" in shown.err
    assert shown.err.count("\n") == 1
    assert "\x1b" not in shown.err


def test_the_evaluator_of_every_command_warns() -> None:
    evaluator = open_local_evaluator("process", 1)
    try:
        assert evaluator._on_gaps is warn_of_gaps  # type: ignore[attr-defined]
    finally:
        evaluator.close()  # type: ignore[attr-defined]
