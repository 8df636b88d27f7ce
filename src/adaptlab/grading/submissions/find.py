"""Finding submissions in what an instructor has: one notebook, a folder, a zip, or the export of a
learning platform. Only bytes are read.

Of what lies beside a notebook only files are taken that the lab asks for by name; whatever else is
there is never opened.

Hidden files and folders, as Jupyter's checkpoints and what a Mac adds to a zip, are nobody's.
Whose a file is, `naming` tells. An archive is unpacked apart, with a clock and a limit on memory,
and what it holds goes to the disk: as much as one student may hand in, and no more.
"""

import hashlib
import os
import re
import stat
import zipfile
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from types import MappingProxyType
from typing import IO, Any

from adaptlab.errors import AdaptLabError
from adaptlab.grading.notebook import MAX_BYTES
from adaptlab.grading.sandbox.limited_fork import TooMuch, apart
from adaptlab.grading.submissions.gradescope import read_metadata
from adaptlab.grading.submissions.naming import (
    LAB_FIRST,
    Batch,
    Owner,
    is_shown,
    moment,
    owner_of,
    student_of,
)
from adaptlab.grading.submissions.spool import Held, NoRoom, folder, hold
from adaptlab.grading.submissions.storable import storable

MAX_ENTRIES = 20_000
MAX_DEPTH = 8
MAX_NAME = 2000
MAX_ZIP = 10 * MAX_BYTES
MAX_STUDENT = 20 * MAX_BYTES  # the second unpacked, of all of a student's
UNPACK_SECONDS = 60
EXPORT_SECONDS = 3600
# Windows, where students check their files, has neither links like these nor pipes in folders, and
# its own word for bytes as they are.
CAREFULLY = (
    os.O_RDONLY
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_NONBLOCK", 0)
    | getattr(os, "O_BINARY", 0)
)
NOTHING: Mapping[str, int] = MappingProxyType({})
RESERVED = {
    "con",
    "prn",
    "aux",
    "nul",
    *(f"{port}{number}" for port in ("com", "lpt") for number in range(1, 10)),
}
MAX_NESTED = 3  # archives in archives
TOO_MUCH = (
    f"What was handed in has more than {MAX_STUDENT // 2**20} MB in all, unpacked. Hand in the"
    " notebook itself."
)


def digest_of(content: bytes) -> str:
    """The name of a content in the ledger."""
    return hashlib.sha256(content).hexdigest()


@dataclass(frozen=True)
class Beside:
    """A file that a lab asks for beside the notebook, under the lab's name for it: its bytes, or
    why they are not taken (`fault`).
    """

    name: str
    handed_in: bytes | Held
    fault: str = ""

    @property
    def content(self) -> bytes:
        """Its bytes."""
        return _bytes_of(self.handed_in)


@dataclass(frozen=True)
class Submission:
    """What one student handed in for a lab: the notebook's bytes, or why there is none (`fault`);
    `received` in UTC; and the files beside it.
    """

    student: str
    handed_in: bytes | Held
    source: str
    received: str
    fault: str = ""
    beside: tuple[Beside, ...] = ()
    owner: Owner = Owner("")
    unclear: bool = False  # which of several notebooks counts: no zeros, a person decides

    def __post_init__(self):
        for name in ("student", "source"):
            object.__setattr__(self, name, storable(getattr(self, name)))

    @property
    def content(self) -> bytes:
        """The notebook's bytes."""
        return _bytes_of(self.handed_in)

    @property
    def digest(self) -> str:
        """The name of all that was handed in; of a notebook alone, that of its bytes."""
        own = _digest_of(self.handed_in)
        if not self.beside:
            return own
        files = [
            (
                digest_of(file.name.encode()),
                _digest_of(file.handed_in),
                digest_of(file.fault.encode()),
            )
            for file in self.beside
        ]
        return digest_of("".join([own, *(part for parts in files for part in parts)]).encode())


def _bytes_of(content: bytes | Held) -> bytes:
    return content if isinstance(content, bytes) else content.read()


def _digest_of(content: bytes | Held) -> str:
    return digest_of(content) if isinstance(content, bytes) else content.digest


