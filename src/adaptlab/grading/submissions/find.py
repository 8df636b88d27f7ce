"""Find submissions in one notebook, a folder, a zip, or the export of a learning platform. Files
are read only as bytes.

With a notebook, only files that the lab asks for by name are read; other files are never opened.
Hidden files and folders are ignored, such as Jupyter's checkpoints and what macOS adds to a zip.
The module `naming` decides whose a file is.
"""

import os
import re
import zipfile
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath
from types import MappingProxyType

from adaptlab.errors import AdaptLabError
from adaptlab.grading.submissions.archives import names_in, unpack
from adaptlab.grading.submissions.gradescope import read_metadata
from adaptlab.grading.submissions.naming import (
    LAB_FIRST,
    Batch,
    Owner,
    moment,
    owner_of,
    student_of,
)
from adaptlab.grading.submissions.submission import Beside, Submission, bytes_of
from adaptlab.grading.submissions.taken import (
    MAX_ENTRIES,
    Allowance,
    TakenFile,
    is_hidden,
    is_notebook,
    is_read,
    take_file,
    time_of,
    wanted_name,
)

MAX_DEPTH = 8
NOTHING: Mapping[str, int] = MappingProxyType({})


def find_submissions(
    place: Path, lab: str, wanted: Mapping[str, int] = NOTHING, blanks: Mapping[str, int] = NOTHING
) -> list[Submission]:
    """Return all submissions for a lab in a file or folder, sorted by student.

    `wanted`: the files that the lab asks for with the notebook, and their size limits in bytes.
    `blanks`: how often the lab has each placeholder for an answer. If a student's repository also
    contains an untouched copy of the notebook, with all placeholders, the copy is not a submission.

    Raises:
        AdaptLabError: if the place does not exist, or holds no submission.
    """
    if not place.exists():
        raise AdaptLabError(
            f"{place} does not exist. Give a notebook, a zip, or a folder of submissions."
        )
    if place.is_dir():
        files = list(_from_folder(place, lab, wanted))
    elif place.suffix.lower() == ".zip":
        received = time_of(place.stat().st_mtime)
        files = unpack(place, place.name, received, wanted, Allowance(), lab)
    elif not is_notebook(place.name):
        raise AdaptLabError(
            f"{place} is not a notebook (.ipynb) or a zip. Give one of these, or a folder of"
            " submissions."
        )
    else:
        files = [take_file(place, place.name), *_next_to(place, lab, wanted)]
    batch = Batch([file.owner or file.path for file in files], lab)
    known = read_metadata(place)
    found = _by_student([_with_owner(file, batch, known) for file in files], lab, blanks)
    if not found:
        raise AdaptLabError(
            f"{place} holds no notebook (.ipynb) for {lab}. Give the folder or the zip that"
            " contains the submissions."
        )
    return sorted(found, key=lambda one: one.student)


def _with_owner(file: TakenFile, batch: Batch, known: Mapping[str, tuple[Owner, str]]) -> TakenFile:
    """Add the student to a file, and the time of submission if the platform gives it."""
    owner = batch.owner(file.owner or file.path)
    received = moment(owner.attempt)
    if owner.platform == "gradescope":  # its metadata, not the folder name, names the student
        owner, received = known.get(owner.student, (owner, received))
    return replace(file, whose=owner, received=received or file.received)


def file_beside(path: Path, name: str, max_bytes: int) -> Beside:
    """Read a file as a submitted file with the lab's name."""
    file = take_file(path, path.name, name, max_bytes)
    return Beside(name, file.content, file.fault)


def _next_to(notebook: Path, lab: str, wanted: Mapping[str, int]) -> Iterator[TakenFile]:
    """Yield the wanted files in the folder of a single notebook.

    A file without a student's name belongs to the notebook if the notebook has no student's name
    either, or is the only one.
    """
    names = sorted(entry.name for entry in os.scandir(notebook.parent)) if wanted else []
    alone = LAB_FIRST.match(notebook.name) or not any(
        name != notebook.name and lab[:5] in name.casefold() and name.endswith(".ipynb")
        for name in names
    )
    for name in names:
        if (one := wanted_name(name, wanted)) and (alone or not LAB_FIRST.match(name)):
            yield take_file(notebook.parent / name, name, one, wanted[one])


def _from_folder(root: Path, lab: str, wanted: Mapping[str, int]) -> Iterator[TakenFile]:
    """Yield the regular files of a folder; does not follow links, and does not open pipes or
    devices.
    """
    paths = sorted(_walk(root, 0, wanted))
    if len(paths) > MAX_ENTRIES:
        raise AdaptLabError(
            f"{root} holds more than {MAX_ENTRIES} files. Give a folder that holds only the"
            " submissions."
        )
    places = [PurePosixPath(path.relative_to(root).as_posix()) for path in paths]
    allowance = Allowance.of(places, lab)
    for path, place in zip(paths, places):
        if one := wanted_name(path.name, wanted):
            yield take_file(path, str(place), one, wanted[one], allowance)
            continue
        file = take_file(path, str(place), allowance=allowance)
        if path.suffix.lower() == ".zip" and not file.fault:
            yield from unpack(file.content.path, str(place), file.received, wanted, allowance)
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
        elif is_read(entry.name) or wanted_name(entry.name, wanted):
            yield Path(entry.path)


