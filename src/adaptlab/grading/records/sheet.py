"""A sheet: one student's marks for a lab, with what the deadline costs and what was asked."""

import math
from dataclasses import dataclass, field
from datetime import datetime

from adaptlab.grading.grade import Mark
from adaptlab.grading.submissions.naming import Owner


@dataclass(frozen=True)
class Policy:
    """When a lab was due, in UTC, and what a day costs after the free ones: percent of the points
    for every day begun.
    """

    due: str = ""
    free_days: int = 0
    percent_a_day: float = 0

    def days_late(self, received: str, late: bool | None = None) -> int:
        """Days begun after the deadline; 0 without one.

        `late`: what the platform says of that. It counts as a day: with it come no times.
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
        """What is left of the points, from 1 to 0."""
        paid_days = max(0, self.days_late(received, late) - self.free_days)
        return max(0.0, 1 - self.percent_a_day / 100 * paid_days)


@dataclass(frozen=True)
class Request:
    """A student's wish for a second look at an exercise, and what a person answered: a mark, or no
    `points` where they declined. Times are UTC.
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
    """A student's present marks for a lab: those of the last grading, with what persons decided put
    over them.
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
    # Of all marks by hand, the earlier ones, too.
    reasons: dict[str, list[str]] = field(default_factory=dict)
    days_late: int = 0
    factor: float = 1
    automatic: dict[str, float | None] = field(default_factory=dict)  # what the grader alone gave
    requests: list[Request] = field(default_factory=list)
    # Exercises that a person marked before this submission came.
    outdated: list[str] = field(default_factory=list)
    owner: Owner = Owner("")

    @property
    def points(self) -> float:
        """What the student has, after what lateness costs; exercises that wait for somebody count
        nothing yet.
        """
        return round(self.factor * sum(mark.points or 0 for mark in self.marks), 4)

    @property
    def of(self) -> float:
        """What could be had."""
        return sum(mark.of for mark in self.marks)

    @property
    def waiting(self) -> list[str]:
        """Exercises without a mark: for a person, or because the grader failed."""
        return [mark.exercise for mark in self.marks if mark.points is None]

    @property
    def open_requests(self) -> list[Request]:
        """Requests that nobody has answered."""
        return [request for request in self.requests if not request.answered]
