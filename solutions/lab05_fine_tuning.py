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
# **Takeaway: a fine-tuning run is a label mask, a loss and a loop. A learning curve with intervals
# shows when more examples stop paying.**
#
# After this lab you can
#
# - mask the labels of a conversation, and pack several conversations into a row without a leak;
# - write a training loop with gradient accumulation, a learning rate schedule and early stopping;
# - read from a learning curve how many examples are enough, and train an adapter with them.
#
# **About 165 minutes, 24 points.** The core part takes about 90 minutes: exercises 1, 4, 8, 9 and
# 10, with the main experiment. The optional exercises are for full points; every exercise counts as
# the table says.
#
# Work through lesson 05 first. Replace each `raise NotImplementedError()` by your answer, and keep
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
# | 1 `loss_mask` | 2 | 8 | 20 | medium | core |
# | 2 `pack` | 3 | 7 | 15 | medium | optional |
# | 3 `may_look` | 2 | 4 | 15 | medium | optional |
# | 4 `train` | 3 | 10 | 30 | hard | core |
# | 5 `rate_at` | 2 | 4 | 20 | medium | optional |
# | 6 `stop_at` | 2 | 7 | 15 | medium | optional |
# | 7 `step_order` | 2 | 1 | 10 | easy | optional |
# | 8 `enough`, and the experiment | 2 | 3 | 15 | easy | core |
# | 9 `adapter`, a file | 3 | 4 | 10 | easy | core |
# | 10 in your own words | 3 | | 15 | medium | core |

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
# A conversation is one row of token ids; special tokens (marks) say who speaks. Below, a model
# makes three predictions and gives the correct token the probabilities $p_1, p_2, p_3$. The
# **cross-entropy** loss is the mean of $-\log p_t$ over the $N$ tokens that are learned:
#
# $$L = -\frac{1}{N} \sum_{t \text{ learned}} \log p_t$$
#
# A label of -100 says that a token is not learned. PyTorch leaves such labels out of the sum *and*
# out of $N$.

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
# (3, 2): token 0 is the correct one everywhere.
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
# Compute the labels from bare token ids (the **label mask**). A customer may write anything, even
# the text of a mark, and some tokenizers turn this text into the mark. So inside of a turn, only
# its end has a meaning.
#
# The loop is given.
#
# <details><summary>Hint 1</summary>Remember the role of the open turn, or None. Which three things
# can happen to it at a token? A reply that is cut off is recognised only at the end, so remember
# where the reply began.</details>
#
# <details><summary>Hint 2</summary>Outside of a turn: look the token up in <code>roles</code>; the
# method <code>get</code> returns None for all other ids. Inside of a turn: only "end"
# matters.</details>
#
# <details><summary>Hint 3</summary>Do not write labels token by token. Write them all at the "end"
# that closes an assistant's turn, with one slice from the first content token to this
# "end".</details>