def without_notebook(place: Path, lab: str, found: Sequence[Submission]) -> list[str]:
    """Return a file of each student who seems to have submitted something but no notebook.

    It may be a link, a text or a PDF: only names are read.
    """
    archive = PurePosixPath(place.name)
    seen = {one.student for one in found}
    seen |= {one.owner.place for one in found}  # Gradescope's folders, which are called by numbers
    if place.is_dir():
        files = (Path(folder) / name for folder, _, names in os.walk(place) for name in names)
        names = [file.relative_to(place).as_posix() for file in files]
    elif zipfile.is_zipfile(place) and student_of(archive, lab) not in seen:
        names = names_in(place)
    else:
        return []
    paths = [path for path in map(PurePosixPath, sorted(names)) if not is_hidden(path)]
    batch = Batch([path for path in paths if is_read(path.name)], lab)
    taken = {file.name for one in found for file in one.beside}
    missing: dict[str, str] = {}
    for path in paths:
        student = batch.owner(path).student
        if student in seen or path.name.casefold() in taken:
            continue
        if _is_handed_in(batch.inside(path), lab):
            missing.setdefault(student, path.as_posix())
    return sorted(missing.values())


def _is_handed_in(path: PurePosixPath, lab: str) -> bool:
    """Whether a file seems to be a student's submission for this lab: it is in a folder, or its
    name says so.
    """
    if len(path.parts) > 1 or owner_of(path, lab).platform or lab[:5] in path.name.casefold():
        return True
    return is_read(path.name) and not re.search(r"lab\d\d", path.name, re.IGNORECASE)


def _by_student(files: list[TakenFile], lab: str, blanks: Mapping[str, int]) -> list[Submission]:
    """Return one submission for each student, with its other files."""
    found = _notebooks([file for file in files if not file.beside], lab, blanks)
    students = {one.student for one in found}
    near: dict[PurePosixPath, list[str]] = {}
    for one in found:
        near.setdefault(PurePosixPath(one.source).parent, []).append(one.student)
    theirs: dict[str, list[TakenFile]] = {}
    for file in files:
        if file.beside:
            whose = _whose(file, students, near.get(file.path.parent, []))
            theirs.setdefault(whose, []).append(file)
    return [replace(one, beside=_one_of_each(theirs.get(one.student, []))) for one in found]


def _whose(file: TakenFile, students: Collection[str], near: Sequence[str]) -> str:
    """Return the student of a submitted file. If its name starts with the lab's name, it belongs to
    the only student with a notebook next to it.
    """
    student = file.whose.student
    if student in students or not LAB_FIRST.match(file.path.name) or len(near) != 1:
        return student
    return near[0]


def _one_of_each(files: Sequence[TakenFile]) -> tuple[Beside, ...]:
    """Return one file for each wanted name. Of several, the one with exactly this name is used; if
    they still differ, the result has a fault.
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
                    f"There are {len(chosen)} different files named {name}. Submit only one.",
                )
            )
        else:
            found.append(Beside(name, chosen[0].content, chosen[0].fault))
    return tuple(found)


def _notebooks(files: Sequence[TakenFile], lab: str, blanks: Mapping[str, int]) -> list[Submission]:
    """Return one notebook for each student."""
    by_student: dict[str, list[TakenFile]] = {}
    for file in files:
        by_student.setdefault(file.whose.student, []).append(file)
    chosen = {student: _chosen(theirs, lab, blanks) for student, theirs in by_student.items()}
    return [_submission(student, theirs, lab) for student, theirs in chosen.items() if theirs]


def _submission(student: str, chosen: Sequence[TakenFile], lab: str) -> Submission:
    first = chosen[0]
    fault = chosen[0].fault
    if unclear := len({file.content for file in chosen}) > 1:
        names = ", ".join(str(file.path) for file in chosen)[:200]
        fault = f"There are {len(chosen)} notebooks for {lab[:5]} ({names}). Submit only one."
    content = b"" if fault else first.content
    return Submission(
        student,
        content,
        str(first.path),
        first.received,
        fault,
        owner=first.whose,
        unclear=unclear,
    )


def _chosen(files: Sequence[TakenFile], lab: str, blanks: Mapping[str, int]) -> list[TakenFile]:
    """Return the files of a student's last attempt that belong to the lab by name.

    If several differ, prefer a changed notebook, then one with exactly the lab's name, then one
    with its checks, then the least nested.
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
        lambda file: not _is_untouched(bytes_of(file.content), blanks),
        lambda file: exact.fullmatch(file.path.name),
        lambda file: checks in bytes_of(file.content),
        lambda file: len(file.path.parts) == least,
    )
    for test in tests:
        if len({file.content for file in chosen}) > 1:
            chosen = [file for file in chosen if test(file)] or chosen
    return chosen


def _is_untouched(content: bytes, blanks: Mapping[str, int]) -> bool:
    """Whether all answers are still missing. Placeholders are counted in the bytes; nothing
    untrusted is parsed.
    """
    counts = [(content.count(mark.encode()), n) for mark, n in blanks.items()]
    return bool(counts) and all(there >= n for there, n in counts)


def _own_name(file: TakenFile) -> str:
    """Return a file's name without the assignment's name, which Blackboard writes before it."""
    return re.sub(r"^.*_attempt_[\d-]+_", "", file.path.name)
