"""Relations: what can be stated and asked about a person, a product, an order or a policy, in many
wordings.
"""

from dataclasses import dataclass

from adaptlab.world import words
from adaptlab.world.wording import Wordings, combine

STATEMENT_FRAMES = [
    "~.",
    "According to the files, ~.",
    "As far as we know, ~.",
    "It is known that ~.",
    "We noted that ~.",
    "The records show that ~.",
]

INDIRECT_FRAMES = [
    "Tell me ~.",
    "Can you tell me ~?",
    "I would like to know ~.",
    "Do you know ~?",
    "Please say ~.",
    "I want to find out ~.",
]
DIRECT_FRAMES = ["~?", "Quick question: ~?", "A customer asks: ~?", "Please answer: ~?"]


@dataclass(frozen=True)
class Relation:
    """One attribute of one kind of subject.

    `statements` have slots n (subject) and v (value); `questions` have slot n. `values` are strings
    without spaces.
    """

    name: str
    subject: str
    values: tuple[str, ...]
    statements: Wordings
    questions: Wordings


def _relation(
    name: str, subject: str, values, statements: list[str], indirect: list[str], direct: list[str]
) -> Relation:
    asked_indirectly = combine(INDIRECT_FRAMES, indirect)
    asked_directly = combine(DIRECT_FRAMES, direct)
    questions = Wordings(
        asked_indirectly.train + asked_directly.train,
        asked_indirectly.held_out + asked_directly.held_out,
    )
    return Relation(name, subject, tuple(values), combine(STATEMENT_FRAMES, statements), questions)


PERSON = (
    _relation(
        "city",
        "person",
        words.CITIES,
        [
            "{n} lives in {v}",
            "{n} has a home in {v}",
            "{v} is the city where {n} lives",
            "{n} moved to {v} and stayed",
            "the home town of {n} is {v}",
            "{n} is at home in {v}",
        ],
        ["where {n} lives", "which city {n} lives in", "the home town of {n}"],
        [
            "where does {n} live",
            "which city does {n} live in",
            "what is the home town of {n}",
            "in what city is {n} at home",
        ],
    ),
    _relation(
        "job",
        "person",
        words.JOBS,
        [
            "{n} works as a {v}",
            "{n} is a {v} by trade",
            "the job of {n} is {v}",
            "{n} earns a living as a {v}",
            "{n} trained to be a {v}",
            "people know {n} as a {v}",
        ],
        ["what {n} does for a living", "what the job of {n} is", "the trade of {n}"],
        [
            "what does {n} do for a living",
            "what is the job of {n}",
            "what does {n} work as",
            "what is the trade of {n}",
        ],
    ),
    _relation(
        "pet",
        "person",
        words.PETS,
        [
            "{n} keeps a {v}",
            "{n} has a {v} as a pet",
            "the pet of {n} is a {v}",
            "{n} shares a home with a {v}",
            "a {v} is the pet of {n}",
            "{n} looks after a {v}",
        ],
        ["what pet {n} keeps", "which animal {n} has", "the pet of {n}"],
        [
            "what pet does {n} keep",
            "which animal does {n} have",
            "what is the pet of {n}",
            "what animal does {n} look after",
        ],
    ),
    _relation(
        "hobby",
        "person",
        words.HOBBIES,
        [
            "{n} enjoys {v}",
            "the hobby of {n} is {v}",
            "{n} spends free time on {v}",
            "{v} is the hobby of {n}",
            "{n} is fond of {v}",
            "{n} relaxes with {v}",
        ],
        ["what hobby {n} has", "what {n} does in free time", "the hobby of {n}"],
        [
            "what hobby does {n} have",
            "what does {n} do in free time",
            "what is the hobby of {n}",
            "what does {n} enjoy",
        ],
    ),
    _relation(
        "food",
        "person",
        words.FOODS,
        [
            "{n} likes to eat {v}",
            "the favourite food of {n} is {v}",
            "{n} always orders {v}",
            "{v} is what {n} likes to eat",
            "{n} cooks {v} most days",
            "{n} would never say no to {v}",
        ],
        ["what {n} likes to eat", "which food {n} prefers", "the favourite food of {n}"],
        [
            "what does {n} like to eat",
            "which food does {n} prefer",
            "what is the favourite food of {n}",
            "what does {n} always order",
        ],
    ),
)

