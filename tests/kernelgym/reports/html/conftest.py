"""A browser for pages, and a witness of everything that it complains about or asks the network for."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, CDPSession, Page


@dataclass(slots=True)
class Visit:
    """An opened page."""

    page: Page
    meter: CDPSession
    complaints: list[str] = field(default_factory=list)
    """Errors and warnings of the console, and exceptions."""
    requests: list[str] = field(default_factory=list)
    """Addresses that were asked for, without the page itself."""

    def overflow(self) -> int:
        """Returns by how many pixels the page is wider than the window."""
        return self.page.evaluate("document.documentElement.scrollWidth - window.innerWidth")

    def busy_s(self) -> float:
        """Returns the processor time that the page took so far: unlike the clock, it does not count other programs."""
        metrics = self.meter.send("Performance.getMetrics")["metrics"]
        return next(metric["value"] for metric in metrics if metric["name"] == "TaskDuration")


Open = Callable[..., Visit]


@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    """A browser, ended with the package: as long as it runs, no other test of the process can have an event loop."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="needs playwright; pip install 'kernelgym[dev]'")
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if program is None:
        pytest.skip("there is no chromium; apt-get install chromium")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def visit(chromium: Browser) -> Iterator[Open]:
    """Opens a file in a window of its own, at a width and in a colour scheme, and waits until all is drawn."""
    contexts = []

    def open_page(path: Path, *, fragment: str = "", width: int = 1280, scheme: str = "light") -> Visit:
        context = chromium.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
        contexts.append(context)
        page = context.new_page()
        opened = Visit(page, context.new_cdp_session(page))
        opened.meter.send("Performance.enable", {"timeDomain": "threadTicks"})
        opened.page.on(
            "console",
            lambda message: opened.complaints.append(message.text) if message.type in ("error", "warning") else None,
        )
        opened.page.on("pageerror", lambda error: opened.complaints.append(str(error)))
        opened.page.on("request", lambda request: opened.requests.append(request.url))
        opened.page.goto(f"{path.as_uri()}{fragment}")
        opened.page.wait_for_selector("html[data-ready]", state="attached")
        opened.requests.remove(opened.page.url.partition("#")[0])
        return opened

    yield open_page
    for context in contexts:
        context.close()
