# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Lab 06: preferences, from the loss to the verdict
#
# [Open in Colab](https://colab.research.google.com/github/adaptlab/adaptlab/blob/main/labs/lab06_preferences.ipynb)
#
# **Takeaway: preference training and best-of-n sampling buy quality at different prices. Compare
# both by quality, KL divergence and cost per query.**
#
# After this lab you can
#
# - compute the log-probability of a reply, and write two losses for preference pairs;
# - read a training report: margin, accuracy, and whether the chosen replies became less likely;
# - estimate best-of-n without bias, and judge the judge.
#
# **About 145 minutes, 20 points.** The core part takes about 80 minutes: exercises 1, 2, 7 and 8,
# with the main experiment. The last reports of the experiment need exercises 4 and 6, too. The
# optional exercises are for full points; every exercise counts as the table says.
#
# Work through lesson 06 first. Replace each `raise NotImplementedError()` by your answer, and keep
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
# | 1 `completion_logp` | 3 | 3 | 20 | medium | core |
# | 2 `doubtful_loss` | 2 | 2 | 15 | medium | core |
# | 3 `per_token_loss` | 2 | 2 | 10 | easy | optional |
# | 4 `reward_report` | 2 | 7 | 20 | medium | optional |
# | 5 `preference_order` | 2 | 1 | 10 | easy | optional |
# | 6 `judge_report` | 3 | 11 | 25 | hard | optional |
# | 7 `best_of_n`, and the experiment | 3 | 4 | 30 | hard | core |
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
import math

import torch
from adaptlab.grading import check
from torch import nn

# %% [markdown]
# ## A worked example
#
# A model gives the tokens of a reply the probabilities 0.5, 0.8 and 0.9, each given the tokens
# before it. The probability of the reply is the product, so its log-probability is the sum of the
# logarithms. Before training, the model (the **reference**) gave 0.5, 0.4 and 0.9. The *gain* of
# the reply is the difference of the two sums. $\beta$ times the gain is the implicit reward of DPO;
# no reward model is trained.

# %%
now = [math.log(p) for p in (0.5, 0.8, 0.9)]
before = [math.log(p) for p in (0.5, 0.4, 0.9)]
gain = sum(now) - sum(before)
beta = 0.1
print(
    f"log-probability {sum(now):.3f}, before {sum(before):.3f}, gain {gain:.3f},"
    f" reward {beta * gain:.4f}"
)
print(
    "chosen over a reply with gain 0 with probability"
    f" {1 / (1 + math.exp(-beta * gain)):.3f}"
)

# %% [markdown]
# ## 1 How likely is this reply?
#
# A model reads a whole conversation at once and returns logits at every place. The logits at a
# place predict the *next* token. A mask says which tokens are part of the reply; the others are
# prompt or padding. You need two numbers for each row: the sum of the log-probabilities, and the
# number of tokens in this sum.
#
# <details><summary>Hint 1</summary><code>logits[:, :-1]</code> and <code>ids[:, 1:]</code> belong
# together. Which part of the mask belongs to them?</details>
#
# <details><summary>Hint 2</summary>A log-softmax over the last dimension turns logits into
# log-probabilities. <code>torch.gather</code> selects from the last dimension; its index needs as
# many dimensions as the logits.</details>
#
# <details><summary>Hint 3</summary>Add a last dimension to the ids with <code>[..., None]</code>,
# gather, and remove this dimension again. Multiply by the mask before you sum over the
# row.</details>


# %% nbgrader={"grade": false, "grade_id": "completion_logp", "locked": false, "schema_version": 3, "solution": true, "task": false}
def completion_logp(logits, ids, mask):
    """Return the log-probability of the masked tokens of each row, and their number:
    two tensors (B,), (B,).

    Args:
        logits: float32 (B, T, V); those at place t predict the token at place t + 1.
        ids: int64 (B, T).
        mask: bool (B, T), True for each token of the reply, anywhere in the row.

    No logits predict the token at place 0. It is neither summed nor counted, even if
    its mask is True. A row without any such token has the sum 0 and the count 0. Use
    natural logarithms. The sums carry gradients to the logits.
    """
    # BEGIN SOLUTION
    logp = logits[:, :-1].log_softmax(-1).gather(-1, ids[:, 1:, None])[..., 0]
    counted = mask[:, 1:]
    return (logp * counted).sum(1), counted.sum(1)
    # END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check_completion_logp", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
