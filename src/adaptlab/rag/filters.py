"""Filters: conditions on the data of a chunk, written as data: {"year": {"$gte": 2024}}.

The operators are those of MongoDB, which Chroma, Pinecone and LangChain use too. A filter is
evaluated here, on the chunks, and the index gets the ids that are left. So it means the same in
FAISS, Qdrant, pgvector and keyword search.
"""

from collections.abc import Callable, Iterable, Mapping
from operator import ge, gt, le, lt
from typing import Any

from adaptlab.errors import AdaptLabError
from adaptlab.rag.chunk import Chunk
from adaptlab.rag.document import OWN_NAMES, is_plain, plain

Test = Callable[[Chunk], bool]
Where = Test | Mapping[str, object]  # a function of a chunk, or a filter as data

_MISSING = object()


def as_test(where: Where) -> Test:
    """Return the function of a chunk for a filter; a function stays unchanged.

    A name is one of the chunk's own fields (source, title, section, date) or a key of its metadata,
    with dots for nested keys. {"team": "sales"} is short for {"team": {"$eq": "sales"}}; several
    names are combined with and. A list in the metadata meets a condition if one of its entries
    does. A missing value, or a value of another type, is equal to nothing, and neither above nor
    below anything.

    Raises:
        AdaptLabError: if it is not a function or a filter, or has an unknown operator or a wrong
            operand.
    """
    if isinstance(where, Mapping):
        return _all([_part(name, wanted) for name, wanted in where.items()])
    if not callable(where):
        kind = type(where).__name__
        problem = f"The filter is {kind}, not a function or a dict"
        raise AdaptLabError(
            f'{problem}. Give a function of a chunk, or a dict such as {{"team": "sales"}}.'
        )
    return where


def _all(tests: Iterable[Test]) -> Test:
    parts = list(tests)
    return lambda chunk: all(part(chunk) for part in parts)


def _part(name: object, wanted: object) -> Test:
    """Return one entry of a filter: combined filters, or conditions on a name."""
    if name in ("$and", "$or", "$nor"):
        return _group(str(name), wanted)
    if not isinstance(name, str) or name.startswith("$"):
        known = "$and, $or, $nor"
        raise AdaptLabError(
            f"{name!r} is not an operator of a filter. Give a name, or one of {known}."
        )
    if not isinstance(wanted, Mapping):
        return _condition(name, "$eq", wanted)
    if not wanted:
        raise AdaptLabError(
            f'The filter on {name!r} is empty. Give a condition such as {{"$eq": 1}}.'
        )
    return _all([_condition(name, operator, operand) for operator, operand in wanted.items()])


def _group(operator: str, wanted: object) -> Test:
    if not isinstance(wanted, list | tuple) or not wanted:
        raise AdaptLabError(
            f"{operator} of a filter is not a list of filters. Give a list of at least one filter."
        )
    parts = [as_test(part) for part in wanted]
    if operator == "$and":
        return _all(parts)
    wants_one = operator == "$or"
    return lambda chunk: any(part(chunk) for part in parts) == wants_one


def _condition(name: str, operator: object, operand: object) -> Test:
    if operator == "$not":
        inner = _part(name, operand)
        return lambda chunk: not inner(chunk)
    if operator == "$exists":
        if not isinstance(operand, bool):
            raise AdaptLabError(
                f"$exists of the filter on {name!r} is not a truth value. Give True or False."
            )
        return lambda chunk: (value_of(chunk, name) is not _MISSING) == operand
    if operator not in _OPERATORS:
        known = ", ".join([*_OPERATORS, "$not", "$exists"])
        raise AdaptLabError(
            f"The operator {operator!r} of the filter on {name!r} is unknown. Give one of {known}."
        )
    test, negated = _OPERATORS[operator]
    wanted = _operand(name, str(operator), operand)
    return lambda chunk: any(test(v, wanted) for v in _values(chunk, name)) != negated


def _operand(name: str, operator: str, operand: object) -> object:
    if operator not in ("$in", "$nin"):
        return _one(name, operator, operand)
    if not isinstance(operand, list | tuple | set):
        raise AdaptLabError(
            f"{operator} of the filter on {name!r} is not a list. Give a list of values."
        )
    return [_one(name, operator, value) for value in operand]


def _one(name: str, operator: str, operand: object) -> object:
    wanted = plain(operand)
    if not is_plain(wanted):
        problem = f"{operator} of the filter on {name!r} has {operand!r}"
        raise AdaptLabError(f"{problem}. Give text, a number or a date; $in takes a list of them.")
    return wanted


def _values(chunk: Chunk, name: str) -> list[object]:
    """Return the values that a condition tests: the value, or each entry of a list."""
    value = value_of(chunk, name)
    return list(value) if isinstance(value, list | tuple) else [value]


def names_in(where: Any) -> list[str]:
    """Return the names in a filter's conditions, each once; empty for a function."""
    names: list[str] = []
    if not isinstance(where, Mapping):
        return names
    for name, wanted in where.items():
        inner = [names_in(part) for part in wanted] if name in ("$and", "$or", "$nor") else [[name]]
        names += [each for found in inner for each in found]
    return list(dict.fromkeys(names))


def has_name(chunk: Chunk, name: str) -> bool:
    """Whether the chunk has a value under a name."""
    return value_of(chunk, name) is not _MISSING


def value_of(chunk: Chunk, name: str) -> object:
    """Return the chunk's value under a name, or a marker for a missing value."""
    if name in OWN_NAMES:
        return plain(getattr(chunk, name))
    if name in chunk.metadata:
        return chunk.metadata[name]
    value: object = chunk.metadata
    for key in name.split("."):
        if not isinstance(value, Mapping) or key not in value:
            return _MISSING
        value = value[key]
    return value


def _equal(value: object, wanted: object) -> bool:
    """Compare two values. True is not 1 here: a filter on a number should not find flags."""
    return isinstance(value, bool) == isinstance(wanted, bool) and value == wanted


def _ordered(compare: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    def test(value: object, wanted: object) -> bool:
        numbers = all(
            isinstance(v, int | float) and not isinstance(v, bool) for v in (value, wanted)
        )
        texts = isinstance(value, str) and isinstance(wanted, str)
        return (numbers or texts) and compare(value, wanted)

    return test


def _is_one_of(value: object, wanted: list[object]) -> bool:
    return any(_equal(value, one) for one in wanted)


# The test of one value, and whether the condition holds if no value passes it.
_OPERATORS: dict[Any, tuple[Callable[[Any, Any], bool], bool]] = {
    "$eq": (_equal, False),
    "$ne": (_equal, True),
    "$gt": (_ordered(gt), False),
    "$gte": (_ordered(ge), False),
    "$lt": (_ordered(lt), False),
    "$lte": (_ordered(le), False),
    "$in": (_is_one_of, False),
    "$nin": (_is_one_of, True),
}
