"""Print the lessons of a site to PDF with the reader's own Chromium or Chrome."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from adaptlab.errors import AdaptLabError
from adaptlab.files import make_folder
from adaptlab.progress import progress_bar

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")


def print_lessons(site: Path) -> Path:
    """Write a PDF of each lesson to the site's folder `pdf`, and return it.

    Raises:
        AdaptLabError: if there is no browser, or if it writes no PDF.
    """
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        raise AdaptLabError(
            "No Chromium or Chrome is found. Install one (Debian, Ubuntu: apt install chromium), or"
            " open a lesson in your browser and print it to a file."
        )
    folder = site.resolve() / "pdf"
    make_folder(folder)
    pages = sorted((site.resolve() / "lessons").glob("*.html"))
    if not pages:
        raise AdaptLabError(f"{site} has no lessons. Run them first: adaptlab run.")
    for page in progress_bar(pages, desc="PDF", unit="lesson"):
        made = folder / f"{page.stem}.pdf"
        with tempfile.TemporaryDirectory() as profile:
            command = [browser, "--headless", f"--user-data-dir={profile}"]
            command += ["--no-sandbox"] if os.geteuid() == 0 else []  # it refuses to run as root
            command += ["--no-pdf-header-footer", f"--print-to-pdf={made}", page.as_uri()]
            shown = subprocess.run(command, capture_output=True, text=True)
        if not made.exists():
            last = shown.stderr.strip().splitlines()[-1:] or ["it gave no reason"]
            raise AdaptLabError(f"{browser} could not print {page}: {last[0]}.")
    return folder
