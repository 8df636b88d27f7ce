"""Read the metadata of a Gradescope export: who submitted, and when."""

import hashlib
import re
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Any

from adaptlab.grading.sandbox.limited_fork import TooMuch, apart
from adaptlab.grading.submissions.naming import Owner, Person, shown

METADATA = "submission_metadata.yml"
MAX_BYTES = 50 * 2**20
MAX_NAME = 90  # characters; less than the limit of names in the ledger


def read_metadata(place: Path) -> dict[str, tuple[Owner, str]]:
    """Return the owner and the time of submission, in UTC, for each submission's folder in an
    export.

    Only the metadata file in the export's own folder is read: one inside a submission is a
    student's.
    """
    if not (place.is_dir() or zipfile.is_zipfile(place)):
        return {}
    try:
        said = apart(lambda: _told(place))
    except TooMuch:
        return {}
    owners = {name: (_owner(name, people), received) for name, people, received in said}
    meant: dict[str, set] = {}
    for owner, _ in owners.values():
        meant.setdefault(owner.student, set()).add(frozenset(map(known_by, owner.people)))
    return {
        name: (owner if len(meant[owner.student]) == 1 else replace(owner, student=name), received)
        for name, (owner, received) in owners.items()
    }


def _owner(name: str, people: list) -> Owner:
    persons = tuple(Person(*one) for one in people)
    return Owner(_called(persons) or name, "gradescope", persons, place=name)


def _called(persons: tuple[Person, ...]) -> str:
    """Return the ledger's name for the people of a submission. It is the same for a later
    submission, which has another number.

    It is "" if somebody has neither a number nor an address: a name alone may not be unique.
    """
    if not persons or not all(known_by(one) for one in persons):
        return ""
    names = sorted("_".join(filter(None, (one.name, known_by(one)))) for one in persons)
    called = shown(re.sub(r"[/\\]", "-", " and ".join(names)[:200]))  # it becomes a folder name
    if len(called) > MAX_NAME:
        return f"{called[:60]} …_{_hashed(names)}"
    return called if any(map(str.isalnum, called)) else ""


def _hashed(names: Sequence[str]) -> str:
    return hashlib.sha256("\n".join(names).encode()).hexdigest()[:12]


def known_by(person: Person) -> str:
    """Return the id of a person in Gradescope, independent of the name: the student ID, or else the
    email address.
    """
    return person.number or person.email


def _told(place: Path) -> list[tuple[str, list, str]]:
    """Return the name, the people and the time of each submission."""
    import yaml

    said = yaml.load(_content(place), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    return [
        (name, *_read(told))
        for name, told in said.items()
        if isinstance(name, str) and isinstance(told, dict)
    ]


def _content(place: Path) -> bytes:
    if place.is_dir():
        paths = (place / METADATA, *sorted(place.glob(f"*/{METADATA}")))
        there = list(filter(_is_exports, paths))
        return there[0].read_bytes()[:MAX_BYTES] if there else b""
    with zipfile.ZipFile(place) as archive:
        names = [name for name in archive.namelist() if _is_exports(PurePosixPath(name))]
        if not names:
            return b""
        with archive.open(min(names, key=len)) as file:
            return file.read(MAX_BYTES)


def _is_exports(path: PurePosixPath | Path) -> bool:
    """Whether a metadata file belongs to the export itself, and not to one of its submissions."""
    inside = any(part.startswith("submission_") for part in path.parts[:-1])
    there = not isinstance(path, Path) or (path.is_file() and not path.is_symlink())
    return path.name == METADATA and not inside and there


def _read(told: Mapping[str, Any]) -> tuple[list, str]:
    submitters = told.get(":submitters")
    people = submitters if isinstance(submitters, list) else []
    created = told.get(":created_at")
    received = ""
    if isinstance(created, datetime):
        zoned = created if created.tzinfo else created.replace(tzinfo=UTC)
        received = zoned.astimezone(UTC).isoformat(timespec="seconds")
    keys = (":name", ":sid", ":email")
    return [
        [_text(one.get(key)) for key in keys] for one in people if isinstance(one, dict)
    ], received


def _text(value: Any) -> str:
    """Return a text or a number as a text of limited length; "" for other types."""
    return str(value)[:200] if isinstance(value, str | int) else ""
