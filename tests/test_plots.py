"""Figures: what covers what, and what the text alternative tells."""

import pytest

from adaptlab import plots
from adaptlab.evals.statistics import Estimate

ESTIMATES = [Estimate(0.5, 0.4, 0.6, 10), Estimate(0.7, 0.6, 0.8, 10)]
PUBLISHED = {"Another model (Somebody et al. 2024)": {1: 0.734, 8: 0.738}}


def plane_and_legend(figure):
    """Left, right of the plane and of the legend, in inches."""
    figure.figure.draw_without_rendering()
    (axes,) = figure.figure.axes
    boxes = (axes.get_window_extent(), axes.get_legend().get_window_extent())
    return [(box.x0 / figure.figure.dpi, box.x1 / figure.figure.dpi) for box in boxes]


def curve(**more):
    return plots.curves("T", "rank", "right", [1, 4], {"style": ESTIMATES}, **more)


@pytest.mark.parametrize(
    "figure",
    [
        curve(),
        curve(published=PUBLISHED),
        plots.bars("T", "right", dict(zip("ab", ESTIMATES)), {"a rather long name of a line": 0.3}),
    ],
)
def test_the_legend_stands_beside_the_plane_and_leaves_it_its_width(figure):
    (left, right), (start, end) = plane_and_legend(figure)
    assert right <= start < end <= figure.figure.get_figwidth() and right - left > 4.5


def test_published_numbers_are_marks_at_their_own_places_and_stand_in_the_text_alternative():
    figure = curve(published=PUBLISHED)
    line = next(
        line
        for line in figure.figure.axes[0].lines
        if line.get_label().startswith("published: Another model")
    )
    assert (list(line.get_xdata()), list(line.get_ydata()), line.get_linestyle()) == (
        [1, 8],
        [0.734, 0.738],
        "None",
    )
    assert figure.alt.endswith(
        "published, of another model and task, Another model (Somebody et al. 2024): 0.734 at 1,"
        " 0.738 at 8."
    )
    assert [
        text.get_text().partition(" ")[0] for text in figure.figure.axes[0].get_legend().get_texts()
    ] == ["style", "published:"]
    assert "published" not in curve().alt


def test_published_numbers_stand_at_the_bar_of_their_name_or_after_the_bars():
    figure = plots.bars(
        "T",
        "right",
        dict(zip("ab", ESTIMATES)),
        published={"Another": {"untrained": 0.2, "b": 0.9}},
    )
    (axes,) = figure.figure.axes
    assert [label.get_text() for label in axes.get_xticklabels()] == [
        "a",
        "b",
        "untrained",
    ] and len(axes.patches) == 2
    line = next(line for line in axes.lines if str(line.get_label()).startswith("published"))
    assert (list(line.get_xdata()), list(line.get_ydata())) == ([2, 1], [0.2, 0.9])
    assert figure.alt.endswith("Another: untrained 0.2, b 0.9.")
