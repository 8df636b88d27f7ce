"""Feedback in the form that platforms import: one zip, with the file names of the platform's
export.
"""

import html
import io
import json
import zipfile
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from adaptlab.errors import AdaptLabError
from adaptlab.grading.records.feedback import file_name, visible
from adaptlab.grading.records.sheet import Sheet

PLATFORMS = ("moodle", "canvas", "brightspace")
WRITTEN = (1980, 1, 1, 0, 0, 0)  # a fixed time, so that the same feedback gives the same bytes


def feedback_zip(sheets: Sequence[Sheet], pages: Path, platform: str) -> tuple[bytes, list[str]]:
    """Return the zip, and the students that are not in it because they are not from this platform.

    Raises:
        AdaptLabError: if the platform imports no zip, or if no submission came from it.
    """
    if platform not in PLATFORMS:
        those = f"Use one of {', '.join(PLATFORMS)}, or distribute the pages in {pages}."
        raise AdaptLabError(f"{platform!r} does not import feedback as a zip. {those}")
    theirs = [sheet for sheet in sheets if sheet.owner.platform == platform and sheet.owner.place]
    if not theirs:
        says = f"No submission came from an export of {platform}, so it cannot show feedback."
        raise AdaptLabError(f"{says} Grade the unchanged export of the platform.")
    entries = dict(_entry(sheet, pages / f"{file_name(sheet.student)}.html") for sheet in theirs)
    others = [sheet.student for sheet in sheets if sheet not in theirs]
    return _zipped(entries), others


def _entry(sheet: Sheet, page: Path) -> tuple[str, bytes]:
    """Return the name and the content of a student's feedback in the zip.

    Moodle and Brightspace identify a student by the folder. Canvas identifies a submission by its
    file name, and shows the feedback under this name. So the feedback has the same file type.
    """
    content = page.read_bytes()
    place = sheet.owner.place
    name = f"feedback_{sheet.lab}.html"
    if sheet.owner.platform != "canvas":
        return f"{place}/{name}", content
    if PurePosixPath(place).suffix.lower() == ".zip":
        return place, _zipped({name: content})
    return place, _notebook(as_text(sheet))


def as_text(sheet: Sheet) -> str:
    """Return a student's marks as plain text."""
    lines = [f"{sheet.lab}: {sheet.points:g} of {sheet.of:g} points"]
    for mark in sheet.marks:
        points = "not graded yet" if mark.points is None else f"{mark.points:g}"
        said = sheet.manual[mark.exercise][1] if mark.exercise in sheet.manual else mark.sentence
        lines.append(f"\n{mark.exercise}: {points} of {mark.of:g}\n{said}")
    return visible("\n".join([*lines, *(f"\n{note}" for note in sheet.notes)]))


def _notebook(text: str) -> bytes:
    """Return a notebook with one cell of preformatted text, which runs no code and has no links."""
    cell = {
        "cell_type": "markdown",
        "id": "feedback",
        "metadata": {},
        "source": f"<pre>{html.escape(text)}</pre>",
    }
    made = {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [cell]}
    return json.dumps(made, ensure_ascii=False).encode()


def _zipped(entries: dict[str, bytes]) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries.items():
            archive.writestr(zipfile.ZipInfo(name, WRITTEN), content, zipfile.ZIP_DEFLATED)
    return made.getvalue()
