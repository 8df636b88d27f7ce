"""Lab 01, read_object: what is right, and what wrong answers believe."""

import ast
import json
import re

import numpy as np

from adaptlab.grading.exercise import Exercise, wrong

TEXTS = (
    "lamp",
    "it's",
    'the "blue" one',
    "red,}",
    "1,]",
    "naïve",
    "雪",
    "",
    "C:\\new",
    "two\nlines",
    "{dax}",
    "true",
    "a // b",
    "don't, won't",
    "\\'",
)


FRAMES = (
    ("", ""),
    ("```json\n", "\n```"),
    ("Here it is: ", " That's all."),
    ("Sure, it's\n```\n", "\n```\nDon't mind the rest."),
)


def written(rng: np.random.Generator, value, loose: float, gap: str) -> str:
    """A value as JSON; with probability `loose` each, texts in single marks and commas behind last
    entries. `gap`: what stands between entries.
    """
    if isinstance(value, str):
        text = json.dumps(value, ensure_ascii=bool(rng.random() < 0.3))
        if rng.random() >= loose:
            return text
        return "'" + text[1:-1].replace('\\"', '"').replace("'", "\\'") + "'"
    if not isinstance(value, dict | list):
        return json.dumps(value)
    parts = [written(rng, item, loose, gap) for item in value]
    if isinstance(value, dict):
        parts = [
            f"{key}: {written(rng, item, loose, gap)}" for key, item in zip(parts, value.values())
        ]
    comma = "," if parts and rng.random() < loose else ""
    between = f",{gap or ' '}"
    inside = f"{gap}{between.join(parts)}{comma}{gap}"
    return f"{{{inside}}}" if isinstance(value, dict) else f"[{inside}]"


def record(rng: np.random.Generator, depth: int = 2) -> dict:
    """An object of some entries: texts, numbers, true, false, null, lists, and objects down to
    `depth`.
    """

    def value():
        kind = rng.integers(6 if depth else 4)
        if kind == 4:
            return [value() for _ in range(rng.integers(0, 3))]
        if kind == 5:
            return record(rng, depth - 1)
        return (str(rng.choice(TEXTS)), int(rng.integers(-9, 99)), bool(rng.integers(2)), None)[
            kind
        ]

    keys = rng.permutation(["topic", "order no", "it's", "ländle", "a"])[: rng.integers(1, 5)]
    return {str(key): value() for key in keys}


def candidate(reply: str) -> str:
    """From the first brace to the last."""
    start = reply.find("{")
    end = reply.rfind("}")
    return reply[start : end + 1] if 0 <= start < end else ""


TOKEN = r""""(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|,(?=\s*[}\]])"""


def repaired(
    text: str,
    tokens: str = TOKEN,
    inner=lambda text: re.sub(r"\\.|\"", lambda m: {"\\'": "'", '"': '\\"'}.get(m[0], m[0]), text),
) -> str:
    """The text as strict JSON."""

    def strict(match):
        part = match[0]
        return "" if part == "," else f'"{inner(part[1:-1])}"' if part[0] == "'" else part

    return re.sub(tokens, strict, text)


def parsed(text: str) -> dict:
    """What strict JSON says; a plain ValueError, which every kind of it equals, if it is none."""
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise ValueError("no object") from error


