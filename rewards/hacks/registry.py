"""Detectors by name: ours, those registered in this process, and those of installed packages.

Evaluations happen in worker processes, which only packages reach:

    [project.entry-points."kernelgym.detectors"]
    acme_rule = "acme_kernels:DETECTOR"

An entry's object is a `Detector`. One that can't be loaded or raises costs the evaluation (`infrastructure`): it must
neither condemn a candidate nor let one pass unseen.
"""

from collections.abc import Callable, Iterable
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Final, TypeVar

from rewards.hacks.cases import CASES
from rewards.hacks.detector import Detector
from rewards.hacks.influence import INFLUENCE
from rewards.hacks.launches import LAUNCHES
from rewards.hacks.outputs import OUTPUTS
from rewards.hacks.precision import PRECISION
from rewards.hacks.share import SHARE
from rewards.hacks.source import SOURCE
from rewards.hacks.weights import WEIGHTS
from sandboxes.contracts import Finding
from sandboxes.errors import DetectorBroken

GROUP: Final = "kernelgym.detectors"

DETECTORS: Final = (*LAUNCHES, *OUTPUTS, *SHARE, *INFLUENCE, *WEIGHTS, *PRECISION, *CASES, *SOURCE)
"""Ours, in the order in which their findings are reported."""

Shown = TypeVar("Shown")

_registered: dict[str, Detector] = {}


def register_detector(detector: Detector) -> None:
    """Has a detector look at every candidate that this process evaluates itself.

    Raises:
        ValueError: Its name is taken.
    """
    if any(other.name == detector.name and other is not detector for other in list_detectors()):
        raise ValueError(f"the detector `{detector.name}` exists already; choose another name")
    _registered[detector.name] = detector


def list_detectors() -> tuple[Detector, ...]:
    """Returns all detectors in the order in which they look: ours, packages', registered ones.

    Raises:
        DetectorBroken: An installed package's can't be loaded.
    """
    return (*DETECTORS, *_installed(), *_registered.values())


def ask(detector: Detector, look: Callable[[Shown], Iterable[Finding]] | None, shown: Shown) -> list[Finding]:
    """Returns what one detector finds.

    Raises:
        DetectorBroken: It is not ours, and raises or returns something else than findings.
    """
    if look is None:
        return []
    if detector in DETECTORS:
        return list(look(shown))
    try:
        found = list(look(shown))
        if not all(isinstance(item, Finding) for item in found):
            raise TypeError("it gives something else than findings")
    except Exception as error:
        raise DetectorBroken(_blame(f"the detector `{detector.name}` fails", error)) from error
    return found


@cache
def _installed() -> tuple[Detector, ...]:
    loaded: dict[str, Detector] = {}
    for entry in sorted(entry_points(group=GROUP), key=lambda entry: entry.name):
        owner = f"{entry.dist.name} {entry.dist.version}" if entry.dist else "an unknown package"
        try:
            detector = _load(entry, {item.name for item in DETECTORS} | set(loaded))
        except Exception as error:
            raise DetectorBroken(_blame(f"the detector `{entry.name}` of {owner} can't be loaded", error)) from error
        loaded[detector.name] = detector
    return tuple(loaded.values())


def _load(entry: EntryPoint, taken: set[str]) -> Detector:
    detector = entry.load()
    if not isinstance(detector, Detector):
        raise TypeError(f"{entry.value} is a {type(detector).__name__}, not a Detector")
    if detector.name in taken:
        raise ValueError(f"there is another detector `{detector.name}`")
    return detector


def _blame(what: str, error: Exception) -> str:
    first = str(error).strip().partition("\n")[0][:300]
    return f"{what} ({type(error).__name__}: {first}); repair or uninstall it"
