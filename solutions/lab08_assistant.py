# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Lab 08: an assistant under a budget
#
# [Open in Colab](https://colab.research.google.com/github/adaptlab/adaptlab/blob/main/labs/lab08_assistant.ipynb)
#
# **Takeaway: ship the variant that is within the budget and has the best lower bound, and test your
# choice on questions that had no part in it.**
#
# After this lab you can
#
# - compute the monthly cost of each variant of an assistant, and the break-even point of two
#   variants;
# - write an exact judge for replies, and test a latency promise;
# - choose a cascade and a variant within a budget, and defend the decision in a memo.
#
# The lab is about a decision: what does a team need before it ships an assistant? Your functions
# decide about the assistant of the course, on handbooks that are new to it. Then you write the
# memo.
#
# **About 145 minutes, 20 points.** The core part takes about 75 minutes: exercises 4, 5, 7 and 8,
# with the main experiment. The optional exercises are for full points; every exercise counts as the
# table says.
#
# Work through lesson 09 first. Replace each `raise NotImplementedError()` by your answer, and keep
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
# | 1 `bill` | 2 | 5 | 15 | medium | optional |
# | 2 `break_even` | 2 | 4 | 15 | medium | optional |
# | 3 `score_reply` | 3 | 12 | 30 | hard | optional |
# | 4 `keeps_promise` | 2 | 3 | 15 | easy | core |
# | 5 `choose_cascade` | 3 | 8 | 25 | hard | core |
# | 6 `build_order` | 2 | 1 | 10 | easy | optional |
# | 7 `configure`, and the experiment | 3 | 7 | 20 | medium | core |
# | 8 the memo | 3 | | 15 | medium | core |

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
import math
import re

from adaptlab.grading import check

# %% [markdown]
# ## A worked example
#
# Two variants answer the same questions. The first has a long prompt, and most of it is the same in
# every query. The second is fine-tuned and needs only a short prompt. Fine-tuning is paid once.
# Look at the price of a single query, and at the number of queries after which the training pays.

# %%
long_query = 600 * 0.5 / 1e6
# Each token of the fine-tuned model costs twice as much.
short_query = 80 * 0.5 * 2 / 1e6
training = 2_000_000 * 8 / 1e6
print(
    f"a query: {long_query:.6f} with the long prompt, {short_query:.6f} fine-tuned; the"
    f" training: {training:.0f}"
)
print(f"1000 queries save {1000 * (long_query - short_query):.2f}")

# %% [markdown]
# ## 1 The bill
#
# What does a variant cost in a month? Tokens that are the same at the beginning of every prompt
# come from the server's prefix cache, and cost less. The queries of a fine-tuned model cost more.
# Training is paid once and spread over the months of use. If facts change, the model may also have
# to be trained at each update.
#
# <details><summary>Hint 1</summary>Begin with one query: its new tokens, its cached tokens, its
# reply. All prices are for a million tokens.</details>
#
# <details><summary>Hint 2</summary>Keep two sums apart, the queries and the training. Only the
# first gets the factor of a tuned variant.</details>
#
# <details><summary>Hint 3</summary>The tokens that are trained in a month are
# <code>training_tokens</code> divided by the months, plus the update tokens times the number of
# updates. At the end, divide once by a million.</details>


# %% nbgrader={"grade": false, "grade_id": "bill", "locked": false, "schema_version": 3, "solution": true, "task": false}
def bill(arm, n_queries, n_updates, months, prices):
    """Return the money that a variant costs in a month, a float.

    Args:
        arm: a variant, a dict with the five token counts below and "tuned", a bool.
        n_queries: queries in a day; a month has 30 days.
        n_updates: updates in a month.
        months: the months over which the training is spread, at least 1.
        prices: a dict of money for a million tokens: "prompt" for tokens of the prompt
            that are not cached, "cached" for those that are, "reply", "training". And
            "tuned": the factor on the price of all tokens of a tuned variant's queries.
            Training has no factor.

    - "prompt_tokens": of a query.
    - "cached_tokens": the tokens of the prompt that are the same in every query; they
      are among "prompt_tokens".
    - "reply_tokens": of a query.
    - "training_tokens": paid once.
    - "update_tokens": trained on at each update.
    """
    new = arm["prompt_tokens"] - arm["cached_tokens"]
    # BEGIN SOLUTION
    query = (
        new * prices["prompt"]
        + arm["cached_tokens"] * prices["cached"]
        + arm["reply_tokens"] * prices["reply"]
    )
    query *= prices["tuned"] if arm["tuned"] else 1
    trained = arm["training_tokens"] / months + n_updates * arm["update_tokens"]
    return (30 * n_queries * query + trained * prices["training"]) / 1e6
    # END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check_bill", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check.lab08.bill(bill)

