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
# The last lab is about deciding. You will write what a team needs before it ships an assistant: the bill of each way to build it, a judge for its
# replies, a promise on seconds, a rule that asks a costlier arm only where the cheap one is unsure, and a choice within a budget. Then your functions
# decide about the real assistant of the course, on handbooks that it has not met, and you write the memo.
#
# **About 80 minutes, 20 points.** Every exercise has a check beside it: run it as often as you like, it says what it sees. The grader asks the same
# questions with other inputs. Work through lesson 09 first. Answer where `NotImplementedError` stands, and keep the names of the functions.
#
# Work on a copy of this notebook. Before you hand it in, in a terminal in the folder of the course: `.venv/bin/adaptlab labs check COPY.ipynb`. It runs
# everything from the start, as the grader will, and says what passes. A line that fails in the cell of an answer costs the answer, so try things out in
# cells of your own; and after a restart, run the cells from the first one on again.
#
# | exercise | points | lines | minutes |
# |---|---|---|---|
# | 1 `bill` | 2 | 5 | 8 |
# | 2 `break_even` | 2 | 4 | 8 |
# | 3 `score_reply` | 3 | 12 | 16 |
# | 4 `keeps_promise` | 2 | 3 | 8 |
# | 5 `choose_cascade` | 3 | 8 | 14 |
# | 6 `build_order` | 2 | 1 | 6 |
# | 7 `configure`, and the experiment | 3 | 7 | 12 |
# | 8 the memo | 3 | | 8 |

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
# Two arms answer the same questions. One has a long prompt, of which most is the same in every query; the other was tuned, and needs a short one. The
# tuning is paid once. Look at what a single query costs, and at how many of them it takes until the training is worth a day's difference.

# %%
long_query = 600 * 0.5 / 1e6
short_query = 80 * 0.5 * 2 / 1e6  # money; the tuned model's tokens are twice as costly
training = 2_000_000 * 8 / 1e6
print(
    f"a query: {long_query:.6f} with the long prompt, {short_query:.6f} tuned; the"
    f" training {training:.0f}"
)
print(f"a thousand queries save {1000 * (long_query - short_query):.2f}")

# %% [markdown]
# ## 1 The bill
#
# What does an arm cost in a month? Tokens that are the same at the beginning of every prompt are cached by the server, and cost less. A tuned model's
# queries are costlier. Training is paid once, and spread over the months for which the arm is used; and where facts change, something may have to be
# trained anew, each time.
#
# <details><summary>Hint</summary>Begin with one query: its new tokens, its cached tokens, its reply. All prices are for a million tokens.</details>


# %% nbgrader={"grade": false, "grade_id": "bill", "locked": false, "schema_version": 3, "solution": true, "task": false}
def bill(arm, n_queries, n_updates, months, prices):
    """Money a month, a float.

    arm: a dict with "prompt_tokens" of a query, "cached_tokens", which are those of the
    prompt that are the same in every query, "reply_tokens" of a query,
    "training_tokens", paid once, "update_tokens", trained on at each update, and
    "tuned", a bool. n_queries: a day; a month has 30 days. n_updates: a month. months:
    over which the training is spread, at least 1. prices: a dict of money for a million
    tokens: "prompt" for tokens of the prompt that are not cached, "cached" for those
    that are, "reply", "training"; and "tuned", the factor by which all tokens of a
    tuned arm's queries are costlier. Training has no factor.
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
# ## 2 Where two bills meet
#
# One arm is cheap to begin with, another by the query. Somewhere between a prototype and a million customers they change places; or they never do.
#
# <details><summary>Hint</summary>Write both bills as lines in n, the queries a day, and solve for n. Then think of the cases in which the solution
# means nothing.</details>


# %% nbgrader={"grade": false, "grade_id": "break_even", "locked": false, "schema_version": 3, "solution": true, "task": false}
def break_even(a, b):
    """The number of queries a day, more than zero, at which both cost the same in a
    month of 30 days; None if there is no such number, as for two bills that are always
    the same.

    a, b: dicts with "fixed", money a month, and "per_query", money for one query. The
    number is a float and not rounded.
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
# Another house wants replies of three lines:
#
# ```
# Hello Ada,
# The lamp is blue.
# Sources: 2, 3
# ```
#
# An exact judge is worth more than a clever one: two people who read the rule must come to the same verdict. Read the rule below twice before you
# write; most of the work is in its cases.
#
# <details><summary>Hint</summary>First split off the line of sources, if it is one. What is left is the letter. A word of its own: <code>re</code>
# with what may not stand before and behind it, or all runs of letters and digits of the letter.</details>


