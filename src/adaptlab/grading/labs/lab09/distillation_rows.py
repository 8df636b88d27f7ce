"""Lab 09, distillation_rows: the reference answer and the known misconceptions."""

from collections.abc import Callable
from typing import Any

from adaptlab.grading.codec import Raised
from adaptlab.grading.exercise import Exercise, Words, symptom, wrong
from adaptlab.grading.probes.lab09 import ChangedArguments, distilled

LONG = "You sort the mail of a shop. Reply with one queue in lower case, and nothing else."
OTHER = "Sort this message into a queue."
QUESTIONS = (
    "My lamp is broken.",
    "Where is my parcel?",
    "I paid twice.",
    "The box was empty.",
    "Please cancel my order.",
)
QUEUES = ("repairs", "delivery", "billing", "returns")
TALK = ("I think that this is a question about delivery", "Let me look at the message first:")


def message(role: str, content: str) -> dict:
    return {"role": role, "content": content}


def without_system(messages: list) -> list:
    return [one for one in messages if one["role"] != "system"]


def rows_with(
    examples,
    replies,
    limit,
    is_valid,
    prompt: Callable[[list], list] = without_system,
    text: Callable[[Any, Any], str] = lambda example, reply: reply["text"].strip(),
    is_cut: Callable[[int, int], bool] = lambda n, limit: n >= limit,
    keeps_empty: bool = False,
    judged: Callable[[str], str] = str.strip,
    checks: bool = True,
    also: Callable[[Any, Any], bool] = lambda example, reply: True,
    key: Callable[[list], Any] | None = lambda row: row,
) -> list:
    """Return the rows, with a part of the rules changed."""
    rows: list = []
    seen: list = []
    for example, reply in zip(examples, replies):
        stripped = reply["text"].strip()
        if is_cut(reply["n_completion"], limit) or not (stripped or keeps_empty):
            continue
        if checks and not is_valid(judged(reply["text"])):
            continue
        row = [*prompt(example["messages"]), message("assistant", text(example, reply))]
        if not also(example, reply) or (key and key(row) in seen):
            continue
        rows.append(row)
        seen.append(key(row) if key else None)
    return rows


