"""What an answer depends on, as one name: the same key is the same question to the same judge."""

import os
import platform
from functools import cache
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

import kernelgym
import rewards
import sandboxes
from kernelgym.evaluators.messages import Inquiry, Inspection, Job, Ready, Task
from sandboxes.contracts.base import SCHEMA_VERSION

GPU_VARIABLE: Final = "KERNELGYM_GPU"
SIMULATED: Final = "simulated"

PACKAGES: Final = ("kernelgym", "torch", "triton")
"""Distributions whose versions a verdict depends on."""


@cache
def judge_versions() -> dict[str, str]:
    """Returns what this machine's judge is made of, from metadata and source files alone: torch is not imported.

    `code` is a digest of what judges (`sandboxes`, `rewards`) and of what says whose fault a lost worker is
    (`kernelgym.evaluators`): between two releases the version alone says little.
    What comes after the `+` of a version is left out: it says how a wheel was built (torch 2.13.0+cpu, +cu130), and an
    API, a CPU worker and a GPU worker with a wheel for each are one judge and share its queues.
    Of Python, the last number is left out: it changes no verdict, and images differ in it.
    A service whose GPU is simulated (`KERNELGYM_GPU=simulated`) is a judge of its own: what it makes up never meets
    what others measure.
    """
    found = {name: _version(name) for name in PACKAGES}
    python = ".".join(platform.python_version_tuple()[:2])
    simulated = {"gpu": "simulated"} if is_simulated(os.environ.get(GPU_VARIABLE, "")) else {}
    return found | {"python": python, "schema": str(SCHEMA_VERSION), "code": _digest_of_code()} | simulated


def is_simulated(gpu: str) -> bool:
    """Returns whether this names a GPU that is not there (`simulated`, `simulated:a100`)."""
    return gpu.partition(":")[0] == SIMULATED


def gpu_identity(ready: Ready) -> str:
    """Returns what measured times depend on, in words: the GPU, its driver, and what launches kernels on it."""
    versions = ", ".join(f"{name} {number}" for name, number in sorted(ready.versions.items()))
    return f"{ready.title}, {versions}"


@cache
def fingerprint() -> str:
    """Returns eight hexadecimal digits for `judge_versions()`: workers take jobs of their own fingerprint only."""
    return sha256(repr(sorted(judge_versions().items())).encode()).hexdigest()[:8]


def job_id(task: Task, gpu: str = "") -> str:
    """Returns the content key of a task for this machine's judge: 64 hexadecimal digits.

    Submission, reference, configuration (device and target among it), what the target is, and versions take part; who
    asks does not.

    Args:
        task: What is asked.
        gpu: Who measures it (`gpu_identity`), if it is measured: with another driver it is another question.
    """
    reference = task.reference
    length = len(reference.source)  # where its digest has no mark between the source and the constants of checks
    parts = [task.kind, fingerprint(), reference.id, f"{reference.digest} {length}"]
    match task:
        case Job():
            parts += [task.submission.digest, task.config.model_dump_json(), task.target_digest]
        case Inquiry() | Inspection():
            pass
    if gpu:
        parts.append(gpu)
    return sha256("\n".join(parts).encode("utf-8", errors="surrogatepass")).hexdigest()


def _version(distribution: str) -> str:
    try:
        return version(distribution).partition("+")[0]
    except PackageNotFoundError:
        return "none"


def _digest_of_code() -> str:
    digest = sha256()
    folders = [Path(str(package.__file__)).parent for package in (sandboxes, rewards)]
    for root in (*folders, Path(str(kernelgym.__file__)).parent / "evaluators"):
        for path in sorted(root.rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                digest.update(str(path.relative_to(root)).encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]
