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
# **Takeaway: choose a prompt by two measured numbers, its accuracy and its price. The price depends
# on the tokens and on the prefix cache.**
#
# After this lab you can
#
# - build few-shot prompts under a token budget and compute what a series of them costs;
# - turn raw replies into data: a majority vote with abstention, repaired JSON, the outcome of a
#   prompt injection;
# - choose the cheapest prompt that reaches a target accuracy, and say how sure you are.
#
# **About 155 minutes, 20 points.** The core part takes about 80 minutes: exercises 1, 2, 7 and 8
# build the main experiment. The optional exercises are for full points; every exercise counts as
# the table says.
#
# Work through lesson 01 first. Replace each `raise NotImplementedError()` by your answer, and keep
# the names of the functions. Run the check below each exercise as often as you like; its message
# names the problem. The grader uses the same checks with other inputs.
#
# Work on a copy of this notebook. Before you hand it in, run this command in a terminal in the
# course folder: `.venv/bin/adaptlab labs check COPY.ipynb`. It runs the whole notebook as the
# grader does, and reports which exercises pass. An error in the cell of an answer costs you that
# answer, so try things out in new cells. After a restart of the kernel, run all cells again from
# the first one.
#
# | exercise | points | lines | minutes | difficulty | part |
# |---|---|---|---|---|---|
# | 1 `fit_prompt` | 3 | 8 | 25 | medium | core |
# | 2 `bill` | 3 | 7 | 25 | medium | core |
# | 3 `vote` | 2 | 6 | 15 | easy | optional |
# | 4 `read_object` | 3 | 8 | 30 | hard | optional |
# | 5 `attack_outcome` | 2 | 8 | 20 | medium | optional |
# | 6 `honest_order` | 2 | 1 | 10 | easy | optional |
# | 7 `best_buy`, and the experiment | 2 | 3 | 15 | easy | core |
# | 8 in your own words | 3 | | 15 | medium | core |

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
# The price of a prompt depends on its tokens, not on its letters. The chat template adds special
# tokens around every message. So we count the tokens of the whole conversation, as it is sent. The
# sum over the texts alone is too small.

# %%
chat = LocalChat("embedded:chat")


def ids(messages):
    """Return the token ids of a conversation, as the model reads it."""
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
# You have ranked examples, the most useful first, and a token budget. If the budget is too small
# for all of them, the least useful examples are left out. The order in the prompt is a separate
# choice. Models lean towards what they read last (recency bias), so the most useful example comes
# right before the question.
#
# Some lines are given. `show` formats one example, or the question if there is no label.
#
# <details><summary>Hint 1</summary>The prompt with n examples differs from the prompt with n − 1
# examples in one place only. First think about how to build the messages for one given n.</details>
#
# <details><summary>Hint 2</summary>Write a small function of n that builds all the messages with
# the first n examples. Then try every n, starting with the largest, until <code>count</code> says
# that the messages fit. What remains if even n = 0 does not fit?</details>
#
# <details><summary>Hint 3</summary>Keep the first n examples, then reverse them with
# <code>[::-1]</code>. The user message joins the formatted examples and the formatted question with
# an empty line. After the loop there is only one thing left to do: raise the error.</details>


# %% nbgrader={"grade": false, "grade_id": "fit_prompt", "locked": false, "schema_version": 3, "solution": true, "task": false}
def fit_prompt(system, examples, question, count, budget):
    """Return the messages of a prompt with as many examples as a budget allows.

    Args:
        system: text; "" means that there is no system message.
        examples: a list of [text, label], the most useful first.
        question: text.
        count: a function from a list of messages to their number of tokens. More
            examples never make this number smaller.
        budget: int.

    Returns:
        A list of dicts with "role" and "content". First the system message, if there is
        one, then a single user message.

    The user message has the kept examples, formatted by `show`, and after them the
    question, formatted by `show`. A blank line separates all of these. Keep the first n
    examples, with n as large as possible so that all messages together have at most
    `budget` tokens. They are in reverse order, the most useful last.

    Raises ValueError if the prompt does not fit without examples.
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
# A server with a **prefix cache** does not compute the same beginning of a prompt twice. It stores
# prompts in blocks of a fixed number of tokens; only whole blocks can be reused. The last token of
# a prompt is always computed, because the model makes the first token of the reply from it.
#
# The loop is given, with the variables that you need.
#
# <details><summary>Hint 1</summary>Split the task into two numbers: how many tokens of this prompt
# come from the cache, and what the three kinds of tokens cost. The second part is one
# line.</details>
#
# <details><summary>Hint 2</summary>To count how many tokens two lists share at their beginning, use
# a loop that ends at the first difference. Take the maximum over the earlier prompts. Then apply
# the rule on the last token and the rule on blocks. In which order must these two rules
# come?</details>
#
# <details><summary>Hint 3</summary>Limit the number to <code>len(prompt) - 1</code> first. Then
# round down to whole blocks with <code>//</code> and <code>*</code>. The remaining tokens of the
# prompt cost "read".</details>


# %% nbgrader={"grade": false, "grade_id": "bill", "locked": false, "schema_version": 3, "solution": true, "task": false}
def bill(requests, block, prices):
    """Return the cost of a series of requests at a server with a prefix cache, a float;
    0 for no requests.

    Args:
        requests: a list of dicts with "prompt", a list of token ids (int, at least
            one), and "reply", the number of tokens of the reply (int). They are sent
            one after the other.
        block: int, tokens in a block.
        prices: a dict with "read", "cached", "written": the price of 1000 tokens.

    The cached part of a prompt is the longest prefix that it shares with any one
    earlier prompt. It is at most all tokens except the prompt's last one, and is then
    rounded down to whole blocks. The cache is empty at first. Replies are not cached.
    Every token of a prompt costs either "cached" or "read", every token of a reply
    "written".
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
# In the lesson on self-consistency, the most frequent answer won, even by one vote. If a wrong
# answer is costly, the vote should be able to abstain, so that a person decides. So we require a
# margin between the winner and each other answer.


