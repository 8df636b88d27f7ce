"""Finding submissions in what an instructor has: one notebook, a folder, a zip, or the export of a learning platform. Only bytes are read.

Of what lies beside a notebook only files are taken that the lab asks for by name; whatever else is there is never opened.

A student is named by the folder or the beginning of the file's name, as Canvas (`name_12_34_lab04.ipynb`), Moodle (`Name_12_assignsubmission_file_/`),
Gradescope (`submission_12/`) and nbgrader (`submitted/name/lab04/`) write them.
"""

import hashlib
import os
import re
import stat
import unicodedata
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from types import MappingProxyType

from adaptlab.errors import AdaptLabError
from adaptlab.grading.notebook import MAX_BYTES

MAX_ENTRIES, MAX_TOTAL, MAX_DEPTH = 20_000, 2 * 2**30, 8
# Windows, where students check their files, has neither links like these nor pipes in folders, and its own word for bytes as they are.
CAREFULLY = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
NOTHING: Mapping[str, int] = MappingProxyType({})
RESERVED = {"con", "prn", "aux", "nul", *(f"{port}{number}" for port in ("com", "lpt") for number in range(1, 10))}
LMS_FOLDER = re.compile(r"^(?P<student>.+?)_(?P<id>\d+)_assignsubmission_(file|onlinetext)_?$")
LAB_FIRST = re.compile(r"lab\d\d", re.IGNORECASE)
CANVAS_FILE = re.compile(r"^(?P<student>[^_]+)_(?P<late>LATE_)?(?P<id>\d+)_\d+_.+$")


def digest_of(content: bytes) -> str:
    """The name of a content in the ledger."""
    return hashlib.sha256(content).hexdigest()


@dataclass(frozen=True)
class Beside:
    """A file that a lab asks for beside the notebook, under the lab's name for it: its bytes, or why they are not taken (`fault`)."""

    name: str
    content: bytes
    fault: str = ""


@dataclass(frozen=True)
class Submission:
    """What one student handed in for a lab: the notebook's bytes, or why there is none (`fault`); `received` in UTC; and the files beside it."""

    student: str
    content: bytes
    source: str
    received: str
    fault: str = ""
    beside: tuple[Beside, ...] = ()

    @property
    def digest(self) -> str:
        """The name of all that was handed in; of a notebook alone, that of its bytes."""
        if not self.beside:
            return digest_of(self.content)
        parts = [self.content, *(part for file in self.beside for part in (file.name.encode(), file.content, file.fault.encode()))]
        return digest_of("".join(map(digest_of, parts)).encode())


def find_submissions(place: Path, lab: str, wanted: Mapping[str, int] = NOTHING) -> list[Submission]:
    """All submissions for a lab in a file or folder, by student; a place that is not there or holds none is an AdaptLabError.

    `wanted`: the files that the lab asks for beside the notebook, and how many bytes each may have.
    """
    if not place.exists():
        raise AdaptLabError(f"{place} is not there; give a notebook, a zip, or a folder of submissions.")
    if place.is_dir():
        files = list(_from_folder(place, wanted))
    elif place.suffix.lower() == ".zip":
        files = list(_from_zip(place.read_bytes(), student_of(PurePosixPath(place.name), lab), _time(place.stat().st_mtime), wanted, export=True))
    elif place.suffix.lower() != ".ipynb":
        raise AdaptLabError(f"{place} is no notebook (.ipynb) and no zip; give one of these, or a folder of submissions.")
    else:
        files = [_from_file(place, place.name), *_next_to(place, lab, wanted)]
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
    beside: str = ""  # of no notebook, but of a file that is wanted: the lab's name for it
    owner: PurePosixPath | None = None  # what names the student, if not `path`: what is inside an archive is its student's own, whatever it is called


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")


def wanted_name(name: str, wanted: Mapping[str, int]) -> str:
    """Which of the wanted files a name means, in whatever capitals, with a student's name before it or a copy's number behind; empty if none."""
    for one in wanted:
        stem, _, kind = one.rpartition(".")
        if re.fullmatch(rf"(.*[-_ ])?{re.escape(stem)}(-\d+| ?\(\d+\))?\.{re.escape(kind)}", name, re.IGNORECASE | re.DOTALL):
            return one
    return ""


