"""The data format between the sandbox and the judge: JSON of numbers, text, lists, sets, mappings
and arrays. Neither side ever unpickles anything.
"""

import base64
import json
import math
import sys
from dataclasses import dataclass
from decimal import Decimal
from numbers import Real
from typing import Any

import numpy as np

DTYPES = {"bool", "int8", "uint8", "int16", "int32", "int64", "float16", "float32", "float64"}
ENDLESS = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}
MAX_DEPTH = 50


class NotPlain(Exception):
    """The received data does not have this format; the message says why."""


@dataclass(frozen=True)
class Other:
    """A value that cannot be encoded as data; only the name of its type is kept."""

    type: str


@dataclass(frozen=True)
class Raised:
    """A call that raised an exception: the names of its class and base classes, and its message."""

    kinds: tuple[str, ...]
    message: str = ""

    @classmethod
    def of(cls, error: BaseException) -> "Raised":
        try:
            message = str(error)
        except Exception:  # __str__ of the exception may be student code
            message = ""
        return cls(tuple(kind.__name__ for kind in type(error).__mro__[:-1]), message[:500])


def bounded(number: int) -> int | float:
    """Return an integer; infinity for one too large for a float, which cannot be used in
    calculations.
    """
    if number.bit_length() < sys.float_info.max_exp:
        return number
    return math.inf if number > 0 else -math.inf


def _as_float(number: Decimal | Real) -> float | Other:
    """Convert a fraction or decimal number to a float, if possible."""
    try:
        return float(number)
    except (ArithmeticError, ValueError, TypeError):
        return Other(type(number).__name__)


def encode(value: Any, depth: int = 0) -> Any:
    """Encode a value as JSON data.

    Tuples become lists. Subclasses of numbers and text become the plain type. Other objects become
    the name of their type.
    """
    if depth > MAX_DEPTH:
        return {"other": "value that is nested too deeply"}
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return str.__str__(value).encode("utf-8", "replace").decode()
    if isinstance(value, np.generic):
        return encode(value.item(), depth)
    if isinstance(value, int):
        number = bounded(int.__int__(value))
        return number if isinstance(number, int) else {"float": str(number)}
    if isinstance(value, Decimal | Real) and not isinstance(value, float):
        return encode(_as_float(value), depth)
    if isinstance(value, float):
        number = float.__float__(value)
        return number if math.isfinite(number) else {"float": str(number)}
    if isinstance(value, list | tuple):
        return [encode(item, depth + 1) for item in value]
    if isinstance(value, dict):
        return {
            "map": [
                [encode(key, depth + 1), encode(item, depth + 1)] for key, item in value.items()
            ]
        }
    if isinstance(value, set | frozenset):
        return {"set": [encode(item, depth + 1) for item in value]}
    if isinstance(value, np.ndarray) and value.dtype.name in DTYPES:
        return _encode_array(value, "numpy")
    if type(value).__module__.split(".")[0] == "torch" and hasattr(value, "detach"):
        tensor = value.detach().cpu()
        return _encode_array(
            (
                tensor.float() if tensor.dtype.is_floating_point and tensor.itemsize < 4 else tensor
            ).numpy(),
            "torch",
        )
    if isinstance(value, Other):
        return {"other": value.type}
    if isinstance(value, Raised):
        return {"raised": [list(value.kinds), encode(value.message)]}
    return {"other": type(value).__name__}


def _encode_array(array: np.ndarray, kind: str) -> dict:
    content = base64.b64encode(np.ascontiguousarray(array).tobytes()).decode()
    return {"array": content, "dtype": array.dtype.name, "shape": list(array.shape), "kind": kind}


def decode(data: Any, tensors: bool = False, depth: int = 0) -> Any:
    """Decode what `encode` made. Tensors become torch tensors if `tensors` is set, else NumPy
    arrays.

    Raises:
        NotPlain: if the data does not have the expected form.
    """
    if depth > MAX_DEPTH + 1:  # encode replaces too deep values one level deeper
        raise NotPlain("it is nested too deeply")
    if isinstance(data, str):
        return data.encode("utf-8", "replace").decode()  # JSON can hold lone surrogates
    if isinstance(data, int) and not isinstance(data, bool):
        return bounded(data)
    if data is None or isinstance(data, bool | float):
        return data
    if isinstance(data, list):
        return [decode(item, tensors, depth + 1) for item in data]
    if not isinstance(data, dict):
        raise NotPlain(f"it has a {type(data).__name__}")
    try:
        return _decode_tagged(data, tensors, depth)
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise NotPlain("a value has the wrong form") from error


def _decode_tagged(data: dict, tensors: bool, depth: int) -> Any:
    match data:
        case {"float": str(name)}:
            return ENDLESS[name]
        case {"map": list(pairs)}:
            return {
                decode(key, tensors, depth + 1): decode(item, tensors, depth + 1)
                for key, item in pairs
            }
        case {"set": list(items)}:
            return {decode(item, tensors, depth + 1) for item in items}
        case {"raised": [list(kinds), str(message)]}:
            return Raised(tuple(str(kind) for kind in kinds), message)
        case {"other": str(name)}:
            return Other(name[:100])
        case {
            "array": str(content),
            "dtype": str(dtype),
            "shape": list(shape),
            "kind": str(kind),
        } if dtype in DTYPES:
            # frombuffer and reshape raise on a mismatch: memory use depends on the received bytes,
            # not on the claimed shape.
            array = (
                np.frombuffer(base64.b64decode(content, validate=True), dtype=dtype)
                .reshape(shape)
                .copy()
            )
            if tensors and kind == "torch":
                import torch

                return torch.from_numpy(array)
            return array
    raise NotPlain("a value has the wrong form")


def plain(answer: bytes) -> Any:
    """Decode a value as the sandbox sent it.

    Raises:
        NotPlain: if it does not have the expected form.
    """
    try:
        return decode(json.loads(answer)["value"])
    except (ValueError, RecursionError, LookupError, TypeError) as error:
        raise NotPlain("it is not JSON of the expected form") from error
