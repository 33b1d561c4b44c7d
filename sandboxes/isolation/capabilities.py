"""What this machine offers for isolation, for `kernelgym doctor`."""

import os
import shutil
import subprocess

from sandboxes.capability import Capability
from sandboxes.errors import SandboxesError
from sandboxes.isolation import cgroups
from sandboxes.isolation.bubblewrap import INSTALL_BUBBLEWRAP, BubblewrapSandbox
from sandboxes.isolation.docker import INSTALL_DOCKER, DockerSandbox
from sandboxes.isolation.entry import Entry
from sandboxes.isolation.forking import ForkingSandbox
from sandboxes.isolation.landlock import landlock_version
from sandboxes.isolation.process import ProcessSandbox
from sandboxes.isolation.seccomp import SECCOMP_MACHINES

__all__ = ["probe"]

_TRIAL = Entry(target="sandboxes.isolation.conformance:run_python")


def probe() -> list[Capability]:
    """Try every backend and the kernel features they build on; takes about a second."""
    return [_bubblewrap(), _process(), _docker(), _user_namespaces(), _seccomp(), _landlock(), _cgroups()]


def _bubblewrap() -> Capability:
    if shutil.which("bwrap") is None:
        detail = "no 'bwrap' program on PATH"
        return Capability(name="bubblewrap", works=False, detail=detail, remedy=INSTALL_BUBBLEWRAP)
    remedy = "allow user namespaces (sysctl user.max_user_namespaces, kernel.unprivileged_userns_clone=1)"
    return _trial("bubblewrap", BubblewrapSandbox(_TRIAL), remedy)


def _process() -> Capability:
    return _trial("process", ProcessSandbox(_TRIAL), "check that `python -I -c 'import sandboxes'` works")


def _docker() -> Capability:
    found = _trial("docker", DockerSandbox(_TRIAL), INSTALL_DOCKER)
    if found.works:
        return found
    detail, _, remedy = found.detail.partition("; ")
    return Capability(name="docker", works=False, detail=detail, remedy=remedy or found.remedy)


def _trial(name: str, sandbox: ForkingSandbox, remedy: str) -> Capability:
    try:
        with sandbox:
            sandbox.warm_up()
            found = ", ".join(f"{key} {value}" for key, value in sandbox.features.items())
            gaps = sandbox.gaps
    except SandboxesError as error:
        return Capability(name=name, works=False, detail=str(error), remedy=remedy)
    return Capability(name=name, works=True, detail=found, gaps=gaps)


def _user_namespaces() -> Capability:
    name = "user namespaces"
    program = shutil.which("unshare")
    if program is None:
        return Capability(name=name, works=False, detail="no 'unshare' program", remedy="apt-get install util-linux")
    command = [program, "--user", "--map-root-user", "true"]
    done = subprocess.run(command, capture_output=True, timeout=10, check=False)
    if done.returncode == 0:
        return Capability(name=name, works=True, detail="unshare --user succeeds")
    detail = done.stderr.decode("utf-8", "replace").strip()
    return Capability(name=name, works=False, detail=detail, remedy="sysctl kernel.unprivileged_userns_clone=1")


def _seccomp() -> Capability:
    machine = os.uname().machine
    works = machine in SECCOMP_MACHINES and os.path.exists("/proc/sys/kernel/seccomp")  # noqa: PTH110
    detail = f"{machine}, kernel {os.uname().release}"
    remedy = None if works else "use a kernel with CONFIG_SECCOMP_FILTER on x86_64 or aarch64"
    return Capability(name="seccomp", works=works, detail=detail, remedy=remedy)


def _landlock() -> Capability:
    version = landlock_version()
    remedy = None if version else "boot with `lsm=landlock,...` on Linux 5.13 or later"
    return Capability(name="landlock", works=version > 0, detail=f"ABI {version}", remedy=remedy)


def _cgroups() -> Capability:
    made = cgroups.make_cgroups()
    detail = cgroups.describe_cgroups(made)
    cgroups.discard(made)
    works = {"memory", "pids"} <= {name for cgroup in made for name in cgroup.controllers}
    remedy = None if works else "start it by `systemd-run --user --scope`, or as root where /sys/fs/cgroup is writable"
    return Capability(name="control groups", works=works, detail=detail, remedy=remedy)
