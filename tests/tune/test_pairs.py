"""Preference pairs: all formats give the same pairs, and what cannot be learned from is refused
with its line.
"""

import json

import pytest

from adaptlab.errors import AdaptLabError
from adaptlab.tune.left_out import LeftOut
from adaptlab.tune.pairs import Pair, contradictions, read_pairs, write_pairs

QUESTION = "Where does Ada live?"
GOOD = "Oslo [1]"
BAD = "I think it may be Oslo."
USER = {"role": "user", "content": QUESTION}
CHOSEN = {"role": "assistant", "content": GOOD}
REJECTED = {"role": "assistant", "content": BAD}
FORMATS = {
    "texts": {"prompt": QUESTION, "chosen": GOOD, "rejected": BAD},
    "explicit": {"prompt": [USER], "chosen": [CHOSEN], "rejected": [REJECTED]},
    "implicit": {"chosen": [USER, CHOSEN], "rejected": [USER, REJECTED]},
    "hosted": {
        "input": {"messages": [USER]},
        "preferred_output": [CHOSEN],
        "non_preferred_output": [REJECTED],
    },
}


def lines(path, *rows):
    path.write_text("\n".join(json.dumps(row) for row in rows))
    return path


HELPFUL = f"\n\nHuman: {QUESTION}\n\nAssistant: "
FORMATS |= {
    "question": {"question": QUESTION, "chosen": GOOD, "rejected": BAD},
    "instruction": {"instruction": QUESTION, "input": "", "chosen": GOOD, "rejected": BAD},
    "input": {"input": QUESTION, "chosen": GOOD, "rejected": BAD},
    "ultrafeedback": {"prompt": QUESTION, "chosen": [USER, CHOSEN], "rejected": [USER, REJECTED]},
    "whole": {"prompt": [USER], "chosen": [USER, CHOSEN], "rejected": [USER, REJECTED]},
    "sharegpt": {
        "conversations": [{"from": "human", "value": QUESTION}],
        "chosen": {"from": "gpt", "value": GOOD},
        "rejected": {"from": "gpt", "value": BAD},
    },
    "messages and texts": {"messages": [USER], "chosen": GOOD, "rejected": BAD},
    "helpful": {"chosen": HELPFUL + GOOD, "rejected": HELPFUL + BAD},
    "helpful prompt": {"prompt": HELPFUL.rstrip(), "chosen": GOOD, "rejected": BAD},
    "parts": {
        "prompt": [USER],
        "chosen": [CHOSEN | {"content": [{"type": "text", "text": GOOD}]}],
        "rejected": [REJECTED],
    },
    "nulls": {
        "input": {"messages": [USER | {"name": None}], "tools": [], "system": None},
        "preferred_output": [CHOSEN | {"refusal": None, "weight": None, "tool_calls": None}],
        "non_preferred_output": [REJECTED | {"weight": 1}],
        "weight": 1,
    },
}


@pytest.mark.parametrize("row", FORMATS.values(), ids=FORMATS)
def test_every_format_is_read_into_the_same_pair(tmp_path, row):
    assert read_pairs(lines(tmp_path / "pairs.jsonl", row)) == [Pair([USER], GOOD, BAD)]


SYSTEM = {"role": "system", "content": "Answer in French."}
EARLIER = [{"role": "user", "content": "a?"}, {"role": "assistant", "content": "b."}]
GIVEN = [{"role": "user", "content": f"{QUESTION}\n\nAda lives in Oslo."}]


@pytest.mark.parametrize(
    ("row", "prompt"),
    [
        (FORMATS["texts"] | {"system": SYSTEM["content"]}, [SYSTEM, USER]),
        (FORMATS["question"] | {"system": SYSTEM["content"]}, [SYSTEM, USER]),
        (FORMATS["implicit"] | {"system": SYSTEM["content"]}, [SYSTEM, USER]),
        (
            {
                "chosen": [SYSTEM, USER, CHOSEN],
                "rejected": [SYSTEM, USER, REJECTED],
                "prompt": QUESTION,
            },
            [SYSTEM, USER],
        ),
        (
            {
                "input": {"messages": [USER], "system": SYSTEM["content"]},
                "preferred_output": [CHOSEN],
                "non_preferred_output": [REJECTED],
            },
            [SYSTEM, USER],
        ),
        (FORMATS["texts"] | {"history": [["a?", "b."]]}, [*EARLIER, USER]),
        (
            FORMATS["texts"] | {"prompt": f"\n\nHuman: a?\n\nAssistant: b.{HELPFUL}"},
            [*EARLIER, USER],
        ),
        (FORMATS["texts"] | {"input": "Ada lives in Oslo."}, GIVEN),
        (FORMATS["texts"] | {"context": "Ada lives in Oslo."}, GIVEN),
        (FORMATS["instruction"] | {"input": "Ada lives in Oslo."}, GIVEN),
    ],
)
def test_what_stands_beside_a_pair_is_used(tmp_path, row, prompt):
    assert read_pairs(lines(tmp_path / "pairs.jsonl", row)) == [Pair(prompt, GOOD, BAD)]


