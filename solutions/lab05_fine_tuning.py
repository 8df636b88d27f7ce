# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Lab 05: a training loop that you can trust
#
# [Open in Colab](https://colab.research.google.com/github/adaptlab/adaptlab/blob/main/labs/lab05_fine_tuning.ipynb)
#
# You will say which tokens are learned, pack conversations into rows without a leak between them, write a training loop that does the same in small
# parts as in one, plan its rate, stop it in time, and read from a learning curve how many examples are enough. With what you read there you train an
# adapter, and hand it in as a file.
#
# **About 90 minutes, 24 points.** Every exercise has a check beside it: run it as often as you like, it says what it sees. The grader asks the same
# questions with other inputs. Work through lesson 05 first. Answer where `NotImplementedError` stands, and keep the names of the functions.
#
# Work on a copy of this notebook. Before you hand it in, in a terminal in the folder of the course: `.venv/bin/adaptlab labs check COPY.ipynb`. It runs
# everything from the start, as the grader will, and says what passes. A line that fails in the cell of an answer costs the answer, so try things out in
# cells of your own; and after a restart, run the cells from the first one on again.
#
# | exercise | points | lines | minutes |
# |---|---|---|---|
# | 1 `loss_mask` | 2 | 8 | 10 |
# | 2 `pack` | 3 | 7 | 9 |
# | 3 `may_look` | 2 | 4 | 8 |
# | 4 `train` | 3 | 10 | 18 |
# | 5 `rate_at` | 2 | 4 | 10 |
# | 6 `stop_at` | 2 | 7 | 8 |
# | 7 `step_order` | 2 | 1 | 5 |
# | 8 `enough`, and the experiment | 2 | 3 | 8 |
# | 9 `adapter`, a file | 3 | 4 | 6 |
# | 10 in your own words | 3 | | 8 |

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
from adaptlab import plots
from adaptlab.evals.statistics import proportion
from adaptlab.grading import check
from adaptlab.lora.adapter_file import save_adapter
from adaptlab.models.local import LocalChat
from adaptlab.studies.tuning import conversation, judged, test_cases, train_cases
from adaptlab.tune.fine_tune import fine_tune
from adaptlab.tune.options import Options
from torch.nn import functional as F

# %% [markdown]
# ## A worked example
#
# A conversation is one row of token ids, and marks among them say who speaks. Three predictions are made below, with the probabilities that some
# model gives to the right token. The loss is the mean of -log p over the tokens that are learned; a label of -100 says that a token is not. PyTorch
# leaves such labels out of the sum *and* out of the number by which it divides.

# %%
chat = LocalChat("embedded:mini-chat")
talk = [
    {"role": "user", "content": "Desk for this review: Late."},
    {"role": "assistant", "content": "Marten"},
]
ids = chat.tokenizer.apply_chat_template(talk, tokenize=True, return_dict=True)[
    "input_ids"
]
print(list(zip(chat.tokenizer.convert_ids_to_tokens(ids), ids)))

# %%
probabilities = torch.tensor([0.5, 0.25, 0.9])
# (3, 2): token 0 is the right one everywhere.
logits = torch.stack([probabilities.log(), (1 - probabilities).log()], dim=1)
for labels in ([0, 0, 0], [0, 0, -100]):
    learned = [p for p, label in zip(probabilities, labels) if label != -100]
    by_hand = -sum(math.log(p) for p in learned) / len(learned)
    print(
        labels,
        f"by hand {by_hand:.4f}, by PyTorch"
        f" {F.cross_entropy(logits, torch.tensor(labels)):.4f}",
    )

# %% [markdown]
# ## 1 What is learned
#
# Labels from bare token ids. A customer may write anything, even the text of a mark, and some tokenizers make the mark of it: inside of a turn only
# its end means something.
#
# The loop is given.
#
# <details><summary>Hint</summary>Keep the role of the turn that is open, or None. Which three things can happen to it at a token? A reply that is cut
# off is known only at the end: remember where it began.</details>


