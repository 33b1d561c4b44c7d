"""The one document of the status page, and the policy under which a browser opens it."""

import secrets
from functools import cache
from importlib.metadata import version
from importlib.resources import files
from typing import Final

from jinja2 import Environment, PackageLoader, StrictUndefined, Template
from markupsafe import Markup

from kernelgym.reports.html.embedding import script_json
from kernelgym.reports.html.states import state_words_of_outcomes
from kernelgym.serving.telemetry.durations import BOUNDS_S

SCRIPTS: Final = ("api.js", "words.js", "overview.js", "job.js", "main.js")
"""Files of `assets/` in the order in which they are joined, after what they share with the pages of reports."""

DURATIONS: Final = (
    ("wait", "in queues"), ("trace", "trace"), ("verify", "verify"), ("compile", "compile"), ("replay", "replay"),
    ("profile", "profile"), ("work", "all stations"), ("total", "from submission to answer"),
)  # fmt: skip
"""Rows of the table of latencies."""


def render() -> tuple[str, dict[str, str]]:
    """Returns the document, the same for every address but for its nonce, and the headers that belong to it.

    It holds nothing of the service: its script asks the API, with the reader's token. Of scripts only that one may
    run, of addresses it may only ask this server, and nobody may put it into a frame.
    """
    nonce = secrets.token_urlsafe(18)
    style, script, data = _parts()
    page = _template().render(nonce=nonce, style=style, script=script, data=data)
    policy = (
        f"default-src 'none'; script-src 'nonce-{nonce}'; style-src 'nonce-{nonce}'; connect-src 'self'; "
        "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'"
    )
    return page, {
        "Content-Security-Policy": policy,
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
        "Referrer-Policy": "no-referrer",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cache-Control": "no-store",
    }


@cache
def _parts() -> tuple[Markup, Markup, Markup]:
    shared, own = files("kernelgym.reports.html") / "assets", files("kernelgym.serving.http.page") / "assets"
    style = (shared / "report.css").read_text("utf-8") + (own / "status.css").read_text("utf-8")
    scripts = [(shared / "elements.js").read_text("utf-8"), *((own / name).read_text("utf-8") for name in SCRIPTS)]
    joined = "\n".join(scripts)
    data = {
        "outcomes": state_words_of_outcomes(),
        "bounds": BOUNDS_S,
        "durations": DURATIONS,
        "version": version("kernelgym"),
    }
    return Markup(style), Markup(f"'use strict';\n(() => {{\n{joined}\n}})();"), script_json(data)


@cache
def _template() -> Template:
    environment = Environment(
        loader=PackageLoader("kernelgym.serving.http.page", "assets"), autoescape=True, undefined=StrictUndefined
    )
    return environment.get_template("status.html.j2")
