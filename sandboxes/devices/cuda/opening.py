"""Which GPU is used, and whether it can be: what is missing is said with a remedy before any work is taken on."""

import os
from typing import Final

import torch
import triton

from sandboxes.capability import Capability
from sandboxes.contracts import Target
from sandboxes.devices.cuda.errors import NoGpu
from sandboxes.devices.cuda.gpu import SIMULATED, Gpu, GpuFacts
from sandboxes.devices.cuda.real.libcuda import DeviceInfo, DriverError, DriverMissing, driver
from sandboxes.devices.cuda.real.nvml import Nvml
from sandboxes.devices.cuda.real.torch_gpu import TorchGpu
from sandboxes.devices.cuda.simulated.facts import simulated_facts
from sandboxes.devices.cuda.simulated.simulated_gpu import SimulatedGpu
from sandboxes.hardware.targets import TARGETS, get_target

AUTO: Final = "auto"
"""The first GPU that `CUDA_VISIBLE_DEVICES` leaves visible."""
OLDEST_ARCH: Final = 80
"""Triton compiles for older ones, but not all that its language can say."""
NO_DEVICE: Final = 100
REMEDIES: Final = {
    2: "this machine, or this process (ulimit -d, RLIMIT_DATA), has too little memory of its own for the driver",
    46: "another process has it to itself, or it is being reset: wait, or see `nvidia-smi`",
    NO_DEVICE: "see `nvidia-smi`; start a container with its GPUs (docker run --gpus all)",
    802: "start NVIDIA's fabric manager (systemctl start nvidia-fabricmanager)",
    803: "the driver's library and kernel module have different versions: reboot, or reload the module",
    999: "reload the driver's kernel module, or reboot",
}
"""What to do about error numbers of the driver."""


def open_gpu(name: str = AUTO) -> Gpu:
    """Returns the GPU, ready to work; makes a context in this process.

    Args:
        name: `auto`, or `simulated` for one that is not there (`simulated:a100` to resemble another target).

    Raises:
        NoGpu: There is none that can be used; the message says what to do.
    """
    target = _simulated(name)
    if target is not None:
        return SimulatedGpu(target)
    found = find_gpu(name)
    if not torch.cuda.is_available():
        raise NoGpu(f"PyTorch {torch.__version__} can't use {found.title}; see what torch.cuda.init() says")
    return TorchGpu(found)


def find_gpu(name: str = AUTO) -> GpuFacts:
    """Returns what the GPU is, after cheap checks of all that must be there; makes no context in this process.

    Args:
        name: As for `open_gpu`.

    Raises:
        NoGpu: There is none that can be used; the message says what to do.
    """
    target = _simulated(name)
    if target is not None:
        return simulated_facts(target)
    if torch.version.cuda is None:
        raise NoGpu(
            f"PyTorch {torch.__version__} is built without CUDA; install a build that has it "
            "(pip install --force-reinstall torch; PyPI's Linux wheels do), or set KERNELGYM_GPU=simulated"
        )
    info, version = _visible()
    if int(info.arch) < OLDEST_ARCH:
        raise NoGpu(
            f"{info.title} has compute capability {info.arch[:-1]}.{info.arch[-1]}; 8.0 or newer is needed: use "
            'another GPU (CUDA_VISIBLE_DEVICES), or device="cpu"'
        )
    needed = int(torch.version.cuda.partition(".")[0])
    if version // 1000 < needed:
        raise NoGpu(
            f"the driver knows CUDA {version // 1000}.{version % 1000 // 10}, PyTorch {torch.__version__} is built for "
            f"{torch.version.cuda}: update the driver, or install a PyTorch that is built for CUDA {version // 1000}"
        )
    return facts(info, version)


def check_backend(target: Target) -> None:
    """Checks that GPUs of this kind can be measured at all.

    Raises:
        NoGpu: They can only be modelled.
    """
    if target.backend != "cuda":
        raise NoGpu(
            f'the target `{target.name}` is {target.title}, and only NVIDIA\'s GPUs are measured: use device="cpu" '
            "(--device cpu), where it is compiled for and modelled"
        )


def check_target(facts: GpuFacts, target: Target) -> None:
    """Checks that candidates are compiled and judged for the GPU that is there.

    Raises:
        NoGpu: They would be for another; the message names the right target.
    """
    title = facts.title.removesuffix(" (simulated)").partition(" MIG ")[0]  # a slice is of its GPU's kind
    check_backend(target)
    named = next((known for known in TARGETS.values() if known.title == title), None)
    if target.arch == facts.arch and (named is None or target.title == title):  # several may describe one GPU
        return
    alike = [known.name for known in TARGETS.values() if known.backend == "cuda" and known.arch == facts.arch]
    if named is not None:
        remedy = f'use target="{named.name}"'
    elif alike:
        remedy = f"use a target of its architecture ({', '.join(alike)}), or register one with its numbers"
    else:
        remedy = "register a target with its numbers (see CONTRIBUTING.md)"
    raise NoGpu(
        f"the target `{target.name}` is {target.title} (arch {target.arch}), the GPU is {facts.title} "
        f"(arch {facts.arch}): {remedy}"
    )