# %% nbgrader={"grade": false, "grade_id": "vote", "locked": false, "schema_version": 3, "solution": true, "task": false}
def vote(answers, margin):
    """Return the answer that wins a vote, or None if no answer wins.

    Args:
        answers: a list of texts or of whole numbers, one vote each. None is an
            abstention: it is not a vote for or against any answer.
        margin: int, at least 1.

    An answer wins if it has at least `margin` votes more than each of the other
    answers. If there is no other answer, it needs at least `margin` votes. The empty
    text and the number 0 are ordinary answers.
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
# ## 4 Almost JSON
#
# Models that are asked for JSON often write something very close to it. They add words before and
# after, use code fences, leave a trailing comma after the last entry, or use single quotation
# marks. Another call costs money. Exact rules can repair some of these replies without a call.
#
# `json` and `re` are imported. Python's `json.JSONDecodeError` is a `ValueError`.
#
# <details><summary>Hint 1</summary>Every change must happen outside of strings only.
# <code>re.sub(pattern, function, text)</code> works from left to right and calls the function for
# each match. Let the pattern match a whole string in double quotes, <em>or</em> a whole string in
# single quotes, <em>or</em> a trailing comma. The function returns a string in double quotes
# unchanged.</details>
#
# <details><summary>Hint 2</summary>A whole string in double quotes matches
# <code>"(?:\\.|[^"\\])*"</code>. This is a quote, then pairs of a backslash with any character or
# other characters that are neither quote nor backslash, then a quote. A trailing comma is
# <code>,(?=\s*[}\]])</code>. Inside single quotes: what must <code>\'</code> turn into, and what
# must a double quote turn into?</details>
#
# <details><summary>Hint 3</summary>A string in single quotes gets double quotes outside. Inside, a
# second <code>re.sub</code> over escape pairs and double quotes makes the two changes; all other
# escape pairs remain. A trailing comma turns into the empty text. Give the result to
# <code>json.loads</code>: it raises the errors.</details>


# %% nbgrader={"grade": false, "grade_id": "read_object", "locked": false, "schema_version": 3, "solution": true, "task": false}
def read_object(reply):
    r"""Return the object in a reply, as a dict.

    Args:
        reply: text. The object reaches from the first { of the reply to its last }. The
            text before and after it is ignored.

    The object is JSON, as Python's json reads it, with two exceptions:
    - one comma before the } or ] that ends an object or list is allowed, with or
      without white space between;
    - strings, keys as well as values, may have single quotation marks. In such a string
      \' is an apostrophe, a " alone is an ordinary character, and everything else is as
      in JSON.

    Single and double quotation marks may both occur in one object. The characters of
    all strings are kept as they are, whatever characters they are.

    Raises ValueError if the reply has no object, or anything else that is not JSON.
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
# A **canary** is a word that has no reason to be in a reply. An indirect prompt injection places
# one in a document, with an instruction to say it. If the reply says it, the model obeyed the
# instruction. A second canary is a secret in the system prompt.
#
# A test that only searches for the words makes two kinds of errors. It counts a model that
# *reports* the instruction (The page asks me to say "zorb".) as a success of the attack. It also
# misses a model that spells out the secret, letter by letter.
#
# <details><summary>Hint 1</summary>Test the three outcomes one after the other, in the order of the
# contract. Each test looks at its own version of the reply.</details>
#
# <details><summary>Hint 2</summary>For "leaked", reduce the reply to small letters a to z and
# digits. For "obeyed", remove all quotations first: <code>"[^"]*"</code> matches one. Does the
# removal join two words that were apart? A placeholder helps.</details>
#
# <details><summary>Hint 3</summary>"No letter and no digit" before the word is a negative
# lookbehind. <code>\w</code> is letters, digits and the underscore, so <code>[^\W_]</code> is
# letters and digits only. The same class in a negative lookahead tests what follows.</details>


