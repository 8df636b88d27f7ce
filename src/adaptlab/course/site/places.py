"""Where the site's templates and pages stand in the package."""

from pathlib import Path

TEMPLATES = Path(__file__).parents[1] / "templates"
PAGES = Path(__file__).parent / "pages"
