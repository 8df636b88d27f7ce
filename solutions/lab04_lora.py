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
# You will write the layer, count it for real models, merge several adapters into one weight, and then shrink a trained adapter to see how little of it
# is needed.
#
# **About 75 minutes, 20 points.** Every exercise has a check beside it: run it as often as you like, it says what it sees. The grader asks the same
# questions with other inputs. Work through lesson 04 first. Answer where `NotImplementedError` stands, and keep the names of the functions.
#
# Work on a copy of this notebook. Before you hand it in, in a terminal in the folder of the course: `.venv/bin/adaptlab labs check COPY.ipynb`. It runs
# everything from the start, as the grader will, and says what passes. A line that fails in the cell of an answer costs the answer, so try things out in
# cells of your own; and after a restart, run the cells from the first one on again.
#
# | exercise | points | lines | minutes |
# |---|---|---|---|
# | 1 `adapter_output` | 2 | 2 | 8 |
# | 2 `count_adapters` | 3 | 6 | 12 |
# | 3 `LoRAEmbedding` | 3 | 5 | 12 |
# | 4 `merge_adapters` | 2 | 4 | 8 |
# | 5 `same_strength` | 2 | 2 | 6 |
# | 6 `shipping_order` | 2 | 1 | 6 |
# | 7 `shrink`, and the experiment | 3 | 4 | 15 |
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
import torch
from adaptlab.grading import check
from torch import nn

# %% [markdown]
# ## A worked example
#
# A frozen matrix of two rows and three columns, and an adapter of rank one beside it. B has one column, A one row, and their product is a full matrix
# of rank one. With alpha = 2 and r = 1 it is added twice.

# %%
weight = torch.tensor([[1.0, 0, 0], [0, 1, 0]])  # (d_out, d_in)
a = torch.tensor([[1.0, 1, 1]])
b = torch.tensor([[0.5], [0]])
alpha = 2.0  # (r, d_in), (d_out, r)
x = torch.tensor([[3.0, 4, 5]])  # one row: (n, d_in)
print("without the adapter:", x @ weight.T)
print("B A:", b @ a)
print("with the adapter:   ", x @ weight.T + alpha / 1 * x @ (b @ a).T)

# %% [markdown]
# ## 1 The output of a layer with an adapter
#
# Now for any sizes. Do not build the matrix B A: with d_in = d_out = 4096 it has 16 million numbers, and A and B are there so that nobody needs it.
#
# <details><summary>Hint</summary>Multiply x by Aᵀ first: that is (n, r), and small. Where does r stand in the shapes that you have?</details>


# %% nbgrader={"grade": false, "grade_id": "adapter_output", "locked": false, "schema_version": 3, "solution": true, "task": false}
def adapter_output(x, weight, a, b, alpha):
    """The output of a linear layer with an adapter beside it.

    x: (n, d_in), weight: (d_out, d_in), a: (r, d_in), b: (d_out, r), all float tensors;
    alpha: a number. Returns (n, d_out). There is no bias, and x may not be changed.
    """
    # BEGIN SOLUTION
    return x @ weight.T + alpha / a.shape[0] * (x @ a.T) @ b.T
    # END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check_adapter_output", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check.lab04.adapter_output(adapter_output)

# %% [markdown]
# ## 2 How many parameters?
#
# For models of Llama's kind everything that you need stands in their `config.json`. A layer has seven matrices:
#
# | matrix | from | to |
# |---|---|---|
# | `q_proj` | hidden_size | num_attention_heads · head_dim |
# | `k_proj`, `v_proj` | hidden_size | num_key_value_heads · head_dim |
# | `o_proj` | num_attention_heads · head_dim | hidden_size |
# | `gate_proj`, `up_proj` | hidden_size | intermediate_size |
# | `down_proj` | intermediate_size | hidden_size |
#
# <details><summary>Hint</summary>The table is a dictionary from names to pairs. A matrix from n to m with an adapter of rank r has r · n numbers in A,
# and how many in B?</details>


# %% nbgrader={"grade": false, "grade_id": "count_adapters", "locked": false, "schema_version": 3, "solution": true, "task": false}
def count_adapters(config, rank, targets):
    """The number of trainable parameters when each matrix named in `targets`, in every
    layer, gets an adapter of this rank.

    config: a dict with hidden_size, intermediate_size, num_attention_heads,
    num_key_value_heads, head_dim and num_hidden_layers, all int. rank: int. targets: a
    list of the names above. Returns an int; 0 for no targets. Embeddings and biases are
    not adapted here.
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
# ## 3 An adapter beside an embedding
#
# An embedding is a linear layer, too: looking up row *i* of the table is multiplying by a vector with a single one in place *i*. So it can have an
# adapter: A is (r, n), with a column for each of the n tokens, and B is (d, r). The row of token *i* gets alpha / r · (B times column *i* of A) added
# to it.
#
# The class is begun for you. Mind how A and B start: fresh, the layer must give what the base gives, and yet it must be able to learn.
#
# <details><summary>Hint</summary><code>self.a[:, ids]</code> puts r first, before the shape of ids. What does <code>self.a.T[ids]</code> do?</details>


# %% nbgrader={"grade": false, "grade_id": "LoRAEmbedding", "locked": false, "schema_version": 3, "solution": true, "task": false}
class LoRAEmbedding(nn.Module):
    """A frozen embedding with an adapter.

    base: nn.Embedding with n rows of d numbers; rank: int; alpha: a number. The
    parameters that learn are `a`, (r, n), and `b`, (d, r); the weight of the base does
    not.
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
        """ids: int64 of any shape. Returns ids.shape + (d,)."""
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
# One adapter for a tone, one for a format: both can be merged into the same weight, each as much as you want of it, and one with a negative coefficient
# takes away what it would have added.


