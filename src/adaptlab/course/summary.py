"""The results and resources of a run as Markdown: for a workflow summary, a comment on a change, or
a class.
"""

from collections import Counter
from pathlib import Path

from adaptlab.course.lesson_usage import read_usage, shown, trained_in
from adaptlab.errors import AdaptLabError
from adaptlab.evals.ledger import read_ledger
from adaptlab.markdown import table


def markdown(build: Path) -> str:
    """Return verdicts, claims with intervals, and the lessons' minutes and memory of a run.

    The sources are `build`/ledger.json and `build`/usage.json.
    """
    missing = [name for name in ("ledger.json", "usage.json") if not (build / name).exists()]
    if missing:
        raise AdaptLabError(
            f"{build / missing[0]} is not there yet. Run the lessons first with `make run`."
        )
    records = read_ledger(build / "ledger.json")
    kept = read_usage(build / "usage.json")
    verdicts = Counter(record["verdict"] for record in records)
    claims = [
        (r["id"], r["verdict"], f"{r['value']:.3f} [{r['low']:.3f}, {r['high']:.3f}]", r["n"])
        for r in records
    ]
    head = f"**{len(records)} claims**: " + ", ".join(
        f"{n} {verdict}" for verdict, n in verdicts.most_common()
    )
    foot = f"{kept['cores']} cores, {kept['gigaflops']} GFLOP/s in float32; {trained_in(kept)}."
    return "\n\n".join(
        [head, table(("claim", "verdict", "effect", "n"), claims), table(*shown(kept)), foot]
    )
