"""Judge the replies of any model: their content, apart from their form.

A reply is correct if it states the gold value and no other candidate, in whatever words surround
it. Whether it has the form that the prompt asked for is a second question with its own functions.
"""

import json
import re
import unicodedata
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any

from adaptlab.messages import NOT_FOUND, UNKNOWN

_THOUGHTS = re.compile(r"<think>.*?(</think>|$)", re.DOTALL)
_FENCE = re.compile(r"```[\w-]*[ \t]*\n(.*?)(?:```|$)", re.DOTALL)
# What separates thousands where a comma does not: apostrophes and narrow spaces.
_THOUSANDS = re.compile(r"(?<=\d)['’\u2009\u202f](?=\d{3}(?!\d))")
_COMMAS = re.compile(r"(?<![\d.,])\d{1,3}(?:,\d{3})+(?![\d,])")
_MARKS = str.maketrans(dict.fromkeys('*_`#“”„«»"', " ") | {"’": "'", "‘": "'", "−": "-"})
# A reply's own mark of its result. What follows the last mark is judged, if anything does.
_RESULT = re.compile(
    r"(?:\\boxed|####|\b(?:final|correct|right)?\s*(?:answer|result|label|category|sentiment)"
    r"\s*(?:is|=|:)|\bantwort\s*:|\btherefore,?|\bso the)\s*",
    re.IGNORECASE,
)
# Up to four words between a negation and what it denies, in the same clause.
_NEGATION = (
    r"\b(?:not|never|neither|nor|cannot|\w+n't|isnt|rather than|instead of|other than|except|unlike"
    r"|no longer)\b(?! only\b| just\b| merely\b)(?:\s+[\w'-]+){0,4}\s+$"
)
_IS_NEGATED = re.compile(_NEGATION)
_DENIED_LATER = re.compile(r"^\s+(?:is|are|was|would be)\s+(?:not\b|wrong\b|incorrect\b|false\b)")
_LATIN = r"a-z0-9\u00df-\u024f"
_ABSTAINS = re.compile(
    r"\b(?:do(?:es)?|did|is|are|was|were|can|could|has|have)\s*(?:not|n't)\s+(?:\w+\s+){0,3}?"
    r"(?:say|state|mention|provide|specify|contain|include|give|tell|list|indicate|reveal|know"
    r"|answer|find|determine|enough|sure|aware|said|stated|mentioned|provided|specified|given|listed"
    r"|available|found|clear|known|determined|have|any)"
    r"|\b(?:cannot|unable to|impossible to)\s+(?:\w+\s+){0,2}?"
    r"(?:be|answer|say|tell|find|determine|know|provide)"
    r"|\bno (?:information|mention|answer|data|details?|record|such|context|note|chunk|passage)\b"
    r"|\b(?:unknown|unanswerable|insufficient|not enough|not in the|not (?:mentioned|stated|given"
    r"|provided|specified|listed|available|found|known|sure|said))\b"
    r"|\bnone of the\b"
)
_NUMBER = re.compile(r"(?<![\w.])-?\d+(?:\.\d+)?(?![\d]|\.\d)")
_SMALL = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen"
    " sixteen seventeen eighteen nineteen"
)
_ROUND = "twenty thirty forty fifty sixty seventy eighty ninety"
_WORDS = {word: value for value, word in enumerate(_SMALL.split(" "))}
_TENS = {word: 10 * value for value, word in enumerate(_ROUND.split(" "), start=2)}
_SPELLED = re.compile(
    rf"\b(?:({'|'.join(_TENS)})(?:[- ]({'|'.join(list(_WORDS)[1:10])}))?|({'|'.join(_WORDS)}))\b"
)


def normalise(text: str) -> str:
    """Return a text without thoughts, case, markup and marks of emphasis, with ASCII digits and
    single spaces, line by line.
    """
    text = _THOUGHTS.sub(" ", text)
    text = _THOUSANDS.sub("", text)
    text = unicodedata.normalize("NFKC", text)
    text = "".join(
        str(unicodedata.decimal(letter)) if letter.isdecimal() else letter for letter in text
    )
    text = text.translate(_MARKS).casefold()
    text = _COMMAS.sub(lambda found: found[0].replace(",", ""), text)
    lines = (" ".join(line.split()) for line in text.splitlines())
    return "\n".join(line for line in lines if line)


def stated(reply: str, candidates: Iterable[str]) -> list[str]:
    """Return the candidates that a reply states, in the order of their first mention.

    A mention counts where it is a whole word or phrase and not denied ("not in Marvik"). Inside a
    longer candidate, a shorter candidate is not mentioned. A reply that marks its result
    ("Answer: ...") or whose first line is nothing but a candidate is taken at that word.
    """
    by_norm = {normalise(candidate): candidate for candidate in candidates}
    by_norm.pop("", None)
    if not by_norm:
        return []
    text = normalise(reply)
    first = text.split("\n", 1)[0].strip(" .:;,!()[]'")
    if first in by_norm:
        return [by_norm[first]]
    pattern = _pattern(tuple(sorted(by_norm, key=len, reverse=True)))
    concluded = _after_result(text)
    found = _mentions(concluded, pattern) if concluded else []
    return [by_norm[each] for each in found or _mentions(text, pattern)]


def _after_result(text: str) -> str:
    """Return what follows a reply's last mark of its result, or an empty text."""
    marks = list(_RESULT.finditer(text))
    return text[marks[-1].end() :].lstrip(" {(:") if marks else ""


