"""Formats of training data: read alike, and every fault named with its line."""

import json
import warnings

import pytest

from adaptlab.errors import AdaptLabError
from adaptlab.tune import formats
from adaptlab.tune.left_out import LeftOut

TALK = [{"role": "user", "content": "Which shelf?"}, {"role": "assistant", "content": "Shelf 4."}]


def file_of(tmp_path, *rows):
    path = tmp_path / "data.jsonl"
    path.write_text(
        "\n".join(row if isinstance(row, str) else json.dumps(row) for row in rows),
        encoding="utf-8",
    )
    return path


@pytest.mark.parametrize(
    "row",
    [
        {"messages": TALK},
        {"prompt": "Which shelf?", "completion": "Shelf 4."},
        {"prompt": TALK[:1], "completion": TALK[1:]},
        {"instruction": "Which shelf?", "input": "", "output": "Shelf 4."},
        {"instruction": "Which shelf?", "output": "Shelf 4."},
        {
            "instruction": "Which shelf?",
            "input": None,
            "output": "Shelf 4.",
            "text": "Below is an instruction.",
        },
        {"messages": TALK, "prompt": "Which shelf?", "prompt_id": "a7"},
        {"text": "### Human: Which shelf?\n### Assistant: Shelf 4."},
        {"text": "### Human: Which shelf?### Assistant: Shelf 4."},
    ],
)
def test_each_format_gives_the_same_conversation(tmp_path, row):
    assert formats.read_conversations(file_of(tmp_path, row, row)) == [TALK, TALK]


def test_a_json_list_is_read_as_well_as_lines(tmp_path):
    path = file_of(
        tmp_path, json.dumps([{"instruction": "Add.", "input": "2 and 3", "output": "5"}], indent=1)
    )
    assert formats.read_conversations(path) == [
        [{"role": "user", "content": "Add.\n\n2 and 3"}, {"role": "assistant", "content": "5"}]
    ]


def test_many_turns_weights_and_roles_survive(tmp_path):
    rows = [
        {
            "messages": [
                {"role": "system", "content": "Be brief."},
                {"role": "data", "content": "[1] a"},
                *TALK[:1],
                TALK[1] | {"weight": 0},
                {"role": "user", "content": "Sure?"},
                {"role": "assistant", "content": "Yes."},
            ]
        }
    ]
    assert formats.read_conversations(file_of(tmp_path, *rows)) == [rows[0]["messages"]]
    dialogue = {
        "text": (
            "### Human: One?### Assistant: Two.\nStill two: # Human: is no mark.### Human:"
            " Three?\n### Assistant: Four."
        )
    }
    assert [m["role"] for m in formats.read_conversations(file_of(tmp_path, dialogue))[0]] == [
        "user",
        "assistant",
    ] * 2
    developer = [{"role": "developer", "content": "Be brief."}, *TALK]
    assert formats.read_conversations(file_of(tmp_path, {"messages": developer}))[0][0] == {
        "role": "system",
        "content": "Be brief.",
    }
    earlier = formats.read_conversations(
        file_of(tmp_path, {"prompt": [*TALK, TALK[0]], "completion": TALK[1:]})
    )[0]
    assert [m.get("weight") for m in earlier] == [
        None,
        0,
        None,
        None,
    ], "TRL learns the completion, not the replies of the prompt"


def test_a_byte_order_mark_is_no_fault(tmp_path):
    for text in (json.dumps({"messages": TALK}), json.dumps([{"messages": TALK}], indent=2)):
        (tmp_path / "bom.jsonl").write_text(text, encoding="utf-8-sig")
        assert formats.read_conversations(tmp_path / "bom.jsonl") == [TALK]


def test_the_data_role_is_written_into_the_turn_that_others_know(tmp_path):
    formats.write_conversations(
        tmp_path / "out.jsonl",
        [[{"role": "data", "content": "[1] a"}, TALK[0], TALK[1] | {"weight": 0}, *TALK]],
    )
    user, reply, *_ = formats.read_conversations(tmp_path / "out.jsonl")[0]
    assert (
        user["role"] == "user"
        and "[1] a" in user["content"]
        and "Which shelf?" in user["content"]
        and reply["weight"] == 0
    )


