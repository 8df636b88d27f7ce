"""Build HTML from Markdown pages, the ledger, executed lessons and labs, with Sphinx."""

import shutil
import subprocess
import sys
from collections.abc import Collection, Iterator
from functools import partial
from pathlib import Path

from jinja2 import Environment, FileSystemLoader

from adaptlab.course.front_page import findings
from adaptlab.course.front_page import picture as front_picture
from adaptlab.course.labs import labs_of
from adaptlab.course.site.api import api_pages
from adaptlab.course.site.carries_over import (
    by_lever_table,
    carries_over_plot,
    carries_over_table,
    comparable,
)
from adaptlab.course.site.decide_page import decide_form, static_files
from adaptlab.course.site.ledger import ledger_table, verdicts_of
from adaptlab.course.site.licences import assets_table, data_sets_table, subjects_table
from adaptlab.course.site.notebooks import Page, notebook_page
from adaptlab.course.site.places import OF_THE_COURSE, PAGES, lessons_of
from adaptlab.course.site.real_models import by_model, short_name
from adaptlab.course.site.scoreboard import linked, scoreboard_plot, scoreboard_table, short_table
from adaptlab.course.site.slides import drop_unused_assets, slide_sources
from adaptlab.course.site.tables import raw, sortable_table
from adaptlab.course.site.usage import usage_tables
from adaptlab.errors import AdaptLabError
from adaptlab.evals.claims import claims
from adaptlab.evals.ledger import read_ledger
from adaptlab.files import make_folder, read_text, write_whole
from adaptlab.models.assets import manifest
from adaptlab.plots import Figure
from adaptlab.world.entities import WORLD_SEED


def build_pages(build: Path, folder: Path, strict: bool) -> None:
    """Write `build`/site; unchanged sources are not written again, so Sphinx skips them.

    Raises:
        AdaptLabError: if the ledger has a claim that claims.toml lacks.
    """
    ledger = build / "ledger.json"
    records = read_ledger(ledger)
    if unknown := [record["id"] for record in records if record["id"] not in claims()]:
        says = f"{ledger} has {', '.join(unknown)}, but evals/claims.toml has not"
        raise AdaptLabError(f"{says}. Run the lessons again: adaptlab run.")
    source = build / "site-source"
    site = build / "site"
    files = dict(_sources(build, folder, records))
    if _stale(source, files) or not (site / "searchindex.js").exists():
        for made in (source, site):
            shutil.rmtree(made, ignore_errors=True)
    make_folder(source / "extra")  # where Sphinx looks for figures, if there are any
    changed = {name for name, content in files.items() if _write_changed(source / name, content)}
    # Every page lists all pages, which Sphinx does not count among what a page depends on.
    listed_anew = ["-a"] if changed & {"index.md", "conf.py", "templates/search.html"} else []
    _run_sphinx(source, site, [*listed_anew, *(["-W", "--keep-going"] if strict else [])])
    _build_slides(build, site)


def _build_slides(build: Path, site: Path) -> None:
    """Write site/slides; nothing if no slide has changed."""
    source = build / "slides-source"
    files = dict(slide_sources(lessons_of(build)))
    if _stale(source, files):
        shutil.rmtree(source, ignore_errors=True)
    changed = [_write_changed(source / name, content) for name, content in files.items()]
    if any(changed) or not (site / "slides" / "index.html").exists():
        _run_sphinx(source, site / "slides", ["-W"], builder="revealjs")
        drop_unused_assets(site / "slides")


