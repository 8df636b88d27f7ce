"""A function with two mistakes, made of the right one and of two that have one mistake each.

What each wrong function changes in the right one's code is put into one, as version control merges
two branches. Where both change the same piece there is none. All of them are the exercise's own.
"""

import ast
import inspect
import textwrap
import warnings
from collections.abc import Callable
from typing import Any


class Conflict(Exception):
    """Both change the same piece of code."""


def combined(right: Callable, one: Callable, other: Callable) -> Callable | None:
    """The function with what both change; None where that cannot be told."""
    if not all(map(inspect.isfunction, (right, one, other))):
        return None
    try:
        base, ours, theirs = map(_parsed, (right, one, other))
        merged = _merged(base, ours, theirs)
    except (Conflict, OSError, SyntaxError, IndexError):
        return None
    names: dict[str, Any] = {}
    module = ast.fix_missing_locations(ast.Module([merged], []))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SyntaxWarning)
        exec(compile(module, "<two mistakes>", "exec"), right.__globals__, names)
    return names["answer"]


def _parsed(function: Callable) -> ast.FunctionDef:
    """A function's code without what does not compute: its name, its decorators, a docstring."""
    definition = ast.parse(textwrap.dedent(inspect.getsource(function))).body[0]
    if not isinstance(definition, ast.FunctionDef):
        raise Conflict
    definition.name = "answer"
    definition.decorator_list = []
    if ast.get_docstring(definition) is not None:
        definition.body.pop(0)
    return definition


def _same(one: Any, other: Any) -> bool:
    return type(one) is type(other) and _text(one) == _text(other)


def _text(piece: Any) -> str:
    if isinstance(piece, list):
        return str([_text(item) for item in piece])
    return ast.dump(piece) if isinstance(piece, ast.AST) else repr(piece)


def _merged(base: Any, ours: Any, theirs: Any) -> Any:
    """A piece of code with both changes."""
    if _same(base, ours) or _same(ours, theirs):
        return theirs
    if _same(base, theirs):
        return ours
    if isinstance(base, list) and isinstance(ours, list) and isinstance(theirs, list):
        return _merged_lists(base, ours, theirs)
    if isinstance(base, ast.AST) and type(base) is type(ours) is type(theirs):
        fields = {
            name: _merged(*(getattr(piece, name) for piece in (base, ours, theirs)))
            for name in base._fields
        }
        return type(base)(**fields)
    return _wrapped(base, ours, theirs)


def _merged_lists(base: list, ours: list, theirs: list) -> list:
    """Item by item; what one of the two has more, as an argument, stands at the end."""
    lengths = (len(base), len(ours), len(theirs))
    if min(lengths) < len(base) or (len(ours) > len(base) and len(theirs) > len(base)):
        names = [getattr(item, "arg", None) for item in (*ours, *theirs)]
        if not all(names) or len(set(names)) < len(names):
            raise Conflict
        return [*ours, *theirs]  # keywords that each adds
    more = max(ours, theirs, key=len)[len(base) :]
    return [*(_merged(*pieces) for pieces in zip(base, ours, theirs)), *more]


def _wrapped(base: Any, ours: Any, theirs: Any) -> Any:
    """Where one puts the right piece into a larger one, the other's change within that."""
    for outer, inner in ((ours, theirs), (theirs, ours)):
        if isinstance(outer, ast.AST) and isinstance(base, ast.expr):
            replace = _Replace(base, inner)
            made = replace.visit(outer)
            if replace.n == 1:
                return made
    raise Conflict


class _Replace(ast.NodeTransformer):
    """Puts a piece in place of another, and counts how often."""

    def __init__(self, piece: ast.AST, by: Any):
        self.text = ast.dump(piece)
        self.by = by
        self.n = 0

    def visit(self, node: ast.AST) -> ast.AST:
        if ast.dump(node) == self.text:
            self.n += 1
            return self.by
        return self.generic_visit(node)
