"""The page of a run of 1,000 episodes of 3 turns: time to build, size, time to open in headless Chromium.

`report_s` is the whole of `kernelgym report` in a process of its own: start, reading the folder, metrics, page. The
page is open when the last figure is drawn; summary and list of episodes are there before
(`painted_s`). `long` has prose four times as long, as models write that think aloud.
"""

import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from kernelgym.runs.folder import RunFolder
from tests.kernelgym.reports.html.runs import synthetic_run

EPISODES = 1000
ROUNDS = 5


def run() -> dict[str, object]:
    """Returns seconds and megabytes."""
    with tempfile.TemporaryDirectory() as folder:
        return {name: _measure(Path(folder) / name, length) for name, length in (("short", 1), ("long", 4))}


def _measure(folder: Path, length: int) -> dict[str, object]:
    record, episodes = synthetic_run(EPISODES, length=length)
    with RunFolder(folder, record) as kept:
        for episode in episodes:
            kept.append(episode)
    page = folder / "report.html"
    command = [str(Path(sys.executable).with_name("kernelgym")), "report", str(folder)]
    begin = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    built_s = time.perf_counter() - begin
    return {
        "episodes": EPISODES,
        "turns": sum(len(episode.turns) for episode in episodes),
        "run_mb": round((folder / "episodes.jsonl").stat().st_size / 1e6, 1),
        "report_s": round(built_s, 1),
        "page_mb": round(page.stat().st_size / 1e6, 1),
    } | _open(page)


def _open(page: Path) -> dict[str, object]:
    """Returns medians of opening the page; nothing without a browser."""
    program = shutil.which("chromium")
    if program is None:
        return {}
    result = subprocess.run(
        [sys.executable, "-c", _VISITOR, program, page.as_uri(), str(ROUNDS)],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    visits: list[dict[str, Any]] = json.loads(result.stdout)
    return {name: round(statistics.median(visit[name] for visit in visits), 2) for name in visits[0]}


_VISITOR = """
import json, sys, time
from playwright.sync_api import sync_playwright

program, address, rounds = sys.argv[1:]
visits = []
with sync_playwright() as playwright:
    browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
    for _ in range(int(rounds)):
        context = browser.new_context(viewport={"width": 1280, "height": 900})
        page = context.new_page()
        meter = context.new_cdp_session(page)
        meter.send("Performance.enable", {"timeDomain": "threadTicks"})
        page.goto(address)
        page.wait_for_selector("html[data-ready]", state="attached")
        painted = page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime") / 1000
        opened = page.evaluate("Number(document.documentElement.dataset.ready)") / 1000
        metrics = {metric["name"]: metric["value"] for metric in meter.send("Performance.getMetrics")["metrics"]}
        busy = metrics["TaskDuration"]
        begin = time.perf_counter()
        page.locator("#list tbody tr").nth(50).click()
        page.wait_for_selector("#episode #feedback")
        shown = time.perf_counter() - begin
        visits.append({"painted_s": painted, "open_s": opened, "open_processor_s": busy, "episode_s": shown})
        context.close()
    browser.close()
print(json.dumps(visits))
"""
