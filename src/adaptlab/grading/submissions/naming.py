"""Decide whose a file is, from the names that learning platforms give to files and folders.

The outermost folder that a platform made decides, or else the outermost of all. So the names inside
a submission cannot assign it to another student.
"""

import os
import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import PurePosixPath

LAB_FIRST = re.compile(r"lab\d\d", re.IGNORECASE)
JOINERS = "\u200c\u200d\u200e\u200f"  # used in names of some languages; harmless
COLLECTED = ("submitted", "submissions")
MOODLE = r"(?P<place>(?P<name>.+?)_(?P<number>\d+)_assignsubmission_(file|onlinetext)"
BRIGHTSPACE = r"(?P<number>\d+)-\d+ ?- ?(?P<name>.+?) ?- ?(?P<attempt>[^-\d]*\d[^-]*)"
# Names of a student's folder.
FOLDERS = {
    "moodle": re.compile(MOODLE + "_?)", re.DOTALL),
    "gradescope": re.compile(r"(?P<name>submission_\d+)"),
    "brightspace": re.compile(BRIGHTSPACE, re.DOTALL),
}
# Names of a student's file, which may contain line breaks. Canvas: a group's name may end in a
# number, which is shorter than an ID.
FILES = {
    "moodle": re.compile(MOODLE + "_).+", re.DOTALL),
    "blackboard": re.compile(
        r"(?P<name>.+)_attempt_(?P<attempt>\d{4}(-\d\d){5})(_.+|\.txt)", re.DOTALL
    ),
    "canvas": re.compile(
        r"(?P<late>LATE_)?(?P<name>anon_[A-Za-z0-9]+)_(?P<late_3>LATE_)?"
        r"(\d+_.+|text\.html|link\.html)"
        r"|(?P<name_2>.+?(_\d{1,3}(?=_\d{4,}_\d{4,}_))?)_(?P<late_2>LATE_)?(?P<number>\d+)"
        r"_(\d+_.+|text\.html|link\.html)",
        re.IGNORECASE | re.DOTALL,
    ),
}
TIMES = (
    "%Y-%m-%d-%H-%M-%S",
    "%b %d, %Y %I%M %p",
    "%B %d, %Y %I%M %p",
    "%b %d, %Y %H%M",
    "%B %d, %Y %H%M",
    "%d %b, %Y %H%M",
    "%d %B, %Y %H%M",
)


@dataclass(frozen=True)
class Person:
    """A student as the platform knows them; `number` is the platform's id or the login.

    All fields are cleaned: they have no line breaks and no escape characters.
    """

    name: str = ""
    number: str = ""
    email: str = ""

    def __post_init__(self):
        for part in ("name", "number", "email"):
            object.__setattr__(self, part, "".join(filter(is_shown, getattr(self, part))))


@dataclass(frozen=True)
class Owner:
    """Who submitted: `student` is the name in the ledger, and `people` are the persons.

    `late`: whether the platform marks it as late, None if it does not say. `attempt`: the time of
    submission. `place`: the platform's own name for it, which returned feedback needs.
    """

    student: str
    platform: str = ""
    people: tuple[Person, ...] = ()
    late: bool | None = None
    attempt: str = ""
    place: str = ""

    @property
    def is_nameless(self) -> bool:
        """Whether Canvas hides the student, as for an anonymously graded assignment."""
        return self.platform == "canvas" and self.student.casefold().startswith("anon_")

    @property
    def identities(self) -> set[tuple[str, frozenset[str]]]:
        """What stays the same when names change: the numbers of all people, and their email
        addresses.
        """
        kinds = {kind: [getattr(one, kind) for one in self.people] for kind in ("number", "email")}
        return {
            (kind, frozenset(values)) for kind, values in kinds.items() if values and all(values)
        }

    @property
    def timed(self) -> bool:
        """Whether the platform gives the time of submission, or at least whether it is late."""
        return self.late is not None or bool(moment(self.attempt)) or self.platform == "gradescope"


class Batch:
    """Paths that were submitted together. Comparing them shows which parts of the names belong to
    no student.
    """

    def __init__(self, paths: Sequence[PurePosixPath], lab: str):
        self.lab = lab
        shared = _common_folders(paths, lab)
        self.root = shared + _are_sections([path.parts[shared:] for path in paths])
        self.assignment = _assignment(path.name for path in paths)

    def inside(self, path: PurePosixPath) -> PurePosixPath:
        """Return a path without the folders that hold the whole batch."""
        return PurePosixPath(*path.parts[self.root :])

    def owner(self, path: PurePosixPath) -> Owner:
        """Return the owner of a file in the batch."""
        return owner_of(self.inside(path), self.lab, self.assignment)


