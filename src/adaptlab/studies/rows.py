"""Select and pool the recorded rows of a study."""

from collections.abc import Sequence

from adaptlab.evals.estimate import Estimate
from adaptlab.evals.statistics import proportion


def rows_of(rows: Sequence[dict], **setting) -> list[dict]:
    """Return the rows with this setting, such as `method="LoRA", n=300`."""
    return [row for row in rows if setting.items() <= row.items()]


def hits(rows: Sequence[dict], count: str = "right", of: str = "of", **setting) -> list[bool]:
    """Return the cases of all seeds of one setting: True for each correct one.

    `count` and `of` name the fields with the number of correct cases and of all cases.
    """
    found = rows_of(rows, **setting)
    n_right = sum(row[count] for row in found)
    return [True] * n_right + [False] * (sum(row[of] for row in found) - n_right)


def pooled(rows: Sequence[dict], count: str = "right", of: str = "of", **setting) -> Estimate:
    """Return the proportion of correct cases over all seeds of one setting."""
    return proportion(hits(rows, count, of, **setting))
