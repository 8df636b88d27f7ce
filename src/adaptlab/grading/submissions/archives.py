"""Unpack archives in a fork with limits on time and memory. Their content goes to disk, up to the
size limit of one student.
"""

import re
import stat
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any

from adaptlab.errors import AdaptLabError
from adaptlab.grading.notebook import MAX_BYTES
from adaptlab.grading.sandbox.limited_fork import TooMuch, apart
from adaptlab.grading.submissions.naming import LAB_FIRST, is_shown, owner_of, student_of
from adaptlab.grading.submissions.spool import NoRoom, folder
from adaptlab.grading.submissions.taken import (
    MAX_ENTRIES,
    MAX_ZIP,
    TOO_MUCH,
    Allowance,
    TakenFile,
    is_hidden,
    is_read,
    too_large,
    wanted_name,
)

MAX_NAME = 2000
UNPACK_SECONDS = 60
EXPORT_SECONDS = 3600
RESERVED = {
    "con",
    "prn",
    "aux",
    "nul",
    *(f"{port}{number}" for port in ("com", "lpt") for number in range(1, 10)),
}
MAX_NESTED = 3  # depth of archives inside archives


def unpack(
    archive: Path,
    name: str,
    received: str,
    wanted: Mapping[str, int],
    allowance: Allowance,
    export: str = "",
    owner: PurePosixPath | None = None,
) -> list[TakenFile]:
    """Return the notebooks of an archive and the wanted files, unpacked in a fork. A fault in the
    archive affects only its own student.

    The archive belongs to one student, unless it is the `export` of a lab, in which each entry has
    its own student.

    Raises:
        NoRoom: if the disk is full.
    """
    place = PurePosixPath(name)
    owner = owner or place
    inside = Allowance(allowance.left(owner))

    def work() -> dict[str, Any]:
        try:
            files = [
                file.told() for file in _unpack(archive, place, received, wanted, inside, export)
            ]
            return {"files": files, "n_bytes": inside.used.total()}
        except NoRoom as error:
            return {"no_room": str(error)}

    folder()  # before the fork, which would otherwise make its own
    try:
        said = apart(work, EXPORT_SECONDS if export else UNPACK_SECONDS)
    except TooMuch as error:
        says = f"The archive cannot be unpacked: {error}. Submit the notebook itself."
        return [TakenFile(place, b"", received, says)]
    if "no_room" in said:
        raise NoRoom(said["no_room"])
    allowance.take(owner, said["n_bytes"])
    return [TakenFile.of(told) for told in said["files"]]


def _unpack(
    archive: Path,
    place: PurePosixPath,
    received: str,
    wanted: Mapping[str, int],
    allowance: Allowance,
    export: str = "",
    depth: int = 0,
) -> Iterator[TakenFile]:
    """Yield the files of an archive. The size limits apply to the unpacked bytes, not to the sizes
    that the archive claims; entries may be archives.
    """
    try:
        with zipfile.ZipFile(archive) as opened:
            if len(opened.infolist()) > MAX_ENTRIES:
                yield TakenFile(
                    place,
                    b"",
                    received,
                    f"The archive has more than {MAX_ENTRIES} entries. Submit the notebook itself.",
                )
                return
            listed = [entry for entry in opened.infolist() if not is_hidden(path_of(entry))]
            entries = [entry for entry in listed if is_read(entry.filename)]
            alone = len(entries) == 1
            entries += [entry for entry in listed if wanted_name(path_of(entry).name, wanted)]
            owners = [
                _owner(path_of(entry), alone, place, export) if export else place
                for entry in entries
            ]
            if export:
                allowance = Allowance.of(owners, export)
            for entry, owner in zip(entries, owners):
                for file in _unpack_entry(
                    opened, entry, owner, place, received, wanted, allowance, export, depth
                ):
                    yield replace(file, owner=owner)
    except (AdaptLabError, MemoryError):
        raise
    except Exception as error:
        yield TakenFile(
            place,
            b"",
            received,
            f"The archive is broken or encrypted ({type(error).__name__}). Submit the notebook"
            " itself.",
        )


