"""Reports for people (rich renderables) and for programs (JSON)."""

from kernelgym.reports.console import render_report
from kernelgym.reports.document import dump_document, report_document
from kernelgym.reports.overview import Row, render_overview

__all__ = [
    # one report
    "dump_document", "render_report", "report_document",
    # many
    "Row", "render_overview",
]  # fmt: skip
