"""Everything that policies itself raises.

PoliciesError              (KernelGymError)  so that commands show it as one line
├── UnknownPolicy          (LookupError)     no policy has this name
├── PolicyUnavailable      (ImportError)     a policy that is installed but can't be loaded
└── BookUnusable           (ValueError)      a file of a curriculum that can't be read, believed or written
"""

from collections.abc import Iterable

from kernelgym.errors import KernelGymError, did_you_mean


class PoliciesError(KernelGymError):
    """Root of all errors of this package."""


class UnknownPolicy(PoliciesError, LookupError):
    """No policy is registered or installed under this name."""

    def __init__(self, name: str, known: Iterable[str] = ()) -> None:
        """Args:
        name: What was asked for.
        known: All names; the closest is suggested.
        """  # fmt: skip
        self.name = name
        self.known = tuple(known)
        super().__init__(name, self.known)

    def __str__(self) -> str:
        remedy = did_you_mean(self.name, self.known) or f"there are: {', '.join(self.known)}"
        return f"no policy is called `{self.name}`; {remedy}"


class PolicyUnavailable(PoliciesError, ImportError):
    """A policy that is installed can't be loaded; the message says why."""


class BookUnusable(PoliciesError, ValueError):
    """A file with a book of difficulties or a sampler can't be read, believed or written; the message says why."""
