"""`kernelgym status`: what it shows at any width, what it does where nothing can be seen, and what it never prints."""

import io
import json
from collections.abc import Callable

import pytest
from rich.console import Console

from kernelgym.cli import status
from kernelgym.cli.status_board import Frame, Rates, alarms, board
from kernelgym.cli.status_source import Source, open_source
from kernelgym.errors import BadUsage
from kernelgym.serving.errors import LedgerUnavailable
from kernelgym.serving.jobs import Overview
from tests.kernelgym.serving.http.page.scenes import fleet, hostile


def shown(overview: Overview, *, width: int, height: int | None = None, terminal: bool = False) -> str:
    console = Console(file=io.StringIO(), width=width, force_terminal=terminal, color_system=None, highlight=False)
    frame = Frame(source="http://x:8000", overview=overview, per_minute=212.0, width=width, height=height)
    console.print(board(frame))
    return console.file.getvalue()  # type: ignore[attr-defined]


@pytest.mark.parametrize("width", [80, 120])
def test_everything_worth_knowing_fits_into_the_width(width: int) -> None:
    text = shown(fleet(), width=width)
    for words in (
        "450 waiting", "6 workers, 5 busy", "212 answers/min", "trace@1f00ba42", "412", "NVIDIA H200", "draining",
        "wrong result", "6,120", "p99", "whole", "1 quarantined", "core/softmax",
    ):  # fmt: skip
        assert words in text
    assert max(len(line) for line in text.splitlines()) <= width
    assert ("bubblewrap" in text) == (width == 120)


@pytest.mark.parametrize("height", [24, 40, 60])
def test_a_picture_is_no_higher_than_the_terminal_if_that_is_not_tiny(height: int) -> None:
    lines = shown(fleet(), width=100, height=height).splitlines()
    assert len(lines) <= max(height, 36)


@pytest.mark.parametrize("width", [80, 120])
def test_no_text_of_a_job_or_a_worker_reaches_the_terminal_as_a_command(width: int) -> None:
    overview, _ = hostile()
    text = shown(overview, width=width)
    assert not {"\x1b", "\x07", "\x00", "\u202e", "\u2028"} & set(text)
    assert "[red]" in shown(overview.model_copy(update={"engine": "[red]x[/red]"}), width=width), "markup is only text"


def test_queues_without_workers_and_jobs_that_wait_long_are_pointed_out() -> None:
    overview = fleet()
    starved = overview.queues[0].model_copy(update={"workers": 0})
    slow = overview.queues[1].model_copy(update={"oldest_s": 500.0})
    words = list(alarms(overview.model_copy(update={"queues": (starved, slow)})))
    assert words == [
        "412 waiting in trace@1f00ba42, and no worker serves it",
        "the first job in replay@1f00ba42 has waited for 8 min",
    ]
    assert list(alarms(overview.model_copy(update={"workers": (), "queues": ()}))) == [
        "there is no worker; start one with `kernelgym worker`"
    ]


def test_rates_are_those_of_the_last_minute_and_begin_anew_with_the_ledger() -> None:
    rates = Rates()
    assert rates.look(0.0, {"outcome:ok": 100, "submitted": 500}) is None
    assert rates.look(30.0, {"outcome:ok": 150, "outcome:hack": 10}) == 120.0
    assert rates.look(200.0, {"outcome:ok": 160}) == 0.0
    assert rates.look(201.0, {"outcome:ok": 1}) is None


def stub(monkeypatch: pytest.MonkeyPatch, look: Callable[[], Overview]) -> None:
    monkeypatch.setattr(status, "open_source", lambda url, token: Source(url, look, lambda: None))


def options(**changes: bool) -> status.Options:
    return status.Options(url="http://x", token=None, every_s=0.2, **{"once": False, "json": False} | changes)


def test_json_has_percentiles_instead_of_buckets(monkeypatch: pytest.MonkeyPatch) -> None:
    stub(monkeypatch, fleet)
    console = Console(file=io.StringIO())
    status.run(options(json=True), console)
    found = json.loads(console.file.getvalue())  # type: ignore[attr-defined]
    assert found["queues"][0]["waiting"] == {"interactive": 0, "batch": 412}
    assert 0.1 < found["latency"]["trace"]["p50_s"] < 0.3
    assert not any(name.startswith("seconds:") for name in found["counters"])


def test_it_shows_it_live_until_it_is_stopped_and_waits_for_a_ledger_that_is_away(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    looks = 0

    def look() -> Overview:
        nonlocal looks
        looks += 1
        if looks == 2:
            raise LedgerUnavailable("redis://host:6379/0 can't be reached")
        if looks == 4:
            raise KeyboardInterrupt
        return fleet()

    stub(monkeypatch, look)
    monkeypatch.setattr(status.time, "sleep", lambda _: None)
    console = Console(file=io.StringIO(), width=80, height=40, force_terminal=True)
    status.run(options(), console)
    text = console.file.getvalue()  # type: ignore[attr-defined]
    assert "can't be reached" in text
    assert "\x1b[?1049l" in text, "the terminal is given back as it was"


@pytest.mark.parametrize("url", ["localhost:8000", "ftp://x", "http://", "http://user:secret@host"])
def test_an_address_that_is_none_is_refused_without_its_secrets(url: str) -> None:
    with pytest.raises(BadUsage) as caught:
        open_source(url, None)
    assert "secret" not in str(caught.value)


def test_a_server_that_is_away_is_an_error_that_says_what_to_start() -> None:
    pytest.importorskip("httpx", reason="needs the extra api")
    source = open_source("http://127.0.0.1:9", None)
    with pytest.raises(LedgerUnavailable, match="kernelgym serve"):
        source.look()
    source.close()
