"""The environment for OpenEnv, as a server and a client; needs the extra `openenv`."""

from policies.errors import PackageMissing

try:
    import openenv.core as _  # noqa: F401 - tells which package is missing before any module below does
except ModuleNotFoundError as error:
    if (error.name or "").partition(".")[0] != "openenv":
        raise
    raise PackageMissing("policies.ecosystem.openenv", "openenv", "openenv") from error

from policies.ecosystem.openenv.client import KernelClient
from policies.ecosystem.openenv.environment import KernelEnvironment
from policies.ecosystem.openenv.messages import KernelAction, KernelObservation, KernelState
from policies.ecosystem.openenv.server import KernelServer, make_app

__all__ = [
    # both sides
    "KernelAction", "KernelObservation", "KernelState",
    # the server
    "KernelEnvironment", "KernelServer", "make_app",
    # the client
    "KernelClient",
]  # fmt: skip
