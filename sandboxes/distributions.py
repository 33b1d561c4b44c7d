"""How the values of inputs are varied, and which inputs may be.

A candidate must be right for all values that make sense, not only for those that `get_inputs` happens to draw. What
makes sense is read off the source: a plain draw of random numbers may be scaled and change its sign; a probability, a
mask, an index or anything else that was made on purpose keeps its domain and is only drawn anew.
"""

import ast
from collections.abc import Sequence
from enum import StrEnum
from typing import Any, Final

import torch


class Distribution(StrEnum):
    """How the values of floating-point inputs are changed after `get_inputs`; integers stay."""

    UNIT = "x1"
    LARGE = "x3"
    SMALL = "x0.01"
    NEGATIVE = "negative"
    """No element is above zero."""
    POSITIVE = "positive"
    """No element is below zero."""
    OUTLIERS = "outliers"
    """One element in 64 is sixteen times as large."""
    UNEVEN = "uneven"
    """Each element has a factor of its own, from a half to eight (two, if its sign must stay), so that a few weigh as
    much as all others: what is read says nothing of what is not."""
    HUGE = "x100"
    """Where exponentials overflow; only for references that stay accurate there."""
    VAST = "x131072"
    """Where float16 overflows; only for references that are not used under `HUGE`, and whose outputs it only scales."""
    PEAKS = "peaks"
    """One element in 64 is a hundred times as large: the others say nothing of it. In the place of `OUTLIERS`, for
    references that stay accurate there."""
    TIES = "ties"
    """Nothing but -1, 0 and 1; only for references that ask for it: which of equal elements counts is often left open.
    """


SIZES: Final = frozenset({Distribution.SMALL, Distribution.HUGE, Distribution.VAST, Distribution.PEAKS})
"""Distributions that find what a program leaves out because of the size of its values."""


class Domain(StrEnum):
    """Which values an input may have."""

    ANY = "any"
    """A plain draw: may be scaled, and change its sign."""
    POSITIVE = "positive"
    """May be scaled, but not change its sign."""
    FIXED = "fixed"
    """Made on purpose (probabilities, masks, signs, sorted values): only drawn anew."""


def redistribute(
    inputs: Sequence[Any], distribution: Distribution, domains: Sequence[Domain], generator: torch.Generator
) -> None:
    """Changes the values of inputs where they are, also in tuples and lists; only floating-point tensors change.

    Memory that several inputs share changes once. A tensor whose elements share memory (`expand`) stays as it is.
    """
    changed: set[int] = set()

    def visit(value: Any, domain: Domain) -> None:
        if isinstance(value, (tuple, list)):
            for item in value:
                visit(item, domain)
        elif isinstance(value, torch.Tensor) and value.is_floating_point():
            memory = value.untyped_storage().data_ptr()
            if memory not in changed and torch._debug_has_internal_overlap(value) == 0:
                changed.add(memory)
                _change(value.detach(), distribution, domain, generator)

    for item, domain in zip(inputs, domains, strict=True):
        if domain is not Domain.FIXED:
            visit(item, domain)


def _change(value: torch.Tensor, distribution: Distribution, domain: Domain, generator: torch.Generator) -> None:
    match distribution:
        case Distribution.LARGE:
            value.mul_(3)
        case Distribution.SMALL:
            value.mul_(0.01)
        case Distribution.HUGE:
            value.mul_(100)
        case Distribution.VAST:
            value.mul_(2**17)
        case Distribution.NEGATIVE if domain is Domain.ANY:
            value.abs_().neg_()
        case Distribution.POSITIVE if domain is Domain.ANY:
            value.abs_()
        case Distribution.TIES if domain is Domain.ANY:
            value.round_().clamp_(-1, 1)
        case Distribution.OUTLIERS | Distribution.PEAKS:
            chosen = torch.rand(value.shape, generator=generator) < 1 / 64
            factor = 16.0 if distribution is Distribution.OUTLIERS else 100.0
            value.mul_(torch.where(chosen, factor, 1.0).to(value.dtype))
        case Distribution.UNEVEN:
            factors = (
                torch.rand(value.shape, generator=generator).rsqrt_().mul_(0.5).clamp_(max=LARGEST_FACTORS[domain])
            )
            value.mul_(factors.to(value.dtype))


LARGEST_FACTORS: Final = {Domain.ANY: 8.0, Domain.POSITIVE: 2.0}
"""Of uneven values; four times as many are above each half of it. What was moved away from zero keeps its size: many of
the ways to compute a variance are good only if it does."""

