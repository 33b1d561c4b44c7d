"""The GPUs that can be compiled for and modelled, as data: one YAML file each, with the source of every number."""

from sandboxes.hardware.targets.catalogue import (
    BUILT_IN,
    SUFFIXES,
    TARGETS,
    VARIABLE,
    get_target,
    named_paths,
    register_target,
)
from sandboxes.hardware.targets.description import Description, Origin, digest_of
from sandboxes.hardware.targets.errors import BadTarget, UnknownTarget

__all__ = [
    # by name
    "BUILT_IN", "SUFFIXES", "TARGETS", "VARIABLE", "get_target", "named_paths", "register_target",
    # what is known about one
    "Description", "Origin", "digest_of",
    # errors
    "BadTarget", "UnknownTarget",
]  # fmt: skip
