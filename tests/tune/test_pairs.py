"""Preference pairs: three formats give the same pairs, and what cannot be learned from is refused with its line."""

import json

import pytest

from adaptlab.errors import AdaptLabError
from adaptlab.tune.pairs import Pair, contradictions, read_pairs, write_pairs

QUESTION, GOOD, BAD = "Where does Ada live?", "Oslo [1]", "I think it may be Oslo."
USER, CHOSEN, REJECTED = ({"role": "user", "content": QUESTION}, {"role": "assistant", "content": GOOD}, {"role": "assistant", "content": BAD})
FORMATS = {
    "texts": {"prompt": QUESTION, "chosen": GOOD, "rejected": BAD},
    "explicit": {"prompt": [USER], "chosen": [CHOSEN], "rejected": [REJECTED]},
    "implicit": {"chosen": [USER, CHOSEN], "rejected": [USER, REJECTED]},
    "hosted": {"input": {"messages": [USER]}, "preferred_output": [CHOSEN], "non_preferred_output": [REJECTED]},
}


def lines(path, *rows):
    path.write_text("\n".join(json.dumps(row) for row in rows))
    return path


@pytest.mark.parametrize("row", FORMATS.values(), ids=FORMATS)
def test_every_format_is_read_into_the_same_pair(tmp_path, row):
    assert read_pairs(lines(tmp_path / "pairs.jsonl", row)) == [Pair([USER], GOOD, BAD)]


def test_what_is_written_is_read_again(tmp_path):
    pairs = [Pair([{"role": "system", "content": "Be brief."}, USER], GOOD, BAD), Pair([USER], BAD, GOOD)]
    write_pairs(tmp_path / "pairs.jsonl", pairs)
    assert read_pairs(tmp_path / "pairs.jsonl") == pairs


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"prompt": QUESTION, "chosen": GOOD, "rejected": GOOD + " "}, "chosen and rejected are the same reply"),
        ({"prompt": QUESTION, "chosen": GOOD, "rejected": ""}, '"rejected" is empty'),
        ({"prompt": QUESTION, "chosen": GOOD}, "must be whole conversations|a row needs one of"),
        ({"prompt": QUESTION, "chosen": [CHOSEN], "rejected": [REJECTED]}, "must all be texts or all be lists"),
        ({"prompt": [USER], "chosen": [USER], "rejected": [REJECTED]}, '"chosen" must be one message of the assistant'),
        ({"prompt": [USER], "chosen": [{"role": "assistant"}], "rejected": [REJECTED]}, '"content" must be a text'),
        ({"prompt": [CHOSEN], "chosen": [CHOSEN], "rejected": [REJECTED]}, "take turns"),
        ({"chosen": [USER, CHOSEN], "rejected": [{"role": "user", "content": "Who?"}, REJECTED]}, "part before the last reply"),
        ({"input": [], "preferred_output": [CHOSEN], "non_preferred_output": [REJECTED]}, '"input" must be an object'),
    ],
)
def test_a_faulty_pair_is_refused_with_its_line(tmp_path, row, reason):
    path = lines(tmp_path / "pairs.jsonl", FORMATS["texts"], row)
    with pytest.raises(AdaptLabError, match=f"line 2: .*({reason})"):
        read_pairs(path)


def test_pairs_that_contradict_each_other_are_named():
    pair, turned = Pair([USER], GOOD, BAD), Pair([USER], BAD, GOOD)
    assert contradictions([pair, Pair([USER], GOOD, "No."), turned]) == [(3, 1)]
    assert contradictions([pair, pair]) == []
