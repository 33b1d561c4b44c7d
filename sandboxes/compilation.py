"""TTIR to machine code for a target, and what the result needs of the hardware.

The third stage, between verification and replay. The text comes from a trace, so it is hostile: it may crash the
compiler, which only the process around this module survives, and it may provoke any error, which becomes a
`CompileFailure` in the compiler's own words. No GPU is needed. Compiling captures the process's standard output and
error (MLIR and ptxas write there directly), so it must not run in two threads of one process.
"""

import contextlib
import errno
import io
import os
import re
import tempfile
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import triton
from triton.backends.compiler import GPUTarget
from triton.errors import TritonError

from sandboxes.capability import Capability
from sandboxes.compiler_messages import Complaint, read_complaint
from sandboxes.contracts import Diagnostic, Outcome, Resources, Stage, Target, Variant, clip
from sandboxes.errors import MachineFailed, SandboxesError
from sandboxes.hardware.code.code import Code
from sandboxes.hardware.code.remembering import known_code
from sandboxes.hardware.cubin import CubinUsage, read_usage
from sandboxes.hardware.hsaco import HsacoUsage, read_hsaco
from sandboxes.hardware.occupancy import occupancy
from sandboxes.hardware.targets import TARGETS
from sandboxes.isolation.cgroups import out_of_memory_kills
from sandboxes.machine import full_disk, killed_from_outside

MAX_GRID_YZ = 65_535
MAX_GRID_X = 2**31 - 1
MAX_TENSOR_MEMORY = 512
"""Columns of tensor memory per multiprocessor (Blackwell)."""

MACHINE_CODE = {"cuda": "cubin", "hip": "hsaco"}
ASSEMBLY = {"cuda": "ptx", "hip": "amdgcn"}
"""What Triton calls them, by backend."""

DIALECTS = frozenset({"tt", "arith", "math", "scf", "cf", "ub", "module", "builtin"})
"""What Triton's frontend emits; anything else would reach into the backend."""
OPERATIONS = frozenset({"llvm.intr.assume", "ttg.barrier", "gpu.barrier"})
"""The exceptions: `tl.assume` and `tl.debug_barrier`."""

OPERATION = re.compile(r'^[ \t]*(?:%[^=\n]{1,500}= )?"?([a-z_]\w*)\.([\w.]+)', re.MULTILINE)
KILLED_ASSEMBLER = re.compile(r"PTXAS error: `ptxas` failed with error code -(\d{1,2})\s")
"""How Triton begins its message if a signal has ended ptxas."""
ENTRY = re.compile(r"\btt\.func public @")
UNUSABLE_NAME = re.compile(r'\btt\.func public @"[^"\n]*(?:/|\\2[fF]|\\00)')
"""The compile cache names files after the kernel: a name with a slash would look like a fault of this machine."""

REMEDIES = {
    errno.ENOSPC: "free space on its disk",
    errno.EDQUOT: "free space on its disk",
    errno.EACCES: "make it accessible to this user, a program executable",
    errno.ENOENT: "reinstall Triton (pip install --force-reinstall triton) if it is a program; create it otherwise",
    errno.ENOMEM: "free memory, or use fewer workers",
    errno.EAGAIN: "raise the limit of processes (ulimit -u), or use fewer workers",
}
"""What to do about an error of the operating system."""

TINY_TTIR = """module {
  tt.func public @tiny(%out: !tt.ptr<f32>) {
    %one = arith.constant 1.0 : f32
    tt.store %out, %one : !tt.ptr<f32>
    tt.return
  }
}
"""


class CompilerMissing(SandboxesError, RuntimeError):
    """Triton has no compiler for the target on this machine, or can't run it: our fault, never the candidate's."""


class CompileFailure(Exception):
    """This kernel can't run on this target.

    Args:
        outcome: `COMPILE_ERROR` if the compiler refused it, `LAUNCH_ERROR` if it needs more than the target has.
        message: What is wrong, in the compiler's words, without paths of this machine.
        line: Line of the candidate's source, 1-based, if the message names one.
        hint: What to try.
    """

    def __init__(
        self,
        outcome: Literal[Outcome.COMPILE_ERROR, Outcome.LAUNCH_ERROR],
        message: str,
        line: int | None = None,
        hint: str | None = None,
    ) -> None:
        super().__init__(message)
        self.outcome = outcome
        self.message = message
        self.line = line
        self.hint = hint

    def __reduce__(self) -> tuple[type["CompileFailure"], tuple[Any, ...]]:
        return type(self), (self.outcome, self.message, self.line, self.hint)

    def diagnostic(self) -> Diagnostic:
        """Returns the failure in the form a report carries."""
        return Diagnostic(stage=Stage.COMPILE, message=clip(self.message), line=self.line, hint=self.hint)


@dataclass(frozen=True, slots=True, kw_only=True)
class CompiledKernel:
    """Machine code of one variant for one target."""

    name: str
    """Symbol of the kernel in the machine code."""
    resources: Resources
    machine_code: bytes
    """An ELF file: a cubin, or AMD's code object."""
    assembly: str
    """PTX, or AMD's assembly."""
    code: Code | None = None
    """What the compiler made of it; None if its text can't be read."""


