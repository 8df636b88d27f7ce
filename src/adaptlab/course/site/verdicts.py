"""Marks of the verdicts: a reader needs no colour to tell them apart."""

from adaptlab.evals.claims import VERDICTS

MARKS = dict(zip(VERDICTS, "✓≈✗?–", strict=True))
