# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Lab 09: more levers
#
# [Open in Colab](https://colab.research.google.com/github/adaptlab/adaptlab/blob/main/labs/lab09_more_levers.ipynb)
#
# **Takeaway: before you train with reinforcement learning, measure how many groups of replies give
# a signal. A verifier, its advantages and pass@k suffice.**
#
# After this lab you can
#
# - write a verifier, a reward that is hard to hack, and compute the advantages of RLOO;
# - estimate pass@k without bias, and say what training on a reward can reach;
# - search prompts without overfitting, build distillation data, and fit a baseline without a
#   language model.
#
# **About 145 minutes, 20 points.** The core part takes about 75 minutes: exercises 3, 4, 5 and 7,
# with the first part of the experiment. Its later parts need exercises 1 and 6. The optional
# exercises are for full points; every exercise counts as the table says.
#
# Work through lessons 08, 11 and 12 first. Replace each `raise NotImplementedError()` by your
# answer, and keep the names of the functions. Run the check below each exercise as often as you
# like; its message names the problem. The grader uses the same checks with other inputs.
#
# Work on a copy of this notebook. Before you hand it in, run this command in a terminal in the
# course folder: `.venv/bin/adaptlab labs check COPY.ipynb`. It runs the whole notebook as the
# grader does, and reports which exercises pass. An error in the cell of an answer costs you that
# answer, so try things out in new cells. After a restart of the kernel, run all cells again from
# the first one.
#
# | exercise | points | lines | minutes | difficulty | part |
# |---|---|---|---|---|---|
# | 1 `search_prompts` | 3 | 16 | 30 | hard | optional |
# | 2 `distillation_rows` | 3 | 11 | 20 | medium | optional |
# | 3 `reward` | 3 | 5 | 25 | medium | core |
# | 4 `group_advantages` | 2 | 5 | 15 | easy | core |
# | 5 `pass_at_k` | 3 | 3 | 20 | medium | core |
# | 6 `baseline`, and the experiment | 3 | 3 | 20 | easy | optional |
# | 7 in your own words | 3 | | 15 | medium | core |

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

import numpy as np
from adaptlab.grading import check
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

# %% [markdown]
# ## A worked example: the winner's curse
#
# You try 16 prompts on 20 development cases and keep the best. Assume that all 16
# prompts have the same true accuracy, 70%. How high is the score of the winner on the
# cases on which it won?

# %%
rng = np.random.default_rng(0)
hits_of_equals = rng.random((1000, 16, 20)) < 0.7  # searches, prompts, cases
winners = hits_of_equals.mean(axis=2).max(axis=1)
print(f"score of the winner where it won: {winners.mean():.0%} on average")
print("its accuracy on new cases: 70%")

# %% [markdown]
# The winner has no advantage except luck, and luck does not carry over to new cases. The more
# prompts you try, and the fewer cases you have, the larger this **winner's curse** is.
#
# ## 1 A prompt search that does not overfit
#
# An optimiser of prompts is a loop over candidates with a budget of model calls. **Successive
# halving** (Karnin et al. 2013; Jamieson and Talwalkar 2016,
# [arXiv:1502.07943](https://arxiv.org/abs/1502.07943)) spends few calls on bad prompts. It
# evaluates all prompts on a few cases, keeps the better half, and evaluates these on more cases,
# until one is left. The score that you report is from cases that had no part in the choice.
#
# With $P_r$ prompts in round $r$, $R = \lceil \log_2 P_1 \rceil$ rounds and a budget of $B$
# evaluations, each prompt is evaluated on
#
# $$m_r = \left\lfloor \frac{B}{R \, P_r} \right\rfloor$$
#
# new cases in round $r$, as long as there are so many.
#
# <details><summary>Hint 1</summary>
#
# Keep three things: the names that are left, the hits of each name so far, and the number of the
# next case.
#
# </details>
#
# <details><summary>Hint 2</summary>
#
# If you sort the names with `sorted`, equal names keep their order. So sort a list that is in the
# order of `hits`, and bring the better half back into this order before the next round.
#
# </details>
#
# <details><summary>Hint 3</summary>
#
# A round uses the cases from `start` to `end`, and `end` is at most the number of cases for
# choosing. `(P + 1) // 2` rounds half of P up. The number of evaluations grows by P times the
# number of cases of this round.
#
# </details>


