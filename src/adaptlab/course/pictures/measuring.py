"""Pictures of evaluation: a gate, an interval, and the table of a paired test."""

from math import comb

from adaptlab.course.pictures.sketch import (
    BLACK,
    EXTRA,
    GREY,
    PROMPT,
    SMALL,
    STORE,
    WEIGHTS,
    Point,
    Sheet,
)
from adaptlab.plots import Figure


def gate() -> Figure:
    """Draw a release gate: a candidate passes the base suite and the suite of the new task."""
    sheet = Sheet(40)
    candidate = sheet.box(10, 20, 16, 9, "candidate\nmodel", WEIGHTS, solid=True, bold=True)
    base = sheet.box(37, 30, 25, 9, "base suite:\nis an old skill lost?", PROMPT)
    new = sheet.box(37, 10, 25, 9, "new-task suite:\nis the new skill there?", STORE)
    decision = sheet.box(66, 20, 17, 13, "gate:\nboth hold,\nwith intervals?", GREY, bold=True)
    release = sheet.box(91, 30, 14, 9, "release", STORE, solid=True, bold=True)
    reject = sheet.box(91, 10, 14, 9, "reject", EXTRA, solid=True, bold=True)
    sheet.arrow(candidate.top, (10, 30), base.left)
    sheet.arrow(candidate.bottom, (10, 10), new.left)
    sheet.arrow(base.right, (66, 30), decision.top, colour=PROMPT)
    sheet.arrow(new.right, (66, 10), decision.bottom, colour=STORE)
    sheet.arrow((74.5, 22), (79.5, 22), (79.5, 30), release.left, colour=STORE)
    sheet.arrow((74.5, 18), (79.5, 18), (79.5, 10), reject.left, colour=EXTRA)
    sheet.text(77, 26, "yes", STORE, SMALL)
    sheet.text(77, 14, "no", EXTRA, SMALL)
    return sheet.figure(
        "A candidate model runs on two suites of tests. The base suite asks whether an old skill is"
        " lost, and the new-task suite asks whether the new skill is there.",
        "A gate compares both results with their limits, intervals included. If both hold, the"
        " model is released, otherwise it is rejected.",
    )


def interval(
    value: float = 0.78,
    low: float = 0.70,
    high: float = 0.84,
    overlapping: tuple[float, float, float] = (0.85, 0.78, 0.90),
    apart: tuple[float, float, float] = (0.56, 0.48, 0.64),
) -> Figure:
    """Draw how to read an estimate with its 95% interval, next to two other estimates.

    `overlapping` and `apart`: value, low and high of an estimate whose interval overlaps the
    first one, and of an estimate whose interval does not.

    Raises:
        ValueError: If an interval does not contain its value, or overlaps against its name.
    """
    for middle, lower, upper in ((value, low, high), overlapping, apart):
        if not lower <= middle <= upper or lower == upper:
            raise ValueError(
                f"{middle} is not inside of {lower} to {upper}. Give value, low, high."
            )
    if not _overlap((low, high), overlapping[1:]) or _overlap((low, high), apart[1:]):
        raise ValueError("`overlapping` or `apart` is named wrongly. Give intervals that fit.")
    least = min(low, overlapping[1], apart[1])
    most = max(high, overlapping[2], apart[2])

    def place(score: float) -> float:
        return 16 + 56 * (score - least) / (most - least)

    sheet = Sheet(44)
    rows = (
        (33, "A", (value, low, high), PROMPT, ""),
        (19, "B", overlapping, GREY, "B and A overlap:\nundecided; run a\npaired test"),
        (
            7,
            "C",
            apart,
            WEIGHTS,
            "C and A are apart:\nthe difference is\nlarger than chance\nexplains",
        ),
    )
    for y, name, (middle, lower, upper), colour, verdict in rows:
        sheet.line((place(lower), y), (place(upper), y), colour=colour, width=2.5)
        for end in (lower, upper):
            sheet.line((place(end), y - 1.4), (place(end), y + 1.4), colour=colour, width=2.5)
        sheet.dot(place(middle), y, colour, 12)
        sheet.text(8, y, f"system {name}", colour, bold=True)
        sheet.text(76, y, verdict, colour, SMALL, across="left")
    for end in (low, high):
        sheet.line((place(end), 3), (place(end), 31), colour=PROMPT, dashed=True, width=0.8)
    sheet.text(place(value), 37, f"estimate {value:.2f}", PROMPT, bold=True)
    sheet.text(place(low), 29.0 + 11, f"low {low:.2f}", PROMPT)
    sheet.text(place(high), 29.0 + 11, f"high {high:.2f}", PROMPT)
    sheet.text(
        76,
        33,
        "95% of intervals made\nthis way contain\nthe true score",
        BLACK,
        SMALL,
        across="left",
    )
    return sheet.figure(
        f"The estimate of system A is {value:.2f}, with a 95% interval from {low:.2f} to"
        f" {high:.2f}. In the long run, 95% of intervals made this way contain the true score.",
        f"The interval of system B, {overlapping[1]:.2f} to {overlapping[2]:.2f}, overlaps it, so"
        " the order is undecided and a paired test is needed.",
        f"The interval of system C, {apart[1]:.2f} to {apart[2]:.2f}, does not overlap it, so the"
        " difference is larger than chance explains.",
    )


def _overlap(first: Point, second: Point) -> bool:
    return first[0] <= second[1] and second[0] <= first[1]


def paired_cases(both: int = 41, only_a: int = 9, only_b: int = 2, neither: int = 28) -> Figure:
    """Draw the 2 x 2 table of McNemar's test: counts of cases that A and B get right or wrong."""
    differ, fewer = only_a + only_b, min(only_a, only_b)
    tail = sum(comb(differ, k) for k in range(fewer + 1)) / 2**differ
    p_value = min(1.0, 2 * tail)
    sheet = Sheet(44)
    sheet.text(31, 42, "B correct", GREY, bold=True)
    sheet.text(53, 42, "B wrong", GREY, bold=True)
    sheet.text(10, 32, "A correct", GREY, bold=True)
    sheet.text(10, 15, "A wrong", GREY, bold=True)
    sheet.box(31, 32, 20, 15, f"{both}\nno difference", GREY)
    sheet.box(53, 32, 20, 15, f"{only_a}\nonly A correct", PROMPT, solid=True, bold=True)
    sheet.box(31, 15, 20, 15, f"{only_b}\nonly B correct", WEIGHTS, solid=True, bold=True)
    sheet.box(53, 15, 20, 15, f"{neither}\nno difference", GREY)
    sheet.text(83, 33, "McNemar's test uses\nonly the coloured cells:", BLACK)
    sheet.text(83, 25, f"{only_a} against {only_b}", BLACK, 13, bold=True)
    sheet.text(
        83, 17, f"exact p = {p_value:.3f}\n(two-sided, fair coin\nfor {differ} cases)", BLACK
    )
    sheet.text(42, 3.5, "The grey cells do not show which system is better.", GREY, SMALL)
    return sheet.figure(
        "A table of 2 rows and 2 columns counts the cases by whether A and B are correct."
        f" Both are correct in {both} cases and both are wrong in {neither}. These cells are grey.",
        f"Only A is correct in {only_a} cases and only B in {only_b}. These two cells are coloured,"
        f" and McNemar's exact test uses only them (p = {p_value:.3f}).",
    )
