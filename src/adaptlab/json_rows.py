"""The rows of a JSON file with their places.

Supported are JSONL, a JSON list, pretty-printed objects, and a list inside one object.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from adaptlab.files import read_text

Row = tuple[str, Any]  # the place of a row, and the parsed row or its Fault
_DECODER = json.JSONDecoder()


class Fault(ValueError):
    """The reason why one row cannot be used for training."""


def json_rows(path: Path) -> list[Row]:
    """Yield the lines of a JSONL file, the entries of a JSON list, or the objects of a
    pretty-printed file.
    """
    text = read_text(Path(path)).removeprefix("\ufeff")
    if text.lstrip().startswith("["):
        whole = _parsed(text)
        return [("the list", whole)] if isinstance(whole, Fault) else _entries("entry", whole)
    lines = list(_lines(text))
    is_jsonl = not lines or not isinstance(lines[0][1], Fault)
    return lines if is_jsonl else _objects(text) or lines


def unwrapped(rows: list[Row], keys: set[str]) -> tuple[list[Row], dict]:
    """Split a file that is one object around its rows, as {"data": [...]}, into (rows, other keys).

    `keys` are the keys of a row; an object with one of them is a row itself.
    """
    if len(rows) != 1 or not isinstance(rows[0][1], dict) or keys & rows[0][1].keys():
        return rows, {}
    wrapper = rows[0][1]
    lists = [key for key, value in wrapper.items() if _is_list_of_objects(value)]
    if len(lists) != 1:
        return rows, {}
    others = {key: value for key, value in wrapper.items() if key != lists[0]}
    return _entries(f'"{lists[0]}", entry', wrapper[lists[0]]), others


def _is_list_of_objects(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(row, dict) for row in value)


def _entries(name: str, rows: list) -> list[Row]:
    return [(f"{name} {number}", row) for number, row in enumerate(rows, 1)]


def _lines(text: str) -> Iterator[Row]:
    # Not splitlines, which also cuts at characters that JSON allows inside a text.
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            yield f"line {number}", _parsed(line)


def _objects(text: str) -> list[Row]:
    """The objects of a pretty-printed text up to the first fault; none if the first is broken."""
    rows: list = []
    position = _next(text, 0)
    line = 1 + text[: _next(text, 0)].count("\n")
    while position < len(text):
        try:
            _, end = _DECODER.raw_decode(text, position)
        except json.JSONDecodeError as error:
            return (
                [*rows, (f"line {error.lineno}", Fault(f"not JSON ({error.msg})"))] if rows else []
            )
        except (ValueError, RecursionError):
            return [*rows, (f"line {line}", _parsed(text[position:]))] if rows else []
        rows.append((f"line {line}", _parsed(text[position:end])))
        end = _next(text, end)
        line += text.count("\n", position, end)
        position = end
    return rows


def _next(text: str, position: int) -> int:
    """The position of the next character that is not a space."""
    while position < len(text) and text[position] in " \t\r\n":
        position += 1
    return position


def _once(pairs: list[tuple[str, object]]) -> dict:
    """Build an object whose keys all differ: JSON's reader would keep the last of two."""
    if twice := [key for i, (key, _) in enumerate(pairs) if key in dict(pairs[:i])]:
        raise Fault(f'"{twice[0]}" occurs twice in one object')
    return dict(pairs)


def _parsed(text: str) -> Any:
    """Parse JSON, or return the Fault with the reason."""
    try:
        return json.loads(text, object_pairs_hook=_once)
    except Fault as fault:
        return fault
    except json.JSONDecodeError as error:
        return Fault(
            f"not JSON ({error.msg}{f' in line {error.lineno}' if error.lineno > 1 else ''})"
        )
    except (ValueError, RecursionError):
        return Fault("not readable JSON (nested too deeply, or with a number that is too long)")
