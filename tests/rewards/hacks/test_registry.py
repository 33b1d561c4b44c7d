"""Other packages add detectors; a broken one never decides about a candidate."""

from collections.abc import Iterator
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from rewards.hacks import DETECTORS, Detector, gate, list_detectors, register_detector, registry
from sandboxes.contracts import Finding, Severity
from sandboxes.errors import DetectorBroken
from sandboxes.gate import Evidence
from tests.rewards.hacks.judged import judged
from tests.rewards.hacks.shown import shown
from tests.tracer import Tracer, forward


def many_launches(evidence: Evidence) -> Iterator[Finding]:
    if len(evidence.launches) > 2:
        yield evidence.finding("many_launches", Severity.REJECT, f"{len(evidence.launches)} launches")


def broken(evidence: Evidence) -> list[Finding]:
    raise KeyError("no such thing")


RULE = Detector(
    name="many_launches", severity=Severity.REJECT, summary="More than two launches.", examine=many_launches
)
BROKEN = Detector(name="broken_rule", severity=Severity.WARN, summary="Fails.", examine=broken)
THRICE = forward("return scale(scale(scale(x)))")


@pytest.fixture(autouse=True)
def _nothing_stays(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(registry, "_registered", {})
    registry._installed.cache_clear()
    yield
    registry._installed.cache_clear()


def install(monkeypatch: pytest.MonkeyPatch, *values: str) -> None:
    """Pretends that packages with these entry points are installed."""
    entries = [
        EntryPoint(name=f"rule_{number}", value=value, group=registry.GROUP) for number, value in enumerate(values)
    ]
    monkeypatch.setattr(registry, "entry_points", lambda group: entries if group == registry.GROUP else [])


def test_a_registered_detector_looks_at_every_trace(tracer: Tracer) -> None:
    assert gate.examine(shown(tracer, THRICE)) == []
    register_detector(RULE)
    register_detector(RULE)  # the same one again changes nothing
    (finding,) = gate.examine(shown(tracer, THRICE))
    assert (finding.rule, finding.evidence) == ("many_launches", "3 launches")
    assert gate.examine(shown(tracer, forward("return scale(x)"))) == []


def test_a_detector_of_an_installed_package_looks_too(tracer: Tracer, monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, f"{__name__}:RULE")
    assert list_detectors()[-1] is RULE
    assert [finding.rule for finding in gate.examine(shown(tracer, THRICE))] == ["many_launches"]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (["no_such_module:RULE"], "`rule_0` of an unknown package can't be loaded .*No module named"),
        ([f"{__name__}:many_launches"], "is a function, not a Detector"),
        ([f"{__name__}:RULE", f"{__name__}:RULE"], "`rule_1` .*another detector `many_launches`"),
    ],
)
def test_a_package_that_cannot_be_used_is_named_and_decides_nothing(
    tracer: Tracer, monkeypatch: pytest.MonkeyPatch, values: list[str], message: str
) -> None:
    install(monkeypatch, *values)
    with pytest.raises(DetectorBroken, match=message):
        gate.examine(shown(tracer, THRICE))


def test_a_detector_that_raises_is_named_and_decides_nothing(tracer: Tracer) -> None:
    register_detector(BROKEN)
    with pytest.raises(DetectorBroken, match=r"`broken_rule` fails \(KeyError: 'no such thing'\); repair or uninstall"):
        gate.examine(shown(tracer, forward("return x.relu()")))


def test_a_broken_detector_costs_the_evaluation_and_not_the_candidate(tracer: Tracer) -> None:
    register_detector(BROKEN)
    with pytest.raises(DetectorBroken, match="`broken_rule` fails"):
        judged(tracer, forward("return scale(x)"), "x * 2")


def test_a_detector_that_returns_something_else_is_named() -> None:
    detector = Detector(name="odd_rule", severity=Severity.WARN, summary="Odd.", examine=lambda evidence: ["reject"])  # type: ignore[list-item]
    with pytest.raises(DetectorBroken, match="`odd_rule` fails"):
        registry.ask(detector, detector.examine, None)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["no_launch", "Not A Rule", "x"])
def test_a_name_that_is_taken_or_no_name_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=f"`{name}`"):
        register_detector(Detector(name=name, severity=Severity.WARN, summary="", examine=broken))


def test_a_detector_looks_at_something() -> None:
    with pytest.raises(ValueError, match="looks at nothing"):
        Detector(name="blind", severity=Severity.WARN, summary="")


def test_the_table_in_the_docs_is_the_registry() -> None:
    text = (Path(__file__).parents[3] / "docs" / "hacks.md").read_text(encoding="utf-8")
    for detector in DETECTORS:
        assert f"| `{detector.name}` | {detector.severity} | {detector.summary} |\n" in text


def test_every_detector_has_a_sentence_and_a_name_of_its_own() -> None:
    assert len({detector.name for detector in DETECTORS}) == len(DETECTORS)
    assert all(detector.summary.endswith(".") and len(detector.summary) < 110 for detector in DETECTORS)
