"""Who should have handed in: a list of students as any platform exports it, beside who has."""

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

# By what each platform knows a student, in its own lists; where there is none, by anything.
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
NO_STUDENT = ("points possible", "manual posting", "student, test")  # rows of Canvas's own


@dataclass(frozen=True)
class Entry:
    """A student of a roster: the name, and the row by its columns' names."""

    name: str
    row: Mapping[str, str]

    def key(self, column: str) -> str:
        """What stands in a column, in whatever capitals; of "Participant 12" the number."""
        value = next((cell for name, cell in self.row.items() if _bare(name) == column), "")
        return _bare(re.sub(r"^\D+ (?=\d+$)", "", value) if column == "identifier" else value)


@dataclass(frozen=True)
class Matched:
    """Who of a roster handed in what.

    `found`: the submissions of every entry, as students of the ledger; `unknown`: students of whom
    no entry is, or more than one.
    """

    found: dict[Entry, list[str]]
    unknown: dict[str, list[Entry]]

    def report(self) -> list[str]:
        """What an instructor should look at, a line for each kind."""
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
            says = f"nobody who handed in is on the roster: {'; '.join(unknown)}"
            return [f"{says}. Give the list of this class; groups of Canvas's are on none."]
        kinds = {
            "on the roster, and nothing handed in": missing,
            "handed in more than once": double,
            "handed in, and not on the roster": unknown,
            "may be more than one of the roster": several,
        }
        return [f"{kind}: {'; '.join(names)}" for kind, names in kinds.items() if names]


@dataclass(frozen=True)
class Roster:
    """A list of students: its columns, in their order, and its entries."""

    columns: tuple[str, ...]
    entries: tuple[Entry, ...]

    def match(self, owners: Iterable[Owner]) -> Matched:
        """Whose every submission is."""
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
        """The entries of a person: by number or address, or else by name."""
        known = {_bare(person.number), _bare(person.email)} - {""}
        columns = [name for name in KEYS.get(owner.platform, ()) if self._has(name)] or NUMBERS
        by_key = [entry for entry in self.entries if known & set(map(entry.key, columns))]
        if by_key or not (names := _names_of(owner, person)):
            return by_key
        return [entry for entry in self.entries if names & _names_in(entry)]

    def _has(self, column: str) -> bool:
        return column in map(_bare, self.columns)


def read_roster(path: Path) -> Roster:
    """A CSV file with a header, or a list of names; what is neither is an AdaptLabError."""
    try:
        content = path.read_bytes()  # Blackboard writes UTF-16
        text = content.decode("utf-16" if content.startswith(UTF_16) else "utf-8-sig")
    except OSError as error:
        raise AdaptLabError(f"The roster {path} cannot be read: {error.strerror}.") from error
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
    """A row that can be among the keys of a mapping: it is itself alone."""

    __hash__ = object.__hash__  # type: ignore[assignment]  # a dict has none
    __eq__ = object.__eq__


def _names_of(owner: Owner, person: Person) -> set[str]:
    """How a student may be called in a roster; one of a folder `lab04-jane` is jane, too."""
    if person.name or owner.platform:
        return _forms(person.name)
    parts = owner.student.split("-")
    return set().union(*(_forms("-".join(parts[i:])) for i in range(len(parts))))


def _names_in(entry: Entry) -> set[str]:
    """The forms of an entry's name, its logins and its address's."""
    logins = (entry.key(column).partition("@")[0] for column in NUMBERS)
    return _forms(entry.name) | {_letters(login) for login in logins if login}


def _forms(name: str) -> set[str]:
    """A name with any of its words first, as platforms turn and join them."""
    words = [letters for word in re.split(r"[\s,_.]+", name) if (letters := _letters(word))]
    turned = {"".join(words[i:] + words[:i]) for i in range(len(words))}
    return (turned | {"".join(sorted(words))}) - {""}


def _letters(word: str) -> str:
    """A word's letters and digits, without accents."""
    plain = unicodedata.normalize("NFKD", word).casefold()
    return "".join(filter(str.isalnum, plain))


def _bare(value: str) -> str:
    return " ".join(value.split()).casefold()