def compile_variant(variant: Variant, target: Target) -> CompiledKernel:
    """Compiles `variant` for `target`.

    Uses Triton's own compile cache (`TRITON_CACHE_DIR` of this process).

    Raises:
        CompileFailure: The compiler refuses the kernel, or the kernel needs more than the target has.
        CompilerMissing: This machine has no compiler for the target, or can't run it (no permission, disk full).
        MachineFailed: Likewise, while the compiler ran.
    """
    kernel, resources = _checked(variant, target)
    return CompiledKernel(
        name=kernel.metadata.name,
        resources=resources,
        machine_code=kernel.asm[MACHINE_CODE[target.backend]],
        assembly=kernel.asm[ASSEMBLY[target.backend]],
        code=known_code(kernel.asm["ttgir"]),
    )


def triton_kernel(variant: Variant, target: Target) -> Any:
    """Compiles `variant` for `target`, and returns Triton's own object, which knows how to launch itself on a GPU.

    Nothing is loaded onto one yet. Raises what `compile_variant` raises.
    """
    return _checked(variant, target)[0]


def _checked(variant: Variant, target: Target) -> tuple[Any, Resources]:
    """Returns Triton's compiled kernel and what it needs, which the target has."""
    check_launch(variant, target)
    _check_text(variant.ttir)
    kernel = _compile(variant, target)
    machine_code = kernel.asm[MACHINE_CODE[target.backend]]
    usage: CubinUsage | HsacoUsage
    usage = read_usage(machine_code) if target.backend == "cuda" else read_hsaco(machine_code)
    threads = kernel.metadata.num_warps * target.warp_size
    shared = kernel.metadata.shared
    _check_resources(target, usage.registers, shared, threads, getattr(kernel.metadata, "tmem_size", 0) or 0)
    resident = occupancy(target, usage.registers, shared, threads)
    return kernel, Resources(
        registers=usage.registers,
        spill_bytes=usage.stack_bytes,
        shared_bytes=shared,
        threads=threads,
        occupancy=resident.fraction,
        limited_by=resident.limited_by,
    )


