"""The prompt patterns of the guides, as functions from fields to messages. Nothing here calls a
model.
"""

from collections.abc import Sequence

from adaptlab.errors import AdaptLabError
from adaptlab.messages import Messages
from adaptlab.world.labels import Layout

STEP_BY_STEP = "Think step by step."
NUMBER_ONLY = "Answer with the number only."


def zero_shot(instruction: str, text: str) -> Messages:
    """An instruction and its text."""
    return [{"role": "user", "content": f"{instruction}\n\n{text}"}]


def few_shot(
    instruction: str, examples: Sequence[tuple[str, str]], text: str, layout: Layout
) -> Messages:
    """An instruction, worked examples as (text, label), then the text to label, all in one layout.

    Without examples it is zero-shot.
    """
    shown = [layout.example(*example) for example in examples]
    query = layout.example(text, "").rstrip()
    return zero_shot(instruction, layout.after.join([*shown, query]))


def step_by_step(problem: str) -> Messages:
    """Ask for the steps before the answer."""
    return [{"role": "user", "content": f"{problem} {STEP_BY_STEP}"}]


def direct(problem: str) -> Messages:
    """Ask for the number only."""
    return [{"role": "user", "content": f"{problem} {NUMBER_ONLY}"}]


def with_system(system: str, messages: Messages) -> Messages:
    """The same conversation under a system prompt."""
    return [{"role": "system", "content": system}, *messages]


def as_role(role: str, question: str) -> Messages:
    """Role prompting: assign the model a role."""
    return with_system(f"You are {role}.", [{"role": "user", "content": question}])


def with_fact(fact: str, question: str) -> Messages:
    """Put the fact into the prompt, right before the question."""
    return [{"role": "user", "content": f"{fact} {question}"}]


def ask_json(problem: str, fields: Sequence[str]) -> Messages:
    """Ask for a JSON object with the fields in this order."""
    if isinstance(fields, str) or not fields:
        raise AdaptLabError("The list of fields is empty. Give a list of names.")
    return [
        {
            "role": "user",
            "content": f"{problem} Answer in JSON with the fields {' and '.join(fields)}.",
        }
    ]
