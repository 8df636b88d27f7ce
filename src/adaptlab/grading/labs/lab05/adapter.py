"""Lab 05, adapter: a file of weights that sends reviews to desks, and what files that do not were
trained on.
"""

from collections import Counter

from adaptlab.grading.artefact import Artefact, Asked
from adaptlab.grading.exercise import symptom
from adaptlab.grading.probes.lab05 import adapter_replies
from adaptlab.world.house import DESKS, desk_case

TOPIC_OF, MOOD_OF = ({desk: kind[i] for kind, desk in DESKS.items()} for i in (0, 1))


def share(right, replies, part) -> float:
    """The share of replies whose desk has the right topic, or mood."""
    return sum(part.get(said) == part[wanted] for wanted, said in zip(right, replies)) / len(right)


class adapter(Artefact):
    """An adapter for the small chat model: at least `bar` of the reviews that it never saw go to
    the right desk.
    """

    file = "lab05_adapter.safetensors"
    max_bytes = 2**20  # of rank 4 it has a sixth of this
    bar = 0.9
    refuses = "NotAnAdapter"
    probe = adapter_replies
    settings = ("embedded:mini-chat", 4, 6)  # model, rank, tokens of a reply

    @staticmethod
    def case(rng):
        drawn = desk_case(rng, "held_out")
        return Asked([dict(message) for message in drawn.messages], drawn.answer)

    @staticmethod
    @symptom(
        "The adapter changes nothing: its B is zero, as before the first step. Save the model that"
        " fine_tune returned, not a fresh one."
    )
    def untrained(right, got):
        return not got["changes"]

    @staticmethod
    @symptom(
        "Most replies are no desk at all. The adapter has learned something else, or its training"
        " was far too short, or it diverged."
    )
    def no_desks(right, got):
        return sum(said in TOPIC_OF for said in got["replies"]) < len(right) / 2

    @staticmethod
    @symptom(
        "Nearly all reviews go to one desk. It has learned which word comes out, not what decides:"
        " it needs more examples, or a lower learning rate."
    )
    def one_desk(right, got):
        return Counter(got["replies"]).most_common(1)[0][1] > 0.8 * len(right)

    @staticmethod
    @symptom(
        "It tells topics apart, but not glad from angry. More examples, or more passes, show it"
        " what else decides."
    )
    def topics_alone(right, got):
        return (
            share(right, got["replies"], TOPIC_OF) >= adapter.bar
            and share(right, got["replies"], MOOD_OF) < 0.7
        )

    @staticmethod
    @symptom(
        "It tells glad from angry, but not topics. More examples, or more passes, show it what else"
        " decides."
    )
    def moods_alone(right, got):
        return (
            share(right, got["replies"], MOOD_OF) >= adapter.bar
            and share(right, got["replies"], TOPIC_OF) < 0.5
        )

    @staticmethod
    @symptom(
        "It names desks, and mostly wrong ones: what decides is hardly learned yet. It needs more"
        " examples, or more passes over them."
    )
    def begun(right, got):
        return sum(said == wanted for said, wanted in zip(got["replies"], right)) < len(right) / 2
