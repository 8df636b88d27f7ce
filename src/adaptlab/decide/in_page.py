"""The decision as a page in the browser shows it: the fields of a form in, HTML out.

This module and all that it imports are pure Python. The site brings them as they are, and a Python
that runs in the browser executes them: the page and `adaptlab decide` compute the same.
"""

from collections.abc import Mapping
from html import escape
from math import log10
from typing import Any

from adaptlab.decide.advice import Advice, advise, headline
from adaptlab.decide.costs import Prices, Usage, curve
from adaptlab.decide.guides import GUIDES
from adaptlab.decide.need import Lever
from adaptlab.decide.task_bank import Condition, Described, Matrix, Measured
from adaptlab.errors import AdaptLabError
from adaptlab.evals.estimate import Estimate

# The numbers of the form: name, label, first value.
CONDITIONS = (
    ("n_queries", "Queries a day", 1000),
    ("n_updates", "Changes of facts a month", 0),
    ("n_examples", "Labelled examples that you have", 1000),
    ("least", "Accuracy that you require (0 to 1)", 0.8),
    ("budget", "Budget: money a month", 100),
)
PRICES = (
    ("prompt", "Money for a million prompt tokens", Prices().prompt),
    ("completion", "Money for a million reply tokens", Prices().completion),
    ("training", "Money for a million training tokens", Prices().training),
    ("tuned", "Price factor of a query to a fine-tuned model", Prices().tuned),
    ("hosting", "Money a month for hosting your own model", Prices().hosting),
    ("searching", "Money a month for a search index", Prices().searching),
)
QUERIES = tuple(10 ** (step / 2) for step in range(2, 15))  # a day: 10 to 10 million


def measurements(matrix: Matrix, described: Mapping[str, Described]) -> dict[str, Any]:
    """Return what was measured as plain values for JSON: tasks, levers, scores and usage."""
    made: dict[str, Any] = {}
    for task, about in described.items():
        levers = {}
        for lever, one in matrix[task].items():
            scores = {str(n): list(vars(found).values()) for n, found in one.scores.items()}
            levers[str(lever)] = {"scores": scores, "usage": list(vars(one.usage).values())}
        made[task] = {"described": list(vars(about).values()), "levers": levers}
    return made


def read_measurements(values: Mapping[str, Any]) -> tuple[Matrix, dict[str, Described]]:
    """Return the matrix and the tasks from the plain values of `measurements`."""
    matrix: dict[str, dict[Lever, Measured]] = {}
    for task, found in values.items():
        matrix[task] = {}
        for lever, one in found["levers"].items():
            scores = {int(n): Estimate(*score) for n, score in one["scores"].items()}
            matrix[task][Lever(lever)] = Measured(scores, Usage(*one["usage"]))
    described = {task: Described(*found["described"]) for task, found in values.items()}
    return matrix, described


