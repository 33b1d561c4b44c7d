"""Clocks, heat and power of a GPU, read through NVML (`pip install 'kernelgym[gpu]'`). Nothing is ever changed.

All of it is optional: without the package, the library or the permission there is nothing to tell, and no error.
"""

from types import ModuleType
from typing import Any, Final

from sandboxes.contracts import Clocks

try:
    import pynvml
except ImportError:
    pynvml = None

REASONS: Final = {
    "nvmlClocksEventReasonSwPowerCap": "software power cap",
    "nvmlClocksEventReasonHwSlowdown": "hardware slowdown",
    "nvmlClocksEventReasonSwThermalSlowdown": "software thermal slowdown",
    "nvmlClocksEventReasonHwThermalSlowdown": "hardware thermal slowdown",
    "nvmlClocksEventReasonHwPowerBrakeSlowdown": "hardware power brake",
}
"""Power, heat and faults that reduce clocks, by NVML's name of the bit. No reasons are that a GPU is idle, and clocks
that somebody has set."""


class Nvml:
    """NVML for one GPU.

    Args:
        uuid: Of the GPU, `GPU-...`, or of a slice, `MIG-...`, of which clocks are those of the whole GPU.
        library: What to ask; by default the package `pynvml`, which may be missing.
    """

    def __init__(self, uuid: str, library: ModuleType | Any | None = pynvml) -> None:
        self._library = library
        self._device: Any = None
        if library is None:
            return
        try:
            library.nvmlInit()
            self._device = library.nvmlDeviceGetHandleByUUID(uuid)
            if uuid.startswith("MIG-"):
                self._device = library.nvmlDeviceGetDeviceHandleFromMigDeviceHandle(self._device)
        except library.NVMLError:
            self._device = None

    @property
    def driver_version(self) -> str | None:
        """Version of the driver, e.g. `580.95.05`; None if NVML does not tell."""
        if self._library is None or self._device is None:
            return None
        try:
            return str(self._library.nvmlSystemGetDriverVersion())
        except self._library.NVMLError:
            return None

    def clocks(self) -> Clocks | None:
        """Returns the state of the GPU now; None if NVML does not tell."""
        if self._library is None or self._device is None:
            return None
        library, device = self._library, self._device
        try:
            reasons = library.nvmlDeviceGetCurrentClocksEventReasons(device)
            return Clocks(
                sm_mhz=library.nvmlDeviceGetClockInfo(device, library.NVML_CLOCK_SM),
                memory_mhz=library.nvmlDeviceGetClockInfo(device, library.NVML_CLOCK_MEM),
                most_sm_mhz=library.nvmlDeviceGetMaxClockInfo(device, library.NVML_CLOCK_SM),
                temperature_c=library.nvmlDeviceGetTemperature(device, library.NVML_TEMPERATURE_GPU),
                power_w=library.nvmlDeviceGetPowerUsage(device) / 1e3,
                throttled=tuple(text for name, text in REASONS.items() if reasons & getattr(library, name)),
            )
        except library.NVMLError:
            return None