def _sources(build: Path, folder: Path, records: list[dict]) -> Iterator[tuple[str, str | bytes]]:
    """Return every file that Sphinx reads, by its path."""
    lessons = [notebook_page(path) for path in lessons_of(build)]
    labs = [notebook_page(path) for path in labs_of(folder)]
    for kind, pages in (("lessons", lessons), ("labs", labs)):
        for page in pages:
            yield f"{kind}/{page.name}.md", page.text
            yield from (
                (f"extra/figures/{name}", content) for name, content in page.figures.items()
            )
    yield from ((f"{name}.md", text) for name, text in api_pages().items())
    theirs = {name: path for name, path in OF_THE_COURSE.items() if (folder / path).exists()}
    yield from ((f"{name}.md", read_text(folder / path)) for name, path in theirs.items())
    # The page of benchmarks shows figures that lie next to it in the repository.
    for figure_file in sorted(folder.glob("benchmarks/results/*.svg")):
        yield f"results/{figure_file.name}", figure_file.read_bytes()
    for model in filter(partial(comparable, records), by_model()):
        figure = carries_over_plot(records, model)
        yield f"extra/figures/carries-over-{short_name(model)}.svg", figure.svg()
    levers = front_picture()
    yield "extra/figures/levers.svg", levers.svg()
    plot = scoreboard_plot()
    yield "extra/figures/scoreboard.svg", plot.svg()
    yield from ((f"static/{name}", content) for name, content in static_files())
    yield from _pages(plot, levers, build, lessons, labs, records, theirs)


def _pages(
    plot: Figure,
    levers: Figure,
    build: Path,
    lessons: list[Page],
    labs: list[Page],
    records: list[dict],
    theirs: Collection[str],
) -> Iterator[tuple[str, str]]:
    """Return the pages in pages/: templates (.j2) filled with the run's results, the others
    unchanged.
    """
    environment = Environment(loader=FileSystemLoader(PAGES), keep_trailing_newline=True)
    known = {record["id"] for record in records}
    missing = [entry for entry in claims().values() if entry.id not in known]
    values = {
        "profile": build.name,
        "lessons": lessons,
        "labs": labs,
        "records": records,
        "missing": missing,
        "theirs": theirs,
        "api": sorted(api_pages()),
        "ledger_table": ledger_table,
        "sortable_table": sortable_table,
        "raw": raw,
        "verdicts_of": verdicts_of,
        "scoreboard_table": scoreboard_table,
        "short_table": short_table,
        "scoreboard_plot": linked(plot, "figures/scoreboard.svg"),
        "decide_form": decide_form(),
        "subjects_table": subjects_table(),
        "assets_table": assets_table(),
        "data_sets_table": data_sets_table(),
        "world_seed": WORLD_SEED,
        "findings": findings(),
        "front_picture": linked(levers, "figures/levers.svg"),
        "usage_tables": usage_tables(build),
        "carries_over_table": carries_over_table,
        "real_model_notes": {asset.name: asset.note for asset in manifest().values() if asset.note},
        "by_lever_table": by_lever_table,
        "real_models": list(by_model()),
        "carries_over_figures": {
            model: linked(
                carries_over_plot(records, model), f"figures/carries-over-{short_name(model)}.svg"
            )
            for model in by_model()
            if comparable(records, model)
        },
    }
    for path in sorted(
        path for path in PAGES.rglob("*") if path.is_file() and "__pycache__" not in path.parts
    ):
        name = path.relative_to(PAGES).as_posix()
        yield (
            name.removesuffix(".j2"),
            (
                environment.get_template(name).render(values)
                if path.suffix == ".j2"
                else read_text(path)
            ),
        )


def _stale(source: Path, files: dict[str, str | bytes]) -> bool:
    """Whether an earlier build had pages that no longer exist."""
    return any(
        path.is_file() and path.relative_to(source).as_posix() not in files
        for path in source.rglob("*")
        if ".doctrees" not in path.parts
    )


def _write_changed(path: Path, content: str | bytes) -> bool:
    """Write a file unless it already has this content; return whether it was written."""
    content = content.encode() if isinstance(content, str) else content
    if path.exists() and path.read_bytes() == content:
        return False
    write_whole(path, [content])
    return True


def _run_sphinx(source: Path, site: Path, options: list[str], builder: str = "html") -> None:
    # In a process of its own: docutils and autodoc change global state.
    command = [
        sys.executable,
        "-m",
        "sphinx",
        "-b",
        builder,
        "-q",
        *options,
        "-d",
        str(source / ".doctrees"),
        str(source),
        str(site),
    ]
    result = subprocess.run(command, capture_output=True, text=True)
    if result.returncode:
        raise AdaptLabError(
            f"Sphinx could not build the site from {source}:"
            f" {result.stderr.strip() or f'exit status {result.returncode}'}"
        )