@lru_cache(maxsize=4096)
def _pattern(candidates: tuple[str, ...]) -> re.Pattern:
    options = "|".join(map(re.escape, candidates))
    # Words of scripts without spaces may touch a Latin word; a decimal is another number.
    return re.compile(rf"(?<![{_LATIN}])(?<!\d[.,])({options})(?![{_LATIN}]|[.,]\d|'[a-rt-z])")


def _mentions(text: str, pattern: re.Pattern) -> list[str]:
    found: dict[str, None] = {}
    for match in pattern.finditer(text):
        before = re.split(r"[.,;:!?()\n]| but ", text[: match.start()])[-1]
        denied = _IS_NEGATED.search(before) and "no doubt" not in before
        if not denied and not _DENIED_LATER.match(text[match.end() :]):
            found[match[1]] = None
    return list(found)


def states_only(reply: str, gold: str, others: Iterable[str] = ()) -> bool:
    """Whether a reply states the gold value and none of the other candidates."""
    return stated(reply, [*others, gold]) == [gold]


def abstains(reply: str, candidates: Iterable[str] = ()) -> bool:
    """Whether a reply says that it does not know or that the text does not say, and states none of
    the candidates.
    """
    text = normalise(reply)
    says = any(normalise(phrase) in text for phrase in (NOT_FOUND, UNKNOWN))
    return bool(says or _ABSTAINS.search(text)) and not stated(reply, candidates)


def numbers(text: str) -> list[float]:
    """Return the numbers in a text in order: digits of any script, or English words below 100 where
    the text has no digits.
    """
    text = normalise(text)
    found = [float(number) for number in _NUMBER.findall(text)]
    if found:
        return found
    return [
        float(_TENS[tens] + _WORDS.get(ones, 0) if tens else _WORDS[word])
        for tens, ones, word in _SPELLED.findall(text)
    ]


def final_number(reply: str) -> float | None:
    """Return the number that a reply gives as its result, or None.

    That is the first number after the reply's last mark of a result, else the first after its last
    equals sign, else its last number outside brackets.
    """
    text = normalise(reply)
    concluded = _after_result(text)
    for part in (concluded.split("=")[-1] if concluded else "", concluded):
        if found := numbers(part):
            return found[0]
    _, equals, after = text.rpartition("=")
    if equals and (found := numbers(after)):
        return found[0]
    found = numbers(re.sub(r"\([^)]*\)", " ", text)) or numbers(text)
    return found[-1] if found else None


def is_number(reply: str, gold: float) -> bool:
    """Whether a reply's result is the gold number."""
    return final_number(reply) == float(gold)


def label(reply: str, labels: Sequence[str]) -> str | None:
    """Return the only label that a reply states, or None if it states none or several."""
    found = stated(reply, labels)
    return found[0] if len(found) == 1 else None


def json_object(reply: str) -> dict | None:
    """Return the JSON object in a reply, out of a fence or of the words around it.

    None if there is no object, if there are several that differ, or if a key occurs twice with
    different values.
    """
    text = _THOUGHTS.sub(" ", reply)
    for part in (*_FENCE.findall(text), text):
        objects = _objects(part)
        if objects:
            return objects[0] if all(each == objects[0] for each in objects) else None
    return None


class _Ambiguous(ValueError):
    """A key has two values."""


def _pairs(pairs: list[tuple[str, Any]]) -> dict:
    made: dict[str, Any] = {}
    for key, value in pairs:
        if key in made and made[key] != value:
            raise _Ambiguous(key)
        made[key] = value
    return made


def _objects(text: str) -> list[dict]:
    """Return the JSON objects of a text that do not lie inside another one."""
    decoder = json.JSONDecoder(object_pairs_hook=_pairs)
    found = []
    at = text.find("{")
    while at >= 0:
        try:
            value, end = decoder.raw_decode(text, at)
            found.append(value)
        except (_Ambiguous, RecursionError):
            return []
        except ValueError:
            end = at + 1
        at = text.find("{", end)
    return found


def same_content(found: object, gold: object) -> bool:
    """Whether two JSON values say the same: texts and numbers after normalisation ("3" is 3), keys
    in any order.
    """
    if isinstance(gold, dict):
        return (
            isinstance(found, dict)
            and {normalise(str(key)) for key in found} == {normalise(str(key)) for key in gold}
            and all(
                same_content(
                    next(v for k, v in found.items() if normalise(str(k)) == normalise(str(key))),
                    value,
                )
                for key, value in gold.items()
            )
        )
    if isinstance(gold, list):
        return (
            isinstance(found, list)
            and len(found) == len(gold)
            and all(map(same_content, found, gold))
        )
    if isinstance(gold, bool) or gold is None or isinstance(found, dict | list):
        return found is gold
    if isinstance(gold, int | float):
        return numbers(str(found)) == [float(gold)]
    return normalise(str(found)) == normalise(str(gold))


def same_form(found: object, gold: object) -> bool:
    """Whether two JSON values have the same keys and types at every level."""
    if isinstance(gold, dict):
        return (
            isinstance(found, dict)
            and found.keys() == gold.keys()
            and all(same_form(found[key], gold[key]) for key in gold)
        )
    return type(found) is type(gold)


def is_only_json(reply: str) -> bool:
    """Whether the whole reply is one JSON object, as a program would read it."""
    try:
        return isinstance(json.loads(reply), dict)
    except (ValueError, RecursionError):
        return False
