"""Faults of our own infrastructure, and of the caller; never of the candidate.

What an untrusted submission does is data (`SandboxResult`, `Report.outcome`) and never an exception; what is
raised from here means that *we* failed, so the evaluation is retried or lost, and never scored as 0.

    SandboxesError
    ├── SandboxUnavailable (OSError)      a sandbox cannot be started on this machine
    ├── SandboxBroken (RuntimeError)      a sandbox that did start failed before untrusted code ran
    ├── BrokenBundle (RuntimeError)       what was traced elsewhere arrives damaged, or at the wrong place
    ├── MachineFailed (OSError)           no disk, no descriptors, no memory, or a process killed from outside
    ├── DetectorBroken (RuntimeError)     a rule of the gate that somebody else has added can't be used
    └── InvalidReference (ValueError)     the caller's reference raises or lacks something
        └── AnswerKnown                   what it computes is known before it is computed

To add one: subclass `SandboxesError` and the nearest stdlib type, take the whole message as the only positional
argument (that keeps it picklable), name the thing, the value and the remedy in it, and draw it in the tree above.
"""

__all__ = [
    "AnswerKnown",
    "BrokenBundle",
    "DetectorBroken",
    "InvalidReference",
    "MachineFailed",
    "SandboxBroken",
    "SandboxUnavailable",
    "SandboxesError",
]


class SandboxesError(Exception):
    """Root of everything `sandboxes` raises on purpose."""


class SandboxUnavailable(SandboxesError, OSError):
    """This machine cannot start the sandbox; the message says what to install or allow."""


class SandboxBroken(SandboxesError, RuntimeError):
    """A running sandbox failed for a reason that is not the submission's; the request may be retried."""


class BrokenBundle(SandboxesError, RuntimeError):
    """What another process has traced can't be taken up: the way it came lost, damaged or mixed up something."""


class MachineFailed(SandboxesError, OSError):
    """The machine lacks something that a trusted stage needs, or somebody ended one of its processes."""


class DetectorBroken(SandboxesError, RuntimeError):
    """A detector from another package can't be loaded, or raised; the message names it and whose it is."""


class InvalidReference(SandboxesError, ValueError):
    """The problem's own code can't be used: bad input of the caller, not the candidate's fault."""


class AnswerKnown(InvalidReference):
    """The problem gives its answer away: a program that computes nothing would be right."""
