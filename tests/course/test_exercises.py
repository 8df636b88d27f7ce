"""Exercises are checked at once, explanations are kept, and sliders have a fallback."""

import pytest

from adaptlab import plots
from adaptlab.course import browser
from adaptlab.course.exercises import NOT_WRITTEN, check
from adaptlab.course.explanations import explain
from adaptlab.course.kept_predictions import my_progress, progress_table, read_kept
from adaptlab.course.sliders import slide
from adaptlab.errors import AdaptLabError


@pytest.fixture(autouse=True)
def student(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(browser, "is_attended", lambda: True)


def area(width, height):
    return width * height


CASES = [(1, 2), (3.0, 0.5)]


def test_a_correct_function_is_marked_and_kept(tmp_path):
    found = check("area", lambda width, height: height * width, area, CASES)
    assert found.is_correct and repr(found) == "✓ area: correct on 2 cases"
    assert read_kept(tmp_path)["your turn: area"].mark == "✓"
    table = progress_table(read_kept(tmp_path), ["P1"])
    assert "✓ exercise: area" in table and "1 exercises solved" in table


def test_the_first_case_that_differs_is_shown_with_named_arguments(tmp_path):
    def mine(width, height):
        return width + height

    found = check("area", mine, area, CASES)
    assert repr(found) == "✗ mine(width=1., height=2.)\n  expected: 2.\n  got:      3."
    assert read_kept(tmp_path)["your turn: area"].mark == "✗"


def test_a_function_that_raises_is_wrong_and_says_how():
    def mine(width, height):
        return width / 0

    found = check("area", mine, area, CASES)
    assert found.is_correct is False and "raises ZeroDivisionError" in repr(found)


@pytest.mark.parametrize("mine", [None, lambda width, height: None])
def test_what_is_not_written_yet_is_not_wrong(mine, tmp_path):
    arguments = (area, CASES) if mine else (2.0,)
    found = check("area", mine, *arguments)
    assert found.is_correct is None and repr(found) == NOT_WRITTEN
    assert read_kept(tmp_path) == {}


@pytest.mark.parametrize(
    "mine, expected, is_correct",
    [
        (0.1 + 0.2, 0.3, True),
        ("a", "a", True),
        ("1", 1, False),
        ([1, 2], (1.0, 2.0), True),
        ([1, 2, 3], [1, 2], False),
        ({"a": 0.3}, {"a": 0.1 + 0.2}, True),
        ({"a": 1}, {"b": 1}, False),
        (["b", "a"], ["a", "b"], False),
        (True, True, True),
        (float("nan"), 1.0, False),
    ],
)
def test_values_are_compared_as_what_they_are(mine, expected, is_correct):
    assert check("value", mine, expected).is_correct is is_correct


def test_tensors_are_compared_without_their_gradient():
    import torch

    mine = torch.tensor([1.0, 2.0], requires_grad=True, dtype=torch.bfloat16)
    assert check("loss", mine, torch.tensor([1.0, 2.0])).is_correct


def test_an_explanation_is_there_again_after_a_restart(tmp_path):
    explain("P1")._widget().value = "Two examples fix the format."
    assert explain("P1").text == "Two examples fix the format."
    assert explain("P2").text == "" and "none yet" in repr(explain("P2"))
    assert "your explanation: Two examples" in progress_table(read_kept(tmp_path), ["P1"])


def test_the_stored_output_of_a_lesson_does_not_show_a_students_progress(tmp_path, monkeypatch):
    explain("P1")._widget().value = "Two examples fix the format."
    assert "Two examples" in my_progress()
    monkeypatch.setattr("adaptlab.course.browser.is_attended", lambda: False)
    assert "Two examples" not in my_progress() and my_progress().startswith("0 of ")


class OldWidget:
    """As in ipywidgets 7, which Colab has."""

    model_id = "abc"


def test_widgets_of_colab_are_shown_too():
    import ipywidgets

    shown = browser.mimebundle(OldWidget())
    assert shown[browser.WIDGET_VIEW]["model_id"] == "abc"
    button = ipywidgets.Button()
    assert browser.mimebundle(button)[browser.WIDGET_VIEW]["model_id"] == button.model_id


def test_a_damaged_file_does_not_stop_an_explanation(tmp_path):
    (tmp_path / "predictions.json").write_text("{")
    with pytest.warns(UserWarning, match="not a readable file"):
        assert explain("P1").text == ""


def drawing(k, temperature):
    return plots.lines("t", "x", "y", {f"{k} {temperature}": ([0, 1], [k, temperature])})


def test_sliders_draw_the_middle_where_nobody_can_move_them(monkeypatch):
    monkeypatch.setattr(browser, "is_attended", lambda: False)
    figure = slide(drawing, k=[1, 2, 4], temperature=[0.5, 1.0])
    assert "2 1.0 from 2" in figure.alt


def test_sliders_are_shown_to_a_student(monkeypatch):
    shown = []
    monkeypatch.setattr("IPython.display.display", shown.append)
    assert slide(drawing, k=[1, 2, 4], temperature=[0.5, 1.0]) is None
    (box,) = [item for item in shown if type(item).__name__ == "VBox"]
    assert [child.value for child in box.children[:2]] == [2, 1.0]


def test_a_slider_without_positions_is_refused():
    with pytest.raises(AdaptLabError, match="slider k has no positions"):
        slide(drawing, k=[], temperature=[1.0])