def _unpack_entry(
    opened: zipfile.ZipFile,
    entry: zipfile.ZipInfo,
    owner: PurePosixPath,
    archive: PurePosixPath,
    received: str,
    wanted: Mapping[str, int],
    allowance: Allowance,
    export: str,
    depth: int,
) -> Iterable[TakenFile]:
    inner = path_of(entry)
    place = archive / inner
    beside = wanted_name(inner.name, wanted)
    if fault := _bad_name(inner, export) or _bad_kind(entry):
        if beside:
            return [
                TakenFile(
                    archive / beside,
                    b"",
                    received,
                    f"{beside} in the archive is not accepted: {fault}. Submit the file itself.",
                    beside,
                )
            ]
        return [
            TakenFile(
                archive,
                b"",
                received,
                f"An entry of the archive is not accepted: {fault}. Submit the notebook itself.",
            )
        ]
    zipped = place.suffix.lower() == ".zip"
    limit = wanted[beside] if beside else MAX_ZIP if zipped else MAX_BYTES
    left = allowance.left(owner)
    with opened.open(entry) as file:
        held = allowance.hold(file, owner, limit)
    if held is None:
        says = (
            f"The notebook has more than {MAX_BYTES // 2**20} MB. Clear its outputs and submit it"
            " again."
        )
        return [
            TakenFile(
                place,
                b"",
                received,
                TOO_MUCH if left < limit else too_large(beside, limit) if beside else says,
                beside,
            )
        ]
    if not zipped:
        return [TakenFile(place, held, received, beside=beside)]
    if export:
        return unpack(held.path, str(place), received, wanted, allowance, owner=owner)
    return (
        _unpack(held.path, place, received, wanted, allowance, depth=depth + 1)
        if depth < MAX_NESTED
        else []
    )


def path_of(entry: zipfile.ZipInfo) -> PurePosixPath:
    """Return an entry's path; some Windows programs separate folders by backslashes."""
    return PurePosixPath(entry.filename.replace("\\", "/"))


def names_in(archive: Path) -> list[str]:
    """Return the file names in an archive, up to a maximum number; empty if the archive cannot be
    read.
    """

    def work() -> list[str]:
        with zipfile.ZipFile(archive) as opened:
            entries = [entry for entry in opened.infolist()[:MAX_ENTRIES] if not entry.is_dir()]
            return [path_of(entry).as_posix()[:MAX_NAME] for entry in entries]

    try:
        return apart(work)
    except TooMuch:
        return []


def _owner(path: PurePosixPath, alone: bool, archive: PurePosixPath, lab: str) -> PurePosixPath:
    """Return the path that names the student of an entry in an export: the entry's own or the
    archive's.

    It is the archive's if it holds only one notebook, or if the entry's name has only the lab's
    name.
    """
    named = student_of(archive, lab) != archive.stem
    flat = len(path.parts) == 1
    if flat and (LAB_FIRST.match(path.name) or alone) and not owner_of(path, lab).platform:
        return archive
    return archive if alone and named and not owner_of(path, lab).platform else path


def _bad_kind(entry: zipfile.ZipInfo) -> str:
    regular = stat.S_IFMT(entry.external_attr >> 16) in (0, stat.S_IFREG)
    return "" if regular else "it is not a regular file"


def _bad_name(path: PurePosixPath, export: str) -> str:
    """Return why a name inside an archive is not accepted, or "". Such a name means another file on
    some systems.

    Long names are accepted in a platform's export, because the platform wrote them.
    """
    name = path.as_posix()
    parts = path.parts
    if len(name) > MAX_NAME:
        return "its name is too long"
    exported = export and owner_of(path, export).platform
    if name.startswith("/") or re.match(r"[A-Za-z]:", name) or ".." in parts:
        return "its name points outside the archive"
    if not exported and any(
        part.split(".")[0].lower() in RESERVED or part != part.rstrip(". ") or len(part) > 200
        for part in parts
    ):
        return "its name is reserved or too long on some systems"
    if not all(map(is_shown, name)):
        return "its name has invisible characters"
    return ""
