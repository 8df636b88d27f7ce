"""The resources of lessons as tables: in the recorded run, and in the run of this site."""

from pathlib import Path

from adaptlab.course.lesson_usage import read_usage, shown, trained_in
from adaptlab.course.site.tables import raw, sortable_table
from adaptlab.studies.recorded import recorded


def usage_tables(build: Path) -> str:
    """Return Markdown with a table for the recorded run and, if its file exists, one for the run in
    `build`.
    """
    runs = {"The recorded run": recorded("usage")}
    if (build / "usage.json").exists():
        runs["The run behind this site"] = read_usage(build / "usage.json")
    return "\n".join(_one(name, kept) for name, kept in runs.items() if kept["rows"])


def _one(name: str, kept: dict) -> str:
    machine = f"on {kept['cores']} cores with {kept['gigaflops']} GFLOP/s in float32"
    caption = f"{name}: {kept['command']}, once, {machine}; {trained_in(kept)}"
    return raw(sortable_table(caption, *shown(kept)))
