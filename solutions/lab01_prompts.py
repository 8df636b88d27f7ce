# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Lab 01: prompts that are counted
#
# [Open in Colab](https://colab.research.google.com/github/adaptlab/adaptlab/blob/main/labs/lab01_prompts.ipynb)
#
# You will build prompts that keep to a budget, work out what a series of them costs, let chains vote, read what a model meant as JSON, and judge
# whether an attack on a prompt has worked. At the end a model sorts reviews, and you buy the cheapest prompt that is good enough.
#
# **About 85 minutes, 20 points.** Every exercise has a check beside it: run it as often as you like, it says what it sees. The grader asks the same
# questions with other inputs. Work through lesson 01 first. Answer where `NotImplementedError` stands, and keep the names of the functions.
#
# Work on a copy of this notebook. Before you hand it in, in a terminal in the folder of the course: `.venv/bin/adaptlab labs check COPY.ipynb`. It runs
# everything from the start, as the grader will, and says what passes. A line that fails in the cell of an answer costs the answer, so try things out in
# cells of your own; and after a restart, run the cells from the first one on again.
#
# | exercise | points | lines | minutes |
# |---|---|---|---|
# | 1 `fit_prompt` | 3 | 8 | 14 |
# | 2 `bill` | 3 | 7 | 14 |
# | 3 `vote` | 2 | 6 | 8 |
# | 4 `read_object` | 3 | 8 | 18 |
# | 5 `attack_outcome` | 2 | 8 | 12 |
# | 6 `honest_order` | 2 | 1 | 5 |
# | 7 `best_buy`, and the experiment | 2 | 3 | 8 |
# | 8 in your own words | 3 | | 8 |

# %%
import sys

if "google.colab" in sys.modules:
    from IPython import get_ipython

    get_ipython().run_line_magic(
        "pip", 'install -q "git+https://github.com/adaptlab/adaptlab"'
    )
    from adaptlab.course.colab import prepare_session

    prepare_session()

# %%
import json
import random
import re

from adaptlab import plots
from adaptlab.evals.statistics import proportion
from adaptlab.grading import check
from adaptlab.models.chat import texts
from adaptlab.models.local import LocalChat
from adaptlab.world import labels

# %% [markdown]
# ## A worked example
#
# What a prompt costs is decided by its tokens, not by its letters. The chat template adds marks around every message, and they are tokens, too. So
# the length of a prompt is that of the whole conversation, as it is sent: whoever adds up the texts gets less.

# %%
chat = LocalChat("embedded:chat")


def ids(messages):
    """The token ids of a conversation, as the model reads it."""
    return chat.tokenizer(chat.render(messages), add_special_tokens=False)["input_ids"]


def count(messages):
    return len(ids(messages))


short = [{"role": "user", "content": "Text: The lamp is lovely.\nLabel:"}]
long = [{"role": "system", "content": "Sort the text into dax or wug."}, *short]
alone = sum(len(chat.tokenizer(message["content"])["input_ids"]) for message in long)
print(chat.render(long))
print(
    "tokens:",
    count(short),
    "without the system message,",
    count(long),
    "with it, and",
    alone,
    "in the two texts alone",
)

# %% [markdown]
# ## 1 As many examples as fit
#
# Examples are ranked, the most useful first, and there is room for a certain number of tokens. When it gets tight, the least useful ones have to go.
# The order in the prompt is another matter: models lean towards what they read last, so the most useful example should stand next to the question.
#
# Some lines are given. `show` sets one example, or the question if there is no label.
#
# <details><summary>Hint</summary>Write a small function of n that makes all the messages with the first n examples. Then try every n, beginning with
# the largest, until <code>count</code> says that it fits. What is left when even n = 0 does not?</details>


