"""What a sandbox is, in words that reach a report."""

import pytest

from sandboxes.isolation.conformance import CONFORMANCE_ENTRY
from sandboxes.isolation.factory import create_sandbox, describe_sandbox


def test_a_sandbox_that_was_asked_for_is_described_by_its_name() -> None:
    with create_sandbox("process", CONFORMANCE_ENTRY) as sandbox:
        assert describe_sandbox(sandbox) == "process"


def test_a_weaker_sandbox_is_described_with_the_reason_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with create_sandbox("auto", CONFORMANCE_ENTRY) as sandbox:
        words = describe_sandbox(sandbox)
        sandbox.fallback_reason = f"it said\n{'x' * 10_000}"
        long = describe_sandbox(sandbox)
    assert words.startswith("process (bubblewrap does not work here: ")
    assert "apt-get install bubblewrap" in words
    assert "\n" not in long
    assert len(long) < 300
