"""Lab 06, preference_order: what is right, and what wrong answers believe."""

from adaptlab.grading.exercise import Parsons


class preference_order(Parsons):
    """The order of the lines from a base model to a verdict."""

    right_order = "CGFBAEHD"
    rules = {
        "CF": (
            "You draw replies before the model has learned to imitate (F before C): pairs should be"
            " of replies that this model writes."
        ),
        "CA": (
            "You copy the reference before the model has learned to imitate (A before C): training"
            " would then pay for every step away from the base model."
        ),
        "GF": (
            "You draw replies before the prompts are halved (F before G): then the test prompts may"
            " be among those that you train on."
        ),
        "FB": "You label replies that were not drawn yet (B before F).",
        "AH": (
            "You copy the reference after training (A before H is needed): every gain would be 0,"
            " and there is nothing that holds the model back."
        ),
        "AE": "You ask the reference before there is one (E before A).",
        "BE": "You ask for the log-probabilities of pairs that are not there yet (E before B).",
        "EH": (
            "You train before the reference's log-probabilities are known (H before E): the loss"
            " needs them."
        ),
        "HD": "You judge before training (D before H): the model is compared with itself.",
    }