def check_launch(variant: Variant, target: Target) -> None:
    """Checks everything about a launch that is known without compiling.

    Raises:
        CompileFailure: The grid or the block is larger than the target allows.
    """
    threads = variant.num_warps * target.warp_size
    if threads > target.threads_per_block:
        raise CompileFailure(
            Outcome.LAUNCH_ERROR,
            f"num_warps={variant.num_warps} makes {threads} threads per block; {target.title} allows "
            f"{target.threads_per_block}.",
            hint=f"Use num_warps <= {target.threads_per_block // target.warp_size}.",
        )
    limits = (MAX_GRID_X // variant.num_ctas, MAX_GRID_YZ, MAX_GRID_YZ)
    for axis, size, limit in zip("xyz", variant.grid, limits, strict=True):
        if size > limit:
            raise CompileFailure(
                Outcome.LAUNCH_ERROR,
                f"The grid {variant.grid} has {size} programs along {axis}; CUDA allows {limit}.",
                hint="Put the long axis first (axis 0, x), or let each program do more.",
            )


def probe() -> list[Capability]:
    """Returns one row per known target: whether a small kernel compiles for it here."""
    return [_probe_target(target) for target in TARGETS.values()]


def _probe_target(target: Target) -> Capability:
    name = f"compile for {target.name}"
    variant = Variant(config="", ttir=TINY_TTIR, grid=(1, 1, 1), args=(), num_warps=4, num_stages=1)
    try:
        compile_variant(variant, target)
    except (CompileFailure, CompilerMissing) as error:
        remedy = "Reinstall Triton from its official wheel, which carries the compilers: pip install -U triton"
        return Capability(name=name, works=False, detail=f"Triton {triton.__version__}: {error}", remedy=remedy)
    return Capability(name=name, works=True, detail=f"Triton {triton.__version__}, arch {target.arch}")


def _check_text(ttir: str) -> None:
    """Refuses text that is no output of Triton's frontend, before it can crash the compiler."""
    entries = len(ENTRY.findall(ttir))
    if entries != 1:
        raise CompileFailure(Outcome.COMPILE_ERROR, f"The TTIR has {entries} public functions; a kernel has one.")
    if UNUSABLE_NAME.search(ttir):
        raise CompileFailure(Outcome.COMPILE_ERROR, "The kernel's name holds a slash.", hint="Use a plain name.")
    for match in OPERATION.finditer(ttir):
        operation = f"{match[1]}.{match[2]}"
        if match[1] not in DIALECTS and operation not in OPERATIONS:
            raise CompileFailure(
                Outcome.COMPILE_ERROR, f"The TTIR uses `{operation[:80]}`; Triton's frontend makes no such operation."
            )


def _compile(variant: Variant, target: Target) -> Any:
    """Returns Triton's compiled kernel; the compiler's temporary files are gone afterwards."""
    options: dict[str, Any] = {
        "num_warps": variant.num_warps,
        "num_stages": variant.num_stages,
        "num_ctas": variant.num_ctas,
        # Triton's default up to 3.9; said explicitly, because 3.9 warns that 3.10 changes it
        "enable_fp_fusion": True,
    }
    if variant.maxnreg is not None:
        options["maxnreg"] = variant.maxnreg
    gpu = GPUTarget(target.backend, int(target.arch) if target.backend == "cuda" else target.arch, target.warp_size)
    try:
        return _run_triton(variant, gpu, options)
    except OSError as error:
        raise _unusable(error) from error


def _run_triton(variant: Variant, gpu: GPUTarget, options: dict[str, Any]) -> Any:
    """Returns Triton's compiled kernel, or raises why it refuses; an `OSError` is this machine's fault."""
    with tempfile.TemporaryDirectory(prefix="kernelgym-") as folder, _files_in(folder):
        path = Path(folder, "kernel.ttir")
        output = Path(folder, "output")
        kills = out_of_memory_kills()
        try:
            with _quiet(output):
                path.write_text(variant.ttir, encoding="utf-8")
                return triton.compile(str(path), target=gpu, options=options)
        except (RuntimeError, ValueError, AssertionError, LookupError, TypeError, TritonError) as error:
            _raise_if_missing(error)
            _raise_if_ours(error, kills)
            raise _failure(read_complaint(error, output, Path(folder))) from None


def _unusable(error: OSError) -> CompilerMissing | CompileFailure:
    """Returns what an error of the operating system means: this machine's fault, but for a kernel's endless name."""
    if error.errno == errno.ENAMETOOLONG:
        return CompileFailure(Outcome.COMPILE_ERROR, "The kernel's name is too long.", hint="Give it a short name.")
    path = error.filename or f"{triton.knobs.cache.dir} or {tempfile.gettempdir()}"
    remedy = REMEDIES.get(error.errno or 0, "check that it is there and may be used")
    reason = error.strerror or str(error)
    return CompilerMissing(f"Triton {triton.__version__} can't compile here: {reason}: {path}; {remedy}")


def _raise_if_missing(error: Exception) -> None:
    """Raises `CompilerMissing` if Triton says that a tool or a backend is not there."""
    text = str(error)
    if text.startswith("Cannot find") or "compatible backends for target" in text:
        raise CompilerMissing(f"Triton {triton.__version__} can't compile here: {text}") from error


def _raise_if_ours(error: Exception, kills: int) -> None:
    """Raises `MachineFailed` if the assembler was killed from outside, or the disk is full.

    Args:
        error: What Triton raised.
        kills: `out_of_memory_kills` before.
    """
    ended = KILLED_ASSEMBLER.match(str(error).strip())
    if ended and killed_from_outside(int(ended[1]), kills):
        raise MachineFailed(
            f"ptxas was ended from outside (signal {ended[1]}); nothing is said about the kernel"
        ) from error
    if (full := full_disk()) is not None:
        raise full from error


def _failure(complaint: Complaint) -> CompileFailure:
    return CompileFailure(Outcome.COMPILE_ERROR, complaint.message, complaint.line, complaint.hint)


def _check_resources(target: Target, registers: int, shared: int, threads: int, tensor_memory: int) -> None:
    """Raises `CompileFailure` if one block needs more than a multiprocessor has."""
    wants = [
        (
            shared,
            target.shared_per_block,
            "bytes of shared memory per block",
            "Use smaller blocks or fewer num_stages.",
        ),
        (threads, target.threads_per_block, "threads per block", "Use fewer num_warps."),
        (
            registers * threads,
            target.registers_per_multiprocessor,
            "registers per block",
            "Use smaller blocks, fewer num_warps, or set maxnreg.",
        ),
        (tensor_memory, MAX_TENSOR_MEMORY, "columns of tensor memory", "Use smaller blocks or fewer num_stages."),
    ]
    for want, limit, what, hint in wants:
        if want > limit:
            message = f"The kernel needs {want} {what}; {target.title} has {limit}."
            raise CompileFailure(Outcome.LAUNCH_ERROR, message, hint=hint)


@contextlib.contextmanager
def _files_in(folder: str) -> Iterator[None]:
    """Makes `tempfile` put its files into `folder`: Triton leaves the PTX behind when ptxas refuses it."""
    before = tempfile.tempdir
    tempfile.tempdir = folder
    try:
        yield
    finally:
        tempfile.tempdir = before


@contextlib.contextmanager
def _quiet(output: Path) -> Iterator[None]:
    """Sends everything written to standard output and error, by Python, C++ or child processes, to `output`."""
    python = io.StringIO()
    saved = os.dup(1), os.dup(2)
    try:
        with output.open("wb") as file:
            os.dup2(file.fileno(), 1)
            os.dup2(file.fileno(), 2)
        with (
            contextlib.redirect_stdout(python),
            contextlib.redirect_stderr(python),
            warnings.catch_warnings(action="ignore"),
        ):
            yield
    finally:
        for number, copy in zip((1, 2), saved, strict=True):
            os.dup2(copy, number)
            os.close(copy)
        with output.open("a", encoding="utf-8") as file:
            file.write(python.getvalue())
