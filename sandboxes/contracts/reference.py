"""What the candidate has to match, as text: the part of a problem that the judge needs."""

from hashlib import sha256
from typing import Annotated

from pydantic import Field

from sandboxes.contracts.base import Contract


class Reference(Contract):
    """A PyTorch module in KernelBench's form; trusted code.

    The source defines `class Model(nn.Module)`, `get_init_inputs()` and `get_inputs()`. It may add
    `CHECK_SHAPES = [dict(...), ...]`, keyword arguments for `get_inputs`, whose defaults then are the bench shape.
    Without `CHECK_SHAPES` the check cases are the same source with smaller integers: `check_constants`, or, where that
    is empty, whatever `sandboxes.scaling` finds.
    """

    id: Annotated[str, Field(min_length=1, max_length=500)]
    """Identifier of the problem, e.g. `core/softmax`."""
    source: Annotated[str, Field(max_length=1_000_000)]

    check_constants: Annotated[tuple[dict[str, int], ...], Field(max_length=16)] = ()
    """Integers of the source to replace, one check case each; see `sandboxes.scaling.knobs` for their names."""

    @property
    def digest(self) -> str:
        """SHA-256 of the source and of `check_constants`, hexadecimal."""
        constants = repr([sorted(item.items()) for item in self.check_constants]) if self.check_constants else ""
        return sha256((self.source + constants).encode("utf-8", errors="surrogatepass")).hexdigest()
