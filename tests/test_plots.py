"""Figures: what covers what, and what the text alternative tells."""

import base64
import io

import pytest
from IPython.core.formatters import DisplayFormatter
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Text
from PIL import Image

from adaptlab import plots
from adaptlab.evals.estimate import Estimate
from adaptlab.plot_labels import ink

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


def many(n):
    """Plot n lines that end at almost the same point."""
    series = {f"method number {i}": ESTIMATES for i in range(n)}
    return plots.curves("T", "rank", "right", [1, 4], series, {"guessing": 0.69, "best": 0.71})


@pytest.mark.parametrize("figure", [curve(), curve(published=PUBLISHED), many(6)])
def test_lines_are_labelled_at_their_ends_without_overlap(figure):
    canvas = FigureCanvasAgg(figure.figure)
    canvas.draw()
    (axes,) = figure.figure.axes
    plane = axes.get_window_extent()
    boxes = [Text.get_window_extent(text) for text in axes.texts]  # without their leaders
    assert axes.get_legend() is None and plane.width / figure.figure.dpi > 4.5
    for box in boxes:
        assert plane.x1 < box.x0 < box.x1 <= figure.figure.bbox.x1
    for i, box in enumerate(boxes):
        assert not any(box.overlaps(other) for other in boxes[:i])


def test_labels_have_the_colours_of_their_lines_on_legible_ink_and_the_order_of_their_ends():
    texts = many(6).figure.axes[0].texts
    lines = [text for text in texts if text.get_text().startswith("method")]
    assert [text.get_color() for text in lines] == [ink(colour) for colour in plots.COLOURS]
    heights = {text.get_text(): text.get_position()[1] for text in texts}
    assert min(heights, key=heights.get) == "guessing" and max(heights, key=heights.get) == "best"


def test_more_series_than_colours_have_a_legend():
    (axes,) = many(7).figure.axes
    assert not axes.texts and len(axes.get_legend().get_texts()) == 9


def test_single_points_and_lines_are_labelled_directly():
    line = {"full": ([1, 2, 3], [0.3, 0.2, 0.1]), "short": ([1, 2], [0.3, 0.25])}
    (axes,) = plots.lines("T", "rank", "loss", line, {"chosen": (2, 0.2)}).figure.axes
    assert {text.get_text(): text.xy for text in axes.texts} == {
        "full": (3, 0.1),
        "short": (2, 0.25),
        "chosen": (2, 0.2),
    }


def test_a_figure_shows_itself_as_png_with_its_alternative():
    figure = curve()
    data, metadata = figure._repr_mimebundle_()
    image = Image.open(io.BytesIO(base64.b64decode(data["image/png"])))
    about = metadata["image/png"]
    assert set(data) == {"image/png", "text/plain"}
    assert about["alt"] == data["text/plain"] == figure.alt
    assert about["width"] == round(image.width * 96 / 144) and about["width"] < plots.CSS_WIDTH
    assert image.convert("RGBA").getpixel((0, 0)) == (255, 255, 255, 255)
    shown, about_shown = DisplayFormatter().format(figure)
    assert set(shown) == set(data) and about_shown["image/png"]["alt"] == figure.alt


def test_a_very_wide_figure_is_displayed_at_the_width_of_a_page():
    names = [f"condition {i}" for i in range(20)]
    _, metadata = plots.bars("T", "right", dict.fromkeys(names, ESTIMATES[0]))._repr_mimebundle_()
    assert metadata["image/png"]["width"] == plots.CSS_WIDTH


def test_a_page_of_one_file_has_the_drawing_as_svg():
    element = curve().html()
    assert element.count('alt="T, right against rank: style 0.50 at 1, 0.70 at 4."') == 1
    assert "data:image/svg+xml;base64," in element


@pytest.mark.parametrize(
    "figure",
    [
        many(7),
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
    (legend,) = figure.figure.legends
    assert [text.get_text() for text in legend.get_texts()] == [
        f"published: {next(iter(PUBLISHED))}"
    ]
    assert [text.get_text() for text in figure.figure.axes[0].texts] == ["style"]
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


def crowd():
    """Twelve points, of which eight are at nearly the same place."""
    points = [(i / 50, 0.0) for i in range(8)] + [(3.0, 0.8), (8.0, 0.7), (8.0, 0.75), (10.0, 0.0)]
    names = [f"a condition, number {i}" for i in range(len(points))]
    return plots.scatter("T", "cost", "quality", points, names), names


def test_the_names_of_crowded_points_do_not_cover_each_other():
    figure, names = crowd()
    (axes,) = figure.figure.axes
    figure.png()  # drawn, so that the texts have their extents
    boxes = [text.get_window_extent() for text in axes.texts if text.get_text() in names]
    assert len(boxes) == len(names)
    for i, one in enumerate(boxes):
        for other in boxes[:i]:
            width = min(one.x1, other.x1) - max(one.x0, other.x0)
            height = min(one.y1, other.y1) - max(one.y0, other.y0)
            assert width < 1 or height < 2, "names cover each other"


def test_a_figure_of_named_points_is_the_same_every_time():
    assert crowd()[0].png() == crowd()[0].png()
