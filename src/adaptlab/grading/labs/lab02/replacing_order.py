"""Lab 02, replacing_order: what is right, and what wrong answers believe."""

from adaptlab.grading.exercise import Parsons


class replacing_order(Parsons):
    """The order of the lines that bring a changed document into a service while
    questions come in.
    """

    right_order = "DFBEGAHC"
    rules = {
        "DF": (
            "You cut the text before you read it (F before D): what is cut is the text of before."
        ),
        "FB": "You embed before you cut (B before F): vectors belong to pieces.",
        "BG": (
            "You delete before you embed (G before B): for minutes the file's answers are not to be"
            " found, and for ever if embedding fails."
        ),
        "EG": "You delete before you know what (G before E): ask the index for the old ids first.",
        "EA": (
            "You ask for the old ids after the new pieces are in (A before E): then the new ones"
            " are among them, and go as well."
        ),
        "GA": (
            "You delete after you put (A before G): a piece that did not change has the id of"
            " before, and is deleted with the old ones."
        ),
        "AH": (
            "You clear the cache before the new pieces are in (H before A): whoever asks in between"
            " brings the old answer back into it."
        ),
        "HC": (
            "You test before the cache is cleared (C before H): what you look at may be the answer"
            " of before."
        ),
    }
