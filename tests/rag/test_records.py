"""Records of JSON and CSV files as people have them: ids of their own, types, and what
is left out.
"""

import json
from datetime import date

import pytest

from adaptlab.errors import AdaptLabError
from adaptlab.rag.chunk import chunk
from adaptlab.rag.collection import Collection
from adaptlab.rag.embed import minilm
from adaptlab.rag.loaders import load, load_folder
from adaptlab.rag.records import load_records

ROWS = [
    {"ticket": "T-7", "body": "The lamp is dark.", "year": 2024, "by": {"name": "Vera"}},
    {"ticket": "T-8", "body": "The cable is short.", "year": 2025, "tags": ["new"]},
]


def written(folder, name: str, content: str):
    path = folder / name
    path.write_text(content, encoding="utf-8", newline="")
    return path


def as_lists(documents) -> list[tuple]:
    return [(document.source, document.text, dict(document.metadata)) for document in documents]


EXPECTED = [
    ("T-7", "The lamp is dark.", {"year": 2024, "by": {"name": "Vera"}}),
    ("T-8", "The cable is short.", {"year": 2025, "tags": ["new"]}),
]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.json", json.dumps(ROWS)),
        ("pretty.json", json.dumps({"data": ROWS}, indent=2)),
        ("a.jsonl", "\n".join(map(json.dumps, ROWS))),
        ("bom.ndjson", "\ufeff" + "\r\n".join(map(json.dumps, ROWS))),
    ],
)
def test_json_with_ids_of_its_own(tmp_path, name, content):
    path = written(tmp_path, name, content)
    assert as_lists(load_records(path, "body", source="ticket")) == EXPECTED


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_csv_as_spreadsheets_write_it(tmp_path, delimiter, end):
    lines = [
        ["id", "body", "year", "price", "open", "code"],
        ["007", '"It says ""no"",\nthen goes; dark|."', "2024", "1.5", "TRUE", "01"],
        ["008", "Kürzer", "", "2", "false", "2"],
        ["", "", "", "", "", ""],
    ]
    content = "\ufeff" + end.join(delimiter.join(line) for line in lines) + end
    first, second = load_records(written(tmp_path, "a.csv", content), "body", source="id")
    assert first.source == "007" and second.source == "008"
    assert first.text == 'It says "no",\nthen goes; dark|.'
    # A code is no number where one entry has a leading zero; an empty cell is nothing.
    assert first.metadata == {"year": 2024, "price": 1.5, "open": True, "code": "01"}
    assert second.metadata == {"price": 2.0, "open": False, "code": "2"}
    assert isinstance(first.metadata["year"], int)


def test_several_fields_title_day_and_chosen_metadata(tmp_path):
    content = (
        "id,subject,body,changed,secret\n1,Lamp,It is dark.,2026-03-01T10:00:00Z,x\n2,,Short.,,y\n"
    )
    path = written(tmp_path, "a.csv", content)
    first, second = load_records(path, ["subject", "body"], "id", "subject", "changed", [])
    assert (first.text, first.title, first.date) == (
        "Lamp\n\nIt is dark.",
        "Lamp",
        date(2026, 3, 1),
    )
    assert (second.text, second.title, second.metadata) == ("Short.", "", {})


def test_without_an_id_the_source_is_the_place(tmp_path):
    path = written(tmp_path, "a.jsonl", "\n".join(map(json.dumps, ROWS)))
    assert [d.source for d in load_records(path, "body")] == [f"{path} line 1", f"{path} line 2"]


def test_records_without_text_and_what_stands_beside_the_list_are_reported(tmp_path):
    path = written(
        tmp_path, "a.json", json.dumps({"version": 3, "data": [*ROWS, {"ticket": "T-9"}]})
    )
    with pytest.warns(UserWarning) as said:
        assert len(load_records(path, "body", "ticket")) == 2
    texts = [str(warning.message) for warning in said]
    assert any("its list: version" in text for text in texts)
    assert any("1 of 3 records have no text" in text and "entry 3" in text for text in texts)


