"""The site: the ledger as its first page, and every executed lesson."""

import json
from pathlib import Path

import nbformat
from jinja2 import Environment, FileSystemLoader
from nbconvert import HTMLExporter

from adaptlab.errors import AdaptLabError
from adaptlab.evals.claims import claims
from adaptlab.files import write_whole

TEMPLATES = Path(__file__).parent / "templates"


def build_site(build: Path) -> Path:
    """Write `build`/site from `build`/ledger.json and `build`/notebooks; returns the first page."""
    ledger = build / "ledger.json"
    if not ledger.exists():
        raise AdaptLabError(f"{ledger} is not there yet; run the lessons first with `make run`.")
    site, notebooks = build / "site", sorted((build / "notebooks").glob("[0-9]*.ipynb"))
    lessons = []
    for path in notebooks:
        write_whole(site / f"{path.stem}.html", lesson_page(path))
        lessons.append({"name": path.stem, "title": _title(path)})
    environment = Environment(loader=FileSystemLoader(TEMPLATES), autoescape=True)
    page = environment.get_template("ledger.html").render(records=json.loads(ledger.read_text()), claims=claims(), lessons=lessons, profile=build.name)
    write_whole(site / "index.html", page)
    return site / "index.html"


def lesson_page(notebook: Path) -> str:
    """An executed notebook as a page that needs no network."""
    exporter = HTMLExporter(template_name="lesson", extra_template_basedirs=[str(TEMPLATES)], mathjax_url="", require_js_url="", jquery_url="",
                            exclude_input_prompt=True, exclude_output_prompt=True)  # fmt: skip
    return exporter.from_notebook_node(nbformat.read(notebook, as_version=4), resources={"metadata": {"name": notebook.stem}})[0]


def _title(notebook: Path) -> str:
    """The first heading; papermill puts a banner before it where a cell failed."""
    cells = nbformat.read(notebook, as_version=4).cells
    headings = [cell.source.splitlines()[0] for cell in cells if cell.cell_type == "markdown" and cell.source.startswith("# ")]
    return headings[0].lstrip("# ") if headings else notebook.stem
