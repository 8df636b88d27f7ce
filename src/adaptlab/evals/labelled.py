"""Labelled cases: a text and its gold answer, read from JSON or CSV; how a reply is judged."""

import csv
import io
import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from adaptlab.delimiter import guess_delimiter
from adaptlab.errors import AdaptLabError
from adaptlab.evals import replies
from adaptlab.files import read_text
from adaptlab.json_rows import Fault, Row, json_rows, unwrapped
from adaptlab.tune.message_formats import checked

TEXTS = ("text", "prompt", "question", "input", "query")
GOLDS = ("label", "gold", "answer", "output", "completion", "response")
TABLES = (".csv", ".tsv")
KINDS = ("label", "number", "json", "text")
SHOWN = 5  # faults in one error
MOST_LABELS = 1 / 3  # share of the cases; more distinct texts are not labels


@dataclass(frozen=True)
class Labelled:
    """A text and its gold answer: a text, a number, or an object of JSON."""

    text: str
    gold: Any

    @property
    def shown(self) -> str:
        """The gold answer as a reply writes it."""
        if isinstance(self.gold, str):
            return self.gold
        return json.dumps(self.gold, ensure_ascii=False)


def read_labelled(path: Path) -> list[Labelled]:
    """Read the cases of a file of JSON rows, or of a table with a line of names.

    A row has one of TEXTS and one of GOLDS, or "messages" with one question and its reply. Other
    keys are not used.

    Raises:
        AdaptLabError: if the file has no rows, or rows have faults; it names the first with their
            places.
    """
    path = Path(path)
    rows = _table(path) if path.suffix.lower() in TABLES else json_rows(path)
    rows, around = unwrapped(rows, {*TEXTS, "messages"})
    cases = []
    faults = []
    for place, row in rows:
        try:
            cases.append(_case(row, around))
        except Fault as fault:
            faults.append(f"{place}: {fault}")
    if faults:
        more = f"; and {len(faults) - SHOWN} more" if len(faults) > SHOWN else ""
        raise AdaptLabError(
            f"{path} cannot be used as labelled cases. {'; '.join(faults[:SHOWN])}{more}."
        )
    if not cases:
        raise AdaptLabError(f"{path} does not contain rows. Write one JSON object per line.")
    return cases


def _table(path: Path) -> list[Row]:
    text = read_text(path).removeprefix("\ufeff")
    try:
        table = csv.DictReader(io.StringIO(text), delimiter=guess_delimiter(text), strict=True)
        return [(f"line {table.line_num}", dict(row)) for row in table]
    except csv.Error as error:
        raise AdaptLabError(f"{path} is not a table ({error}). Save it again as CSV.") from error


def _case(row: Any, around: dict) -> Labelled:
    if isinstance(row, Fault):
        raise row
    if not isinstance(row, dict):
        raise Fault("not an object")
    row = around | row
    if row.get("messages") is not None:
        return _of_messages(row["messages"])
    text = row[_only(row, TEXTS, "text")]
    gold = row[_only(row, GOLDS, "gold answer")]
    if not isinstance(text, str) or not text.strip():
        raise Fault("its text is empty or not a text")
    return Labelled(text, _checked_gold(gold))


def _only(row: dict, names: Sequence[str], what: str) -> str:
    found = [name for name in names if row.get(name) is not None]
    if len(found) != 1:
        has = f"has {' and '.join(found)}" if found else "has none of them"
        raise Fault(f"a row needs one {what} ({', '.join(names)}); this row {has}")
    return found[0]


def _of_messages(messages: Any) -> Labelled:
    talk = checked(messages)
    if [message["role"] for message in talk] != ["user", "assistant"]:
        raise Fault("its messages must be one question of the user and one reply")
    return Labelled(talk[0]["content"], _checked_gold(talk[1]["content"]))


