"""Run studies: grids of training runs that take too long for a lesson.

Each row is kept as soon as it is measured, with its setting and seed.
"""

import json
import os
from pathlib import Path
from typing import Any

from adaptlab.errors import AdaptLabError
from adaptlab.files import read_json, read_text, reading, write_whole
from adaptlab.models.local import LocalChat
from adaptlab.progress import progress_bar
from adaptlab.studies import arms, forgetting, levers, preferences, real_tasks, tuning
from adaptlab.studies.real_models import real_tasks as real_tasks_on_models
from adaptlab.studies.recorded import recorded

RECORDED_FOR = "embedded:chat"
STUDIES = (
    tuning.STUDIES
    | preferences.STUDIES
    | forgetting.STUDIES
    | arms.STUDIES
    | levers.STUDIES
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
        measured = [row.items() for row in rows]
        left = [one for one in settings if not any(one.items() <= row for row in measured)]
    for setting in progress_bar(left, desc=name, unit="run"):
        rows.append(setting | STUDIES[name].measure(chat, **setting))
        rows = [row for setting in settings for row in rows if setting.items() <= row.items()]
        write_whole(kept, json.dumps(head | {"rows": rows}, indent=1) + "\n")
    return kept


def study(name: str, chat: LocalChat, folder: Path) -> list[dict]:
    """Return a study's rows: recorded for the embedded chat model, measured now for any other.

    An interrupted measurement resumes.
    """
    return (
        recorded(name)
        if chat.name == RECORDED_FOR
        else json.loads(read_text(run_study(name, chat, folder / f"{name}.json")))
    )["rows"]