def file_beside(path: Path, name: str, max_bytes: int) -> Beside:
    """A file as it is taken when it is handed in under the lab's name for it."""
    file = _from_file(path, path.name, name, max_bytes)
    return Beside(name, file.content, file.fault)


def _next_to(notebook: Path, lab: str, wanted: Mapping[str, int]) -> Iterator[_File]:
    """The wanted files in the folder of a single notebook. One without a student's name is the notebook's if that has none either, or is the only one."""
    names = sorted(entry.name for entry in os.scandir(notebook.parent)) if wanted else []
    alone = LAB_FIRST.match(notebook.name) or not any(name != notebook.name and lab[:5] in name.casefold() and name.endswith(".ipynb") for name in names)
    for name in names:
        if (one := wanted_name(name, wanted)) and (alone or not LAB_FIRST.match(name)):
            yield _from_file(notebook.parent / name, name, one, wanted[one])


def _from_folder(root: Path, wanted: Mapping[str, int]) -> Iterator[_File]:
    """Regular files alone: a link is not followed, and a pipe or a device not opened."""
    for count, path in enumerate(sorted(_walk(root, 0, wanted))):
        if count >= MAX_ENTRIES:
            raise AdaptLabError(f"{root} holds more than {MAX_ENTRIES} files; give the folder that holds the submissions alone.")
        if one := wanted_name(path.name, wanted):
            yield _from_file(path, path.relative_to(root).as_posix(), one, wanted[one])
            continue
        if path.suffix.lower() == ".zip":
            inner = _from_file(path, path.relative_to(root).as_posix())
            if inner.fault:
                yield inner
            else:
                yield from _from_zip(inner.content, path.relative_to(root).as_posix(), inner.received, wanted)
        elif path.suffix.lower() == ".ipynb":
            yield _from_file(path, path.relative_to(root).as_posix())


def _walk(folder: Path, depth: int, wanted: Mapping[str, int]) -> Iterator[Path]:
    if depth > MAX_DEPTH:
        return
    for entry in os.scandir(folder):
        if entry.is_dir(follow_symlinks=False):
            yield from _walk(Path(entry.path), depth + 1, wanted)
        elif (entry.name.lower().endswith((".ipynb", ".zip")) or wanted_name(entry.name, wanted)) and not entry.name.startswith("."):
            yield Path(entry.path)


def _from_file(path: Path, name: str, beside: str = "", max_bytes: int = MAX_BYTES) -> _File:
    place, what = PurePosixPath(name), beside or "the notebook"
    try:
        handle = os.open(path, CAREFULLY)
    except OSError as error:
        return _File(place, b"", "", f"The file cannot be opened ({error.strerror}): it is a link, or not readable. Hand in {what} itself.", beside)
    with os.fdopen(handle, "rb") as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            return _File(place, b"", "", f"This is no ordinary file. Hand in {what} itself.", beside)
        limit = 10 * MAX_BYTES if path.suffix.lower() == ".zip" else max_bytes
        if beside and status.st_size > limit:
            return _File(place, b"", _time(status.st_mtime), _too_large(beside, max_bytes), beside)
        if status.st_size > limit:
            return _File(place, b"", _time(status.st_mtime), f"The file has {status.st_size // 2**20} MB; clear the notebook's outputs and hand it in again.")
        return _File(place, file.read(limit), _time(status.st_mtime), beside=beside)


def _too_large(beside: str, max_bytes: int) -> str:
    return f"{beside} has more than {max_bytes / 2**20:g} MB, so it is not what the exercise asks for; save that alone, and hand it in again."