def _checked_gold(gold: Any) -> Any:
    if isinstance(gold, bool) or not isinstance(gold, str | int | float | dict):
        raise Fault("its gold answer is neither a text nor a number nor an object")
    if isinstance(gold, float) and gold - gold != 0:  # infinite or NaN
        raise Fault("its gold answer is not a finite number")
    if isinstance(gold, str) and not gold.strip():
        raise Fault("its gold answer is empty")
    return gold


def same_text(text: str) -> str:
    """Return a text without case and with single spaces, by which copies are found."""
    return " ".join(text.split()).casefold()


def kind_of(cases: Sequence[Labelled]) -> str:
    """Return how replies are judged, one of KINDS, by the type of the gold answers.

    Texts that are all numbers are numbers, and texts that are all objects are JSON. Few distinct
    texts are labels.
    """
    golds = [case.gold for case in cases]
    if all(_as_number(gold) is not None for gold in golds):
        return "number"
    if all(_as_object(gold) is not None for gold in golds):
        return "json"
    texts = {gold for gold in golds if isinstance(gold, str)}
    if len(texts) == len({str(gold) for gold in golds}) <= max(2, MOST_LABELS * len(golds)):
        return "label"
    return "text"


def _as_number(gold: Any) -> float | None:
    if isinstance(gold, str):
        try:
            found = float(gold)
        except ValueError:
            return None
        return found if found - found == 0 else None
    return float(gold) if isinstance(gold, int | float) else None


def _as_object(gold: Any) -> dict | None:
    if isinstance(gold, str):
        try:
            gold = json.loads(gold)
        except (ValueError, RecursionError):
            return None
    return gold if isinstance(gold, dict) else None


def make_judge(cases: Sequence[Labelled], kind: str = "") -> Callable[[str, Labelled], bool]:
    """Return a function (reply, case) -> whether the reply is correct; see `kind_of`.

    Raises:
        AdaptLabError: if the kind is not one of KINDS, or does not fit the gold answers.
    """
    kind = kind or kind_of(cases)
    if kind not in KINDS:
        raise AdaptLabError(f"{kind!r} is not a kind of judging. Use one of {', '.join(KINDS)}.")
    needed: dict[str, Callable] = {"number": _as_number, "json": _as_object}
    if kind in needed and any(needed[kind](case.gold) is None for case in cases):
        name = "a number" if kind == "number" else "an object of JSON"
        raise AdaptLabError(
            f"A gold answer is not {name}. Correct the cases, or judge them as label or text."
        )
    if kind == "number":
        return lambda reply, case: replies.is_number(reply, _as_number(case.gold) or 0.0)
    if kind == "json":
        return lambda reply, case: replies.same_content(
            replies.json_object(reply), _as_object(case.gold)
        )
    if kind == "label":
        labels = sorted({case.shown for case in cases})
        return lambda reply, case: replies.label(reply, labels) == case.shown
    return lambda reply, case: _bare(reply) == _bare(case.shown)


def _bare(text: str) -> str:
    return replies.normalise(text).strip(" .!\n")


def check_cases(cases: Sequence[Labelled]) -> None:
    """Check that a search can tell prompts apart, and that no text is in two of its parts.

    Raises:
        AdaptLabError: if a text occurs twice, or all gold answers are the same.
    """
    first: dict[str, int] = {}
    copies = []
    for place, case in enumerate(cases, 1):
        earlier = first.setdefault(same_text(case.text), place)
        if earlier != place:
            copies.append((place, earlier))
    if copies:
        later, earlier = copies[0]
        raise AdaptLabError(
            f"{len(copies)} of {len(cases)} texts repeat an earlier one, as case {later} repeats"
            f" {earlier}. Remove them: a copy among the held-out cases would be known."
        )
    counts = Counter(case.shown for case in cases)
    if len(counts) == 1:
        raise AdaptLabError(
            f"All {len(cases)} cases have the same gold answer, {next(iter(counts))!r}. Give cases"
            " with at least two."
        )
