"""A sheet: one student's marks for a lab, with the late penalty and the student's requests."""

import math
from dataclasses import dataclass, field
from datetime import datetime

from adaptlab.grading.grade import Mark
from adaptlab.grading.submissions.naming import Owner


@dataclass(frozen=True)
class Policy:
    """The deadline of a lab in UTC, and the late penalty: percent of the points for each started
    day after the free days.
    """

    due: str = ""
    free_days: int = 0
    percent_a_day: float = 0

    def days_late(self, received: str, late: bool | None = None) -> int:
        """Return the number of started days after the deadline; 0 without a deadline.

        `late`: whether the platform marks the submission as late. Then it counts as 1 day, because
        such a platform gives no times.
        """
        if not self.due or not received:
            return 0
        if late is not None:
            return int(late)
        seconds = (
            datetime.fromisoformat(received) - datetime.fromisoformat(self.due)
        ).total_seconds()
        return max(0, math.ceil(seconds / 86400))

    def factor(self, received: str, late: bool | None = None) -> float:
        """Return the factor on the points, from 0 to 1."""
        paid_days = max(0, self.days_late(received, late) - self.free_days)
        return max(0.0, 1 - self.percent_a_day / 100 * paid_days)


@dataclass(frozen=True)
class Request:
    """A student's request for a second look at an exercise, and the instructor's answer: a mark, or
    `points` None if they declined. Times are in UTC.
    """

    exercise: str
    at: str
    reason: str
    answered: str
    points: float | None
    answer: str
    author: str


@dataclass
class Sheet:
    """A student's current marks for a lab: those of the latest grading, replaced by manual marks
    where there are any.
    """

    student: str
    lab: str
    received: str
    source: str
    level: str
    marks: list[Mark]
    prediction: str = ""
    notes: list[str] = field(default_factory=list)
    answers: dict[str, str] = field(default_factory=dict)
    manual: dict[str, tuple[float, str, str]] = field(default_factory=dict)
    # The reasons of all manual marks, including earlier ones.
    reasons: dict[str, list[str]] = field(default_factory=dict)
    days_late: int = 0
    factor: float = 1
    automatic: dict[str, float | None] = field(
        default_factory=dict
    )  # the grader's marks, without manual marks
    requests: list[Request] = field(default_factory=list)
    # Exercises with a manual mark that is older than this submission.
    outdated: list[str] = field(default_factory=list)
    owner: Owner = Owner("")

    @property
    def points(self) -> float:
        """The student's points after the late penalty; exercises without a mark count 0."""
        return round(self.factor * sum(mark.points or 0 for mark in self.marks), 4)

    @property
    def of(self) -> float:
        """The maximum number of points."""
        return sum(mark.of for mark in self.marks)

    @property
    def waiting(self) -> list[str]:
        """The exercises without a mark: they need manual grading, or the grader failed."""
        return [mark.exercise for mark in self.marks if mark.points is None]

    @property
    def open_requests(self) -> list[Request]:
        """The requests that are not answered yet."""
        return [request for request in self.requests if not request.answered]
