"""Tools refuse what they cannot do, in words; the search finds the lessons."""

import json

import pytest

from adaptlab.agents.tools import (
    BadCall,
    calculate,
    call,
    claims_document,
    lesson_documents,
    lesson_search,
    lessons_folder,
    look_up_claim,
    tutor_tools,
)
from adaptlab.errors import AdaptLabError
from adaptlab.evals.claims import claims


class Words:
    """An embedder that tells texts apart by whether a word occurs in them."""

    name = "words"
    dimension = 2

    def encode(self, texts):
        import numpy as np

        found = np.array(
            [[1.0, 0.0] if "replay" in text.lower() else [0.0, 1.0] for text in texts], np.float32
        )
        return found.reshape(len(texts), 2)


@pytest.fixture(scope="module")
def tools():
    return tutor_tools(
        lesson_search([*lesson_documents(lessons_folder(), ["10"]), claims_document()], Words())
    )


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("3 * (4 + 5)", "27"),
        ("1,200 / 8", "150"),
        ("-2 ** 2", "-4"),
        ("7 / 2", "3.5"),
        ("2 ** 10", "1024"),
        ("+1 - -1", "2"),
        ("1 / 3", "0.333333"),
    ],
)
def test_expressions_have_their_values(expression, value):
    assert calculate(expression) == value


@pytest.mark.parametrize(
    ("expression", "says"),
    [
        ("1 / 0", "ZeroDivisionError"),
        ("2 +", "SyntaxError"),
        ("__import__('os')", "only numbers"),
        ("9 ** 9 ** 9", "a power above"),
        ("x", "only numbers"),
        ("'a' * 9", "only numbers"),
        ("10 ** 16", "beyond"),
        ("True + 1", "only numbers"),
        ("(-8) ** 0.5", "beyond"),
        ("1e400", "beyond"),
        ("(" * 150 + "1", "has no value"),
    ],
)
def test_what_is_no_arithmetic_is_refused(expression, says):
    with pytest.raises(BadCall, match=says):
        calculate(expression)


def test_the_first_line_of_a_claim_is_the_part_asked_for():
    found = claims()["P2"]
    firsts = {
        part: look_up_claim("P2", part).splitlines()[0]
        for part in ("text", "guides", "threshold", "published")
    }
    assert firsts == {
        "text": found.text,
        "guides": found.guides,
        "threshold": f"{found.rule.at_least:g}",
        "published": found.published,
    }
    with pytest.raises(BadCall, match="no claim Z9"):
        look_up_claim("Z9")


@pytest.mark.parametrize(
    ("name", "arguments", "says"),
    [
        ("multiply", "{}", "no tool 'multiply'"),
        ("calculate", "{}", "expression: Field required"),
        ("calculate", '{"expression": 5}', "valid string"),
        ("calculate", "not json", "Invalid JSON"),
        ("calculate", '{"expression": "1", "also": 2}', "also"),
        ("look_up_claim", '{"id": "p1"}', "id: String"),
        ("look_up_claim", '{"id": "P1", "part": "colour"}', "part"),
        ("search_lessons", '{"query": ""}', "query"),
    ],
)
def test_arguments_are_checked_before_the_call(tools, name, arguments, says):
    with pytest.raises(BadCall, match=says):
        call(tools, name, arguments)


def test_schemas_are_those_of_the_protocol(tools):
    for tool in tools:
        described = json.loads(json.dumps(tool.schema()))
        assert described["type"] == "function" and described["function"]["name"] == tool.name
        assert (
            described["function"]["parameters"]["type"] == "object"
            and described["function"]["parameters"]["additionalProperties"] is False
        )


def test_the_search_names_the_lesson_and_leaves_claims_to_the_other_tool(tools):
    first, *passages = call(tools, "search_lessons", '{"query": "replay of old data"}').splitlines()
    assert first == "07" and any("replay" in passage.lower() for passage in passages)
    assert not any(passage.startswith("Lesson cl") for passage in passages)


def test_lessons_are_read_by_number(tmp_path):
    found = lesson_documents(lessons_folder(), ["00", "10"])
    numbers = [document.source.partition("_")[0] for document in found]
    assert numbers[:4] == ["01", "01b", "02", "02b"] and "10" not in numbers
    assert all(document.text.startswith("# ") for document in found)
    assert "import" not in found[0].text.split("\n")[0]
    with pytest.raises(AdaptLabError, match="lessons"):
        lesson_documents(tmp_path)


def test_every_claim_stands_in_their_document():
    text = claims_document().text
    assert all(f"## Claim {identity}\n" in text for identity in claims())
