"""The regression store: every run of the suite with its configuration and scores, in one SQLite
file.
"""

import json
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from adaptlab.database import PATIENCE, transaction
from adaptlab.errors import AdaptLabError
from adaptlab.evals.estimate import Estimate
from adaptlab.evals.gate import Comparison

STORE = Path("build/evals.db")
SCHEMA = (
    (
        "CREATE TABLE IF NOT EXISTS runs (id INTEGER PRIMARY KEY, at TEXT NOT NULL, model TEXT NOT"
        " NULL, weights TEXT NOT NULL, base TEXT NOT NULL, config TEXT NOT NULL)"
    ),
    (
        "CREATE TABLE IF NOT EXISTS scores (run INTEGER NOT NULL REFERENCES runs, skill TEXT NOT"
        " NULL, value REAL NOT NULL, low REAL NOT NULL, high REAL NOT NULL, n INTEGER NOT NULL,"
        " loss REAL, p REAL, fails INTEGER NOT NULL, PRIMARY KEY (run, skill))"
    ),
)


@dataclass(frozen=True)
class EvalRun:
    """One measured model.

    `weights` is the hash of its weights; `base` is the name of the model it was compared with, or
    "". `failed`: the lost skills.
    """

    at: str
    model: str
    weights: str
    base: str
    config: dict
    scores: dict[str, Estimate]
    failed: tuple[str, ...] = ()


def keep_run(
    path: Path,
    model: str,
    weights: str,
    config: Mapping,
    scores: Mapping[str, Estimate],
    base: str = "",
    rows: Sequence[Comparison] = (),
    patience: float = PATIENCE,
) -> None:
    """Add a run, with the gate's result if it was compared with a base; write everything or, on an
    error, nothing.
    """
    compared = {row.skill: row for row in rows}
    at = datetime.now(UTC).isoformat(timespec="seconds")
    with transaction(path, SCHEMA, "runs of the suite", patience) as connection:
        run = connection.execute(
            "INSERT INTO runs (at, model, weights, base, config) VALUES (?, ?, ?, ?, ?)",
            (at, model, weights, base, json.dumps(dict(config))),
        ).lastrowid
        for skill, score in scores.items():
            row = compared.get(skill)
            gate = (row.loss, row.p, int(row.fails)) if row else (None, None, 0)
            connection.execute(
                "INSERT INTO scores VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (run, skill, score.value, score.low, score.high, score.n, *gate),
            )


def read_runs(path: Path, patience: float = PATIENCE) -> list[EvalRun]:
    """Return all runs, the oldest first.

    Raises:
        AdaptLabError: if there is no store.
    """
    if not path.exists():
        raise AdaptLabError(
            f"{path} is not there yet. Run `adaptlab evals suite` or `adaptlab evals gate` first."
        )
    with transaction(path, SCHEMA, "runs of the suite", patience) as connection:
        connection.row_factory = sqlite3.Row
        runs = connection.execute(
            "SELECT id, at, model, weights, base, config FROM runs ORDER BY id"
        ).fetchall()
        found = {
            row["id"]: connection.execute(
                "SELECT skill, value, low, high, n, fails FROM scores WHERE run = ? ORDER BY rowid",
                (row["id"],),
            ).fetchall()
            for row in runs
        }
    return [
        EvalRun(
            row["at"],
            row["model"],
            row["weights"],
            row["base"],
            json.loads(row["config"]),
            {
                score["skill"]: Estimate(score["value"], score["low"], score["high"], score["n"])
                for score in found[row["id"]]
            },
            tuple(score["skill"] for score in found[row["id"]] if score["fails"]),
        )
        for row in runs
    ]
