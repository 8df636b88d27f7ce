"""Word documents: every part with words is read, or named in a warning."""

import docx
import pytest
from docx.opc.constants import RELATIONSHIP_TYPE as ROLE
from docx.opc.packuri import PackURI
from docx.opc.part import Part
from lxml import etree

from adaptlab.rag.chunk import chunk
from adaptlab.rag.loaders import load

SPACES = (
    'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
    ' xmlns:v="urn:schemas-microsoft-com:vml"'
    ' xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006"'
    ' xmlns:m="http://schemas.openxmlformats.org/officeDocument/2006/math"'
)


def run(text: str) -> str:
    return f'<w:r><w:t xml:space="preserve">{text}</w:t></w:r>'


def par(*inside: str) -> str:
    return f"<w:p>{''.join(inside)}</w:p>"


def table(*rows: str) -> str:
    return f"<w:tbl>{''.join(f'<w:tr>{row}</w:tr>' for row in rows)}</w:tbl>"


def cell(inside: str, properties: str = "") -> str:
    return f"<w:tc><w:tcPr>{properties}</w:tcPr>{inside}</w:tc>"


def box(inside: str) -> str:
    content = f"<w:txbxContent>{inside}</w:txbxContent>"
    return f"<w:r><w:pict><v:shape><v:textbox>{content}</v:textbox></v:shape></w:pict></w:r>"


def raised(text: str, place: str = "superscript") -> str:
    return f"<w:r><w:rPr><w:vertAlign w:val='{place}'/></w:rPr><w:t>{text}</w:t></w:r>"


def chosen(field: str) -> str:
    return f"<w:r><w:fldChar w:fldCharType='begin'><w:ffData>{field}</w:ffData></w:fldChar></w:r>"


def term(text: str) -> str:
    return f"<m:r><m:t>{text}</m:t></m:r>"


def part(kind: str, signs: str = "", **parts: str) -> str:
    inside = "".join(f"<m:{name}>{term(text)}</m:{name}>" for name, text in parts.items())
    return f"<m:{kind}><m:{kind}Pr>{signs}</m:{kind}Pr>{inside}</m:{kind}>"


def row(*cells: str) -> str:
    return f"<m:mr>{''.join(f'<m:e>{term(cell)}</m:e>' for cell in cells)}</m:mr>"


def formula(*inside: str) -> str:
    return par(f"<m:oMath>{''.join(inside)}</m:oMath>")


def write(path, *blocks: str, **parts: str) -> None:
    """A document of these blocks; `parts` are footnotes, comments and the like, by their roles."""
    document = docx.Document()
    body = document.element.body
    body[:0] = list(etree.fromstring(f"<w:body {SPACES}>{''.join(blocks)}</w:body>"))
    for role, inside in parts.items():
        blob = f"<w:{role} {SPACES}>{inside}</w:{role}>".encode()
        name = PackURI(f"/word/{role}.xml")
        kind = f"application/vnd.openxmlformats-officedocument.wordprocessingml.{role}+xml"
        document.part.relate_to(
            Part(name, kind, blob, document.part.package), getattr(ROLE, role.upper())
        )
    document.save(str(path))


