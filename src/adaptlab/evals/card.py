"""The model card: generated from measurements, never typed."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

from adaptlab.errors import AdaptLabError
from adaptlab.evals.abilities import ABILITIES, Ability, draw_cases, measure
from adaptlab.evals.statistics import proportion
from adaptlab.files import read_json, reading, write_whole
from adaptlab.markdown import table
from adaptlab.models.load_model import WEIGHTS
from adaptlab.models.local import LocalChat
from adaptlab.progress import progress_bar

if TYPE_CHECKING:
    import pandas as pd

REACHED = {True: "yes", False: "no", None: ""}
SPLITS = {"train": "training wordings", "held_out": "held-out wordings"}


def measure_card(models: dict[str, str], n: int = 500, samples: int = 2) -> list[dict]:
    """Measure rows {model, ability, wording, value, low, high, n, goal} for each model (name to
    id), with some samples.
    """
    rows = []
    work = [(name, ability, split) for name in models for ability in ABILITIES for split in SPLITS]
    chats = {name: LocalChat(model_id) for name, model_id in models.items()}
    for name, ability, split in progress_bar(work, desc="abilities", unit="row"):
        estimate = proportion(measure(chats[name], ability, split, n))
        rows.append(
            {
                "model": name,
                "ability": ability.name,
                "wording": SPLITS[split],
                "value": estimate.value,
                "low": estimate.low,
                "high": estimate.high,
                "n": n,
                "goal": _goal(ability, split),
                "samples": _samples(chats[name], ability, split, samples),
            }
        )
    return rows


def _goal(ability: Ability, split: str) -> str:
    goal = ability.goals[split != "train"]
    return "" if goal is None else f"{'at most' if ability.at_most else 'at least'} {goal:.0%}"


def _samples(chat: LocalChat, ability: Ability, split: str, n: int) -> list[dict]:
    cases = draw_cases(ability, split, n)
    replies = chat.batch(
        [list(case.messages) for case in cases], max_new_tokens=ability.max_new_tokens
    )
    return [
        {"messages": list(case.messages), "gold": case.answer, "reply": reply.text}
        for case, reply in zip(cases, replies)
    ]


def reaches(row: dict) -> bool | None:
    """Whether a row's value reaches the goal of its ability and wording; None if it has none."""
    ability = next(one for one in ABILITIES if one.name == row["ability"])
    goal = ability.goals[row["wording"] != SPLITS["train"]]
    if goal is None:
        return None
    return row["value"] <= goal if ability.at_most else row["value"] >= goal


def save_card(rows: list[dict], weights: Path = WEIGHTS) -> None:
    """Write card.json and CARD.md next to the weights."""
    write_whole(weights / "card.json", json.dumps(rows, indent=1) + "\n")
    write_whole(weights / "CARD.md", to_markdown(rows, weights))


def read_card(weights: Path = WEIGHTS) -> list[dict]:
    """Read the rows of the card next to the weights.

    Raises:
        AdaptLabError: if there is no card.
    """
    file = weights / "card.json"
    if not file.exists():
        raise AdaptLabError(
            f"{weights} has no card yet. Measure one with `adaptlab models card --measure"
            f" --export {weights}`."
        )
    rows = read_json(file)
    with reading(file, f"Measure one with `adaptlab models card --measure --export {weights}`."):
        to_json(rows)
    return rows


USE = (
    "Intended use: the lessons, labs and tests of this course, and research on methods with models"
    " whose training data is known completely. The licence is MIT, for the weights and for the"
    " generated data.",
    "",
    "Limits: the models know nothing about the real world. They have a vocabulary of the invented"
    " shop, English sentences of a few patterns, and a context of 1,024 tokens. They follow only"
    " the kinds of instruction in their training data. A result on them is a result about a method"
    " in a small, clean world: the page *What carries over* compares it with genuine models. Do not"
    " use their replies as information, and do not deploy them. Every person in the data is"
    " invented; the data is balanced by construction, so the models are unsuited to questions of"
    " social bias.",
)
KEY = ("model", "ability", "wording")
PUBLIC = (*KEY, "value", "low", "high", "n")


def to_json(rows: list[dict]) -> str:
    """Return the rows without goals and samples."""
    return json.dumps([{key: row[key] for key in PUBLIC} for row in rows], indent=1)