check.lab06.completion_logp(completion_logp)

# %% [markdown]
# ## 2 A loss for labels that may be wrong
#
# The DPO loss of the lesson trusts every label. Assume that a label is wrong with the probability
# `doubt`. Then the loss of a pair is the weighted mean of two losses. The loss of the given label
# has the weight 1 - doubt, and the loss of the flipped label has the weight doubt. (This is
# *conservative DPO*, or label smoothing.) With a flipped label, chosen and rejected change places.
# In a long training run, margins can reach thousands, and the loss has to remain finite.
#
# <details><summary>Hint 1</summary>What happens to the margin if chosen and rejected change
# places?</details>
#
# <details><summary>Hint 2</summary>For the logarithm of the logistic function there is
# <code>nn.functional.logsigmoid</code>. It is finite for arguments of any size; the logarithm of a
# sigmoid is not.</details>


# %% nbgrader={"grade": false, "grade_id": "doubtful_loss", "locked": false, "schema_version": 3, "solution": true, "task": false}
def doubtful_loss(chosen, rejected, reference_chosen, reference_rejected, beta, doubt):
    """Return DPO's loss of each pair, (B,), if a label is wrong with the probability
    `doubt`.

    Args:
        chosen, rejected: float32 (B,), sums of log-probabilities of the replies, under
            the model.
        reference_chosen, reference_rejected: the same, under the reference.
        beta: a number above 0.
        doubt: a number from 0 to 0.5.

    The loss of a label is -log(logistic(beta * margin)), with the margin that lesson 06
    derives. The result is finite for margins of any size.
    """
    # BEGIN SOLUTION
    reward = beta * ((chosen - reference_chosen) - (rejected - reference_rejected))
    return -(1 - doubt) * nn.functional.logsigmoid(
        reward
    ) - doubt * nn.functional.logsigmoid(-reward)
    # END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check_doubtful_loss", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check.lab06.doubtful_loss(doubtful_loss)

# %% [markdown]
# ## 3 A loss per token, without a reference
#
# A long reply has a low sum, whatever its text. So another loss, the idea of *SimPO*
# ([arXiv:2405.14734](https://arxiv.org/abs/2405.14734)), compares means per token and needs no
# reference model. Instead, it has a target: the chosen reply must lead by this margin before the
# loss is small.


# %% nbgrader={"grade": false, "grade_id": "per_token_loss", "locked": false, "schema_version": 3, "solution": true, "task": false}
def per_token_loss(chosen, rejected, n_chosen, n_rejected, beta, target):
    """Return the loss of each pair, (B,): -log(logistic(z)).

    z is beta times the lead per token of the chosen reply, minus the target.

    Args:
        chosen, rejected: float32 (B,), sums of log-probabilities.
        n_chosen, n_rejected: int64 (B,), tokens of the replies, at least 1.
        beta: a number above 0.
        target: a number from 0 on.

    The lead per token is the mean log-probability of a token of the chosen reply, minus
    the mean log-probability of a token of the rejected reply. beta multiplies the lead
    only, not the target. The result is finite for leads of any size.
    """
    # BEGIN SOLUTION
    lead = chosen / n_chosen - rejected / n_rejected
    return -nn.functional.logsigmoid(beta * lead - target)
    # END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check_per_token_loss", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check.lab06.per_token_loss(per_token_loss)