# %% nbgrader={"grade": false, "grade_id": "search_prompts", "locked": false, "schema_version": 3, "solution": true, "task": false}
def search_prompts(hits, budget):
    """Choose a prompt by successive halving; return (name, score, n_evaluations).

    Args:
        hits: a dict from the name of each prompt, at least one, to its list of 0 and 1,
            one for each development case. All lists have the same length n, at least 2.
            The first n // 2 cases are for choosing, the others are only for the score.
        budget: an int of at least 0, the number of evaluations for choosing. One
            evaluation is one prompt on one case.

    Returns:
        name: the chosen prompt. score: the mean of its hits on the cases for the score,
        a float. n_evaluations: the number of evaluations that choosing used, an int.

    There are R = ceil(log2(number of prompts)) rounds, so 0 rounds with one prompt. In
    a round with P prompts, each prompt is evaluated on the next budget // (R * P) cases
    for choosing, or on all that are left if these are fewer. No case is used in two
    rounds. Then the better half of the prompts stays, rounded up, by the hits in all
    rounds so far. Of equals, the prompt that comes first in `hits` stays.
    """
    # BEGIN SOLUTION
    n_choice = len(next(iter(hits.values()))) // 2
    n_rounds = math.ceil(math.log2(len(hits)))
    left = list(hits)
    n_hits = dict.fromkeys(hits, 0)
    start = used = 0
    while len(left) > 1:
        end = min(n_choice, start + budget // (n_rounds * len(left)))
        for name in left:
            n_hits[name] += sum(hits[name][start:end])
        used += len(left) * (end - start)
        start = end
        ranked = sorted(left, key=lambda name: -n_hits[name])
        best = ranked[: math.ceil(len(left) / 2)]
        left = [name for name in hits if name in best]
    for_score = hits[left[0]][n_choice:]
    return left[0], sum(for_score) / len(for_score), used
    # END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check_search_prompts", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
check.lab09.search_prompts(search_prompts)

# %% [markdown]
# ## 2 Data for distillation
#
# A long system prompt works, but every query pays for it. **Context distillation** (Askell et al.
# 2021, [arXiv:2112.00861](https://arxiv.org/abs/2112.00861); Snell et al. 2022,
# [arXiv:2209.15189](https://arxiv.org/abs/2209.15189)) moves the prompt into the weights: a model
# is trained on the replies of the prompted model, but without the prompt. No labels are needed. The
# model also learns all faults of the replies, so you filter them first.
#
# <details><summary>Hint 1</summary>
#
# Strip the text once, and use the stripped text everywhere below. A row is a new list.
#
# </details>
#
# <details><summary>Hint 2</summary>
#
# Test for the three reasons to drop a reply first, in this order: cut off, empty, not valid. A
# reply with exactly `limit` tokens is cut off. Two dicts with equal entries are equal, so `in`
# finds a row that is already there.
#
# </details>


# %% nbgrader={"grade": false, "grade_id": "distillation_rows", "locked": false, "schema_version": 3, "solution": true, "task": false}
def distillation_rows(examples, replies, limit, is_valid):
    """Return training conversations without system prompts: a list of lists of
    messages.

    Args:
        examples: a list of dicts with "messages" and "gold". The messages are dicts
            with "role" and "content"; the last one is the user's, and the first one may
            have the role "system". "gold" is a label for the test, which has no part in
            this.
        replies: a list of dicts, one for each example, in the same order: "text" of the
            prompted model, and "n_completion", its number of tokens.
        limit: the largest number of tokens that the model was allowed to generate; a
            reply with so many is cut off.
        is_valid: a function (text) -> bool.

    A row is the example's messages without those of the role "system", then the message
    {"role": "assistant", "content": the reply's text after strip()}. There is no row
    for a reply that is cut off, that is empty after strip(), or for whose stripped text
    `is_valid` is false. Of equal rows only the first is kept. The arguments are not
    changed.
    """
    # BEGIN SOLUTION
    rows = []
    for example, reply in zip(examples, replies):
        text = reply["text"].strip()
        is_cut_off = reply["n_completion"] >= limit
        if is_cut_off or not text or not is_valid(text):
            continue
        turns = [one for one in example["messages"] if one["role"] != "system"]
        row = [*turns, {"role": "assistant", "content": text}]
        if row not in rows:
            rows.append(row)
    return rows
    # END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check_distillation_rows", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
check.lab09.distillation_rows(distillation_rows)

# %% [markdown]
# ## 3 A verifier without holes
#
# Reinforcement learning with verifiable rewards (Lambert et al. 2024,
# [arXiv:2411.15124](https://arxiv.org/abs/2411.15124)) trains a model on the score of a function.
# The model finds every hole in this function: if the sum may be anywhere in the reply, the model
# learns to list numbers. This is **reward hacking** (Amodei et al. 2016,
# [arXiv:1606.06565](https://arxiv.org/abs/1606.06565)). `adaptlab tune --reward` takes a function
# with this signature.
#
# <details><summary>Hint 1</summary>
#
# First find all numbers of the reply as texts. Then there are two conditions: one on the last
# number, one on all numbers. What if there is no number?
#
# </details>
#
# <details><summary>Hint 2</summary>
#
# One regular expression finds all numbers: an optional sign, digits, then any number of groups of a
# point or a comma and digits. In Python, `\d` and `int()` also read digits of other scripts, so
# write `[0-9]`.
#
# </details>
#
# <details><summary>Hint 3</summary>
#
# The common pattern `\d[\d.,]*` has two faults here: it has no sign, and it takes the point at the
# end of "It is 46." into the number. A group that repeats should not capture: `(?:...)*`. Else
# `re.findall` returns the groups and not the numbers.
#
# </details>


# %% nbgrader={"grade": false, "grade_id": "reward", "locked": false, "schema_version": 3, "solution": true, "task": false}
def reward(reply, fields):
    """Return 1.0 if a reply to "What is a + b?" is correct, else 0.0; always a float.

    reply: a str. fields: a dict with the ints "a" and "b", both at least 1.

    A number in a reply is a longest run of the digits 0 to 9, together with
    - a minus sign right before it, which is "-" or "−" (U+2212),
    - any groups of one point or comma and more digits right after it. So 4.6 and 46,000
      are one number each. The point at the end of "It is 46." is not a part of 46.
    Numbers are compared as text, so 046, 46.0 and -46 are not 46. A reply is correct if
    its last number is the sum of a and b, and each of its other numbers is a, b, or the
    sum.
    """
    # BEGIN SOLUTION
    found = re.findall(r"[-\u2212]?[0-9]+(?:[.,][0-9]+)*", reply)
    gold = str(fields["a"] + fields["b"])
    allowed = {str(fields["a"]), str(fields["b"]), gold}
    is_correct = bool(found) and found[-1] == gold and set(found) <= allowed
    return float(is_correct)
    # END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check_reward", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
check.lab09.reward(reward)

# %% [markdown]
# ## 4 Advantages of a group
#
# How good is a reply, compared with what the model usually writes? **RLOO** (Ahmadian et al. 2024,
# [arXiv:2402.14740](https://arxiv.org/abs/2402.14740)) samples $k$ replies to a prompt. The
# baseline of reply $i$ is the mean reward of the other replies:
#
# $$A_i = r_i - \frac{1}{k-1} \sum_{j \ne i} r_j$$
#
# Here $r_i$ is the reward of reply $i$. The baseline does not depend on reply $i$ itself, so the
# gradient has no bias. If all replies of a group have the same reward, all advantages are zero, and
# the model learns nothing from this prompt.
#
# <details><summary>Hint</summary>
#
# The sum of the other rewards is the sum of the row minus the own reward. `rewards.sum()` sums over
# all groups; `axis=1` sums each row, and `keepdims=True` keeps the shape (n_prompts, 1).
#
# </details>


# %% nbgrader={"grade": false, "grade_id": "group_advantages", "locked": false, "schema_version": 3, "solution": true, "task": false}
def group_advantages(rewards):
    """Return the RLOO advantages, a float array of the shape of `rewards`.

    Args:
        rewards: an array (n_prompts, k) of floats or ints; row i has the rewards of the
            k replies to prompt i.

    Raises ValueError if k is less than 2.
    """
    # BEGIN SOLUTION
    k = rewards.shape[1]
    if k < 2:
        raise ValueError("A group has fewer than 2 replies. Sample at least 2.")
    mean_of_others = (rewards.sum(axis=1, keepdims=True) - rewards) / (k - 1)
    return rewards - mean_of_others
    # END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check_group_advantages", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check.lab09.group_advantages(group_advantages)

# %% [markdown]
# ## 5 pass@k without bias
#
# **pass@k** is the probability that at least one of $k$ replies is correct. You have $n \ge k$
# replies, of which $c$ are correct. The obvious estimate $1 - (1 - c/n)^k$ is biased. Chen et al.
# (2021, [arXiv:2107.03374](https://arxiv.org/abs/2107.03374)) average over all sets of $k$ of the
# $n$ replies:
#
# $$\text{pass@}k = 1 - \frac{\binom{n-c}{k}}{\binom{n}{k}}$$
#
# If $n - c < k$, each set has a correct reply, and the result is 1.
#
# <details><summary>Hint 1</summary>
#
# `math.comb` returns exact ints of any size, and is 0 if there are too few replies to choose from.
#
# </details>
#
# <details><summary>Hint 2</summary>
#
# Python divides two large ints exactly; floats would overflow. So divide the two ints directly,
# without `float(...)` and without NumPy. Test the two conditions of the contract first.
#
# </details>


# %% nbgrader={"grade": false, "grade_id": "pass_at_k", "locked": false, "schema_version": 3, "solution": true, "task": false}
def pass_at_k(n, c, k):
    """Return the unbiased estimate of pass@k, a float from 0 to 1.

    Args:
        n: the number of replies, an int, up to 100,000.
        c: the number of correct replies, an int.
        k: the number of replies of which one has to be correct, an int.

    Raises ValueError unless 0 <= c <= n and 1 <= k <= n.
    """
    # BEGIN SOLUTION
    if not (0 <= c <= n and 1 <= k <= n):
        raise ValueError(f"n={n}, c={c}, k={k} is not possible. Use c <= n and k <= n.")
    return 1 - math.comb(n - c, k) / math.comb(n, k)
    # END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check_pass_at_k", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
check.lab09.pass_at_k(pass_at_k)

# %% [markdown]
# ## 6 A baseline without a language model
#
# Before you pay for a language model, fit the classifier that takes a second: word weights by
# **TF-IDF** and a **logistic regression**. If it is as accurate, you are done. If it is not, its
# accuracy is the number that your prompt has to exceed.
#
# Lesson 11 uses a weaker regularisation (`C=10.0`). Here, use the default settings, so that the
# baseline is comparable.
#
# <details><summary>Hint</summary>
#
# `make_pipeline` joins a vectorizer and a classifier into one model with `fit`, `predict` and
# `predict_proba`.
#
# </details>


# %% nbgrader={"grade": false, "grade_id": "baseline", "locked": false, "schema_version": 3, "solution": true, "task": false}
def baseline(train_texts, train_labels, texts):
    """Return (labels, probabilities) of the texts, by TF-IDF and logistic regression.

    Args:
        train_texts, train_labels: lists of str of equal length, with at least 2
            different labels.
        texts: a list of str, at least one.

    Returns:
        labels: a list or array of str, the predicted label of each text. probabilities:
        an array (number of texts, number of labels), with a column for each label in
        alphabetical order.

    The model is scikit-learn's TfidfVectorizer and LogisticRegression, with their
    default settings. Both are fitted on the training texts only.
    """
    # BEGIN SOLUTION
    model = make_pipeline(TfidfVectorizer(), LogisticRegression())
    model.fit(train_texts, train_labels)
    return list(model.predict(texts)), model.predict_proba(texts)
    # END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check_baseline", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
check.lab09.baseline(baseline)

# %% [markdown]
# ### Predict
#
# Below, the small model of the course answers 60 word problems such as "Ada has 34
# lamps. Ben gives 12 to Ada. How many lamps does Ada have now?". It samples 8 replies
# to each, at temperature 1 and without steps, and your `reward` scores them. In how
# many of the 60 groups are all advantages zero, so that reinforcement learning would
# learn nothing? Choose one of the options before you continue.

# %% nbgrader={"grade": false, "grade_id": "prediction", "locked": false, "schema_version": 3, "solution": true, "task": false}
options = ["fewer than 10 groups", "10 to 30 groups", "more than 30 groups"]
prediction = None  # one of the options
# BEGIN SOLUTION
prediction = "fewer than 10 groups"
# END SOLUTION

# %%
import random

from adaptlab import plots
from adaptlab.evals.statistics import mean, proportion
from adaptlab.messages import user
from adaptlab.models.local import LocalChat
from adaptlab.world.reviews import review

check.predicted(prediction, options)
N_PROBLEMS = 60
N_REPLIES = 8

# %%
chat = LocalChat("embedded:chat")
draw = random.Random("lab09")
problems = []
for _ in range(N_PROBLEMS):
    problems.append({"a": draw.randint(10, 60), "b": draw.randint(2, 39)})
prompts = []
for fields in problems:
    text = (
        f"Ada has {fields['a']} lamps. Ben gives {fields['b']} to Ada."
        " How many lamps does Ada have now?"
    )
    prompts += [[user(text)]] * N_REPLIES
replies = chat.batch(prompts, max_new_tokens=12, temperature=1.0, seed=9)
scores = []
for number, reply in enumerate(replies):
    scores.append(reward(reply.text, problems[number // N_REPLIES]))
rewards = np.array(scores).reshape(N_PROBLEMS, N_REPLIES)

# %% [markdown]
# The groups without a signal, and pass@k: how often the model knows a correct reply
# that it does not always choose.

# %%
is_silent = np.all(group_advantages(rewards) == 0, axis=1)
n_silent = int(is_silent.sum())
is_zero = rewards.sum(axis=1) == 0
print(f"{n_silent} of {N_PROBLEMS} groups have only zero advantages")
print(f"in {int(is_zero.sum())} of them no reply is correct, in the others all are")
measured = options[(n_silent >= 10) + (n_silent > 30)]
print(f"measured: {measured}; your prediction: {prediction}")
ks = [1, 2, 4, 8]
correct = rewards.sum(axis=1).astype(int).tolist()
passed = {}
for k in ks:
    passed[f"pass@{k}"] = mean([pass_at_k(N_REPLIES, c, k) for c in correct])
plots.bars("One correct reply among k", "probability", passed)

# %% [markdown]
# Reply $j$ to each problem comes from the same prompt for all $j$. Pretend that the replies come
# from 8 different prompts, and search for the best. All differences are luck. The search may use
# fewer evaluations than its budget: if all cases for choosing are used, a later round decides by
# the hits so far. This cell needs exercise 1.

# %%
table = {}
for j in range(N_REPLIES):
    table[f"prompt {j}"] = rewards[:, j].astype(int).tolist()
name, score, n_used = search_prompts(table, budget=240)
on_choice = proportion(table[name][: N_PROBLEMS // 2])
on_others = proportion(table[name][N_PROBLEMS // 2 :])
print(f"{name}, chosen with {n_used} evaluations")
print(f"accuracy on the cases for choosing: {on_choice}")
print(f"accuracy on the other cases: {on_others}, reported {score:.2f}")

# %% [markdown]
# The last cell runs the baseline on the topics of product reviews. It is trained on some labelled
# reviews, and tested on reviews with other wordings. It needs exercise 6.

# %%
tested = [review(draw, "held_out") for _ in range(200)]
accuracy = {}
for n_labelled in (10, 40, 160):
    labelled = [review(draw) for _ in range(n_labelled)]
    labels, _ = baseline(
        [one.text for one in labelled],
        [one.topic for one in labelled],
        [one.text for one in tested],
    )
    right = [label == one.topic for label, one in zip(labels, tested)]
    accuracy[f"{n_labelled} labelled"] = proportion(right)
plots.bars("The baseline, by labelled reviews", "accuracy", accuracy)

# %% [markdown]
# ## 7 In your own words
#
# A colleague wants to train the model on these 60 problems with RLOO, with 8 replies to each. Use
# the numbers above to answer in six to ten sentences:
#
# - What would you say to the colleague?
# - What does the difference between pass@1 and pass@8 say about what training on the reward can
#   reach, and what does it not say?
# - Which hole could a verifier for *your own* task have, and how would you find it?
# - Was your prediction correct, and why?
#
# *A person marks this. 1 point: which groups give a signal and which problems you would choose. 1
# point: what pass@1 and pass@8 show and do not show. 1 point: a concrete hole with a way to find
# it.*

# %% [markdown] nbgrader={"grade": true, "grade_id": "explanation", "locked": false, "points": 3, "schema_version": 3, "solution": true, "task": false}
# In a part of the groups all rewards are equal, so their advantages are zero and their replies are
# computed for nothing. There are two kinds of them: no reply is correct, or all are. I would leave
# out the problems that the model always solves. For those that it never solves I would let it write
# the steps, or sample more replies.
#
# pass@8 is far higher than pass@1, and the intervals do not overlap. For most problems the model
# has a correct reply that it does not always choose, and training on the reward can move
# probability to these replies. The difference does not tell whether training finds replies that the
# model never samples. It also does not tell whether the result holds for other kinds of problems.
#
# The verifier of my own task, which asks for a JSON object, could accept a reply with two objects
# of which one is correct. I would look for such holes in two ways: I would write cheating replies
# before training, and read the replies with the highest rewards during training. My prediction was
# too low: I had expected that sampling at temperature 1 makes the replies of nearly every group
# differ.
