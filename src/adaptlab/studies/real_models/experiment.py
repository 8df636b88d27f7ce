"""An experiment on a claim: what is measured with one seed, and the effect of all seeds."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from adaptlab.evals.estimate import Estimate
from adaptlab.evals.statistics import paired_difference, proportion
from adaptlab.studies.real_models.forms import Choice, Form, Task, choose_form
from adaptlab.studies.real_models.reply_store import ReplyStore

SEEDS = (0, 1, 2)
N = 70  # cases of a seed: three seeds make more than 200
# One value per case under each condition: 1 and 0 for correct and wrong, or a number.
Conditions = Mapping[str, Sequence[float]]


@dataclass
class Measurement:
    """One seed of an experiment. `notes` are counts and choices that a reader should see."""

    conditions: dict[str, list[float]]
    notes: dict = field(default_factory=dict)


class Model:
    """A model with its replies, and the form of prompt that was chosen for each task."""

    def __init__(self, store: ReplyStore):
        self.store = store
        self.choices: dict[str, Choice] = {}

    @property
    def chat(self):
        return self.store.chat

    def form(self, task: Task) -> Form:
        """Return the chosen form of a task, after choosing it if needed."""
        if task.name not in self.choices:
            self.choices[task.name] = choose_form(self.store, task)
        return self.choices[task.name].form


@dataclass(frozen=True)
class Experiment:
    """`measure(model, seed)` measures one seed; `effect(conditions)` is the claim's effect on the
    pooled cases.

    `arms` are the conditions of which one must leave the `floor`, the accuracy of guessing.
    `reached(conditions)` says whether there is anything to measure, such as a loss. Without both a
    claim is never out of reach.
    """

    measure: Callable[[Model, int], Measurement]
    effect: Callable[[Conditions], Estimate]
    arms: tuple[str, ...] = ()
    floor: float = 0.0
    reached: Callable[[Conditions], bool] | None = None
    seeds: tuple[int, ...] = SEEDS


def difference(new: str, old: str) -> Callable[[Conditions], Estimate]:
    """Return the effect "condition `new` minus condition `old`, same cases"."""
    return lambda found: paired_difference(found[new], found[old])


def share(name: str) -> Callable[[Conditions], Estimate]:
    """Return the effect "share of hits under this condition"."""
    return lambda found: proportion([bool(hit) for hit in found[name]])
