"""Compiles a candidate so that what its own code does with numbers from tensors can be recorded.

Only calls of a few functions by name and operators whose left side may be a float are changed, each for one that does
the same to everything else (see `reading`). Lines stay. Triton reads kernels from the file, so it does not see this.
"""

import ast
from types import ModuleType
from typing import Any, Final

from sandboxes.tracing.reading import MATH_NAMES, ROUTED_NAMES, operated, routed

ROUTED: Final = "__kernelgym_routed__"
OPERATED: Final = "__kernelgym_operated__"
"""What the functions of `reading` are called in the candidate's module."""

READERS: Final = MATH_NAMES | {"item", "tolist", "float", "int"}
"""Who calls none of these has no numbers from tensors."""

OPERATORS: Final[dict[type[ast.AST], str]] = {
    ast.Add: "add", ast.Sub: "sub", ast.Mult: "mul", ast.Div: "truediv", ast.FloorDiv: "floordiv", ast.Mod: "mod",
    ast.Pow: "pow", ast.Lt: "lt", ast.LtE: "le", ast.Gt: "gt", ast.GtE: "ge", ast.Eq: "eq", ast.NotEq: "ne",
}  # fmt: skip


def prepare(module: ModuleType) -> None:
    """Puts into a module what `reroute`d code calls."""
    setattr(module, ROUTED, routed)
    setattr(module, OPERATED, operated)


def reroute(source: Any, path: str) -> Any:
    """Compiles a candidate.

    Args:
        source: Text or bytes.
        path: Of the file.

    Returns:
        A code object.
    """
    try:
        tree = ast.parse(source, path)
        nodes = list(ast.walk(tree))
        if any(isinstance(node, ast.Call) and _called_name(node.func) in READERS for node in nodes):
            for node in reversed(nodes):  # what a node is made of before the node
                _rewrite(node)
        return compile(tree, path, "exec")
    except (RecursionError, MemoryError):  # a syntax tree in Python may be less deep than one in C
        return compile(source, path, "exec")


def _rewrite(parent: ast.AST) -> None:
    """Rewrites what is directly in a node, and whom it calls."""
    if isinstance(parent, ast.pattern):
        return  # constants by grammar
    for name, value in ast.iter_fields(parent):
        if isinstance(value, list):
            value[:] = [_rewritten(item) for item in value]
        elif isinstance(value, ast.AST):
            setattr(parent, name, _rewritten(value))
    if isinstance(parent, ast.Call) and _called_name(parent.func) in ROUTED_NAMES:
        parent.func = _call(ROUTED, [parent.func], parent.func)


def _rewritten(node: Any) -> Any:
    """Returns an operator as a call of `operated`, or the node itself."""
    if isinstance(node, ast.BinOp) and type(node.op) in OPERATORS:
        return _operation(node, OPERATORS[type(node.op)], node.left, node.right)
    if isinstance(node, ast.Compare) and len(node.ops) == 1 and type(node.ops[0]) in OPERATORS:
        return _operation(node, OPERATORS[type(node.ops[0])], node.left, node.comparators[0])
    if isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name) and type(node.op) in OPERATORS:
        before = ast.copy_location(ast.Name(node.target.id, ast.Load()), node.target)
        after = _operation(node, f"i{OPERATORS[type(node.op)]}", before, node.value)
        if after is not node:
            return ast.copy_location(ast.Assign([node.target], after), node)
    return node


def _operation(node: Any, name: str, left: ast.expr, right: ast.expr) -> Any:
    """Returns the call for `left` and `right`, or the node itself if they can't be a float and a placeholder."""
    if isinstance(right, ast.Constant) or (isinstance(left, ast.Constant) and not isinstance(left.value, float)):
        return node
    return _call(OPERATED, [ast.copy_location(ast.Constant(name), node), left, right], node)


def _call(name: str, arguments: list[ast.expr], at: ast.AST) -> ast.Call:
    function = ast.copy_location(ast.Name(name, ast.Load()), at)
    return ast.copy_location(ast.Call(function, arguments, []), at)


def _called_name(function: ast.expr) -> str | None:
    if isinstance(function, ast.Name):
        return function.id
    return function.attr if isinstance(function, ast.Attribute) else None
