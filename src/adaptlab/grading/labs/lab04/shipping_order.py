"""Lab 04, shipping_order: what is right, and what wrong answers believe."""

from adaptlab.grading.exercise import Parsons


class shipping_order(Parsons):
    """The order of the lines that train an adapter, merge it, and ship the result."""

    right_order = "BDFGEAHC"
    rules = {
        "BG": (
            "You freeze the weight after training (B after G): it was trained along with the"
            " adapter."
        ),
        "DF": (
            "The optimizer is made before the adapter is there (F before D): it cannot hold its"
            " parameters."
        ),
        "FG": "Training needs its optimizer: F comes before G.",
        "GA": (
            "You merge before training (A before G): what is merged is an adapter that has learned"
            " nothing."
        ),
        "GE": (
            "The reference is taken before training (E before G): merging cannot give that back,"
            " and it should not."
        ),
        "EA": (
            "The reference is taken after merging (A before E): the comparison is then of the"
            " merged layer with itself, and can never fail."
        ),
        "AH": "You compare before merging (H before A): what was merged is never looked at.",
        "HC": (
            "You save before comparing (C before H): a merge that went wrong is shipped all the"
            " same."
        ),
    }
