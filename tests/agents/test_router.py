"""Which tool a question is for, what is taken from it, and the bank that measures both."""

import json

import pytest

from adaptlab.agents.question_bank import LESSONS, N_EACH, BankQuestion, bank
from adaptlab.agents.router import (
    EXAMPLES,
    arguments_for,
    asking_router,
    call_routed,
    checked_router,
    nearest_router,
    with_result,
)
from adaptlab.agents.tools import (
    ClaimPart,
    Expression,
    Query,
    Tool,
    calculate,
    lessons_folder,
    look_up_claim,
)
from adaptlab.models.chat import ScriptedChat
from adaptlab.rag.embed import minilm
from adaptlab.world.labels import LAYOUTS
from adaptlab.world.words import LABELS

TOOLS = [
    Tool("search_lessons", "Search.", Query, lambda query: f"03\n{query}"),
    Tool("look_up_claim", "Look up.", ClaimPart, look_up_claim),
    Tool("calculate", "Work out.", Expression, calculate),
]


@pytest.mark.parametrize(
    ("route", "question", "arguments"),
    [
        (
            ("calculate", ""),
            "An adapter has 16 * (256 + 768) parameters. How many is that?",
            {"expression": "16 * (256 + 768)"},
        ),
        (("calculate", ""), "Is 5 less than 1,200 / 8?", {"expression": "1,200 / 8"}),
        (("calculate", ""), "Hello?", {"expression": ""}),
        (("look_up_claim", "guides"), "Who makes claim F10?", {"id": "F10", "part": "guides"}),
        (("look_up_claim", "text"), "What?", {"id": "", "part": "text"}),
        (("search_lessons", ""), "Where is replay?", {"query": "Where is replay?"}),
    ],
)
def test_arguments_are_taken_from_the_question(route, question, arguments):
    assert json.loads(arguments_for(route, question)) == arguments


def test_the_nearest_example_decides_and_numbers_do_not():
    route = nearest_router(minilm())
    known = [question for questions in EXAMPLES.values() for question in questions]
    assert route(known) == [made for made, questions in EXAMPLES.items() for _ in questions]
    assert route(["What is 731 * 9?", "Which guides make claim R12?"]) == [
        ("calculate", ""),
        ("look_up_claim", "guides"),
    ]


def test_a_tool_whose_arguments_would_be_refused_is_not_chosen():
    def always(route):
        return lambda examples: (
            lambda questions: [
                route if route in examples else next(iter(examples)) for _ in questions
            ]
        )

    assert checked_router(always(("calculate", "")), TOOLS)(
        ["Where is replay?", "Work out 2 + 2"]
    ) == [("search_lessons", ""), ("calculate", "")]
    assert checked_router(always(("look_up_claim", "text")), TOOLS)(
        ["Where is replay?", "What does P1 say?"]
    ) == [
        ("search_lessons", ""),
        ("look_up_claim", "text"),
    ]


def test_the_model_chooses_by_a_label_and_what_is_no_label_is_for_the_search():
    labels = []

    def reply(messages):
        if not labels:
            labels.extend(
                messages[0]["content"]
                .splitlines()[0]
                .removeprefix("Your task: label the text ")
                .rstrip(".")
                .split(", ")
            )
        return {"a": labels[0], "b": labels[1], "c": labels[2], "d": "nonsense"}[
            messages[0]["content"].split("\n\n")[-1].split("\n")[0][-1]
        ]

    routes = asking_router(ScriptedChat(reply), LABELS, LAYOUTS["train"][0])(["a", "b", "c", "d"])
    assert [name for name, _ in routes] == [
        "calculate",
        "look_up_claim",
        "search_lessons",
        "search_lessons",
    ]


def test_a_refused_call_is_a_result_and_stands_as_data():
    fine, refused = call_routed(
        lambda questions: [("calculate", "")] * 2, TOOLS, ["What is 2 * 21?", "Nothing"]
    )
    assert (fine.result, fine.failed, refused.failed) == (
        "42",
        False,
        True,
    ) and refused.result.startswith("Error: calculate: expression")
    assert [message["role"] for message in with_result("What is 2 * 21?", fine, "Be brief.")] == [
        "system",
        "data",
        "user",
    ]


def test_the_bank_has_known_answers_in_words_that_no_example_has():
    asked = bank(3)
    assert len(asked) == 3 * N_EACH == len({question.text for question in asked}) and asked == bank(
        3
    ) != bank(4)
    assert not {question.text for question in asked} & {
        question for questions in EXAMPLES.values() for question in questions
    }
    assert {question.route for question in asked} == set(EXAMPLES)
    for question in asked[: 2 * N_EACH]:
        (made,) = call_routed(lambda _, question=question: [question.route], TOOLS, [question.text])
        assert not made.failed and made.result.splitlines()[0] == question.answer, question


def test_the_banks_lessons_are_there():
    assert set(LESSONS) <= {path.name[:2] for path in lessons_folder().glob("*.ipynb")}


@pytest.mark.parametrize(
    ("route", "answer", "text", "right"),
    [
        ("calculate", "42", "It is 42.", True),
        ("calculate", "42", "It is 420.", False),
        ("calculate", "42", "142", False),
        ("calculate", "4", "4.5", False),
        ("search_lessons", "03", "Lesson 3 has it.", True),
        ("search_lessons", "03", "03", True),
        ("search_lessons", "03", "There are 3.", False),
        ("look_up_claim", "A, C", "Guides  A, C", True),
        ("look_up_claim", "A, C", "A, Cs", False),
        ("look_up_claim", "A, C", "A", False),
    ],
)
def test_an_answer_counts_as_words_of_its_own(route, answer, text, right):
    assert BankQuestion("?", (route, ""), answer).is_answered_by(text) == right
