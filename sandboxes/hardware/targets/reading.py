"""From a YAML file to a target.

    name: h20
    title: NVIDIA H20
    extends: h100
    multiprocessors: {value: 78, source: what the driver reports}
    dram_gb_per_s: {value: 4000, source: data sheet}
    tflops:
      fp16: {value: 148, source: data sheet}
      fp32: 44

A number is a mapping of `value` and either `source`, where it is published, or `estimate`, why it is thought to be so.
A source that is a key of the file's `sources` stands for the text there. A plain number is read, too: then nobody knows
where it comes from. Without `extends` all numbers of the contract are needed.
"""

from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from sandboxes.contracts import Target
from sandboxes.hardware.targets.description import Description, Origin
from sandboxes.hardware.targets.errors import BadTarget
from sandboxes.plain_yaml import NotPlain, read_plain

WORDS: Final = ("name", "title", "backend", "arch")
"""Keys whose values are words, without a source."""
RATES: Final = "tflops"
NUMBERS: Final = tuple(key for key in Target.model_fields if key not in (*WORDS, RATES))
OPTIONAL: Final = tuple(key for key in NUMBERS if not Target.model_fields[key].is_required())
"""Numbers that are 0 for what a GPU does not have."""
KINDS: Final = ("fp32", "fp64", "tf32", "fp16", "bf16", "fp8", "int8", "special")
"""Of rates."""
KEYS: Final = (*WORDS, "extends", "sources", *NUMBERS, RATES)
MAX_BYTES: Final = 64 * 1024
"""Largest file that is read; ours have 4 KiB."""
MAX_DEPTH: Final = 5
"""Levels of mappings within each other; a rate with its source is on the third."""
LARGEST: Final = 1e15
"""No number of a GPU is larger."""


def read_description(path: Path, base: Callable[[str], Description]) -> Description:
    """Returns the target that a YAML file describes.

    Args:
        path: The file.
        base: Gives the target that `extends` names; raises ValueError if there is none.

    Raises:
        BadTarget: The file can't be read, or describes no target; names key, value and remedy.
    """
    document = _mapping(path)
    _refuse_unknown(path, document, KEYS, "")
    sources = _sources(path, document.get("sources", {}))
    values, origins, extends = _inherited(path, document.get("extends"), base)
    for key in WORDS:
        if key in document:
            values[key] = _word(path, key, document[key])
    for key in NUMBERS:
        if key in document:
            values[key], origins[key] = _number(path, key, document[key], sources)
    rates = document.get(RATES, {})
    if not isinstance(rates, dict):
        raise BadTarget(path, f"{RATES} is {_shown(rates)}; write a line for each kind, such as `fp16: 989`")
    _refuse_unknown(path, rates, KINDS, RATES)
    for kind, given in rates.items():
        values[RATES][kind], origins[f"{RATES}.{kind}"] = _number(path, f"{RATES}.{kind}", given, sources)
    return Description(target=_target(path, values), origins=origins, path=path, extends=extends)


def _inherited(
    path: Path, extends: Any, base: Callable[[str], Description]
) -> tuple[dict[str, Any], dict[str, Origin], str | None]:
    if extends is None:
        return {RATES: {}}, {}, None
    name = _word(path, "extends", extends)
    try:
        found = base(name)
    except ValueError as error:
        raise BadTarget(path, f"extends is {_shown(name)}: {error}") from error
    values = found.target.model_dump()
    for key in ("name", "title"):  # what stands for one GPU never stands for another
        del values[key]
    return values, dict(found.origins), name


def _target(path: Path, values: dict[str, Any]) -> Target:
    if lacking := [key for key in (*WORDS, *NUMBERS) if key not in values and Target.model_fields[key].is_required()]:
        raise BadTarget(path, f"it lacks {', '.join(lacking)}; add them, or `extends:` and a target that has them")
    if lacking := [kind for kind in KINDS if kind not in values[RATES]]:
        raise BadTarget(path, f"{RATES} lacks {', '.join(lacking)}; add them, or `extends:` and a target that has them")
    try:
        return Target.model_validate(values)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        key = ".".join(str(part) for part in first["loc"]) or "arch"  # the only key that depends on another
        raise BadTarget(path, f"{key} is {_shown(values[key])}: {first['msg']}; correct it") from error


def _mapping(path: Path) -> dict[str, Any]:
    try:
        document = read_plain(path, MAX_BYTES, MAX_DEPTH)
    except NotPlain as error:
        raise BadTarget(path, f"it {error}") from error
    if not isinstance(document, dict) or not all(isinstance(key, str) for key in document):
        found = "is empty" if document is None else "is no mapping of words to values"
        raise BadTarget(path, f"it {found}; write `name:`, `extends:` and the numbers that differ")
    return document


def _sources(path: Path, given: Any) -> dict[str, str]:
    if not isinstance(given, dict) or not all(isinstance(item, str) for pair in given.items() for item in pair):
        raise BadTarget(path, f"sources is {_shown(given)}; write a line for each, such as `datasheet: title and URL`")
    return dict(given)


def _word(path: Path, key: str, given: Any) -> str:
    if not isinstance(given, str) or not given or not given.isprintable() or len(given) > 80:
        remedy = f'write `{key}: "{given}"`' if isinstance(given, int) else "write a word of at most 80 characters"
        raise BadTarget(path, f"{key} is {_shown(given)}; {remedy}")
    return given


def _number(path: Path, key: str, given: Any, sources: Mapping[str, str]) -> tuple[float, Origin]:
    origin = Origin("")
    if isinstance(given, dict):
        _refuse_unknown(path, given, ("value", "source", "estimate"), key)
        texts = [(name, given[name]) for name in ("source", "estimate") if name in given]
        if "value" not in given or len(texts) > 1 or not all(isinstance(text, str) for _, text in texts):
            raise BadTarget(path, f"{key} is {_shown(given)}; write `value:` and one of `source:` and `estimate:`")
        for name, text in texts:
            origin = Origin(sources.get(text, text), estimated=name == "estimate")
        given = given["value"]
    if isinstance(given, bool) or not isinstance(given, int | float) or not 0 <= given <= LARGEST:
        raise BadTarget(path, f"{key} is {_shown(given)}; write a number from 0 to {LARGEST:g}")
    if given == 0 and key not in OPTIONAL:
        raise BadTarget(path, f"{key} is 0; write a number above 0")
    return given, origin


def _refuse_unknown(path: Path, given: Mapping[Any, Any], known: Iterable[str], where: str) -> None:
    names = list(known)
    for key in given:
        if key not in names:
            close = get_close_matches(str(key)[:80], names, n=1)
            remedy = f"did you mean `{close[0]}`?" if close else f"there are {', '.join(names)}"
            raise BadTarget(path, f"there is no key {_shown(key)}{f' in {where}' if where else ''}; {remedy}")


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:79] + "…"