def owner_of(path: PurePosixPath, lab: str, assignment: str = "") -> Owner:
    """Return the owner of a file; `assignment` is the common prefix of file names from
    Blackboard.
    """
    for folder in path.parts[:-1]:
        for platform, pattern in FOLDERS.items():
            if match := pattern.fullmatch(folder):
                return _owner(platform, match, folder)
    if folders := [part for part in path.parts[:-1] if not _is_collected(part, lab)]:
        return Owner(shown(folders[0]), place=folders[0])
    for platform, pattern in FILES.items():
        if platform == "canvas" and LAB_FIRST.match(path.name):
            continue
        if match := pattern.fullmatch(path.name):
            return _owner(platform, match, path.name, assignment)
    stem = path.name.rsplit(".", 1)[0]
    at = re.search(lab[:5], stem, re.IGNORECASE)
    name = (stem[: at.start()].rstrip("-_ ") if at else stem) or stem
    return Owner(shown(name), place=path.name)


def student_of(path: PurePosixPath, lab: str) -> str:
    """Return the name in the ledger of a file's student."""
    return owner_of(path, lab).student


def moment(attempt: str) -> str:
    """Parse a time that a platform wrote into a name, in this machine's time zone; returns UTC, or
    "".
    """
    padded = re.sub(r"\b(\d{3})( [AP]M)?$", r"0\1\2", attempt.strip())
    for form in TIMES:
        try:
            return datetime.strptime(padded, form).astimezone(UTC).isoformat(timespec="seconds")
        except ValueError:
            continue
    return ""


def can_be_seen(character: str) -> bool:
    """Whether a character is displayed, and does not control a terminal or the writing
    direction.
    """
    return character.isprintable() and unicodedata.category(character) != "Cf"


def is_shown(character: str) -> bool:
    """Whether a character is visible, or joins letters in some languages."""
    return character in JOINERS or can_be_seen(character)


def _owner(platform: str, match: re.Match, whole: str, assignment: str = "") -> Owner:
    found = match.groupdict()
    name = found.get("name") or found.get("name_2") or ""
    number = found.get("number") or ""
    if platform == "blackboard":
        name = number = name.removeprefix(assignment or name[: name.rfind("_") + 1])
    tells_lateness = platform == "canvas"
    late = (
        bool(found.get("late") or found.get("late_2") or found.get("late_3"))
        if tells_lateness
        else None
    )
    student = f"{name}_{number}" if number and number != name else name
    people = (Person(name, number),) if platform != "gradescope" else ()
    place = found.get("place") or whole
    return Owner(shown(student), platform, people, late, found.get("attempt") or "", place)


def _is_collected(folder: str, lab: str) -> bool:
    """Whether a folder holds the submissions of all students, such as nbgrader's `submitted`."""
    return folder.casefold() in (*COLLECTED, lab.casefold(), lab[:5].casefold())


def _common_folders(paths: Sequence[PurePosixPath], lab: str) -> int:
    """Return how many outer folders hold the whole batch, as long as the rest of the paths still
    tells students apart.
    """
    n = 0
    while len(paths) > 1 and all(len(path.parts) > n + 1 for path in paths):
        rest = [PurePosixPath(*path.parts[n + 1 :]) for path in paths]
        shared = {path.parts[n] for path in paths}
        first = min(shared)
        if len(shared) > 1 or any(pattern.fullmatch(first) for pattern in FOLDERS.values()):
            break
        if any(len(path.parts) == 1 and LAB_FIRST.match(path.name) for path in rest):
            break
        if len({student_of(path, lab) for path in rest}) == 1:
            break
        n += 1
    return n


def _are_sections(paths: Sequence[tuple[str, ...]]) -> bool:
    """Whether the outermost folders are sections of a class, each with a folder for each
    student.
    """
    if any(len(parts) != 3 for parts in paths):
        return False
    folders = {parts[:2] for parts in paths}
    students = {student for _, student in folders}
    sections = {section for section, _ in folders}
    named = any(pattern.fullmatch(name) for name in sections for pattern in FOLDERS.values())
    return not named and len(students) == len(folders) > len(sections) > 1


def _assignment(names: Iterable[str]) -> str:
    """Return the common prefix before the login in file names from Blackboard."""
    matches = filter(None, map(FILES["blackboard"].fullmatch, names))
    before = {match["name"] for match in matches}
    if len(before) < 2:
        return ""
    shared = os.path.commonprefix(sorted(before))
    return shared[: shared.rfind("_") + 1]


def shown(name: str) -> str:
    """Normalise a name to one Unicode form, without invisible characters."""
    seen = "".join(filter(can_be_seen, unicodedata.normalize("NFC", name)))
    return seen.strip()[:100] or "unnamed"