@pytest.mark.parametrize(
    ("name", "content", "fields", "said"),
    [
        ("a.csv", "id,body\n1,x\n1,y\n", {"source": "id"}, "'id' twice or more"),
        ("a.csv", "id,body\n1,x\n,y\n", {"source": "id"}, "line 3 has no 'id'"),
        ("a.csv", "id,body\n1,x,z\n", {}, "line 2 has 3 cells for 2 columns"),
        ("a.csv", "id,body,id\n1,x,z\n", {}, "column 'id' twice"),
        ("a.csv", 'id,body\n1,"x\n', {}, "table"),
        ("a.csv", "", {}, "is empty"),
        ("a.csv", "id,body\n", {}, "no record"),
        ("a.csv", "id,text\n1,x\n", {}, "no field 'body'.*id, text"),
        ("a.csv", "id,body,title\n1,x,y\n", {}, "a field 'title'"),
        ("a.csv", "id,body\n1,x\n", {"day": "id"}, "1'? is not a date"),
        ("a.json", '[{"body": ["x"]}]', {}, "'body' is list, not text"),
        ("a.json", '["x"]', {}, "is str, not an object"),
        ("a.jsonl", '{"body": "x"}\n{"body": \n', {}, "line 2: not JSON"),
        ("a.json", '[{"body": "x", "n": NaN}]', {}, "JSON cannot"),
        ("a.json", '[{"body": "x", "n": NaN}]', {}, "a.json, entry 1: 'n' in the metadata is nan"),
        ("a.jsonl", '{"body": "x", "$n": 1}', {}, r"a.jsonl, line 1: '\$n'"),
        ("a.xlsx", "x", {}, "file of records"),
    ],
)
def test_what_cannot_be_read_is_refused(tmp_path, name, content, fields, said):
    with pytest.raises(AdaptLabError, match=said):
        load_records(written(tmp_path, name, content), "body", **fields)


def test_the_line_in_which_excel_states_the_delimiter_is_no_row(tmp_path):
    path = written(tmp_path, "a.csv", "sep=;\r\nid;body, long\r\n1;a, b\r\n")
    (found,) = load_records(path, "body, long")
    assert (found.text, found.source) == ("a, b", f"{path} line 3")


def test_a_space_before_a_quote_is_no_part_of_a_cell(tmp_path):
    path = written(tmp_path, "a.csv", 'id, body\n1, "It is, here, dark."\n2, " x"\n')
    assert [found.text for found in load_records(path, "body")] == ["It is, here, dark.", " x"]


def test_columns_without_a_name_are_left_out_and_counted(tmp_path, recwarn):
    (found,) = load_records(written(tmp_path, "a.csv", ",body,,\n0,x,,\n"), "body")
    assert (found.text, found.metadata) == ("x", {})
    assert [str(w.message).partition(" is ")[2] for w in recwarn] == [
        "read in part. Left out: 1 column without a name."
    ]


def test_one_name_of_metadata_is_a_name(tmp_path):
    path = written(tmp_path, "a.csv", "id,body,team\n1,x,sales\n")
    assert [found.metadata for found in load_records(path, "body", metadata="team")] == [
        {"team": "sales"}
    ]


@pytest.mark.parametrize("fields", [None, [], 5, ["body", None]])
def test_the_field_of_the_text_has_a_name(tmp_path, fields):
    with pytest.raises(AdaptLabError, match="Give the name of a field"):
        load_records(written(tmp_path, "a.csv", "id,body\n1,x\n"), fields)


def test_load_says_what_to_call_and_a_folder_says_what_it_leaves(tmp_path):
    path = written(tmp_path, "a.csv", "id,body\n1,x\n")
    written(tmp_path, "b.md", "text")
    written(tmp_path, "Makefile", "all:")
    with pytest.raises(AdaptLabError, match="load_records"):
        load(path)
    with pytest.warns(UserWarning, match=r"\.csv \(1\), no ending \(1\)"):
        assert len(load_folder(tmp_path)) == 1


def test_a_record_is_changed_by_its_id(tmp_path):
    path = written(tmp_path, "a.jsonl", "\n".join(map(json.dumps, ROWS)))
    collection = Collection(minilm())
    collection.update(chunk(load_records(path, "body", "ticket")))
    changed = [ROWS[0] | {"body": "The lamp is bright."}]
    collection.update(
        chunk(load_records(written(tmp_path, "b.json", json.dumps(changed)), "body", "ticket"))
    )
    assert sorted(piece.text for piece in collection.chunks.values()) == [
        "The cable is short.",
        "The lamp is bright.",
    ]
