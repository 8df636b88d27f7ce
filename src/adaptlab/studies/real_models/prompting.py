"""P1 to P10 on any model."""

import random
from functools import partial

from adaptlab.evals import replies as judge
from adaptlab.evals.estimate import Estimate
from adaptlab.evals.statistics import mean, paired_difference
from adaptlab.messages import Messages, assistant, system, user
from adaptlab.models.constraint import JsonConstraint
from adaptlab.prompts import patterns
from adaptlab.prompts.cost import measure_prefill
from adaptlab.prompts.injection import DEFENCES
from adaptlab.prompts.layouts import LAYOUTS
from adaptlab.prompts.voting import majority
from adaptlab.rag.answer import without_citations
from adaptlab.studies.real_models.experiment import (
    Conditions,
    Experiment,
    Measurement,
    Model,
    N,
    difference,
    share,
)
from adaptlab.studies.real_models.forms import (
    Form,
    Item,
    Task,
    ask,
    by_log_probability,
    n_cut,
)
from adaptlab.world import instructions, labels, recall, reviews, sums, tickets, words
from adaptlab.world.entities import Fact, invent_fact
from adaptlab.world.relations import RELATIONS


def _label(item: Item, reply: str) -> bool:
    return judge.label(reply, item.fields["labels"]) == item.answer


def _bins(rng: random.Random, n: int) -> list[Item]:
    """Reviews in two bins with invented names, each with eight examples of its own."""
    items = []
    for _ in range(n):
        episode = labels.episode(rng)
        names = tuple(episode.meaning)
        shown = [names[i % 2] for i in range(8)]
        rng.shuffle(shown)
        gold = rng.choice(names)
        shots = tuple((episode.item(rng, name, "train"), name) for name in shown)
        text = f"{episode.item(rng, gold, 'train')}\nLabels: {names[0]} or {names[1]}"
        labelled = tuple((f"{t}\nLabels: {names[0]} or {names[1]}", name) for t, name in shots)
        items.append(Item(text, gold, {"labels": names}, labelled))
    return items


BINS = Task(
    "bins with invented names",
    "Give the label of the text. Answer with one of the two labels and nothing else.",
    _bins,
    _label,
    max_new_tokens=12,
    output_name="Label",
    ks=(4,),
)


def p1(model: Model, seed: int) -> Measurement:
    chosen = model.form(BINS)
    items = _bins(random.Random(f"P1:{seed}"), N)
    found = {}
    cut = {}
    for k in (0, 2, 4, 8):
        form = Form(chosen.place, k, chosen.as_turns and k > 0)
        hits, said = ask(model.store, BINS, form, items)
        found[f"k = {k}"] = [float(hit) for hit in hits]
        likeliest = by_log_probability(model.store, BINS, form, items, seed)
        found[f"k = {k}, likeliest label"] = likeliest
        cut[f"k = {k}"] = n_cut(said, BINS.max_new_tokens)
    return Measurement(found, {"form": chosen.name, "cut off": cut})


def _problems(rng: random.Random, n: int, worked: bool) -> list[Item]:
    items = []
    for _ in range(n):
        problem = sums.problem(rng, rng.choice((3, 4)))
        answer = problem.worked() if worked else str(problem.answer)
        items.append(Item(problem.text, answer, {"number": problem.answer}))
    return items


def _number(item: Item, reply: str) -> bool:
    return judge.is_number(reply, item.fields["number"])


DIRECT = Task(
    "word problems, direct",
    "Solve the problem. Answer with the number only.",
    partial(_problems, worked=False),
    _number,
    max_new_tokens=12,
    input_name="Problem",
)
STEPS = Task(
    "word problems, step by step",
    "Solve the problem step by step, one sum at a time. End with: The answer is N.",
    partial(_problems, worked=True),
    _number,
    max_new_tokens=96,
    input_name="Problem",
    output_name="Solution",
    n_development=24,
)


