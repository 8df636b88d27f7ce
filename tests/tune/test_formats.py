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
    {"instruction": "Which shelf?", "input": None, "output": "Shelf 4.", "text": "Below is an instruction."},
    {"messages": TALK, "prompt": "Which shelf?", "prompt_id": "a7"},
    {"text": "### Human: Which shelf?\n### Assistant: Shelf 4."},
    {"text": "### Human: Which shelf?### Assistant: Shelf 4."},
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
    dialogue = {"text": "### Human: One?### Assistant: Two.\nStill two: # Human: is no mark.### Human: Three?\n### Assistant: Four."}
    assert [m["role"] for m in formats.read_conversations(file_of(tmp_path, dialogue))[0]] == ["user", "assistant"] * 2
    developer = [{"role": "developer", "content": "Be brief."}, *TALK]
    assert formats.read_conversations(file_of(tmp_path, {"messages": developer}))[0][0] == {"role": "system", "content": "Be brief."}
    earlier = formats.read_conversations(file_of(tmp_path, {"prompt": [*TALK, TALK[0]], "completion": TALK[1:]}))[0]
    assert [m.get("weight") for m in earlier] == [None, 0, None, None], "TRL learns the completion, not the replies of the prompt"


def test_a_byte_order_mark_is_no_fault(tmp_path):
    for text in (json.dumps({"messages": TALK}), json.dumps([{"messages": TALK}], indent=2)):
        (tmp_path / "bom.jsonl").write_text(text, encoding="utf-8-sig")
        assert formats.read_conversations(tmp_path / "bom.jsonl") == [TALK]


def test_the_data_role_is_written_into_the_turn_that_others_know(tmp_path):
    formats.write_conversations(tmp_path / "out.jsonl", [[{"role": "data", "content": "[1] a"}, TALK[0], TALK[1] | {"weight": 0}, *TALK]])
    user, reply, *_ = formats.read_conversations(tmp_path / "out.jsonl")[0]
    assert user["role"] == "user" and "[1] a" in user["content"] and "Which shelf?" in user["content"] and reply["weight"] == 0


def test_what_is_written_is_read(tmp_path):
    formats.write_conversations(tmp_path / "out.jsonl", [TALK, [{"role": "system", "content": "Grüße\u2028"}, *TALK]])
    assert formats.read_conversations(tmp_path / "out.jsonl") == [TALK, [{"role": "system", "content": "Grüße\u2028"}, *TALK]]


@pytest.mark.parametrize("row, says", [
    ("{broken", "line 2: not JSON"),
    ("[1]", "line 2: not an object"),
    ({"question": "a"}, "this one has question"),
    ({}, "this one has nothing"),
    ('{"prompt": "a", "prompt": "b", "completion": "c"}', '"prompt" stands twice'),
    ("[" * 100_000, "nested too deeply"),
    ('{"n": ' + "1" * 5000 + "}", "a number too long"),
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
    ({"messages": [TALK[0], TALK[1] | {"weight": True}]}, "weight that is not 0 or 1 on a reply"),
    ({"messages": [TALK[0], TALK[1] | {"name": "Bo"}]}, "'name', which is not supported"),
    ({"messages": TALK, "tools": [{"type": "function"}]}, 'its "tools" are not supported'),
    ({"messages": [TALK[0], {"role": "assistant", "content": None, "tool_calls": [{"id": "a"}]}]}, "message 2 is part of a call of tools (tool_calls)"),
    ({"messages": [TALK[0], {"role": "tool", "content": "4"}, TALK[1]]}, "message 2 is part of a call of tools (role tool)"),
    ({"messages": [TALK[0], {"role": "assistant", "content": [{"type": "text", "text": "a"}]}]}, "as one text, not in parts"),
    ('{"messages": [{"role": "user", "content": "\\ud83d"}, {"role": "assistant", "content": "a"}]}', "half of a character"),
    ({"messages": [TALK[0], {"role": "data", "content": "[1] a"}, TALK[1]]}, "a data message does not stand before the user's"),
    ({"prompt": "a"}, "this one has prompt"),
    ({"prompt": TALK, "completion": "a"}, "must both be texts or both be lists"),
    ({"prompt": TALK, "completion": []}, "begins with the assistant's message"),
    ({"prompt": [], "completion": TALK}, "begins with the assistant's message"),
    ({"prompt": "a", "completion": 7}, '"completion" must be a text'),
    ({"instruction": "", "output": "a"}, '"instruction" is empty'),
    ({"instruction": "a", "input": 3, "output": "b"}, '"input" must be a text'),
    ({"text": "no turns"}, 'must begin with "### Human:"'),
    ({"text": "### Human: alone"}, "ends without a reply"),
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
    with pytest.raises(AdaptLabError, match="the list: not JSON"):
        formats.read_conversations(file_of(tmp_path, "[{]"))
    with pytest.raises(AdaptLabError, match="entry 2: not an object"):
        formats.read_conversations(file_of(tmp_path, json.dumps([{"messages": TALK}, 3], indent=2)))


def test_duplicates_and_leaks_are_found():
    loud = [{"role": "user", "content": "WHICH  shelf?"}, {"role": "assistant", "content": "shelf 4."}]
    other = [{"role": "user", "content": "Which team?"}, {"role": "assistant", "content": "Falcon."}]
    assert formats.duplicates([TALK, other, loud]) == [(3, 1)]
    formats.refuse_leaks([TALK], [other])
    assert formats.duplicates([TALK, [TALK[0], TALK[1] | {"weight": 0}]]) == []
    formats.refuse_leaks([TALK], [[{"role": "data", "content": "[1] a"}, *TALK]])
    with pytest.raises(AdaptLabError, match="1 of 2 test rows are in the training data .row 1 asks what test row 2 asks"):
        formats.refuse_leaks([TALK], [other, [loud[0], {"role": "assistant", "content": "Another reply."}]])
    for train, test in (([*TALK, *other], TALK), (TALK, [*TALK, *other]), ([{"role": "system", "content": "Be brief."}, *TALK], TALK)):
        with pytest.raises(AdaptLabError, match="1 of 1 test rows"):
            formats.refuse_leaks([train], [test])
