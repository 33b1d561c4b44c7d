"""A browser that looks at a served page, and a witness of what it complains about and whom it asks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from tests.kernelgym.reports.html.conftest import chromium  # noqa: F401 - a fixture

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page


@dataclass(slots=True)
class Look:
    """An opened page."""

    page: Page
    complaints: list[str] = field(default_factory=list)
    """Errors and warnings of the console, and exceptions."""
    requests: list[str] = field(default_factory=list)
    """Addresses that were asked for."""

    def overflow(self) -> int:
        """Returns by how many pixels the page is wider than the window."""
        return self.page.evaluate("document.documentElement.scrollWidth - window.innerWidth")


Browse = Callable[..., Look]


@pytest.fixture
def browse(chromium: Browser) -> Iterator[Browse]:  # noqa: F811 - the fixture
    """Opens an address in a window of its own and waits until the server was asked once."""
    contexts = []

    def open_page(address: str, *, width: int = 1280, scheme: str = "light") -> Look:
        context = chromium.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
        contexts.append(context)
        look = Look(context.new_page())
        look.page.on(
            "console",
            lambda message: look.complaints.append(message.text) if message.type in ("error", "warning") else None,
        )
        look.page.on("pageerror", lambda error: look.complaints.append(str(error)))
        look.page.on("request", lambda request: look.requests.append(request.url))
        look.page.goto(address)
        look.page.wait_for_selector("html[data-ready]", state="attached")
        return look

    yield open_page
    for context in contexts:
        context.close()
