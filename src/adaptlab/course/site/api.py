"""Pages of the reference: one per package, by autodoc, from the docstrings."""

from pathlib import Path

from adaptlab.course.site.places import PACKAGE

# A lab's exercises with their answers, and the probes of its checks.
HIDDEN = ("grading.labs", "grading.probes")


def packages() -> list[str]:
    """Return every package of the course by its name below adaptlab, such as studies.real_models,
    without the grading files of a lab.
    """
    folders = (path.parent.relative_to(PACKAGE) for path in PACKAGE.rglob("*/__init__.py"))
    names = [".".join(folder.parts) for folder in folders]
    return sorted(name for name in names if not name.startswith(HIDDEN))


def api_pages() -> dict[str, str]:
    """Return Markdown by page name."""
    pages = {}
    for name in packages():
        folder = PACKAGE.joinpath(*name.split("."))
        pages[f"api/{name}"] = _page(f"adaptlab.{name}", folder)
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
