"""Mutants of a module: its text with one small mistake each.

Text, annotations and what stands in square brackets (types, mostly) stay as they are.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

COMPARE: Final[dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]]] = {
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
}
ARITHMETIC: Final[dict[type[ast.operator], type[ast.operator]]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.FloorDiv,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.BitOr: ast.BitAnd,
    ast.BitAnd: ast.BitOr,
}
SWAPPED: Final = {"min": "max", "max": "min", "any": "all", "all": "any"}
DROPPED: Final = (ast.AugAssign, ast.Delete, ast.Raise, ast.Break, ast.Continue)
DISPLAYS: Final = (ast.Tuple, ast.List, ast.Set)
Put = Callable[[ast.AST], None]


@dataclass(frozen=True, slots=True)
class Mutant:
    """`place` is the innermost definition around it; `was` and `now` are the lines that differ."""

    module: str
    place: str
    was: str
    now: str
    source: str

    @property
    def key(self) -> tuple[str, str, str]:
        """What tells it from the others, wherever in the file it stands."""
        return f"{self.module}.{self.place}", self.was, self.now


def mutants(module: str, text: str) -> list[Mutant]:
    """All of a module, each once."""
    tree = ast.parse(text)
    plain = ast.unparse(tree)
    made: dict[str, Mutant] = {}
    for place, source in _mutated(tree, tree, "module"):
        if source != plain and source not in made:
            made[source] = Mutant(module, place, *_difference(plain, source), source)
    return list(made.values())


def _difference(plain: str, source: str) -> tuple[str, str]:
    """The lines that are not the same, in one."""
    before, after = plain.splitlines(), source.splitlines()
    start = next(n for n, (a, b) in enumerate(zip(before, after, strict=False)) if a != b)
    end = -1
    while before[end] == after[end] and min(len(before), len(after)) + end > start:
        end -= 1
    was = before[start : len(before) + end + 1]
    now = after[start : len(after) + end + 1]
    return " ".join(line.strip() for line in was), " ".join(line.strip() for line in now)


def _mutated(tree: ast.Module, node: ast.AST, place: str) -> Iterator[tuple[str, str]]:
    for child, put in _places(node):
        inner = child.name if isinstance(child, ast.FunctionDef | ast.ClassDef) else place
        for other in _variants(child, place):
            put(other)
            yield inner, ast.unparse(ast.fix_missing_locations(tree))
            put(child)
        yield from _mutated(tree, child, inner)


def _places(node: ast.AST) -> Iterator[tuple[ast.AST, Put]]:
    for name, value in ast.iter_fields(node):
        if name in ("annotation", "returns", "bases") or (
            isinstance(node, ast.Subscript) and name == "slice"
        ):
            continue
        if isinstance(value, list):
            yield from ((c, partial(value.__setitem__, n)) for n, c in enumerate(value) if _is_node(c))
        elif _is_node(value):
            yield value, partial(setattr, node, name)


def _is_node(value: object) -> bool:
    return isinstance(value, ast.AST)


# ── the mistakes ───────────────────────────────────────────────────────────────────────────────────────
def _variants(node: ast.AST, place: str) -> Iterator[ast.AST]:
    make = MISTAKES.get(type(node))
    if make is not None:
        yield from make(node)
    if place == "module" and isinstance(node, (*DISPLAYS, ast.Dict)):
        yield from _shorter(node)
    if isinstance(node, DROPPED):
        yield ast.Pass()


def _changed(node: ast.AST, **fields: Any) -> Any:
    other = copy.copy(node)
    for name, value in fields.items():
        setattr(other, name, value)
    return other


def _without(items: list[Any], n: int) -> list[Any]:
    return [*items[:n], *items[n + 1 :]]


def _compared(node: ast.Compare) -> Iterator[ast.AST]:
    for n, operator in enumerate(node.ops):
        for other in COMPARE[type(operator)]:
            yield _changed(node, ops=[*node.ops[:n], other(), *node.ops[n + 1 :]])


def _combined(node: ast.BoolOp) -> Iterator[ast.AST]:
    yield _changed(node, op=ast.Or() if isinstance(node.op, ast.And) else ast.And())
    for n in range(len(node.values)):
        left = _without(node.values, n)
        yield left[0] if len(left) == 1 else _changed(node, values=left)


def _calculated(node: ast.BinOp) -> Iterator[ast.AST]:
    other = ARITHMETIC.get(type(node.op))
    if other is not None:
        yield _changed(node, op=other())


def _constant(node: ast.Constant) -> Iterator[ast.AST]:
    if isinstance(node.value, bool):
        yield ast.Constant(not node.value)
    elif isinstance(node.value, int | float):
        yield ast.Constant(node.value + 1)
        yield ast.Constant(node.value - 1)


def _called(node: ast.Call) -> Iterator[ast.AST]:
    if isinstance(node.func, ast.Name) and node.func.id in SWAPPED:
        yield _changed(node, func=ast.Name(SWAPPED[node.func.id], ast.Load()))


def _asked(node: ast.If | ast.IfExp | ast.While) -> Iterator[ast.AST]:
    yield _changed(node, test=ast.UnaryOp(ast.Not(), node.test))


def _returned(node: ast.Return) -> Iterator[ast.AST]:
    if node.value is not None and not (isinstance(node.value, ast.Constant) and node.value.value is None):
        yield ast.Return(ast.Constant(None))


def _said(node: ast.Expr) -> Iterator[ast.AST]:
    if not isinstance(node.value, ast.Constant):  # a docstring
        yield ast.Pass()


def _assigned(node: ast.Assign) -> Iterator[ast.AST]:
    if any(isinstance(target, ast.Attribute | ast.Subscript) for target in node.targets):
        yield ast.Pass()


def _shorter(node: Any) -> Iterator[ast.AST]:
    """Without one of its members."""
    if isinstance(node, ast.Dict):
        for n in range(len(node.keys)):
            yield _changed(node, keys=_without(node.keys, n), values=_without(node.values, n))
        return
    for n in range(len(node.elts)):
        yield _changed(node, elts=_without(node.elts, n))


def _sifted(node: ast.comprehension) -> Iterator[ast.AST]:
    for n in range(len(node.ifs)):
        yield _changed(node, ifs=_without(node.ifs, n))


MISTAKES: Final[dict[type[ast.AST], Callable[[Any], Iterator[ast.AST]]]] = {
    ast.Compare: _compared,
    ast.BoolOp: _combined,
    ast.UnaryOp: lambda node: iter((node.operand,)),
    ast.BinOp: _calculated,
    ast.Constant: _constant,
    ast.Call: _called,
    ast.If: _asked,
    ast.IfExp: _asked,
    ast.While: _asked,
    ast.Return: _returned,
    ast.Expr: _said,
    ast.Assign: _assigned,
    ast.comprehension: _sifted,
}
