"""The locations of the site's inputs: in the package, in a run, in the course."""

from pathlib import Path

PACKAGE = Path(__file__).parents[2]
TEMPLATES = Path(__file__).parents[1] / "templates"
PAGES = Path(__file__).parent / "pages"
# Pages in the course's folder, if it exists.
OF_THE_COURSE = {"benchmarks": "benchmarks/README.md", "contributing": "CONTRIBUTING.md"}


def lessons_of(build: Path) -> list[Path]:
    """Return the executed lessons of a run."""
    return sorted((build / "notebooks").glob("[0-9]*.ipynb"))
