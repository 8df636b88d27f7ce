"""Measuring: intervals, paired comparisons, and the ledger of claims."""