def test_what_is_written_is_read(tmp_path):
    formats.write_conversations(
        tmp_path / "out.jsonl", [TALK, [{"role": "system", "content": "Grüße\u2028"}, *TALK]]
    )
    assert formats.read_conversations(tmp_path / "out.jsonl") == [
        TALK,
        [{"role": "system", "content": "Grüße\u2028"}, *TALK],
    ]


@pytest.mark.parametrize(
    "row, says",
    [
        ("{broken", "line 2: not JSON"),
        ("[1]", "line 2: not an object"),
        ({"question": "a"}, "this row has question"),
        ({}, "this row has nothing"),
        ('{"prompt": "a", "prompt": "b", "completion": "c"}', '"prompt" occurs twice'),
        ("[" * 100_000, "nested too deeply"),
        ('{"n": ' + "1" * 5000 + "}", "number that is too long"),
        ({"messages": TALK[:1]}, "ends without a reply"),
        ({"messages": TALK[::-1] + TALK[1:]}, "alternate"),
        ({"messages": []}, "not a list of objects"),
        ({"messages": "hello"}, "not a list of objects"),
        (
            {"messages": [{"role": "robot", "content": "a"}, *TALK[1:]]},
            "message 1 has the role 'robot'",
        ),
        ({"messages": [TALK[0], {"role": "assistant", "content": "  "}]}, "message 2 has no text"),
        ({"messages": [TALK[0], {"role": "assistant", "content": None}]}, "message 2 has no text"),
        (
            {"messages": [*TALK, {"role": "system", "content": "a"}, *TALK]},
            "a system message",
        ),
        (
            {"prompt": "\n\nHuman: a?\n\nAssistant: Sure,", "completion": "b."},
            '"prompt" ends with',
        ),
        ({"messages": [TALK[0] | {"weight": 1}, TALK[1]]}, "weight that is not 0 or 1 on a reply"),
        (
            {"messages": [TALK[0], TALK[1] | {"weight": 0.5}]},
            "weight that is not 0 or 1 on a reply",
        ),
        ({"messages": [TALK[0], TALK[1] | {"weight": 0}]}, "every reply has weight 0"),
        (
            {"messages": [TALK[0], TALK[1] | {"weight": True}]},
            "weight that is not 0 or 1 on a reply",
        ),
        ({"messages": [TALK[0], TALK[1] | {"name": "Bo"}]}, "'name', which is not supported"),
        ({"messages": TALK, "tools": [{"type": "function"}]}, 'its "tools" are not supported'),
        (
            {
                "messages": [
                    TALK[0],
                    {"role": "assistant", "content": None, "tool_calls": [{"id": "a"}]},
                ]
            },
            "message 2 is part of a tool call (tool_calls)",
        ),
        (
            {"messages": [TALK[0], {"role": "tool", "content": "4"}, TALK[1]]},
            "message 2 is part of a tool call (role tool)",
        ),
        (
            {
                "messages": [
                    TALK[0],
                    {"role": "assistant", "content": [{"type": "image_url", "image_url": {}}]},
                ]
            },
            "message 2 has a part of the type 'image_url'",
        ),
        (
            {
                "messages": [
                    {"role": "user", "content": [{"type": "text", "text": "a", "persona": "b"}]},
                    TALK[1],
                ]
            },
            "message 1 has a part with the key 'persona'",
        ),
        (
            {"conversations": [{"from": "narrator", "value": "a"}, TALK[1]]},
            "message 1 is from 'narrator'",
        ),
        (
            {
                "conversations": [
                    {"from": "human", "value": "a"},
                    {"from": "function_call", "value": "b"},
                ]
            },
            "message 2 is part of a tool call",
        ),
        (
            {"conversations": [{"from": "human", "value": "a", "persona": "b"}, TALK[1]]},
            "message 1 has the key 'persona'",
        ),
        ({"messages": TALK, "weight": 0}, "weight 0"),
        ({"messages": TALK, "weight": 0.5}, 'its "weight" is not 0 or 1'),
        (
            {"messages": TALK, "persona": "a pirate"},
            'its key "persona" is unknown',
        ),
        ({"messages": TALK, "history": [["a?", "b."]]}, 'its key "history" is unknown'),
        ({"messages": TALK, "context": "The lamp is on shelf 3."}, 'its key "context" is unknown'),
        (
            {"messages": TALK, "image_url": "https://example.org/a.png"},
            'its key "image_url" is unknown',
        ),
        ({"messages": TALK, "prompt": "Another question?"}, 'its key "prompt" is unknown'),
        (
            {"messages": TALK, "rejected": [TALK[1] | {"content": "Shelf 5."}]},
            'its key "rejected" is unknown',
        ),
        (
            {"messages": [{"role": "system", "content": "a"}, *TALK], "system": "b"},
            "it has two system prompts",
        ),
        ({"messages": TALK, "system": 3}, '"system" must be a text'),
        ({"prompt": "a", "completion": "b", "label": False}, 'its key "label" is unknown'),
        (
            {"prompt": "a", "completion": "b", "history": ["c"]},
            '"history" must be a list of [question, reply]',
        ),
        ({"instruction": "a", "output": None}, "this row has instruction, output (null)"),
        (
            (
                '{"messages": [{"role": "user", "content": "\\ud83d"}, {"role": "assistant",'
                ' "content": "a"}]}'
            ),
            "half of a character",
        ),
        (
            {"messages": [TALK[0], {"role": "data", "content": "[1] a"}, TALK[1]]},
            "a data message",
        ),
        ({"prompt": "a"}, "this row has prompt"),
        ({"prompt": TALK, "completion": "a"}, "must both be texts or both be lists"),
        ({"prompt": {"a": 1}, "completion": {"b": 2}}, "must both be texts or both be lists"),
        ({"prompt": 3, "completion": "a"}, "must both be texts or both be lists"),
        ({"messages": TALK, "max_tokens": 3}, 'its key "max_tokens" is unknown'),
        ({"messages": TALK, "tools": "[{}]"}, 'its "tools" are not supported'),
        ({"prompt": TALK, "completion": []}, "begins with the assistant's message"),
        ({"prompt": [], "completion": TALK}, "begins with the assistant's message"),
        ({"prompt": "a", "completion": 7}, '"completion" must be a text'),
        ({"instruction": "", "output": "a"}, '"instruction" is empty'),
        ({"instruction": "a", "input": 3, "output": "b"}, '"input" must be a text'),
        ({"text": "no turns"}, 'must begin with "### Human:"'),
        ({"text": "### Human: alone"}, "ends without a reply"),
        (
            {"prompt": "a", "completion": "b"},
            "mixes formats: messages from line 1, completion from line 2",
        ),
    ],
)
def test_a_fault_is_named_with_its_line(tmp_path, row, says):
    with pytest.raises(AdaptLabError) as error:
        formats.read_conversations(file_of(tmp_path, {"messages": TALK}, row))
    assert says in str(error.value) and "data.jsonl" in str(error.value)


