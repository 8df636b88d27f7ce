"""Run studies: grids of training runs that take too long for a lesson.

Each row is kept as soon as it is measured, with its setting and seed.
"""

import json
import os
from pathlib import Path
from typing import Any

from adaptlab.errors import AdaptLabError
from adaptlab.evals.ledger import borrow
from adaptlab.files import as_name, read_json, reading, write_whole
from adaptlab.models.local import LocalChat
from adaptlab.progress import progress_bar
from adaptlab.studies import (
    arms,
    forgetting,
    levers,
    more_levers,
    preferences,
    real_tasks,
    tuning,
)
from adaptlab.studies.real_models import real_tasks as real_tasks_on_models
from adaptlab.studies.recorded import recorded

RECORDED_FOR = "embedded:chat"
STUDIES = (
    tuning.STUDIES
    | preferences.STUDIES
    | forgetting.STUDIES
    | arms.STUDIES
    | levers.STUDIES
    | more_levers.STUDIES
    | real_tasks.STUDIES
    | real_tasks_on_models.STUDIES
)


def run_study(name: str, chat: LocalChat, kept: Path) -> Path:
    """Measure the rows that are not yet in `kept` (a JSON file, written after each row); return all
    rows.
    """
    if name not in STUDIES:
        raise AdaptLabError(f"There is no study {name!r}. Choose one of {', '.join(STUDIES)}.")
    head = {"command": f"adaptlab study {name}", "model": chat.name, "cores": os.cpu_count()}
    found: dict[str, Any] = read_json(kept) if kept.exists() else head
    settings = STUDIES[name].settings
    with reading(kept, "Move it away, and its rows are measured again."):
        if found["model"] != chat.name:
            says = f"{kept} contains rows of {found['model']}"
            raise AdaptLabError(f"{says}. Move it away, or continue with that model.")
        rows = found.get("rows", [])
        left = _unmeasured(settings, rows)
    for setting in progress_bar(left, desc=name, unit="run"):
        rows.append(setting | STUDIES[name].measure(chat, **setting))
        rows = [row for setting in settings for row in rows if setting.items() <= row.items()]
        write_whole(kept, json.dumps(head | {"rows": rows}, indent=1) + "\n")
    return kept


def _unmeasured(settings: list[dict], rows: list[dict]) -> list[dict]:
    """Return the settings without a row."""
    measured = [row.items() for row in rows]
    return [one for one in settings if not any(one.items() <= row for row in measured)]


def study(name: str, chat: LocalChat, folder: Path) -> list[dict]:
    """Return a study's rows for a lesson.

    The embedded chat model's rows are recorded. Another model's are read from `folder`, where
    `adaptlab study` writes them. If they are not complete, the lesson shows the recorded rows, and
    its claims stay out of the ledger of this run.
    """
    if chat.name == RECORDED_FOR:
        return recorded(name)["rows"]
    rows = _rows_of(folder / as_name(chat.name) / f"{name}.json", chat.name)
    if not _unmeasured(STUDIES[name].settings, rows):
        return rows
    note_borrowed(chat, name)
    return recorded(name)["rows"]


def _rows_of(path: Path, model: str) -> list[dict]:
    """Return a model's rows in a study's file; none if there is no such file."""
    if not path.exists():
        return []
    kept = read_json(path)
    with reading(path, "Move it away, and measure the study again."):
        return kept["rows"] if kept["model"] == model else []


def note_borrowed(chat: LocalChat, *names: str) -> None:
    """Say that studies show the rows of the embedded model, if the lesson's model is another."""
    if chat.name == RECORDED_FOR:
        return
    for name in names:
        print(
            f"These rows are those of {RECORDED_FOR}, not of {chat.name}. To measure yours"
            f" ({len(STUDIES[name].settings)} runs): adaptlab study {name} --model {chat.name}"
        )
        borrow(STUDIES[name].claims, RECORDED_FOR)
