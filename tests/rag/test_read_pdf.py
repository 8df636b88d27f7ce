"""PDFs: partly scanned, encrypted for their owner, with glyphs that name no letter, with forms."""

import pypdf
import pytest
from pypdf.generic import (
    ArrayObject,
    DictionaryObject,
    FloatObject,
    NameObject,
    NumberObject,
    StreamObject,
    TextStringObject,
)

from adaptlab.errors import AdaptLabError
from adaptlab.rag.loaders import load


def font(writer, names: list[str] | None = None):
    made = {"/Type": "/Font", "/Subtype": "/Type1", "/BaseFont": "/Helvetica"}
    held = DictionaryObject({NameObject(k): NameObject(v) for k, v in made.items()})
    if names:
        differences = ArrayObject([NumberObject(1), *map(NameObject, names)])
        held[NameObject("/Encoding")] = DictionaryObject({NameObject("/Differences"): differences})
    return writer._add_object(held)


def write(path, *pages: str, names: list[str] | None = None, prepare=None) -> None:
    """A page for each text, "" for one as a scan leaves it; F2 is a font with glyphs of its own."""
    writer = pypdf.PdfWriter()
    fonts = DictionaryObject(
        {NameObject("/F1"): font(writer), NameObject("/F2"): font(writer, names)}
    )
    for text in pages:
        page = writer.add_blank_page(300, 100)
        page[NameObject("/Resources")] = DictionaryObject({NameObject("/Font"): fonts})
        stream = StreamObject()
        stream.set_data(
            (text if text.startswith("BT") else f"BT /F1 12 Tf 10 50 Td ({text}) Tj ET").encode(
                "latin-1"
            )
        )
        page[NameObject("/Contents")] = writer._add_object(stream)
    if prepare:
        prepare(writer)
    writer.write(path)


def test_pages_without_text_are_numbered(tmp_path):
    write(tmp_path / "a.pdf", "Cover page", "", "* * *", "End")
    with pytest.warns(UserWarning, match="a.pdf is read in part. Left out: pages 2, 3, without"):
        assert load(tmp_path / "a.pdf").text.split() == ["Cover", "page", "*", "*", "*", "End"]
    write(tmp_path / "b.pdf", "", "")
    with (
        pytest.warns(UserWarning, match="pages 1, 2"),
        pytest.raises(AdaptLabError, match="may be a scan"),
    ):
        load(tmp_path / "b.pdf")


def drawn(writer, subtype: str, fonts=None):
    """A picture, or a form that writes with F2, as an object to draw on a page."""
    made = StreamObject()
    made.set_data(GLYPHS.encode("latin-1") if subtype == "/Form" else b"\x00")
    for name, value in {"/Type": NameObject("/XObject"), "/Subtype": NameObject(subtype)}.items():
        made[NameObject(name)] = value
    size = {"/Width": 1, "/Height": 1, "/BitsPerComponent": 8}
    box = ArrayObject([FloatObject(x) for x in (0, 0, 300, 100)])
    extra = (
        {"/BBox": box, "/Resources": DictionaryObject({NameObject("/Font"): fonts})}
        if fonts
        else {
            "/ColorSpace": NameObject("/DeviceGray"),
            **{name: NumberObject(n) for name, n in size.items()},
        }
    )
    made.update({NameObject(name): value for name, value in extra.items()})
    return writer._add_object(made)


def draw_on(writer, number: int, subtype: str) -> None:
    page = writer.pages[number]
    fonts = page["/Resources"]["/Font"] if subtype == "/Form" else None
    held = DictionaryObject({NameObject("/X1"): drawn(writer, subtype, fonts)})
    resources = {NameObject("/XObject"): held} | (
        {} if fonts else {NameObject("/Font"): page["/Resources"]["/Font"]}
    )
    page[NameObject("/Resources")] = DictionaryObject(resources)
    stream = StreamObject()
    stream.set_data(page["/Contents"].get_data() + b" q /X1 Do Q")
    page[NameObject("/Contents")] = writer._add_object(stream)


def test_a_scan_with_a_page_number_is_named(tmp_path):
    pages = ("Cover page of a report with a picture", "Page 2 of 9", "Page 3")
    write(tmp_path / "a.pdf", *pages, prepare=lambda w: [draw_on(w, i, "/Image") for i in (0, 1)])
    with pytest.warns(UserWarning, match="Left out: pictures on page 2 with hardly any text"):
        assert load(tmp_path / "a.pdf").text.split() == " ".join(pages).split()


def test_glyphs_in_a_form_that_is_drawn_are_no_text(tmp_path):
    names = ["/g1", "/g2", "/g3"]
    write(
        tmp_path / "a.pdf", "BT ET", "Text", names=names, prepare=lambda w: draw_on(w, 0, "/Form")
    )
    with pytest.warns(UserWarning, match="Left out: page 1, without"):
        assert load(tmp_path / "a.pdf").text.strip() == "Text"


GLYPHS = "BT /F2 12 Tf 10 50 Td (\x01\x02\x03) Tj ET"


