"""Load: files of several kinds into documents of plain text or Markdown, each with its source, title and date."""

import re
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

from adaptlab.errors import AdaptLabError
from adaptlab.files import read_text

MAX_BYTES = 32_000_000


@dataclass(frozen=True)
class Document:
    """A text and where it comes from; `date` is when it was last changed, as far as the file tells. Lines end in a line feed."""

    text: str
    source: str
    title: str
    date: date

    def __post_init__(self):
        for name in ("text", "source", "title"):
            object.__setattr__(self, name, clean(getattr(self, name)))


def clean(text: str) -> str:
    """One kind of line end, no byte-order mark, and nothing that UTF-8 cannot hold (a half of a surrogate pair becomes a question mark)."""
    return re.sub(r"\r\n?", "\n", text.removeprefix("\ufeff")).encode(errors="replace").decode()


def headings(text: str) -> Iterator[tuple[int, str, int, int]]:
    """(level, title, first line, line after) of the Markdown headings that stand in no list, quotation or code."""
    from markdown_it import MarkdownIt

    tokens = MarkdownIt().parse(text)
    for token, inline in zip(tokens, tokens[1:]):
        if token.type == "heading_open" and token.level == 0:
            yield int(token.tag[1]), inline.content, *token.map


def _first_title(text: str) -> str | None:
    return next((title for level, title, *_ in headings(text) if level == 1), None)


def load(path: Path | str) -> Document:
    """One file; an error in a sentence if its kind is unknown, or if it is too large, damaged or without text."""
    path = Path(path)
    reader = READERS.get(path.suffix.lower())
    if reader is None:
        raise AdaptLabError(f"{path} is of no kind that can be loaded; these can: {', '.join(READERS)}.")
    try:
        size, changed = path.stat().st_size, datetime.fromtimestamp(path.stat().st_mtime, UTC).date()
    except OSError as error:
        raise AdaptLabError(f"{path} could not be read: {error.strerror}.") from error
    if size > MAX_BYTES:
        raise AdaptLabError(f"{path} has {size / 1e6:.0f} MB, more than the {MAX_BYTES / 1e6:.0f} MB that are loaded at once; split it.")
    text, title, stated = reader(path)
    if not text.strip():
        raise AdaptLabError(f"{path} holds no text{'; it may be a scan, which needs OCR first' if path.suffix.lower() == '.pdf' else ''}.")
    return Document(text, str(path), title or path.stem, stated or changed)


def load_folder(folder: Path | str, skip_bad: bool = False) -> list[Document]:
    """All files of known kinds in a folder and those below it, in order of path; hidden ones are left out.

    A file that cannot be loaded is an error, or with `skip_bad` a warning that says why.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise AdaptLabError(f"{folder} is not a folder.")
    documents = []
    for path in sorted(folder.rglob("*")):
        hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
        if hidden or not path.is_file() or path.suffix.lower() not in READERS:
            continue
        try:
            documents.append(load(path))
        except AdaptLabError as error:
            if not skip_bad:
                raise
            warnings.warn(str(error), stacklevel=2)
    if not documents:
        raise AdaptLabError(f"{folder} holds nothing that could be loaded; files of these kinds are: {', '.join(READERS)}.")
    return documents


Read = tuple[str, str | None, date | None]  # text, and title and date if the file states them


def _text(path: Path) -> Read:
    return read_text(path), None, None


def _markdown(path: Path) -> Read:
    text = clean(read_text(path))
    return text, _first_title(text), None


def _html(path: Path) -> Read:
    return html_text(clean(read_text(path)))


def html_text(html: str) -> Read:
    """The visible text of a page, headings as Markdown's. What a browser would not show (scripts, hidden parts, comments) is left out."""
    from bs4 import BeautifulSoup

    page = BeautifulSoup(html, "html.parser")
    lines = [" ".join(line.split()) for line in "".join(_visible(page)).splitlines()]
    title = page.title and " ".join("".join(page.title.strings).split())
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip(), title, None


