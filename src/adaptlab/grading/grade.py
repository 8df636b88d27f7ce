"""Grade one submission: run the notebook in a sandbox, call the answers there, and judge their
results outside it.
"""

import contextlib
import hashlib
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from adaptlab.errors import AdaptLabError
from adaptlab.grading.artefact import Artefact
from adaptlab.grading.exercises import exercises
from adaptlab.grading.judging import Judged, judged, judged_together, read_texts
from adaptlab.grading.measure import SECOND_TRY, measure
from adaptlab.grading.notebook import (
    Cell,
    Invalid,
    Lab,
    answers_of,
    checks_behind,
    code_to_run,
    read_cells_apart,
    rebuild,
)
from adaptlab.grading.sandbox.box import Box, BoxError
from adaptlab.grading.sandbox.limits import DEFAULT, MIB, Limits
from adaptlab.grading.submissions.submission import Submission

MOST_HELD = 16 * MIB  # of outputs that wait to be judged together
OUT_OF_TIME = "The notebook crashed or blocked the grader repeatedly and used up its time limit of"
SHOWN = ("prediction", "measured")  # variables of a notebook that its feedback page shows


@dataclass(frozen=True)
class Mark:
    """The mark of one exercise.

    `status` is "pass", "wrong", "student error", "crash", "timeout", "resource limit" or "invalid".
    Or it is "grader error" or "needs a person"; then `points` is None, because missing points are
    not the student's fault.
    """

    exercise: str
    status: str
    points: float | None
    of: float
    sentence: str
    misconception: str = ""


@dataclass
class Graded:
    """The result of grading one submission: its marks, and what the feedback shows with them."""

    student: str
    lab: str
    submission: str
    level: str
    marks: list[Mark]
    notes: list[str] = field(default_factory=list)
    prediction: str = ""
    measured: str = ""
    answers: dict[str, str] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)
    seconds: float = 0
    peak_bytes: int = 0

    @property
    def points(self) -> float:
        """The sum of the points given so far."""
        return sum(mark.points or 0 for mark in self.marks)


def of_content(secret: int, digest: str) -> int:
    """Derive the secret of one submission's content from a run's secret.

    A changed submission gets other inputs. So students cannot find out the expected results by
    submitting again and again.
    """
    return int.from_bytes(hashlib.sha256(f"{secret}/{digest}".encode()).digest()[:8])


@lru_cache(maxsize=16)
def judge_of(lab: str, name: str, secret: int) -> Any:
    """Return the judge of an exercise; its inputs depend on a secret."""
    digest = hashlib.sha256(f"{secret}/{lab}/{name}".encode()).digest()
    return exercises(lab)[name].judge(int.from_bytes(digest[:4]))


@dataclass(frozen=True)
class GradingRun:
    """What is the same for every submission of a run.

    `experiments`: also run the lab's experiment, which affects no mark, and keep what it measured.
    """

    lab: Lab
    harness: Path
    level: str
    secret: int = field(repr=False)
    limits: Limits = DEFAULT
    experiments: bool = False

    @property
    def exercises(self) -> Mapping[str, Any]:
        return exercises(self.lab.name[:5])

    def judge(self, name: str) -> Any:
        return judge_of(self.lab.name[:5], name, self.secret)

    def of_content(self, digest: str) -> "GradingRun":
        """Return the same run with its secret for one content."""
        return replace(self, secret=of_content(self.secret, digest))


def grade(run: GradingRun, submission: Submission) -> Graded:
    """Grade a submission. Always returns a result: a student's error gives a mark without points, a
    grader's error gives no mark.

    Raises:
        AdaptLabError: if an exercise of the lab has no check.
    """
    began = time.monotonic()
    lab = run.lab
    missing = set(lab.points) - set(run.exercises)
    if missing:
        raise AdaptLabError(
            f"{lab.name} has no check for {', '.join(sorted(missing))}. Add one as described in"
            " solutions/README.md."
        )
    result = Graded(submission.student, lab.name, submission.digest, run.level, [])
    run = run.of_content(submission.digest)
    try:
        if submission.fault:
            raise Invalid(submission.fault)
        cells = rebuild(lab, read_cells_apart(submission.content))
    except Invalid as error:
        status, got = ("needs a person", None) if submission.unclear else ("invalid", 0)
        every = (lab.points | lab.by_hand).items()
        result.marks = [Mark(name, status, got, points, str(error)) for name, points in every]
        return result
    result.answers = answers_of(lab, cells)
    files = [name for name in lab.points if issubclass(run.exercises[name], Artefact)]
    code = code_to_run(lab, cells, run.experiments, files)
    asked = [name for name in lab.points if name not in files]
    _Attempt(run, code, checks_behind(cells, code), asked, result).finish()
    for name in files:
        written = result.answers.get(name) not in (
            None,
            *(cell.source for cell in lab.cells if cell.name == name),
        )
        result.marks.append(_of_file(run, name, submission, written, result))
    order = list(lab.points)
    result.marks.sort(key=lambda mark: order.index(mark.exercise))
    result.marks += [_by_hand(lab, name, result) for name in lab.by_hand]
    result.seconds = time.monotonic() - began
    return result


