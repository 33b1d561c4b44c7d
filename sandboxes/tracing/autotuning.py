"""`@triton.autotune` in the sandbox: every configuration becomes a variant of one launch.

Which configuration is fastest is decided later, on the device, by trusted code. Triton's own tuner would measure,
cache the winner per key and reset tensors on the way; none of that belongs into the graph.
"""

from math import prod
from typing import Any

from triton.compiler.errors import CompileTimeAssertionFailure
from triton.runtime.errors import OutOfResources

from sandboxes.tracing.recorder import Recorder


def run_all_configurations(tuner: Any, recorder: Recorder, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    """Stands in for `Autotuner.run`.

    A launch with variants has one place for what happens before it. So the ATen calls of the first `pre_hook` that
    makes any are recorded there, once, whichever configuration it belongs to, and every variant runs after them; the
    hooks of other configurations run, but their ATen calls are not recorded. A split-K kernel whose hook zeroes the
    output in some configurations only is right in all of them.

    A candidate may launch other kernels with `best_config`. Nobody knows the fastest yet, so that is the one with the
    least work per program: where it does not fit, none does.

    Args:
        tuner: The `triton.runtime.autotuner.Autotuner`.
        recorder: Receives one launch with a variant for each configuration that compiles.
        args: Positional arguments of the kernel.
        kwargs: Keyword arguments of the kernel, with `grid` and `warmup`.
    """
    tuner.nargs = dict(zip(tuner.arg_names, args, strict=False))
    configs = tuner.prune_configs(kwargs)
    failure: Exception | None = None
    compiled: list[Any] = []
    nodes_before = len(recorder.nodes)
    for config in configs:
        meta = config.all_kwargs()
        recorded = len(recorder.nodes) > nodes_before
        if config.pre_hook is not None and not recorded:
            config.pre_hook({**tuner.nargs, **kwargs, **meta})
        with recorder.configuration(str(config)):
            if config.pre_hook is not None and recorded:
                config.pre_hook({**tuner.nargs, **kwargs, **meta})
            try:
                tuner.fn.run(*args, **kwargs, **meta)
            except (CompileTimeAssertionFailure, OutOfResources) as error:
                failure = error  # the tuner skips such configurations, too
                continue
        compiled.append(config)
    if failure is not None and not recorder.has_variants:
        raise failure
    recorder.end_variants()
    if compiled:
        tuner.best_config = min(compiled, key=_appetite)
    tuner.nargs = None


def _appetite(config: Any) -> int:
    """Returns how much a program holds at once, roughly: the product of its block sizes and stages."""
    sizes: list[int] = [value for value in config.kwargs.values() if type(value) is int and value > 0]
    return prod(sizes) * max(1, int(config.num_stages))
