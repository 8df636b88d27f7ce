"""Formats of training data: read alike, and every fault named with its line."""

import json

import pytest

from adaptlab.errors import AdaptLabError
from adaptlab.tune import formats

TALK = [{"role": "user", "content": "Which shelf?"}, {"role": "assistant", "content": "Shelf 4."}]


def file_of(tmp_path, *rows):
    path = tmp_path / "data.jsonl"
    path.write_text("\n".join(row if isinstance(row, str) else json.dumps(row) for row in rows), encoding="utf-8")
    return path


@pytest.mark.parametrize("row", [
    {"messages": TALK},
    {"prompt": "Which shelf?", "completion": "Shelf 4."},
    {"prompt": TALK[:1], "completion": TALK[1:]},
    {"instruction": "Which shelf?", "input": "", "output": "Shelf 4."},
    {"instruction": "Which shelf?", "output": "Shelf 4."},
    {"text": "### Human: Which shelf?\n### Assistant: Shelf 4."},
])  # fmt: skip
def test_each_format_gives_the_same_conversation(tmp_path, row):
    assert formats.read_conversations(file_of(tmp_path, row, row)) == [TALK, TALK]


def test_a_json_list_is_read_as_well_as_lines(tmp_path):
    path = file_of(tmp_path, json.dumps([{"instruction": "Add.", "input": "2 and 3", "output": "5"}], indent=1))
    assert formats.read_conversations(path) == [[{"role": "user", "content": "Add.\n\n2 and 3"}, {"role": "assistant", "content": "5"}]]


def test_many_turns_weights_and_roles_survive(tmp_path):
    rows = [{"messages": [{"role": "system", "content": "Be brief."}, {"role": "data", "content": "[1] a"}, *TALK[:1],
                          TALK[1] | {"weight": 0}, {"role": "user", "content": "Sure?"}, {"role": "assistant", "content": "Yes."}]}]  # fmt: skip
    assert formats.read_conversations(file_of(tmp_path, *rows)) == [rows[0]["messages"]]
    dialogue = {"text": "### Human: One?\n### Assistant: Two.\nStill two: ### Human: is no turn here.\n### Human: Three?\n### Assistant: Four."}
    assert [m["role"] for m in formats.read_conversations(file_of(tmp_path, dialogue))[0]] == ["user", "assistant"] * 2


def test_what_is_written_is_read(tmp_path):
    formats.write_conversations(tmp_path / "out.jsonl", [TALK, [{"role": "system", "content": "Grüße\u2028"}, *TALK]])
    assert formats.read_conversations(tmp_path / "out.jsonl") == [TALK, [{"role": "system", "content": "Grüße\u2028"}, *TALK]]


@pytest.mark.parametrize("row, says", [
    ("{broken", "line 2: not JSON"),
    ("[1]", "line 2: not an object"),
    ({"question": "a"}, "this one has question"),
    ({}, "this one has none"),
    ({"prompt": "a", "messages": TALK}, "this one has messages, prompt"),
    ({"messages": TALK[:1]}, "ends without a reply"),
    ({"messages": TALK[::-1] + TALK[1:]}, "do not take turns"),
    ({"messages": []}, "not a list of objects"),
    ({"messages": "hello"}, "not a list of objects"),
    ({"messages": [{"role": "human", "content": "a"}, *TALK[1:]]}, "message 1 has the role 'human'"),
    ({"messages": [TALK[0], {"role": "assistant", "content": "  "}]}, "message 2 has no text"),
    ({"messages": [TALK[0], {"role": "assistant", "content": None}]}, "message 2 has no text"),
    ({"messages": [*TALK, {"role": "system", "content": "a"}, *TALK]}, "a system message stands after the first place"),
    ({"messages": [TALK[0] | {"weight": 1}, TALK[1]]}, "weight that is not 0 or 1 on a reply"),
    ({"messages": [TALK[0], TALK[1] | {"weight": 0.5}]}, "weight that is not 0 or 1 on a reply"),
    ({"messages": [TALK[0], TALK[1] | {"weight": 0}]}, "every reply has weight 0"),
    ({"messages": [TALK[0], TALK[1] | {"tool_calls": []}]}, "'tool_calls', which is not supported"),
    ({"prompt": "a"}, '"completion" is missing'),
    ({"prompt": "a", "completion": 7}, '"completion" must be a text'),
    ({"instruction": "", "output": "a"}, '"instruction" is empty'),
    ({"text": "no turns"}, 'must begin with "### Human:"'),
    ({"prompt": "a", "completion": "b"}, "mixes formats: messages from line 1, completion from line 2"),
])  # fmt: skip
def test_a_fault_is_named_with_its_line(tmp_path, row, says):
    with pytest.raises(AdaptLabError) as error:
        formats.read_conversations(file_of(tmp_path, {"messages": TALK}, row))
    assert says in str(error.value) and "data.jsonl" in str(error.value)


def test_many_faults_are_counted_and_files_without_rows_refused(tmp_path):
    with pytest.raises(AdaptLabError, match=r"line 5: .*; and 4 more\.$"):
        formats.read_conversations(file_of(tmp_path, *["{"] * 9))
    for nothing in ("", "\n\n", "[]"):
        with pytest.raises(AdaptLabError, match="holds no rows"):
            formats.read_conversations(file_of(tmp_path, nothing))
    (tmp_path / "latin.jsonl").write_bytes('{"prompt": "é"}'.encode("latin-1"))
    with pytest.raises(AdaptLabError, match="not UTF-8"):
        formats.read_conversations(tmp_path / "latin.jsonl")
    with pytest.raises(AdaptLabError, match="line 1: not JSON"):
        formats.read_conversations(file_of(tmp_path, "[{]"))


def test_duplicates_and_leaks_are_found():
    loud = [{"role": "user", "content": "WHICH  shelf?"}, {"role": "assistant", "content": "shelf 4."}]
    other = [{"role": "user", "content": "Which team?"}, {"role": "assistant", "content": "Falcon."}]
    assert formats.duplicates([TALK, other, loud]) == [(3, 1)]
    formats.refuse_leaks([TALK], [other])
    with pytest.raises(AdaptLabError, match="1 of 2 test questions stand in the training data .row 1 is test row 2"):
        formats.refuse_leaks([TALK], [other, [loud[0], {"role": "assistant", "content": "Another reply."}]])
