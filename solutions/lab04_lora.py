# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Lab 04: adapters of low rank
#
# [Open in Colab](https://colab.research.google.com/github/adaptlab/adaptlab/blob/main/labs/lab04_lora.ipynb)
#
# **Takeaway: a LoRA adapter is a scaled product of two small matrices. You can count it, merge it,
# and measure how much of its rank it needs.**
#
# After this lab you can
#
# - write the forward pass of a LoRA layer, and count the trainable parameters of a real model;
# - merge several adapters into one weight, and keep the scale when the rank changes;
# - shrink a trained adapter with the SVD, and measure what it loses.
#
# **About 130 minutes, 20 points.** The core part takes about 75 minutes: exercises 1, 2, 7 and 8,
# with the main experiment. The optional exercises are for full points; every exercise counts as the
# table says.
#
# Work through lesson 04 first. Replace each `raise NotImplementedError()` by your answer, and keep
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
# | 1 `adapter_output` | 2 | 2 | 15 | easy | core |
# | 2 `count_adapters` | 3 | 6 | 20 | medium | core |
# | 3 `LoRAEmbedding` | 3 | 5 | 20 | medium | optional |
# | 4 `merge_adapters` | 2 | 4 | 15 | easy | optional |
# | 5 `same_strength` | 2 | 2 | 10 | easy | optional |
# | 6 `shipping_order` | 2 | 1 | 10 | easy | optional |
# | 7 `shrink`, and the experiment | 3 | 4 | 25 | hard | core |
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
import torch
from adaptlab.grading import check
from torch import nn

# %% [markdown]
# ## A worked example
#
# Below is a frozen matrix $W$ of two rows and three columns, and an adapter of rank 1. $B$ has one
# column, $A$ has one row, and their product is a full matrix of rank 1. The layer computes $h = Wx
# + \frac{\alpha}{r} B A x$. With $\alpha = 2$ and $r = 1$, the product counts twice.

# %%
weight = torch.tensor([[1.0, 0, 0], [0, 1, 0]])  # (d_out, d_in)
a = torch.tensor([[1.0, 1, 1]])  # (r, d_in)
b = torch.tensor([[0.5], [0]])  # (d_out, r)
alpha = 2.0
x = torch.tensor([[3.0, 4, 5]])  # one row: (n, d_in)
print("without the adapter:", x @ weight.T)
print("B A:", b @ a)
print("with the adapter:   ", x @ weight.T + alpha / 1 * x @ (b @ a).T)

# %% [markdown]
# ## 1 The output of a layer with an adapter
#
# Now write the layer for any sizes. Do not build the matrix $BA$: with d_in = d_out = 4096 it has
# 16 million numbers. The small matrices $A$ and $B$ exist so that you do not need it.
#
# <details><summary>Hint</summary>Multiply x by Aᵀ first: the result is (n, r), which is small. In
# which shapes of the arguments do you find r?</details>


# %% nbgrader={"grade": false, "grade_id": "adapter_output", "locked": false, "schema_version": 3, "solution": true, "task": false}
def adapter_output(x, weight, a, b, alpha):
    """Return the output of a linear layer with an adapter, (n, d_out).

    Args:
        x: (n, d_in), a float tensor; it must not be changed.
        weight: (d_out, d_in), a float tensor.
        a: (r, d_in), a float tensor.
        b: (d_out, r), a float tensor.
        alpha: a number.

    There is no bias.
    """
    # BEGIN SOLUTION
    return x @ weight.T + alpha / a.shape[0] * (x @ a.T) @ b.T
    # END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check_adapter_output", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check.lab04.adapter_output(adapter_output)

# %% [markdown]
# ## 2 How many parameters?
#
# For models of the Llama family, `config.json` has all the numbers that you need. A layer has seven
# matrices:
#
# | matrix | from | to |
# |---|---|---|
# | `q_proj` | hidden_size | num_attention_heads · head_dim |
# | `k_proj`, `v_proj` | hidden_size | num_key_value_heads · head_dim |
# | `o_proj` | num_attention_heads · head_dim | hidden_size |
# | `gate_proj`, `up_proj` | hidden_size | intermediate_size |
# | `down_proj` | intermediate_size | hidden_size |
#
# <details><summary>Hint 1</summary>Turn the table into a dictionary from names to pairs. A matrix
# from n to m with an adapter of rank r has r · n numbers in A. How many numbers are in B?</details>
#
# <details><summary>Hint 2</summary>Add up the matrices of <code>targets</code> for one layer. The
# layers are all equal, so one multiplication is left.</details>


