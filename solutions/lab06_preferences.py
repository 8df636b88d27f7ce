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
# You will compute how likely a model finds a reply, write two losses that learn from pairs, read what they did, and judge the judge. Then your
# functions train a model, and you find out how many replies one would have to draw instead.
#
# **About 85 minutes, 20 points.** Every exercise has a check beside it: run it as often as you like, it says what it sees. The grader asks the same
# questions with other inputs. Work through lesson 06 first. Answer where `NotImplementedError` stands, and keep the names of the functions.
#
# Work on a copy of this notebook. Before you hand it in, in a terminal in the folder of the course: `.venv/bin/adaptlab labs check COPY.ipynb`. It runs
# everything from the start, as the grader will, and says what passes. A line that fails in the cell of an answer costs the answer, so try things out in
# cells of your own; and after a restart, run the cells from the first one on again.
#
# | exercise | points | lines | minutes |
# |---|---|---|---|
# | 1 `completion_logp` | 3 | 3 | 12 |
# | 2 `doubtful_loss` | 2 | 2 | 9 |
# | 3 `per_token_loss` | 2 | 2 | 6 |
# | 4 `reward_report` | 2 | 7 | 10 |
# | 5 `preference_order` | 2 | 1 | 6 |
# | 6 `judge_report` | 3 | 11 | 14 |
# | 7 `best_of_n`, and the experiment | 3 | 4 | 16 |
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
import math

import torch
from adaptlab.grading import check
from torch import nn

# %% [markdown]
# ## A worked example
#
# A model gives the tokens of a reply the probabilities 0.5, 0.8 and 0.9, each after those before it. The reply as a whole has their product, so its
# log-probability is the sum of the logarithms. The model that training began with gave 0.5, 0.4 and 0.9. What the reply *gained* is the difference of
# the two sums. Beta times that is the reward which DPO finds in a model without ever training a reward model.

# %%
now = [math.log(p) for p in (0.5, 0.8, 0.9)]
before = [math.log(p) for p in (0.5, 0.4, 0.9)]
gain = sum(now) - sum(before)
beta = 0.1
print(
    f"log-probability {sum(now):.3f}, before {sum(before):.3f}, gained {gain:.3f},"
    f" reward {beta * gain:.4f}"
)
print(
    "chosen over a reply that gained nothing with probability"
    f" {1 / (1 + math.exp(-beta * gain)):.3f}"
)

# %% [markdown]
# ## 1 How likely is this reply?
#
# A model reads a whole conversation at once and gives logits at every place. Those at a place are about the *next* token. A mask says which tokens
# are of the reply; the others are prompt, or fill the row up. What you need is the sum for each row, and how many tokens it is the sum of.
#
# <details><summary>Hint</summary><code>logits[:, :-1]</code> and <code>ids[:, 1:]</code> belong together. <code>torch.gather</code> picks from the last
# dimension; it wants an index with as many dimensions.</details>


# %% nbgrader={"grade": false, "grade_id": "completion_logp", "locked": false, "schema_version": 3, "solution": true, "task": false}
def completion_logp(logits, ids, mask):
    """The log-probability of the masked tokens of each row, and how many there are: a
    pair of tensors (B,), (B,).

    logits: float32 (B, T, V); those at place t are about the token at place t + 1. ids:
    int64 (B, T). mask: bool (B, T), True where a token of the reply stands, anywhere in
    the row. The token at place 0 is predicted by nothing: it is neither summed nor
    counted, even where its mask is True. A row without any such token has the sum 0 and
    the count 0. Natural logarithms; the sums carry gradients to the logits.
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
# The loss of the lesson believes every label. If you think that a label is wrong with the probability `doubt`, the loss of a pair is a mean of two:
# that of the label as it stands, with the weight 1 - doubt, and that of the label turned round, with the weight doubt. Where a label is turned round,
# chosen and rejected change places. In a long training margins can reach thousands, and the loss has to stay a number.
#
# <details><summary>Hint</summary>What becomes of the margin when chosen and rejected change places? For the logarithm of the logistic function there
# is <code>nn.functional.logsigmoid</code>.</details>


# %% nbgrader={"grade": false, "grade_id": "doubtful_loss", "locked": false, "schema_version": 3, "solution": true, "task": false}
def doubtful_loss(chosen, rejected, reference_chosen, reference_rejected, beta, doubt):
    """DPO's loss of each pair, (B,), when a label is wrong with the probability
    `doubt`.

    The first four: float32 (B,), sums of log-probabilities of the replies, under the
    model and under the reference. beta: above 0. doubt: 0 up to 0.5. The loss of a
    label is
    -log(logistic(beta * margin)), with the margin that lesson 06 derives. The result is
    finite for margins of any size.
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
# ## 3 A loss by the token, without a reference
#
# A long reply has a low sum, whatever it says. Another loss therefore compares means by the token, and needs no reference model at all. In its place
# stands a target: the chosen reply has to lead by that much before the loss is small.


