"""Word: the text of a document in reading order, including parts that python-docx's own walk omits.

Content controls, tracked insertions, text boxes, nested tables and notes are part of the text. A
merged cell occurs once. Tracked deletions and field codes are not part of the text.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from adaptlab.errors import AdaptLabError
from adaptlab.rag.document import Read, assemble
from adaptlab.rag.formulas import LOWERED, RAISED, linear, with_signs

_SKIPPED = {"pPr", "rPr", "sdtPr", "sdtEndPr", "tblPr", "tblGrid", "trPr", "tcPr", "sectPr", "del"}
_SKIPPED |= {"moveFrom", "delText", "instrText", "delInstrText"}
_MARKS = {"tab": "\t", "ptab": "\t", "br": "\n", "cr": "\n", "noBreakHyphen": "-"}
_FORMULAS = {"f", "sSup", "sSub", "sSubSup", "sPre", "rad", "d", "nary", "limLow", "limUpp"}
_FORMULAS |= {"func", "m", "mr", "eqArr"}
_NOTES = {"footnoteReference": "footnotes", "endnoteReference": "endnotes"}
_NAMED = {  # parts of a file with words that are not read
    "comments": "comments",
    "header": "page headers",
    "footer": "page footers",
    "chart": "charts",
    "diagramData": "diagrams",
    "aFChunk": "inserted files",
    "package": "embedded files",
    "oleObject": "embedded objects",
}
_HEADING = re.compile(r"heading (\d)", re.IGNORECASE)

Part = tuple[int, str]  # (level of a heading or 0, text)


def read_docx(path: Path) -> Read:
    """Read paragraphs, tables with one line per row, and notes after their paragraph."""
    import docx

    try:
        document = docx.Document(str(path))
        reader = _Reader(document)
        text, headings = assemble(reader.blocks(document.element.body))
        left_out = (*_left_out(document), *_numbers(document, reader))
    except Exception as error:  # python-docx raises several errors for other files
        reason = f"{path} is not a readable Word document ({type(error).__name__})"
        raise AdaptLabError(f"{reason}. Open it in Word and save it again.") from error
    about = document.core_properties
    if (
        about.last_modified_by == "python-docx"
    ):  # python-docx invents it, with today's date, if the file has none
        return Read(text, reader.title, None, headings, left_out)
    stated = about.modified and about.modified.date()
    return Read(text, about.title or reader.title, stated, headings, left_out)


class _Reader:
    """Walk the XML of a document; `title` is the text of the first paragraph in style Title."""

    def __init__(self, document):
        self.styles = {style.style_id: style for style in document.styles}
        self.notes = {kind: _notes(document, kind) for kind in _NOTES.values()}
        self.title: str | None = None

    def blocks(self, container) -> Iterator[Part]:
        """Yield the paragraphs and tables in an element, in any wrapper."""
        for child in container:
            name = _name(child)
            if name == "p":
                yield from self.paragraph(child)
            elif name == "tbl":
                yield 0, "\n".join(self.rows(child))
            elif name == "AlternateContent":
                yield from self.blocks(_chosen(child))
            elif name not in _SKIPPED:
                yield from self.blocks(child)

    def paragraph(self, element) -> Iterator[Part]:
        """Return the paragraph, then its text boxes and its notes."""
        boxes: list = []
        text = with_signs("".join(_inline(element, boxes)))
        level = self._level(element)
        style = self._style(element)
        if self.title is None and style == "Title" and text.strip():
            self.title = " ".join(text.split())
        yield level, text
        for box in boxes:
            if _name(box) == "txbxContent":
                yield from self.blocks(box)
            else:
                note = self.notes[_NOTES[_name(box)]].get(_value(box, "id"))
                yield from self.blocks(note if note is not None else [])

    def rows(self, table) -> Iterator[str]:
        """Return a line for each row; a cell that spans rows or columns occurs once."""
        for row in _found(table, "tr"):
            if not _is_deleted(row):
                yield " | ".join(self.cell(cell) for cell in _found(row, "tc"))

    def cell(self, cell) -> str:
        return "\n".join(text for _, text in self.blocks(cell) if text.strip())

    def _style(self, paragraph) -> str:
        style = self.styles.get(_property(paragraph, "pStyle"))
        return "" if style is None else style.name or ""

    def _level(self, paragraph) -> int:
        """Return the level of a heading by its style, the style that this is based on, or its
        outline.
        """
        style = self.styles.get(_property(paragraph, "pStyle"))
        while style is not None:
            if found := _HEADING.fullmatch(style.name or ""):
                return int(found[1])
            style = getattr(style, "base_style", None)
        outline = _property(paragraph, "outlineLvl")
        return int(outline) + 1 if outline.isdigit() and int(outline) < 9 else 0

    def list_of(self, paragraph) -> tuple[str, str]:
        """Return (list, level) of a paragraph by itself, its style, or the style that this is based
        on.
        """
        style = self.styles.get(_property(paragraph, "pStyle"))
        holder = paragraph
        while holder is not None:
            for numbered in (p for child in holder if _name(child) == "pPr" for p in child):
                if _name(numbered) == "numPr":
                    return _child_value(numbered, "numId"), _child_value(numbered, "ilvl") or "0"
            holder = style and style.element
            style = getattr(style, "base_style", None)
        return "", ""


def _inline(element, apart: list) -> Iterator[str]:
    """Return the words of a paragraph; text boxes and references to notes go into `apart`."""
    for child in element:
        name = _name(child)
        if name == "t":
            yield child.text or ""
        elif name in _MARKS:
            yield _MARKS[name]
        elif name in _FORMULAS and "/math" in child.tag:
            yield linear(name, list(_parts(child, apart)), _signs(child))
        elif name == "ffData":
            yield _form_value(child)
        elif name == "ruby":
            yield _annotated(dict(_parts(child, apart)))
        elif name == "r" and (place := _place(child)):
            yield place + "".join(_inline(child, apart))
        elif name == "sym":
            yield chr(int(_value(child, "char"), 16))
        elif name == "txbxContent" or name in _NOTES:
            apart.append(child)
        elif name == "AlternateContent":
            yield from _inline(_chosen(child), apart)
        elif name not in _SKIPPED:
            yield from _inline(child, apart)


def _parts(formula, apart: list) -> Iterator[tuple[str, str]]:
    """(name, text) of the parts of a formula, as its numerator."""
    for child in formula:
        if not _name(child).endswith("Pr"):
            yield _name(child), "".join(_inline([child], apart))


def _annotated(parts: dict[str, str]) -> str:
    """Return characters, followed by their reading."""
    return f"{parts.get('rubyBase', '')}({parts.get('rt', '')})"


def _form_value(field) -> str:
    """Return the choice in a form of older versions of Word; typed text is normal text."""
    for held in field:
        if _name(held) == "ddList":
            entries = [_value(entry, "val") for entry in held if _name(entry) == "listEntry"]
            chosen = int(_child_value(held, "result") or _child_value(held, "default") or 0)
            return entries[chosen] if chosen < len(entries) else ""
        if _name(held) == "checkBox":
            marks = {_name(mark): _value(mark, "val") for mark in held}
            ticked = marks.get("checked", marks.get("default", "0"))
            return "☐" if ticked in ("0", "false", "off") else "☒"
    return ""


def _signs(formula) -> dict[str, str]:
    """The characters of a formula that are stored as properties."""
    properties = (child for child in formula if _name(child).endswith("Pr"))
    return {_name(sign): _value(sign, "val") for child in properties for sign in child}


def _place(run) -> str:
    """Return a mark for a raised or lowered run."""
    aligned = (p for child in run if _name(child) == "rPr" for p in child)
    value = next((_value(p, "val") for p in aligned if _name(p) == "vertAlign"), "")
    return {"superscript": RAISED, "subscript": LOWERED}.get(value, "")


def _found(element, name: str) -> Iterator:
    """The rows of a table or the cells of a row, also those in content controls."""
    for child in element:
        if _name(child) == name:
            yield child
        elif _name(child) not in _SKIPPED | {"tbl", "p"}:
            yield from _found(child, name)


def _is_deleted(row) -> bool:
    properties = (child for child in row if _name(child) == "trPr")
    return any(_name(mark) == "del" for child in properties for mark in child)


def _chosen(alternatives) -> list:
    """Return one of the two forms of a drawing for new and for old readers."""
    forms = [form for form in alternatives if any(_name(node) == "t" for node in form.iter())]
    return list(forms[0]) if forms else []


def _name(element) -> str:
    """The tag without its namespace; "" for a comment in the XML."""
    return element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""


def _value(element, name: str) -> str:
    return next((v for key, v in element.attrib.items() if key.rpartition("}")[2] == name), "")


def _property(paragraph, name: str) -> str:
    for properties in paragraph:
        if _name(properties) == "pPr":
            return next((_value(p, "val") for p in properties if _name(p) == name), "")
    return ""


def _related(document, kind: str) -> list:
    """Return the parts of the file that the document refers to in this role."""
    found = document.part.rels.values()
    return [r.target_part for r in found if not r.is_external and r.reltype.endswith(f"/{kind}")]


def _notes(document, kind: str) -> dict[str, list]:
    """Return the notes of a kind by their ids; separator lines have no words."""
    from lxml import etree

    parts = [etree.fromstring(part.blob) for part in _related(document, kind)]
    return {_value(note, "id"): list(note) for part in parts for note in part}


def _left_out(document) -> tuple[str, ...]:
    """Return the parts with words that are not read, each kind with its number."""
    parts = ((called, _related(document, kind)) for kind, called in _NAMED.items())
    counts = ((called, sum(map(_has_words, found))) for called, found in parts)
    return tuple(f"{n} {called}" for called, n in counts if n)


def _numbers(document, reader: _Reader) -> list[str]:
    """Count the paragraphs with a number that Word computes and the file does not contain."""
    formats = _number_formats(document)
    paragraphs = [p for p in document.element.body.iter() if _name(p) == "p"]
    lists = (reader.list_of(p) for p in paragraphs if any(_name(t) == "t" for t in p.iter()))
    n = sum(formats.get(place, "bullet") not in ("bullet", "none") for place in lists)
    return [f"the automatic numbers of {n} paragraphs"] if n else []


def _number_formats(document) -> dict[tuple[str, str], str]:
    """Return the format of each level of the document's lists, as decimal or bullet, by (list,
    level).
    """
    from lxml import etree

    found: dict[tuple[str, str], str] = {}
    for part in _related(document, "numbering"):
        root = etree.fromstring(part.blob)
        abstract = [child for child in root if _name(child) == "abstractNum"]
        kinds = {_value(kind, "abstractNumId"): kind for kind in abstract}
        for held in (child for child in root if _name(child) == "num"):
            kind = kinds.get(_child_value(held, "abstractNumId"), ())
            for level in (child for child in kind if _name(child) == "lvl"):
                place = _value(held, "numId"), _value(level, "ilvl")
                found[place] = _child_value(level, "numFmt")
    return found


def _child_value(element, name: str) -> str:
    return next((_value(child, "val") for child in element if _name(child) == name), "")


def _has_words(part) -> bool:
    """Whether a part has words; False only for an empty XML part, such as the headers of a new
    file.
    """
    is_text = re.search(r"/(comments|header|footer)\d*\.xml$", part.partname)
    return not is_text or re.search(rb"<(?:\w+:)?t(?: [^>]*)?>[^<]*[^<\s]", part.blob) is not None