# %% nbgrader={"grade": false, "grade_id": "loss_mask", "locked": false, "schema_version": 3, "solution": true, "task": false}
def loss_mask(ids, marks):
    """Return the labels of a conversation: a list with the id itself or -100 for each
    token id.

    Args:
        ids: a list of int.
        marks: a dict with the ids of the marks, "system", "user", "assistant" and
            "end", four different int.

    - Outside of a turn, one of the first three marks opens a turn of that role. Any
      other id, "end" too, belongs to no turn.
    - Inside of a turn, the next "end" closes it. Every other id is content, even if it
      is the id of another mark.

    Learned are the content of the assistant's turns and the "end" that closes them.
    Nothing else is learned, and nothing of a turn that is never closed. Labels are not
    shifted: label i is the label of token i.
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
# Rows with one text each are mostly padding. So several texts share a row (**packing**), but only
# whole texts. For every token we record which text of its row it belongs to, and its position in
# that text.
#
# The rest is given: the missing part finds the row for the next text, an existing row or a new one.
#
# <details><summary>Hint 1</summary>Go through the rows in order and stop at the first one with
# room. Python's <code>for … else</code> runs the else part if the loop did not stop.</details>
#
# <details><summary>Hint 2</summary>After your code, the variable <code>row</code> must be the row
# for this text. A new row is a dict with three empty lists, and must be in <code>rows</code>. Test
# the length of the text before all this.</details>


# %% nbgrader={"grade": false, "grade_id": "pack", "locked": false, "schema_version": 3, "solution": true, "task": false}
def pack(texts, n):
    """Pack texts into rows of at most n tokens, each row with whole texts.

    Args:
        texts: a list of lists of token ids, none of them empty.
        n: int.

    Returns:
        A list of dicts with "ids", "segments" and "positions", three lists of the same
        length. "segments" has for each token the number of its text in its row, from 0;
        "positions" its place in its text, from 0. There is no padding.

    The texts are taken in their order. Each goes to the end of the first row that has
    room for it. If no row has room, it goes into a new row at the end.

    Raises ValueError if a text is longer than n.
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
# ## 3 The attention mask of a packed row
#
# Without a mask, the model would predict the second text of a row from the first. The **attention
# mask** says for each pair of tokens whether the first may attend to (look at) the second.
#
# <details><summary>Hint 1</summary>The mask is the "and" of three conditions: same text, not later,
# not padding. Build each as a (T, T) array.</details>
#
# <details><summary>Hint 2</summary>If <code>s</code> is an array of the segments, <code>s[:, None]
# == s[None, :]</code> compares each pair. The method <code>tril</code> keeps the lower triangle.
# Two tokens of padding have the same number, so exclude them.</details>


# %% nbgrader={"grade": false, "grade_id": "may_look", "locked": false, "schema_version": 3, "solution": true, "task": false}
def may_look(segments):
    """Return which token of a packed row may look at which: (T, T) of bool, a tensor or
    a NumPy array.

    [i, j] is True if token i may look at token j.

    Args:
        segments: a list of T int, at least one: the number of each token's text in the
            row, never decreasing, and -1 for padding, which is at the end.

    A token looks at itself and at the earlier tokens of its own text. Padding looks at
    no token, not even at itself, and no token looks at padding.
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
# A batch does not always fit into memory. Then we compute its gradient in parts: each call of
# `backward` adds to the gradients (**gradient accumulation**). The sum must be the gradient of the
# loss of the whole batch. For years, widely used trainers got this wrong: they took the mean of
# each part, and then the mean of these means. Replies have different lengths, so this is another
# loss.
#
# The check trains a tiny model for 20 steps from fixed initial weights, with a memory limit that is
# too small for a whole batch.
#
# <details><summary>Hint 1</summary>Which number must divide the sum of a part's losses, so that the
# parts add up to the mean over the batch? You need this number before the first part.</details>
#
# <details><summary>Hint 2</summary><code>F.cross_entropy(logits.flatten(0, 1), labels.flatten(),
# reduction="sum")</code> leaves out labels of -100. <code>ids.split(most)</code> cuts a batch into
# parts of at most <code>most</code> rows.</details>
#
# <details><summary>Hint 3</summary>For each batch: clear the gradients, then for each part compute
# its loss, call <code>backward</code>, and add <code>loss.item()</code> to a total. After all
# parts, clip once, step once, and append the total.</details>


# %% nbgrader={"grade": false, "grade_id": "train", "locked": false, "schema_version": 3, "solution": true, "task": false}
def train(model, optimizer, batches, most, clip):
    """Make one step of the optimizer for each batch; return the losses.

    Args:
        model: model(ids) takes int64 (b, T) with b at most `most`, else it fails, and
            returns logits (b, T, V).
        optimizer: has the parameters of the model.
        batches: a list of [ids, labels], both int64 (B, T). labels[b, t] is the token
            to predict at place t, so do not shift. -100 is not learned; every row has
            at least one token that is learned.
        most: an int, the most rows of one call of the model.
        clip: a number, the largest norm of the gradient.

    Returns:
        A list with a float for each batch: its loss, as it was before the step of this
        batch.

    The loss of a batch is the mean of the cross-entropy, in nats, over all its learned
    tokens. A step uses the gradient of this loss. If the gradient is longer than
    `clip`, it is cut to this length (torch.nn.utils.clip_grad_norm_). Gradients from
    before the call do not count.
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
# ## 5 The learning rate of each step
#
# In the first steps, an optimizer has little information on the size of the gradients. So the
# learning rate rises to its peak (**warm-up**). Then it falls along half a cosine to its final
# value.
#
# <details><summary>Hint 1</summary>There are two cases: steps in the warm-up, and steps after it.
# First check both at their ends: which rate must the last step of each case have?</details>
#
# <details><summary>Hint 2</summary>For the second case, find the share of the way from the peak to
# the last step: 0 at the last step of the warm-up, 1 at the last step of all.</details>
#
# <details><summary>Hint 3</summary><code>(1 + math.cos(math.pi * share)) / 2</code> falls from 1 to
# 0. Scale it so that it falls from peak to floor.</details>