def find_submissions(
    place: Path, lab: str, wanted: Mapping[str, int] = NOTHING, blanks: Mapping[str, int] = NOTHING
) -> list[Submission]:
    """All submissions for a lab in a file or folder, by student; a place that is not there or holds
    none is an AdaptLabError.

    `wanted`: the files that the lab asks for beside the notebook, and how many bytes each may have.
    `blanks`: how often the lab has each mark of something to be written. Beside a notebook that was
    worked on, as a copy in a student's whole repository, one with all of them is not handed in.
    """
    if not place.exists():
        raise AdaptLabError(
            f"{place} is not there; give a notebook, a zip, or a folder of submissions."
        )
    if place.is_dir():
        files = list(_from_folder(place, lab, wanted))
    elif place.suffix.lower() == ".zip":
        received = _time(place.stat().st_mtime)
        files = _from_zip(place, place.name, received, wanted, Allowance(), lab)
    elif not is_notebook(place.name):
        raise AdaptLabError(
            f"{place} is no notebook (.ipynb) and no zip; give one of these, or a folder of"
            " submissions."
        )
    else:
        files = [_from_file(place, place.name), *_next_to(place, lab, wanted)]
    batch = Batch([file.owner or file.path for file in files], lab)
    known = read_metadata(place)
    found = _by_student([_with_owner(file, batch, known) for file in files], lab, blanks)
    if not found:
        raise AdaptLabError(
            f"{place} holds no notebook (.ipynb) for {lab}; give the folder or the zip in which the"
            " submissions are."
        )
    return sorted(found, key=lambda one: one.student)


@dataclass(frozen=True)
class _File:
    path: PurePosixPath
    content: bytes | Held
    received: str
    fault: str = ""
    beside: str = ""  # of no notebook, but of a file that is wanted: the lab's name for it
    # What names the student, if not `path`: what is inside an archive is its student's own,
    # whatever it is called.
    owner: PurePosixPath | None = None
    whose: Owner = field(default=Owner(""))

    def told(self) -> list:
        """As JSON holds it."""
        held = (
            [self.content.digest, self.content.n_bytes] if isinstance(self.content, Held) else None
        )
        owner = None if self.owner is None else str(self.owner)
        return [str(self.path), held, self.received, self.fault, self.beside, owner]

    @classmethod
    def of(cls, told: list) -> "_File":
        """What `told` told of."""
        path, held, received, fault, beside, owner = told
        place = None if owner is None else PurePosixPath(owner)
        return cls(
            PurePosixPath(path), Held(*held) if held else b"", received, fault, beside, place
        )


class Allowance:
    """How many bytes of each student's are taken yet; `whose` tells students by paths."""

    def __init__(
        self, most: int | None = None, whose: Callable[[PurePosixPath], str] = lambda _: ""
    ):
        self.most = MAX_STUDENT if most is None else most
        self.whose = whose
        self.used = Counter()

    @classmethod
    def of(cls, paths: Sequence[PurePosixPath], lab: str) -> "Allowance":
        """That of all students of a batch."""
        batch = Batch(paths, lab)
        return cls(whose=lambda path: batch.owner(path).student)

    def left(self, path: PurePosixPath) -> int:
        """Bytes that the student of a file has left."""
        return self.most - self.used[self.whose(path)]

    def hold(self, file: IO[bytes], path: PurePosixPath, most: int) -> Held | None:
        """A file's content; None if it has more than that, or than its student has left."""
        most = min(most, self.left(path))
        held = hold(file, most)
        self.take(path, held.n_bytes if held else most)
        return held

    def take(self, path: PurePosixPath, n_bytes: int) -> None:
        """Count what was read."""
        self.used[self.whose(path)] += n_bytes


def _with_owner(file: _File, batch: Batch, known: Mapping[str, tuple[Owner, str]]) -> _File:
    """A file with its student, and when it was received by what the platform says of that."""
    owner = batch.owner(file.owner or file.path)
    received = moment(owner.attempt)
    if owner.platform == "gradescope":  # a folder of another name has no say in who it is
        owner, received = known.get(owner.student, (owner, received))
    return replace(file, whose=owner, received=received or file.received)


def is_notebook(name: str) -> bool:
    """Whether a file is a notebook by its name, with what some browsers write behind it."""
    return re.search(r"\.ipynb(\.txt|\.json)?$", name, re.IGNORECASE) is not None


