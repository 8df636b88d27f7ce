"""Predictions: stored before a result is shown, and compared with the measurement at the end of a
lesson.
"""

import html
import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from adaptlab.course import browser
from adaptlab.course.kept_predictions import keep, kept_row
from adaptlab.course.lesson_usage import peaks
from adaptlab.errors import AdaptLabError
from adaptlab.evals.claims import claim, claims
from adaptlab.evals.estimate import Estimate
from adaptlab.evals.ledger import RECORDED
from adaptlab.studies.real_models.recorded import recorded_outcomes

DONE_MIME = "application/vnd.adaptlab.done+json"


@dataclass
class Prediction:
    """The student's prediction. `choice` is None until something is chosen; setting it in code is
    the same as a click.

    `effect` is the effect of a lesson's own question; a question on a claim takes it from the
    claim's rule. `bounds` has the upper bound of each option, in units of the effect, ascending;
    without bounds a prediction is not marked.
    """

    id: str
    question: str
    options: tuple[str, ...]
    choice: str | None = None
    effect: str = ""
    bounds: tuple[float, ...] = ()

    def option_of(self, value: float) -> str | None:
        """Return the option that contains a measured value; None if the options have no bounds."""
        pairs = zip(self.options, self.bounds)
        return next((option for option, bound in pairs if value < bound), None)

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
        if browser.is_attended():
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
        widget = browser.mimebundle(self._widget()) if browser.is_attended() else {}
        display(widget | {"text/plain": repr(self)}, raw=True)

    def _widget(self):
        import ipywidgets

        question = ipywidgets.HTML(f"<b>Predict ({self.id}):</b> {html.escape(self.question)}")
        buttons = ipywidgets.RadioButtons(
            options=self.options, value=self.choice, layout={"width": "max-content"}
        )
        buttons.observe(lambda change: self.choose(change["new"]), names="value")
        return ipywidgets.VBox([question, buttons])


PREDICTIONS: dict[str, Prediction] = {}
ANSWERS: "dict[str, Estimate]" = {}  # to the questions that are a lesson's own
OUTCOMES: dict[str, str] = {}  # in the words of the question


def predict(
    claim_id: str,
    question: str,
    options: Sequence[str] | Mapping[str, float],
    effect: str = "",
) -> Prediction:
    """Ask for a prediction about a claim; make it the last line of a cell. A second call keeps the
    choice.

    Options with their upper bounds, `{option: bound}`, are marked: the correct option is the first
    whose bound is above the recorded effect, and the last bound is `math.inf`. With an `effect`,
    the question is the lesson's own: its id is not in the ledger, and `answer` gives the
    measurement.
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
    bounds = tuple(options.values()) if isinstance(options, Mapping) else ()
    ascending = all(low < high for low, high in itertools.pairwise(bounds))
    if bounds and (not ascending or bounds[-1] != math.inf):
        raise AdaptLabError(
            f"The bounds of the prediction on {claim_id} are not ascending up to math.inf."
            " Give each option its upper bound."
        )
    old = PREDICTIONS.get(claim_id)
    chosen = old.choice if old else _chosen_before(claim_id)
    kept = chosen if chosen in options else None
    PREDICTIONS[claim_id] = Prediction(claim_id, question, tuple(options), kept, effect, bounds)
    return PREDICTIONS[claim_id]


def _chosen_before(question_id: str) -> str | None:
    """Return the student's choice before the kernel was restarted."""
    row = kept_row(Path.cwd(), question_id) if browser.is_attended() else None
    return row.choice if row else None


def answer(question_id: str, found: Estimate) -> Estimate:
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


@dataclass
class Marked:
    """A question at the end of a lesson: what was predicted, and what came out.

    `is_correct` is None if nothing was predicted, nothing was measured, or the options have no
    bounds.
    """

    question: str
    predicted: str
    came_out: str
    is_correct: bool | None
    effect: str
    measured: str
    verdict: str

    @property
    def mark(self) -> str:
        return {True: "✓", False: "✗", None: ""}[self.is_correct]


def _marked(key: str) -> Marked:
    found = RECORDED.get(key) or ANSWERS.get(key)
    guess = PREDICTIONS.get(key)
    option = guess.option_of(found.value) if guess and found else None
    is_correct = guess.choice == option if guess and guess.choice and option else None
    return Marked(
        f"{key} {guess.question}" if guess else key,
        (guess.choice if guess else None) or "no prediction",
        ": ".join(filter(None, (option, OUTCOMES.get(key)))),
        is_correct,
        guess.effect if guess and guess.effect else claim(key).rule.effect,
        f"{found.value:.3f} [{found.low:.3f}, {found.high:.3f}], n = {found.n}"
        if found
        else "not recorded in this lesson",
        getattr(found, "verdict", ""),
    )


def _score(rows: Sequence[Marked]) -> str:
    marks = [row.is_correct for row in rows if row.is_correct is not None]
    return f"Your score: {sum(marks)} of {len(marks)} predictions are correct." if marks else ""


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    top = "".join(f"<th>{name}</th>" for name in head)
    body = ""
    for row in rows:
        cells = (f"<td style='text-align:left'>{html.escape(value)}</td>" for value in row)
        body += f"<tr>{''.join(cells)}</tr>"
    return f"<table><tr>{top}</tr>{body}</table>"


class Closing:
    """The last cell of a lesson: predictions next to measurements, and the mark that the lesson ran
    to its end.
    """

    HEAD = ("question", "your prediction", "outcome", "")
    DETAILS = ("question", "effect", "measured", "verdict")

    def _repr_mimebundle_(self, include=None, exclude=None) -> dict:
        rows = [_marked(key) for key in dict.fromkeys([*PREDICTIONS, *RECORDED])]
        short = [(row.question, row.predicted, row.came_out, row.mark) for row in rows]
        details = [(row.question, row.effect, row.measured, row.verdict) for row in rows]
        score = _score(rows)
        lines = on_real_models(list(RECORDED))
        listed = "".join(f"<li>{html.escape(line)}</li>" for line in lines)
        page = [
            _table(self.HEAD, short),
            f"<p>{score}</p>" if score else "",
            "<details><summary>Effects, intervals and verdicts</summary>",
            _table(self.DETAILS, details),
            "</details>",
            f"<p>On real models:</p><ul>{listed}</ul>" if lines else "",
        ]
        text = [" | ".join(row) for row in [self.HEAD, *short]]
        text += [score, "", *(" | ".join(row) for row in [self.DETAILS, *details])]
        text += ["", "On real models:", *lines] if lines else []
        predicted = {key for key, guess in PREDICTIONS.items() if not guess.effect}
        return {
            "text/plain": "\n".join(text),
            "text/html": "".join(page),
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
    if browser.is_attended():
        for key, guess in PREDICTIONS.items():
            row = _marked(key)
            keep(
                Path.cwd(),
                key,
                question=guess.question,
                choice=guess.choice or "",
                outcome=row.came_out or (row.measured if row.verdict else ""),
                verdict=row.verdict,
                mark=row.mark,
            )
    return Closing()
