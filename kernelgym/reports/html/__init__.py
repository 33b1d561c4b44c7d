"""A run as one page that needs no network: figures, tables, and every episode turn by turn."""

from kernelgym.reports.html.comparing import render_comparison_page
from kernelgym.reports.html.page import render_page

__all__ = [
    "render_comparison_page", "render_page",
]  # fmt: skip
