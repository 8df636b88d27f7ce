"""The ledger of marks: one SQLite file that keeps every grading of every submission, and the manual
marks, which grading again does not change.

The key of a grading is student, lab, content of the submission and grader. Grading the same content
again with the same grader adds nothing; a changed grader adds rows.
"""

import json
import math
import secrets
from collections.abc import Callable, Iterable
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path

from adaptlab.database import transaction
from adaptlab.errors import AdaptLabError
from adaptlab.grading.grade import Graded, Mark
from adaptlab.grading.records.sheet import Policy, Request, Sheet
from adaptlab.grading.submissions.naming import Owner, Person
from adaptlab.grading.submissions.submission import Submission

HOLDS = "marks"
KEY = "student TEXT NOT NULL, lab TEXT NOT NULL, submission TEXT NOT NULL, grader TEXT NOT NULL"
BY_KEY = "WHERE student = ? AND lab = ? AND submission = ? AND grader = ?"
SCHEMA = (
    (
        "CREATE TABLE IF NOT EXISTS runs (lab TEXT NOT NULL, grader TEXT NOT NULL, secret INTEGER"
        " NOT NULL, measured TEXT NOT NULL, PRIMARY KEY (lab, grader))"
    ),
    (
        f"CREATE TABLE IF NOT EXISTS graded ({KEY}, number INTEGER NOT NULL, received TEXT NOT"
        " NULL, source TEXT NOT NULL, level TEXT NOT NULL, prediction TEXT NOT NULL, notes TEXT"
        " NOT NULL, answers TEXT NOT NULL, seconds REAL NOT NULL, peak_bytes INTEGER NOT NULL, at"
        " TEXT NOT NULL, PRIMARY KEY (student, lab, submission, grader))"
    ),
    (
        f"CREATE TABLE IF NOT EXISTS marks ({KEY}, exercise TEXT NOT NULL, status TEXT NOT NULL,"
        " points REAL, of REAL NOT NULL, sentence TEXT NOT NULL, misconception TEXT NOT NULL,"
        " PRIMARY KEY (student, lab, submission, grader, exercise))"
    ),
    (
        "CREATE TABLE IF NOT EXISTS manual (id INTEGER PRIMARY KEY, at TEXT NOT NULL, student TEXT"
        " NOT NULL, lab TEXT NOT NULL, exercise TEXT NOT NULL, points REAL NOT NULL, comment TEXT"
        " NOT NULL, author TEXT NOT NULL)"
    ),
    (
        "CREATE TABLE IF NOT EXISTS requests (id INTEGER PRIMARY KEY, at TEXT NOT NULL, student"
        " TEXT NOT NULL, lab TEXT NOT NULL, exercise TEXT NOT NULL, reason TEXT NOT NULL, answered"
        " TEXT NOT NULL DEFAULT '', points REAL, answer TEXT NOT NULL DEFAULT '', author TEXT NOT"
        " NULL DEFAULT '')"
    ),
    (
        "CREATE UNIQUE INDEX IF NOT EXISTS one_open_request ON requests (student, lab, exercise)"
        " WHERE answered = ''"
    ),
    (
        "CREATE TABLE IF NOT EXISTS exported (gradebook TEXT NOT NULL, lab TEXT NOT NULL, student"
        " TEXT NOT NULL, exercise TEXT NOT NULL, points REAL NOT NULL, PRIMARY KEY (gradebook, lab,"
        " student, exercise))"
    ),
    (
        "CREATE TABLE IF NOT EXISTS owners (lab TEXT NOT NULL, student TEXT NOT NULL, owner TEXT"
        " NOT NULL, PRIMARY KEY (lab, student))"
    ),
    "CREATE INDEX IF NOT EXISTS graded_by_number ON graded (number)",
    (
        "CREATE TABLE IF NOT EXISTS policies (lab TEXT PRIMARY KEY, due TEXT NOT NULL, free_days"
        " INTEGER NOT NULL, percent_a_day REAL NOT NULL)"
    ),
)
SHEETS = """SELECT student, submission, grader, received, source, level, prediction, notes, answers,
    (SELECT min(at) FROM graded f
     WHERE f.student = g.student AND f.lab = g.lab AND f.submission = g.submission)
    FROM graded g WHERE lab = ? ORDER BY number"""
FINISHED = """SELECT student, submission FROM graded g WHERE lab = ? AND grader = ? AND NOT EXISTS (
    SELECT 1 FROM marks m WHERE m.student = g.student AND m.lab = g.lab
    AND m.submission = g.submission AND m.grader = g.grader AND m.status = 'grader error')"""
