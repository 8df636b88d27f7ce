"""The site: the ledger as its first page, and every executed lesson."""

import json
import re
from pathlib import Path

import nbformat
from jinja2 import Environment, PackageLoader
from nbconvert import HTMLExporter

from adaptlab.errors import AdaptLabError
from adaptlab.evals.claims import claims
from adaptlab.files import write_whole


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
    environment = Environment(loader=PackageLoader("adaptlab.course"), autoescape=True)
    page = environment.get_template("ledger.html").render(records=json.loads(ledger.read_text()), claims=claims(), lessons=lessons, profile=build.name)
    write_whole(site / "index.html", page)
    return site / "index.html"


def lesson_page(notebook: Path) -> str:
    """An executed notebook as a page that needs no network."""
    exporter = HTMLExporter(template_name="lab", mathjax_url="", require_js_url="", jquery_url="", mermaid_js_url="", exclude_input_prompt=True,
                            exclude_output_prompt=True)  # fmt: skip
    body, _ = exporter.from_notebook_node(nbformat.read(notebook, as_version=4), resources={"metadata": {"name": notebook.stem}})
    # nbconvert's loader of diagrams fetches from the network, and no lesson has a diagram
    return re.sub(r'<script type="module">(?:(?!</script>).)*mermaid(?:(?!</script>).)*</script>', "", body, flags=re.S)


def _title(notebook: Path) -> str:
    """The first heading; papermill puts a banner before it where a cell failed."""
    cells = nbformat.read(notebook, as_version=4).cells
    headings = [cell.source.splitlines()[0] for cell in cells if cell.cell_type == "markdown" and cell.source.startswith("# ")]
    return headings[0].lstrip("# ") if headings else notebook.stem
