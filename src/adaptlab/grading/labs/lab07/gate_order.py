"""Lab 07, gate_order: what is right, and what wrong answers believe."""

from adaptlab.grading.exercise import Parsons


class gate_order(Parsons):
    """The order of the lines that train a model behind a gate."""

    right_order = "CGEDAHBF"
    rules = {
        "CD": "The base is measured before the cases are drawn (D before C).",
        "CG": (
            "You take the questions of the cases out of the examples before there are cases (G"
            " before C)."
        ),
        "GA": (
            "You train before the questions of the gate are taken out of the examples (A before G):"
            " then it measures what was learned by heart."
        ),
        "AH": "The tuned model is measured before it is there (H before A).",
        "EH": (
            "The limits are set after the tuned model was measured (H before E): whoever knows the"
            " result can choose them so that it passes."
        ),
        "DB": (
            "The verdicts are made before the base was measured (B before D): there is nothing to"
            " compare with."
        ),
        "HB": "The verdicts are made before the tuned model was measured (B before H).",
        "BF": (
            "You ship before the verdicts are there (F before B): a gate that is asked afterwards"
            " stops nothing."
        ),
    }
