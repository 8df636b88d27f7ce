"""Sums and word problems over whole numbers from 0 to 99, with every step of the solution."""

import json
import random
import zlib
from dataclasses import dataclass

from adaptlab.messages import user
from adaptlab.world import words
from adaptlab.world.case import NOWHERE, Case
from adaptlab.world.wording import combine

ASK_SUM = combine(
    ["~", "Quick question: ~", "Please answer: ~", "A sum for you: ~", "Maths: ~"],
    ["what is {s}?", "how much is {s}?", "work out {s}.", "calculate {s}.", "{s} = ?", "find {s}."],
)
STEP_BY_STEP = combine(
    ["~.", "Please ~.", "For this one, ~.", "Take your time and ~.", "Now ~."],
    [
        "think step by step",
        "work step by step",
        "show each step",
        "solve it step by step",
        "write down the steps",
        "explain each step",
    ],
)
DIRECT = combine(
    ["~.", "Please ~.", "For this one, ~.", "Be quick and ~.", "Now ~."],
    [
        "answer with the number only",
        "give only the number",
        "say just the number",
        "reply with the result alone",
        "give the answer at once",
        "write nothing but the number",
    ],
)

AS_JSON = combine(
    ["~.", "Please ~.", "For this one, ~.", "Now ~.", "As usual, ~."],
    [
        "answer in JSON with the fields {f}",
        "give {f} as JSON",
        "return a JSON object with {f}",
        "write {f} in JSON",
        "reply in JSON with {f}",
        "put {f} into a JSON object",
    ],
)
STYLES = ("steps", "direct", "plain", "reasoning_first", "answer_first")

_TIMES = ["~.", "Then ~.", "Later ~.", "After that, ~.", "Next, ~.", "In the evening, ~."]
START = combine(
    ["~.", "At first, ~.", "In the morning, ~.", "On Monday, ~.", "To begin with, ~."],
    [
        "{n} has {x} {i}",
        "{n} owns {x} {i}",
        "there are {x} {i} in the bag of {n}",
        "{n} starts with {x} {i}",
        "{n} counts {x} {i}",
        "{n} keeps {x} {i}",
    ],
)
PLUS = combine(
    _TIMES,
    [
        "{n} buys {x} more",
        "{n} finds {x} {i}",
        "{m} gives {x} to {n}",
        "{n} wins {x} {i}",
        "{x} more arrive",
        "{n} gets {x} from {m}",
    ],
)
MINUS = combine(
    _TIMES,
    [
        "{n} sells {x} {i}",
        "{n} loses {x} of them",
        "{n} gives {x} to {m}",
        "{x} of them break",
        "{m} takes {x} away",
        "{n} throws out {x}",
    ],
)
ASK_LEFT = combine(
    ["~?", "Now, ~?", "Tell me, ~?", "After all this, ~?", "Then ~?"],
    [
        "how many {i} does {n} have",
        "how many {i} are there now",
        "how many {i} are left",
        "how many {i} does {n} own in the end",
        "how many {i} remain",
        "how many {i} are with {n}",
    ],
)


def sum_is_new(a: int, b: int, sign: str) -> bool:
    """Whether a sum is held out of all training, including steps of word problems. This holds for
    1/10 of the sums, by a hash, so that every pair of digits occurs in some training sum.
    """
    return zlib.crc32(f"{a}{sign}{b}".encode()) % 10 == 7


def draw_sum(rng: random.Random, new: bool = False) -> tuple[int, str, int]:
    """Return a, sign, b with 0 <= a, b <= 99. The result of a difference is at least 0. New sums
    are never in the training data.
    """
    while True:
        a = rng.randint(0, 99)
        b = rng.randint(0, 99)
        sign = rng.choice("+-")
        if sign == "-" and b > a:
            a, b = b, a
        if sum_is_new(a, b, sign) == new:
            return a, sign, b


def sum_case(rng: random.Random, split: str = "train", new: bool = False) -> Case:
    """Ask for one sum directly."""
    a, sign, b = draw_sum(rng, new)
    text = f"{a} {sign} {b}"
    question = ASK_SUM.pick(rng, split).format(s=text)
    return Case(
        "sum", (user(question),), str(a + b if sign == "+" else a - b), NOWHERE, {"sum": text}
    )


@dataclass(frozen=True)
class Problem:
    """A word problem; `steps` are lines such as "34 + 12 = 46" and `answer` is the last result."""

    text: str
    steps: tuple[str, ...]
    answer: int

    def worked(self) -> str:
        return " ".join(f"{step}." for step in self.steps) + f" The answer is {self.answer}."


def problem(rng: random.Random, n_steps: int, split: str = "train") -> Problem:
    """Return a problem with n_steps additions and subtractions and results from 0 to 99. It
    contains none of the sums that are held out for evaluation.
    """
    n, m = rng.sample(words.FIRST_NAMES, 2)
    item = rng.choice(words.ITEMS)
    total = rng.randint(5, 90)
    sentences = [START.pick(rng, split).format(n=n, x=total, i=item)]
    steps = []
    for _ in range(n_steps):
        plus = rng.random() < 0.5
        if total > 90 or total < 5:
            plus = total < 5
        choices = [
            x
            for x in range(1, (99 - total if plus else total) + 1)
            if not sum_is_new(total, x, "+" if plus else "-")
        ]
        x = rng.choice(choices)
        result = total + x if plus else total - x
        sentences.append((PLUS if plus else MINUS).pick(rng, split).format(n=n, m=m, x=x, i=item))
        steps.append(f"{total} {'+' if plus else '-'} {x} = {result}")
        total = result
    sentences.append(ASK_LEFT.pick(rng, split).format(n=n, i=item))
    return Problem(" ".join(sentences), tuple(steps), total)


def problem_case(
    rng: random.Random, split: str = "train", n_steps: int | None = None, style: str | None = None
) -> Case:
    """Return a problem in a `style` of STYLES: asked for the steps, for the number, for nothing, or
    for JSON with the fields in one of two orders.
    """
    n_steps = n_steps or rng.choice((1, 1, 2, 3, 3, 4, 4))
    style = style or rng.choices(STYLES, (6, 3, 1, 1, 0.5))[0]
    item = problem(rng, n_steps, split)
    order = {
        "reasoning_first": ("reasoning", "answer"),
        "answer_first": ("answer", "reasoning"),
    }.get(style)
    wordings = {"steps": STEP_BY_STEP, "direct": DIRECT}.get(style, AS_JSON if order else None)
    request = (
        f" {wordings.pick(rng, split)}".replace("{f}", " and ".join(order or ()))
        if wordings
        else ""
    )
    if order:
        parts = {"reasoning": " ".join(f"{step}." for step in item.steps), "answer": item.answer}
        answer = json.dumps({key: parts[key] for key in order})
    else:
        answer = item.worked() if style == "steps" else str(item.answer)
    fields = {
        "n_steps": n_steps,
        "style": style,
        "number": item.answer,
        "problem": item.text,
        "steps": item.steps,
    }
    return Case("problem", (user(item.text + request),), answer, NOWHERE, fields)