# %% nbgrader={"grade": false, "grade_id": "score_reply", "locked": false, "schema_version": 3, "solution": true, "task": false}
def score_reply(reply, value, gold):
    """What a reply got right: a dict of bools with the keys "form", "right", "cited",
    "tone".

    reply: a str; its lines are reply.split("\\n"). If the last line begins with
    "Sources: " it is the line of sources, and the lines before it are the letter;
    otherwise there is no such line, and the whole reply is the letter. value: a str of
    letters and digits, or None where the handbook has none. gold: a set of ints, the
    chunks that state the value. form: there are exactly three lines, and the third is
    "Sources: none" or "Sources: " and numbers (digits 0 to 9) with ", " between them.
    right: the value stands in the letter as a word of its own, with no letter or digit
    right before or behind it, written just so, and the letter does not hold "not in our
    handbook"; with value None, the letter does hold that. cited: the line of sources
    holds a number, and every number in it is in gold; with value None, that line is
    exactly "Sources: none". tone: the first line begins with "Hello ", ends with ","
    and has something between; and there is no "!" in the reply.
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
# ## 4 A promise on seconds
#
# "95 of 100 replies come within a second." A mean cannot keep such a promise, and a value between two measurements was never measured. The *nearest
# rank* is: the smallest of the seconds such that at least that share of them are no greater.


# %% nbgrader={"grade": false, "grade_id": "keeps_promise", "locked": false, "schema_version": 3, "solution": true, "task": false}
def keeps_promise(seconds, percent, limit):
    """A pair (value, kept): the nearest-rank percentile, and whether it is at most
    `limit`.

    seconds: a list of floats, at least one, in any order. percent: an int from 1 to
    100. The value is the smallest of the seconds such that at least `percent` of 100 of
    them are no greater than it.
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
# A cheap arm answers first and says how sure it is. Where it is less sure than a threshold, a costly arm is asked as well, and its reply counts. The
# threshold is chosen on questions whose answers are known: of all thresholds that are right often enough, the one that costs least.


# %% nbgrader={"grade": false, "grade_id": "choose_cascade", "locked": false, "schema_version": 3, "solution": true, "task": false}
def choose_cascade(rows, least):
    """A tuple (threshold, share right, mean tokens of a question); None if no threshold
    is right often enough.

    rows: a list of dicts, at least one: "confidence" of the cheap arm, a float;
    "cheap_right" and "costly_right", bools; "cheap_tokens" and "costly_tokens", ints
    above zero. The thresholds to try are the confidences that occur, and math.inf. With
    a threshold the cheap arm is asked about every question; where its confidence is
    less than the threshold the costly arm is asked, too, and is right or not in its
    place. Tokens of both are paid where both are asked. Of the thresholds with a share
    right of at least `least` choose the one with the fewest tokens; of equals the
    smallest.
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
# Put the lines in an order in which each step knows what it has to know, and no score is of what was learned by heart. Each letter occurs once; more
# than one order may be right.
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
    """The order of the lines, a string of eight letters."""
    # BEGIN SOLUTION
    return "EBHDGAFC"
    # END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check_build_order", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check.lab08.build_order(build_order)

# %% [markdown]
# ## 7 Within the budget
#
# Arms were measured, and the owner has three budgets. What breaks one of them cannot be taken, however good. Among the rest the best is the one that
# is surest to be good. And whoever wanted another arm will ask why it was not taken.


# %% nbgrader={"grade": false, "grade_id": "configure", "locked": false, "schema_version": 3, "solution": true, "task": false}
def configure(arms, budget):
    """A pair (name, excluded): the best arm within the budget, or None, and what
    excluded others.

    arms: a list of dicts, maybe empty, no two with the same "name": "share" right,
    "low", the lower end of its interval, and "tokens", "p95" and "update_minutes".
    budget: a dict with the greatest "tokens", "p95" and "update_minutes" that are
    allowed. excluded: a dict from the name of every arm that exceeds at least one of
    them to the list of the budgets that it exceeds, in the order tokens, p95,
    update_minutes; other arms are not in it. The best arm is the one with the greatest
    "low" of those that are left; of equals the one with the fewest tokens; of equals in
    both the first.
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
# Below, the tuned assistant answers questions about a handbook that it has not met. The cheap arm shows it the best chunk alone; the costly arm shows it
# three, which cost twice the tokens. How sure the cheap arm is, is the mean probability of the words of its reply. Your cascade is chosen on one half
# of the questions, to be right as often as the costly arm alone but for two points, and measured on the other half. Which arm will be right more often?
# Choose one of the options before you go on.