DRAWS: Final = frozenset({"rand", "randn", "rand_like", "randn_like", "normal", "normal_", "uniform_"})
"""Functions whose results are plain draws."""

KEEPING: Final = frozenset(
    {
        "to", "float", "double", "half", "bfloat16", "type", "cuda", "cpu", "contiguous", "clone", "detach", "view",
        "reshape", "permute", "transpose", "t", "unsqueeze", "squeeze", "expand", "flatten", "requires_grad_",
        "movedim", "swapaxes", "triu", "tril", "mul", "mul_", "div", "cat", "stack", "chunk", "split",
    }
)  # fmt: skip
"""Functions and methods that leave the domain of their first argument as it is."""

POSITIVE: Final = frozenset({"abs", "abs_", "exp", "exp_", "square", "relu", "softplus"})
"""Functions and methods whose results are not negative, and may be scaled."""


def input_domains(source: str, count: int) -> tuple[Domain, ...]:
    """Returns the domain of each of the `count` inputs that `get_inputs` returns.

    What can't be read off the source is `FIXED`, so that no input leaves its domain.
    """
    function = next(
        (item for item in ast.parse(source).body if isinstance(item, ast.FunctionDef) and item.name == "get_inputs"),
        None,
    )
    unknown = (Domain.FIXED,) * count
    if function is None:
        return unknown
    known: dict[str, Domain] = {}
    found = unknown
    for statement in function.body:
        match statement:
            case (
                ast.Assign(targets=[ast.Name(id=name)], value=value)
                | ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value)
            ):
                known[name] = _domain(value, known)
            case ast.Assign(targets=[ast.Tuple(elts=targets)], value=value):
                domain = _domain(value, known)
                known |= {target.id: domain for target in targets if isinstance(target, ast.Name)}
            case ast.Return(value=ast.List(elts=items) | ast.Tuple(elts=items)) if len(items) == count:
                found = tuple(_domain(item, known) for item in items)
            case ast.Expr(value=ast.Constant()):
                pass
            case _:
                return unknown  # branches, loops, changes in place: not straight-line code
    return found


def _domain(node: ast.expr, known: dict[str, Domain]) -> Domain:
    match node:
        case ast.Name(id=name):
            return known.get(name, Domain.FIXED)
        case ast.Attribute(value=value, attr="T" | "mT"):
            return _domain(value, known)
        case ast.Subscript(value=value):
            return _domain(value, known)
        case ast.BinOp(left=left, op=ast.Mult(), right=right):
            return _product(left, right, known)
        case ast.BinOp(left=left, op=ast.Div(), right=ast.Constant()):
            return _domain(left, known)
        case ast.BinOp(left=left, op=ast.Add(), right=ast.Constant()) if _domain(left, known) is not Domain.FIXED:
            return Domain.POSITIVE  # moved away from zero, perhaps on purpose
        case ast.Call(func=ast.Attribute(attr=name) | ast.Name(id=name)):
            return _called(name, _first_argument(node), known)
    return Domain.FIXED


def _product(left: ast.expr, right: ast.expr, known: dict[str, Domain]) -> Domain:
    """Of two draws, or of a draw and a number: the weaker domain."""
    sides = [_domain(side, known) for side in (left, right) if not _is_number(side)]
    if not sides or Domain.FIXED in sides:
        return Domain.FIXED
    return Domain.POSITIVE if Domain.POSITIVE in sides else Domain.ANY


def _is_number(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) or (isinstance(node, ast.UnaryOp) and isinstance(node.operand, ast.Constant))


def _called(name: str, first: ast.expr | None, known: dict[str, Domain]) -> Domain:
    if name in DRAWS:
        return Domain.ANY
    if first is None:
        return Domain.FIXED
    inner = _domain(first, known)
    if name in POSITIVE and inner is not Domain.FIXED:
        return Domain.POSITIVE
    return inner if name in KEEPING else Domain.FIXED


def _first_argument(call: ast.Call) -> ast.expr | None:
    """Returns what a function is applied to: the object of a method, or the first argument of `torch.f(x)`."""
    function = call.func
    if isinstance(function, ast.Attribute) and not _is_torch(function.value):
        return function.value
    return call.args[0] if call.args else None


def _is_torch(node: ast.expr) -> bool:
    return (isinstance(node, ast.Name) and node.id in {"torch", "F", "nn"}) or (
        isinstance(node, ast.Attribute) and _is_torch(node.value)
    )