# %% nbgrader={"grade": false, "grade_id": "loss_mask", "locked": false, "schema_version": 3, "solution": true, "task": false}
def loss_mask(ids, marks):
    """What is learned of a conversation: a list with a label for each token id, the id
    itself or -100.

    ids: a list of int. marks: a dict with the ids of the marks, "system", "user",
    "assistant" and "end", four different int. Outside of a turn, one of the first three
    marks opens a turn of that role, and any other id, "end" too, belongs to nothing.
    Inside of a turn the next "end" closes it, and every other id is content, even if it
    is the id of another mark. Learned are the content of the assistant's turns and the
    "end" that closes them: nothing else, and nothing of a turn that is never closed.
    Labels are not shifted: label i is of token i.
    """
    labels = [-100] * len(ids)
    role = None
    start = 0
    roles = {marks[name]: name for name in ("system", "user", "assistant")}
    for i, token in enumerate(ids):
        # BEGIN SOLUTION
        if role is None:
            role = roles.get(token)
            start = i + 1
        elif token == marks["end"]:
            if role == "assistant":
                labels[start : i + 1] = ids[start : i + 1]
            role = None
        # END SOLUTION
    return labels


# %% nbgrader={"grade": true, "grade_id": "check_loss_mask", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check.lab05.loss_mask(loss_mask)

# %% [markdown]
# ## 2 Several texts in a row
#
# Rows of one text each are mostly padding. So texts share rows, whole ones only, and every token is told which text of its row it belongs to and at
# which place of that text it stands.
#
# The frame is given: what is missing is the row that takes the next text, an old one or a new one.
#
# <details><summary>Hint</summary>Go through the rows that there are and stop at the first with room; Python's <code>for … else</code> runs the else
# part if none was found.</details>


# %% nbgrader={"grade": false, "grade_id": "pack", "locked": false, "schema_version": 3, "solution": true, "task": false}
def pack(texts, n):
    """Rows of at most n tokens, each of whole texts: a list of dicts with "ids",
    "segments" and "positions", three lists of the same length.

    texts: a list of lists of token ids, none of them empty. n: int. The texts are taken
    in their order: each goes to the end of the first row that has room for it, and
    where none has, into a new row at the end. ValueError if a text is longer than n.
    "segments" has for each token the number of its text in its row, from 0; "positions"
    its place in its text, from 0. Nothing is padded.
    """
    rows = []
    for text in texts:
        # BEGIN SOLUTION
        if len(text) > n:
            raise ValueError(f"a text has {len(text)} tokens, and a row {n}")
        for row in rows:
            if len(row["ids"]) + len(text) <= n:
                break
        else:
            row = {"ids": [], "segments": [], "positions": []}
            rows.append(row)
        # END SOLUTION
        number = row["segments"][-1] + 1 if row["segments"] else 0
        row["ids"] += text
        row["segments"] += [number] * len(text)
        row["positions"] += range(len(text))
    return rows


# %% nbgrader={"grade": true, "grade_id": "check_pack", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
check.lab05.pack(pack)

# %% [markdown]
# ## 3 Who may look at whom
#
# Without a mask, the second text of a row would be predicted from the first. The mask says for each pair of tokens whether the one may look at the
# other.


# %% nbgrader={"grade": false, "grade_id": "may_look", "locked": false, "schema_version": 3, "solution": true, "task": false}
def may_look(segments):
    """Which token of a packed row may look at which: (T, T) of bool, a tensor or a
    NumPy array; [i, j] is True if token i may look at token j.

    segments: a list of T int, at least one: the number of each token's text in the row,
    never falling, and -1 for padding, which stands at the end. A token looks at itself
    and at the earlier tokens of its own text. Padding looks at nothing, not at itself
    either, and nobody looks at it.
    """
    # BEGIN SOLUTION
    own = torch.tensor(segments)
    same = (own[:, None] == own[None, :]) & (own >= 0)
    return same & torch.ones_like(same).tril()
    # END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check_may_look", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check.lab05.may_look(may_look)