# %% nbgrader={"grade": false, "grade_id": "per_token_loss", "locked": false, "schema_version": 3, "solution": true, "task": false}
def per_token_loss(chosen, rejected, n_chosen, n_rejected, beta, target):
    """The loss of each pair, (B,): -log(logistic(z)), z being beta times the lead of
    the chosen reply by the token, minus the target.

    chosen, rejected: float32 (B,), sums of log-probabilities. n_chosen, n_rejected:
    int64 (B,), tokens of the replies, at least 1. beta: above 0. target: from 0 on. The
    lead by the token is the mean log-probability of a token of the chosen reply, minus
    that of a token of the rejected reply. beta multiplies the lead only, not the
    target. The result is finite for leads of any size.
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
# A growing margin can have several causes. The report tells them apart: is the chosen reply ahead, and did it become likelier, or did both fall and
# the rejected one only more?


# %% nbgrader={"grade": false, "grade_id": "reward_report", "locked": false, "schema_version": 3, "solution": true, "task": false}
def reward_report(chosen, rejected, reference_chosen, reference_rejected, beta):
    """What a training did to B pairs, a dict with four floats. The first four
    arguments: float32 (B,), B at least 1, as in `doubtful_loss`.

    A reply's gain is its log-probability under the model minus that under the
    reference; its reward is beta times the gain. beta: above 0. "margin": the mean over
    the pairs of the chosen reply's reward minus the rejected one's. "accuracy": the
    share of pairs in which the chosen reply has the higher reward; a pair with equal
    rewards counts half. "chosen fell": the share of pairs in which the chosen reply's
    gain is below 0. "won by falling": the share of all pairs in which both gains are
    below 0 and the chosen reply has the higher reward.
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
# These lines take a model through the stages and judge the result, but they are in no order. The reference is what training may not leave too far,
# and its log-probabilities are computed once. `drawn` asks the model for two replies to each prompt. Give an order that works, as a string of the
# eight letters.
#
# ```
# A   reference = frozen_copy(model)
# B   pairs = labelled(replies)
# C   model = imitate(base, demonstrations)
# D   print(judge_report(*compared(model, reference, test)))
# E   known = log_probabilities(reference, pairs)
# F   replies = drawn(model, prompts)
# G   prompts, test = halves(all_prompts)
# H   model = learn(model, pairs, known)
# ```


# %% nbgrader={"grade": false, "grade_id": "preference_order", "locked": false, "schema_version": 3, "solution": true, "task": false}
def preference_order():
    """The order of the lines, a string of eight letters."""
    # BEGIN SOLUTION
    return "CGFBAEHD"
    # END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check_preference_order", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check.lab06.preference_order(preference_order)

# %% [markdown]
# ## 6 Judge the judge
#
# A judge compared a new model's reply with an old one's, once with the new reply in place A and once with it in place B. A judge who goes by the
# place says the same letter twice. And one who likes length will like whichever model writes more: so look at the comparisons in which the new reply
# was the longer one, and at those in which it was the shorter, and give both groups the same weight.