# %% nbgrader={"grade": false, "grade_id": "rate_at", "locked": false, "schema_version": 3, "solution": true, "task": false}
def rate_at(step, n_steps, n_warmup, peak, floor):
    """Return the learning rate of a step, a float.

    Args:
        step: int, 0 is the first step and n_steps - 1 the last.
        n_steps: int, the number of all steps.
        n_warmup: int, from 0 to n_steps.
        peak, floor: numbers, floor not above peak.

    In the first n_warmup steps the rate rises by equal amounts, from peak / n_warmup in
    the first to peak in the last of them. In the steps after that it falls along half a
    cosine. The cosine has the value peak at the last step before these steps, and the
    value floor at the last step of all. With n_warmup = 0, the step before them is step
    -1, so the first step is already a little below the peak.
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
# ## 6 Early stopping
#
# The validation loss falls, fluctuates and rises again (overfitting). Training ends when the loss
# has not improved for some epochs, and we keep the model of the best epoch.
#
# <details><summary>Hint 1</summary>One number is enough as the state: the best epoch so far. How
# many epochs have passed since then?</details>
#
# <details><summary>Hint 2</summary>In each epoch, first test for a new best, with <code>losses[best
# - 1]</code> as the comparison. Then test whether the difference of this epoch and the best epoch
# equals the patience. After the loop, all epochs were run.</details>


# %% nbgrader={"grade": false, "grade_id": "stop_at", "locked": false, "schema_version": 3, "solution": true, "task": false}
def stop_at(losses, patience, least):
    """Return [epochs that were run, epoch that is kept], both counted from 1.

    Args:
        losses: a list of numbers, at least one: the validation loss after each epoch
            that would be run without stopping.
        patience: int, at least 1.
        least: a number, at least 0.

    The first epoch is the best so far. A later epoch is a new best if its loss is lower
    than the loss of the best so far by more than `least`. Training ends after the first
    epoch that is the `patience`-th in a row without a new best, or after the last
    epoch. The best epoch is kept.
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
# These lines are one training step, but they are not in order. When the step begins, the gradients
# of the previous step are still there. Weights that have become NaN cannot be repaired. Give an
# order that works, as a string of the eight letters.
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
    """Return the order of the lines, a string of eight letters."""
    # BEGIN SOLUTION
    return "FDAEGBHC"
    # END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check_step_order", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check.lab05.step_order(step_order)

# %% [markdown]
# ## 8 How many examples are enough?
#
# Examples cost money, and a **learning curve** shows when more of them stop paying. But its points
# are measurements: a point can be higher than another by chance. Here, a point is *clearly better*
# if its whole interval is above the interval of the other point.


