"""The site: a run's results and the pages around them, as HTML; only changed pages are built
again.
"""

import hashlib
from collections.abc import Iterator
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from adaptlab.course.labs import labs_of
from adaptlab.course.site.places import OF_THE_COURSE, PACKAGE, lessons_of
from adaptlab.errors import AdaptLabError
from adaptlab.files import read_text, sha256, write_whole


def build_site(build: Path, folder: Path | None = None, strict: bool = False) -> Path:
    """Write `build`/site from `build`/ledger.json, `build`/notebooks, and the labs and rules in
    `folder`; return the first page.

    `folder` contains build/ by default. `strict`: warnings of Sphinx are errors. Unchanged pages
    are not built again.
    """
    ledger = build / "ledger.json"
    site = build / "site"
    if not ledger.exists():
        raise AdaptLabError(f"{ledger} is not there yet. Run the lessons first with `make run`.")
    if missing := [name for name in ("sphinx", "furo", "myst_parser") if not find_spec(name)]:
        raise AdaptLabError(
            f"The site needs {', '.join(missing)}. Run: pip install 'adaptlab[site]'"
        )
    folder = folder or build.parent.parent
    made_of = site / ".made-of"
    mark = _digest(build, folder)
    if strict or not (made_of.exists() and read_text(made_of) == mark):
        # Sphinx, Jinja and Matplotlib take seconds to import, so only if they are needed.
        from adaptlab.course.site.build import build_pages

        made_of.unlink(missing_ok=True)
        build_pages(build, folder, strict)
        write_whole(made_of, mark)
    return site / "index.html"


def _digest(build: Path, folder: Path) -> str:
    """Return a hash of all inputs of the site."""
    digest = hashlib.sha256(
        " ".join(version(name) for name in ("sphinx", "furo", "myst-parser")).encode()
    )
    for path in _inputs(build, folder):
        digest.update(f"{path} {sha256(path)}\n".encode())
    return digest.hexdigest()


def _inputs(build: Path, folder: Path) -> Iterator[Path]:
    yield from (path for name in ("ledger.json", "usage.json") if (path := build / name).exists())
    yield from lessons_of(build)
    yield from labs_of(folder)
    yield from (path for name in OF_THE_COURSE.values() if (path := folder / name).exists())
    yield from sorted(
        path
        for path in PACKAGE.rglob("*")
        if path.is_file() and path.suffix not in (".pyc", ".safetensors")
    )
