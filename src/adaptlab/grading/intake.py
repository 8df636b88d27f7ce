"""Finding submissions in what an instructor has: one notebook, a folder, a zip, or the export of a learning platform. Only bytes are read.

A student is named by the folder or the beginning of the file's name, as Canvas (`name_12_34_lab04.ipynb`), Moodle (`Name_12_assignsubmission_file_/`),
Gradescope (`submission_12/`) and nbgrader (`submitted/name/lab04/`) write them.
"""

import os
import re
import stat
import unicodedata
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath

from adaptlab.errors import AdaptLabError
from adaptlab.grading.notebook import MAX_BYTES

MAX_ENTRIES, MAX_TOTAL, MAX_DEPTH = 20_000, 2 * 2**30, 8
RESERVED = {"con", "prn", "aux", "nul", *(f"{port}{number}" for port in ("com", "lpt") for number in range(1, 10))}
LMS_FOLDER = re.compile(r"^(?P<student>.+?)_(?P<id>\d+)_assignsubmission_(file|onlinetext)_?$")
LAB_FIRST = re.compile(r"lab\d\d", re.IGNORECASE)
CANVAS_FILE = re.compile(r"^(?P<student>[^_]+)_(?P<late>LATE_)?(?P<id>\d+)_\d+_.+$")


@dataclass(frozen=True)
class Submission:
    """What one student handed in for a lab: the notebook's bytes, or why there is none (`fault`); `received` in UTC."""

    student: str
    content: bytes
    source: str
    received: str
    fault: str = ""


def find_submissions(place: Path, lab: str) -> list[Submission]:
    """All submissions for a lab in a file or folder, by student; a place that is not there or holds none is an AdaptLabError."""
    if not place.exists():
        raise AdaptLabError(f"{place} is not there; give a notebook, a zip, or a folder of submissions.")
    if place.is_dir():
        files = list(_from_folder(place))
    elif place.suffix.lower() == ".zip":
        files = list(_from_zip(place.read_bytes(), student_of(PurePosixPath(place.name), lab), _time(place.stat().st_mtime), export=True))
    else:
        files = [_from_file(place, place.name)]
    found = _by_student(files, lab)
    if not found:
        raise AdaptLabError(f"{place} holds no notebook (.ipynb) for {lab}; give the folder or the zip in which the submissions are.")
    return sorted(found, key=lambda one: one.student)


@dataclass(frozen=True)
class _File:
    path: PurePosixPath
    content: bytes
    received: str
    fault: str = ""
    owner: PurePosixPath | None = None  # what names the student, if not `path`: what is inside an archive is its student's own, whatever it is called


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")


def _from_folder(root: Path) -> Iterator[_File]:
    """Regular files alone: a link is not followed, and a pipe or a device not opened."""
    for count, path in enumerate(sorted(_walk(root, 0))):
        if count >= MAX_ENTRIES:
            raise AdaptLabError(f"{root} holds more than {MAX_ENTRIES} files; give the folder that holds the submissions alone.")
        if path.suffix.lower() == ".zip":
            inner = _from_file(path, path.relative_to(root).as_posix())
            if inner.fault:
                yield inner
            else:
                yield from _from_zip(inner.content, path.relative_to(root).as_posix(), inner.received)
        elif path.suffix.lower() == ".ipynb":
            yield _from_file(path, path.relative_to(root).as_posix())


def _walk(folder: Path, depth: int) -> Iterator[Path]:
    if depth > MAX_DEPTH:
        return
    for entry in os.scandir(folder):
        if entry.is_dir(follow_symlinks=False):
            yield from _walk(Path(entry.path), depth + 1)
        elif entry.name.lower().endswith((".ipynb", ".zip")) and not entry.name.startswith("."):
            yield Path(entry.path)


def _from_file(path: Path, name: str) -> _File:
    place = PurePosixPath(name)
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        return _File(place, b"", "", f"The file cannot be opened ({error.strerror}): it is a link, or not readable. Hand in the notebook itself.")
    with os.fdopen(handle, "rb") as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            return _File(place, b"", "", "This is no ordinary file. Hand in the notebook itself.")
        limit = 10 * MAX_BYTES if path.suffix.lower() == ".zip" else MAX_BYTES
        if status.st_size > limit:
            return _File(place, b"", _time(status.st_mtime), f"The file has {status.st_size // 2**20} MB; clear the notebook's outputs and hand it in again.")
        return _File(place, file.read(limit), _time(status.st_mtime))