def _is_read(name: str) -> bool:
    return is_notebook(name) or name.lower().endswith(".zip")


def is_hidden(path: PurePosixPath) -> bool:
    """Whether no student has written a file: checkpoints, a repository's own, what a Mac adds."""
    hidden = (part.startswith(".") and part != ".." for part in path.parts)
    return any(hidden) or "__MACOSX" in path.parts


def _time(seconds: float) -> str:
    """The moment of a file's last change; "" for one that no calendar has."""
    try:
        return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
    except (ValueError, OverflowError, OSError):
        return ""


def wanted_name(name: str, wanted: Mapping[str, int]) -> str:
    """Which of the wanted files a name means, in whatever capitals, with a student's name before it
    or a copy's number behind; empty if none.
    """
    for one in wanted:
        stem, _, kind = one.rpartition(".")
        if re.fullmatch(
            rf"(.*[-_ ])?{re.escape(stem)}(-\d+| ?\(\d+\))?\.{re.escape(kind)}",
            name,
            re.IGNORECASE | re.DOTALL,
        ):
            return one
    return ""


def file_beside(path: Path, name: str, max_bytes: int) -> Beside:
    """A file as it is taken when it is handed in under the lab's name for it."""
    file = _from_file(path, path.name, name, max_bytes)
    return Beside(name, file.content, file.fault)


def _next_to(notebook: Path, lab: str, wanted: Mapping[str, int]) -> Iterator[_File]:
    """The wanted files in the folder of a single notebook. One without a student's name is the
    notebook's if that has none either, or is the only one.
    """
    names = sorted(entry.name for entry in os.scandir(notebook.parent)) if wanted else []
    alone = LAB_FIRST.match(notebook.name) or not any(
        name != notebook.name and lab[:5] in name.casefold() and name.endswith(".ipynb")
        for name in names
    )
    for name in names:
        if (one := wanted_name(name, wanted)) and (alone or not LAB_FIRST.match(name)):
            yield _from_file(notebook.parent / name, name, one, wanted[one])


def _from_folder(root: Path, lab: str, wanted: Mapping[str, int]) -> Iterator[_File]:
    """Regular files alone: a link is not followed, and a pipe or a device not opened."""
    paths = sorted(_walk(root, 0, wanted))
    if len(paths) > MAX_ENTRIES:
        raise AdaptLabError(
            f"{root} holds more than {MAX_ENTRIES} files; give the folder that holds the"
            " submissions alone."
        )
    places = [PurePosixPath(path.relative_to(root).as_posix()) for path in paths]
    allowance = Allowance.of(places, lab)
    for path, place in zip(paths, places):
        if one := wanted_name(path.name, wanted):
            yield _from_file(path, str(place), one, wanted[one], allowance)
            continue
        file = _from_file(path, str(place), allowance=allowance)
        if path.suffix.lower() == ".zip" and not file.fault:
            yield from _from_zip(file.content.path, str(place), file.received, wanted, allowance)
        else:
            yield file


def _walk(folder: Path, depth: int, wanted: Mapping[str, int]) -> Iterator[Path]:
    if depth > MAX_DEPTH:
        return
    for entry in os.scandir(folder):
        if is_hidden(PurePosixPath(entry.name)):
            continue
        if entry.is_dir(follow_symlinks=False):
            yield from _walk(Path(entry.path), depth + 1, wanted)
        elif _is_read(entry.name) or wanted_name(entry.name, wanted):
            yield Path(entry.path)


def _from_file(
    path: Path,
    name: str,
    beside: str = "",
    max_bytes: int = MAX_BYTES,
    allowance: Allowance | None = None,
) -> _File:
    place = PurePosixPath(name)
    what = beside or "the notebook"
    allowance = allowance or Allowance()
    try:
        handle = os.open(path, CAREFULLY)
    except OSError as error:
        return _File(
            place,
            b"",
            "",
            f"The file cannot be opened ({error.strerror}): it is a link, or not readable. Hand in"
            f" {what} itself.",
            beside,
        )
    with os.fdopen(handle, "rb") as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            return _File(
                place, b"", "", f"This is no ordinary file. Hand in {what} itself.", beside
            )
        limit = MAX_ZIP if path.suffix.lower() == ".zip" else max_bytes
        received = _time(status.st_mtime)
        if allowance.left(place) < min(limit, status.st_size):
            return _File(place, b"", received, TOO_MUCH, beside)
        held = allowance.hold(file, place, limit) if status.st_size <= limit else None
        if held is None and beside:
            return _File(place, b"", received, _too_large(beside, max_bytes), beside)
        if held is None:
            return _File(
                place,
                b"",
                received,
                f"The file has {status.st_size // 2**20} MB; clear the notebook's outputs and hand"
                " it in again.",
            )
        return _File(place, held, received, beside=beside)