SAID = {"role": "system", "content": "Answer in French."}
EARLIER = [{"role": "user", "content": "a?"}, {"role": "assistant", "content": "b."}]


@pytest.mark.parametrize(
    "row, expected",
    [
        (
            {
                "instruction": "Which shelf?",
                "input": "",
                "output": "Shelf 4.",
                "system": "Answer in French.",
            },
            [SAID, *TALK],
        ),
        (
            {"prompt": "Which shelf?", "completion": "Shelf 4.", "system": "Answer in French."},
            [SAID, *TALK],
        ),
        (
            {
                "system_prompt": "Answer in French.",
                "question": "Which shelf?",
                "response": "Shelf 4.",
            },
            [SAID, *TALK],
        ),
        ({"messages": TALK, "system": "Answer in French."}, [SAID, *TALK]),
        (
            {"messages": TALK, "system": [{"type": "text", "text": "Answer in French."}]},
            [SAID, *TALK],
        ),
        ({"messages": [SAID, *TALK], "system": "Answer in French."}, [SAID, *TALK]),
        ({"conversations": TALK, "system": "Answer in French.", "tools": ""}, [SAID, *TALK]),
        (
            {"instruction": "Which shelf?", "output": "Shelf 4.", "history": [["a?", "b."]]},
            [*EARLIER, *TALK],
        ),
        (
            {
                "instruction": "Which shelf?",
                "output": "Shelf 4.",
                "history": EARLIER,
                "system": "Answer in French.",
            },
            [SAID, *EARLIER, *TALK],
        ),
        (
            {"prompt": "Which shelf?", "completion": "Shelf 4.", "history": [["a?", "b."]]},
            [EARLIER[0], EARLIER[1] | {"weight": 0}, *TALK],
        ),
        ({"messages": TALK, "weight": 1}, TALK),
    ],
)
def test_what_stands_beside_a_conversation_is_used(tmp_path, row, expected):
    assert formats.read_conversations(file_of(tmp_path, row)) == [expected]