def test_keys_that_describe_a_pair_are_reported_once(tmp_path):
    row = FORMATS["ultrafeedback"] | {
        "prompt_id": "a7",
        "messages": [USER, CHOSEN],
        "score_chosen": 8.0,
        "rejected_rating": 4,
    }
    with pytest.warns(LeftOut) as warned:
        read_pairs(lines(tmp_path / "pairs.jsonl", row, row))
    assert len(warned) == 1
    assert (
        "messages (in 2 rows), prompt_id (in 2 rows), rejected_rating (in 2 rows), score_chosen (in"
        " 2 rows)" in str(warned[0].message)
    )


def test_openais_own_example_of_preferences_is_read(tmp_path):
    row = {
        "input": {"messages": [USER], "tools": [], "parallel_tool_calls": True},
        "preferred_output": [CHOSEN],
        "non_preferred_output": [REJECTED],
    }
    with pytest.warns(LeftOut, match="parallel_tool_calls"):
        assert read_pairs(lines(tmp_path / "pairs.jsonl", row)) == [Pair([USER], GOOD, BAD)]


def test_what_is_written_is_read_again(tmp_path):
    pairs = [
        Pair([{"role": "system", "content": "Be brief."}, USER], GOOD, BAD),
        Pair([USER], BAD, GOOD),
    ]
    write_pairs(tmp_path / "pairs.jsonl", pairs)
    assert read_pairs(tmp_path / "pairs.jsonl") == pairs


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (
            {"prompt": QUESTION, "chosen": GOOD, "rejected": GOOD + " "},
            "chosen and rejected are the same reply",
        ),
        ({"prompt": QUESTION, "chosen": GOOD, "rejected": ""}, '"rejected" is empty'),
        ({"prompt": QUESTION, "chosen": GOOD}, "must be whole conversations|a row needs one of"),
        (
            {"prompt": QUESTION, "chosen": [CHOSEN], "rejected": [REJECTED]},
            "must all be texts or all be lists",
        ),
        (
            {"prompt": [USER], "chosen": [USER], "rejected": [REJECTED]},
            '"chosen" must be one message of the assistant',
        ),
        (
            {"prompt": [USER], "chosen": [{"role": "assistant"}], "rejected": [REJECTED]},
            '"content" must be a text',
        ),
        ({"prompt": [CHOSEN], "chosen": [CHOSEN], "rejected": [REJECTED]}, "alternate"),
        (
            {"chosen": [USER, CHOSEN], "rejected": [{"role": "user", "content": "Who?"}, REJECTED]},
            "differ before the last reply",
        ),
        (FORMATS["texts"] | {"persona": "a pirate"}, 'its key "persona" is unknown'),
        (FORMATS["texts"] | {"system": "a", "system_prompt": "b"}, "it has two system prompts"),
        (FORMATS["explicit"] | {"context": "Ada lives in Oslo."}, 'its key "context" is unknown'),
        (FORMATS["texts"] | {"tools": [{"type": "function"}]}, 'its "tools" are not supported'),
        (
            FORMATS["hosted"] | {"input": {"messages": [USER], "tools": [{"type": "function"}]}},
            'its "tools" are not supported',
        ),
        (
            FORMATS["hosted"] | {"input": {"messages": [USER], "persona": "a pirate"}},
            'its key "persona" is unknown',
        ),
        (FORMATS["texts"] | {"weight": 0}, "its weight is 0"),
        (FORMATS["texts"] | {"weight": 0.5}, 'its "weight" is not 0 or 1'),
        (FORMATS["explicit"] | {"chosen": [CHOSEN | {"weight": 0}]}, '"chosen" has weight 0'),
        (
            FORMATS["implicit"] | {"rejected": [USER, REJECTED | {"weight": 0}]},
            '"rejected" has weight 0',
        ),
        (
            FORMATS["explicit"] | {"rejected": [REJECTED | {"tool_calls": [1]}]},
            '"tool_calls" are not supported',
        ),
        (
            FORMATS["explicit"] | {"rejected": [REJECTED | {"persona": "b"}]},
            "\"rejected\" has the key 'persona'",
        ),
        (
            FORMATS["explicit"] | {"rejected": [REJECTED | {"content": [{"type": "image_url"}]}]},
            "a part of the type 'image_url'",
        ),
        (
            FORMATS["ultrafeedback"] | {"prompt": "Where is Bo?"},
            '"prompt" is not in the conversations',
        ),
        (
            FORMATS["ultrafeedback"] | {"messages": [USER, CHOSEN | {"content": "Rome"}]},
            'its key "messages" is unknown',
        ),
        (
            {"chosen": HELPFUL + GOOD, "rejected": "\n\nHuman: Who?\n\nAssistant: No."},
            "differ before the last reply",
        ),
        ({"chosen": GOOD, "rejected": BAD}, "must be whole conversations"),
        (
            {"input": [], "preferred_output": [CHOSEN], "non_preferred_output": [REJECTED]},
            '"input" must be an object',
        ),
    ],
)
def test_a_faulty_pair_is_refused_with_its_line(tmp_path, row, reason):
    path = lines(tmp_path / "pairs.jsonl", FORMATS["texts"], row)
    with pytest.raises(AdaptLabError, match=f"line 2: .*({reason})"):
        read_pairs(path)


def test_pairs_that_contradict_each_other_are_named():
    pair = Pair([USER], GOOD, BAD)
    turned = Pair([USER], BAD, GOOD)
    assert contradictions([pair, Pair([USER], GOOD, "No."), turned]) == [(3, 1)]
    assert contradictions([pair, pair]) == []