def p2(model: Model, seed: int) -> Measurement:
    found = {}
    notes = {}
    for name, task in {"direct": DIRECT, "step by step": STEPS}.items():
        form = model.form(task)
        items = task.draw(random.Random(f"P2:{seed}"), N)
        hits, said = ask(model.store, task, form, items)
        found[name] = [float(hit) for hit in hits]
        notes[name] = {"form": form.name, "cut off": n_cut(said, task.max_new_tokens)}
    return Measurement(found, notes)


TEMPERATURE = 0.7
N_CHAINS = 9


def p3(model: Model, seed: int) -> Measurement:
    form = model.form(STEPS)
    items = STEPS.draw(random.Random(f"P3:{seed}"), N)
    repeated = [item for item in items for _ in range(N_CHAINS)]
    options = {"temperature": TEMPERATURE, "seed": seed}
    _, said = ask(model.store, STEPS, form, repeated, **options)
    single = []
    votes = []
    for i, item in enumerate(items):
        chains = said[i * N_CHAINS : (i + 1) * N_CHAINS]
        numbers = [judge.final_number(chain.text) for chain in chains]
        gold = float(item.fields["number"])
        single.append(numbers.count(gold) / N_CHAINS)
        votes.append(float(majority(numbers) == gold))
    notes = {"form": form.name, "cut off": n_cut(said, STEPS.max_new_tokens)}
    return Measurement({"one chain": single, "vote over 9": votes}, notes)


# What a system prompt asks for, and the exact rule that tells whether a reply keeps to it.
RULES = {
    "short": (
        "Answer every question in at most three words.",
        lambda reply: 0 < len(reply.split()) <= 3,
    ),
    "capitals": (
        "Write every answer in CAPITAL LETTERS only.",
        lambda reply: any(map(str.isalpha, reply)) and reply == reply.upper(),
    ),
    "greeting": (
        "Begin every answer with the words: Dear customer,",
        lambda reply: judge.normalise(reply).startswith("dear customer"),
    ),
    "last word": (
        "End every answer with the word please.",
        lambda reply: judge.normalise(reply).rstrip(" .!").endswith("please"),
    ),
}
N_TURNS = 6


def p4(model: Model, seed: int) -> Measurement:
    rng = random.Random(f"P4:{seed}")
    rules = [list(RULES)[i % len(RULES)] for i in range(N)]
    histories: list[Messages] = [[system(RULES[name][0])] for name in rules]
    kept: list[list[bool]] = [[] for _ in rules]
    for _ in range(N_TURNS):
        for history in histories:
            fact = _person_fact(rng)
            history.append(user(f"{fact.state(rng, 'train')} {fact.ask(rng, 'train')}"))
        said = model.store.replies(histories, max_new_tokens=32, desc="six turns")
        for history, name, row, reply in zip(histories, rules, kept, said):
            row.append(RULES[name][1](reply.text))
            history.append(assistant(reply.text or "."))
    found = {"whole conversation": [float(all(row)) for row in kept]}
    found |= {f"turn {t + 1}": [float(row[t]) for row in kept] for t in range(N_TURNS)}
    by_rule = {
        name: sum(all(row) for row, rule in zip(kept, rules) if rule == name) for name in RULES
    }
    return Measurement(found, {"conversations kept, by rule": by_rule})


def _person_fact(rng: random.Random) -> Fact:
    return invent_fact(rng, "person", "new")


def sentiment_items(rng: random.Random, n: int) -> list[Item]:
    """Return reviews with their sentiment as the label."""
    items = []
    for _ in range(n):
        review = reviews.review(rng, "train")
        items.append(Item(review.text, review.sentiment, {"labels": words.SENTIMENTS}))
    return items


def p5(model: Model, seed: int) -> Measurement:
    """Twelve layouts of the same four examples."""
    rng = random.Random(f"P5:{seed}")
    shown = _balanced(rng, 4)
    items = sentiment_items(rng, N)
    instruction = "Is the text positive or negative? Answer with one of the two words."
    found = {}
    for name, layout in LAYOUTS.items():
        prompts = [
            patterns.few_shot(instruction, [(s.text, s.answer) for s in shown], i.text, layout)
            for i in items
        ]
        said = model.store.replies(prompts, max_new_tokens=8, desc=f"layout {name}")
        found[name] = [float(_label(item, reply.text)) for item, reply in zip(items, said)]
    return Measurement(found)


