"""A base image made of this machine's own files, since none can be pulled: what `python:3.11-slim` and `redis` are.

It has the interpreter in `/usr/local`, all that kernelgym needs from PyPI and what builds its wheel beside it, Redis, a
shell, grep and bubblewrap, with the libraries they are linked to. kernelgym itself is not in it.
"""

import hashlib
import importlib.metadata
import io
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from packaging.requirements import Requirement

from sandboxes.isolation.docker.engine import Engine

BASE_IMAGE = "kernelgym-test-base"
PROGRAMS = ("sh", "grep", "redis-server", "redis-cli", "bwrap")
_SITE = "usr/local/lib/python3.11/site-packages"
_LIBRARIES = "usr/lib/x86_64-linux-gnu"
_USERS = "root:x:0:0:root:/root:/bin/sh\nredis:x:999:999:redis:/data:/bin/sh\n"
_GROUPS = "root:x:0:\nredis:x:999:\n"


def make_base_image(engine: Engine) -> str:
    """Name of the image; made where the engine has none yet (2 GB, a minute)."""
    facts = [Path(__file__).read_text(encoding="utf-8"), *map(importlib.metadata.version, sorted(_needed()))]
    tag = hashlib.sha256("\n".join(facts).encode()).hexdigest()[:16]
    name = f"{BASE_IMAGE}:{tag}"
    try:
        engine.client.images.get(name)
    except engine.errors.ImageNotFound:
        with tempfile.NamedTemporaryFile(suffix=".tar") as content:
            with tarfile.open(fileobj=content, mode="w") as archive:
                _fill(archive)
            content.flush()
            engine.client.api.import_image_from_file(content.name, repository=BASE_IMAGE, tag=tag)
    return name


def _fill(archive: tarfile.TarFile) -> None:
    for path, mode, owner in (("tmp", 0o1777, 0), ("root", 0o700, 0), ("data", 0o755, 999)):
        archive.addfile(_entry(path, mode=mode, owner=owner, kind=tarfile.DIRTYPE))
    for path, text in (("etc/passwd", _USERS), ("etc/group", _GROUPS)):
        archive.addfile(_entry(path, size=len(text)), io.BytesIO(text.encode()))
    for old, new in (("lib", "usr/lib"), ("lib64", "usr/lib64"), ("bin", "usr/bin")):
        link = _entry(old, kind=tarfile.SYMTYPE)
        link.linkname = new
        archive.addfile(link)
    standard = Path(sysconfig.get_path("stdlib"))
    files = {f"usr/local/lib/python3.11/{path.relative_to(standard)}": path for path in _standard_library(standard)}
    files |= {f"{_SITE}/{inside}": path for inside, path in _packages()}
    interpreter = Path(sys.executable).resolve()
    programs = {f"usr/bin/{name}": Path(found) for name in PROGRAMS if (found := shutil.which(name))}
    programs["usr/local/bin/python3"] = interpreter
    files["usr/share/zoneinfo/UTC"] = Path("/usr/share/zoneinfo/UTC")
    binaries = [*programs.values(), *(path for path in files.values() if ".so" in path.suffixes)]
    own = {path.name for path in files.values()}
    for name, path in _linked(binaries):
        if name.startswith("ld-linux"):
            programs[f"usr/lib64/{name}"] = path
        elif name not in own:  # those of packages are found where they are
            programs[f"{_LIBRARIES}/{name}"] = path
    for inside, path in {**files, **programs}.items():
        with path.resolve().open("rb") as source:
            details = _entry(inside, mode=path.stat().st_mode & 0o755 | 0o444, size=path.stat().st_size)
            archive.addfile(details, source)


def _entry(
    path: str, *, mode: int = 0o644, owner: int = 0, size: int = 0, kind: bytes = tarfile.REGTYPE
) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(path)
    entry.mode, entry.uid, entry.gid, entry.size, entry.type = mode, owner, owner, size, kind
    return entry


def _standard_library(root: Path) -> Iterator[Path]:
    left_out = {"site-packages", "test", "tests", "idlelib", "tkinter", "turtledemo"}
    for path in root.rglob("*"):
        first = path.relative_to(root).parts[0]
        if path.is_file() and first not in left_out and not first.startswith("config-"):
            yield path


def _packages() -> Iterator[tuple[str, Path]]:
    """Files of everything that kernelgym needs and of what builds it, each as in `site-packages`."""
    for name in _needed():
        distribution = importlib.metadata.distribution(name)
        for file in distribution.files or ():
            path = Path(str(file.locate()))
            if ".." not in file.parts and path.is_file():
                yield str(file), path


def _needed() -> set[str]:
    """Names of all distributions that kernelgym needs, and what builds its wheel."""
    wanted: list[tuple[str, tuple[str, ...]]] = [("kernelgym", ("serve",)), ("hatchling", ())]
    seen: set[tuple[str, tuple[str, ...]]] = set()
    while wanted:
        name, extras = wanted.pop()
        if (name, extras) in seen:
            continue
        seen.add((name, extras))
        for row in importlib.metadata.distribution(name).requires or ():
            requirement = Requirement(row)
            marker = requirement.marker
            if marker is None or any(marker.evaluate({"extra": extra}) for extra in (*extras, "")):
                wanted.append((requirement.name, tuple(sorted(requirement.extras))))
    return {name for name, _ in seen} - {"kernelgym"}


def _linked(binaries: Iterable[Path]) -> Iterator[tuple[str, Path]]:
    """The shared libraries that these are linked to, by the name they are looked for."""
    said = subprocess.run(["ldd", *map(str, binaries)], capture_output=True, text=True, timeout=120, check=False).stdout
    for name, path in re.findall(r"^\s+(\S+) => (/\S+)", said, re.MULTILINE):
        yield name, Path(path)
    for path in re.findall(r"^\s+(/\S*ld-linux\S*)", said, re.MULTILINE):
        yield Path(path).name, Path(path)
