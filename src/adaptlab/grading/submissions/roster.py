"""Compare a class list, as a platform exports it, with the students who submitted."""

import csv
import io
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from adaptlab.delimiter import guess_delimiter
from adaptlab.errors import AdaptLabError
from adaptlab.grading.submissions.naming import Owner, Person

# The columns that identify a student in a platform's own list; otherwise any of NUMBERS.
KEYS = {
    "canvas": ("id",),
    "moodle": ("identifier",),
    "blackboard": ("username",),
    "gradescope": ("sid", "student id", "email", "email address"),
}
NUMBERS = {
    *sum(KEYS.values(), ()),
    "id number",
    "sis user id",
    "sis login id",
    "login",
    "login id",
    "user name",
    "orgdefinedid",
    "github_username",
    "github username",
}
NAMES = ("student", "name", "full name", "student name", "display name", "user")
FIRST = ("first name", "firstname")
LAST = ("last name", "lastname", "surname")
UTF_16 = (b"\xff\xfe", b"\xfe\xff")
NO_STUDENT = ("points possible", "manual posting", "student, test")  # extra rows by Canvas


@dataclass(frozen=True)
class Entry:
    """A student in a roster: the name, and the row by column name."""

    name: str
    row: Mapping[str, str]

    def key(self, column: str) -> str:
        """Return the value in a column, in lower case; for "Participant 12" in `identifier`, the
        number.
        """
        value = next((cell for name, cell in self.row.items() if _bare(name) == column), "")
        return _bare(re.sub(r"^\D+ (?=\d+$)", "", value) if column == "identifier" else value)


@dataclass(frozen=True)
class Matched:
    """Which student in a roster submitted what.

    `found`: for each entry, the submissions' names in the ledger. `unknown`: submissions with no
    entry, or with more than one.
    """

    found: dict[Entry, list[str]]
    unknown: dict[str, list[Entry]]

    def report(self) -> list[str]:
        """Return what an instructor should check, a line for each kind of problem."""
        missing = [entry.name for entry, students in self.found.items() if not students]
        double = [
            f"{entry.name} ({', '.join(students)})"
            for entry, students in self.found.items()
            if len(students) > 1
        ]
        unknown = [student for student, entries in self.unknown.items() if not entries]
        several = [
            f"{student} ({' or '.join(entry.name for entry in entries)})"
            for student, entries in self.unknown.items()
            if entries
        ]
        if unknown and not several and not any(self.found.values()):
            says = f"no student with a submission is on the roster: {'; '.join(unknown)}"
            return [f"{says}. Give the list of this class; it cannot contain Canvas groups."]
        kinds = {
            "on the roster, but no submission": missing,
            "more than one submission": double,
            "submission, but not on the roster": unknown,
            "matches several students on the roster": several,
        }
        return [f"{kind}: {'; '.join(names)}" for kind, names in kinds.items() if names]


@dataclass(frozen=True)
class Roster:
    """A class list: its columns, in their order, and its entries."""

    columns: tuple[str, ...]
    entries: tuple[Entry, ...]

    def match(self, owners: Iterable[Owner]) -> Matched:
        """Assign every submission to an entry."""
        found: dict[Entry, list[str]] = {entry: [] for entry in self.entries}
        unknown: dict[str, list[Entry]] = {}
        for owner in owners:
            for person in owner.people or (Person(),):
                entries = self._who(owner, person)
                if len(entries) == 1:
                    found[entries[0]].append(owner.student)
                else:
                    unknown[owner.student] = entries
        return Matched(found, unknown)

    def _who(self, owner: Owner, person: Person) -> list[Entry]:
        """Return the entries of a person: by number or email address, or else by name."""
        known = {_bare(person.number), _bare(person.email)} - {""}
        columns = [name for name in KEYS.get(owner.platform, ()) if self._has(name)] or NUMBERS
        by_key = [entry for entry in self.entries if known & set(map(entry.key, columns))]
        if by_key or not (names := _names_of(owner, person)):
            return by_key
        return [entry for entry in self.entries if names & _names_in(entry)]

    def _has(self, column: str) -> bool:
        return column in map(_bare, self.columns)


def read_roster(path: Path) -> Roster:
    """Read a CSV file with a header, or a list of names.

    Raises:
        AdaptLabError: if the file cannot be read, is not text, or is empty.
    """
    try:
        content = path.read_bytes()  # Blackboard writes UTF-16
        text = content.decode("utf-16" if content.startswith(UTF_16) else "utf-8-sig")
    except OSError as error:
        raise AdaptLabError(f"The roster {path} is not readable: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        says = f"The roster {path} is not UTF-8 text. Save it as CSV in UTF-8."
        raise AdaptLabError(says) from error
    rows = list(csv.reader(io.StringIO(text), delimiter=guess_delimiter(text)))
    rows = [row for row in rows if any(cell.strip() for cell in row)]
    if not rows:
        says = f"The roster {path} is empty. Give a CSV file with a row for each student."
        raise AdaptLabError(says)
    header, *rest = rows
    if not {*NAMES, *NUMBERS, *FIRST, *LAST} & set(map(_bare, header)):
        header = ["name", *[""] * (len(header) - 1)]
        rest = rows
    entries = (_entry(dict(zip(header, row))) for row in rest)
    return Roster(tuple(header), tuple(entry for entry in entries if entry))


def _entry(row: dict[str, str]) -> "Entry | None":
    if any(_bare(next(iter(row.values()), "")).startswith(start) for start in NO_STUDENT):
        return None
    cells = {_bare(column): cell.strip() for column, cell in row.items()}

    def first_of(names: Sequence[str]) -> str:
        return next((cells[name] for name in names if cells.get(name)), "")

    name = first_of(NAMES) or f"{first_of(FIRST)} {first_of(LAST)}".strip()
    name = name or first_of(sorted(NUMBERS))
    return Entry(name, _Row(row)) if name else None


class _Row(dict):
    """A row that can be a key of a mapping; it is equal only to itself."""

    __hash__ = object.__hash__  # type: ignore[assignment]  # a dict has none
    __eq__ = object.__eq__


def _names_of(owner: Owner, person: Person) -> set[str]:
    """Return the possible forms of a student's name; a folder `lab04-jane` may be jane's, too."""
    if person.name or owner.platform:
        return _forms(person.name)
    parts = owner.student.split("-")
    return set().union(*(_forms("-".join(parts[i:])) for i in range(len(parts))))


def _names_in(entry: Entry) -> set[str]:
    """Return the forms of an entry's name, of its logins and of its email address."""
    logins = (entry.key(column).partition("@")[0] for column in NUMBERS)
    return _forms(entry.name) | {_letters(login) for login in logins if login}


def _forms(name: str) -> set[str]:
    """Return the forms of a name: starting with any of its words, because platforms change the
    order.
    """
    words = [letters for word in re.split(r"[\s,_.]+", name) if (letters := _letters(word))]
    turned = {"".join(words[i:] + words[:i]) for i in range(len(words))}
    return (turned | {"".join(sorted(words))}) - {""}


def _letters(word: str) -> str:
    """Return a word's letters and digits, without accents."""
    plain = unicodedata.normalize("NFKD", word).casefold()
    return "".join(filter(str.isalnum, plain))


def _bare(value: str) -> str:
    return " ".join(value.split()).casefold()
