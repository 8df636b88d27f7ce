"""The marks that a folder holds, and the pages that are written of them."""

from pathlib import Path

from adaptlab.errors import AdaptLabError


def kept_marks(lab: str, out: Path, folder: Path) -> tuple:
    """Return the ledger in a folder, and the sheets of a lab in it.

    Raises:
        AdaptLabError: if they are missing.
    """
    from adaptlab.grading.batch import read_lab_named
    from adaptlab.grading.records.marks import Ledger

    name = read_lab_named(folder, lab)[0].name
    ledger = Ledger(out / "marks.db")
    if not ledger.path.exists() or not (sheets := ledger.sheets(name)):
        raise AdaptLabError(
            f"{out} holds no marks for {name}. Run: adaptlab grade SUBMISSIONS --lab {lab} --out"
            f" {out}"
        )
    return ledger, sheets


def write_pages(ledger, lab: str, out: Path) -> None:
    """Update the feedback pages after a manual mark or an answer to a request."""
    from adaptlab.grading.records.feedback import write_feedback

    write_feedback(ledger.sheets(lab), out / "feedback", ledger.last_measured(lab))