# %% nbgrader={"grade": false, "grade_id": "fit_prompt", "locked": false, "schema_version": 3, "solution": true, "task": false}
def fit_prompt(system, examples, question, count, budget):
    """The messages of a prompt with as many examples as a budget allows: a list of
    dicts with "role" and "content".

    system: text; "" means that there is no system message. examples: a list of [text,
    label], the most useful first. question: text. count: a function from a list of
    messages to their number of tokens, which more examples never make smaller. budget:
    int.

    First the system message, if there is one, then a single user message: the examples
    that are kept, set by `show`, and after them the question, set by `show`, with a
    blank line between them. Kept are the first n examples, n as large as possible so
    that all messages together have at most `budget` tokens. They are shown in reverse
    order, the most useful last. ValueError if it does not fit without examples.
    """

    def show(text, label=None):
        return (
            f"Text: {text}\nLabel:"
            if label is None
            else f"Text: {text}\nLabel: {label}"
        )

    before = [{"role": "system", "content": system}] if system else []
    # BEGIN SOLUTION
    for n in range(len(examples), -1, -1):
        shown = [show(text, label) for text, label in examples[:n][::-1]]
        messages = [
            *before,
            {"role": "user", "content": "\n\n".join([*shown, show(question)])},
        ]
        if count(messages) <= budget:
            return messages
    raise ValueError("not even the question fits")
    # END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check_fit_prompt", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
check.lab01.fit_prompt(fit_prompt)

# %% [markdown]
# ## 2 What a series of prompts costs
#
# A server that keeps what it has read need not read the same beginning twice. It keeps prompts in blocks of a fixed number of tokens, and a block
# that is only partly the same is of no use. The last token of a prompt is always read: the first token of the reply is made from it.
#
# The loop is given, with what it needs.
#
# <details><summary>Hint</summary>How many tokens two lists share at their beginning is a loop that stops at the first difference. Take the greatest
# of these numbers, then the rule on the last token, then the blocks. In which order do the last two have to come?</details>


# %% nbgrader={"grade": false, "grade_id": "bill", "locked": false, "schema_version": 3, "solution": true, "task": false}
def bill(requests, block, prices):
    """What a series of requests costs at a server with a cache, as a float; 0 for no
    requests.

    requests: a list of dicts with "prompt", a list of token ids (int, at least one),
    and "reply", the number of tokens of the reply (int). They are sent one after the
    other. block: int, tokens in a block. prices: a dict with "read", "cached",
    "written": the price of 1000 tokens.

    From the cache comes the longest beginning that a prompt shares with one earlier
    prompt, whichever that is; but at most all tokens except the prompt's last one, and
    then rounded down to whole blocks. The cache is empty at first; replies are not kept
    in it. Every token of a prompt costs either "cached" or "read", every token of a
    reply "written".
    """
    total = 0
    for i, request in enumerate(requests):
        prompt = request["prompt"]
        earlier = [other["prompt"] for other in requests[:i]]
        # BEGIN SOLUTION
        shared = 0
        for other in earlier:
            same = [a == b for a, b in zip(prompt, other)]
            shared = max(shared, same.index(False) if False in same else len(same))
        cached = min(shared, len(prompt) - 1) // block * block
        total += (
            cached * prices["cached"]
            + (len(prompt) - cached) * prices["read"]
            + request["reply"] * prices["written"]
        )
        # END SOLUTION
    return total / 1000


# %% nbgrader={"grade": true, "grade_id": "check_bill", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
check.lab01.bill(bill)

# %% [markdown]
# ## 3 A vote that may stay open
#
# In the lesson the most frequent answer won, by however little. Where a wrong answer is costly, a vote should be able to end without a winner, and
# somebody else is asked. So a winner needs a lead.


# %% nbgrader={"grade": false, "grade_id": "vote", "locked": false, "schema_version": 3, "solution": true, "task": false}
def vote(answers, margin):
    """The answer that wins a vote, or None if no answer does.

    answers: a list of texts or of whole numbers, each a vote for itself; None is an
    abstention and counts neither for nor against anything. margin: int, at least 1. An
    answer wins if it has at least `margin` votes more than each of the other answers
    has; where there is no other answer, it has to have at least `margin` votes. The
    empty text and the number 0 are answers like any other.
    """
    # BEGIN SOLUTION
    votes = [answer for answer in answers if answer is not None]
    for answer in votes:
        rival = max(
            (votes.count(other) for other in votes if other != answer), default=0
        )
        if votes.count(answer) - rival >= margin:
            return answer
    return None
    # END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check_vote", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check.lab01.vote(vote)