# %% [markdown]
# ## 4 Read what training did
#
# A growing margin can have several causes, and the report separates them. Is the chosen reply
# ahead? Did it become more likely, or did both become less likely, and the rejected reply only more
# so?
#
# <details><summary>Hint 1</summary>First compute two arrays: the gain of each chosen reply and the
# gain of each rejected reply. All four numbers follow from these.</details>
#
# <details><summary>Hint 2</summary>A comparison of two arrays has True and False; as floats, their
# mean is a share. Combine conditions with <code>&amp;</code>. For equal rewards, add half of their
# share.</details>


# %% nbgrader={"grade": false, "grade_id": "reward_report", "locked": false, "schema_version": 3, "solution": true, "task": false}
def reward_report(chosen, rejected, reference_chosen, reference_rejected, beta):
    """Return what training did to B pairs, a dict with four floats.

    Args:
        chosen, rejected, reference_chosen, reference_rejected: float32 (B,), B at least
            1, as in `doubtful_loss`.
        beta: a number above 0.

    The gain of a reply is its log-probability under the model minus its log-probability
    under the reference. Its reward is beta times the gain.

    - "margin": the mean over the pairs of the chosen reply's reward minus the rejected
      reply's reward.
    - "accuracy": the share of pairs in which the chosen reply has the higher reward; a
      pair with equal rewards counts half.
    - "chosen fell": the share of pairs in which the chosen reply's gain is below 0.
    - "won by falling": the share of all pairs in which both gains are below 0 and the
      chosen reply has the higher reward.
    """
    # BEGIN SOLUTION
    up = chosen - reference_chosen
    down = rejected - reference_rejected
    return {
        "margin": float(beta * (up - down).mean()),
        "accuracy": float((up > down).float().mean() + (up == down).float().mean() / 2),
        "chosen fell": float((up < 0).float().mean()),
        "won by falling": float(((up < 0) & (down < 0) & (up > down)).float().mean()),
    }
    # END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check_reward_report", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check.lab06.reward_report(reward_report)

# %% [markdown]
# ## 5 From base model to verdict
#
# These lines take a model through the stages and judge the result, but they are not in order. The
# reference is the model that training should stay close to, and its log-probabilities are computed
# once. `sample` generates two replies to each prompt from the model. Give an order that works, as a
# string of the eight letters.
#
# ```
# A   reference = frozen_copy(model)
# B   pairs = labelled(replies)
# C   model = imitate(base, demonstrations)
# D   print(judge_report(*compared(model, reference, test)))
# E   known = log_probabilities(reference, pairs)
# F   replies = sample(model, prompts)
# G   prompts, test = halves(all_prompts)
# H   model = learn(model, pairs, known)
# ```


# %% nbgrader={"grade": false, "grade_id": "preference_order", "locked": false, "schema_version": 3, "solution": true, "task": false}
def preference_order():
    """Return the order of the lines, a string of eight letters."""
    # BEGIN SOLUTION
    return "CGFBAEHD"
    # END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check_preference_order", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check.lab06.preference_order(preference_order)

# %% [markdown]
# ## 6 Judge the judge
#
# A judge compared a new model's reply with an old model's reply: once with the new reply in place
# A, and once with it in place B. A judge with **position bias** says the same letter twice. A judge
# with length bias prefers the model that writes more. So we look at two groups of comparisons,
# those with a longer new reply and those with a shorter one, and give both groups the same weight.
#
# <details><summary>Hint 1</summary>First turn each pair of verdicts into one number: 1, 0 or one
# half. Only two of all possible pairs are consistent.</details>
#
# <details><summary>Hint 2</summary>("A", "B") chooses the new reply twice, ("B", "A") the old reply
# twice. A dictionary with these two keys and a default of 0.5 does the work; turn lists into tuples
# first.</details>
#
# <details><summary>Hint 3</summary>Collect the numbers of the two groups in two lists. If one is
# empty, the balanced win rate is None; else it is the mean of the two means. For "said A", count
# over all 2n texts.</details>