# %% nbgrader={"grade": false, "grade_id": "enough", "locked": false, "schema_version": 3, "solution": true, "task": false}
def enough(points):
    """Return the smallest number of examples after which more examples are never
    clearly better.

    Args:
        points: a list of dicts with "n" (int, all different) and "value", "low", "high"
            (numbers, low <= value <= high), in any order, at least one.

    Returns:
        The "n" of a point, an int: the smallest n such that no point with a larger n is
        clearly better than the point with n.

    A point is clearly better than another if its "low" is above the "high" of the
    other.
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
# Below, the small chat model learns to send reviews to eight desks, by a rule that only examples
# show. It learns from 10 reviews, then from 30, 90, 270 and 810. A small training set is used for
# more epochs, so that no run is much shorter than the others. Each model gets 150 other reviews, in
# wordings that were not in its training data.
#
# After how many examples are more examples not clearly better? Choose one of the options before you
# run the next cell.

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
    print(f"{n:>4} examples, {settings.epochs:>2} epochs: {shares[n]}")

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
    f"more than {measured} examples are not clearly better; your prediction: {prediction}"
)
plots.curves(
    "Desks learned by the small model",
    "examples",
    "accuracy",
    counts,
    {"150 other reviews": list(shares.values())},
    logarithmic=True,
)

# %% [markdown]
# ## 9 Hand in a trained adapter
#
# Now train one model for use: an adapter of rank 4 for `chat` that sends reviews to the correct
# desk. The grader does not look at how you trained it. It takes the file, adds the adapter to its
# own copy of the small chat model, and tests it on about 300 reviews in wordings that no training
# data has. You need an accuracy of at least 90%.
#
# You choose the number of examples, the learning rate and the epochs; all other settings may stay
# as they are in `Options`. The figure above says how many examples are enough for full fine-tuning.
# An adapter changes far fewer numbers, and needs a higher learning rate. But if the learning rate
# is too high, the adapter learns nothing useful. Train in the cell below and in no other cell: the
# grader runs all of your cells except this one.
#
# **Hand in both, the notebook and the file**, as two files or in one zip. Do not rename the file.
#
# <details><summary>Hint 1</summary>Use <code>fine_tune</code> as above, with
# <code>method="lora"</code> and <code>rank=4</code>. The default learning rate is a good start for
# such adapters.</details>
#
# <details><summary>Hint 2</summary><code>save_adapter(tuned.model, adapter)</code> writes the
# file.</details>

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
# A colleague reads the figure and says: "More data is useless from there on; let us save the
# money." Discuss it in five to eight sentences:
#
# - What do the intervals allow you to say, and what not?
# - How would you find out more at a lower price than labeling thousands of reviews?
# - For which other kind of task of the lesson would this number of examples not have been enough?
# - Which part of your prediction was correct, which was not, and why?
#
# *A person marks this. 1 point: the difference between "not clearly better" and "not better", with
# a way to narrow the intervals. 1 point: what a few points of accuracy are worth against their
# cost. 1 point: a kind of task with another curve, and the reason.*

# %% [markdown] nbgrader={"grade": true, "grade_id": "explanation", "locked": false, "points": 3, "schema_version": 3, "solution": true, "task": false}
# The intervals overlap, so I cannot say that the later points are better than this one. That does
# not mean that they are equal: intervals of this width would hide a gain of a few points. To test
# costs less than to label training data. So I would first give each model the same 1000 reviews,
# and use a paired comparison. I would also repeat the run with other seeds, since each point is one
# training run on one sample of examples.
#
# Whether a few points matter depends on the cost of a wrong desk and on the number of reviews. With
# a million reviews the gain pays for many labels, with 100 it does not.
#
# The desks follow a rule, and a few examples of each desk show it. Facts do not follow a rule: the
# model has to see each fact, so the curve never becomes flat. For people who are not in the
# examples it never rises. I expected that a rule with eight cases needs more examples of each.