# %% nbgrader={"grade": false, "grade_id": "merge_adapters", "locked": false, "schema_version": 3, "solution": true, "task": false}
def merge_adapters(weight, adapters, coefficients):
    """The weight with all adapters merged into it, as a new tensor.

    weight: (d_out, d_in). adapters: a list of dicts with "a" (r, d_in), "b" (d_out, r)
    and "alpha"; ranks may differ. coefficients: a list of as many numbers. Returns
    (d_out, d_in); the weight itself if there are no adapters. `weight` may not be
    changed.
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
# ## 5 Another rank, the same strength
#
# Plain LoRA multiplies B A by alpha / r. Rank-stabilized LoRA multiplies it by alpha / √r. You change the rank of a recipe and want the factor to stay
# what it was: what becomes of alpha?


# %% nbgrader={"grade": false, "grade_id": "same_strength", "locked": false, "schema_version": 3, "solution": true, "task": false}
def same_strength(alpha, rank, new_rank, rank_stabilized):
    """The alpha that, with `new_rank`, gives the factor that `alpha` gives with `rank`.
    Returns a float.

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
# These lines train an adapter, merge it and ship the layer, but they are in no order. Give an order that works, as a string of the eight letters.
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
    """The order of the lines, a string of eight letters."""
    # BEGIN SOLUTION
    return "BDFGEAHC"
    # END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check_shipping_order", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check.lab04.shipping_order(shipping_order)

# %% [markdown]
# ## 7 How much of a trained adapter is needed?
#
# The best matrix of a lower rank keeps the largest singular values and their vectors: `torch.linalg.svd(m, full_matrices=False)` gives `u, s, v` with
# `m = u @ diag(s) @ v`, the values falling. Write it for an adapter. The new adapter is used with the same alpha, and alpha / r is not the same any
# more: make up for it.
#
# <details><summary>Hint</summary>First get B A right and forget the scale; then multiply one of the two new matrices by what keeps alpha / r · B A what
# it was.</details>


# %% nbgrader={"grade": false, "grade_id": "shrink", "locked": false, "schema_version": 3, "solution": true, "task": false}
def shrink(a, b, alpha, rank):
    """The adapter of this lower rank, with the same alpha, whose alpha / rank · B A is
    nearest to that of a and b.

    a: (r, d_in), b: (d_out, r), 1 ≤ rank ≤ r ≤ d_in, d_out. Returns (a, b) of shapes
    (rank, d_in) and (d_out, rank).
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
# Below, the small chat model learns a shop's triage record with adapters of rank 16. Then every adapter is shrunk, by your function, and the loss on
# other records is measured. Which is the lowest rank that keeps nine tenths of what training gained? Choose one of the options before you go on.

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
    """Mean loss on the replies of the records that were not trained on."""
    rows = [
        (torch.tensor([row["input_ids"]]), torch.tensor([row["labels"]]))
        for row in held_out
    ]
    return sum(
        float(model(input_ids=ids, labels=labels).loss) for ids, labels in rows
    ) / len(rows)


def shrunk(model, rank):
    """A copy with every adapter shrunk to a rank; the adapters keep their shape, and
    what is left out of them is zero.
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
    f"loss before training {start:.2f}, after it {end:.2f}; nine tenths are kept with"
    f" rank {measured}, and you said {prediction}"
)
plots.lines(
    "What a shrunk adapter keeps",
    "rank kept",
    "part of the gain",
    {"triage records": (ranks, list(kept.values()))},
)

# %% [markdown]
# ## 8 In your own words
#
# A shop has forty customers and an adapter of rank 16 for each, all on one model. A colleague proposes to merge each into its own copy of the model,
# "because merged adapters cost nothing". Using the figure above and your counts: what would you do, and what would have to be true for your colleague
# to be right? Five to eight sentences. Say, too, what of your prediction came true, what did not, and why.
#
# *A person marks this: 1 point for memory and disk in numbers, 1 for a case in which merging is right, 1 for what the experiment says about rank.*

# %% [markdown] nbgrader={"grade": true, "grade_id": "explanation", "locked": false, "points": 3, "schema_version": 3, "solution": true, "task": false}
# Merged, each customer has a whole copy: forty models on the disk and as many in memory if they are served at once. Beside the base, forty adapters are
# a few percent of one copy, and one base serves all of them; a request picks its adapter. Merging pays where one adapter serves nearly everybody, or
# where the last few percent of speed matter, since the adapter beside the weight costs two small products per layer. The figure says that most of what
# training gained fits into a rank far below 16, so the adapters could be several times smaller still, and I would measure that before saving copies.
