"""A box for the student's answer to an Explain question."""

from pathlib import Path

from adaptlab.course import browser
from adaptlab.course.kept_predictions import keep, kept_row


class Explanation:
    """A text box; what is written there is kept next to the notebook, and is there again after a
    restart.
    """

    def __init__(self, question_id: str):
        self.question_id = question_id
        row = kept_row(Path.cwd(), question_id) if browser.is_attended() else None
        self.text = row.explanation if row else ""

    def write(self, text: str) -> None:
        """Keep the explanation; the same as typing it into the box."""
        self.text = text
        if browser.is_attended():
            keep(Path.cwd(), self.question_id, explanation=text)

    def __repr__(self) -> str:
        return f"Your explanation ({self.question_id}): {self.text or 'none yet'}"

    def _ipython_display_(self) -> None:
        from IPython.display import display

        widget = browser.mimebundle(self._widget()) if browser.is_attended() else {}
        display(widget | {"text/plain": repr(self)}, raw=True)

    def _widget(self):
        import ipywidgets

        box = ipywidgets.Textarea(
            value=self.text,
            placeholder=f"Your explanation ({self.question_id}), in one or two sentences",
            layout={"width": "100%", "height": "5em"},
            continuous_update=False,
        )
        box.observe(lambda change: self.write(change["new"]), names="value")
        return box


def explain(question_id: str) -> Explanation:
    """Show a box for an explanation; make it the last line of a cell, above the folded one."""
    return Explanation(question_id)