# %% nbgrader={"grade": false, "grade_id": "count_adapters", "locked": false, "schema_version": 3, "solution": true, "task": false}
def count_adapters(config, rank, targets):
    """Return the number of trainable parameters of adapters in every layer, an int.

    Args:
        config: a dict with hidden_size, intermediate_size, num_attention_heads,
            num_key_value_heads, head_dim and num_hidden_layers, all int.
        rank: int.
        targets: a list of names from the table above. Each of these matrices, in every
            layer, gets an adapter of this rank.

    0 for no targets. Embeddings and biases are not adapted here.
    """
    width = config["hidden_size"]
    queries = config["num_attention_heads"] * config["head_dim"]
    # BEGIN SOLUTION
    keys = config["num_key_value_heads"] * config["head_dim"]
    inner = config["intermediate_size"]
    ends = {
        "q_proj": (width, queries),
        "k_proj": (width, keys),
        "v_proj": (width, keys),
        "o_proj": (queries, width),
    }
    ends |= {
        "gate_proj": (width, inner),
        "up_proj": (width, inner),
        "down_proj": (inner, width),
    }
    per_layer = 0
    for name in targets:
        per_layer += rank * (ends[name][0] + ends[name][1])
    return per_layer * config["num_hidden_layers"]
    # END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check_count_adapters", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
check.lab04.count_adapters(count_adapters)

# %% [markdown]
# ## 3 An adapter for an embedding
#
# An embedding is a linear layer, too. To look up row $i$ of its table is to multiply the table by a
# one-hot vector with the 1 at place $i$. So an embedding can have an adapter. $A$ is (r, n), with a
# column for each of the n tokens, and $B$ is (d, r). The adapter adds $\frac{\alpha}{r} B A_{:,i}$
# to row $i$, where $A_{:,i}$ is column $i$ of $A$.
#
# The beginning of the class is given. Choose the initial values of A and B with care. Before
# training, the layer must return the same output as the base, and yet it must be able to learn.
#
# <details><summary>Hint 1</summary><code>self.a[:, ids]</code> puts r first, before the shape of
# ids. What does <code>self.a.T[ids]</code> do?</details>
#
# <details><summary>Hint 2</summary>Only one of the two matrices starts at zero. If both are zero,
# both gradients are zero, and nothing is learned. An <code>nn.Parameter</code> learns by default;
# the weight of the base must not.</details>
#
# <details><summary>Hint 3</summary>The vectors of A have the shape ids.shape + (r,). Multiply them
# by the transpose of B, scale the result, and add it to the output of
# <code>self.base</code>.</details>


# %% nbgrader={"grade": false, "grade_id": "LoRAEmbedding", "locked": false, "schema_version": 3, "solution": true, "task": false}
class LoRAEmbedding(nn.Module):
    """A frozen embedding with an adapter.

    Args:
        base: nn.Embedding with n rows of d numbers; its weight does not learn.
        rank: int.
        alpha: a number.

    The parameters that learn are `a`, (r, n), and `b`, (d, r).
    """

    def __init__(self, base, rank, alpha):
        super().__init__()
        self.base = base
        self.alpha = alpha
        self.rank = rank
        n, d = base.weight.shape
        # BEGIN SOLUTION
        base.weight.requires_grad = False
        self.a = nn.Parameter(0.02 * torch.randn(rank, n))
        self.b = nn.Parameter(torch.zeros(d, rank))
        # END SOLUTION

    def forward(self, ids):
        """Return the embeddings of ids, ids.shape + (d,). ids: int64 of any shape."""
        # BEGIN SOLUTION
        low = nn.functional.embedding(ids, self.a.T)
        return self.base(ids) + (self.alpha / self.rank) * nn.functional.linear(
            low, self.b
        )
        # END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check_LoRAEmbedding", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
check.lab04.LoRAEmbedding(LoRAEmbedding)

# %% [markdown]
# ## 4 Several adapters in one weight
#
# You have one adapter for a tone and one for a format. Both can be merged into the same weight,
# each with its own coefficient. An adapter with a negative coefficient subtracts its update.


