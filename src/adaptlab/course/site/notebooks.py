"""A notebook as a page of the site: MyST Markdown by nbconvert, figures as files with their data as
text.
"""

import base64
import re
from dataclasses import dataclass, field
from pathlib import Path

import nbformat
from bs4 import BeautifulSoup, Tag
from nbconvert import MarkdownExporter

from adaptlab.course.site.places import PACKAGE, PAGES, TEMPLATES
from adaptlab.errors import AdaptLabError
from adaptlab.evals.ledger import RECORD_MIME

WIDGET = "application/vnd.jupyter.widget-view+json"  # a bar or buttons of the run, dead on a page
# Lessons link pages of the site as files of the repository, which GitHub and JupyterLab open.
LINKED_PAGE = re.compile(rf"\]\(\.\./src/adaptlab/{PAGES.relative_to(PACKAGE).as_posix()}/")
DATA_URI = re.compile(r"data:image/(?P<kind>svg|png|jpeg)[^,;]*;base64,(?P<content>.*)", re.DOTALL)


@dataclass
class Page:
    """A page's Markdown, its title, its figures (bytes by file name) and the number of tables in
    its outputs.
    """

    name: str
    title: str
    text: str = ""
    figures: dict[str, bytes] = field(default_factory=dict)
    tables: int = 0

    @property
    def short(self) -> str:
        """The title up to its colon, for lists."""
        return self.title.partition(":")[0]


def notebook_page(path: Path) -> Page:
    """Read a notebook, executed or blank, as a page; figures are linked as ../figures/NAME."""
    try:
        notebook = nbformat.read(path, as_version=4)
    except (ValueError, nbformat.reader.NotJSONError) as error:
        raise AdaptLabError(
            f"{path} is not a readable notebook ({type(error).__name__}). Run its lesson again."
        ) from error
    page = Page(path.stem, _title_first(notebook, path.stem))
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = [
                output for output in cell.outputs if WIDGET not in output.get("data", {})
            ]
            for output in cell.outputs:
                if "image/png" in output.get("data", {}):
                    _png_as_html(output)
                _tidy(output.get("data", {}), cell.id, page)
    exporter = MarkdownExporter(template_name="lesson", extra_template_basedirs=[str(TEMPLATES)])
    text = LINKED_PAGE.sub("](../", exporter.from_notebook_node(notebook)[0])
    page.text = re.sub(r"\n{3,}", "\n\n", text).lstrip("\n")
    return page


def _title_first(notebook: nbformat.NotebookNode, name: str) -> str:
    """The first heading; its cell is moved to the top, where papermill puts a banner if a cell
    failed.
    """
    titles = [
        cell
        for cell in notebook.cells
        if cell.cell_type == "markdown" and cell.source.startswith("# ")
    ]
    first = titles[0] if titles else nbformat.v4.new_markdown_cell(f"# {name}")
    notebook.cells = [first, *(cell for cell in notebook.cells if cell is not first)]
    return first.source.splitlines()[0].removeprefix("# ")


def _png_as_html(output: nbformat.NotebookNode) -> None:
    """Replace an output's PNG by an HTML figure with the alt text of the output's metadata, which
    nbconvert's Markdown leaves out.
    """
    content = "".join(output.data.pop("image/png").split())
    about = output.metadata.get("image/png", {})
    soup = BeautifulSoup("<figure><img><figcaption></figcaption></figure>", "html.parser")
    soup.img["src"] = f"data:image/png;base64,{content}"
    soup.img["alt"] = about.get("alt", "")
    for side in ("width", "height"):
        if side in about:
            soup.img[side] = str(about[side])
    output.data["text/html"] = str(soup)


def _tidy(data: dict, cell_id: str, page: Page) -> None:
    """An output's HTML without styles of its own, with figures as files and wide tables in a part
    that scrolls.
    """
    if "text/html" not in data:
        return
    soup = BeautifulSoup(data["text/html"], "html.parser")
    for style in soup("style"):
        style.decompose()
    for image in soup("img"):
        _file_figure(image, cell_id, page)
    for table in soup("table"):
        _plain_table(soup, table, page)
    if RECORD_MIME in data:
        link = (
            '<p class="note"><a'
            f' href="../ledger.html#{data[RECORD_MIME]["id"]}">{data[RECORD_MIME]["id"]} in the'
            " ledger</a></p>"
        )
        soup.append(BeautifulSoup(link, "html.parser"))
    data["text/html"] = re.sub(r"\n\s*\n", "\n", str(soup))


def _file_figure(image: Tag, cell_id: str, page: Page) -> None:
    found = DATA_URI.match(image.get("src", ""))
    if not found:
        return
    name = f"{page.name}-{cell_id}-{len(page.figures)}.{found['kind']}"
    page.figures[name] = base64.b64decode(found["content"])
    title, _, alternative = image.get("alt", "").partition(": ")
    size = {side: image[side] for side in ("width", "height") if side in image.attrs}
    image.attrs = {"src": f"../figures/{name}", "alt": title, "loading": "lazy", **size}
    figure = image.find_parent("figure")
    if figure and figure.figcaption:
        figure.attrs.pop("style", None)
        if alternative:
            figure.figcaption.replace_with(data_in_text(alternative))
        else:  # a picture without data: the whole text is the image's alt text
            figure.figcaption.decompose()


def data_in_text(alternative: str) -> Tag:
    """Return the parts of a figure's text alternative as a list that unfolds."""
    soup = BeautifulSoup(
        "<figcaption><details><summary>The data of this figure as"
        " text</summary><ul></ul></details></figcaption>",
        "html.parser",
    )
    for part in alternative.removesuffix(".").split("; "):
        item = soup.new_tag("li")
        item.string = part
        soup.ul.append(item)
    return soup.figcaption


def _plain_table(soup: BeautifulSoup, table: Tag, page: Page) -> None:
    page.tables += 1
    for tag in (table, *table.find_all(True)):
        tag.attrs = {
            key: value for key, value in tag.attrs.items() if key in ("colspan", "rowspan", "href")
        }
        if tag.name == "th" and not tag.get_text(strip=True):
            tag.name = "td"
        elif tag.name == "th":
            tag["scope"] = "col" if tag.find_parent("thead") else "row"
    table["class"] = "docutils"
    table.wrap(
        soup.new_tag(
            "div",
            attrs={
                "class": "table-wrapper",
                "role": "region",
                "tabindex": "0",
                "aria-label": f"Table {page.tables}",
            },
        )
    )
