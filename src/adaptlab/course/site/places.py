"""Where what the site is made of stands: in the package, in a run, in the course."""

from pathlib import Path

PACKAGE = Path(__file__).parents[2]
TEMPLATES = Path(__file__).parents[1] / "templates"
PAGES = Path(__file__).parent / "pages"
# Pages that stand in the course's folder, where it is there.
OF_THE_COURSE = {"benchmarks": "benchmarks/README.md", "contributing": "CONTRIBUTING.md"}


def lessons_of(build: Path) -> list[Path]:
    """The executed lessons of a run."""
    return sorted((build / "notebooks").glob("[0-9]*.ipynb"))