def _from_zip(content: bytes, name: str, received: str, export: bool = False) -> Iterator[_File]:
    """The notebooks of an archive, read with a cap; whatever its table says, nothing is written anywhere.

    It is one student's, unless it is an `export`, in which each entry is somebody's and may be an archive, too.
    """
    import io

    kinds = (".ipynb", ".zip") if export else (".ipynb",)

    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            entries = [entry for entry in archive.infolist() if entry.filename.lower().endswith(kinds) and "__MACOSX" not in entry.filename]
            if len(archive.infolist()) > MAX_ENTRIES:
                yield _File(PurePosixPath(name), b"", received, f"The archive has more than {MAX_ENTRIES} entries. Hand in the notebook itself.")
                return
            total = 0
            for entry in entries:
                place = PurePosixPath(name) / entry.filename
                owner = _owner(entry.filename, len(entries) == 1) if export else PurePosixPath(name)
                if fault := _bad_name(entry.filename) or ("" if stat.S_IFMT(entry.external_attr >> 16) in (0, stat.S_IFREG) else "it is no ordinary file"):
                    yield _File(PurePosixPath(name), b"", received, f"The archive holds an entry that is not taken: {fault}. Hand in the notebook itself.")
                    continue
                zipped = place.suffix.lower() == ".zip"
                limit = 10 * MAX_BYTES if zipped else MAX_BYTES
                with archive.open(entry) as file:
                    data = file.read(limit + 1)
                total += len(data)
                if len(data) > limit or total > MAX_TOTAL:
                    yield _File(place, b"", received, f"The notebook has more than {MAX_BYTES // 2**20} MB; clear its outputs and hand it in again.", owner)
                elif zipped:
                    yield from _from_zip(data, str(owner or place), received)
                else:
                    yield _File(place, data, received, owner=owner)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, OSError, EOFError, ValueError, zipfile.zlib.error) as error:
        yield _File(PurePosixPath(name), b"", received, f"The archive is broken or locked ({type(error).__name__}). Hand in the notebook itself.")


def without_notebook(place: Path, lab: str, found: Sequence[Submission]) -> list[str]:
    """Files that look like a submission and are no notebook, as a script or a PDF, of students of whom no submission was found; only names are read."""
    if place.is_dir():
        names = sorted((Path(folder) / name).relative_to(place).as_posix() for folder, _, files in os.walk(place) for name in files)
    elif zipfile.is_zipfile(place):
        with zipfile.ZipFile(place) as archive:
            names = [entry.filename for entry in archive.infolist()[:MAX_ENTRIES] if not entry.is_dir() and "__MACOSX" not in entry.filename]
    else:
        return []
    students = {one.student for one in found}
    return [name for name in names if _is_handed_in(PurePosixPath(name), lab) and student_of(PurePosixPath(name), lab) not in students]


def _is_handed_in(path: PurePosixPath, lab: str) -> bool:
    return path.suffix.lower() not in (".ipynb", ".zip") and bool(
        lab[:5] in path.name.casefold() or CANVAS_FILE.match(path.stem) or any(map(LMS_FOLDER.match, path.parts[:-1]))
    )


def _owner(name: str, alone: bool) -> PurePosixPath | None:
    """The name in an export that tells the student; None where its folder does, or the archive's own name: where it holds one notebook, or the lab's."""
    if "/" in name or LAB_FIRST.match(name) or (alone and not CANVAS_FILE.match(name)):
        return None
    return PurePosixPath(name)


def _bad_name(name: str) -> str:
    """Why a name inside an archive is not taken, or nothing: it would be another one on some machine."""
    parts = name.split("/")
    if name.startswith("/") or "\\" in name or ":" in name or ".." in parts:
        return "its name leads out of the archive"
    if any(part.split(".")[0].lower() in RESERVED or part != part.rstrip(". ") or len(part) > 200 for part in parts):
        return "its name is reserved or too long on some systems"
    if not all(map(can_be_seen, name)):
        return "its name holds characters that cannot be seen"
    return ""


def _by_student(files: list[_File], lab: str) -> list[Submission]:
    """One submission a student: the notebook whose name has the lab's in it, or the only one there is."""
    by_student: dict[str, list[_File]] = {}
    for file in files:
        by_student.setdefault(student_of(file.owner or file.path, lab), []).append(file)
    found = []
    for student, theirs in by_student.items():
        named = [file for file in theirs if lab[:5] in file.path.name.casefold()]
        chosen = named or [file for file in theirs if file.fault or not re.search(r"lab\d\d", file.path.name)]
        if not chosen:
            continue
        if len({file.content for file in chosen}) > 1:
            fault = f"There are {len(chosen)} notebooks for {lab[:5]} ({', '.join(file.path.name for file in chosen)[:200]}); hand in one."
            found.append(Submission(student, b"", str(chosen[0].path), chosen[0].received, fault))
        else:
            found.append(Submission(student, chosen[0].content, str(chosen[0].path), chosen[0].received, chosen[0].fault))
    return found


def student_of(path: PurePosixPath, lab: str) -> str:
    """The student's name as the place of the file tells it: one form for names that differ only in capitals or in how accents are written."""
    folders = [part for part in path.parts[:-1] if part.casefold() not in ("submitted", "submissions", lab.casefold(), lab[:5].casefold())]
    if folders:
        match = next(filter(None, map(LMS_FOLDER.match, folders)), None)  # the outermost: what lies in it is its student's own
        name = f"{match['student']}_{match['id']}" if match else folders[-1]
    else:
        stem = path.name.rsplit(".", 1)[0]
        match = CANVAS_FILE.match(stem)
        name = f"{match['student']}_{match['id']}" if match else re.sub(rf"[-_ ]*{lab[:5]}.*$", "", stem, flags=re.IGNORECASE) or stem
    return "".join(filter(can_be_seen, unicodedata.normalize("NFC", name))).strip()[:100] or "unnamed"


def can_be_seen(character: str) -> bool:
    """Whether a character is shown, and not obeyed by a terminal or by the direction of writing."""
    return character.isprintable() and unicodedata.category(character) != "Cf"
