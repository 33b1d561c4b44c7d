"""The memory sanitizer: races between programs, reads of memory that nobody wrote, descriptors that TMA refuses."""

from sandboxes.ttir.sanitizer.unwritten import Unwritten
from sandboxes.ttir.sanitizer.watch import Watch

__all__ = ["Unwritten", "Watch"]
