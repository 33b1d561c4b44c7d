"""Orders as they may be sent, for the documentation."""

from typing import Any, Final

EXAMPLES: Final[dict[str, Any]] = {
    "a problem of the server's": {
        "value": {
            "kind": "evaluate",
            "problem": {"id": "core/softmax"},
            "submission": {"source": "import triton\n...\nclass ModelNew(nn.Module): ..."},
            "config": {"target": "h200"},
        }
    },
    "shapes of a problem": {
        "value": {"kind": "describe", "problem": {"id": "core/softmax"}, "priority": "interactive"}
    },
}
"""By what they ask for."""
