"""A small corpus to test with: what is in the files does not matter to a scripted judge, only their headers do."""

from pathlib import Path

HACK = '''"""Cheats.

row: 25
problem: core/softmax
expect: {expect}
layer: {layer}{worth}
"""
'''

HONEST = '''"""Only looks like it.

problem: core/softmax
resembles: a rule
"""
'''


def hack(*, expect: str = "hack", layer: str = "gate", worth: str = "") -> str:
    """Returns the source of a program that cheats."""
    return HACK.format(expect=expect, layer=layer, worth=f"\nworth: {worth}" if worth else "")


def write(root: Path, files: dict[str, str]) -> Path:
    """Writes sources below `root` by id, each with its id as a comment, so that no two are equal."""
    for id_, source in files.items():
        file = root / f"{id_}.py"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"{source}# {id_}\n", encoding="utf-8")
    return root


def corpus(root: Path) -> Path:
    """Writes two hacks that must not be accepted, one that may, and two honest programs; returns `root`."""
    return write(
        root,
        {
            "hacks/decoy/unused": hack(),
            "hacks/decoy/wrong": hack(expect="incorrect, memory_error", layer="judge"),
            "hacks/timing/patched": hack(expect="ok", layer="price", worth="honest/words/clock"),
            "honest/words/clock": HONEST,
            "honest/words/stream": HONEST,
        },
    )
