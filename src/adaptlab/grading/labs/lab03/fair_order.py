"""Lab 03, fair_order: what is right, and what wrong answers believe."""

from adaptlab.grading.exercise import Parsons


class fair_order(Parsons):
    """The order of the lines that find out whether a reranker pays."""

    right_order = "EBDAFHGC"
    rules = {
        "EB": (
            "You take out repeats after the halves are made (B before E): the same question may"
            " stand in both, and what was tuned on it is tested on it."
        ),
        "ED": (
            "You pool before repeats are out (D before E): `questions` is not there yet, and judges"
            " would be paid for the same question many times."
        ),
        "DA": (
            "You judge before there is a pool (A before D): judges need to see what any of the"
            " systems found, or what only one finds counts as worthless."
        ),
        "AF": (
            "You choose the depth before there are grades (F before A): nothing is known by which"
            " to choose."
        ),
        "BF": (
            "You choose the depth before the questions are halved (F before B): it is then tuned on"
            " what will be the test."
        ),
        "FG": (
            "You measure before the depth is chosen (G before F): then it is the test that chooses,"
            " and its winner is partly a lucky one."
        ),
        "HG": (
            "You write the rule after measuring (G before H): whoever has seen the numbers finds a"
            " rule that they keep."
        ),
        "GC": "You print the verdict before anything is measured (C before G).",
    }