def test_names_of_glyphs_are_no_text(tmp_path):
    write(
        tmp_path / "a.pdf",
        "Cover /g1",
        GLYPHS,
        f"{GLYPHS} BT /F1 12 Tf 10 20 Td (path/one) Tj ET",
        names=["/g1", "/g12", "/one"],
    )
    with pytest.warns(UserWarning, match="Left out: words on pages 1, 2, 3 in a font"):
        text = load(tmp_path / "a.pdf").text
    assert "/g" not in text and text.split() == ["Cover", "1", "1", "path/one"]
    write(tmp_path / "b.pdf", GLYPHS, names=["/g1", "/g2", "/g3"])
    with pytest.warns(UserWarning, match="page 1,"), pytest.raises(AdaptLabError, match="no text"):
        load(tmp_path / "b.pdf")


def test_a_pdf_that_opens_without_a_password_is_read(tmp_path, recwarn):
    write(
        tmp_path / "a.pdf",
        "Send it back.",
        prepare=lambda w: w.encrypt("", "owner", algorithm="RC4-128"),
    )
    assert load(tmp_path / "a.pdf").text == "Send it back." and not recwarn
    write(
        tmp_path / "b.pdf",
        "Secret",
        prepare=lambda w: w.encrypt("user", "owner", algorithm="RC4-128"),
    )
    with pytest.raises(AdaptLabError, match="b.pdf is encrypted. Save it without a password."):
        load(tmp_path / "b.pdf")


def with_annotation(**values):
    """What puts an annotation onto the first page, and if it is a field into the form."""

    def prepare(writer):
        box = ArrayObject([FloatObject(x) for x in (10, 10, 90, 30)])
        held = {"/Type": NameObject("/Annot"), "/Rect": box}
        held |= {f"/{key}": value for key, value in values.items()}
        made = writer._add_object(DictionaryObject({NameObject(k): v for k, v in held.items()}))
        writer.pages[0][NameObject("/Annots")] = ArrayObject([made])
        form = DictionaryObject({NameObject("/Fields"): ArrayObject([made])})
        writer._root_object[NameObject("/AcroForm")] = form

    return prepare


@pytest.mark.parametrize(
    ("kind", "value", "text"),
    [
        ("/Ch", TextStringObject("Oslo"), "Form\n\ncity: Oslo"),
        ("/Ch", ArrayObject([TextStringObject("A"), TextStringObject("B")]), "Form\n\ncity: A, B"),
        ("/Btn", NameObject("/Yes"), "Form\n\ncity: Yes"),
        ("/Btn", NameObject("/Off"), "Form"),
        ("/Sig", DictionaryObject(), "Form"),
    ],
)
def test_choices_and_ticked_boxes_of_a_form_are_read(tmp_path, kind, value, text, recwarn):
    field = {"Subtype": NameObject("/Widget"), "FT": NameObject(kind), "V": value}
    prepare = with_annotation(T=TextStringObject("city"), **field)
    write(tmp_path / "a.pdf", "Form", prepare=prepare)
    assert load(tmp_path / "a.pdf").text == text
    assert not recwarn


@pytest.mark.parametrize("kind", ["/Text", "/Highlight"])
def test_comments_of_readers_are_counted(tmp_path, kind):
    note = {"Subtype": NameObject(kind), "Contents": TextStringObject("Why?")}
    write(tmp_path / "a.pdf", "Form", prepare=with_annotation(**note))
    with pytest.warns(UserWarning, match="Left out: 1 comments"):
        assert load(tmp_path / "a.pdf").text == "Form"


def test_a_title_of_spaces_is_none(tmp_path):
    write(tmp_path / "a.pdf", "Form", prepare=lambda writer: writer.add_metadata({"/Title": "  "}))
    assert load(tmp_path / "a.pdf").title == "a"


def test_values_of_a_form_and_typed_notes_are_read(tmp_path):
    def fill(writer):
        box = ArrayObject([FloatObject(x) for x in (10, 10, 90, 30)])
        note = {
            "/Type": NameObject("/Annot"),
            "/Subtype": NameObject("/FreeText"),
            "/Rect": box,
            "/Contents": TextStringObject("Typed"),
        }
        field = {
            "/Type": NameObject("/Annot"),
            "/Subtype": NameObject("/Widget"),
            "/FT": NameObject("/Tx"),
            "/Rect": box,
            "/T": TextStringObject("city"),
            "/V": TextStringObject("Selby"),
        }
        held = [
            writer._add_object(DictionaryObject({NameObject(k): v for k, v in d.items()}))
            for d in (note, field)
        ]
        writer.pages[0][NameObject("/Annots")] = ArrayObject(held)
        form = DictionaryObject({NameObject("/Fields"): ArrayObject(held[1:])})
        writer._root_object[NameObject("/AcroForm")] = form
        writer.add_attachment("prices.csv", b"lamp,40")

    write(tmp_path / "a.pdf", "Form", prepare=fill)
    with pytest.warns(UserWarning, match="Left out: the attached files prices.csv"):
        assert load(tmp_path / "a.pdf").text.split("\n") == ["Form", "Typed", "", "city: Selby"]