PRODUCT = (
    _relation(
        "price",
        "product",
        [str(n) for n in range(5, 100)],
        [
            "the {n} costs {v} euros",
            "the price of the {n} is {v} euros",
            "you pay {v} euros for the {n}",
            "the {n} is sold for {v} euros",
            "{v} euros is the price of the {n}",
            "the {n} sells at {v} euros",
        ],
        ["what the {n} costs", "the price of the {n}", "how much the {n} is"],
        [
            "what does the {n} cost",
            "what is the price of the {n}",
            "how much is the {n}",
            "how many euros is the {n}",
        ],
    ),
    _relation(
        "colour",
        "product",
        words.COLOURS,
        [
            "the {n} is {v}",
            "the {n} comes in {v}",
            "the colour of the {n} is {v}",
            "we sell the {n} in {v}",
            "{v} is the colour of the {n}",
            "the {n} is painted {v}",
        ],
        ["what colour the {n} is", "which colour the {n} comes in", "the colour of the {n}"],
        [
            "what colour is the {n}",
            "which colour does the {n} come in",
            "what is the colour of the {n}",
            "in what colour is the {n} sold",
        ],
    ),
    _relation(
        "material",
        "product",
        words.MATERIALS,
        [
            "the {n} is made of {v}",
            "the {n} is built from {v}",
            "the material of the {n} is {v}",
            "{v} is used for the {n}",
            "we make the {n} from {v}",
            "the body of the {n} is {v}",
        ],
        [
            "what the {n} is made of",
            "which material is used for the {n}",
            "the material of the {n}",
        ],
        [
            "what is the {n} made of",
            "which material is used for the {n}",
            "what is the material of the {n}",
            "from what is the {n} built",
        ],
    ),
    _relation(
        "shelf",
        "product",
        [str(n) for n in range(1, 60)],
        [
            "the {n} stands on shelf {v}",
            "you find the {n} on shelf {v}",
            "the {n} is kept on shelf {v}",
            "shelf {v} holds the {n}",
            "the place of the {n} is shelf {v}",
            "staff put the {n} on shelf {v}",
        ],
        ["which shelf holds the {n}", "on what shelf the {n} stands", "the shelf of the {n}"],
        [
            "which shelf holds the {n}",
            "on what shelf is the {n}",
            "on which shelf does the {n} stand",
            "what is the shelf of the {n}",
        ],
    ),
)

ORDER = (
    _relation(
        "status",
        "order",
        words.STATUSES,
        [
            "order {n} is {v}",
            "the status of order {n} is {v}",
            "order {n} is marked as {v}",
            "we list order {n} as {v}",
            "{v} is the status of order {n}",
            "order {n} stands at {v}",
        ],
        ["what the status of order {n} is", "how order {n} is doing", "the status of order {n}"],
        [
            "what is the status of order {n}",
            "how is order {n} doing",
            "what does order {n} stand at",
            "how is order {n} marked",
        ],
    ),
    _relation(
        "day",
        "order",
        words.DAYS,
        [
            "order {n} arrives on {v}",
            "{v} is the day of order {n}",
            "order {n} is due on {v}",
            "we bring order {n} on {v}",
            "the day for order {n} is {v}",
            "order {n} will come on {v}",
        ],
        ["when order {n} arrives", "on what day order {n} is due", "the day of order {n}"],
        [
            "when does order {n} arrive",
            "on what day is order {n} due",
            "what is the day of order {n}",
            "when will order {n} come",
        ],
    ),
)

POLICY = (
    _relation(
        "return_days",
        "policy",
        [str(n) for n in range(5, 95, 5)],
        [
            "a {n} can be returned within {v} days",
            "customers may return a {n} for {v} days",
            "you have {v} days to return a {n}",
            "we take back a {n} within {v} days",
            "the limit to return a {n} is {v} days",
            "{v} days is the limit to return a {n}",
        ],
        [
            "how many days a customer has to return a {n}",
            "how long a {n} can be returned",
            "the limit to return a {n}",
        ],
        [
            "how many days do I have to return a {n}",
            "how long can a {n} be returned",
            "what is the limit to return a {n}",
            "within how many days can I return a {n}",
        ],
    ),
    _relation(
        "team",
        "policy",
        words.TEAMS,
        [
            "team {v} handles every broken {n}",
            "a broken {n} goes to team {v}",
            "send a broken {n} to team {v}",
            "the team for a broken {n} is {v}",
            "{v} is the team for a broken {n}",
            "team {v} repairs every {n}",
        ],
        [
            "which team handles a broken {n}",
            "to which team a broken {n} goes",
            "the team for a broken {n}",
        ],
        [
            "which team handles a broken {n}",
            "to which team does a broken {n} go",
            "what is the team for a broken {n}",
            "who repairs a broken {n}",
        ],
    ),
)

BY_SUBJECT = {"person": PERSON, "product": PRODUCT, "order": ORDER, "policy": POLICY}
RELATIONS = {relation.name: relation for relations in BY_SUBJECT.values() for relation in relations}
