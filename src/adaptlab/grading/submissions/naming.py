"""Whose a file is, by how learning platforms write students into the names of files and folders.

The outermost folder that a platform made, or else the outermost of all, tells whose everything
in it is: what a student hands in does not name another.
"""

import os
import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import PurePosixPath

LAB_FIRST = re.compile(r"lab\d\d", re.IGNORECASE)
JOINERS = "\u200c\u200d\u200e\u200f"  # in names of some languages; they hide nothing
COLLECTED = ("submitted", "submissions")
MOODLE = r"(?P<place>(?P<name>.+?)_(?P<number>\d+)_assignsubmission_(file|onlinetext)"
BRIGHTSPACE = r"(?P<number>\d+)-\d+ ?- ?(?P<name>.+?) ?- ?(?P<attempt>[^-\d]*\d[^-]*)"
# What platforms call a student's folder.
FOLDERS = {
    "moodle": re.compile(MOODLE + "_?)", re.DOTALL),
    "gradescope": re.compile(r"(?P<name>submission_\d+)"),
    "brightspace": re.compile(BRIGHTSPACE, re.DOTALL),
}
# What they call a student's file, in whose name a line may end. Canvas: a group's name may end in a
# number, small beside IDs.
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
    """A student as the platform knows them; `number` is its own for them, or their login.

    All of it is text to show: what students call themselves holds no line's end and no escape.
    """

    name: str = ""
    number: str = ""
    email: str = ""

    def __post_init__(self):
        for part in ("name", "number", "email"):
            object.__setattr__(self, part, "".join(filter(is_shown, getattr(self, part))))


@dataclass(frozen=True)
class Owner:
    """Whose a submission is: `student` is the ledger's name for it, and `people` who it is.

    `late` is what the platform says of that, None if it says nothing; `attempt` is when it came;
    `place` is what the platform called it, by which it takes feedback.
    """

    student: str
    platform: str = ""
    people: tuple[Person, ...] = ()
    late: bool | None = None
    attempt: str = ""
    place: str = ""

    @property
    def is_nameless(self) -> bool:
        """Whether Canvas hid who it is, as for an assignment that is graded anonymously."""
        return self.platform == "canvas" and self.student.casefold().startswith("anon_")

    @property
    def identities(self) -> set[tuple[str, frozenset[str]]]:
        """What stays when names change: everybody's number, and everybody's address."""
        kinds = {kind: [getattr(one, kind) for one in self.people] for kind in ("number", "email")}
        return {
            (kind, frozenset(values)) for kind, values in kinds.items() if values and all(values)
        }

    @property
    def timed(self) -> bool:
        """Whether the platform says when it came, or at least whether that was late."""
        return self.late is not None or bool(moment(self.attempt)) or self.platform == "gradescope"


class Batch:
    """Paths that were handed in together, which tell what belongs to no student in them."""

    def __init__(self, paths: Sequence[PurePosixPath], lab: str):
        self.lab = lab
        shared = _common_folders(paths, lab)
        self.root = shared + _are_sections([path.parts[shared:] for path in paths])
        self.assignment = _assignment(path.name for path in paths)

    def inside(self, path: PurePosixPath) -> PurePosixPath:
        """A path without the folders that hold the whole batch."""
        return PurePosixPath(*path.parts[self.root :])

    def owner(self, path: PurePosixPath) -> Owner:
        """Whose a file of the batch is."""
        return owner_of(self.inside(path), self.lab, self.assignment)


def owner_of(path: PurePosixPath, lab: str, assignment: str = "") -> Owner:
    """Whose a file is; `assignment` is how the names of all files of Blackboard's begin."""
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
    """The ledger's name for a student, as the place of a file tells it."""
    return owner_of(path, lab).student


def moment(attempt: str) -> str:
    """A time as platforms write it into names, by this machine's clock, in UTC; empty if none."""
    padded = re.sub(r"\b(\d{3})( [AP]M)?$", r"0\1\2", attempt.strip())
    for form in TIMES:
        try:
            return datetime.strptime(padded, form).astimezone(UTC).isoformat(timespec="seconds")
        except ValueError:
            continue
    return ""


def can_be_seen(character: str) -> bool:
    """Whether a character is shown, not obeyed by a terminal or by the direction of writing."""
    return character.isprintable() and unicodedata.category(character) != "Cf"


def is_shown(character: str) -> bool:
    """Whether it can be seen, or joins letters of some languages."""
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
    """Whether a folder is one of those that hold everybody's, as nbgrader's `submitted`."""
    return folder.casefold() in (*COLLECTED, lab.casefold(), lab[:5].casefold())


def _common_folders(paths: Sequence[PurePosixPath], lab: str) -> int:
    """How many outer folders hold the whole batch, while what is in them tells students apart."""
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
    """Whether the outermost folders are sections of a class, with a folder for each student."""
    if any(len(parts) != 3 for parts in paths):
        return False
    folders = {parts[:2] for parts in paths}
    students = {student for _, student in folders}
    sections = {section for section, _ in folders}
    named = any(pattern.fullmatch(name) for name in sections for pattern in FOLDERS.values())
    return not named and len(students) == len(folders) > len(sections) > 1


def _assignment(names: Iterable[str]) -> str:
    """What stands before every login in the names of Blackboard's files."""
    matches = filter(None, map(FILES["blackboard"].fullmatch, names))
    before = {match["name"] for match in matches}
    if len(before) < 2:
        return ""
    shared = os.path.commonprefix(sorted(before))
    return shared[: shared.rfind("_") + 1]


def shown(name: str) -> str:
    """One form of a name that can be written in several, without what cannot be seen."""
    seen = "".join(filter(can_be_seen, unicodedata.normalize("NFC", name)))
    return seen.strip()[:100] or "unnamed"