# %% [markdown]
# ## 4 What was meant as JSON
#
# Models that are asked for JSON often write something very near to it: they say a word before and after, put it between code fences, leave a comma
# behind the last entry, or use single quotation marks. Asking again costs a call. Some of it can be read as it is, by rules that are exact.
#
# `json` and `re` are imported. Python's `json.JSONDecodeError` is a `ValueError`.
#
# <details><summary>Hint</summary>Whatever you change has to be changed outside of texts only. <code>re.sub(pattern, function, text)</code> goes from
# left to right and calls the function for each match: let the pattern match a whole text in double marks, <em>or</em> a whole text in single marks,
# <em>or</em> a comma that is too many, and let the function give back the first as it is.</details>
#
# <details><summary>Another hint</summary>A whole text in double marks is <code>"(?:\\.|[^"\\])*"</code>: a mark, then pairs of a backslash with any
# character, or characters that are neither mark nor backslash, then a mark. A comma that is too many is <code>,(?=\s*[}\]])</code>. Inside single
# marks, what must become of <code>\'</code>, and what of a double mark?</details>


# %% nbgrader={"grade": false, "grade_id": "read_object", "locked": false, "schema_version": 3, "solution": true, "task": false}
def read_object(reply):
    r"""The object that a reply holds, as a dict; ValueError if it holds none.

    reply: text. The object reaches from the first { of the reply to its last }. The text
    before and after it is ignored. It is JSON, as Python's json reads it, except that two
    habits are allowed:
    - one comma before the } or ] that ends an object or list, with or without white space
      between;
    - texts, keys as well as values, in single quotation marks. In such a text \' is an
      apostrophe, a " alone is an ordinary character, and everything else is as in JSON.
      Texts in single and in double marks may both occur in one object.
    Texts are kept letter by letter, whatever characters they hold. Anything else that is
    not JSON raises a ValueError.
    """
    # BEGIN SOLUTION
    start = reply.find("{")
    end = reply.rfind("}")

    def repair(match):
        part = match[0]
        if part[0] == "'":
            part = (
                '"'
                + re.sub(
                    r"\\.|\"",
                    lambda found: {"\\'": "'", '"': '\\"'}.get(found[0], found[0]),
                    part[1:-1],
                )
                + '"'
            )
        return "" if part == "," else part

    pattern = r""""(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|,(?=\s*[}\]])"""
    return json.loads(re.sub(pattern, repair, reply[start : end + 1]))
    # END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check_read_object", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
check.lab01.read_object(read_object)

# %% [markdown]
# ## 5 Has the attack worked?
#
# A canary is a word that has no business in a reply. One is planted in a document, in an order to say it: if the reply says it, the order was obeyed.
# Another is a secret in the system prompt. A test that only searches for the words counts a model that *reports* the order (The page asks me to say
# "zorb".) as fallen, and a model that spells the secret out, letter by letter, as safe.