# %% nbgrader={"grade": false, "grade_id": "judge_report", "locked": false, "schema_version": 3, "solution": true, "task": false}
def judge_report(verdicts, new_words, old_words):
    """Return what a judge said about n comparisons, and how far to trust it: a dict.

    Args:
        verdicts: a list of n pairs of str, tuples or lists, n at least 1: the verdict
            with the new reply in place A, and the verdict with it in place B. "A" and
            "B" are choices of a place; any other text chooses nothing.
        new_words, old_words: lists of n int, the number of words of the replies.

    A comparison is consistent if both verdicts are choices and choose the same reply.
    It counts 1 if it is consistent and chooses the new reply, 0 if it is consistent and
    chooses the old one, and one half if it is not consistent. A win rate is the mean of
    these numbers over some comparisons.

    - "said A": the share of the 2n verdicts that are "A".
    - "consistent": the share of consistent comparisons.
    - "win rate": over all comparisons.
    - "at balanced lengths": the mean of two win rates, over the comparisons in which
      the new reply has more words and over those in which it has fewer. Comparisons
      with equal numbers of words are in neither group. None if one of the two groups is
      empty.
    """
    # BEGIN SOLUTION
    counts = [
        {("A", "B"): 1.0, ("B", "A"): 0.0}.get(tuple(pair), 0.5) for pair in verdicts
    ]
    longer = [
        count for count, new, old in zip(counts, new_words, old_words) if new > old
    ]
    shorter = [
        count for count, new, old in zip(counts, new_words, old_words) if new < old
    ]
    balanced = (
        (sum(longer) / len(longer) + sum(shorter) / len(shorter)) / 2
        if longer and shorter
        else None
    )
    said = [text for pair in verdicts for text in pair]
    consistent = sum(count != 0.5 for count in counts) / len(counts)
    return {
        "said A": said.count("A") / len(said),
        "consistent": consistent,
        "win rate": sum(counts) / len(counts),
        "at balanced lengths": balanced,
    }
    # END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check_judge_report", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
check.lab06.judge_report(judge_report)

# %% [markdown]
# ## 7 Best-of-n, without more sampling
#
# Instead of training, you can sample n replies and keep the best one (**best-of-n**). How good is
# that? You have the rewards of N replies to a prompt, with N at least n. The best of the first n is
# one estimate, and a noisy one. A better estimate is the mean, over *all* sets of n of the N
# replies, of the best reward in the set. You do not need to list the sets: in how many of them is
# the reply with the i-th lowest reward the best?
#
# <details><summary>Hint 1</summary>Sort the rewards. If the i-th lowest reply is the best of a set,
# the other n - 1 replies must be among the i - 1 replies below it.</details>
#
# <details><summary>Hint 2</summary><code>math.comb</code> counts sets, and is 0 if there are too
# few replies. Two equal rewards cause no problem: the sorted order breaks the tie.</details>
#
# <details><summary>Hint 3</summary>The value is a weighted sum of the sorted rewards, divided by
# the number of all sets. The weight of a reply is the number of sets in which it is the best. The
# divergence is one line from the contract.</details>


# %% nbgrader={"grade": false, "grade_id": "best_of_n", "locked": false, "schema_version": 3, "solution": true, "task": false}
def best_of_n(rewards, n):
    """Return the quality of the best of n sampled replies, and its KL divergence: two
    floats.

    Args:
        rewards: a list of N numbers, in any order; some may be equal.
        n: an int, 1 to N.

    Returns:
        (value, divergence). value: the mean of the highest reward in a set, over all
        sets of n of the N replies. No reply is twice in a set; replies with equal
        rewards are different replies. divergence: log n - (n - 1) / n, in nats.
    """
    # BEGIN SOLUTION
    total = 0.0
    for below, reward in enumerate(sorted(rewards)):
        total += reward * math.comb(below, n - 1)
    return total / math.comb(len(rewards), n), math.log(n) - (n - 1) / n
    # END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check_best_of_n", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
check.lab06.best_of_n(best_of_n)

