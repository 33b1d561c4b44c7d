"""The environment for the library verifiers; needs the extra `verifiers`."""

from policies.errors import PackageMissing

try:
    import verifiers.v1 as _  # noqa: F401 - tells which package is missing before any module below does
except ModuleNotFoundError as error:
    if (error.name or "").partition(".")[0] != "verifiers":
        raise
    raise PackageMissing("policies.ecosystem.verifiers", "verifiers", "verifiers") from error

from policies.ecosystem.verifiers.environment import KernelEnv, KernelEnvConfig, load_environment
from policies.ecosystem.verifiers.harness import ChatHarness
from policies.ecosystem.verifiers.taskset import KernelTask, KernelTaskset, KernelTasksetConfig

__all__ = [
    # what verifiers is made of
    "ChatHarness", "KernelEnv", "KernelEnvConfig", "KernelTask", "KernelTaskset", "KernelTasksetConfig",
    # from Python
    "load_environment",
]  # fmt: skip