def _too_large(beside: str, max_bytes: int) -> str:
    return (
        f"{beside} has more than {max_bytes / 2**20:g} MB, so it is not what the exercise asks for;"
        " save that alone, and hand it in again."
    )


def _from_zip(
    archive: Path,
    name: str,
    received: str,
    wanted: Mapping[str, int],
    allowance: Allowance,
    export: str = "",
    owner: PurePosixPath | None = None,
) -> list[_File]:
    """The notebooks of an archive and the files wanted beside them, unpacked apart: whatever is
    wrong with it costs its own student.

    It is one student's, unless it is the `export` of a lab, in which each entry is somebody's.
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

    folder()  # before the fork, which would have one of its own
    try:
        said = apart(work, EXPORT_SECONDS if export else UNPACK_SECONDS)
    except TooMuch as error:
        says = f"The archive cannot be unpacked: {error}. Hand in the notebook itself."
        return [_File(place, b"", received, says)]
    if "no_room" in said:
        raise NoRoom(said["no_room"])
    allowance.take(owner, said["n_bytes"])
    return [_File.of(told) for told in said["files"]]


def _unpack(
    archive: Path,
    place: PurePosixPath,
    received: str,
    wanted: Mapping[str, int],
    allowance: Allowance,
    export: str = "",
    depth: int = 0,
) -> Iterator[_File]:
    """What an archive holds, read with a cap, whatever its table says; entries may be archives."""
    try:
        with zipfile.ZipFile(archive) as opened:
            if len(opened.infolist()) > MAX_ENTRIES:
                yield _File(
                    place,
                    b"",
                    received,
                    f"The archive has more than {MAX_ENTRIES} entries. Hand in the notebook"
                    " itself.",
                )
                return
            listed = [entry for entry in opened.infolist() if not is_hidden(_path_of(entry))]
            entries = [entry for entry in listed if _is_read(entry.filename)]
            alone = len(entries) == 1
            entries += [entry for entry in listed if wanted_name(_path_of(entry).name, wanted)]
            owners = [
                _owner(_path_of(entry), alone, place, export) if export else place
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
        yield _File(
            place,
            b"",
            received,
            f"The archive is broken or locked ({type(error).__name__}). Hand in the notebook"
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
) -> Iterable[_File]:
    inner = _path_of(entry)
    place = archive / inner
    beside = wanted_name(inner.name, wanted)
    if fault := _bad_name(inner, export) or _bad_kind(entry):
        if beside:
            return [
                _File(
                    archive / beside,
                    b"",
                    received,
                    f"In the archive {beside} is not taken: {fault}. Hand in the file itself.",
                    beside,
                )
            ]
        return [
            _File(
                archive,
                b"",
                received,
                f"The archive holds an entry that is not taken: {fault}. Hand in the notebook"
                " itself.",
            )
        ]
    zipped = place.suffix.lower() == ".zip"
    limit = wanted[beside] if beside else MAX_ZIP if zipped else MAX_BYTES
    left = allowance.left(owner)
    with opened.open(entry) as file:
        held = allowance.hold(file, owner, limit)
    if held is None:
        says = (
            f"The notebook has more than {MAX_BYTES // 2**20} MB; clear its outputs and hand it in"
            " again."
        )
        return [
            _File(
                place,
                b"",
                received,
                TOO_MUCH if left < limit else _too_large(beside, limit) if beside else says,
                beside,
            )
        ]
    if not zipped:
        return [_File(place, held, received, beside=beside)]
    if export:
        return _from_zip(held.path, str(place), received, wanted, allowance, owner=owner)
    return (
        _unpack(held.path, place, received, wanted, allowance, depth=depth + 1)
        if depth < MAX_NESTED
        else []
    )


def _path_of(entry: zipfile.ZipInfo) -> PurePosixPath:
    """An entry's name; some programs of Windows write its folders by backslashes."""
    return PurePosixPath(entry.filename.replace("\\", "/"))