# %% [markdown]
# ## 2 The break-even point
#
# One variant has a low fixed cost, another a low cost per query. At a certain number of queries
# both cost the same; or there is no such number.
#
# <details><summary>Hint 1</summary>Write both costs as lines in n, the queries in a day, and solve
# for n.</details>
#
# <details><summary>Hint 2</summary>Which cases have no solution, or a solution without a meaning?
# Test for these before you return: parallel lines, and an n that is not above 0.</details>


# %% nbgrader={"grade": false, "grade_id": "break_even", "locked": false, "schema_version": 3, "solution": true, "task": false}
def break_even(a, b):
    """Return the number of queries in a day at which both variants cost the same in a
    month.

    Args:
        a, b: dicts with "fixed", money in a month, and "per_query", money for one
            query.

    Returns:
        The number, a float above 0 that is not rounded. A month has 30 days. None if
        there is no such number, and if the two costs are always the same.
    """
    # BEGIN SOLUTION
    rise = 30 * (a["per_query"] - b["per_query"])
    gap = b["fixed"] - a["fixed"]
    if rise == 0 or gap / rise <= 0:
        return None
    return gap / rise
    # END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check_break_even", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check.lab08.break_even(break_even)

# %% [markdown]
# ## 3 A judge for replies
#
# A shop wants replies of three lines:
#
# ```
# Hello Ada,
# The lamp is blue.
# Sources: 2, 3
# ```
#
# An exact judge is worth more than a clever one: two people who read the rule must come to the same
# verdict. Read the rule below twice before you write code, because most of the work is in its
# cases.
#
# <details><summary>Hint 1</summary>First split off the line of sources, if there is one. The rest
# is the letter. Then compute the four results one by one.</details>
#
# <details><summary>Hint 2</summary>For a separate word: use <code>re</code> with a lookbehind and a
# lookahead that forbid a letter or digit. Or collect all runs of letters and digits of the letter.
# Escape the value with <code>re.escape</code>.</details>
#
# <details><summary>Hint 3</summary>"form" and "tone" are each one <code>re.fullmatch</code> and one
# more condition. "cited" compares the set of all numbers in the line of sources with
# <code>gold</code>; an empty set is not enough. "right" and "cited" have a second case for the
# value None.</details>


# %% nbgrader={"grade": false, "grade_id": "score_reply", "locked": false, "schema_version": 3, "solution": true, "task": false}
def score_reply(reply, value, gold):
    """Return what is correct in a reply: a dict of bools with the keys "form", "right",
    "cited", "tone".

    Args:
        reply: a str; its lines are reply.split("\\n"). If the last line begins with
            "Sources: ", it is the line of sources, and the lines before it are the
            letter. Otherwise there is no such line, and the whole reply is the letter.
        value: a str of letters and digits, or None if the handbook has no value.
        gold: a set of ints, the chunks that state the value.

    - form: there are exactly three lines, and the third is "Sources: none" or "Sources:
      " and numbers (digits 0 to 9) with ", " between them.
    - right: the value is in the letter as a separate word, with no letter or digit
      right before or after it, in exactly this spelling, and the letter does not
      contain "not in our handbook". With value None, the letter does contain that.
    - cited: the line of sources has a number, and every number in it is in gold. With
      value None, that line is exactly "Sources: none".
    - tone: the first line begins with "Hello ", ends with "," and has something
      between; and there is no "!" in the reply.
    """
    lines = reply.split("\n")
    # BEGIN SOLUTION
    has_sources = lines[-1].startswith("Sources: ")
    letter, sources = ("\n".join(lines[:-1]), lines[-1]) if has_sources else (reply, "")
    absent = "not in our handbook" in letter
    numbers = {int(number) for number in re.findall("[0-9]+", sources)}
    if value is None:
        right = absent
        cited = sources == "Sources: none"
    else:
        right = (
            re.search(rf"(?<![^\W_]){re.escape(value)}(?![^\W_])", letter) is not None
            and not absent
        )
        cited = bool(numbers) and numbers <= gold
    form = (
        len(lines) == 3
        and re.fullmatch("Sources: (none|[0-9]+(, [0-9]+)*)", lines[2]) is not None
    )
    tone = re.fullmatch("Hello .+,", lines[0]) is not None and "!" not in reply
    return {"form": form, "right": right, "cited": cited, "tone": tone}
    # END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check_score_reply", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
