"""Clocks are read through NVML where it is there, and left out where it is not; nothing is ever changed."""

from typing import Any

import pytest

from sandboxes.devices.cuda.real.nvml import REASONS, Nvml

pynvml = pytest.importorskip("pynvml", reason="nvidia-ml-py is not installed")


class Library:
    """What is used of `pynvml`; what is not there raises, as do names that the real one does not have."""

    NVMLError = pynvml.NVMLError

    def __init__(self, reasons: int = 0, missing: str = "") -> None:
        self.reasons = reasons
        self.missing = missing
        self.handles: list[Any] = []

    def __getattr__(self, name: str) -> Any:
        value = getattr(pynvml, name)
        if not callable(value):
            return value
        answers = {
            "nvmlInit": None,
            "nvmlDeviceGetHandleByUUID": "handle",
            "nvmlDeviceGetDeviceHandleFromMigDeviceHandle": "parent",
            "nvmlDeviceGetCurrentClocksEventReasons": self.reasons,
            "nvmlDeviceGetTemperature": 61,
            "nvmlDeviceGetPowerUsage": 312_500,
            "nvmlSystemGetDriverVersion": "580.95.05",
        }
        clocks = {"nvmlDeviceGetClockInfo": {1: 1830, 2: 3201}, "nvmlDeviceGetMaxClockInfo": {1: 1980}}

        def call(*args: Any) -> Any:
            if name == self.missing:
                raise pynvml.NVMLError(pynvml.NVML_ERROR_NOT_SUPPORTED)
            self.handles.append(args[0] if args else None)
            return clocks[name][args[1]] if name in clocks else answers[name]

        return call


def test_clocks_heat_and_power_are_read() -> None:
    reasons = pynvml.nvmlClocksEventReasonGpuIdle | pynvml.nvmlClocksEventReasonSwPowerCap
    nvml = Nvml("GPU-1", Library(reasons | pynvml.nvmlClocksEventReasonApplicationsClocksSetting))
    clocks = nvml.clocks()
    assert clocks is not None
    assert (clocks.sm_mhz, clocks.memory_mhz, clocks.most_sm_mhz) == (1830, 3201, 1980)
    assert (clocks.temperature_c, clocks.power_w) == (61, 312.5)
    assert clocks.throttled == ("software power cap",)  # neither an idle GPU nor clocks that somebody has set
    assert nvml.driver_version == "580.95.05"


def test_a_slice_has_the_clocks_of_its_gpu() -> None:
    library = Library()
    assert Nvml("MIG-1", library).clocks() is not None
    assert library.handles[-1] == "parent"


@pytest.mark.parametrize(
    "missing",
    ["nvmlInit", "nvmlDeviceGetHandleByUUID", "nvmlDeviceGetCurrentClocksEventReasons", "nvmlDeviceGetPowerUsage"],
)
def test_what_is_not_permitted_is_left_out(missing: str) -> None:
    assert Nvml("GPU-1", Library(missing=missing)).clocks() is None


def test_without_the_package_there_is_nothing_to_tell() -> None:
    nvml = Nvml("GPU-1", None)
    assert nvml.clocks() is None
    assert nvml.driver_version is None


def test_every_reason_is_one_of_nvmls_bits() -> None:
    bits = [getattr(pynvml, name) for name in REASONS]
    assert len(set(bits)) == len(bits)
    assert all(bit and bit & (bit - 1) == 0 for bit in bits)
