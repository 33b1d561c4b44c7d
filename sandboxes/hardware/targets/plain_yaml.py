"""YAML as what it is, data from somebody else: small, shallow, without tags, aliases and keys that come twice."""

from pathlib import Path
from typing import Any, Final

import yaml

from sandboxes.hardware.targets.errors import BadTarget

MAX_BYTES: Final = 64 * 1024
"""Largest file that is read; ours have 4 KiB."""

MAX_DEPTH: Final = 5
"""Levels of mappings within each other; a rate with its source is on the third."""


class _Loader(yaml.SafeLoader):  # type: ignore[misc] # PyYAML has no types
    depth = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        line = self.peek_event().start_mark.line + 1
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError(f"line {line} has an alias; write the value out")
        if self.depth == MAX_DEPTH:
            raise yaml.YAMLError(f"line {line} is nested more than {MAX_DEPTH} levels deep")
        self.depth += 1
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node

    def construct_mapping(self, node: Any, deep: bool = False) -> Any:
        keys = [self.construct_object(key) for key, _ in node.value]
        if twice := [key for key in keys if keys.count(key) > 1]:
            raise yaml.YAMLError(f"line {node.start_mark.line + 1} has the key {twice[0]!r} twice; keep one")
        return super().construct_mapping(node, deep)


def read_mapping(path: Path) -> dict[str, Any]:
    """Returns the keys and values of a YAML file.

    Raises:
        BadTarget: It can't be read, is too large, or is no mapping with words as keys.
    """
    try:
        if not path.is_file():
            raise BadTarget(path, "it is not there, or no regular file; give the path of a YAML file")
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise BadTarget(path, f"it can't be read ({error.strerror}); make it readable") from error
    if len(raw) > MAX_BYTES:
        raise BadTarget(path, f"it is larger than {MAX_BYTES:,} bytes; a target is a few dozen numbers")
    try:
        document = yaml.load(raw, _Loader)
    except (yaml.YAMLError, ValueError, TypeError, RecursionError) as error:
        reason = " ".join(str(error).split())[:300]
        raise BadTarget(path, f"it is no plain YAML ({reason}); correct it there") from error
    if not isinstance(document, dict) or not all(isinstance(key, str) for key in document):
        found = "is empty" if document is None else "is no mapping of words to values"
        raise BadTarget(path, f"it {found}; write `name:`, `extends:` and the numbers that differ")
    return document