# %% nbgrader={"grade": false, "grade_id": "merge_adapters", "locked": false, "schema_version": 3, "solution": true, "task": false}
def merge_adapters(weight, adapters, coefficients):
    """Return the weight with all adapters merged into it, a new tensor (d_out, d_in).

    Args:
        weight: (d_out, d_in); it must not be changed.
        adapters: a list of dicts with "a" (r, d_in), "b" (d_out, r) and "alpha"; ranks
            may differ.
        coefficients: a list of as many numbers.

    If there are no adapters, the result equals the weight.
    """
    # BEGIN SOLUTION
    merged = weight.clone()
    for one, coefficient in zip(adapters, coefficients):
        merged += (
            coefficient * (one["alpha"] / one["a"].shape[0]) * (one["b"] @ one["a"])
        )
    return merged
    # END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check_merge_adapters", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check.lab04.merge_adapters(merge_adapters)

# %% [markdown]
# ## 5 Another rank, the same scale
#
# Plain LoRA multiplies $BA$ by $\alpha / r$. Rank-stabilized LoRA (rsLoRA) multiplies it by $\alpha
# / \sqrt{r}$. You change the rank in a recipe, and want the same factor as before. Which alpha do
# you need?


# %% nbgrader={"grade": false, "grade_id": "same_strength", "locked": false, "schema_version": 3, "solution": true, "task": false}
def same_strength(alpha, rank, new_rank, rank_stabilized):
    """Return the alpha that gives with `new_rank` the factor that `alpha` gives with
    `rank`, a float.

    Args:
        alpha: the alpha of the recipe.
        rank: the rank of the recipe.
        new_rank: the new rank.
        rank_stabilized: True for rsLoRA, False for plain LoRA.
    """
    # BEGIN SOLUTION
    ratio = new_rank / rank
    return alpha * (ratio**0.5 if rank_stabilized else ratio)
    # END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check_same_strength", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check.lab04.same_strength(same_strength)

# %% [markdown]
# ## 6 What comes first?
#
# These lines train an adapter, merge it and ship the layer, but they are not in order. Give an
# order that works, as a string of the eight letters.
#
# ```
# A   layer.weight += alpha / r * b @ a
# B   layer.weight.requires_grad_(False)
# C   save(layer.weight)
# D   a, b = new_adapter(layer, r)
# E   before = output(layer, a, b, examples)
# F   optimizer = AdamW([a, b])
# G   train(layer, a, b, optimizer)
# H   assert torch.allclose(layer(examples), before, atol=1e-5)
# ```


# %% nbgrader={"grade": false, "grade_id": "shipping_order", "locked": false, "schema_version": 3, "solution": true, "task": false}
def shipping_order():
    """Return the order of the lines, a string of eight letters."""
    # BEGIN SOLUTION
    return "BDFGEAHC"
    # END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check_shipping_order", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check.lab04.shipping_order(shipping_order)

# %% [markdown]
# ## 7 How much of a trained adapter is needed?
#
# By the theorem of Eckart and Young, the best approximation of a lower rank keeps the largest
# singular values and their vectors. `torch.linalg.svd(m, full_matrices=False)` returns `u, s, v`
# with `m = u @ diag(s) @ v`, the values in decreasing order. Write this for an adapter. The new
# adapter is used with the same alpha, so alpha / r changes with the rank. Your matrices have to
# compensate for that.
#
# <details><summary>Hint 1</summary>First find two matrices whose product is the best approximation
# of BA, and forget the scale. Then multiply one of the two by a factor that keeps alpha / r · B
# A.</details>
#
# <details><summary>Hint 2</summary>Keep the first <code>rank</code> columns of u, values of s and
# rows of v. The values can go into either matrix, or their square roots into both.</details>
#
# <details><summary>Hint 3</summary>The old scale is alpha / r and the new scale is alpha / rank. By
# which factor must you multiply, so that the two results are equal? alpha itself is not in this
# factor.</details>


# %% nbgrader={"grade": false, "grade_id": "shrink", "locked": false, "schema_version": 3, "solution": true, "task": false}
def shrink(a, b, alpha, rank):
    """Return the best adapter of a lower rank, for the same alpha.

    Args:
        a: (r, d_in).
        b: (d_out, r).
        alpha: a number, the same for both adapters.
        rank: the new rank, 1 ≤ rank ≤ r ≤ d_in, d_out.

    Returns:
        (a, b) of shapes (rank, d_in) and (d_out, rank), whose alpha / rank · B A is
        nearest to alpha / r · B A of the given adapter.
    """
    # BEGIN SOLUTION
    u, s, v = torch.linalg.svd(b @ a, full_matrices=False)
    root = s[:rank].sqrt()
    return root[:, None] * v[:rank], u[:, :rank] * root * (rank / a.shape[0])
    # END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check_shrink", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
