"""The integers of a reference that may be replaced, found and replaced in its syntax tree.

A knob is an integer that a problem's author wrote down: at module level (`N = 2048 * 2`, `height = width = 128`,
`input_shape = (256, 32)`) or inside `get_inputs` and `get_init_inputs`. The bodies of classes are never touched: the
model's arithmetic stays what it is. What is computed from other names follows by itself when the source is executed.
"""

import ast
import operator
from collections.abc import Callable, Mapping
from typing import Final

from sandboxes.errors import InvalidReference

INPUT_FUNCTIONS: Final = ("get_inputs", "get_init_inputs")
AXES: Final = frozenset({"dim", "dims", "axis", "diagonal", "low", "dtype"})
"""Keywords whose integers are no sizes."""
MAX_INTEGER: Final = 2**40

_ARITHMETIC: Final[dict[type[ast.operator], Callable[[int, int], int]]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.FloorDiv: operator.floordiv,
    ast.LShift: lambda a, b: a << min(b, 64),
    ast.Pow: lambda a, b: a ** min(b, 64) if abs(a) <= 1024 else MAX_INTEGER,
}


def find_knobs(source: str) -> dict[str, int]:
    """Returns the knobs of a reference and their values, in the order of the source.

    Names are `N` for a variable, `input_shape.0` for an element of a tuple or list, `get_inputs.rows` for the default
    of an argument, `get_inputs.1` for the second integer that is written in the body of that function.

    Raises:
        InvalidReference: The source is not Python.
    """
    return {name: value for name, (_, value) in _sites(_parse(source)).items()}


def replace_knobs(source: str, constants: Mapping[str, int]) -> ast.Module:
    """Returns the syntax tree of `source` with other integers, ready to be compiled.

    Raises:
        InvalidReference: The source is not Python, or has no knob of such a name.
    """
    tree = _parse(source)
    if not constants:
        return tree
    sites = _sites(tree)
    if unknown := [name for name in constants if name not in sites]:
        raise InvalidReference(
            f"there is no integer `{unknown[0]}` to replace; there are: {', '.join(sites) or 'none'}"
        )
    replacements = {id(sites[name][0]): value for name, value in constants.items()}
    _Replacement(replacements).visit(tree)
    return ast.fix_missing_locations(tree)


class _Replacement(ast.NodeTransformer):
    def __init__(self, values: Mapping[int, int]) -> None:
        self._values = values

    def visit(self, node: ast.AST) -> ast.AST:
        if id(node) in self._values:
            return ast.copy_location(ast.Constant(self._values[id(node)]), node)
        return self.generic_visit(node)


def _parse(source: str) -> ast.Module:
    try:
        return ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise InvalidReference(f"the reference is not Python: {error}") from None


def _sites(tree: ast.Module) -> dict[str, tuple[ast.expr, int]]:
    """Returns the expression and the value of each knob."""
    found: dict[str, tuple[ast.expr, int]] = {}
    for statement in tree.body:
        if isinstance(statement, ast.Assign | ast.AnnAssign) and statement.value is not None:
            targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
            _assigned(targets[0], statement.value, found)
        elif isinstance(statement, ast.FunctionDef) and statement.name in INPUT_FUNCTIONS:
            _defaults(statement, found)
            literals = [site for line in statement.body for site in _literals(line)]
            found.update({f"{statement.name}.{index}": site for index, site in enumerate(literals)})
    return found


def _defaults(function: ast.FunctionDef, found: dict[str, tuple[ast.expr, int]]) -> None:
    """Adds the integers that a function's arguments are by default, e.g. `get_inputs.rows`."""
    arguments = function.args
    positional = [*arguments.posonlyargs, *arguments.args]
    pairs = [*zip(reversed(positional), reversed(arguments.defaults), strict=False)][::-1]
    for argument, default in [*pairs, *zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)]:
        if default is not None:
            _named(f"{function.name}.{argument.arg}", default, found)


def _assigned(target: ast.expr, value: ast.expr, found: dict[str, tuple[ast.expr, int]]) -> None:
    """Adds the knobs of one assignment."""
    if isinstance(target, ast.Tuple | ast.List) and isinstance(value, ast.Tuple | ast.List):
        for inner, item in zip(target.elts, value.elts, strict=False):
            _assigned(inner, item, found)
    elif isinstance(target, ast.Name):
        _named(target.id, value, found)


def _named(name: str, value: ast.expr, found: dict[str, tuple[ast.expr, int]]) -> None:
    number = _folded(value)
    if number is not None:
        found[name] = (value, number)
    elif isinstance(value, ast.Tuple | ast.List):
        for index, item in enumerate(value.elts):
            _named(f"{name}.{index}", item, found)
    elif isinstance(value, ast.Dict):
        for key, item in zip(value.keys, value.values, strict=True):
            if isinstance(key, ast.Constant) and isinstance(key.value, str) and key.value.isidentifier():
                _named(f"{name}.{key.value}", item, found)


def _literals(node: ast.AST) -> list[tuple[ast.expr, int]]:
    """Returns the integers that are written below a node and may be sizes."""
    if isinstance(node, ast.expr) and (value := _folded(node)) is not None:
        return [(node, value)]
    below: list[tuple[ast.expr, int]] = []
    if isinstance(node, ast.Compare):
        return below
    for child in ast.iter_child_nodes(node):
        if not (isinstance(child, ast.keyword) and child.arg in AXES):
            below += _literals(child)
    return below


def _folded(node: ast.expr) -> int | None:
    """Returns the value of an expression of written integers, or None for anything else."""
    if isinstance(node, ast.Constant):
        if not isinstance(node.value, int) or isinstance(node.value, bool) or abs(node.value) > MAX_INTEGER:
            return None
        return node.value
    if isinstance(node, ast.BinOp) and type(node.op) in _ARITHMETIC:
        left, right = _folded(node.left), _folded(node.right)
        if left is None or right is None or right < 0 or (isinstance(node.op, ast.FloorDiv) and right == 0):
            return None
        value = _ARITHMETIC[type(node.op)](left, right)
        return value if abs(value) <= MAX_INTEGER else None
    return None
