"""The course's pictures: nothing is cut off, nothing covers a text, and each has an alternative."""

import re
import warnings

import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch
from matplotlib.path import Path
from matplotlib.transforms import Bbox

from adaptlab import plots
from adaptlab.course import pictures

QUESTION = "Reply with one word : Is this review positive ? It is a poor lamp ."
TOKENS = [*QUESTION.split(), "\n"]
REPLY = ["negative", "<|im_end|>", "because it flickers", "$", "_"]
LABELS = (TOKENS + REPLY, [False] * len(TOKENS) + [True] * len(REPLY))
CALLS = {name: [()] for name in pictures.__all__} | {
    "label_mask": [LABELS, (["a"], [True]), (["a long prompt " * 9] * 3, [False, False, True])],
    "lora": [(), (64, 64), (16384, 256)],
    "interval": [(), (0.5, 0.4, 0.6, (0.55, 0.45, 0.65), (0.9, 0.8, 0.95))],
    "paired_cases": [(), (400, 120, 98, 1000), (1, 0, 0, 2)],
    "reward_loop": [(), ((1, 1, 1),), ((0.5, 0, 0, 1, 0.25),)],
}


def drawn():
    for name, calls in CALLS.items():
        for i, arguments in enumerate(calls):
            yield pytest.param(name, arguments, id=f"{name}-{i}")


def painted(figure):
    """Draw the figure; return its axes, and the extents of its texts by their words."""
    FigureCanvasAgg(figure.figure).draw()
    (axes,) = figure.figure.axes
    boxes = [(text.get_text(), text.get_window_extent()) for text in axes.texts if text.get_text()]
    return axes, boxes


def crosses(frame: Bbox, box: Bbox) -> bool:
    """Whether a text is neither inside nor outside of a frame."""
    inside = frame.x0 <= box.x0 and frame.x1 >= box.x1 and frame.y0 <= box.y0 and frame.y1 >= box.y1
    return frame.overlaps(box) and not inside


@pytest.mark.parametrize(("name", "arguments"), drawn())
def test_texts_are_on_the_sheet_and_free_of_each_other_of_borders_and_of_arrows(name, arguments):
    figure = getattr(pictures, name)(*arguments)
    axes, texts = painted(figure)
    sheet = figure.figure.bbox
    for i, (words, box) in enumerate(texts):
        assert sheet.x0 <= box.x0 and box.x1 <= sheet.x1, words
        assert sheet.y0 <= box.y0 and box.y1 <= sheet.y1, words
        assert not [other for other, place in texts[:i] if place.overlaps(box)], words
        for patch in axes.patches:
            if isinstance(patch, FancyBboxPatch):
                assert not crosses(patch.get_window_extent(), box), words
            elif isinstance(patch, FancyArrowPatch):
                path = patch.get_transform().transform_path(patch.get_path())
                for part in path.to_polygons(closed_only=False):
                    assert not Path(part).intersects_bbox(box, filled=False), words
    for patch in axes.patches:
        place = patch.get_window_extent()
        assert sheet.x0 <= place.x0 and place.x1 <= sheet.x1, patch
        assert sheet.y0 <= place.y0 and place.y1 <= sheet.y1, patch


@pytest.mark.parametrize(("name", "arguments"), drawn())
def test_a_picture_has_legible_texts_and_an_alternative_in_sentences(name, arguments):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        figure = getattr(pictures, name)(*arguments)
        _, metadata = figure._repr_mimebundle_()
    assert isinstance(figure, plots.Figure)
    # A colon or a semicolon would make the site show a part of it as the data of a plot.
    assert len(figure.alt) >= 60 and not re.search("[:;]", figure.alt) and figure.alt[-1] == "."
    assert min(text.get_fontsize() for text in figure.figure.axes[0].texts) >= 9
    assert 400 < metadata["image/png"]["width"] <= 800


def test_the_check_finds_a_text_that_leaves_its_box():
    frame = Bbox([[0, 0], [10, 10]])
    assert crosses(frame, Bbox([[5, 5], [11, 6]]))
    assert not crosses(frame, Bbox([[1, 1], [9, 9]]))
    assert not crosses(frame, Bbox([[11, 1], [12, 2]]))


def test_labels_are_the_token_where_it_is_learned_and_minus_100_elsewhere():
    _, texts = painted(pictures.label_mask(["a", "b\n", "c"], [False, False, True]))
    words = [text for text, _ in texts]
    assert words.count("-100") == 2 and words.count("c") == 2 and words.count("b↵") == 1
    with pytest.raises(ValueError, match="3 tokens and 1 flags"):
        pictures.label_mask(["a", "b", "c"], [True])


def test_numbers_in_the_pictures_are_computed():
    _, texts = painted(pictures.paired_cases(10, 5, 1, 4))
    assert "exact p = 0.219" in " ".join(words for words, _ in texts)  # 2 (1 + 6) / 64
    assert "(+1.00, -1.00)" in pictures.reward_loop((1, 0)).alt
    assert "16,384" in pictures.lora(1024, 8).alt and "1.6%" in pictures.lora(1024, 8).alt
    assert "A, B, C, E, D" in pictures.hybrid_search().alt


def test_intervals_must_fit_their_names():
    with pytest.raises(ValueError, match="named wrongly"):
        pictures.interval(0.5, 0.4, 0.6, (0.8, 0.7, 0.9), (0.9, 0.8, 0.95))
    with pytest.raises(ValueError, match="is not inside"):
        pictures.interval(0.7, 0.4, 0.6)
