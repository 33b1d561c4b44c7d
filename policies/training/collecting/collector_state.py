"""What a collector needs to go on after a checkpoint, as JSON data that is checked before it is believed."""

import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import ValidationError

from kernelgym.errors import BadUsage
from policies.curriculum import ProblemSampler, load_sampler
from sandboxes.contracts import Contract


class CollectorState(Contract):
    """The state of `policies.training.collecting.collector.Collector`."""

    schema_version: Literal[1] = 1
    temperature: dict[str, float | int | None] | None
    """What `TemperatureState.state` returns; None if diversity does not decide the temperature."""
    curriculum: dict[str, Any] | None
    """What `ProblemSampler.save` writes; None without one."""

    @classmethod
    def read(cls, state: Mapping[str, Any]) -> Self:
        """Returns the state in JSON data.

        Raises:
            BadUsage: It is none of this version.
        """
        try:
            return cls.model_validate_json(json.dumps(dict(state)))
        except (TypeError, ValidationError) as error:
            raise BadUsage(
                f"this is no state of a collector of this version ({error}); begin a new training"
            ) from error


def record_of_sampler(sampler: ProblemSampler) -> dict[str, Any]:
    """Returns what a sampler saves, by the only way that its protocol has: a file."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "sampler.json")
        sampler.save(path)
        record: dict[str, Any] = json.loads(path.read_bytes())
    return record


def sampler_of(record: dict[str, Any]) -> ProblemSampler:
    """Returns the sampler that made a record.

    Raises:
        BookUnusable: It can't be believed.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "sampler.json")
        path.write_text(json.dumps(record), encoding="utf-8")
        return load_sampler(path)