@pytest.mark.parametrize(
    "row",
    [
        {"instruction": "On which shelf?", "context": "The lamp is on shelf 3.", "output": "3"},
        {"instruction": "On which shelf?", "context": "The lamp is on shelf 3.", "response": "3"},
        {"prompt": "On which shelf?", "input": "The lamp is on shelf 3.", "completion": "3"},
        {"question": "On which shelf?", "context": "The lamp is on shelf 3.", "answer": "3"},
    ],
)
def test_what_is_given_with_a_question_is_part_of_the_users_turn(tmp_path, row):
    asked = {"role": "user", "content": "On which shelf?\n\nThe lamp is on shelf 3."}
    assert formats.read_conversations(file_of(tmp_path, row)) == [
        [asked, {"role": "assistant", "content": "3"}]
    ]


@pytest.mark.parametrize(
    "row",
    [
        {
            "conversations": [
                {"from": "human", "value": "Which shelf?"},
                {"from": "gpt", "value": "Shelf 4.", "weight": None},
            ]
        },
        {"conversations": TALK},
        {"conversation": TALK},
        {
            "messages": [
                {"role": "user", "content": [{"type": "text", "text": "Which shelf?"}]},
                TALK[1],
            ]
        },
        {
            "messages": [
                {"role": "user", "content": [{"text": "Which shelf?", "cache_control": None}]},
                TALK[1],
            ]
        },
        {
            "messages": [
                TALK[0] | {"name": None, "weight": None},
                TALK[1]
                | {
                    "refusal": None,
                    "audio": None,
                    "function_call": None,
                    "annotations": [],
                },
            ]
        },
        {"messages": None, "prompt": "Which shelf?", "completion": "Shelf 4."},
        {
            "conversations": [
                {"role": "user", "value": "Which shelf?"},
                {"role": "assistant", "value": "Shelf 4."},
            ]
        },
        {
            "messages": [
                {"role": "human", "content": "Which shelf?"},
                {"role": "ai", "content": "Shelf 4."},
            ]
        },
        {
            "conversations": [
                {"from": "human", "value": "Which shelf?"},
                {"from": "model", "value": "Shelf 4."},
            ]
        },
        {"messages": TALK, "tools": [], "prompt": None},
        {"prompt": "\n\nHuman: Which shelf?\n\nAssistant:", "completion": "Shelf 4."},
        {"instruction": "\n\nHuman: Which shelf?", "output": "Shelf 4."},
        {"messages": TALK, "tools": "[]", "persona": " "},
    ],
)
def test_the_formats_that_people_have_are_read(tmp_path, row):
    assert formats.read_conversations(file_of(tmp_path, row, row)) == [TALK, TALK]