def _curve(log: Path) -> list[str]:
    """Return the probe's scores at each time, one line each."""
    records = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    return [
        f"- {r['tokens'] / 1e6:.1f}M tokens, {r['seconds'] / 60:.0f} min, {r['phase']}: "
        + ", ".join(f"{kind} {score:.0%}" for kind, score in r["scores"].items())
        for r in records
        if "scores" in r
    ] or [
        f"- {r['tokens'] / 1e6:.1f}M tokens, {r['phase']}: answer tokens {r['accuracy']:.0%}"
        for r in records[9::20]
    ]


def compare(rows: list[dict], shipped: list[dict]) -> str:
    """Compare rebuilt models with the shipped models, row by row, in percentage points."""
    before = {_of(row): row["value"] for row in shipped}
    changes = (
        (
            *_of(row),
            f"{row['value']:.1%}",
            f"{before[_of(row)]:.1%}",
            f"{100 * (row['value'] - before[_of(row)]):+.1f}",
        )
        for row in rows
    )
    return table((*KEY, "rebuilt", "shipped", "points"), changes)


def _of(row: dict) -> tuple[str, ...]:
    """Return the key of a row."""
    return tuple(row[name] for name in KEY)


def to_markdown(rows: list[dict], weights: Path = WEIGHTS) -> str:
    """Return the card as a page: training records, the table, samples."""
    trainings = {
        file.parent.name: json.loads(file.read_text())
        for file in sorted(weights.glob("*-*/training.json"))
    }
    stages = [
        (
            name,
            f"{t['parameters']:,}",
            f"{t['tokens']:,}",
            f"{t['seconds'] / 60:.0f}",
            t["seed"],
            f"`{t['data'][:16]}`",
        )
        for name, t in trainings.items()
    ]
    notes = [f"- {name}: {t['note']}" for name, t in trainings.items() if "note" in t]
    scores = (
        (
            *_of(row),
            f"{row['value']:.1%}",
            f"{row['low']:.1%} to {row['high']:.1%}",
            row["n"],
            row["goal"],
            REACHED[reaches(row)],
        )
        for row in rows
    )
    lines = [
        "# The embedded models",
        "",
        (
            "Trained from scratch on the invented world, a chat model from its base; generated by"
            " `adaptlab models card --measure`."
        ),
        "",
        table(
            ("model", "parameters", "tokens of its own stage", "minutes", "seed", "data (sha256)"),
            stages,
        ),
    ]
    lines += ["", *notes] if notes else []
    lines += ["", *USE]
    lines += [
        "",
        (
            "Greedy decoding, 95% Wilson intervals, subjects that no model has seen unless the row"
            " says known. (A review has no subject: its text may occur in training.)"
        ),
        "",
        table((*KEY, "value", "interval", "n", "goal", "reached"), scores),
    ]
    lines += [
        "",
        "## Scores during training",
        "",
        (
            "Share of answer tokens ranked first, teacher-forced, on a dozen sequences of each"
            " kind: a curve to watch, not a result."
        ),
    ]
    for file in sorted(weights.glob("*/log.jsonl")):
        lines += ["", f"**{file.parent.name}**", ""] + _curve(file)
    lines += ["", "## Samples", ""]
    for row in rows:
        sample = row["samples"][0]
        prompt = "\n".join(f"{m['role']}: {m['content']}" for m in sample["messages"])
        if row["wording"] == SPLITS["held_out"]:
            lines += [
                f"**{row['model']}, {row['ability']}**",
                "",
                "```text",
                prompt,
                f"gold:  {sample['gold']}",
                f"reply: {sample['reply']}",
                "```",
                "",
            ]
    return "\n".join(lines).rstrip() + "\n"


def card_table(model: str) -> "pd.DataFrame":
    """Return the card of one model as a table: its abilities in the wordings of its training."""
    import pandas as pd  # which no other use of the card needs

    shown = []
    for row in read_card():
        if row["model"] == model and row["wording"] == SPLITS["train"]:
            cells = {
                "ability": row["ability"],
                "accuracy": f"{row['value']:.0%}",
                "95% interval": f"{row['low']:.0%} to {row['high']:.0%}",
                "n": row["n"],
            }
            shown.append(cells)
    return pd.DataFrame(shown)