# %% [markdown]
# ## 4 The same step in small parts
#
# A batch does not always fit into the memory. Then its gradient is made in parts: each call of `backward` adds to what is there. What comes out has
# to be the gradient of the whole batch's loss, and for years widely used trainers got this wrong: they took the mean of each part, and then the mean
# of these. Replies are not all of one length, so that is another loss.
#
# The check trains a tiny model for twenty steps, from weights that it brings along, with a memory that does not take a whole batch.
#
# <details><summary>Hint</summary>By what must the sum of a part's losses be divided, so that the parts add up to the mean over the batch? That number
# has to be known before the first part. <code>F.cross_entropy(logits.flatten(0, 1), labels.flatten(), reduction="sum")</code> leaves -100
# out.</details>


# %% nbgrader={"grade": false, "grade_id": "train", "locked": false, "schema_version": 3, "solution": true, "task": false}
def train(model, optimizer, batches, most, clip):
    """One step of the optimizer for each batch. Returns the losses: a list with a float
    for each batch, as it was before the batch's step.

    model: model(ids) takes int64 (b, T) with b at most `most`, else it fails, and gives
    logits (b, T, V). optimizer: holds the model's parameters. batches: a list of [ids,
    labels], both int64 (B, T). labels[b, t] is the token to predict at place t: nothing
    is to be shifted.
    -100 is not learned; every row has at least one token that is. most, clip: an int
    and a number.

    The loss of a batch is the mean of the cross-entropy, in nats, over all its learned
    tokens. A step is made with the gradient of this loss, and where that is longer than
    `clip`, it is cut to this length (torch.nn.utils.clip_grad_norm_). What gradients
    hold before the call does not count.
    """
    losses = []
    for ids, labels in batches:
        # BEGIN SOLUTION
        optimizer.zero_grad()
        n_learned = int((labels != -100).sum())
        total = 0.0
        for part, aims in zip(ids.split(most), labels.split(most)):
            loss = (
                F.cross_entropy(
                    model(part).flatten(0, 1), aims.flatten(), reduction="sum"
                )
                / n_learned
            )
            loss.backward()
            total += loss.item()
        torch.nn.utils.clip_grad_norm_(model.parameters(), clip)
        optimizer.step()
        losses.append(total)
        # END SOLUTION
    return losses


# %% nbgrader={"grade": true, "grade_id": "check_train", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
check.lab05.train(train)

# %% [markdown]
# ## 5 The rate of each step
#
# At the beginning an optimizer knows little of how large gradients are, so the rate rises to its peak in the first steps. Then it falls along half a
# cosine, to what is left at the end.
#
# <details><summary>Hint</summary>First find the share of the way from the peak to the last step that has been gone: 0 at the last step of the
# warm-up, 1 at the last step of all. <code>(1 + math.cos(math.pi * share)) / 2</code> falls from 1 to 0.</details>


# %% nbgrader={"grade": false, "grade_id": "rate_at", "locked": false, "schema_version": 3, "solution": true, "task": false}
def rate_at(step, n_steps, n_warmup, peak, floor):
    """The learning rate of a step, as a float.

    step: int, 0 is the first one and n_steps - 1 the last. n_warmup: int, from 0 to
    n_steps. peak, floor: numbers, floor not above peak. In the first n_warmup steps the
    rate rises by equal amounts, from peak / n_warmup in the first to peak in the last
    of them. In the steps after that it falls along half a cosine, from peak, which
    stands at the step before them, to floor, which the last step has. With n_warmup = 0
    this step before them is step -1, so that the first one is already a little below
    the peak.
    """
    # BEGIN SOLUTION
    if step < n_warmup:
        return peak * (step + 1) / n_warmup
    share = (step + 1 - n_warmup) / (n_steps - n_warmup)
    return floor + (peak - floor) * (1 + math.cos(math.pi * share)) / 2
    # END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check_rate_at", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check.lab05.rate_at(rate_at)

