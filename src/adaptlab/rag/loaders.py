"""Load: files of several types into documents, each with its source, title, date and headings."""

import warnings
from collections import Counter
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path

from adaptlab.errors import AdaptLabError
from adaptlab.files import as_path, read_text
from adaptlab.rag.document import Document, Heading, Read, clean
from adaptlab.rag.read_docx import read_docx
from adaptlab.rag.read_html import html_text, read_html_file
from adaptlab.rag.read_markdown import headings, read_markdown
from adaptlab.rag.read_notebook import read_notebook
from adaptlab.rag.read_pdf import read_pdf

__all__ = [
    "READERS",
    "Document",
    "Heading",
    "Read",
    "clean",
    "headings",
    "html_text",
    "load",
    "load_folder",
]

# Files of many documents, for `records`.
RECORDS = (".json", ".jsonl", ".ndjson", ".csv", ".tsv")

MAX_BYTES = 32_000_000


def _read_text(path: Path) -> Read:
    """Read plain text, which has no headings: a line of dashes or with # is an ordinary line."""
    return Read(clean(read_text(path)), headings=())


READERS: dict[str, Callable[[Path], Read]] = {
    ".txt": _read_text,
    ".text": _read_text,
    ".log": _read_text,
    ".rst": _read_text,  # its marks stay in the text
    ".md": read_markdown,
    ".markdown": read_markdown,
    ".html": read_html_file,
    ".htm": read_html_file,
    ".pdf": read_pdf,
    ".docx": read_docx,
    ".ipynb": read_notebook,
}


def load(path: Path | str) -> Document:
    """Load one file; a warning names its parts that are left out.

    Raises:
        AdaptLabError: if its type is unknown, or if it is too large, damaged or without text.
    """
    path = as_path(path)
    reader = READERS.get(path.suffix.lower())
    if path.suffix.lower() in RECORDS:
        problem = f"{path} contains records, and each record is a document"
        raise AdaptLabError(f"{problem}. Call `load_records` with the name of the text field.")
    if reader is None:
        raise AdaptLabError(
            f"{path} is not of a supported type. Give a file of one of these types:"
            f" {', '.join(READERS)}."
        )
    last_change = day_of_change(path)
    read = reader(path)
    if read.left_out:
        lost = "; ".join(read.left_out)
        warnings.warn(f"{path} is read in part. Left out: {lost}.", stacklevel=2)
    if not read.text.strip():
        scan = "; it may be a scan. Run OCR first" if path.suffix.lower() == ".pdf" else ""
        raise AdaptLabError(f"{path} contains no text{scan}.")
    title = (read.title or "").strip() or path.stem
    day = read.stated or last_change
    return Document(read.text, str(path), title, day, read.headings)


def day_of_change(path: Path) -> date:
    """Return the day of the file's last change.

    Raises:
        AdaptLabError: if the file cannot be read or is too large.
    """
    try:
        about = path.stat()
    except OSError as error:
        raise AdaptLabError(
            f"{path} could not be read ({error.strerror}). Check the path and its permissions."
        ) from error
    if about.st_size > MAX_BYTES:
        size = f"{about.st_size / 1e6:.0f} MB, more than the {MAX_BYTES / 1e6:.0f} MB"
        raise AdaptLabError(f"{path} has {size} that can be loaded at once. Split it.")
    return datetime.fromtimestamp(about.st_mtime, UTC).date()


def load_folder(folder: Path | str, skip_bad: bool = False) -> list[Document]:
    """Load all files of known types in a folder and its subfolders, in order of path, without
    hidden files.

    A warning counts files of other types.

    Raises:
        AdaptLabError: if a file cannot be loaded; with `skip_bad` this is a warning with the
            reason.
    """
    folder = as_path(folder)
    if not folder.is_dir():
        raise AdaptLabError(f"{folder} is not a folder. Give the path of a folder.")
    documents = []
    others: Counter = Counter()
    for path in sorted(folder.rglob("*")):
        hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
        if hidden or not path.is_file():
            continue
        if path.suffix.lower() not in READERS:
            others[path.suffix.lower() or "no ending"] += 1
            continue
        try:
            documents.append(load(path))
        except AdaptLabError as error:
            if not skip_bad:
                raise
            warnings.warn(str(error), stacklevel=2)
    if not documents:
        raise AdaptLabError(
            f"{folder} contains no file that could be loaded. Add files of these types:"
            f" {', '.join(READERS)}."
        )
    if others:
        kinds = ", ".join(f"{kind} ({n})" for kind, n in sorted(others.items()))
        lost = f"files of other types, {kinds}"
        warnings.warn(f"{folder} is read in part. Left out: {lost}.", stacklevel=2)
    return documents
