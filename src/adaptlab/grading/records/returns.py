"""Feedback as platforms take it back: one zip, with the names that their export gave."""

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
WRITTEN = (1980, 1, 1, 0, 0, 0)  # the same feedback is the same bytes


def feedback_zip(sheets: Sequence[Sheet], pages: Path, platform: str) -> tuple[bytes, list[str]]:
    """The zip, and the students who did not come from this platform and are not in it."""
    if platform not in PLATFORMS:
        those = f"choose one of {', '.join(PLATFORMS)}, or hand out the pages in {pages}."
        raise AdaptLabError(f"{platform!r} takes no feedback as a zip; {those}")
    theirs = [sheet for sheet in sheets if sheet.owner.platform == platform and sheet.owner.place]
    if not theirs:
        says = f"No submission came from an export of {platform}, so nobody can be told there."
        raise AdaptLabError(f"{says} Grade the export as the platform made it.")
    entries = dict(_entry(sheet, pages / f"{file_name(sheet.student)}.html") for sheet in theirs)
    others = [sheet.student for sheet in sheets if sheet not in theirs]
    return _zipped(entries), others


def _entry(sheet: Sheet, page: Path) -> tuple[str, bytes]:
    """The name of a student's feedback, and what is in it.

    Moodle and Brightspace know a student by the folder. Canvas knows a submission by the name of
    its file, and shows the feedback under the name that this file had: so it is of its kind, too.
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
    """A student's marks as plain text."""
    lines = [f"{sheet.lab}: {sheet.points:g} of {sheet.of:g} points"]
    for mark in sheet.marks:
        points = "not marked yet" if mark.points is None else f"{mark.points:g}"
        said = sheet.manual[mark.exercise][1] if mark.exercise in sheet.manual else mark.sentence
        lines.append(f"\n{mark.exercise}: {points} of {mark.of:g}\n{said}")
    return visible("\n".join([*lines, *(f"\n{note}" for note in sheet.notes)]))


def _notebook(text: str) -> bytes:
    """A notebook of one cell, in which nothing runs and nothing is a link."""
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
