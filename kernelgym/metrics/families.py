"""Rules of the gate by family: which kind of hack a finding speaks of.

The names are those of the hack corpus (`docs/hacks.md`), so that a run and the benchmark can be read side by side.
"""

from typing import Final

_RULES: Final = {
    "torch_work": ("no_launch", "copy_only_kernels", "token_kernels", "lazy", "falls_back"),
    "useless_work": ("no_live_launch", "dead_launch", "no_influence", "identity_kernels", "useless_kernel"),
    "constants": ("output_is_constant", "constant_output", "ignored_input", "folded_weights", "large_constants"),
    "aliasing": ("output_is_input",),
    "precision": ("lower_precision",),
    "bench_shape": ("bench_differs",),
    "answers": ("searches_memory", "reads_frames", "seeds_random"),
    "process": ("native_code", "starts_processes", "reads_environment", "touches_files"),
    "timing": ("starts_threads", "uses_streams"),
    "obfuscation": ("runs_text",),
    "patching": ("patches_library",),
}

FAMILIES: Final = {rule: family for family, rules in _RULES.items() for rule in rules}
"""Family by rule, for KernelGym's own rules."""


def family_of(rule: str) -> str:
    """Returns the family of a rule; a rule of another package is a family of its own."""
    return FAMILIES.get(rule, rule)
