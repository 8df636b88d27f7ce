"""Records: the rows of a JSON, JSONL or CSV file as documents, each with its own id."""

import csv
import io
import re
import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

from adaptlab.delimiter import guess_delimiter
from adaptlab.errors import AdaptLabError
from adaptlab.files import as_path, read_text
from adaptlab.json_rows import Fault, json_rows, unwrapped
from adaptlab.rag.document import OWN_NAMES, Document
from adaptlab.rag.loaders import RECORDS, day_of_change

TABLES = (".csv", ".tsv")
DELIMITERS = ",;\t|"

Record = dict[str, object]
Place = str  # of a record in its file: "line 3"


def load_records(
    path: Path | str,
    text: str | Sequence[str],
    source: str | None = None,
    title: str | None = None,
    day: str | None = None,
    metadata: Sequence[str] | None = None,
) -> list[Document]:
    """Load one document per record; the arguments are the names of fields.

    `text` may be several fields, which become paragraphs. `source` is the field of your own id, by
    which `Collection.update` and `delete` find a record again. Without it the source is the file
    and the record's place. `day` has ISO dates; the default is the date of the file's last change.
    All other fields become metadata, or only those in `metadata`. A CSV column with only numbers,
    or only true and false, is converted to these types.

    Raises:
        AdaptLabError: if the file, a record or a field cannot be read, or if two ids are the same.
    """
    path = as_path(path)
    texts = _names(text, "field of the text")
    metadata = metadata and _names(metadata, "metadata to keep")
    last_change = day_of_change(path)
    records = _records(path, texts)
    named = [*texts, *filter(None, (source, title, day)), *(metadata or ())]
    _check_fields(path, records, named)
    documents = []
    empty = []
    for place, record in records:
        body = _body(path, place, record, texts)
        if not body.strip():
            empty.append(place)
            continue
        identity = f"{path} {place}" if source is None else _field(path, place, record, source)
        about = "" if title is None else _field(path, place, record, title, "")
        stated = None if day is None else _day(path, place, record.get(day))
        known = _metadata(path, place, record, named, metadata)
        with _placed(path, place):
            documents.append(Document(body, identity, about, stated or last_change, (), known))
    _check_ids(path, source, documents)
    if empty:
        shown = ", ".join(empty[:3]) + (", …" if len(empty) > 3 else "")
        problem = f"{len(empty)} of {len(records)} records have no text"
        warnings.warn(f"{path} is read in part. Left out: {problem} ({shown}).", stacklevel=2)
    if not documents:
        raise AdaptLabError(
            f"{path} contains no record with text in {', '.join(texts)}. Name the field of"
            " the text."
        )
    return documents


def _names(given: Any, called: str) -> list[str]:
    """Return one name or several as a list."""
    names = [given] if isinstance(given, str) else given
    is_list = isinstance(names, list | tuple) and all(isinstance(name, str) for name in names)
    if not is_list or not names:
        problem = f"The {called} is {given!r}"
        raise AdaptLabError(f"{problem}. Give the name of a field, or a list of names.")
    return list(names)


def _records(path: Path, texts: Sequence[str]) -> list[tuple[Place, Record]]:
    kind = path.suffix.lower()
    if kind not in RECORDS:
        known = ", ".join(RECORDS)
        raise AdaptLabError(
            f"{path} is not a file of records. Give a file of one of these types: {known}."
        )
    return list(_table(path) if kind in TABLES else _objects(path, texts))


def _objects(path: Path, texts: Sequence[str]) -> Iterator[tuple[Place, Record]]:
    rows, around = unwrapped(json_rows(path), set(texts))
    if around:
        lost = ", ".join(around)
        warnings.warn(f"{path} is read in part. Left out next to its list: {lost}.", stacklevel=4)
    for place, row in rows:
        if isinstance(row, Fault):
            raise AdaptLabError(f"{path}, {place}: {row}. Correct the record, or remove it.")
        if not isinstance(row, dict):
            problem = f"{path}, {place} is {type(row).__name__}, not an object"
            raise AdaptLabError(f"{problem}. Give one object per record.")
        yield place, row


def _table(path: Path) -> Iterator[tuple[Place, Record]]:
    """Return the rows below the first row, which names the columns. A column without a name is left
    out.
    """
    content, delimiter = _delimited(read_text(path).removeprefix("\ufeff"))
    before = csv.field_size_limit(max(len(content), 1))  # it is one setting for the process
    try:
        table = io.StringIO(content, "")
        # A quote after ", " opens a cell too, as in files that people write themselves.
        reader = csv.reader(table, delimiter=delimiter, strict=True, skipinitialspace=True)
        rows = [(f"line {reader.line_num}", row) for row in reader if any(map(str.strip, row))]
    except csv.Error as error:
        raise AdaptLabError(f"{path} is not a readable table ({error}). Save it again.") from error
    finally:
        csv.field_size_limit(before)
    if not rows:
        raise AdaptLabError(f"{path} is empty. Write the names of the columns into the first line.")
    names = [name.strip() for name in rows[0][1]]
    twice = [name for name, n in Counter(names).items() if n > 1 and name]
    if twice:
        problem = f"{path} has a column {twice[0]!r} twice"
        raise AdaptLabError(f"{problem}. Give each column a name of its own.")
    for place, row in rows[1:]:
        if len(row) != len(names):
            problem = f"{path}, {place} has {len(row)} cells for {len(names)} columns"
            raise AdaptLabError(f"{problem}. Put a cell with a comma into quotes.")
    columns = [_typed(cells) for cells in zip(*(row for _, row in rows[1:]))]
    _warn_of_nameless(path, names, columns)
    for (place, _), cells in zip(rows[1:], zip(*columns)):
        yield place, {name: cell for name, cell in zip(names, cells) if name and cell != ""}