class distillation_rows(Exercise):
    """Training conversations from the replies of a prompted model, without its system prompt."""

    probe = distilled
    n_draws = 30

    @staticmethod
    def draw(rng):
        examples, replies = [], []
        limit = int(rng.integers(6, 12))
        for _ in range(int(rng.integers(2, 8))):
            system = [LONG, LONG, OTHER, ""][rng.integers(4)]
            question = str(rng.choice(QUESTIONS))
            gold = str(rng.choice(QUEUES))
            turns = [message("user", question)]
            if rng.random() < 0.25:
                earlier = [message("user", "Hello."), message("assistant", "How can I help?")]
                turns = [*earlier, *turns]
            start = [message("system", system)] if system else []
            examples.append({"messages": [*start, *turns], "gold": gold})
            said = [gold, str(rng.choice(QUEUES)), str(rng.choice(TALK)), "", "  \n"]
            text = said[int(rng.choice(5, p=[0.4, 0.3, 0.14, 0.08, 0.08]))]
            if rng.random() < 0.3:
                text = f" {text}\n"
            lengths = [int(rng.integers(1, limit)), limit, limit + 1]
            n_tokens = lengths[int(rng.choice(3, p=[0.75, 0.2, 0.05]))]
            replies.append({"text": text, "n_completion": n_tokens})
        return examples, replies, limit, int(rng.choice([7, 8, 60]))

    @staticmethod
    def in_words(examples, replies, limit, longest):
        return examples, replies, limit, Words(f"lambda text: len(text) <= {longest}")

    @staticmethod
    def edges():
        def example(question, gold="billing", system=LONG):
            start = [message("system", system)] if system else []
            return {"messages": [*start, message("user", question)], "gold": gold}

        def reply(text, n_completion=2):
            return {"text": text, "n_completion": n_completion}

        lamp, twice = example("My lamp is broken."), example("I paid twice.")
        return [
            ([], [], 8, 10),
            ([lamp], [reply("repairs")], 8, 10),
            ([lamp], [reply("repairs", 8)], 8, 10),
            ([lamp], [reply("repairs", 7)], 8, 10),
            ([lamp], [reply("")], 8, 10),
            ([lamp], [reply(" \n")], 8, 10),
            ([lamp], [reply(" repairs\n")], 8, 7),
            ([lamp], [reply("repairs")], 8, 6),
            ([lamp, lamp], [reply("repairs"), reply("repairs ")], 8, 10),
            ([lamp, lamp], [reply("repairs"), reply("returns")], 8, 10),
            ([lamp, twice], [reply("billing"), reply("billing")], 8, 10),
            (
                [lamp, example("My lamp is broken.", system=OTHER)],
                [reply("repairs")] * 2,
                8,
                10,
            ),
            ([example("I paid twice.", system="")], [reply("billing")], 8, 10),
        ]

    @staticmethod
    def right(examples, replies, limit, is_valid):
        return rows_with(examples, replies, limit, is_valid)

    @staticmethod
    @wrong(
        "The rows have the system prompt. The student model is trained to reply without it: leave"
        " out the messages with the role system."
    )
    def keeps_the_system_prompt(examples, replies, limit, is_valid):
        return rows_with(examples, replies, limit, is_valid, prompt=list)

    @staticmethod
    @wrong(
        "You leave out the first message of every conversation. Some conversations have no system"
        " message. Look at the roles."
    )
    def drops_the_first_message(examples, replies, limit, is_valid):
        return rows_with(examples, replies, limit, is_valid, prompt=lambda messages: messages[1:])

    @staticmethod
    @wrong(
        "You keep only the last message of the user. Earlier turns are a part of the question."
        " Leave out only the messages with the role system."
    )
    def last_turn_alone(examples, replies, limit, is_valid):
        return rows_with(examples, replies, limit, is_valid, prompt=lambda messages: messages[-1:])

    @staticmethod
    @wrong(
        "Replies that were cut off are in the rows. A model that is trained on them learns to stop"
        " in the middle. Compare n_completion with the limit."
    )
    def keeps_cut_off(examples, replies, limit, is_valid):
        return rows_with(examples, replies, limit, is_valid, is_cut=lambda n, limit: False)

    @staticmethod
    @wrong(
        "A reply with exactly `limit` tokens is in the rows. Generation stopped there because of"
        " the limit. Leave it out, too."
    )
    def keeps_at_the_limit(examples, replies, limit, is_valid):
        return rows_with(examples, replies, limit, is_valid, is_cut=lambda n, limit: n > limit)

    @staticmethod
    @wrong(
        "Empty replies are in the rows. A model that is trained on them learns to say nothing."
        " Leave out what is empty after strip()."
    )
    def keeps_empty(examples, replies, limit, is_valid):
        return rows_with(examples, replies, limit, is_valid, keeps_empty=True)

    @staticmethod
    @wrong(
        "Equal rows are in the result more than once. Duplicates get a higher weight in training."
        " Keep the first."
    )
    def keeps_duplicates(examples, replies, limit, is_valid):
        return rows_with(examples, replies, limit, is_valid, key=None)

    @staticmethod
    @wrong(
        "You leave out a reply because another question has the same reply. Two rows are duplicates"
        " only if the whole conversations are equal."
    )
    def one_row_a_reply(examples, replies, limit, is_valid):
        return rows_with(examples, replies, limit, is_valid, key=lambda row: row[-1])

    @staticmethod
    @wrong(
        "You leave out a second, different reply to the same question. Two rows are duplicates only"
        " if the whole conversations are equal."
    )
    def one_row_a_question(examples, replies, limit, is_valid):
        return rows_with(examples, replies, limit, is_valid, key=lambda row: row[:-1])

    @staticmethod
    @wrong(
        "The assistant's turn is the gold label. Then the student model learns from the labels, not"
        " from the prompted model. Use the reply."
    )
    def gold_label(examples, replies, limit, is_valid):
        return rows_with(
            examples, replies, limit, is_valid, text=lambda example, reply: example["gold"]
        )

    @staticmethod
    @wrong(
        "You leave out replies that differ from the gold label. In distillation you often have no"
        " labels, and here they are only for the test. Use only `is_valid`."
    )
    def only_correct(examples, replies, limit, is_valid):
        return rows_with(
            examples,
            replies,
            limit,
            is_valid,
            also=lambda example, reply: reply["text"].strip() == example["gold"],
        )

    @staticmethod
    @wrong("Replies that are not valid are in the rows. Call `is_valid` for each reply.")
    def keeps_invalid(examples, replies, limit, is_valid):
        return rows_with(examples, replies, limit, is_valid, checks=False)

    @staticmethod
    @wrong(
        "The validity check gets the reply with the spaces around it. Strip the text first, then"
        " check it."
    )
    def checks_unstripped(examples, replies, limit, is_valid):
        return rows_with(examples, replies, limit, is_valid, judged=str)

    @staticmethod
    @wrong("The assistant's turn has spaces or line ends around the text. Strip it.")
    def keeps_spaces(examples, replies, limit, is_valid):
        return rows_with(
            examples, replies, limit, is_valid, text=lambda example, reply: reply["text"]
        )

    @staticmethod
    @symptom(
        "The function changes its arguments. The same examples are evaluated with the system prompt"
        " later. Make new lists."
    )
    def mutates(expected, got):
        return isinstance(got, Raised) and got.kinds[0] == ChangedArguments.__name__
