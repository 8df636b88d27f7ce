"""Build a function with two mistakes, from the correct function and two functions with one mistake
each.

The changes of each wrong function relative to the correct one are merged, in the way that version
control merges two branches. If both change the same code, there is no result. All functions are the
exercise's own; no student code runs here.
"""

import ast
import inspect
import textwrap
import warnings
from collections.abc import Callable
from typing import Any


class Conflict(Exception):
    """Both functions change the same code."""


def combined(right: Callable, one: Callable, other: Callable) -> Callable | None:
    """Return a function with both changes; None if they conflict or the code is not available."""
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
    """Parse a function, without what does not affect its result: name, decorators and docstring."""
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
    """Merge both changes into a piece of code."""
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
    """Merge lists item by item; items that only one of the two adds, such as an argument, come
    last.
    """
    lengths = (len(base), len(ours), len(theirs))
    if min(lengths) < len(base) or (len(ours) > len(base) and len(theirs) > len(base)):
        names = [getattr(item, "arg", None) for item in (*ours, *theirs)]
        if not all(names) or len(set(names)) < len(names):
            raise Conflict
        return [*ours, *theirs]  # keywords that each adds
    more = max(ours, theirs, key=len)[len(base) :]
    return [*(_merged(*pieces) for pieces in zip(base, ours, theirs)), *more]


def _wrapped(base: Any, ours: Any, theirs: Any) -> Any:
    """If one change wraps the original code in a larger expression, apply the other change inside
    it.
    """
    for outer, inner in ((ours, theirs), (theirs, ours)):
        if isinstance(outer, ast.AST) and isinstance(base, ast.expr):
            replace = _Replace(base, inner)
            made = replace.visit(outer)
            if replace.n == 1:
                return made
    raise Conflict


class _Replace(ast.NodeTransformer):
    """Replaces a piece of code by another, and counts the replacements."""

    def __init__(self, piece: ast.AST, by: Any):
        self.text = ast.dump(piece)
        self.by = by
        self.n = 0

    def visit(self, node: ast.AST) -> ast.AST:
        if ast.dump(node) == self.text:
            self.n += 1
            return self.by
        return self.generic_visit(node)