# %% [markdown]
# ### Predict
#
# Below, a small model first imitates demonstrations of people (SFT). Then your loss trains it on
# pairs with exact labels. The trained model *samples* one reply to each new prompt. For comparison,
# we sample n replies from the imitator, and the exact judge keeps the best.
#
# How large must n be to reach the same quality? Choose one of the options before you run the next
# cell.

# %% nbgrader={"grade": false, "grade_id": "prediction", "locked": false, "schema_version": 3, "solution": true, "task": false}
options = ["1", "2", "4", "8", "more than 8"]
prediction = None  # one of the options
# BEGIN SOLUTION
prediction = "more than 8"
# END SOLUTION

# %%
import copy
import random

import numpy as np
from adaptlab import plots
from adaptlab.messages import assistant
from adaptlab.models.local import LocalChat
from adaptlab.studies import preferences
from adaptlab.tune.fine_tune import fine_tune
from adaptlab.tune.options import Options
from adaptlab.tune.rows import tokenized
from adaptlab.world.preferences import quality

check.predicted(prediction, options)

# %%
chat = LocalChat("embedded:mini-chat")
imitator = fine_tune(
    chat,
    preferences.demonstrations(0, 160),
    Options(method="full", learning_rate=5e-4, epochs=2, batch_size=8),
)
pairs = preferences.preferences(0, 96)
cases = preferences.held_out(0, 32)


def scored(model, items, texts):
    """Return the sums of log-probabilities of replies to these cases, and their
    numbers of tokens, each (n,), by `completion_logp`.
    """
    rows = tokenized(
        imitator,
        [[*item.messages, assistant(text)] for item, text in zip(items, texts)],
        640,
    )
    ids = torch.zeros(
        len(rows), max(len(row["input_ids"]) for row in rows), dtype=torch.long
    )
    mask = torch.zeros_like(ids, dtype=torch.bool)
    for i, row in enumerate(rows):
        n = len(row["input_ids"])
        ids[i, :n], mask[i, :n] = (
            torch.tensor(row["input_ids"]),
            torch.tensor(row["labels"]) != -100,
        )
    return completion_logp(model(input_ids=ids).logits.float(), ids, mask)


def both(model, batch):
    """Return (chosen, rejected): the results of `scored` for both replies of each pair."""
    items = [pair.case for pair in batch]
    chosen = scored(model, items, [pair.chosen for pair in batch])
    rejected = scored(model, items, [pair.rejected for pair in batch])
    return chosen, rejected


# %%
def learn(start, loss, learning_rate=1e-4, batch_size=8):
    """Return a copy of the model, trained on the pairs for one epoch."""
    model = copy.deepcopy(start).train()
    order = random.Random(0).sample(pairs, len(pairs))
    optimizer = torch.optim.AdamW(model.parameters(), learning_rate, weight_decay=0.0)
    for at in range(0, len(order), batch_size):
        batch = order[at : at + batch_size]
        with torch.no_grad():
            reference = both(start, batch)
        optimizer.zero_grad()
        loss(both(model, batch), reference).mean().backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
    return model.eval()


def dpo(now, before):
    """Return the DPO loss of each pair.

    To try the other loss: per_token_loss(now[0][0], now[1][0], now[0][1], now[1][1],
    2.0, 1.0).
    """
    return doubtful_loss(
        now[0][0], now[1][0], before[0][0], before[1][0], beta=0.1, doubt=0.0
    )


trained = LocalChat("trained", learn(imitator.model, dpo), imitator.tokenizer)

# %%
sampled = [
    preferences.replies(imitator, cases, temperature=1.0, seed=seed)
    for seed in range(8)
]
rewards = []
for item, texts in zip(cases, zip(*sampled)):
    rewards.append([quality(item, text) for text in texts])
ruler = {}  # (value, divergence).
for n in range(1, 9):
    ruler[n] = np.mean([best_of_n(own, n) for own in rewards], axis=0)
