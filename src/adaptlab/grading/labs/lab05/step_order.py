"""Lab 05, step_order: what is right, and what wrong answers believe."""

from adaptlab.grading.exercise import Parsons


class step_order(Parsons):
    """The order of the lines of one training step."""

    right_order = "FDAEGBHC"
    rules = {
        "DA": "The loss is made before the logits are there (A before D).",
        "AE": "You look whether the loss is finite before it is there (E before A).",
        "AG": "You go backward before there is a loss (G before A).",
        "FG": (
            "You clear the gradients after backward (G before F): what the step would be made of is"
            " gone."
        ),
        "GB": (
            "You clip before backward (B before G): there is no gradient yet, and the one that"
            " comes is not cut."
        ),
        "BC": (
            "You clip after the step (C before B): the step has already been made with the whole"
            " length."
        ),
        "HC": (
            "You set the rate after the step (C before H): each step would be made with the rate of"
            " the one before."
        ),
        "EC": (
            "You look whether the loss is finite after the step (C before E): the weights are"
            " already not numbers any more."
        ),
    }
