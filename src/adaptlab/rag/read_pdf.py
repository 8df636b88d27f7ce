"""PDF: the text of its pages, the values of its forms, and the numbers of pages without text."""

import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path

from adaptlab.errors import AdaptLabError
from adaptlab.rag.document import Read, clean


def read_pdf(path: Path) -> Read:
    """Pages in order, then filled form fields; pages without text are named in `left_out`.

    Raises:
        AdaptLabError: if the file is damaged, or needs a password or a missing package.
    """
    from pypdf.errors import DependencyError

    try:
        reader = _opened(path)
        pages = [_page_text(page) for page in reader.pages]
        about = reader.metadata
        text = clean("\n\n".join([*(page for page, _ in pages), *_form(reader)]))
        title, stated = about and about.title, _stated_date(about)
        left_out = _left_out(pages, sorted(reader.attachments))
    except AdaptLabError:
        raise
    except DependencyError as error:
        raise AdaptLabError(f"{path} is encrypted with AES. Run: pip install cryptography") from error
    except Exception as error:  # a broken PDF makes the parser raise almost anything
        reason = f"{path} is not a PDF that can be read ({type(error).__name__})"
        raise AdaptLabError(f"{reason}. Open it in a viewer and save it again.") from error
    return Read(text, title, stated, (), left_out)


def _opened(path: Path):
    """The reader; a file that only its owner may change opens with an empty password."""
    import pypdf

    reader = pypdf.PdfReader(path)
    if reader.is_encrypted and not reader.decrypt(""):
        raise AdaptLabError(f"{path} is encrypted. Save it without a password.")
    return reader


def _page_text(page) -> tuple[str, bool]:
    """(text, whether the page names glyphs that stand for no letter), annotations included."""
    text = page.extract_text()
    names = sorted(_glyph_names(page), key=len, reverse=True)
    pattern = re.compile("|".join(map(re.escape, names)))
    readable = pattern.sub("", text) if names else text
    return "\n".join([readable, *_typed_on(page)]), readable != text


def _glyph_names(page) -> set[str]:
    """Names of glyphs, as /g1, in fonts that do not say which letters these are.

    pypdf gives such a name in place of a letter. Names that it knows never reach the text.
    """
    from pypdf._codecs.adobe_glyphs import adobe_glyphs

    names: set[str] = set()
    for font in _fonts(page):
        encoding = font.get("/Encoding")
        encoding = encoding.get_object() if encoding is not None else None
        if "/ToUnicode" not in font and hasattr(encoding, "get"):
            differences = encoding.get("/Differences", [])
            names |= {str(name) for name in differences if isinstance(name, str)}
    return {name for name in names if len(name) > 1 and name not in adobe_glyphs}


def _fonts(page) -> Iterator:
    resources = page.get("/Resources")
    fonts = resources and resources.get_object().get("/Font")
    return (font.get_object() for font in (fonts.get_object().values() if fonts else ()))


def _typed_on(page) -> list[str]:
    """Text that was typed onto the page afterwards."""
    annotations = page.get("/Annots")
    notes = [note.get_object() for note in (annotations.get_object() if annotations else ())]
    typed = [note for note in notes if note.get("/Subtype") == "/FreeText"]
    return [str(note["/Contents"]) for note in typed if "/Contents" in note]


def _form(reader) -> list[str]:
    """A line for each filled field of the form."""
    fields = reader.get_form_text_fields() or {}
    return [f"{name}: {value}" for name, value in fields.items() if value]


def _left_out(pages: list[tuple[str, bool]], attachments: list[str]) -> tuple[str, ...]:
    without = [i for i, (text, _) in enumerate(pages, 1) if not any(map(str.isalnum, text))]
    unnamed = [i for i, (_, glyphs) in enumerate(pages, 1) if glyphs and i not in without]
    parts = []
    if without:
        parts.append(f"{_numbered(without)}, without text that can be read (scans need OCR first)")
    if unnamed:
        parts.append(f"words on {_numbered(unnamed)} in a font that does not say its letters")
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
