"""Pages of the reference: one for each package, by autodoc, from the docstrings as they stand."""

from pathlib import Path

from adaptlab.course.site.places import PACKAGE

PACKAGES = tuple(sorted(path.parent.name for path in PACKAGE.glob("*/__init__.py")))


def api_pages() -> dict[str, str]:
    """Markdown by page name. What a lab grades by (its exercises, their answers and probes) stays
    out.
    """
    pages = {f"api/{name}": _page(f"adaptlab.{name}", PACKAGE / name) for name in PACKAGES}
    return {**pages, "api/adaptlab": _page("adaptlab", PACKAGE)}


def _page(package: str, folder: Path) -> str:
    names = sorted(
        path.stem for path in folder.glob("*.py") if not path.stem.startswith(("_", "cli"))
    )
    modules = "\n".join(
        f"## {package}.{name}\n\n```{{eval-rst}}\n.. automodule:: {package}.{name}\n  "
        " :members:\n```\n"
        for name in names
    )
    return f"# {package}\n\n{modules}"
