"""Where the site's templates and pages stand in the package."""

from pathlib import Path

TEMPLATES = Path(__file__).parents[1] / "templates"
PAGES = Path(__file__).parent / "pages"
OF_THE_COURSE = {"benchmarks": "benchmarks/README.md", "contributing": "CONTRIBUTING.md"}  # pages that stand in the course's folder, where it is there