# %% [markdown]
# ## 6 Stopping in time
#
# The loss on validation data falls, trembles and rises again. Training ends when it has not improved for a while, and the model is kept as it was at
# its best.


# %% nbgrader={"grade": false, "grade_id": "stop_at", "locked": false, "schema_version": 3, "solution": true, "task": false}
def stop_at(losses, patience, least):
    """[epochs that were run, epoch that is kept], both counted from 1.

    losses: a list of numbers, at least one: the validation loss after each epoch that
    would be run without stopping. patience: int, at least 1. least: a number, at least
    0. The first epoch is the best so far. A later one is a new best if its loss is
    lower than that of the best so far by more than `least`. Training ends after the
    first epoch that is the `patience`-th in a row without a new best, or after the
    last. Kept is the best.
    """
    # BEGIN SOLUTION
    best = 1
    for epoch, loss in enumerate(losses, 1):
        if loss < losses[best - 1] - least:
            best = epoch
        if epoch - best == patience:
            return [epoch, best]
    return [len(losses), best]
    # END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check_stop_at", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check.lab05.stop_at(stop_at)

# %% [markdown]
# ## 7 What comes first?
#
# These lines are one step of a training, but they are in no order. When the step begins, the gradients of the step before are still there. Weights
# that are not numbers any more cannot be repaired. Give an order that works, as a string of the eight letters.
#
# ```
# A   loss = cross_entropy(logits, labels)
# B   clip_grad_norm_(model.parameters(), 1.0)
# C   optimizer.step()
# D   logits = model(ids)
# E   end_the_run_unless(isfinite(loss))
# F   optimizer.zero_grad()
# G   loss.backward()
# H   set_rate(optimizer, rate_at(step))         # the rate of this step
# ```


# %% nbgrader={"grade": false, "grade_id": "step_order", "locked": false, "schema_version": 3, "solution": true, "task": false}
def step_order():
    """The order of the lines, a string of eight letters."""
    # BEGIN SOLUTION
    return "FDAEGBHC"
    # END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check_step_order", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check.lab05.step_order(step_order)

# %% [markdown]
# ## 8 How many examples are enough?
#
# Examples cost money, and a learning curve says where more of them stop paying. But its points are measurements: a point that is higher than another
# may be so by chance. Here a point counts as *clearly better* if its whole interval lies above the other's.


# %% nbgrader={"grade": false, "grade_id": "enough", "locked": false, "schema_version": 3, "solution": true, "task": false}
def enough(points):
    """The smallest number of examples after which more of them are never clearly
    better: the "n" of a point, an int.

    points: a list of dicts with "n" (int, all different) and "value", "low", "high"
    (numbers, low <= value <= high), in any order, at least one. A point is clearly
    better than another if its "low" is above the other's "high". Sought is the smallest
    n such that no point with a larger n is clearly better than the point with n.
    """
    # BEGIN SOLUTION
    fine = [
        one["n"]
        for one in points
        if not any(
            other["n"] > one["n"] and other["low"] > one["high"] for other in points
        )
    ]
    return min(fine)
    # END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check_enough", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check.lab05.enough(enough)

# %% [markdown]
# ### Predict
#
# Below, the small chat model learns to send reviews to eight desks, by a rule that only examples show: once from 10 reviews, then from 30, 90, 270
# and 810. Few reviews are seen several times, so that no run is much shorter than the others. Each model is asked about 150 other reviews, in
# wordings that it never saw. After how many examples are more of them not clearly better any more? Choose one of the options before you go on.

# %% nbgrader={"grade": false, "grade_id": "prediction", "locked": false, "schema_version": 3, "solution": true, "task": false}
options = ["10", "30", "90", "270", "810"]
prediction = None  # one of the options
# BEGIN SOLUTION
prediction = "270"
# END SOLUTION