mine = [
    preferences.replies(trained, cases, temperature=1.0, seed=seed) for seed in range(4)
]
level = float(np.mean([preferences.scored(cases, texts) for texts in mine]))
with torch.no_grad():
    spoken = [(item, text) for item, text in zip(cases, mine[0]) if text]
    gap = float(
        (
            scored(trained.model, *zip(*spoken))[0]
            - scored(imitator.model, *zip(*spoken))[0]
        ).mean()
    )
measured = next((str(n) for n in (1, 2, 4, 8) if ruler[n][0] >= level), options[-1])
print(
    f"as good as one reply of the trained model: the best of {measured}; your"
    f" prediction: {prediction}"
)
curve = {
    "the best of 1 to 8 samples of the imitator": (
        [d for _, d in ruler.values()],
        [value for value, _ in ruler.values()],
    )
}
label = "KL divergence from the imitator, nats"
plots.lines(
    "Best-of-n or training",
    label,
    "quality, share of the four",
    curve,
    {"one sample of the trained model": (gap, level)},
)


# %%
def in_short(report):
    return {
        name: value if value is None else round(value, 2)
        for name, value in report.items()
    }


likeliest = {
    name: preferences.replies(model, cases)
    for name, model in (("imitator", imitator), ("trained", trained))
}
print(
    "quality of the most likely replies:",
    {
        name: f"{np.mean(preferences.scored(cases, texts)):.2f}"
        for name, texts in likeliest.items()
    },
)
with torch.no_grad():
    (chosen, _), (rejected, _) = both(trained.model, pairs[:32])
    (old_chosen, _), (old_rejected, _) = both(imitator.model, pairs[:32])
print(
    "training pairs:",
    in_short(reward_report(chosen, rejected, old_chosen, old_rejected, beta=0.1)),
)
old, new = (
    preferences.scored(cases, likeliest[name]) for name in ("imitator", "trained")
)
said = [
    ("A", "B") if a > b else ("B", "A") if a < b else ("tie", "tie")
    for a, b in zip(new, old)
]
n_words = {}
for name, texts in likeliest.items():
    n_words[name] = [len(text.split()) for text in texts]
print(
    "by the exact judge:",
    in_short(judge_report(said, n_words["trained"], n_words["imitator"])),
)
list(zip(likeliest["imitator"], likeliest["trained"]))[:3]

# %% [markdown]
# ## 8 In your own words
#
# A shop answers 1000 questions a day with an imitator. It has an exact judge (a program) but little
# time for training. A colleague says: "The best of eight gives us the quality of preference
# training for free, and stays nearer to the model we know."
#
# Use the figure and the printed lines to answer in five to eight sentences:
#
# - Which part of this claim is correct, and which is not?
# - When would you train?
# - Which part of your prediction was correct, which was not, and why?
#
# *A person marks this. 1 point: cost, per question and once, and what best-of-n needs at every
# question. 1 point: what the divergences and the report on the pairs say. 1 point: the difference
# between sampled and most likely replies, or the limit of what best-of-n can choose from.*

# %% [markdown] nbgrader={"grade": true, "grade_id": "explanation", "locked": false, "points": 3, "schema_version": 3, "solution": true, "task": false}
# In the figure, a few samples of the imitator reach the quality of one sampled reply of the trained
# model, at a much smaller KL divergence. Best-of-n only reweights the replies of the imitator,
# while training changed all of them. But it is not free. Every question costs n replies and n
# verdicts, and needs the judge while the customer waits. Training is paid once.
#
# The report on the pairs shows that many chosen replies became less likely, too. So a part of the
# margin comes from pushing replies down, and other replies became more likely; I should read these.
# The most likely replies of the trained model are better than its sampled replies. So without a
# need for variety, training gives more than the point in the figure shows. And best-of-n cannot
# return a reply that is not among the n samples.
#
# With 1000 questions a day and a cheap exact judge, I would begin with a small n, and train on the
# pairs that it collects. I had expected that training is worth more samples than it was.