# %% nbgrader={"grade": false, "grade_id": "judge_report", "locked": false, "schema_version": 3, "solution": true, "task": false}
def judge_report(verdicts, new_words, old_words):
    """What a judge said about n comparisons, and how far to trust it: a dict. There is
    at least one comparison.

    verdicts: a list of n pairs of str, tuples or lists: what was said with the new
    reply in place A, and with it in place B. "A" and "B" are choices of a place; any
    other text chooses nothing. new_words, old_words: lists of n int, the words of the
    replies. A comparison is consistent if both verdicts are choices and choose the same
    reply. It counts 1 if it is consistent and chooses the new reply, 0 if it is
    consistent and chooses the old one, and one half if it is not consistent. A win rate
    is the mean of these over some comparisons. "said A": the share of the 2n verdicts
    that are "A". "consistent": the share of consistent comparisons. "win rate": over
    all comparisons. "at balanced lengths": the mean of two win rates, over the
    comparisons in which the new reply has more words and over those in which it has
    fewer; comparisons with equal numbers of words are in neither; None if one of the
    two groups is empty.
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
# ## 7 The best of n, without drawing again
#
# Instead of training one can draw n replies and keep the best. How good is that? You have the rewards of N replies to a prompt, N being at least n.
# The best of the first n is one guess, and a shaky one. Better: the mean, over *all* sets of n of the N replies, of the best in the set. You need not
# list the sets: in how many of them is the reply with the i-th lowest reward the best?
#
# <details><summary>Hint</summary>The other n - 1 have to be among the i - 1 replies below it. <code>math.comb</code> counts sets, and is 0 where there are too
# few.</details>


# %% nbgrader={"grade": false, "grade_id": "best_of_n", "locked": false, "schema_version": 3, "solution": true, "task": false}
def best_of_n(rewards, n):
    """How good the best of n drawn replies is, and how far from drawing one it leads:
    (value, divergence), two floats.

    rewards: a list of N numbers, in any order, equal ones among them. n: an int, 1 to
    N. value: the mean of the highest reward in a set, over all sets of n of the N
    replies (no reply twice in a set; replies with equal rewards are different replies).
    divergence: log n - (n - 1) / n, in nats.
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
# Below, a small model first imitates people's replies. Then your loss trains it on pairs with exact labels. The trained model *draws* replies to new
# prompts, one at a time, by its probabilities. On the other side, n replies are drawn from the imitator, and the exact judge keeps the best. How
# large does n have to be for that to be as good? Choose one of the options before you go on.

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
    """Sums of log-probabilities of replies to these cases, and their tokens, each (n,),
    by `completion_logp`.
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
    """(chosen, rejected): what `scored` gives for the two replies of each pair."""
    items = [pair.case for pair in batch]
    chosen = scored(model, items, [pair.chosen for pair in batch])
    rejected = scored(model, items, [pair.rejected for pair in batch])
    return chosen, rejected


# %%
def learn(start, loss, learning_rate=1e-4, batch_size=8):
    """A copy of the model, trained on the pairs in one pass."""
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
    """To try the other loss: per_token_loss(now[0][0], now[1][0], now[0][1], now[1][1],
    2.0,
    1.0).
    """
    return doubtful_loss(
        now[0][0], now[1][0], before[0][0], before[1][0], beta=0.1, doubt=0.0
    )


trained = LocalChat("trained", learn(imitator.model, dpo), imitator.tokenizer)

# %%
drawn = [
    preferences.replies(imitator, cases, temperature=1.0, seed=seed)
    for seed in range(8)
]
rewards = []
for item, texts in zip(cases, zip(*drawn)):
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
    f"as good as one reply of the trained model: the best of {measured}; you said"
    f" {prediction}"
)
curve = {
    "the best of 1 to 8 drawn from the imitator": (
        [d for _, d in ruler.values()],
        [value for value, _ in ruler.values()],
    )
}
label = "divergence from the imitator, nats"
plots.lines(
    "To draw and choose, or to train",
    label,
    "quality, share of the four",
    curve,
    {"one drawn from the trained model": (gap, level)},
)


# %%
def in_short(told):
    return {
        name: value if value is None else round(value, 2)
        for name, value in told.items()
    }


with torch.no_grad():
    (chosen, _), (rejected, _) = both(trained.model, pairs[:32])
    (old_chosen, _), (old_rejected, _) = both(imitator.model, pairs[:32])
print(
    "training pairs:",
    in_short(reward_report(chosen, rejected, old_chosen, old_rejected, beta=0.1)),
)
likeliest = {
    name: preferences.replies(model, cases)
    for name, model in (("imitator", imitator), ("trained", trained))
}
print(
    "quality of the likeliest replies:",
    {
        name: f"{np.mean(preferences.scored(cases, texts)):.2f}"
        for name, texts in likeliest.items()
    },
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
# A shop answers a thousand questions a day with an imitator, and has an exact judge (a program) but little time for training. A colleague says: "The
# best of eight gives us the quality of preference training for free, and stays nearer to the model we know." Using the figure and the printed lines:
# what is right about that, and what is not? When would you train? Five to eight sentences. Say, too, what of your prediction came true, what did not, and why.
#
# *A person marks this: 1 point for cost, by the question and once, and for what the best of n needs at every question, 1 for what the divergences and
# the report on the pairs say, 1 for telling drawn replies from likeliest ones, or for the limit of what can be chosen from.*

# %% [markdown] nbgrader={"grade": true, "grade_id": "explanation", "locked": false, "points": 3, "schema_version": 3, "solution": true, "task": false}
# The figure says that a few draws reach the quality of one drawn reply of the trained model, and at a much smaller divergence: choosing only reweighs
# what the imitator says anyway, while training moved all of its replies. But it is not free. Every question costs n replies and n verdicts, for ever,
# and needs the judge when the customer waits; training is paid once. The report on the pairs shows that many chosen replies fell as well, so a part
# of the margin was won by pushing replies away, and something else became likelier that I should read. The likeliest replies of the trained model are
# better than its drawn ones, so who does not need variety gets more from training than the point in the figure shows. And the best of n never has
# what none of the n has. With a thousand questions a day and a cheap exact judge I would begin with a small n and train on the pairs that it
# collects. I had expected that training is worth more draws than it was.