def _warn_of_nameless(path: Path, names: list[str], columns: list[list[object]]) -> None:
    """Warn of columns without a name: pandas writes its row numbers into one, and spreadsheets
    write empty ones.
    """
    n = sum(not name and any(cell != "" for cell in cells) for name, cells in zip(names, columns))
    if n:
        lost = f"{n} column{'s' * (n > 1)} without a name"
        warnings.warn(f"{path} is read in part. Left out: {lost}.", stacklevel=5)


_STATED = re.compile(r"sep=(.)\r?\n", re.IGNORECASE)


def _delimited(content: str) -> tuple[str, str]:
    """Return (the table, the separator of its cells).

    The separator is the one in Excel's own first line, or the most frequent one in the line of
    names, or a comma.
    """
    if stated := _STATED.match(content):
        return "\n" + content[stated.end() :], stated[1]  # lines keep their numbers
    return content, guess_delimiter(content, DELIMITERS)


# A number as people write one: not 007, which is a name.
_WHOLE = re.compile(r"-?(?:0|[1-9]\d{0,17})")
_DECIMAL = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][-+]?\d{1,2})?")
_FLAG = re.compile(r"true|false", re.IGNORECASE)


def _typed(cells: Sequence[str]) -> list[object]:
    """Return the cells of a column, as numbers or truth values if all filled cells are."""
    filled = [cell.strip() for cell in cells if cell.strip()]
    for pattern, read in ((_WHOLE, int), (_DECIMAL, float), (_FLAG, lambda s: s.lower() == "true")):
        if filled and all(pattern.fullmatch(cell) for cell in filled):
            return [read(cell.strip()) if cell.strip() else "" for cell in cells]
    return list(cells)


def _check_fields(path: Path, records: list[tuple[Place, Record]], named: Sequence[str]) -> None:
    if not records:
        raise AdaptLabError(f"{path} contains no record. Add at least one.")
    fields = list(dict.fromkeys(name for _, record in records for name in record))
    missing = [name for name in named if name not in fields]
    if missing:
        known = ", ".join(fields)
        raise AdaptLabError(f"{path} has no field {missing[0]!r}. Choose from {known}.")


def _field(
    path: Path,
    place: Place,
    record: Record,
    name: str,
    default: str | None = None,
) -> str:
    """Return the text of a field, which may be a number.

    Raises:
        AdaptLabError: if it is missing and has no default.
    """
    value = record.get(name)
    if value is None or value == "":
        if default is not None:
            return default
        raise AdaptLabError(f"{path}, {place} has no {name!r}. Give this field in each record.")
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        problem = f"{path}, {place}: {name!r} is {type(value).__name__}, not text"
        raise AdaptLabError(f"{problem}. Name another field.")
    return str(value)


@contextmanager
def _placed(path: Path, place: Place) -> Iterator[None]:
    """Add the record's place to an error."""
    try:
        yield
    except AdaptLabError as error:
        raise AdaptLabError(f"{path}, {place}: {error}") from error


def _body(path: Path, place: Place, record: Record, texts: Sequence[str]) -> str:
    parts = [_field(path, place, record, name, "") for name in texts]
    return "\n\n".join(part for part in parts if part.strip())


def _day(path: Path, place: Place, value: object) -> date | None:
    if value is None or value == "":
        return None
    try:
        return date.fromisoformat(str(value).strip()[:10])
    except ValueError as error:
        problem = f"{path}, {place}: {value!r} is not a date"
        raise AdaptLabError(f"{problem}. Write dates as 2026-03-01.") from error


def _metadata(
    path: Path,
    place: Place,
    record: Record,
    named: Sequence[str],
    wanted: Sequence[str] | None,
) -> Record:
    """What is kept of the other fields; a name that documents have themselves gets its file's."""
    names = [name for name in record if name not in named] if wanted is None else wanted
    own = next((name for name in names if name in OWN_NAMES), None)
    if own is not None:
        problem = f"{path}, {place} has a field {own!r}, which every document has itself"
        raise AdaptLabError(
            f"{problem}. Name it as the argument for this field, or list the `metadata` to keep."
        )
    return {name: record[name] for name in names if name in record}


def _check_ids(path: Path, source: str | None, documents: Sequence[Document]) -> None:
    counted = Counter(document.source for document in documents)
    twice = [identity for identity, n in counted.items() if n > 1]
    if twice:
        problem = (
            f"{path} has {len(twice)} values of {source!r} twice or more, for example {twice[0]!r}"
        )
        raise AdaptLabError(f"{problem}. Name a field that differs in each record.")