check.lab08.score_reply(score_reply)

# %% [markdown]
# ## 4 A latency promise
#
# "95% of the replies come within a second." You cannot test such a promise with a mean, and an
# interpolated value between two measurements was never measured. The **nearest-rank percentile**
# was: it is the smallest of the measured seconds such that at least this share of them are less
# than or equal to it.


# %% nbgrader={"grade": false, "grade_id": "keeps_promise", "locked": false, "schema_version": 3, "solution": true, "task": false}
def keeps_promise(seconds, percent, limit):
    """Return a pair (value, kept): the nearest-rank percentile, and whether it is at
    most `limit`.

    Args:
        seconds: a list of floats, at least one, in any order.
        percent: an int from 1 to 100.
        limit: a number of seconds.

    The value is the smallest of the seconds such that at least `percent` of 100 of them
    are less than or equal to it.
    """
    # BEGIN SOLUTION
    rank = math.ceil(percent * len(seconds) / 100)
    value = sorted(seconds)[rank - 1]
    return value, value <= limit
    # END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check_keeps_promise", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check.lab08.keeps_promise(keeps_promise)

# %% [markdown]
# ## 5 A cascade
#
# A cheap variant answers first and returns its confidence. If the confidence is below a threshold,
# an expensive variant answers as well, and its reply counts. The threshold is chosen on questions
# with known answers: of all thresholds with the required accuracy, take the one with the lowest
# cost.
#
# <details><summary>Hint 1</summary>The number of thresholds is small: try them all. For each,
# compute its accuracy and its mean number of tokens.</details>
#
# <details><summary>Hint 2</summary>For one threshold, first list for which rows the expensive
# variant is asked (strictly below). Then the correct replies and the tokens are two sums over the
# rows. The tokens of the cheap variant are always paid.</details>
#
# <details><summary>Hint 3</summary>Collect the allowed thresholds as tuples with the tokens first
# and the threshold second. <code>min</code> then follows the rule for equals. Return the entries in
# the order of the contract.</details>


# %% nbgrader={"grade": false, "grade_id": "choose_cascade", "locked": false, "schema_version": 3, "solution": true, "task": false}
def choose_cascade(rows, least):
    """Return (threshold, share right, mean tokens of a question); None if no threshold
    is good enough.

    Args:
        rows: a list of dicts, at least one: "confidence" of the cheap variant, a float;
            "cheap_right" and "costly_right", bools; "cheap_tokens" and "costly_tokens",
            ints above zero.
        least: the smallest allowed share of correct replies.

    The thresholds to try are the confidences that occur, and math.inf. With a
    threshold, the cheap variant is asked about every question. If its confidence is
    less than the threshold, the costly variant is asked, too, and its reply counts
    instead. If both are asked, the tokens of both are paid. Of the thresholds with a
    share right of at least `least`, choose the one with the fewest tokens; of equals,
    the smallest threshold.
    """
    # BEGIN SOLUTION
    found = []
    for threshold in {row["confidence"] for row in rows} | {math.inf}:
        asked = [row["confidence"] < threshold for row in rows]
        right = sum(
            row["costly_right"] if costly else row["cheap_right"]
            for row, costly in zip(rows, asked)
        )
        tokens = sum(
            row["cheap_tokens"] + costly * row["costly_tokens"]
            for row, costly in zip(rows, asked)
        )
        if right / len(rows) >= least:
            found.append((tokens / len(rows), threshold, right / len(rows)))
    return (
        (lambda tokens, threshold, share: (threshold, share, tokens))(*min(found))
        if found
        else None
    )
    # END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check_choose_cascade", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
check.lab08.choose_cascade(choose_cascade)

# %% [markdown]
# ## 6 In what order?
#
# Put the lines in an order in which each step has the information that it needs, and no score is
# measured on training data. Each letter occurs once; more than one order may be correct.
#
# ```
# A   tuned = fine_tune(model, transcripts)
# B   scores["prompt"] = best_of(prompts, questions.for_trying)
# C   ship(tuned) if kept and promise(tuned) else stop(tuned)
# D   transcripts = collect(of=what_is_still_wrong(scores))
# E   questions = draw_questions(with_right_replies=True)
# F   kept = gate(before=model, after=tuned)
# G   transcripts = without(questions.for_the_end, transcripts)
# H   scores["retrieval"] = score(model, search(handbook), questions.for_trying)
# ```


