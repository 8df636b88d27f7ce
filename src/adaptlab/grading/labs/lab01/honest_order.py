"""Lab 01, honest_order: what is right, and what wrong answers believe."""

from adaptlab.grading.exercise import Parsons


class honest_order(Parsons):
    """The order of the lines that choose a layout on one half of the cases and report it on the
    other.
    """

    right_order = "DHBGFAEC"
    rules = {
        "DH": "You shuffle before the file is read (H before D): there is nothing to shuffle yet.",
        "HB": (
            "You split before shuffling (B before H): the file is sorted by label, so one half"
            " holds other labels than the other."
        ),
        "BG": "The examples are taken from a half that is not there yet (G before B).",
        "GA": (
            "The examples are taken out after measuring (A before G): until then there are none to"
            " show, and later they would be among the cases measured."
        ),
        "FA": (
            "You predict after measuring (A before F): whoever has seen the number finds that it"
            " was to be expected."
        ),
        "AE": "You choose the best layout before anything was measured (E before A).",
        "EC": "You report before you have chosen (C before E): there is no best layout yet.",
    }
