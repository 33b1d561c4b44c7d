"""Where untrusted code runs: named entries on bytes, inside a cage, with everything that happens returned as data."""

from sandboxes.isolation.bubblewrap import BubblewrapSandbox
from sandboxes.isolation.capabilities import probe
from sandboxes.isolation.docker import DockerSandbox
from sandboxes.isolation.entry import Entry
from sandboxes.isolation.factory import SANDBOX_KINDS, create_sandbox
from sandboxes.isolation.limits import Limits
from sandboxes.isolation.process import ProcessSandbox
from sandboxes.isolation.result import SandboxResult, SandboxStatus
from sandboxes.isolation.sandbox import Sandbox

__all__ = [
    # contract
    "Sandbox",
    "Entry",
    "Limits",
    "SandboxResult",
    "SandboxStatus",
    # backends
    "SANDBOX_KINDS",
    "BubblewrapSandbox",
    "DockerSandbox",
    "ProcessSandbox",
    "create_sandbox",
    # diagnosis
    "probe",
]
