"""What one request may use: the budget every sandbox backend enforces on untrusted code."""

from dataclasses import dataclass, fields

__all__ = ["Limits"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Resources of one request; exceeding one ends the request, not the sandbox.

    Raises:
        ValueError: If a limit is not positive.
    """

    wall_time_s: float = 20.0
    """Seconds from the first line of the entry until everything the request started is killed."""
    cpu_time_s: float = 40.0
    """CPU seconds of one process (rounded up to whole seconds)."""
    memory_mib: int = 4096
    """Address space one process may map beyond what the warmed zygote has mapped already, and anonymous memory
    all processes of the request may hold together."""
    processes: int = 64
    """Processes and threads alive at once, where the kernel can count them for this request alone."""
    file_size_mib: int = 64
    """Size of one file, and of the private temporary file system where there is one (four times this)."""
    open_files: int = 256
    """File descriptors open at once in one process."""
    output_mib: int = 256
    """Answer bytes, and likewise stdout plus stderr bytes, before the request is stopped."""
    stderr_kib: int = 64
    """How much of the end of stdout plus stderr is kept."""

    def __post_init__(self) -> None:
        """Refuse limits under which nothing can run."""
        for field in fields(self):
            value = getattr(self, field.name)
            if value <= 0:
                raise ValueError(f"Limits.{field.name} must be positive, got {value!r}")
