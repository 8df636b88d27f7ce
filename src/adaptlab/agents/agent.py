"""An agent: a model that calls tools until it answers, within limits."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from adaptlab.agents.tools import BadCall, Tool, call
from adaptlab.checks import check_whole
from adaptlab.messages import system, user
from adaptlab.models.answers import SERVER, openai_choice, sentence, tokens
from adaptlab.models.completions import Completions

INSTRUCTION = (
    "You are the tutor of a course. Call a tool for whatever it can tell you, then answer in one"
    " short sentence."
)


@dataclass(frozen=True)
class AgentLimits:
    """`steps`: calls of the model. `tokens`: of all prompts and replies together; at this limit the
    model is not called again.
    """

    steps: int = 6
    tokens: int = 6000

    def __post_init__(self):
        check_whole(self.steps, "steps", 1), check_whole(self.tokens, "tokens", 1)


@dataclass(frozen=True)
class Called:
    """One tool call: the request and the result. `failed`: the result is the reason why the call
    failed.
    """

    name: str
    arguments: str
    result: str
    failed: bool


@dataclass(frozen=True)
class AgentResult:
    """The end of an agent: an "answer", or its limit of "steps" or "tokens" with an empty text."""

    text: str
    called: tuple[Called, ...]
    n_steps: int
    n_tokens: int
    ended: str


@dataclass(frozen=True)
class Said:
    """A model's output in one step: a text, or tool calls as (id, name, arguments in JSON).

    `message` is the form in which it enters the conversation.
    """

    text: str
    calls: tuple[tuple[str, str, str], ...]
    n_tokens: int
    message: dict


# Messages and schemas of tools in, what the model says out.
Step = Callable[[list[dict], list[dict]], Said]


def openai_step(client, model: str, max_tokens: int = 200) -> Step:
    """Run one step with any server of OpenAI's protocol; `client` is an `openai.OpenAI`."""
    import openai

    completions = Completions(client)

    def step(messages: list[dict], schemas: list[dict]) -> Said:
        try:
            answer = completions.create(
                max_tokens, model=model, messages=messages, tools=schemas, temperature=0
            )
        except (openai.OpenAIError, json.JSONDecodeError) as error:
            raise sentence(SERVER, error) from error
        message = openai_choice(answer).message
        calls = tuple(
            (made.id, made.function.name, made.function.arguments)
            for made in message.tool_calls or []
            if made.type == "function"
        )
        (n_tokens,) = tokens(SERVER, answer, "total_tokens")
        return Said(
            (message.content or "").strip(), calls, n_tokens, message.model_dump(exclude_none=True)
        )

    return step


def carry_out(tools: Sequence[Tool], name: str, arguments: str) -> Called:
    """Call a tool; the reason of a failed call is also a result, which a model can read."""
    try:
        return Called(name, arguments, call(tools, name, arguments), False)
    except BadCall as error:
        return Called(name, arguments, f"Error: {error}", True)


def run_agent(
    step: Step,
    tools: Sequence[Tool],
    question: str,
    limits: AgentLimits = AgentLimits(),
    instruction: str = INSTRUCTION,
) -> AgentResult:
    """Ask the model, run its tool calls, return results and errors to it.

    The loop ends when the model calls no tool or a limit is reached.
    """
    messages = [system(instruction), user(question)]
    called: list[Called] = []
    n_tokens = 0
    schemas = [tool.schema() for tool in tools]
    for n_steps in range(1, limits.steps + 1):
        said = step(messages, schemas)
        n_tokens += said.n_tokens
        if not said.calls:
            return AgentResult(said.text, tuple(called), n_steps, n_tokens, "answer")
        messages.append(said.message)
        for identity, name, arguments in said.calls:
            called.append(carry_out(tools, name, arguments))
            messages.append(
                {"role": "tool", "tool_call_id": identity, "content": called[-1].result}
            )
        if n_tokens >= limits.tokens:
            return AgentResult("", tuple(called), n_steps, n_tokens, "tokens")
    return AgentResult("", tuple(called), limits.steps, n_tokens, "steps")
