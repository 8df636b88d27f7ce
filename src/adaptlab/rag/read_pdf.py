"""PDF: the text of its pages, the values of its forms, and the numbers of pages without text."""

import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

from adaptlab.errors import AdaptLabError
from adaptlab.rag.document import Read, clean

COMMENTS = (
    "/Text",
    "/Highlight",
    "/Underline",
    "/Squiggly",
    "/StrikeOut",
    "/Caret",
    "/Stamp",
    "/Ink",
    "/Line",
    "/Square",
    "/Circle",
    "/Polygon",
    "/PolyLine",
)
FEW = 20  # letters: a scan with a page number, or the stamp of a scanner, has fewer


def read_pdf(path: Path) -> Read:
    """Read pages in order, then filled form fields; pages without text are named in `left_out`.

    Raises:
        AdaptLabError: if the file is damaged, or needs a password or a missing package.
    """
    from pypdf.errors import DependencyError

    try:
        reader = _opened(path)
        pages = [_page(page) for page in reader.pages]
        about = reader.metadata
        text = clean("\n\n".join([*(page.text for page in pages), *_form(reader)]))
        title = about and about.title
        stated = _stated_date(about)
        left_out = _left_out(pages, sorted(reader.attachments))
    except AdaptLabError:
        raise
    except DependencyError as error:
        problem = f"{path} is encrypted with AES"
        raise AdaptLabError(f"{problem}. Run: pip install cryptography") from error
    except Exception as error:  # a broken PDF makes the parser raise almost anything
        reason = f"{path} is not a readable PDF ({type(error).__name__})"
        raise AdaptLabError(f"{reason}. Open it in a viewer and save it again.") from error
    return Read(text, title, stated, (), left_out)


def _opened(path: Path):
    """Open the file; a file that only its owner may change opens with an empty password."""
    import pypdf

    reader = pypdf.PdfReader(path)
    if reader.is_encrypted and not reader.decrypt(""):
        raise AdaptLabError(f"{path} is encrypted. Save it without a password.")
    return reader


class _Page(NamedTuple):
    """The text of a page, whether it names unknown glyphs, and whether it has pictures.

    `n_comments` counts readers' notes, which are not part of the text.
    """

    text: str
    has_unnamed: bool
    has_pictures: bool
    n_comments: int

    def n_letters(self) -> int:
        return sum(map(str.isalnum, self.text))


def _page(page) -> _Page:
    """Return the page's text, without names of glyphs and with text typed onto it."""
    text = page.extract_text()
    used = list(_resources(page))
    names = sorted(_glyph_names(used), key=len, reverse=True)
    readable = re.sub("|".join(map(re.escape, names)), "", text) if names else text
    pictures = any(drawn.get("/Subtype") == "/Image" for drawn in _held(used, "/XObject"))
    notes = _notes(page)
    typed = [str(note["/Contents"]) for note in notes if note.get("/Subtype") == "/FreeText"]
    n_comments = sum(note.get("/Subtype") in COMMENTS for note in notes)
    return _Page("\n".join([readable, *typed]), readable != text, pictures, n_comments)


def _resources(holder) -> Iterator:
    """Return the resources of a page and of its forms, each once."""
    left = [holder]
    met = set()
    while left:
        used = left.pop().get("/Resources")
        used = used and used.get_object()
        if used and id(used) not in met:
            met.add(id(used))
            yield used
            left += [form for form in _held([used], "/XObject") if form.get("/Subtype") == "/Form"]


def _held(resources: list, kind: str) -> Iterator:
    """Return the entries of one kind in these resources, such as /Font."""
    for used in resources:
        held = used.get(kind)
        yield from (item.get_object() for item in (held.get_object().values() if held else ()))


def _glyph_names(resources: list) -> set[str]:
    """Return names of glyphs, such as /g1, in fonts that do not map glyphs to letters.

    pypdf returns such a name in place of a letter. Known names never occur in the text.
    """
    from pypdf._codecs.adobe_glyphs import adobe_glyphs

    names: set[str] = set()
    for font in _held(resources, "/Font"):
        encoding: Any = font.get("/Encoding")
        encoding = encoding.get_object() if encoding is not None else None
        if "/ToUnicode" not in font and hasattr(encoding, "get"):
            differences = encoding.get("/Differences", [])
            names |= {str(name) for name in differences if isinstance(name, str)}
    return {name for name in names if len(name) > 1 and name not in adobe_glyphs}


def _notes(page) -> list:
    """Return annotations with words that were added to the page."""
    annotations = page.get("/Annots")
    notes = [note.get_object() for note in (annotations.get_object() if annotations else ())]
    return [note for note in notes if "/Contents" in note and str(note["/Contents"]).strip()]


def _form(reader) -> list[str]:
    """Return a line for each filled field of the form: text, choices, and ticked boxes."""
    fields = reader.get_fields() or {}
    values = ((name, _chosen(field.get("/V"))) for name, field in fields.items())
    return [f"{name}: {value}" for name, value in values if value]


def _chosen(value: object) -> str:
    """Return the value of a field as text. A button's is a name, such as /Yes or /Off; a signature
    has none.
    """
    from pypdf.generic import NameObject

    value = value.get_object() if hasattr(value, "get_object") else value
    if isinstance(value, list):
        return ", ".join(filter(None, map(_chosen, value)))
    if not isinstance(value, str) or value == "/Off":
        return ""
    return value.removeprefix("/") if isinstance(value, NameObject) else value


def _left_out(pages: list[_Page], attachments: list[str]) -> tuple[str, ...]:
    parts = []
    numbered = list(enumerate(pages, 1))
    if without := [i for i, page in numbered if not page.n_letters()]:
        parts.append(f"{_numbered(without)}, without readable text (scans need OCR first)")
    if scans := [i for i, page in numbered if page.has_pictures and 0 < page.n_letters() < FEW]:
        parts.append(f"pictures on {_numbered(scans)} with hardly any text (scans need OCR first)")
    if unnamed := [i for i, page in numbered if page.has_unnamed and i not in without]:
        parts.append(f"words on {_numbered(unnamed)} in a font without letters for its glyphs")
    if n_comments := sum(page.n_comments for page in pages):
        parts.append(f"{n_comments} comments")
    if attachments:
        parts.append(f"the attached files {', '.join(attachments)}")
    return tuple(parts)


def _numbered(pages: list[int]) -> str:
    return f"page{'s' if len(pages) > 1 else ''} {', '.join(map(str, pages))}"


def _stated_date(about) -> date | None:
    try:
        changed = about and (about.modification_date or about.creation_date)
    except ValueError:  # a date in a form of the writer's own
        return None
    return changed.date() if changed else None
