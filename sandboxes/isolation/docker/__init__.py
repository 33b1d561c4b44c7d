"""The sandbox that is a container: `DockerSandbox`, and what it needs of a Docker engine."""

from sandboxes.isolation.docker.sandbox import INSTALL_DOCKER, DockerSandbox

__all__ = ["INSTALL_DOCKER", "DockerSandbox"]
