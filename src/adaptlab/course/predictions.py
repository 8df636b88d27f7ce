"""Predictions: stored before a result is shown, and compared with the measurement at the end of a
lesson.
"""

import html
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from adaptlab.course.kept_predictions import keep, read_kept
from adaptlab.course.lesson_usage import peaks
from adaptlab.errors import AdaptLabError
from adaptlab.evals.claims import claim, claims
from adaptlab.evals.ledger import RECORDED
from adaptlab.studies.real_models.recorded import recorded_outcomes

if TYPE_CHECKING:
    from adaptlab.evals.statistics import Estimate  # which imports scipy

DONE_MIME = "application/vnd.adaptlab.done+json"


@dataclass
class Prediction:
    """The student's prediction. `choice` is None until something is chosen; setting it in code is
    the same as a click.

    `effect` is the effect of a lesson's own question; a question on a claim takes it from the
    claim's rule.
    """

    id: str
    question: str
    options: tuple[str, ...]
    choice: str | None = None
    effect: str = ""

    def choose(self, option: str | int) -> None:
        """Choose by text or by number, from 1."""
        if isinstance(option, int) and 1 <= option <= len(self.options):
            option = self.options[option - 1]
        if option not in self.options:
            raise AdaptLabError(
                f"{option!r} is not an option of {self.id}. Choose one of:"
                f" {'; '.join(self.options)}."
            )
        self.choice = option
        if _has_browser():
            keep(Path.cwd(), self.id, question=self.question, choice=option)

    def __repr__(self) -> str:
        lines = [f"Predict ({self.id}): {self.question}"] + [
            f"  {i}. {option}" for i, option in enumerate(self.options, 1)
        ]
        return "\n".join(
            [*lines, f"Your prediction: {self.choice or 'none yet; choose with .choose(number)'}"]
        )

    def _ipython_display_(self) -> None:
        from IPython.display import display

        # One output: a front end that shows widgets takes the buttons, any other the text.
        widget = self._widget()._repr_mimebundle_() if _has_browser() else {}
        display(widget | {"text/plain": repr(self)}, raw=True)

    def _widget(self):
        import ipywidgets

        question = ipywidgets.HTML(f"<b>Predict ({self.id}):</b> {html.escape(self.question)}")
        buttons = ipywidgets.RadioButtons(
            options=self.options, value=self.choice, layout={"width": "max-content"}
        )
        buttons.observe(lambda change: self.choose(change["new"]), names="value")
        return ipywidgets.VBox([question, buttons])


def _has_browser() -> bool:
    """Whether a user can click. papermill and nbval set an environment variable while they
    execute.
    """
    import os

    return "ADAPTLAB_UNATTENDED" not in os.environ and "PYTEST_CURRENT_TEST" not in os.environ


PREDICTIONS: dict[str, Prediction] = {}
ANSWERS: "dict[str, Estimate]" = {}  # to the questions that are a lesson's own
OUTCOMES: dict[str, str] = {}  # in the words of the question


def predict(claim_id: str, question: str, options: Sequence[str], effect: str = "") -> Prediction:
    """Ask for a prediction about a claim; make it the last line of a cell. A second call keeps the
    choice.

    With an `effect`, the question is the lesson's own: its id is not in the ledger, and `answer`
    gives the measurement.
    """
    if not effect:
        claim(claim_id)
    elif claim_id in claims():
        raise AdaptLabError(
            f"{claim_id} is a claim of the ledger. Give your own question another id."
        )
    if not question.strip() or len(set(options)) < len(options):
        says = f"The prediction on {claim_id} has no question, or has an option twice"
        raise AdaptLabError(f"{says}. Give a question, and each option once.")
    if len(options) < 2:
        raise AdaptLabError(
            f"The prediction on {claim_id} has fewer than two options. Give at least two options."
        )
    old = PREDICTIONS.get(claim_id)
    chosen = old.choice if old else _chosen_before(claim_id)
    kept = chosen if chosen in options else None
    PREDICTIONS[claim_id] = Prediction(claim_id, question, tuple(options), kept, effect)
    return PREDICTIONS[claim_id]


def _chosen_before(question_id: str) -> str | None:
    """Return the student's choice before the kernel was restarted."""
    if not _has_browser():
        return None
    try:
        kept = read_kept(Path.cwd())
    except AdaptLabError as error:
        warnings.warn(str(error), stacklevel=3)
        return None
    return kept[question_id].choice if question_id in kept else None


