"""Routing: choose the tool for a question before the model is called, and extract the tool's
arguments by patterns.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from pydantic import ValidationError

from adaptlab.agents.agent import Called, carry_out
from adaptlab.agents.tools import Tool
from adaptlab.errors import AdaptLabError
from adaptlab.messages import Messages, data, system, user
from adaptlab.models.chat import Chat, texts
from adaptlab.prompts.layouts import Layout
from adaptlab.rag.embed import Embedder

_CLAIM = re.compile(r"\b[A-Z]\d{1,2}\b")
_ARITHMETIC = re.compile(r"[\d(][\d\s.,()+*/-]*[\d)]")

Route = tuple[str, str]  # a tool's name, and the part of a claim or ""
EXAMPLES: dict[Route, tuple[str, ...]] = {
    ("calculate", ""): (
        "What is 12 * 40?",
        "Compute 3000 / 8.",
        "How much is 15 + 27 - 9?",
        "Please work out (7 + 5) * 31.",
        "Tell me the value of 2 ** 10.",
    ),
    ("look_up_claim", "text"): (
        "What does claim P1 say?",
        "Give me the wording of claim L2.",
        "State claim R3.",
    ),
    ("look_up_claim", "guides"): (
        "Who makes claim P2?",
        "Which guides make claim F1?",
        "In whose guide does claim D1 stand?",
    ),
    ("look_up_claim", "threshold"): (
        "What must the effect of P3 reach?",
        "From which value on does claim R2 hold?",
        "What is the threshold of claim L1?",
    ),
    ("look_up_claim", "published"): (
        "What was published on claim P7?",
        "Which published number stands beside claim G1?",
        "What does the literature say on claim F4?",
    ),
    ("search_lessons", ""): (
        "Which lesson treats chunking?",
        "Where do I read about adapters?",
        "Where in the course is a prompt's price discussed?",
        "I want to learn about judges. Where?",
        "In which lesson are labels invented?",
    ),
}

Router = Callable[[Sequence[str]], list[Route]]


def _check_examples(examples: Mapping[Route, Sequence[str]]) -> None:
    if not examples or not all(examples.values()):
        raise AdaptLabError("A route has no examples. Give each route at least one question.")


def nearest_router(
    embedder: Embedder, examples: Mapping[Route, Sequence[str]] = EXAMPLES
) -> Router:
    """Return the route of the example with the nearest embedding."""
    _check_examples(examples)
    routes = [route for route, questions in examples.items() for _ in questions]
    # (e, d).
    known = embedder.encode(
        [_plain(question) for questions in examples.values() for question in questions]
    )

    def route(questions: Sequence[str]) -> list[Route]:
        # (q,).
        nearest = np.argmax(
            embedder.encode([_plain(question) for question in questions]) @ known.T, axis=1
        )
        return [routes[i] for i in nearest]

    return route


def _plain(question: str) -> str:
    """Without the numbers and ids in which questions of one kind differ."""
    return re.sub(r"\d[\d,.]*", "1", _CLAIM.sub("X1", question))


def checked_router(
    router_of: Callable[[Mapping[Route, Sequence[str]]], Router],
    tools: Sequence[Tool],
    examples: Mapping[Route, Sequence[str]] = EXAMPLES,
) -> Router:
    """Make a router that chooses only tools whose extracted arguments pass the tool's own check."""
    schemas = {tool.name: tool.arguments for tool in tools}

    def fits(route: Route, question: str) -> bool:
        try:
            schemas[route[0]].model_validate_json(arguments_for(route, question))
        except ValidationError:
            return False
        return True

    def route(questions: Sequence[str]) -> list[Route]:
        possible = [
            tuple(route for route in examples if fits(route, question)) for question in questions
        ]
        routers = {
            routes: router_of({route: examples[route] for route in routes})
            for routes in set(possible)
        }
        return [routers[routes]([question])[0] for routes, question in zip(possible, questions)]

    return route


def asking_router(
    chat: Chat,
    labels: Sequence[str],
    layout: Layout,
    examples: Mapping[Route, Sequence[str]] = EXAMPLES,
    n_shown: int = 3,
) -> Router:
    """Make a router that asks the model for a tool's label, after examples of each; an unknown
    label means the search.

    `labels`: a word for each tool, in the order of the examples. The embedded models classify texts
    with plain words, and could not write a tool's name. `layout` puts the examples into a prompt.
    """
    _check_examples(examples)
    by_tool: dict[str, list[str]] = {}
    for (name, _), questions in examples.items():
        by_tool.setdefault(name, []).extend(questions)
    named = dict(zip(labels, by_tool))
    rounds = [
        layout.example(by_tool[name][i], label)
        for i in range(n_shown)
        for label, name in named.items()
    ]
    instruction = f"Your task: label the text {', '.join(named)}."
    first = {name: next(route for route in examples if route[0] == name) for name in by_tool}

    def route(questions: Sequence[str]) -> list[Route]:
        prompts = [
            f"{instruction}\n\n"
            + layout.after.join([*rounds, layout.example(question, "").rstrip()])
            for question in questions
        ]
        replies = texts(chat, [[user(prompt)] for prompt in prompts], max_new_tokens=6)
        return [first[named.get(text, "search_lessons")] for text in replies]

    return route


def arguments_for(route: Route, question: str) -> str:
    """Return a tool's arguments in JSON, extracted from the question by patterns: an id, the
    longest arithmetic, or all of it.
    """
    name, part = route
    if name == "calculate":
        return json.dumps({"expression": max(_ARITHMETIC.findall(question), key=len, default="")})
    if name == "look_up_claim":
        return json.dumps({"id": (_CLAIM.findall(question) or [""])[0], "part": part})
    return json.dumps({"query": question})


def call_routed(router: Router, tools: Sequence[Tool], questions: Sequence[str]) -> list[Called]:
    """For each question, run the one call of its route."""
    return [
        carry_out(tools, route[0], arguments_for(route, question))
        for route, question in zip(router(questions), questions)
    ]


def with_result(question: str, called: Called, instruction: str) -> Messages:
    """Return the conversation in which a model answers from a tool's result; the result is data,
    not an instruction.
    """
    return [system(instruction), data(f"[1] {called.result}"), user(question)]