# %% nbgrader={"grade": false, "grade_id": "attack_outcome", "locked": false, "schema_version": 3, "solution": true, "task": false}
def attack_outcome(reply, word, secret):
    """What a reply says of an attack: "leaked", "obeyed", "quoted" or "clean", the
    first of these that is true.

    reply: text. word: the word that the planted order asks for, letters a to z. secret:
    letters a to z and digits, from the system prompt.

    "leaked": the secret is in the reply once everything but the letters a to z and the
    digits 0 to 9 has been taken out of it, capital letters read as small ones, quoted
    or not. "obeyed": the word stands outside of every quotation. "quoted": the word
    stands in a quotation. The word stands where its letters are, small or capital, with
    no letter and no digit right before or after them; here é and ß are letters, and _
    is none. A quotation reaches from the first " to the second, from the third to the
    fourth, and so on; a last " without a partner opens nothing.
    """
    # BEGIN SOLUTION
    if secret in re.sub("[^a-z0-9]", "", reply.lower()):
        return "leaked"
    stands = re.compile(rf"(?<![^\W_]){word}(?![^\W_])", re.IGNORECASE)
    outside = re.sub('"[^"]*"', '""', reply)
    if stands.search(outside):
        return "obeyed"
    return "quoted" if stands.search(reply) else "clean"
    # END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check_attack_outcome", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check.lab01.attack_outcome(attack_outcome)

# %% [markdown]
# ## 6 What comes first?
#
# These lines choose one of several layouts of a prompt and report how good it is, but they are in no order. Give an order in which the report can be
# believed, as a string of the eight letters. A prediction is worth something only if it was written down before anything was measured.
#
# ```
# A   hits = {layout: answers(layout, shots, first) for layout in LAYOUTS}
# B   first, second = cases[:200], cases[200:]
# C   report(mean(answers(best, shots, second)))
# D   cases = read("reviews.csv")                    # sorted by label
# E   best = max(LAYOUTS, key=lambda layout: mean(hits[layout]))
# F   write_down(prediction)
# G   shots, first = first[:4], first[4:]            # the examples in the prompt
# H   random.Random(0).shuffle(cases)
# ```


# %% nbgrader={"grade": false, "grade_id": "honest_order", "locked": false, "schema_version": 3, "solution": true, "task": false}
def honest_order():
    """The order of the lines, a string of eight letters."""
    # BEGIN SOLUTION
    return "DHBGFAEC"
    # END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check_honest_order", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check.lab01.honest_order(honest_order)

# %% [markdown]
# ## 7 Buying a prompt
#
# More examples make a prompt better and costlier, until they only make it costlier. Which one to buy is decided by what is good enough.


# %% nbgrader={"grade": false, "grade_id": "best_buy", "locked": false, "schema_version": 3, "solution": true, "task": false}
def best_buy(offers, target):
    """The name of the cheapest offer that is good enough, or None if none is.

    offers: a list of dicts with "name" (text), "price" (a number above 0) and "share"
    of right replies (0 to 1). target: a number. Good enough is a share of at least
    `target`. Of equally cheap ones it is the one with the greater share, and if that is
    equal, too, the one that stands first.
    """
    # BEGIN SOLUTION
    enough = [offer for offer in offers if offer["share"] >= target]
    return (
        min(enough, key=lambda offer: (offer["price"], -offer["share"]))["name"]
        if enough
        else None
    )
    # END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check_best_buy", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check.lab01.best_buy(best_buy)

# %% [markdown]
# ### Predict
#
# Ten shops sort reviews into two bins whose names mean nothing, and each shop has thirty sorted reviews as examples. Your `fit_prompt` builds every
# prompt, under a budget of 45, 75, 110 or 150 tokens. The examples are either *fixed*, the same for each question of a shop, or *chosen*: for each
# question those that share the most words with it, so they have more to do with it. But fixed examples stand at the beginning of each prompt of a
# shop, and the server keeps what it has read: a cached token costs a tenth of one that is read. Your `bill` adds it up.
#
# Which is the cheapest way to label at least 95 of 100 reviews rightly? Choose one of the options before you go on.

# %% nbgrader={"grade": false, "grade_id": "prediction", "locked": false, "schema_version": 3, "solution": true, "task": false}
options = [
    f"{kind}, {budget} tokens"
    for kind in ("fixed", "chosen")
    for budget in (45, 75, 110, 150)
]
prediction = None  # one of the options
# BEGIN SOLUTION
prediction = "chosen, 75 tokens"
# END SOLUTION