# %% nbgrader={"grade": false, "grade_id": "prediction", "locked": false, "schema_version": 3, "solution": true, "task": false}
options = [
    "three chunks, by five points or more",
    "both about alike",
    "one chunk, by five points or more",
]
prediction = None  # one of the options
# BEGIN SOLUTION
prediction = "three chunks, by five points or more"
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
    """For each question: whether all four are right, tokens, seconds, and how sure the
    model was.
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
share_of_dear = sum(row["costly_right"] for row in known) / len(known)
threshold = (choose_cascade(known, share_of_dear - 0.02) or (math.inf,))[0]
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
arms = []
for name, hits in right.items():
    p95, kept = keeps_promise(seconds[name], 95, 1.0)
    score = proportion(hits)
    arms.append(
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
        f"{name:<13} right {score}; {arms[-1]['tokens']:.0f} tokens; 95 of 100 within"
        f" {p95:.2f} s, so one second is {'kept' if kept else 'broken'}"
    )
ahead = sum(right["three chunks"]) - sum(right["one chunk"])
measured = options[1 if abs(ahead) < 0.05 * len(others) else 0 if ahead > 0 else 2]
print(
    "under 200 tokens and a second:"
    f" {configure(arms, {'tokens': 200, 'p95': 1.0, 'update_minutes': 1})}"
)
print(
    f"the cascade asks again about {sum(unsure)} of {len(unsure)}; right more often:"
    f" {measured}, and you said {prediction}"
)
plots.bars(
    "All four at once",
    "share of replies",
    {name: proportion(hits) for name, hits in right.items()},
)

# %% [markdown]
# ## 8 The memo
#
# Write to the owner of the shop, who has a budget of two hundred tokens a question and promises a reply within a second. Which arm do you ship, on what
# numbers, and how sure are you? What would you measure next, and which result would change your mind? Six to ten sentences that somebody can decide on.
# Say, too, what of your prediction came true, what did not, and why.
#
# *A person marks this: 1 point for a decision that follows from the printed numbers and the budget, 1 for how far the intervals of so few questions
# reach and what that means for the choice, 1 for a next measurement with the result that would change the decision.*

# %% [markdown] nbgrader={"grade": true, "grade_id": "explanation", "locked": false, "points": 3, "schema_version": 3, "solution": true, "task": false}
# I would ship the arm that your budget leaves and whose lower bound is highest, which is the one that `configure` names above; what excluded another
# stands beside it. More chunks bring the right one a little more often, and with it others among which a small model loses its way, so that the costly
# arm has no advantage that a cascade could buy; the one chosen here asks it seldom or never. Forty questions are few: the intervals overlap for a good
# part, so I can say that the arm is within the budget and not clearly worse, but not by how much it is better. Next I would ask three hundred
# questions of your real customers, with those that the handbook does not answer among them, in pairs, arm against arm. If three chunks were ahead by
# five points there, as they may be where the search is weaker, I would change to the cascade; if unanswerable questions were answered more often than
# now, I would stop and tune again. I had thought that more of the handbook can only help.
