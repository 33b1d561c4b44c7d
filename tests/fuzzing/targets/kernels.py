"""TTIR text: parsed, and everything that is derived from it without running it."""

from rewards.hacks.provenance import makers
from sandboxes.compilation import CompileFailure, _check_text
from sandboxes.ttir import TTIRError, accesses, depends_on_order, made_up_pointer
from sandboxes.ttir.engine.execution import prepared
from sandboxes.ttir.syntax.parser import parse
from tests.fuzzing.decisions import decided_by
from tests.fuzzing.kernels import kernel_text
from tests.fuzzing.target import Target


def read(text: str) -> None:
    """Reads a kernel's text as verification and planning do."""
    try:
        module = parse.__wrapped__(text)
        accesses(module)
        made_up_pointer(module)
        depends_on_order(module)
        makers(module)
        prepared(module)
        _check_text(text)
    except (TTIRError, CompileFailure) as error:
        str(error)


def make(data: bytes) -> str:
    """A changed fixture, a generated kernel or plain text."""
    return kernel_text(decided_by(data), data)


KERNELS = Target(
    name="ttir",
    about="TTIR text: parser, dataflow, plan",
    make=make,
    read=read,
    seconds=0.5,
    seconds_per_mib=20.0,
)