def _by_hand(lab: Lab, name: str, result: Graded) -> Mark:
    """Return the mark of a manually graded answer. An answer that is not written needs no manual
    grading.
    """
    of = lab.by_hand[name]
    handed_out = next(cell.source for cell in lab.cells if cell.name == name)
    answer = result.answers.get(name, "").strip()
    if answer in ("", handed_out.strip()):
        return Mark(name, "student error", 0, of, "Nothing is written here yet.", "blank")
    return Mark(name, "needs a person", None, of, "This answer is graded manually.")


def _of_file(
    run: GradingRun, name: str, submission: Submission, written: bool, result: Graded
) -> Mark:
    """Return the mark of an exercise whose answer is a submitted file.

    `written`: whether the student changed the cell that makes the file.
    """
    judge = run.judge(name)
    of = run.lab.points[name]
    file = next((file for file in submission.beside if file.name == judge.exercise.file), None)
    if file is None:
        sentence = (
            f"{judge.exercise.file} is missing. Submit it together with the notebook: as two files,"
            " or in one zip."
        )
        return Mark(
            name,
            "student error",
            0,
            of,
            sentence if written else "Nothing is written here yet.",
            "" if written else "blank",
        )
    if file.fault:
        return Mark(name, "invalid", 0, of, file.fault)
    verdict, peak_bytes = measure(judge, file.content, run.harness, run.level, run.limits)
    result.peak_bytes = max(result.peak_bytes, peak_bytes)
    points = (
        None
        if verdict.status in ("grader error", "needs a person")
        else of
        if verdict.status == "pass"
        else 0
    )
    return Mark(name, verdict.status, points, of, verdict.sentence, verdict.misconception)