# %%
check.predicted(prediction, options)
counts = [int(option) for option in options]
pool = [conversation(case) for case in train_cases("desk", max(counts), seed=0)]
asked = test_cases("desk", 150, seed=0)
shares = {}
for n in counts:
    settings = Options(
        method="full", learning_rate=1e-3, batch_size=8, epochs=max(1, 540 // n), seed=0
    )
    shares[n] = proportion(judged(fine_tune(chat, pool[:n], settings), "desk", asked))
    print(f"{n:>4} examples, times seen {settings.epochs:>2}: {shares[n]}")

# %%
measured = str(
    enough(
        [
            {"n": n, "value": share.value, "low": share.low, "high": share.high}
            for n, share in shares.items()
        ]
    )
)
print(
    f"more than {measured} examples are not clearly better, and you said {prediction}"
)
plots.curves(
    "Desks learned by the small model",
    "examples",
    "right desks",
    counts,
    {"150 other reviews": list(shares.values())},
    logarithmic=True,
)

# %% [markdown]
# ## 9 Hand in what was trained
#
# Now train one model that you would give to the house: an adapter of rank 4 for `chat`, which sends reviews to the right desk. The grader does not look
# at how you trained it. It takes the file, puts the adapter beside its own copy of the small chat model, and asks that about 300 reviews in wordings
# which no training holds. At least nine in ten have to go to the right desk.
#
# You choose the number of examples, the rate and the passes; everything else may stay as it is in `Options`. The figure above says how many examples
# are enough for full tuning. An adapter changes far fewer numbers than full tuning, and needs a higher rate, but not any: with a rate that is too high
# it learns nothing that lasts. Train in the cell below and in no other: the grader runs all of your cells but this one.
#
# **Hand in both, the notebook and the file beside it**, as two files or in one zip. The file keeps its name.
#
# <details><summary>Hint</summary><code>fine_tune</code> as above, with <code>method="lora"</code> and <code>rank=4</code>; the default rate is made for
# such adapters. <code>save_adapter(tuned.model, adapter)</code> writes the file.</details>

# %% nbgrader={"grade": false, "grade_id": "adapter", "locked": false, "schema_version": 3, "solution": true, "task": false}
adapter = "lab05_adapter.safetensors"  # in the folder of this notebook
# BEGIN SOLUTION
settings = Options(rank=4, learning_rate=3e-3, epochs=4, batch_size=8)
tuned = fine_tune(chat, pool[:270], settings)
save_adapter(tuned.model, adapter)
# END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "check_adapter", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
check.lab05.adapter(adapter)

# %% [markdown]
# ## 10 In your own words
#
# A colleague reads the figure and says: "More data is useless from there on; let us save the money." Discuss it in five to eight sentences: what the
# intervals allow you to say and what not, how you would find out more cheaply than by labelling thousands of reviews, and for which other kind of
# task of the lesson the same number of examples would not have been enough. Say, too, what of your prediction came true, what did not, and why.
#
# *A person marks this: 1 point for telling "not clearly better" from "not better", with what would narrow the intervals; 1 for what a few points of
# accuracy are worth against their cost; 1 for a kind of task with another curve, and the reason.*

# %% [markdown] nbgrader={"grade": true, "grade_id": "explanation", "locked": false, "points": 3, "schema_version": 3, "solution": true, "task": false}
# The intervals overlap, so I cannot tell the later points from this one. That is not the same as knowing that they are equal: a gain of a few points
# would be hidden in intervals of this width. Testing costs less than labelling for training, so I would first ask each model the same thousand
# reviews, and compare them pair by pair, because the same cases were asked; and I would repeat the run with other seeds, since each point is one
# training on one draw of examples. Whether a few points matter hangs on what a wrong desk costs and how many reviews come: with a million of them it
# pays for many labels, with a hundred it does not. The desks follow a rule, which a few examples of each desk show. Facts have no rule: each has to
# be seen itself, so the curve never gets flat, and asked about people of whom the examples did not speak it never rises. I expected a rule with eight
# cases to need more examples of each.
