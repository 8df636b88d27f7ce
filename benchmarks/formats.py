"""All lessons trained in float32 and in bfloat16: a comparison of the claims' verdicts.

A verdict may differ if an effect is near a limit of its rule. A claim without a record in one
format is listed as missing.

Run: python benchmarks/formats.py [FLOAT32 BFLOAT16]

The arguments are the build folders of finished runs of `adaptlab run --dtype ...`. Without them,
this program runs the lessons in both formats in build/formats; an interrupted run resumes.
"""

import json
import sys
from pathlib import Path

from results_file import keep

from adaptlab.course.run import find_notebooks, run_lessons
from adaptlab.errors import AdaptLabError
from adaptlab.models.precision import FORMATS, use_format

ROOT = Path(__file__).parents[1]


def measured() -> list[Path]:
    """Run the lessons in each format; returns the build folders."""
    builds = []
    for name in FORMATS:
        use_format(name)
        builds.append(ROOT / "build" / "formats" / name)
        failed = [
            o.name
            for o in run_lessons(find_notebooks(ROOT / "notebooks"), builds[-1], "cpu")
            if o.status in ("failed", "skipped")
        ]
        if failed:
            raise AdaptLabError(
                f"In {name} {', '.join(failed)} failed; see its notebook in {builds[-1]}, and run"
                " again."
            )
    return builds


def compared(builds: list[Path]) -> dict:
    """Return the report on the runs in these folders, the first in float32 and the second in
    bfloat16.
    """
    usage = [json.loads((build / "usage.json").read_text()) for build in builds]
    for name, kept in zip(FORMATS, usage):
        if kept["dtype"] != name:
            raise AdaptLabError(
                f"The run in {builds[FORMATS.index(name)]} was in {kept['dtype']}, not in {name};"
                " give the folders in the order float32, bfloat16."
            )
    ledgers = [
        {row["id"]: row for row in json.loads((build / "ledger.json").read_text())}
        for build in builds
    ]
    ids = list(ledgers[0] | ledgers[1])
    differing = {}
    for claim in ids:
        rows = [ledger.get(claim) for ledger in ledgers]
        if len({row["verdict"] if row else None for row in rows}) > 1:
            said = [
                (
                    f"{row['value']:.3f} [{row['low']:.3f}, {row['high']:.3f}], {row['verdict']}"
                    if row
                    else "missing"
                )
                for row in rows
            ]
            differing[claim] = dict(zip(FORMATS, said))
    return {
        "claims with a record": {name: len(ledger) for name, ledger in zip(FORMATS, ledgers)},
        "the same verdict": len(ids) - len(differing),
        "another verdict": differing or "none",
    }


if __name__ == "__main__":
    keep("formats", compared([Path(given) for given in sys.argv[1:]] or measured()))
