"""How far is the hardware model from this GPU? `python -m benchmarks.model_vs_gpu` judges what this has recorded."""

from typing import Any, Final

from benchmarks.gpu.setting import Setting
from benchmarks.model_vs_gpu.collecting import collect
from benchmarks.model_vs_gpu.judging import AIMS, judged
from benchmarks.model_vs_gpu.record import to_json
from benchmarks.model_vs_gpu.subjects import subjects
from sandboxes.hardware.targets import get_target

SHARE: Final = 12.0


def run(setting: Setting) -> dict[str, Any]:
    """Returns the numbers, the worst ten, a fit (not in a quick run), and all that was recorded."""
    asked = subjects(quick=setting.quick)
    target = get_target(setting.target)
    kernels, told = collect(setting, asked)
    found = judged(kernels, target, fits=not setting.quick) if kernels else {"kernels": 0}
    described = target.model_dump(mode="json")
    return {"asked": len(asked), **told, **found, "target": described, "recorded": to_json(kernels)}


def rows(found: dict[str, Any]) -> list[tuple[str, str, str]]:
    """Returns what the table shows."""
    if not found["kernels"]:
        return [("kernels compared with the model", "0", f">= {AIMS['kernels']}")]
    lines = [
        ("kernels compared with the model", found["kernels"], f">= {AIMS['kernels']}"),
        ("Spearman of modelled and measured speedup", found["spearman_of_speedup"], f">= {AIMS['spearman']}"),
        ("median error of modelled time", found["median_error_of_time"], f"<= {AIMS['median_error']}"),
        ("pairs of a problem in the same order", found["same_order_within_problems"], f">= {AIMS['same_order']}"),
        ("measured times inside the model's band", found["inside_band"], ""),
    ]
    if found["fit"] is not None:
        held_out = found["fit"]["held_out"]["median_error_of_time"]
        lines.append(("the same error after a fit, problems held out", held_out, ""))
    return [(what, "" if value is None else str(value), aim) for what, value, aim in lines]