def without_notebook(place: Path, lab: str, found: Sequence[Submission]) -> list[str]:
    """For each student of whom no submission was found, a file that they seem to have handed in.

    It may be a link, a text, a PDF: only names are read.
    """
    archive = PurePosixPath(place.name)
    seen = {one.student for one in found}
    seen |= {one.owner.place for one in found}  # Gradescope's folders, which are called by numbers
    if place.is_dir():
        files = (Path(folder) / name for folder, _, names in os.walk(place) for name in names)
        names = [file.relative_to(place).as_posix() for file in files]
    elif zipfile.is_zipfile(place) and student_of(archive, lab) not in seen:
        names = _names_in(place)
    else:
        return []
    paths = [path for path in map(PurePosixPath, sorted(names)) if not is_hidden(path)]
    batch = Batch([path for path in paths if _is_read(path.name)], lab)
    taken = {file.name for one in found for file in one.beside}
    missing: dict[str, str] = {}
    for path in paths:
        student = batch.owner(path).student
        if student in seen or path.name.casefold() in taken:
            continue
        if _is_handed_in(batch.inside(path), lab):
            missing.setdefault(student, path.as_posix())
    return sorted(missing.values())


def _names_in(archive: Path) -> list[str]:
    """The files of an archive, however long its table is; none where it has none that
    can be read.
    """

    def work() -> list[str]:
        with zipfile.ZipFile(archive) as opened:
            entries = [entry for entry in opened.infolist()[:MAX_ENTRIES] if not entry.is_dir()]
            return [_path_of(entry).as_posix()[:MAX_NAME] for entry in entries]

    try:
        return apart(work)
    except TooMuch:
        return []


def _is_handed_in(path: PurePosixPath, lab: str) -> bool:
    """Whether a file is a student's for this lab: it lies in a folder, or its name says so."""
    if len(path.parts) > 1 or owner_of(path, lab).platform or lab[:5] in path.name.casefold():
        return True
    return _is_read(path.name) and not re.search(r"lab\d\d", path.name, re.IGNORECASE)


def _owner(path: PurePosixPath, alone: bool, archive: PurePosixPath, lab: str) -> PurePosixPath:
    """What names the student of an entry of an export: its own name or the archive's.

    The archive's where it holds one notebook, or one by the lab's name alone.
    """
    named = student_of(archive, lab) != archive.stem
    flat = len(path.parts) == 1
    if flat and (LAB_FIRST.match(path.name) or alone) and not owner_of(path, lab).platform:
        return archive
    return archive if alone and named and not owner_of(path, lab).platform else path


def _bad_kind(entry: zipfile.ZipInfo) -> str:
    regular = stat.S_IFMT(entry.external_attr >> 16) in (0, stat.S_IFREG)
    return "" if regular else "it is no ordinary file"


def _bad_name(path: PurePosixPath, export: str) -> str:
    """Why a name inside an archive is not taken, or nothing: on some machine it is another one.

    A platform whose export it is has written it for its own machine, so it may be long there.
    """
    name = path.as_posix()
    parts = path.parts
    if len(name) > MAX_NAME:
        return "its name is too long"
    exported = export and owner_of(path, export).platform
    if name.startswith("/") or re.match(r"[A-Za-z]:", name) or ".." in parts:
        return "its name leads out of the archive"
    if not exported and any(
        part.split(".")[0].lower() in RESERVED or part != part.rstrip(". ") or len(part) > 200
        for part in parts
    ):
        return "its name is reserved or too long on some systems"
    if not all(map(is_shown, name)):
        return "its name holds characters that cannot be seen"
    return ""


