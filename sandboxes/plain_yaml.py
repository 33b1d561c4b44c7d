"""YAML as what it is, data from somebody else: shallow, without tags of Python, aliases and keys that come twice."""

from pathlib import Path
from typing import Any

import yaml


class NotPlain(ValueError):
    """A file holds no plain YAML; the message goes behind the name of the file, and ends with a remedy."""


class _Loader(yaml.SafeLoader):  # type: ignore[misc] # PyYAML has no types
    """Plain values only: a few lines of aliases can mean a billion values."""

    depth = 0
    max_depth = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        line = self.peek_event().start_mark.line + 1
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError(f"line {line} has an alias; write the value out")
        if self.depth == self.max_depth:
            raise yaml.YAMLError(f"line {line} is nested more than {self.max_depth} levels deep")
        self.depth += 1
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node

    def construct_mapping(self, node: Any, deep: bool = False) -> Any:
        keys = [self.construct_object(key) for key, _ in node.value]
        if twice := [key for key in keys if keys.count(key) > 1]:
            raise yaml.YAMLError(f"line {node.start_mark.line + 1} has the key {twice[0]!r} twice; keep one")
        return super().construct_mapping(node, deep)


def read_plain(path: Path, max_bytes: int, max_depth: int) -> Any:
    """Returns what a YAML file says; None if it is empty.

    Args:
        path: Of the file.
        max_bytes: The largest file that is read.
        max_depth: Levels of mappings and lists within each other.

    Raises:
        NotPlain: It can't be read, is too large, is no YAML, or says more than plain values.
    """
    try:
        if not path.is_file():
            raise NotPlain("is not there, or no regular file; give the path of a YAML file")
        with path.open("rb") as file:
            raw = file.read(max_bytes + 1)
    except OSError as error:
        raise NotPlain(f"can't be read ({error.strerror}); make it readable") from error
    if len(raw) > max_bytes:
        raise NotPlain(f"is larger than {max_bytes:,} bytes; a few dozen lines are enough")
    try:
        loader = _Loader(raw)
        loader.max_depth = max_depth
        try:
            return loader.get_single_data()
        finally:
            loader.dispose()
    except (yaml.YAMLError, ValueError, TypeError, RecursionError) as error:
        reason = " ".join(str(error).split())[:300]
        raise NotPlain(f"is no plain YAML ({reason}); correct it there") from error