def _balanced(rng: random.Random, k: int) -> list[Item]:
    moods = [words.SENTIMENTS[i % 2] for i in range(k)]
    rng.shuffle(moods)
    return [
        Item(reviews.review(rng, "train", sentiment=mood).text, mood, {"labels": words.SENTIMENTS})
        for mood in moods
    ]


def best_minus_worst(found: Conditions) -> Estimate:
    """Choose the best and the worst condition on the even cases; compare them on the odd cases."""
    ordered = sorted(found, key=lambda name: sum(found[name][::2]))
    return paired_difference(found[ordered[-1]][1::2], found[ordered[0]][1::2])


def states_value(reply: str, value: str, relation: str) -> bool:
    """Whether a reply states the value and no other value of its relation."""
    return judge.states_only(without_citations(reply), value, RELATIONS[relation].values)


def p6(model: Model, seed: int) -> Measurement:
    rng = random.Random(f"P6:{seed}")
    cases = [recall.recall_case(rng, "train", "new", "person") for _ in range(N)]
    asked = [case.messages[-1]["content"] for case in cases]
    facts = [Fact(c.fields["subject"], c.fields["relation"], c.fields["value"]) for c in cases]
    known = [recall.recall_case(rng, "train", "known", "person") for _ in range(3)]
    shots: Messages = []
    for case in known:
        shots += [*case.messages, assistant(case.answer)]
    prompts: dict[str, list] = {
        "plain": [[user(q)] for q in asked],
        "role": [patterns.as_role("an expert on all people of the town", q) for q in asked],
        "few-shot": [[*shots, user(q)] for q in asked],
        "step by step": [patterns.step_by_step(q) for q in asked],
        "fact given": [
            patterns.with_fact(fact.state(rng, "train"), q) for fact, q in zip(facts, asked)
        ],
    }
    found = {}
    for name, batch in prompts.items():
        said = model.store.replies(batch, max_new_tokens=40, desc=name)
        found[name] = [
            float(states_value(reply.text, fact.value, fact.relation))
            for reply, fact in zip(said, facts)
        ]
    return Measurement(found)


def fact_minus_best_prompt(found: Conditions) -> Estimate:
    best = max((name for name in found if name != "fact given"), key=lambda name: sum(found[name]))
    return paired_difference(found["fact given"], found[best])


def p7(model: Model, seed: int) -> Measurement:
    rng = random.Random(f"P7:{seed}")
    shown = _balanced(rng, 8)
    items = sentiment_items(rng, 8)
    layout = LAYOUTS["Text/Label"]

    def prompt(k: int, text: str) -> str:
        examples = [(s.text, s.answer) for s in shown[:k]]
        return model.chat.render(patterns.few_shot("Sort the text.", examples, text, layout))

    found: dict[str, list[float]] = {}
    for k in (0, 8):
        readings = [
            measure_prefill(model.chat, prompt(k, a.text), prompt(k, b.text))
            for a, b in zip(items, items[1:])
        ]
        found[f"k = {k}"] = [reading.seconds for reading in readings]
        found[f"k = {k}, prefix cached"] = [reading.seconds_cached for reading in readings]
    return Measurement(found)