def _by_student(files: list[_File], lab: str, blanks: Mapping[str, int]) -> list[Submission]:
    """One submission a student, with the files beside it."""
    found = _notebooks([file for file in files if not file.beside], lab, blanks)
    students = {one.student for one in found}
    near = {}
    for one in found:
        near.setdefault(PurePosixPath(one.source).parent, []).append(one.student)
    theirs: dict[str, list[_File]] = {}
    for file in files:
        if file.beside:
            whose = _whose(file, students, near.get(file.path.parent, []))
            theirs.setdefault(whose, []).append(file)
    return [replace(one, beside=_one_of_each(theirs.get(one.student, []))) for one in found]


def _whose(file: _File, students: Collection[str], near: Sequence[str]) -> str:
    """The student of a file beside a notebook: named as notebooks are, or, where its name begins
    with the lab's, the only one with a notebook beside it.
    """
    student = file.whose.student
    if student in students or not LAB_FIRST.match(file.path.name) or len(near) != 1:
        return student
    return near[0]


def _one_of_each(files: Sequence[_File]) -> tuple[Beside, ...]:
    """The files of a student by their names; of several by one name the one that is called exactly
    so, and if that does not tell, none.
    """
    found = []
    for name in sorted({file.beside for file in files}):
        same = [file for file in files if file.beside == name]
        chosen = [file for file in same if file.path.name.casefold().endswith(name)] or same
        if len({(file.content, file.fault) for file in chosen}) > 1:
            found.append(
                Beside(
                    name,
                    b"",
                    f"There are {len(chosen)} files named {name}, and they differ; hand in one.",
                )
            )
        else:
            found.append(Beside(name, chosen[0].content, chosen[0].fault))
    return tuple(found)


def _notebooks(files: Sequence[_File], lab: str, blanks: Mapping[str, int]) -> list[Submission]:
    """One notebook a student."""
    by_student: dict[str, list[_File]] = {}
    for file in files:
        by_student.setdefault(file.whose.student, []).append(file)
    chosen = {student: _chosen(theirs, lab, blanks) for student, theirs in by_student.items()}
    return [_submission(student, theirs, lab) for student, theirs in chosen.items() if theirs]


def _submission(student: str, chosen: Sequence[_File], lab: str) -> Submission:
    first = chosen[0]
    fault = chosen[0].fault
    if unclear := len({file.content for file in chosen}) > 1:
        names = ", ".join(str(file.path) for file in chosen)[:200]
        fault = f"There are {len(chosen)} notebooks for {lab[:5]} ({names}); hand in one."
    content = b"" if fault else first.content
    known = {"owner": first.whose, "unclear": unclear}
    return Submission(student, content, str(first.path), first.received, fault, **known)


def _chosen(files: Sequence[_File], lab: str, blanks: Mapping[str, int]) -> list[_File]:
    """Of a student's files those of the last attempt that are the lab's by name.

    Of several that differ: one that was worked on, of exactly its name, with its checks in it, in
    no folder below.
    """
    last = max(moment(file.whose.attempt) for file in files)
    latest = [file for file in files if moment(file.whose.attempt) == last]
    named = [file for file in latest if lab[:5] in _own_name(file).casefold()]
    others = [file for file in latest if file.fault or not LAB_FIRST.search(_own_name(file))]
    chosen = named or others
    exact = re.compile(rf"(.*_)?{re.escape(lab)}\.ipynb", re.IGNORECASE)
    checks = f"check.{lab[:5]}.".encode()
    least = min((len(file.path.parts) for file in chosen), default=0)
    tests = (
        lambda file: not file.fault,
        lambda file: not _is_untouched(_bytes_of(file.content), blanks),
        lambda file: exact.fullmatch(file.path.name),
        lambda file: checks in _bytes_of(file.content),
        lambda file: len(file.path.parts) == least,
    )
    for test in tests:
        if len({file.content for file in chosen}) > 1:
            chosen = [file for file in chosen if test(file)] or chosen
    return chosen


def _is_untouched(content: bytes, blanks: Mapping[str, int]) -> bool:
    """Whether everything is still to be written. Bytes are counted: nothing of a stranger's is
    read.
    """
    counts = [(content.count(mark.encode()), n) for mark, n in blanks.items()]
    return bool(counts) and all(there >= n for there, n in counts)


def _own_name(file: _File) -> str:
    """A file's name without that of the assignment, which Blackboard writes before all of them."""
    return re.sub(r"^.*_attempt_[\d-]+_", "", file.path.name)