@pytest.mark.parametrize(
    "blocks, text",
    [
        ([f"<w:sdt><w:sdtPr/><w:sdtContent>{par(run('a'))}</w:sdtContent></w:sdt>"], "a"),
        ([par(run("See "), f"<w:sdt><w:sdtContent>{run('b')}</w:sdtContent></w:sdt>")], "See b"),
        (
            [
                par(
                    run("See"),
                    f"<w:ins>{run(' in')}</w:ins>",
                    "<w:del><w:r><w:delText>out</w:delText></w:r></w:del>",
                )
            ],
            "See in",
        ),
        (
            [par(f"<w:moveFrom>{run('old')}</w:moveFrom>", f"<w:moveTo>{run('new')}</w:moveTo>")],
            "new",
        ),
        (
            [f"<w:ins>{par(run('a'))}</w:ins>", f"<w:customXml>{par(run('b'))}</w:customXml>"],
            "a\n\nb",
        ),
        (
            [
                par(
                    f"<w:hyperlink>{run('link')}</w:hyperlink>",
                    f"<w:smartTag>{run(' tag')}</w:smartTag>",
                )
            ],
            "link tag",
        ),
        (
            [
                par(
                    "<w:fldSimple w:instr='PAGE'>",
                    run("7"),
                    "</w:fldSimple>",
                    "<w:r><w:instrText>CODE</w:instrText></w:r>",
                )
            ],
            "7",
        ),
        ([par("<m:oMath><m:r><m:t>x=1</m:t></m:r></m:oMath>")], "x=1"),
        ([par(run("10"), raised("6"), run(" and 1"), raised("st"))], "10^6 and 1st"),
        (
            [par(run("101"), raised("2", "subscript"), run(", CO"), raised("2", "subscript"))],
            "101_2, CO2",
        ),
        (
            [
                par(
                    run("City: "),
                    chosen(
                        "<w:ddList><w:result w:val='1'/><w:listEntry w:val='Selby'/><w:listEntry"
                        " w:val='Oslo'/></w:ddList>"
                    ),
                )
            ],
            "City: Oslo",
        ),
        (
            [
                par(
                    chosen("<w:checkBox><w:default w:val='0'/><w:checked/></w:checkBox>"),
                    run(" yes"),
                )
            ],
            "☒ yes",
        ),
        ([par(chosen("<w:checkBox><w:default w:val='0'/></w:checkBox>"), run(" no"))], "☐ no"),
        (
            [
                par(
                    f"<w:r><w:ruby><w:rt>{run('tui')}</w:rt>"
                    f"<w:rubyBase>{run('退')}</w:rubyBase></w:ruby></w:r>"
                )
            ],
            "退(tui)",
        ),
        ([formula(part("func", fName="sin", e="x"))], "sin x"),
        ([formula(f"<m:m>{row('1', '2')}{row('3', '4')}</m:m>")], "1, 2; 3, 4"),
        ([formula(term("E="), part("f", num="a", den="b+1"))], "E=a/(b+1)"),
        ([formula(part("sSup", e="10", sup="-6"), part("sSub", e="x", sub="i"))], "10^(-6)x_i"),
        ([formula(term("f"), part("d", e="x"), part("rad", deg="3", e="y"))], "f(x)3√y"),
        ([formula(part("nary", "<m:chr m:val='∑'/>", sub="i=1", sup="n", e="x"))], "∑_(i=1)^n x"),
        ([formula(part("d", "<m:begChr m:val='['/><m:endChr m:val=']'/>", e="0"))], "[0]"),
        (
            [
                par(
                    "<w:pPr><w:tabs><w:tab w:val='left'/></w:tabs></w:pPr>"
                    "<w:r><w:t>a</w:t><w:tab/><w:t>b</w:t><w:br/><w:t>c</w:t></w:r>"
                )
            ],
            "a\tb\nc",
        ),
        ([par(run("Before"), box(par(run("BOX")))), par(run("after"))], "Before\n\nBOX\n\nafter"),
        (
            [
                par(
                    run("P"),
                    "<w:r><mc:AlternateContent><mc:Choice><w:x>"
                    f"<w:txbxContent>{par(run('once'))}</w:txbxContent></w:x></mc:Choice>"
                    f"<mc:Fallback>{box(par(run('once')))}</mc:Fallback>"
                    "</mc:AlternateContent></w:r>",
                )
            ],
            "P\n\nonce",
        ),
        (
            [
                table(
                    cell(par(run("a"))) + cell(par(run("b"))),
                    cell(par(run("merged")), '<w:gridSpan w:val="2"/>'),
                )
            ],
            "a | b\nmerged",
        ),
        (
            [
                table(
                    cell(par(run("tall")), '<w:vMerge w:val="restart"/>') + cell(par(run("b"))),
                    cell(par(), "<w:vMerge/>") + cell(par(run("c"))),
                )
            ],
            "tall | b\n | c",
        ),
        (
            [
                table(
                    cell(
                        par(run("outer"))
                        + table(cell(par(run("in 1"))), cell(par(run("in 2"))))
                        + par()
                    )
                )
            ],
            "outer\nin 1\nin 2",
        ),
        (
            [
                table(
                    f"<w:sdt><w:sdtContent>{cell(par(run('held')))}</w:sdtContent></w:sdt>"
                    + cell(par(run("b"), box(par(run("BOX")))))
                )
            ],
            "held | b\nBOX",
        ),
        (
            [table(cell(par(run("kept"))), "<w:trPr><w:del/></w:trPr>" + cell(par(run("gone"))))],
            "kept",
        ),
    ],
)
def test_every_part_of_the_text_is_read_once(tmp_path, blocks, text, recwarn):
    write(tmp_path / "a.docx", *blocks)
    assert load(tmp_path / "a.docx").text == text
    assert not recwarn