check.lab04.shrink(shrink)

# %% [markdown]
# ### Predict
#
# Below, the small chat model learns a shop's triage record with adapters of rank 16. Then your
# function shrinks every adapter, and we measure the loss on other records. Which is the lowest rank
# that keeps at least 90% of what training gained? Choose one of the options before you run the next
# cell.

# %% nbgrader={"grade": false, "grade_id": "prediction", "locked": false, "schema_version": 3, "solution": true, "task": false}
options = ["1", "2", "4", "8", "16"]
prediction = None  # one of the options
# BEGIN SOLUTION
prediction = "4"
# END SOLUTION

# %%
import copy
import random

from adaptlab import plots
from adaptlab.messages import assistant
from adaptlab.models.local import LocalChat
from adaptlab.tune.fine_tune import fine_tune
from adaptlab.tune.options import Options
from adaptlab.tune.rows import tokenized
from adaptlab.world import tickets

check.predicted(prediction, options)

# %%
draw = random.Random(0)
cases = [tickets.triage_case(draw, k=0) for _ in range(360)]
records = [[*case.messages, assistant(case.answer)] for case in cases]
chat = LocalChat("embedded:mini-chat")
tuned = fine_tune(chat, records[:320], Options(rank=16, learning_rate=2e-3, epochs=2))
held_out = tokenized(chat, records[320:], 640)


# %%
@torch.no_grad()
def loss(model):
    """Return the mean loss on the replies of held-out records."""
    rows = [
        (torch.tensor([row["input_ids"]]), torch.tensor([row["labels"]]))
        for row in held_out
    ]
    return sum(
        float(model(input_ids=ids, labels=labels).loss) for ids, labels in rows
    ) / len(rows)


def shrunk(model, rank):
    """Return a copy with every adapter shrunk to a rank.

    The adapters keep their shape: the other rows and columns are zero.
    """
    smaller = copy.deepcopy(model)
    for layer in smaller.modules():
        if hasattr(layer, "lora_A"):
            a = layer.lora_A["default"].weight.data
            b = layer.lora_B["default"].weight.data
            low_a, low_b = shrink(a, b, 32.0, rank)
            a.copy_(nn.functional.pad(low_a, (0, 0, 0, len(a) - rank)))
            b.copy_(nn.functional.pad(low_b * len(a) / rank, (0, len(a) - rank)))
    return smaller


# %%
ranks = [1, 2, 4, 8, 16]
losses = {rank: loss(shrunk(tuned.model, rank)) for rank in ranks}
start = loss(chat.model)
end = losses[16]
kept = {rank: (start - losses[rank]) / (start - end) for rank in ranks}
measured = str(min(rank for rank in ranks if kept[rank] >= 0.9))
print(
    f"loss before training {start:.2f}, after it {end:.2f}; at least 90% of the gain is"
    f" kept with rank {measured}; your prediction: {prediction}"
)
plots.lines(
    "What a shrunk adapter keeps",
    "rank kept",
    "share of the gain",
    {"triage records": (ranks, list(kept.values()))},
)

# %% [markdown]
# ## 8 In your own words
#
# A shop has 40 customers and an adapter of rank 16 for each, all on one model. A colleague proposes
# to merge each adapter into its own copy of the model, "because merged adapters cost nothing". Use
# the figure above and your counts, and answer in five to eight sentences:
#
# - What would you do?
# - Under which conditions is the colleague correct?
# - Which part of your prediction was correct, which was not, and why?
#
# *A person marks this. 1 point: memory and disk in numbers. 1 point: a case in which merging is the
# better choice. 1 point: what the experiment says about rank.*

# %% [markdown] nbgrader={"grade": true, "grade_id": "explanation", "locked": false, "points": 3, "schema_version": 3, "solution": true, "task": false}
# If we merge, each customer has a whole copy: 40 models on the disk, and as many in memory if they
# are served at once. Without merging, 40 adapters are a few percent of one copy each, and one base
# serves all of them; a request selects its adapter.
#
# Merging pays if one adapter serves nearly all requests, or if the last few percent of speed
# matter. An adapter that is not merged costs two small products per layer. The figure says that a
# rank far below 16 keeps most of what training gained. So the adapters could be several times
# smaller, and I would measure that before I save copies.
