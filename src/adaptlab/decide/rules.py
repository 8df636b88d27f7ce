"""Our own rules: a small tree learned from the bank, evaluated on tasks outside its training."""

from collections.abc import Sequence
from dataclasses import fields

from sklearn.model_selection import LeaveOneGroupOut, cross_val_predict
from sklearn.tree import DecisionTreeClassifier, export_text

from adaptlab.decide.need import Lever, Need
from adaptlab.decide.task_bank import BankCase

# Features of the tree. The length of the best prompt is left out: it identifies the bank's tasks
# and does not generalize.
NAMES = [field.name for field in fields(Need) if field.name != "prompt_tokens"]


def _tree() -> DecisionTreeClassifier:
    return DecisionTreeClassifier(max_depth=3, min_samples_leaf=3, random_state=0)


def _numbers(need: Need) -> list[float]:
    return [float(getattr(need, name)) for name in NAMES]


def _needs(cases: Sequence[BankCase]) -> list[list[float]]:
    return [_numbers(case.need) for case in cases]


def learn(cases: Sequence[BankCase]) -> DecisionTreeClassifier:
    """Learn a tree of at most three questions from all cases."""
    return _tree().fit(_needs(cases), [str(case.best) for case in cases])


def held_out(cases: Sequence[BankCase]) -> list[Lever]:
    """Return the tree's answer to each case, learned from the cases of the other tasks only."""
    found = cross_val_predict(
        _tree(),
        _needs(cases),
        [str(case.best) for case in cases],
        groups=[case.task for case in cases],
        cv=LeaveOneGroupOut(),
    )
    return [Lever(answer) for answer in found]


def decide(tree: DecisionTreeClassifier, need: Need) -> Lever:
    return Lever(tree.predict([_numbers(need)])[0])


def as_text(tree: DecisionTreeClassifier) -> str:
    """Return the tree's questions, line by line."""
    return export_text(tree, feature_names=NAMES, decimals=2)
