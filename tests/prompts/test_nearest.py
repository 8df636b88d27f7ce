"""The most similar examples of a prompt are chosen by their vectors."""

import numpy as np

from adaptlab.prompts.nearest import nearest

LEARNED = np.array([[1.0, 0.0], [0.0, 1.0], [0.6, 0.8]])


def test_the_most_similar_example_is_next_to_the_text():
    asked = np.array([[1.0, 0.0], [0.0, 1.0]])
    assert nearest(["east", "north", "between"], LEARNED, asked, 2) == [
        ["between", "east"],
        ["between", "north"],
    ]


def test_more_than_all_examples_are_all_of_them():
    (found,) = nearest(["east", "north", "between"], LEARNED, np.array([[1.0, 0.0]]), 9)
    assert found == ["north", "between", "east"]
