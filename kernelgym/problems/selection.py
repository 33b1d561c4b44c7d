"""Selections: one line of text that says which problems, from wherever they come.

A selection is a comma separated list of terms, kept in its order:

    core  core/*  core/softmax  *soft*           registered problems
    kernelbench:PATH[/LEVELS[/NUMBERS]]          a KernelBench checkout
    hf:NAME[@SPLIT][/ROWS]                       a data set of the Hugging Face hub, or a folder
    jsonl:PATH[/LINES]                           JSON lines
    file:PATH                                    one reference file

Ranges are `7` or `1-20`; a path can't have a comma. One bad file or row costs itself, not the others: `load_problems`
returns it with its reason.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Final

from kernelgym.errors import BadUsage, InvalidReference, did_you_mean
from kernelgym.problems.filters import Filters, unknown
from kernelgym.problems.kinds import KINDS
from kernelgym.problems.loaded import Loaded, Rejected
from kernelgym.problems.problem import Problem
from kernelgym.problems.registry import namespaces, registered_problem, registered_problems
from kernelgym.problems.sources import load_hugging_face, load_json_lines, load_kernelbench, load_single_file
from kernelgym.problems.sources.span import splits

SOURCES: Final[dict[str, Callable[[str], Loaded]]] = {
    "file": load_single_file,
    "hf": load_hugging_face,
    "jsonl": load_json_lines,
    "kernelbench": load_kernelbench,
}
"""What loads a term by its prefix. To add one: a module in `sources`, and a line here."""


def select_problems(
    selection: str, *, tags: Sequence[str] = (), levels: Sequence[int] = (), difficulties: Sequence[str] = ()
) -> list[Problem]:
    """Returns the problems that `selection` names, in its order and each once.

    Members of a set that can't be problems are left out; `load_problems` returns these, too.

    Args:
        selection: Comma separated terms, e.g. `core`, `core/softmax`, `*soft*`, `kernelbench:PATH/1`, `file:mine.py`.
        tags: Only problems that have at least one of these.
        levels: Only problems of these levels.
        difficulties: Only problems of these difficulties: `easy`, `medium`, `hard`.

    Raises:
        BadUsage: if a term names nothing, a filter is none, two problems have one id, or nothing is left.
        UnknownProblem: if a problem that is named by its id does not exist; names the closest ids.
        InvalidReference: if nothing that a term names can be a problem.
        BrokenPlugin: if a problem that is named by its id is one of a package whose problems can't be loaded.
    """
    return list(load_problems(selection, tags=tags, levels=levels, difficulties=difficulties).problems)


def load_problems(
    selection: str, *, tags: Sequence[str] = (), levels: Sequence[int] = (), difficulties: Sequence[str] = ()
) -> Loaded:
    """Returns what `select_problems` does, and what had to be left out with its reasons. Raises the same."""
    filters = Filters.checked(tags, levels, difficulties)
    found: dict[str, Problem] = {}
    rejected: dict[Rejected, None] = {}
    for term in (part.strip() for part in selection.split(",")):
        loaded = _members(term, selection)
        rejected |= dict.fromkeys(loaded.rejected)
        for problem in loaded.problems:
            if found.setdefault(problem.id, problem).reference.source != problem.reference.source:
                raise BadUsage(
                    f"two different problems in {selection!r} are called {problem.id!r}; "
                    "select them apart, or give their files different names"
                )
    filters.check_tags(found.values(), KINDS)
    kept = filters.keep(found.values())
    if not kept:
        raise BadUsage(f"none of the {len(found)} problems of {selection!r} has {filters}; ask for less")
    return Loaded(problems=kept, rejected=tuple(rejected))


def get_problem(selection: str) -> Problem:
    """Returns the one problem that `selection` denotes, e.g. `core/softmax`, `kernelbench:PATH/1/23`, `file:mine.py`.

    Raises:
        UnknownProblem: if no problem has this id; names the closest ids.
        BadUsage: if the selection denotes several problems, or can't be followed.
        InvalidReference, BrokenPlugin: as `select_problems`.
    """
    problems = load_problems(selection).problems
    if len(problems) > 1:
        raise BadUsage(
            f"{selection!r} denotes {len(problems)} problems; give one of them, e.g. {problems[0].id!r}"
            if ":" not in selection
            else f"{selection!r} denotes {len(problems)} problems; add the number of one, e.g. PATH/1 or PATH/1/1"
        )
    return problems[0]


def _members(term: str, selection: str) -> Loaded:
    """Returns what a term of `selection` names, at least one problem; explains a path that was cut at a comma."""
    try:
        loaded = _load(term)
        if not loaded.problems and loaded.rejected:
            raise _none_of(term, loaded.rejected)
    except (BadUsage, InvalidReference) as error:
        if path := _path_with_comma(term, selection):
            raise BadUsage(
                f"the path {path!r} has a comma, which ends a term of a selection; rename it, or link to it"
            ) from error
        raise
    return loaded


def _path_with_comma(term: str, selection: str) -> str | None:
    """Returns the path of which `term` looks like the part before a comma; None if there is none."""
    prefix, _, address = term.partition(":")
    _, _, after = selection.partition(f"{term},")
    if prefix not in SOURCES or not after:
        return None
    pieces = after.split(",")
    for count in range(1, len(pieces) + 1):
        for path, _spans in splits(",".join([address, *pieces[:count]]), 2):
            if Path(path).expanduser().exists():
                return path
    return None


def _load(term: str) -> Loaded:
    prefix, colon, address = term.partition(":")
    if not term:
        raise BadUsage("the selection has an empty term; give e.g. 'core', and separate terms by one comma")
    if not colon or not re.fullmatch(r"[A-Za-z0-9_-]*", prefix):
        return _registered(term)
    if prefix not in SOURCES:
        raise BadUsage(unknown("kind of problem set", prefix, SOURCES))
    if not address:
        raise BadUsage(f"the selection {term!r} names no {prefix} set; write its path or name after the colon")
    return SOURCES[prefix](address)


def _registered(term: str) -> Loaded:
    if set("*?[") & set(term):
        matching = registered_problems(term)
        if not matching.problems:
            unseen = "".join(f"; could not look at {rejected}" for rejected in matching.rejected)
            raise BadUsage(f"no problem's id matches {term!r}; `*` matches all{unseen}")
        return matching
    if "/" in term:
        return Loaded(problems=(registered_problem(term),))
    known = namespaces()
    if term in known:
        return registered_problems(f"{term}/*")
    if question := did_you_mean(term, known):
        raise BadUsage(f"no set of problems is called {term!r}; {question}")
    return Loaded(problems=(registered_problem(term),))  # says what is like it


def _none_of(term: str, rejected: Iterable[Rejected]) -> InvalidReference:
    first, *others = rejected
    if not others:
        return InvalidReference(first.name, first.reason, first.remedy)
    problem = f"none of its {1 + len(others)} members can be used, {first.name} because it {first.reason}"
    return InvalidReference(term, problem, first.remedy)
