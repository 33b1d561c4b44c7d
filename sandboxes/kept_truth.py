"""A truth as bytes: its outputs with their tolerances. The inputs are drawn again, which is much cheaper."""

import json
from typing import Any

import safetensors.torch
import torch
from safetensors import SafetensorError

from sandboxes.reference import LiveReference
from sandboxes.truth import Expected, Trial, Truth

_HEADER = "truth"


def truth_to_bytes(truth: Truth) -> bytes | None:
    """Returns a truth as bytes; None if its output holds something that JSON can't."""
    try:
        structure = json.dumps(truth.structure)
        if _tuples(json.loads(structure)) != truth.structure:
            return None
    except (TypeError, ValueError):
        return None
    header = {
        "structure": structure,
        "changed_inputs": sorted(truth.changed_inputs),
        "overlaps": truth.overlaps,
        "outputs": [
            {
                "label": output.label,
                "dtype": str(output.dtype).removeprefix("torch."),
                "tolerance": output.tolerance,
                "mean_tolerance": output.mean_tolerance,
            }
            for output in truth.outputs
        ],
    }
    tensors = {str(number): output.value.contiguous().clone() for number, output in enumerate(truth.outputs)}
    raw: bytes = safetensors.torch.save(tensors, {_HEADER: json.dumps(header)})
    return raw


def truth_from_bytes(raw: bytes, reference: LiveReference, trial: Trial) -> Truth | None:
    """Returns the truth of a trial that was kept; None if the bytes are none."""
    try:
        size = int.from_bytes(raw[:8], "little")
        header = json.loads(json.loads(raw[8 : 8 + size])["__metadata__"][_HEADER])
        tensors = safetensors.torch.load(raw)
        return Truth(
            inputs=reference.draw(trial.case, trial.distribution, trial.seed),
            outputs=tuple(
                Expected(
                    label=row["label"],
                    value=tensors[str(number)],
                    dtype=getattr(torch, row["dtype"]),
                    tolerance=row["tolerance"],
                    mean_tolerance=row["mean_tolerance"],
                )
                for number, row in enumerate(header["outputs"])
            ),
            structure=_tuples(json.loads(header["structure"])),
            changed_inputs=frozenset(header["changed_inputs"]),
            overlaps=header["overlaps"],
        )
    except (SafetensorError, ValueError, LookupError, TypeError, AttributeError):
        return None


def _tuples(value: Any) -> Any:
    """Returns JSON's lists as tuples."""
    return tuple(map(_tuples, value)) if isinstance(value, list) else value