def test_a_system_turn_of_sharegpt_and_parts_of_a_text_are_read(tmp_path):
    row = {
        "conversations": [
            {"from": "system", "value": "Answer in French."},
            {"from": "human", "value": "Which shelf?"},
            {"from": "gpt", "value": "Shelf 4."},
        ]
    }
    assert formats.read_conversations(file_of(tmp_path, row)) == [[SAID, *TALK]]
    weighed = {
        "conversations": [
            {"from": "human", "value": "a?"},
            {"from": "gpt", "value": "b.", "weight": 0},
            *TALK,
        ]
    }
    assert formats.read_conversations(file_of(tmp_path, weighed)) == [
        [EARLIER[0], EARLIER[1] | {"weight": 0}, *TALK]
    ]
    parts = {
        "messages": [
            {
                "role": "user",
                "content": [{"type": "text", "text": "Which"}, {"type": "text", "text": "shelf?"}],
            },
            TALK[1],
        ]
    }
    assert formats.read_conversations(file_of(tmp_path, parts)) == [
        [{"role": "user", "content": "Which\nshelf?"}, TALK[1]]
    ]


def test_weights_of_all_turns_as_published_data_write_them(tmp_path):
    turns = [("system", "Answer in French.", None), ("human", "Which shelf?", 0.0)]
    turns += [("gpt", "Shelf 4.", 1.0)]
    row = [{"from": who, "value": said, "weight": weight} for who, said, weight in turns]
    (found,) = formats.read_conversations(file_of(tmp_path, {"conversations": row}))
    assert found == [SAID, TALK[0], TALK[1] | {"weight": 1}]
    assert isinstance(found[-1]["weight"], int)  # as hosted fine-tuning takes it


def test_pretty_printed_and_wrapped_json_is_read(tmp_path):
    row = {"messages": TALK}
    pretty = json.dumps(row, indent=2)
    assert formats.read_conversations(file_of(tmp_path, pretty)) == [TALK]
    assert formats.read_conversations(file_of(tmp_path, pretty, "", pretty)) == [TALK, TALK]
    for wrapped in ({"data": [row, row]}, {"train": [row, row]}):
        assert formats.read_conversations(file_of(tmp_path, wrapped)) == [TALK, TALK]
        assert formats.read_conversations(file_of(tmp_path, json.dumps(wrapped, indent=2))) == [
            TALK,
            TALK,
        ]
    assert formats.read_conversations(
        file_of(tmp_path, {"system": "Answer in French.", "data": [row]})
    ) == [[SAID, *TALK]]
    with pytest.raises(AdaptLabError, match='"data", entry 2: it ends without a reply'):
        formats.read_conversations(file_of(tmp_path, {"data": [row, {"messages": TALK[:1]}]}))
    with pytest.raises(AdaptLabError, match="this row has test, train"):
        formats.read_conversations(file_of(tmp_path, {"train": [row], "test": [row]}))
    with pytest.raises(AdaptLabError, match='"data", entry 1: its key "persona" is unknown'):
        formats.read_conversations(file_of(tmp_path, {"persona": "a pirate", "data": [row]}))


def test_a_fault_in_pretty_printed_json_is_named_with_its_line(tmp_path):
    pretty = json.dumps({"messages": TALK}, indent=2)
    n = pretty.count("\n") + 1
    with pytest.raises(AdaptLabError, match=rf"line {n + 2}: not JSON \(Expecting value\)\.$"):
        formats.read_conversations(file_of(tmp_path, pretty, '{\n"messages": oops}'))
    with pytest.raises(AdaptLabError, match=rf"line {n + 1}: .prompt. .*twice"):
        formats.read_conversations(file_of(tmp_path, pretty, '{\n"prompt": "a", "prompt": "b"}'))


