"""Finding submissions in what an instructor has: one notebook, a folder, a zip, or the export of a
learning platform. Only bytes are read.

Of what lies beside a notebook only files are taken that the lab asks for by name; whatever else is
there is never opened.

Hidden files and folders, as Jupyter's checkpoints and what a Mac adds to a zip, are nobody's.
Whose a file is, `naming` tells.
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
        received = time_of(place.stat().st_mtime)
        files = unpack(place, place.name, received, wanted, Allowance(), lab)
    elif not is_notebook(place.name):
        raise AdaptLabError(
            f"{place} is no notebook (.ipynb) and no zip; give one of these, or a folder of"
            " submissions."
        )
    else:
        files = [take_file(place, place.name), *_next_to(place, lab, wanted)]
    batch = Batch([file.owner or file.path for file in files], lab)
    known = read_metadata(place)
    found = _by_student([_with_owner(file, batch, known) for file in files], lab, blanks)
    if not found:
        raise AdaptLabError(
            f"{place} holds no notebook (.ipynb) for {lab}; give the folder or the zip in which the"
            " submissions are."
        )
    return sorted(found, key=lambda one: one.student)


def _with_owner(file: TakenFile, batch: Batch, known: Mapping[str, tuple[Owner, str]]) -> TakenFile:
    """A file with its student, and when it was received by what the platform says of that."""
    owner = batch.owner(file.owner or file.path)
    received = moment(owner.attempt)
    if owner.platform == "gradescope":  # a folder of another name has no say in who it is
        owner, received = known.get(owner.student, (owner, received))
    return replace(file, whose=owner, received=received or file.received)


def file_beside(path: Path, name: str, max_bytes: int) -> Beside:
    """A file as it is taken when it is handed in under the lab's name for it."""
    file = take_file(path, path.name, name, max_bytes)
    return Beside(name, file.content, file.fault)


def _next_to(notebook: Path, lab: str, wanted: Mapping[str, int]) -> Iterator[TakenFile]:
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
            yield take_file(notebook.parent / name, name, one, wanted[one])


def _from_folder(root: Path, lab: str, wanted: Mapping[str, int]) -> Iterator[TakenFile]:
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
    """Whether a file is a student's for this lab: it lies in a folder, or its name says so."""
    if len(path.parts) > 1 or owner_of(path, lab).platform or lab[:5] in path.name.casefold():
        return True
    return is_read(path.name) and not re.search(r"lab\d\d", path.name, re.IGNORECASE)


def _by_student(files: list[TakenFile], lab: str, blanks: Mapping[str, int]) -> list[Submission]:
    """One submission a student, with the files beside it."""
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
    """The student of a file beside a notebook: named as notebooks are, or, where its name begins
    with the lab's, the only one with a notebook beside it.
    """
    student = file.whose.student
    if student in students or not LAB_FIRST.match(file.path.name) or len(near) != 1:
        return student
    return near[0]


def _one_of_each(files: Sequence[TakenFile]) -> tuple[Beside, ...]:
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


def _notebooks(files: Sequence[TakenFile], lab: str, blanks: Mapping[str, int]) -> list[Submission]:
    """One notebook a student."""
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
        fault = f"There are {len(chosen)} notebooks for {lab[:5]} ({names}); hand in one."
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
    """Whether everything is still to be written. Bytes are counted: nothing of a stranger's is
    read.
    """
    counts = [(content.count(mark.encode()), n) for mark, n in blanks.items()]
    return bool(counts) and all(there >= n for there, n in counts)


def _own_name(file: TakenFile) -> str:
    """A file's name without that of the assignment, which Blackboard writes before all of them."""
    return re.sub(r"^.*_attempt_[\d-]+_", "", file.path.name)