class _Attempt:
    """The sandboxes of one submission. A cell or call that ends a sandbox costs only its own
    exercise; the others continue in a new sandbox.
    """

    def __init__(
        self,
        run: GradingRun,
        code: Sequence[Cell],
        checks: Mapping[Cell, Sequence[str]],
        asked: Sequence[str],
        result: Graded,
    ):
        self.run = run
        self.lab = run.lab
        self.result = result
        self.code = list(code)
        self.checks = checks
        self.errors: dict[Cell, str] = {}
        self.doing: Any = None  # a cell, or the name of an exercise
        self.doubtful: dict[str, tuple] = {}
        self.left = list(asked)
        self.slow: set = set()
        self.killed: set = set()
        self.ours = {cell.id for cell in run.lab.cells}

    def finish(self) -> None:
        """Give every exercise its mark."""
        until = time.monotonic() + self.run.limits.whole_seconds
        self._ask_at_the_end(until)
        if self.doubtful:
            with contextlib.suppress(BoxError):  # the first verdict remains
                self._ask_in_place(until - time.monotonic())
        for name, mark in self.doubtful.items():
            self._mark(name, *mark)
        if any(mark.status != "pass" for mark in self.result.marks):
            self._tell_errors()

    def _ask_at_the_end(self, until: float) -> None:
        """Call the answers after the whole notebook has run, until every exercise has a verdict.

        Each sandbox that ends early removes a cell or an exercise from the list, or uses up a
        second attempt. So the loop ends.
        """
        failed_starts = 0
        while self.left:
            left_seconds = until - time.monotonic()
            if left_seconds <= 0:
                self._mark_all(
                    "timeout", 0, f"{OUT_OF_TIME} {self.run.limits.whole_seconds:.0f} seconds."
                )
                return
            try:
                box = Box(self.run.harness, self.run.level, self._limits(left_seconds))
                try:
                    with box:
                        self._run_cells(box)
                        self._ask(box)
                finally:
                    self.result.peak_bytes = max(self.result.peak_bytes, box.peak_bytes)
            except BoxError as error:
                if error.status == "grader error":
                    failed_starts += 1
                    if failed_starts > 1:
                        self._mark_all(
                            "grader error",
                            None,
                            f"The grader could not run the notebook: {error}. This is not your"
                            " fault.",
                        )
                else:
                    self._blame(error)

    def _limits(self, left_seconds: float) -> Limits:
        times = SECOND_TRY if self.slow else 1
        limits = self.run.limits
        total = min(times * limits.total_seconds, left_seconds)
        return replace(limits, step_seconds=times * limits.step_seconds, total_seconds=total)

    def _run_cells(self, box: Box) -> None:
        """Run the cells, and keep the error of each cell that fails."""
        self.errors = {}
        for cell in self.code:
            self.doing = cell
            if error := box.run(cell.source):
                self.errors[cell] = error
        self.doing = None

    def _ask(self, box: Box) -> None:
        """Call and judge the answers that have no mark yet."""
        said = read_texts(box.read(SHOWN), SHOWN)
        self.result.prediction, self.result.measured = (said[name] for name in SHOWN)
        self.result.errors = {cell.told: error for cell, error in self.errors.items()}
        called: dict[str, tuple] = {}
        try:
            for name in list(self.left):
                self.doing = name
                judge = self.run.judge(name)
                answers = box.call(judge.exercise.probe_name(), name, judge.inputs)
                called[name] = judge, answers
                if sum(len(one) for _, given in called.values() for one in given) > MOST_HELD:
                    self._judge(called)
        finally:  # also where a later answer ends the sandbox
            self._judge(called)
        self.doing = None

    def _judge(self, called: dict[str, tuple]) -> None:
        """Judge and forget the answers that were called."""
        verdicts = judged_together(list(called.values())) if called else []
        for name, found in zip(list(called), verdicts):
            del called[name]
            mark = self._judged(name, found)
            self.left.remove(name)
            if mark[0] in ("wrong", "student error") and not mark[-1]:
                self.doubtful[name] = mark
            else:
                self._mark(name, *mark)

    def _ask_in_place(self, left_seconds: float) -> None:
        """Call answers that failed at the end once more right after their checks' cells, as the
        student did.

        A later cell may have redefined the name of a helper or of a Python builtin.
        """
        with Box(self.run.harness, self.run.level, self._limits(left_seconds)) as box:
            for cell in self.code:
                box.run(cell.source)
                for name in self.checks.get(cell, ()):
                    if name in self.doubtful:
                        judge = self.run.judge(name)
                        verdict = judged(
                            judge, box.call(judge.exercise.probe_name(), name, judge.inputs)
                        ).verdict
                        if verdict.status == "pass":
                            self.doubtful[name] = (
                                "pass",
                                self.lab.points[name],
                                verdict.sentence,
                                "",
                            )

    def _tell_errors(self) -> None:
        """Note the failed cells that no mark mentions: a missing answer may depend on them."""
        for cell, error in self.errors.items():
            if cell.name not in self.lab.points and cell.id not in self.ours:
                self.result.notes.append(f"The cell {cell.told} raises {error}")

    def _judged(self, name: str, given: Judged) -> tuple:
        """Return the mark of an answer by its verdict. An answer can be correct although its cell
        fails later on.
        """
        verdict = given.verdict
        if verdict.status == "grader error":
            return verdict.status, None, verdict.sentence, ""
        if verdict.status == "pass":
            return "pass", self.lab.points[name], verdict.sentence, ""
        errors = [error for cell, error in self.errors.items() if cell.name == name]
        if given.is_missing and errors:
            if errors[0].startswith("NotImplementedError"):
                return "student error", 0, "Nothing is written here yet.", "blank"
            return "student error", 0, f"The cell raises {errors[0]}", ""
        return verdict.status, 0, verdict.sentence, verdict.misconception

    def _blame(self, error: BoxError) -> None:
        """Give the mark to the cell or exercise that was running when the sandbox ended.

        After a first timeout, and after a first kill, it gets a second attempt; after a timeout,
        with more time.
        """
        what = self.doing
        if error.killed and what not in self.killed:
            self.killed.add(what)
            return
        if error.status == "timeout" and what not in self.slow:
            self.slow.add(what)
            # The cause may be what a failed cell of the student's own has left behind.
            if not isinstance(what, Cell):
                self.code = [
                    cell
                    for cell in self.code
                    if cell.name or cell.id in self.ours or cell not in self.errors
                ]
            return
        sentence = f"{str(error)[0].upper()}{str(error)[1:]}."
        if isinstance(what, Cell):
            self.code = [cell for cell in self.code if cell is not what]
            self.result.notes.append(f"The grader left out the cell {what.told}: {error}.")
            if what.name in self.left:
                self._mark_left(what.name, error.status, 0, sentence)
        elif what in self.left:
            self._mark_left(what, error.status, 0, sentence)
        else:
            self._mark_all(error.status, 0, sentence)

    def _mark_left(self, name: str, status: str, points: float | None, sentence: str) -> None:
        self.left.remove(name)
        self._mark(name, status, points, sentence)

    def _mark(
        self, name: str, status: str, points: float | None, sentence: str, misconception: str = ""
    ) -> None:
        self.result.marks.append(
            Mark(name, status, points, self.lab.points[name], sentence, misconception)
        )

    def _mark_all(self, status: str, points: float | None, sentence: str) -> None:
        for name in list(self.left):
            self._mark_left(name, status, points, sentence)