def answer(question_id: str, found: "Estimate") -> "Estimate":
    """Keep the measurement for a lesson's own question, for the closing cell, and return it."""
    if question_id not in PREDICTIONS or not PREDICTIONS[question_id].effect:
        raise AdaptLabError(
            f"There is no question {question_id!r} with an effect of its own. Ask it with"
            " predict(..., effect=...), or use record for a claim."
        )
    ANSWERS[question_id] = found
    return found


def report_outcome(question_id: str, outcome: str) -> None:
    """Report the result in the words of a question, for the closing cell.

    The effect that decides a claim may differ from the question.
    """
    if question_id not in PREDICTIONS:
        raise AdaptLabError(
            f"There is no question {question_id!r} for this outcome. Ask it with predict first."
        )
    OUTCOMES[question_id] = outcome


class Closing:
    """The last cell of a lesson: predictions next to measurements, and the mark that the lesson ran
    to its end.
    """

    def _rows(self) -> list[tuple[str, ...]]:
        ids = list(dict.fromkeys([*PREDICTIONS, *RECORDED]))
        rows: list[tuple[str, ...]] = []
        for key in ids:
            found = RECORDED.get(key) or ANSWERS.get(key)
            guess = PREDICTIONS.get(key)
            measured = (
                f"{found.value:.3f} [{found.low:.3f}, {found.high:.3f}], n = {found.n}"
                if found
                else "not recorded in this lesson"
            )
            question = f"{key} {guess.question}" if guess else key
            effect = guess.effect if guess and guess.effect else claim(key).rule.effect
            predicted = (guess.choice if guess else None) or "no prediction"
            rows.append(
                (
                    question,
                    predicted,
                    OUTCOMES.get(key, ""),
                    effect,
                    measured,
                    getattr(found, "verdict", ""),
                )
            )
        return rows

    def _repr_mimebundle_(self, include=None, exclude=None) -> dict:
        rows = self._rows()
        head: tuple[str, ...] = (
            "question",
            "your prediction",
            "it came out",
            "effect that decides the claim",
            "measured",
            "verdict",
        )
        if not any(row[-1] for row in rows) and ANSWERS:  # a lesson without claims
            head = (*head[:3], "effect", "measured")
            rows = [row[:-1] for row in rows]
        if not OUTCOMES:
            head = (*head[:2], *head[3:])
            rows = [(*row[:2], *row[3:]) for row in rows]
        cells = [
            "".join(f"<td style='text-align:left'>{html.escape(value)}</td>" for value in row)
            for row in rows
        ]
        top = "".join(f"<th>{name}</th>" for name in head)
        body = "".join(f"<tr>{row}</tr>" for row in cells)
        table = f"<table><tr>{top}</tr>{body}</table>"
        text = "\n".join(" | ".join(row) for row in [head, *rows])
        if lines := on_real_models(list(RECORDED)):
            table += "<p>On real models:</p><ul>"
            table += "".join(f"<li>{html.escape(line)}</li>" for line in lines) + "</ul>"
            text += "\n\nOn real models:\n" + "\n".join(lines)
        predicted = {key for key, guess in PREDICTIONS.items() if not guess.effect}
        return {
            "text/plain": text,
            "text/html": table,
            DONE_MIME: (
                {"claims": sorted(RECORDED), "halved": sorted(predicted ^ set(RECORDED))} | peaks()
            ),
        }


def on_real_models(ids: Sequence[str]) -> list[str]:
    """Return a line for each recorded outcome of these claims on a genuine language model."""
    return [
        f"{found.id} on {found.model.partition(':')[2]}: {found.verdict},"
        f" {found.value:.3f} [{found.low:.3f}, {found.high:.3f}], n = {found.n}"
        for found in recorded_outcomes()
        if found.id in ids
    ]


def close_lesson() -> Closing:
    """Make this the last line of the last cell; the runner requires it."""
    if _has_browser():
        for key, guess in PREDICTIONS.items():
            found = RECORDED.get(key)
            came_out = OUTCOMES.get(key, "") or (f"{found.value:.3f}" if found else "")
            verdict = found.verdict if found else ""
            about = {"question": guess.question, "choice": guess.choice or ""}
            keep(Path.cwd(), key, **about, outcome=came_out, verdict=verdict)
    return Closing()
