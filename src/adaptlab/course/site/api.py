"""Pages of the reference: one per package, by autodoc, from the docstrings."""

from pathlib import Path

from adaptlab.course.site.places import PACKAGE

PACKAGES = tuple(sorted(path.parent.name for path in PACKAGE.glob("*/__init__.py")))


def api_pages() -> dict[str, str]:
    """Return Markdown by page name, without the grading files of a lab (exercises, answers,
    probes).
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