def _number(text: str, label: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise AdaptLabError(f"{label} is {text!r}. Give a number.") from None


def answer(fields: Mapping[str, str], models: Mapping[str, Any], baselines: Mapping) -> str:
    """Return the answer to a filled form as HTML; bad input gives a sentence in place of it.

    `fields` has the texts of `model`, `like`, CONDITIONS and PRICES. `models` has the plain values
    of `measurements` by model, `baselines` [value, low, high, n] by task and number of examples.
    """
    try:
        numbers = {name: _number(fields[name], label) for name, label, _ in CONDITIONS}
        prices = Prices(**{name: _number(fields[name], label) for name, label, _ in PRICES})
        condition = Condition("yours", **dict[str, Any](numbers))
        matrix, described = read_measurements(models[fields["model"]])
        without_model = {
            task: {int(n): Estimate(*score) for n, score in found.items()}
            for task, found in baselines.items()
        }
        advice = advise(fields["like"], condition, matrix, described, prices, without_model)
    except AdaptLabError as error:
        return f'<p class="problem">{escape(str(error))}</p>'
    return "\n".join(
        (
            f"<h2>The answer: {escape(headline(advice))}</h2>",
            _table(advice, matrix[advice.case.task]),
            "<h3>What would change the answer</h3>",
            _turns(advice),
            "<h3>Cost by traffic</h3>",
            cost_curves(advice, matrix[advice.case.task], prices),
            "<h3>What the guides say about this case</h3>",
            _guides(advice),
        )
    )


def _table(advice: Advice, measured: Mapping[Lever, Measured]) -> str:
    case = advice.case
    rows = []
    if advice.without_model:
        name = f"no language model: {advice.baseline}"
        rows.append(_row(name, advice.without_model, 0.0, advice.needs_no_model))
    for lever in sorted(case.costs, key=lambda one: case.costs[one]):
        found = measured[lever].estimate(case.need.n_examples)
        assert found is not None  # a lever without an estimate has no cost either
        is_answer = lever == case.best and not advice.needs_no_model
        rows.append(_row(str(lever), found, case.costs[lever], is_answer))
    head = "".join(
        f'<th scope="col">{name}</th>'
        for name in ("lever", "accuracy", "95% interval, n", "money a month")
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"


def _row(name: str, found: Estimate, cost: float, is_answer: bool) -> str:
    shown = f"<strong>{name} (the answer)</strong>" if is_answer else name
    return (
        f'<tr><th scope="row">{shown}</th><td>{found.value:.2f}</td>'
        f"<td>{found.low:.2f} to {found.high:.2f}, {found.n}</td><td>{cost:,.2f}</td></tr>"
    )


def _turns(advice: Advice) -> str:
    if not advice.turns:
        return "<p>None of your numbers, one at a time.</p>"
    items = "".join(
        f"<li>{words} {_plain(value)}: <strong>{then}</strong></li>"
        for words, value, then in advice.turns
    )
    return f"<ul>{items}</ul>"


def _plain(value: float) -> str:
    return f"{value:,.0f}" if value == int(value) else f"{value:g}"


def _guides(advice: Advice) -> str:
    items = ""
    for name, lever in advice.guides.items():
        agrees = " (agrees)" if lever == advice.case.best else ""
        items += f"<li>Guide {name}: {lever}{agrees}. {escape(GUIDES[name].place)}</li>"
    return f"<ul>{items}</ul>"


WIDTH, HEIGHT = 640, 320
LEFT, RIGHT, TOP, BOTTOM = 70, 190, 12, 44  # margins: the right one has the names of the curves
DASHES = ("", "8 4", "2 4", "10 3 2 3")  # curves differ without colour, too


def cost_curves(advice: Advice, measured: Mapping[Lever, Measured], prices: Prices) -> str:
    """Return an SVG of money a month by queries a day, both logarithmic, each curve with its name
    at its end; the case's own traffic is a vertical line.
    """
    case = advice.case
    curves = {
        lever: curve(lever, measured[lever].usage, QUERIES, case.need.n_updates, prices)
        for lever in case.scores
    }
    positive = [money for values in curves.values() for money in values if money > 0]
    if not positive:
        return "<p>At these prices every lever is free.</p>"
    low, high = log10(min(positive)), log10(max(positive)) + 1e-9
    first, last = log10(QUERIES[0]), log10(QUERIES[-1])

    def x_of(queries: float) -> float:
        share = (log10(max(queries, QUERIES[0])) - first) / (last - first)
        return LEFT + min(share, 1) * (WIDTH - LEFT - RIGHT)

    def y_of(money: float) -> float:
        share = (log10(money) - low) / (high - low) if money > 0 else 0
        return HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM)

    parts = [_axes(x_of, y_of, int(low), int(high))]
    ends: list[float] = []
    by_end = sorted(curves, key=lambda lever: -curves[lever][-1])
    for lever, dashes in zip(by_end, DASHES):
        points = " ".join(
            f"{x_of(n):.1f},{y_of(money):.1f}" for n, money in zip(QUERIES, curves[lever])
        )
        is_best = lever == case.best and not advice.needs_no_model
        width = 3.5 if is_best else 1.8
        parts.append(
            f'<polyline points="{points}" fill="none" stroke="currentColor"'
            f' stroke-width="{width}" stroke-dasharray="{dashes}"/>'
        )
        # Names do not overlap: each is at least a line below the one before.
        end = max(y_of(curves[lever][-1]), ends[-1] + 16 if ends else 0)
        ends.append(end)
        x = WIDTH - RIGHT + 8
        parts.append(f'<text x="{x}" y="{end + 4:.1f}" fill="currentColor">{lever}</text>')
    here = x_of(case.need.n_queries)
    parts.append(
        f'<line x1="{here:.1f}" x2="{here:.1f}" y1="{TOP}" y2="{HEIGHT - BOTTOM}"'
        ' stroke="currentColor" stroke-width="0.8" stroke-dasharray="1 3"/>'
    )
    described = "; ".join(
        f"{lever} {case.costs[lever]:,.2f}"
        for lever in sorted(case.costs, key=case.costs.__getitem__)
    )
    label = f"Money a month by queries a day. At {case.need.n_queries:,.0f} queries: {described}."
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(label)}"'
        f' font-size="13">{"".join(parts)}</svg>'
    )


def _axes(x_of, y_of, low: int, high: int) -> str:
    bottom = HEIGHT - BOTTOM
    parts = [
        f'<path d="M{LEFT} {TOP} V{bottom} H{WIDTH - RIGHT}" fill="none" stroke="currentColor"/>'
    ]
    for power in range(1, 8):
        parts.append(
            f'<text x="{x_of(10**power):.1f}" y="{bottom + 18}" text-anchor="middle"'
            f' fill="currentColor">{_short(10**power)}</text>'
        )
    step = max(1, (high - low) // 5)
    for power in range(low, high + 1, step):
        if y_of(10.0**power) <= bottom + 1:
            parts.append(
                f'<text x="{LEFT - 8}" y="{y_of(10.0**power) + 4:.1f}" text-anchor="end"'
                f' fill="currentColor">{_short(10.0**power)}</text>'
            )
    middle = (LEFT + WIDTH - RIGHT) / 2
    parts.append(
        f'<text x="{middle:.0f}" y="{HEIGHT - 6}" text-anchor="middle" fill="currentColor">'
        "queries a day; vertical line: yours</text>"
    )
    return "".join(parts)


def _short(number: float) -> str:
    for size, name in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if number >= size:
            return f"{number / size:g}{name}"
    return f"{number:g}"