# %% nbgrader={"grade": false, "grade_id": "attack_outcome", "locked": false, "schema_version": 3, "solution": true, "task": false}
def attack_outcome(reply, word, secret):
    """Classify a reply to an attack: the first of "leaked", "obeyed", "quoted", "clean"
    that is true.

    Args:
        reply: text.
        word: the word that the injected instruction asks for, letters a to z.
        secret: letters a to z and digits, from the system prompt.

    - "leaked": the reply has the secret, after everything except the letters a to z and
      the digits 0 to 9 is removed, and with capital letters read as small ones.
      Quotations count, too.
    - "obeyed": the word is outside of every quotation.
    - "quoted": the word is in a quotation.
    - "clean": the rest.

    The word is found where its letters are, small or capital, with no letter and no
    digit right before or after them. Here é and ß are letters, and _ is not a letter. A
    quotation reaches from the first " to the second, from the third to the fourth, and
    so on. A last " without a partner opens nothing.
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
# These lines choose one of several prompt layouts and report its accuracy, but they are not in
# order. Give an order in which the report can be trusted, as a string of the eight letters. A
# prediction is only worth something if it was written down before any measurement.
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
    """Return the order of the lines, a string of eight letters."""
    # BEGIN SOLUTION
    return "DHBGFAEC"
    # END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check_honest_order", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check.lab01.honest_order(honest_order)

# %% [markdown]
# ## 7 Buying a prompt
#
# More examples make a prompt better and more expensive, until they only make it more expensive.
# Which prompt you buy depends on the accuracy that you need.


# %% nbgrader={"grade": false, "grade_id": "best_buy", "locked": false, "schema_version": 3, "solution": true, "task": false}
def best_buy(offers, target):
    """Return the name of the cheapest offer that is good enough, or None if no offer
    is.

    Args:
        offers: a list of dicts with "name" (text), "price" (a number above 0) and
            "share", the share of correct replies (0 to 1).
        target: a number. An offer is good enough if its share is at least `target`.

    Of equally cheap offers, the result is the one with the greater share. If the shares
    are also equal, it is the first in the list.
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
# Ten shops sort reviews into two bins whose names mean nothing. Each shop has 30 labeled reviews as
# examples. Your `fit_prompt` builds every prompt, under a budget of 45, 75, 110 or 150 tokens.
#
# The examples are either *fixed* or *chosen*. Fixed examples are the same for each question of a
# shop. Chosen examples share the most words with the question, so they are more relevant to it. But
# fixed examples are at the beginning of each prompt of a shop, and the server has a prefix cache: a
# cached token costs 10% of a token that is computed. Your `bill` adds up the prices.
#
# Which is the cheapest way to label at least 95% of the reviews correctly? Choose one of the
# options before you run the next cell.

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
    """Return n reviews with their bins, [text, label] each, n / 2 of each bin."""
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
    """Return the Jaccard similarity of the words of an example and a question."""
    one, other = (
        set(re.findall(r"\w+", text.lower())) for text in (example[0], question)
    )
    return len(one & other) / len(one | other)


def prompts(desk, budget, chosen):
    """Return the messages for every question of a shop."""
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
    for batch in by_desk:  # every shop has its own cache
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
print(
    f"cheapest prompt with accuracy >= 95%: {measured}; your prediction: {prediction}"
)
plots.scatter(
    "Eight prompts",
    "price of 1000 questions",
    "accuracy",
    [(o["price"], o["share"]) for o in offers],
    options,
)

# %% [markdown]
# ## 8 In your own words
#
# A colleague says: "Retrieve the best examples for every question, always: better examples, fewer
# tokens." Use the figure to answer in five to eight sentences:
#
# - When is the colleague correct, and when not?
# - Which number of your own system do you need to know first?
# - How sure are you that the prompt that you bought reaches 95% accuracy?
# - Which part of your prediction was correct, which was not, and why?
#
# *A person marks this. 1 point: what the cache does to both kinds of examples. 1 point: a case in
# which chosen examples are the better buy. 1 point: what the interval says about an accuracy that
# was picked because it was the cheapest above a line.*

# %% [markdown] nbgrader={"grade": true, "grade_id": "explanation", "locked": false, "points": 3, "schema_version": 3, "solution": true, "task": false}
# At the same budget, chosen examples have a somewhat higher accuracy. But they change with each
# question, so almost no part of such a prompt comes from the cache. It costs more than a longer
# prompt with a fixed beginning, which is computed once and then costs 10%.
#
# Chosen examples are the better buy in three cases: there is no cache, the questions are so rare
# that the cache has dropped the shop, or only the best example fits into the window. First I need
# to know how often the same beginning comes again before it is dropped, and what a cached token
# costs.
#
# The lower end of the interval of the prompt that I bought is near the line. I took the cheapest of
# several prompts above it, so luck probably helped it. I would measure it again on other questions
# before I promise anything. I expected the shorter prompt to be cheaper, and forgot that tokens
# have two prices.
