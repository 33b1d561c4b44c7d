"""Do the clocks agree? Events on the device, the host's clock and the profiler must tell the same story.

Work that runs where events do not see it (another stream, after the second event) is seen by the host, which waits for
all of it, or by the profiler. The reference is trusted, so what the host sees on top of its events is what launching
and waiting cost here.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np

from sandboxes.devices.cuda.gpu import DeviceEvent
from sandboxes.devices.cuda.timing.statistics import Numbers

ROUNDING: Final = 0.02
ROUNDING_US: Final = 2.0
"""By how much the host's clock may be behind events."""

HIDDEN: Final = 0.5
HIDDEN_US: Final = 25.0
"""By how much more than the reference a candidate may keep the host waiting, on top of its events: a share of its time,
and a number of microseconds. Waking a process varies by ten."""

BUSY: Final = 0.25
BUSY_US: Final = 5.0
"""By how much the device may have been busier under the profiler, where caches are warm but clocks may be lower."""


def hidden_us(device_us: Numbers, host_us: Numbers, reference_device_us: Numbers, reference_host_us: Numbers) -> float:
    """Returns for how long a run of the candidate goes on unseen by its events; 0 if that may be chance."""
    own = float(np.median(host_us - device_us))
    usual = float(np.median(reference_host_us - reference_device_us))
    time = float(np.median(device_us))
    return own - usual if own - usual > max(HIDDEN_US, HIDDEN * time) else 0.0


def host_is_behind(device_us: Numbers, host_us: Numbers) -> bool:
    """True if the host thinks that runs ended before the device does: one of the clocks is not what it should be."""
    behind = device_us * (1 - ROUNDING) - ROUNDING_US > host_us
    return bool(behind.mean() > ROUNDING)


def busy_us(events: Sequence[DeviceEvent]) -> float:
    """Returns the time in which the device did anything at all."""
    total, until = 0.0, -float("inf")
    for event in sorted(events, key=lambda event: event.start_us):
        end = event.start_us + event.duration_us
        total += max(end - max(event.start_us, until), 0.0)
        until = max(until, end)
    return total


def profiler_disagrees(events: Sequence[DeviceEvent], device_us: Numbers) -> bool:
    """True if the profiler saw more than events have room for."""
    return busy_us(events) > (1 + BUSY) * float(np.median(device_us)) + BUSY_US
