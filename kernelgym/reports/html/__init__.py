"""A run as one page that needs no network: figures, tables, and every episode turn by turn."""

from kernelgym.reports.html.page import render_page

__all__ = [
    "render_page",
]  # fmt: skip