def fits(facts: GpuFacts, target: Target) -> bool:
    """Returns whether `check_target` has nothing to say."""
    try:
        check_target(facts, target)
    except NoGpu:
        return False
    return True


def facts(info: DeviceInfo, driver_version: int) -> GpuFacts:
    """Returns what is known of a real GPU.

    Args:
        info: From the driver.
        driver_version: The newest CUDA that the driver knows.
    """
    return GpuFacts(
        title=info.title,
        uuid=info.uuid,
        arch=info.arch,
        multiprocessors=info.multiprocessors,
        memory_bytes=info.memory_bytes,
        l2_bytes=info.l2_bytes,
        versions={
            "driver": f"CUDA {driver_version // 1000}.{driver_version % 1000 // 10}",
            "cuda": str(torch.version.cuda),
            "torch": torch.__version__,
            "triton": triton.__version__,
        },
    )


def probe(name: str = AUTO) -> Capability:
    """Returns whether a GPU can be used, as a row for people."""
    try:
        found = find_gpu(name)
    except NoGpu as error:
        what, _, remedy = str(error).partition("; ")
        return Capability(name="GPU", works=False, detail=what, remedy=remedy or None)
    detail = (
        f"{found.title}, arch {found.arch}, {found.memory_bytes / 2**30:.0f} GiB, driver {found.versions['driver']}"
    )
    return Capability(name="GPU", works=True, detail=detail)


def probe_target(target: Target, name: str = AUTO) -> Capability:
    """Returns whether the GPU that is there is the one that `target` means, as a row for people."""
    try:
        check_target(find_gpu(name), target)
    except NoGpu as error:
        what, _, remedy = str(error).rpartition(": ")
        return Capability(name="GPU and target", works=False, detail=what, remedy=remedy)
    return Capability(name="GPU and target", works=True, detail=f"it is measured for `{target.name}`")


def probe_clocks(name: str = AUTO) -> Capability:
    """Returns whether the GPU's clocks can be read, as a row for people."""
    clocks = Nvml(find_gpu(name).uuid).clocks()
    if clocks is None:
        remedy = "pip install 'kernelgym[gpu]'; in a container, let it have NVIDIA's utility libraries"
        return Capability(name="GPU clocks", works=False, detail="NVML is not there, or may not tell", remedy=remedy)
    detail = f"{clocks.sm_mhz:.0f} of {clocks.most_sm_mhz:.0f} MHz, {clocks.temperature_c:.0f} °C"
    throttled = f", throttled: {', '.join(clocks.throttled)}" if clocks.throttled else ""
    return Capability(name="GPU clocks", works=True, detail=detail + throttled)


def _simulated(name: str) -> Target | None:
    """Returns what a simulated GPU resembles; None for a real one."""
    kind, _, like = name.partition(":")
    if kind == SIMULATED:
        return get_target(like) if like else next(iter(TARGETS.values()))
    if name != AUTO:
        raise NoGpu(f"there is no GPU `{name}`; say `{AUTO}` or `{SIMULATED}`, and choose by CUDA_VISIBLE_DEVICES")
    return None


def _visible() -> tuple[DeviceInfo, int]:
    """Returns the first visible GPU and the newest CUDA that the driver knows."""
    chosen = os.environ.get("CUDA_VISIBLE_DEVICES")
    setting = "" if chosen is None else f" (CUDA_VISIBLE_DEVICES={chosen!r}; `nvidia-smi -L` lists what there is)"
    try:
        library = driver()
        library.initialise()
        if library.count() == 0:
            raise NoGpu(f"no GPU is visible{setting}; {REMEDIES[NO_DEVICE]}")
        return library.device(0), library.version()
    except DriverMissing as error:
        raise NoGpu(
            f"NVIDIA's driver is not installed here ({error}); install it, start a container with its GPUs "
            "(docker run --gpus all), or set KERNELGYM_GPU=simulated"
        ) from None
    except DriverError as error:
        remedy = REMEDIES.get(error.number, "see `nvidia-smi`")
        raise NoGpu(f"the driver finds no GPU: {error}{setting}; {remedy}") from None