def test_notes_stand_after_the_paragraph_that_refers_to_them(tmp_path):
    referring = par(
        run("x"),
        '<w:r><w:footnoteReference w:id="2"/></w:r>',
        '<w:r><w:endnoteReference w:id="1"/></w:r>',
    )
    notes = (
        '<w:footnote w:id="0" w:type="separator"><w:p/></w:footnote>'
        + f'<w:footnote w:id="2">{par(run("FOOT"))}</w:footnote>'
    )
    write(
        tmp_path / "a.docx",
        referring,
        par(run("y")),
        footnotes=notes,
        endnotes=f'<w:endnote w:id="1">{par(run("END"))}</w:endnote>',
    )
    assert load(tmp_path / "a.docx").text == "x\n\nFOOT\n\nEND\n\ny"


def test_comments_and_headers_are_named(tmp_path):
    write(
        tmp_path / "a.docx",
        par(run("text")),
        comments=f'<w:comment w:id="0">{par(run("why"))}</w:comment>',
    )
    document = docx.Document(str(tmp_path / "a.docx"))
    document.sections[0].header.paragraphs[0].text = "Secret"
    document.sections[0].footer.paragraphs[0].text = " "
    document.save(str(tmp_path / "a.docx"))
    with pytest.warns(
        UserWarning, match="a.docx is read in part. Left out: 1 comments; 1 page headers.$"
    ):
        assert load(tmp_path / "a.docx").text == "text"


def test_numbers_that_word_computes_are_counted(tmp_path):
    document = docx.Document()
    for style in ("List Number", "List Number", "List Bullet", "Normal"):
        document.add_paragraph("a", style)
    own = document.styles.add_style("Own", 1)
    own.base_style = document.styles["List Number"]
    document.add_paragraph("b", "Own")
    plain = document.add_paragraph("c", "Own")  # without a number of its own
    removed = f'<w:numPr {SPACES}><w:numId w:val="0"/></w:numPr>'
    plain._p.get_or_add_pPr().append(etree.fromstring(removed))
    document.save(str(tmp_path / "a.docx"))
    with pytest.warns(UserWarning, match="Left out: the automatic numbers of 3 paragraphs.$"):
        assert load(tmp_path / "a.docx").text.split() == ["a", "a", "a", "a", "b", "c"]


def test_headings_by_style_by_base_style_and_by_outline(tmp_path):
    document = docx.Document()
    document.add_heading("The letter", 0)
    own = document.styles.add_style("Own", 1)
    own.base_style = document.styles["Heading 2"]
    document.add_paragraph("Part", "Own")
    document.add_paragraph("a")
    document.add_heading("Deep", 8)
    document.add_paragraph("b")
    outline = document.add_paragraph("Outlined")
    outline._p.get_or_add_pPr().append(etree.fromstring(f'<w:outlineLvl {SPACES} w:val="0"/>'))
    document.add_paragraph("c")
    document.save(str(tmp_path / "a.docx"))
    found = load(tmp_path / "a.docx")
    assert found.title == "The letter"
    assert [c.in_context() for c in chunk([found])] == [
        "The letter: The letter",
        "Part: a",
        "Part > Deep: b",
        "Outlined: c",
    ]