MARKS = (
    f"SELECT exercise, status, points, of, sentence, misconception FROM marks {BY_KEY} ORDER BY"
    " rowid"
)
REQUESTS = (
    "SELECT student, exercise, at, reason, answered, points, answer, author FROM requests WHERE lab"
    " = ? ORDER BY id"
)
ANSWER = (
    "UPDATE requests SET answered = ?, points = ?, answer = ?, author = ? WHERE student = ? AND lab"
    " = ? AND exercise = ? AND answered = ''"
)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _by_first(rows: Iterable[tuple]) -> dict[str, list[tuple]]:
    """Group the rows of a table by their first column."""
    found: dict[str, list[tuple]] = {}
    for first, *rest in rows:
        found.setdefault(first, []).append(tuple(rest))
    return found


class Ledger:
    """The marks in one file."""

    def __init__(self, path: Path):
        self.path = path

    def _opened(self):
        return transaction(self.path, SCHEMA, HOLDS, patience=60)

    def secret(self, lab: str, grader: str) -> int:
        """Return the seed of a run's inputs: new for each lab and grader, and the same when a run
        resumes.
        """
        with self._opened() as db:
            db.execute(
                "INSERT OR IGNORE INTO runs VALUES (?, ?, ?, '')",
                (lab, grader, secrets.randbits(62)),
            )
            return db.execute(
                "SELECT secret FROM runs WHERE lab = ? AND grader = ?", (lab, grader)
            ).fetchone()[0]

    def measured(self, lab: str, grader: str, measure: Callable[[], str]) -> str:
        """Return what the lab's experiment measures with the reference answers; `measure` is called
        once for each lab and grader.
        """
        self.secret(lab, grader)
        with self._opened() as db:
            found = db.execute(
                "SELECT measured FROM runs WHERE lab = ? AND grader = ?", (lab, grader)
            ).fetchone()[0]
        if not found and (found := measure()):
            with self._opened() as db:
                db.execute(
                    "UPDATE runs SET measured = ? WHERE lab = ? AND grader = ?",
                    (found, lab, grader),
                )
        return found

    def last_measured(self, lab: str) -> str:
        """Return the measurement of the most recent grader that has one."""
        with self._opened() as db:
            found = db.execute(
                "SELECT measured FROM runs WHERE lab = ? AND measured != '' ORDER BY rowid DESC",
                (lab,),
            ).fetchone()
        return found[0] if found else ""

    def keep(self, submission: Submission, graded: Graded, grader: str) -> None:
        """Store a grading with all its marks, in one transaction."""
        key = (graded.student, graded.lab, graded.submission, grader)
        shown = (
            graded.level,
            graded.prediction,
            json.dumps(graded.notes),
            json.dumps(graded.answers),
            graded.seconds,
            graded.peak_bytes,
            _now(),
        )
        with self._opened() as db:
            number = db.execute("SELECT coalesce(max(number), 0) + 1 FROM graded").fetchone()[0]
            db.execute(f"DELETE FROM graded {BY_KEY}", key)
            db.execute(f"DELETE FROM marks {BY_KEY}", key)
            db.execute(
                f"INSERT INTO graded VALUES ({', '.join('?' * 14)})",
                (*key, number, submission.received, submission.source, *shown),
            )
            db.executemany(
                f"INSERT INTO marks VALUES ({', '.join('?' * 10)})",
                [(*key, *asdict(mark).values()) for mark in graded.marks],
            )

    def finished(self, lab: str, grader: str) -> set[tuple[str, str]]:
        """Return (student, content) of all that this grader has graded, except where it failed."""
        with self._opened() as db:
            return set(db.execute(FINISHED, (lab, grader)))

    def decide(
        self, student: str, lab: str, exercise: str, points: float, comment: str, author: str
    ) -> None:
        """Store a manual mark for an exercise, and answer an open request with it.

        The latest manual mark counts, also after grading again; all are kept.

        Raises:
            AdaptLabError: if there is no such exercise, if the points are out of range, or if the
                author or the reason is missing.
        """
        mark = self._mark_of(student, lab, exercise)
        if not math.isfinite(points) or not 0 <= points <= mark.of:
            raise AdaptLabError(
                f"{points:g} points are out of range. Give 0 to {mark.of:g} for {exercise}."
            )
        if not comment.strip() or not author.strip():
            raise AdaptLabError("The author or the reason is missing. Give both.")
        at = _now()
        with self._opened() as db:
            db.execute(
                "INSERT INTO manual (at, student, lab, exercise, points, comment, author) VALUES"
                " (?, ?, ?, ?, ?, ?, ?)",
                (at, student, lab, exercise, points, comment, author),
            )
            db.execute(ANSWER, (at, points, comment, author, student, lab, exercise))

    def request(self, student: str, lab: str, exercise: str, reason: str) -> None:
        """Store a student's request for a second look at an exercise. It is open until an
        instructor grades the exercise manually or declines; all are kept.

        Raises:
            AdaptLabError: if there is no such exercise, if the reason is missing, or if a request
                is open.
        """
        self._mark_of(student, lab, exercise)
        if not reason.strip():
            raise AdaptLabError("The reason of the request is missing. Give one.")
        with self._opened() as db:
            row = (_now(), student, lab, exercise, reason)
            if not db.execute(
                "INSERT OR IGNORE INTO requests (at, student, lab, exercise, reason) VALUES (?, ?,"
                " ?, ?, ?)",
                row,
            ).rowcount:
                raise AdaptLabError(
                    f"A request of {student!r} for {exercise} is already open. Answer it with"
                    " `adaptlab grade mark`, or decline it."
                )

    def decline(self, student: str, lab: str, exercise: str, answer: str, author: str) -> None:
        """Answer an open request, without a change of the marks.

        Raises:
            AdaptLabError: if the author or the reason is missing, or if there is no open request.
        """
        if not answer.strip() or not author.strip():
            raise AdaptLabError("The author or the reason is missing. Give both.")
        with self._opened() as db:
            if not db.execute(
                ANSWER, (_now(), None, answer, author, student, lab, exercise)
            ).rowcount:
                raise AdaptLabError(
                    f"There is no open request of {student!r} for {exercise!r} in {lab}. List the"
                    " requests with `adaptlab grade show`."
                )

    def _mark_of(self, student: str, lab: str, exercise: str) -> Mark:
        """Return the current mark of an exercise.

        Raises:
            AdaptLabError: if the student or the exercise is unknown.
        """
        for sheet in self.sheets(lab):
            for mark in sheet.marks:
                if (sheet.student, mark.exercise) == (student, exercise):
                    return mark
            if sheet.student == student:
                raise AdaptLabError(
                    f"There is no exercise {exercise!r} in {lab}. Use one of"
                    f" {', '.join(mark.exercise for mark in sheet.marks)}."
                )
        raise AdaptLabError(
            f"There is no student {student!r} in {lab}. List the students with `adaptlab grade"
            " show`."
        )

    def exported(self, gradebook: Path, lab: str) -> dict[tuple[str, str], float]:
        """Return the manual marks that were last written into a gradebook, by (student,
        exercise).
        """
        with self._opened() as db:
            rows = db.execute(
                "SELECT student, exercise, points FROM exported WHERE gradebook = ? AND lab = ?",
                (str(gradebook.resolve()), lab),
            )
            return {(student, exercise): points for student, exercise, points in rows}

    def note_export(self, gradebook: Path, lab: str, marks: dict[tuple[str, str], float]) -> None:
        """Store which manual marks were written into a gradebook."""
        with self._opened() as db:
            db.executemany(
                "INSERT OR REPLACE INTO exported VALUES (?, ?, ?, ?, ?)",
                [(str(gradebook.resolve()), lab, *key, mark) for key, mark in marks.items()],
            )

    def set_policy(self, lab: str, policy: Policy) -> None:
        """Set the deadline of a lab, and the penalty for lateness."""
        with self._opened() as db:
            db.execute(
                "INSERT OR REPLACE INTO policies VALUES (?, ?, ?, ?)",
                (lab, policy.due, policy.free_days, policy.percent_a_day),
            )

    def sheets(self, lab: str) -> list[Sheet]:
        """Return the current marks of all students, sorted by name."""
        with self._opened() as db:
            policy = Policy(
                *(
                    db.execute(
                        "SELECT due, free_days, percent_a_day FROM policies WHERE lab = ?", (lab,)
                    ).fetchone()
                    or ()
                )
            )
            rows = db.execute(SHEETS, (lab,)).fetchall()
            latest = {row[0]: row for row in rows}
            found = {
                student: self._marks(db, student, lab, *row[1:3]) for student, row in latest.items()
            }
            decided = db.execute(
                "SELECT student, exercise, points, comment, author, at FROM manual WHERE lab = ?"
                " ORDER BY id",
                (lab,),
            ).fetchall()
            asked = db.execute(REQUESTS, (lab,)).fetchall()
            owners = {owner.student: owner for owner in self._owners(db, lab)}
        sheets = []
        by_hand = _by_first(decided)
        requested = _by_first(asked)
        for student, row in sorted(latest.items()):
            manual = {
                exercise: (points, comment, author)
                for exercise, points, comment, author, _ in by_hand.get(student, ())
            }
            reasons: dict[str, list[str]] = {}
            for exercise, _, comment, *_ in by_hand.get(student, ()):
                reasons.setdefault(exercise, []).append(comment)
            marked_at = {exercise: at for exercise, *_, at in by_hand.get(student, ())}
            marks = [
                replace(mark, points=manual[mark.exercise][0]) if mark.exercise in manual else mark
                for mark in found[student]
            ]
            automatic = {mark.exercise: mark.points for mark in found[student]}
            requests = [Request(*request) for request in requested.get(student, ())]
            owner = owners.get(student, Owner(student))
            sheets.append(
                Sheet(
                    student,
                    lab,
                    row[3],
                    row[4],
                    row[5],
                    marks,
                    row[6],
                    json.loads(row[7]),
                    json.loads(row[8]),
                    manual,
                    reasons,
                    policy.days_late(row[3], owner.late),
                    policy.factor(row[3], owner.late),
                    automatic,
                    requests,
                    [exercise for exercise, at in marked_at.items() if at < row[9]],
                    owner,
                )
            )
        return sheets

    def note_owners(self, lab: str, owners: Iterable[Owner]) -> None:
        """Store who submitted, as the platform knows them, and whether it marks the submission as
        late.
        """
        rows = [(lab, owner.student, json.dumps(asdict(owner))) for owner in owners]
        with self._opened() as db:
            db.executemany("INSERT OR REPLACE INTO owners VALUES (?, ?, ?)", rows)

    def named_as_before(self, lab: str, found: Iterable[Submission]) -> list[Submission]:
        """Rename submissions to the names that the ledger already has for the same people. A
        platform may give a second submission another id, and people may change their names.
        """
        with self._opened() as db:
            owners = self._owners(db, lab)
        known = {
            (owner.platform, *one): owner.student for owner in owners for one in owner.identities
        }
        found = list(found)
        named = [self._named(one, known) for one in found]
        given = [one.student for one in named]
        return [new if given.count(new.student) == 1 else old for old, new in zip(found, named)]

    @staticmethod
    def _named(found: Submission, known: dict) -> Submission:
        owner = found.owner
        if owner.platform != "gradescope":  # other platforms write the number into the name
            return found
        theirs = [(owner.platform, *one) for one in sorted(owner.identities, key=str)]
        student = next((known[one] for one in reversed(theirs) if one in known), found.student)
        return replace(found, student=student, owner=replace(owner, student=student))

    @staticmethod
    def _owners(db, lab: str) -> list[Owner]:
        rows = db.execute("SELECT owner FROM owners WHERE lab = ?", (lab,)).fetchall()
        kept = [json.loads(text) for (text,) in rows]
        people = [tuple(Person(**person) for person in one["people"]) for one in kept]
        return [Owner(**one | {"people": theirs}) for one, theirs in zip(kept, people)]

    @staticmethod
    def _marks(db, student: str, lab: str, submission: str, grader: str) -> list[Mark]:
        return [Mark(*row) for row in db.execute(MARKS, (student, lab, submission, grader))]

    def moved(self, lab: str, grader: str) -> list[tuple[str, str, float | None, float | None]]:
        """Return (student, exercise, points before, points now) of all marks that differ from those
        of the previous grader, on the same submissions.
        """
        with self._opened() as db:
            rows = db.execute(
                "SELECT student, submission, grader FROM graded WHERE lab = ? ORDER BY number",
                (lab,),
            ).fetchall()
            changes = []
            graders: dict[tuple[str, str], list[str]] = {}
            for student, submission, by in rows:
                if by != grader:
                    graders.setdefault((student, submission), []).append(by)
            for student, submission, _ in [row for row in rows if row[2] == grader]:
                before = graders.get((student, submission))
                if before:
                    old = {
                        mark.exercise: mark.points
                        for mark in self._marks(db, student, lab, submission, before[-1])
                    }
                    new = {
                        mark.exercise: mark.points
                        for mark in self._marks(db, student, lab, submission, grader)
                    }
                    changes += [
                        (student, name, old.get(name), points)
                        for name, points in new.items()
                        if old.get(name) != points
                    ]
        return changes