_BLOCKS = {"p", "div", "li", "tr", "br", "table", "ul", "ol", "section", "article", "pre"}
_UNSEEN = {"title", "script", "style", "template", "noscript", "head", "iframe", "object", "svg"}


def _visible(page) -> Iterator[str]:
    """Pieces of text in order. By a stack of our own, since pages may nest deeper than Python's."""
    from bs4 import NavigableString, Tag

    stack, heading_ends = [page], set()
    while stack:
        node = stack.pop()
        if isinstance(node, Tag):
            if not _is_hidden(node):
                heading = re.fullmatch(r"h([1-6])", node.name)
                around = "\n\n" if heading else "\n" if node.name in _BLOCKS else " " if node.name in ("td", "th") else ""
                yield around + ("#" * int(heading[1]) + " " if heading else "")
                mark = _Mark(around)
                if heading:
                    heading_ends.add(id(mark))
                stack += [mark, *reversed(node.contents)]
        elif isinstance(node, _Mark):
            heading_ends.discard(id(node))
            yield node.text
        elif type(node) is NavigableString:  # its subclasses are comments, doctypes and scripts
            yield " ".join(node.split("\n")) if heading_ends else str(node)


@dataclass(eq=False)
class _Mark:
    """What follows the end of an element."""

    text: str


def _is_hidden(tag) -> bool:
    style = str(tag.get("style", "")).replace(" ", "").lower()
    return tag.name in _UNSEEN or tag.has_attr("hidden") or "display:none" in style or "visibility:hidden" in style


def _pdf(path: Path) -> Read:
    import pypdf

    try:
        reader = pypdf.PdfReader(path)
        if reader.is_encrypted:
            raise AdaptLabError(f"{path} is encrypted; save it without a password.")
        pages = [page.extract_text() for page in reader.pages]
        title = reader.metadata and reader.metadata.title
    except AdaptLabError:
        raise
    except Exception as error:  # a broken PDF makes the parser raise almost anything
        raise AdaptLabError(f"{path} is not a PDF that can be read ({type(error).__name__}); open and save it again.") from error
    return "\n\n".join(pages), title, _pdf_date(reader.metadata)


def _pdf_date(about) -> date | None:
    try:
        changed = about and (about.modification_date or about.creation_date)
    except ValueError:  # a date in a form of the writer's own
        return None
    return changed.date() if changed else None


def _docx(path: Path) -> Read:
    import docx

    try:
        document = docx.Document(str(path))
        parts = [_block(block) for block in document.iter_inner_content()]
    except Exception as error:  # python-docx has no one error for a file that is none
        raise AdaptLabError(f"{path} is not a Word document that can be read ({type(error).__name__}); open and save it again.") from error
    about, text = document.core_properties, "\n\n".join(part for part in parts if part)
    if about.last_modified_by == "python-docx":  # a file without properties gets made-up ones, with today's date
        return text, None, None
    return text, about.title or None, about.modified and about.modified.date()


def _block(block) -> str:
    """A paragraph, with # before a heading, or a table with a line a row."""
    if hasattr(block, "rows"):
        return "\n".join(" | ".join(cell.text for cell in row.cells) for row in block.rows)
    level = re.fullmatch(r"Heading (\d)", block.style.name or "")
    return f"{'#' * int(level[1])} {block.text}" if level else block.text


def _notebook(path: Path) -> Read:
    import nbformat

    try:
        cells = nbformat.reads(read_text(path), as_version=4).cells
    except AdaptLabError:
        raise
    except Exception as error:
        raise AdaptLabError(f"{path} is not a notebook that can be read ({type(error).__name__}); open and save it again.") from error
    text = "\n\n".join(cell.source if cell.cell_type == "markdown" else f"```\n{cell.source}\n```" for cell in cells if cell.cell_type != "raw")
    return text, _first_title(clean("\n\n".join(cell.source for cell in cells if cell.cell_type == "markdown"))), None


READERS: dict[str, Callable[[Path], Read]] = {
    ".txt": _text, ".md": _markdown, ".html": _html, ".htm": _html, ".pdf": _pdf, ".docx": _docx, ".ipynb": _notebook,
}  # fmt: skip
