"""``tt.extern_elementwise``: a function of the vendor's library of device functions, by symbol."""

from torch import Tensor

from sandboxes.ttir.engine.plan import Step
from sandboxes.ttir.errors import UnsupportedOperation
from sandboxes.ttir.operations import libdevice, ocml

SYMBOLS = {**libdevice.SYMBOLS, **ocml.SYMBOLS}


def extern_elementwise(step: Step, *operands: Tensor) -> Tensor:
    """Calls a function by its symbol."""
    symbol = str(step.operation.attributes.get("symbol", ""))
    function = SYMBOLS.get(symbol)
    if function is None:
        raise UnsupportedOperation(f"tt.extern_elementwise {symbol}", step.operation.location)
    result = function(*operands)
    return result if step.dtype is None or result.dtype == step.dtype else result.to(step.dtype)


DENSE = {"tt.extern_elementwise": extern_elementwise}