@pytest.mark.parametrize(
    "row, keys",
    [
        (
            {"messages": TALK, "id": "a7", "source": "shop", "tags": [], "split_id": None},
            "id (in 2 rows), source (in 2 rows)",
        ),
        (
            {
                "instruction": "Which shelf?",
                "context": "",
                "response": "Shelf 4.",
                "category": "open_qa",
            },
            "category (in 2 rows)",
        ),
        (
            {"messages": TALK, "prompt": "Which shelf?", "prompt_id": "a7"},
            "prompt (in 2 rows), prompt_id (in 2 rows)",
        ),
        (
            {"messages": TALK, "text": "<|user|>Which shelf?<|end|><|assistant|>Shelf 4.<|end|>"},
            "text (in 2 rows)",
        ),
        (
            {
                "instruction": "Which shelf?",
                "output": "Shelf 4.",
                "prompt": "Below is an instruction.",
            },
            "prompt (in 2 rows)",
        ),
        (
            {"messages": [TALK[0] | {"timestamp": 3}, TALK[1]], "metadata": {"created": 3}},
            "metadata (in 2 rows), timestamp (in 2 rows)",
        ),
        ({"messages": TALK, "parallel_tool_calls": True}, "parallel_tool_calls (in 2 rows)"),
    ],
)
def test_keys_that_describe_a_row_are_reported_once_a_file(tmp_path, row, keys):
    with pytest.warns(LeftOut) as warned:
        assert formats.read_conversations(file_of(tmp_path, row, row)) == [TALK, TALK]
    assert (
        len(warned) == 1
        and "data.jsonl" in str(warned[0].message)
        and f": {keys}. " in str(warned[0].message)
    )


def test_nothing_is_reported_where_all_is_read(tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("error", LeftOut)
        formats.read_conversations(
            file_of(
                tmp_path,
                {
                    "instruction": "a",
                    "input": "b",
                    "output": "c",
                    "system": "d",
                    "history": [],
                    "tools": None,
                },
            )
        )


def test_many_faults_are_counted_and_files_without_rows_refused(tmp_path):
    with pytest.raises(AdaptLabError, match=r"line 5: .*; and 4 more\.$"):
        formats.read_conversations(file_of(tmp_path, *["{"] * 9))
    for nothing in ("", "\n\n", "[]"):
        with pytest.raises(AdaptLabError, match="rows"):
            formats.read_conversations(file_of(tmp_path, nothing))
    (tmp_path / "latin.jsonl").write_bytes('{"prompt": "é"}'.encode("latin-1"))
    with pytest.raises(AdaptLabError, match="not UTF-8"):
        formats.read_conversations(tmp_path / "latin.jsonl")
    with pytest.raises(AdaptLabError, match="the list: not JSON"):
        formats.read_conversations(file_of(tmp_path, "[{]"))
    with pytest.raises(AdaptLabError, match="entry 2: not an object"):
        formats.read_conversations(file_of(tmp_path, json.dumps([{"messages": TALK}, 3], indent=2)))


def test_duplicates_and_leaks_are_found():
    loud = [
        {"role": "user", "content": "WHICH  shelf?"},
        {"role": "assistant", "content": "shelf 4."},
    ]
    other = [
        {"role": "user", "content": "Which team?"},
        {"role": "assistant", "content": "Falcon."},
    ]
    assert formats.duplicates([TALK, other, loud]) == [(3, 1)]
    formats.refuse_leaks([TALK], [other])
    assert formats.duplicates([TALK, [TALK[0], TALK[1] | {"weight": 0}]]) == []
    formats.refuse_leaks([TALK], [[{"role": "data", "content": "[1] a"}, *TALK]])
    with pytest.raises(
        AdaptLabError,
        match="1 of 2 test rows are in the training data .row 1 asks what test row 2 asks",
    ):
        formats.refuse_leaks(
            [TALK], [other, [loud[0], {"role": "assistant", "content": "Another reply."}]]
        )
    for train, test in (
        ([*TALK, *other], TALK),
        (TALK, [*TALK, *other]),
        ([{"role": "system", "content": "Be brief."}, *TALK], TALK),
    ):
        with pytest.raises(AdaptLabError, match="1 of 1 test rows"):
            formats.refuse_leaks([train], [test])
