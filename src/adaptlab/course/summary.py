"""What a run measured and what it took, as Markdown: for the summary of a workflow, a comment on a change, a note to a class."""

import json
from collections import Counter
from pathlib import Path

from adaptlab.course.usage import table
from adaptlab.errors import AdaptLabError
from adaptlab.files import read_text


def markdown(build: Path) -> str:
    """Verdicts, the claims with their intervals, and the lessons' minutes and memory, from `build`/ledger.json and `build`/usage.json."""
    missing = [name for name in ("ledger.json", "usage.json") if not (build / name).exists()]
    if missing:
        raise AdaptLabError(f"{build / missing[0]} is not there yet; run the lessons first with `make run`.")
    records, kept = (json.loads(read_text(build / name)) for name in ("ledger.json", "usage.json"))
    verdicts = Counter(record["verdict"] for record in records)
    claims = [{"claim": r["id"], "verdict": r["verdict"], "effect": f"{r['value']:.3f} [{r['low']:.3f}, {r['high']:.3f}]", "n": r["n"]} for r in records]
    lessons = [{name: f"{value:.1f}" if isinstance(value, float) else value for name, value in row.items()} for row in table(kept)]
    head = f"**{len(records)} claims**: " + ", ".join(f"{n} {verdict}" for verdict, n in verdicts.most_common())
    foot = f"{kept['cores']} cores, {kept['gigaflops']} GFLOP/s in float32."
    return "\n\n".join([head, _table(claims), _table(lessons), foot])


def _table(rows: list[dict]) -> str:
    lines = [list(rows[0]), ["---"] * len(rows[0]), *(row.values() for row in rows)] if rows else []
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)
