"""What all pages share: templates, style, scripts, and the policy that lets nothing else run.

The Content-Security-Policy lets two scripts run, ours and the charts' library, each named by its digest, so that
nothing a candidate wrote could, even if it got past the escaping.
"""

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from kernelgym.reports.html import tables
from kernelgym.reports.html.embedding import squeezed
from kernelgym.reports.wording import percent


@dataclass(frozen=True, slots=True, kw_only=True)
class Assets:
    """What does not depend on the run."""

    style: Markup
    library: str
    """The charts' library; the page unpacks it once everything else is there."""
    script: Markup

    @property
    def policy(self) -> str:
        """The Content-Security-Policy."""
        scripts = " ".join(f"'sha256-{_digest(script)}'" for script in (self.script, self.library))
        return (
            f"default-src 'none'; script-src {scripts}; style-src 'unsafe-inline'; img-src data: blob:; "
            "base-uri 'none'; form-action 'none'"
        )

    @property
    def packed_library(self) -> str:
        """The library, compressed, in base64."""
        return squeezed(self.library)


def load_assets(scripts: Sequence[str]) -> Assets:
    """Returns the style, the charts' library, and the named files of `assets/` joined to one script."""
    from plotly.offline import get_plotlyjs  # type: ignore[import-untyped]  # noqa: PLC0415 - half a second, and only pages need it

    joined = "\n".join(_asset(name) for name in scripts)
    return Assets(
        style=Markup(_asset("report.css")),
        library=get_plotlyjs(),
        script=Markup(f"'use strict';\n(() => {{\n{joined}\n}})();"),
    )


def render(template: str, **values: object) -> str:
    """Returns one of the templates in `assets/` with values, which are escaped unless they are markup."""
    environment = Environment(
        loader=PackageLoader("kernelgym.reports.html", "assets"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["share"] = lambda estimate: tables.cell(estimate, percent).value
    return environment.get_template(template).render(**values)


def _asset(name: str) -> str:
    return (files("kernelgym.reports.html") / "assets" / name).read_text(encoding="utf-8")


def _digest(script: str) -> str:
    return base64.b64encode(hashlib.sha256(script.encode("utf-8")).digest()).decode("ascii")
