"""The real tasks: intents of bank customers, intents and out-of-scope questions, hotel slots."""

import csv
import json
from dataclasses import dataclass

from adaptlab.evals.real_tasks.data_files import data_path
from adaptlab.files import read_json, read_text, reading

OUTSIDE = "out of scope"
SLOTS = ("date", "date_from", "date_to", "time", "time_from", "people", "adults", "kids", "rooms")
N_FOLDS = 10
FIX = "Fetch the data again."


@dataclass(frozen=True)
class Example:
    """A text of a real person, and its gold answer: a label, or the slots with their words."""

    text: str
    gold: str | dict[str, str]


@dataclass(frozen=True)
class RealTask:
    """A task; `labels` are all labels, or empty for slots."""

    name: str
    train: list[Example]
    test: list[Example]
    labels: tuple[str, ...] = ()


def banking77() -> RealTask:
    """Return the intents of Banking77, in words: card_arrival is "card arrival"."""
    parts = {}
    for split in ("train", "test"):
        path = data_path("banking77", f"{split}.csv")
        with reading(path, FIX):
            rows = csv.DictReader(read_text(path).splitlines(keepends=True))
            parts[split] = [Example(r["text"].strip(), _words(r["category"])) for r in rows]
    labels = tuple(sorted({str(example.gold) for example in parts["train"]}))
    return RealTask("bank intents", parts["train"], parts["test"], labels)


def _words(label: str) -> str:
    return label.replace("_", " ").replace("?", "").strip().lower()


def clinc150() -> RealTask:
    """Return the intents of CLINC150 (small) with `OUTSIDE` as one more label."""
    path = data_path("clinc150", "data_small.json")
    parts = {}
    with reading(path, FIX):
        stored = read_json(path)
        for split in ("train", "test"):
            inside = [Example(text, _words(label)) for text, label in stored[split]]
            outside = [Example(text, OUTSIDE) for text, _ in stored[f"oos_{split}"]]
            parts[split] = inside + outside
    labels = tuple(sorted({str(example.gold) for example in parts["train"]}))
    return RealTask("intents and out of scope", parts["train"], parts["test"], labels)


def hotel_slots() -> RealTask:
    """Return the hotel questions of NLU++ that have slots of SLOTS: the words of each slot as JSON.

    The last three folds are the test.
    """
    folds = []
    for number in range(N_FOLDS):
        path = data_path("nlupp", f"hotels_fold{number}.json")
        with reading(path, FIX):
            made = []
            for row in read_json(path):
                found = row.get("slots", {})
                slots = {name: found[name]["text"] for name in SLOTS if name in found}
                if slots:
                    made.append(Example(row["text"], slots))
        folds.append(made)
    train = [example for fold in folds[:-3] for example in fold]
    test = [example for fold in folds[-3:] for example in fold]
    return RealTask("hotel slots", train, test)


def as_json(slots: dict[str, str]) -> str:
    """Return slots as the text that a model is asked for, in the order of SLOTS."""
    return json.dumps({name: slots[name] for name in SLOTS if name in slots}, ensure_ascii=False)


TASKS = {"banking77": banking77, "clinc150": clinc150, "hotel_slots": hotel_slots}
