"""Addresses inside a page: `#episode=core/softmax/0/turn2`."""

from urllib.parse import quote


def address(key: tuple[str, int], turn: int | None = None) -> str:
    """Returns the fragment that opens an episode, at one of its turns; any problem id survives the way."""
    problem, sample = key
    named = quote(problem.encode("utf-8", errors="backslashreplace").decode(), safe="/")
    return f"#episode={named}/{sample}" + ("" if turn is None else f"/turn{turn}")
