"""Format values and calls for students: a call can be pasted into a cell and run."""

import inspect
import json
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from adaptlab.grading.codec import Other, encode

LONGEST = 1500  # characters of a call; a longer call shows the shapes of its arguments


class Words(str):
    """Python code or a description that feedback shows without quotes."""


def size(args: Sequence[Any]) -> int:
    """Return the size of the arguments of a call, as the length of their JSON."""
    return len(json.dumps(encode(list(args))))


def call_text(function_name: str, function: Callable, args: Sequence[Any]) -> str:
    """Format a call as Python, with the argument names of `function`.

    If the answer is a class or is called in steps, no single call shows it. Then only the arguments
    are shown.
    """
    names = parameters(function)
    named = [f"{name}=" for name in names] if len(names) == len(args) else [""] * len(args)
    for write in (literal, describe):
        given = ", ".join(f"{name}{write(arg)}" for name, arg in zip(named, args))
        if len(given) <= LONGEST:
            break
    return f"{function_name}({given})" if len(names) == len(args) else f"given: {given}"


def parameters(function: Callable) -> list[str]:
    """Return the names of a function's positional parameters; an empty list for a class."""
    if inspect.isclass(function):
        return []
    plain = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    parameters = inspect.signature(function).parameters.values()
    return [one.name for one in parameters if one.kind in plain]


def literal(value: Any) -> str:
    """Return Python code that makes a value."""
    if isinstance(value, Words):
        return str(value)
    if isinstance(value, list | tuple):
        inner = ", ".join(map(literal, value))
        return f"[{inner}]" if isinstance(value, list) else f"({inner}{',' * (len(value) == 1)})"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{literal(key)}: {literal(item)}' for key, item in value.items())}}}"
    if isinstance(value, float) and not math.isfinite(value):
        return f"float('{value}')"
    if hasattr(value, "tolist"):
        return _array(value)
    return repr(value)


def _array(value: Any) -> str:
    """Return Python code for an array or tensor. It names the dtype where Python would choose
    another.
    """
    module = type(value).__module__.split(".")[0]
    if value.shape == () and module == "numpy":
        return literal(value.item())
    kind = str(value.dtype).removeprefix("torch.")
    usual = ("bool", "int64", "float32" if module == "torch" else "float64")
    library, maker = ("torch", "tensor") if module == "torch" else ("np", "array")
    named = f", dtype={library}.{kind}" if kind not in usual else ""
    if 0 in value.shape:
        return f"{library}.zeros({tuple(value.shape)}{named})"
    return f"{library}.{maker}({literal(_numbers(value, kind))}{named})"


def _numbers(value: Any, kind: str) -> Any:
    """Return the numbers of an array as lists; float32 values with their shortest exact digits."""
    if kind != "float32":
        return value.tolist()
    if value.ndim == 0:
        return float(str(np.float32(value.item())))
    return [_numbers(part, kind) for part in value]


def describe(value: Any) -> str:
    """Describe a value briefly: an array by its shape, others by their repr, cut if too long."""
    if isinstance(value, Other):
        return f"a {value.type}"
    if isinstance(value, Words):
        return str(value)
    if hasattr(value, "shape") and value.shape != ():
        return f"an array of shape {tuple(value.shape)}"
    if isinstance(value, float):
        return f"{value:.6g}"
    text = repr(value)
    return text if len(text) <= 160 else f"{text[:150]} …"
