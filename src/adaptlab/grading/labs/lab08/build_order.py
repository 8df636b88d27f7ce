"""Lab 08, build_order: what is right, and what wrong answers believe."""

from adaptlab.grading.exercise import Parsons


class build_order(Parsons):
    """The order of the lines that build an assistant and ship it."""

    right_order = "EBHDGAFC"
    rules = {
        "EB": (
            "You try prompts before there are questions to try them on (B before E): then the eye"
            " decides."
        ),
        "BH": (
            "You add retrieval before the prompt was measured (H before B): what retrieval brought,"
            " nobody can say then."
        ),
        "HD": (
            "You collect transcripts before you know what prompt and retrieval leave wrong (D"
            " before H): you would collect the wrong ones."
        ),
        "DG": "You clean the transcripts before you have them (G before D).",
        "GA": (
            "You tune before the questions of the test are out of the transcripts (A before G): the"
            " score would be of what was learned by heart."
        ),
        "AF": "You look for lost skills before there is a tuned model (F before A).",
        "FC": (
            "You ship before the gate has looked (C before F): what was lost, customers would find."
        ),
    }