# Bounded strings, or a constrained reply may never close its quotation mark.
TRIAGE_SCHEMA = {
    "type": "object",
    "properties": {
        part: {
            "type": "object",
            "properties": fields,
            "required": list(fields),
            "additionalProperties": False,
        }
        for part, fields in {
            "customer": {"full_name": {"type": "string", "maxLength": 24}},
            "subject": {
                "sku": {"type": "string", "maxLength": 24},
                "order_no": {"type": "integer", "minimum": 0, "maximum": 99999},
            },
            "dispatch": {
                name: {"type": "string", "maxLength": 12} for name in ("topic", "code", "urgency")
            },
        }.items()
    },
    "required": ["customer", "subject", "dispatch"],
    "additionalProperties": False,
}
TRIAGE = (
    "Return a JSON object with customer (full_name), subject (sku and order_no) and dispatch"
    " (topic, code and urgency). The topic is price, delivery, quality or service. The code is P10"
    " for price, D20 for delivery, Q30 for quality, S40 for service; urgency is high for negative,"
    " low for positive. Return only the JSON."
)


def p9(model: Model, seed: int) -> Measurement:
    rng = random.Random(f"P9:{seed}")
    cases = [tickets.triage_case(rng, k=4) for _ in range(N)]
    described = [patterns.zero_shot(TRIAGE, f"Message: {case.fields['text']}") for case in cases]
    limit = 160
    free = model.store.replies(described, max_new_tokens=limit, desc="described")
    held = model.store.replies(
        described,
        max_new_tokens=limit,
        make_processor=partial(JsonConstraint, TRIAGE_SCHEMA, model.chat.tokenizer),
        constraint="triage",
        desc="constrained",
    )
    shown = [[user(f"{TRIAGE}\n\n{case.messages[0]['content']}")] for case in cases]
    by_examples = model.store.replies(shown, max_new_tokens=limit, desc="4 examples")
    found: dict[str, list[float]] = {}
    cut = {}
    for name, said in {
        "described": free,
        "described, constrained": held,
        "4 examples": by_examples,
    }.items():
        objects = [judge.json_object(reply.text) for reply in said]
        records = [case.fields["record"] for case in cases]
        found[f"{name}: valid"] = [float(judge.same_form(o, r)) for o, r in zip(objects, records)]
        found[f"{name}: exact"] = [
            float(judge.same_content(o, r)) for o, r in zip(objects, records)
        ]
        cut[name] = n_cut(said, limit)
    return Measurement(found, {"cut off": cut})


def p10(model: Model, seed: int) -> Measurement:
    rng = random.Random(f"P10:{seed}")
    attacks = [instructions.injected_case(rng, "held_out", "new", n_chunks=3) for _ in range(N)]
    found: dict[str, list[float]] = {}
    for name, defend in DEFENCES.items():
        if name == "trained data role":
            continue  # a model without that role would get "question after"
        prompts = [defend(case.fields["chunks"], case.fields["question"]) for case in attacks]
        said = model.store.replies(prompts, max_new_tokens=32, desc=name)
        hijacked = [c.fields["word"] in judge.normalise(r.text) for c, r in zip(attacks, said)]
        found[f"{name}: hijacked"] = [float(hit) for hit in hijacked]
        found[f"{name}: value stated"] = [
            float(bool(judge.stated(without_citations(r.text), [c.fields["value"]])))
            for c, r in zip(attacks, said)
        ]
    return Measurement(found)


def ratio_minus_one(found: Conditions) -> Estimate:
    return mean([long / short - 1 for long, short in zip(found["k = 8"], found["k = 0"])])


LAYOUT_NAMES = tuple(LAYOUTS)
PROMPTING = {
    "P1": Experiment(p1, difference("k = 8", "k = 0"), ("k = 8", "k = 0"), 0.5),
    "P2": Experiment(p2, difference("step by step", "direct"), ("step by step", "direct"), 0.02),
    "P3": Experiment(
        p3, difference("vote over 9", "one chain"), ("vote over 9", "one chain"), 0.02
    ),
    "P4": Experiment(p4, share("whole conversation"), ("turn 1",)),
    "P5": Experiment(p5, best_minus_worst, LAYOUT_NAMES, 0.5),
    "P6": Experiment(p6, fact_minus_best_prompt, ("fact given",)),
    "P7": Experiment(p7, ratio_minus_one),
    "P9": Experiment(p9, share("described, constrained: valid")),
    "P10": Experiment(p10, share("none: hijacked"), ("none: hijacked", "none: value stated")),
}