# %% nbgrader={"grade": false, "grade_id": "build_order", "locked": false, "schema_version": 3, "solution": true, "task": false}
def build_order():
    """Return the order of the lines, a string of eight letters."""
    # BEGIN SOLUTION
    return "EBHDGAFC"
    # END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check_build_order", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check.lab08.build_order(build_order)

# %% [markdown]
# ## 7 Within the budget
#
# Several variants were measured, and the owner has three budgets. A variant that exceeds one of
# them is excluded, whatever its accuracy. Among the others, the best is the variant with the
# highest lower bound. For each excluded variant, the owner may ask why it was excluded.
#
# <details><summary>Hint 1</summary>Make the dict of excluded variants first. It also says which
# variants are left.</details>
#
# <details><summary>Hint 2</summary>For each variant, list the budgets that it exceeds, in the given
# order, and keep only lists that are not empty. For the best one, <code>min</code> or
# <code>max</code> with a key that is a pair; both return the first of equals. What if no variant is
# left?</details>


# %% nbgrader={"grade": false, "grade_id": "configure", "locked": false, "schema_version": 3, "solution": true, "task": false}
def configure(arms, budget):
    """Return a pair (name, excluded): the best variant within the budget, or None, and
    the excluded variants.

    Args:
        arms: a list of variants: dicts, maybe empty, no two with the same "name".
            "share" is the share of correct replies, "low" the lower end of its
            interval. The others are "tokens", "p95" and "update_minutes".
        budget: a dict with the greatest "tokens", "p95" and "update_minutes" that are
            allowed.

    excluded: a dict from the name of every variant that exceeds at least one of the
    three budgets to the list of the budgets that it exceeds, in the order tokens, p95,
    update_minutes. Other variants are not in it.

    The best variant is the one with the greatest "low" of those that are left; of
    equals, the one with the fewest tokens; of equals in both, the first.
    """
    # BEGIN SOLUTION
    excluded = {}
    for arm in arms:
        broken = [
            name
            for name in ("tokens", "p95", "update_minutes")
            if arm[name] > budget[name]
        ]
        if broken:
            excluded[arm["name"]] = broken
    left = [arm for arm in arms if arm["name"] not in excluded]
    best = min(left, key=lambda arm: (-arm["low"], arm["tokens"]), default=None)
    return (best["name"] if best else None), excluded
    # END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check_configure", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
check.lab08.configure(configure)

# %% [markdown]
# ### Predict
#
# Below, the fine-tuned assistant answers questions about a new handbook. The cheap variant gets
# only the best chunk. The expensive variant gets three chunks, which cost twice the tokens. The
# confidence of the cheap variant is the mean probability of the tokens of its reply.
#
# Your cascade is chosen on one half of the questions: its accuracy there may be at most 2 points
# below the accuracy of the expensive variant. It is measured on the other half. Which variant is
# correct more often? Choose one of the options before you run the next cell.

# %% nbgrader={"grade": false, "grade_id": "prediction", "locked": false, "schema_version": 3, "solution": true, "task": false}
options = [
    "three chunks, by 5 points or more",
    "both about equal",
    "one chunk, by 5 points or more",
]
prediction = None  # one of the options
# BEGIN SOLUTION
prediction = "three chunks, by 5 points or more"
# END SOLUTION

# %%
import time

import numpy as np
from adaptlab import plots
from adaptlab.course.assistant import assistant
from adaptlab.evals.statistics import proportion
from adaptlab.models.local import LocalChat
from adaptlab.studies.arms import SHORT, test_questions
from adaptlab.world.support import aspects

check.predicted(prediction, options)

# %%
tuned = assistant(LocalChat("embedded:chat"))
asked = test_questions(5)[10:90]


def answered(questions):
    """Return for each question: whether all four aspects are correct, tokens, seconds,
    and the confidence of the model.
    """
    found = []
    for one in questions:
        began = time.perf_counter()
        (reply,) = tuned.batch([one.messages(SHORT)], max_new_tokens=48)
        seconds = time.perf_counter() - began
        sure = float(
            np.exp(tuned.log_probabilities(one.messages(SHORT), reply.text)).mean()
        )
        right = aspects(reply.text, one.value, one.gold).all_four
        found.append(
            (right, reply.n_prompt_tokens + reply.n_completion_tokens, seconds, sure)
        )
    return found