class read_object(Exercise):
    """The object in a reply, with commas behind last entries and single marks allowed; ValueError
    where there is none.
    """

    n_draws = 40

    @staticmethod
    def draw(rng):
        gap = str(rng.choice(["", " ", "\n", "\n  "]))
        text = written(rng, record(rng), float(rng.choice([0, 0.3, 0.8])), gap)
        if rng.random() < 0.2:
            text = (text[:-1], text.replace(":", "="), text[1:], "I found no record.")[
                rng.integers(4)
            ]
        before, after = FRAMES[rng.integers(len(FRAMES))]
        return (before + text + after,)

    @staticmethod
    def edges():
        texts = (
            '{"b": [3, {}]}',
            "",
            "no braces at all",
            "} and {",
            "{}",
            "{ }",
            '{"a": 1}',
            '{"a": 1,}',
            '{"a": [1, 2, ], "b": {"c": null,\n},\n}',
            "{'a': 'b'}",
            "{\"a\": ['x',]}",
            "{\"it's\": 'x', 'y': \"don't\"}",
            "{'a': 'the \"blue\" one'}",
            r"{'a': 'it\'s'}",
            '{"a": "x,}", "b": "y, ]"}',
            "{'a': 'x,}',}",
            "{\"a\": true, 'b': 2}",
            'Yes:\n```json\n{\n  "a": {"b": 1},\n  "c": false\n}\n```\nIt\'s done.',
            '{"a": {"b": 1}',
            "{a: 1}",
            "{'a': True}",
            '{"a": 1,,}',
            '{"a": "C:\\\\new"}',
            '[{"a": 1}]',
            '{"a": "雪"}',
        )
        return [(text,) for text in texts]

    @staticmethod
    def right(reply):
        return parsed(repaired(candidate(reply)))

    @staticmethod
    @wrong(
        "You read the whole reply. Prose and code fences stand around the object: begin at the"
        " first { and end at the last }."
    )
    def whole_reply(reply):
        return parsed(repaired(reply))

    @staticmethod
    @wrong("You take code fences away, but not the words around the object.")
    def fences_alone(reply):
        return parsed(repaired(re.sub(r"^\s*```(json)?|```\s*$", "", reply)))

    @staticmethod
    @wrong(
        "You read strict JSON alone. A comma behind the last entry and texts in single marks are"
        " allowed."
    )
    def strict_alone(reply):
        return parsed(candidate(reply))

    @staticmethod
    @wrong(
        "You turn every single mark into a double one, those inside of texts, too. An apostrophe in"
        " a text has to stay."
    )
    def every_mark(reply):
        return parsed(re.sub(r",(?=\s*[}\]])", "", candidate(reply)).replace("'", '"'))

    @staticmethod
    @wrong(
        "You take away commas before a bracket wherever they stand, also inside of texts. Step over"
        " whole texts first."
    )
    def commas_in_texts(reply):
        return parsed(repaired(re.sub(r",(\s*[}\]])", r"\1", candidate(reply))))

    @staticmethod
    @wrong("You take away commas before } only. A list may have one behind its last entry, too.")
    def objects_alone(reply):
        return parsed(repaired(candidate(reply), TOKEN.replace(r"\]])", "])")))

    @staticmethod
    @wrong(
        "You take away a comma only if it touches the bracket. There may be white space between, a"
        " line break, too."
    )
    def touching_commas(reply):
        return parsed(repaired(candidate(reply), TOKEN.replace(r"\s*", "")))

    @staticmethod
    @wrong(
        "You end at the first }. Objects stand inside of objects, and braces inside of texts: it is"
        " the last } that counts."
    )
    def first_end(reply):
        start = reply.find("{")
        return parsed(repaired(reply[start : reply.find("}", start) + 1] if start >= 0 else ""))

    @staticmethod
    @wrong(
        "Your search ends at a line break: in a pattern, a dot does not match one unless you"
        " say so."
    )
    def one_line(reply):
        found = re.search(r"\{.*\}", reply)
        return parsed(repaired(found[0] if found else ""))

    @staticmethod
    @wrong(
        "A double mark inside of single ones ends the text for JSON. It has to be escaped when the"
        " marks around it change."
    )
    def marks_inside(reply):
        return parsed(repaired(candidate(reply), inner=lambda text: text.replace("\\'", "'")))

    @staticmethod
    @wrong(
        r"JSON does not know \' : where the marks become double ones, the apostrophe has to lose"
        r" its backslash."
    )
    def escaped_apostrophes(reply):
        return parsed(
            repaired(
                candidate(reply),
                inner=lambda text: re.sub(
                    r"\\.|\"", lambda m: '\\"' if m[0] == '"' else m[0], text
                ),
            )
        )

    @staticmethod
    @wrong(
        "You read it as Python. JSON has true, false and null, and Python's words are none of"
        " JSON's."
    )
    def as_python(reply):
        return ast.literal_eval(candidate(reply))

    @staticmethod
    @wrong(
        "Where there is no object you return None. It has to be a ValueError: None is easily taken"
        " for a result."
    )
    def none_instead(reply):
        try:
            return read_object.right(reply)
        except ValueError:
            return None

    @staticmethod
    @wrong(
        "Where there is no object you return an empty one. It has to be a ValueError: an empty"
        " object is a result, too."
    )
    def empty_instead(reply):
        return read_object.none_instead(reply) or {}