def _from_zip(content: bytes, name: str, received: str, wanted: Mapping[str, int], export: bool = False) -> Iterator[_File]:
    """The notebooks of an archive and the files wanted beside them, read with a cap; whatever its table says, nothing is written anywhere.

    It is one student's, unless it is an `export`, in which each entry is somebody's and may be an archive, too.
    """
    import io

    kinds = (".ipynb", ".zip") if export else (".ipynb",)

    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            listed = [entry for entry in archive.infolist() if "__MACOSX" not in entry.filename]
            entries = [entry for entry in listed if entry.filename.lower().endswith(kinds)]
            alone = len(entries) == 1
            entries += [entry for entry in listed if wanted_name(PurePosixPath(entry.filename).name, wanted)]
            if len(archive.infolist()) > MAX_ENTRIES:
                yield _File(PurePosixPath(name), b"", received, f"The archive has more than {MAX_ENTRIES} entries. Hand in the notebook itself.")
                return
            total = 0
            for entry in entries:
                place, beside = PurePosixPath(name) / entry.filename, wanted_name(PurePosixPath(entry.filename).name, wanted)
                owner = _owner(entry.filename, alone) if export else PurePosixPath(name)
                fault = _bad_name(entry.filename) or ("" if stat.S_IFMT(entry.external_attr >> 16) in (0, stat.S_IFREG) else "it is no ordinary file")
                if fault and beside:
                    yield _File(place, b"", received, f"In the archive {beside} is not taken: {fault}. Hand in the file itself.", beside, owner)
                    continue
                if fault:
                    yield _File(PurePosixPath(name), b"", received, f"The archive holds an entry that is not taken: {fault}. Hand in the notebook itself.")
                    continue
                zipped = place.suffix.lower() == ".zip"
                limit = wanted[beside] if beside else 10 * MAX_BYTES if zipped else MAX_BYTES
                with archive.open(entry) as file:
                    data = file.read(limit + 1)
                total += len(data)
                if len(data) > limit or total > MAX_TOTAL:
                    says = f"The notebook has more than {MAX_BYTES // 2**20} MB; clear its outputs and hand it in again."
                    yield _File(place, b"", received, _too_large(beside, limit) if beside else says, beside, owner)
                elif zipped:
                    yield from _from_zip(data, str(owner or place), received, wanted)
                else:
                    yield _File(place, data, received, beside=beside, owner=owner)
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
    students, taken = {one.student for one in found}, {file.name for one in found for file in one.beside}
    others = [name for name in names if PurePosixPath(name).name.casefold() not in taken]
    return [name for name in others if _is_handed_in(PurePosixPath(name), lab) and student_of(PurePosixPath(name), lab) not in students]


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
    """One submission a student, with the files beside it."""
    found = _notebooks([file for file in files if not file.beside], lab)
    theirs: dict[str, list[_File]] = {}
    for file in files:
        if file.beside:
            theirs.setdefault(_whose(file, found, lab), []).append(file)
    return [replace(one, beside=_one_of_each(theirs.get(one.student, []))) for one in found]


def _whose(file: _File, found: Sequence[Submission], lab: str) -> str:
    """The student of a file beside a notebook: named as notebooks are, or, where its name begins with the lab's, the only one with a notebook beside it."""
    student = student_of(file.owner or file.path, lab)
    near = [one.student for one in found if PurePosixPath(one.source).parent == file.path.parent]
    if student in [one.student for one in found] or not LAB_FIRST.match(file.path.name) or len(near) != 1:
        return student
    return near[0]


def _one_of_each(files: Sequence[_File]) -> tuple[Beside, ...]:
    """The files of a student by their names; of several by one name the one that is called exactly so, and if that does not tell, none."""
    found = []
    for name in sorted({file.beside for file in files}):
        same = [file for file in files if file.beside == name]
        chosen = [file for file in same if file.path.name.casefold().endswith(name)] or same
        if len({(file.content, file.fault) for file in chosen}) > 1:
            found.append(Beside(name, b"", f"There are {len(chosen)} files named {name}, and they differ; hand in one."))
        else:
            found.append(Beside(name, chosen[0].content, chosen[0].fault))
    return tuple(found)


def _notebooks(files: Sequence[_File], lab: str) -> list[Submission]:
    """One notebook a student: the one whose name has the lab's in it, or the only one there is."""
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