# %%
cheap = answered([one.with_first() for one in asked])
costly = answered(asked)
rows = [
    {
        "confidence": sure,
        "cheap_right": right,
        "cheap_tokens": n,
        "costly_right": costly_right,
        "costly_tokens": m,
    }
    for (right, n, _, sure), (costly_right, m, _, _) in zip(cheap, costly)
]
known = rows[::2]
others = rows[1::2]
costly_share = sum(row["costly_right"] for row in known) / len(known)
threshold = (choose_cascade(known, costly_share - 0.02) or (math.inf,))[0]
unsure = [row["confidence"] < threshold for row in others]
right = {
    "one chunk": [row["cheap_right"] for row in others],
    "three chunks": [row["costly_right"] for row in others],
    "cascade": [
        row["costly_right"] if more else row["cheap_right"]
        for row, more in zip(others, unsure)
    ],
}
tokens = {
    "one chunk": [row["cheap_tokens"] for row in others],
    "three chunks": [row["costly_tokens"] for row in others],
    "cascade": [
        row["cheap_tokens"] + more * row["costly_tokens"]
        for row, more in zip(others, unsure)
    ],
}

# %%
seconds = {
    "one chunk": [s for *_, s, _ in cheap],
    "three chunks": [s for *_, s, _ in costly],
}
seconds["cascade"] = [
    a + (b if row["confidence"] < threshold else 0)
    for a, b, row in zip(seconds["one chunk"], seconds["three chunks"], rows)
]
variants = []
for name, hits in right.items():
    p95, kept = keeps_promise(seconds[name], 95, 1.0)
    score = proportion(hits)
    variants.append(
        {
            "name": name,
            "share": score.value,
            "low": score.low,
            "tokens": float(np.mean(tokens[name])),
            "p95": p95,
            "update_minutes": 0.0,
        }
    )
    print(
        f"{name:<13} accuracy {score}; {variants[-1]['tokens']:.0f} tokens; 95% within"
        f" {p95:.2f} s, so the promise of one second is {'kept' if kept else 'broken'}"
    )
ahead = sum(right["three chunks"]) - sum(right["one chunk"])
measured = options[1 if abs(ahead) < 0.05 * len(others) else 0 if ahead > 0 else 2]
print(
    "under 200 tokens and a second:"
    f" {configure(variants, {'tokens': 200, 'p95': 1.0, 'update_minutes': 1})}"
)
print(
    f"the cascade asks again about {sum(unsure)} of {len(unsure)}; correct more often:"
    f" {measured}; your prediction: {prediction}"
)
plots.bars(
    "All four at once",
    "share of replies",
    {name: proportion(hits) for name, hits in right.items()},
)

# %% [markdown]
# ## 8 The memo
#
# Write to the owner of the shop, who has a budget of 200 tokens per question and promises a reply
# within a second. Write six to ten sentences that are a basis for a decision:
#
# - Which variant do you ship, on which numbers, and how sure are you?
# - What would you measure next, and which result would change your decision?
# - Which part of your prediction was correct, which was not, and why?
#
# *A person marks this. 1 point: a decision that follows from the printed numbers and the budget. 1
# point: how wide the intervals of so few questions are, and what that means for the choice. 1
# point: a next measurement, with the result that would change the decision.*

# %% [markdown] nbgrader={"grade": true, "grade_id": "explanation", "locked": false, "points": 3, "schema_version": 3, "solution": true, "task": false}
# I would ship the variant that is within your budget and has the highest lower bound. It is the one
# that `configure` names above, together with the reasons that excluded others. Three chunks include
# the correct chunk a little more often, but also others that distract a small model. So the
# expensive variant has no advantage that a cascade could buy; the cascade chosen here asks it
# rarely or never.
#
# 40 questions are few, and the intervals overlap to a large part. So I can say that the variant is
# within the budget and not clearly worse, but not by how much it is better. Next I would measure
# 300 questions of your real customers, with unanswerable ones among them, as a paired comparison.
#
# If three chunks were ahead by 5 points there, which is possible with a weaker search, I would
# change to the cascade. If unanswerable questions were answered more often than now, I would stop
# and fine-tune again. I had expected that more of the handbook can only help.