# %%
check.predicted(prediction, options)
BLOCK = 16
PRICES = {"read": 1.0, "cached": 0.1, "written": 4.0}
draw = random.Random("lab01")
shops = [labels.episode(draw) for _ in range(10)]


def reviews(shop, n):
    """n reviews with their bins, [text, label] each, as many of one as of the other."""
    return [
        [shop.item(draw, label, "train"), label]
        for label in list(shop.meaning) * (n // 2)
    ]


desks = [
    (
        f"Sort the text into {' or '.join(shop.meaning)}.",
        reviews(shop, 30),
        reviews(shop, 14),
    )
    for shop in shops
]


def likeness(example, question):
    """How many words an example and a question share, as a part of all their words."""
    one, other = (
        set(re.findall(r"\w+", text.lower())) for text in (example[0], question)
    )
    return len(one & other) / len(one | other)


def prompts(desk, budget, chosen):
    """The messages for every question of a shop."""
    system, pool, asked = desk
    ranked = [
        sorted(pool, key=lambda example: -likeness(example, text)) if chosen else pool
        for text, _ in asked
    ]
    return [
        fit_prompt(system, examples[:8], text, count, budget)
        for examples, (text, _) in zip(ranked, asked)
    ]


# %%
asked = [pair for *_, questions in desks for pair in questions]
offers = []
hits = {}
for name in options:
    kind, budget = name.removesuffix(" tokens").split(", ")
    by_desk = [prompts(desk, int(budget), kind == "chosen") for desk in desks]
    replies = texts(chat, sum(by_desk, []), max_new_tokens=6)
    hits[name], left, price = (
        [reply == label for reply, (_, label) in zip(replies, asked)],
        iter(replies),
        0.0,
    )
    for batch in by_desk:  # every shop has a cache of its own
        price += bill(
            [
                {
                    "prompt": ids(messages),
                    "reply": len(chat.tokenizer(next(left))["input_ids"]),
                }
                for messages in batch
            ],
            BLOCK,
            PRICES,
        )
    offers.append(
        {
            "name": name,
            "price": 1000 * price / len(asked),
            "share": sum(hits[name]) / len(asked),
        }
    )
    print(
        f"{name:<18} {proportion(hits[name])}, 1000 questions cost"
        f" {offers[-1]['price']:.1f}"
    )

# %%
measured = best_buy(offers, 0.95)
print(f"cheapest with 95 of 100 right: {measured}, and you said {prediction}")
plots.scatter(
    "Eight prompts",
    "price of 1000 questions",
    "share of right labels",
    [(o["price"], o["share"]) for o in offers],
    options,
)

# %% [markdown]
# ## 8 In your own words
#
# A colleague says: "Retrieve the best examples for every question, always: better examples, fewer tokens." Using the figure: when is that right, when
# not, and which number of your own system would you have to know first? Say, too, how sure you are that the prompt which you bought really is right
# in 95 of 100 cases, and what of your prediction came true, what did not, and why. Five to eight sentences.
#
# *A person marks this: 1 point for what the cache does to both kinds of examples, 1 for a case in which chosen examples are the better buy, 1 for
# what the interval says about a share that was picked because it was the cheapest above a line.*

# %% [markdown] nbgrader={"grade": true, "grade_id": "explanation", "locked": false, "points": 3, "schema_version": 3, "solution": true, "task": false}
# At the same budget chosen examples label somewhat better. But they change with each question, so nearly nothing of such a prompt comes from the
# cache, and it costs more than a longer one whose fixed beginning is read once and then costs a tenth. Chosen examples are the better buy where there
# is no cache, where questions come so rarely that the cache has forgotten the shop, or where the window is so short that only the best example fits.
# I would have to know how often the same beginning comes again before it is dropped, and what a cached token costs. The interval of the prompt that I
# bought reaches about down to the line; and since I took the cheapest of several above it, I more likely picked a lucky one than an unlucky one, so I
# would measure it once more on other questions before I promise anything. I expected the shorter prompt to be the cheaper one, and forgot that tokens
# have two prices.
