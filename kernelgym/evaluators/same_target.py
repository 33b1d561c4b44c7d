"""A target is a name for numbers, and whoever asks has to mean the same numbers as whoever answers.

The package's own are equal wherever its versions are. Those of a user's files need not be: a worker may have an older
file, or none. Its prices would be of another GPU, so it refuses.
"""

from kernelgym.errors import KernelGymError
from kernelgym.evaluators.messages import Job
from sandboxes.hardware.targets import VARIABLE, digest_of, get_target


class OtherTarget(KernelGymError, ValueError):
    """The target that a job names is another GPU here than where the job was made."""


def check_same_target(job: Job) -> None:
    """Checks that a job's target is here what it is where the job was made.

    Raises:
        UnknownTarget: No target here has its name.
        OtherTarget: Its numbers are others.
    """
    name = job.config.target
    here = digest_of(get_target(name))
    if job.target_digest != here:
        there = f"other numbers ({job.target_digest})" if job.target_digest else "no meaning"
        raise OtherTarget(
            f"the target `{name}` has {there} where it was asked for, and others ({here}) where it is evaluated: give "
            f"both the same {VARIABLE} files, and start them again"
        )
